import numpy as np
import pandas as pd
import pytest

from analysis.base import clock, engine
from analysis.base.errors import ReportError
from analysis.contract.inputs import EVENTS
from analysis.log import window as logwindow
from analysis.log.events import clean_events
from analysis.log.raw import read_raw
from tests.handmade import NO_REAL_LOGS, REAL_LOGS, at, find_window, make_events

FIRST = at("2025-01-01")
EPOCH_DAY = 20_089  # 2025-01-01
LATE = 86_300  # the last event of a day comes 100 seconds before its end


def make_daily(counts, last_seconds=None, first_day=EPOCH_DAY, opening=100):
    """Return the daily volume with these counts; days with 0 events have no row. Users are as many
    as events; the first day begins `opening` seconds after midnight, all others 100.
    """
    last = last_seconds or [LATE] * len(counts)
    table = pd.DataFrame({"day_number": range(first_day, first_day + len(counts)),
                          "events": counts, "users": counts, "last_second": last,
                          "first_second": [opening] + [100] * (len(counts) - 1)})  # fmt: skip
    return table[table["events"] > 0].reset_index(drop=True)


def window_days(counts, last_seconds=None, opening=100):
    """Return how many days after 2025-01-01 the inferred window starts and ends."""
    daily = make_daily(counts, last_seconds, opening=opening)
    window = logwindow.infer_log_window(daily)
    return (window.start - FIRST).days, (window.end - FIRST).days


def test_the_daily_volume_by_hand():
    events = make_events([
        ("a", "2025-01-01T00:00"), ("b", "2025-01-01T23:59:59.9"), ("a", "2025-01-03T12:00"),
        ("a", "2025-01-03T12:01"),
    ])  # fmt: skip
    expected = pd.DataFrame(
        {
            "day_number": [EPOCH_DAY, EPOCH_DAY + 2],
            "day": pd.Series([FIRST, at("2025-01-03")], dtype="datetime64[us, UTC]"),
            "events": [2, 2],
            "users": [2, 1],
            "first_second": [0, 43_200],
            "last_second": [86_399, 43_260],
        }
    )
    pd.testing.assert_frame_equal(logwindow.daily_volume(events), expected, check_dtype=False)


def test_an_event_of_nobody_is_an_event_and_no_user():
    events = make_events([("a", "2025-01-05"), ("a", "2025-01-05"), (None, "2025-01-05")])
    assert logwindow.daily_volume(events)[["events", "users"]].to_numpy().tolist() == [[3, 1]]


def test_the_daily_volume_counts_days_of_the_zone():
    events = make_events([("a", "2025-01-01T04:59"), ("a", "2025-01-01T05:00")])
    daily = logwindow.daily_volume(events, "America/Lima")
    assert daily["day"].tolist() == [at("2024-12-31T05:00"), at("2025-01-01T05:00")]
    assert daily["last_second"].tolist() == [86_340, 0]


def test_a_steady_log_is_covered_whole():
    assert window_days([100] * 20) == (0, 20)


NOON = 43_200


@pytest.mark.parametrize(
    ("edge", "opening", "starts"),
    [(49, NOON, 1), (50, NOON, 0), (49, 100, 0), (8, NOON, 0), (9, NOON, 1)],
)  # of 8 users all come after noon by chance once in 256 times, of 9 once in 512
def test_a_first_day_is_left_out_if_it_is_small_and_begins_too_late_for_its_users(
    edge, opening, starts
):
    assert window_days([edge] + [100] * 20, opening=opening) == (starts, 21)


@pytest.mark.parametrize("ramp", [[3, 20, 45], [4, 10, 1, 4, 12, 0, 1, 2], [1, 0, 0, 2, 5, 30]])
def test_days_of_launch_are_days_of_the_log(ramp):
    assert window_days(ramp + [100] * 20, opening=62_000)[0] == 0


@pytest.mark.parametrize(("edge", "ends"), [(49, 20), (50, 21)])
def test_a_last_day_below_half_of_its_neighbours_is_left_out(edge, ends):
    assert window_days([100] * 20 + [edge]) == (0, ends)


WEEK = [1_000] * 5 + [60, 50]


def test_a_weekend_as_quiet_as_others_is_covered():
    assert window_days(WEEK * 5) == (0, 35)
    assert window_days(WEEK * 4 + WEEK[:6]) == (0, 34)
    assert window_days([60, 50, *WEEK, *WEEK, *WEEK]) == (0, 23)


def test_a_quiet_working_day_is_left_out_for_all_that():
    assert window_days(WEEK * 5 + [400]) == (0, 35)
    assert window_days([1_000] * 20 + [60, 50]) == (0, 20)  # not quiet in other weeks


