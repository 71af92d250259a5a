"""Events that were logged twice."""

from functools import partial

import pandas as pd

from analysis.audit import repeats
from analysis.contract.checks import Verdict
from tests.audit.judging import NO_RULES, by_share, rule_rows
from tests.checking import Case
from tests.handmade import make_events


def test_a_repeated_event_differs_in_nothing_but_its_identifier():
    others = [("c", f"2025-01-05T10:00:0{n}") for n in range(1, 6)]
    events = make_events(
        [("a", "2025-01-05")] * 4 + [("b", "2025-01-05")] + others,
        event_uuid=[str(n) for n in range(10)],
        session_id=["s", "s", "s", "t", "s", *"uvwxy"],
        event_type=["play", "play", "next", "play", "play", *["play"] * 5],
    )
    row = repeats.repeat_rules(events).set_index("rule").loc[repeats.TWICE]
    assert row[["checked", "broken", "sample"]].tolist() == [10, 1, "a"]


def said_again(times: list[str], rule: str, **columns: list[str]) -> tuple[int, int]:
    """Return how many events of one user and session at these times on one day are looked at, and
    how many repeat by the rule; they are of one type unless `columns` say otherwise.
    """
    events = make_events(
        [("a", f"2025-01-05T{when}") for when in times],
        **{"event_type": ["play"] * len(times), "session_id": ["s"] * len(times)} | columns,
    )
    row = repeats.repeat_rules(events).set_index("rule").loc[rule]
    return int(row["checked"]), int(row["broken"])


def test_a_near_copy_repeats_the_event_before_within_two_seconds():
    times = ["10:00:00", "10:00:02", "10:00:30", "10:00:45", "10:00:32", "10:00:33"]
    types = ["play"] * 4 + ["next"] * 2
    assert said_again(times, repeats.NEAR, event_type=types) == (6, 2)


def test_repeats_in_a_stream_are_no_copies():
    stream = [f"10:00:{n:02d}" for n in range(40)]
    assert said_again(stream, repeats.NEAR) == (40, 0)
    assert said_again([*stream, "11:00:00", "11:00:01"], repeats.NEAR) == (42, 0)
    types = ["scroll"] * 40 + ["play"] * 2  # one that scrolls says nothing of other types
    assert said_again([*stream, "11:00:00", "11:00:01"], repeats.NEAR, event_type=types) == (42, 1)


def test_repeats_as_frequent_a_little_later_are_chance():
    hours = range(1, 21)
    near = [time for h in hours for time in (f"{h:02d}:00:00", f"{h:02d}:00:01")]
    later = [time for h in hours for time in (f"{h:02d}:30:00", f"{h:02d}:30:03")]
    # 20 repeats within two seconds; with one at three seconds, 1 + 3 * 1 of them are chance's
    assert said_again(near, repeats.NEAR) == (40, 20)
    assert said_again([*near, *later[:2]], repeats.NEAR) == (42, 16)
    assert said_again([*near, *later], repeats.NEAR) == (80, 0)


def test_a_copy_some_half_hours_later_is_found():
    times = ["10:00:00.123", "16:00:00.123", "16:10:00", "16:40:07"]
    assert said_again(times, repeats.SHIFTED) == (4, 1)


def test_events_of_one_minute_look_alike_where_times_are_whole_minutes():
    events = make_events(
        [("a", f"2025-01-05T10:{n:02d}") for n in (1, 1, 2, 2, 5, 35)], session_id=["s"] * 6
    )
    rules = repeats.repeat_rules(events).set_index("rule")["broken"]
    assert rules.to_dict() == {repeats.SHIFTED: 1}  # 10:35, half an hour after 10:05


def test_copies_are_counted_where_times_are_whole_seconds():
    others = [f"11:{n:02d}:{n:02d}" for n in range(10)]
    assert said_again(["10:00:00"] * 3 + others, repeats.TWICE) == (13, 2)
    assert said_again(["10:00:00"] * 2 + ["10:00:01", *others], repeats.TWICE) == (13, 0)


def test_repeats_are_not_counted_among_taps_nor_of_dates():
    taps = make_events([("a", "2025-01-05T10:00:00"), ("a", "2025-01-05T10:00:01")])
    assert repeats.repeat_rules(taps)["rule"].tolist() == [repeats.TWICE]
    dates = make_events([("a", "2025-01-05"), ("a", "2025-01-06")], session_id=["s", "s"])
    assert repeats.repeat_rules(dates).empty
    older = ["00:00:00"] * 101  # a part of the log that knows dates alone
    fine = ["10:00:00", "10:00:00", *(f"{11 + n // 60}:{n % 60:02d}:07" for n in range(150))]
    assert said_again([*older, *fine], repeats.TWICE) == (152, 1)


def logged_twice(exact: int, near: int = 0, shifted: int = 0) -> Verdict:
    """Judge repeats of 1,000 events: at once, a moment later, and some half hours later."""
    counts = {repeats.TWICE: exact, repeats.NEAR: near, repeats.SHIFTED: shifted}
    rows = [rule_rows(rule, count) for rule, count in counts.items()]
    return repeats.double_logging(pd.concat(rows, ignore_index=True))


CASES = [
    *by_share("double_logging", logged_twice, {"fail": 50, "warn": 1}),
    *by_share("double_logging", partial(logged_twice, 0), {"fail": 50, "warn": 6}),
    *by_share("double_logging", partial(logged_twice, 0, 0), {"fail": 50, "warn": 11}),
    Case("double_logging", "not_applicable", lambda: repeats.double_logging(NO_RULES)),
]
