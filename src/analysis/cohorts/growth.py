"""Growth accounting: where each month's active users come from, and how many were lost."""

from typing import Any

import ibis
import pandas as pd

from analysis.base import clock, engine
from analysis.log.window import LogWindow

FLOWS = ["retained_users", "resurrected_users", "first_seen_users", "lost_users"]
"""What is known only beside a month before that the log covers, too."""

SHOWN = 13
"""Months that the charts show: a year, and one that is not over yet."""


def monthly_growth(
    user_days: Any, users: pd.DataFrame, window: LogWindow, zone: str
) -> pd.DataFrame:
    """Return each month's active users by where they come from, and how many were lost.

    Active in a month is every user with an event in it. Each of them is either

    - new: signed up in that month;
    - retained: active in the month before, too;
    - or resurrected: signed up earlier, and not active in the month before. Some of them are seen
      for the first time (`first_seen_users`): they came late after signing up, or had been active
      before the log began, which nobody can tell.

    Lost are those active in the month before and not in this one. So active users = new + retained
    + resurrected, and the active users of the month before = retained + lost. The quick ratio,
    (new + resurrected) / lost, is above 1 where the product grows.

    Months are those of `zone`, from the first to the last that the log touches. `is_complete` says
    whether the log covers the whole of the month and of the one before. Where it does not,
    active and new users are those seen so far, and the others are blank: a user who is missing from
    part of a month is not lost.

    Columns: `month`, `active_users`, `new_users`, `retained_users`, `resurrected_users`,
    `first_seen_users`, `lost_users` (counts), `quick_ratio` (blank where nobody was lost),
    `is_complete`. Source: J. Hsu (2015), "Diligence at Social Capital, part 1: accounting for user
    growth", whose new users are those never active before; here a log begins in the middle of a
    product's life, so new is who signed up.
    """
    visits = _visits(user_days, users, zone)
    spans = _months(window, zone)
    is_whole = [window.start <= start and end <= window.end for start, end in spans.values()]
    counts = _count(visits).reindex(list(spans), fill_value=0).astype("Int64")
    whole = pd.Series(is_whole, counts.index)
    is_complete = whole & whole.shift(fill_value=False)
    for name in FLOWS:
        counts[name] = counts[name].where(is_complete)
    gained = (counts["new_users"] + counts["resurrected_users"]).astype("Float64")
    lost = counts["lost_users"].where(counts["lost_users"] > 0).astype("Float64")
    table = counts.assign(quick_ratio=(gained / lost).astype(float), is_complete=is_complete)
    return table.reset_index(names="month")


def _visits(user_days: Any, users: pd.DataFrame, zone: str) -> Any:
    """Return one row per user and month with activity (Ibis): `month` and `signed` (months since
    year 0), and the months before and after in which the user was active (`last`, `next`). Users
    are numbers there, and nothing of a single user leaves the engine.
    """
    joined = users.loc[users["signup_date"].notna(), ["user_id", "signup_date"]]
    signed = clock.month_number(joined.pop("signup_date"), zone)
    numbered = joined.assign(signed=signed, number=range(len(joined))).astype(
        {"signed": "int32", "number": "int32"}
    )
    dated = user_days.mutate(month=clock.month_number_of(user_days.local_day))
    seen = dated.group_by("user_id", "month").aggregate()
    rows = seen.inner_join(engine.from_pandas(numbered), "user_id").drop("user_id")
    by_user = ibis.window(group_by=rows.number, order_by=rows.month)
    return rows.mutate(last=rows.month.lag().over(by_user), next=rows.month.lead().over(by_user))


def _months(window: LogWindow, zone: str) -> dict[str, tuple[pd.Timestamp, pd.Timestamp]]:
    """Return the first instant of each month that the log touches, and that after it, by month."""
    ends = (window.start, window.end - pd.Timedelta(microseconds=1))
    first, last = (at.tz_convert(zone).strftime("%Y-%m") for at in ends)
    names = pd.period_range(first, last, freq="M").strftime("%Y-%m")
    return {name: clock.month_span(name, zone) for name in names}


def _count(visits: Any) -> pd.DataFrame:
    """Return the counts of monthly_growth by month, as far as the log knows."""
    is_new = visits.signed == visits.month
    is_retained = (visits.last == visits.month - 1).fill_null(False)
    is_resurrected = ~is_new & ~is_retained
    stays = (visits.next == visits.month + 1).fill_null(False)
    sums = visits.group_by("month").aggregate(
        active_users=visits.count(),
        new_users=is_new.sum(),
        retained_users=is_retained.sum(),
        resurrected_users=is_resurrected.sum(),
        first_seen_users=(is_resurrected & visits.last.isnull()).sum(),
        leave=(~stays).sum(),
    )
    counts = engine.to_pandas(sums.order_by("month")).set_index("month")
    lost = counts.pop("leave").rename(lambda month: month + 1)
    every = counts.reindex(counts.index.union(lost.index)).assign(lost_users=lost).fillna(0)
    return every.set_axis([clock.month_name(n) for n in every.index])
