"""The case's K-means on eight scaled variables, with k from 2 to 9 chosen by silhouette.

Known fault, kept on purpose: the highest silhouette always names a k, also where shuffled
columns give a higher one (`analysis.published.faults.shuffled_silhouettes`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn import config_context
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import StandardScaler

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
    silhouettes = [silhouette(X, fit.labels_, seed, silhouette_rows) for fit in fits.values()]
    inertia = [float(fit.inertia_) for fit in fits.values()]
    selection = pd.DataFrame({"k": list(fits), "inertia": inertia, "silhouette": silhouettes})
    k = 2 + int(np.nan_to_num(silhouettes, nan=-1.0).argmax())
    labels = table[["user_id"]].assign(cluster=fits[k].labels_.astype("int64"))
    profile = _profile(table[list(used)], labels["cluster"])
    return CaseClusters(k, selection, labels, profile)


def scaled_variables(features: pd.DataFrame) -> tuple[tuple[str, ...], Any]:
    """Return the names of the case's variables that `features` has, and them scaled."""
    used = tuple(name for name in VARIABLES if name in features)
    return used, StandardScaler().fit_transform(raw_numbers(features, list(used)))


def silhouette(X: Any, labels: Any, seed: int, rows: int) -> float:
    """Return the mean silhouette (-1 to 1), on a sample above `rows`; NaN if it has one cluster."""
    if len(X) > rows:
        sample = np.sort(np.random.default_rng(seed).choice(len(X), rows, replace=False))
        X, labels = X[sample], labels[sample]
    has_clusters = 1 < len(np.unique(labels)) < len(labels)
    with config_context(working_memory=256):  # MB of distances held at once, not all 800
        return float(silhouette_score(X, labels)) if has_clusters else float("nan")


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
