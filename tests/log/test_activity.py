import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.base import engine
from analysis.base.errors import ReportError
from analysis.log.activity import (
    amount,
    exact_sum,
    place,
    require_activity,
    sum_by_day,
    user_spans,
    user_types,
    with_sessions,
)
from tests.handmade import ROLES, at, make_active, make_events, make_users, make_window

USERS = make_users(
    {"early": "2024-12-30", "new": "2025-01-02", "undated": None, "never": "2025-01-02"}
)
WINDOW = make_window("2025-01-01", "2025-01-11")
ROWS = [
    ("early", "2024-12-31T23:59:59.999"),  # before the log
    ("early", "2025-01-01T00:00"),  # its first instant
    ("early", "2025-01-10T23:59:59.999"),  # its last
    ("early", "2025-01-11T00:00"),  # the first instant not covered
    ("new", "2025-01-01T23:59:59.999"),  # before signup
    ("new", "2025-01-02T00:00"),  # signup itself
    ("new", "2025-01-02T23:59:59.999"),  # still tenure day 0
    ("new", "2025-01-03T00:00"),  # tenure day 1
    ("undated", "2025-01-05"),
    ("orphan", "2025-01-05"),
]


def active_rows(rows=ROWS, **columns):
    return make_active(make_events(rows, **columns), USERS, WINDOW)


def test_activity_is_of_known_users_since_signup_inside_the_log():
    table = engine.to_pandas(active_rows().order_by("user_id", "event_at"))
    assert list(zip(table["user_id"], table["event_at"], table["tenure_day"], strict=True)) == [
        ("early", at("2025-01-01T00:00"), 2),
        ("early", at("2025-01-10T23:59:59.999"), 11),
        ("new", at("2025-01-02T00:00"), 0),
        ("new", at("2025-01-02T23:59:59.999"), 0),
        ("new", at("2025-01-03T00:00"), 1),
    ]


def test_tables_without_an_identifier_in_common_are_refused_with_one_of_each():
    message = (
        "no user_id is in the users table. The events have 2 identifiers, such as '17'; the users "
        "have 4, such as 'early'.* map the column"
    )
    with pytest.raises(ReportError, match=message):
        require_activity(make_events([("17", "2025-01-02"), ("18", "2025-01-02")]), USERS, (), ())
    require_activity(make_events([("17", "2025-01-02"), ("new", "2025-01-02")]), USERS, (), ())


def test_a_log_whose_every_event_is_passive_is_refused():
    events = make_events([("new", "2025-01-02")] * 2, event_type=["push", "cancel"])
    with pytest.raises(ReportError, match=r"every event is of a type in .*cancel, push.*Take out"):
        require_activity(events, USERS, ["push"], ["cancel"])
    require_activity(events, USERS, ["push"], [])


def test_tenure_counts_24_hours_from_a_local_midnight():
    users = make_users({"a": "2025-01-02T05:00"})  # midnight in Lima
    events = make_events([("a", "2025-01-03T04:59:59"), ("a", "2025-01-03T05:00")])
    table = engine.to_pandas(make_active(events, users, WINDOW).order_by("event_at"))
    assert table["tenure_day"].tolist() == [0, 1]


def test_every_event_says_what_is_known_of_its_user():
    users = USERS.assign(country=["Peru", None, "Chile", "Peru"])
    table = engine.to_pandas(
        place(make_events(ROWS), users, WINDOW).order_by("user_id", "event_at")
    )
    known = table.groupby("user_id", sort=False)["is_known"].all()
    assert known.to_dict() == {"early": True, "new": True, "orphan": False, "undated": True}
    tenure = table.set_index("user_id")["tenure_day"]
    assert tenure["early"].tolist() == [1, 2, 11, 12]
    assert tenure["new"].tolist() == [-1, 0, 0, 1]
    assert tenure[["orphan", "undated"]].isna().all()
    countries = table.groupby("user_id")["user_country"].first()
    assert countries.dropna().to_dict() == {"early": "Peru", "undated": "Chile"}
    assert not table["is_passive"].any()
    assert len(table) == len(ROWS)


