"""Sessions come at the stated rate, and only while a user is active."""

import numpy as np
import pandas as pd
import pytest

from simulation import LOG_END, LOG_START
from tests.simulation.companies import list_days, make, read_events


def test_volume_is_steady_and_no_day_is_missing() -> None:
    days = list_days(read_events(make())).value_counts().sort_index()
    assert days.index.equals(pd.date_range(LOG_START, LOG_END, inclusive="left", unit="us"))
    months = days.resample("30D").mean()
    assert months.max() < 1.6 * months.min()


def test_sessions_come_at_the_stated_rate_while_alive() -> None:
    clean = make()
    truth = clean.user_truth
    end = truth["inactive_at"].clip(upper=LOG_END)
    alive_days = ((end - truth["observed_from"]).dt.total_seconds() / 86_400).clip(lower=0)
    expected = (alive_days * truth["session_rate_per_day"]).sum()
    first_sessions = (truth["signup_at"] >= LOG_START).sum()
    repeats = clean.truth["counts"]["sessions"] - first_sessions
    assert abs(repeats - expected) < 4 * np.sqrt(expected)
    logs = np.log(truth[["hazard_per_day", "session_rate_per_day"]])
    assert logs.corr().iloc[0, 1] == pytest.approx(-0.3, abs=4 / np.sqrt(5000))


def test_nobody_opens_a_session_after_their_end() -> None:
    clean = make()
    events = read_events(clean)
    ends = clean.user_truth.set_index("user_id")["inactive_at"]
    opens = events[events["event_type"] == "app_open"]
    assert (opens["event_timestamp"] <= opens["user_id"].map(ends)).all()
