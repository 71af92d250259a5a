"""How long users stay: Kaplan-Meier with delayed entry."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm
from statsmodels.duration.survfunc import SurvfuncRight

from analysis.base import clock
from analysis.base.formats import is_too_few
from analysis.base.statistics import CONFIDENCE
from analysis.base.users import beside
from analysis.log.window import LogWindow

BEFORE_START = -1.0
"""Entry of those at risk from their first instant on, so that an end at 0 days counts."""
CURVE = ("at_risk", "survival", "ci_low", "ci_high", "from_day")
"""Columns of a curve, beside its group and day."""
SETTLED_HORIZONS = 2
"""Horizons of silence after which a stay counts as ended. After one, too many users still come
back: a bias of one standard error at 3,000 simulated users. After two it is 0.15 of one on days 7
and 30."""


def lifetimes(
    users: pd.DataFrame, spans: pd.DataFrame, window: LogWindow, silence_days: float
) -> pd.DataFrame:
    """Return one row per user who can be followed: `user_id`, `entry`, `time` (days since
    signup) and `is_end` (whether the user was seen to leave).

    Time runs from signup to the last event. That is an end when at least `silence_days` of
    silence follow before the log ends; otherwise the user is censored at the end of the log. Users
    who joined before the log enter late, at their first event in it. Left out are users who were
    never seen, and users from before the log whose first event is also the end: they spend no
    time at risk. Users who joined during the log are at risk from signup; one without any event
    has time 0. `spans` is the result of activity.user_spans.
    """
    known = users.loc[users["signup_date"].notna(), ["user_id", "signup_date"]]
    known = known[known["signup_date"] < window.end]
    table = beside(known, spans).sort_values("user_id")
    early = table["signup_date"] < window.start
    last = table["last_event_at"].fillna(table["signup_date"])
    silence: pd.Series[pd.Timedelta] = window.end - last
    ends = silence / clock.DAY >= silence_days
    until = last.where(ends, window.end)
    before: pd.Series[pd.Timedelta] = table["first_event_at"] - table["signup_date"]
    entry = (before / clock.DAY).where(early, BEFORE_START)
    lived: pd.Series[pd.Timedelta] = until - table["signup_date"]
    time = lived / clock.DAY
    result = pd.DataFrame(
        {"user_id": table["user_id"], "entry": entry, "time": time, "is_end": ends}
    )
    seen = ~early | table["first_event_at"].notna()
    return result[seen & (result["entry"] < result["time"])].reset_index(drop=True)


def survival_table(stays: pd.DataFrame, group: str, max_day: int, least: int = 1) -> pd.DataFrame:
    """Return the share of users still active N days after signup, day by day.

    Kaplan-Meier over `stays` (the result of settled_lifetimes: from when and until when each user
    is followed): the product over the days of (1 - ended / at risk), where a
    user is at risk only while followed (delayed entry and censoring). Greenwood
    variance with a log-log interval. Source: Klein and Moeschberger (2003),
    ch. 4; computed by statsmodels.

    A curve begins at signup only where at least `least` users are followed from there on: whoever
    joined before the log and was seen in it had not left before, so such users say nothing of the
    first days. Otherwise it begins on the first day on which as many are followed, and is the share
    of the users still active then. It ends where the users at risk, divided by the share still
    active, are fewer than `least`: for so few users at its beginning the figure speaks.

    Columns: `group` (as given), `day`, `at_risk` (users followed at that day),
    `survival`, `ci_low`, `ci_high` (0 to 1; missing before the curve begins and after it ends),
    `from_day` (on which it begins: 0 is signup; missing where there is no curve).
    """
    days = np.arange(max_day + 1)
    at_risk = _at_risk(stays, days)
    enough = np.flatnonzero(at_risk >= max(least, 1))
    begin = int(enough[0]) if len(enough) else None
    table = pd.DataFrame({"group": group, "day": days, "at_risk": at_risk})
    table[["survival", "ci_low", "ci_high"]] = np.nan
    if begin is not None:
        table.loc[begin:, ["survival", "ci_low", "ci_high"]] = _curve(stays, begin, max_day, least)
    return table.assign(from_day=pd.array([begin] * len(table), "Int64"))


def _at_risk(stays: pd.DataFrame, days: np.ndarray) -> np.ndarray:
    """Return how many are followed on each day."""
    entered = np.searchsorted(np.sort(stays["entry"]), days, side="left")
    left = np.searchsorted(np.sort(stays["time"]), days, side="left")
    return np.asarray(entered - left, dtype=int)


def _curve(stays: pd.DataFrame, begin: int, max_day: int, least: int) -> np.ndarray:
    """Return survival and its interval from day `begin` on: missing from the first day on which
    those at risk stand for fewer than `least` users.
    """
    days = np.arange(begin, max_day + 1)
    at_risk = _at_risk(stays, days)
    later = stays[stays["time"] >= begin]
    before, survival, error = np.ones(len(days)), np.ones(len(days)), np.full(len(days), np.nan)
    if later["is_end"].any():
        curve = SurvfuncRight(later["time"], later["is_end"].astype(int), entry=later["entry"])
        falling = np.minimum.accumulate(curve.surv_prob)  # statsmodels takes 0 for 1e-16 further on
        at = np.searchsorted(curve.surv_times, days, side="right")
        just_before = np.searchsorted(curve.surv_times, days, side="left")
        survival = np.concatenate([[1.0], falling])[at]
        before = np.concatenate([[1.0], falling])[just_before]
        error = np.concatenate([[0.0], curve.surv_prob_se])[at]
    low, high = loglog_interval(survival, error) if later["is_end"].any() else (error, error)
    is_thin = (at_risk == 0) | (at_risk < least * before - 1e-9)
    shown = ~np.logical_or.accumulate(is_thin)
    return np.where(shown[:, None], np.column_stack([survival, low, high]), np.nan)


def loglog_interval(survival: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the log-log interval of each survival with its standard error.

    Equal to the survival itself where that is 0 or 1, for the transform ends there.
    Source: Klein and Moeschberger (2003), section 4.3.
    """
    z = norm.ppf(0.5 + CONFIDENCE / 2)
    inside = (survival > 0) & (survival < 1) & np.isfinite(error)
    s = np.where(inside, survival, 0.5)
    width = z * np.where(inside, error, 0.0) / np.abs(s * np.log(s))
    low, high = s ** np.exp(width), s ** np.exp(-width)
    return np.where(inside, low, survival), np.where(inside, high, survival)


