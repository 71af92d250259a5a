"""Measures of a score, by hand and against other packages."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score

from analysis.base import score_metrics
from tests.made_up_scores import CHURNED, PROBA, make_scores


def test_auc_counts_a_tie_as_half_a_win():
    # pairs won: 0.9 beats both stayers; 0.4 loses to 0.8 and ties with 0.4
    assert score_metrics.roc_auc(CHURNED, PROBA).item() == (1 + 1 + 0 + 0.5) / 4


def test_metrics_of_four_users_by_hand():
    assert score_metrics.base_rate(CHURNED, PROBA).item() == 0.5
    brier = (0.1**2 + 0.8**2 + 0.6**2 + 0.4**2) / 4
    assert score_metrics.brier(CHURNED, PROBA).item() == pytest.approx(brier)
    assert score_metrics.brier_skill(CHURNED, PROBA).item() == pytest.approx(1 - brier / 0.25)
    loss = -np.log([0.9, 0.2, 0.4, 0.6]).mean()
    assert score_metrics.log_loss(CHURNED, PROBA).item() == pytest.approx(loss)
    # half of the churners at precision 1, the other half at 2 / 4
    assert score_metrics.average_precision(CHURNED, PROBA).item() == pytest.approx((1 + 0.5) / 2)


def test_metrics_at_a_threshold_include_the_threshold_itself():
    at = {"threshold": 0.8}
    assert score_metrics.flagged_share(CHURNED, PROBA, **at).item() == 0.5
    assert score_metrics.precision(CHURNED, PROBA, **at).item() == 0.5
    assert score_metrics.recall(CHURNED, PROBA, **at).item() == 0.5
    assert score_metrics.f1(CHURNED, PROBA, **at).item() == 0.5
    assert np.isnan(score_metrics.precision(CHURNED, PROBA, threshold=0.95).item())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9)), min_size=2, max_size=40))
def test_auc_and_average_precision_agree_with_scikit_learn(users):
    churned = np.array([user[0] for user in users], dtype=float)
    proba = np.array([user[1] / 10 for user in users])
    if 0 < churned.sum() < len(churned):
        expected = roc_auc_score(churned, proba)
        assert score_metrics.roc_auc(churned, proba).item() == pytest.approx(expected)
        assert score_metrics.auc_parts(churned, proba)[churned == 1].mean() == pytest.approx(
            expected
        )
        assert score_metrics.auc_parts(churned, proba)[churned == 0].mean() == pytest.approx(
            expected
        )
        found = score_metrics.average_precision(churned, proba).item()
        assert found == pytest.approx(average_precision_score(churned, proba))


def test_calibration_agrees_with_an_unpenalised_logistic_regression():
    scores = make_scores(400, seed=1, spread=1.5)
    churned, proba = scores["churned"].to_numpy(), scores["model"].to_numpy()
    odds = np.log(proba / (1 - proba))[:, None]
    fit = LogisticRegression(C=np.inf, tol=1e-10).fit(odds, churned)
    assert score_metrics.calibration_slope(churned, proba).item() == pytest.approx(
        fit.coef_[0, 0], rel=1e-4
    )
    shift = score_metrics.calibration_intercept(churned, proba).item()
    assert (1 / (1 + np.exp(-(odds[:, 0] + shift)))).sum() == pytest.approx(churned.sum())


def test_calibration_slope_is_blank_for_one_probability():
    assert np.isnan(score_metrics.calibration_slope(CHURNED, np.full(4, 0.3)).item())


def test_debiased_error_is_the_gap_less_what_chance_gives():
    # ten scores, ten bins of four users, in each two churners: r = 1/2, n = 4
    proba = np.repeat(np.linspace(0.05, 0.95, 10), 4)
    churned = np.tile([1.0, 0.0, 1.0, 0.0], 10)
    gaps = (np.linspace(0.05, 0.95, 10) - 0.5) ** 2
    found = score_metrics.squared_calibration_error(churned, proba).item()
    assert found == pytest.approx((gaps - 0.25 / 3).mean())
    assert score_metrics.ece_debiased(churned, np.full(40, 0.5)).item() == 0.0


def test_perfect_calibration_has_no_error_on_average():
    found = [
        score_metrics.squared_calibration_error(
            s["churned"].to_numpy(), s["model"].to_numpy()
        ).item()
        for s in (make_scores(300, seed) for seed in range(200))
    ]
    # without the correction the mean would be about 10 * 0.2 / 300
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(200)
