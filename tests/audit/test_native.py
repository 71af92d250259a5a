"""Whether the users table agrees with the log."""

import numpy as np
import pandas as pd
import pytest

from analysis.audit import native
from analysis.contract.checks import Verdict
from tests.audit.judging import LOG, by_share, days
from tests.checking import Case
from tests.handmade import ROLES, make_events, make_users, make_window


def test_native_counts_are_compared_with_the_log():
    ids = ["a", "b", "c", "d", "e", "old"]
    plays = dict(zip(ids, (1, 2, 3, 4, 5, 9), strict=True))
    events = make_events(
        [(user, "2025-01-30") for user, n in plays.items() for _ in range(n)],
        event_type=["content_play"] * 24,
    )
    signups = dict.fromkeys(ids[:5], "2025-01-02") | {"old": "2024-01-01"}
    users = make_users(signups, views=[10, 20, 30, 3, 50, 8], sessions_7d=[0] * 6)
    window = make_window("2025-01-01", "2025-02-01")
    users = users.assign(plays=1, sessions=2)  # the report's own names, of other things
    table = native.native_totals(users, events, window, ROLES, 30.0).set_index("column")
    views = table.loc["views"]
    assert views[["users", "below", "checked"]].tolist() == [5, 2, 6]  # d and old
    ranks = pd.Series([2, 3, 4, 1, 5]).corr(pd.Series([1, 2, 3, 4, 5]))
    assert views["correlation"] == pytest.approx(ranks)
    assert views["ci_low"] < ranks < views["ci_high"]
    assert np.isnan(table.loc["sessions_7d", "correlation"])  # it does not vary
    assert "credits_spent" not in table.index


AGES = pd.DataFrame({"age": [30, 40]})


def active_dates(differ: int, by: int = 2, of: int = 100) -> Verdict:
    dates = days([50 + by] * differ + [51] * (of - differ))  # one day beside is no difference
    users = pd.DataFrame({"last_active_date": dates, "last_event_at": days([50] * of)})
    return native.native_agrees(users, LOG, 30)


def test_visits_after_a_silence_are_told():
    users = pd.DataFrame({
        "last_active_date": days([51, 52, 270, 269, 40, 299]),
        "last_event_at": days([50, 50, 50, 50, 50, 299]),
    })  # fmt: skip
    facts = native.native_agrees(users, LOG, 30).facts
    assert (facts["later"], facts["earlier"], facts["silent"]) == (3, 1, 5)
    assert (facts["visited"], facts["present"]) == (3, 1)  # day 270 is the first of the last 30


def totals(ci_high: float = 0.95, below: int = 0, users: int = 100) -> Verdict:
    """Judge the native views: their rank correlation with the log, and users below it."""
    row = {"column": "views", "users": users, "correlation": ci_high - 0.05,
           "ci_low": ci_high - 0.1, "ci_high": ci_high, "below": below, "checked": 100}  # fmt: skip
    return native.native_counts(pd.DataFrame([row]))


def label(against: int, of: int = 100, horizon: int = 30) -> Verdict:
    last = [10] * (of // 4) + [185] * (of // 4) + [200] * (of // 4) + [220] * (of // 4)
    label = [1] * (of // 2) + [0] * (of // 2)
    label[:against] = [0] * against
    users = pd.DataFrame({"churned_30d": label, "last_event_at": days(last), "age": 30})
    return native.native_label(users, horizon)


CASES = [
    *by_share("native_agrees", active_dates, {"warn": 1}),
    Case("native_agrees", "warn", lambda: active_dates(100)),  # no figure rests on it
    Case("native_agrees", "not_applicable", lambda: native.native_agrees(AGES, LOG, 30)),
    Case("native_counts", "pass", lambda: totals(0.8)),
    Case("native_counts", "warn", lambda: totals(0.7999)),
    Case("native_counts", "warn", lambda: totals(0.1)),
    *by_share("native_counts", lambda n: totals(below=n), {"warn": 1}),
    Case("native_counts", "not_applicable", lambda: totals(users=29)),
    *by_share("native_label", label, {"warn": 2}),
    Case("native_label", "warn", lambda: label(40)),
    Case("native_label", "pass", lambda: label(0, horizon=7)),  # its name says 30 days
    Case("native_label", "not_applicable", lambda: native.native_label(AGES, 30)),
]
