"""The disclosure gate at the end of a build, over the run's own tables: see book.gate."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.base import engine
from analysis.base.dialects import Given
from analysis.base.reading import scan
from analysis.book import gate, identifiers
from analysis.contract import catalogue, stages
from analysis.run.folders import Run

KEYS = ("user_id", "session_id", "event_uuid")
"""Columns of the data contract that identify."""
REFUSED = "html-refused"
"""Where a site is put that the gate refuses, beside where it was built."""


def require_disclosable(run: Run, site: Path, given: Run | None = None) -> None:
    """Raise ReportError, naming page and cell, where the built site discloses people of the run, or
    of the tables as they were `given`; it is then moved aside, to REFUSED.
    """
    con = connect()
    try:
        sources = [*sources_of(run, con)]
        if given is not None and given.raw("users") != run.raw("users"):
            sources += raw_sources(given, con)
        gate.check(site, sources, harmless_of(run, con), run.params.min_disclosed)
    except gate.DisclosureError:
        refused = site.with_name(REFUSED)
        shutil.rmtree(refused, ignore_errors=True)
        site.rename(refused)
        raise


def connect() -> Any:
    """Return a connection that draws no bars on the terminal, as DuckDB does outside notebooks."""
    con = engine.connect()
    con.raw_sql("SET enable_progress_bar = false")
    return con


def sources_of(run: Run, con: Any) -> gate.Sources:
    """Return the raw and the clean tables of the run with their columns that identify."""
    sources = raw_sources(run, con)
    for path in (stages.USERS, stages.EVENTS):
        clean = engine.read(con, run.path_of(path))
        sources.append((path, clean, [column for column in KEYS if column in clean.columns]))
    return sources


def raw_sources(run: Run, con: Any) -> list[tuple[str, Any, list[str]]]:
    """Return the raw tables of the run with their columns that identify."""
    sources: list[tuple[str, Any, list[str]]] = []
    for name, renamed in (
        ("users", run.params.users_columns),
        ("events", run.params.events_columns),
    ):
        raw = read_given(run, name, con)
        named = {renamed.get(key, key) for key in KEYS}
        sources.append((name, raw, identifiers.identifying(raw.columns, named)))
    return sources


def read_given(run: Run, name: str, con: Any) -> Any:
    """Return the table `name` (users or events) as its files have it."""
    given = Given.of(getattr(run.params, f"{name}_format"))
    return scan(con, engine.list_files(run.raw(name), name), name, given).table


def harmless_of(run: Run, con: Any) -> set[str]:
    """Return the values that pages may state although an identifier is written in the same way: the
    groups of users, the types of event, and the words of the catalogue.
    """
    users, events = (con.read_parquet(run.path_of(p)) for p in (stages.USERS, stages.EVENTS))
    shown = [users[column] for column in run.params.group_columns if column in users.columns]
    shown.append(events.event_type)
    values = {str(v) for column in shown for v in _distinct(column)}
    words = {word for table in catalogue.tables() for c in table.columns
             for word in (c.name, c.label, *c.values, *c.values.values())}  # fmt: skip
    return values | words | {"yes", "no"}


def _distinct(column: Any) -> list[Any]:
    frame: pd.DataFrame = column.name("value").as_table().distinct().to_pyarrow().to_pandas()
    return list(frame["value"].dropna())
