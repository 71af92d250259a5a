"""benchmarks.scale: the logs it makes, and how it counts scans."""

from pathlib import Path

import pandas as pd
import pytest

from benchmarks import scale
from benchmarks.scale_log import make_log
from benchmarks.scale_pandas import summarise


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "4000"
    make_log(folder, 4_000)
    return folder


def test_a_log_has_its_size_and_copies_and_is_the_same_every_time(place: Path, tmp_path: Path):
    again = make_log(tmp_path / "again", 4_000)
    users, events = (pd.read_parquet(path) for path in again)
    assert len(users) == 100
    assert users["user_id"].is_unique
    assert events["event_uuid"].nunique() == 4_000 < len(events) < 4_040
    assert events["user_id"].isin(users["user_id"]).all()
    assert events.shape[1] == 14
    assert (place / "events.parquet").read_bytes() == again[1].read_bytes()


def test_a_stage_is_measured_with_its_scans(place: Path, monkeypatch: pytest.MonkeyPatch):
    from analysis.base import engine

    monkeypatch.setattr(engine, "connect", engine.connect)  # restored afterwards
    scale._measure("01_clean_users", place, "1GB", False)
    measured = scale._measure("02_clean_events", place, "1GB", True)
    assert measured["scans"] >= 1
    assert 0 < measured["engine_seconds"] <= measured["cpu_seconds"]
    assert "event_uuid" in " ".join(query for _, query, _ in measured["queries"])
    assert (place / "clean" / "events.parquet").is_file()


def test_the_plain_method_counts_each_event_once(place: Path):
    tables = summarise(place / "users.parquet", place / "events.parquet")
    assert tables["features"]["event_count"].sum() == 4_000
