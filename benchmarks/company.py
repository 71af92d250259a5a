"""A simulated company as the report sees it: the report's own chapters, without files."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from analysis.audit import Audit
from analysis.base import engine
from analysis.base.table_file import in_memory
from analysis.cohorts import Cohorts
from analysis.contract import params, stages
from analysis.contract.chapter import Chapter, table
from analysis.contract.checks import REGISTER, Verdict
from analysis.log.activity import place, sum_by_day
from analysis.log.chapters import EventsChapter, UsersChapter
from analysis.log.events import event_types_table
from analysis.log.log import Log
from analysis.log.window import LogWindow, daily_volume, infer_log_window
from analysis.model import Features, Model, Scoring
from analysis.model.candidates import SIMPLEST
from analysis.segments import Segments
from simulation import Simulation

ROOT = Path(__file__).resolve().parents[1]
STUDIES, RUNS = ROOT / "book" / "studies", ROOT / "benchmarks" / "runs"
"""Where the results are kept that the appendix shows, and the single runs, which git leaves out."""
PARAMS = params.load_params(ROOT / "params.yml")
ROLES = {str(role): name for role, name in PARAMS.event_types.items()}
DRAWS, SHUFFLES, NULL_DRAWS, MAX_CLUSTERS, SAMPLE_ROWS = 100, 2, 20, 5, 400
"""Draws of a study's bootstrap, shuffles of each feature, draws of the nulls, clusters tried, and
users on whom they are measured: fewer than in a report, as a study makes hundreds of reports."""
OF_THE_DATA = (Audit.stage, Features.stage, Cohorts.stage)
"""Stages that say whether the headline figures stand; the rest, which judge the model and its
scores, take four fifths of the time.
"""
HEADLINES = {
    **dict.fromkeys(("retention_d1", "retention_d7", "retention_d30"), "retention"),
    **dict.fromkeys(("survival_30", "survival_60", "survival_90"), "survival"),
    "churn_rate": "churn",
    "reactivation_rate": "reactivation",
}
"""Keys of the headline figures, each with the basis that it rests on."""
UNREAD = ("id", "device_id", "os", "app_version", "schema_version")
NO_USERS = pd.DataFrame({"user_id": []})
"""Events are cleaned before anything is known of their users."""
TIMES = ("event_timestamp", "received_at", "created_at")


@cache
def connection() -> Any:
    """Return this process's connection, on one thread: the studies run one process per core."""
    con = engine.connect()
    con.raw_sql("SET threads = 1")
    return con


LAST: dict[str, str] = {}
"""Name in the engine of the last table of each kind."""


def keep_table(kind: str, rows: Any) -> Any:
    """Return `rows` as a table of the engine, in the place of the last one of its kind.

    Each has a name of its own: Ibis caches by expression, and one name for all would give the rows
    of an earlier company.
    """
    con = connection()
    if kind in LAST:
        con.drop_table(LAST[kind])
    LAST[kind] = ibis.util.gen_name(kind)
    return con.create_table(LAST[kind], rows)


def typed(events: pa.Table) -> pa.Table:
    """Return simulated events with their times as instants and without columns that say nothing
    more than the user and the identifier do: what a Parquet export holds, read in half the time.
    """
    kept = events.drop_columns([name for name in UNREAD if name in events.column_names])
    for name in [name for name in TIMES if name in kept.column_names]:
        at = kept.schema.get_field_index(name)
        has_time = len(kept[name][0].as_py()) > len("2025-01-01") if len(kept) else True
        kind = pa.timestamp("us", "UTC") if has_time else pa.date32()
        kept = kept.set_column(at, name, kept[name].cast(kind))
    return kept


def of_stage(name: str, **changed: Any) -> dict[str, Any]:
    """Return the parameters of a stage from params.yml, except those in `changed`."""
    wanted = {*stages.find(name).params} - stages.READING
    return PARAMS.model_dump(include=wanted) | changed


@dataclass(eq=False)
class Kept:
    """The latest snapshots of a log, and the users columns that they were made from."""

    columns: pd.DataFrame | None = None
    snapshots: pd.DataFrame | None = None


@dataclass(frozen=True, eq=False)
class SharedFeatures(Features):
    """Features that makes no snapshots again for a users table that gives the same ones."""

    kept: Kept

    @table
    def snapshots(self) -> pd.DataFrame:
        """Return the snapshots: see Features.snapshots."""
        names = ["user_id", "signup_date", *self.static_columns]
        columns = self.log.users[[name for name in names if name in self.log.users]]
        kept = self.kept.snapshots
        if kept is None or self.kept.columns is None or not columns.equals(self.kept.columns):
            kept = in_memory(super().snapshots)
            self.kept.columns, self.kept.snapshots = columns, kept
        return kept


