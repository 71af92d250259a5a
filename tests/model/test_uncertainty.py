"""How far assumptions may be off: ranges, the belief about the saved share, and gains."""

import numpy as np
import pytest
from scipy.stats import beta

from analysis.model.economics import Economics, gain_of
from analysis.model.uncertainty import Uncertainty, gain_of_audience

PLAN = Economics(customer_value=60, contact_cost=0.5, incentive=3, saved_share=0.1)


def test_without_ranges_half_of_the_assumption_to_twice_as_much_is_believed():
    assert Uncertainty.of(PLAN, None, None) == Uncertainty((0.05, 0.2), (30, 120))
    assert Uncertainty.of(PLAN, [0.01, 0.3], [10, 70]) == Uncertainty((0.01, 0.3), (10, 70))
    sure = Economics(60, 0.5, 3, 0.7)
    assert Uncertainty.of(sure, None, None).saved_share == (0.35, 1.0)


@pytest.mark.parametrize(("share", "low", "high"), [(0.1, 0.05, 0.2), (0.4, 0.3, 0.5)])
def test_the_belief_has_the_assumed_mean_and_the_width_of_the_range(share, low, high):
    a, b = Uncertainty((low, high), (1, 1)).belief(share)
    law = beta(a, b)
    assert law.mean() == pytest.approx(share)
    assert law.ppf(0.975) - law.ppf(0.025) == pytest.approx(high - low, rel=0.05)


def test_a_belief_is_never_worth_less_than_nothing_nor_more_than_certainty():
    assert sum(Uncertainty((0.0, 1.0), (1, 1)).belief(0.02)) == pytest.approx(2.0)
    assert sum(Uncertainty((0.1, 0.1), (1, 1)).belief(0.1)) == pytest.approx(10_000)


def test_the_gain_lies_between_its_ends_whatever_is_true_within_the_ranges():
    proba = np.array([0.9, 0.5, 0.3, 0.1])
    gain = gain_of_audience(proba, PLAN, Uncertainty.of(PLAN, None, None))
    for saved in (0.05, 0.1, 0.2):
        for value in (30, 60, 120):
            total = gain_of(proba, Economics(value, 0.5, 3, saved)).sum()
            assert gain.low - 1e-9 <= total <= gain.high + 1e-9
    assert gain.base == pytest.approx(gain_of(proba, PLAN).sum())
    assert gain.cost == pytest.approx(4 * 0.5 + 3 * (4 - 1.8 * 0.9))
