"""Accounts that behave as no person can."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.audit import machines
from analysis.contract.checks import Verdict
from tests.checking import Case
from tests.handmade import make_events, make_window

PERSON: dict[str, Any] = {
    "events": 200, "active_days": 90, "full_days": 40, "night": 0.0, "per_minute": 0, "per_day": 2.0,
    "in_a_day": 12, "weekday_share": 0.3, "weekday_days": 30, "minute_share": 0.1, "minute_days": 8,
}  # fmt: skip


def judged(accounts: int = 1, people: int = 30, **rhythm: Any) -> Verdict:
    """Judge so many accounts with this rhythm among people, and the silent rest of 1,000 users."""
    rows = [{**PERSON, **rhythm, "user_id": f"m{n}"} for n in range(accounts)]
    rows += [{**PERSON, "user_id": f"p{n}"} for n in range(people)]
    busy = pd.DataFrame(rows)
    seen = busy.rename(columns={"events": "event_count"})[["user_id", "event_count"]]
    others = pd.DataFrame({"user_id": [f"o{n}" for n in range(1_000)], "event_count": 20})
    return machines.machines(busy, pd.concat([seen, others], ignore_index=True))


def test_the_rhythm_of_an_account_by_hand():
    # Mondays 6, 13 and 20 January 2025, at five past the hour; on the 13th a minute of twelve events
    times = [f"2025-01-{day}T{hour:02}:05:01" for day in ("06", "20") for hour in range(20)]
    times += [f"2025-01-13T08:05:{second:02}" for second in range(1, 13)]
    events = make_events([("a", when) for when in times] + [("b", "2025-01-07")] * 4)
    seen = pd.DataFrame({"user_id": ["a", "b"], "event_count": [52, 4]})
    window = make_window("2025-01-01", "2025-02-01")
    (row,) = machines.busy_accounts(events, seen, window).to_dict("records")
    assert row == {
        "user_id": "a", "events": 52, "active_days": 3, "full_days": 3, "per_day": 20.0,
        "night": pytest.approx(2 / 52),  # 20 to 0 o'clock has none, 20 to 1 has one on two days
        "in_a_day": 20, "per_minute": 12, "weekday_share": 1.0, "weekday_days": 3,
        "minute_share": 1.0, "minute_days": 3,
    }  # fmt: skip


def test_cut_times_are_neither_fast_nor_by_the_minute():
    events = make_events([("a", f"2025-01-{n % 28 + 1:02}") for n in range(100)])
    seen = pd.DataFrame({"user_id": ["a"], "event_count": [100]})
    (row,) = machines.busy_accounts(events, seen, make_window("2025-01-01", "2025-02-01")).to_dict(
        "records"
    )
    assert (row["per_minute"], row["minute_share"], row["night"]) == (0, 0.0, 0.0)


def test_without_a_busy_account_there_is_no_row():
    seen = pd.DataFrame({"user_id": ["a"], "event_count": [49]})
    window = make_window("2025-01-01", "2025-02-01")
    assert machines.busy_accounts(make_events([("a", "2025-01-07")] * 49), seen, window).empty


def test_accounts_in_parts_have_the_same_rhythm(monkeypatch: pytest.MonkeyPatch):
    people = ["a", "b", "c"]
    acts = [
        (user, f"2025-01-{1 + n % 28:02d}T{n % 24:02d}:00") for user in people for n in range(60)
    ]
    seen = pd.DataFrame({"user_id": people, "event_count": [60] * 3})
    log = make_events(acts), seen, make_window("2025-01-01", "2025-02-01")
    whole = machines.busy_accounts(*log)
    monkeypatch.setattr(machines, "AT_ONCE", 2)
    pd.testing.assert_frame_equal(machines.busy_accounts(*log), whole)
    assert whole["user_id"].tolist() == people


def test_the_suspects_are_the_machines():
    verdict = judged(2, full_days=56, night=0.2)
    assert verdict.suspects is not None
    assert verdict.suspects["user_id"].tolist() == ["m0", "m1"]
    assert (verdict.facts["found"], verdict.facts["tireless"]) == (2, 2)
    assert verdict.value == pytest.approx(400 / (32 * 200 + 20_000))


def test_far_apart_is_the_largest_gap():
    counts = pd.Series([5_000, 4_000, 300, 290, 280], index=list("abcde"))
    assert machines._apart(counts.astype(float)) == ["a", "b"]
    assert machines._apart(counts.replace(300, 500).astype(float)) == []
    assert machines._apart(pd.Series(np.array([49.0, 1, 1, 1, 1]))) == []


CASES = [
    Case("machines", "pass", lambda: judged()),
    Case("machines", "fail", lambda: judged(full_days=55, night=0.1)),
    Case("machines", "pass", lambda: judged(full_days=54, night=0.1)),
    Case("machines", "pass", lambda: judged(full_days=56, night=0.0999)),  # sleeps
    Case("machines", "fail", lambda: judged(per_minute=60)),
    Case("machines", "pass", lambda: judged(per_minute=59)),
    Case("machines", "fail", lambda: judged(in_a_day=100)),
    Case("machines", "pass", lambda: judged(in_a_day=99)),
    Case("machines", "pass", lambda: judged(in_a_day=100, per_day=5.1)),
    Case("machines", "fail", lambda: judged(weekday_share=0.67, weekday_days=20, per_day=6)),
    Case("machines", "pass", lambda: judged(weekday_share=0.66, weekday_days=20, per_day=6)),
    Case("machines", "pass", lambda: judged(weekday_share=0.67, weekday_days=19, per_day=6)),
    Case("machines", "pass", lambda: judged(weekday_share=0.67, weekday_days=20, per_day=5.9)),
    Case("machines", "fail", lambda: judged(minute_share=0.5, minute_days=20)),
    Case("machines", "pass", lambda: judged(minute_share=0.49, minute_days=20)),
    Case("machines", "pass", lambda: judged(minute_share=0.5, minute_days=19)),
    Case("machines", "fail", lambda: judged(5, minute_share=0.5, minute_days=20)),
    Case("machines", "pass", lambda: judged(6, minute_share=0.5, minute_days=20)),  # how all are
    Case("machines", "warn", lambda: judged(events=2_000)),  # ten times the next
    Case("machines", "pass", lambda: judged(events=1_999)),
    Case(
        "machines",
        "not_applicable",
        lambda: machines.machines(
            pd.DataFrame(columns=machines.COLUMNS),
            pd.DataFrame({"user_id": range(99), "event_count": 3}),
        ),
    ),
]
