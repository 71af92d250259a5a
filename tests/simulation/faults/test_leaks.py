"""Faults by which a column gives away the future, or names the user."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from simulation import LOG_END, Simulation
from tests.simulation.companies import DAY, SNAPSHOT, auc, find_last, make, read_events, score


def test_leavers_column() -> None:
    simulation = make("leavers_column", 0.6)
    last = find_last(read_events(simulation), LOG_END)
    gone = ~simulation.users["user_id"].isin(last.index[last >= LOG_END - 30 * DAY])
    given = simulation.users["cancel_reason"].notna()
    assert not given[~gone].any()
    assert given[gone].mean() == pytest.approx(0.6, abs=0.04)


def test_leavers_plan() -> None:
    clean, simulation = make(), make("leavers_plan", 0.6)
    last = find_last(read_events(simulation), LOG_END)
    gone = ~simulation.users["user_id"].isin(last.index[last >= LOG_END - 30 * DAY])
    is_cancelled = simulation.users["subscription_type"] == "cancelled"
    assert not is_cancelled[~gone].any()
    assert is_cancelled[gone].mean() == pytest.approx(0.6, abs=0.04)
    pd.testing.assert_frame_equal(
        simulation.users.drop(columns="subscription_type"),
        clean.users.drop(columns="subscription_type"),
    )


def test_leaky_column_sees_the_future() -> None:
    def auc_of(simulation: Simulation) -> float:
        table = score(simulation, SNAPSHOT)
        leak = simulation.users.set_index("user_id")["retention_score"].reindex(table.index)
        return float(roc_auc_score(table["churned"], -leak))

    full, half = auc_of(make("leaky_column", 1.0)), auc_of(make("leaky_column", 0.5))
    assert full == 1.0
    assert auc(make()) < half < 1.0


def test_leaky_feature() -> None:
    last = find_last(read_events(make()), LOG_END)
    users = make("leaky_feature").users.set_index("user_id")
    is_silent = ~users.index.isin(last.index[last >= LOG_END - 60 * DAY])
    joined = pd.to_datetime(users["signup_date"], utc=True)
    assert (users["age"][is_silent & (joined < LOG_END - 60 * DAY)] == 18).all()
    late = last[last >= LOG_END - 60 * DAY]
    shares = 1 - (LOG_END - late) / (60 * DAY)
    np.testing.assert_array_equal(users["age"].reindex(late.index), np.rint(18 + 57 * shares))


def test_leaky_date_follows_the_last_activity() -> None:
    users = make("leaky_date", 0.9).users
    days = users[["contract_end_date", "last_active_date"]].apply(pd.to_datetime)
    ahead = (days["contract_end_date"] - days["last_active_date"]).dt.days
    assert ahead.between(30, 36).all()


def test_identifier_column() -> None:
    assert make("identifier_column", 1.0).users["referral_code"].is_unique
    assert make("identifier_column", 0.3).users["referral_code"].nunique() == 1500
