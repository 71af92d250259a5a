"""The daily volume: holes, jumps and stray days."""

import pandas as pd

from analysis.audit import volume
from analysis.contract.checks import Verdict
from analysis.log.window import LogWindow
from tests.audit.judging import LOG, at, days
from tests.checking import Case


def make_volume(counts: list[int], first: int = 0) -> pd.DataFrame:
    numbers = range(first, first + len(counts))
    start = at(0).value // 10**9 // 86_400
    table = pd.DataFrame({"day_number": [start + n for n in numbers], "day": days(numbers)})
    table["events"] = counts
    table["last_second"] = 86_300
    return table[table["events"] > 0].reset_index(drop=True)


def counted(counts: list[int]) -> Verdict:
    return volume.log_volume(make_volume(counts), LOG)


def jump(before: int, after: int, length: int = 30) -> Verdict:
    return counted([before] * length + [after] * length)


def ends(extra: list[int], until: int = 86_300) -> Verdict:
    """Judge days after a log of 20 days; the last event of all is at this second of its day."""
    table = make_volume([100] * 20 + extra)
    table.loc[table.index[-1], "last_second"] = until
    return volume.last_day(table, LogWindow(at(0), at(20)), "UTC")


def given_ends(start: int, end: int, counts: list[int] | None = None) -> Verdict:
    """Judge a window from day to day over events of days 0 to 19."""
    table = make_volume(counts or [100] * 20)
    return volume.window_ends(table, LogWindow(at(start), at(end)), "UTC")


def far_out(days_away: int) -> Verdict:
    """Judge one event so many days before (negative) or after a log of 20 days."""
    far = make_volume([1], first=days_away if days_away < 0 else 19 + days_away)
    table = pd.concat([make_volume([100] * 20), far]).sort_values("day_number", ignore_index=True)
    return volume.stray_times(table, LogWindow(at(0), at(20)))


CASES = [
    Case("log_volume", "pass", lambda: jump(1_000, 1_500)),
    Case("log_volume", "warn", lambda: jump(1_000, 1_501)),
    Case("log_volume", "warn", lambda: jump(3_000, 1_000)),
    Case("log_volume", "fail", lambda: jump(3_001, 1_000)),
    Case("log_volume", "fail", lambda: counted([1_000] * 20 + [0] + [1_000] * 20)),
    Case("log_volume", "warn", lambda: counted([1_000] * 40 + [0] + [1_000] * 40)),  # a holiday
    Case("log_volume", "fail", lambda: counted([1_000] * 60 + [0, 0] + [1_000] * 60)),
    Case("log_volume", "warn", lambda: counted([1_000] * 20 + [499] + [1_000] * 20)),
    Case("log_volume", "pass", lambda: counted([1_000] * 20 + [501] + [1_000] * 20)),
    Case("log_volume", "warn", lambda: counted([1_000] * 20 + [3_001] + [1_000] * 20)),
    Case("log_volume", "pass", lambda: counted([1_000] * 20 + [2_999] + [1_000] * 20)),
    Case("log_volume", "pass", lambda: counted(([1_000] * 5 + [300] * 2) * 8)),  # weekends
    Case("log_volume", "pass", lambda: jump(2, 4)),  # twice as much, but of next to nothing
    Case("log_volume", "pass", lambda: jump(1_000, 1_000, 14)),
    Case("log_volume", "not_applicable", lambda: counted([1_000] * 27)),
    Case("last_day", "warn", lambda: ends([40], until=85_799)),  # 601 s, usually 100
    Case("last_day", "pass", lambda: ends([7], until=85_800)),  # may as well be whole
    Case("last_day", "warn", lambda: ends([40, 7])),
    Case("window_ends", "pass", lambda: given_ends(0, 20)),
    Case("window_ends", "pass", lambda: given_ends(5, 10)),
    Case("window_ends", "warn", lambda: given_ends(0, 21)),
    Case("window_ends", "warn", lambda: given_ends(-1, 20)),
    Case("window_ends", "pass", lambda: given_ends(0, 60, [100] * 20 + [0] * 40 + [1])),
    Case("window_ends", "not_applicable", lambda: given_ends(40, 60)),
    Case("last_day", "pass", lambda: ends([])),
    Case("last_day", "pass", lambda: ends([0] * 7 + [3])),  # a week later: a stray clock
    Case("stray_times", "pass", lambda: far_out(7)),
    Case("stray_times", "warn", lambda: far_out(8)),
    Case("stray_times", "pass", lambda: far_out(-7)),
    Case("stray_times", "warn", lambda: far_out(-8)),
    Case("log_volume", "warn", lambda: counted(([1_000] * 5 + [0] * 2) * 9)),  # Monday, Tuesday
    Case(
        "log_volume", "pass", lambda: counted([1_000] * 3 + ([0] * 2 + [1_000] * 5) * 9)
    ),  # weekends at work
    Case("log_volume", "pass", lambda: counted([1_000] * 3 + ([8, 0] + [1_000] * 5) * 9)),
    Case("log_volume", "warn", lambda: counted([1_000] * 4 + ([0] + [1_000] * 6) * 9)),  # Sundays
]


def test_silence_at_given_ends_is_counted_in_days():
    facts = given_ends(-3, 27).facts
    assert (facts["before"], facts["after"], facts["days"]) == (3, 7, 10)
    assert (facts["first"], facts["last"]) == ("2025-01-01", "2025-01-20")
    assert (facts["start"], facts["end"]) == ("2024-12-29", "2025-01-27")
