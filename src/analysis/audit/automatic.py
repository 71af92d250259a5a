"""Automatic events: does an event type continue by itself after users have stopped?"""

from typing import Any

import ibis
import pandas as pd

from analysis.base import clock, engine
from analysis.base.statistics import share_of
from analysis.contract.checks import Status, Verdict, check, grade, not_applicable

GOES_ON, GOES_ON_FAILS = 0.05, 0.25
"""Share of users for whom one kind of event goes on for a horizon after all else stopped."""
APART = 3
"""Times as many users as for any other kind, from which a kind goes on by itself."""
MAIN = 0.5
"""Share of all events from which a kind is what users do, and not judged."""


def kinds_that_go_on(events: Any, horizon_days: int) -> pd.DataFrame:
    """Return per event_type for how many users it goes on after all else: `kind`, `events`,
    `users` (with any event, of all kinds), and `going_on`, the users whose events of that kind
    alone last for more than `horizon_days` after their last of any other kind (or, without one,
    after their first).
    """
    typed = events.filter(events.event_type.notnull())
    spans = typed.group_by("user_id", "event_type").aggregate(
        first=typed.event_at.min(), last=typed.event_at.max(), events=typed.count()
    )
    latest_first = ibis.window(
        group_by=spans.user_id, order_by=[ibis.desc("last"), spans.event_type]
    )
    ranked = spans.mutate(
        rank=ibis.row_number().over(latest_first), other=spans["last"].lead().over(latest_first)
    )
    since = clock.seconds(ibis.coalesce(ranked.other, ranked["first"]))
    is_long = clock.seconds(ranked["last"]) - since > horizon_days * 86_400
    counted = ranked.group_by(kind=ranked.event_type).aggregate(
        events=ranked.events.sum(), going_on=((ranked["rank"] == 0) & is_long).sum()
    )
    table = engine.to_pandas(counted.order_by("kind"))
    users = int(typed.user_id.nunique().execute())
    return table.assign(users=users)[["kind", "events", "users", "going_on"]]


@check(stage="03_audit")
def automatic_events(kinds: pd.DataFrame, horizon_days: int) -> Verdict:
    """Judge whether one event type continues after users have stopped: a push, a heartbeat or a
    renewal that the app logs by itself makes churned users look active. It must do so for three
    times as many users as any other kind: with rare visits, each kind is the last one of some.
    A kind with more than half of all events is the log's main activity and is not judged.
    """
    most = MAIN * kinds["events"].sum()
    judged = kinds[kinds["events"] <= most]
    if judged.empty or len(kinds) < 3:
        return not_applicable("automatic_events", "there are too few event types to compare")
    at: Any = judged["going_on"].idxmax()
    count, users = int(judged.loc[at, "going_on"]), int(judged.loc[at, "users"])
    share, low, high = share_of(count, users)
    facts = {"kind": str(judged.loc[at, "kind"]), "going_on": count, "users": users,
             "days": horizon_days}  # fmt: skip
    others = judged.loc[judged.index != at, "going_on"]
    is_alone = count >= APART * max(others.max(), 1) if len(others) else True
    status: Status = grade(share, GOES_ON, GOES_ON_FAILS) if is_alone else "pass"
    return Verdict("automatic_events", status, share, low, high, GOES_ON, users, facts)
