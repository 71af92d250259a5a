"""Who cancelled, and when, by hand."""

import ibis
import pandas as pd
import pytest

from analysis.audit import quality
from analysis.base import engine
from analysis.base.errors import ReportError
from analysis.contract.inputs import present
from analysis.log import rules
from analysis.log.activity import by_users, place
from analysis.log.cancellations import cancelled_users, first_endings, is_recorded
from analysis.log.users import clean_users
from analysis.model.snapshots import check_named
from tests.handmade import at, instants, make_events, make_users, make_window

WINDOW = make_window("2025-01-01", "2025-03-01")
SIGNUPS = dict.fromkeys("abcde", "2025-01-05") | {"f": None}
DATES = instants(["2025-01-20", None, "2025-01-04", "2025-01-05", None, "2025-01-20"])
USERS = make_users(SIGNUPS, cancel_date=DATES)
EVENTS = make_events(
    [("a", "2025-01-10"), ("a", "2025-01-22T09:00"), ("b", "2025-01-04T23:00"),
     ("b", "2025-02-01T10:00"), ("b", "2025-01-30T08:30"), ("e", "2025-01-06"),
     ("f", "2025-01-21"), ("stranger", "2025-01-21")],
    event_type=["play", "cancel", "cancel", "cancel", "closed", "play", "cancel", "cancel"],
)  # fmt: skip


def placed(users: pd.DataFrame = USERS, ending: tuple[str, ...] = ("cancel", "closed")):
    return place(EVENTS, users, WINDOW, (), ending)


def test_the_first_ending_event_since_signup_counts():
    assert first_endings(placed()).to_dict("split")["data"] == [
        ["a", at("2025-01-22T09:00")],
        ["b", at("2025-01-30T08:30")],  # not the one before signup; nobody's of an unknown signup
    ]
    only_one = first_endings(placed(ending=("cancel",))).set_index("user_id")["ending_at"]
    assert only_one["b"] == at("2025-02-01T10:00")


def test_the_date_of_the_users_table_comes_first_and_the_event_where_it_is_missing():
    assert cancelled_users(USERS, placed())[["user_id", "cancelled_at", "is_day"]].to_dict("split")[
        "data"
    ] == [
        ["a", at("2025-01-20"), True],
        ["b", at("2025-01-30T08:30"), False],
        ["d", at("2025-01-05"), True],  # on the day of signup
    ]  # c cancelled before signup, e never did, f has no signup date
    by_events = cancelled_users(USERS.drop(columns="cancel_date"), placed())
    assert by_events["user_id"].tolist() == ["a", "b"]
    assert cancelled_users(USERS, placed(ending=()))["user_id"].tolist() == ["a", "d"]


def test_an_ending_event_is_no_activity_but_is_something_a_user_did():
    table = engine.to_pandas(placed())
    by_type = table.groupby("event_type")[["is_active", "is_ending", "is_passive"]].max()
    assert by_type.to_dict("index") == {
        "cancel": {"is_active": False, "is_ending": True, "is_passive": False},
        "closed": {"is_active": False, "is_ending": True, "is_passive": False},
        "play": {"is_active": True, "is_ending": False, "is_passive": False},
    }
    assert by_users(placed()).count().execute() == len(table)


def test_an_ending_type_that_no_event_has_is_named():
    with pytest.raises(
        ReportError, match=r"ending_event_types names 'cancle', but no event has that type\. "
    ):
        placed(ending=("cancle",))


def test_tables_record_cancellations_by_the_column_or_by_events():
    bare = USERS.drop(columns="cancel_date")
    assert is_recorded(USERS, placed(ending=()))
    assert is_recorded(bare, placed())
    assert not is_recorded(bare, placed(bare, ending=()))


def test_the_rules_on_cancel_dates():
    days = instants(["2025-01-20"] * 4 + ["2025-01-04", None])
    ends = instants(["2025-01-19T00:00", "2025-01-18T23:59", "2025-01-21T23:59",
                     "2025-01-22T00:00", "2025-01-05", "2025-01-20"])  # fmt: skip
    users = make_users(dict.fromkeys("abcdef", "2025-01-05"), cancel_date=days, ending_at=ends)
    broken = rules.user_rules(users).set_index("rule")
    assert broken.loc[rules.EARLY_CANCEL, ["broken", "sample"]].tolist() == [1, "e"]
    assert broken.loc[rules.OTHER_CANCEL, ["broken", "sample"]].tolist() == [2, "b"]
    impossible = {rule.name for rule in rules.USER_RULES if rule.is_impossible}
    assert not impossible & {rules.EARLY_CANCEL, rules.OTHER_CANCEL}
    assert rules.EARLY_CANCEL not in set(rules.user_rules(make_users({"a": None}))["rule"])


def test_cleaning_reads_cancel_dates_as_days_of_the_zone_and_counts_what_it_cannot_read():
    raw = ibis.memtable({
        "user_id": ["a", "b", "c", "d"], "signup_date": ["2025-01-05"] * 4,
        "cancel_date": ["2025-01-20", "soon", "", "2025-01-21T03:00:00Z"],
    })  # fmt: skip
    cleaned = clean_users(raw, "America/Lima")
    assert cleaned.table["cancel_date"].dropna().tolist() == [at("2025-01-20T05:00")] * 2
    assert cleaned.counts["unreadable_cancel_date"] == 1
    assert "cancel_date" not in cleaned.absent
    found = quality.cleaning_rules(cleaned.counts, {}).set_index("rule")["broken"]
    assert found["cancel_date cannot be read as a date"] == 1


def test_a_cancel_date_is_neither_a_feature_nor_a_group():
    with pytest.raises(ReportError, match="static_columns names 'cancel_date', which is written"):
        check_named(["cancel_date"], USERS.columns, "static_columns")
    with pytest.raises(ReportError, match="group_columns names 'cancel_date', which is written"):
        present(USERS, ["cancel_date"])
