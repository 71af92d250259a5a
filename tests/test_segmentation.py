import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_score

from analysis.base.errors import ReportError
from analysis.segments import clusters as seg

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


def make_clusters(seed: int, users: int = 250, is_skewed: bool = False) -> pd.DataFrame:
    """Three kinds of users, each 6 standard deviations from the middle."""
    rng = np.random.default_rng(seed)
    centres = 6 * np.linalg.qr(rng.normal(size=(5, 5)))[0][:3]
    values = centres[rng.integers(3, size=users)] + rng.normal(size=(users, 5))
    values = 50 * np.exp(values / 3) if is_skewed else values
    return pd.DataFrame(values, columns=[f"f{i}" for i in range(5)])


def share_found(tables: list[pd.DataFrame]) -> float:
    chosen = [seg.select_clusters(table, seed=i, **SMALL) for i, table in enumerate(tables)]
    return float(np.mean([seg.clusters_exist(selection).exists for selection in chosen]))


@pytest.mark.parametrize("kind", ["gaussian", "skewed", "counts"])
def test_a_continuum_is_not_called_clusters(kind):
    found = share_found([make_continuum(kind, seed) for seed in range(RUNS)])
    assert found <= 3 / RUNS  # at 5 % false alarms 4 or more of 20 come with a chance of 0.016


@pytest.mark.parametrize("is_skewed", [False, True])
def test_separated_clusters_are_found(is_skewed):
    tables = [make_clusters(seed, is_skewed=is_skewed) for seed in range(RUNS)]
    assert share_found(tables) >= 17 / RUNS


def test_selection_has_the_agreed_columns_and_is_reproducible():
    table = make_clusters(1)
    first, second = (seg.select_clusters(table, seed=1, **SMALL) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    assert first["k"].tolist() == [2, 3, 4, 5]
    assert first["inertia"].is_monotonic_decreasing
    agreed = ["k", "inertia", "silhouette", "stability", "null_permuted_p95", "null_gaussian_p95"]
    assert set(agreed) <= set(first)
    verdict = seg.clusters_exist(first)
    assert (verdict.exists, verdict.k) == (True, 3)


def make_selection(**changes: list[float]) -> pd.DataFrame:
    table = pd.DataFrame({"k": [2, 3], "silhouette": [0.4, 0.5], "stability": [0.9, 0.8]})
    for null in seg.NULLS:
        table[f"null_{null}_max_p95"], table[f"stability_null_{null}_p95"] = 0.3, [0.95, 0.7]
    return table.assign(**changes)


def test_verdict_by_hand():
    verdict = seg.clusters_exist(make_selection())
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
    assert not seg.clusters_exist(make_selection(**changes)).exists


def test_scales_are_comparable():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "share": rng.random(500),
            "money": np.exp(rng.normal(3, 2, 500)),
            "missing": np.where(rng.random(500) < 0.2, np.nan, rng.normal(size=500)),
            "constant": 1.0,
        }
    )
    before = frame.copy()
    scaled = seg.comparable(frame)
    pd.testing.assert_frame_equal(frame, before)
    assert list(scaled) == ["share", "money", "missing"]
    assert scaled.notna().all().all()
    assert scaled.mean().abs().max() < 0.05
    assert scaled.std().tolist() == pytest.approx([1, 1, 1], abs=0.05)
    # 0.5 less the mean over the standard deviation: a column without skew stays as it is
    by_hand = (frame["share"] - frame["share"].mean()) / frame["share"].std()
    assert scaled["share"].tolist() == pytest.approx(by_hand.tolist())
    logged = np.log1p(frame["money"])
    assert scaled["money"].corr(logged) > 0.999


def test_nothing_to_cluster_is_an_error():
    frame = make_continuum("gaussian", 1)
    with pytest.raises(ReportError, match="1 of 2 features vary"):
        seg.comparable(frame[["f0"]].assign(same=1.0))
    with pytest.raises(ReportError, match="at least 20 users per cluster"):
        seg.select_clusters(frame.head(50), [2, 3], seed=1)
    with pytest.raises(ReportError, match="k must be 2 or more"):
        seg.assign_clusters(frame, 1, seed=1)


