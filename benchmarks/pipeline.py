"""The stages in one process, without notebooks or files: what the studies repeat many times."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
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


def prepare(simulation: Simulation) -> Tables:
    """Return the clean tables of `simulation`, kept inside the engine."""
    con = engine.connect()
    raw_users = con.create_table("raw_users", simulation.users)
    raw_events = con.create_table("raw_events", simulation.events)
    users, events = clean.clean_users(raw_users), clean.clean_events(raw_events)
    kept = con.create_table("events", events.table)
    volume = logwindow.daily_volume(kept)
    window = logwindow.infer_log_window(volume)
    active = con.create_table("active", activity.activity(kept, users.table, window))
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


def judge_model(table: pd.DataFrame, users: pd.DataFrame, draws: int) -> list[Verdict]:
    """Return the verdicts of 06_model and 07_scoring."""
    numeric, categorical = features.feature_columns(table)
    every = models.candidates(numeric, categorical, P.seed)
    chosen = models.SIMPLEST  # the two forests take ten times as long and are chosen rarely
    fitted = models.fit_all({name: every[name] for name in (chosen, *models.BASELINES)}, table)
    economics = decisions.Economics(
        P.customer_value, P.contact_cost, P.incentive_cost, P.saved_share
    )
    scores = models.score_split(fitted, table, "test")
    limit = decisions.choose_threshold(economics)
    found = evaluation.evaluate(scores, limit, P.seed, draws)
    test = table[table["split"] == "test"]
    importance = models.feature_importance(fitted[chosen], test, P.seed, repeats=2)
    verdicts = model_checks.run(table, fitted, chosen, found, importance)
    now = table[table["split"] == "score"].reset_index(drop=True)
    scored = scoring.score(fitted[chosen], now)
    shown = groups.with_columns(test, users, P.group_columns)
    differences = groups.compare_groups(
        shown, "churned", groups.present(users, P.group_columns), P.min_group
    )
    training = models.training_scores(fitted[chosen], table)
    return verdicts + score_checks.run(fitted[chosen], table, training, scored, differences)


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


def judge(simulation: Simulation, checks: tuple[str, ...] = (), draws: int = 100) -> list[Verdict]:
    """Return the verdict of every check of the report on `simulation`, or, to save time, of the
    stages up to the one that makes the last of `checks`.
    """
    t = prepare(simulation)
    verdicts = judge_data(t)
    if not checks or {*checks} - {v.check for v in verdicts}:
        table = make_snapshots(t)
        verdicts += judge_snapshots(t, table)
        if not checks or {*checks} - {v.check for v in verdicts}:
            verdicts += judge_cohorts(t) + judge_model(table, t.users, draws)
        if not checks:
            verdicts += judge_segments(t, table, 20)
    t.con.disconnect()
    return verdicts


def check_titles() -> dict[str, str]:
    """Return the title of each check."""
    texts = yaml.safe_load((ROOT / "book" / "checks.yml").read_text(encoding="utf-8"))
    return {name: entry["title"] for name, entry in texts["report"].items()}
