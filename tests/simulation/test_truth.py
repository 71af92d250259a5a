"""The true probability of churn is calibrated, and the best score there is."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from analysis.base.errors import ReportError
from simulation import LOG_END, LOG_START, true_churn_probability
from tests.simulation.companies import DAY, SNAPSHOT, auc, make, score


def assert_calibrated(table: pd.DataFrame) -> None:
    p = table["churn_probability"]
    bins = pd.qcut(p, 10, labels=False, duplicates="drop")
    groups = table.assign(variance=p * (1 - p)).groupby(bins)
    z = groups["churned"].sum() - groups["churn_probability"].sum()
    z /= np.sqrt(groups["variance"].sum()).clip(lower=1)
    assert (z.abs() < 4).all(), z


@pytest.mark.parametrize("days_before_end", [30, 140])
def test_true_probability_is_calibrated(days_before_end: int) -> None:
    at = LOG_END - days_before_end * DAY
    simulation = make(users=20_000)
    assert_calibrated(score(simulation, at))
    everybody = score(simulation, at, lookback_days=np.inf)
    assert everybody["last"].isna().sum() > 1000
    assert_calibrated(everybody[everybody["last"].isna()])


@pytest.mark.parametrize("days_before_end", [30, 60, 90])
def test_the_honest_auc_is_neither_perfect_nor_chance(days_before_end: int) -> None:
    assert 0.7 < auc(make(), LOG_END - days_before_end * DAY) < 0.9


def test_the_true_score_beats_recency() -> None:
    table = score(make(users=20_000), SNAPSHOT)
    recency = (SNAPSHOT - table["last"]).dt.total_seconds()
    best = roc_auc_score(table["churned"], table["churn_probability"])
    assert best > roc_auc_score(table["churned"], recency) + 0.05


def one_user(hazard: float, rate: float, signup: str = "2025-02-01") -> pd.DataFrame:
    signup_at = pd.Timestamp(signup, tz="UTC")
    row = {"user_id": "a", "signup_at": signup_at, "observed_from": max(signup_at, LOG_START)}
    return pd.DataFrame([{**row, "hazard_per_day": hazard, "session_rate_per_day": rate}])


def churn(truth: pd.DataFrame, last: str | None, gap: float = 0, horizon: float = 30) -> float:
    at = pd.Timestamp("2025-05-01", tz="UTC")
    known = pd.Series(pd.to_datetime([last] if last else [], utc=True), ["a"] if last else [])
    return float(true_churn_probability(truth, at, gap, horizon, known).iloc[0])


def test_true_probability_by_hand() -> None:
    truth = one_user(hazard=0.01, rate=0.1)
    alive = 1 / (1 + 0.01 / 0.11 * (np.exp(0.11 * 10) - 1))
    returns = 0.1 / 0.11 * (1 - np.exp(-0.11 * 30))
    assert churn(truth, "2025-04-21") == pytest.approx(1 - alive * returns)
    assert churn(truth, "2025-04-21", gap=7) == pytest.approx(
        1 - alive * np.exp(-0.01 * 7) * returns
    )
    assert churn(truth, "2025-04-21", horizon=0) == 1.0


def test_an_unseen_user_may_have_ended_before_the_log() -> None:
    """Signed up 100 days before the log; 120 days of silence inside it."""
    truth = one_user(hazard=0.01, rate=0.02, signup="2024-09-23")
    began = np.exp(-0.01 * 100)
    silent_alive = began * np.exp(-0.03 * 120)
    silent_ended = 1 - began + began * 0.01 / 0.03 * (1 - np.exp(-0.03 * 120))
    alive = silent_alive / (silent_alive + silent_ended)
    returns = 0.02 / 0.03 * (1 - np.exp(-0.03 * 30))
    assert churn(truth, None) == pytest.approx(1 - alive * returns)


def test_no_probability_before_signup_and_no_look_into_the_future() -> None:
    assert np.isnan(churn(one_user(0.01, 0.1, signup="2025-05-01"), None))
    with pytest.raises(ReportError, match=r"1 users have an event at or after .* 'a'"):
        churn(one_user(0.01, 0.1), "2025-05-01")
