"""The checks of the chapter cohorts at their limits."""

import pandas as pd
import pytest

from analysis.cohorts import cancellations, retention
from analysis.contract.checks import Verdict
from tests.checking import Case
from tests.handmade import at, make_window

LOG = make_window("2025-01-01", "2025-10-28")  # 300 days


def eligible(signup: int) -> Verdict:
    """Judge a user who counts as eligible for day 7 and signed up on a day of the log."""
    signed = pd.Series([at("2025-01-01") + pd.Timedelta(days=signup)])
    users = pd.DataFrame({"user_id": ["u1"], "signup_date": signed, "is_eligible_7": True})
    return retention.retention_eligible(users, pd.DataFrame({"day": [7]}), LOG)


def test_a_user_is_counted_for_every_day_that_the_log_does_not_hold() -> None:
    signed = pd.Series([LOG.start, LOG.start - pd.Timedelta(days=1)])
    flags = {"is_eligible_1": True, "is_eligible_7": True}
    users = pd.DataFrame({"user_id": ["u1", "u2"], "signup_date": signed, **flags})
    verdict = retention.retention_eligible(users, pd.DataFrame({"day": [1, 7]}), LOG)
    assert verdict.facts == {"wrong": 2, "left_out": 1, "users": 2}


def cells(rate: float | None) -> Verdict:
    """Judge a table with a rate in a month that is not observed."""
    table = pd.DataFrame({"is_observed": [True, False], "retention_rate": [0.0, rate]})
    return retention.retention_cells(table)


def newcomers(users: int) -> Verdict:
    """Judge so many users who can be followed to day 30."""
    by_day = pd.DataFrame({"day": [7, 30], "eligible_users": [999, users]})
    return retention.enough_newcomers(by_day, 30, 30)


def follow(went_on: int, users: int, came_back: int = 0, is_recorded: bool = True) -> Verdict:
    """Judge so many users who went on or came back after cancelling, of all who cancelled."""
    not_seen = users - went_on - came_back
    states = {"went_on": went_on, "came_back": came_back, "not_seen": not_seen}
    rows = [("cancelled_followed", state, n, users) for state, n in states.items()]
    return cancellations.cancellations(cancellations._with_shares(rows), is_recorded, 30, 30)


CASES = [
    Case("retention_eligible", "pass", lambda: eligible(0), (0, 0, 1)),
    Case("retention_eligible", "fail", lambda: eligible(-1), (1, 0, 1)),
    Case("retention_eligible", "pass", lambda: eligible(292)),  # day 7 ends with the log
    Case("retention_eligible", "fail", lambda: eligible(293)),
    Case("retention_cells", "pass", lambda: cells(None), (0, 0, 2)),
    Case("retention_cells", "fail", lambda: cells(0.0), (1, 0, 2)),
    Case("enough_newcomers", "warn", lambda: newcomers(29), (29, 30, 29)),
    Case("enough_newcomers", "pass", lambda: newcomers(30), (30, 30, 30)),
    Case("cancellations", "pass", lambda: follow(3, 30)),
    Case("cancellations", "pass", lambda: follow(27, 200)),  # from 9.5 % on
    Case("cancellations", "warn", lambda: follow(30, 200)),  # from 10.7 % on
    Case("cancellations", "pass", lambda: follow(5, 200, came_back=95)),
    Case("cancellations", "warn", lambda: follow(5, 200, came_back=96)),
    Case("cancellations", "not_applicable", lambda: follow(20, 29)),
    Case("cancellations", "not_applicable", lambda: follow(0, 0, is_recorded=False)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}-{case.status}")
def test_a_check_gives_its_verdict(case: Case) -> None:
    case.hold()


def test_the_verdicts_on_retention_state_what_they_counted() -> None:
    assert cells(0.0).facts == {"wrong": 1, "blank": 1, "cells": 2}
    assert newcomers(29).facts == {"day": 30, "eligible": 29, "needed": 30}
    by_day = pd.DataFrame({"day": [29, 7, 33], "eligible_users": [40, 999, 20]})
    assert retention.enough_newcomers(by_day, 30, 30).facts["day"] == 29  # the nearest to 30
    assert retention.enough_newcomers(by_day, 34, 30).facts["day"] == 33
