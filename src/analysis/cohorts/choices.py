"""What the headline figures would be had a reasonable person chosen otherwise."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from analysis.base import clock
from analysis.cohorts import survival
from analysis.cohorts.retention import retention_days, user_retention
from analysis.log import activity, churn
from analysis.log.churn import Windows
from analysis.log.window import LogWindow

DAY = 30
"""The tenure day at which the headline tells retention."""
MILESTONE = 90
"""The day at which the headline tells survival."""

CHOICES = {
    "retention_first_event": "Days counted from the first event instead of the day of signup",
    "retention_closed": "The day of signup counted as a return",
    "retention_last_day": "The log taken to end one day earlier",
    "churn_shorter": "A horizon of {half_horizon} days of silence instead of {horizon}",
    "churn_longer": "A horizon of {twice_horizon} days of silence instead of {horizon}",
    "churn_recent": "Users active in the last {half_lookback} days instead of {lookback}",
    "churn_wide": "Users active in the last {twice_lookback} days instead of {lookback}",
    "churn_last_day": "The log taken to end one day earlier",
    "survival_settled": "A stay taken as ended after {horizon} days of silence instead of "
    "{settles:.0f}",
    "survival_censoring": "Followed to the end of the log, and from the first event in it, "
    "instead of from its start and only while an end can still be seen",
}
"""What is chosen otherwise, by key; the first word is the figure."""
FIGURES = {
    "retention": f"New users back within {DAY} days",
    "churn": "Active users who fell silent",
    "survival": f"Users still active after {MILESTONE} days",
}


def _within(active: Any, users: pd.DataFrame, window: LogWindow) -> float:
    per_user = user_retention(active, users, window, [DAY])
    table = retention_days(per_user, [DAY], min_group=1)
    return float(table.loc[table["definition"] == "within", "retention_rate"].iloc[0])


def _closed(active: Any, users: pd.DataFrame, window: LogWindow) -> float:
    per_user = user_retention(active, users, window, [0, DAY])
    eligible = per_user[per_user[f"is_eligible_{DAY}"]]
    came = eligible["is_active_on_0"] | (eligible["first_return_day"] <= DAY)
    return float(came.mean()) if len(eligible) else float("nan")


def _churn(active: Any, window: LogWindow, windows: Windows) -> float:
    at = window.end - windows.step
    if at - windows.back < window.start:
        return float("nan")
    population = churn.at_risk(active, at, windows)
    return float(churn.outcome(active, population, at, windows, window.end).mean())


def _survival(lives: pd.DataFrame) -> float:
    curve = survival.survival_table(lives, "all", MILESTONE)
    return float(curve["survival"].iloc[-1]) if len(curve) else float("nan")


def choices(
    events: Any,
    users: pd.DataFrame,
    window: LogWindow,
    windows: Windows,
    passive: Sequence[str] = (),
) -> pd.DataFrame:
    """Return each headline figure that a definition makes as this book has it and as another
    choice would: `choice`, `figure`, `as_chosen`, `otherwise`, `difference` (shares, 0 to 1,
    missing where the log is too short).

    Retention is within 30 days, churn is of the last snapshot with an outcome (another one when
    the horizon is another), survival is at day 90. `windows` are those of the label; `passive`
    as in activity.activity.
    """
    active = activity.activity(events, users, window, passive)
    spans = activity.user_spans(active)
    day = clock.DAY
    shorter = LogWindow(window.start, window.end - day)
    less = activity.activity(events, users, shorter, passive)
    first = users.merge(spans, on="user_id", how="left")
    moved = first.assign(signup_date=first["first_event_at"].where(
        first["signup_date"] >= window.start, first["signup_date"]))  # fmt: skip
    from_first = activity.activity(events, moved, window, passive)
    silence = survival.silence_that_settles(windows.horizon)
    settled = survival.settled_lifetimes
    stays = _survival(settled(users, spans, window, silence))
    otherwise = _survival(survival.lifetimes(users, spans, window, windows.horizon))
    within, left = _within(active, users, window), _churn(active, window, windows)
    half_back, half = max(windows.lookback // 2, 1), max(windows.horizon // 2, 1)
    others = {
        "churn_shorter": replace(windows, horizon=half),
        "churn_longer": replace(windows, horizon=2 * windows.horizon),
        "churn_recent": replace(windows, lookback=half_back),
        "churn_wide": replace(windows, lookback=2 * windows.lookback),
    }
    found = {
        "retention_first_event": (within, _within(from_first, moved, window)),
        "retention_closed": (within, _closed(active, users, window)),
        "retention_last_day": (within, _within(less, users, shorter)),
        **{key: (left, _churn(active, window, w)) for key, w in others.items()},
        "churn_last_day": (left, _churn(less, shorter, windows)),
        "survival_settled": (stays, _survival(settled(users, spans, window, windows.horizon))),
        "survival_censoring": (stays, otherwise),
    }
    told = {
        "horizon": windows.horizon, "half_horizon": half, "twice_horizon": 2 * windows.horizon,
        "lookback": windows.lookback, "half_lookback": half_back,
        "twice_lookback": 2 * windows.lookback, "settles": silence,
    }  # fmt: skip
    rows = [
        (CHOICES[key].format(**told), FIGURES[key.split("_")[0]], *pair)
        for key, pair in found.items()
    ]
    table = pd.DataFrame(rows, columns=["choice", "figure", "as_chosen", "otherwise"])
    return table.assign(difference=table["otherwise"] - table["as_chosen"])
