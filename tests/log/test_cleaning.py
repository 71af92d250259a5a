import random

import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.base import engine
from analysis.base.errors import ReportError
from analysis.contract import catalogue
from analysis.contract import inputs as contract
from analysis.contract.inputs import EVENTS, USERS, names
from analysis.log import content
from analysis.log import events as clean_log
from analysis.log import users as clean
from analysis.log.chapters import EventsChapter, UsersChapter
from analysis.log.content import Columns
from tests.handmade import CON, at


def raw(header, *lines):
    """Return a raw table of text as a CSV gives it; a dash is an empty cell."""
    cells = [[None if cell == "-" else cell for cell in line.split()] for line in lines]
    columns = {name: pa.array(list(values), pa.string())
               for name, values in zip(header.split(), zip(*cells, strict=True), strict=True)}  # fmt: skip
    return CON.create_table(ibis.util.gen_name("raw"), pa.table(columns), temp=True)


def shown(frame):
    """Return the cells of a table as text, a row a line; instants to the minute, missing as dash."""
    text = frame.copy()
    for name in text.columns:
        if isinstance(text[name].dtype, pd.DatetimeTZDtype):
            text[name] = text[name].dt.strftime("%Y-%m-%dT%H:%M")
    text = text.astype("object").where(text.notna(), "-")
    return [" ".join(str(cell) for cell in row) for row in text.itertuples(index=False)]


USER_HEADER = "user_id signup_date last_active_date age"
RAW_USERS = (
    "b 2025-01-05 2025-02-01 30",
    "a 2025-03-01 2025-01-01 20",  # exchanged
    "- 2025-01-01 2025-01-02 40",  # left out
    "b 2025-01-06 2025-02-03 31",  # newer activity: this one stays
    "c - 2025-02-03 -",
    "d soon 2025-02-03 17",  # not a date
)


def test_the_whole_users_table_by_hand():
    cleaned = clean.clean_users(raw(USER_HEADER, *RAW_USERS))
    assert shown(cleaned.table) == [
        "a 2025-01-01T00:00 2025-03-01T00:00 20.0",
        "b 2025-01-06T00:00 2025-02-03T00:00 31.0",
        "c - 2025-02-03T00:00 -",
        "d - 2025-02-03T00:00 17.0",
    ]
    assert cleaned.counts == {
        "null_user_id": 1,
        "null_signup_date": 2,
        "null_last_active_date": 0,
        "temporal_inconsistencies": 1,
        "dropped_missing_user_id": 1,
        "duplicates_removed": 1,
        "duplicates_differing": 1,
        "unreadable_signup_date": 1,
        "unreadable_last_active_date": 0,
        "unreadable_age": 0,
        "rows_read": 6,
        "rows_kept": 4,
    }


@settings(max_examples=4, deadline=None)
@given(order=st.permutations(RAW_USERS))
def test_users_come_out_alike_in_whatever_order_their_rows_are(order):
    one, two = (clean.clean_users(raw(USER_HEADER, *rows)) for rows in (RAW_USERS, order))
    pd.testing.assert_frame_equal(one.table, two.table)
    assert one.counts == two.counts


def test_numbers_are_read_as_people_write_them_and_what_is_none_is_counted():
    rows = [
        "a 2025-01-05 true 12,5",
        "b 2025-01-05 False 1,234",  # thousands or thousandths: nobody can tell
        "c 2025-01-05 1 7",
        "d 2025-01-05 maybe lots",
    ]
    cleaned = clean.clean_users(raw("user_id signup_date churned_30d avg_watch_time_sec", *rows))
    known = cleaned.table.set_index("user_id")
    assert known["churned_30d"].tolist()[:3] == [1.0, 0.0, 1.0]
    assert known["avg_watch_time_sec"].dropna().to_dict() == {"a": 12.5, "c": 7.0}
    assert cleaned.counts["unreadable_churned_30d"] == 1
    assert cleaned.counts["unreadable_avg_watch_time_sec"] == 2


def test_identifiers_saved_as_fractions_are_those_of_the_other_table():
    users = clean.clean_users(raw("user_id signup_date", "7.0 2025-01-05", "a.0 2025-01-05"))
    assert users.table["user_id"].tolist() == ["7", "a.0"]


def test_columns_that_the_report_makes_itself_are_kept_under_another_name():
    header = "user_id signup_date last_event_at event_count churned"
    cleaned = clean.clean_users(raw(header, "a 2025-01-05 2025-01-06 3 yes"))
    assert {"last_event_at_given", "event_count_given", "churned_given"} <= set(cleaned.table)
    assert not contract.RESERVED & set(cleaned.table)


