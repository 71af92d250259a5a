"""`show`: a chapter's table as its reader sees it, the same HTML on every run.

Heads, units, words, order and which columns are shown come from the catalogue. Every cell is turned
into text here, and great_tables lays the text out, so a test can read the cells as a frame
(`format_cells`). Colours are inherited and backgrounds transparent, for light and dark pages;
nothing is fetched from another host.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from typing import Any

import pandas as pd
from great_tables import GT, html, loc, style

from analysis.base import disclosure, files, language, unavailable
from analysis.base.charts import Chart
from analysis.base.disclosure import WITHHELD
from analysis.base.errors import ReportError
from analysis.base.formats import (
    BLANK,
    NOT_NUMBERS,
    format_cell,
    format_interval,
    format_symbol,
    is_missing,
    shared_decimals,
)
from analysis.base.language import say
from analysis.base.names import LONGEST_NAME, LONGEST_TEXT, cut
from analysis.book.dress import dress
from analysis.book.figures import ShownChart, has_table
from analysis.book.marks import mark_cells
from analysis.book.publish import may_be_published
from analysis.book.told import keep_told
from analysis.contract import catalogue, resting
from analysis.contract.catalogue import Column, Table

INTERVAL = "95 % interval"
LOW, HIGH = "ci_low", "ci_high"
WHY_WITHHELD = (
    "Withheld: a figure on fewer people than min_disclosed in params.yml, or one that would give "
    "such a figure away."
)
WITH_UNIT = ("share",)
"""Units printed in every cell; the head of the column says the others."""
UNIT_IN_HEAD = {"points": "points"}
"""Units that the label of a column does not say, with the word that its head adds."""
MOST_ROWS = 250
"""Rows of a table on a page, where no other number is asked for."""
NAMES = (*files.NAMES, "event_type", "kind", "column", "key")
"""Columns that hold names of the tables, or of the code."""
WRITTEN = re.compile(r"[−-]?[\d,]+\.\d+")
"""A number as English writes it, in a column of words."""
LISTS_OF_BASES = ("strikes", "rests_on")
"""Columns that list bases."""
SHORT = 16
"""Characters up to which a cell of text stays on one line."""

# Mark, background and ink of a status. The word carries the meaning; the pill has a background of
# its own, so that its text is legible on a light and on a dark page.
PILLS = {
    "pass": ("✓", "#cdeade", "#0b4a37"),
    "warn": ("!", "#fbe3b5", "#553600"),
    "fail": ("✕", "#f8d0c0", "#6e1f00"),
    "not_applicable": ("–", "#e3e3e3", "#3a3a3a"),
}


class ReportTable(GT):
    """A great_tables table whose plain text and style sheet suit a tested notebook. `rests_on` says
    of each cell, in the reader's order, what it rests on: see book.striking.
    """

    rests_on: Sequence[tuple[str, ...]] = ()
    told: str = ""
    """The table in other languages: see book.retell."""

    def _repr_html_(self) -> str:
        return f"{self.as_raw_html()}{self.told}"

    def __repr__(self) -> str:
        # GT's own holds memory addresses, which strict nbval sees as a change.
        return f"ReportTable({self._options.table_id.value!r})"

    def as_raw_html(self, *args: Any, **options: Any) -> str:
        """Return the HTML of the table with every style rule held inside its id."""
        # great_tables 1.1 leaves two rules open, which would restyle the whole page.
        page = super().as_raw_html(*args, **options)
        me = f"#{self._options.table_id.value}"
        parts = ("thead", "tbody", "tfoot", "tr", "td", "th")
        scoped = ", ".join(f"{me} {part}" for part in parts)
        page = page.replace(f"{me} {', '.join(parts)} {{", f"{scoped} {{")
        page = page.replace("\n tr { background", f"\n{me} tr {{ background")
        return mark_cells(page, self.rests_on)


ROWS_UNDER_A_CHART = 25
"""Rows of the table folded under a chart; the CSV has all."""


def show_chart(chart: Chart, frame: pd.DataFrame | None = None) -> ShownChart:
    """Return a chart for the page, with the table that it draws, or another `frame` that says the
    same in fewer rows, folded under it where readers may see it.
    """
    folded = chart.frame if frame is None else frame

    def again() -> str:
        drawn = chart.again() if chart.again else chart
        return ShownChart(drawn, _table_under(folded)).html()

    return ShownChart(chart, _table_under(folded), keep_told(language.tell(again)))


def _table_under(folded: pd.DataFrame) -> str:
    if not has_table(folded):
        return ""
    name = f"{folded.attrs['table']}-chart"
    return _show(folded, ROWS_UNDER_A_CHART, "../../", name).as_raw_html()


def show(
    frame: pd.DataFrame, max_rows: int = MOST_ROWS, *, root: str = "../../", name: str = ""
) -> ReportTable:
    """Return a chapter's table for the page: numbers to the right and text to the left.

    `frame.attrs["table"]` names the table in the catalogue. A column whose words are those of a
    check's statuses is coloured. What rests on too few people is withheld, and says so: see
    base.disclosure. Beyond `max_rows` rows the rest is left out, and the note under
    the table says so; `root` leads from the page to the site's root, for the link to the CSV.
    `name` is its name on the page, where it is not the table's own.
    Raises ReportError for a frame that is no table of a chapter, and for a column that the
    catalogue shows and the frame lacks.
    """
    made = _show(frame, max_rows, root, name)
    told = language.tell(lambda: _show(frame, max_rows, root, name).as_raw_html())
    made.told = keep_told(told)
    return made


def _show(frame: pd.DataFrame, max_rows: int, root: str, name: str) -> ReportTable:
    table = in_currency(_table_of(frame), str(frame.attrs.get("currency", "")))
    frame, withheld = disclosure.withhold_marked(frame)
    shown = frame.head(max_rows)
    cells = format_cells(shown, table, withheld)
    made = ReportTable(_rename_safely(cells), id=name or table.name)
    made = made.tab_header(title=table.title)
    made = _draw_columns(made, cells, _numeric_heads(table))
    made = _draw_pills(made, cells, _status_words(table))
    made = _keep_short_cells_whole(made, cells)
    for note in _list_notes(len(frame), len(shown), table, root, unavailable.reason_of(frame)):
        made = made.tab_source_note(note)
    if say(WITHHELD) in cells.to_numpy():
        made = made.tab_source_note(say(WHY_WITHHELD))
    dressed = dress(made, name or table.name)
    dressed.rests_on = _marks(shown, table)
    return dressed


def show_given(frame: pd.DataFrame, draw: Callable[[pd.DataFrame], Any] = show) -> Any:
    """Return the table for the page, or the chart that `draw` makes of it; nothing where it has no
    rows: what the input tables do not record takes no room.
    """
    if not len(frame):
        return None
    shown = draw(frame)
    return show_chart(shown) if isinstance(shown, Chart) else shown


def format_cells(
    frame: pd.DataFrame, table: Table, withheld: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the shown columns of `frame` as text, with the labels as the columns' names.

    Each pair `ci_low`, `ci_high` (or `NAME_ci_low`, `NAME_ci_high`) becomes one column "a to b".
    A cell that is `withheld` (truth values in the shape of the frame) says so.
    """
    shown = [column for column in table.columns if column.is_shown]
    _require_columns(frame, table.name, shown)
    names = {column.name for column in shown}
    text: list[pd.Series[Any]] = []
    for column in _columns_with_a_head(table):
        high = f"{column.name.removesuffix(LOW)}{HIGH}"
        looks = _looks_of(column, table, frame)
        if column.name.endswith(LOW) and high in names:
            ends = zip(frame[column.name].tolist(), frame[high].tolist(), looks, strict=True)
            cells = [_join_ends(low, top, look) for low, top, look in ends]
        else:
            values = zip(frame[column.name].tolist(), looks, strict=True)
            cells = [_format(value, column, look) for value, look in values]
        if withheld is not None:
            gone = withheld.loc[frame.index, column.name].tolist()
            word = say(WITHHELD)
            cells = [word if hidden else cell for hidden, cell in zip(gone, cells, strict=True)]
        text.append(pd.Series(cells, name=_head_of(column, table, names), dtype=object))
    return pd.concat(text, axis=1)


