"""Checks of the retention tables: is everyone counted whose days the log holds, and no one else?"""

from typing import Any

import pandas as pd

from analysis.contract.checks import Status, Verdict
from analysis.log.window import LogWindow


def run(
    per_user: pd.DataFrame,
    by_day: pd.DataFrame,
    monthly: pd.DataFrame,
    window: LogWindow,
    horizon_days: int,
    min_group: int,
) -> list[Verdict]:
    """Return the verdicts on the tables of the stage 05_cohorts."""
    return [
        retention_eligible(per_user, by_day, window),
        retention_cells(monthly),
        enough_newcomers(by_day, horizon_days, min_group),
    ]


def retention_eligible(per_user: pd.DataFrame, by_day: pd.DataFrame, window: LogWindow) -> Verdict:
    """Judge whether an eligible user's days lie outside the log: truncated or not yet over."""
    wrong = 0
    for day in sorted(set(by_day["day"])):
        eligible = per_user[per_user[f"is_eligible_{day}"]]
        ends = eligible["signup_date"] + pd.Timedelta(days=int(day) + 1)
        wrong += int(((eligible["signup_date"] < window.start) | (ends > window.end)).sum())
    left_out = int((per_user["signup_date"] < window.start).sum())
    facts = {"wrong": wrong, "left_out": left_out, "users": len(per_user)}
    status: Status = "fail" if wrong else "pass"
    return Verdict(
        "retention_eligible", status, float(wrong), limit=0.0, n=len(per_user), facts=facts
    )


def retention_cells(monthly: pd.DataFrame) -> Verdict:
    """Judge whether a month that the log does not cover in full carries a rate."""
    blind = monthly[~monthly["is_observed"]]
    wrong = int(blind["retention_rate"].notna().sum())
    facts = {"wrong": wrong, "blank": len(blind), "cells": len(monthly)}
    status: Status = "fail" if wrong else "pass"
    return Verdict("retention_cells", status, float(wrong), limit=0.0, n=len(monthly), facts=facts)


def enough_newcomers(by_day: pd.DataFrame, horizon_days: int, min_group: int) -> Verdict:
    """Judge whether enough newcomers can be followed for a rate at the horizon."""
    nearest: Any = (by_day["day"] - horizon_days).abs().idxmin()
    near = by_day.loc[nearest]
    eligible = int(near["eligible_users"])
    facts = {"day": int(near["day"]), "eligible": eligible, "needed": min_group}
    status: Status = "warn" if eligible < min_group else "pass"
    return Verdict(
        "enough_newcomers", status, float(eligible), limit=float(min_group), n=eligible, facts=facts
    )
