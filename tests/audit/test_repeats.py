"""Events that were logged twice."""

from functools import partial
from typing import Any

import pandas as pd

from analysis.audit import blocks, repeat_rules, repeats
from analysis.audit.repeat_rules import instants_of, keys_of
from analysis.audit.shared_events import shared_events
from analysis.audit.shifted import with_chance
from analysis.base import engine
from analysis.contract import suspects
from analysis.contract.checks import Verdict
from analysis.log import content
from tests.audit.judging import LOG, NO_RULES, by_share, rule_rows
from tests.checking import Case
from tests.handmade import at, make_events


def test_a_repeated_event_differs_in_nothing_but_its_identifier():
    others = [("c", f"2025-01-05T10:00:0{n}") for n in range(1, 6)]
    events = make_events(
        [("a", "2025-01-05")] * 4 + [("b", "2025-01-05")] + others,
        session_id=["s", "s", "s", "t", "s", *"uvwxy"],
        event_type=["play", "play", "next", "play", "play", *["play"] * 5],
    )
    row = repeat_rules.find_repeats(events).set_index("rule").loc[repeat_rules.TWICE]
    assert row[["checked", "broken", "sample"]].tolist() == [10, 1, "a"]


def said_again(times: list[str], rule: str, **columns: list[str]) -> tuple[int, int]:
    """Return how many events of one user and session at these times on one day are looked at, and
    how many repeat by the rule; they are of one type unless `columns` say otherwise.
    """
    events = make_events(
        [("a", f"2025-01-05T{when}") for when in times],
        **{"event_type": ["play"] * len(times), "session_id": ["s"] * len(times)} | columns,
    )
    row = repeat_rules.find_repeats(events).set_index("rule").loc[rule]
    return int(row["checked"]), int(row["broken"])


def test_a_near_copy_repeats_the_event_before_within_two_seconds():
    times = ["10:00:00", "10:00:02", "10:00:30", "10:00:45", "10:00:32", "10:00:33"]
    types = ["play"] * 4 + ["next"] * 2
    assert said_again(times, repeat_rules.NEAR, event_type=types) == (6, 2)


def test_repeats_in_a_stream_are_no_copies():
    stream = [f"10:00:{n:02d}" for n in range(40)]
    assert said_again(stream, repeat_rules.NEAR) == (40, 0)
    assert said_again([*stream, "11:00:00", "11:00:01"], repeat_rules.NEAR) == (42, 0)
    types = ["scroll"] * 40 + ["play"] * 2  # one that scrolls says nothing of other types
    assert said_again([*stream, "11:00:00", "11:00:01"], repeat_rules.NEAR, event_type=types) == (
        42,
        1,
    )


def test_repeats_as_frequent_a_little_later_are_chance():
    hours = range(1, 21)
    near = [time for h in hours for time in (f"{h:02d}:00:00", f"{h:02d}:00:01")]
    later = [time for h in hours for time in (f"{h:02d}:30:00", f"{h:02d}:30:03")]
    # 20 repeats within two seconds; with one at three seconds, 1 + 3 * 1 of them are chance's
    assert said_again(near, repeat_rules.NEAR) == (40, 20)
    assert said_again([*near, *later[:2]], repeat_rules.NEAR) == (42, 16)
    assert said_again([*near, *later], repeat_rules.NEAR) == (80, 0)


def test_a_copy_some_half_hours_later_is_found():
    times = ["10:00:00.123", "16:00:00.123", "16:10:00", "16:40:07"]
    assert said_again(times, repeat_rules.SHIFTED) == (4, 1)


def minutes(times: list[str], contents: list[str]) -> dict[str, int]:
    """Return how many events repeat by each rule, of one user at these minutes of a day."""
    days = [(f"u{n}", f"2025-01-0{1 + n % 9}T12:{n % 60:02d}") for n in range(50)]
    events = make_events(
        [*days, *(("a", f"2025-01-05T{when}") for when in times)],
        properties=[f"alone{n}" for n in range(50)] + contents,
    )
    return repeat_rules.find_repeats(events).set_index("rule")["broken"].to_dict()


