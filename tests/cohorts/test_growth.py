"""Growth accounting: who is new, retained, resurrected or lost, and that it adds up."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.cohorts.growth import monthly_growth
from tests.handmade import make_events, make_log, make_users, make_window

SIGNED = {"old": "2024-06-01", "back": "2024-07-01", "jan": "2025-01-10", "late": "2025-01-20"}
VISITS = {
    "old": ["2025-01-05", "2025-02-05", "2025-03-05", "2025-04-05"],
    "back": ["2025-01-31", "2025-03-01", "2025-03-31"],  # lost in February, back in March
    "jan": ["2025-01-10", "2025-01-11", "2025-02-28"],  # new in January, lost in March
    "late": ["2025-03-15"],  # signed up in January, seen for the first time in March
}
COUNTS = ["active_users", "new_users", "retained_users", "resurrected_users", "first_seen_users",
          "lost_users"]  # fmt: skip


def grow(start="2025-01-01", end="2025-05-01", zone="UTC", visits=VISITS, signed=SIGNED):
    window = make_window(start, end)
    moments = [(user, day) for user, days in visits.items() for day in days]
    log = make_log(make_events(moments), make_users(signed), window, zone)
    return monthly_growth(log.user_days, log.users, window, zone).set_index("month")


def rows(table, columns=COUNTS):
    values = table[columns].astype(object)
    return {month: [None if pd.isna(v) else v for v in row] for month, *row in
            values.itertuples(name=None)}  # fmt: skip


def test_the_months_by_hand():
    table = grow()
    assert rows(table) == {
        "2025-01": [3, 1, None, None, None, None],  # nobody knows who was active in December
        "2025-02": [2, 0, 2, 0, 0, 1],
        "2025-03": [3, 0, 1, 2, 1, 1],
        "2025-04": [1, 0, 1, 0, 0, 2],
    }
    assert table["is_complete"].tolist() == [False, True, True, True]
    assert table["quick_ratio"].tolist()[1:] == [0.0, 2.0, 0.0]


def test_a_month_that_is_covered_in_part_has_no_flows_nor_the_one_after_it():
    table = grow(start="2025-01-02", end="2025-04-20")
    assert table["is_complete"].tolist() == [False, False, True, False]
    assert rows(table)["2025-04"] == [1, 0, None, None, None, None]
    assert table.loc["2025-04", "quick_ratio"] != table.loc["2025-04", "quick_ratio"]


def test_a_month_in_which_nobody_came_is_listed():
    table = grow(visits={"old": ["2025-01-05", "2025-04-30"]})
    assert rows(table)["2025-02"] == [0, 0, 0, 0, 0, 1]
    assert rows(table)["2025-03"] == [0, 0, 0, 0, 0, 0]
    assert rows(table)["2025-04"] == [1, 0, 0, 1, 0, 0]
    assert pd.isna(table.loc["2025-04", "quick_ratio"])


def test_months_are_those_of_the_zone():
    visits = {"old": ["2025-02-01T03:00", "2025-03-05"]}  # still January in Bogota
    table = grow("2025-01-01T05:00", "2025-04-01T05:00", "America/Bogota", visits)
    assert rows(table, ["active_users"]) == {"2025-01": [1], "2025-02": [0], "2025-03": [1]}
    assert table["is_complete"].tolist() == [False, True, True]


DAYS = pd.date_range("2025-01-01", "2025-08-31").strftime("%Y-%m-%d").tolist()


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from("abcdefgh"),
        st.tuples(
            st.sampled_from(["2024-05-01", *DAYS]), st.lists(st.sampled_from(DAYS), min_size=1)
        ),
        min_size=1,
    ),
    st.sampled_from(["UTC", "Asia/Tokyo", "America/Bogota"]),
)
def test_the_months_add_up(people, zone):
    signed = {user: signup for user, (signup, _) in people.items()}
    visits = {user: days for user, (_, days) in people.items()}
    table = grow("2025-01-01", "2025-09-01", zone, visits, signed)
    whole = table[table["is_complete"]]
    parts = whole["new_users"] + whole["retained_users"] + whole["resurrected_users"]
    assert parts.tolist() == whole["active_users"].tolist()
    before = table["active_users"].shift()[table["is_complete"]]
    assert (whole["retained_users"] + whole["lost_users"]).tolist() == before.tolist()
    assert (whole["first_seen_users"] <= whole["resurrected_users"]).all()


def test_the_definition_holds_for_a_user_without_a_signup_date():
    table = grow(signed={**SIGNED, "old": None})  # whose events are no activity
    assert table["active_users"].tolist() == pytest.approx([2, 1, 2, 0])
