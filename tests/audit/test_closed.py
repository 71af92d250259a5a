"""Days without any event: closed, or lost?"""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.audit.closed import empty_days, find_holes
from analysis.log.window import LogWindow
from tests.handmade import at as instant

START = "2024-06-03"  # a Monday
NO_SIGNUPS = pd.Series([], dtype="datetime64[us, UTC]")


def make_volume(days: int, empty=(), users: int = 50, start: str = START):
    """Return the volume of a log of so many days, with none on the days `empty`."""
    first = instant(start)
    table = pd.DataFrame({"number": range(days)})
    table["day"] = [first + pd.Timedelta(days=n) for n in table["number"]]
    table["day"] = table["day"].astype("datetime64[us, UTC]")
    table["day_number"] = [int(day.timestamp()) // 86_400 for day in table["day"]]
    table = table.assign(users=users, events=2 * users)
    kept = table[~table["number"].isin(list(empty))].drop(columns="number")
    return kept.reset_index(drop=True), LogWindow(first, first + pd.Timedelta(days=days))


def runs(days: int, empty=(), closed=(), **kind) -> pd.DataFrame:
    return empty_days(*make_volume(days, empty, **kind), closed)


def weekdays(days: int, *rest: int) -> list[int]:
    return [n for n in range(days) if n % 7 in rest]


def test_a_run_of_empty_days_in_a_full_log_is_a_hole():
    table = runs(200, range(100, 103))
    assert table[["days", "is_full", "is_rare", "is_asked"]].to_numpy().tolist() == [
        [3, True, True, True]
    ]
    (hole,) = find_holes(table, NO_SIGNUPS).itertuples()
    assert (hole.start, hole.end) == (instant("2024-09-11"), instant("2024-09-14"))


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (runs(200, [*weekdays(200, 5)]), "the product rests on Saturdays"),
        (runs(200, [*weekdays(200, 5, 6)]), "on weekends"),
        (runs(800, [*range(100, 110), *range(466, 474)]), "every year at that time"),
        (runs(300, range(204, 215)), "over Christmas: 24 December to 3 January"),
        (runs(200, range(100, 103), closed=["2024-09-11/2024-09-13"]), "it is given as closed"),
        (runs(200, [*range(40, 42), *range(100, 104)]), "another run is half as long"),
        (runs(200, [n for n in range(200) if n % 3]), "the log is empty more often than not"),
        (runs(200, [100], users=2), "a day without any of two users is chance"),
    ],
)
def test_days_on_which_the_product_rests_are_no_hole(table, why):
    assert find_holes(table, NO_SIGNUPS).empty, why


def daily_signups(first: int, last: int) -> "pd.Series[pd.Timestamp]":
    """Return one signup a day, but none on the days [first, last)."""
    kept = [n for n in range(200) if not first <= n < last]
    return pd.Series([instant(START) + pd.Timedelta(days=n) for n in kept])


@pytest.mark.parametrize(
    ("others", "signups", "holes"),
    [
        ([60], daily_signups(100, 114), 0),  # and nobody signs up
        ([60], daily_signups(100, 113), 1),  # one signs up when nobody can come
        ([], daily_signups(100, 114), 1),  # it never closes else
        ([60], NO_SIGNUPS, 1),
    ],
)
def test_a_product_that_closes_at_other_times_may_close_for_longer(others, signups, holes):
    table = runs(200, [*others, *range(100, 114)])
    assert len(find_holes(table, signups)) == holes


def test_a_day_of_rest_does_not_cut_a_run_in_two():
    rest = weekdays(200, 5)
    table = runs(200, {*rest, *range(100, 110)})
    assert table["days"].tolist() == [9]  # of ten days, without a Saturday


def test_given_days_are_not_asked_about_and_others_are():
    empty = [*range(60, 63), *range(100, 103)]
    table = runs(200, empty, closed=["2024-08-02/2024-08-04"])
    assert table[["is_given", "is_asked"]].to_numpy().tolist() == [[True, False], [False, True]]


@given(first=st.integers(30, 150), length=st.integers(1, 20))
def test_a_hole_is_found_with_its_days_wherever_it_lies(first, length):
    table = runs(200, range(first, first + length), start="2024-01-15")  # up to August, with Easter
    assert table["days"].sum() == length
    start = instant("2024-01-15") + pd.Timedelta(days=first)
    assert table["start"].tolist() == [start]
    assert table["end"].tolist() == [start + pd.Timedelta(days=length)]