def test_own_silhouette_and_rand_index_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(120, 3)).astype(np.float32)
    one, other = rng.integers(4, size=(2, 120))
    assert seg._silhouettes(table, [one], [4]) == pytest.approx(
        [silhouette_score(table, one)], abs=1e-5
    )
    found = seg._adjusted_rand(seg._one_hot(one[None], 4), seg._one_hot(other[None], 4))
    assert found.item() == pytest.approx(adjusted_rand_score(one, other))
    same = seg._adjusted_rand(seg._one_hot(one[None], 4), seg._one_hot(3 - one[None], 4))
    assert same.item() == 1.0


def test_own_kmeans_finds_what_scikit_learn_finds():
    frame = make_clusters(2)
    table = seg.comparable(frame).to_numpy(dtype=np.float32)[None]
    labels = seg._nearest(table, seg._cluster(table, 3, np.random.default_rng(0)))[0]
    assert adjusted_rand_score(labels, seg.assign_clusters(frame, 3, seed=1)) > 0.99


def test_copula_keeps_every_column_and_its_correlations():
    sample = make_continuum("counts", 1, users=400).to_numpy(dtype=np.float32)
    tables = seg._copula(sample, 30, np.random.default_rng(0))
    assert (np.sort(tables[3], axis=0) == np.sort(sample, axis=0)).all()
    found = np.mean([np.corrcoef(table, rowvar=False) for table in tables], axis=0)
    assert np.abs(found - np.corrcoef(sample, rowvar=False)).max() < 0.05


def test_permuted_keeps_columns_and_forgets_users():
    sample = make_continuum("counts", 1, users=400).to_numpy(dtype=np.float32)
    tables = seg._permuted(sample, 20, np.random.default_rng(0))
    assert (np.sort(tables[3], axis=0) == np.sort(sample, axis=0)).all()
    found = np.mean([np.corrcoef(table, rowvar=False) for table in tables], axis=0)
    assert np.abs(found - np.eye(5)).max() < 5 / np.sqrt(400 * 20)


def test_clusters_are_numbered_by_size():
    labels = seg.assign_clusters(make_clusters(3), 3, seed=1)
    sizes = labels.value_counts()
    assert sizes.index.tolist() == [1, 2, 3]
    assert sizes.is_monotonic_decreasing


def test_summary_of_two_clusters_by_hand():
    features = pd.DataFrame({"events": [1.0, 2.0, 3.0, 10.0], "days": [1.0, 1.0, 1.0, 5.0]})
    table = seg.cluster_summary(features, pd.Series([1, 1, 1, 2]))
    first = table[(table["cluster"] == 1) & (table["feature"] == "events")].iloc[0]
    assert first[["users", "share", "mean", "median", "p25", "p75"]].tolist() == [
        3,
        0.75,
        2.0,
        2.0,
        1.5,
        2.5,
    ]
    assert first["distance"] < 0
    assert len(table) == 4


RFM = pd.DataFrame(
    {
        "recency_days": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, np.nan],
        "events": [60.0, 50.0, 40.0, 30.0, 20.0, 10.0, 10.0],
        "credits": [0.0, 1.0, 0.0, 5.0, 0.0, 0.0, 0.0],
    },
    index=list("abcdefg"),
)


def test_tiers_are_the_rules():
    table = seg.rfm_tiers(RFM, "recency_days", "events", "credits")
    # recency: thirds of six known values end at the 2nd and the 4th; events likewise from below
    assert table["recency_band"].tolist()[:6] == [
        "active",
        "active",
        "fading",
        "fading",
        "silent",
        "silent",
    ]
    assert table.loc["a", "tier"] == "active_frequent"
    assert table.loc["f", "tier"] == "silent_occasional"
    assert pd.isna(table.loc["g", "tier"])
    assert table["monetary_band"].tolist() == ["free", "payer", "free", "payer"] + ["free"] * 3
    assert "monetary_band" not in seg.rfm_tiers(RFM, "recency_days", "events")


def test_rules_state_the_limits_that_tiers_use():
    rules = seg.rfm_rules(RFM, "recency_days", "events", "credits").set_index("band")
    assert rules.loc["active", "at_most"] == 2.0
    assert rules.loc["fading", ["above", "at_most"]].tolist() == [2.0, 4.0]
    assert np.isnan(rules.loc["silent", "at_most"])
    assert rules.loc["payer", "above"] == 0.0
