"""Whether session_id names visits."""

import ibis
import pandas as pd

from analysis.audit import sessions
from analysis.contract.checks import Verdict
from tests.audit.judging import by_share
from tests.checking import Case
from tests.handmade import make_events


def test_sessions_longer_than_a_day_and_of_one_event_are_counted():
    events = make_events(
        [("a", "2025-01-05T10:00"), ("a", "2025-01-06T10:00"),  # a day, and no more
         ("b", "2025-01-05T10:00"), ("b", "2025-01-05T11:00"), ("b", "2025-01-06T10:00:01"),
         ("c", "2025-01-05T10:00"), ("c", "2025-01-05T10:00"), ("c", "2025-01-09")],
        session_id=["s1", "s1", "s2", "s2", "s2", "s2", "s3", None],
    )  # fmt: skip
    row = sessions.session_lengths(events).iloc[0]
    assert row.to_dict() == {
        "sessions": 4, "events": 7, "long_events": 3, "single": 2, "user_days": 3
    }  # fmt: skip
    assert sessions.session_lengths(make_events([("a", "2025-01-05")])).empty


NO_SESSIONS = sessions.session_lengths(ibis.memtable({"user_id": ["a"]}))


def lasting(
    long_events: int, single: int = 0, of: int = 300, user_days: int = 300, events: int = 1_000
) -> Verdict:
    row = {"sessions": of, "events": events, "long_events": long_events, "single": single}
    return sessions.sessions(pd.DataFrame([row | {"user_days": user_days}]))


CASES = [
    *by_share("sessions", lasting, {"warn": 50}),
    Case("sessions", "warn", lambda: lasting(0, single=991, of=1_000)),
    Case("sessions", "pass", lambda: lasting(0, single=990, of=1_000)),
    Case("sessions", "pass", lambda: lasting(0, single=991, of=1_000, user_days=667)),
    Case("sessions", "pass", lambda: lasting(0, 991, 1_000, user_days=667, events=1_200)),
    Case("sessions", "warn", lambda: lasting(0, 991, 1_000, user_days=666, events=900)),
    Case("sessions", "not_applicable", lambda: sessions.sessions(NO_SESSIONS)),
]


def test_the_verdict_states_what_it_counted():
    found = lasting(50, single=30, of=300)
    assert found.facts == {"long_events": 50, "events": 1_000, "sessions": 300, "single": 0.1}
    assert (found.value, found.limit, found.n) == (0.05, 0.05, 1_000)
    assert found.ci_low is not None
    assert found.ci_high is not None
    assert found.ci_low < 0.05 < found.ci_high
    nothing = sessions.sessions(NO_SESSIONS)
    assert nothing.facts == {"reason": "events have no session_id"}
    assert list(NO_SESSIONS.columns) == ["sessions", "events", "long_events", "single", "user_days"]


def test_sessions_of_which_none_is_given_are_no_row():
    given = make_events([("a", "2025-01-05")], session_id=["s"])
    events = given.filter(given.session_id.isnull())
    assert sessions.session_lengths(events).empty
    assert sessions.session_lengths(given).iloc[0].to_dict() == {
        "sessions": 1, "events": 1, "long_events": 0, "single": 1, "user_days": 1
    }  # fmt: skip
    one = make_events([("a", "2025-01-05"), ("a", "2025-01-05T23:00")], session_id=["s", "t"])
    assert sessions.session_lengths(one).iloc[0].to_dict() == {
        "sessions": 2, "events": 2, "long_events": 0, "single": 2, "user_days": 1
    }  # fmt: skip
