"""Users who can cancel: what the tables then hold, and what else stays as it was."""

import numpy as np
import pandas as pd
import pytest

from simulation import LOG_END, simulate
from simulation.cancellations import true_incidence
from simulation.faults import FAULTS
from tests.simulation.companies import count_broken_rules, read_events

HAZARD = 0.004


@pytest.fixture(scope="module")
def company():
    return simulate(1500, 40, 11, dirt=False, cancel_hazard=HAZARD)


def test_without_the_option_nothing_is_recorded():
    plain = simulate(100, 40, 11)
    assert "cancel_date" not in plain.users
    assert "cancel_per_day" not in plain.truth["hazard"]


def test_users_cancel_at_the_stated_rate(company):
    signed = pd.to_datetime(company.users["signup_date"], utc=True)
    dates = pd.to_datetime(company.users["cancel_date"], utc=True)
    assert (dates.dropna() < LOG_END).all()
    days = (dates.fillna(LOG_END) - signed) / pd.Timedelta(days=1)
    expected = HAZARD * days.sum()
    assert abs(dates.notna().sum() - expected) < 4 * expected**0.5
    assert company.truth["hazard"]["cancel_per_day"] == HAZARD


def test_nobody_comes_after_cancelling_and_no_rule_is_broken(company):
    ends = pd.to_datetime(company.users.set_index("user_id")["cancel_date"], utc=True)
    events = read_events(company)
    opened = events.sort_values("event_timestamp").drop_duplicates("session_id")
    late = opened["event_timestamp"] - ends.reindex(opened["user_id"]).to_numpy()
    assert (late.dropna() < pd.Timedelta(days=1)).all()
    assert count_broken_rules(company) == {}


def test_users_are_those_of_the_company_where_nobody_can_cancel(company):
    plain = simulate(1500, 40, 11, dirt=False)
    fixed = ["user_id", "signup_date", "country", "device", "age"]
    assert company.users[fixed].equals(plain.users[fixed])
    assert company.user_truth["hazard_per_day"].equals(plain.user_truth["hazard_per_day"])
    assert (company.user_truth["inactive_at"] <= plain.user_truth["inactive_at"]).all()


def test_a_fault_may_be_planted_as_well():
    both = simulate(100, 40, 11, {"leavers_column": 0.6}, cancel_hazard=HAZARD)
    assert list(both.users.columns[-2:]) == ["cancel_date", "cancel_reason"]
    assert "leavers_column" in FAULTS


def draw_ends(hazard: float, rate: float, settled: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return when users who signed up at 0 cancel, and how many days earlier they came last."""
    rng = np.random.default_rng(1)
    cancel = rng.exponential(1 / HAZARD, n)
    stops = np.minimum(rng.exponential(1 / hazard, n), cancel)
    since = np.minimum(rng.exponential(1 / rate, n), stops)  # back to the last session, or signup
    return cancel, stops - since


@pytest.mark.parametrize("day", [5, 30, 120])
def test_the_true_incidence_is_that_of_drawn_users(day):
    hazard, rate, settled, n = 0.01, 0.08, 60, 400_000
    truth = pd.DataFrame({
        "signup_at": [pd.Timestamp("2025-02-01T12:00", tz="UTC")], "hazard_per_day": [hazard],
        "session_rate_per_day": [rate],
    })  # fmt: skip
    cancel, last = draw_ends(hazard, rate, settled, n)
    is_first = cancel <= last + settled + 0.5
    drawn = {
        "cancelled": (is_first & (np.floor(cancel + 0.5) <= day)).mean(),
        "silent": (~is_first & (last + 0.5 <= day)).mean(),
    }
    expected = true_incidence(truth, HAZARD, day, settled)
    for cause, share in expected.items():
        assert abs(drawn[cause] - share) < 4 * (share * (1 - share) / n) ** 0.5, cause
