"""The stages in one process, without notebooks or files: what the studies repeat many times."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import yaml

from analysis import (
    activity,
    audit,
    clean,
    decisions,
    engine,
    evaluation,
    features,
    groups,
    logwindow,
    models,
    params,
    retention,
    scoring,
    segmentation,
    segments,
)
from analysis.checks import Verdict
from analysis.checks import cohorts as cohort_checks
from analysis.checks import data as data_checks
from analysis.checks import model as model_checks
from analysis.checks import scores as score_checks
from analysis.checks import segments as segment_checks
from analysis.checks import snapshots as snapshot_checks
from analysis.simulate import Simulation

ROOT = Path(__file__).resolve().parents[1]
P = params.load_params(ROOT / "params.yml")
WINDOWS = features.Windows(P.lookback_days, P.gap_days, P.horizon_days)


@dataclass(frozen=True)
class Tables:
    """The clean tables of a simulation, and what the stages derive from them first."""

    con: Any
    users: pd.DataFrame
    events: Any
    volume: pd.DataFrame
    window: logwindow.LogWindow
    active: Any
    qa: tuple[dict[str, Any], dict[str, Any]]


@cache
def connection() -> Any:
    """Return this process's connection, on one thread: the studies run a process a core."""
    con = engine.connect()
    con.raw_sql("SET threads = 1")
    return con


UNREAD = ["id", "device_id", "os", "app_version", "schema_version"]
TIMES = ["event_timestamp", "received_at", "created_at"]


def typed(events: pa.Table) -> pa.Table:
    """Return simulated events with their times as instants, without columns nobody reads: what
    a Parquet export holds, and read in half the time.
    """
    kept = events.drop_columns(UNREAD)
    for name in TIMES:
        at = kept.schema.get_field_index(name)
        kept = kept.set_column(at, name, kept[name].cast(pa.timestamp("us", "UTC")))
    return kept


def prepare(simulation: Simulation) -> Tables:
    """Return the clean tables of `simulation` (one without dirt), kept inside the engine until
    the next call.
    """
    con = connection()
    raw_users = con.create_table("raw_users", simulation.users, overwrite=True)
    raw_events = con.create_table("raw_events", typed(simulation.events), overwrite=True)
    users, events = clean.clean_users(raw_users), clean.clean_events(raw_events)
    kept = con.create_table("events", events.table, overwrite=True)
    con.drop_table("raw_events")
    volume = logwindow.daily_volume(kept)
    window = logwindow.infer_log_window(volume)
    active = con.create_table(
        "active", activity.activity(kept, users.table, window), overwrite=True
    )
    return Tables(con, users.table, kept, volume, window, active, (users.counts, events.counts))


def judge_data(t: Tables) -> list[Verdict]:
    """Return the verdicts of 03_audit."""
    told = t.users.merge(activity.user_spans(t.events), on="user_id", how="left")
    rules = audit.all_rules(
        told, t.users, t.events, t.window, audit.cleaning_rules(*t.qa), P.lookback_days
    )
    return data_checks.run(
        told,
        t.users,
        t.events,
        t.window,
        t.volume,
        rules,
        P.horizon_days,
        P.time_zone,
        P.event_types,
        P.session_gap_minutes,
    )


def make_snapshots(t: Tables) -> pd.DataFrame:
    """Return features.snapshots of the tables, with the default parameters."""
    return features.snapshots(
        t.active,
        t.users,
        t.window,
        WINDOWS,
        P.event_types,
        P.static_columns,
        P.session_gap_minutes,
    )


def judge_snapshots(t: Tables, table: pd.DataFrame) -> list[Verdict]:
    """Return the verdicts of 04_features."""
    back = features.reactivation(t.active, t.window, P.horizon_days)
    return snapshot_checks.run(table, t.users, back, WINDOWS)


def judge_cohorts(t: Tables) -> list[Verdict]:
    """Return the verdicts of 05_cohorts."""
    per_user = retention.user_retention(t.active, t.users, t.window, P.retention_days)
    by_day = retention.retention_days(per_user, P.retention_days, P.min_group)
    monthly = retention.retention_cohorts(t.active, t.users, t.window, P.time_zone, P.min_group)
    return cohort_checks.run(per_user, by_day, monthly, t.window, P.horizon_days, P.min_group)


@dataclass(frozen=True)
class Fitted:
    """The simplest model and the baselines on one table of snapshots, and how they did."""

    models: dict[str, Any]
    evaluation: pd.DataFrame

    @property
    def chosen(self) -> Any:
        return self.models[models.SIMPLEST]


