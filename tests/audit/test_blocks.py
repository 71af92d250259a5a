"""Days on which nearly every row stands there twice."""

from typing import Any

import ibis
import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.audit import blocks, latency, repeats
from analysis.base import clock
from tests.handmade import make_events, make_window

WINDOW = make_window("2025-01-01", "2025-02-01")
USERS_A_DAY, DAYS = 5, 20


def rows_of(days: range) -> list[tuple[str, str, str]]:
    """Return user, time and content of two events of each user on these days of January."""
    return [
        (f"u{user}", f"2025-01-{day:02d}T{hour}:{user:02d}", f"{user}-{day}-{hour}")
        for day in days
        for user in range(USERS_A_DAY)
        for hour in (10, 11)
    ]


def doubled(rows: list[tuple[str, str, str]], zone: str = "UTC") -> list[tuple[str, str, int, int]]:
    """Return first day, last day, copies and users of the blocks."""
    found = blocks.doubled_days(blocks.user_days(events_of(rows), WINDOW, zone))
    ends = (found[name].map(clock.day_text) for name in ("start_day", "end_day"))
    return list(zip(*ends, found["copies"], found["users"], strict=True))


def events_of(rows: list[tuple[str, str, str]]) -> ibis.Table:
    """Return the events of these rows."""
    times, said = [(user, when) for user, when, _ in rows], [content for *_, content in rows]
    return make_events(times, properties=said)


def exact_copies(rows: list[tuple[str, str, str]], columns: dict[str, list[str]]) -> dict[str, Any]:
    events = events_of(rows)
    return repeats.exact_copies(
        events, blocks.user_days(events, WINDOW, "UTC"), columns, latency.clock_times(events), True
    )


WHOLE = rows_of(range(1, 1 + DAYS))


def test_two_exports_that_overlap_are_found_with_their_days():
    rows = WHOLE + rows_of(range(7, 10))
    assert doubled(rows) == [("2025-01-07", "2025-01-09", 30, 5)]
    found = blocks.doubled_days(blocks.user_days(events_of(rows), WINDOW, "UTC"))
    suspected = blocks.block_surplus(events_of(rows), found, WINDOW, "UTC")
    assert (suspected["kind"] == "surplus").all()
    assert suspected["amount"].tolist() == [2.0] * 15  # two events a user, five users, three days
    assert suspected["start"].min() == pd.Timestamp("2025-01-07", tz="UTC")
    assert suspected["end"].max() == pd.Timestamp("2025-01-10", tz="UTC")


def test_a_day_that_is_in_both_exports_in_part_belongs_to_the_block():
    part = [row for row in rows_of(range(10, 11)) if row[0] != "u0"]
    assert doubled(WHOLE + rows_of(range(7, 10)) + part) == [("2025-01-07", "2025-01-10", 38, 5)]


def test_days_of_the_zone_are_named():
    late = [(user, when.replace("T1", "T2"), said) for user, when, said in WHOLE]  # 20 and 21 h
    again = [row for row in late if row[1][8:10] in ("07", "08", "09")]
    assert doubled(late + again, "Asia/Tokyo") == [("2025-01-08", "2025-01-10", 30, 5)]


def test_a_log_loaded_twice_is_found_although_no_other_days_are_left():
    found = blocks.doubled_days(blocks.user_days(events_of(WHOLE * 2), WINDOW, "UTC"))
    assert found[["copies", "events", "is_whole"]].to_numpy().tolist() == [[200, 400, True]]


def test_an_event_that_users_repeat_is_doubled_with_its_repeat():
    natural = [WHOLE[60]]  # twice in truth, on 7 January
    rows = WHOLE + natural + rows_of(range(7, 10)) + natural
    assert doubled(rows) == [("2025-01-07", "2025-01-09", 31, 5)]


def test_healthy_logs_have_no_such_days():
    assert doubled(WHOLE) == []
    rng = np.random.default_rng(1)
    few = [WHOLE[n] for n in rng.choice(len(WHOLE), 60, replace=False)]
    assert doubled(WHOLE + few) == []  # copies here and there
    assert doubled(WHOLE + rows_of(range(7, 8))) == []  # five users on one day: too few
    lonely = [("bot", f"2025-01-{day}T10:00", "x") for day in range(21, 31)]
    assert doubled(WHOLE + lonely * 2) == []  # days of one user who does all twice


@settings(max_examples=15, deadline=None)
@given(first=st.integers(2, DAYS - 4), length=st.integers(2, 4), changed=st.integers(0, 10**6))
def test_a_block_is_always_counted_and_a_changed_value_makes_no_copy(first, length, changed):
    again = rows_of(range(first, first + length))
    columns = {"content": ["properties"], "not_content": ["event_uuid"]}
    ends = (f"2025-01-{first:02d}", f"2025-01-{first + length - 1:02d}")
    assert doubled(WHOLE + again) == [(*ends, len(again), USERS_A_DAY)]
    assert exact_copies(WHOLE + again, columns)["copies"] == len(again)
    at = changed % len(again)
    again[at] = (*again[at][:2], "another rating")
    assert exact_copies(WHOLE + again, columns)["copies"] == len(again) - 1