def test_several_partial_days_are_left_out_at_the_end():
    assert window_days([100] * 20 + [40, 10]) == (0, 20)


def test_a_product_that_shrinks_fast_loses_a_week_at_most():
    shrinks = [round(1_000 * 0.8**day) for day in range(30)]
    assert window_days([1_000] * 20 + shrinks)[1] >= 50 - 8


def test_a_day_half_as_full_as_chance_allows_stays():
    counts = [16] * 20 + [4]  # the usual deviation is 4: 16 - 4 x 4 = 0 is not undershot
    assert window_days(counts) == (0, 21)
    assert window_days([100] * 20 + [3]) == (0, 20)


@pytest.mark.parametrize(("silence", "ends"), [(600, 21), (601, 20)])
def test_a_last_day_that_ends_in_six_times_the_usual_silence_is_left_out(silence, ends):
    seconds = [LATE] * 20 + [86_400 - silence]
    assert window_days([100] * 21, seconds) == (0, ends)


def test_a_last_day_that_ends_earlier_than_99_days_before_is_left_out():
    # a shop that closes at six: on the last day at one
    seconds = [64_000 + 100 * (day % 7) for day in range(100)]
    assert window_days([100] * 100, [*seconds[:99], 63_999]) == (0, 99)
    assert window_days([100] * 100, [*seconds[:99], 64_000]) == (0, 100)
    assert window_days([100] * 99, [*seconds[:98], 50_000]) == (0, 99)  # 98 days tell too little


@pytest.mark.parametrize(("usual", "ends"), [(20, 21), (19, 20)])
def test_a_last_day_of_which_a_tenth_may_be_missing_is_left_out(usual, ends):
    assert window_days([usual] * 21, [LATE] * 20 + [86_400 - 200]) == (0, ends)


def test_dates_without_times_tell_a_whole_day_by_its_events():
    assert window_days([10] * 21, [0] * 21) == (0, 21)
    assert window_days([9] * 21, [0] * 21) == (0, 20)


def test_silence_at_the_end_of_the_first_day_says_nothing():
    assert window_days([100] * 21, [60_000] + [LATE] * 20) == (0, 21)


def test_a_growing_log_is_not_cut():
    counts = [round(20 * 1.06**day) for day in range(60)]
    assert window_days(counts) == (0, 60)


def test_a_hole_inside_the_log_does_not_shorten_it():
    assert window_days([100] * 15 + [0] * 5 + [100] * 15) == (0, 35)


@pytest.mark.parametrize("far", [400, -400])
def test_a_stray_event_years_away_says_nothing(far):
    steady = make_daily([100] * 30)
    stray = make_daily([1], first_day=EPOCH_DAY + far)
    daily = pd.concat([steady, stray]).sort_values("day_number", ignore_index=True)
    window = logwindow.infer_log_window(daily)
    assert (window.start, window.end) == (FIRST, at("2025-01-31"))


@pytest.mark.parametrize(
    ("share", "gap", "is_out"), [(0.009, 30, True), (0.011, 30, False), (0.009, 25, False)]
)
@pytest.mark.parametrize("is_late", [True, False])
def test_few_events_beyond_weeks_without_any_are_no_part_of_the_log(share, gap, is_out, is_late):
    steady, few = [100] * 60, [round(share * 6_000 / 3)] * 3
    between = [0] * (gap - 1)
    counts = [*steady, *between, *few] if is_late else [*few, *between, *steady]
    daily = make_daily(counts)
    daily["day"] = [clock.day_start(number, "UTC") for number in daily["day_number"]]
    window = logwindow.infer_log_window(daily)
    days = (window.start - FIRST).days, (window.end - FIRST).days
    first = 0 if is_late else gap + 2
    assert (days == (first, first + 60)) == is_out
    assert logwindow.is_apart(daily, window).sum() == (3 if is_out else 0)


def test_a_log_of_many_small_parts_is_a_log():
    # of the last day nobody can say whether it is whole
    assert window_days(([1] + [0] * 30) * 120 + [1]) == (0, 31 * 120)


@pytest.mark.parametrize(("away", "ends"), [(1, 60), (3, 60), (10, 60), (20, 60)])
def test_a_few_events_beyond_a_gap_such_as_the_log_has_none_are_no_part_of_it(away, ends):
    after = [0] * (away - 1) + [1]
    assert window_days([100] * 60 + after) == (0, ends)
    assert window_days([100] * 60 + [0, 0, 1, 0, 0, 0, 0, 1]) == (0, 60)


