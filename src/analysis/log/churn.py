"""The churn label: snapshots, who was at risk, and who did not return."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pandas as pd

from analysis.base import clock, engine
from analysis.base.errors import Unavailable
from analysis.base.formats import plural
from analysis.base.statistics import wilson
from analysis.base.unavailable import require
from analysis.log.window import LogWindow


@dataclass(frozen=True)
class Windows:
    """Lengths in days: of the look-back period, the gap before the outcome and the outcome."""

    lookback: int
    gap: int
    horizon: int

    @property
    def step(self) -> pd.Timedelta:
        """Days from one snapshot to the next, so that no outcome day is shared."""
        return pd.Timedelta(days=self.gap + self.horizon)

    @property
    def back(self) -> pd.Timedelta:
        """Length of the look-back period."""
        return pd.Timedelta(days=self.lookback)


def snapshot_plan(window: LogWindow, windows: Windows) -> pd.DataFrame:
    """Return the snapshots of the log, oldest first: `snapshot_at` and `split`.

    Counted back from the end of the log in steps of gap + horizon: the end itself is
    scored, the one before it is the test, the one before that calibrates, and all
    earlier ones train, if the log covers their look-back period. A short log has the later ones
    only. Raises Unavailable when it is shorter than one look-back period.
    """
    instants = []
    at = window.end
    while at - windows.back >= window.start:
        instants.append(at)
        at = at - windows.step
    if not instants:
        raise Unavailable(
            f"The log covers {plural(int(window.days), 'whole day', 'whole days')}, and who is at "
            f"risk is known only after {plural(windows.lookback, 'day', 'days')} (lookback_days). "
            "Give a longer log, or lower lookback_days in params.yml."
        )
    names = (["score", "test", "calibrate"] + ["train"] * len(instants))[: len(instants)]
    return pd.DataFrame({"snapshot_at": instants, "split": names})[::-1].reset_index(drop=True)


def longest_horizon(window: LogWindow, windows: Windows) -> int:
    """Return the longest horizon, in days, for which the log still has a snapshot of each kind;
    below 1 where no horizon has.
    """
    return int((window.days - windows.lookback) // 3) - windows.gap


TOO_SHORT = "too_short"
"""The entry of the snapshots' `attrs` that holds what why_no_model returned."""


def why_no_model(window: LogWindow, windows: Windows) -> str | None:
    """Return why the log is too short for a model, and the longest horizon for which it is not;
    None where it is long enough.
    """
    needed = windows.lookback + 3 * (windows.gap + windows.horizon)
    if window.start + pd.Timedelta(days=needed) <= window.end:
        return None
    longest = longest_horizon(window, windows)
    remedy = f"Set horizon_days to at most {longest}" if longest >= 1 else "Give a longer log"
    return (
        f"The log covers {plural(round(window.days), 'day', 'days')}, but a model that is trained, "
        f"calibrated and tested on separate days needs {needed} "
        f"(lookback_days + 3 x (gap_days + horizon_days)). {remedy}, or lower lookback_days."
    )


def last_outcomes(snapshots: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the last snapshot whose outcome is known, the one that tests the model.

    Raises Unavailable when nobody was at risk at one.
    """
    rows = snapshots[require(snapshots)["split"] == "test"]
    if rows.empty:
        raise Unavailable(
            "No churn was measured: the log has no snapshot that a whole horizon follows, or "
            "nobody was active before it. Give a longer log, or lower lookback_days or "
            "horizon_days in params.yml."
        )
    return rows


def users_between(active: Any, start: pd.Timestamp, end: pd.Timestamp) -> "pd.Series[Any]":
    """Return the user_id of everyone with an event in [start, end), sorted."""
    inside = active.filter(active.event_at >= start, active.event_at < end)
    return engine.to_pandas(inside.group_by("user_id").aggregate().order_by("user_id"))["user_id"]


def at_risk(active: Any, at: pd.Timestamp, windows: Windows) -> "pd.Series[Any]":
    """Return the user_id of everyone who was known at `at` to have been active in the look-back
    before it, sorted. An event that arrived later does not count: who uploads it came back.
    """
    return users_between(active.filter(active.recorded_at < at), at - windows.back, at)


def seen_around(user_days: Any, windows: Windows, days_back: Sequence[int]) -> pd.DataFrame:
    """Return per user who was at risk at some snapshot: `at_risk_N` and `returned_N` (flags) for
    the snapshot N days before the end of the window, for each N of `days_back`.

    `user_days` as in log.activity.sum_by_day or log.slices, so that one pass over them answers for
    all snapshots; the definitions are those of at_risk and of outcome. Sorted by user.
    """
    day, known = user_days.days_to_end, user_days.recorded_days_to_end
    flags = {}
    for back in days_back:
        ends = back - windows.gap
        is_before = (day >= back) & (day < back + windows.lookback) & (known >= back)
        flags[f"at_risk_{back}"] = is_before.any()
        flags[f"returned_{back}"] = ((day >= ends - windows.horizon) & (day < ends)).any()
    rows = engine.to_pandas(user_days.group_by("user_id").aggregate(**flags).order_by("user_id"))
    return rows[rows[[f"at_risk_{back}" for back in days_back]].any(axis=1)].reset_index(drop=True)


def outcome(
    active: Any,
    population: "pd.Series[Any]",
    at: pd.Timestamp,
    windows: Windows,
    log_end: pd.Timestamp,
) -> "pd.Series[float]":
    """Return 1.0 for users with no event in [at + gap, at + gap + horizon), else 0.0.

    Missing for everyone when that window ends after `log_end`: not yet observed.
    """
    start = at + pd.Timedelta(days=windows.gap)
    end = start + pd.Timedelta(days=windows.horizon)
    if end > log_end:
        return pd.Series(np.nan, index=population.index)
    return (~population.isin(users_between(active, start, end))).astype("float64")


def reactivation(rows: Any, window: LogWindow, horizon_days: int) -> pd.DataFrame:
    """Return how often users who were inactive for a horizon came back in the next one.

    Over instants t spaced by the horizon h: users with an event in [t - h, t) and none
    in [t, t + h) are inactive; they came back if an event falls in [t + h, t + 2h).
    One row: `silent`, `returned` (counts over all t), `rate`, `ci_low`, `ci_high`
    (0 to 1, Wilson). Instants whose three windows the log does not cover are left out.
    `rows` are events, or sums over a day and less, which reach into two spans at most.
    """
    is_summed = "first_event_at" in rows.columns
    ends = (rows.first_event_at, rows.last_event_at) if is_summed else (rows.event_at,)
    span = [clock.days_since(at, window.start) // horizon_days for at in ends]
    both = [rows.select("user_id", span=number) for number in span]
    spans = ibis.union(*both).distinct() if is_summed else both[0].distinct()
    following = spans.span.lead().over(group_by=spans.user_id, order_by=spans.span)
    pairs = spans.mutate(pause=following - spans.span)
    last = (window.end - window.start) // pd.Timedelta(days=horizon_days) - 3
    inside = pairs.filter(pairs.span.between(0, last))
    sums = inside.aggregate(
        silent=(inside.pause.isnull() | (inside.pause > 1)).sum(),
        returned=(inside.pause == 2).sum(),
    )
    table = engine.to_pandas(sums).fillna(0).astype("int64")
    low, high = wilson(table["returned"], table["silent"])
    rate = table["returned"] / table["silent"].where(table["silent"] > 0)
    return table.assign(rate=rate, ci_low=low, ci_high=high)