@dataclass(frozen=True, eq=False)
class Company:
    """One company's log and what cleaning counted; its chapters are computed when asked for.

    `kept` is shared by companies with other users tables of the same log.
    """

    log: Log
    users_qa: Mapping[str, Any]
    events_qa: Mapping[str, Any]
    kept: Kept = field(default_factory=Kept)

    @cached_property
    def audit(self) -> Audit:
        """The chapter on data quality."""
        return Audit(self.log, self.users_qa, self.events_qa, **of_stage(Audit.stage))

    @cached_property
    def features(self) -> Features:
        """The chapter on features."""
        return SharedFeatures(self.log, **of_stage(Features.stage), kept=self.kept)

    @property
    def snapshots(self) -> pd.DataFrame:
        """The snapshots of the chapter on features."""
        snapshots: pd.DataFrame = self.features.snapshots
        return snapshots

    @cached_property
    def cohorts(self) -> Cohorts:
        """The chapter on cohorts."""
        return Cohorts(self.log, **of_stage(Cohorts.stage))

    @cached_property
    def model(self) -> Model:
        """The chapter on the model, with the simplest candidate alone and fewer draws."""
        fewer = {"models": (SIMPLEST,), "shuffles": SHUFFLES, "bootstrap_draws": DRAWS}
        return Model(self.snapshots, **of_stage(Model.stage, **fewer))

    @cached_property
    def scoring(self) -> Scoring:
        """The chapter on scoring."""
        return Scoring(self.log.users, self.snapshots, self.model, **of_stage(Scoring.stage))

    @cached_property
    def segments(self) -> Segments:
        """The chapter on segments, with fewer clusters, draws and users."""
        fewer = {
            "max_clusters": MAX_CLUSTERS, "null_draws": NULL_DRAWS, "sample_rows": SAMPLE_ROWS,
        }  # fmt: skip
        users = in_memory(self.features.user_features)
        return Segments(users, self.snapshots, **of_stage(Segments.stage, **fewer))

    def chapter_of(self, stage: str) -> Chapter:
        """Return the chapter of a stage."""
        chapters: dict[str, str] = {
            Audit.stage: "audit", Features.stage: "features", Cohorts.stage: "cohorts",
            Model.stage: "model", Scoring.stage: "scoring", Segments.stage: "segments",
        }  # fmt: skip
        chapter: Chapter = getattr(self, chapters[stage])
        return chapter

    def verdict(self, name: str) -> Verdict:
        """Return the verdict of one check, computing what it needs alone."""
        (verdict,) = self.chapter_of(REGISTER[name].stage).verdicts({name})
        return verdict

    def verdicts(self, only: Collection[str] = ()) -> list[Verdict]:
        """Return the verdict of every check of these chapters, or of the stages in `only`."""
        chapters = (Audit, Features, Scoring, Segments, Model, Cohorts)
        judged = [chapter.stage for chapter in chapters if not only or chapter.stage in only]
        return [verdict for stage in judged for verdict in self.chapter_of(stage).verdicts()]


def write_result(table: pd.DataFrame, heads: Mapping[str, str], path: Path) -> None:
    """Print the result of a study, and write it to `path` with readable `heads`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table.rename(columns=heads).to_csv(path, index=False, lineterminator="\n")
    print(table.to_string(index=False))


def company_of(simulation: Simulation) -> Company:
    """Return a simulated company, cleaned as the report cleans it; its tables are kept in the
    engine until the next call.
    """
    raw_users = keep_table("raw_users", simulation.users)
    raw_events = keep_table("raw_events", typed(simulation.events))
    users = UsersChapter(raw_users, PARAMS.time_zone)
    events = EventsChapter(raw_events, users.users, **of_stage(EventsChapter.stage))
    return Company(events.log, users.users_qa, events.events_qa)


@dataclass(frozen=True, eq=False)
class CleanLog:
    """Simulated events as cleaning leaves them, with what it counted, their volume and window,
    and the snapshots last made from them.
    """

    events: Any
    events_qa: Mapping[str, Any]
    volume: pd.DataFrame
    window: LogWindow
    kept: Kept = field(default_factory=Kept)


def keep_log(events: pa.Table) -> CleanLog:
    """Return simulated events as cleaning leaves them: what several users tables share."""
    con = connection()
    con.con.register("written", typed(events))  # a memtable would be kept until the process ends
    chapter = EventsChapter(con.table("written"), NO_USERS, **of_stage(EventsChapter.stage))
    kept, counted = keep_table("events", chapter.cleaned.table), chapter.events_qa
    con.con.unregister("written")
    volume = daily_volume(kept, PARAMS.time_zone)
    return CleanLog(kept, counted, volume, infer_log_window(volume, PARAMS.time_zone))


def with_users(log: CleanLog, raw_users: pd.DataFrame) -> Company:
    """Return the company of one of several users tables of one log."""
    raw = keep_table("raw_users", raw_users)
    users = UsersChapter(raw, PARAMS.time_zone)
    placed = place(log.events, users.users, log.window).cache()
    days = sum_by_day(
        placed.filter(placed.is_active), log.window, PARAMS.time_zone, ROLES,
        PARAMS.session_gap_minutes, list(event_types_table(placed)["event_type"].dropna()),
    )  # fmt: skip
    placed_log = Log(users.users, placed, days, log.window, log.volume)
    return Company(placed_log, users.users_qa, log.events_qa, log.kept)
