"""What does a run cost on a large log, beside merely reading it?

`python -m benchmarks.scale --events 2e5 2e6` makes logs of these sizes in the engine, runs the
product's own stages on each, every one in a process of its own, and prints per stage the CPU time
(of all of it, and of the engine alone), the peak of its memory and the scans of its event-level
tables. Beside them stand a bare scan (`count` and `max` of the log's columns) and the published
case's method in plain pandas. Imports and kernels are left out: they cost the same whatever the
size.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import pandas as pd

from analysis.base.engine import LIMITS
from analysis.contract.catalogue import table_of
from analysis.run.execute import KERNEL_ENVIRONMENT
from analysis.run.limits import bytes_of, engine_memory
from benchmarks.scale_log import make_log

ROOT = Path(__file__).resolve().parents[1]
EVENT_LEVEL = (
    "01_clean_users", "02_clean_events", "03_audit", "04_features", "05_cohorts", "09_published",
)  # fmt: skip
"""Stages that read events; 09_published also fits the case's models."""
PLAIN, SCAN = "pandas", "scan"
MOST_FOR_PANDAS = 3_000_000
"""Events above which the case's method in pandas needs more memory than most machines have."""
STEPS = {
    "scan": "A bare scan", "pandas": "The case's method in pandas", "01_clean_users": "Users",
    "02_clean_events": "Events", "03_audit": "Data quality", "04_features": "Features",
    "05_cohorts": "Cohorts", "09_published": "Published case", "all stages": "All stages",
}  # fmt: skip
"""The words of the appendix for each step."""
LARGE = 0.2
"""Share of the log's rows from which a table that is scanned counts as event-level."""


def main() -> None:
    """Measure each size; print and write a table with a row per size and stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", nargs="+", type=float, default=[200_000.0])
    parser.add_argument("--stages", nargs="+", default=list(EVENT_LEVEL[:5]))
    parser.add_argument("--memory-limit", default="4GB")
    parser.add_argument("--folder", type=Path, help="where logs are kept; a temporary one if none")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--queries", action="store_true", help="print the dearest queries too")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(_measure(given.child, given.folder, given.memory_limit, given.queries)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        sizes = [_measure_size(int(n), folder, given) for n in given.events]
    if given.out:
        as_study(pd.concat(sizes, ignore_index=True)).to_csv(given.out, index=False)


def as_study(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the measured rows as the appendix shows them: the scan once, rounded, under the labels
    of the catalogue.
    """
    rows = measured.groupby(["events", "step"], sort=False, as_index=False).mean()
    rows = rows.assign(step=rows["step"].map(STEPS), peak_mb=rows["peak_mb"].round())
    rows = rows.astype({"peak_mb": "int64"})
    rows = rows.round({"cpu_seconds": 1, "in_scans": 1, "engine_in_scans": 1, "scans": 1})
    labels = {column.name: column.label for column in table_of("scale").columns}
    return rows[list(labels)].rename(columns=labels)


def _measure_size(events: int, folder: Path, given: argparse.Namespace) -> pd.DataFrame:
    place = folder / str(events)
    make_log(place, events, given.memory_limit)
    names = [SCAN, *given.stages, SCAN, *([PLAIN] if events <= MOST_FOR_PANDAS else [])]
    rows = [{"events": events, "step": name, **_run_child(name, place, given)} for name in names]
    table = pd.DataFrame(rows)
    scan = table.loc[table["step"] == SCAN, "cpu_seconds"].mean()
    table["in_scans"] = table["cpu_seconds"] / scan
    table["engine_in_scans"] = table.pop("engine_seconds") / scan
    stages = table[table["step"].isin(EVENT_LEVEL)]
    total = {"events": events, "step": "all stages", "cpu_seconds": stages["cpu_seconds"].sum(),
             "peak_mb": stages["peak_mb"].max(), "scans": stages["scans"].sum(),
             "in_scans": stages["in_scans"].sum(),
             "engine_in_scans": stages["engine_in_scans"].sum()}  # fmt: skip
    table = pd.concat([table, pd.DataFrame([total])], ignore_index=True)
    print(table.drop(columns="queries").round(1).to_string(index=False), flush=True)
    for step, queries in zip(table["step"], table["queries"], strict=True):
        for query in queries if given.queries and isinstance(queries, list) else []:
            print(f"{step}: {query[0]:.2f} s, {query[2]} rows: {' '.join(query[1].split())[:900]}")
    return table.drop(columns="queries")