def test_events_of_a_minute_are_copies_only_where_their_content_tells_them_apart():
    times = ["10:01", "10:01", "10:02", "10:05", "16:05"]
    found = minutes(times, ["x", "x", "x2", "y", "y"])
    assert found == {repeat_rules.TWICE: 1, repeat_rules.SHIFTED: 1}  # 16:05 repeats 10:05
    same = [f"{h}:{m}" for h in (10, 11) for m in range(10, 30, 2)]  # now every tenth is as before
    assert minutes([*times, *same], ["x", "x", "x2", "y", "y", *["z"] * 20]) == {}


def test_copies_are_counted_where_times_are_whole_seconds():
    others = [f"11:{n:02d}:{n:02d}" for n in range(10)]
    assert said_again(["10:00:00"] * 3 + others, repeat_rules.TWICE) == (13, 2)
    assert said_again(["10:00:00"] * 2 + ["10:00:01", *others], repeat_rules.TWICE) == (13, 0)


def test_events_sent_again_whole_minutes_later_are_found():
    times = ["10:00:07", "10:05:07", "11:00:11", "11:03:12", "12:00:01", "12:01:00"]
    assert said_again([*times, "20:00:00"], repeat_rules.AGAIN) == (7, 0)  # one, and one by chance
    assert said_again([*times[:2], "20:00:00", "20:59:03"], repeat_rules.AGAIN) == (4, 1)
    beats = [f"10:{n:02d}:07" for n in range(30)]  # a player that reports every minute
    assert said_again([*beats, "20:00:01", "20:01:01"], repeat_rules.AGAIN) == (32, 0)


def test_a_batch_of_one_user_is_no_copy_where_events_say_only_who_what_and_when():
    batch = [("machine", f"2025-01-05T10:{n // 60:02d}:{n % 60:02d}.25") for n in range(0, 600, 20)]
    others = [(f"u{n}", f"2025-01-05T1{n % 9}:{n:02d}:05.5") for n in range(50)]
    one = repeat_rules.find_repeats(make_events([*batch, *batch, *others]))
    assert one.set_index("rule")["broken"].to_dict() == {repeat_rules.TWICE: 0}
    many = repeat_rules.find_repeats(make_events([*batch, *others, *others]))
    # 50 copies, each of another user; two deviations are 2 * sqrt(50)
    assert many.set_index("rule")["broken"].to_dict() == {repeat_rules.TWICE: 35}


def shared(copied: int, later: int = 0, third: int = 0) -> int:
    """Return how many events are found to be another user's: so many of 40 that b has, too, at the
    same second, or a second later, and that c has as well.
    """
    whole = [f"2025-01-05T{10 + n // 6}:{n % 6}0:0{n % 9}" for n in range(40)]
    rows = [("a", when) for when in whole]
    rows += [("b", when) for when in whole[:copied]] + [("c", when) for when in whole[:third]]
    rows += [("d", f"{when[:-1]}{int(when[-1]) + 1}") for when in whole[40 - later :]]
    table = repeat_rules.find_repeats(make_events(rows, source=["app"] * len(rows)))
    return int(table.set_index("rule")["broken"][repeat_rules.SHARED])


def test_events_of_one_user_that_are_anothers_too_are_found_beyond_chance():
    assert (shared(0), shared(20), shared(20, later=1)) == (0, 20, 16)
    assert shared(20, third=20) == 0  # three at once: a timer


