"""Which actions are suggested: no campaign on an audience that no test can say anything about."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.model.experiments import detectable_fall
from analysis.summary.worth import AT_CHANCE, CAMPAIGNS, is_testable, worth_suggesting
from tests.summary.test_actions import ASSUMED


@pytest.mark.parametrize(
    ("size", "churn", "is_large_enough"),
    [(29, 0.5, False), (30, 0.5, True), (75, 0.1, False), (76, 0.1, True), (2, 0.9, False),
     (10_000, 0.0, False)],
)  # fmt: skip
def test_an_audience_must_be_large_enough_for_saving_everyone_to_be_seen(
    size, churn, is_large_enough
):
    assert is_testable(size, churn) == is_large_enough


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 3_000), st.floats(0.01, 0.99))
def test_what_is_testable_stays_so_with_more_users(size, churn):
    if is_testable(size, churn):
        assert is_testable(size + 2, churn)
        assert detectable_fall(churn, size - size // 2, size // 2) <= churn


def campaign(key, size, **facts):
    return key, {"size": size, "rate": 0.5, "risk": None, **facts}


@pytest.mark.parametrize("key", CAMPAIGNS[1:])
def test_a_campaign_on_a_handful_is_not_suggested(key):
    assert worth_suggesting([campaign(key, 29)], 500, "better", ASSUMED) == []
    assert worth_suggesting([campaign(key, 30)], 500, "better", ASSUMED) == [campaign(key, 30)]


def test_a_list_by_score_of_a_handful_says_so():
    listed = campaign("contact_at_risk", 3)
    assert [key for key, _ in worth_suggesting([listed], 500, "better", ASSUMED)] == [
        "few_worth_contact"
    ]
    enough = campaign("contact_at_risk", 30)  # with those held out
    assert worth_suggesting([enough], 500, "better", ASSUMED) == [enough]


def test_where_nothing_orders_users_nobody_is_chosen_by_score():
    ((key, facts),) = worth_suggesting([campaign("contact_at_risk", 300)], 500, AT_CHANCE, ASSUMED)
    assert (key, facts["active"], facts["size"]) == ("choose_at_random", 500, None)


def test_advice_that_contacts_nobody_needs_no_audience():
    advice = [("not_by_group", {"size": None}), ("remind_silent_no_difference", {"size": 3})]
    assert worth_suggesting(advice, 500, "no_difference", ASSUMED) == advice
    assert np.isnan(detectable_fall(0.5, 1, 1))
