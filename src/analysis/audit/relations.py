"""Relations: how the two tables fit together, and how many events each user has."""

from typing import Any

import pandas as pd

from analysis.base import engine
from analysis.base.statistics import share_of
from analysis.contract.checks import Status, Verdict, check, grade, not_applicable

MACHINE, MUCH = 7.0, 0.05
"""Times the 99th percentile of users' events beyond which no user is a person; share of all events
by machines from which they decide averages."""
CAPPED, CAPPED_FAILS, LEAST_CAP = 0.02, 0.1, 10
"""Share of users with exactly the most events that is a cap, and that distorts; the least cap."""
LEAST_USERS = 100
"""Users with events from which their counts are judged."""


def relational_table(users: pd.DataFrame, events: Any) -> pd.DataFrame:
    """Return `measure`, `value`: how the two tables fit together.

    `orphan_events`, `orphan_users` (events, and their distinct ids, without a user),
    `users_without_events`, `active_users`, and of the events per active user their
    mean, std, min, quartiles and max.
    """
    per_user = engine.to_pandas(
        events.group_by("user_id").aggregate(n=lambda t: t.count()).order_by("user_id")
    )
    known = per_user["user_id"].isin(users["user_id"])
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
def machines(users_seen: pd.DataFrame) -> Verdict:
    """Judge the share of all events by users with far more events than nearly everybody else."""
    counts = users_seen["event_count"].dropna()
    if len(counts) < LEAST_USERS:
        return not_applicable("machines", "fewer than 100 users have events")
    limit = MACHINE * float(counts.quantile(0.99))
    many = counts[counts > limit]
    share = float(many.sum() / counts.sum())
    status: Status = "pass" if many.empty else ("fail" if share >= MUCH else "warn")
    sample = str(users_seen.loc[counts.index[counts == counts.max()], "user_id"].min())
    facts = {
        "users": len(many),
        "limit": limit,
        "times": MACHINE,
        "most": int(counts.max()),
        "sample": sample,
    }
    return Verdict("machines", status, share, limit=MUCH, n=len(counts), facts=facts)


@check(stage="03_audit")
def capped_histories(users_seen: pd.DataFrame) -> Verdict:
    """Judge the share of users who have exactly the most events: an export of the first or the
    last so many events of each user cuts histories there.
    """
    counts = users_seen["event_count"].dropna()
    if len(counts) < LEAST_USERS or counts.max() < LEAST_CAP:
        return not_applicable("capped_histories", "too few users have many events")
    at_most = int((counts == counts.max()).sum())
    share, low, high = share_of(at_most, len(counts))
    status: Status = grade(share, CAPPED, CAPPED_FAILS) if at_most >= 5 else "pass"
    facts = {"at_most": at_most, "users": len(counts), "most": int(counts.max())}
    return Verdict("capped_histories", status, share, low, high, CAPPED, len(counts), facts)