def test_years_that_no_user_has_are_missing_and_counted():
    rows = ["a 2025-01-05", "b 20255-01-05", "c 2025-01-07", "d 0001-01-01", "e 97-01-05",
            "f 1985-01-05", "g 1900-01-01", "h 9999-12-31", "i 2099-12-31", "j soon",
            "k 2025-01-07", "l 2025-01-07", "m 2025-01-07"]  # fmt: skip
    cleaned = clean.clean_users(raw("user_id signup_date", *rows))
    known = cleaned.table.dropna(subset="signup_date")
    assert known["user_id"].tolist() == ["a", "c", "f", "g", "k", "l", "m"]
    assert (cleaned.counts["unreadable_signup_date"], cleaned.counts["far_signup_date"]) == (1, 5)


def test_a_table_whose_years_have_two_digits_asks_for_four():
    users = raw("user_id signup_date", "a 97-01-05", "b 97-01-06", "c 2025-01-07")
    with pytest.raises(ReportError, match=r"users: of 3 values of 'signup_date', 2 are of a year "
                       "before 1900 or after 2099.*'97-01-05', which would be in the year 97. "
                       "Write years with four digits, as in 2025-01-31"):  # fmt: skip
        clean.clean_users(users)
    rows = ["a 97-01-05 x", "b 97-01-06 x", "c - x", "d 2025-01-07 x"]
    with pytest.raises(
        ReportError, match="events: of 3 values .* 2 are .* before 1990 or after 2099"
    ):
        clean_log.clean_events(raw("user_id event_timestamp event_type", *rows))
    users = raw("user_id signup_date", "a 2602-01-05", "b 2602-01-06", "c 2025-01-07")
    with pytest.raises(ReportError, match="in the year 2602. Correct them, or write"):
        clean.clean_users(users)


def test_events_of_years_that_cannot_be_are_left_out_and_counted():
    rows = ["a 1970-01-01 x 2025-01-05", "b 1989-12-01 x 1970-01-01", "c 2025-01-07 x -",
            "d 2602-01-01 x 2025-01-05", "e 2025-01-08 x 2025-01-09", "f night x 2025-01-09",
            "g 2025-01-08 x 2025-01-09", "h 2025-01-08 x 2025-01-09"]  # fmt: skip
    cleaned = clean_log.clean_events(raw("user_id event_timestamp event_type received_at", *rows))
    assert sorted(engine.to_pandas(cleaned.table)["user_id"]) == ["c", "e", "g", "h"]
    found = {n: v for n, v in cleaned.counts.items() if n.startswith(("far", "unreadable"))}
    assert found == {
        "unreadable_event_timestamp": 1, "far_event_timestamp": 3,
        "unreadable_received_at": 0, "far_received_at": 1,
    }  # fmt: skip
    assert cleaned.counts["null_event_timestamp"] == 4


WORDS = ("NULL", "null", "nan", "NaN", "None", "N/A", r"\N", "<NA>", "NA", "undefined")


def test_words_for_a_missing_identifier_are_missing_and_counted():
    rows = [f"{word} 2025-01-05 {word}" for word in WORDS] + ["Nullmann 2025-01-05 Peru"]
    cleaned = clean.clean_users(raw("user_id signup_date country", *rows))
    assert cleaned.table["user_id"].tolist() == ["Nullmann"]
    assert cleaned.counts["placeholder_user_id"] == len(WORDS)
    assert cleaned.counts["null_user_id"] == len(WORDS)
    assert "changed_user_id" not in cleaned.counts


def test_words_for_a_missing_identifier_stay_in_other_texts():
    rows = ["a 2025-01-05 NA NULL", "b 2025-01-05 null nan"]
    table = clean.clean_users(raw("user_id signup_date country plan", *rows)).table
    assert table[["country", "plan"]].to_numpy().tolist() == [["NA", "NULL"], ["null", "nan"]]


def test_events_without_a_true_identifier_are_left_out_and_counted():
    header = "event_uuid user_id event_timestamp event_type session_id"
    rows = ["u1 a 2025-01-05 x s1", "u2 None 2025-01-05 x s1", "NULL a 2025-01-05 x s1",
            "u3 a 2025-01-05 x null", "nan NaN 2025-01-05 x s1"]  # fmt: skip
    cleaned = clean_log.clean_events(raw(header, *rows))
    table = engine.to_pandas(clean_log.in_order(cleaned.table))
    assert sorted(table["session_id"].notna()) == [False, True]
    assert cleaned.counts["null_event_uuid"] == 2
    found = {n: v for n, v in cleaned.counts.items() if n.startswith("placeholder")}
    assert found == {
        "placeholder_user_id": 2, "placeholder_event_uuid": 2, "placeholder_session_id": 1,
    }  # fmt: skip


