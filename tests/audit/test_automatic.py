"""Kinds of event that go on by themselves."""

import pandas as pd

from analysis.audit import automatic
from analysis.contract.checks import Verdict
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
    kinds = automatic.kinds_that_go_on(events, 7).set_index("kind")
    assert kinds.loc["push"].tolist() == [5, 4, 2]
    assert kinds.loc["play"].tolist() == [3, 4, 0]


def goes_on(users: int, events: int = 500, others: int = 0) -> Verdict:
    """Judge a push (`events` of 1,000) that goes on alone for `users` of 100."""
    counts = [events, (1_000 - events) // 2, (1_000 - events) // 2]
    kinds = pd.DataFrame({"kind": ["push", "open", "play"], "events": counts, "users": 100})
    return automatic.automatic_events(kinds.assign(going_on=[users, others, 0]), 30)


def only_kinds(*names: str) -> Verdict:
    kinds = pd.DataFrame({"kind": names, "events": 10, "users": 5, "going_on": 0})
    return automatic.automatic_events(kinds, 30)


CASES = [
    Case("automatic_events", "pass", lambda: goes_on(59, others=20)),
    Case("automatic_events", "fail", lambda: goes_on(60, others=20)),
    *by_share("automatic_events", goes_on, {"fail": 25, "warn": 5}),
    Case("automatic_events", "pass", lambda: goes_on(100, events=600)),  # what users do
    Case("automatic_events", "not_applicable", lambda: only_kinds("open", "play")),
]
