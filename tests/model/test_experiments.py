"""How large a test of a campaign must be."""

import numpy as np
import pytest

from analysis.base.errors import ReportError
from analysis.model import experiments


def test_plan_agrees_with_the_textbook_size():
    # Cohen 1988: h = 2 asin sqrt(.5) - 2 asin sqrt(.4) = 0.2014; n = 2 (2.8016 / h)^2 = 387.2
    plan = experiments.test_plan(1000, churn_rate=0.5, saved_share=0.2, control_share=0.5)
    assert plan.needed_users == 2 * 388
    assert plan.is_measurable
    assert plan.waves == 1
    assert plan.expected_difference == pytest.approx(0.1)


def test_plan_finds_just_what_it_can_detect():
    plan = experiments.test_plan(2000, churn_rate=0.4, saved_share=0.2, control_share=0.1)
    just = experiments.test_plan(2000, 0.4, plan.detectable_saved_share, 0.1)
    assert just.needed_users == pytest.approx(2000, abs=12)
    assert (plan.treated, plan.control) == (1800, 200)
    assert not plan.is_measurable
    assert plan.duration_days == plan.waves * 30
    assert (plan.waves - 1) * 2000 < plan.needed_users <= plan.waves * 2000


def test_plan_simulated_reaches_its_power():
    plan = experiments.test_plan(776, 0.5, 0.2, 0.5)
    rng = np.random.default_rng(0)
    control, treated = rng.binomial(388, 0.5, 4000) / 388, rng.binomial(388, 0.4, 4000) / 388
    both = (control + treated) / 2
    found = np.abs(control - treated) / np.sqrt(both * (1 - both) * 2 / 388) > 1.959964
    assert plan.is_measurable
    assert found.mean() == pytest.approx(0.8, abs=0.025)  # 4 standard errors of 4,000 runs


def test_plan_says_when_even_saving_all_would_not_be_seen():
    plan = experiments.test_plan(30, churn_rate=0.1, saved_share=0.5, control_share=0.1)
    assert np.isnan(plan.detectable_difference)
    assert not plan.is_measurable
    with pytest.raises(ReportError, match="churn_rate must lie between"):
        experiments.test_plan(30, 1.0, 0.5, 0.1)
