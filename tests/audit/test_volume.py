"""The daily volume: holes, jumps and stray days."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.audit import volume
from analysis.audit.closed import empty_days
from analysis.audit.presence import daily_changes
from analysis.contract.checks import Verdict
from analysis.log.window import LogWindow
from tests.audit.judging import at, days
from tests.audit.visits import make_presence, visits
from tests.checking import Case


def make_volume(counts: list[int], first: int = 0) -> pd.DataFrame:
    numbers = range(first, first + len(counts))
    start = at(0).value // 10**9 // 86_400
    table = pd.DataFrame({"day_number": [start + n for n in numbers], "day": days(numbers)})
    table["events"] = table["users"] = counts
    table["last_second"] = 86_300
    return table[table["events"] > 0].reset_index(drop=True)


def volume_of(active: np.ndarray, closed_days: Sequence[str] = ()) -> Verdict:
    """Judge the log of users (rows) who come on days (columns)."""
    presence = make_presence(active)
    window = LogWindow(at(0), at(active.shape[1]))
    table = make_volume([int(n) for n in active.sum(axis=0)])
    closed = empty_days(table, window, closed_days)
    changes = daily_changes(presence)
    users = pd.DataFrame({"signup_date": days([])})
    return volume.log_volume(table, window, changes, presence, closed, users, "UTC")


def without(*days: int, length: int = 200) -> np.ndarray:
    active = visits(days=length)
    active[:, list(days)] = False
    return active


def thinned(first: int, last: int, by: float) -> np.ndarray:
    active = visits()
    active[:, first:last] &= np.random.default_rng(7).random((400, last - first)) < by
    return active


def bursts() -> np.ndarray:
    """Return 60 users, of whom three come on 60 days running, and the rest hardly ever."""
    active = visits(60, 300, 0.01)
    for row, first in enumerate((20, 120, 220)):
        active[row, first : first + 60] = True
    return active


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
    Case("log_volume", "pass", lambda: volume_of(visits())),
    Case("log_volume", "warn", lambda: volume_of(thinned(100, 200, 0.5))),
    Case("log_volume", "pass", lambda: volume_of(thinned(100, 200, 0.8))),
    Case("log_volume", "fail", lambda: volume_of(without(100))),  # one whole day of a full log
    Case("log_volume", "fail", lambda: volume_of(without(*range(100, 130)))),
    Case("log_volume", "warn", lambda: volume_of(without(*range(30, 33), *range(100, 104)))),
    Case("log_volume", "warn", lambda: volume_of(thinned(100, 101, 0.3))),  # a day of hours lost
    Case("log_volume", "pass", lambda: volume_of(thinned(100, 101, 0.7))),
    Case("log_volume", "pass", lambda: volume_of(without(*range(5, 200, 7)))),  # a day of rest
    Case("log_volume", "pass", lambda: volume_of(bursts())),  # of three users
    Case("log_volume", "pass", lambda: volume_of(without(100), ["2025-04-11"])),
    Case("log_volume", "not_applicable", lambda: volume_of(visits(days=27))),
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
]


def test_silence_at_given_ends_is_counted_in_days():
    facts = given_ends(-3, 27).facts
    assert (facts["before"], facts["after"], facts["days"]) == (3, 7, 10)
    assert (facts["first"], facts["last"]) == ("2025-01-01", "2025-01-20")
    assert (facts["start"], facts["end"]) == ("2024-12-29", "2025-01-27")


def test_it_says_whether_activity_falls():
    fallen, risen = (volume_of(thinned(*days, 0.5)).facts for days in ((100, 200), (0, 100)))
    assert (fallen["is_jump"], fallen["falls"]) == (True, True)
    assert (risen["is_jump"], risen["falls"]) == (True, False)
