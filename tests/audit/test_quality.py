"""The rules of the audit: what cleaning counted, the scorecard, and the checks of rules."""

from collections.abc import Callable
from functools import partial

import pandas as pd
import pytest

from analysis.audit import amounts, quality
from analysis.contract import catalogue
from analysis.contract.checks import Verdict
from tests.audit.judging import NO_RULES, by_share, days, rule_rows
from tests.checking import Case
from tests.handmade import make_users
from tests.two_tables import USERS


def test_cleaning_rules_hold_only_what_was_counted():
    users = {"rows_read": 9, "null_user_id": 2, "duplicates_removed": 0, "null_signup_date": None}
    events = {"rows_read": 5, "duplicates_removed": None, "unreadable_event_timestamp": 1}
    rows = quality.cleaning_rules(users, events)[["table", "rule", "checked", "broken"]]
    assert rows.to_numpy().tolist() == [
        ["users", "user_id is missing (left out)", 9, 2],
        ["users", "repeated identifier (one row kept)", 9, 0],
        ["events", "event time cannot be read", 5, 1],
    ]


def test_numbers_that_cannot_be_read_are_a_rule_of_their_column():
    qa = {"rows_read": 9, "unreadable_avg_watch_time_sec": 2}
    table = quality.cleaning_rules(qa, {}).set_index("rule")["broken"]
    assert (
        table["avg_watch_time_sec is not a number, or one that cannot be (taken as missing)"] == 2
    )


def test_repeated_users_that_differ_are_no_lost_events():
    parts = (rule_rows(quality.REPEATED, 100), rule_rows(quality.DIFFERING, 100))
    of_users = quality.join_rules(parts).assign(table="users")
    verdict = quality.duplicates(of_users)
    assert (verdict.status, verdict.facts["differing"], verdict.facts["differing_users"]) == (
        "warn", 0, 100,
    )  # fmt: skip


def test_every_count_of_cleaning_has_a_rule_and_words():
    words = catalogue.table_of("users_cleaning").columns[0].values
    for name in quality.CLEANING:
        assert name in words


EVENTS_QA = {
    "rows_kept": 6,
    "cells": [
        {"column": "event_type", "nulls": 1, "distinct": 2},
        {"column": "received_at", "nulls": 1, "distinct": None},
    ],
}


def test_the_null_table_lists_given_and_absent_columns():
    users = make_users({"a": "2025-01-05", "b": None, "c": "2025-01-05"})
    table = quality.count_nulls(users, EVENTS_QA).set_index(["table", "column"])
    assert table.loc[("users", "signup_date")].tolist() == [True, 3, 1, 1]
    assert table.loc[("events", "event_type")].tolist() == [True, 6, 1, 2]
    assert table.loc[("events", "received_at"), "nulls"] == 1
    assert pd.isna(
        table.loc[("events", "received_at"), "distinct"]
    )  # the values of times say nothing
    absent = table.loc[("events", "event_uuid")]
    assert not absent["is_present"]
    assert absent[["rows", "nulls", "distinct"]].isna().all()


def make_rules(*rows):
    columns = ["dimension", "table", "rule", "checked", "broken", "sample"]
    return pd.DataFrame(rows, columns=columns)


RULES = make_rules(
    ("structural", "users", "age", 10, 1, "a"),
    ("structural", "users", "views", 10, 4, "b"),
    ("structural", "events", "type", 0, 0, None),
    ("temporal", "events", "order", 100, 0, None),
)


def test_the_scorecard_averages_the_share_of_rows_that_keep_each_rule():
    structural, temporal = quality.score_dimensions(RULES).to_dict("records")
    assert structural == {
        "dimension": "structural", "checks": 3, "broken_rules": 2, "broken": 5,
        "score": pytest.approx(1 - (0.1 + 0.4 + 0.0) / 3), "worst_rule": "views", "worst_share": 0.4,
    }  # fmt: skip
    assert (temporal["score"], temporal["broken_rules"]) == (1.0, 0)


def test_broken_rules_come_worst_first_with_their_share():
    table = quality.broken_rules(RULES)
    assert table["rule"].tolist() == ["views", "age"]
    assert table["share"].tolist() == [0.4, 0.1]


def test_the_quality_table_holds_columns_and_rules():
    nulls = quality.count_nulls(USERS, EVENTS_QA)
    written = quality.quality_table(nulls, RULES)
    assert written["kind"].value_counts().to_dict() == {"column": len(nulls), "rule": 4}
    kept = written[written["kind"] == "rule"]
    assert kept["name"].tolist() == RULES["rule"].tolist()
    assert kept["broken"].tolist() == [1, 4, 0, 0]


def missing(events: int, rule: str = "event_type is missing") -> Verdict:
    """Judge so many of 1,000 events that break the rule, and no user without a signup."""
    no_user = rule_rows("signup_date is missing", 0)
    is_cleaned = rule in quality.LEFT_OUT
    broken = rule_rows(rule, events)
    of_events = (broken, NO_RULES) if is_cleaned else (NO_RULES, broken)
    return quality.missing_values(of_events[0], no_user, of_events[1])


