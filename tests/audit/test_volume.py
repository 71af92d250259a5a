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
    return table[table["events"] > 0].reset_index(drop=True)


def counted(counts: list[int]) -> Verdict:
    return volume.log_volume(make_volume(counts), LOG)


def jump(before: int, after: int, length: int = 30) -> Verdict:
    return counted([before] * length + [after] * length)


def ends(extra: list[int]) -> Verdict:
    return volume.last_day(make_volume([100] * 20 + extra), LogWindow(at(0), at(20)), "UTC")


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
    Case("last_day", "warn", lambda: ends([40])),
    Case("last_day", "pass", lambda: ends([])),
    Case("last_day", "pass", lambda: ends([0] * 7 + [3])),  # a week later: a stray clock
    Case("stray_times", "pass", lambda: far_out(28)),
    Case("stray_times", "warn", lambda: far_out(29)),
    Case("stray_times", "warn", lambda: far_out(-29)),
    Case("log_volume", "warn", lambda: counted(([1_000] * 5 + [0] * 2) * 9)),  # Monday, Tuesday
    Case(
        "log_volume", "pass", lambda: counted([1_000] * 3 + ([0] * 2 + [1_000] * 5) * 9)
    ),  # weekends at work
    Case("log_volume", "pass", lambda: counted([1_000] * 3 + ([8, 0] + [1_000] * 5) * 9)),
    Case("log_volume", "warn", lambda: counted([1_000] * 4 + ([0] + [1_000] * 6) * 9)),  # Sundays
]