def days_of(rows, zone="UTC", **columns):
    days = sum_by_day(active_rows(rows, **columns), WINDOW, zone, ROLES, 30, ())
    return engine.to_pandas(days.order_by("user_id", "first_event_at"))


def test_days_are_counted_from_signup_to_the_end_and_in_the_zone():
    rows = [("new", "2025-01-02"), ("new", "2025-01-10T23:59:59"), ("early", "2025-01-03T03:00")]
    table = days_of(rows, "America/Lima", recorded_at=["2025-01-02", "2025-01-11", "2025-01-05"])
    columns = ["tenure_day", "days_to_end", "recorded_days_to_end", "local_day"]
    assert table[["user_id", *columns]].to_dict("split")["data"] == [
        ["early", 4, 7, 5, 20_090],  # still the second of January in Lima
        ["new", 0, 8, 8, 20_089],
        ["new", 8, 0, -1, 20_098],
    ]


def test_a_row_of_user_days_sums_one_session_of_one_day():
    minutes = ("10:00", "10:10", "10:20", "23:50")
    rows = [("new", f"2025-01-03T{when}") for when in minutes] + [("new", "2025-01-04T00:10")]
    types = ["poster_click", "content_play", "next_episode", "credits_purchase", "credits_purchase"]
    amounts = [None, None, None, '{"amount": 2.5}', None]
    table = days_of(rows, event_type=types, properties=amounts)
    sums = ["events", "clicks", "plays", "nexts", "purchases", "bought"]
    assert table[["tenure_day", *sums]].to_numpy().tolist() == [
        [1, 3, 1, 1, 1, 0, 0.0],
        [1, 1, 0, 0, 0, 1, 2.5],
        [2, 1, 0, 0, 0, 1, 1.0],
    ]
    assert table["session_key"].nunique() == 2  # ten to midnight to ten past is one session
    assert user_spans(active_rows(rows)).equals(
        user_spans(sum_by_day(active_rows(rows), WINDOW, "UTC", ROLES, 30, ()))
    )


def test_spans_hold_the_first_and_the_last_event():
    assert user_spans(active_rows()).to_dict("split")["data"] == [
        ["early", at("2025-01-01T00:00"), at("2025-01-10T23:59:59.999"), 2],
        ["new", at("2025-01-02T00:00"), at("2025-01-03T00:00"), 3],
    ]


@settings(max_examples=3, deadline=None)
@given(st.permutations(ROWS))
def test_the_order_of_events_does_not_matter(rows):
    pd.testing.assert_frame_equal(user_spans(active_rows(rows)), user_spans(active_rows()))


def sessions_of(rows, gap_minutes=30, **columns):
    """Return, in order of user and time, the number of each event's session within its user."""
    table = engine.to_pandas(with_sessions(active_rows(rows, **columns), gap_minutes))
    ordered = table.sort_values(["user_id", "event_at"])
    return (
        ordered.groupby("user_id")["session_key"].transform(lambda k: pd.factorize(k)[0]).tolist()
    )


def test_a_session_ends_after_more_than_the_gap_of_silence():
    rows = [("new", f"2025-01-05T{when}") for when in ("10:00", "10:30", "11:00:01", "11:05")]
    assert sessions_of(rows) == [0, 0, 1, 1]
    assert sessions_of(rows, gap_minutes=31) == [0, 0, 0, 0]


def test_sessions_are_counted_per_user():
    rows = [("new", "2025-01-05T10:00"), ("early", "2025-01-05T10:10"), ("new", "2025-01-05T10:31"),
            ("early", "2025-01-05T10:20")]  # fmt: skip
    assert sessions_of(rows) == [0, 0, 0, 1]


def test_events_at_one_instant_are_in_one_session():
    assert sessions_of([("new", "2025-01-05T10:00")] * 3) == [0, 0, 0]


def test_ties_belong_to_one_session_whatever_their_type():
    rows = [("new", f"2025-01-05T{when}") for when in ("09:00", "10:00", "10:00", "10:00", "10:20")]
    for types in (["b", "c", "a", "b", "a"], ["a", "a", "b", "c", "b"]):
        assert sessions_of(rows, event_type=types) == [0, 1, 1, 1, 1]


