"""Dates with the day or the month first (25/12/2025): read where the column says which it is."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import ibis

from analysis.base import engine
from analysis.base.errors import ReportError
from analysis.base.formats import plural
from analysis.base.names import cut
from analysis.log.cells import text, try_strptime

SHAPE = r"^([0-9]{1,2})[/.-]([0-9]{1,2})[/.-][0-9]{4}( |T|$)"
"""Two numbers and a year."""
LOOKED_AT, MOST = 1000, 0.5
"""Rows by which the shape of a column is recognised, and the share of them that must have it."""
SURE, SLIP = 0.01, 0.01
"""Share of values that must show the order (a 25 is no month), and of these the share that may
show the other one, as slips: they cannot be read."""
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
ORDERS = {"day": "%d{0}%m{0}%Y", "month": "%m{0}%d{0}%Y"}


@dataclass(frozen=True)
class Shown:
    """Of a column of such dates: how many, how many show that the `day` or the `month` is first
    (the other number is above 12), and one that shows neither.
    """

    filled: int
    day: int
    month: int
    sample: str


def read_orders(raw: Any, table: str, columns: Iterable[str]) -> tuple[Any, dict[str, int]]:
    """Return `raw` (Ibis) with the text of such dates in ISO 8601 in those of `columns` (times)
    that have them, and how many each has: `day_first_<column>` or `month_first_<column>`.

    Raises ReportError for a column that does not say which of the two comes first.
    """
    found = {}
    for name in columns:
        if name in raw.columns and raw[name].type().is_string() and _has_shape(raw, name):
            shown = _shown(raw, name)
            found[f"{_order(shown, table, name)}_first_{name}"] = shown.filled
    return in_iso(raw, found), found


def in_iso(raw: Any, found: Iterable[str]) -> Any:
    """Return `raw` (Ibis) with the text of dates in ISO 8601 where read_orders `found` an order."""
    ordered = [key.split("_first_", 1) for key in found]
    iso = {name: _in_iso(raw[name], order) for order, name in ordered}
    return raw.mutate(**iso) if iso else raw


def _has_shape(raw: Any, name: str) -> bool:
    cells = raw.select(value=text(raw[name])).filter(lambda t: t.value.notnull()).limit(LOOKED_AT)
    sums = cells.aggregate(n=cells.count(), shaped=cells.value.re_search(SHAPE).sum())
    row = engine.to_pandas(sums).fillna(0).iloc[0]
    return bool(row["n"] and row["shaped"] > MOST * row["n"])


def _shown(raw: Any, name: str) -> Shown:
    value = text(raw[name])
    first, second = (value.re_extract(SHAPE, part).try_cast("int64") for part in (1, 2))
    cells = raw.select(value=value, first=first, second=second)
    cells = cells.filter(cells.first.notnull())
    sums = cells.aggregate(
        filled=cells.count(),
        day=((cells.first > 12) & (cells.second <= 12)).sum(),
        month=((cells.second > 12) & (cells.first <= 12)).sum(),
        sample=cells.value.min(where=(cells.first <= 12) & (cells.second <= 12)),
    )
    row = engine.to_pandas(sums).iloc[0]
    return Shown(int(row["filled"]), int(row["day"]), int(row["month"]), str(row["sample"]))


def _order(shown: Shown, table: str, name: str) -> str:
    more, less = max(shown.day, shown.month), min(shown.day, shown.month)
    if more >= SURE * shown.filled and less <= SLIP * more:
        return "day" if shown.day > shown.month else "month"
    if more < SURE * shown.filled:
        why = "hardly any value shows which of the two comes first"
    else:
        first = plural(shown.day, "value has", "values have")
        why = f"{first} the day first, and {shown.month} the month"
    raise ReportError(
        f"{table}: {plural(shown.filled, 'value', 'values')} of {name!r} may have the day or the "
        f"month first, for example {cut(shown.sample)!r}: {why}. Write them as 2025-01-31."
    )


def _in_iso(column: Any, order: str) -> Any:
    """Return the text of a column with its dates in ISO 8601; what is none stays as it is."""
    value = text(column)
    formats = [ORDERS[order].format(mark) + clock for mark in "/.-" for clock in CLOCKS]
    return ibis.coalesce(try_strptime(value, formats).cast("string"), value)
