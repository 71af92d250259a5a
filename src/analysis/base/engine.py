"""Where event-level work is done: an Ibis connection, and the tables it reads and writes."""

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from analysis.base.errors import ReportError
from analysis.base.unpacking import ENDINGS, SAVE_AS_CSV, SPREADSHEETS, kind_of

LIMITS = {"memory_limit": "CHURNBOOK_MEMORY_LIMIT", "threads": "CHURNBOOK_THREADS"}
"""Variables of the environment by which the runner limits what a kernel's connections may use. No
result depends on them."""


SPARK_URL = "CHURNBOOK_SPARK_URL"
"""Variable by which the runner says that a kernel's events are on Spark, and at which address."""


def connect(url: str | None = None, folder: Path | None = None) -> Any:
    """Return a connection to the engine that works on events: Spark at `url`, or where SPARK_URL is
    set, with its temporary files in `folder` or in the one that is usual.
    """
    url = url or os.environ.get(SPARK_URL)
    if not url:
        return in_process()
    try:
        from analysis.base import spark  # an extra
    except ImportError as error:
        raise ReportError(
            f"engine: spark needs {error.name}, which is not installed. Install the extra: pip "
            "install 'churnbook[spark]', or use engine: duckdb."
        ) from error
    return spark.connect(url, folder or Path(tempfile.gettempdir()))


def is_spark(con: Any) -> bool:
    """Say whether a connection is to Spark."""
    return bool(con.name == "pyspark")


def in_process() -> Any:
    """Return an in-process DuckDB connection whose session is in UTC.

    It keeps to the LIMITS; what does not fit into its memory goes to the folder for temporary
    files, and is removed with the connection. Results keep their row order only where a query
    orders them, whatever the threads.
    """
    limits = {name: os.environ[key] for name, key in LIMITS.items() if key in os.environ}
    spilled = Path(tempfile.gettempdir()) / ibis.util.gen_name("churnbook-engine")
    con = ibis.duckdb.connect(temp_directory=str(spilled), **limits)
    con.raw_sql("SET TimeZone = 'UTC'")
    return con


def _hash(text: Any) -> Any:
    """Return 64 bits of text: the engine's own."""


_hash_of: Callable[[Any], Any] = ibis.udf.scalar.builtin(
    _hash, name="hash", signature=(("string",), "uint64")
)
BITS = 2**63 - 1


def bits_of(text: Any) -> Any:
    """Return 63 bits of an Ibis column of text, as a whole number that fits a file's. (Ibis's own
    `hash` goes through a text of bits, which costs three times as much.)
    """
    return (_hash_of(text) & ibis.literal(BITS, "uint64")).cast("int64")


def list_files(source: str, table: str) -> list[Path]:
    """Return the files of `source` (one file, or a folder of one kind), sorted by name.

    In a folder, hidden files and those with other endings are not looked at. Raises ReportError
    when there is none, or when a folder mixes kinds.
    """
    path = Path(source).expanduser()
    if path.is_file():
        found = [path]
    elif path.is_dir():
        found = sorted(p for p in path.rglob("*") if p.is_file() and p.name[0] != ".")
        found = [p for p in found if kind_of(p.name)] or found
    else:
        raise ReportError(
            f"{table}: no file or folder {source!r}. Give the path of a CSV or Parquet file, or "
            f"a folder of them, with --{table} or `{table}` in params.yml."
        )
    _check_kinds(found, source, table)
    return found


def folder_keys(source: str, files: Iterable[Path]) -> list[str]:
    """Return the keys of a partitioned folder: `date` where `files` of `source` are in folders such
    as `date=2025-01-31`.
    """
    root = Path(source).expanduser()
    folders = (name for path in files for name in path.relative_to(root).parts[:-1])
    return list(dict.fromkeys(name.partition("=")[0] for name in folders if "=" in name))


def _check_kinds(found: list[Path], source: str, table: str) -> None:
    sheets = [path for path in found if path.suffix.lower() in SPREADSHEETS]
    if sheets:
        raise ReportError(f"{table}: {str(sheets[0])!r} is a spreadsheet. {SAVE_AS_CSV}")
    kinds = {kind_of(path.name) for path in found}
    if None in kinds or len(kinds - {"zip"}) > 1 or not found:
        endings = sorted({path.suffix.lower() or path.name for path in found})
        raise ReportError(
            f"{table}: {source!r} holds {endings or 'no file'}; expected files of one kind, "
            f"ending in {ENDINGS}."
        )


def read(con: Any, path: str) -> Any:
    """Return the Parquet artifact `path`, a file or what Spark wrote as a folder of files, as an
    Ibis table of `con`.
    """
    if not Path(path).exists():
        raise ReportError(
            f"{path}: not found. Run the stage that writes it; `make book` runs every stage."
        )
    if is_spark(con):
        return con.read_parquet(path)
    parts = sorted(Path(path).glob("*.parquet"))
    return con.read_parquet([str(part) for part in parts] or path, hive_partitioning=False)


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


QUICKLY: dict[str, Any] = {"compression_level": 1, "dictionary_size_limit": 10_000}
"""How a wide table is written in two thirds of the time and a tenth more bytes: it is packed
lightly, and columns of identifiers are soon seen to be no categories."""


def write(table: Any, path: str, how: Mapping[str, Any] | None = None) -> None:
    """Write an Ibis table to the Parquet file `path`; order it first for equal bytes. On Spark it
    is a folder of files in that order, each written by a task of its own.
    """
    table.to_parquet(path, compression="zstd", **(how or {}))