def test_a_shared_event_is_a_copy_with_the_user_who_has_little_else():
    rows = [
        ("a", "2025-01-05T10:00:01"),
        ("a", "2025-01-05T11:00:01"),
        ("b", "2025-01-05T10:00:01"),
    ]
    events = make_events(rows, source=["app"] * 3)
    found = engine.to_pandas(shared_events(events, instants_of(events, keys_of(events))))
    assert found.to_dict("records") == [
        {"user_id": "b", "event_at": at("2025-01-05T10:00:01"), "amount": 1}
    ]


def test_a_shift_is_one_lag_and_a_timetable_is_many():
    lags = pd.DataFrame({"lag": range(1, 9), "repeat": 0, "later": 0})
    one, table = lags.assign(repeat=[0, 0, 0, 90, 0, 0, 0, 0]), lags.assign(repeat=90)
    assert with_chance(one)["beyond"].tolist() == [0, 0, 0, 90, 0, 0, 0, 0]
    assert with_chance(table)["beyond"].sum() == 0
    hours = lags.assign(repeat=[20, 90] * 4)
    assert with_chance(hours)["beyond"].tolist()[:6] == [0, 0, 0, 0, 0, 0]
    clocks = lags.assign(repeat=[0, 0, 0, 90, 0, 90, 0, 0])  # five hours in summer, six in winter
    assert with_chance(clocks)["beyond"].sum() == 180
    assert with_chance(one.assign(later=16))["beyond"].max() == 90 - 16 - 3 * 4


def test_repeats_are_not_counted_among_taps_nor_of_dates():
    taps = make_events([("a", "2025-01-05T10:00:00"), ("a", "2025-01-05T10:00:01")])
    assert repeat_rules.find_repeats(taps)["rule"].tolist() == [repeat_rules.TWICE]
    dates = make_events([("a", "2025-01-05"), ("a", "2025-01-06")], session_id=["s", "s"])
    assert repeat_rules.find_repeats(dates).empty
    older = ["00:00:00"] * 101  # a part of the log that knows dates alone
    fine = ["10:00:00", "10:00:00", *(f"{11 + n // 60}:{n % 60:02d}:07" for n in range(150))]
    assert said_again([*older, *fine], repeat_rules.TWICE) == (152, 1)


COPIES = {
    "events": 1000, "copies": 0, "has_ids": True, "precision": "finer",
    "compared": ["user_id", "event_type", "event_timestamp", "source"], "left_out": ["event_uuid"],
}  # fmt: skip
NO_DAYS = pd.DataFrame(columns=blocks.BLOCKS)
SUSPECTED = suspects.users(["u1"])


def judged(rules: pd.DataFrame, days: pd.DataFrame = NO_DAYS, **copies: Any) -> Verdict:
    return repeats.double_logging(rules, {**COPIES, **copies}, days, SUSPECTED)


def logged_twice(exact: int, near: int = 0, shifted: int = 0, **copies: Any) -> Verdict:
    """Judge repeats of 1,000 events: at once, a moment later, and some half hours later."""
    counts = {repeat_rules.TWICE: exact, repeat_rules.NEAR: near, repeat_rules.SHIFTED: shifted}
    rows = [rule_rows(rule, count) for rule, count in counts.items()]
    return judged(pd.concat(rows, ignore_index=True), **copies)


def days_twice(is_whole: bool, **copies: Any) -> Verdict:
    """Judge two days on which every row stands there twice."""
    block = {"start_day": 14944, "end_day": 14945, "copies": 50, "events": 100, "users": 9,
             "outside": 0.0, "is_whole": is_whole}  # fmt: skip
    return judged(NO_RULES, pd.DataFrame([block]), **copies)


