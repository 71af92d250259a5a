"""What was read of each file of a log, kept so that no file is read twice.

Cells are read in one pass into slim files of Parquet, one for each file of a folder of Parquet. The
runner keeps these between runs: of a log that has grown, only the new files are read. A part is
known by its file (path, size, times of change, inode) and by all that was done to its cells.
"""

import functools
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow.parquet as pq
from pyarrow import ArrowException

from analysis.base import engine, files
from analysis.base.reading import Piece

FOLDER = "CHURNBOOK_PARTS"
"""Variable by which the runner says where parts are kept between runs."""


OURS = re.compile(r"[0-9a-f]{32}\.(parquet|new)")
"""Names of parts, and of those that are being written."""


def read_in_parts(raw: Any, pieces: Sequence[Piece], read: Callable[[Any], Any]) -> Any:
    """Return `read(raw)` (Ibis), computed once: of each of the `pieces` that make up `raw`, where
    it was not kept from an earlier run. What else was kept is removed.
    """
    con, folder = raw.get_backend(), os.environ.get(FOLDER)
    is_kept = bool(folder) and len(pieces) > 1 and not engine.is_spark(con)
    reading = _reading(raw, read) if is_kept else ""
    paths = [Path(str(folder)) / f"{_key(piece, reading)}.parquet" for piece in pieces if is_kept]
    _remove_but(folder, paths)
    if engine.is_spark(con):
        return read(raw).cache()
    if not is_kept:
        whole = Path(_scratch().name) / ibis.util.gen_name("part")
        _write(read(raw), whole, pieces)
        return engine.read(con, str(whole))
    for piece, path in zip(pieces, paths, strict=True):
        if not _is_whole(path):
            _write(read(piece.table), path, [piece])
    return con.read_parquet([str(path) for path in paths], hive_partitioning=False)


def _remove_but(folder: str | None, kept: Sequence[Path]) -> None:
    for path in Path(folder).glob("*") if folder else ():
        if path not in kept and OURS.fullmatch(path.name):
            path.unlink()


@contextmanager
def damage_named(pieces: Sequence[Piece]) -> Iterator[None]:
    """Raise ReportError, naming the file, where the engine stops because one of them is damaged,
    and not for want of memory or disk.
    """
    try:
        yield
    except duckdb.Error as error:
        if not (isinstance(error, duckdb.OutOfMemoryException) or "No space left" in str(error)):
            for piece in pieces:
                piece.check()
        raise


def _reading(raw: Any, read: Callable[[Any], Any]) -> str:
    """Return all that is done to the cells of a file: from which columns they come, of what type,
    in which order of dates, and how they are read.
    """
    query = ibis.to_sql(read(ibis.table(raw.schema(), name="raw")), dialect="duckdb")
    given = re.sub(r"ibis_read_parquet_\w+", "file", ibis.to_sql(raw, dialect="duckdb"))
    return repr((duckdb.__version__, given, raw.schema(), query))


def _key(piece: Piece, reading: str) -> str:
    found = piece.path.stat()
    file = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, piece.keys)
    told = repr((str(piece.path.absolute()), *file, reading))
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _is_whole(path: Path) -> bool:
    """Say whether a part is there, and not cut off."""
    try:
        return path.is_file() and pq.read_metadata(path).num_columns > 0
    except (ArrowException, OSError):
        return False


def _write(table: Any, path: Path, pieces: Sequence[Piece]) -> None:
    new = path.with_suffix(".new")
    new.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with damage_named(pieces):
        engine.write(table, str(new), engine.QUICKLY)
    files.keep_private(new)
    with new.open("rb") as file:
        os.fsync(file.fileno())
    new.replace(path)


@functools.cache
def _scratch() -> "tempfile.TemporaryDirectory[str]":
    """Return a folder that is removed when this process ends."""
    return tempfile.TemporaryDirectory(prefix="churnbook-parts-")
