"""Events that two users share: copies of one user's events under another's identifier."""

from typing import Any

import ibis
import numpy as np
import pandas as pd

from analysis.base import engine
from analysis.log import content
from analysis.log.rules import rule_rows

SHARED = "repeats an event of another user in all but the user, beyond chance"


def _moments(instants: Any) -> Any:
    """Return one row per event that says the same at the same time, whoever did it (Ibis):
    `event_type`, `content`, `ms` (milliseconds since 1970), `first` and `last` user in the order
    of their identifiers, `users` and `n` (rows). `instants` has a row per user: see
    repeat_rules.instants_of.
    """
    return instants.group_by("event_type", content.NAME, ms=instants["at"]).aggregate(
        first=instants.user_id.min(),
        last=instants.user_id.max(),
        users=instants.user_id.count(),
        n=instants.n.sum(),
    )


def shared_rules(instants: Any, step: int) -> pd.DataFrame:
    """Return the rule on events that exactly two users share: see rule_rows. Chance is how often
    another user does the same `step` milliseconds later, type by type; three standard deviations
    more are chance, too. What three or more do at one instant is a timer's work, no copy. How many
    events were `checked` is not known here.
    """
    moments = _moments(instants).cache()
    pairs = moments.filter(moments.users == 2)
    single = moments.filter(moments.users == 1)
    later = single.mutate(ms=single.ms - step).select(
        "event_type", content.NAME, "ms", next="first"
    )
    met = single.inner_join(later, ["event_type", content.NAME, "ms"])
    chance = (
        met.filter(met["first"] != met["next"])
        .group_by("event_type")
        .aggregate(chance=ibis._.count())
    )
    found = pairs.group_by("event_type").aggregate(
        broken=(pairs.n // 2).sum(), sample=pairs["last"].min()
    )
    kinds = engine.to_pandas(found.order_by("event_type")).set_index("event_type")
    by_chance = engine.to_pandas(chance).set_index("event_type")["chance"]
    expected = by_chance.reindex(kinds.index).fillna(0)
    beyond = (kinds["broken"] - expected - 3 * np.sqrt(expected)).clip(lower=0).astype(int)
    sample = kinds["sample"][beyond > 0].min() if beyond.any() else None
    return rule_rows([("structural", "events", SHARED, 0, int(beyond.sum()), sample)])


def shared_events(events: Any, instants: Any) -> Any:
    """Return the events of `instants` that exactly two users share (Ibis: `user_id`, `event_at`,
    `amount`), each of the user of the two a larger share of whose `events` is shared: the copy, as
    far as that shows it.
    """
    moments = _moments(instants)
    pairs = moments.filter(moments.users == 2)
    totals = events.group_by("user_id").aggregate(total=ibis._.count())
    both = pairs.select(user_id=pairs["first"]).union(pairs.select(user_id=pairs["last"]))
    counts = both.group_by("user_id").aggregate(shared=ibis._.count()).inner_join(totals, "user_id")
    shares = counts.select("user_id", share=counts.shared / counts.total)
    one = pairs.inner_join(shares.rename(first="user_id", first_share="share"), "first")
    two = one.inner_join(shares.rename(last="user_id", last_share="share"), "last")
    return two.select(
        user_id=ibis.ifelse(two.first_share > two.last_share, two["first"], two["last"]),
        event_at=two.ms.as_timestamp("ms").cast("timestamp('UTC')"),
        amount=two.n // 2,
    )