VAGUE = {"precision": "dates", "compared": list(content.OWN_COLUMNS)}
CASES = [
    *by_share("double_logging", logged_twice, {"fail": 50, "warn": 1}),
    *by_share("double_logging", partial(logged_twice, 0), {"fail": 50, "warn": 6}),
    *by_share("double_logging", partial(logged_twice, 0, 0), {"fail": 50, "warn": 11}),
    Case("double_logging", "warn", lambda: logged_twice(500, has_ids=False)),
    Case("double_logging", "fail", lambda: logged_twice(0, 50, has_ids=False)),
    Case("double_logging", "pass", lambda: judged(NO_RULES, precision="dates")),
    Case("double_logging", "not_applicable",
         lambda: judged(NO_RULES, precision="dates", copies=1)),
    Case("double_logging", "fail", lambda: days_twice(is_whole=False)),
    Case("double_logging", "fail", lambda: days_twice(is_whole=False, **VAGUE)),
    Case("double_logging", "fail", lambda: days_twice(is_whole=True)),
    Case("double_logging", "warn", lambda: days_twice(is_whole=True, **VAGUE)),
]  # fmt: skip


def test_only_what_fails_has_suspects():
    assert logged_twice(50).suspects is SUSPECTED
    assert days_twice(is_whole=False).suspects is SUSPECTED
    assert logged_twice(49).suspects is None
    assert days_twice(is_whole=True, **VAGUE).suspects is None


def test_the_rule_that_fails_is_named_and_else_the_one_furthest_beyond_its_limit():
    assert logged_twice(1, 100).facts["rule"] == repeat_rules.NEAR
    assert logged_twice(1, 8).facts["rule"] == repeat_rules.TWICE


def test_without_identifiers_copies_are_told_with_what_was_compared():
    reason = judged(NO_RULES, precision="dates", copies=250, has_ids=False).facts["reason"]
    assert reason.startswith("250 of 1,000 rows are the same as an earlier one")
    assert "user_id, event_type, event_timestamp and source" in reason
    assert "no identifiers" in reason


def suspected(rows: list[tuple[str, str]], rule: str, **columns: list[str]) -> list[tuple]:
    """Return user, day and events too many by a rule that fails."""
    given = {"session_id": ["s"] * len(rows)} | columns
    events = make_events(rows, **given)
    found = repeats.repeat_surplus(events, rule, NO_DAYS, LOG, "UTC")
    assert (found["end"] - found["start"] == pd.Timedelta(days=1)).all()
    days = found["start"].dt.strftime("%m-%d")
    return list(zip(found["user_id"], days, found["amount"], strict=True))


def test_the_events_of_a_rule_that_fails_are_suspects_by_user_and_day():
    times = [
        "05T10:00:00",
        "05T10:00:00",
        "05T10:00:00",
        "06T09:00:07",
        "06T09:00:08",
        "07T08:01:09",
    ]
    rows = [("a", f"2025-01-{when}") for when in [*times, "07T08:03:09"]]
    assert suspected(rows, repeat_rules.TWICE) == [("a", "01-05", 2)]
    assert suspected(rows, repeat_rules.NEAR) == [("a", "01-06", 1)]
    assert suspected(rows, repeat_rules.AGAIN) == [("a", "01-07", 1)]
    later = [(f"u{n}", f"2025-01-05T0{n}:00:0{n}") for n in range(4)]
    later += [(f"u{n}", f"2025-01-05T0{n + 5}:00:0{n}") for n in range(4)]
    assert suspected(later, repeat_rules.SHIFTED) == [(f"u{n}", "01-05", 1) for n in range(4)]
    assert suspected([*later, ("b", later[0][1])], repeat_rules.SHARED) == [("b", "01-05", 1)]


def test_no_rule_that_fails_gives_no_suspects():
    events = make_events([("a", "2025-01-05T10:00:00")] * 2)
    assert repeats.repeat_surplus(events, None, NO_DAYS, LOG, "UTC").empty


def test_exact_copies_are_evidence_only_where_events_have_identifiers():
    few, many = (rule_rows(repeat_rules.TWICE, n) for n in (1, 60))
    found = [
        repeats.failing_rule(few, True),
        *(repeats.failing_rule(many, h) for h in (True, False)),
    ]
    assert found == [None, repeat_rules.TWICE, None]
