"""The three checks against baselines, and their joint test."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from sklearn.linear_model import LogisticRegression

from analysis.base.score_metrics import brier, roc_auc
from analysis.model import baselines
from analysis.model.evaluation import draw_weights, percentiles

NAMES = ("roc_auc", "brier_minus_base_rate", "roc_auc_minus_recency", "base_rate")


def measure(**values):
    """Return metrics with symmetric intervals: value and half width; 0.25 left."""
    given = {"roc_auc": (0.6, 0.05), "brier_minus_base_rate": (-0.01, 0.005),
             "roc_auc_minus_recency": (0.02, 0.01), "base_rate": (0.25, 0.02), **values}  # fmt: skip
    rows = {name: (v, v - half, v + half, 500) for name, (v, half) in given.items()}
    return pd.DataFrame(rows, index=["value", "ci_low", "ci_high", "n"]).T


def at_error(z):
    """Return a half width of 1, and the value so many standard errors above 0."""
    return z / 1.959964, 1.0


def test_gains_point_the_same_way():
    above = baselines.gains(measure())
    assert above["chance"] == pytest.approx((0.1, 0.05, 0.15))
    assert above["base_rate"] == pytest.approx((0.01, 0.005, 0.015))
    assert above["recency"] == pytest.approx((0.02, 0.01, 0.03))


@pytest.mark.parametrize(
    ("z_chance", "z_recency", "worse"),
    [
        (-2.12, 1.0, set()),  # one-sided p = 0.0170 > 0.05 / 3
        (-2.13, 1.0, {"chance"}),  # p = 0.0166: Holm's first step of three
        (-2.13, -1.95, {"chance"}),  # p = 0.0256 > 0.05 / 2
        (-2.13, -1.97, {"chance", "recency"}),  # p = 0.0244
        (-1.97, -1.97, set()),
    ],
)
def test_the_three_are_corrected_together(z_chance, z_recency, worse):
    gain, wide = at_error(z_chance)
    found = measure(roc_auc=(0.5 + gain, wide), roc_auc_minus_recency=at_error(z_recency))
    assert baselines.alarms(found, 10**9) == worse


def test_what_calibration_may_cost_by_chance_is_no_alarm():
    # 3.84 x 0.25 x 0.75 / 100 = 0.0072
    found = measure(brier_minus_base_rate=(0.0072, 0.0001))
    assert baselines.calibration_slack(found, 100) == pytest.approx(0.0072, abs=1e-5)
    assert baselines.alarms(found, 100) == set()
    assert baselines.alarms(measure(brier_minus_base_rate=(0.0075, 0.0001)), 100) == {"base_rate"}
    assert baselines.alarms(found, 1_000) == {"base_rate"}


def test_a_model_that_is_its_baseline_is_not_worse():
    same = measure(brier_minus_base_rate=(0.0, 0.0), roc_auc_minus_recency=(0.0, 0.0))
    assert baselines.alarms(same, 100) == set()


@pytest.mark.parametrize(
    ("model", "recency", "both"), [(0.5, 0.5, True), (0.51, 0.5, False), (0.5, 0.51, False)]
)
def test_neither_orders_users_where_both_intervals_hold_a_half(model, recency, both):
    table = pd.DataFrame({"model": ["m", "recency_only"], "ci_low": [model, recency]})
    assert baselines.are_both_at_chance(table, "m") == both
    assert not baselines.are_both_at_chance(
        table.iloc[:1], "m"
    )  # nothing is known of the last visit


def calibrated(rng, score, churned, later):
    fitted = LogisticRegression(C=np.inf).fit(score[:, None], churned)
    return fitted.predict_proba(later[:, None])[:, 1]


def measure_noise(rng, users):
    """Return what a score and a last visit that say nothing measure, calibrated and then tested on
    so many users each.
    """
    before, after = ((rng.random(users) < 0.25).astype(float) for _ in range(2))
    model, recency = (
        calibrated(rng, rng.normal(size=users), before, rng.normal(size=users)) for _ in range(2)
    )
    known = np.full(users, before.mean())
    weights = draw_weights(pd.Series(np.arange(users)), 200, rng)
    measured = {}
    for name, of in {
        "roc_auc": lambda w: roc_auc(after, model, w),
        "brier_minus_base_rate": lambda w: brier(after, model, w) - brier(after, known, w),
        "roc_auc_minus_recency": lambda w: roc_auc(after, model, w) - roc_auc(after, recency, w),
        "base_rate": lambda w: w @ after / w.sum(axis=1),
    }.items():
        value = float(of(np.ones((1, users)))[0])
        measured[name] = (value, *percentiles(of(weights)), users)
    return pd.DataFrame(measured, index=["value", "ci_low", "ci_high", "n"]).T


def test_where_nothing_can_be_predicted_at_most_one_run_in_twenty_alarms():
    """The joint level is 5 %: of 200 runs, more than the 99.9 % point of Binomial(200, 0.05) would
    refute it. Three tests at 2.5 % against the rate of the test itself gave about 26 %.
    """
    rng, runs = np.random.default_rng(12), 200
    found = sum(bool(baselines.alarms(measure_noise(rng, 150), 150)) for _ in range(runs))
    assert found <= binom.ppf(0.999, runs, baselines.LEVEL)
