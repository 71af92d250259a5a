"""Retention of new users, over those whose first days the log covers."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from analysis.base import clock, engine
from analysis.base.formats import is_too_few
from analysis.base.statistics import wilson
from analysis.base.users import beside
from analysis.contract.checks import Status, Verdict, check
from analysis.log.window import LogWindow

DEFINITIONS = ("on_day", "on_or_after", "within")


def user_retention(
    user_days: Any, users: pd.DataFrame, window: LogWindow, days: Sequence[int]
) -> pd.DataFrame:
    """Return one row per user with a signup date: what its first days were, where known.

    `user_days` as in log.activity.sum_by_day. Columns: `user_id`, `signup_date`,
    `last_observed_day` (whole tenure days the log covers; missing for users who joined before the
    log), `first_return_day` (first active tenure day from 1 on), `last_active_day`,
    `is_active_on_N` for N in `days`, and `is_eligible_N`: joined during the log and day N ended
    before the log did.
    """
    known = users.loc[users["signup_date"].notna(), ["user_id", "signup_date"]]
    seen = engine.to_pandas(days_per_user(user_days, days))
    table = beside(known, seen).sort_values("user_id")
    flags = [f"is_active_on_{day}" for day in days]
    table[flags] = table[flags].eq(True)
    covered = table["signup_date"] >= window.start
    tenure: pd.Series[pd.Timedelta] = window.end - table["signup_date"]
    whole = (tenure / clock.DAY).floordiv(1)
    table["last_observed_day"] = whole.where(covered).where(whole >= 0)
    for day in days:
        table[f"is_eligible_{day}"] = table["last_observed_day"] >= day + 1
    return table.reset_index(drop=True)


def days_per_user(rows: Any, days: Sequence[int]) -> Any:
    """Return one row per user of `rows` (Ibis, with `user_id` and `tenure_day`):
    `first_return_day`, `last_active_day` and `is_active_on_N` for N in `days`.
    """
    return rows.group_by("user_id").aggregate(
        first_return_day=rows.tenure_day.min(where=rows.tenure_day >= 1),
        last_active_day=rows.tenure_day.max(),
        **{f"is_active_on_{day}": (rows.tenure_day == day).any() for day in days},
    )


def is_retained(table: pd.DataFrame, definition: str, day: int) -> "pd.Series[bool]":
    """Say of each user of `table` (columns of days_per_user) whether it is retained: see
    retention_by_day for the definitions.
    """
    if definition == "on_day":
        return table[f"is_active_on_{day}"].astype(bool)
    if definition == "on_or_after":
        return table["last_active_day"] >= day
    return table["first_return_day"] <= day


def retention_by_day(per_user: pd.DataFrame, days: Sequence[int], min_group: int) -> pd.DataFrame:
    """Return the share of new users who were active again, by three definitions and by day.

    With d the whole 24-hour periods between signup (at midnight) and an event, a user
    is retained on day N when: `on_day`, an event has d = N; `on_or_after`, one has
    d >= N (a lower bound: later days may still come); `within`, one has 1 <= d <= N.
    Only users who joined during the log and whose day N ended before the log did are
    eligible; rate = retained / eligible over all of them, with a Wilson interval.

    Input: the result of user_retention. Columns: `definition`, `day`, `eligible_users`,
    `retained_users` (counts), `retention_rate`, `ci_low`, `ci_high` (0 to 1; missing
    below `min_group` eligible users), `is_too_few`.
    """
    rows = []
    for definition in DEFINITIONS:
        for day in days:
            eligible = per_user[per_user[f"is_eligible_{day}"]]
            retained = int(is_retained(eligible, definition, day).sum())
            rows.append((definition, day, len(eligible), retained))
    table = pd.DataFrame(rows, columns=["definition", "day", "eligible_users", "retained_users"])
    return _with_rate(table, "retained_users", "eligible_users", min_group)


def _with_rate(table: pd.DataFrame, part: str, whole: str, min_group: int) -> pd.DataFrame:
    few = is_too_few(table[whole], min_group)
    low, high = wilson(table[part], table[whole])
    rate = table[part] / table[whole].where(table[whole] > 0)
    return table.assign(
        retention_rate=rate.mask(few),
        ci_low=low.mask(few),
        ci_high=high.mask(few),
        is_too_few=few,
    )


def retention_cohorts(
    user_days: Any,
    users: pd.DataFrame,
    window: LogWindow,
    zone: str,
    min_group: int,
) -> pd.DataFrame:
    """Return the share of each signup month's users who were active in each later month.

    Rate = users of the cohort with an event in the month / all users of the cohort,
    with a Wilson interval. A month that the log does not cover from its first to its
    last instant is not observed: its rate is blank, never 0. The month of signup
    itself counts everyone who was active on the day of signup or later. Months are those of `zone`.

    Columns: `cohort_month`, `event_month` (text), `active_users`, `cohort_size`
    (counts), `retention_rate`, `ci_low`, `ci_high` (0 to 1, or blank), `is_observed`,
    `is_too_few` (fewer than `min_group` users in the cohort).
    """
    known = users[users["signup_date"].notna() & (users["signup_date"] < window.end)]
    cohorts = pd.DataFrame(
        {"user_id": known["user_id"], "cohort_month": clock.month(known["signup_date"], zone)}
    )
    joined = _active_months(user_days).join(engine.from_pandas(cohorts), "user_id")
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


def _active_months(user_days: Any) -> Any:
    """Return each user's months with activity: `user_id`, `event_month` (as 2025-01)."""
    months = user_days.mutate(event_month=clock.month_of(user_days.local_day))
    return months.select("user_id", "event_month").distinct()


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


