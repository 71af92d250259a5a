"""Figures on the trend by key: churn and active users beside those of earlier snapshots."""

from collections.abc import Mapping
from math import hypot
from typing import Any

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from analysis.cohorts import trend
from analysis.summary.entries import Entry, Metrics, metric

RESTS_ON = ["churn"]
TOO_SHORT = (
    "The log has no two snapshots in a row with a whole horizon after them and enough users. Give "
    "a longer log, or lower lookback_days, horizon_days or min_group in params.yml."
)
NO_MONTHS = "The log does not cover two whole calendar months in a row. Give a longer log."


def trend_metrics(churn_by_snapshot: pd.DataFrame) -> Metrics:
    """Return where churn and the number of active users are going.

    - `churn_rate_before`, `churn_snapshot_before`: churn at the snapshot before that of
      `churn_rate`; `churn_change` is the difference, and `churn_change_is_beyond_chance` says
      whether its interval leaves out 0.
    - `churn_rate_first`, `churn_snapshot_first`: the same for the first snapshot whose churn is
      known; `churn_change_since_first`.
    - `churn_direction`: see cohorts.trend.direction; `churn_slope` the line's slope per snapshot.
    - `active_users_now`, and `active_users_before` at the snapshot before, the last whose churn is
      known; `active_users_change` is the difference as a share of the latter. Its interval holds
      chance in who came and who went: if nothing changes, each of them is as likely to have come as
      to have gone (McNemar 1947; exact interval of Clopper and Pearson 1934).
    """
    table = churn_by_snapshot.reset_index(drop=True)
    return {**_churn(table), **_direction(table), **_active(table)}


def _churn(table: pd.DataFrame) -> Metrics:
    over = table[table["is_complete"].astype(bool)]
    last = len(over) - 1
    known = trend.known(over)
    first = int(known.index[0]) if len(known) else last
    before, begin = (
        _change(over, at, last, label)
        for at, label in (
            (last - 1, "Change in churn since the snapshot before"),
            (first, "Change in churn since the first snapshot"),
        )
    )
    beyond = _beyond(before)
    return {
        "churn_rate_before": _rate(over, last - 1, "Churn at the snapshot before"),
        "churn_snapshot_before": _day(over, last - 1, "Snapshot before the last one"),
        "churn_change": before,
        "churn_change_is_beyond_chance": metric(
            beyond, "text", "Change in churn beyond chance", rests_on=RESTS_ON, reason=TOO_SHORT
        ),
        "churn_rate_first": _rate(over, first, "Churn at the first snapshot"),
        "churn_snapshot_first": _day(over, first, "First snapshot with a known outcome"),
        "churn_change_since_first": begin,
    }


def _rate(over: pd.DataFrame, at: int, label: str) -> Entry:
    if at < 0:
        return metric(None, "share", label, rests_on=RESTS_ON, reason=TOO_SHORT)
    row: Any = over.iloc[at]
    interval = (row["ci_low"], row["ci_high"])
    users = row["active_users"]
    return metric(row["churn_rate"], "share", label, users, interval, RESTS_ON, TOO_SHORT)


def _day(over: pd.DataFrame, at: int, label: str) -> Entry:
    return metric(None if at < 0 else over["snapshot_at"].iloc[at], "date", label)


def _change(over: pd.DataFrame, first: int, last: int, label: str) -> Entry:
    """Return the change of churn between two snapshots, by their places."""
    if not 0 <= first < last:
        return metric(None, "points", label, rests_on=RESTS_ON, reason=TOO_SHORT)
    change, *interval = trend.change_between(over, first, last)
    users = over["active_users"].iloc[last]
    return metric(change, "points", label, users, interval, RESTS_ON, TOO_SHORT)


def _beyond(entry: Entry) -> str | None:
    """Return whether an entry's interval leaves out 0; None without one."""
    if entry["ci_low"] is None:
        return None
    return "yes" if entry["ci_low"] > 0 or entry["ci_high"] < 0 else "no"


def _direction(table: pd.DataFrame) -> Metrics:
    known, line = trend.known(table), trend.trend(table)
    slope, *interval = (line.slope, line.low, line.high) if line else (None, None, None)
    return {
        "churn_direction": metric(
            trend.direction(table), "text", "Direction of churn", rests_on=RESTS_ON
        ),
        "churn_slope": metric(
            slope, "points", "Change in churn per snapshot, over the log",
            interval=interval, rests_on=RESTS_ON, reason=TOO_SHORT,
        ),
        "churn_snapshots": metric(len(known), "count", "Snapshots with a known churn"),
    }  # fmt: skip


