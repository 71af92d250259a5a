"""Signups: do they continue throughout the log, and are their dates right?"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.base import clock
from analysis.base.statistics import share_of
from analysis.contract import suspects
from analysis.contract.checks import Status, Verdict, check, not_applicable
from analysis.log.window import FEW_APART, LogWindow

SURELY_FEWER = 4.0
"""Standard errors by which a span must have too few signups to be a hole."""
SPAN_DAYS, NEAR, HOLE, CROWD = 28, 3, 0.3, 2.0
"""Length of a span of signups; how many beside it are looked at; its ratio to both sides that is a
hole, and that of the first to the usual one that is a crowd."""
AT_ONCE = 0.9
"""Share of a crowd who act on the day they sign up, where signup is the day of the first event."""
ONE_DAY_OF_MONTH, ONE_DAY_OF_WEEK = 0.25, 0.6
"""Share of signups on one day of the month, or of the week, that means dates were cut to it."""
FAR_APART = pd.Timedelta(days=730)
"""Time without a signup beyond which a few dates are no early accounts but placeholders."""
PLACEHOLDERS = frozenset(("0001-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1969-12-31",
                          "1970-01-01", "1980-01-01", "2000-01-01"))  # fmt: skip
"""Days that clocks, sheets and databases write where they know none."""
PILE, PILED, PILED_FAILS = 10.0, 0.02, 0.25
"""Times the 95th percentile of a day's signups that makes a pile, and its share of all users
from which it is doubtful, and from which tenure is no longer the users' own."""
HALF, LEAST_AT_ONCE = 0.5, 0.1
"""Share of others' share who act on the day they sign up, and the least that this is taken for,
from which a pile is a launch or a campaign."""


