"""Copies of tables that are in databases: read once, in batches, every cell as its text.

All that is read of a database is what a CSV of the table would hold: types are then given by the
data contract, as for any other text. Connections are Ibis'; SQLite, whose columns hold values of
any type and which Ibis reads at once, is read by Python's own module.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.common.exceptions import TableNotFound

from analysis.base import engine
from analysis.base.addresses import IN_FILES, KIND, Address, Copy, filled_in, parse_address
from analysis.base.database_errors import explain, no_driver, no_table
from analysis.base.errors import ReportError

ROWS_AT_ONCE = 20_000
CONNECT_SECONDS = "10"
SYSTEM = ("information_schema", "pg_catalog", "pg_toast")
"""Schemas of the database's own."""
SESSION = (
    "SET default_transaction_read_only = on", "SET datestyle = 'ISO, YMD'",
    "SET intervalstyle = 'iso_8601'", "SET extra_float_digits = 1",
    "SET synchronize_seqscans = off",
)  # fmt: skip
"""For PostgreSQL: nothing is written, and a value has one text whatever the server's settings."""


def copy_table(given: str, table: str, folder: Path, environment: Mapping[str, str]) -> Copy:
    """Copy the table at the address `given` to a Parquet file in `folder`.

    `table` (users or events) names it in messages; credentials come from `environment`. Raises
    ReportError when it cannot be read; no message holds a password.
    """
    address = _address(given, table, environment)
    target = folder / f"{table}.parquet"
    try:
        with _batches(address, table) as (schema, batches):
            _write(schema, batches, target, address.engine)
    except (ReportError, OSError):
        raise
    except ImportError as error:
        raise no_driver(address, table) from error
    except Exception as error:  # of whichever driver: its class has no name where it is missing
        raise explain(error, address, table) from None  # what it holds may be a password
    return Copy(str(target), address.name, address.engine, digest_of_rows(target))


def _address(given: str, table: str, environment: Mapping[str, str]) -> Address:
    try:
        address = filled_in(parse_address(given), environment)
    except ValueError as error:
        raise ReportError(f"{table}: {error}.") from error
    if address.scheme not in IN_FILES:
        return address if address.scheme != "postgres" else _patient(address, environment)
    written = Path(str(address.database)).expanduser()
    files = [path for path in (written, Path(str(written).lstrip("/"))) if path.is_file()]
    if not files:
        raise ReportError(
            f"{table}: no file {str(written)!r}. Give the path of a {address.engine} file, as in "
            f"{address.scheme}://file.db#{address.name}"
        )
    return replace(address, database=str(files[0]))


def _patient(address: Address, environment: Mapping[str, str]) -> Address:
    """Return the address with an end to the waiting for a machine that does not answer."""
    seconds = environment.get("PGCONNECT_TIMEOUT", CONNECT_SECONDS)
    return replace(address, options=(("connect_timeout", seconds), *address.options))


Batches = tuple[pa.Schema, Iterator[pa.RecordBatch]]


@contextmanager
def _batches(address: Address, table: str) -> Iterator[Batches]:
    """Give the columns and the rows, and close the connection."""
    if address.scheme == "sqlite":
        with closing(sqlite3.connect(_read_only(address), uri=True)) as lite:
            yield _of_sqlite(lite, address, table)
        return
    con = _connect(address)
    try:
        yield _of_ibis(con, address, table)
    finally:
        con.disconnect()


def _of_ibis(con: Any, address: Address, table: str) -> Batches:
    try:
        found = con.table(address.table, database=address.schema)
    except TableNotFound as error:
        raise no_table(address, table, _tables(con, address)) from error
    texts = found.select(**{name: found[name].cast("string") for name in found.columns})
    batches = con.to_pyarrow_batches(texts, chunk_size=ROWS_AT_ONCE)
    return batches.schema, iter(batches)


def _connect(address: Address) -> Any:
    if address.scheme == "duckdb":
        con = ibis.duckdb.connect(address.database, read_only=True)
        con.raw_sql("SET TimeZone = 'UTC'")
        return con
    if address.scheme == "postgres":
        named = {name: getattr(address, name) for name in ("host", "port", "user", "password")}
        con = ibis.postgres.connect(**named, database=address.database, **dict(address.options))
        for setting in SESSION:
            con.raw_sql(setting).close()
        return con
    return ibis.connect(_url(address), **dict(address.options))


def _url(address: Address) -> str:
    who = ":".join(quote(part, safe="") for part in (address.user, address.password) if part)
    where = ":".join(part for part in (address.host, address.port) if part)
    return f"{address.scheme}://{who}{'@' * bool(who)}{where}/{quote(address.database or '')}"


def _tables(con: Any, address: Address) -> list[str]:
    """Return the tables that there are, with their schemas where the address has one."""
    if address.schema is None:
        return [str(name) for name in con.list_tables()]
    schemas = [name for name in con.list_databases() if name not in SYSTEM]
    return [f"{schema}.{name}" for schema in schemas for name in con.list_tables(database=schema)]


def _read_only(address: Address) -> str:
    return f"{Path(str(address.database)).absolute().as_uri()}?mode=ro"


def _of_sqlite(con: sqlite3.Connection, address: Address, table: str) -> Batches:
    tables = [str(name) for (name,) in con.execute("SELECT name FROM pragma_table_list")]
    if address.schema not in (None, "main") or address.table not in tables:
        raise no_table(address, table, tables)
    cursor = con.execute(f"SELECT * FROM {_quoted(address.table)}")
    schema = pa.schema([(str(column[0]), pa.string()) for column in cursor.description])
    return schema, _text_batches(cursor, schema)


def _text_batches(cursor: sqlite3.Cursor, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    while rows := cursor.fetchmany(ROWS_AT_ONCE):
        columns = ([_text(value) for value in column] for column in zip(*rows, strict=True))
        yield pa.record_batch([pa.array(c, pa.string()) for c in columns], schema)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: Any) -> str | None:
    """Return a value of SQLite as text, from which the same value can be read."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value if value is None or isinstance(value, str) else repr(value)


def _write(schema: pa.Schema, batches: Iterator[pa.RecordBatch], target: Path, system: str) -> None:
    schema = schema.with_metadata({KIND: system.encode()})
    target.touch(mode=0o600)
    with pq.ParquetWriter(target, schema, compression="zstd") as file:
        for batch in batches:
            file.write_batch(batch.replace_schema_metadata(schema.metadata))


def digest_of_rows(path: Path) -> str:
    """Return a digest of the names and rows of a Parquet file of text, in whatever order the rows
    stand: a database keeps none.
    """
    names = pq.read_schema(path).names
    cells = ", ".join(_quoted(name) for name in names)
    row = f"md5_number(to_json([{cells}])::VARCHAR)"
    halves = f"(row >> 64)::UBIGINT AS high, (row % {2**64}::UHUGEINT)::UBIGINT AS low"
    con = engine.connect()
    con.raw_sql("SET enable_progress_bar = false")
    source = str(path).replace("'", "''")
    rows = f"SELECT {halves} FROM (SELECT {row} AS row FROM read_parquet('{source}'))"
    found = con.raw_sql(f"SELECT count(*), sum(high), sum(low) FROM ({rows})").fetchone()
    con.disconnect()
    text = json.dumps([names, *(str(value or 0) for value in found)])
    return hashlib.sha256(text.encode()).hexdigest()
