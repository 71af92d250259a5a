"""Volume: is the log a steady record without gaps, jumps and stray days?"""

import numpy as np
import pandas as pd

from analysis.base import clock
from analysis.base.statistics import share_of
from analysis.contract.checks import FROM_THE_LOG, Status, Verdict, check, not_applicable
from analysis.log.window import LogWindow, end_of_log, is_apart

JUMP, JUMP_FAILS = 1.5, 3.0
"""Ratio of the volume before and after an instant that is a break, and that is a hole."""
RARELY = 0.02
"""Share of days that may be empty one at a time, as public holidays are."""
HOLE, SPIKE = 0.5, 3.0
"""Share of the usual volume below which a day lacks events, and above which it has too many."""
SURE = 6.0
"""Standard deviations that a break must lie beyond chance, over some 300 places compared."""
REST = 0.1
"""Part of the usual weekday's events below which a weekday is one of rest."""


@check(stage="03_audit", strikes=FROM_THE_LOG)
def log_volume(volume: pd.DataFrame, window: LogWindow) -> Verdict:
    """Judge the largest jump of the daily volume inside the window, and single days that stand
    out: empty ones, ones with less than half of what is usual, ones with more than three times.

    Sums over 7, 14 and 28 days before and after each midnight are compared; chance is
    measured by the scatter from one day to the next, so that bursts of events count once.
    """
    inside = volume[(volume["day"] >= window.start) & (volume["day"] < window.end)]
    if len(inside) < 28:
        return not_applicable("log_volume", "the log covers fewer than 28 days")
    numbers = range(int(inside["day_number"].min()), int(inside["day_number"].max()) + 1)
    days = inside.set_index("day_number")["events"].reindex(numbers, fill_value=0).astype(float)
    scatter = _dispersion(days.to_numpy())
    best = max((_largest_jump(days, size, scatter) for size in (7, 14, 28)), key=lambda j: j[1])
    ratio, z, day = best
    odd = _odd_days(days, scatter)
    missing = odd[days[odd] == 0]
    is_hole = len(missing) > RARELY * len(days) or _longest_run(missing) > 1
    is_dense = days[days > 0].median() > 10 * scatter
    empty = len(missing)
    if is_dense:
        empty = int((days == 0).sum()) - _weekend_days(days)
    is_break = z > SURE and ratio > JUMP
    status: Status = "warn" if is_break or len(odd) or empty else "pass"
    if is_hole or (is_break and ratio > JUMP_FAILS):
        status = "fail"
    odd_date = clock.day_text(int(odd[0])) if len(odd) else "none"
    facts = {"date": clock.day_text(day), "z": z, "empty_days": empty, "odd_days": len(odd),
             "odd_date": odd_date}  # fmt: skip
    return Verdict("log_volume", status, ratio, limit=JUMP, n=len(days), facts=facts)


def _weekend_days(days: "pd.Series[float]") -> int:
    """Return how many days without events are those of weekends on which hardly any come: Saturday
    and Sunday, or Friday and Saturday. A product for work rests then; a single weekday without
    events is no custom.
    """
    weekday = pd.Series((days.index.to_numpy() + 3) % 7, days.index)  # 1 January 1970: a Thursday
    usual = days.groupby(weekday).median()
    rests = set(usual.index[usual < REST * usual.median()])
    return int(((days == 0) & weekday.isin(rests)).sum()) if rests in ({5, 6}, {4, 5}) else 0


def _longest_run(days: "pd.Index[int]") -> int:
    """Return the most days in a row among `days`, which are sorted."""
    runs = pd.Series(days).diff().ne(1).cumsum()
    return int(runs.value_counts().max()) if len(runs) else 0


def _odd_days(days: "pd.Series[float]", scatter: float) -> "pd.Index[int]":
    """Return the days whose volume is below half, or above three times, of both the days around
    and the same weekday of the weeks around, and beyond chance.
    """
    week = days.rolling(15, center=True, min_periods=8).median()
    weekday = pd.concat([days.shift(n) for n in (-14, -7, 7, 14)], axis=1).median(axis=1)
    least, most = np.minimum(week, weekday), np.maximum(week, weekday)
    is_low = (days < HOLE * least) & (least - days > SURE * np.sqrt(scatter * least))
    is_low |= (days == 0) & (least > 10 * scatter)
    is_high = (days > SPIKE * most) & (days - most > SURE * np.sqrt(scatter * most))
    return days.index[is_low | is_high]


