"""Whether the same users run through the whole log."""

from typing import Any

import ibis
import numpy as np
import pandas as pd

from analysis.audit import returns
from analysis.contract.checks import Verdict
from analysis.log.window import LogWindow
from tests.audit.judging import at, days
from tests.checking import Case
from tests.handmade import make_events, make_users, make_window


def test_returns_at_the_edges_by_hand():
    """A log of 120 days; "a" is seen on all, "b" on days 100 to 109, "new" joins on day 2."""
    at_day = [f"{pd.Timestamp('2025-01-01') + pd.Timedelta(days=n):%Y-%m-%d}" for n in range(120)]
    events = make_events(
        [("a", day) for day in at_day] + [("b", day) for day in at_day[100:110]]
        + [("new", day) for day in at_day[2:]]
    )  # fmt: skip
    users = make_users({"a": "2024-12-01", "b": "2024-12-01", "new": "2025-01-03"})
    window = make_window("2025-01-01", "2025-05-01")
    table = returns.returns_at_edges(events, users, window).set_index(["edge", "days", "shift"])
    assert table.loc[("end", 7, 0)].tolist() == [3, 2]  # b on days 106 to 109, and not again
    assert table.loc[("end", 11, 0)].tolist() == [3, 3]  # on day 109
    assert table.loc[("end", 9, 28)].tolist() == [2, 2]
    assert table.loc[("start", 7, 0)].tolist() == [1, 1]  # new is not from before the log
    assert not any(days + shift > 120 - 7 - 56 for _, days, shift in table.index)
    assert returns.returns_at_edges(events, users, make_window("2025-01-01", "2025-03-01")).empty


def visits(stitched: float, weeks: int = 40, users: int = 400) -> Any:
    """Return events of users who come in one week of two by chance; a share of them only in one
    half of the log: the first or the second.
    """
    rng = np.random.default_rng(3)
    seen = rng.random((users, weeks)) < 0.3
    of_set = np.arange(users) < stitched * users
    is_late = np.arange(users) % 2 == 1
    first_half = np.arange(weeks) < weeks // 2
    seen &= ~(of_set[:, None] & (is_late[:, None] == first_half))
    who, week = np.nonzero(seen)
    when = days(7 * week + 1)
    return ibis.memtable(pd.DataFrame({"user_id": [f"u{n}" for n in who], "event_at": when}))


def users_change(stitched: float, weeks: int = 40) -> Verdict:
    users = pd.DataFrame(
        {"user_id": [f"u{n}" for n in range(400)], "signup_date": days([-1] * 400)}
    )
    window = LogWindow(at(0), at(7 * weeks))
    shares = returns.weekly_returns(visits(stitched, weeks), users, window, "UTC")
    return returns.log_users(shares)


def edge_dip(
    both: int, of: int = 1_000, usual: int = 600, others: int = 600, edge: str = "end"
) -> Verdict:
    """Judge how many of `of` are seen again in the last week, against `usual` of 1,000 before, and
    `others` on the days further from the end.
    """
    rows = [(edge, 7, 0, of, both), (edge, 7, 28, 1_000, usual)]
    for day in returns.EDGE_DAYS[1:]:
        rows += [(edge, day, 0, of, others * of // 1_000), (edge, day, 28, 1_000, usual)]
    return returns.log_edges(pd.DataFrame(rows, columns=["edge", "days", "shift", "seen", "both"]))


CASES = [
    Case("log_users", "fail", lambda: users_change(1.0)),
    Case("log_users", "fail", lambda: users_change(0.5)),
    Case("log_users", "warn", lambda: users_change(0.35)),
    Case("log_users", "pass", lambda: users_change(0.0)),
    Case("log_users", "not_applicable", lambda: users_change(1.0, weeks=17)),
    Case("log_users", "fail", lambda: users_change(1.0, weeks=18)),
    Case("log_edges", "pass", lambda: edge_dip(510)),
    Case("log_edges", "warn", lambda: edge_dip(509)),
    Case("log_edges", "warn", lambda: edge_dip(420)),
    Case("log_edges", "fail", lambda: edge_dip(419)),
    Case("log_edges", "fail", lambda: edge_dip(419, edge="start")),
    Case("log_edges", "pass", lambda: edge_dip(12, of=30, usual=600)),  # z = 2.2
    Case("log_edges", "pass", lambda: edge_dip(300, others=300)),  # a product that fades
    Case("log_edges", "pass", lambda: edge_dip(0, usual=0, others=0)),  # nobody ever returns
    Case("log_edges", "not_applicable", lambda: edge_dip(0, of=29)),
]