def test_identifiers_that_change_when_read_are_counted():
    columns = {"user_id": ["7.0", " a", "b", None, "  "], "signup_date": ["2025-01-05"] * 5}
    users = CON.create_table(ibis.util.gen_name("raw"), pa.table(columns), temp=True)
    cleaned = clean.clean_users(users)
    assert sorted(cleaned.table["user_id"]) == ["7", "a", "b"]
    assert (cleaned.counts["changed_user_id"], cleaned.counts["null_user_id"]) == (2, 2)
    columns |= {"event_timestamp": ["2025-01-05"] * 5, "event_type": ["x"] * 5,
                "event_uuid": ["1", "2 ", "3", "4", "5"]}  # fmt: skip
    events = CON.create_table(ibis.util.gen_name("raw"), pa.table(columns), temp=True)
    counts = clean_log.clean_events(events).counts
    assert (counts["changed_user_id"], counts["changed_event_uuid"]) == (2, 1)


def test_numbers_are_the_same_identifiers_whatever_their_type():
    columns = {"user_id": [7.0, float("nan"), 8.0], "signup_date": ["2025-01-05"] * 3}
    users = CON.create_table(ibis.util.gen_name("raw"), pa.table(columns), temp=True)
    cleaned = clean.clean_users(users)
    assert cleaned.table["user_id"].tolist() == ["7", "8"]
    assert "changed_user_id" not in cleaned.counts


def test_repeated_users_that_say_something_else_are_counted_apart():
    rows = ("a 2025-01-05 2025-02-01 9", "a 2025-01-05 2025-02-01 9", "a 2025-01-05 2025-02-01 8",
            "b 2025-01-05 2025-02-01 9", "b 2025-01-05 2025-02-01 9")  # fmt: skip
    counts = clean.clean_users(raw(USER_HEADER, *rows)).counts
    assert (counts["duplicates_removed"], counts["duplicates_differing"]) == (3, 1)


def test_texts_too_long_for_a_name_are_cut_and_stay_two():
    long = ["x" * 1_000_000, "x" * 999_999 + "y", "x" * 1000]
    columns = {
        "user_id": ["a", "b", "z" * 1001],
        "signup_date": ["2025-01-05"] * 3,
        "country": long,
    }
    users = CON.create_table(ibis.util.gen_name("raw"), pa.table(columns), temp=True)
    cleaned = clean.clean_users(users)
    found = cleaned.table["country"]
    assert found[0].startswith("x" * 40 + "… (1000000 characters, ")
    assert (found.nunique(), found[2], found.str.len().max()) == (3, "x" * 1000, 1000)
    assert cleaned.counts["long_texts"] == 3
    columns = {
        "user_id": columns["user_id"],
        "event_type": [*long[:2], "x" * 1000 + " " * 500],  # its blanks are no part of it
        "event_timestamp": ["2025-01-05"] * 3,
    }
    events = CON.create_table(ibis.util.gen_name("raw"), pa.table(columns), temp=True)
    cleaned_events = clean_log.clean_events(events)
    table = engine.to_pandas(cleaned_events.table)
    assert sorted(table["user_id"]) == cleaned.table["user_id"].tolist()
    assert table["event_type"].nunique() == 3
    assert cleaned_events.counts["long_texts"] == 3


def test_of_events_that_tie_the_text_of_the_session_says_which_stays():
    rows = [f"u1 a play 2025-01-05T10:00 - - {s} {c}" for s, c in (("s3", "DE"), ("s1", "FR"))]
    cleaned = clean_log.clean_events(raw(f"{EVENT_HEADER} country", *rows))
    assert engine.to_pandas(cleaned.table)["country"].tolist() == ["FR"]
    assert cleaned.counts["duplicates_differing"] == 1


def test_a_further_column_of_users_may_have_any_name():
    table = clean.clean_users(raw("user_id signup_date self table", "a 2025-01-05 x y")).table
    assert table[["self", "table"]].to_numpy().tolist() == [["x", "y"]]


HUGE = ("inf", "-inf", "Infinity", "1e308", "1e400", "nan", "NULL", "-1e16")


def test_numbers_that_cannot_be_are_missing_and_counted():
    rows = [f"u{i} 2025-01-05 {word}" for i, word in enumerate(HUGE)]
    cleaned = clean.clean_users(raw("user_id signup_date age", *rows, "z 2025-01-05 1e15"))
    assert cleaned.table["age"].dropna().tolist() == [1e15]
    assert cleaned.counts["unreadable_age"] == len(HUGE)
    native = {"user_id": ["a", "b", "c", "d"], "signup_date": ["2025-01-05"] * 4,
              "age": [30.0, float("inf"), float("nan"), 1e308]}  # fmt: skip
    users = CON.create_table(ibis.util.gen_name("raw"), pa.table(native), temp=True)
    cleaned = clean.clean_users(users)
    assert cleaned.table["age"].dropna().tolist() == [30.0]
    assert cleaned.counts["unreadable_age"] == 2  # NaN is how such a column says missing


def test_further_columns_of_events_are_not_read_whatever_their_name():
    header = "user_id event_timestamp event_type event_at rank_of_uuid is_bad_event_timestamp"
    cleaned = clean_log.clean_events(raw(header, "a 2025-01-05T10:00 play x y z"))
    assert engine.to_pandas(cleaned.table)["event_at"].tolist() == [at("2025-01-05T10:00")]


