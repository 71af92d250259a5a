"""Are there groups of users, or a single cloud that could be cut anywhere?

K-means always returns groups. They are called clusters only when silhouette and stability are
beyond what the same procedure finds in data without any: the same columns shuffled, a Gaussian
of the same covariance, and a Gaussian copula with the same columns (so that skew or a pile of
zeros is not taken for structure). Where there are none, users are described by stated rules.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from analysis.base.cluster_metrics import agreements, silhouettes
from analysis.base.errors import Unavailable
from analysis.base.formats import plural
from analysis.contract.checks import Status, Verdict, check
from analysis.segments.behaviour import ROWS_PER_CLUSTER, comparable
from analysis.segments.kmeans import Floats, best_centres, nearest
from analysis.segments.nulls import NULLS, SHAPELESS

FEWEST = 100
"""Users among whom a lack of groups can be seen: five groups of 20, each halved for stability."""
SAMPLE_ROWS = 1000
"""Users on whom the fit of the clusters is measured."""
FITTED = 50_000
"""Users, at most, from whom K-means learns its centres: each is then the mean of thousands, off by
a hundredth of a standard deviation or so."""


def select_clusters(
    features: pd.DataFrame,
    k_range: Sequence[int],
    seed: int,
    n_null: int = 40,
    sample_rows: int = SAMPLE_ROWS,
    n_pairs: int = 3,
) -> pd.DataFrame:
    """Return how well each number of clusters fits, compared with data without clusters.

    Columns: `k`; `inertia` (sum of squared distances of all users to the centre, on comparable
    scales, of K-means on at most FITTED of them); `silhouette` (-1 to 1, Rousseeuw 1987; mean over
    at most `sample_rows` users); `stability` (mean adjusted Rand index, Hubert & Arabie 1985, of
    the labels that K-means gives all users after learning from either half of them; mean of
    `n_pairs` splits; 1 is the same groups, 0 is chance). For each of the nulls `permuted`,
    `gaussian`, `copula`: `null_<name>_p95`, 95th percentile of the silhouette over `n_null` such
    tables treated alike, and `null_<name>_max_p95`, that of the largest over all k; for the first
    two also `stability_null_<name>_p95`.
    Raises Unavailable for a k below 2 or too few users (20 per cluster).
    """
    scaled = comparable(features)
    _check_k(k_range, len(scaled))
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(scaled))[:sample_rows]
    sample = scaled.to_numpy(dtype=np.float32)[chosen]
    tables = {
        "observed": sample[None],
        **{n: make(sample, n_null, rng) for n, make in NULLS.items()},
    }
    seeds, measured = rng.spawn(len(tables)), ("observed", *SHAPELESS)
    with threadpool_limits(1), ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(_fits, table, k_range, n_pairs if name in measured else 0, stream)
            for (name, table), stream in zip(tables.items(), seeds, strict=True)
        ]
        fits = dict(zip(tables, (job.result() for job in jobs), strict=True))
    whole = scaled.to_numpy()
    inertia = [_inertia(whole, _fit(whole, k, seed, restarts=2)) for k in k_range]
    return _selection_table(list(k_range), inertia, fits)


def _check_k(k_range: Sequence[int], rows: int) -> None:
    if min(k_range) < 2 or ROWS_PER_CLUSTER * max(k_range) > rows:
        users = plural(rows, "user with events is", "users with events are")
        raise Unavailable(
            f"{users} too few to look for groups: two groups of {ROWS_PER_CLUSTER} users need at "
            f"least {2 * ROWS_PER_CLUSTER}. Give a log of more users."
        )


def _selection_table(
    k_range: list[int], inertia: list[float], fits: dict[str, tuple[Any, Any]]
) -> pd.DataFrame:
    silhouette, stability = (part[0] for part in fits["observed"])
    table = pd.DataFrame({"k": k_range, "inertia": inertia})
    table["silhouette"], table["stability"] = silhouette, stability
    for name in NULLS:
        table[f"null_{name}_p95"] = np.quantile(fits[name][0], 0.95, axis=0)
        if name in SHAPELESS:
            table[f"stability_null_{name}_p95"] = np.quantile(fits[name][1], 0.95, axis=0)
        table[f"null_{name}_max_p95"] = np.quantile(fits[name][0].max(axis=1), 0.95)
    return table


def _fits(
    tables: Floats, k_range: Sequence[int], n_pairs: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return silhouette and, over `n_pairs` splits, stability, a line per table, a column per k."""
    labels = [nearest(tables, best_centres(tables, k, rng)) for k in k_range]
    tight = [silhouettes(table, [of_k[i] for of_k in labels]) for i, table in enumerate(tables)]
    stability = [_stability(tables, k, n_pairs, rng) for k in k_range if n_pairs]
    return np.array(tight), np.transpose(stability)


