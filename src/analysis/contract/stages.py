"""The stages of a run, each declared once: what it reads, writes and depends on.

A name on the left is the notebook's parameter; on the right stands the artifact's path
under the run's data folder. Order, parallel runs and what can be skipped follow.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from analysis.base.errors import ReportError

RAW_USERS, RAW_EVENTS = "raw_users", "raw_events"
"""Inputs that no stage writes: the two tables of the run."""
TEXTS, ACTION_TEXTS, PAGE = "book/checks.yml", "book/actions.yml", "index.md"
"""The sentences about checks and actions, and the findings: pages of the book, not artifacts."""
OF_PROJECT = (TEXTS, ACTION_TEXTS, PAGE)

TIME = ("time_zone", "log_start", "log_end")
WINDOWS = ("lookback_days", "gap_days", "horizon_days")
ECONOMICS = ("customer_value", "contact_cost", "incentive_cost", "saved_share")


@dataclass(frozen=True)
class Stage:
    """One notebook: `name` is its file name, its handle on the command line and its log label."""

    name: str
    chapter: str
    reads: dict[str, str]
    writes: dict[str, str]
    params: tuple[str, ...] = field(default=())


USERS = {"clean_users": "clean/users.parquet"}
EVENTS = {"clean_events": "clean/events.parquet"}
BOTH = USERS | EVENTS
QA = {"users_qa": "clean/users.qa.json", "events_qa": "clean/events.qa.json"}

STAGES: tuple[Stage, ...] = (
    Stage(
        "01_clean_users",
        "Audit",
        reads={RAW_USERS: RAW_USERS},
        writes=USERS | {"users_qa": "clean/users.qa.json"},
        params=("users_columns", "time_zone"),
    ),
    Stage(
        "02_clean_events",
        "Audit",
        reads={RAW_EVENTS: RAW_EVENTS},
        writes=EVENTS | {"events_qa": "clean/events.qa.json"},
        params=("events_columns", "time_zone"),
    ),
    Stage(
        "03_audit",
        "Audit",
        reads=BOTH | QA,
        writes={
            "quality": "audit/quality.csv",
            "latency": "audit/latency.csv",
            "relational": "audit/relational.csv",
            "scorecard": "audit/scorecard.csv",
            "daily": "audit/daily_volume.csv",
            "audit_checks": "audit/checks.csv",
        },
        params=(
            *TIME,
            "lookback_days",
            "horizon_days",
            "event_types",
            "passive_event_types",
            "session_gap_minutes",
        ),
    ),
    Stage(
        "04_features",
        "Model",
        reads=BOTH,
        writes={
            "user_features": "features/user_features.parquet",
            "snapshots": "features/snapshots.parquet",
            "reactivation": "features/reactivation.csv",
            "features_checks": "features/checks.csv",
        },
        params=(
            *TIME,
            *WINDOWS,
            "event_types",
            "passive_event_types",
            "static_columns",
            "session_gap_minutes",
        ),
    ),
    Stage(
        "05_cohorts",
        "Cohorts",
        reads=BOTH,
        writes={
            "retention_cohorts": "cohorts/retention_cohorts.csv",
            "retention_table": "cohorts/retention_days.csv",
            "survival_curves": "cohorts/survival.csv",
            "user_retention": "cohorts/user_retention.parquet",
            "choices_table": "cohorts/choices.csv",
            "kpis_table": "cohorts/kpis.csv",
            "cohorts_checks": "cohorts/checks.csv",
        },
        params=(
            *TIME,
            *WINDOWS,
            "retention_days",
            "group_columns",
            "min_group",
            "event_types",
            "passive_event_types",
            "session_gap_minutes",
        ),
    ),
    Stage(
        "06_model",
        "Model",
        reads={"snapshots": "features/snapshots.parquet"},
        writes={
            "churn_model": "model/churn_model.skops",
            "model_card": "model/model_card.json",
            "evaluation_table": "model/evaluation.csv",
            "roc_points": "model/roc_points.csv",
            "pr_points": "model/pr_points.csv",
            "threshold_sweep": "model/threshold_sweep.csv",
            "calibration": "model/calibration.csv",
            "lift": "model/lift.csv",
            "feature_importance": "model/feature_importance.csv",
            "profit": "model/profit.csv",
            "sensitivity": "model/sensitivity.csv",
            "segment_thresholds": "model/segment_thresholds.csv",
            "training_scores": "model/training_scores.parquet",
            "model_checks": "model/checks.csv",
        },
        params=(*ECONOMICS, "capacity", "min_group", "bootstrap_draws", "seed"),
    ),
    Stage(
        "07_scoring",
        "Model",
        reads={
            "churn_model": "model/churn_model.skops",
            "model_card": "model/model_card.json",
            "training_scores": "model/training_scores.parquet",
            "snapshots": "features/snapshots.parquet",
            **USERS,
        },
        writes={
            "predictions": "scores/predictions.csv",
            "top_risk": "scores/top_risk.csv",
            "by_country": "scores/churn_by_country.csv",
            "by_device": "scores/churn_by_device.csv",
            "by_subscription": "scores/churn_by_subscription.csv",
            "risk_segments": "scores/risk_segments.csv",
            "group_differences": "scores/group_differences.csv",
            "scores_checks": "scores/checks.csv",
        },
        params=(
            *ECONOMICS,
            "capacity",
            "group_columns",
            "min_group",
            "high_risk_from",
            "medium_risk_from",
            "holdout_share",
            "seed",
        ),
    ),
    Stage(
        "08_segmentation",
        "Segmentation",
        reads={
            "user_features": "features/user_features.parquet",
            "snapshots": "features/snapshots.parquet",
        },
        writes={
            "user_clusters": "segments/user_clusters.parquet",
            "cluster_selection": "segments/cluster_selection.csv",
            "cluster_summary": "segments/cluster_summary.csv",
            "segments_checks": "segments/checks.csv",
        },
        params=("max_clusters", "null_draws", "min_group", "seed"),
    ),
    Stage(
        "09_published",
        "As published",
        reads=BOTH | QA,
        writes={
            "figures": "published/figures.json",
            "case_latency": "published/latency.csv",
            "case_relational": "published/relational.csv",
            "case_features": "published/user_features.parquet",
            "case_cohorts": "published/retention_cohorts.csv",
            "case_retention": "published/user_retention_metrics.csv",
            "case_predictions": "published/user_predictions.csv",
            "case_by_country": "published/churn_by_country.csv",
            "case_by_device": "published/churn_by_device.csv",
            "case_by_subscription": "published/churn_by_subscription.csv",
            "case_risk": "published/risk_segments.csv",
            "case_clusters": "published/user_clusters.csv",
            "case_cluster_summary": "published/cluster_summary.csv",
            "case_by_cohort": "published/churn_by_cohort.csv",
            "published_checks": "published/checks.csv",
        },
        params=(*TIME, "seed"),
    ),
    Stage(
        "10_summary",
        "Executive summary",
        reads={
            "texts_file": TEXTS,
            "action_texts": ACTION_TEXTS,
            "findings_page": PAGE,
            **BOTH,
            **QA,
            "quality": "audit/quality.csv",
            "reactivation": "features/reactivation.csv",
            "snapshots": "features/snapshots.parquet",
            "retention_table": "cohorts/retention_days.csv",
            "survival_curves": "cohorts/survival.csv",
            "model_card": "model/model_card.json",
            "evaluation_table": "model/evaluation.csv",
            "predictions": "scores/predictions.csv",
            "group_differences": "scores/group_differences.csv",
            "cluster_selection": "segments/cluster_selection.csv",
            "figures": "published/figures.json",
            "audit_checks": "audit/checks.csv",
            "features_checks": "features/checks.csv",
            "cohorts_checks": "cohorts/checks.csv",
            "model_checks": "model/checks.csv",
            "scores_checks": "scores/checks.csv",
            "segments_checks": "segments/checks.csv",
            "published_checks": "published/checks.csv",
        },
        writes={
            "metrics": "summary/metrics.json",
            "checks": "summary/checks.csv",
            "claims": "summary/claims.csv",
            "comparison": "summary/comparison.csv",
            "actions_table": "summary/actions.csv",
        },
        params=(*TIME, "lookback_days", "horizon_days", *ECONOMICS, "holdout_share"),
    ),
)

MANIFEST = "summary/manifest.json"
"""What a whole run was made of: written by the runner, which alone knows all of it."""


def find(name: str) -> Stage:
    """Return the stage called `name`; raises ReportError with the names that exist."""
    for stage in STAGES:
        if stage.name == name:
            return stage
    known = ", ".join(stage.name for stage in STAGES)
    raise ReportError(f"No stage is called {name!r}. Stages: {known}.")


def writer_of(stages: Iterable[Stage] = STAGES) -> dict[str, Stage]:
    """Return which stage writes each artifact; raises ReportError when two write one."""
    writers: dict[str, Stage] = {}
    for stage in stages:
        for path in stage.writes.values():
            if path in writers:
                raise ReportError(f"{path}: written by {writers[path].name} and {stage.name}.")
            writers[path] = stage
    return writers


def needs(stage: Stage, stages: Iterable[Stage] = STAGES) -> set[str]:
    """Return the names of the stages that must finish before `stage` can run."""
    writers = writer_of(stages)
    return {writers[path].name for path in stage.reads.values() if path in writers}
