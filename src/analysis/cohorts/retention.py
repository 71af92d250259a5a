"""Retention of new users, over those whose first days the log covers."""

from collections.abc import Sequence
from typing import Any

import ibis
import pandas as pd

from analysis.base import clock, engine
from analysis.base.statistics import wilson
from analysis.log.activity import user_days
from analysis.log.window import LogWindow

DEFINITIONS = ("on_day", "on_or_after", "within")


def _days_per_user(active: Any, days: Sequence[int]) -> Any:
    """Return one row per active user: which of `days` it was active on, and which others."""
    table = user_days(active)
    later = table.tenure_day >= 1
    return table.group_by("user_id").aggregate(
        first_return_day=table.tenure_day.min(where=later),
        last_active_day=table.tenure_day.max(),
        **{f"is_active_on_{day}": (table.tenure_day == day).any() for day in days},
    )


def user_retention(
    active: Any, users: pd.DataFrame, window: LogWindow, days: Sequence[int]
) -> pd.DataFrame:
    """Return one row per user with a signup date: what its first days were, where known.

    Columns: `user_id`, `signup_date`, `last_observed_day` (whole tenure days the log
    covers; missing for users who joined before the log), `first_return_day` (first
    active tenure day from 1 on), `last_active_day`, `is_active_on_N` for N in `days`,
    and `is_eligible_N`: joined inside the log and day N ended before the log did.
    """
    known = users.loc[users["signup_date"].notna(), ["user_id", "signup_date"]]
    seen = engine.to_pandas(_days_per_user(active, days))
    table = known.merge(seen, on="user_id", how="left").sort_values("user_id")
    flags = [f"is_active_on_{day}" for day in days]
    table[flags] = table[flags].eq(True)
    covered = table["signup_date"] >= window.start
    tenure: pd.Series[pd.Timedelta] = window.end - table["signup_date"]
    whole = (tenure / clock.DAY).floordiv(1)
    table["last_observed_day"] = whole.where(covered).where(whole >= 0)
    for day in days:
        table[f"is_eligible_{day}"] = table["last_observed_day"] >= day + 1
    return table.reset_index(drop=True)


def _is_retained(table: pd.DataFrame, definition: str, day: int) -> "pd.Series[bool]":
    if definition == "on_day":
        return table[f"is_active_on_{day}"].astype(bool)
    if definition == "on_or_after":
        return table["last_active_day"] >= day
    return table["first_return_day"] <= day


def retention_days(per_user: pd.DataFrame, days: Sequence[int], min_group: int) -> pd.DataFrame:
    """Return the share of new users who were active again, by three definitions and by day.

    With d the whole 24-hour periods between signup (at midnight) and an event, a user
    is retained on day N when: `on_day`, an event has d = N; `on_or_after`, one has
    d >= N (a lower bound: later days may still come); `within`, one has 1 <= d <= N.
    Only users who joined inside the log and whose day N ended before the log did are
    eligible; rate = retained / eligible over all of them, with a Wilson interval.

    Input: the result of user_retention. Columns: `definition`, `day`, `eligible_users`,
    `retained_users` (counts), `retention_rate`, `ci_low`, `ci_high` (0 to 1; missing
    below `min_group` eligible users), `is_too_few`.
    """
    rows = []
    for definition in DEFINITIONS:
        for day in days:
            eligible = per_user[per_user[f"is_eligible_{day}"]]
            retained = int(_is_retained(eligible, definition, day).sum())
            rows.append((definition, day, len(eligible), retained))
    table = pd.DataFrame(rows, columns=["definition", "day", "eligible_users", "retained_users"])
    return _with_rate(table, "retained_users", "eligible_users", min_group)


def _with_rate(table: pd.DataFrame, part: str, whole: str, min_group: int) -> pd.DataFrame:
    few = table[whole] < min_group
    low, high = wilson(table[part], table[whole])
    rate = table[part] / table[whole].where(table[whole] > 0)
    return table.assign(
        retention_rate=rate.mask(few),
        ci_low=low.mask(few),
        ci_high=high.mask(few),
        is_too_few=few,
    )


def _active_months(active: Any, window: LogWindow, zone: str) -> Any:
    day = clock.local_day(active.event_at, zone, window.start, window.end)
    days = active.mutate(day=day).select("user_id", "day").distinct()
    epoch = ibis.date("1970-01-01")
    date = epoch + days.day.as_interval("D")
    return (
        days.mutate(event_month=date.strftime("%Y-%m")).select("user_id", "event_month").distinct()
    )


def retention_cohorts(
    active: Any,
    users: pd.DataFrame,
    window: LogWindow,
    zone: str,
    min_group: int,
) -> pd.DataFrame:
    """Return the share of each signup month's users who were active in each later month.

    Rate = users of the cohort with an event in the month / all users of the cohort,
    with a Wilson interval. A month that the log does not cover from its first to its
    last instant is not observed: its rate is blank, never 0. The month of signup
    itself counts whoever came on the day of signup or later. Months are those of `zone`.

    Columns: `cohort_month`, `event_month` (text), `active_users`, `cohort_size`
    (counts), `retention_rate`, `ci_low`, `ci_high` (0 to 1, or blank), `is_observed`,
    `is_too_few` (fewer than `min_group` users in the cohort).
    """
    known = users[users["signup_date"].notna() & (users["signup_date"] < window.end)]
    cohorts = pd.DataFrame(
        {"user_id": known["user_id"], "cohort_month": clock.month(known["signup_date"], zone)}
    )
    months = _active_months(active, window, zone)
    joined = months.join(engine.from_pandas(cohorts), "user_id")
    counted = joined.group_by("cohort_month", "event_month").aggregate(
        active_users=lambda t: t.count()
    )
    grid = _grid(cohorts, window, zone).merge(engine.to_pandas(counted), how="left")
    grid["active_users"] = grid["active_users"].fillna(0).astype("int64")
    rates = _with_rate(grid, "active_users", "cohort_size", min_group)
    blank = ["retention_rate", "ci_low", "ci_high"]
    rates[blank] = rates[blank].where(rates["is_observed"], axis=0)
    order = ["cohort_month", "event_month", "active_users", "cohort_size", "retention_rate"]
    return rates[[*order, "is_observed", "ci_low", "ci_high", "is_too_few"]]


BEFORE_LOG = 365
"""Days before the log from which months of the cohort table are listed: a signup of 1970 would
fill it."""


def _grid(cohorts: pd.DataFrame, window: LogWindow, zone: str) -> pd.DataFrame:
    """Return every cohort with every month from its own, or from a year before the log, to the
    last one the log touches.
    """
    size = cohorts.groupby("cohort_month").size().rename("cohort_size").reset_index()
    last = (window.end - pd.Timedelta(microseconds=1)).tz_convert(zone).strftime("%Y-%m")
    first = (window.start - pd.Timedelta(days=BEFORE_LOG)).strftime("%Y-%m")
    opens = max(size["cohort_month"].min(), first) if len(size) else first
    months = pd.period_range(opens, last, freq="M").strftime("%Y-%m")
    spans = [clock.month_span(name, zone) for name in months]
    observed = [window.start <= start and end <= window.end for start, end in spans]
    table = pd.DataFrame({"event_month": months, "is_observed": observed})
    grid = size.merge(table, how="cross")
    return grid[grid["event_month"] >= grid["cohort_month"]].reset_index(drop=True)
