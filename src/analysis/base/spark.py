"""Ibis's backend for Spark (Spark Connect), with what it reads otherwise than DuckDB set right.

Expressions stay the same for both engines: see spark_sql for how they are written.
"""

import shutil
import socket
from pathlib import Path
from typing import Any
from weakref import finalize

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.schema as sch
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.backends.pyspark import Backend
from ibis.backends.pyspark.datatypes import PySparkType
from ibis.formats.pyarrow import PyArrowSchema
from pyspark.errors import PySparkException
from pyspark.errors.exceptions.connect import SparkConnectGrpcException
from pyspark.sql import SparkSession
from pyspark.sql.types import TimestampType

from analysis.base.errors import ReportError
from analysis.base.formats import plural
from analysis.base.spark_sql import SparkCompiler

SETTINGS = {
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
}
"""Instants in files keep their zone: in the older form (INT96) they have none. What stands in the
names of folders stays text.
"""
PORT, PATIENCE = 15002, 20.0
"""Of Spark Connect, where the address names none; seconds in which somebody must answer there."""


class SparkBackend(Backend):
    """A connection to Spark whose instants are in UTC and whose results come through Arrow."""

    compiler = SparkCompiler()
    folder = Path()
    """Where tables are kept that are computed once: on a disk that Spark sees."""

    def take(self, table: Any) -> Any:
        """Return a table of another engine as one of Spark's: a file, as long as this connection
        lasts.
        """
        path = self.folder / f"{ibis.util.gen_name('taken')}.parquet"
        table.to_parquet(path, compression="zstd")
        finalize(self, path.unlink, missing_ok=True)
        return self.read_parquet(path)

    def read_parquet(
        self, path: str | Path | list[str], /, *, table_name: str | None = None, **options: Any
    ) -> Any:
        """Return a file, a folder or files of the disk that this machine and Spark share.

        Raises ReportError where Spark cannot read them, as when a column has two types.
        """
        paths = [
            f"file://{Path(p).absolute()}" for p in (path if isinstance(path, list) else [path])
        ]
        name = table_name or ibis.util.gen_name("read")
        try:
            self._session.read.parquet(*paths, **options).createOrReplaceTempView(name)
            return self.table(name)
        except PySparkException as error:
            raise ReportError(
                f"{paths[0]}: Spark cannot read this as Parquet, or "
                f"{plural(len(paths), 'file', 'files')} as one table ({_first_line(error)}). Write "
                "each column with one type in all files, or use engine: duckdb."
            ) from error

    def get_schema(self, table_name: str, **place: Any) -> sch.Schema:
        """Return the columns of a table or view, instants in UTC."""
        fields = self._session.table(table_name).schema.fields
        return sch.Schema({field.name: _type_of(field.dataType) for field in fields})

    def _create_cached_table(self, name: str, expr: Any) -> Any:
        """Keep a table in files: what Spark keeps in memory is lost with a worker, and Sail keeps
        nothing there.
        """
        path = self.folder / name
        self._write(self._frame(expr), path, expr.schema())
        return self.read_parquet(path, table_name=name)

    def _drop_cached_table(self, name: str) -> None:
        self._session.catalog.dropTempView(name)
        shutil.rmtree(self.folder / name, ignore_errors=True)

    def to_parquet(
        self, expr: Any, path: str | Path, /, *, compression: str = "zstd", **_: Any
    ) -> None:
        """Write a table as a folder of Parquet files, each by a task of its own: an ordered table
        is parted by ranges, so that the files follow each other. Sail, for tests, keeps no order.
        """
        folder = Path(path).absolute()
        if not folder.is_dir():
            folder.unlink(missing_ok=True)
        self._write(self._frame(expr), folder, expr.schema(), compression)
        parts = sorted(folder.glob("*.parquet"))
        for other in {*folder.iterdir()} - {*parts}:  # marks of success, checksums, killed tasks
            shutil.rmtree(other) if other.is_dir() else other.unlink()
        for number, part in enumerate(parts):
            part.rename(folder / f"part-{number:05d}.parquet")

    def _register_udfs(self, expr: Any) -> None:
        """Register nothing: the functions that expressions name are Spark's own (see spark_sql),
        and Ibis would refuse DuckDB's types of them.
        """

    def _frame(self, expr: Any) -> Any:
        self._run_pre_execute_hooks(expr)
        return self.raw_sql(self.compile(expr))

    def _write(
        self, frame: Any, folder: Path, schema: sch.Schema, compression: str = "zstd"
    ) -> None:
        frame.write.parquet(f"file://{folder}", mode="overwrite", compression=compression)
        if not any(folder.glob("*.parquet")):  # Sail writes nothing where there are no rows
            folder.mkdir(exist_ok=True)
            pq.write_table(schema.to_pyarrow().empty_table(), folder / "part-00000.parquet")

    def _register_in_memory_table(self, op: Any) -> None:
        table = op.data.to_pyarrow(op.schema)
        self._session.createDataFrame(table).createOrReplaceTempView(op.name)

    def to_pyarrow(self, expr: Any, /, **_: Any) -> Any:
        """Return a result as Arrow: what goes through pandas loses zones and large integers."""
        table = expr.as_table()
        found = self._frame(table).toArrow()
        typed = found.cast(PyArrowSchema.from_ibis(table.schema()))
        return expr.__pyarrow_result__(typed)


def _type_of(given: Any) -> dt.DataType:
    if isinstance(given, TimestampType):
        return dt.Timestamp(timezone="UTC")
    return PySparkType.to_ibis(given)


def connect(url: str, folder: Path) -> SparkBackend:
    """Return a connection to the Spark Connect server at `url` (sc://host:port).

    Raises ReportError when it does not answer, or does not see the `folder` for temporary files.
    """
    ibis.options.pyspark = Backend.Options()  # else set where Ibis finds a backend by its name
    try:
        _check_answer(url)
        session = SparkSession.builder.remote(url).getOrCreate()
        con: SparkBackend = SparkBackend().connect(session, **SETTINGS)
        con.folder = folder.absolute()
        _check_disk(con)
    except (SparkConnectGrpcException, OSError) as error:
        raise ReportError(
            f"spark_url: {url} does not answer as a Spark Connect server ({_first_line(error)}). "
            "Start it, correct spark_url, or use engine: duckdb."
        ) from error
    return con


def _check_answer(url: str) -> None:
    """Raise OSError where nobody listens: the client would try again for ten minutes."""
    host, _, port = url.removeprefix("sc://").partition(":")
    socket.create_connection((host, int(port or PORT)), PATIENCE).close()


def _check_disk(con: SparkBackend) -> None:
    seen = con.folder / ibis.util.gen_name("seen")
    pq.write_table(pa.table({"is_seen": [True]}), seen)
    try:
        con._session.read.parquet(f"file://{seen}").count()
    except PySparkException as error:
        raise ReportError(
            f"engine: Spark does not see {seen.parent} on this machine ({_first_line(error)}). "
            "Give an output folder and a temporary_folder on a disk that both share."
        ) from error
    finally:
        seen.unlink()


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200]
