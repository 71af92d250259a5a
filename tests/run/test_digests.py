"""A digest is remembered while the file keeps its size, times and place, and no longer."""

import os

import pytest

from analysis.run import digests

HOUR = 3_600_000_000_000  # nanoseconds


@pytest.fixture
def read(monkeypatch):
    """Forget all digests, let an hour pass after each change, and list the files that are read."""
    names, sha256, now = [], digests.sha256, digests.time.time_ns
    monkeypatch.setattr(digests, "KNOWN", {})
    monkeypatch.setattr(digests, "sha256", lambda path: names.append(path.name) or sha256(path))
    monkeypatch.setattr(digests.time, "time_ns", lambda: now() + HOUR)
    return names


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("one")
    return path


def test_the_bytes_are_read_once_and_again_when_the_file_changes(table, read):
    one = digests.digest(table)
    assert (digests.digest(table), read) == (one, ["a.csv"])
    table.write_text("two")
    assert digests.digest(table) != one
    assert read == ["a.csv", "a.csv"]


def test_another_file_with_the_old_size_and_time_is_read(table, read):
    one, about = digests.digest(table), table.stat()
    table.write_text("two")
    os.utime(table, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert digests.digest(table) != one


def test_a_file_changed_just_now_is_read_again(table, read, monkeypatch):
    changed = max(table.stat().st_mtime_ns, table.stat().st_ctime_ns)
    monkeypatch.setattr(digests.time, "time_ns", lambda: changed + digests.SETTLED_NS)
    digests.digest(table)
    digests.digest(table)
    assert read == ["a.csv", "a.csv"]
    monkeypatch.setattr(digests.time, "time_ns", lambda: changed + digests.SETTLED_NS + 1)
    digests.digest(table)
    digests.digest(table)
    assert read == ["a.csv"] * 3


def test_the_next_process_recalls_it_and_forgets_what_is_gone(table, read, tmp_path, monkeypatch):
    gone = tmp_path / "b.csv"
    gone.write_text("two")
    one, _ = digests.digest(table), digests.digest(gone)
    gone.unlink()
    digests.remember(tmp_path / "known.json")
    monkeypatch.setattr(digests, "KNOWN", {})
    digests.recall(tmp_path / "known.json")
    assert list(digests.KNOWN) == [str(table)]
    assert digests.digest(table) == one
    assert read == ["a.csv", "b.csv"]


@pytest.mark.parametrize(
    "damaged", ["", "{", "[]", '{"files": {"a": 1, "b": [[1], "x"], "c": [[1, 2, 3, "4"], "x"]}}']
)
def test_a_damaged_memory_is_none(read, tmp_path, damaged):
    (tmp_path / "known.json").write_text(damaged)
    digests.recall(tmp_path / "known.json")
    assert digests.KNOWN == {}


def test_recorded_files_are_there_with_their_digest(table, tmp_path):
    assert digests.is_as_recorded(table, digests.sha256(table))
    assert not digests.is_as_recorded(table, None)
    assert not digests.is_as_recorded(tmp_path / "none.csv", None)
