"""What a run remembers survives anything; what cannot be read means "run again"."""

import errno
import json
import os

import pytest

from analysis.base.errors import RunStopped
from analysis.contract.stages import MANIFEST
from analysis.run import runner, state
from analysis.run.folders import UNFINISHED
from tests.run.tiny import COUNT, SHOW, go, make_run

pytestmark = pytest.mark.usefixtures("no_kernels")


@pytest.mark.parametrize(
    "damaged", ["", "{", "[]", "null", '"x"', "{}", '{"fingerprint": 1}', "\x00" * 50]
)
def test_a_damaged_record_means_run_again(project, damaged):
    go(project)
    run = make_run(project)
    for record in (project / "data" / ".state").glob("*.json"):
        record.write_text(damaged)
    assert go(project) == [COUNT.name, SHOW.name]
    assert json.loads(run.record("run").read_text())["is_finished"]
    assert go(project) == []


def test_bytes_that_are_no_text_are_no_record(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "b.json").mkdir()
    for name in ("a.json", "b.json", "none.json", "a.json/none.json"):
        assert state.read_json(tmp_path / name) == {}


def test_a_record_without_its_parts_is_read_as_empty():
    assert state.part({"outputs": [1]}, "outputs") == {}
    assert state.part({"outputs": {"a": 1}}, "outputs") == {"a": 1}


@pytest.mark.parametrize("name", ["clean/users.qa.json", MANIFEST])
def test_a_truncated_artifact_is_made_again(project, name):
    go(project)
    before = (project / "data" / name).read_bytes()
    (project / "data" / name).write_bytes(b"")
    go(project)
    assert (project / "data" / name).read_bytes() == before


def test_a_write_that_fails_leaves_the_old_text_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    state.write_json(path, {"a": 1})

    def full(_number):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(state.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        state.write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_moved_onto_another_disk_as_well(tmp_path, monkeypatch):
    source, target = tmp_path / "a", tmp_path / "there" / "b"
    source.write_text("new")
    replace = os.replace

    def across(first, second):
        if first == source:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        replace(first, second)

    monkeypatch.setattr(state.os, "replace", across)
    state.move(source, target)
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


def test_another_error_of_moving_is_not_hidden(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such file"):
        state.move(tmp_path / "a", tmp_path / "target")


@pytest.mark.parametrize("before", ["file", "folder", "nothing"])
def test_a_folder_is_moved_over_what_was_there(tmp_path, before):
    source, target = tmp_path / "new", tmp_path / "there" / "table"
    source.mkdir()
    (source / "part").write_text("new")
    target.parent.mkdir()
    if before == "file":
        target.write_text("old")
    elif before == "folder":
        target.mkdir()
        (target / "more").write_text("old")
    state.move(source, target)
    assert [path.name for path in target.iterdir()] == ["part"]
    assert not source.exists()


def test_records_name_their_run(project):
    go(project)
    run = make_run(project)
    records = [state.read_json(run.record(name)) for name in (COUNT.name, SHOW.name, "run")]
    assert len({record["run"] for record in records}) == 1
    go(project, horizon_days=60)  # the first stage need not run, and is of this run all the same
    again = [state.read_json(run.record(name)) for name in (COUNT.name, SHOW.name, "run")]
    assert len({record["run"] for record in again}) == 1
    assert again[0]["run"] != records[0]["run"]


def test_why_run_reads_damaged_records_as_none(project):
    go(project)
    run = make_run(project)
    record = state.read_json(run.record(SHOW.name))
    state.write_json(run.record(SHOW.name), record | {"outputs": "none"})
    assert "changed by hand" in str(runner.why_run(run, SHOW, record["fingerprint"]))


def test_a_table_that_changes_while_the_run_reads_it_is_named(project, monkeypatch):
    def write_to_table(_run):
        with (project / "users.csv").open("a") as file:
            file.write("b,2025-01-06\n")

    monkeypatch.setattr(runner, "write_bill", write_to_table)
    with pytest.raises(RunStopped, match=r"users: .*users.csv was changed while the run read it"):
        go(project)
    assert (project / "data" / UNFINISHED).is_file()
