import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from analysis.base.errors import ReportError
from analysis.segments import clusters, kmeans, nulls
from analysis.segments.behaviour import comparable

SMALL = {"k_range": range(2, 6), "n_null": 20, "sample_rows": 250, "n_pairs": 2}
RUNS = 20


def make_continuum(kind: str, seed: int, users: int = 250) -> pd.DataFrame:
    """Users who differ by degree only."""
    rng = np.random.default_rng(seed)
    if kind == "gaussian":
        values = rng.normal(size=(users, 5)) @ rng.normal(size=(5, 5))
    elif kind == "skewed":
        values = 10 * np.exp(rng.normal(size=(users, 5)) @ rng.normal(size=(5, 5)) / 2)
    else:  # counts that all follow one activity, with many zeros
        activity = rng.gamma(1.5, 1, users)
        values = np.stack([rng.poisson(activity * mean) for mean in (0.3, 2, 5, 15, 40)], axis=1)
    return pd.DataFrame(values, columns=[f"f{i}" for i in range(5)]).astype(float)


def make_groups(seed: int, users: int = 250, is_skewed: bool = False) -> pd.DataFrame:
    """Three kinds of users, each 6 standard deviations from the middle."""
    rng = np.random.default_rng(seed)
    centres = 6 * np.linalg.qr(rng.normal(size=(5, 5)))[0][:3]
    values = centres[rng.integers(3, size=users)] + rng.normal(size=(users, 5))
    values = 50 * np.exp(values / 3) if is_skewed else values
    return pd.DataFrame(values, columns=[f"f{i}" for i in range(5)])


def share_found(tables: list[pd.DataFrame]) -> float:
    chosen = [clusters.select_clusters(table, seed=i, **SMALL) for i, table in enumerate(tables)]
    return float(np.mean([clusters.verdict_of(selection).exists for selection in chosen]))


@pytest.mark.parametrize("kind", ["gaussian", "skewed", "counts"])
def test_a_continuum_is_not_called_clusters(kind):
    share = share_found([make_continuum(kind, seed) for seed in range(RUNS)])
    assert share <= 3 / RUNS  # at 5 % false alarms 4 or more of 20 come with a chance of 0.016


@pytest.mark.parametrize("is_skewed", [False, True])
def test_separated_clusters_are_found(is_skewed):
    tables = [make_groups(seed, is_skewed=is_skewed) for seed in range(RUNS)]
    assert share_found(tables) >= 17 / RUNS


