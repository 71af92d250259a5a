"""How the two tables fit together, and how many events each user has."""

import pandas as pd
import pytest

from analysis.audit import relations
from analysis.base.users import beside
from analysis.contract.checks import Verdict
from analysis.log.activity import place
from tests.audit.judging import LOG, by_share
from tests.checking import Case
from tests.two_tables import EVENTS, USERS


def test_the_relation_of_the_tables_by_hand():
    table = relations.relational_table(USERS, place(EVENTS, USERS, LOG))
    assert dict(zip(table["measure"], table["value"], strict=True)) == {
        "orphan_events": 2,
        "orphan_users": 1,
        "users_without_events": 1,
        "active_users": 2,
        "events_per_user_mean": 2.0,  # a has 3, b has 1
        "events_per_user_std": pytest.approx(2**0.5),
        "events_per_user_min": 1,
        "events_per_user_25%": 1.5,
        "events_per_user_50%": 2,
        "events_per_user_75%": 2.5,
        "events_per_user_max": 3,
    }


def test_events_per_user_counts_the_silent_too():
    spans = pd.DataFrame({"user_id": ["a", "b"], "event_count": [3, 1]})
    table = relations.events_per_user(beside(USERS, spans))
    assert table.to_dict("list") == {"event_count": [0, 1, 3], "users": [1, 1, 1]}
    assert (table.dtypes == "int64").all()


def at_the_cap(users: int, of: int = 1_000, most: int = 50, before: int = 10) -> Verdict:
    """Judge users with exactly the most events, `before` with one less, and others with 3."""
    counts = [most] * users + [most - 1] * before + [3] * (of - users - before)
    ids = [f"u{n}" for n in range(of)]
    return relations.capped_histories(pd.DataFrame({"user_id": ids, "event_count": counts}))


def test_the_suspects_are_the_users_at_the_cap():
    verdict = at_the_cap(100)
    assert verdict.suspects is not None
    assert set(verdict.suspects["user_id"]) == {f"u{n}" for n in range(100)}
    assert at_the_cap(99).suspects is None


def unknown_users(orphans: int, known: int = 1_000) -> Verdict:
    """Judge `known` users beside so many who are in the log alone, with two events each."""
    counts = {"orphan_events": 2 * orphans, "orphan_users": orphans, "active_users": known,
              "users_without_events": 0, "events_per_user_mean": 2.5}  # fmt: skip
    table = pd.DataFrame({"measure": list(counts), "value": [float(n) for n in counts.values()]})
    return relations.orphans(table)


def test_nobody_knows_users_who_are_in_neither_table():
    named = unknown_users(53).suspects
    assert named is not None
    assert named["kind"].tolist() == ["unseen"]
    assert unknown_users(52).suspects is None


CASES = [
    *by_share("capped_histories", at_the_cap, {"fail": 100, "warn": 20}),
    Case("capped_histories", "fail", lambda: at_the_cap(100, before=50)),
    Case("capped_histories", "pass", lambda: at_the_cap(100, before=51)),  # no pile, a slope
    Case("capped_histories", "pass", lambda: at_the_cap(4, of=100, before=0)),
    Case("capped_histories", "not_applicable", lambda: at_the_cap(50, of=99)),
    Case("capped_histories", "not_applicable", lambda: at_the_cap(50, most=9)),
    Case("orphans", "pass", lambda: unknown_users(0)),
    Case("orphans", "warn", lambda: unknown_users(1)),
    Case("orphans", "warn", lambda: unknown_users(52)),  # 4.94 % of 1,052
    Case("orphans", "fail", lambda: unknown_users(53)),  # 5.03 %
    Case("orphans", "not_applicable", lambda: unknown_users(0, known=0)),
]


def test_the_verdicts_of_relations_state_what_they_counted():
    found = at_the_cap(100, before=50)
    assert found.facts == {"at_most": 100, "users": 1_000, "most": 50, "before": 50}
    assert (found.value, found.limit, found.n) == (0.1, 0.02, 1_000)
    assert found.ci_low is not None
    assert found.ci_high is not None
    assert found.ci_low < 0.1 < found.ci_high
    assert at_the_cap(5, of=100, before=0).status == "warn"  # five are enough
    assert at_the_cap(100, of=1_000, most=10).status == "fail"
    reason = at_the_cap(50, most=9).facts
    assert reason == {"reason": "too few users have many events"}
    known = unknown_users(53)
    assert known.facts == {"orphans": 53, "users": 1_053, "events": 106}
    assert (known.value, known.limit, known.n) == (53 / 1_053, 0.05, 1_053)
    assert known.ci_low is not None
    assert known.ci_high is not None
    assert known.ci_low < 53 / 1_053 < known.ci_high
    assert unknown_users(0, known=0).facts == {"reason": "there are no users"}
    counts = {"orphan_events": 2.0, "orphan_users": 1.0, "active_users": 2.0,
              "users_without_events": 3.0}  # fmt: skip
    table = pd.DataFrame({"measure": list(counts), "value": list(counts.values())})
    assert relations.orphans(table).n == 6


def test_users_without_events_have_no_history_that_a_cap_could_cut():
    counts = [50.0] * 100 + [3.0] * 900 + [None] * 500
    users = pd.DataFrame({"user_id": [f"u{n}" for n in range(1_500)], "event_count": counts})
    assert relations.capped_histories(users).n == 1_000