def test_sums_do_not_depend_on_the_order_of_their_parts():
    values = [0.1, 0.2, 0.3, 1e9, -1e9] * 7
    sums = {
        ibis.memtable({"x": part})
        .aggregate(s=lambda t: exact_sum(t.x))
        .to_pyarrow()["s"][0]
        .as_py()
        for part in (values, values[::-1], sorted(values))
    }
    assert sums == {4.2}


def test_what_no_sum_can_hold_is_left_out():
    table = ibis.memtable({"x": [1.5, 1e40, float("inf"), float("nan"), -1e18, 1e18]})
    assert table.aggregate(s=exact_sum(table.x)).to_pyarrow()["s"].to_pylist() == [1.5]


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ('{"amount": 25.5}', 25.5), ('{"amount":"3"}', 3.0), ("{'amount': 25.0, 'x': 1}", 25.0),
        ("{'amount': -2}", -2.0), ('{"x": 1}', None), ("", None),
        ('{"amount": "3,50"}', 3.5), ("{'amount': '-3,5', 'x': 1}", -3.5), ('{"amount": 3, "x": 1}', 3.0),
        ('{"amount": 3,"x": 1}', 3.0), ('{"amount": "3", "x": "4,5"}', 3.0), ('{"amount": "3, or 4"}', 3.0),
        ('{"amount": 1.5e3}', 1500.0), ('{"amount": 2e-1}', 0.2), ('{"amount": 1E+2, "x": 1}', 100.0),
        ('{"amount": 1e308}', None), ('{"amount": 1e400}', None), ('{"amount": Infinity}', None),
        ('{"amount": "1,234"}', None), ('{"amount": "1,234.50"}', None), ('{"amount": "1.5"}', 1.5),
    ],
)  # fmt: skip
def test_amounts_are_read_from_json_and_from_what_programs_write(properties, expected):
    table = make_events([("new", "2025-01-05")], properties=[properties])
    assert table.select(n=amount(table)).to_pyarrow()["n"].to_pylist() == [expected]


@pytest.mark.parametrize("columns", [{}, {"session_id": ["s", None]}])
def test_keys_of_sessions_are_whole_numbers(columns, tmp_path):
    """A sum of the engine's is of 128 bits, which a file keeps as a float."""
    events = make_events([("a", "2025-01-05"), ("a", "2025-01-06")], **columns)
    path = tmp_path / "keys.parquet"
    engine.write(with_sessions(events, 30).select("session_key"), str(path))
    assert pq.read_schema(path).field("session_key").type == pa.int64()


def test_a_given_session_id_is_used_whatever_the_silence():
    rows = [("new", f"2025-01-05T{when}") for when in ("10:00", "12:00", "12:01")]
    assert sessions_of(rows, session_id=["s", "s", "t"]) == [0, 0, 1]


def test_sessionizing_keeps_every_event():
    active = active_rows()
    assert with_sessions(active, 30).count().execute() == active.count().execute() == 5


def test_events_that_the_app_logs_by_itself_are_no_activity():
    events = make_events(
        [("new", "2025-01-03"), ("new", "2025-01-05"), ("new", "2025-01-07")],
        event_type=["play", None, "push"],
    )
    active = make_active(events, USERS, WINDOW, ["push"])
    assert user_spans(active).to_dict("split")["data"] == [
        ["new", at("2025-01-03"), at("2025-01-05"), 2]
    ]


def test_a_passive_type_that_no_event_has_is_named():
    events = make_events([("new", "2025-01-03")], event_type=["play"])
    with pytest.raises(
        ReportError, match=r"names 'pusch', but no event has that type\. Types: play\."
    ):
        place(events, USERS, WINDOW, ["pusch"])


def test_what_users_did_by_type_is_summed_once():
    events = make_events(
        [("a", "2025-01-03"), ("a", "2025-01-05"), ("b", "2025-01-04")],
        event_type=["play", "play", None],
    )
    types = user_types(events)
    rows = engine.to_pandas(types.order_by("user_id")).fillna("-").to_numpy().tolist()
    assert rows == [
        ["a", "play", 2, at("2025-01-03"), at("2025-01-05")],
        ["b", "-", 1, at("2025-01-04"), at("2025-01-04")],
    ]
    assert user_types(types) is types