def survival_by_group(
    stays: pd.DataFrame,
    users: pd.DataFrame,
    group_columns: Sequence[str],
    window: LogWindow,
    min_group: int,
) -> pd.DataFrame:
    """Return survival_table for all users and for each group of the columns that are given.

    `group` is `all` or `column: value`. Groups with fewer than `min_group` stays are left
    out, and so are the days of any curve that rest on fewer. Days run from 0 to the length of the
    log, beyond which nobody is followed whole.
    """
    last = int(min(window.days, stays["time"].max() if len(stays) else 0))
    tables = [survival_table(stays, "all", last, min_group)]
    for column in [name for name in group_columns if name in users]:
        groups = beside(stays[["user_id"]], users[["user_id", column]])[column]
        for value, part in stays.groupby(groups, sort=True):
            if not is_too_few(len(part), min_group):
                tables.append(survival_table(part, f"{column}: {value}", last, min_group))
    return pd.concat(tables, ignore_index=True)


def settled_lifetimes(
    users: pd.DataFrame, spans: pd.DataFrame, window: LogWindow, silence_days: float
) -> pd.DataFrame:
    """Return one row per user, with an end only where it is certain: the columns of `lifetimes`.

    Two things make plain lifetimes too long. Users whose stay ended in the last weeks count as
    followed to the end of the log: here nobody is followed into the last `silence_days`, where an
    ended stay cannot yet be recognised. And users from before the log enter at their first event in
    it, which is late for those who come rarely: here they enter at the start of the log, because
    anyone seen later had not ended the stay by then. Tested on simulated users whose truth is known
    (see the appendix). `spans` is the result of activity.user_spans. Source of the entry:
    left truncation, Klein and Moeschberger (2003), section 3.4.
    """
    known = users.loc[users["signup_date"].notna(), ["user_id", "signup_date"]]
    stops = window.end - pd.Timedelta(days=silence_days)
    table = beside(known[known["signup_date"] < stops], spans)
    early = table["signup_date"] < window.start
    table = table[~early | table["last_event_at"].notna()].sort_values("user_id")
    last = table["last_event_at"].fillna(table["signup_date"])
    is_end = last <= stops
    lived: pd.Series[pd.Timedelta] = last.where(is_end, stops) - table["signup_date"]
    age: pd.Series[pd.Timedelta] = window.start - table["signup_date"]
    entry = (age / clock.DAY).where(age > pd.Timedelta(0), BEFORE_START)
    stays = pd.DataFrame(
        {"user_id": table["user_id"], "entry": entry, "time": lived / clock.DAY, "is_end": is_end}
    )
    return stays[stays["entry"] < stays["time"]].reset_index(drop=True)