def in_currency(table: Table, currency: str) -> Table:
    """Return the table with the `currency` of its amounts in their heads."""
    if not currency:
        return table
    symbol = format_symbol(currency)
    columns = [
        replace(column, label=f"{column.label} ({symbol})") if column.unit == "money" else column
        for column in table.columns
    ]
    return replace(table, columns=tuple(columns))


def _columns_with_a_head(table: Table) -> list[Column]:
    """Return the columns that are shown, an interval by its lower end alone."""
    shown = [column for column in table.columns if column.is_shown]
    lows = [column.name.removesuffix(LOW) for column in shown if column.name.endswith(LOW)]
    return [column for column in shown if column.name not in {f"{low}{HIGH}" for low in lows}]


def _marks(frame: pd.DataFrame, table: Table) -> list[tuple[str, ...]]:
    """Return what each cell that is shown rests on, row by row."""
    columns = _columns_with_a_head(table)
    rows = [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]
    return [marks for row in rows for marks in resting.marks_of_cells(table, columns, row)]


def _looks_of(column: Column, table: Table, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return for each row the options that format the column's number: see format_value."""
    unit = unit_of(column, table)
    if unit == "by row":
        (coded,) = (other for other in table.columns if other.units)
        units = [coded.units.get(str(code), "number") for code in frame[coded.name]]
        return [{"unit": u, "bare": u not in (*WITH_UNIT, *UNIT_IN_HEAD)} for u in units]
    decimals = column.decimals
    if decimals is None:
        ends = {column.name, column.name.replace(LOW, HIGH)} & set(frame.columns)
        decimals = shared_decimals(frame[sorted(ends)].to_numpy().ravel().tolist(), unit)
    look = {"unit": unit, "bare": unit not in WITH_UNIT, "decimals": decimals}
    return [look] * len(frame)


def _table_of(frame: pd.DataFrame) -> Table:
    name = frame.attrs.get("table")
    if name is None:
        raise ReportError(
            "show: the frame is not a table of a chapter. Declare it with @table in the chapter."
        )
    return catalogue.table_of(str(name))


def _require_columns(frame: pd.DataFrame, name: str, shown: Sequence[Column]) -> None:
    absent = [column.name for column in shown if column.name not in frame]
    if absent:
        raise ReportError(
            f"{name}: {len(absent)} column(s) of the catalogue are not in the table, "
            f"{absent[0]!r} the first. It has: {', '.join(map(str, frame.columns))}."
        )


def unit_of(column: Column, table: Table) -> str:
    """Return the column's unit; of an interval, that of the nearest number to its left."""
    if column.unit != "same":
        return column.unit
    before = table.columns[: table.columns.index(column)]
    units = [other.unit for other in before if other.unit not in ("same", *NOT_NUMBERS)]
    return units[-1] if units else "score"


def _head_of(column: Column, table: Table, names: set[str]) -> str:
    word = UNIT_IN_HEAD.get(unit_of(column, table))
    unit = f" ({say(word)})" if word else ""
    stem = column.name.removesuffix(LOW)
    if stem == column.name or f"{stem}{HIGH}" not in names:
        return f"{column.label}{unit}"
    labels = {other.name: other.label for other in table.columns}
    of_what = labels.get(stem.rstrip("_"))
    return f"{of_what}, {say(INTERVAL)}{unit}" if of_what else f"{say(INTERVAL)}{unit}"


def _format(value: Any, column: Column, look: dict[str, Any]) -> str:
    if not is_missing(value) and str(value) in column.values:
        return column.values[str(value)]
    if column.unit == "text" and column.decimals is not None and WRITTEN.fullmatch(str(value)):
        number = float(str(value).replace(",", "").replace("−", "-"))
        return format_cell(number, "number", decimals=column.decimals)
    if isinstance(value, str) and column.name in LISTS_OF_BASES:
        value = ", ".join(say(name) for name in value.split(", "))
    elif isinstance(value, str) and column.name not in NAMES:
        value = say(value)
    if isinstance(value, str):
        value = cut(value, LONGEST_NAME if column.name in NAMES else LONGEST_TEXT)
    return format_cell(value, **look)


def _join_ends(low: Any, high: Any, look: dict[str, Any]) -> str:
    if is_missing(low) and is_missing(high):
        return BLANK
    return format_interval(low, high, **look)


def _numeric_heads(table: Table) -> set[str]:
    names = {column.name for column in table.columns if column.is_shown}
    numbers = [c for c in table.columns if unit_of(c, table) not in NOT_NUMBERS and not c.values]
    return {_head_of(column, table, names) for column in numbers}


def _rename_safely(cells: pd.DataFrame) -> pd.DataFrame:
    # great_tables makes HTML ids of column names: keep them apart whatever the heads are.
    return cells.set_axis([f"c{position}" for position in range(cells.shape[1])], axis=1)


def _draw_columns(made: ReportTable, cells: pd.DataFrame, numeric: set[str]) -> ReportTable:
    for position, head in enumerate(cells.columns):
        name = f"c{position}"
        made = made.cols_label(cases={name: head})
        made = made.cols_align("right" if head in numeric else "left", columns=name)
    return made


def _status_words(table: Table) -> dict[str, dict[str, str]]:
    """Return, for the head of each column of statuses, the status that each word stands for."""
    columns = [column for column in table.columns if set(column.values) & set(PILLS)]
    return {
        column.label: {word: code for code, word in column.values.items()} for column in columns
    }


def _draw_pills(
    made: ReportTable, cells: pd.DataFrame, words: dict[str, dict[str, str]]
) -> ReportTable:
    for position, head in enumerate(cells.columns):
        if head in words:
            draw = partial(_draw_pill, codes=words[head])
            made = made.fmt(draw, columns=f"c{position}")
    return made


def _draw_pill(word: str, codes: dict[str, str]) -> str:
    if codes.get(word) not in PILLS:
        return escape(word)
    mark, background, ink = PILLS[codes[word]]
    look = f"background:{background};color:{ink};padding:1px 8px;border-radius:9px;"
    return f'<span style="{look}white-space:nowrap;">{mark} {escape(word)}</span>'


def _keep_short_cells_whole(made: ReportTable, cells: pd.DataFrame) -> ReportTable:
    """Keep a cell such as "2025-09" on one line, where a browser would break it at the hyphen."""
    for position in range(cells.shape[1]):
        lengths = cells.iloc[:, position].astype(str).str.len()
        rows = [row for row, length in enumerate(lengths) if length <= SHORT]
        if rows:
            place = loc.body(columns=f"c{position}", rows=rows)
            made = made.tab_style(style.css("white-space: nowrap;"), place)
    return made


def _list_notes(
    total: int, shown: int, table: Table, root: str, reason: str | None = None
) -> list[Any]:
    notes: list[Any] = []
    if total == 0:
        missing = say("Not available. {reason}")
        notes.append(missing.format(reason=reason) if reason else say("No rows."))
    elif shown < total:
        first = {"shown": format_cell(shown, "count"), "total": format_cell(total, "count")}
        notes.append(say("The first {shown} of {total} rows.").format(**first))
    if not table.is_private and may_be_published(table.path, [c.name for c in table.columns]):
        address = escape(f"{root}artifacts/{table.path}")
        notes.append(html(f'<a href="{address}" download>{say("Download CSV")}</a>'))
    return notes
