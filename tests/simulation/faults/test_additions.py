"""Faults by which the log holds more events than happened."""

import numpy as np
import pandas as pd
import pytest

from simulation import LOG_END
from tests.simulation.companies import DAY, make, read_events


def test_double_logging() -> None:
    clean, events = read_events(make()), read_events(make("double_logging", 0.1))
    content = [c for c in events.columns if c != "event_uuid"]
    assert events["event_uuid"].is_unique
    assert events.duplicated(content).sum() / len(clean) == pytest.approx(0.1, abs=0.005)


def test_near_copies() -> None:
    events = read_events(make("near_copies", 0.1)).sort_values("event_timestamp")
    content = ["user_id", "session_id", "event_type", "show_id", "properties"]
    wait = events.groupby(content, dropna=False)["event_timestamp"].diff().dt.total_seconds()
    assert wait.between(1, 2).mean() == pytest.approx(0.1 / 1.1, abs=0.005)
    assert events["event_uuid"].is_unique


def test_imported_again() -> None:
    clean, events = read_events(make()), read_events(make("imported_again", 0.1))
    content = ["user_id", "session_id", "event_type", "show_id", "properties"]
    wait = events.sort_values("event_timestamp").groupby(content, dropna=False)["event_timestamp"]
    is_copy = wait.diff() == pd.Timedelta(hours=6)
    assert is_copy.sum() / len(clean) == pytest.approx(0.1, abs=0.005)
    assert events["event_timestamp"].max() < LOG_END


def test_sent_again() -> None:
    clean, events = read_events(make()), read_events(make("sent_again", 0.1))
    content = ["user_id", "session_id", "event_type", "show_id", "properties"]
    wait = events.sort_values("event_timestamp").groupby(content, dropna=False)["event_timestamp"]
    seconds = wait.diff().dt.total_seconds()
    is_copy = seconds.between(60, 600) & (seconds % 60 == 0)
    assert len(events) / len(clean) == pytest.approx(1.1, abs=0.005)
    assert is_copy.sum() / len(clean) == pytest.approx(0.1, abs=0.01)
    assert events["event_timestamp"].max() < LOG_END


def test_copied_to_another() -> None:
    clean, events = read_events(make()), read_events(make("copied_to_another", 0.1))
    added = events.iloc[len(clean) :]
    said = [c for c in events.columns if c not in ("event_uuid", "user_id")]
    both = added.merge(clean, on=said, suffixes=("", "_of_whom"))
    assert set(added["event_uuid"]) <= set(both["event_uuid"])
    owners = both.drop_duplicates("event_uuid").groupby("user_id")["user_id_of_whom"]
    assert (owners.nunique() == 1).all()
    assert len(owners) / clean["user_id"].nunique() == pytest.approx(0.1, abs=0.01)
    assert (both["user_id"] != both["user_id_of_whom"]).all()


def test_stacked_exports() -> None:
    clean, events = read_events(make()), read_events(make("stacked_exports", 0.05))
    content = [c for c in events.columns if c != "event_uuid"]
    days = events["event_timestamp"].dt.floor("D")
    twice = days[events.duplicated(content, keep=False)]
    whole = days.between(twice.min(), twice.max())
    assert (twice.max() - twice.min()) / DAY + 1 == round(0.05 * 293)
    assert whole.sum() == 2 * (len(events) - len(clean))
    assert events["event_uuid"].is_unique


def test_automatic_events() -> None:
    events = read_events(make("automatic_events", 0.5))
    pushes = events[events["event_type"] == "push_received"]
    assert pushes["user_id"].nunique() / 5000 == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(5000))
    waits = pushes.sort_values("event_timestamp").groupby("user_id")["event_timestamp"].diff()
    assert set(waits.dropna()) == {7 * DAY}
    assert (pushes.groupby("user_id")["event_timestamp"].max() >= LOG_END - 7 * DAY).all()


def test_machine() -> None:
    events = read_events(make("machine", 0.2))
    shares = events["user_id"].value_counts(normalize=True)
    assert shares.iloc[0] == pytest.approx(0.2, abs=0.01)
    assert shares.iloc[1] < 0.01