def fit(table: pd.DataFrame, draws: int) -> Fitted:
    """Fit the simplest model; the two forests take ten times as long and are chosen rarely."""
    numeric, categorical = features.feature_columns(table)
    every = models.candidates(numeric, categorical, P.seed)
    fitted = models.fit_all({n: every[n] for n in (models.SIMPLEST, *models.BASELINES)}, table)
    economics = decisions.Economics(
        P.customer_value, P.contact_cost, P.incentive_cost, P.saved_share
    )
    scores = models.score_split(fitted, table, "test")
    limit = decisions.choose_threshold(economics)
    return Fitted(fitted, evaluation.evaluate(scores, limit, P.seed, draws))


def judge_model(table: pd.DataFrame, fitted: Fitted) -> list[Verdict]:
    """Return the verdicts of 06_model."""
    test = table[table["split"] == "test"]
    importance = models.feature_importance(fitted.chosen, test, P.seed, repeats=2)
    return model_checks.run(table, fitted.models, models.SIMPLEST, fitted.evaluation, importance)


def judge_groups(table: pd.DataFrame, users: pd.DataFrame) -> list[Verdict]:
    """Return the verdict on the comparisons between groups."""
    test = table[table["split"] == "test"]
    shown = groups.with_columns(test, users, P.group_columns)
    differences = groups.compare_groups(
        shown, "churned", groups.present(users, P.group_columns), P.min_group
    )
    return [score_checks.group_differences(differences)]


def judge_scores(table: pd.DataFrame, fitted: Fitted) -> list[Verdict]:
    """Return the other verdicts of 07_scoring."""
    now = table[table["split"] == "score"].reset_index(drop=True)
    scored, training = (
        scoring.score(fitted.chosen, now),
        models.training_scores(fitted.chosen, table),
    )
    return [
        score_checks.scoring_equals_training(fitted.chosen, table, training),
        score_checks.scored_range(fitted.chosen, table),
        score_checks.saturation(scored["proba_churn"]),
    ]


def judge_segments(t: Tables, table: pd.DataFrame, draws: int) -> list[Verdict]:
    """Return the verdicts of 08_segmentation."""
    users = features.user_features(
        t.active, t.users, t.window, P.lookback_days, P.event_types, P.session_gap_minutes
    )
    behaviour = segments.behaviour_columns(users)
    selection = segmentation.select_clusters(
        behaviour, segments.k_range(behaviour, 5), P.seed, draws, sample_rows=400
    )
    verdict = segmentation.clusters_exist(selection)
    return segment_checks.run(selection, verdict, segments.later_churn(table, P.min_group))


SNAPSHOTS = {"label_means", "label_calendar", "leakage_columns", "drift", "base_rate_drift"}
"""Checks that need the snapshots and no model."""
EVALUATED = {
    "better_than_chance": model_checks.better_than_chance,
    "better_than_base_rate": model_checks.better_than_base_rate,
}
"""Checks that need no more of a model than its evaluation."""


def judge(simulation: Simulation, checks: tuple[str, ...] = (), draws: int = 100) -> list[Verdict]:
    """Return the verdict of every check of the report on `simulation`, or, to save time, of those
    made together with `checks`.
    """
    t = prepare(simulation)
    found = judge_data(t)
    left = {*checks} - {v.check for v in found}
    if checks and not left:
        return found
    table = make_snapshots(t)
    if not checks or left & SNAPSHOTS:
        found += judge_snapshots(t, table)
    if not checks or "group_differences" in left:
        found += judge_groups(table, t.users)
    if not checks or "clusters_exist" in left:
        found += judge_segments(t, table, 20)
    if left and left <= {*SNAPSHOTS, "group_differences", "clusters_exist"}:
        return found
    fitted = fit(table, draws)
    if left and "leakage" not in left:
        metric = fitted.evaluation.query("model == @models.SIMPLEST").set_index("metric")
        return found + [judge_one(metric) for name, judge_one in EVALUATED.items() if name in left]
    found += judge_model(table, fitted)
    return found if checks else found + judge_cohorts(t) + judge_scores(table, fitted)


def check_titles() -> dict[str, str]:
    """Return the title of each check."""
    texts = yaml.safe_load((ROOT / "book" / "checks.yml").read_text(encoding="utf-8"))
    return {name: entry["title"] for name, entry in texts["report"].items()}
