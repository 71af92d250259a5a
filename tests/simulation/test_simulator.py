"""The simulated tables have the case's columns, the size asked for and the same bytes."""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from analysis.base.errors import ReportError
from simulation import simulate, write
from tests.simulation.companies import make


def test_same_arguments_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    def bytes_of(seed: int, name: str) -> dict[str, bytes]:
        faults = {"leaky_column": 0.5, "drift": 0.3}
        write(simulate(300, seed=seed, faults=faults), tmp_path / name)
        return {file.name: file.read_bytes() for file in (tmp_path / name).iterdir()}

    first, again, other = bytes_of(1, "first"), bytes_of(1, "again"), bytes_of(2, "other")
    assert sorted(first) == ["events.parquet", "truth.json", "user_truth.parquet", "users.csv"]
    assert first == again
    assert all(first[name] != other[name] for name in first)


def test_written_tables_are_the_simulated_ones(tmp_path: Path) -> None:
    small = simulate(200, seed=3)
    write(small, tmp_path)
    assert pq.read_table(tmp_path / "events.parquet").equals(small.events)
    users = pd.read_csv(tmp_path / "users.csv", keep_default_na=False, na_values=[""])
    pd.testing.assert_frame_equal(users, small.users, check_dtype=False)


def test_columns_are_those_of_the_case() -> None:
    seed_data = Path(__file__).parents[3] / "shared" / "seed-data"
    if not seed_data.exists():
        pytest.skip("the published tables are not here")
    users = pd.read_csv(seed_data / "idilio_user_data.csv", nrows=100)
    schema = pq.read_schema(seed_data / "idilio_analytics_events.parquet")
    clean = make()
    assert list(clean.users) == list(users)
    numeric = {name for name in users if users[name].dtype == "int64"}
    assert {name for name in clean.users if clean.users[name].dtype == "int64"} == numeric
    assert clean.events.schema.equals(schema)


@pytest.mark.parametrize("events_per_user", [20.0, 40.0, 80.0])
def test_the_log_has_the_size_asked_for(events_per_user: float) -> None:
    log = simulate(5000, events_per_user, seed=5, dirt=False).events
    assert len(log) == pytest.approx(5000 * events_per_user, rel=0.1)


@pytest.mark.parametrize("users", [20, 60])
def test_a_small_table_is_possible(users: int) -> None:
    small = simulate(users, seed=1)
    assert small.user_truth["user_id"].is_unique
    assert len(small.user_truth) == users
    assert min(small.truth["dirt"].values()) >= 1


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ReportError, match=r"no fault 'tpyo'.*late_log"):
        simulate(faults={"tpyo": 0.5})
    for strength in (0.0, 1.1, float("nan")):
        with pytest.raises(ReportError, match="'drift' needs a strength"):
            simulate(faults={"drift": strength})
    with pytest.raises(ReportError, match="at least 20 users"):
        simulate(users=19)
    with pytest.raises(ReportError, match="Request more"):
        simulate(events_per_user=1.0)
