"""The rules of the audit: what cleaning counted, the scorecard, and the checks of rules."""

from collections.abc import Callable
from functools import partial

import pandas as pd
import pytest

from analysis.audit import quality
from analysis.contract.checks import Verdict
from tests.audit.judging import NO_RULES, by_share, rule_rows
from tests.checking import Case
from tests.handmade import make_users
from tests.two_tables import EVENTS, USERS


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
    assert table["avg_watch_time_sec is not a number (taken as missing)"] == 2


def test_the_null_table_lists_given_and_absent_columns():
    users = make_users({"a": "2025-01-05", "b": None, "c": "2025-01-05"})
    table = quality.count_nulls(users, EVENTS).set_index(["table", "column"])
    assert table.loc[("users", "signup_date")].tolist() == [True, 3, 1, 1]
    assert table.loc[("events", "event_type")].tolist() == [True, 6, 1, 2]
    assert table.loc[("events", "received_at"), "nulls"] == 1
    assert ("events", "event_timestamp") in table.index
    assert ("events", "recorded_at") not in table.index
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
    nulls = quality.count_nulls(USERS, EVENTS)
    written = quality.quality_table(nulls, RULES)
    assert written["kind"].value_counts().to_dict() == {"column": len(nulls), "rule": 4}
    kept = written[written["kind"] == "rule"]
    assert kept["name"].tolist() == RULES["rule"].tolist()
    assert kept["broken"].tolist() == [1, 4, 0, 0]


def missing(events: int, rule: str = "event_type is missing") -> Verdict:
    """Judge so many of 1,000 events that break the rule, and no user without a signup."""
    no_user = rule_rows("signup_date is missing", 0)
    return quality.missing_values(NO_RULES, no_user, rule_rows(rule, events))


def impossible(broken: int) -> Verdict:
    return quality.impossible_values(rule_rows("credits_spent is negative", broken), NO_RULES)


BY_RULE = {
    quality.events_before_signup: "event is before the user's signup",
    quality.clock_order: "event was created before it was received",
    quality.orphans: "user_id is not in the users table",
    quality.duplicates: "repeated identifier (one row kept)",
}
"""Checks of one rule, and that rule."""


def breaking(judge: Callable[[pd.DataFrame], Verdict], broken: int) -> Verdict:
    """Judge so many of 1,000 rows that break the check's rule."""
    return judge(rule_rows(BY_RULE[judge], broken))


def sharing(removed: int, differing: int) -> Verdict:
    """Judge so many of 1,000 rows left out, and so many of them that say something else."""
    parts = (rule_rows(quality.REPEATED, removed), rule_rows(quality.DIFFERING, differing))
    return quality.duplicates(quality.join_rules(parts))


def test_events_that_share_an_identifier_are_lost():
    verdict = sharing(60, 60)
    assert verdict.suspects["amount"].tolist() == [0.06]
    assert sharing(60, 1).suspects is None


RARE = {"fail": 10, "warn": 1}
MISSING = {"fail": 200, "warn": 10}


CASES = [
    *by_share("events_before_signup", partial(breaking, quality.events_before_signup), RARE),
    *by_share("clock_order", partial(breaking, quality.clock_order), RARE),
    *by_share("orphans", partial(breaking, quality.orphans), RARE),
    *by_share("duplicates", partial(breaking, quality.duplicates), {"warn": 1}),
    Case("duplicates", "warn", partial(breaking, quality.duplicates, 900)),
    *by_share("duplicates", partial(sharing, 60), {"fail": 50}),
    Case("duplicates", "fail", lambda: sharing(120, 60)),
    Case("duplicates", "warn", lambda: sharing(121, 60)),  # most are copies
    *by_share("missing_values", missing, MISSING),
    *by_share(
        "missing_values", partial(missing, rule=quality.CLEANING["null_event_uuid"]), MISSING
    ),
    *by_share("missing_values", partial(missing, rule=quality.CLEANING["null_user_id"]), MISSING),
    Case(
        "missing_values",
        "fail",
        lambda: missing(200, rule=quality.CLEANING["null_event_timestamp"]),
    ),
    Case(
        "missing_values",
        "not_applicable",
        lambda: quality.missing_values(NO_RULES, NO_RULES, NO_RULES),
    ),
    *by_share("impossible_values", impossible, RARE),
    Case(
        "impossible_values", "not_applicable", lambda: quality.impossible_values(NO_RULES, NO_RULES)
    ),
    *(Case(judge.__name__, "not_applicable", partial(judge, NO_RULES)) for judge in BY_RULE),
]


def test_clock_order_is_the_worse_of_two_orders():
    rows = [
        rule_rows("event was received before it happened", 1),
        rule_rows("event was created before it was received", 10),
    ]
    verdict = quality.clock_order(pd.concat(rows, ignore_index=True))
    assert (verdict.status, verdict.facts["rule"]) == (
        "fail",
        "event was created before it was received",
    )


def test_negative_amounts_of_events_are_impossible_values():
    verdict = quality.impossible_values(NO_RULES, rule_rows("amount of an event is negative", 10))
    assert (verdict.status, verdict.facts["rules"]) == (
        "fail",
        [{"rule": "amount of an event is negative", "broken": 10}],
    )
