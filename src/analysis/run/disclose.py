"""The disclosure gate at the end of a build, over the run's own tables: see book.gate."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.base import engine
from analysis.base.dialects import Given
from analysis.base.reading import scan, scan_on_spark
from analysis.book import gate, identifiers
from analysis.contract import catalogue, stages
from analysis.contract.inputs import EVENTS, USERS
from analysis.log.raw import keys_read
from analysis.run.folders import Run
from analysis.run.limits import bytes_of, engine_memory, place_for_spills

KEYS = ("user_id", "session_id", "event_uuid")
"""Columns of the data contract that identify."""
CLEAN = {"users": stages.USERS, "events": stages.EVENTS}
COLUMNS = {"users": USERS, "events": EVENTS}
Engines = Mapping[str, Any]
"""A connection for each of the two tables."""
REFUSED = "html-refused"
"""Where a site is put that the gate refuses, beside where it was built."""


def require_disclosable(run: Run, site: Path, given: Run | None = None) -> None:
    """Raise ReportError, naming page and cell, where the built site discloses people of the run, or
    of the tables as they were `given`; it is then moved aside, to REFUSED.
    """
    cons = connections(run)
    try:
        sources = [*sources_of(run, cons)]
        if given is not None and given.raw("users") != run.raw("users"):
            sources += raw_sources(given, cons)
        gate.check(site, sources, harmless_of(run, cons), run.params.min_disclosed)
    except gate.DisclosureError:
        refused = site.with_name(REFUSED)
        shutil.rmtree(refused, ignore_errors=True)
        site.rename(refused)
        raise


def connect(memory_limit: str | None = None) -> Any:
    """Return a connection that draws no bars on the terminal, as DuckDB does outside notebooks, and
    keeps to the `memory_limit` of the run.
    """
    con = engine.in_process()
    con.raw_sql("SET enable_progress_bar = false")
    if memory_limit:
        con.raw_sql(f"SET memory_limit = '{engine_memory(bytes_of(memory_limit))}'")
    return con


def connections(run: Run) -> Engines:
    """Return the connection for each table of the run: events are where they were worked on."""
    con, url, folder = connect(run.params.memory_limit), run.params.spark_url, place_for_spills(run)
    folder.mkdir(parents=True, exist_ok=True)
    events = engine.connect(url, folder) if url else con
    return {"users": con, "events": events}


def sources_of(run: Run, cons: Engines) -> gate.Sources:
    """Return the raw and the clean tables of the run with their columns that identify."""
    sources = raw_sources(run, cons)
    for name, path in CLEAN.items():
        clean = engine.read(cons[name], run.path_of(path))
        sources.append((path, clean, [column for column in KEYS if column in clean.columns]))
    return sources


def raw_sources(run: Run, cons: Engines) -> list[tuple[str, Any, list[str]]]:
    """Return the raw tables of the run with their columns that identify."""
    sources: list[tuple[str, Any, list[str]]] = []
    for name, renamed in (
        ("users", run.params.users_columns),
        ("events", run.params.events_columns),
    ):
        raw = read_given(run, name, cons[name])
        named = {renamed.get(key, key) for key in KEYS}
        sources.append((name, raw, identifiers.identifying(raw.columns, named)))
    return sources


def read_given(run: Run, name: str, con: Any) -> Any:
    """Return the table `name` (users or events) as its files have it."""
    files, mapping = engine.list_files(run.raw(name), name), getattr(run.params, f"{name}_columns")
    keys = keys_read(run.raw(name), files, COLUMNS[name], mapping)
    how = name, Given.of(getattr(run.params, f"{name}_format"))
    if engine.is_spark(con):
        return scan_on_spark(con, run.raw(name), files, *how, keys=keys).table
    return scan(con, files, *how, keys=keys).table


def harmless_of(run: Run, cons: Engines) -> set[str]:
    """Return the values that pages may state although an identifier is written in the same way: the
    groups of users, the types of event, and the words of the catalogue.
    """
    users, events = (engine.read(cons[name], run.path_of(path)) for name, path in CLEAN.items())
    shown = [users[column] for column in run.params.group_columns if column in users.columns]
    shown.append(events.event_type)
    values = {str(v) for column in shown for v in _distinct(column)}
    words = {word for table in catalogue.tables() for c in table.columns
             for word in (c.name, c.label, *c.values, *c.values.values())}  # fmt: skip
    return values | words | {"yes", "no"}


def _distinct(column: Any) -> list[Any]:
    frame: pd.DataFrame = column.name("value").as_table().distinct().to_pyarrow().to_pandas()
    return list(frame["value"].dropna())