@pytest.mark.parametrize(
    ("zone", "first", "summer"),
    [("America/New_York", "05:00", "04:00"), ("UTC", "00:00", "00:00")],
)
def test_dates_without_times_are_days_of_the_zone(zone, first, summer):
    rows = [
        "a 2025-01-05 play",
        "b 2025-07-05 play",
        "b 2025-07-05 exit",
        "c 2025-07-05T09:30 play",
    ]
    cleaned = clean_log.clean_events(raw("user_id event_timestamp event_type", *rows), zone)
    found = engine.to_pandas(cleaned.table.order_by("user_id"))["event_at"].tolist()
    days = [f"2025-01-05T{first}", *[f"2025-07-05T{summer}"] * 2, "2025-07-05T09:30"]
    assert found == [at(day) for day in days]


def test_dates_of_receipt_move_with_those_of_the_events():
    rows = ["a 2025-01-05 play 2025-01-05", "b 2025-07-05 play 2025-07-06", "c 2025-07-05 play -"]
    header = "user_id event_timestamp event_type received_at"
    cleaned = clean_log.clean_events(raw(header, *rows), "America/New_York")
    assert cleaned.counts["received_before_event"] == 0
    found = engine.to_pandas(cleaned.table.order_by("user_id"))
    assert found["received_at"].tolist()[:2] == [at("2025-01-05T05:00"), at("2025-07-06T04:00")]
    assert (found["recorded_at"] >= found["event_at"]).all()


def test_a_few_events_at_midnight_are_no_dates():
    rows = ["a 2025-01-05T00:00 play", "a 2025-01-05T10:00 play", "a 2025-01-05T11:00 play"]
    cleaned = clean_log.clean_events(raw("user_id event_timestamp event_type", *rows), "Asia/Tokyo")
    found = engine.to_pandas(clean_log.in_order(cleaned.table))["event_at"]
    assert found.min() == at("2025-01-05T00:00")


def test_events_that_tie_are_written_in_one_order():
    rows = [f"a 2025-01-05T10:00 play s{n}" for n in (3, 1, 2)]
    header = "user_id event_timestamp event_type session_id"
    orders = [rows, rows[::-1]]
    written = [
        engine.to_pandas(clean_log.in_order(clean_log.clean_events(raw(header, *order)).table))
        for order in orders
    ]
    assert written[0]["session_id"].tolist() == written[1]["session_id"].tolist()
    assert written[0]["session_id"].nunique() == 3


def test_required_columns_are_enough_for_users():
    cleaned = clean.clean_users(raw("user_id signup_date", "a 2025-01-05", "a 2025-01-06"))
    assert shown(cleaned.table) == ["a 2025-01-06T00:00"]
    assert cleaned.counts["null_last_active_date"] is None
    assert cleaned.counts["temporal_inconsistencies"] is None
    assert cleaned.counts["duplicates_removed"] == 1
    assert cleaned.absent == [
        name for name in names(USERS) if name not in ("user_id", "signup_date")
    ]


def test_dates_on_one_day_are_not_exchanged():
    cleaned = clean.clean_users(raw(USER_HEADER, "a 2025-01-05T20:00 2025-01-05T10:00 1"))
    assert cleaned.counts["temporal_inconsistencies"] == 0


def test_dates_are_days_of_the_given_zone():
    users = raw("user_id signup_date", "a 2025-01-05T03:00Z", "b 2025-01-05")
    table = clean.clean_users(users, "America/Lima").table
    assert table["signup_date"].tolist() == [at("2025-01-04T05:00"), at("2025-01-05T05:00")]


def test_repeated_users_with_one_activity_keep_the_newest_signup_then_the_first_by_value():
    rows = ("a 2025-01-05 2025-02-01 9", "a 2025-01-07 2025-02-01 8", "a 2025-01-07 2025-02-01 7",
            "b 2025-01-05 2025-02-01 9", "b 2025-01-04 - 8")  # fmt: skip
    assert shown(clean.clean_users(raw(USER_HEADER, *rows)).table) == [
        "a 2025-01-07T00:00 2025-02-01T00:00 7",
        "b 2025-01-05T00:00 2025-02-01T00:00 9",
    ]


def test_whole_numbers_are_integers_only_where_every_row_has_one():
    header = "user_id signup_date age views avg_watch_time_sec"
    table = clean.clean_users(raw(header, "a 2025-01-05 30 1 2", "b 2025-01-05 31 x 2")).table
    kinds = table.dtypes.astype(str).to_dict()
    assert (kinds["age"], kinds["views"], kinds["avg_watch_time_sec"]) == (
        "int64",
        "float64",
        "float64",
    )
    assert table["views"].isna().tolist() == [False, True]