@check(stage="03_audit")
def signup_flow(users_seen: pd.DataFrame, window: LogWindow, time_zone: str) -> Verdict:
    """Judge whether signups continue through the log. A gap between times with many
    signups lacks users. A pile-up at the log's start with nobody before it, all of whom act on the
    day they sign up, means that signup is the date of the first event. Spans of 28 days are
    compared, each with the lower of the peaks in the three spans before and the three after it.
    """
    known = users_seen["signup_date"].dropna()
    inside = known[(known >= window.start) & (known < window.end)]
    periods = int(window.days // SPAN_DAYS)
    if periods < 4 or len(inside) < 10 * periods:
        return not_applicable("signup_flow", "too few signups during the log")
    number = (inside - window.start) // pd.Timedelta(days=SPAN_DAYS)
    counts = number.value_counts().reindex(range(periods), fill_value=0).sort_index()
    earlier = counts.rolling(NEAR, min_periods=1).max().shift(1)
    later = counts[::-1].rolling(NEAR, min_periods=1).max().shift(1)[::-1]
    beside = np.minimum(earlier, later)
    ratio: pd.Series[float] = (counts / beside).fillna(1.0)  # nothing on one side
    usual = float(counts.iloc[1:].median())
    start = float(counts.iloc[0] / max(usual, 1.0))
    lowest: Any = ratio.idxmin()
    lacking = beside[lowest] - counts[lowest]
    is_sure = lacking > SURELY_FEWER * (beside[lowest] + counts[lowest]) ** 0.5
    is_hole = bool(ratio[lowest] < HOLE and is_sure)
    crowd = users_seen.loc[number.index[number == 0]]
    is_crowd = (
        not (known < window.start).any() and usual >= 10 and start > CROWD
        and _acted_at_once(crowd[crowd["first_event_at"].notna()]) >= AT_ONCE
    )  # fmt: skip
    date = window.start + pd.Timedelta(days=SPAN_DAYS * int(lowest))
    facts = {"first": int(counts.iloc[0]), "usual": usual, "least": int(counts[lowest]),
             "date": clock.date_text(date, time_zone), "days": SPAN_DAYS,
             "before": int((known < window.start).sum()), "is_hole": is_hole,
             "is_crowd": is_crowd}  # fmt: skip
    status: Status = "warn" if is_hole or is_crowd else "pass"
    return Verdict(
        "signup_flow", status, float(ratio.min()), limit=HOLE, n=len(inside), facts=facts
    )


def _acted_at_once(users: pd.DataFrame) -> float:
    """Return the share of `users` with an event on the day of their signup; 0 of nobody."""
    first = users["first_event_at"] - users["signup_date"]
    return float((first < clock.DAY).mean()) if len(users) else 0.0


@check(stage="03_audit")
def signup_dates(users_seen: pd.DataFrame, window: LogWindow, time_zone: str) -> Verdict:
    """Judge the share of users who signed up on the fullest day: an import gives all its accounts
    one date, and their tenure and cohort are then not their own. On the day of a launch or campaign
    they act at once, as other newcomers do. Judge also one day of the month, or of the week, to
    which dates may have been cut, and the few dates that lie years from all others, as placeholders
    do (1970).
    """
    known = users_seen["signup_date"].dropna().dt.tz_convert(time_zone)
    if known.empty:
        return not_applicable("signup_dates", "no user has a signup date")
    by_day = known.value_counts().sort_index()
    usual = float(by_day.quantile(0.95))
    share, low, high = share_of(int(by_day.max()), len(known))
    is_pile = bool(by_day.max() > PILE * usual and share >= PILED)
    on_day = users_seen.loc[known.index[known == by_day.idxmax()]]
    is_large = bool(is_pile and share >= PILED_FAILS)
    is_import = is_large and not _is_launch(on_day, users_seen, window)
    cut, cut_day, cut_share = _day_cut_to(known)
    apart = _far_from_others(by_day)
    false = apart[[str(day)[:10] in PLACEHOLDERS for day in apart.index]]
    wrong = [on_day["user_id"]] if is_import else []
    wrong += [users_seen.loc[known.index[known.isin(false.index)], "user_id"]]
    ids = pd.concat(wrong).unique()
    is_odd = is_pile or cut != "none" or len(apart) > 0
    status: Status = "fail" if len(ids) else ("warn" if is_odd else "pass")
    example = (false if len(false) else apart).index
    facts = {"date": str(by_day.idxmax())[:10], "signups": int(by_day.max()), "usual": usual,
             "cut": cut, "cut_day": cut_day, "cut_share": cut_share, "apart": int(apart.sum()),
             "example": str(example[0])[:10] if len(example) else "none",
             "is_import": is_import, "false": int(false.sum())}  # fmt: skip
    named = suspects.users(ids) if len(ids) else None
    return Verdict("signup_dates", status, share, low, high, PILED, len(known), facts, named)


def _is_launch(on_day: pd.DataFrame, users_seen: pd.DataFrame, window: LogWindow) -> bool:
    """Say whether those who signed up on one day of the log act at once, at least half as often as
    its other newcomers; False of a day that the log does not cover.
    """
    if on_day["signup_date"].iloc[0] < window.start:
        return False
    others = users_seen.drop(on_day.index)
    others = others[(others["signup_date"] >= window.start) & (others["signup_date"] < window.end)]
    usual = _acted_at_once(others) if len(others) else 1.0
    return _acted_at_once(on_day) >= HALF * max(usual, LEAST_AT_ONCE)


def _day_cut_to(dates: "pd.Series[Any]") -> tuple[str, str, float]:
    """Return what dates seem to be cut to (month, week, or none), the day of the month or week on
    which they then lie, and the share of users on that day.
    """
    of_month, of_week = dates.dt.day.value_counts(), dates.dt.day_name().value_counts()
    days = (dates.max() - dates.min()) / clock.DAY
    if days >= 90 and of_month.max() > ONE_DAY_OF_MONTH * len(dates):
        return "month", str(of_month.idxmax()), float(of_month.max() / len(dates))
    if days >= 60 and of_week.max() > ONE_DAY_OF_WEEK * len(dates):
        return "week", str(of_week.idxmax()), float(of_week.max() / len(dates))
    return "none", "none", 0.0


def _far_from_others(by_day: "pd.Series[int]") -> "pd.Series[int]":
    """Return the days, and how many users have them, with years of nothing between them and the
    many. `by_day` counts users, in the order of its days.
    """
    part = (by_day.index.to_series().diff() > FAR_APART).cumsum()
    sizes = by_day.groupby(part).sum()
    return by_day[part.isin(sizes.index[sizes < FEW_APART * by_day.sum()])]
