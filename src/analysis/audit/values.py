"""Checks of values: is each written in one way, in one unit, and by one account?"""

import re
import unicodedata
from typing import Any

import numpy as np
import pandas as pd

from analysis.audit import measures as audit
from analysis.base import clock
from analysis.base.statistics import share_of
from analysis.contract.checks import Status, Verdict, grade, not_applicable
from analysis.log import rules as rules_of_log
from analysis.log.window import LogWindow

MOST_LEVELS = 200
"""Distinct values up to which a text column is a list of kinds."""
HALF, SURE_OF_GROUP, LEAST_OF_GROUP = 0.5, 4.0, 10
"""Ratio of the newcomers seen in a group to those seen in all others from which its events are
missing, standard deviations that it must lie below, and the least newcomers to tell.
"""
LEAST_VALUES, LEAST_AMOUNTS, LEAST_EACH = 100, 20, 5
"""Values below which nothing is said of their spread, and amounts, of their unit: all of them,
and those before or after a day."""
GAP = 20.0
"""Ratio of neighbouring values, among the largest tenth, that no spread of amounts explains:
with a Pareto tail of exponent 1, the heaviest in use, the two largest differ so once in 20."""
COPIED, COPIED_FAILS, MUCH_MORE = 0.005, 0.1, 5
"""Share of accounts equal to another that is worth a word, and that distorts; how many times as
many as with every column shuffled."""
DISTINCTIVE = 3
"""Numbers other than 0 that a row must have, so that its like is no coincidence."""
UNIT, UNIT_FAILS, SURE = 1.5, 5.0, 6.0
"""Ratio of amounts before and after a day that is a change, and that is another unit; standard
deviations that it must lie beyond chance."""
ONE_PURCHASE = 0.2
"""Share of all that was paid, of a hundred amounts or more, that one amount cannot be."""
LONG = 0.05
"""Share of events in sessions longer than a day from which sessions are no visits."""
PLACEHOLDERS = frozenset((
    "null", "(null)", "<null>", "\\n", "nan", "nat", "<na>", "n/a", "#n/a", "nil", "undefined",
    "-", "--", "?", ".",
))  # fmt: skip
"""Texts, in any case, by which programs write that there is no value. Not `none`, `na` and
`unknown`, which are also kinds: no plan, Namibia, a gender that was not told."""
SINGLE, SEVERAL = 0.99, 1.5
"""Share of sessions with one event, with so many events a user and day, that are no visits."""


def spellings(users: pd.DataFrame, kinds: pd.DataFrame) -> Verdict:
    """Judge whether a kind is written in two ways, which then count as two: by letters' case,
    accents, blanks, hyphens or underscores. `kinds` from audit.kinds_that_go_on.
    """
    counts = {name: users[name].value_counts() for name in users if _is_list(users[name])}
    counts["event_type"] = kinds.set_index("kind")["events"]
    found = []
    for name, count in counts.items():
        for _, part in count.groupby(count.index.map(_plain)):
            if len(part) > 1:
                other = int(part.sum() - part.max())
                written = ", ".join(sorted(map(str, part.index)))
                found.append((other / count.sum(), other, int(count.sum()), name, written))
    nothing = (0.0, 0, len(users), "any", "none")
    _, other, total, name, written = max(found, default=nothing)
    share, low, high = share_of(other, total)
    facts = {"column": name, "written": written, "other": other, "found": len(found),
             "columns": len(counts), "kinds": sum(map(len, counts.values()))}  # fmt: skip
    status: Status = "warn" if found else "pass"
    return Verdict("spellings", status, share, low, high, 0.0, total, facts)


def placeholders(users: pd.DataFrame, kinds: pd.DataFrame) -> Verdict:
    """Judge whether a missing value is written as a text (NULL, N/A), which then counts as a kind
    of its own: a country, a plan. `kinds` from audit.kinds_that_go_on.
    """
    counts = {name: users[name].value_counts() for name in users if _is_text(users[name])}
    counts["event_type"] = kinds.set_index("kind")["events"]
    found = []
    for name, count in counts.items():
        part = count[count.index.astype(str).str.casefold().isin(PLACEHOLDERS)]
        if len(part):
            found.append((part.sum() / count.sum(), int(part.sum()), int(count.sum()), name,
                          ", ".join(sorted(map(str, part.index)))))  # fmt: skip
    _, other, total, name, written = max(found, default=(0.0, 0, len(users), "any", "none"))
    share, low, high = share_of(other, total)
    facts = {"column": name, "written": written, "other": other, "found": len(found),
             "columns": len(counts)}  # fmt: skip
    status: Status = "warn" if found else "pass"
    return Verdict("placeholders", status, share, low, high, 0.0, total, facts)


