"""Measures of a score, by hand and against other packages."""

import numpy as np
import pandas as pd
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


def test_without_a_threshold_one_half_is_taken():
    churned, proba = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.5, 0.4, 0.5, 0.1])
    assert score_metrics.flagged_share(churned, proba).item() == 0.5
    assert score_metrics.precision(churned, proba).item() == 0.5
    assert score_metrics.recall(churned, proba).item() == 0.5
    assert score_metrics.f1(churned, proba).item() == 0.5


METRICS = (
    score_metrics.roc_auc, score_metrics.average_precision, score_metrics.base_rate,
    score_metrics.brier, score_metrics.brier_skill, score_metrics.log_loss,
    score_metrics.calibration_intercept, score_metrics.calibration_slope,
    score_metrics.lift_top_decile, score_metrics.precision, score_metrics.recall,
    score_metrics.f1, score_metrics.flagged_share,
)  # fmt: skip


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.__name__)
def test_a_user_of_weight_two_counts_as_two_users(metric):
    scores = make_scores(40, seed=3)
    churned, proba = scores["churned"].to_numpy(), scores["model"].to_numpy()
    weights = np.array([np.arange(40) % 3, np.ones(40)])
    twice = np.repeat(np.arange(40), np.arange(40) % 3)
    found = metric(churned, proba, weights)
    assert found[0] == pytest.approx(metric(churned[twice], proba[twice]).item(), abs=1e-9)
    assert found[1] == pytest.approx(metric(churned, proba).item(), abs=1e-9)


def test_the_lift_shares_the_places_of_the_top_tenth_among_those_who_tie():
    # one churner first, then four users who tie for the second place, two of them churners
    proba = np.array([0.9, *[0.8] * 4, *np.linspace(0.5, 0.1, 15)])
    churned = np.array([1.0, 1, 1, 0, 0, *[0.0] * 15])
    assert score_metrics.lift_top_decile(churned, proba).item() == pytest.approx(0.75 / 0.15)
    # the tenth of fifteen users is two
    assert score_metrics.lift_top_decile(churned[:15], proba[:15]).item() == pytest.approx(
        0.75 / 0.2
    )
    sums = score_metrics.sums_from_the_top(churned, proba, np.ones((1, 20)))
    assert sums[0, :4].tolist() == pytest.approx([1.5, 2.5, 3, 3])
    assert sums.shape == (1, 10)


def test_the_error_of_an_auc_by_hand():
    q1, q2 = 0.75 / 1.25, 2 * 0.5625 / 1.75
    spread = 0.75 * 0.25 + 2 * (q1 - 0.5625) + 1 * (q2 - 0.5625)
    churned = pd.Series([1.0, 1.0, 1.0, 0.0, 0.0])
    assert score_metrics.auc_error(0.75, churned) == pytest.approx(np.sqrt(spread / 6))
    alone = 0.75 * 0.25 + 1 * (q1 - 0.5625) - 1 * (q2 - 0.5625)
    assert score_metrics.auc_error(0.75, pd.Series([1.0, 1.0])) == pytest.approx(np.sqrt(alone))
    assert score_metrics.auc_error(1.0, churned) == 0


def test_users_who_tie_share_the_bin_of_the_middle_one():
    bins = score_metrics.quantile_bins(np.array([0.3, 0.2, 0.1, 0.2]), 2)
    assert bins.tolist() == [1, 1, 0, 1]
    assert score_metrics.quantile_bins(np.linspace(0, 1, 20), 10).tolist() == sorted(
        [*range(10)] * 2
    )


def test_one_outcome_leaves_blank_what_compares_two():
    ones = np.ones(4)
    assert np.isnan(score_metrics.roc_auc(ones, PROBA).item())
    assert np.isnan(score_metrics.brier_skill(ones, PROBA).item())
    assert np.isnan(score_metrics.calibration_intercept(ones, PROBA).item())
    assert np.isnan(score_metrics.average_precision(0 * ones, PROBA).item())


def test_a_score_that_parts_the_outcomes_has_no_slope():
    churned, proba = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.2, 0.8, 0.9])
    assert np.isnan(score_metrics.calibration_slope(churned, proba).item())


def test_a_certain_score_that_is_wrong_costs_what_the_limit_gives():
    found = score_metrics.log_loss(np.array([1.0, 0.0]), np.array([0.0, 0.0])).item()
    assert found == pytest.approx(-np.log(1e-12) / 2)


def test_a_bin_of_one_user_says_nothing_of_calibration():
    proba, churned = np.array([0.1, 0.1, 0.1, 0.9]), np.array([1.0, 0.0, 0.0, 0.0])
    found = score_metrics.squared_calibration_error(churned, proba).item()
    assert found == pytest.approx((0.1 - 1 / 3) ** 2 - (1 / 3) * (2 / 3) / 2)


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


def test_the_debiased_error_weighs_users_as_its_square_does():
    scores = make_scores(300, 5)
    churned, proba = scores["churned"].to_numpy(), scores["model"].to_numpy() / 3
    weights = np.random.default_rng(1).integers(0, 4, (3, 300)).astype(float)
    squares = score_metrics.squared_calibration_error(churned, proba, weights)
    assert len(set(squares)) == 3
    found = score_metrics.ece_debiased(churned, proba, weights)
    assert found.tolist() == pytest.approx(np.sqrt(squares).tolist())


def test_certainty_costs_the_same_on_either_side():
    for churned, proba in ((0.0, 1.0), (1.0, 0.0)):
        cost = score_metrics.log_loss(np.array([churned]), np.array([proba])).item()
        assert cost == pytest.approx(-np.log(1e-12), rel=1e-4)