def test_selection_has_the_agreed_columns_and_is_reproducible():
    table = make_groups(1)
    first, second = (clusters.select_clusters(table, seed=1, **SMALL) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    assert first["k"].tolist() == [2, 3, 4, 5]
    assert first["inertia"].is_monotonic_decreasing
    agreed = ["k", "inertia", "silhouette", "stability", "null_permuted_p95", "null_gaussian_p95"]
    assert set(agreed) <= set(first)
    verdict = clusters.verdict_of(first)
    assert (verdict.exists, verdict.k) == (True, 3)


def make_selection(**changes: list[float]) -> pd.DataFrame:
    table = pd.DataFrame({"k": [2, 3], "silhouette": [0.4, 0.5], "stability": [0.9, 0.8]})
    for null in nulls.NULLS:
        table[f"null_{null}_max_p95"] = 0.3
    for null in nulls.SHAPELESS:
        table[f"stability_null_{null}_p95"] = [0.95, 0.7]
    return table.assign(**changes)


def test_verdict_by_hand():
    verdict = clusters.verdict_of(make_selection())
    assert (verdict.exists, verdict.k) == (True, 3)
    assert verdict.silhouette_margin == pytest.approx(0.2)
    assert verdict.stability_margin == pytest.approx(0.1)


@pytest.mark.parametrize(
    "changes",
    [
        {"null_copula_max_p95": [0.5, 0.5]},  # equal is not beyond
        {"null_permuted_max_p95": [0.6, 0.6]},
        {"stability_null_gaussian_p95": [0.1, 0.8]},
        {"silhouette": [0.6, 0.5]},  # at k = 2 the stability is that of the nulls
    ],
)
def test_every_condition_can_refuse(changes):
    assert not clusters.verdict_of(make_selection(**changes)).exists


def test_clusters_are_numbered_by_size():
    labels = clusters.assign_clusters(make_groups(3), 3, seed=1)
    sizes = labels.value_counts()
    assert sizes.index.tolist() == [1, 2, 3]
    assert sizes.is_monotonic_decreasing


def test_nothing_to_cluster_is_an_error():
    frame = make_continuum("gaussian", 1)
    with pytest.raises(ReportError, match="1 measure of what they do differs between them"):
        comparable(frame[["f0"]].assign(same=1.0))
    with pytest.raises(ReportError, match="50 users with events are too few"):
        clusters.select_clusters(frame.head(50), [2, 3], seed=1)
    with pytest.raises(ReportError, match="too few to look for groups"):
        clusters.assign_clusters(frame, 1, seed=1)


def test_a_measure_that_is_the_same_for_nearly_all_users_is_left_out():
    frame = make_continuum("gaussian", 1)
    alike = np.where(np.arange(len(frame)) < int(0.01 * len(frame)), 1.0, 0.0)
    assert "alike" not in comparable(frame.assign(alike=alike))
    alike[: int(0.01 * len(frame)) + 1] = 1.0
    assert "alike" in comparable(frame.assign(alike=alike))


def test_a_column_that_is_constant_in_the_sample_correlates_with_none():
    sample = np.random.default_rng(1).normal(size=(100, 3)).astype(np.float32)
    sample[:, 1] = -0.015727
    tables = nulls.copula(sample, 2, np.random.default_rng(2))
    assert np.isfinite(tables).all()
    assert (tables[:, :, 1] == sample[0, 1]).all()


def test_kmeans_of_many_tables_finds_what_scikit_learn_finds():
    frame = make_groups(2)
    table = comparable(frame).to_numpy(dtype=np.float32)[None]
    labels = kmeans.nearest(table, kmeans.best_centres(table, 3, np.random.default_rng(0)))[0]
    assert adjusted_rand_score(labels, clusters.assign_clusters(frame, 3, seed=1)) > 0.99


def test_copula_keeps_every_column_and_its_correlations():
    sample = make_continuum("counts", 1, users=400).to_numpy(dtype=np.float32)
    tables = nulls.copula(sample, 30, np.random.default_rng(0))
    assert (np.sort(tables[3], axis=0) == np.sort(sample, axis=0)).all()
    found = np.mean([np.corrcoef(table, rowvar=False) for table in tables], axis=0)
    assert np.abs(found - np.corrcoef(sample, rowvar=False)).max() < 0.05


def test_permuted_keeps_columns_and_forgets_users():
    sample = make_continuum("counts", 1, users=400).to_numpy(dtype=np.float32)
    tables = nulls.permuted(sample, 20, np.random.default_rng(0))
    assert (np.sort(tables[3], axis=0) == np.sort(sample, axis=0)).all()
    found = np.mean([np.corrcoef(table, rowvar=False) for table in tables], axis=0)
    assert np.abs(found - np.eye(5)).max() < 5 / np.sqrt(400 * 20)


def test_centres_of_a_sample_cut_as_those_of_all(monkeypatch: pytest.MonkeyPatch):
    users = make_groups(1, users=900)
    whole = [
        clusters.assign_clusters(users, 3, seed=1),
        clusters.select_clusters(users, seed=1, **SMALL),
    ]
    monkeypatch.setattr(clusters, "FITTED", 300)
    few = [
        clusters.assign_clusters(users, 3, seed=1),
        clusters.select_clusters(users, seed=1, **SMALL),
    ]
    assert few[0].equals(whole[0])
    # k centres in 5 dimensions fitted on 300 users lie off by 5 k / 300 of the spread within
    inertia = [table.set_index("k")["inertia"] for table in (few[1], whole[1])]
    assert (inertia[0] / inertia[1]).between(1, 1.1).all()
    assert few[1].drop(columns="inertia").equals(whole[1].drop(columns="inertia"))
