import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import expit, logit
from scipy.stats import beta as beta_law

from analysis.base.errors import ReportError
from analysis.model import decisions as de

PLAN = de.Economics(customer_value=50, contact_cost=1, incentive=5, saved_share=0.2)


def test_break_even_by_hand():
    # a churner brings 0.2 (50 - 5) - 1 = 8, another user costs 5 + 1 = 6
    assert (PLAN.gain, PLAN.waste) == (8, 6)
    assert de.break_even(PLAN) == 6 / 14
    assert de.gain_of(np.array([6 / 14, 1.0, 0.0]), PLAN) == pytest.approx([0, 8, -6])


def test_free_contacts_pay_for_everyone_and_useless_ones_for_no_one():
    assert de.break_even(de.Economics(50, 0, 0, 0.2)) == 0
    assert de.break_even(de.Economics(50, 1, 0, 0.0)) == float("inf")
    assert de.break_even(de.Economics(50, 20, 5, 0.2)) > 1


@given(
    st.floats(10, 500), st.floats(0, 10), st.floats(0, 9), st.floats(0.01, 1), st.floats(0.01, 1)
)
def test_whoever_is_at_or_above_break_even_pays(value, cost, incentive, saved, proba):
    economics = de.Economics(value, cost, incentive, saved)
    if abs(proba - de.break_even(economics)) > 1e-9:
        pays = de.gain_of(np.array([proba]), economics)[0] > 0
        assert pays == (proba > de.break_even(economics))


def test_economics_that_cannot_be_are_named():
    with pytest.raises(ReportError, match="exceeds customer_value"):
        de.Economics(10, 1, 20, 0.2)
    with pytest.raises(ReportError, match="saved_share 0 to 1"):
        de.Economics(10, 1, 1, 1.2)


def test_capacity_raises_the_threshold_and_ties_stay_together():
    proba = np.array([0.9, 0.8, 0.8, 0.6, 0.1])
    assert de.choose_threshold(PLAN) == 6 / 14
    assert de.choose_threshold(PLAN, proba, capacity=4) == 0.6
    assert de.choose_threshold(PLAN, proba, capacity=2) == 0.9  # both at 0.8 would be 3 users
    assert de.choose_threshold(PLAN, proba, capacity=5) == 6 / 14
    nobody = de.choose_threshold(PLAN, proba, capacity=0)
    assert (proba >= nobody).sum() == 0
    with pytest.raises(ReportError, match="needs scores"):
        de.choose_threshold(PLAN, capacity=3)


def test_profit_grows_until_break_even_and_then_falls():
    proba = np.array([0.9, 0.7, 0.5, 0.3])
    table = de.profit_curve(proba, PLAN, steps=4)
    gains = [14 * p - 6 for p in proba]
    assert table["contacted"].tolist() == [1, 2, 3, 4]
    assert table["expected_profit"].tolist() == pytest.approx(np.cumsum(gains).tolist())
    assert table["marginal_profit"].tolist() == pytest.approx(gains)
    assert table["expected_profit_per_contact"].iloc[-1] == pytest.approx(np.mean(gains))


def test_realised_profit_uses_outcomes_and_holds_its_interval():
    proba, churned = np.array([0.9, 0.7, 0.7, 0.3]), np.array([1.0, 1.0, 0.0, 0.0])
    table = de.profit_curve(proba, PLAN, churned, steps=4)
    assert table["realised_profit"].tolist() == pytest.approx([8, 8 + 1, 8 + 2, 8 + 2 - 6])
    assert table["realised_profit"].between(table["ci_low"], table["ci_high"] + 1e-9).all()


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
    found = de.expected_maximum_profit(churned, proba, value, incentive, contact)
    expected = slow_emp(churned, proba, value, incentive, contact, 6, 14)
    assert found.value == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert 0 <= found.contacted_share <= 1


def test_maximum_profit_of_a_perfect_score_is_that_of_the_churners_alone():
    churned = np.array([1.0, 1.0, 0.0, 0.0, 0.0])
    found = de.expected_maximum_profit(churned, churned, 200, 10, 0)
    assert found.value == pytest.approx(0.3 * 190 * 2 / 5, rel=1e-3)  # mean saved share 0.3
    assert found.contacted_share >= 0.4


def test_maximum_profit_is_never_negative():
    churned, proba = np.array([0.0, 1.0, 0.0, 0.0]), np.array([0.9, 0.1, 0.5, 0.4])
    assert 0 <= de.expected_maximum_profit(churned, proba, 20, 15, 10).value < 1e-6


def test_sensitivity_shows_the_cost_of_a_wrong_assumption():
    proba = np.array([0.9, 0.5, 0.3])
    table = de.sensitivity_grid(proba, PLAN, saved_shares=[0.1, 0.2], customer_values=[50.0])
    low, base = table.to_dict("records")
    assert base["threshold"] == 6 / 14
    assert base["contacted"] == 2
    assert base["expected_profit"] == base["profit_at_base"] == pytest.approx(14 * 1.4 - 12)
    # at half the saved share: gain 3.5, break-even 6 / 9.5, one user only
    assert low["contacted"] == 1
    assert low["expected_profit"] == pytest.approx(9.5 * 0.9 - 6)
    assert low["profit_at_base"] == pytest.approx(9.5 * 1.4 - 12)