def _active(table: pd.DataFrame) -> Metrics:
    now: Mapping[str, Any] = dict(table.iloc[-1]) if len(table) else {}
    before = table["active_users"].iloc[-2] if len(table) > 1 else None
    change = _active_change(now, before)
    return {
        "active_users_now": metric(
            now.get("active_users"), "count", "Active users now", rests_on=RESTS_ON
        ),
        "active_users_before": metric(
            before, "count", "Active users at the snapshot before", rests_on=RESTS_ON
        ),
        "active_users_change": change,
        "active_users_change_is_beyond_chance": metric(
            _beyond(change), "text", "Change in active users beyond chance", rests_on=RESTS_ON,
            reason=TOO_SHORT,
        ),
    }  # fmt: skip


def _active_change(now: Mapping[str, Any], before: int | None) -> Entry:
    """Return the change to the snapshot `now` as a share of the active users `before`."""
    label = "Change in active users since the snapshot before"
    if not before:
        return metric(None, "share", label, rests_on=RESTS_ON, reason=TOO_SHORT)
    gained, lost = int(now["gained_users"]), int(now["lost_users"])
    moved = gained + lost
    ends = proportion_confint(gained, moved, method="beta") if moved else (0.5, 0.5)
    ends = [(2 * float(end) - 1) * moved / before for end in ends]
    return metric((gained - lost) / before, "share", label, before, ends, RESTS_ON)


FLOWS = {
    "growth_active": ("active_users", "Active users of the last whole month"),
    "growth_new": ("new_users", "New users of that month"),
    "growth_retained": ("retained_users", "Users retained from the month before"),
    "growth_resurrected": ("resurrected_users", "Resurrected users of that month"),
    "growth_lost": ("lost_users", "Users lost since the month before"),
}
"""The figures of the last whole month: the column of cohorts.growth, and the label."""


def growth_metrics(growth: pd.DataFrame) -> Metrics:
    """Return the growth accounting of the last month of which all is known: see
    cohorts.growth.monthly_growth.
    """
    whole = growth[growth["is_complete"].astype(bool)]
    row: Mapping[str, Any] = dict(whole.iloc[-1]) if len(whole) else {}
    counts = {key: (row.get(name), label) for key, (name, label) in FLOWS.items()}
    on: dict[str, Any] = {"rests_on": ["activity"], "reason": NO_MONTHS}
    return {
        "growth_month": metric(row.get("month"), "text", "Last whole month", reason=NO_MONTHS),
        **{
            key: metric(None if found is None else int(found), "count", label, **on)
            for key, (found, label) in counts.items()
        },
        "growth_quick_ratio": metric(row.get("quick_ratio"), "ratio", "Quick ratio", **on),
    }


def value_at_stake(
    expected: Entry, before: Metrics, customer_value: float, currency: str = ""
) -> Metrics:
    """Return what the users expected to churn are worth, at the assumed value of a customer.

    - `value_at_stake`: of the active users now, at the last observed rate; `expected` is the entry
      of `expected_at_last_rate`.
    - `value_at_stake_before`: as it stood at the snapshot before: of the users active then, at the
      rate observed by then. `before` are the metrics of trend_metrics.
    - `value_at_stake_change`: the difference, with an interval that holds chance in both rates
      (Zou and Donner 2008, from the two intervals); `value_at_stake_change_is_beyond_chance` says
      whether it leaves out 0.
    """
    label = "Value of the users expected to churn at the last observed rate"
    now = _worth(_ends(expected), customer_value)
    rate, users = before["churn_rate_before"], before["active_users_before"]["value"]
    then = _worth(_ends(rate), None if users is None else users * customer_value)
    rests_on, n = expected["rests_on"], expected["n"]
    change = _difference(now, then)
    on: dict[str, Any] = {"rests_on": rests_on, "currency": currency}
    late: dict[str, Any] = {**on, "reason": TOO_SHORT}
    entry = metric(change[0], "money", "Change in the value at stake", n, change[1:], **late)
    return {
        "value_at_stake": metric(now[0], "money", label, n, now[1:], **on),
        "value_at_stake_before": metric(
            then[0], "money", "Value at stake at the snapshot before", users, then[1:], **late
        ),
        "value_at_stake_change": entry,
        "value_at_stake_change_is_beyond_chance": metric(
            _beyond(entry), "text", "Change in the value at stake beyond chance",
            rests_on=rests_on, reason=TOO_SHORT,
        ),
    }  # fmt: skip


Ends = tuple[float | None, float | None, float | None]
"""A figure with the ends of its interval."""


def _ends(entry: Entry) -> Ends:
    return entry["value"], entry["ci_low"], entry["ci_high"]


def _worth(ends: Ends, each: float | None) -> Ends:
    value, low, high = (None if end is None or each is None else end * each for end in ends)
    return value, low, high


def _difference(now: Ends, then: Ends) -> Ends:
    """Return a difference with its interval, from two figures with theirs."""
    known = [end for end in (*now, *then) if end is not None]
    if len(known) < len(now) + len(then):
        return None, None, None
    value, low, high, other, other_low, other_high = known
    down, up = hypot(value - low, other_high - other), hypot(high - value, other - other_low)
    return value - other, value - other - down, value - other + up