@check(stage="05_cohorts", strikes=["retention"])
def retention_eligible(
    user_retention: pd.DataFrame, retention_by_day: pd.DataFrame, window: LogWindow
) -> Verdict:
    """Judge whether an eligible user's days lie outside the log: truncated or not yet over."""
    wrong = 0
    for day in sorted(set(retention_by_day["day"])):
        eligible = user_retention[user_retention[f"is_eligible_{day}"]]
        ends = eligible["signup_date"] + pd.Timedelta(days=int(day) + 1)
        wrong += int(((eligible["signup_date"] < window.start) | (ends > window.end)).sum())
    n, left_out = len(user_retention), int((user_retention["signup_date"] < window.start).sum())
    facts = {"wrong": wrong, "left_out": left_out, "users": n}
    status: Status = "fail" if wrong else "pass"
    return Verdict("retention_eligible", status, float(wrong), limit=0.0, n=n, facts=facts)


@check(stage="05_cohorts")
def retention_cells(retention_cohorts: pd.DataFrame) -> Verdict:
    """Judge whether a month that the log does not cover in full carries a rate."""
    blank = retention_cohorts[~retention_cohorts["is_observed"]]
    wrong, n = int(blank["retention_rate"].notna().sum()), len(retention_cohorts)
    facts = {"wrong": wrong, "blank": len(blank), "cells": n}
    status: Status = "fail" if wrong else "pass"
    return Verdict("retention_cells", status, float(wrong), limit=0.0, n=n, facts=facts)


@check(stage="05_cohorts", strikes=["retention"])
def enough_newcomers(retention_by_day: pd.DataFrame, horizon_days: int, min_group: int) -> Verdict:
    """Judge whether enough new users can be followed for a rate at the horizon."""
    nearest: Any = (retention_by_day["day"] - horizon_days).abs().idxmin()
    row = retention_by_day.loc[nearest]
    eligible = int(row["eligible_users"])
    facts = {"day": int(row["day"]), "eligible": eligible, "needed": min_group}
    status: Status = "warn" if is_too_few(eligible, min_group) else "pass"
    return Verdict(
        "enough_newcomers", status, float(eligible), limit=float(min_group), n=eligible, facts=facts
    )
