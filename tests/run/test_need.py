"""A stage whose memory will not do says so before it starts: what it needs, has, and the fix."""

import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.contract import stages
from analysis.contract.stages import Stage
from analysis.run import limits, need, runner, volume
from analysis.run.need import KERNEL, warning_of
from analysis.run.usage import Usage, keep_usage
from tests.run.tiny import COUNT, SHOW, make_run

GB = 10**9


@pytest.fixture
def events(project, monkeypatch):
    """Give the events, three million rows of Parquet, to a project of one stage that reads them."""
    monkeypatch.setattr(stages, "STAGES", (READING,))
    table = pa.table({"user_id": pa.repeat("a", 3_000_000)})
    pq.write_table(table, project / "events.parquet")
    return str(project / "events.parquet")


READING = Stage("03_read", "", reads=(), writes={}, params=("events",))


@pytest.fixture(autouse=True)
def memory(monkeypatch):
    """Give a machine with 16 GB, 8 of them free, whatever this one has."""
    monkeypatch.setattr(limits, "memory_of_machine", lambda: 16 * GB)
    monkeypatch.setattr(limits, "free_memory", lambda: 8 * GB)


def test_without_a_last_run_the_need_goes_by_the_rows(project, events):
    run = make_run(project, events=events, memory_limit="2.6GB", temporary_folder=str(project))
    assert need.need_of(run, READING) == 3_000_000 * 900
    found = warning_of(run, READING, jobs=1)
    said = (
        "warning: needs about 2.7 GB of memory for its rows, and may fill 2.6 GB (memory_limit "
        "2.6GB). What does not fit goes to temporary_folder (N free there), which takes longer. "
        "Raise memory_limit, or give the events to a cluster (engine: spark)."
    )
    assert re.sub(r"\([0-9.]+ [MG]B free", "(N free", found) == said
    assert warning_of(make_run(project, events=events, memory_limit="2.8GB"), READING, 1) is None
    on_spark = {"engine": "spark", "spark_url": "sc://localhost:1"}
    there = make_run(project, events=events, memory_limit="2.6GB", **on_spark)
    assert warning_of(there, READING, jobs=1) is None


def test_without_a_limit_it_is_that_of_the_machine(project, events, monkeypatch):
    run = make_run(project, events=events)
    monkeypatch.setattr(limits, "memory_of_machine", lambda: 4 * GB)
    assert "may fill 2.4 GB (60% of this machine's)." in warning_of(run, READING, jobs=1)


def test_a_share_says_with_whom(project, events, monkeypatch):
    other = Stage("04_other", "", reads=(), writes={})
    monkeypatch.setattr(stages, "STAGES", (READING, other))
    run = make_run(project, events=events, memory_limit="4GB")
    assert warning_of(run, READING, jobs=1) is None
    found = warning_of(run, READING, jobs=2)
    assert "may fill 2.0 GB (memory_limit 4GB, shared by stages that run at once)." in found
    assert "Raise memory_limit, build with --jobs 1, or give the events" in found


def test_what_the_last_run_held_counts_by_the_size_of_the_inputs(project, events):
    run = make_run(project, events=events, memory_limit="2GB")
    size = volume.bytes_read(run, READING)
    for last, expected in ((size, 1.0), (size // 2, 2.0)):
        keep_usage(run, READING.name, Usage(9.0, 9.0, KERNEL + GB), bytes_read=last)
        assert need.need_of(run, READING) == pytest.approx(expected * GB, rel=1e-3)
    keep_usage(run, READING.name, Usage(9.0, 9.0, KERNEL - 1), bytes_read=size)
    assert warning_of(run, READING, jobs=1) is None


def test_a_machine_with_too_little_left_is_named(project, events, monkeypatch):
    run = make_run(project, events=events, memory_limit="3GB")
    monkeypatch.setattr(limits, "free_memory", lambda: KERNEL + 3_000_000 * 900)
    assert warning_of(run, READING, jobs=1) is None
    monkeypatch.setattr(limits, "free_memory", lambda: KERNEL + 3_000_000 * 900 - 1)
    found = warning_of(run, READING, jobs=1)
    assert found.startswith("warning: needs about 3.1 GB of memory, and 3.1 GB are free on this")
    assert "set memory_limit to less" in found


def test_the_warning_stands_before_the_stage_runs(project, no_kernels):
    run = make_run(project, memory_limit="1MB")
    keep_usage(run, SHOW.name, Usage(1.0, 1.0, KERNEL + GB), bytes_read=1)
    lines = []
    runner.run_stages(run, lambda *line: lines.append(line[:2]))
    names = [(name, what.split(":")[0]) for name, what in lines]
    assert names == [
        (COUNT.name, "done (first run)"), (SHOW.name, "warning"), (SHOW.name, "done (first run)")
    ]  # fmt: skip
    lines.clear()
    runner.run_stages(run, lambda *line: lines.append(line[:2]))
    assert not any("warning" in what for _, what in lines)  # nothing runs


@pytest.mark.parametrize(("name", "rows"), [("e.csv", 20), ("e.csv.gz", 80), ("e.parquet", 0)])
def test_rows_of_text_are_those_of_usual_length_and_damage_is_for_the_stage(project, name, rows):
    (project / name).write_bytes(b"x" * 2000)
    run = make_run(project, events=str(project / name))
    assert volume.rows_expected(run, READING) == rows
