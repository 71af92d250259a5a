"""Are there groups of users, or one cloud that could be cut anywhere?

K-means always returns groups. They are called clusters only when silhouette and stability are
beyond what the same procedure finds in data without any: the same columns shuffled, a Gaussian
of the same covariance, and a Gaussian copula with the same columns (so that skew or a pile of
zeros is not taken for structure). Where there are none, users are described by stated rules.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import skew
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from analysis.base.errors import ReportError

Floats = npt.NDArray[Any]  # float32 where many tables are held at once
Labels = npt.NDArray[np.int64]

NULLS = ("permuted", "gaussian", "copula")
SHAPELESS = ("permuted", "gaussian")
"""Nulls that keep nothing of the humps that groups leave in a column or between two."""
MAX_STEPS = 40
RESTARTS = 4
"""K-means runs of each table, the best of which counts: with two, one company in thirty with true
groups was cut at the wrong place and its groups were missed."""


def comparable(features: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of `features` on one scale: mean 0, standard deviation 1, at most 4.

    Missing values become the median; a column with skewness beyond 1 becomes sign(x) log(1 +
    |x|); columns that do not vary are left out. Raises ReportError when fewer than two are left.
    """
    filled = features.astype(float)
    filled = filled.fillna(filled.median())
    varied = filled.loc[:, filled.nunique() > 1]
    if varied.shape[1] < 2:
        raise ReportError(
            f"clusters: {varied.shape[1]} of {features.shape[1]} features vary; at least two are "
            "needed. Name others in params.yml."
        )
    bent = varied.apply(_bend)
    scaled: pd.DataFrame = ((bent - bent.mean()) / bent.std()).clip(-4, 4)
    return scaled


def _bend(values: "pd.Series[float]") -> "pd.Series[float]":
    if abs(skew(values.to_numpy())) <= 1:
        return values
    return pd.Series(np.sign(values) * np.log1p(values.abs()), values.index)


def select_clusters(
    features: pd.DataFrame,
    k_range: Sequence[int],
    seed: int,
    n_null: int = 40,
    sample_rows: int = 1000,
    n_pairs: int = 3,
) -> pd.DataFrame:
    """Return how well each number of clusters fits, beside data that have none.

    Columns: `k`; `inertia` (sum of squared distances to the centre, K-means on all users, on
    comparable scales); `silhouette` (-1 to 1, Rousseeuw 1987; mean over at most `sample_rows`
    users); `stability` (mean adjusted Rand index, Hubert & Arabie 1985, of the labels that
    K-means gives all users after learning from either half of them; mean of `n_pairs` splits;
    1 is the same groups, 0 is chance). For each of the nulls `permuted`, `gaussian`, `copula`:
    `null_<name>_p95` and `stability_null_<name>_p95`, 95th percentile over `n_null` such tables
    treated alike, and `null_<name>_max_p95`, that of the largest silhouette over all k.
    Raises ReportError for a k below 2 or too few users (20 per cluster).
    """
    scaled = comparable(features)
    _check_k(k_range, len(scaled))
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(scaled))[:sample_rows]
    sample = scaled.to_numpy(dtype=np.float32)[chosen]
    tables = {"observed": sample[None], **{n: NULL_TABLES[n](sample, n_null, rng) for n in NULLS}}
    seeds = rng.spawn(len(tables))
    with threadpool_limits(1), ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(_fits, table, k_range, n_pairs, own)
            for table, own in zip(tables.values(), seeds, strict=True)
        ]
        fits = dict(zip(tables, (job.result() for job in jobs), strict=True))
    inertia = [_whole(scaled, k, seed, restarts=2).inertia_ for k in k_range]
    return _selection_table(list(k_range), inertia, fits)


def _check_k(k_range: Sequence[int], rows: int) -> None:
    if min(k_range) < 2 or 20 * max(k_range) > rows:
        raise ReportError(
            f"clusters: k from {min(k_range)} to {max(k_range)} asked for {rows} users with "
            "events; k must be 2 or more, with at least 20 users per cluster. Lower max_clusters "
            "in params.yml, or give a log of at least 40 users."
        )


