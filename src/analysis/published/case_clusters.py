"""The case's K-means on eight scaled variables, with k from 2 to 9 chosen by silhouette.

Known fault, kept on purpose: the highest silhouette always names a k, also where shuffled
columns give a higher one (`analysis.published.faults.shuffled_silhouettes`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler

from analysis.base.cluster_metrics import silhouettes
from analysis.published.case_model import raw_numbers
from analysis.published.results import Absent, known

VARIABLES = (
    *("event_count", "recency_days", "unique_event_types", "credits_purchased"),
    *("credits_spent", "views", "avg_watch_time_sec", "sessions_7d"),
)


@dataclass(frozen=True)
class CaseClusters:
    """The chosen `k`; `selection` (`k`, `inertia`, `silhouette`); `labels` (`user_id`,
    `cluster` from 0); `profile` (per cluster, means to 2 decimals of the variables that are there,
    `user_count`, `pct_total` of 100).
    """

    k: int
    selection: pd.DataFrame
    labels: pd.DataFrame
    profile: pd.DataFrame


def case_clusters(
    features: pd.DataFrame, seed: int = 42, k_max: int = 9, silhouette_rows: int = 10_000
) -> CaseClusters | Absent:
    """Return the case's clusters of `case_features`, or why there are none.

    Of its variables those present are used, with 0 for a missing value. k stays below the
    number of distinct users; the silhouette uses at most `silhouette_rows` of them.
    """
    table = features.sort_values("user_id", ignore_index=True)
    used, X = scaled_variables(table)
    k_max = min(k_max, len(np.unique(X, axis=0)) - 1)
    if k_max < 2:
        return Absent("fewer than three users differ in the variables of the clusters")
    fits = {k: KMeans(k, random_state=seed, n_init="auto").fit(X) for k in range(2, k_max + 1)}
    tight = silhouettes_of(X, [fit.labels_ for fit in fits.values()], seed, silhouette_rows)
    inertia = [float(fit.inertia_) for fit in fits.values()]
    selection = pd.DataFrame({"k": list(fits), "inertia": inertia, "silhouette": tight})
    k = 2 + int(np.nan_to_num(tight, nan=-1.0).argmax())
    labels = table[["user_id"]].assign(cluster=fits[k].labels_.astype("int64"))
    profile = _profile(table[list(used)], labels["cluster"])
    return CaseClusters(k, selection, labels, profile)


def scaled_variables(features: pd.DataFrame) -> tuple[tuple[str, ...], Any]:
    """Return the names of the case's variables that `features` has, and them scaled."""
    used = tuple(name for name in VARIABLES if name in features)
    return used, StandardScaler().fit_transform(raw_numbers(features, list(used)))


def silhouettes_of(X: Any, labels: Sequence[Any], seed: int, rows: int) -> list[float]:
    """Return the mean silhouette (-1 to 1) of each of `labels`, on a sample above `rows`; NaN for
    one cluster, or for as many as users.
    """
    if len(X) > rows:
        sample = np.sort(np.random.default_rng(seed).choice(len(X), rows, replace=False))
        X, labels = X[sample], [of_k[sample] for of_k in labels]
    has_clusters = [1 < len(np.unique(of_k)) < len(of_k) for of_k in labels]
    tight = silhouettes(X, labels)
    return [v if known else float("nan") for v, known in zip(tight, has_clusters, strict=True)]


def _profile(variables: pd.DataFrame, cluster: pd.Series) -> pd.DataFrame:
    means = variables.astype("float64").groupby(cluster).mean().round(2)
    sizes = cluster.value_counts()
    counted = means.assign(user_count=sizes, pct_total=(100 * sizes / len(cluster)).round(2))
    return counted.reset_index()


def cluster_profile(clusters: CaseClusters | Absent) -> pd.DataFrame:
    """Return the profile of the case's clusters: means, `user_count`, `pct_total`."""
    return known(clusters).profile


def user_clusters(clusters: CaseClusters | Absent, features: pd.DataFrame) -> pd.DataFrame:
    """Return the case's features of each user with its `cluster`."""
    return features.merge(known(clusters).labels, on="user_id")
