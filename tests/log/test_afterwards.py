"""Columns that are written when a user leaves, by name and by value."""

import pandas as pd
import pytest

from analysis.log.afterwards import ends_a_stay, is_named_after, known_before, words, written_after


def test_words_are_those_of_a_name_in_any_style():
    assert words("ChurnDate_30d (UTC)") == ["churn", "date", "d", "utc"]


@pytest.mark.parametrize(
    "name",
    ["status", "Status", "account_status", "subscriptionStatus", "churned", "Churn", "churn_score",
     "is_churned", "cancelled", "cancel_reason", "cancellation-date", "CANCELED_AT", "closed_at",
     "account closed", "deleted", "is_deleted", "end_date", "contract_end_date", "is_active",
     "inactive", "exit_date", "left_at", "unsubscribed_on", "reason_for_leaving", "attrition_flag"],
)  # fmt: skip
def test_a_column_is_written_afterwards_by_its_name(name):
    assert is_named_after(name)
    assert written_after(name, pd.Series([1, 2, 3])) == ("by_name", "")


@pytest.mark.parametrize(
    "name",
    ["state", "marital_status", "employment_status", "cancelled_orders", "deleted_photos", "plan",
     "closed_deals", "credits_left", "days_left", "time_left", "active_days", "trial_end_date",
     "weekend", "recommended", "gender", "plan_type", "country", "statuses_count", "user_code"],
)  # fmt: skip
def test_a_name_that_means_something_else_is_left_alone(name):
    assert not is_named_after(name)
    assert written_after(name, pd.Series([1, 2, 3])) == ("", "")


@pytest.mark.parametrize(
    "value",
    ["cancelled", "Canceled", "CHURNED", "inactive", "closed", "expired", "deleted", "former",
     "Cancelled (non-payment)", "account closed", "former member", "plan expired", "cancelled by user",
     "Cancelled: too expensive", "premium, cancelled", "not active", "no longer subscribed",
     "Attrited Customer"],
)  # fmt: skip
def test_a_value_says_that_the_user_has_left(value):
    assert ends_a_stay(value)


@pytest.mark.parametrize(
    "value",
    ["active", "premium", "not cancelled", "never churned", "Former Yugoslav Republic of Macedonia",
     "left", "lost", "disabled", "unclosed", "enclosed", "closed captions", "none", "", "12", "no"],
)  # fmt: skip
def test_a_value_that_says_something_else_is_left_alone(value):
    assert not ends_a_stay(value)


def test_a_value_counts_if_several_users_have_it_and_the_column_has_levels():
    plans = pd.Series(["basic", "premium", "Cancelled", "Cancelled", None])
    assert written_after("plan", plans) == ("by_value", "Cancelled")
    assert written_after("plan", plans.iloc[:3]) == ("", "")  # one user: perhaps a slip
    notes = pd.Series([f"note {n}" for n in "abcdefghij" * 6] + ["x" * n for n in range(51)])
    assert written_after("note", pd.concat([notes, plans])) == ("", "")


def test_a_state_is_a_region_unless_its_values_say_otherwise():
    assert written_after("state", pd.Series(["CA", "NY", "TX"] * 3)) == ("", "")
    assert written_after("state", pd.Series(["active", "paused"] * 3)) == ("by_name", "")
    assert written_after("state", pd.Series(["active", "closed"] * 3)) == ("by_value", "closed")
    assert written_after("customer_state", pd.Series(["SP", "RJ"] * 3)) == ("", "")


def test_a_former_habit_is_no_end():
    smoker = pd.Series(["never", "former", "current"] * 3)
    assert written_after("smoker", smoker) == ("", "")
    assert written_after("kind", smoker[smoker != "never"]) == ("by_value", "former")


def test_only_columns_known_before_are_compared():
    users = pd.DataFrame({
        "country": ["PE", "CL"] * 2, "status": ["a", "b"] * 2, "cancel_date": [None] * 4,
        "plan": ["basic", "canceled"] * 2,
    })  # fmt: skip
    assert known_before(users, ["plan", "country", "language", "status", "cancel_date"]) == [
        "country"
    ]
