"""Which segment each user is in, and what the users of each segment are like."""

from typing import Any

import pandas as pd

from analysis.segments.behaviour import comparable
from analysis.segments.clusters import ClusterVerdict, assign_clusters
from analysis.segments.tiers import book_tiers


def assign(
    users: pd.DataFrame, behaviour: pd.DataFrame, verdict: ClusterVerdict | None, seed: int
) -> pd.DataFrame:
    """Return `user_id`, `segment` and `is_cluster` for every user of `behaviour`.

    Clusters are named `group 1` and so on where they exist; otherwise the segment is the
    tier (see tiers.tiers_of), which is a rule and not a kind of user. `verdict` is None where
    nobody could look for clusters.
    """
    is_cluster = verdict is not None and verdict.exists
    if verdict is not None and verdict.exists:
        labels = assign_clusters(behaviour, verdict.k, seed)
        named = "group " + labels.astype("str")
    else:
        named = book_tiers(users.set_index("user_id").loc[behaviour.index])
    table = pd.DataFrame({"user_id": behaviour.index, "segment": named.to_numpy()})
    return table.assign(is_cluster=is_cluster)


def summarise(assigned: pd.DataFrame, behaviour: pd.DataFrame) -> pd.DataFrame:
    """Return cluster_summary of the segments: one row per segment and feature."""
    return cluster_summary(behaviour, _segments_of(assigned, behaviour))


def _segments_of(assigned: pd.DataFrame, behaviour: pd.DataFrame) -> "pd.Series[str]":
    return assigned.set_index("user_id")["segment"].loc[behaviour.index]


def cluster_summary(features: pd.DataFrame, labels: "pd.Series[Any]") -> pd.DataFrame:
    """Return what the users of each cluster are like, one row per cluster and feature.

    Columns: `cluster`, `users`, `share` (0 to 1), `feature`, `mean`, `p25`, `median`, `p75`
    (the feature's unit), `distance` (cluster mean less overall mean, in standard deviations of
    the comparable scale; blank for a feature that does not vary). The features made the
    clusters, so they differ between them whether or not the clusters exist.
    """
    compared = comparable(features)
    by_cluster = features.astype(float).groupby(labels.rename("cluster"))
    parts = {
        str(name): by_cluster[str(name)].agg(
            mean="mean",
            p25=lambda v: v.quantile(0.25),
            median="median",
            p75=lambda v: v.quantile(0.75),
        )
        for name in features
    }
    table: pd.DataFrame = pd.concat(parts, names=["feature"]).swaplevel().sort_index()
    scaled = compared.groupby(labels.rename("cluster")).mean()
    table["distance"] = scaled.rename_axis(columns="feature").stack().reindex(table.index)
    summary = table.reset_index()
    sizes = summary["cluster"].map(labels.value_counts())
    summary.insert(1, "users", sizes)
    summary.insert(2, "share", sizes / len(labels))
    return summary
