"""Faults by which the log does not say what happened."""

import pandas as pd
import pytest

from simulation import LOG_END, LOG_START
from simulation.times import LOG_MIDDLE
from tests.simulation.companies import DAY, count_broken_rules, list_days, make, read_events


@pytest.mark.parametrize("fault", ["clock_disorder", "late_delivery"])
def test_a_fault_of_delivery_leaves_the_rest_alone(fault: str) -> None:
    faulty, clean = make(fault, 0.1), make()
    assert faulty.users.equals(clean.users)
    delays = ["received_at", "created_at"]
    assert faulty.events.drop_columns(delays).equals(clean.events.drop_columns(delays))


def test_events_before_signup() -> None:
    simulation = make("events_before_signup", 0.1)
    count = count_broken_rules(simulation)["before_signup"]
    assert count / len(simulation.events) == pytest.approx(0.1, abs=0.015)


def test_clock_disorder() -> None:
    simulation = make("clock_disorder", 0.1)
    count = count_broken_rules(simulation)["received_early"]
    assert count / len(simulation.events) == pytest.approx(0.1, abs=0.003)


def test_late_delivery() -> None:
    events = read_events(make("late_delivery", 0.1))
    delay = events["received_at"] - events["event_timestamp"]
    assert ((delay >= DAY) & (delay <= 5 * DAY)).mean() == pytest.approx(0.1, abs=0.003)


def test_coarse_times() -> None:
    events = read_events(make("coarse_times", 0.3))
    at_midnight = events["event_timestamp"] == list_days(events)
    assert at_midnight.mean() == pytest.approx(0.3, abs=0.01)


def test_merged_ids() -> None:
    clean, merged = read_events(make()), read_events(make("merged_ids", 0.4))
    gone = set(clean["user_id"]) - set(merged["user_id"])
    assert len(gone) / clean["user_id"].nunique() == pytest.approx(0.2, abs=0.03)
    pd.testing.assert_series_equal(clean["event_timestamp"], merged["event_timestamp"])


def test_slow_clocks() -> None:
    simulation = make("slow_clocks")
    events = read_events(simulation)
    device = events["user_id"].map(simulation.users.set_index("user_id")["device"])
    delay = events["received_at"] - events["event_timestamp"]
    medians = delay.groupby(device).median().dt.total_seconds() / 3600
    assert medians["iOS"] == pytest.approx(6, abs=0.01)
    assert medians["Android"] == pytest.approx(0, abs=0.01)


def test_stray_times() -> None:
    events = read_events(make("stray_times", 0.01))
    is_stray = events["event_timestamp"] >= LOG_END
    assert is_stray.mean() == pytest.approx(0.01, abs=0.001)
    assert (events["event_timestamp"][is_stray] >= LOG_START + 6 * 365 * DAY).all()
    assert (events["received_at"] < LOG_END + DAY).all()


def test_constant_sessions() -> None:
    clean, kept = read_events(make()), read_events(make("constant_sessions", 0.4))
    one = kept.groupby("user_id")["session_id"].nunique() == 1
    before = clean.groupby("user_id")["session_id"].nunique() == 1
    assert one[~before].mean() == pytest.approx(0.4, abs=0.04)
    assert set(kept["session_id"]) <= set(clean["session_id"])


def test_amount_units() -> None:
    clean, moved = read_events(make()), read_events(make("amount_units"))
    is_bought = clean["event_type"] == "credits_purchase"
    amounts = [
        table.loc[is_bought, "properties"].str.extract(r'"amount":(\d+)}')[0].astype(int)
        for table in (clean, moved)
    ]
    is_late = clean.loc[is_bought, "event_timestamp"] >= LOG_MIDDLE
    assert set(amounts[1] / amounts[0]) == {1.0, 100.0}
    assert ((amounts[1] / amounts[0] == 100) == is_late).all()
