"""Where event-level work is done: an Ibis connection, and the tables it reads and writes."""

from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from analysis.base.errors import ReportError

SUFFIXES = {".csv": "csv", ".parquet": "parquet"}


def connect() -> Any:
    """Return an in-process DuckDB connection whose session is in UTC.

    Results keep their row order only where a query orders them, whatever the threads.
    """
    con = ibis.duckdb.connect()
    con.raw_sql("SET TimeZone = 'UTC'")
    return con


def list_files(source: str, table: str) -> list[Path]:
    """Return the files of `source` (one file, or a folder of one kind), sorted by name.

    Raises ReportError when there is none, or when a folder mixes CSV and Parquet.
    """
    path = Path(source).expanduser()
    if path.is_file():
        found = [path]
    elif path.is_dir():
        found = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
    else:
        raise ReportError(
            f"{table}: no file or folder {source!r}. Give the path of a CSV or Parquet file, or "
            f"a folder of them, with --{table} or `{table}` in params.yml."
        )
    kinds = {p.suffix.lower() for p in found}
    if len(kinds) != 1 or not kinds <= set(SUFFIXES):
        raise ReportError(
            f"{table}: {source!r} holds {sorted(kinds) or 'no file'}; expected .csv or .parquet "
            "files, all of one kind."
        )
    return found


def _csv_delimiter(path: Path) -> str:
    with path.open("rb") as file:
        header = file.readline().removeprefix(b"\xef\xbb\xbf")
    return ";" if header.count(b";") > header.count(b",") else ","


def scan(con: Any, files: list[Path]) -> Any:
    paths = [str(path) for path in files]
    if files[0].suffix.lower() == ".parquet":
        return con.read_parquet(paths, union_by_name=True)
    delimiter = _csv_delimiter(files[0])
    return con.read_csv(
        paths, all_varchar=True, header=True, delim=delimiter, quote='"', union_by_name=True
    )


def read(con: Any, path: str) -> Any:
    """Return the Parquet artifact `path` as an Ibis table of `con`."""
    if not Path(path).is_file():
        raise ReportError(
            f"{path}: not found. Run the stage that writes it; `make book` runs every stage."
        )
    return con.read_parquet(path)


def to_pandas(table: Any) -> pd.DataFrame:
    """Return a user-level (or smaller) Ibis table as pandas, instants in UTC.

    Goes through Arrow, which keeps zones. Text columns come back as `str`.
    """
    frame: pd.DataFrame = table.to_pyarrow().to_pandas()
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.DatetimeTZDtype):
            frame[name] = frame[name].astype("datetime64[us, UTC]")
    return frame


def from_pandas(frame: pd.DataFrame) -> Any:
    """Return a user-level pandas table as an Ibis table."""
    return ibis.memtable(pa.Table.from_pandas(frame, preserve_index=False))


def write(table: Any, path: str) -> None:
    """Write an Ibis table to the Parquet file `path`; order it first for equal bytes."""
    table.to_parquet(path, compression="zstd")
