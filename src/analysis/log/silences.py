"""Silences: how many end with a return, for the horizon in use and for longer ones.

A silence runs from one event of a user to the user's next; the last one is cut off by the end of
the log. Whether "churned" means "gone" depends on how many silences of a horizon end.
"""

from typing import Any

import ibis
import numpy as np
import pandas as pd
from scipy.stats import norm

from analysis.base import clock, engine
from analysis.base.statistics import CONFIDENCE, share_of
from analysis.log.churn import Windows, longest_horizon
from analysis.log.window import LogWindow

LEAST = 30
"""Silences that must still be followed: of fewer, no share is told."""
STEP, MOST = 30, 360
"""Days between the horizons compared, roughly a month, and the longest: nobody waits for a verdict
longer than a year.
"""


def silences(rows: Any, window: LogWindow, least_days: float) -> pd.DataFrame:
    """Return every silence of at least `least_days` (1 or more): `user_id`, `days` and `is_ended`
    (the user came back within the log; otherwise the log ended first). `rows` are active events,
    or sums over slices of them: see log.slices.
    """
    days_seen = _days_seen(rows)
    by_user = ibis.window(group_by=days_seen.user_id, order_by=days_seen["first"])
    following = days_seen["first"].lead().over(by_user)
    end = ibis.literal(window.end.timestamp())
    days = (ibis.coalesce(following, end) - days_seen["last"]) / clock.DAY.total_seconds()
    table = days_seen.mutate(days=days, is_ended=following.notnull())
    kept = table.filter(table.days >= least_days).select("user_id", "days", "is_ended")
    return engine.to_pandas(kept.order_by("user_id", "days"))


def _days_seen(rows: Any) -> Any:
    """Return the `first` and `last` second of users' days: a day holds no silence of a day."""
    is_summed = "first_event_at" in rows.columns
    first, last = (rows.first_event_at, rows.last_event_at) if is_summed else (rows.event_at,) * 2
    dated = rows.mutate(first=clock.seconds(first), last=clock.seconds(last))
    day = rows.days_to_end if is_summed else (dated["first"] / clock.DAY.total_seconds()).floor()
    return dated.group_by("user_id", day=day).aggregate(
        first=dated["first"].min(), last=dated["last"].max()
    )


def return_rates(rows: Any, window: LogWindow, windows: Windows) -> pd.DataFrame:
    """Return what share of silences ends with a return, by their length so far.

    One row for the horizon in use and for each longer one, in steps of STEP days up to MOST, with
    which the log still allows a model. Of a silence that began late the log saw little, so the
    share is 1 minus Kaplan-Meier over the silences of at least a horizon, from that length on and
    up to the longest that LEAST silences reach. Silences of one user are no independent evidence,
    so the error adds them up by user (the infinitesimal jackknife; Lin & Wei 1989).

    Columns: `horizon_days`; `silent` (silences of at least so many days); `returned` (of these,
    ended within the log), `seen` (their share, 0 to 1); `rate`, `ci_low`, `ci_high` (0 to 1, 95 %,
    missing where fewer than LEAST silences are followed for two horizons); `followed_days`.
    """
    horizon = windows.horizon
    longest = min(MOST, longest_horizon(window, windows))
    further = [days for days in range(STEP, longest + 1, STEP) if days > horizon]
    known = silences(rows, window, horizon)
    rows = [_return_rate(known[known["days"] >= days], days) for days in (horizon, *further)]
    return pd.DataFrame(rows)


def _return_rate(long: pd.DataFrame, horizon: int) -> dict[str, float]:
    silent, returned = len(long), int(long["is_ended"].sum())
    row = {"horizon_days": horizon, "silent": silent, "returned": returned,
           "seen": returned / silent if silent else np.nan}  # fmt: skip
    followed = float(long["days"].nlargest(LEAST).iloc[-1]) if silent >= LEAST else 0.0
    if followed < 2 * horizon:
        unknown = dict.fromkeys(("rate", "ci_low", "ci_high"), np.nan)
        return {**row, **unknown, "followed_days": followed}
    rate, low, high = share_ended(long, followed)
    return {**row, "rate": rate, "ci_low": low, "ci_high": high, "followed_days": followed}


def share_ended(long: pd.DataFrame, until: float) -> tuple[float, float, float]:
    """Return the share of silences that end by the length `until`, with its 95 % interval: see
    return_rates. The interval is symmetric on the log-odds; for 0 and 1 it is Wilson's over users.
    """
    days, is_ended = long["days"].to_numpy(), long["is_ended"].to_numpy() & (long["days"] <= until)
    times, ended = np.unique(days[is_ended], return_counts=True)
    at_risk = len(days) - np.searchsorted(np.sort(days), times, side="left")
    rate = 1 - float(np.prod(1 - ended / at_risk))
    users = long["user_id"].nunique()
    if not 0 < rate < 1 or users < 2:
        return rate, *share_of(round(rate * users), users)[1:]
    passed = np.concatenate([[0.0], np.cumsum(ended / (at_risk * (at_risk - ended)))])
    influence = passed[np.searchsorted(times, days, side="right")]
    own = np.searchsorted(times, days[is_ended])
    influence[is_ended] -= ended[own] / (at_risk[own] * (at_risk[own] - ended[own]))
    influence[is_ended] -= 1 / at_risk[own]
    by_user = pd.Series(influence).groupby(long["user_id"].to_numpy()).sum()
    error = float(np.sqrt((by_user**2).sum() * users / (users - 1))) / rate
    wide = norm.ppf(0.5 + CONFIDENCE / 2) * error
    odds = rate / (1 - rate)
    low, high = odds * np.exp(-wide), odds * np.exp(wide)
    return rate, float(low / (1 + low)), float(high / (1 + high))
