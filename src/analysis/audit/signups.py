"""Signups: do they continue throughout the log, and are their dates right?"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.base import clock
from analysis.base.statistics import share_of
from analysis.contract.checks import Status, Verdict, check, grade, not_applicable
from analysis.log.window import FEW_APART, LogWindow

SURELY_FEWER = 4.0
"""Standard errors by which a span must have too few signups to be a hole."""
SPAN_DAYS, HOLE, CROWD = 28, 0.3, 2.0
"""Length of a span of signups; its ratio to both beside it that is a hole, and that of the first
to the usual one that is a crowd."""
ONE_DAY_OF_MONTH, ONE_DAY_OF_WEEK = 0.25, 0.6
"""Share of signups on one day of the month, or of the week, that means dates were cut to it."""
FAR_APART = pd.Timedelta(days=730)
"""Time without a signup beyond which a few dates are no early accounts but placeholders."""
PILE, PILED, PILED_FAILS = 10.0, 0.02, 0.25
"""Times the 95th percentile of a day's signups that makes a pile, and its share of all users
from which it is doubtful, and from which tenure is no longer the users' own."""


@check(stage="03_audit")
def signup_flow(users: pd.DataFrame, window: LogWindow, time_zone: str) -> Verdict:
    """Judge whether signups continue through the log. A gap between times with many
    signups lacks users. A pile-up at the log's start with nobody before it means that signup is the
    date of the first event. Spans of 28 days are compared, each with the lower of the peaks before
    and after it.
    """
    known = users["signup_date"].dropna()
    inside = known[(known >= window.start) & (known < window.end)]
    periods = int(window.days // SPAN_DAYS)
    if periods < 4 or len(inside) < 10 * periods:
        return not_applicable("signup_flow", "too few signups during the log")
    number = (inside - window.start) // pd.Timedelta(days=SPAN_DAYS)
    counts = number.value_counts().reindex(range(periods), fill_value=0).sort_index()
    later = counts[::-1].cummax()[::-1].shift(-1)
    beside = np.minimum(counts.cummax().shift(1), later)
    ratio: pd.Series[float] = (counts / beside).fillna(1.0)  # nothing on one side
    usual = float(counts.iloc[1:].median())
    start = float(counts.iloc[0] / max(usual, 1.0))
    lowest: Any = ratio.idxmin()
    lacking = beside[lowest] - counts[lowest]
    is_sure = lacking > SURELY_FEWER * (beside[lowest] + counts[lowest]) ** 0.5
    is_hole = bool(ratio[lowest] < HOLE and is_sure)
    is_crowd = not (known < window.start).any() and usual >= 10 and start > CROWD
    date = window.start + pd.Timedelta(days=SPAN_DAYS * int(lowest))
    facts = {"first": int(counts.iloc[0]), "usual": usual, "least": int(counts[lowest]),
             "date": clock.date_text(date, time_zone), "days": SPAN_DAYS,
             "before": int((known < window.start).sum())}  # fmt: skip
    status: Status = "warn" if is_hole or is_crowd else "pass"
    return Verdict(
        "signup_flow", status, float(ratio.min()), limit=HOLE, n=len(inside), facts=facts
    )


@check(stage="03_audit")
def signup_dates(users: pd.DataFrame, time_zone: str) -> Verdict:
    """Judge the share of users who signed up on the fullest day: an import gives all its accounts
    one date, and their tenure and cohort are then not their own. Judge also one day of the month,
    or of the week, to which dates may have been cut, and the few dates that lie years from all
    others, as placeholders do (1970).
    """
    known = users["signup_date"].dropna().dt.tz_convert(time_zone)
    if known.empty:
        return not_applicable("signup_dates", "no user has a signup date")
    by_day = known.value_counts().sort_index()
    usual = float(by_day.quantile(0.95))
    share, low, high = share_of(int(by_day.max()), len(known))
    is_pile = by_day.max() > PILE * usual and share >= PILED
    status: Status = grade(share, PILED, PILED_FAILS) if is_pile else "pass"
    cut, cut_day, cut_share = _day_cut_to(known)
    apart, example = _far_from_others(by_day)
    if (cut != "none" or apart) and status == "pass":
        status = "warn"
    facts = {"date": str(by_day.idxmax())[:10], "signups": int(by_day.max()), "usual": usual,
             "cut": cut, "cut_day": cut_day, "cut_share": cut_share, "apart": apart,
             "example": example}  # fmt: skip
    return Verdict("signup_dates", status, share, low, high, PILED, len(known), facts)


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


def _far_from_others(by_day: "pd.Series[int]") -> tuple[int, str]:
    """Return how many users have dates with years of nothing between them and the many, and one
    of these dates ("none" without any). `by_day` counts users, in the order of its days.
    """
    part = (by_day.index.to_series().diff() > FAR_APART).cumsum()
    sizes = by_day.groupby(part).sum()
    few = by_day[part.isin(sizes.index[sizes < FEW_APART * by_day.sum()])]
    return int(few.sum()), str(few.index[0])[:10] if len(few) else "none"