def _stability(
    tables: Floats, k: int, n_pairs: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Return per table how well the labels learned from either half of its rows agree."""
    half, agreed = tables.shape[1] // 2, []
    for _ in range(n_pairs):
        order = rng.permutation(tables.shape[1])
        sides = (order[:half], order[half : 2 * half])
        one, other = (nearest(tables, best_centres(tables[:, side], k, rng)) for side in sides)
        agreed.append(agreements(one, other))
    return np.asarray(np.mean(agreed, axis=0))


@dataclass(frozen=True)
class ClusterVerdict:
    """Whether clusters exist, and by how much.

    `k`: number of clusters with the largest silhouette. `silhouette_margin`: that silhouette
    less the largest of the nulls' 95th percentiles (each of the best silhouette over all k, so
    that having chosen k is paid for). `stability_margin`: stability at k less the larger 95th
    percentile at k of the nulls `permuted` and `gaussian`; the copula keeps the humps of each
    column, which true groups make, and so is as stable as they are. `exists`: both are above 0.
    """

    exists: bool
    k: int
    silhouette: float
    stability: float
    silhouette_margin: float
    stability_margin: float


def verdict_of(selection: pd.DataFrame) -> ClusterVerdict:
    """Return the verdict on the table of select_clusters: see ClusterVerdict."""
    best = selection.iloc[int(selection["silhouette"].to_numpy().argmax())]
    silhouette_margin = best["silhouette"] - max(best[f"null_{name}_max_p95"] for name in NULLS)
    stability_margin = best["stability"] - max(
        best[f"stability_null_{name}_p95"] for name in SHAPELESS
    )
    return ClusterVerdict(
        exists=bool(silhouette_margin > 0 and stability_margin > 0),
        k=int(best["k"]),
        silhouette=float(best["silhouette"]),
        stability=float(best["stability"]),
        silhouette_margin=float(silhouette_margin),
        stability_margin=float(stability_margin),
    )


def assign_clusters(features: pd.DataFrame, k: int, seed: int) -> "pd.Series[int]":
    """Return each user's cluster, from 1 (most users) to `k`: K-means on comparable scales.

    A cut, whether or not clusters exist: see verdict_of. The centres are those of at most FITTED
    users.
    """
    scaled = comparable(features).to_numpy()
    _check_k([k], len(scaled))
    found = _fit(scaled, k, seed, restarts=10)
    nearest_centre = found.labels_ if len(scaled) <= FITTED else found.predict(scaled)
    labels = pd.Series(nearest_centre, features.index)
    by_size = labels.value_counts(sort=False).sort_index()
    order = by_size.sort_values(ascending=False, kind="stable").index
    return labels.map({label: place + 1 for place, label in enumerate(order)}).rename("cluster")


def _fit(users: Floats, k: int, seed: int, restarts: int) -> Any:
    """Return K-means fitted on `users`, or on FITTED of them."""
    if len(users) > FITTED:
        users = users[np.sort(np.random.default_rng(seed).permutation(len(users))[:FITTED])]
    return KMeans(n_clusters=k, n_init=restarts, random_state=seed).fit(users)


def _inertia(users: Floats, fitted: Any) -> float:
    return float(fitted.inertia_ if len(users) <= FITTED else -fitted.score(users))


@check(stage="08_segmentation", strikes=["segments"])
def clusters_exist(cluster_selection: pd.DataFrame, user_clusters: pd.DataFrame) -> Verdict:
    """Judge the claim of clusters: silhouette and stability above every null, k paid for.

    Where no clusters are claimed the check passes, and its facts say what was found; among fewer
    than FEWEST users nobody can say that there are none, and it is not applicable.
    """
    verdict, is_claimed = verdict_of(cluster_selection), bool(user_clusters["is_cluster"].any())
    row = cluster_selection.set_index("k").loc[verdict.k]
    limit = max(float(row[name]) for name in row.index if name.endswith("_max_p95"))
    facts: dict[str, Any] = {"k": verdict.k, "exists": verdict.exists, "claimed": is_claimed,
             "stability": verdict.stability, "null": limit}  # fmt: skip
    status: Status = "fail" if is_claimed and not verdict.exists else "pass"
    if len(user_clusters) < FEWEST and not verdict.exists and not is_claimed:
        facts["reason"] = f"groups cannot be told from chance among fewer than {FEWEST} users"
        status = "not_applicable"
    return Verdict("clusters_exist", status, verdict.silhouette, limit=limit, facts=facts)
