"""How much a stage reads: the tables and artifacts that it is declared to read, each once."""

from collections.abc import Iterable
from pathlib import Path

from analysis.contract.stages import RAW, Stage, reads_of
from analysis.run.digests import files_in
from analysis.run.folders import Run
from analysis.run.state import read_json

TEXT_ROW, PACKED = 100, 4
"""Bytes of a row of text, and how many times smaller text is when packed: real event logs have 40
to 300 bytes a row.
"""


def volume_read(run: Run, stage: Stage) -> dict[str, int]:
    """Return `rows_read` and `bytes_read` of a stage that has run: rows of input tables and of
    Parquet files, bytes of all files.
    """
    return {"rows_read": _rows(run, stage), "bytes_read": bytes_read(run, stage)}


def bytes_read(run: Run, stage: Stage) -> int:
    """Return the bytes of the files that `stage` reads; a table in a database has none."""
    files = _artifacts(run, stage)
    files += [path for table in _tables(stage) for path in _files_of(run, table)]
    return sum(path.stat().st_size for path in files)


def _files_of(run: Run, table: str) -> list[Path]:
    if run.copy_of(table):
        return []
    from analysis.base.engine import list_files  # slow to import

    return list_files(run.raw(table), table)


def rows_expected(run: Run, stage: Stage) -> int:
    """Return about how many rows `stage` will read: text counts as rows of usual length."""
    rows = rows_of_parquet(_artifacts(run, stage))
    given = [path for table in _tables(stage) for path in _files_of(run, table)]
    return rows + sum(_rows_given(path) for path in given)


def _rows_given(path: Path) -> int:
    from pyarrow import ArrowInvalid  # slow to import

    try:
        found = rows_of_parquet([path])
    except (ArrowInvalid, OSError):  # damaged: the stage that reads it says how
        return 0
    size = path.stat().st_size
    return found or (size * PACKED if path.suffix.lower() in (".gz", ".zip") else size) // TEXT_ROW


def rows_of_parquet(files: Iterable[Path]) -> int:
    """Return the rows of those of the `files` that are Parquet."""
    from pyarrow import parquet  # slow to import

    found = [path for path in files if path.suffix == ".parquet"]
    return sum(int(parquet.read_metadata(path).num_rows) for path in found)


def _rows(run: Run, stage: Stage) -> int:
    rows = rows_of_parquet(_artifacts(run, stage))
    records = [read_json(run.data / "clean" / f"{table}.qa.json") for table in _tables(stage)]
    return rows + sum(int(record.get("rows_read", 0)) for record in records)


def _artifacts(run: Run, stage: Stage) -> list[Path]:
    return [path for name in reads_of(stage) for path in files_in(Path(run.path_of(name)))]


def _tables(stage: Stage) -> list[str]:
    return [table for table in RAW if table in stage.params]
