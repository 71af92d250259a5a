"""Silhouette and adjusted Rand index, by hand and beside scikit-learn's."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, silhouette_score

from analysis.base import cluster_metrics


def test_silhouette_by_hand():
    """Rows at 0, 1 and 10: the first two are 1 apart, 10 and 9 from the third, which is alone."""
    table = np.array([[0.0], [1.0], [10.0]], dtype=np.float32)
    found = cluster_metrics.silhouettes(table, [np.array([0, 0, 1])])
    assert found == pytest.approx([((1 - 1 / 10) + (1 - 1 / 9) + 0) / 3])


def test_the_silhouette_of_a_single_group_is_0():
    table = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    one, two = np.zeros(40, dtype=np.int64), np.arange(40) % 2
    found = cluster_metrics.silhouettes(table, [one, two])
    assert found == pytest.approx([0.0, silhouette_score(table, two)], abs=1e-6)


@given(st.integers(0, 10_000), st.integers(2, 6), st.sampled_from([3, 12, 50]))
def test_silhouettes_are_those_of_scikit_learn(seed, k, rows):
    rng = np.random.default_rng(seed)
    table = rng.integers(3, size=(rows, 2)).astype(np.float32)  # with rows that are the same
    labels = [rng.integers(k, size=rows) for _ in range(3)]
    possible = [of_k for of_k in labels if 2 <= len(np.unique(of_k)) < rows]
    assume(possible)
    wanted = [silhouette_score(table, of_k) for of_k in possible]
    assert cluster_metrics.silhouettes(table, possible) == pytest.approx(wanted, abs=1e-5)


@given(st.integers(0, 10_000), st.integers(1, 6), st.sampled_from([1, 2, 12, 50]))
def test_agreements_are_those_of_scikit_learn(seed, k, rows):
    one, other = np.random.default_rng(seed).integers(k, size=(2, 5, rows))
    wanted = [adjusted_rand_score(a, b) for a, b in zip(one, other, strict=True)]
    assert cluster_metrics.agreements(one, other) == pytest.approx(wanted)


def test_agreement_by_hand():
    """Two of six pairs are together in one, three in the other, and one in both, as by chance."""
    one, other = np.array([[0, 0, 1, 1]] * 2), np.array([[1, 1, 0, 0], [0, 0, 0, 1]])
    assert cluster_metrics.agreements(one, other).tolist() == pytest.approx(
        [1.0, (1 - 1) / (2.5 - 1)]
    )