def _run_child(name: str, place: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Return what `_measure` returns of a step that runs in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.scale", "--child", name, "--folder", str(place)]
    words += ["--memory-limit", given.memory_limit, *(["--queries"] if given.queries else [])]
    temporary = place / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = {**os.environ, **KERNEL_ENVIRONMENT, "TMPDIR": str(temporary),
                   LIMITS["memory_limit"]: engine_memory(bytes_of(given.memory_limit))}  # fmt: skip
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, cwd=ROOT, env=environment)
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _measure(name: str, place: Path, memory_limit: str, with_queries: bool) -> dict[str, Any]:
    """Return `cpu_seconds`, `engine_seconds` (CPU), `seconds`, `peak_mb`, `scans` and the dearest
    `queries` of one step.
    """
    step, connections = _step(name, place, memory_limit)
    Timed.seconds = 0.0
    cpu, clock = time.process_time(), time.monotonic()
    step()
    cpu, clock = time.process_time() - cpu, time.monotonic() - clock
    in_engine = Timed.seconds if connections else None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    logged = [row for con in connections for row in _queries(con)]
    events = int(place.name)
    scans = sum(scanned for _, _, scanned in logged if scanned >= LARGE * events) / events
    dearest = sorted(logged, reverse=True)[:15] if with_queries else []
    return {"cpu_seconds": cpu, "engine_seconds": in_engine, "seconds": clock, "peak_mb": peak,
            "scans": scans, "queries": dearest}  # fmt: skip


def _step(name: str, place: Path, memory_limit: str) -> tuple[Callable[[], object], list[Any]]:
    """Return what a step does, with everything imported, and the connections that it will open."""
    if name == SCAN:
        return lambda: _scan(place / "events.parquet", memory_limit), []
    if name == PLAIN:
        from benchmarks.scale_pandas import summarise

        return lambda: summarise(place / "users.parquet", place / "events.parquet"), []
    connections = _logged_connections()
    from analysis.contract import params, stages

    chapter = _chapters()[name]
    values = params.load_params(ROOT / "params.yml").model_dump()
    tables = {table: str(place / f"{table}.parquet") for table in ("users", "events")}
    kept = {key: (values | tables)[key] for key in stages.find(name).params}

    def run() -> None:
        chapter.read(str(place), **kept).write(str(place))

    return run, connections


def _chapters() -> dict[str, Any]:
    from analysis.audit import Audit
    from analysis.cohorts import Cohorts
    from analysis.log.chapters import EventsChapter, UsersChapter
    from analysis.model import Features
    from analysis.published import Published

    chapters = UsersChapter, EventsChapter, Audit, Features, Cohorts, Published
    return {chapter.stage: chapter for chapter in chapters}


def _scan(path: Path, memory_limit: str) -> None:
    """Count and find the largest value of every column of the log: what merely reading it costs."""
    with duckdb.connect(config={"memory_limit": memory_limit}) as con:
        con.execute("SET disabled_optimizers = 'statistics_propagation'")  # it reads no rows then
        con.execute(f"SELECT count(COLUMNS(*)), max(COLUMNS(*)) FROM '{path}'").arrow()


def _logged_connections() -> list[Any]:
    """Return a list to which every connection that the product opens is added; each keeps a log
    of its queries with their CPU time and the rows they scan.
    """
    from analysis.base import engine

    opened: list[Any] = []
    connect = engine.connect

    def logged(*words: Any, **options: Any) -> Any:
        con = connect(*words, **options)
        con.raw_sql("SET enable_profiling = 'no_output'")
        con.raw_sql("CALL enable_logging('Metrics')")
        con.con = Timed(con.con)
        opened.append(con)
        return con

    engine.connect = logged
    return opened


class Timed:
    """A connection or result of DuckDB whose calls are timed: what the engine does, it does in
    them, what it writes as well.
    """

    seconds: ClassVar[float] = 0.0

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._engine, name)
        if not callable(found):
            return found

        def called(*words: Any, **options: Any) -> Any:
            start = time.process_time()
            made = found(*words, **options)
            Timed.seconds += time.process_time() - start
            is_engines = isinstance(made, duckdb.DuckDBPyConnection | duckdb.DuckDBPyRelation)
            return Timed(made) if is_engines else made

        return called


METRICS = """
SELECT max(value) FILTER (metric = 'CPU_TIME')::DOUBLE AS seconds,
  max(value) FILTER (metric = 'QUERY_NAME') AS query,
  max(value) FILTER (metric = 'CUMULATIVE_ROWS_SCANNED')::BIGINT AS scanned
FROM (SELECT context_id, regexp_extract(message, '''metric'': (\\w+)', 1) AS metric,
  regexp_extract(message, '''value'': ''?(.*?)''?}$', 1, 's') AS value,
  FROM duckdb_logs WHERE type = 'Metrics')
GROUP BY context_id ORDER BY context_id
"""


def _queries(con: Any) -> list[tuple[float, str, int]]:
    """Return CPU seconds, text and rows scanned of every query of a connection. The engine counts
    a row of a Parquet file twice.
    """
    con.raw_sql("SET enable_profiling = 'no_output'; CALL disable_logging();")
    rows = con.raw_sql(METRICS).fetchall()
    return [
        (seconds or 0.0, query or "", (scanned or 0) // (2 if "read_parquet" in query else 1))
        for seconds, query, scanned in rows
        if query
    ]


if __name__ == "__main__":
    main()
