"""Whom it pays to contact, and what that may earn."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta as beta_law
from statsmodels.stats.proportion import proportion_confint

from analysis.base.errors import ReportError
from analysis.model import economics as ec

PLAN = ec.Economics(customer_value=50, contact_cost=1, incentive=5, saved_share=0.2)


def test_break_even_by_hand():
    # a churner brings 0.2 (50 - 5) - 1 = 8, another user costs 5 + 1 = 6
    assert (PLAN.gain, PLAN.waste) == (8, 6)
    assert ec.break_even(PLAN) == 6 / 14
    assert ec.gain_of(np.array([6 / 14, 1.0, 0.0]), PLAN) == pytest.approx([0, 8, -6])


def test_free_contacts_pay_for_everyone_and_useless_ones_for_no_one():
    assert ec.break_even(ec.Economics(50, 0, 0, 0.2)) == 0
    assert ec.break_even(ec.Economics(50, 1, 0, 0.0)) == float("inf")
    assert ec.break_even(ec.Economics(50, 20, 5, 0.2)) > 1


@given(
    st.floats(10, 500), st.floats(0, 10), st.floats(0, 9), st.floats(0.01, 1), st.floats(0.01, 1)
)
def test_whoever_is_at_or_above_break_even_pays(value, cost, incentive, saved, proba):
    costs = ec.Economics(value, cost, incentive, saved)
    if abs(proba - ec.break_even(costs)) > 1e-9:
        pays = ec.gain_of(np.array([proba]), costs)[0] > 0
        assert pays == (proba > ec.break_even(costs))


def test_economics_that_cannot_be_are_named():
    with pytest.raises(ReportError, match="exceeds customer_value"):
        ec.Economics(10, 1, 20, 0.2)
    for wrong in ((10, 1, 1, 1.2), (10, 1, 1, -0.1), (10, -1, 1, 0.2), (10, 1, -1, 0.2)):
        with pytest.raises(ReportError, match="amounts must be >= 0 and saved_share 0 to 1"):
            ec.Economics(*wrong)
    assert ec.Economics(10, 0, 10, 1).gain == 0  # all at their limits
    assert ec.Economics(0, 0, 0, 0).waste == 0


def test_capacity_raises_the_threshold_and_ties_stay_together():
    proba = np.array([0.9, 0.8, 0.8, 0.6, 0.1])
    assert ec.choose_threshold(PLAN) == 6 / 14
    assert ec.choose_threshold(PLAN, proba, capacity=4) == 0.6
    assert ec.choose_threshold(PLAN, proba, capacity=2) == 0.9  # both at 0.8 would be 3 users
    assert ec.choose_threshold(PLAN, proba, capacity=5) == 6 / 14
    nobody = ec.choose_threshold(PLAN, proba, capacity=0)
    assert (proba >= nobody).sum() == 0
    assert ec.choose_threshold(PLAN, np.array([0.3, 0.2, 0.1]), capacity=2) == 6 / 14
    assert ec.choose_threshold(PLAN, np.full(3, 0.9), capacity=2) > 0.9
    for proba_given, capacity in ((None, 3), (proba, -1)):
        with pytest.raises(ReportError, match="needs scores"):
            ec.choose_threshold(PLAN, proba_given, capacity=capacity)


def test_profit_grows_until_break_even_and_then_falls():
    proba = np.array([0.9, 0.7, 0.5, 0.3])
    table = ec.profit_curve(proba, PLAN, steps=4)
    gains = [14 * p - 6 for p in proba]
    assert table["contacted"].tolist() == [1, 2, 3, 4]
    assert table["expected_profit"].tolist() == pytest.approx(np.cumsum(gains).tolist())
    assert table["marginal_profit"].tolist() == pytest.approx(gains)
    assert table["expected_profit_per_contact"].iloc[-1] == pytest.approx(np.mean(gains))


def test_realised_profit_uses_outcomes_and_holds_its_interval():
    proba, churned = np.array([0.9, 0.7, 0.7, 0.3]), np.array([1.0, 1.0, 0.0, 0.0])
    table = ec.profit_curve(proba, PLAN, churned, steps=4)
    assert table["realised_profit"].tolist() == pytest.approx([8, 8 + 1, 8 + 2, 8 + 2 - 6])
    assert table["realised_profit"].between(table["ci_low"], table["ci_high"] + 1e-9).all()


def test_the_list_as_it_grows_by_hand():
    proba = np.array([0.2, 0.8, 0.4, 0.6, 0.1, 0.1, 0.1])
    churned = np.array([0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    table = ec.profit_curve(proba, PLAN, churned, steps=2)
    assert table["contacted"].tolist() == [4, 7]  # half of seven, rounded up
    assert table["contacted_share"].tolist() == [4 / 7, 1.0]
    assert table["threshold"].tolist() == [0.2, 0.1]
    assert table["observed_rate"].tolist() == [2 / 4, 2 / 7]
    assert table["realised_profit"].tolist() == pytest.approx([2 * 8 - 2 * 6, 2 * 8 - 5 * 6])
    low, high = proportion_confint(2, 4, method="wilson")
    assert table.loc[0, "ci_low"] == pytest.approx(4 * (14 * low - 6))
    assert table.loc[0, "ci_high"] == pytest.approx(4 * (14 * high - 6))
    assert ec.profit_curve(proba, PLAN, steps=100)["contacted"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert len(ec.profit_curve(np.linspace(0, 1, 500), PLAN)) == 100


def test_where_a_contact_costs_more_with_every_churner_the_interval_keeps_its_order():
    dear = ec.Economics(50, 20, 0, 0.2)  # a churner costs 10, another user 20
    table = ec.profit_curve(np.array([0.9, 0.1]), dear, np.array([1.0, 0.0]), steps=1)
    assert table.loc[0, "ci_low"] < table.loc[0, "realised_profit"] < table.loc[0, "ci_high"]


def test_models_are_ranked_by_the_profit_they_allow():
    churned = np.array([1.0, 1.0, 0.0, 0.0, 0.0])
    scores = pd.DataFrame({
        "user_id": list("abcde"), "churned": churned, "useless": 0.4, "b_perfect": churned,
        "a_perfect": churned,
    })  # fmt: skip
    table = ec.maximum_profits(scores, ec.Economics(200, 1, 10, 0.2), (6, 14))
    assert table["model"].tolist() == ["a_perfect", "b_perfect", "useless"]
    best = ec.expected_maximum_profit(churned, churned, 200, 10, 1, 6, 14)
    assert table.loc[0, ["maximum_profit", "contacted_share"]].tolist() == [
        best.value, best.contacted_share
    ]  # fmt: skip


def test_a_maximum_profit_needs_an_incentive_below_the_value():
    for value, incentive, contact in ((10, 10, 1), (10, -1, 1), (10, 1, -1)):
        with pytest.raises(ReportError, match="must be below customer_value"):
            ec.expected_maximum_profit(np.ones(2), np.ones(2), value, incentive, contact, 6, 14)


def test_the_rule_says_whether_a_capacity_was_given():
    assert (ec.threshold_rule(None), ec.threshold_rule(0)) == ("break_even", "capacity")


def slow_emp(churned, proba, value, incentive, contact, alpha, beta):
    """The best list for each saved share by trying every length, integrated on a grid."""
    limits = np.r_[np.inf, np.unique(proba)]
    found = np.array([(churned * (proba >= t)).mean() for t in limits])
    wasted = np.array([((1 - churned) * (proba >= t)).mean() for t in limits])

    def best(saved):
        kept = saved * (value - incentive) - contact
        return (kept * found - (incentive + contact) * wasted).max()

    return quad(lambda g: best(g) * beta_law.pdf(g, alpha, beta), 0, 1, limit=400)[0]


@pytest.mark.parametrize(
    ("value", "incentive", "contact"), [(200, 10, 1), (50, 5, 1), (20, 5, 1), (20, 0, 3)]
)
def test_maximum_profit_agrees_with_integration(value, incentive, contact):
    rng = np.random.default_rng(1)
    proba = rng.random(60).round(2)
    churned = (rng.random(60) < proba).astype(float)
    found = ec.expected_maximum_profit(churned, proba, value, incentive, contact, 6, 14)
    expected = slow_emp(churned, proba, value, incentive, contact, 6, 14)
    assert found.value == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert 0 <= found.contacted_share <= 1


def test_maximum_profit_of_a_perfect_score_is_that_of_the_churners_alone():
    churned = np.array([1.0, 1.0, 0.0, 0.0, 0.0])
    found = ec.expected_maximum_profit(churned, churned, 200, 10, 0, 6, 14)
    assert found.value == pytest.approx(0.3 * 190 * 2 / 5, rel=1e-3)  # mean saved share 0.3
    assert found.contacted_share >= 0.4


def test_maximum_profit_is_never_negative():
    churned, proba = np.array([0.0, 1.0, 0.0, 0.0]), np.array([0.9, 0.1, 0.5, 0.4])
    assert 0 <= ec.expected_maximum_profit(churned, proba, 20, 15, 10, 6, 14).value < 1e-6


def test_sensitivity_shows_the_cost_of_a_wrong_assumption():
    proba = np.array([0.9, 0.5, 0.3])
    table = ec.sensitivity_grid(proba, PLAN, saved_shares=[0.1, 0.2], customer_values=[50.0])
    low, base = table.to_dict("records")
    assert base["threshold"] == 6 / 14
    assert base["contacted"] == 2
    assert base["expected_profit"] == base["profit_at_base"] == pytest.approx(14 * 1.4 - 12)
    # at half the saved share: gain 3.5, break-even 6 / 9.5, one user only
    assert low["contacted"] == 1
    assert low["expected_profit"] == pytest.approx(9.5 * 0.9 - 6)
    assert low["profit_at_base"] == pytest.approx(9.5 * 1.4 - 12)
    wide = ec.sensitivity_grid(proba, PLAN, saved_shares=[0.2, 1.0], customer_values=[5.0, 50.0])
    assert wide[["saved_share", "customer_value"]].to_numpy().tolist() == [
        [0.2, 5], [0.2, 50], [1, 5], [1, 50]
    ]  # fmt: skip
    assert wide["contacted_share"].tolist() == pytest.approx([0, 2 / 3, 0, 1])
    assert wide.loc[0, ["threshold", "expected_profit"]].tolist() == pytest.approx([6 / 5, 0])
