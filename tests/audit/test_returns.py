"""Whether users who come regularly stop, or start, all at once."""

import numpy as np
import pandas as pd
import pytest

from analysis.audit import returns
from analysis.contract.checks import Verdict
from tests.audit.judging import at
from tests.audit.visits import judged, visits
from tests.checking import Case

THIRD = np.arange(400) % 3 == 0


def users_of(active) -> Verdict:
    presence, changes, sudden = judged(active)
    return returns.log_users(sudden, changes, presence, "UTC")


def lost(first: int, last: int, who=THIRD, **kind) -> np.ndarray:
    """Return visits of which those of some users are missing on the days [first, last)."""
    active = visits(**kind)
    active[who[: len(active)], first:last] = False
    return active


def slower(first: int, last: int, by: float) -> np.ndarray:
    """Return visits of which only the share `by` is kept on the days [first, last), of all users."""
    active = visits()
    active[:, first:last] &= np.random.default_rng(7).random((400, last - first)) < by
    return active


def rarely(first: int, last: int, by: float, seed: int) -> np.ndarray:
    """Return visits of 60 users who come once in ten days, of which only the share `by` is kept on
    the days [first, last).
    """
    active = visits(60, rate=0.1, seed=seed)
    active[:, first:last] &= np.random.default_rng(seed).random((60, last - first)) < by
    return active


def renamed(day: int) -> np.ndarray:
    """Return visits in which half of the users get new identifiers on a day."""
    active = visits()
    old, new = active[:200].copy(), active[:200].copy()
    old[:, day:], new[:, :day] = False, False
    return np.concatenate([old, new, active[200:]])


CASES = [
    Case("log_users", "pass", lambda: users_of(visits())),
    Case("log_users", "fail", lambda: users_of(lost(100, 200))),  # to the end
    Case("log_users", "fail", lambda: users_of(lost(0, 100))),  # from the start
    Case("log_users", "fail", lambda: users_of(lost(80, 130))),  # and back again
    Case("log_users", "fail", lambda: users_of(lost(188, 200))),  # twelve days before the end
    Case("log_users", "fail", lambda: users_of(renamed(100))),
    Case("log_users", "warn", lambda: users_of(slower(100, 130, 0.05))),  # a holiday of all
    Case("log_users", "pass", lambda: users_of(slower(100, 200, 0.02))),  # the product ends
    Case("log_users", "pass", lambda: users_of(lost(100, 200, np.arange(400) < 20))),  # one in 20
    Case("log_users", "not_applicable", lambda: users_of(visits(19))),
    Case("log_users", "pass", lambda: users_of(visits(20))),
]


@pytest.mark.parametrize("seed", range(20))
def test_few_who_come_rarely_and_in_a_season_more_rarely_are_no_set(seed):
    assert users_of(rarely(100, 150, 0.1, seed)).status != "fail"


@pytest.mark.parametrize(
    ("active", "start", "end"),
    [
        (lost(100, 200), 100, 200),
        (lost(0, 100), 0, 100),
        (lost(80, 130), 80, 130),
        (lost(188, 200), 188, 200),
        (renamed(100), 100, 101),
    ],
)
def test_the_days_of_missing_events_are_named(active, start, end):
    verdict = users_of(active)
    assert verdict.suspects is not None
    assert verdict.suspects[["kind", "start", "end"]].to_numpy().tolist() == [
        ["span", at(start), at(end)]
    ]


@pytest.mark.parametrize("seed", range(1, 4))
def test_customers_of_a_yearly_sale_are_no_set(seed):
    """Most of 1,500 come once in 40 days; three in ten hardly ever, but to the sale in July."""
    rng = np.random.default_rng(seed)
    active = rng.random((1_500, 900)) < 1 / 40
    active[:450] = rng.random((450, 900)) < 1 / 400
    for sale in (200, 565):
        for days, share in (((0, 5), 0.9), ((-7, 0), 0.45)):
            who = np.flatnonzero(rng.random(450) < share)
            active[who, sale + rng.integers(*days, len(who))] = True
    assert users_of(active).status != "fail"


def test_a_set_that_stops_in_the_middle_of_a_day_is_dated_by_that_day():
    active = lost(101, 200)
    rng = np.random.default_rng(5)
    active[THIRD, 100] &= rng.random(THIRD.sum()) < 0.4  # gone by the morning of day 100
    verdict = users_of(active)
    assert verdict.facts["date"] == f"{at(100):%Y-%m-%d}"


def test_a_set_is_a_share_of_the_users_and_the_others_keep_their_pace():
    facts = users_of(lost(100, 200)).facts
    assert facts["side"] == "ahead"
    assert facts["gone"] / facts["users"] == pytest.approx(1 / 3, abs=0.05)
    assert facts["pace"] == pytest.approx(1, abs=0.15)


def test_one_log_in_many_fires_by_chance():
    """At five standard deviations none of 40 logs of users who come by chance is evidence."""
    statuses = [users_of(visits(150, 150, 0.1, seed)).status for seed in range(40)]
    assert "fail" not in statuses
    assert statuses.count("warn") <= 2


@pytest.mark.parametrize("days", [1, 13, 20])
def test_nothing_changes_in_a_log_too_short_to_compare(days):
    _, changes, sudden = judged(visits(days=days))
    assert isinstance(changes, pd.DataFrame)
    assert sudden.empty
