"""Relations: how the two tables fit together, and how many events each user has."""

from typing import Any

import pandas as pd

from analysis.base import engine
from analysis.base.statistics import share_of
from analysis.contract import suspects
from analysis.contract.checks import Status, Verdict, check, grade, not_applicable

CAPPED, CAPPED_FAILS, LEAST_CAP, PILED_UP = 0.02, 0.1, 10, 2.0
"""Share of users with exactly the most events that is a cap, and that distorts; the least cap; how
many times as many users it has as the number before it, for a cap gathers the users beyond it."""
MANY_UNKNOWN = 0.05
"""Share of all users who are in the log alone, from which the users table is not whole."""
LEAST_USERS = 100
"""Users with events from which their counts are judged."""


def relational_table(users: pd.DataFrame, events: Any) -> pd.DataFrame:
    """Return `measure`, `value`: how the two tables fit together, of placed events (Ibis).

    `orphan_events`, `orphan_users` (events, and their distinct ids, without a user),
    `users_without_events`, `active_users`, and of the events per active user their
    mean, std, min, quartiles and max.
    """
    by_user = events.group_by("user_id").aggregate(n=events.count(), known=events.is_known.any())
    per_user = engine.to_pandas(by_user.order_by("user_id").select("n", "known"))  # ids are large
    known = per_user["known"]
    counts = per_user.loc[known, "n"]
    values = {
        "orphan_events": per_user.loc[~known, "n"].sum(),
        "orphan_users": (~known).sum(),
        "users_without_events": len(users) - known.sum(),
        "active_users": known.sum(),
        **{f"events_per_user_{k}": v for k, v in counts.describe().items() if k != "count"},
    }
    return pd.DataFrame({"measure": list(values), "value": [float(v) for v in values.values()]})


def events_per_user(users_seen: pd.DataFrame) -> pd.DataFrame:
    """Return how many users have each number of events: `event_count`, `users`."""
    sizes = users_seen["event_count"].fillna(0).astype("int64").value_counts().sort_index()
    return pd.DataFrame({"event_count": sizes.index, "users": sizes.to_numpy()})


@check(stage="03_audit")
def capped_histories(users_seen: pd.DataFrame) -> Verdict:
    """Judge the share of users who have exactly the most events: an export of the first or the
    last so many events of each user cuts histories there.
    """
    counts = users_seen["event_count"].dropna()
    if len(counts) < LEAST_USERS or counts.max() < LEAST_CAP:
        return not_applicable("capped_histories", "too few users have many events")
    most, before = (counts == counts.max()), int((counts == counts.max() - 1).sum())
    at_most = int(most.sum())
    share, low, high = share_of(at_most, len(counts))
    is_cap = at_most >= 5 and at_most >= PILED_UP * before
    status: Status = grade(share, CAPPED, CAPPED_FAILS) if is_cap else "pass"
    facts = {"at_most": at_most, "users": len(counts), "most": int(counts.max()), "before": before}
    capped = users_seen.loc[counts.index[most], "user_id"]
    named = suspects.users(capped) if status == "fail" else None
    return Verdict("capped_histories", status, share, low, high, CAPPED, len(counts), facts, named)


@check(stage="03_audit")
def orphans(relational: pd.DataFrame) -> Verdict:
    """Judge the users who have events and are not in the users table: no figure holds them."""
    count = relational.set_index("measure")["value"]
    orphan_users = int(count["orphan_users"])
    users = orphan_users + int(count["active_users"] + count["users_without_events"])
    if not users:
        return not_applicable("orphans", "there are no users")
    share, low, high = share_of(orphan_users, users)
    status: Status = grade(share, 0.0, MANY_UNKNOWN) if orphan_users else "pass"
    named = suspects.unseen() if status == "fail" else None
    facts = {"orphans": orphan_users, "users": users, "events": int(count["orphan_events"])}
    return Verdict("orphans", status, share, low, high, MANY_UNKNOWN, users, facts, named)
