"""Tables on a page: a frame that scrolls by itself and has a name, and the column that decides.

`show` writes the table when the notebook runs; what depends on the site is added here, when the
page is read. frame.css pins the first column and the deciding one, frame.js sorts and filters.
"""

import re

from docutils import nodes
from markupsafe import Markup
from sphinx.application import Sphinx

from analysis.base.errors import ReportError
from analysis.book.render import render
from analysis.contract import catalogue
from analysis.contract.catalogue import Column, Table

FRAME = re.compile(r'<div id="([\w-]+)" style="[^"]*">(?=\s*<style>)')
TITLE = re.compile(r'<td colspan="\d+" class="gt_heading gt_title[^>]*>(.*?)</td>', re.DOTALL)
HELD = re.compile(
    r'(<td (?:colspan="\d+" class="gt_heading|class="gt_sourcenote")[^>]*>)(.*?)(?=</td>)',
    re.DOTALL,
)
"""The cells with a table's title and its notes."""
WORDY = re.compile(r'(?<=class=")((?:cb-decides )?gt_row gt_left">)(?=[^<]{60})')
"""The beginning of a cell whose text takes several lines."""
DOWNLOAD = re.compile(r'<a href="((?:\.\./)*artifacts/)[^"]*\.csv" download>[^<]*</a>')
DECIDES = "cb-decides"
OF_A_CHART = "-chart"
"""What ends the name of a table that is folded under its chart."""


STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)
ANY_TABLE = ":is(#content, .cb-chapter) .cb-report-table"
"""Selects what is in the frame of any table, on a page and on paper, before the theme's rules."""
WHOLE = re.compile(r' style="white-space: nowrap;"((?: headers="[^"]*")? class=")')
HEADERS = re.compile(r'(<td\b[^>]*?) headers="[^"]*"')
"""The head of a cell, which `scope` on the head says as well."""


def dress_tables(_app: Sphinx, doctree: nodes.document) -> None:
    """Frame every table that `show` made."""
    styles: set[str] = set()
    for raw in list(doctree.findall(nodes.raw)):
        if '<table class="gt_table"' in raw.astext():
            raw[:] = [nodes.Text(dress_table(raw.astext(), styles))]


def dress_table(html: str, styles: set[str]) -> str:
    """Return a table's HTML in a frame that the keyboard reaches, with the deciding column marked
    and a link to the codebook beside that to its CSV. Its style is left out where it is among the
    `styles` that the page has, and added to them otherwise.
    """
    frame, title = FRAME.search(html), TITLE.search(html)
    if frame is None or title is None:
        return html
    is_folded = frame[1].endswith(OF_A_CHART)
    said = {"name": frame[1], "title": Markup(title[1]), "is_of_a_chart": is_folded}
    opened = render("table_frame", **said).strip()
    framed = html.replace(frame[0], opened, 1)
    framed = DOWNLOAD.sub(lambda link: _beside(link[0], link[1]), framed)
    framed = HELD.sub(r'\1<span class="cb-held">\2</span>', framed)
    position = deciding_position(frame[1].removesuffix(OF_A_CHART))
    if position is not None:
        framed = _mark_column(framed, f"{frame[1]}-c{position}")
    framed = WORDY.sub(r"cb-wordy \1", framed)
    return _lighten(framed, frame[1], styles)


def _lighten(html: str, name: str, styles: set[str]) -> str:
    """Return a table's HTML without what the page says already: half of its bytes."""
    found = STYLE.search(html)
    if found is not None:
        style = found[0].replace(f"#{name}", ANY_TABLE)
        html = html.replace(found[0], "" if style in styles else style, 1)
        styles.add(style)
    return HEADERS.sub(r"\1", WHOLE.sub(r"\1cb-whole ", html))


def _beside(download: str, root: str) -> str:
    return render("table_links", download=Markup(download), root=root).strip()


def _mark_column(html: str, head: str) -> str:
    html = html.replace(f'headers="{head}" class="', f'headers="{head}" class="{DECIDES} ')
    return re.sub(rf'<th class="([^>]*id="{head}")', rf'<th class="{DECIDES} \1', html)


def deciding_position(name: str) -> int | None:
    """Return the place of the deciding column among those that are shown: None where the catalogue
    names none, or it is the first two, which a phone shows anyway.
    """
    try:
        table = catalogue.table_of(name)
    except ReportError:
        return None  # a table of another library in a notebook
    heads = shown_columns(table)
    names = [column.name for column in heads]
    place = names.index(table.decides) if table.decides in names else 0
    return place if place > 1 else None


def shown_columns(table: Table) -> list[Column]:
    """Return the columns that have a head on a page: an interval has one, over its lower end."""
    shown = [column for column in table.columns if column.is_shown]
    lows = [c.name.removesuffix("ci_low") for c in shown if c.name.endswith("ci_low")]
    return [column for column in shown if column.name not in {f"{low}ci_high" for low in lows}]
