"""The stages in one process, without notebooks or files: what the studies repeat many times."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import yaml

from analysis.audit import data_checks, log_checks
from analysis.audit import measures as audit
from analysis.audit import native as native_checks
from analysis.audit import values as value_checks
from analysis.base import comparisons as groups
from analysis.base import engine
from analysis.cohorts import checks as cohort_checks
from analysis.cohorts import retention
from analysis.contract import inputs as contract_inputs
from analysis.contract import params
from analysis.contract.checks import Verdict
from analysis.log import activity, churn
from analysis.log import cleaning as clean
from analysis.log import rules as rules_of_log
from analysis.log import window as logwindow
from analysis.model import (
    decisions,
    evaluation,
    features,
    model_checks,
    models,
    score_checks,
    scoring,
    snapshot_checks,
)
from analysis.segments import checks as segment_checks
from analysis.segments import clusters as segmentation
from analysis.segments import tiers as segments
from simulation import EVENT_COLUMNS, Simulation
from simulation.rendering import IDENTIFIERS

ROOT = Path(__file__).resolve().parents[1]
P = params.load_params(ROOT / "params.yml")
WINDOWS = churn.Windows(P.lookback_days, P.gap_days, P.horizon_days)


@dataclass(frozen=True)
class Tables:
    """The clean tables of a simulation, and what the stages derive from them when asked."""

    con: Any
    users: pd.DataFrame
    events: Any
    volume: pd.DataFrame
    window: logwindow.LogWindow
    qa: tuple[dict[str, Any], dict[str, Any]]
    before: "Tables | None" = None
    """Another users table of the same log, whose snapshots may be the same."""

    @cached_property
    def active(self) -> Any:
        """The activity, kept inside the engine until that of other tables is asked for."""
        kept = activity.activity(self.events, self.users, self.window)
        return self.con.create_table("active", kept, overwrite=True)

    @cached_property
    def told(self) -> pd.DataFrame:
        """The users with the span of their events."""
        return self.users.merge(activity.user_spans(self.events), on="user_id", how="left")

    @cached_property
    def snapshots(self) -> pd.DataFrame:
        """features.snapshots of the tables, with the default parameters."""
        read = [
            name for name in ("user_id", "signup_date", *P.static_columns) if name in self.users
        ]
        if self.before is not None and self.before.users[read].equals(self.users[read]):
            return self.before.snapshots
        return features.snapshots(
            self.active,
            self.users,
            self.window,
            WINDOWS,
            P.event_types,
            P.static_columns,
            P.session_gap_minutes,
        )

    @cached_property
    def fitted(self) -> "Fitted":
        """The simplest model and the baselines on the snapshots."""
        return fit(self.snapshots, DRAWS)


@cache
def connection() -> Any:
    """Return this process's connection, on one thread: the studies run a process a core."""
    con = engine.connect()
    con.raw_sql("SET threads = 1")
    return con


UNREAD = ["id", "device_id", "os", "app_version", "schema_version"]
READ = tuple(name for name in EVENT_COLUMNS if name not in {*UNREAD, *IDENTIFIERS})
"""Columns that some check reads once the log is clean."""
READS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("log_covers_cohort", "window_is_mature", "newcomers_seen", "survivors", "signup_flow",
         "early_users_seen", "capped_histories", "log_volume", "log_users", "log_edges",
         "groups_seen", "stray_times", "last_day", "times_of_day", "machines"),
        (),
    ),
    "events_before_signup": ("event_type",),
    "clock_order": ("event_type", "received_at", "created_at"),
    "lateness": ("event_type", "received_at", "source"),
    "log_mix": ("event_type", "source", "country"),
    "automatic_events": ("event_type",),
    "identities": ("country", "session_id"),
    "sessions": ("session_id",),
    "log_amounts": ("event_type", "properties"),
}  # fmt: skip
"""Columns of events that a check reads besides who and when; of a check not named here, all."""


def columns_read(checks: Iterable[str]) -> tuple[str, ...]:
    """Return the columns of events that these checks read, in their usual order."""
    read = {"user_id", "event_timestamp"}.union(*(READS.get(check, READ) for check in checks))
    return tuple(name for name in READ if name in read)


TIMES = ["event_timestamp", "received_at", "created_at"]