def _selection_table(
    k_range: list[int], inertia: list[float], fits: dict[str, tuple[Any, Any]]
) -> pd.DataFrame:
    silhouette, stability = (part[0] for part in fits["observed"])
    table = pd.DataFrame({"k": k_range, "inertia": inertia})
    table["silhouette"], table["stability"] = silhouette, stability
    for name in NULLS:
        table[f"null_{name}_p95"] = np.quantile(fits[name][0], 0.95, axis=0)
        table[f"stability_null_{name}_p95"] = np.quantile(fits[name][1], 0.95, axis=0)
        table[f"null_{name}_max_p95"] = np.quantile(fits[name][0].max(axis=1), 0.95)
    return table


def _permuted(sample: Floats, n_null: int, rng: np.random.Generator) -> Floats:
    return np.asarray(rng.permuted(np.repeat(sample[None], n_null, axis=0), axis=1))


def _gaussian(sample: Floats, n_null: int, rng: np.random.Generator) -> Floats:
    noise = rng.standard_normal((n_null, *sample.shape))
    return np.asarray(noise @ _root(np.cov(sample, rowvar=False)).T, dtype=np.float32)


def _copula(sample: Floats, n_null: int, rng: np.random.Generator) -> Floats:
    """Return tables with exactly the columns of `sample`, joined as a Gaussian would join them.

    The correlations of the Gaussian are moved until those of the tables are the sample's: ties
    and skew weaken them on the way (Cario & Nelson 1997).
    """
    wanted = np.corrcoef(sample, rowvar=False)
    noise, columns = rng.standard_normal((n_null, *sample.shape)), np.sort(sample, axis=0)
    latent = wanted
    for _ in range(4):
        tables = _joined(columns, noise[:8], latent)
        got = np.corrcoef(tables.reshape(-1, sample.shape[1]), rowvar=False)
        latent = np.clip(latent + wanted - got, -0.999, 0.999)
        np.fill_diagonal(latent, 1)
    return _joined(columns, noise, latent)


def _joined(columns: Floats, noise: Floats, latent: Floats) -> Floats:
    ranks = (noise @ _root(latent).T).argsort(axis=1).argsort(axis=1)
    return np.take_along_axis(columns[None], ranks, axis=1)


def _root(covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.clip(values, 0, None)))


NULL_TABLES: dict[str, Callable[[Floats, int, np.random.Generator], Floats]] = {
    "permuted": _permuted,
    "gaussian": _gaussian,
    "copula": _copula,
}


