"""Logs that grow: of a folder of Parquet only the new files are read."""

import os
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from analysis.base.errors import ReportError
from analysis.log import parts
from analysis.log.chapters import EventsChapter, UsersChapter
from tests.engines.tables import EVENTS, USERS
from tests.engines.test_both_engines import parameters

ARTIFACTS = (
    "clean/events.parquet", "clean/user_days.parquet", "clean/events.qa.json", "clean/window.json",
)  # fmt: skip
WEEKS = 4
AT = pd.Timestamp("2025-01-05T10:00Z")


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with users, and events in files of a week each; parts are kept beside it."""
    monkeypatch.setenv(parts.FOLDER, str(tmp_path / "parts"))
    USERS.to_csv(tmp_path / "users.csv", index=False)
    users, given = str(tmp_path / "users"), parameters(UsersChapter)
    UsersChapter.read(users, str(tmp_path / "users.csv"), {}, **given).write(users)
    (tmp_path / "events").mkdir()
    for week in range(WEEKS):
        write_week(tmp_path, week)
    return tmp_path


def write_week(log: Path, week: int, **more: Any) -> Path:
    path = log / "events" / f"week-{week}.parquet"
    size = -(-len(EVENTS) // WEEKS)
    rows = EVENTS.iloc[week * size : (week + 1) * size].assign(row_number=range(size), **more)
    rows.to_parquet(path, index=False)
    return path


def clean(log: Path, name: str, **mapping: str) -> dict[str, bytes]:
    """Return the artifacts of cleaning the log into the folder `name`."""
    given = str(log / "users"), str(log / "events"), mapping
    EventsChapter.read(*given, **parameters(EventsChapter)).write(str(log / name))
    return {path: (log / name / path).read_bytes() for path in ARTIFACTS}


def clean_at_once(log: Path, name: str, **mapping: str) -> dict[str, bytes]:
    """Return the same, with nothing kept before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(parts.FOLDER)
        return clean(log, name, **mapping)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which the names of the files are added that are read for a part."""
    read, write = list[str](), parts._write

    def counted(table: Any, path: Path, pieces: Any) -> None:
        read.extend(piece.path.name for piece in pieces)
        write(table, path, pieces)

    monkeypatch.setattr(parts, "_write", counted)
    return read


def spoil(path: Path) -> None:
    """Overwrite what a Parquet file holds, but not what it says of itself."""
    content = bytearray(path.read_bytes())
    content[4 : len(content) // 2] = b"x" * (len(content) // 2 - 4)
    path.write_bytes(content)


def test_a_log_that_has_grown_is_as_one_read_at_once(log: Path, written: list[str]):
    last = (log / "events" / "week-3.parquet").rename(log / "later.parquet")
    clean(log, "before")
    assert written == [f"week-{week}.parquet" for week in range(3)]
    written.clear()
    last.rename(log / "events" / "week-3.parquet")
    grown = clean(log, "grown")
    assert written == ["week-3.parquet"]
    assert grown == clean_at_once(log, "at once")


def test_a_damaged_file_is_named(log: Path):
    spoil(log / "events" / "week-2.parquet")
    with pytest.raises(ReportError, match=r"week-2.parquet' cannot be read as Parquet"):
        clean(log, "spoiled")


def test_a_file_in_the_place_of_another_is_read(log: Path):
    path = log / "events" / "week-1.parquet"
    before = path.stat()
    clean(log, "before")
    write_week(log, 1)
    content = path.read_bytes().replace(b"play", b"plax")
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as cp -p and rsync -t do
    assert clean(log, "replaced") == clean_at_once(log, "at once")


def test_another_mapping_of_columns_is_another_reading(log: Path):
    for week in range(WEEKS):
        write_week(log, week, loaded_at=AT, ingested_at=AT + pd.Timedelta(days=3))
    clean(log, "before", received_at="loaded_at")
    found = clean(log, "after", received_at="ingested_at")
    assert found == clean_at_once(log, "at once", received_at="ingested_at")


def test_dates_are_read_again_when_new_files_show_another_order(log: Path):
    for week in range(WEEKS):
        write_week(log, week, event_timestamp=f"0{week + 3}/01/2025", created_at="25/01/2025")
    write_week(log, 0, event_timestamp="25/01/2025")
    clean(log, "before")
    write_week(log, 0, event_timestamp="01/25/2025")
    assert clean(log, "after") == clean_at_once(log, "at once")


def test_a_type_that_a_new_file_widens_is_that_of_all(log: Path):
    for week in range(WEEKS):
        write_week(log, week, price=np.float32(0.1))
    clean(log, "before")
    write_week(log, 3, price=0.1)
    assert clean(log, "after") == clean_at_once(log, "at once")


def test_the_name_of_the_runs_folder_is_no_column(log: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(parts.FOLDER, str(log / "country=DE" / "parts"))
    assert clean(log, "run") == clean_at_once(log, "at once")


def test_a_part_that_is_cut_off_is_read_again(log: Path, written: list[str]):
    expected = clean(log, "before")
    for path, size in zip((log / "parts").iterdir(), (0, 100, 2_000), strict=False):
        os.truncate(path, size)
    written.clear()
    assert clean(log, "after") == expected
    assert len(written) == 3


def test_want_of_memory_is_no_damage(log: Path):
    piece = parts.Piece(log / "none.parquet", "events: 'none'", None)
    error = duckdb.OutOfMemoryException("failed to allocate")
    with pytest.raises(duckdb.OutOfMemoryException), parts.damage_named([piece]):
        raise error


def test_parts_are_read_again_when_a_file_or_its_reading_changes(log: Path):
    clean(log, "before")
    kept = set(os.listdir(log / "parts"))
    assert len(kept) == WEEKS
    write_week(log, 1, shelf="5")  # a further column: all files are read with it
    changed = clean(log, "changed")
    assert len(set(os.listdir(log / "parts"))) == WEEKS
    assert not kept & set(os.listdir(log / "parts"))
    assert b"shelf" in changed["clean/events.qa.json"]
    assert pd.read_parquet(log / "changed/clean/events.parquet")["content"].nunique() > 1


def test_parts_are_private(log: Path):
    clean(log, "before")
    modes = {path.stat().st_mode & 0o777 for path in (log / "parts").iterdir()}
    assert modes == {0o600}
    assert (log / "parts").stat().st_mode & 0o777 == 0o700


def test_parts_of_a_log_that_is_one_file_now_are_removed_and_no_other_file(log: Path):
    clean(log, "before")
    (log / "parts" / "thesis.txt").write_text("mine")
    for week in range(1, WEEKS):
        (log / "events" / f"week-{week}.parquet").unlink()
    clean(log, "one file")
    assert [path.name for path in (log / "parts").iterdir()] == ["thesis.txt"]
