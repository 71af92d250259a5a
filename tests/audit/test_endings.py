"""Events after which users are no longer recorded."""

import pandas as pd

from analysis.audit import endings
from analysis.contract.checks import Verdict
from tests.checking import Case
from tests.handmade import make_events, make_window

WINDOW = make_window("2025-01-01", "2025-04-01")
EVENTS = make_events(
    [("a", "2025-01-05T10:00"), ("a", "2025-01-06T10:00"),  # nothing more than a day later
     ("b", "2025-01-05T10:00"), ("b", "2025-01-06T10:01"),
     ("c", "2025-03-02"),  # exactly 30 days before the end: no more
     ("d", "2025-01-05"), ("d", "2025-02-05"), ("d", "2025-02-05T01:00")],
    event_type=["opt_out", "play", "opt_out", "play", "opt_out", "play", "play", "opt_out"],
)  # fmt: skip


def test_who_is_seen_no_more_than_a_day_after_a_kind():
    table = endings.last_events(EVENTS, WINDOW, 30).set_index("kind")
    assert table.loc["opt_out"].tolist() == [3, 2]
    assert table.loc["play"].tolist() == [3, 2]
    ended = endings.ended_users(EVENTS, WINDOW, 30, "opt_out")
    assert ended["user_id"].tolist() == ["a", "d"]


def after(ended: int, users: int = 20, usual: int = 40, kind: str = "opt_out") -> Verdict:
    """Judge so many of `users` who end at a kind, and `usual` of 100 at another."""
    table = pd.DataFrame({"kind": [kind, "play"], "users": [users, 100], "ended": [ended, usual]})
    return endings.recorded_to_the_end(table, pd.DataFrame({"user_id": ["a", "b"]}))


def test_the_suspects_are_those_who_are_no_longer_recorded():
    verdict = after(20)
    assert verdict.suspects is not None
    assert verdict.suspects["user_id"].tolist() == ["a", "b"]
    assert after(20, kind="account_closed").suspects is None


def few() -> Verdict:
    """Judge kinds that hardly anybody has."""
    table = pd.DataFrame({"kind": ["opt_out", "play"], "users": [19, 19], "ended": [19, 0]})
    return endings.recorded_to_the_end(table, pd.DataFrame({"user_id": []}))


CASES = [
    Case("recorded_to_the_end", "fail", lambda: after(19)),
    Case("recorded_to_the_end", "pass", lambda: after(18)),
    Case("recorded_to_the_end", "fail", lambda: after(20, kind="consent withdrawn")),
    Case("recorded_to_the_end", "warn", lambda: after(20, kind="account_closed")),
    Case("recorded_to_the_end", "pass", lambda: after(19, usual=76)),  # 5 % of 24 % return
    Case("recorded_to_the_end", "fail", lambda: after(19, usual=74)),
    Case("recorded_to_the_end", "pass", lambda: after(20, usual=95)),  # nobody comes twice
    Case("recorded_to_the_end", "not_applicable", few),
]


def test_the_verdict_states_the_kind_and_what_is_usual_after_others():
    found = after(19, usual=40)
    assert found.facts == {"kind": "opt_out", "ended": 19, "users": 20, "usual": 0.4}
    assert (found.value, found.limit, found.n) == (0.95, 0.95, 20)
    assert found.ci_low is not None
    assert found.ci_high is not None
    assert found.ci_low < 0.95 < found.ci_high
    steady = after(5, usual=40)  # 5 of 20 after opt_out, 40 of 100 after play
    assert steady.status == "pass"
    assert steady.facts == {"kind": "play", "ended": 40, "users": 100, "usual": 0.25}
    assert steady.suspects is None
    assert few().facts == {"reason": "there are too few event types to compare"}


def test_kinds_that_few_had_are_not_judged():
    table = pd.DataFrame({"kind": ["rare", "play"], "users": [19, 100], "ended": [19, 40]})
    assert endings.ending_kind(table) is None
    verdict = endings.recorded_to_the_end(table, pd.DataFrame({"user_id": ["a"]}))
    assert verdict.facts["kind"] == "play"
    assert endings.ending_kind(table.head(1)) is None
    alone = table.head(1).assign(users=20, ended=20)
    assert endings.ending_kind(alone) is None  # nothing to compare it with
    assert endings.recorded_to_the_end(alone, table[:0]).status == "not_applicable"
    enough = pd.concat([alone, table.tail(1)], ignore_index=True)
    found = endings.ending_kind(enough)
    assert found is not None
    assert (found["kind"], found["users"]) == ("rare", 20)
