"""Endings: is there an event after which users are no longer recorded, whether they stay or not?"""

import re
from typing import Any

import pandas as pd

from analysis.base import engine
from analysis.base.statistics import share_of
from analysis.contract import suspects
from analysis.contract.checks import Status, Verdict, check, not_applicable
from analysis.log.activity import user_types
from analysis.log.window import LogWindow

LEAST_ENDED, ENDS, OFTENER = 20, 0.95, 5.0
"""Users who had a kind of event and could be seen for a horizon after it; share of them who are not
seen on a later day; how many times as seldom as after other kinds they are."""
OF_THE_LOGGING = re.compile(r"consent|opt.?(ed)?.?out|do.?not.?track|tracking|gdpr|privacy", re.I)
"""Kinds by whose name the logging ends, and not the use."""


def last_events(rows: Any, window: LogWindow, horizon_days: int) -> pd.DataFrame:
    """Return per event_type of `rows` (events, or activity.user_types of them): `kind`; `users`,
    who had it more than `horizon_days` before the log's end; and `ended`, those of them without any
    event more than a day after their first of it.
    """
    spans = _spans(rows, window, horizon_days)
    counted = spans.group_by(kind=spans.event_type).aggregate(
        users=spans.count(), ended=spans.is_end.sum()
    )
    return engine.to_pandas(counted.order_by("kind"))


def ended_users(rows: Any, window: LogWindow, horizon_days: int, kind: str) -> pd.DataFrame:
    """Return who had no event more than a day after their first of `kind`: `user_id`."""
    spans = _spans(rows, window, horizon_days)
    ended = spans.filter(spans.is_end, spans.event_type == kind)
    return engine.to_pandas(ended.select("user_id").order_by("user_id"))


def _spans(rows: Any, window: LogWindow, horizon_days: int) -> Any:
    types = user_types(rows)
    typed = types.filter(types.event_type.notnull())
    last = typed.group_by("user_id").aggregate(last=typed.last_event_at.max())
    first = typed.select("user_id", "event_type", first="first_event_at")
    at_risk = first.filter(first["first"] < window.end - pd.Timedelta(days=horizon_days))
    joined = at_risk.inner_join(last, "user_id")
    a_day_later = joined["first"] + pd.Timedelta(days=1)
    return joined.mutate(is_end=joined["last"] <= a_day_later)


def ending_kind(last_events: pd.DataFrame) -> Any | None:
    """Return the row of the kind after which users are nearly never seen again, while after other
    kinds they are; None without one.
    """
    judged = last_events[last_events["users"] >= LEAST_ENDED]
    if judged.empty:
        return None
    at: Any = (judged["ended"] / judged["users"]).idxmax()
    row = judged.loc[at]
    others = last_events[last_events["kind"] != row["kind"]]
    usual = others["ended"].sum() / max(others["users"].sum(), 1)
    share = row["ended"] / row["users"]
    is_end = len(others) > 0 and share >= ENDS and 1 - usual >= OFTENER * (1 - share)
    return row if is_end and 1 - usual > 1 - ENDS else None


@check(stage="03_audit")
def recorded_to_the_end(last_events: pd.DataFrame, users_ended: pd.DataFrame) -> Verdict:
    """Judge whether there is a kind of event after which users are no longer recorded. After
    consent is withdrawn the log says nothing: these users did not churn, they are unknown. Other
    kinds, such as a closed account, may end the use itself.
    """
    if len(last_events) < 2 or last_events["users"].max() < LEAST_ENDED:
        return not_applicable("recorded_to_the_end", "there are too few event types to compare")
    row = ending_kind(last_events)
    if row is None:
        rate = last_events["ended"] / last_events["users"].clip(lower=1)
        at: Any = rate.where(last_events["users"] >= LEAST_ENDED).idxmax()
        row = last_events.loc[at]
        status: Status = "pass"
    else:
        status = "fail" if OF_THE_LOGGING.search(str(row["kind"])) else "warn"
    share, low, high = share_of(int(row["ended"]), int(row["users"]))
    others = last_events[last_events["kind"] != row["kind"]]
    facts = {"kind": str(row["kind"]), "ended": int(row["ended"]), "users": int(row["users"]),
             "usual": float(others["ended"].sum() / max(others["users"].sum(), 1))}  # fmt: skip
    named = suspects.users(users_ended["user_id"]) if status == "fail" else None
    return Verdict(
        "recorded_to_the_end", status, share, low, high, ENDS, int(row["users"]), facts, named
    )
