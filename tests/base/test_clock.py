from datetime import datetime
from zoneinfo import ZoneInfo

import ibis
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.base import clock, engine
from tests.handmade import at, instants, make_events

LISBON = "Europe/Lisbon"  # UTC in winter, one hour ahead from 2025-03-30T01:00Z to 10-26T01:00Z
SPRING = [
    "2025-03-29T23:59:59",
    "2025-03-30T00:59:59",
    "2025-03-30T01:00:00",
    "2025-03-30T22:59:59",
]


def days_of(texts, zone):
    events = make_events([("a", text) for text in texts])
    span = min(at(t) for t in texts), max(at(t) for t in texts)
    day = clock.local_day(events.event_at, zone, *span)
    table = engine.to_pandas(events.select("event_at", day=day).order_by("event_at"))
    return [str(pd.Timestamp(0) + pd.Timedelta(days=n))[:10] for n in table["day"]]


def test_utc_days_end_at_midnight():
    texts = ["2025-01-01T00:00", "2025-01-01T23:59:59.999999", "2025-01-02T00:00"]
    assert days_of(texts, "UTC") == ["2025-01-01", "2025-01-01", "2025-01-02"]


def test_days_before_1970_are_counted_down():
    assert days_of(["1969-12-31T23:59", "1970-01-01"], "UTC") == ["1969-12-31", "1970-01-01"]


def test_local_days_follow_the_clock_change():
    late = [*SPRING, "2025-03-30T23:00:00"]
    expected = ["2025-03-29", "2025-03-30", "2025-03-30", "2025-03-30", "2025-03-31"]
    assert days_of(late, LISBON) == expected


def test_a_placeholder_far_away_has_a_day_and_costs_no_rules():
    events = ["1900-01-01T12:00", "2025-07-01T23:30", "9999-12-31T12:00"]
    assert days_of(events[1:2] + events[:1], LISBON) == ["1900-01-01", "2025-07-02"]
    span = pd.Timestamp("1900-01-01", tz="UTC"), pd.Timestamp("9999-12-31", tz="UTC")
    rules = clock._offset_changes(LISBON, *span)
    assert len(rules) < 300
    assert rules == clock._offset_changes(LISBON, clock.FIRST, clock.LAST)


def test_local_seconds_jump_at_the_change_and_nowhere_else():
    events = make_events([("a", text) for text in SPRING])
    shown = clock.local_seconds(events.event_at, LISBON, at(SPRING[0]), at(SPRING[-1]))
    table = engine.to_pandas(events.select("event_at", shown=shown).order_by("event_at"))
    walls = [str(pd.Timestamp(s, unit="s"))[11:] for s in table["shown"]]
    assert walls == ["23:59:59", "00:59:59", "02:00:00", "23:59:59"]


@settings(max_examples=8, deadline=None)
@given(
    texts=st.lists(
        st.datetimes(datetime(2020, 1, 1), datetime(2026, 12, 31)), min_size=1, max_size=8
    ),
    zone=st.sampled_from(["UTC", LISBON, "America/Sao_Paulo", "Asia/Kathmandu", "America/Lima"]),
)
def test_days_agree_with_the_zone_database(texts, zone):
    moments = sorted({moment.replace(microsecond=0) for moment in texts})
    expected = [
        str(pd.Timestamp(moment, tz="UTC").astimezone(ZoneInfo(zone)).date()) for moment in moments
    ]
    assert days_of([moment.isoformat() for moment in moments], zone) == expected


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", "2025-07-01T00:00Z"),
        (LISBON, "2025-06-30T23:00Z"),
        ("America/Lima", "2025-07-01T05:00Z"),
    ],
)
def test_a_day_starts_at_its_local_midnight(zone, expected):
    day = (at("2025-07-01") - at("1970-01-01")).days
    assert clock.day_start(day, zone) == pd.Timestamp(expected)


def test_midnight_takes_a_bare_date_as_that_day_of_the_zone():
    given_ = instants(["2025-01-05", "2025-01-05T03:00", "2025-01-05T12:00", None])
    lima = clock.midnight(given_, "America/Lima")
    expected = instants(["2025-01-05T05:00", "2025-01-04T05:00", "2025-01-05T05:00", None])
    pd.testing.assert_series_equal(lima, expected)
    assert clock.midnight(given_, "UTC").tolist()[:3] == [at("2025-01-05")] * 3


def test_midnight_that_a_clock_change_skips_is_the_first_instant_after():
    # in Santiago the clock went from 24:00 of 2025-09-06 to 01:00 of 2025-09-07
    found = clock.midnight(instants(["2025-09-07"]), "America/Santiago")
    assert found[0] == at("2025-09-07T04:00")


def test_months_are_those_of_the_zone():
    moments = instants(["2025-02-01T04:59:59", "2025-02-01T05:00", "2025-03-01"])
    assert clock.month(moments, "America/Lima").tolist() == ["2025-01", "2025-02", "2025-02"]
    assert clock.month(moments, "UTC").tolist() == ["2025-02", "2025-02", "2025-03"]


@pytest.mark.parametrize(
    ("name", "zone", "start", "end"),
    [
        ("2024-02", "UTC", "2024-02-01T00:00Z", "2024-03-01T00:00Z"),
        ("2025-12", "UTC", "2025-12-01T00:00Z", "2026-01-01T00:00Z"),
        ("2025-03", LISBON, "2025-03-01T00:00Z", "2025-03-31T23:00Z"),
        ("2026-11", "America/Havana", "2026-11-01T04:00Z", "2026-12-01T05:00Z"),  # midnight twice
        ("2023-10", "America/Asuncion", "2023-10-01T04:00Z", "2023-11-01T03:00Z"),  # none
    ],
)
def test_a_month_spans_from_its_first_instant_to_that_of_the_next(name, zone, start, end):
    assert clock.month_span(name, zone) == (pd.Timestamp(start), pd.Timestamp(end))


def test_local_days_are_whole_numbers_for_any_engine():
    events = make_events([("a", "2025-01-01")])
    day = clock.local_day(events.event_at, "UTC", at("2025-01-01"), at("2025-01-02"))
    assert day.type() == ibis.dtype("int64")