def _fits(
    tables: Floats, k_range: Sequence[int], n_pairs: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return silhouette and stability, one line per table and one column per k."""
    labels = [_nearest(tables, _cluster(tables, k, rng)) for k in k_range]
    silhouettes = np.array(
        [
            _silhouettes(table, [found[i] for found in labels], k_range)
            for i, table in enumerate(tables)
        ]
    )
    stability = np.stack([_stability(tables, k, n_pairs, rng) for k in k_range], axis=1)
    return silhouettes, stability


def _cluster(tables: Floats, k: int, rng: np.random.Generator, restarts: int = RESTARTS) -> Floats:
    """Return the centres of K-means of each table, the best of `restarts` by inertia."""
    runs = [_kmeans(tables, k, rng) for _ in range(restarts)]
    inertia = [_far(tables, centres).min(axis=1).sum(axis=1) for centres in runs]
    centres: Floats = np.stack(runs)[np.argmin(inertia, axis=0), np.arange(len(tables))]
    return centres


def _kmeans(tables: Floats, k: int, rng: np.random.Generator) -> Floats:
    """Return the centres of K-means (Lloyd 1982) of many tables at once: (tables, k, columns)."""
    centres = _spread_seeds(tables, k, rng)
    moving = np.arange(len(tables))
    for _ in range(MAX_STEPS):
        rows, before = tables[moving], centres[moving]
        far = _far(rows, before)
        member = (far == far.min(axis=1, keepdims=True)).astype(np.float32)
        size = member.sum(axis=2)[:, :, None]
        after = np.where(size > 0, member @ rows / np.maximum(size, 1), before)
        centres[moving] = after
        moving = moving[np.abs(after - before).max(axis=(1, 2)) > 1e-2]
        if not len(moving):
            break
    return np.asarray(centres)


def _spread_seeds(tables: Floats, k: int, rng: np.random.Generator) -> Floats:
    """Return k users per table to start from, far apart (k-means++, Arthur & Vassilvitskii)."""
    count, rows, _ = tables.shape
    each = np.arange(count)
    picked = [tables[each, rng.integers(rows, size=count)]]
    far = np.full((count, rows), np.inf, dtype=np.float32)
    for _ in range(k - 1):
        far = np.minimum(far, ((tables - picked[-1][:, None]) ** 2).sum(axis=2))
        steps = np.cumsum(far, axis=1)
        aim = rng.random((count, 1)) * steps[:, -1:]
        picked.append(tables[each, np.minimum((steps < aim).sum(axis=1), rows - 1)])
    return np.stack(picked, axis=1)


def _far(tables: Floats, centres: Floats) -> Floats:
    """Return the squared distance of each row to each centre, less its own square."""
    return np.asarray(
        (centres**2).sum(axis=2)[:, :, None] - 2 * centres @ tables.transpose(0, 2, 1)
    )


def _nearest(tables: Floats, centres: Floats) -> Labels:
    return np.asarray(_far(tables, centres).argmin(axis=1))


def _one_hot(labels: Labels, k: int) -> Floats:
    return np.asarray(labels[:, None, :] == np.arange(k)[None, :, None], dtype=np.float32)


def _silhouettes(table: Floats, labels: Sequence[Labels], k_range: Sequence[int]) -> list[float]:
    """Return the mean silhouette of each labelling; the distances are computed once."""
    squares = (table**2).sum(axis=1)
    apart = np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * table @ table.T, 0))
    np.fill_diagonal(apart, 0)
    return [_silhouette(apart, found, k) for found, k in zip(labels, k_range, strict=True)]


def _silhouette(apart: Floats, labels: Labels, k: int) -> float:
    member, each = _one_hot(labels[None], k)[0].T, np.arange(len(labels))
    size, total = member.sum(axis=0), apart @ member
    within = total[each, labels] / np.maximum(size[labels] - 1, 1)
    other = np.where(size > 0, total / np.maximum(size, 1), np.inf)
    other[each, labels] = np.inf
    if (size > 0).sum() < 2:
        return 0.0
    nearest = other.min(axis=1)
    widest = np.maximum(np.maximum(within, nearest), 1e-12)
    return float(np.where(size[labels] > 1, (nearest - within) / widest, 0).mean())


def _stability(
    tables: Floats, k: int, n_pairs: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    half, scores = tables.shape[1] // 2, []
    for _ in range(n_pairs):
        order = rng.permutation(tables.shape[1])
        sides = (order[:half], order[half : 2 * half])
        labels = [_nearest(tables, _cluster(tables[:, side], k, rng)) for side in sides]
        scores.append(_adjusted_rand(_one_hot(labels[0], k), _one_hot(labels[1], k)))
    return np.asarray(np.mean(scores, axis=0))


def _adjusted_rand(one: Floats, other: Floats) -> npt.NDArray[np.float64]:
    cells = (one @ other.transpose(0, 2, 1)).astype(float)
    together = _pairs(cells).sum(axis=(1, 2))
    in_one, in_other = (_pairs(cells.sum(axis=axis)).sum(axis=1) for axis in (2, 1))
    chance = in_one * in_other / _pairs(np.array(float(one.shape[2])))
    spread = (in_one + in_other) / 2 - chance
    return np.where(spread > 0, (together - chance) / np.where(spread > 0, spread, 1), 1.0)


def _pairs(count: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return count * (count - 1) / 2


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


def clusters_exist(selection: pd.DataFrame) -> ClusterVerdict:
    """Return the verdict on the table of select_clusters: see ClusterVerdict."""
    best = selection.iloc[int(selection["silhouette"].to_numpy().argmax())]
    apart = float(best["silhouette"] - max(best[f"null_{name}_max_p95"] for name in NULLS))
    steady = float(
        best["stability"] - max(best[f"stability_null_{name}_p95"] for name in SHAPELESS)
    )
    return ClusterVerdict(
        exists=apart > 0 and steady > 0,
        k=int(best["k"]),
        silhouette=float(best["silhouette"]),
        stability=float(best["stability"]),
        silhouette_margin=apart,
        stability_margin=steady,
    )


def assign_clusters(features: pd.DataFrame, k: int, seed: int) -> "pd.Series[int]":
    """Return each user's cluster, from 1 (most users) to `k`: K-means on comparable scales.

    A cut, whether or not clusters exist: ask clusters_exist.
    """
    scaled = comparable(features)
    _check_k([k], len(scaled))
    labels = pd.Series(_whole(scaled, k, seed, restarts=10).labels_, features.index)
    by_size = labels.value_counts(sort=False).sort_index()
    order = by_size.sort_values(ascending=False, kind="stable").index
    return labels.map({label: place + 1 for place, label in enumerate(order)}).rename("cluster")


def _whole(scaled: pd.DataFrame, k: int, seed: int, restarts: int) -> Any:
    return KMeans(n_clusters=k, n_init=restarts, random_state=seed).fit(scaled.to_numpy())


def cluster_summary(features: pd.DataFrame, labels: "pd.Series[int]") -> pd.DataFrame:
    """Return what the users of each cluster are like, one row per cluster and feature.

    Columns: `cluster`, `users`, `share` (0 to 1), `feature`, `mean`, `p25`, `median`, `p75`
    (the feature's unit), `distance` (cluster mean less overall mean, in standard deviations of
    the comparable scale; blank for a feature that does not vary). The features made the
    clusters, so they differ between them whether or not the clusters exist.
    """
    kinds = features.astype(float).melt(ignore_index=False, var_name="feature")
    grouped = kinds.join(labels.rename("cluster")).groupby(["cluster", "feature"])["value"]
    table = grouped.agg(
        mean="mean",
        p25=lambda v: v.quantile(0.25),
        median="median",
        p75=lambda v: v.quantile(0.75),
    )
    scaled = comparable(features).groupby(labels.rename("cluster")).mean()
    table["distance"] = scaled.rename_axis(columns="feature").stack().reindex(table.index)
    summary = table.reset_index()
    sizes = summary["cluster"].map(labels.value_counts())
    summary.insert(1, "users", sizes)
    summary.insert(2, "share", sizes / len(labels))
    return summary


def rfm_rules(
    frame: pd.DataFrame, recency: str, frequency: str, monetary: str | None = None
) -> pd.DataFrame:
    """Return the limits that rfm_tiers uses, one row per band.

    Columns: `feature`, `band`, `above` (the limit itself is left out), `at_most` (itself
    included); in the feature's unit, blank where there is no limit. Recency and frequency are cut
    at the thirds of the users (at the value of a user): `active`, `fading`, `silent`;
    `frequent`, `regular`, `occasional`. Money is cut at 0: `payer`, `free`.
    """
    low, high = (_third(frame[recency], place) for place in (1, 2))
    few, many = (_third(frame[frequency], place) for place in (1, 2))
    blank = float("nan")
    rows: list[tuple[str, str, float, float]] = [
        (recency, "active", blank, low),
        (recency, "fading", low, high),
        (recency, "silent", high, blank),
        (frequency, "occasional", blank, few),
        (frequency, "regular", few, many),
        (frequency, "frequent", many, blank),
    ]
    if monetary is not None:
        rows += [(monetary, "free", blank, 0.0), (monetary, "payer", 0.0, blank)]
    return pd.DataFrame(rows, columns=["feature", "band", "above", "at_most"]).astype(
        {"above": float, "at_most": float}
    )


def _third(values: "pd.Series[float]", place: int) -> float:
    return float(values.quantile(place / 3, interpolation="lower"))


def rfm_tiers(
    frame: pd.DataFrame, recency: str, frequency: str, monetary: str | None = None
) -> pd.DataFrame:
    """Return each user's tier by recency, frequency and, where given, money: rules, no clusters.

    On the index of `frame`. Columns: `recency_band`, `frequency_band`, `monetary_band` (only
    with `monetary`), and `tier`, recency and frequency joined, as in `active_frequent`. A user
    is in the band whose limits in rfm_rules hold: above < value <= at_most. Blank where the
    value is missing.
    """
    rules = rfm_rules(frame, recency, frequency, monetary)
    kinds = {"recency_band": recency, "frequency_band": frequency, "monetary_band": monetary}
    table = pd.DataFrame(
        {name: _band(frame[column], rules) for name, column in kinds.items() if column}
    )
    return table.assign(tier=table["recency_band"] + "_" + table["frequency_band"])


def _band(values: "pd.Series[float]", rules: pd.DataFrame) -> "pd.Series[str]":
    band = pd.Series(None, index=values.index, dtype="str")
    own = rules[rules["feature"] == values.name]
    floors, ceilings = own["above"].fillna(-np.inf), own["at_most"].fillna(np.inf)
    for name, above, at_most in zip(own["band"], floors, ceilings, strict=True):
        band = band.mask((values > above) & (values <= at_most), name)
    return band
