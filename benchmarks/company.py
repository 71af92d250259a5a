"""A simulated company as the report sees it: the report's own chapters, without files."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from analysis.audit import Audit
from analysis.base import engine
from analysis.cohorts import Cohorts
from analysis.contract import params
from analysis.contract.chapter import Chapter
from analysis.contract.checks import REGISTER, Verdict
from analysis.log.chapters import EventsChapter, UsersChapter
from analysis.log.log import Log
from analysis.model import Features, Model, Scoring
from analysis.segments import Segments
from simulation import Simulation

ROOT = Path(__file__).resolve().parents[1]
STUDIES, RUNS = ROOT / "book" / "studies", ROOT / "benchmarks" / "runs"
"""Where the results are kept that the appendix shows, and the single runs, which git leaves out."""
PARAMS = params.load_params(ROOT / "params.yml")
SIMPLEST = "logistic_regression"
DRAWS, NULL_DRAWS, MOST_CLUSTERS = 100, 20, 5
"""Draws of a study's bootstrap and of its nulls, and the clusters it tries: fewer than a report's,
for a study makes hundreds of them."""
UNREAD = ("id", "device_id", "os", "app_version", "schema_version")
TIMES = ("event_timestamp", "received_at", "created_at")


@cache
def connection() -> Any:
    """Return this process's connection, on one thread: the studies run a process a core."""
    con = engine.connect()
    con.raw_sql("SET threads = 1")
    return con


def typed(events: pa.Table) -> pa.Table:
    """Return simulated events with their times as instants and without columns that no stage
    reads: what a Parquet export holds, read in half the time.
    """
    kept = events.drop_columns([name for name in UNREAD if name in events.column_names])
    for name in [name for name in TIMES if name in kept.column_names]:
        at = kept.schema.get_field_index(name)
        kept = kept.set_column(at, name, kept[name].cast(pa.timestamp("us", "UTC")))
    return kept
