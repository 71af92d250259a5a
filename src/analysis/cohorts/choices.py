"""What the headline figures would be under other reasonable definitions."""

from dataclasses import replace
from typing import Any

import ibis
import pandas as pd

from analysis.base import clock, engine
from analysis.base.users import beside
from analysis.cohorts import survival
from analysis.cohorts.retention import (
    days_per_user,
    is_retained,
    retention_by_day,
    user_retention,
)
from analysis.log import churn
from analysis.log.churn import Windows
from analysis.log.log import Log
from analysis.log.window import LogWindow

DAY = 30
"""The tenure day of the headline retention."""
MILESTONE = 90
"""The day of the headline survival."""
COLUMNS = ["choice", "figure", "days_chosen", "days_otherwise", "as_chosen", "otherwise"]
UNKNOWN = float("nan")


def choices(log: Log, windows: Windows, min_group: int) -> pd.DataFrame:
    """Return the headline figures that depend on a definition, by this book's definition and by
    another.

    Columns: `choice` and `figure` (codes: their words are in the catalogue), `days_chosen` and
    `days_otherwise` (where the choice is a number of days), `as_chosen`, `otherwise`,
    `difference` (shares, 0 to 1, missing where the log is too short). Retention is within 30
    days, churn is of the last snapshot with an outcome (another one when the horizon is another),
    survival is at day 90, and missing where fewer than `min_group` users are followed from signup
    (see survival_table). `windows` are those of the label.
    """
    rows = [
        *_other_retention(log),
        *_other_churn(log, windows),
        *_other_survival(log, windows.horizon, min_group),
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.assign(difference=table["otherwise"] - table["as_chosen"])


def _other_retention(log: Log) -> list[tuple[Any, ...]]:
    whole, shorter = log.window, _one_day_shorter(log.window)
    less = log.user_days.filter(log.user_days.days_to_end >= 1)
    chosen = _within(log.user_days, log.users, whole)
    others = {
        "retention_first_event": _within_of_first_event(log),
        "retention_closed": _within_or_on_signup(log.user_days, log.users, whole),
        "retention_last_day": _within(less, log.users, shorter),
    }
    return [(key, "retention", UNKNOWN, UNKNOWN, chosen, value) for key, value in others.items()]


def _one_day_shorter(window: LogWindow) -> LogWindow:
    return LogWindow(window.start, window.end - clock.DAY)


def _within(user_days: Any, users: pd.DataFrame, window: LogWindow) -> float:
    """Return the share of eligible new users back within 30 days, the day of signup left out."""
    by_day = retention_by_day(user_retention(user_days, users, window, [DAY]), [DAY], min_group=1)
    return float(by_day.loc[by_day["definition"] == "within", "retention_rate"].iloc[0])


def _within_of_first_event(log: Log) -> float:
    """Return _within with days counted from each user's first event instead of signup.

    A row of the user-days spans less than 24 hours, so its events fall on the day of its first
    event and on that of its last.
    """
    rows = log.user_days
    first = rows.first_event_at.min().over(ibis.window(group_by=rows.user_id))
    since = [
        clock.seconds(at) - clock.seconds(first) for at in (rows.first_event_at, rows.last_event_at)
    ]
    ends = [rows.select("user_id", tenure_day=(s / 86_400).floor().cast("int64")) for s in since]
    seen = engine.to_pandas(days_per_user(ibis.union(*ends), []))
    users = log.users.loc[log.users["signup_date"] >= log.window.start, ["user_id"]]
    table = beside(beside(users, log.spans), seen)
    followed: pd.Series[pd.Timedelta] = log.window.end - table["first_event_at"]
    eligible = table[followed >= (DAY + 1) * clock.DAY]
    return _share(is_retained(eligible, "within", DAY))


def _within_or_on_signup(user_days: Any, users: pd.DataFrame, window: LogWindow) -> float:
    """Return _within with activity on the day of signup counted as a return."""
    per_user = user_retention(user_days, users, window, [0, DAY])
    eligible = per_user[per_user[f"is_eligible_{DAY}"]]
    return _share(eligible["is_active_on_0"] | is_retained(eligible, "within", DAY))


def _share(flags: "pd.Series[bool]") -> float:
    return float(flags.mean()) if len(flags) else UNKNOWN


def _other_churn(log: Log, windows: Windows) -> list[tuple[Any, ...]]:
    half_back, half = max(windows.lookback // 2, 1), max(windows.horizon // 2, 1)
    others = {
        "churn_shorter": replace(windows, horizon=half),
        "churn_longer": replace(windows, horizon=2 * windows.horizon),
        "churn_recent": replace(windows, lookback=half_back),
        "churn_wide": replace(windows, lookback=2 * windows.lookback),
    }
    chosen = _churn(log.user_days, log.window, windows)
    rows: list[tuple[Any, ...]] = []
    for key, other in others.items():
        days = (
            (windows.horizon, other.horizon)
            if other.lookback == windows.lookback
            else (windows.lookback, other.lookback)
        )
        rows.append((key, "churn", *days, chosen, _churn(log.user_days, log.window, other)))
    last = _churn(log.user_days, log.window, windows, days_left_out=1)
    return [*rows, ("churn_last_day", "churn", UNKNOWN, UNKNOWN, chosen, last)]


def _churn(user_days: Any, window: LogWindow, windows: Windows, days_left_out: int = 0) -> float:
    """Return the churn rate of the last snapshot whose outcome the log, without so many of its last
    days, holds.
    """
    back = days_left_out + windows.gap + windows.horizon
    if window.end - back * clock.DAY - windows.back < window.start:
        return UNKNOWN
    seen = churn.seen_around(user_days, windows, [back])
    return float((~seen[f"returned_{back}"].astype(bool)).mean()) if len(seen) else UNKNOWN


def _other_survival(log: Log, horizon_days: int, min_group: int) -> list[tuple[Any, ...]]:
    tables = (log.users, log.spans, log.window)
    settles = survival.silence_that_settles(horizon_days)
    chosen = _survival(survival.settled_lifetimes(*tables, settles), min_group)
    sooner = _survival(survival.settled_lifetimes(*tables, horizon_days), min_group)
    plain = _survival(survival.lifetimes(*tables, horizon_days), min_group)
    return [
        ("survival_settled", "survival", settles, horizon_days, chosen, sooner),
        ("survival_censoring", "survival", UNKNOWN, UNKNOWN, chosen, plain),
    ]


def _survival(stays: pd.DataFrame, min_group: int) -> float:
    curve = survival.only(survival.survival_table(stays, "all", MILESTONE, min_group), "all")
    is_whole = survival.begins(curve) == 0 and curve["day"].iloc[-1] == MILESTONE
    return float(curve["survival"].iloc[-1]) if is_whole else UNKNOWN