def groups_seen(told: pd.DataFrame, window: LogWindow, horizon_days: int) -> Verdict:
    """Judge whether the events of a whole group are missing (one country, one device): for each
    kind of each text column, the share of newcomers with an event in their first `horizon_days`
    against that of all others. `told` is users with the log's `first_event_at`.
    """
    ends = told["signup_date"] + pd.Timedelta(days=horizon_days)
    new = told[(told["signup_date"] >= window.start) & (ends <= window.end)]
    seen = new["first_event_at"] < ends[new.index]
    found = []
    for name in [name for name in new if _is_list(new[name])]:
        table = seen.groupby(new[name]).agg(["sum", "size"])
        for level, (count, size) in table[table["size"] >= LEAST_OF_GROUP].iterrows():
            others = len(new) - size
            rate, usual = count / size, (seen.sum() - count) / max(others, 1)
            pooled = seen.mean()
            error = (pooled * (1 - pooled) * (1 / size + 1 / max(others, 1))) ** 0.5
            z = (usual - rate) / error if error else 0.0
            found.append((rate / usual if usual else 1.0, z, f"{name} {level}", size, rate, usual))
    if not found:
        return not_applicable("groups_seen", "too few newcomers of any kind")
    missing = [row for row in found if row[0] < HALF and row[1] > SURE_OF_GROUP]
    ratio, z, kind, size, rate, usual = min(missing or found)
    facts = {"kind": kind, "newcomers": int(size), "rate": float(rate), "usual": float(usual),
             "kinds": len(found), "found": len(missing), "days": horizon_days}  # fmt: skip
    status: Status = "warn" if missing else "pass"
    return Verdict("groups_seen", status, float(ratio), limit=HALF, n=len(new), facts=facts)


def _is_text(column: "pd.Series[Any]") -> bool:
    return isinstance(column.dtype, pd.StringDtype) or column.dtype == object


def _is_list(column: "pd.Series[Any]") -> bool:
    is_kind = column.name != "user_id" and 1 < column.nunique() <= MOST_LEVELS
    return _is_text(column) and is_kind


def _plain(text: Any) -> str:
    """Return text without case, accents, and blanks, hyphens and underscores inside it."""
    letters = unicodedata.normalize("NFKD", str(text)).casefold().strip()
    bare = "".join(c for c in letters if not unicodedata.combining(c))
    return re.sub(r"(?<=\w)[\s_-]+(?=\w)|_", "", bare)


def extreme_values(users: pd.DataFrame) -> Verdict:
    """Judge whether the largest numbers of a column stand apart from all others, as placeholders
    (99999), another unit or a slip do. Numbers above 0 are looked at, in order: a ratio of
    neighbours of 20 among the largest tenth is a gap.
    """
    known = {*rules_of_log.AMOUNTS, *audit.extra_numbers(users)}
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


def copied_users(users: pd.DataFrame) -> Verdict:
    """Judge the larger of two shares. Of accounts that equal another in everything but their
    identifier: one person exported twice. Accounts with three numbers other than 0 are looked at,
    and held against the same with every column shuffled, which tells what coincidence gives. And
    of identifiers that are another's but for case or spaces, as two clients may write them.
    """
    numbers = [n for n in users if n != "user_id" and pd.api.types.is_numeric_dtype(users[n])]
    is_told = (users[numbers].fillna(0) != 0).sum(axis=1) >= DISTINCTIVE
    own = users.loc[is_told].drop(columns="user_id")
    written = users["user_id"].astype(str).str.strip().str.casefold()
    alike = int(written.duplicated().sum())
    if len(own) < LEAST_VALUES and not alike:
        return not_applicable("copied_users", "too few accounts have three numbers to compare")
    rng = np.random.default_rng(0)
    shuffled = pd.DataFrame({n: own[n].take(rng.permutation(len(own))).array for n in own})
    copies, chance = int(own.duplicated().sum()), int(shuffled.duplicated().sum())
    facts = {"copies": copies, "users": len(own), "chance": chance, "columns": own.shape[1],
             "alike": alike}  # fmt: skip
    is_more = len(own) >= LEAST_VALUES and copies > MUCH_MORE * max(chance, 1)
    found = [(alike, len(users)), *([(copies, len(own))] if is_more else [])]
    part, whole = max(found, key=lambda pair: pair[0] / pair[1])
    share, low, high = share_of(part, whole)
    status = grade(share, COPIED, COPIED_FAILS)
    return Verdict("copied_users", status, share, low, high, COPIED, whole, facts)