def typed(events: pa.Table) -> pa.Table:
    """Return simulated events with their times as instants, without columns nobody reads: what
    a Parquet export holds, and read in half the time.
    """
    kept = events.drop_columns([name for name in UNREAD if name in events.column_names])
    for name in [name for name in TIMES if name in kept.column_names]:
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
    return Tables(con, users.table, kept, volume, window, (users.counts, events.counts))


def keep_log(events: pa.Table) -> tuple[Any, pd.DataFrame, logwindow.LogWindow]:
    """Return simulated events without dirt as cleaning leaves them (it finds nothing there, and
    takes most of the time), their daily volume and the log's window.
    """
    con = connection()
    con.con.register("written", typed(events))  # a memtable would be kept until the process ends
    raw = con.table("written").rename(event_at="event_timestamp")
    kept = con.create_table("events", clean.slim(raw), overwrite=True)
    con.con.unregister("written")
    volume = logwindow.daily_volume(kept)
    return kept, volume, logwindow.infer_log_window(volume)


def with_users(
    log: tuple[Any, pd.DataFrame, logwindow.LogWindow],
    raw_users: pd.DataFrame,
    before: Tables | None = None,
) -> Tables:
    """Return the tables of one of several users tables of one log (keep_log)."""
    con = connection()
    users = clean.clean_users(con.create_table("raw_users", raw_users, overwrite=True))
    return Tables(con, users.table, *log, (users.counts, {}), before)


def judge_data(t: Tables) -> list[Verdict]:
    """Return the verdicts of 03_audit."""
    rules = audit.all_rules(
        t.told, t.users, t.events, t.window, audit.cleaning_rules(*t.qa), P.lookback_days
    )
    return data_checks.run(
        t.told,
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


def judge_snapshots(t: Tables) -> list[Verdict]:
    """Return the verdicts of 04_features."""
    back = churn.reactivation(t.active, t.window, P.horizon_days)
    return snapshot_checks.run(t.snapshots, t.users, back, WINDOWS)


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
        shown, "churned", contract_inputs.present(users, P.group_columns), P.min_group
    )
    return [
        score_checks.group_differences(differences),
        snapshot_checks.groups_known(table, users, contract_inputs.present(users, P.group_columns)),
    ]


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


DRAWS = 100
"""Bootstrap draws of the studies."""


def judge(t: Tables) -> list[Verdict]:
    """Return the verdict of every check of the report on the tables of a simulation."""
    table = t.snapshots
    return [
        *judge_data(t),
        *judge_snapshots(t),
        *judge_groups(table, t.users),
        *judge_segments(t, table, 20),
        *judge_model(table, t.fitted),
        *judge_cohorts(t),
        *judge_scores(table, t.fitted),
    ]


def _by_rule(name: str, rules: pd.DataFrame) -> Verdict:
    return data_checks.rows_breaking(name, rules)


def _by_metric(judge_one: Callable[[pd.DataFrame], Verdict], t: Tables) -> Verdict:
    metric = t.fitted.evaluation.query("model == @models.SIMPLEST")
    return judge_one(metric.set_index("metric"))


def _label_means(t: Tables) -> Verdict:
    return snapshot_checks.label_means(churn.reactivation(t.active, t.window, P.horizon_days))


def _leakage(t: Tables) -> Verdict:
    fitted = t.fitted
    test = t.snapshots[t.snapshots["split"] == "test"]
    importance = models.feature_importance(fitted.chosen, test, P.seed, repeats=2)
    own = fitted.evaluation.query("model == @models.SIMPLEST and metric == 'roc_auc'")
    return model_checks.leakage(t.snapshots, fitted.chosen, importance, float(own["value"].iloc[0]))