def test_columns_outside_the_contract_stay_and_are_numbers_where_all_of_them_are():
    users = raw("user_id signup_date score plan none", "a 2025-01-05 1.5 x -", "b 2025-01-05 - 7 -")
    table = clean.clean_users(users).table
    assert table["score"].fillna(0).tolist() == [1.5, 0.0]
    assert table["plan"].tolist() == ["x", "7"]
    assert table["none"].isna().all()


def test_a_further_column_of_numbers_may_have_words_and_numbers_that_cannot_be():
    header = "user_id signup_date score account plan"
    rows = ["a 2025-01-05 1.5 1234567890123456789 none", "b 2025-01-05 N/A 2234567890123456789 1",
            "c 2025-01-05 inf 3234567890123456789 none", "d 2025-01-05 2 4234567890123456789 none",
            "e 2025-01-05 3 5234567890123456789 NA", "f 2025-01-05 4 1e308 NA"]  # fmt: skip
    cleaned = clean.clean_users(raw(header, *rows))
    assert cleaned.table["score"].dropna().tolist() == [1.5, 2.0, 3.0, 4.0]
    assert cleaned.counts["unreadable_score"] == 2
    assert cleaned.table["account"].tolist()[0] == "1234567890123456789"  # digits of a name
    assert cleaned.table["plan"].tolist() == ["none", "1", "none", "none", "NA", "NA"]
    table = UsersChapter(raw(header, *rows), "UTC").users_cleaning.set_index("issue")["rows"]
    assert table["Values of score that are not numbers"] == 2


def test_users_from_native_columns_equal_those_from_text():
    day = pa.array([20093, 20094]).cast(pa.int32()).cast(pa.date32())
    native = pa.table({"user_id": [1, 2], "signup_date": day, "age": [30.0, None]})
    table = CON.create_table(ibis.util.gen_name("raw"), native, temp=True)
    text = raw("user_id signup_date age", "1 2025-01-05 30", "2 2025-01-06 -")
    pd.testing.assert_frame_equal(clean.clean_users(table).table, clean.clean_users(text).table)


@pytest.mark.parametrize("when", ["-", "1736035200", "1736035200000", "2025-01-05T00:00+00:00"])
def test_a_signup_may_be_written_in_any_way_or_missing(when):
    rows = (f"a {when}", "b 2025-01-05")
    found = clean.clean_users(raw("user_id signup_date", *rows)).table["signup_date"]
    assert found[0] == at("2025-01-05") or (when == "-" and pd.isna(found[0]))


def test_users_without_any_user_id_stop_the_run():
    with pytest.raises(ReportError, match="users: no row has a user_id"):
        clean.clean_users(raw("user_id signup_date", "- 2025-01-05"))


def test_a_column_of_dates_that_is_mostly_something_else_stops_with_an_example():
    half = raw("user_id signup_date", "a 05/01/2025", "b 2025-01-05")
    assert clean.clean_users(half).counts["unreadable_signup_date"] == 1
    most = raw("user_id signup_date", "a 05/01/25x", "b 06/01/2025x", "c 2025-01-05", "d -")
    with pytest.raises(
        ReportError,
        match="users: of 3 values of 'signup_date', 2 are not a time.*'05/01/25x'.*Write",
    ):
        clean.clean_users(most)


def test_an_empty_column_of_dates_stops_with_the_remedy():
    with pytest.raises(
        ReportError, match="'signup_date' is empty in all rows. Map .*users_columns"
    ):
        clean.clean_users(raw("user_id signup_date", "a -", "b -"))


EVENT_HEADER = "event_uuid user_id event_type event_timestamp received_at created_at session_id"
RAW_EVENTS = (
    "u2 b play 2025-01-05T10:01 2025-01-05T10:02 2025-01-05T10:03 s1",
    "u1 a play 2025-01-05T10:01 2025-01-05T10:05 2025-01-05T10:04 s2",
    "u1 a play 2025-01-05T10:00 2025-01-05T10:05 2025-01-05T10:04 s3",  # the earliest u1
    "- a play 2025-01-05T10:00 2025-01-05T10:05 2025-01-05T10:05 s2",  # no uuid
    "u3 - play 2025-01-05T10:00 2025-01-05T10:05 2025-01-05T10:05 s2",  # no user
    "u4 a play whenever 2025-01-05T10:05 2025-01-05T10:05 s2",  # no time
    "u5 a - 2025-01-05T09:00 2025-01-05T08:59 - s4",  # no type; received before it happened
    "u6 a play 2025-01-05T10:00 - 2025-01-05T10:05 -",  # never received, as far as is known
)


@pytest.mark.parametrize("blank", ["user_id", "event_uuid"])
def test_events_whose_identifiers_are_all_blank_name_the_column(blank):
    at = EVENT_HEADER.split().index(blank)
    rows = [" ".join("-" if n == at else c for n, c in enumerate(r.split())) for r in RAW_EVENTS]
    with pytest.raises(
        ReportError, match=f"events: column '{blank}' is empty in all 8 rows. Map .*events_columns"
    ):
        clean_log.clean_events(raw(EVENT_HEADER, *rows))


