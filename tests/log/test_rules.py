"""The rules over users and events, by hand."""

import numpy as np
import pandas as pd

from analysis.log import rules
from analysis.log.activity import place
from tests.handmade import at, instants, make_events, make_users, make_window
from tests.two_tables import EVENTS, USERS


def broken_by(table):
    return dict(zip(table["rule"], table["broken"], strict=True))


def placed(events):
    """Return the events as the log holds them, beside USERS."""
    return place(events, USERS, make_window("2025-01-01", "2025-02-01"))


def broken_users(**columns):
    """Return which of the user rules the rows of `columns` break, by the rule's name."""
    size = len(next(iter(columns.values())))
    signups = columns.pop("signup_date", ["2025-01-05"] * size)
    users = make_users({f"u{i}": when for i, when in enumerate(signups)}, **columns)
    return {name: n for name, n in broken_by(rules.user_rules(users)).items() if n}


def test_amounts_below_zero_are_impossible_and_zero_is_not():
    for column in rules.AMOUNTS:
        assert broken_users(**{column: [0, 1, None]}) == {}
        assert broken_users(**{column: [0, -1, -0.5]}) == {f"{column} is negative": 2}


def test_minors_are_told_apart_from_impossible_ages():
    broken = broken_users(age=[-1, 0, 17, 18, 120, 121, None])
    assert broken == {"age is below 18": 2, "age is negative or above 120": 2}


def test_nobody_completes_more_episodes_than_were_viewed():
    broken = broken_users(views=[5, 5, 5], episodes_completed=[4, 5, 6])
    assert broken == {"views are fewer than episodes_completed": 1}


def test_a_top_show_is_launched_before_it_is_last_watched():
    days = instants(["2025-01-10", "2025-01-11", None])
    last = instants(["2025-01-10", "2025-01-10", "2025-01-10"])
    broken = broken_users(top_show_launch_date=days, last_active_date=last)
    assert broken == {"top show was launched after the user was last active": 1}


def test_a_signup_may_be_missing_but_not_after_the_last_activity():
    last = instants(["2025-01-04", "2025-01-05", "2025-01-05"])
    broken = broken_users(signup_date=["2025-01-05", "2025-01-05", None], last_active_date=last)
    assert broken == {"signup_date is missing": 1, "signup_date is after last_active_date": 1}


def test_a_last_activity_may_differ_from_the_log_by_one_day():
    last = instants(["2025-02-10", "2025-02-10", "2025-02-10", "2025-02-10"])
    events = instants(["2025-02-11T23:59", "2025-02-12T00:00", "2025-02-08T12:00", None])
    broken = broken_users(last_active_date=last, last_event_at=events)
    assert broken == {"last_active_date differs from the last event by more than a day": 2}


def test_a_rule_names_the_first_offending_user_and_skips_absent_columns():
    users = make_users({"b": "2025-01-05", "a": "2025-01-05"}, age=[5, 5])
    table = rules.user_rules(users)
    assert table["rule"].tolist() == [
        "age is below 18",
        "age is negative or above 120",
        "signup_date is missing",
    ]
    assert table["sample"].dropna().tolist() == ["a"]


def test_only_rules_of_coverage_missing_dates_and_minors_can_be_true():
    possible = [rule.name for rule in rules.USER_RULES if not rule.is_impossible]
    assert possible == [
        "age is below 18",
        "signup_date is missing",
        rules.LATE_SIGNUP,
        rules.EARLY_CANCEL,
        rules.OTHER_CANCEL,
        "last_active_date differs from the last event by more than a day",
    ]


TOMORROW = at("2025-02-02")


def test_the_day_after_the_log_is_that_of_its_last_day_without_a_gap():
    days = pd.date_range("2025-01-01", "2025-01-31", tz="UTC")
    volume = pd.DataFrame({"day": [*days, at("2025-02-01"), at("2025-06-01")]})
    assert rules.tomorrow_of(volume, make_window("2025-01-01", "2025-02-01")) == at("2025-02-03")


def test_users_who_sign_up_after_tomorrow_are_counted():
    users = make_users(
        {"a": "2025-02-01T23:59", "b": "2025-02-02", "c": None}, tomorrow=[TOMORROW] * 3
    )
    broken = broken_by(rules.user_rules(users))
    assert broken[rules.LATE_SIGNUP] == 1


def test_the_event_rules_by_hand():
    table = rules.event_rules(placed(EVENTS))
    assert broken_by(table) == {
        "user_id is not in the users table": 2,
        "event is before the user's signup": 1,  # an event at signup itself is after it
        "event_type is missing": 1,
        "event was received before it happened": 1,
        "event was received more than a day after it happened": 1,  # exactly a day is not more
        "event was created before it was received": 1,
    }
    assert table["checked"].tolist() == [6] * 6
    samples = dict(zip(table["rule"], table["sample"], strict=True))
    assert samples["user_id is not in the users table"] == "x"


def test_event_rules_without_the_optional_columns():
    events = make_events([("a", "2025-01-09")])
    assert broken_by(rules.event_rules(placed(events))) == {
        "user_id is not in the users table": 0,
        "event is before the user's signup": 0,
        "event_type is missing": 0,
    }


def test_the_days_between_two_sources_carry_no_sign():
    users = pd.DataFrame({
        "last_active_date": instants(["2025-01-05", "2025-01-05", "2025-01-05"]),
        "last_event_at": instants(["2025-01-07T23:59", "2025-01-03T00:00", None]),
    })  # fmt: skip
    np.testing.assert_array_equal(rules.day_gap(users), [2, 2, np.nan])
    assert users["last_event_at"][0] == at("2025-01-07T23:59")  # the input is left as it was