def no_signup(users: int) -> Verdict:
    return quality.missing_values(NO_RULES, rule_rows("signup_date is missing", users), NO_RULES)


NO_SIGNS = pd.DataFrame({"event_type": [], "amounts": [], "negative": []})


def impossible(broken: int, rule: str = "credits_spent is negative") -> Verdict:
    return quality.impossible_values(rule_rows(rule, broken), NO_RULES, NO_SIGNS)


SEEN = pd.DataFrame(
    {"user_id": ["a", "b", "c"], "signup_date": days([5, 5, 5]),
     "first_event_at": days([4, 5, None])}
)  # fmt: skip
"""Users of whom a has an event before signup."""


def before_signup(broken: int) -> Verdict:
    return quality.events_before_signup(
        rule_rows("event is before the user's signup", broken), SEEN
    )


def repeated(broken: int) -> Verdict:
    return quality.duplicates(rule_rows(quality.REPEATED, broken))


def cleaned(name: str) -> Callable[[int], Verdict]:
    """Return what judges events that lack the value of this name."""
    return partial(missing, rule=quality.CLEANING[name])


LOST = {"fail": 200, "warn": 5}


def sharing(removed: int, differing: int) -> Verdict:
    """Judge so many of 1,000 rows left out, and so many of them that say something else."""
    parts = (rule_rows(quality.REPEATED, removed), rule_rows(quality.DIFFERING, differing))
    return quality.duplicates(quality.join_rules(parts))


def test_events_that_share_an_identifier_are_lost():
    verdict = sharing(60, 60)
    assert verdict.suspects["amount"].tolist() == [0.06]
    assert sharing(60, 1).suspects is None


CASES = [
    *by_share("events_before_signup", before_signup, {"fail": 10, "warn": 1}),
    Case(
        "events_before_signup",
        "not_applicable",
        lambda: quality.events_before_signup(NO_RULES, SEEN),
    ),
    *by_share("duplicates", repeated, {"warn": 1}),
    Case("duplicates", "warn", partial(repeated, 900)),
    *by_share("duplicates", partial(sharing, 60), {"fail": 50}),
    Case("duplicates", "fail", lambda: sharing(120, 60)),
    Case("duplicates", "warn", lambda: sharing(121, 60)),  # most are copies
    Case("duplicates", "not_applicable", lambda: quality.duplicates(NO_RULES)),
    *by_share("missing_values", missing, {"warn": 10}),
    Case("missing_values", "warn", lambda: missing(1_000)),  # no events are lost
    *by_share("missing_values", no_signup, {"warn": 10}),
    Case("missing_values", "warn", lambda: no_signup(1_000)),
    *(
        case
        for name in ("null_event_uuid", "null_user_id", "null_event_timestamp")
        for case in by_share("missing_values", cleaned(name), LOST)
    ),
    Case(
        "missing_values",
        "not_applicable",
        lambda: quality.missing_values(NO_RULES, NO_RULES, NO_RULES),
    ),
    *by_share("impossible_values", impossible, {"warn": 1}),
    Case("impossible_values", "warn", lambda: impossible(1_000)),  # no figure rests on it
    Case(
        "impossible_values",
        "not_applicable",
        lambda: quality.impossible_values(NO_RULES, NO_RULES, NO_SIGNS),
    ),
]


def suspects_of(verdict: Verdict) -> pd.DataFrame:
    assert verdict.suspects is not None
    return verdict.suspects


def test_the_suspects_are_those_whose_rows_are_false_or_missing():
    assert suspects_of(before_signup(10))["user_id"].tolist() == ["a"]
    assert before_signup(9).suspects is None
    lost = suspects_of(cleaned("null_user_id")(250))
    assert lost[["kind", "amount"]].to_numpy().tolist() == [["lost", 0.25]]


def test_minors_are_told_beside_impossible_values():
    rules = pd.concat(
        [rule_rows("age is below 18", 15), rule_rows("age is negative or above 120", 0)],
        ignore_index=True,
    )
    verdict = quality.impossible_values(rules, NO_RULES, NO_SIGNS)
    assert (verdict.status, verdict.facts["minors"], verdict.facts["broken"]) == ("warn", 15, 0)


def test_negative_amounts_among_others_are_told_and_refunds_named():
    signs = pd.DataFrame({"event_type": ["refund"], "amounts": [10], "negative": [10]})
    verdict = quality.impossible_values(NO_RULES, rule_rows(amounts.NEGATIVE, 10), signs)
    assert verdict.status == "warn"
    assert verdict.facts["rules"] == [{"rule": amounts.NEGATIVE, "broken": 10}]
    assert verdict.facts["refunds"] == ["refund"]