def test_the_chapters_say_how_their_files_were_read(tmp_path):
    path = tmp_path / "u.csv"
    path.write_text("user_id;signup_date;age\na;2025-01-05;30,5\nuser_id;signup_date;age\n")
    chapter = UsersChapter.read(str(tmp_path), str(path), {}, {"quote": "none"}, time_zone="UTC")
    said = {
        "file_kind": "CSV", "files": 1, "packing": "none", "encoding": "utf-8",
        "delimiter": "semicolon", "quoting": "none", "decimal_mark": ",",
        "repeated_headers": 1, "columns_absent": 0,
    }  # fmt: skip
    assert chapter.users_qa["files"] == [said]
    assert chapter.users_qa["rows_read"] == 1
    assert chapter.users_files.to_dict("records") == [said]
    assert chapter.users["age"].tolist() == [30.5]
    assert UsersChapter(chapter.raw, "UTC").users_files.columns.tolist() == list(said)


def test_the_page_names_what_is_counted_where_the_case_exchanged_two_columns():
    rows = [
        "u1 a play 2025-01-05T10:00 2025-01-05T10:05 2025-01-05T10:06 s1",  # written afterwards
        "u2 a play 2025-01-05T10:00 2025-01-05T10:05 2025-01-05T10:05 s1",
        "u3 a play 2025-01-05T10:00 2025-01-05T10:05 2025-01-05T10:04 s1",
    ]
    chapter = EventsChapter(raw(EVENT_HEADER, *rows), None, "UTC", None, None, [], {}, 30)
    found = chapter.events_cleaning.set_index("issue")["rows"]
    assert found["created_after_received"] == chapter.events_qa["created_before_received"] == 1
    assert "created_before_received" not in found
    words = catalogue.table_of("events_cleaning").columns[0].values
    assert words["created_after_received"].endswith("written after they were received")


def test_user_days_are_the_same_from_memory_and_from_the_file_written(tmp_path):
    rows = [
        f"u{n} {'abc'[n % 3]} play 2025-01-{1 + n % 20:02}T10:00 - - s{n % 7}" for n in range(60)
    ]
    users = pd.DataFrame({"user_id": list("abc"), "signup_date": [at("2025-01-01")] * 3})

    def chapter():
        given = raw(EVENT_HEADER, *rows, rows[0])  # one of them twice
        return EventsChapter(given, users, "UTC", None, None, [], {}, 30)

    chapter().write(str(tmp_path))
    written = pd.read_parquet(tmp_path / "clean" / "user_days.parquet")
    days = engine.to_pandas(chapter().user_days)
    assert written["events"].sum() == days["events"].sum() > 50
    pd.testing.assert_frame_equal(written, days, check_dtype=False)
    keys = ("events", "session_id"), ("user_days", "session_key")
    kinds = [pq.read_schema(tmp_path / f"clean/{t}.parquet").field(name).type for t, name in keys]
    assert kinds == [pa.int64()] * 2  # as a float, one of 63 bits is that of a hundred sessions


def users_read(given):
    return clean._typed(clean._read(given))


def events_read(given):
    return clean_log._parsed(given, {})


@pytest.mark.parametrize(
    ("columns", "read", "limit"), [(USERS, users_read, 70_000), (EVENTS, events_read, 45_000)]
)
def test_the_query_that_reads_a_table_stays_short(columns, read, limit):
    """Each cell is written out once: the query was eight times as long when each use did it."""
    given = ibis.table(dict.fromkeys(names(columns), "string"), name="given")
    assert len(ibis.to_sql(read(given), dialect="duckdb")) < limit


def test_the_whole_events_table_by_hand():
    cleaned = clean_log.clean_events(raw(EVENT_HEADER, *RAW_EVENTS))
    events = cleaned.table.order_by("user_id", "event_at", "received_at")
    names = [
        (events.session_id == content.hash_of(ibis.literal(f"s{n}")), f"s{n}") for n in (1, 3, 4)
    ]
    table = engine.to_pandas(events.mutate(session_id=ibis.cases(*names)))
    assert list(table.columns) == [
        "user_id", "event_at", "event_type", "received_at", "created_at", "session_id",
        "recorded_at", "content",
    ]  # fmt: skip
    day = "2025-01-05T"
    assert shown(table.drop(columns="content")) == [
        f"a {day}09:00 - {day}08:59 - s4 {day}09:00",
        f"a {day}10:00 play {day}10:05 {day}10:04 s3 {day}10:05",
        f"a {day}10:00 play - {day}10:05 - {day}10:00",
        f"b {day}10:01 play {day}10:02 {day}10:03 s1 {day}10:02",
    ]
    assert cleaned.counts == {
        "null_event_uuid": 1,
        "null_user_id": 1,
        "null_event_timestamp": 1,
        "null_event_type": 1,
        "received_before_event": 1,
        "created_before_received": 1,  # received_at < created_at: the case exchanged the two
        "duplicates_removed": 1,
        "duplicates_differing": 1,  # of another session
        "dropped_incomplete": 3,
        "rows_read": 8,
        "rows_kept": 4,
        "unreadable_event_timestamp": 1,
        "unreadable_received_at": 0,
        "unreadable_created_at": 0,
    }
    assert cleaned.absent == [
        "show_id",
        "episode_id",
        "country",
        "source",
        "app_version",
        "properties",
    ]