def test_a_product_that_fades_out_ends_with_its_last_event():
    fades = [100] * 200 + [50] * 60 + [9] * 60 + [0] * 40 + [1] + [0] * 100 + [2] + [0] * 200 + [1]
    assert window_days(fades) == (0, len(fades) - 1)
    # it stops at once: an event months later is stray
    assert window_days([100] * 200 + [0] * 100 + [2]) == (0, 200)
    # as is one that lies further away than the log is long
    assert window_days(fades + [0] * 1_000 + [1]) == (0, len(fades) - 1)


def test_the_days_outside_are_apart_beyond_a_week():
    daily = make_daily([0] * 3 + [1] + [0] * 8 + [1] + [0] * 6 + [5] * 10 + [1] + [0] * 7 + [1])
    daily["day"] = [clock.day_start(number, "UTC") for number in daily["day_number"]]
    window = logwindow.LogWindow(FIRST + pd.Timedelta(days=20), FIRST + pd.Timedelta(days=29))
    apart = daily["day_number"][logwindow.is_apart(daily, window)] - EPOCH_DAY
    assert apart.tolist() == [3, 37]  # 12 is within a week of the days before 20


def test_given_ends_are_used_as_they_are():
    start, end = at("2025-01-03T06:00"), at("2025-01-09")
    window = logwindow.infer_log_window(make_daily([100] * 20), "UTC", start, end)
    assert (window.start, window.end, window.days) == (start, end, 5.75)
    only_end = logwindow.infer_log_window(make_daily([100] * 20), log_end=end)
    assert (only_end.start, only_end.end) == (FIRST, end)


def test_the_window_starts_and_ends_at_midnight_of_the_zone():
    window = logwindow.infer_log_window(make_daily([100] * 20), "America/Lima")
    assert (window.start, window.end) == (at("2025-01-01T05:00"), at("2025-01-21T05:00"))


def test_an_empty_window_names_both_ends_and_the_remedy():
    end = at("2025-01-01")
    with pytest.raises(
        ReportError, match="log window is empty: log_start .* Correct log_start or log_end"
    ):
        logwindow.infer_log_window(make_daily([100] * 20), log_start=end, log_end=end)


@pytest.mark.parametrize(
    ("start", "end"), [("2025-01-21", "2025-03-01"), ("2024-12-01", "2025-01-01")]
)
def test_a_window_beyond_all_events_is_an_error(start, end):
    with pytest.raises(ReportError, match="no event lies between log_start .* Correct log_start"):
        logwindow.infer_log_window(make_daily([100] * 20), "UTC", at(start), at(end))
    longer = at(end) + pd.Timedelta(days=1), at(start) - pd.Timedelta(days=1)
    window = logwindow.infer_log_window(make_daily([100] * 20), "UTC", longer[1], longer[0])
    assert (window.end, window.start) == longer


def test_one_day_is_a_window():
    assert window_days([5]) == (0, 1)


def test_the_window_of_a_log_cut_on_its_last_morning():
    rng = np.random.default_rng(1)
    minutes = np.sort(rng.choice(20 * 1440 + 480, 6000, replace=False))
    rows = [("a", str(FIRST + pd.Timedelta(minutes=int(m)))) for m in minutes]
    window = find_window(make_events(rows))
    assert (window.start, window.end) == (FIRST, at("2025-01-21"))


def test_the_window_of_given_texts():
    events = make_events([("a", "2025-01-01"), ("a", "2025-01-05")])
    window = find_window(events, "2024-12-31T19:00-05:00", "2025-01-06")
    assert (window.start, window.end) == (at("2025-01-01"), at("2025-01-06"))


WINDOWS = {
    "ruff-commits": ("2022-08-09", "2026-08-22"),
    "angularjs-commits": ("2010-01-06", "2024-04-12"),
    "nycflights-planes": ("2013-01-01", "2014-01-01"),
    "opendata-stackexchange": ("2013-05-08", "2017-08-27"),
    "uk-retail-orders": ("2009-12-01", "2011-12-09"),
    "nycflights-planes-lost-third": ("2013-01-01", "2014-01-01"),
    "uk-retail-orders-stacked": ("2009-12-01", "2011-12-09"),
}
"""The days that each real log covers whole, as established by hand: README there."""


@pytest.mark.skipif(not REAL_LOGS.exists(), reason=NO_REAL_LOGS)
@pytest.mark.parametrize(("name", "days"), WINDOWS.items())
def test_the_windows_of_real_logs(name, days):
    path = next((REAL_LOGS / name).glob("events.*"))
    raw = read_raw(engine.connect(), str(path), "events", EVENTS, {})
    window = find_window(clean_events(raw, "UTC").table)
    assert (window.start, window.end) == tuple(at(day) for day in days)