ONE_BY_ONE: dict[str, Callable[[Tables], Verdict]] = {
    "log_covers_cohort": lambda t: data_checks.log_covers_cohort(t.told, t.window, P.horizon_days),
    "window_is_mature": lambda t: data_checks.window_is_mature(t.users, t.window, P.horizon_days),
    "newcomers_seen": lambda t: data_checks.newcomers_seen(t.told, t.window, P.horizon_days),
    "survivors": lambda t: data_checks.survivors(t.told, t.window, P.horizon_days),
    "early_users_seen": lambda t: data_checks.early_users_seen(t.told, t.window, P.horizon_days),
    "signup_flow": lambda t: data_checks.signup_flow(t.users, t.window, P.time_zone),
    "missing_values": lambda t: data_checks.missing_values(rules_of_log.user_rules(t.told)),
    "capped_histories": lambda t: log_checks.capped_histories(t.told),
    "signup_dates": lambda t: data_checks.signup_dates(t.users, P.time_zone),
    "events_before_signup": lambda t: _by_rule(
        "events_before_signup", rules_of_log.event_rules(t.events, t.users)
    ),
    "clock_order": lambda t: _by_rule("clock_order", rules_of_log.event_rules(t.events, t.users)),
    "double_logging": lambda t: data_checks.double_logging(audit.repeated_events(t.events)),
    "identities": lambda t: data_checks.identities(audit.identity_rules(t.events, t.users)),
    "lateness": lambda t: data_checks.lateness(
        rules_of_log.event_rules(t.events, t.users), audit.delay_by_kind(t.events, t.users)
    ),
    "impossible_values": lambda t: data_checks.impossible_values(rules_of_log.user_rules(t.told)),
    "log_volume": lambda t: log_checks.log_volume(t.volume, t.window),
    "log_mix": lambda t: log_checks.log_mix(
        audit.daily_mix(t.events, t.users, t.window, P.time_zone)
    ),
    "log_users": lambda t: log_checks.log_users(t.events, t.users, t.window, P.time_zone),
    "last_day": lambda t: log_checks.last_day(t.volume, t.window, P.time_zone),
    "times_of_day": lambda t: log_checks.times_of_day(audit.fullest_second(t.events)),
    "machines": lambda t: log_checks.machines(t.told),
    "automatic_events": lambda t: log_checks.automatic_events(
        audit.kinds_that_go_on(t.events, P.horizon_days), P.horizon_days
    ),
    "log_edges": lambda t: log_checks.log_edges(
        audit.returns_at_edges(t.events, t.users, t.window)
    ),
    "stray_times": lambda t: log_checks.stray_times(t.volume, t.window),
    "groups_seen": lambda t: value_checks.groups_seen(t.told, t.window, P.horizon_days),
    "copied_users": lambda t: value_checks.copied_users(t.users),
    "spellings": lambda t: value_checks.spellings(
        t.users, audit.kinds_that_go_on(t.events, P.horizon_days)
    ),
    "placeholders": lambda t: value_checks.placeholders(
        t.users, audit.kinds_that_go_on(t.events, P.horizon_days)
    ),
    "extreme_values": lambda t: value_checks.extreme_values(t.users),
    "sessions": lambda t: value_checks.sessions(audit.session_lengths(t.events)),
    "log_amounts": lambda t: value_checks.log_amounts(
        audit.daily_amounts(t.events, t.window, P.time_zone)
    ),
    "native_agrees": lambda t: native_checks.native_agrees(t.told),
    "native_counts": lambda t: native_checks.native_counts(
        audit.native_counts(t.users, t.events, t.window, P.event_types, P.session_gap_minutes)
    ),
    "native_label": lambda t: native_checks.native_label(t.told, P.horizon_days),
    "label_means": _label_means,
    "leakage_columns": lambda t: snapshot_checks.leakage_columns(t.snapshots, t.users),
    "drift": lambda t: snapshot_checks.drift(t.snapshots),
    "base_rate_drift": lambda t: snapshot_checks.base_rate_drift(t.snapshots),
    "population_drift": lambda t: snapshot_checks.population_drift(t.snapshots),
    "groups_known": lambda t: snapshot_checks.groups_known(
        t.snapshots, t.users, contract_inputs.present(t.users, P.group_columns)
    ),
    "group_differences": lambda t: judge_groups(t.snapshots, t.users)[0],
    "clusters_exist": lambda t: judge_segments(t, t.snapshots, 20)[0],
    "leakage": _leakage,
    "better_than_chance": lambda t: _by_metric(model_checks.better_than_chance, t),
    "better_than_base_rate": lambda t: _by_metric(model_checks.better_than_base_rate, t),
}
"""Checks by themselves, each as the report makes it: what a study of one fault asks for."""


def check_titles() -> dict[str, str]:
    """Return the title of each check."""
    texts = yaml.safe_load((ROOT / "book" / "checks.yml").read_text(encoding="utf-8"))
    return {name: entry["title"] for name, entry in texts["report"].items()}
