"""Struck means struck: what a failing check does to tables, charts and downloads.

`show` says of each cell what it rests on (its attribute `data-rests-on`), and a cell with a chart
says so in its metadata (`churnbook: {rests_on: [...]}`), when the notebook runs. Whether a check
that fails strikes it is known when the page is built.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape

from docutils import nodes
from markupsafe import Markup
from sphinx.application import Sphinx

from analysis.base.disclosure import WITHHELD
from analysis.base.errors import ReportError
from analysis.base.formats import BLANK
from analysis.base.language import say
from analysis.book import figures
from analysis.book.artifacts import CHECKS, METRICS, Check
from analysis.book.directive import open_artifacts
from analysis.book.marks import RESTS_ON, attribute
from analysis.book.nodes import make_html
from analysis.book.problems import add_problem
from analysis.book.render import render
from analysis.book.strikes import Strikes, strikes_of

STRUCK = "data-struck-by"
"""Attribute of a cell or a chart that is struck: the names of the checks."""
MARKED = re.compile(rf'<td {RESTS_ON}="([^"]*)"([^>]*)>(.*?)</td>', re.DOTALL)


@dataclass(frozen=True)
class Struck:
    """A table's HTML with its struck cells, and the note that belongs above it."""

    html: str
    note: str


def strike_table(html: str, strikes: Strikes, panel: str) -> Struck:
    """Return a table's HTML with every cell struck that rests on what a failing check strikes.

    `panel` is the page with the checks, for the links of the note.
    """
    cells = [_marks_of(found[1]) for found in MARKED.finditer(html)]
    marks = [mark for cell in cells for mark in cell]
    is_whole = all(strikes.of(cell) for cell in cells)
    struck = MARKED.sub(lambda found: _strike_cell(found, strikes), html)
    return Struck(struck, note_on(marks, strikes, panel, is_whole))


def _marks_of(attribute: str) -> list[str]:
    return unescape(attribute).split()


def _strike_cell(found: re.Match[str], strikes: Strikes) -> str:
    failing = strikes.of(_marks_of(found[1]))
    if not failing or found[3].strip() in ("", BLANK, WITHHELD, say(WITHHELD)):
        return found[0]
    by = attribute(STRUCK, [check.name for check in failing])
    content = render("struck_cell", content=Markup(found[3])).strip()
    return f'<td {by}{RESTS_ON}="{found[1]}"{found[2]}>{content}</td>'


def note_on(marks: Sequence[str], strikes: Strikes, panel: str, is_whole: bool = True) -> str:
    """Return the note above what rests on `marks`: which checks strike it, all of it or a part, or
    put a caution on it. Empty where none does.
    """
    failing, warning = strikes.of(marks), strikes.of(marks, "warn")
    said = {"failing": failing, "warning": warning, "is_whole": is_whole}
    return render("struck_note", **said, panel=panel).strip()


def strike_page(app: Sphinx, doctree: nodes.document) -> None:
    """Strike the tables and charts of a page that was read; a ReportError becomes its problem."""
    charts = list(_charts(doctree))
    drawn = {id(raw) for raw, _ in charts}
    raws = [raw for raw in doctree.findall(nodes.raw) if RESTS_ON in raw.astext()]
    tables = [raw for raw in raws if id(raw) not in drawn]
    if not tables and not charts:
        return
    try:
        artifacts = open_artifacts(app.env, METRICS, CHECKS)
        strikes = strikes_of(artifacts)
        checks = artifacts.all_checks() if strikes.is_judged else []
    except ReportError as error:
        add_problem(app.env, None, str(error))
        return
    panel = str(app.config.root_doc)
    for raw in tables:
        _strike_raw(raw, strike_table(raw.astext(), strikes, panel))
    for raw, marks in charts:
        html = strike_table(raw.astext(), strikes, panel).html
        behind = [check for check in checks if {*check.strikes} & {*marks}]
        html = figures.add_checks(html, behind, panel)
        _place_chart(raw, html, note_on(marks, strikes, panel), strikes.of(marks))


def _strike_raw(raw: nodes.raw, struck: Struck) -> None:
    raw[:] = [nodes.Text(struck.html)]
    if struck.note:
        raw.parent.insert(raw.parent.index(raw), make_html(struck.note))


def _charts(doctree: nodes.document) -> Iterator[tuple[nodes.raw, list[str]]]:
    """Yield every chart of a notebook with the bases that its cell's metadata names."""
    for cell in doctree.findall(nodes.container):
        if cell.get("nb_element") == "cell_code":
            declared = cell["cell_metadata"].get("churnbook", {})
            for raw in list(cell.findall(nodes.raw)):
                if figures.is_chart(raw.astext()):
                    yield raw, list(declared.get("rests_on", []))


def _place_chart(raw: nodes.raw, html: str, note: str, failing: Sequence[Check]) -> None:
    if not note:
        raw.replace_self(make_html(html))
        return
    box = nodes.container(classes=["cb-noted-chart"])
    raw.replace_self(box)
    box += [make_html(note), *frame_chart(html, failing)]


def frame_chart(html: str, failing: Sequence[Check]) -> list[nodes.Node]:
    """Return a chart, struck where there are `failing` checks."""
    if not failing:
        return [make_html(html)]
    picture = nodes.container(classes=["cb-struck-chart"])
    picture += [make_html(figures.strike(html)), make_html(render("struck_banner"))]
    return [picture]
