"""Who cancelled, and when: the users table's `cancel_date`, or else the first ending event."""

from typing import Any

import pandas as pd

from analysis.base import engine
from analysis.base.users import beside
from analysis.contract.inputs import CANCEL_DATE


def first_endings(events: Any) -> pd.DataFrame:
    """Return `user_id` and `ending_at` (instant, UTC): the first ending event since signup of each
    user who has one. `events` is the result of activity.place (Ibis).
    """
    ends = events.filter(events.is_ending, events.tenure_day >= 0)
    first = ends.group_by("user_id").aggregate(ending_at=ends.event_at.min())
    return engine.to_pandas(first.order_by("user_id"))


def is_recorded(users: pd.DataFrame, events: Any) -> bool:
    """Say whether the tables record cancellations: by `cancel_date`, or by ending events."""
    return CANCEL_DATE in users or bool(len(first_endings(events)))


def cancelled_users(users: pd.DataFrame, events: Any) -> pd.DataFrame:
    """Return one row per user who cancelled at or after signup, in order of `user_id`.

    Columns: `user_id`, `signup_date`, `cancelled_at` (UTC) and `is_day` (whether `cancelled_at` is
    the start of the day, the hour being unknown). The time is `cancel_date`; where that is missing,
    the first ending event since signup. A `cancel_date` before `signup_date` is no cancellation of
    this stay: the audit counts it.
    """
    names = ["user_id", "signup_date", *([CANCEL_DATE] if CANCEL_DATE in users else [])]
    table = beside(users[names], first_endings(events))
    table["is_day"] = table[CANCEL_DATE].notna() if CANCEL_DATE in users else False
    ending = table.pop("ending_at")
    table["cancelled_at"] = (
        table.pop(CANCEL_DATE).fillna(ending) if CANCEL_DATE in users else ending
    )
    known = table[table["cancelled_at"] >= table["signup_date"]]
    return known.sort_values("user_id", ignore_index=True)
