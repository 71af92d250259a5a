"""Kinds of event that go on by themselves."""

import pandas as pd

from analysis.audit import automatic
from analysis.contract.checks import Verdict
from analysis.log.activity import user_types
from tests.audit.judging import by_share
from tests.checking import Case
from tests.handmade import make_events


def test_a_kind_goes_on_when_it_alone_lasts_beyond_the_horizon():
    events = make_events(
        [("a", "2025-01-01"), ("a", "2025-01-05"), ("a", "2025-01-12"),  # 7 days, and no more
         ("b", "2025-01-01"), ("b", "2025-01-09"),  # 8 days
         ("c", "2025-01-01"), ("c", "2025-02-01"),  # only pushes, for a month
         ("d", "2025-01-01")],
        event_type=["push", "play", "push", "play", "push", "push", "push", "play"],
    )  # fmt: skip
    kinds = automatic.kinds_that_go_on(events, user_types(events), 7).set_index("kind")
    assert kinds.loc["push"].tolist() == [5, 4, 2, 0]
    assert kinds.loc["play"].tolist() == [3, 4, 0, 0]


def test_a_beat_is_three_events_or_more_of_one_kind_at_equal_pauses_at_the_end():
    tails = {
        "weekly": ("01-08T10:00", "01-15T10:01", "01-22T10:00"),
        "uneven": ("01-08T10:00", "01-15T10:00", "01-26T10:00"),
        "twice": ("01-08T10:00", "01-15T10:00"),
        "daily": ("01-08T10:00", "01-09T10:00", "01-10T10:00"),  # as a user may come
    }
    rows = [(user, f"2025-{when}") for user, tail in tails.items() for when in ("01-01", *tail)]
    rows += [("only", f"2025-01-{day:02}") for day in (1, 8, 15, 22)]  # nothing else stopped
    kinds = ["push" if user == "only" or when != "2025-01-01" else "play" for user, when in rows]
    events = make_events(rows, event_type=kinds)
    table = automatic.kinds_that_go_on(events, user_types(events), 30)
    assert table.set_index("kind")["regular"].to_dict() == {"play": 0, "push": 1}


def goes_on(users: int, events: int = 500, others: int = 0, column: str = "going_on") -> Verdict:
    """Judge a push (`events` of 1,000) that goes on alone for `users` of 100."""
    counts = [events, (1_000 - events) // 2, (1_000 - events) // 2]
    kinds = pd.DataFrame({"kind": ["push", "open", "play"], "events": counts, "users": 100})
    kinds = kinds.assign(going_on=0, regular=0)
    return automatic.automatic_events(kinds.assign(**{column: [users, others, 0]}), 30)


def at_a_beat(users: int, **given: int) -> Verdict:
    return goes_on(users, column="regular", **given)


def test_the_suspect_is_the_kind():
    verdict = at_a_beat(5)
    assert verdict.suspects is not None
    assert verdict.suspects["event_type"].tolist() == ["push"]


def only_kinds(*names: str) -> Verdict:
    kinds = pd.DataFrame({"kind": names, "events": 10, "users": 5, "going_on": 0, "regular": 0})
    return automatic.automatic_events(kinds, 30)


CASES = [
    Case("automatic_events", "pass", lambda: goes_on(59, others=20)),
    Case("automatic_events", "warn", lambda: goes_on(60, others=20)),
    *by_share("automatic_events", goes_on, {"warn": 25}),
    Case("automatic_events", "pass", lambda: at_a_beat(4)),
    Case("automatic_events", "fail", lambda: at_a_beat(5)),
    Case("automatic_events", "pass", lambda: at_a_beat(14, others=5)),
    Case("automatic_events", "fail", lambda: at_a_beat(15, others=5)),
    Case("automatic_events", "pass", lambda: at_a_beat(100, events=600)),
    Case("automatic_events", "pass", lambda: goes_on(100, events=600)),  # what users do
    Case("automatic_events", "not_applicable", lambda: only_kinds("open", "play")),
]
