"""Tables for the reader: text cells with units, the same HTML on every run.

Every cell is turned into text here, and great_tables lays the text out. So a test
can read the cells as a frame (`format_cells`), and the HTML depends on the frame,
the options and `table_id` alone. Colours are inherited and backgrounds transparent,
for light and dark pages; nothing is fetched from another host.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from html import escape
from typing import Any, Literal, get_args

import pandas as pd
from great_tables import GT, html

from analysis.base.errors import ReportError

MISSING = "–"
INTERVAL_LABEL = "95 % interval"
STATUSES = ("pass", "warn", "fail", "not_applicable")

Unit = Literal["share", "count", "days", "score", "money", "ratio", "date", "text"]

# Mark and colours of a status. The word carries the meaning; the pill has a
# background of its own, so that its text is legible on a light and on a dark page.
_PILLS = {
    "pass": ("✓", "#cdeade", "#0b4a37"),
    "warn": ("!", "#fbe3b5", "#553600"),
    "fail": ("✕", "#f8d0c0", "#6e1f00"),
    "not_applicable": ("–", "#e3e3e3", "#3a3a3a"),
}
_RULE = "#8888886b"  # grey, translucent: a hairline on any background


class ReportTable(GT):
    """A great_tables table whose plain text and style sheet suit a tested notebook."""

    def __repr__(self) -> str:
        # GT's own holds memory addresses, which strict nbval sees as a change.
        return f"ReportTable({self._options.table_id.value!r})"

    def as_raw_html(self, *args: Any, **options: Any) -> str:
        """Return the HTML of the table with every style rule held inside its id."""
        # great_tables 1.1 leaves two rules open, which would restyle the whole page.
        page = super().as_raw_html(*args, **options)
        me = f"#{self._options.table_id.value}"
        parts = ("thead", "tbody", "tfoot", "tr", "td", "th")
        held = ", ".join(f"{me} {part}" for part in parts)
        page = page.replace(f"{me} {', '.join(parts)} {{", f"{held} {{")
        return page.replace("\n tr { background", f"\n{me} tr {{ background")


def format_value(value: Any, unit: Unit) -> str:
    """Return `value` as the reader sees it, "–" when it is missing.

    Shares (0 to 1) become percentages with one decimal, and never read 0.0 % or
    100.0 % unless they are exactly that; counts whole numbers with thousands
    separators; days one decimal; scores three; money and ratios two; dates the UTC
    day, with the minute where there is one. Raises ReportError for an unknown unit.
    """
    if _is_missing(value):
        return MISSING
    if unit == "text":
        return _format_plain(value)
    if unit == "date":
        return _format_date(value)
    if unit == "share":
        return _format_share(float(value))
    decimals = {"count": 0, "days": 1, "score": 3, "money": 2, "ratio": 2}.get(unit)
    if decimals is None:
        raise ReportError(f"format_value: unit {unit!r} is unknown. Use one of {get_args(Unit)}.")
    return _format_number(float(value), decimals)


def format_cells(
    frame: pd.DataFrame,
    *,
    shares: Sequence[str] = (),
    counts: Sequence[str] = (),
    scores: Sequence[str] = (),
    days: Sequence[str] = (),
    money: Sequence[str] = (),
    intervals: bool = False,
) -> pd.DataFrame:
    """Return a frame of text with the rows of `frame`, each column in its unit.

    Columns named in no list are shown by their type. With `intervals`, each pair
    `ci_low`/`ci_high` (or `<name>_ci_low`/`<name>_ci_high`) becomes one column
    `ci` (`<name>_ci`) reading "a to b", in the unit named for `ci_low`, else of the
    nearest column with a unit on its left. Raises ReportError for a listed column
    that the frame lacks.
    """
    units = _list_units(shares=shares, counts=counts, scores=scores, days=days, money=money)
    _require_columns(frame, units)
    pairs = _find_intervals(frame.columns) if intervals else {}
    units |= _unit_intervals(frame.columns, units, pairs)
    text = {name: _format_column(frame[name], units.get(name)) for name in frame.columns}
    for low, (high, merged) in pairs.items():
        text[low] = [_join_ends(*ends) for ends in zip(text[low], text.pop(high), strict=True)]
        text = {merged if name == low else name: cells for name, cells in text.items()}
    return pd.DataFrame(text, index=frame.index, dtype=object)


def format_table(
    frame: pd.DataFrame,
    *,
    table_id: str,
    shares: Sequence[str] = (),
    counts: Sequence[str] = (),
    scores: Sequence[str] = (),
    days: Sequence[str] = (),
    money: Sequence[str] = (),
    labels: Mapping[str, str] = {},
    title: str | None = None,
    source_note: str | None = None,
    max_rows: int | None = None,
    intervals: bool = False,
) -> GT:
    """Return `frame` as a table for the page, numbers to the right and text to the left.

    `labels` renames headers (default: the column's name in words; a merged interval
    is the column `ci`). Columns that hold only check statuses become coloured words.
    Beyond `max_rows` rows the rest is left out, and the note under the table says so.
    `table_id` must be unique on the page: letters, digits, "-" and "_", a letter first.
    Raises ReportError for another id, and for a listed column that the frame lacks.
    """
    _check_id(table_id)
    shown = frame if max_rows is None else frame.head(max_rows)
    cells = format_cells(
        shown,
        shares=shares,
        counts=counts,
        scores=scores,
        days=days,
        money=money,
        intervals=intervals,
    ).reset_index(drop=True)
    numeric = _find_numeric(shown, cells, {*shares, *counts, *scores, *days, *money})
    table: GT = ReportTable(_rename_safely(cells), id=table_id)
    table = _label_columns(table, list(cells.columns), labels)
    table = _align_columns(table, cells, numeric)
    table = _mark_statuses(table, cells)
    table = table.tab_header(title=title) if title else table
    for note in _list_notes(len(frame), len(shown), source_note):
        table = table.tab_source_note(note)
    return _dress(table, table_id)


def _is_missing(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _format_number(value: float, decimals: int) -> str:
    if not math.isfinite(value):
        return "∞" if value > 0 else "-∞"
    return f"{round(value, decimals) + 0.0:,.{decimals}f}"  # + 0.0: no "-0"


def _format_share(value: float) -> str:
    if 0 < value < 0.0005:
        return "<0.1 %"
    if 0.9995 <= value < 1:
        return ">99.9 %"
    return f"{_format_number(100 * value, 1)} %"


def _format_date(value: Any) -> str:
    instant = pd.Timestamp(str(value))
    return instant.strftime("%Y-%m-%d" if instant == instant.normalize() else "%Y-%m-%d %H:%M")


def _format_plain(value: Any) -> str:
    if pd.api.types.is_bool(value):
        return "yes" if value else "no"
    if isinstance(value, date):  # instants too
        return _format_date(value)
    if pd.api.types.is_integer(value):
        return _format_number(float(value), 0)
    if pd.api.types.is_float(value):
        number = float(value)
        return _format_number(number, 0 if abs(number) >= 1000 or number.is_integer() else 3)
    return str(value)


def _format_column(column: "pd.Series[Any]", unit: Unit | None) -> list[str]:
    return [format_value(value, unit or "text") for value in column.tolist()]


def _list_units(**listed: Sequence[str]) -> dict[str, Unit]:
    names: dict[str, Unit] = {
        "shares": "share",
        "counts": "count",
        "scores": "score",
        "days": "days",
        "money": "money",
    }
    return {column: names[kind] for kind, columns in listed.items() for column in columns}


def _require_columns(frame: pd.DataFrame, listed: Iterable[str]) -> None:
    absent = sorted(set(listed) - set(frame.columns))
    if absent:
        raise ReportError(
            f"format_table: {len(absent)} listed column(s) are not in the frame, {absent[0]!r} "
            f"the first. It has: {', '.join(map(str, frame.columns))}."
        )


def _find_intervals(columns: Iterable[str]) -> dict[str, tuple[str, str]]:
    names = list(columns)
    pairs = {name: f"{name.removesuffix('low')}high" for name in names if name.endswith("ci_low")}
    return {low: (high, low[: -len("_low")]) for low, high in pairs.items() if high in names}


def _unit_intervals(
    columns: Iterable[str], units: Mapping[str, Unit], pairs: Mapping[str, tuple[str, str]]
) -> dict[str, Unit]:
    found: dict[str, Unit] = {}
    latest: Unit | None = None
    for name in columns:
        latest = units.get(name, latest)
        if name in pairs and latest is not None:
            found |= {name: latest, pairs[name][0]: latest}
    return found


def _join_ends(low: str, high: str) -> str:
    if low == high == MISSING:
        return MISSING
    if low.endswith(" %") and high.endswith(" %"):
        low = low.removesuffix(" %")
    return f"{low} to {high}"


def _check_id(table_id: str) -> None:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", table_id):
        raise ReportError(
            f"format_table: table_id {table_id!r} is no HTML name. "
            "Use letters, digits, '-' and '_', with a letter first."
        )


def _find_numeric(frame: pd.DataFrame, cells: pd.DataFrame, listed: set[str]) -> list[str]:
    def is_number(name: str) -> bool:
        if name not in frame.columns:  # a merged interval
            return True
        kind = frame[name].dtype
        is_bool = pd.api.types.is_bool_dtype(kind)
        return name in listed or (pd.api.types.is_numeric_dtype(kind) and not is_bool)

    return [name for name in cells.columns if is_number(name)]


def _rename_safely(cells: pd.DataFrame) -> pd.DataFrame:
    # great_tables makes HTML ids of column names: keep them apart whatever the names are.
    return cells.set_axis([f"c{position}" for position in range(cells.shape[1])], axis=1)


def _label_columns(table: GT, names: list[str], labels: Mapping[str, str]) -> GT:
    for position, name in enumerate(names):
        header = labels.get(name, _say_name(str(name)))
        table = table.cols_label(cases={f"c{position}": header})
    return table


def _say_name(name: str) -> str:
    if name == "ci" or name.endswith("_ci"):
        return f"{_say_name(name[:-3])}, {INTERVAL_LABEL}" if name != "ci" else INTERVAL_LABEL
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _align_columns(table: GT, cells: pd.DataFrame, numeric: Sequence[str]) -> GT:
    sides = {f"c{i}": name in numeric for i, name in enumerate(cells.columns)}
    right = [name for name, is_right in sides.items() if is_right]
    left = [name for name, is_right in sides.items() if not is_right]
    table = table.cols_align("right", columns=right) if right else table
    return table.cols_align("left", columns=left) if left else table


def _mark_statuses(table: GT, cells: pd.DataFrame) -> GT:
    for position, name in enumerate(cells.columns):
        if name == "status" or _holds_statuses(cells.iloc[:, position]):
            table = table.fmt(_draw_pill, columns=f"c{position}")
    return table


def _holds_statuses(column: "pd.Series[Any]") -> bool:
    return len(column) > 0 and set(column) <= set(STATUSES)


def _draw_pill(status: str) -> str:
    if status not in _PILLS:
        return escape(str(status))
    mark, background, ink = _PILLS[status]
    style = f"background:{background};color:{ink};padding:1px 8px;border-radius:9px;"
    word = status.replace("_", " ")
    return f'<span style="{style}white-space:nowrap;">{mark} {word}</span>'


def _list_notes(total: int, shown: int, source_note: str | None) -> list[Any]:
    notes: list[Any] = []
    if total == 0:
        notes.append("No rows.")
    elif shown < total:
        notes.append(f"The first {shown:,} of {total:,} rows.")
    if source_note:
        notes.append(html(escape(source_note)))
    return notes


def _dress(table: GT, table_id: str) -> GT:
    parts = ("gt_table", "gt_heading", "gt_title", "gt_col_heading", "gt_row", "gt_sourcenotes")
    selector = ", ".join(f"#{table_id} .{part}" for part in parts)
    return table.tab_options(
        table_font_names="inherit",
        table_font_size="0.9em",
        table_layout="auto",
        table_margin_left="0",
        heading_align="left",
        column_labels_font_weight="bold",
        container_overflow_x="auto",
        container_overflow_y="hidden",
        table_border_top_color=_RULE,
        table_border_bottom_color=_RULE,
        column_labels_border_top_style="none",
        column_labels_border_bottom_color=_RULE,
        table_body_border_top_color=_RULE,
        table_body_border_bottom_color=_RULE,
        table_body_hlines_color=_RULE,
    ).opt_css(
        f"{selector} {{ color: inherit !important; background-color: transparent !important; }}\n"
        f"#{table_id} td.gt_right {{ white-space: nowrap; }}"
    )
