"""Automatic events: does an event type continue by itself after users have stopped?"""

from typing import Any

import ibis
import pandas as pd

from analysis.base import clock, engine
from analysis.base.statistics import share_of
from analysis.contract import suspects
from analysis.contract.checks import Status, Verdict, check, not_applicable

GOES_ON, REGULAR = 0.25, 0.05
"""Share of users for whom one kind of event goes on for a horizon after all else stopped, and of
those for whom it goes on alone at a fixed beat, as no user does."""
APART = 3
"""Times as many users as for any other kind, from which a kind goes on by itself."""
MAIN = 0.5
"""Share of all events from which a kind is what users do, and not judged."""
BEATS, UNEVEN, LEAST_PAUSE = 3, 0.02, 1.5
"""Events in a row that have a beat; difference of their pauses, as a share of the mean one, up to
which they do; days of a pause from which it is one."""


def kinds_that_go_on(events: Any, types: Any, horizon_days: int) -> pd.DataFrame:
    """Return per event_type for how many users it goes on after all else: `kind`, `events`,
    `users` (with any event, of all kinds), `going_on`, the users whose events of that kind
    alone last for more than `horizon_days` after their last of any other kind (or, without one,
    after their first), and `regular`, the users who have three or more events of that kind alone
    after their last of any other kind, at equal pauses of two days or more. `types` are the
    events by user and type: see activity.user_types.
    """
    typed = types.filter(types.event_type.notnull())
    last = _last_kinds(typed)
    since = clock.seconds(ibis.coalesce(last.other, last["first"]))
    is_long = clock.seconds(last["last"]) - since > horizon_days * 86_400
    tables = {
        "events": typed.group_by(kind=typed.event_type).aggregate(n=typed.events.sum()),
        "going_on": last.group_by(kind=last.event_type).aggregate(n=is_long.sum()),
        "regular": _regular_users(events, last),
    }
    table = pd.DataFrame(
        {name: engine.to_pandas(counted).set_index("kind")["n"] for name, counted in tables.items()}
    )
    counts = table.fillna(0).astype("int64").sort_index().rename_axis("kind").reset_index()
    users = int(last.count().execute())
    return counts.assign(users=users)[["kind", "events", "users", "going_on", "regular"]]


def _last_kinds(typed: Any) -> Any:
    """Return of each user the kind of the very last event, kept by the engine: `user_id`,
    `event_type`, `events`, the `first` and the `last` of it, and the last of any `other` kind.
    """
    spans = typed.rename(first="first_event_at", last="last_event_at")
    latest_first = ibis.window(
        group_by=spans.user_id, order_by=[ibis.desc("last"), spans.event_type]
    )
    ranked = spans.mutate(
        rank=ibis.row_number().over(latest_first), other=spans["last"].lead().over(latest_first)
    )
    return ranked.filter(ranked["rank"] == 0).drop("rank").cache()


def _regular_users(events: Any, last: Any) -> Any:
    """Return how many users, `n`, have only this kind at last, at a fixed beat (Ibis)."""
    span = clock.seconds(last["last"]) - clock.seconds(last.other)
    is_long = span >= (BEATS - 1) * LEAST_PAUSE * 86_400  # shorter ones need not be looked at
    alone_at_last = last.filter(last.other.notnull(), last.events >= BEATS, is_long)
    joined = events.inner_join(
        alone_at_last.select("user_id", "event_type", "other"), ["user_id", "event_type"]
    )
    alone = joined.filter(joined.event_at > joined.other)
    second = clock.seconds(alone.event_at)
    in_order = ibis.window(group_by=alone.user_id, order_by=alone.event_at)
    paused = alone.mutate(pause=second - second.lag().over(in_order))
    beats = paused.group_by("user_id", "event_type").aggregate(
        n=paused.count(), least=paused.pause.min(), most=paused.pause.max(),
        mean=paused.pause.mean(),
    )  # fmt: skip
    is_regular = (
        (beats.n >= BEATS)
        & (beats.mean >= LEAST_PAUSE * 86_400)
        & (beats.most - beats.least <= UNEVEN * beats.mean)
    )
    return beats.group_by(kind=beats.event_type).aggregate(n=is_regular.sum())


@check(stage="03_audit")
def automatic_events(kinds: pd.DataFrame, horizon_days: int) -> Verdict:
    """Judge whether one event type continues after users have stopped: a push, a heartbeat or a
    renewal that the app logs by itself makes churned users look active. It does so at a fixed beat,
    or for very many; and for three times as many users as any other kind: with rare visits, each
    kind is the last one of some. A kind with more than half of all events is the log's main
    activity and is not judged.
    """
    most = MAIN * kinds["events"].sum()
    judged = kinds[kinds["events"] <= most]
    if judged.empty or len(kinds) < 3:
        return not_applicable("automatic_events", "there are too few event types to compare")
    at_beat = _furthest(judged, "regular", REGULAR)
    at = at_beat if at_beat is not None else _furthest(judged, "going_on", GOES_ON)
    fallback: Any = judged["going_on"].idxmax()
    row: Any = judged.loc[fallback if at is None else at]
    count, users = int(row["going_on"]), int(row["users"])
    status: Status = "pass" if at is None else ("warn" if at_beat is None else "fail")
    share, low, high = share_of(int(row["regular"]) if status == "fail" else count, users)
    facts = {"kind": str(row["kind"]), "going_on": count, "users": users, "days": horizon_days,
             "regular": int(row["regular"])}  # fmt: skip
    named = suspects.event_types([str(row["kind"])]) if status == "fail" else None
    limit = REGULAR if status == "fail" else GOES_ON
    return Verdict("automatic_events", status, share, low, high, limit, users, facts, named)


def _furthest(judged: pd.DataFrame, column: str, least: float) -> Any | None:
    """Return the label of the kind with the most users in `column`, if they are a share `least` of
    all, and three times those of any other kind.
    """
    at: Any = judged[column].idxmax()
    count, others = judged.loc[at, column], judged.loc[judged.index != at, column]
    is_alone = count >= APART * max(others.max(), 1) if len(others) else True
    return at if is_alone and count >= least * judged.loc[at, "users"] else None
