"""Volume: is the log a steady record without gaps, jumps and stray days?"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.audit.closed import find_holes
from analysis.audit.presence import Presence
from analysis.base import clock
from analysis.base.statistics import share_of
from analysis.contract import suspects
from analysis.contract.checks import Status, Verdict, check, not_applicable
from analysis.log.window import LogWindow, end_of_log, is_apart

JUMP, SURE_OF_JUMP = 1.5, 4.5
"""Ratio of the activity before and after a midnight that is a jump, and the standard deviations
that it must lie beyond chance: in a year there are some 40 places that do not overlap."""
LOW, SPIKE = 0.5, 3.0
"""Share of the usual number of active users below which a day has too few, and above which too
many."""
SURE = 6.0
"""Standard deviations that a single day must lie beyond chance, over some 300 days."""
LEAST_DAYS = 28
"""Days of a log from which its volume is judged."""


@check(stage="03_audit")
def log_volume(
    volume: pd.DataFrame,
    window: LogWindow,
    daily_changes: pd.DataFrame,
    presence: Presence,
    closed: pd.DataFrame,
    users: pd.DataFrame,
    time_zone: str,
) -> Verdict:
    """Judge the days without any event, single days that stand out, and the largest jump.

    Days are lost when the log is full on both sides of them and the product never rests for so
    long: see find_holes. Activity that grows, falls or jumps is the users' doing for all that the
    log can say; a jump beyond chance is reported with what changed: new users, or the others. Spans
    of 28, 14 and 7 days before and after each midnight are compared, and chance is measured by
    resampling users.
    """
    inside = volume[(volume["day"] >= window.start) & (volume["day"] < window.end)]
    if window.days < LEAST_DAYS:
        return not_applicable("log_volume", f"the log covers fewer than {LEAST_DAYS} days")
    holes, odd = find_holes(closed, users["signup_date"]), _odd_days(inside)
    asked = closed[closed["is_asked"] & ~closed.index.isin(holes.index)]
    facts: dict[str, Any] = {
        **_jump(daily_changes, presence, time_zone),
        "holes": _listed(holes), **_longest(asked),
        "lost_days": int(holes["days"].sum()), "closed_days": int(asked["days"].sum()),
        "odd_days": len(odd), "odd_date": clock.day_text(int(odd[0])) if len(odd) else None,
    }  # fmt: skip
    status: Status = "warn" if facts["is_jump"] or len(odd) or len(asked) else "pass"
    ends = zip(holes["start"], holes["end"], strict=True)
    spans = [suspects.span(start, end) for start, end in ends]
    if spans:
        status = "fail"
    return Verdict(
        "log_volume", status, facts["ratio"], limit=JUMP, n=len(inside), facts=facts,
        suspects=suspects.join(spans) if spans else None,
    )  # fmt: skip


MOST_NAMED = 3
"""Runs of days that are named."""


def _by_length(runs: pd.DataFrame) -> pd.DataFrame:
    return runs.sort_values(["days", "first"], ascending=[False, True])


def _listed(runs: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the longest runs of empty days as facts: `first`, `last`."""
    longest = _by_length(runs).head(MOST_NAMED)
    return [
        {"first": clock.day_text(int(first)), "last": clock.day_text(int(last))}
        for first, last in zip(longest["first"], longest["last"], strict=True)
    ]


def _longest(runs: pd.DataFrame) -> dict[str, str | None]:
    """Return the first and the last day of the longest run, None without one."""
    if runs.empty:
        return {"closed_first": None, "closed_last": None}
    run = _by_length(runs).iloc[0]
    return {f"closed_{name}": clock.day_text(int(run[name])) for name in ("first", "last")}


def _jump(daily_changes: pd.DataFrame, presence: Presence, zone: str) -> dict[str, Any]:
    """Return the clearest jump of the days of activity: its `ratio`, `z` and `jump_date`, whether
    it `falls`, and is beyond chance (`is_jump`), and the ratios of `new` users and of the `others`.
    """
    rows = daily_changes.drop_duplicates(["span", "day"])
    if rows.empty:
        return {"is_jump": False, "ratio": None, "jump_date": None, "z": None, "falls": False,
                "new": None, "others": None}  # fmt: skip
    before, after = rows["before"], rows["after"]
    z = (after - before).abs() / np.sqrt(rows["squares"].clip(lower=1))
    both = rows[["before", "after"]]
    ratio = both.max(axis=1) / both.min(axis=1).clip(lower=1)
    jumps = z.where((z > SURE_OF_JUMP) & (ratio > JUMP))
    at: Any = (jumps if jumps.notna().any() else z).idxmax()
    row: Any = rows.loc[at]
    old_before, old_after = row["before"] - row["new_before"], row["after"] - row["new_after"]
    return {
        "is_jump": bool(jumps.notna().any()), "ratio": float(ratio[at]), "z": float(z[at]),
        "falls": bool(row["after"] < row["before"]),
        "jump_date": clock.date_text(presence.date(int(row["day"])), zone),
        "new": _change(row["new_before"], row["new_after"]),
        "others": _change(old_before, old_after),
    }  # fmt: skip


def _change(before: float, after: float) -> float | None:
    return float(after / before) if before else None


def _odd_days(inside: pd.DataFrame) -> "pd.Index[int]":
    """Return the days on which less than half, or more than three times, as many users came as on
    both the days around and the same weekday of the weeks around, beyond chance. Empty days are
    judged apart.
    """
    days = inside.set_index("day_number")["users"]
    numbers = range(int(days.index.min()), int(days.index.max()) + 1)
    users = days.reindex(numbers, fill_value=0).astype(float)
    scatter = _dispersion(users.to_numpy())
    week = users.rolling(15, center=True, min_periods=8).median()
    weekday = pd.concat([users.shift(n) for n in (-14, -7, 7, 14)], axis=1).median(axis=1)
    least, most = np.minimum(week, weekday), np.maximum(week, weekday)
    is_low = (users < LOW * least) & (least - users > SURE * np.sqrt(scatter * least))
    chance = SURE * np.sqrt(scatter * np.maximum(most, 1))
    is_high = (users > SPIKE * most) & (users - most > chance)
    return users.index[(is_low & (users > 0)) | is_high]


def _dispersion(days: np.ndarray) -> float:
    """Return the variance of a day's count over its mean, from day-to-day differences."""
    sums = days[1:] + days[:-1]
    squares = (np.diff(days) ** 2)[sums > 0] / sums[sums > 0]
    if not len(squares):
        return 1.0
    return max(1.0, float(np.median(squares)) / 0.455)  # the median of a chi-square with 1 df


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
