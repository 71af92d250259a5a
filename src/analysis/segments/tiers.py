"""The segments of the book: clusters where they exist, else tiers by stated rules."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from analysis.base.comparisons import compare_groups
from analysis.segments import clusters as segmentation
from analysis.segments.clusters import ClusterVerdict

BEHAVIOUR = (
    "recency_days",
    "sessions_per_week",
    "plays_per_session",
    "next_episode_rate",
    "session_seconds_p95",
    "exit_rate",
    "failed_intents",
    "credits_spent",
)
"""One measure for each aspect of use: how recent, how often, how deep, how paying.

Two measures of one aspect (events and sessions) would count it twice, and any bump in it
would look like a group.
"""
ROWS_PER_CLUSTER = 20


def behaviour_columns(users: pd.DataFrame) -> pd.DataFrame:
    """Return the behaviour of the users with any event, indexed by `user_id`, columns that vary."""
    active = users[users["event_count"] > 0].set_index("user_id")
    given = [name for name in BEHAVIOUR if name in active]
    table = active[given].astype("float64")
    return table[[name for name in given if table[name].nunique() > 1]]


def k_range(behaviour: pd.DataFrame, most: int) -> list[int]:
    """Return the numbers of clusters to try: 2 to `most`, or fewer for a small table."""
    return list(range(2, max(2, min(most, len(behaviour) // ROWS_PER_CLUSTER)) + 1))


def assign(
    users: pd.DataFrame, behaviour: pd.DataFrame, verdict: ClusterVerdict, seed: int
) -> pd.DataFrame:
    """Return `user_id`, `segment` and `is_cluster` for every user of `behaviour`.

    Clusters are named `group 1` and so on where they exist; otherwise the segment is the
    RFM tier (see segmentation.rfm_tiers), which is a rule and not a kind of user.
    """
    if verdict.exists:
        labels = segmentation.assign_clusters(behaviour, verdict.k, seed)
        named = "group " + labels.astype("str")
    else:
        named = _tiers(users.set_index("user_id").loc[behaviour.index])
    table = pd.DataFrame({"user_id": behaviour.index, "segment": named.to_numpy()})
    return table.assign(is_cluster=verdict.exists)


def _tiers(rows: pd.DataFrame) -> "pd.Series[str]":
    return segmentation.rfm_tiers(rows, "recency_days", "active_days")["tier"].fillna("unknown")


def rules(users: pd.DataFrame, snapshots: pd.DataFrame) -> pd.DataFrame:
    """Return the limits of the tiers (see segmentation.rfm_rules), and `as_of`: those of users with
    any event over the whole log (`end of the log`), and those of later_churn (`test snapshot`).
    """
    parts = {
        "end of the log": users[users["event_count"] > 0],
        "test snapshot": snapshots[snapshots["split"] == "test"],
    }
    tables = [
        segmentation.rfm_rules(part, "recency_days", "active_days").assign(as_of=name)
        for name, part in parts.items()
    ]
    return pd.concat(tables, ignore_index=True)


def summary(assigned: pd.DataFrame, behaviour: pd.DataFrame) -> pd.DataFrame:
    """Return segmentation.cluster_summary for the segments: one row per segment and feature."""
    labels = assigned.set_index("user_id")["segment"].loc[behaviour.index]
    return segmentation.cluster_summary(behaviour, labels)


def later_churn(snapshots: pd.DataFrame, min_group: int) -> pd.DataFrame:
    """Return, for the tiers as of the test snapshot, the share that left after it.

    The tiers are cut anew by the rules of rfm_tiers on what was known at that snapshot, so
    the outcome lies after the segment. Columns as in groups.compare_groups.
    """
    test = snapshots[snapshots["split"] == "test"].reset_index(drop=True)
    return compare_groups(test.assign(segment=_tiers(test)), "churned", ["segment"], min_group)


def project(assigned: pd.DataFrame, behaviour: pd.DataFrame) -> pd.DataFrame:
    """Return `pc1`, `pc2` (principal components of the comparable columns) and `group`."""
    scaled = segmentation.comparable(behaviour)
    points = PCA(n_components=2, svd_solver="full").fit_transform(scaled.to_numpy())
    signs = np.where(points[np.abs(points).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    group = assigned.set_index("user_id")["segment"].loc[behaviour.index].to_numpy()
    return pd.DataFrame(
        {"pc1": points[:, 0] * signs[0], "pc2": points[:, 1] * signs[1], "group": group}
    )


def for_boxes(assigned: pd.DataFrame, behaviour: pd.DataFrame) -> pd.DataFrame:
    """Return `behaviour` with the segment as `group`."""
    group = assigned.set_index("user_id")["segment"].loc[behaviour.index].to_numpy()
    return behaviour.reset_index(drop=True).assign(group=group)


def widest(table: pd.DataFrame, most: int = 4) -> Sequence[str]:
    """Return the features whose segment means lie furthest apart, in standard deviations."""
    spread = table.groupby("feature")["distance"].agg(lambda d: d.max() - d.min())
    ordered = spread.dropna().sort_values(ascending=False, kind="stable")
    return [str(name) for name in ordered.index[:most]]
