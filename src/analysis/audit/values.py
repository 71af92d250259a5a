"""Values: are they spelled in one way, in one unit, and empty where missing?"""

import re
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from analysis.base.statistics import share_of
from analysis.contract.checks import Status, Verdict, check, not_applicable
from analysis.contract.inputs import USERS, names
from analysis.log.rules import AMOUNTS

MOST_LEVELS = 200
"""Distinct values up to which a text column is a list of kinds."""
LEAST_VALUES = 100
"""Values from which their spread is judged."""
GAP = 20.0
"""Ratio of neighbouring values, among the largest tenth, that no spread of amounts explains:
with a Pareto tail of exponent 1, the heaviest in use, the two largest differ so once in 20."""
PLACEHOLDERS = frozenset((
    "null", "(null)", "<null>", "\\n", "nan", "nat", "<na>", "n/a", "#n/a", "nil", "undefined",
    "-", "--", "?", ".",
))  # fmt: skip
"""Texts, in any case, by which programs write that there is no value. Not `none`, `na` and
`unknown`, which are also kinds: no plan, Namibia, a gender that was not given."""


@check(stage="03_audit")
def spellings(users: pd.DataFrame, kinds: pd.DataFrame) -> Verdict:
    """Judge whether a value is spelled in two ways, which then count as two: by letters' case,
    accents, blanks, hyphens or underscores.
    """
    counts = _counts_by_column(users, kinds, is_list_of_kinds)
    variants = [row for name, count in counts.items() for row in _variants(name, count)]
    nothing: Spelled = (0.0, 0, len(users), "any", [], 0)
    _, other, total, name, written, rarest = max(variants, default=nothing)
    share, low, high = share_of(other, total)
    facts = {"column": name, "written": written, "rarest": rarest, "other": other,
             "found": len(variants), "columns": len(counts),
             "kinds": sum(map(len, counts.values()))}  # fmt: skip
    status: Status = "warn" if variants else "pass"
    return Verdict("spellings", status, share, low, high, 0.0, total, facts)


Spelled = tuple[float, int, int, str, list[str], int]
"""What _variants returns of a kind."""


def _variants(name: str, count: "pd.Series[int]") -> list[Spelled]:
    """Return each kind of a column that is written in several ways: the share and number of rows
    in all ways but the most frequent, the rows of the column, its name, the ways, and the rows of
    the rarest.
    """
    rows = []
    for _, part in count.groupby(count.index.map(_plain)):
        if len(part) > 1:
            other = int(part.sum() - part.max())
            written = sorted(map(str, part.index))
            whole = int(count.sum())
            rows.append((other / whole, other, whole, name, written, int(part.min())))
    return rows


@check(stage="03_audit")
def placeholders(users: pd.DataFrame, kinds: pd.DataFrame) -> Verdict:
    """Judge whether a missing value is written as a text (NULL, N/A), which then counts as a kind
    of its own: a country, a plan.
    """
    counts = _counts_by_column(users, kinds, _is_text)
    written = []
    for name, count in counts.items():
        part = count[count.index.astype(str).str.casefold().isin(PLACEHOLDERS)]
        if len(part):
            texts = sorted(map(str, part.index))
            sums = int(part.sum()), int(count.sum())
            written.append((part.sum() / count.sum(), *sums, name, texts))
    nothing: tuple[float, int, int, str, list[str]] = (0.0, 0, len(users), "any", [])
    _, other, total, name, texts = max(written, default=nothing)
    share, low, high = share_of(other, total)
    facts = {"column": name, "written": texts, "other": other, "found": len(written),
             "columns": len(counts)}  # fmt: skip
    status: Status = "warn" if written else "pass"
    return Verdict("placeholders", status, share, low, high, 0.0, total, facts)


def _counts_by_column(
    users: pd.DataFrame, kinds: pd.DataFrame, is_wanted: Callable[["pd.Series[Any]"], bool]
) -> dict[str, "pd.Series[int]"]:
    """Return how often each value occurs, by column: those of users that are wanted, and the
    event_type of events.
    """
    counts = {str(name): users[name].value_counts() for name in users if is_wanted(users[name])}
    return {**counts, "event_type": kinds.set_index("kind")["events"]}


def _is_text(column: "pd.Series[Any]") -> bool:
    return isinstance(column.dtype, pd.StringDtype) or column.dtype == object


def is_list_of_kinds(column: "pd.Series[Any]") -> bool:
    """Say whether a column of users holds kinds (countries, plans): text with few values."""
    is_kind = column.name != "user_id" and 1 < column.nunique() <= MOST_LEVELS
    return _is_text(column) and is_kind


def _plain(text: Any) -> str:
    """Return text without case, accents, and blanks, hyphens and underscores inside it."""
    letters = unicodedata.normalize("NFKD", str(text)).casefold().strip()
    bare = "".join(c for c in letters if not unicodedata.combining(c))
    return re.sub(r"(?<=\w)[\s_-]+(?=\w)|_", "", bare)


def extra_numbers(users: pd.DataFrame) -> list[str]:
    """Return the columns outside the contract that hold numbers."""
    known = names(USERS)
    return [str(name) for name in users.select_dtypes("number").columns if name not in known]


@check(stage="03_audit")
def extreme_values(users: pd.DataFrame) -> Verdict:
    """Judge whether the largest numbers of a column stand apart from all others, as placeholders
    (99999), another unit or a slip do. Numbers above 0 are looked at, in order: a ratio of
    neighbours of 20 among the largest tenth is a gap.
    """
    known = {*AMOUNTS, *extra_numbers(users)}
    gaps = [gap for name in sorted(known & {*users}) if (gap := _largest_gap(users[name]))]
    if not gaps:
        return not_applicable("extreme_values", "no column has enough numbers above 0")
    ratio, above, least, below, share, name = max(gaps)
    facts = {"column": name, "above": above, "least": least, "below": below, "sum": share,
             "columns": len(gaps)}  # fmt: skip
    status: Status = "warn" if ratio >= GAP else "pass"
    return Verdict("extreme_values", status, ratio, limit=GAP, n=len(users), facts=facts)


def _largest_gap(column: "pd.Series[Any]") -> tuple[float, int, float, float, float, str] | None:
    """Return the ratio at the largest gap, how many values lie above it, the least of these, the
    one below, their share of the column's sum, and its name.
    """
    values = np.sort(column[column > 0].dropna().to_numpy(float))
    if len(values) < LEAST_VALUES:
        return None
    top = values[int(0.9 * len(values)) - 1 :]
    ratios = top[1:] / top[:-1]
    at = int(ratios.argmax())
    above = top[at + 1 :]
    share = float(above.sum() / values.sum())
    return float(ratios[at]), len(above), float(above[0]), float(top[at]), share, str(column.name)