def silence_that_settles(horizon_days: float) -> float:
    """Return the days of silence after which an end is settled: two horizons."""
    return SETTLED_HORIZONS * horizon_days


def both_curves(
    users: pd.DataFrame,
    spans: pd.DataFrame,
    window: LogWindow,
    horizon_days: int,
    group_columns: Sequence[str],
    min_group: int,
) -> pd.DataFrame:
    """Return survival_by_group of lifetimes, and beside it that of settled_lifetimes, as
    `settled_at_risk`, `settled_survival`, `settled_ci_low`, `settled_ci_high`, `settled_from_day`.
    """
    silence = silence_that_settles(horizon_days)
    plain = lifetimes(users, spans, window, horizon_days)
    settled = settled_lifetimes(users, spans, window, silence)
    return with_settled(
        survival_by_group(plain, users, group_columns, window, min_group),
        survival_by_group(settled, users, group_columns, window, min_group),
    )


def with_settled(curves: pd.DataFrame, settled: pd.DataFrame) -> pd.DataFrame:
    """Return `curves` (survival_by_group of lifetimes) with those of settled_lifetimes beside
    them: `settled_at_risk`, `settled_survival`, `settled_ci_low`, `settled_ci_high`,
    `settled_from_day`.
    """
    names = {name: f"settled_{name}" for name in CURVE}
    both = curves.merge(settled.rename(columns=names), on=["group", "day"], how="left")
    return both.astype({"settled_at_risk": "Int64"})


def settled_only(curves: pd.DataFrame, group: str) -> pd.DataFrame:
    """Return the settled curve of one `group`: `group`, `day` and CURVE, from the day on which it
    begins to that on which it ends.
    """
    settled = curves[["group", "day", *(f"settled_{name}" for name in CURVE)]]
    return only(settled.set_axis(["group", "day", *CURVE], axis=1), group)


def only(curves: pd.DataFrame, group: str) -> pd.DataFrame:
    """Return the rows of one `group`, on the days of its curve."""
    part = curves[(curves["group"] == group) & curves["survival"].notna()]
    return part.reset_index(drop=True)


def milestones(curve: pd.DataFrame, days: Sequence[int]) -> pd.DataFrame:
    """Return the rows of `curve` at `days`: `day` and CURVE."""
    rows = curve[curve["day"].isin(days)].reset_index(drop=True)
    return rows[["day", *CURVE]]


def begins(curve: pd.DataFrame) -> int | None:
    """Return the day since signup on which `curve` (of one group) begins, None where it is empty:
    from day 1 on it is the share of the users still active on that day.
    """
    return int(curve["from_day"].iloc[0]) if len(curve) else None
