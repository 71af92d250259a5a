"""Users who leave: of any product's users, some are seen for the last time every week."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.base import clock
from analysis.log.window import MONTH, NEIGHBOURS, LogWindow


@dataclass(frozen=True)
class Leavers:
    """How many users were last seen before the day `before`, and how many were `expected`."""

    found: int
    expected: float
    before: pd.Timestamp

    @property
    def ratio(self) -> float:
        """Those found as a share of those expected."""
        return self.found / self.expected


def fewest_leavers(
    users_seen: pd.DataFrame,
    volume: pd.DataFrame,
    window: LogWindow,
    horizon_days: int,
    least: float,
) -> Leavers | None:
    """Return the first part of the log in which fewest users were last seen, of those expected.

    A user who is active on a day is there for the last time with some chance. It is never 0 for
    long in one part of a log and well above 0 in all of the rest, unless accounts that were last
    seen early are in neither table. Expected are the user-days up to each week's end times the
    lowest such share in any four weeks after it; the last horizon, in which nobody is known to have
    left, does not count. Parts with fewer than `least` expected are not judged; None without any.
    """
    active, last_seen = _by_day(users_seen, volume, window, horizon_days)
    parts = []
    for day in range(MONTH, len(active) - 2 * MONTH + 1, NEIGHBOURS):
        expected = active[:day].sum() * _lowest_share(active[day:], last_seen[day:])
        if expected >= least:
            before = window.start + pd.Timedelta(days=day)
            parts.append(Leavers(int(last_seen[:day].sum()), float(expected), before))
    return min(parts, key=lambda part: (part.ratio, -part.expected), default=None)


def _by_day(
    users_seen: pd.DataFrame, volume: pd.DataFrame, window: LogWindow, horizon_days: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the users active on each day of the window, and those last seen on it, up to a horizon
    before its end.
    """
    days = max(int(window.days) - horizon_days, 0)
    at = ((volume["day"] - window.start) / clock.DAY).round().astype(int)
    active = volume["users"].groupby(at).sum().reindex(range(days), fill_value=0)
    last = ((users_seen["last_event_at"].dropna() - window.start) / clock.DAY).apply(np.floor)
    last_seen = last.value_counts().reindex(range(days), fill_value=0)
    return active.to_numpy(), last_seen.to_numpy()


def _lowest_share(active: np.ndarray, last_seen: np.ndarray) -> float:
    """Return the lowest share of user-days that were the user's last, of any four weeks."""
    starts = range(0, len(active) - MONTH + 1, MONTH)
    return float(
        min(last_seen[i : i + MONTH].sum() / max(active[i : i + MONTH].sum(), 1) for i in starts)
    )