def log_amounts(amounts: pd.DataFrame) -> Verdict:
    """Judge whether amounts change their unit at once (cents for dollars, another currency), or
    one of them is most of what was paid. `amounts` from audit.daily_amounts. Mean logarithms
    over 14 and 28 days before and after each day are compared; chance is measured by their
    scatter, within days and from one day with amounts to the next.
    """
    found = [
        (*_largest_change(part, size), str(kind))
        for kind, part in amounts.groupby("event_type", sort=True)
        for size in (14, 28)
        if part["events"].sum() >= LEAST_AMOUNTS and len(part) >= 2 * size
    ]
    if not found:
        return not_applicable("log_amounts", "too few events carry an amount")
    changes = [row for row in found if row[1] > SURE and row[0] > UNIT]
    ratio, z, day, kind = max(changes or found, key=lambda row: row[1])
    sums = amounts.groupby("event_type").agg(
        total=("total", "sum"), largest=("largest", "max"), events=("events", "sum")
    )
    sums = sums[sums["events"] >= LEAST_AMOUNTS]
    many = sums["events"] >= LEAST_VALUES  # one of few may well be large
    share: pd.Series[float] = (sums["largest"] / sums["total"]).where(many, 0.0)
    status: Status = grade(ratio, UNIT, UNIT_FAILS) if changes else "pass"
    if status == "pass" and share.max() > ONE_PURCHASE:
        status = "warn"
    facts = {"kind": kind, "date": clock.day_start(day, "UTC").strftime("%Y-%m-%d"), "z": z,
             "share": float(share.max())}  # fmt: skip
    n = int(sums["events"].sum())
    return Verdict("log_amounts", status, ratio, limit=UNIT, n=n, facts=facts)


def _largest_change(part: pd.DataFrame, size: int) -> tuple[float, float, int]:
    """Return ratio, standard deviations and day number of the largest change of the mean
    logarithm over `size` days; `part` has one row for each day of the log. Where hardly two
    amounts share a day, their scatter is that of one to the next (von Neumann 1941).
    """
    days = part.sort_values("day_number")
    n, x, squares = (days[name].to_numpy(float) for name in ("events", "log_sum", "log_squares"))
    mean = x / np.maximum(n, 1)
    within = (squares - n * mean**2).sum() / max(n.sum() - (n > 0).sum(), 1.0)
    some = n[n > 0]
    steps = np.diff(mean[n > 0]) ** 2 / (1 / some[1:] + 1 / some[:-1])
    typical = float(np.median(steps)) / 0.455 if len(steps) else 0.0
    if (
        len(steps) and n.sum() - len(some) < LEAST_AMOUNTS
    ):  # hardly two on one day: all steps (von Neumann 1941)
        typical = max(typical, float(steps.mean()))
    spread = max(within, typical, 1e-6)
    n2, x2 = (np.convolve(v, np.ones(size), "valid") for v in (n, x))
    (n1, n2), (x1, x2) = (n2[:-size], n2[size:]), (x2[:-size], x2[size:])
    enough = (n1 >= LEAST_EACH) & (n2 >= LEAST_EACH)
    change = np.where(enough, x2 / np.maximum(n2, 1) - x1 / np.maximum(n1, 1), 0.0)
    z = np.abs(change) / np.sqrt(spread * (1 / np.maximum(n1, 1) + 1 / np.maximum(n2, 1)))
    at = int(z.argmax())
    number = int(days["day_number"].iloc[at + size])
    return float(np.exp(abs(change[at]))), float(z[at]), number


def sessions(lengths: pd.DataFrame) -> Verdict:
    """Judge whether `session_id` names visits: the share of events in sessions that last for more
    than a day, as when it names the device or the user; and whether nearly every session has
    one event, as when it names the event. `lengths` from audit.session_lengths.
    """
    if lengths.empty:
        return not_applicable("sessions", "events carry no session_id")
    row = lengths.iloc[0].astype(int)
    share, low, high = share_of(row["long_events"], row["events"])
    single = row["single"] / row["sessions"]
    is_event = single > SINGLE and row["events"] > SEVERAL * row["user_days"]
    status: Status = "warn" if share >= LONG or is_event else "pass"
    facts = {"long_events": int(row["long_events"]), "events": int(row["events"]),
             "sessions": int(row["sessions"]), "single": float(single)}  # fmt: skip
    return Verdict("sessions", status, share, low, high, LONG, int(row["events"]), facts)