def _dispersion(days: np.ndarray) -> float:
    """Return the variance of a day's count over its mean, from day-to-day differences."""
    sums = days[1:] + days[:-1]
    squares = (np.diff(days) ** 2)[sums > 0] / sums[sums > 0]
    return max(1.0, float(np.median(squares)) / 0.455)  # the median of a chi-square with 1 df


def _largest_jump(days: "pd.Series[float]", size: int, scatter: float) -> tuple[float, float, int]:
    """Return ratio, standard deviations and day number of the largest jump over `size` days."""
    if len(days) < 2 * size:
        return 1.0, 0.0, int(days.index[0])
    total = days.rolling(size).sum().to_numpy()
    before, after = total[size - 1 : -size], total[2 * size - 1 :]
    z = np.abs(after - before) / np.sqrt(scatter * np.maximum(after + before, 1))
    at = int(np.argmax(z))
    small, large = sorted((before[at], after[at]))
    return float(large / max(small, 1.0)), float(z[at]), int(days.index[at + size])


@check(stage="03_audit")
def stray_times(volume: pd.DataFrame, window: LogWindow) -> Verdict:
    """Judge the events that lie outside the log, beyond more than a week without any: clocks set
    wrong, and dates that stand for "unknown".
    """
    stray = volume[is_apart(volume, window)]
    total, count = int(volume["events"].sum()), int(stray["events"].sum())
    share, low, high = share_of(count, total)
    ends = (stray["day_number"].min(), stray["day_number"].max()) if count else ()
    first, last = [clock.day_text(number) for number in ends] or ["none"] * 2
    facts = {"events": count, "rows": total, "first": first, "last": last}
    status: Status = "warn" if count else "pass"
    return Verdict("stray_times", status, share, low, high, 0.0, total, facts)


@check(stage="03_audit")
def last_day(volume: pd.DataFrame, window: LogWindow, time_zone: str) -> Verdict:
    """Judge whether days right after the window were left out as incomplete. A single day that may
    as well be whole is no doubt: it is left out because nothing shows that it is (see end_of_log).
    """
    log = volume[~is_apart(volume, window)]
    after = log[log["day"] >= window.end]
    left = int(after["events"].sum())
    cut = end_of_log(log) if len(after) == 1 else "partial"
    status: Status = "warn" if left and cut == "partial" else "pass"
    usual = volume.loc[volume["day"] < window.end, "events"].tail(7).median()
    facts = {"events": left, "days": len(after), "usual": float(usual),
             "end": clock.date_text(window.end, time_zone)}  # fmt: skip
    value = float(after["events"].max() / usual) if left and usual else 0.0
    return Verdict("last_day", status, value, limit=1.0, n=left, facts=facts)


@check(stage="03_audit")
def window_ends(volume: pd.DataFrame, window: LogWindow, time_zone: str) -> Verdict:
    """Judge whether a given log_start lies before the first event, or a given log_end after the
    last: the days between are taken as days on which nobody came.
    """
    log = volume.loc[~is_apart(volume, window), "day"]
    if log.empty:
        return not_applicable("window_ends", "no event lies in the log")
    first, last = log.min(), log.max()
    before = max(round((first - window.start) / clock.DAY), 0)
    after = max(round((window.end - last) / clock.DAY) - 1, 0)
    ends = {"start": window.start, "end": window.end - clock.DAY, "first": first, "last": last}
    facts = {"before": before, "after": after, "days": before + after,
             **{name: clock.date_text(at, time_zone) for name, at in ends.items()}}  # fmt: skip
    status: Status = "warn" if before or after else "pass"
    share = (before + after) / window.days
    return Verdict("window_ends", status, share, limit=0.0, n=round(window.days), facts=facts)