def test_every_row_read_is_kept_or_counted_as_left_out():
    counts = clean_log.clean_events(raw(EVENT_HEADER, *RAW_EVENTS)).counts
    left_out = counts["dropped_incomplete"] + counts["duplicates_removed"]
    assert counts["rows_read"] == counts["rows_kept"] + left_out


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_events_come_out_alike_in_whatever_order_their_rows_are(seed):
    shuffled = random.Random(seed).sample(RAW_EVENTS, len(RAW_EVENTS))
    one, two = (clean_log.clean_events(raw(EVENT_HEADER, *rows)) for rows in (RAW_EVENTS, shuffled))
    first, second = (engine.to_pandas(clean_log.in_order(part.table)) for part in (one, two))
    pd.testing.assert_frame_equal(first, second)
    assert one.counts == two.counts


def test_repeats_at_one_instant_keep_the_first_in_the_order_of_all_columns():
    rows = ("u1 b play 2025-01-05 2025-01-06 - s1", "u1 a play 2025-01-05 2025-01-07 - s1",
            "u1 a next 2025-01-05 2025-01-06 - s1")  # fmt: skip
    table = engine.to_pandas(
        clean_log.in_order(clean_log.clean_events(raw(EVENT_HEADER, *rows)).table)
    )
    assert shown(table[["user_id", "event_type"]]) == ["a next"]


def test_rows_that_share_an_identifier_and_differ_are_no_copies():
    header = "event_uuid user_id event_type event_timestamp received_at rating"
    rows = (
        "u1 a play 2025-01-05 2025-01-05 5",
        "u1 a play 2025-01-05 2025-01-06 5",  # received again
        "u1 a play 2025-01-05 2025-01-05 4",  # another rating: another event
        "u2 a play 2025-01-05 2025-01-05 5",
        "u2 b play 2025-01-05 2025-01-05 5",
        "u3 b play 2025-01-05 2025-01-05 5",
    )
    counts = clean_log.clean_events(raw(header, *rows)).counts
    assert (counts["duplicates_removed"], counts["duplicates_differing"]) == (3, 2)


def test_required_columns_are_enough_for_events_and_nothing_is_deduplicated():
    rows = ("a play 1736071200", "a play 1736071200", "a play 1736071200000")
    cleaned = clean_log.clean_events(raw("user_id event_type event_timestamp", *rows))
    assert (
        shown(engine.to_pandas(cleaned.table)) == ["a 2025-01-05T10:00 play 2025-01-05T10:00"] * 3
    )
    absent = (
        "null_event_uuid",
        "duplicates_removed",
        "duplicates_differing",
        "received_before_event",
        "created_before_received",
    )
    assert [cleaned.counts[name] for name in absent] == [None] * 5
    assert cleaned.counts["rows_kept"] == 3
    assert {"event_uuid", "received_at", "created_at", "session_id"} <= set(cleaned.absent)
    assert not any(name.startswith("unreadable_received") for name in cleaned.counts)


def test_an_event_is_recorded_when_received_but_never_before_it_happened():
    rows = ("a x 2025-01-05 2025-01-09", "b x 2025-01-05 2025-01-04", "c x 2025-01-05 -")
    cleaned = clean_log.clean_events(raw("user_id event_type event_timestamp received_at", *rows))
    found = engine.to_pandas(cleaned.table)["recorded_at"].dt.strftime("%d").tolist()
    assert found == ["09", "05", "05"]


def test_events_of_number_users_meet_users_of_text():
    native = pa.table({
        "user_id": pa.array([7, None, 8], pa.float64()), "event_type": ["x"] * 3,
        "event_timestamp": pa.array([1736071200000] * 3, pa.timestamp("ms")),
    })  # fmt: skip
    table = CON.create_table(ibis.util.gen_name("raw"), native, temp=True)
    cleaned = clean_log.clean_events(table)
    assert engine.to_pandas(cleaned.table)["user_id"].tolist() == ["7", "8"]
    assert cleaned.counts["null_user_id"] == 1


