"""Unknown days inside a log: what is left out, and how far that moves survival."""

import pandas as pd
import pytest

from analysis.base import clock, engine
from analysis.contract import suspects
from analysis.log.window import LogWindow
from analysis.summary.recomputed import figures, without
from analysis.summary.stretches import known_days, second_gaps
from tests.handmade import ROLES, at, make_events, make_log, make_users, make_window
from tests.summary.test_materiality import evidence

WINDOW = make_window("2025-01-01", "2025-01-31")  # 30 days
FIRST = (at("2025-01-01") - at("1970-01-01")) // clock.DAY


def spans(*days: tuple[str, str]) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    return [(at(f"2025-01-{start}"), at(f"2025-01-{end}")) for start, end in days]


@pytest.mark.parametrize(
    ("unknown", "gaps"),
    [
        ([("10", "13")], [("13", "16")]),
        ([("26", "28")], [("28", "30")]),
        ([("25", "28")], [("22", "25")]),  # nothing would follow it
        ([("11", "21")], None),  # no room: ten days on either side
        ([("20", "31")], None),  # the log does not go on
        ([("01", "05")], None),  # nor does it begin before
        ([("10", "12"), ("13", "14")], [("08", "10"), ("14", "15")]),  # the 13th is unknown
        ([("10", "12"), ("14", "16")], [("12", "14"), ("16", "18")]),
        ([("10", "12"), ("15", "17"), ("18", "19")], None),  # no room for the second
    ],
)
def test_as_many_known_days_again_beside_a_gap(unknown, gaps):
    found = second_gaps(spans(*unknown), WINDOW)
    assert found == (None if gaps is None else spans(*gaps))


def days_left(*unknown: tuple[str, str], recorded: bool = False) -> tuple[list[int], LogWindow]:
    """Return the days of January that are left, where a user comes on each that is known, and on
    the unknown ones too if some of their events are `recorded`.
    """
    gone = spans(*unknown)
    days = [
        FIRST + n - 1
        for n in range(1, 31)
        if recorded or not any(start <= at(f"2025-01-{n:02}") < end for start, end in gone)
    ]
    table = engine.from_pandas(pd.DataFrame({"local_day": days}))
    longest = LogWindow(at("2025-01-01"), at("2025-01-11"))
    left, window = known_days(table, WINDOW, longest, gone, "UTC")
    return sorted(n - FIRST + 1 for n in engine.to_pandas(left)["local_day"]), window


def test_days_beside_each_gap_are_left_out_and_the_window_stays():
    days, window = days_left(("05", "06"), ("10", "12"))
    assert days == [n for n in range(1, 31) if n not in (5, 6, 10, 11, 12, 13)]
    assert window == WINDOW


def test_days_in_a_row_are_one_gap():
    days, window = days_left(("06", "07"), ("05", "06"))
    assert days == [n for n in range(1, 31) if n not in (5, 6, 7, 8)]
    assert window == WINDOW


def test_days_on_which_something_was_recorded_are_no_gap():
    days, window = days_left(("15", "16"), recorded=True)
    assert days == [*range(1, 11)]
    assert (window.start, window.end) == (at("2025-01-01"), at("2025-01-11"))


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
def test_a_gap_of_local_days_on_the_other_side_of_a_clock_change(zone):
    """Every hour of half a year has an event, but for a week in February."""
    start, end, lost, again = (
        pd.Timestamp(day, tz=zone).tz_convert("UTC")
        for day in ("2025-01-01", "2025-07-01", "2025-02-10", "2025-02-17")
    )
    times = pd.date_range(start, end, freq="h", inclusive="left")
    times = times[(times < lost) | (times >= again)]
    users = make_users({"a": "2025-01-01"})
    window = LogWindow(start, end)
    log = make_log(make_events([("a", str(at)) for at in times]), users, window, zone)
    left, kept = known_days(log.user_days, window, LogWindow(again, end), [(lost, again)], zone)
    assert kept == window
    days = pd.to_datetime(engine.to_pandas(left)["local_day"], unit="D")
    out = pd.date_range("2025-01-01", "2025-06-30").difference(days)
    assert out.equals(pd.date_range("2025-02-10", "2025-02-23"))


@pytest.mark.parametrize("other", [(), (("05", "06"),)])
def test_of_a_log_that_ends_unknown_the_longest_stretch_is_left(other):
    days, window = days_left(("11", "31"), *other)
    assert set(days) <= {*range(1, 11)}
    assert (window.start, window.end) == (at("2025-01-01"), at("2025-01-11"))


def test_a_lost_day_does_not_move_survival_of_users_who_come_rarely():
    """Both come every 70 days. A shorter log would take their pauses for ends (two horizons)."""
    window = make_window("2025-01-01", "2026-01-01")
    start = pd.Timestamp("2025-01-01T09:00Z")
    rows = [
        (user, str(start + pd.Timedelta(days=first + n)))
        for user, first in (("a", 0), ("b", 5))
        for n in range(0, 355, 70)
    ]
    users = make_users({"a": "2025-01-01", "b": "2025-01-06"})
    log = make_log(make_events(rows), users, window)
    whole = evidence(users=users, user_days=log.user_days, window=window)
    typed = {"window": window, "zone": "UTC", "roles": ROLES, "gap_minutes": 30}
    lost = suspects.span(at("2025-05-25"), at("2025-05-26"))
    found = figures(without(whole, suspects.join([lost]), log.events, typed))
    assert found["survival_90"] == figures(whole)["survival_90"] == 1


def test_a_lost_day_is_judged_in_the_month_that_is_reported():
    """All come once a day in January and twice a day in February, of which a day is lost."""
    window = make_window("2025-01-01", "2025-03-01")
    twice = [f"2025-02-{day:02d}T21:00" for day in range(1, 29)]
    times = [*pd.date_range("2025-01-01T09:00", "2025-02-28T09:00").astype(str), *twice]
    times = [time for time in times if not time.startswith("2025-02-10")]
    people = [f"u{n}" for n in range(40)]
    users = make_users(dict.fromkeys(people, "2025-01-01"))
    log = make_log(make_events([(user, at) for user in people for at in times]), users, window)
    whole = evidence(users=users, user_days=log.user_days, window=window)
    typed = {"window": window, "zone": "UTC", "roles": ROLES, "gap_minutes": 30}
    lost = suspects.span(at("2025-02-10"), at("2025-02-11"))
    found = figures(without(whole, suspects.join([lost]), log.events, typed))
    assert figures(whole)["kpi_sessions_per_user"] == 54
    assert found["kpi_sessions_per_user"] == 52  # without the day beside it; January had 31