def test_plan_agrees_with_the_textbook_size():
    # Cohen 1988: h = 2 asin sqrt(.5) - 2 asin sqrt(.4) = 0.2014; n = 2 (2.8016 / h)^2 = 387.2
    plan = de.test_plan(1000, churn_rate=0.5, saved_share=0.2, control_share=0.5)
    assert plan.needed_users == 2 * 388
    assert plan.is_measurable
    assert plan.waves == 1
    assert plan.expected_difference == pytest.approx(0.1)


def test_plan_finds_just_what_it_can_detect():
    plan = de.test_plan(2000, churn_rate=0.4, saved_share=0.2, control_share=0.1)
    just = de.test_plan(2000, 0.4, plan.detectable_saved_share, 0.1)
    assert just.needed_users == pytest.approx(2000, abs=12)
    assert (plan.treated, plan.control) == (1800, 200)
    assert not plan.is_measurable
    assert plan.duration_days == plan.waves * 30
    assert (plan.waves - 1) * 2000 < plan.needed_users <= plan.waves * 2000


def test_plan_simulated_reaches_its_power():
    plan = de.test_plan(776, 0.5, 0.2, 0.5)
    rng = np.random.default_rng(0)
    control, treated = rng.binomial(388, 0.5, 4000) / 388, rng.binomial(388, 0.4, 4000) / 388
    both = (control + treated) / 2
    found = np.abs(control - treated) / np.sqrt(both * (1 - both) * 2 / 388) > 1.959964
    assert plan.is_measurable
    assert found.mean() == pytest.approx(0.8, abs=0.025)  # 4 standard errors of 4,000 runs


def test_plan_says_when_even_saving_all_would_not_be_seen():
    plan = de.test_plan(30, churn_rate=0.1, saved_share=0.5, control_share=0.1)
    assert np.isnan(plan.detectable_difference)
    assert not plan.is_measurable
    with pytest.raises(ReportError, match="churn_rate must lie between"):
        de.test_plan(30, 1.0, 0.5, 0.1)


def make_segments(shift: float, users: int, seed: int, share: float = 0.5) -> pd.DataFrame:
    """Users of `a` and, a `share` of them, `b`, whose log-odds are higher by `shift`; their scores
    were calibrated on their outcomes, as are those of the calibration snapshot.
    """
    rng = np.random.default_rng(seed)
    group = np.where(rng.random(users) < share, "b", "a")
    odds = rng.normal(-0.5, 1, users)
    risk = 1 / (1 + np.exp(-(odds + shift * (group == "b"))))
    churned = (rng.random(users) < risk).astype(float)
    fitted = sm.GLM(churned, sm.add_constant(odds), family=sm.families.Binomial()).fit()
    return pd.DataFrame(
        {"group": group, "churned": churned, "proba_churn": fitted.predict(), "odds": odds}
    )


def test_a_group_whose_risk_is_understated_gets_a_lower_threshold():
    rows = make_segments(1.0, 4000, 1)
    table = de.segment_thresholds(rows, "group", 0.5, 30).set_index("group")
    assert table["is_different"].all()
    slope, intercept = np.polyfit(rows["odds"], logit(rows["proba_churn"]), 1)
    for group, odds in {"a": 0.0, "b": -1.0}.items():  # where its risk is one half
        exact = expit(intercept + slope * odds)
        assert table.loc[group, "ci_low"] < exact < table.loc[group, "ci_high"]
    assert table["threshold_used"].equals(table["threshold"])
    assert table.loc["b", "threshold"] < 0.5 < table.loc["a", "threshold"]
    assert table["q_value"].nunique() == 1  # two groups are one test


@pytest.mark.parametrize("share", [0.5, 0.87])
def test_equal_groups_rarely_get_their_own_threshold(share):
    found = np.array([
        de.segment_thresholds(make_segments(0.0, 400, seed, share), "group", 0.5, 30)["p_value"]
        for seed in range(400)
    ])  # fmt: skip
    error = 3 * np.sqrt(0.05 * 0.95 / 400)
    assert (found < 0.05).mean(axis=0) == pytest.approx([0.05, 0.05], abs=error)


def test_a_group_of_most_users_can_be_told_apart():
    found = [
        de.segment_thresholds(make_segments(0.4, 1200, seed, 0.87), "group", 0.5, 30)["p_value"][1]
        for seed in range(100)
    ]
    # information of the shift: 0.87 * 0.13 of 1,200 weights of some 0.2: 0.4 is two errors, 0.52
    assert np.mean(np.array(found) < 0.05) == pytest.approx(0.52, abs=3 * 0.05)


def test_small_groups_are_withheld():
    rows = make_segments(0.0, 200, 1)
    rows.loc[:4, "group"] = "tiny"
    table = de.segment_thresholds(rows, "group", 0.5, min_group=30).set_index("group")
    assert table.loc["tiny", "is_withheld"]
    assert table.loc["tiny", "users"] == 5
    assert np.isnan(table.loc["tiny", "threshold"])
    assert table.loc["tiny", "threshold_used"] == 0.5