def test_offsets_of_event_times_are_kept():
    cleaned = clean_log.clean_events(
        raw("user_id event_type event_timestamp", "a x 2025-01-05T22:00-05:00")
    )
    assert shown(engine.to_pandas(cleaned.table))[0].startswith("a 2025-01-06T03:00")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            ("a x soon", "a x 2025-01-05", "a x night"),
            "events: of 3 values .* 2 are not a time.* 'night'",
        ),
        (("- x 2025-01-05", "a x -"), "events: no row has user_id and a readable time"),
    ],
)
def test_events_that_cannot_be_placed_stop_the_run(rows, message):
    with pytest.raises(ReportError, match=message):
        clean_log.clean_events(raw("user_id event_type event_timestamp", *rows))


def test_an_empty_column_of_event_times_stops_the_run():
    empty = raw("user_id event_type event_timestamp", "a x -", "b y -")
    with pytest.raises(
        ReportError, match="events: column 'event_timestamp' is empty in all rows. Map"
    ):
        clean_log.clean_events(empty)


def test_what_the_stage_keeps_is_every_count_and_the_absent_columns():
    cleaned = clean.clean_users(raw("user_id signup_date", "a 2025-01-05"))
    record = clean.qa_record(cleaned.counts, cleaned.absent)
    assert record == {**cleaned.counts, "columns_absent": cleaned.absent}


def test_the_counts_table_leaves_what_was_not_given_blank():
    table = clean.counts_table({"null_user_id": 0, "duplicates_removed": None})
    assert table["issue"].tolist() == ["null_user_id", "duplicates_removed"]
    assert table["rows"].isna().tolist() == [False, True]


def test_the_table_of_columns_says_what_is_given_and_how_full_it_is():
    users = clean.clean_users(raw("user_id signup_date plan", "a 2025-01-05 x", "b - x")).table
    table = clean.columns_table(users, USERS).set_index("column")
    assert table.loc["signup_date"].tolist() == ["yes", 1, 1]
    assert table.loc["plan"].tolist() == ["yes", 0, 1]
    assert table.loc["age", "is_present"] == "no"
    assert table.loc["age", ["missing", "distinct"]].isna().all()
    assert set(table.index) == {*names(USERS), "plan"}


def test_the_given_table_keeps_the_contracts_order():
    said = Columns(("session_id", "rating"), ("received_at", "row_id"))
    table = clean_log.given_table(["event_uuid"], EVENTS, said)
    assert table["column"].tolist() == [*names(EVENTS), "rating", "row_id"]
    further = table.set_index("column")["meaning"]
    assert further["rating"] == clean_log.FURTHER[True]
    assert further["row_id"] == clean_log.FURTHER[False]
    assert table.loc[table["is_present"] == "no", "column"].tolist() == ["event_uuid"]


def test_event_types_are_counted_most_frequent_first():
    rows = ("a play 2025-01-05", "a play 2025-01-05", "b next 2025-01-05", "b app 2025-01-05")
    cleaned = clean_log.clean_events(raw("user_id event_type event_timestamp", *rows))
    assert shown(clean_log.event_types_table(cleaned.table)) == ["play 2 1", "app 1 1", "next 1 1"]


ODD = (*WORDS, *HUGE, "2025-01-05", "97-01-05", "25/12/2025", "infinity", "20250131123456", "1e5", "7.0",
       "\x00", "\u202e7", "1_000", "0x1f", "\N{ARABIC-INDIC DIGIT FIVE}", "2025-02-30", "24:00", "-0")  # fmt: skip
CELL = st.one_of(
    st.sampled_from(ODD),
    st.text(max_size=9),
    st.floats().map(str),
    st.integers().map(str),
    st.none(),
)


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.tuples(CELL, CELL, CELL, CELL, CELL), min_size=1, max_size=12))
def test_no_cell_stops_the_cleaning_or_comes_through_as_no_value(rows):
    header = ("user_id", "signup_date", "age", "score", "cancel_date")
    good = [(f"good {i}", "2025-01-05", "30", "1.5", None) for i in range(3 * len(rows))]
    columns = zip(*rows, *good, strict=True)
    cells = {
        name: pa.array(list(values), pa.string())
        for name, values in zip(header, columns, strict=True)
    }
    cleaned = clean.clean_users(
        CON.create_table(ibis.util.gen_name("raw"), pa.table(cells), temp=True)
    )
    numbers = cleaned.table.select_dtypes("number")
    assert (numbers.abs().fillna(0) <= 1e15).all(axis=None)
    for name in ("signup_date", "cancel_date"):
        known = cleaned.table[name].dropna()
        assert known.between(at("1899-12-30"), at("2099-12-30")).all()
    ids = cleaned.table["user_id"]
    assert ids.is_unique
    assert not ids.str.lower().isin([word.lower() for word in WORDS]).any()
    left_out = cleaned.counts["dropped_missing_user_id"] + cleaned.counts["duplicates_removed"]
    assert cleaned.counts["rows_read"] == cleaned.counts["rows_kept"] + left_out
