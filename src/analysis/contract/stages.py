"""The stages of a run, each declared once: what it reads, what it writes, its parameters.

`writes` gives, for each attribute of the stage's chapter, the artifact's path under the data
folder. Order, parallel runs, what can be skipped, `_toc.yml`, `data/README.md`, the gathering of
checks and what may be published follow from these declarations.
"""

from dataclasses import dataclass, field

from analysis.base.errors import ReportError

RAW = {"users": "raw/users.csv", "events": "raw/events.parquet"}
"""The simulated input tables, by the parameter that names other ones."""
READING = frozenset(f"{table}{what}" for table in RAW for what in ("", "_columns", "_format"))
"""The parameters that say where the input tables are, and how they are read."""
PAGES = ("book/checks.yml", "book/actions.yml", "index.md")
"""What the summary reads of the project itself: sentences on checks, actions and findings."""

PARTS = (
    "Trend and cohorts", "Who leaves", "What to do and how to prove it", "Segments",
    "Can it be trusted?", "Appendix",
)  # fmt: skip
"""The headings of the table of contents, in the reader's order."""

TIME = ("time_zone", "log_start", "log_end")
WINDOWS = ("lookback_days", "gap_days", "horizon_days")
ROLES = ("event_types", "session_gap_minutes")
DISCLOSED = "min_disclosed"
"""What every stage takes, for the tables and charts that it shows."""
ECONOMICS = ("customer_value", "contact_cost", "incentive_cost", "saved_share")
UNCERTAINTY = ("saved_share_range", "customer_value_range")

USERS, EVENTS = "clean/users.parquet", "clean/events.parquet"
USER_DAYS, WINDOW, VOLUME = (
    "clean/user_days.parquet", "clean/window.json", "audit/daily_volume.csv",
)  # fmt: skip
LOG = (USERS, EVENTS, USER_DAYS, WINDOW, VOLUME)
"""What every chapter on the log reads: see analysis.log.log."""
QA = ("clean/users.qa.json", "clean/events.qa.json")
SNAPSHOTS = "features/snapshots.parquet"
TOLD = "summary/told.json"
SUSPECTS, TEST_SCORES = "audit/suspects.parquet", "model/test_scores.parquet"


@dataclass(frozen=True)
class Stage:
    """One notebook: `name` is its file name, its handle on the command line and its log label.

    `part` is the heading of the table of contents under which its chapter stands.
    """

    name: str
    part: str
    reads: tuple[str, ...]
    writes: dict[str, str]
    params: tuple[str, ...] = field(default=())


SUMMARY = "10_summary"
"""The stage that gathers the verdicts of all others."""

STAGES: tuple[Stage, ...] = (
    Stage(
        "01_clean_users",
        "Appendix",
        reads=(),
        writes={
            "users": USERS,
            "users_qa": "clean/users.qa.json",
            "users_cleaning": "audit/users_cleaning.csv",
            "users_columns_found": "audit/users_columns.csv",
            "users_files": "audit/users_files.csv",
        },
        params=("users", "users_columns", "users_format", "time_zone", DISCLOSED),
    ),
    Stage(
        "02_clean_events",
        "Appendix",
        reads=(USERS,),
        writes={
            "events": EVENTS,
            "user_days": USER_DAYS,
            "window_record": WINDOW,
            "volume": VOLUME,
            "events_qa": "clean/events.qa.json",
            "events_cleaning": "audit/events_cleaning.csv",
            "event_types_found": "audit/event_types.csv",
            "events_columns_found": "audit/events_columns.csv",
            "events_files": "audit/events_files.csv",
        },
        params=(
            "events",
            "events_columns",
            "events_format",
            *TIME,
            "passive_event_types",
            "ending_event_types",
            *ROLES,
            DISCLOSED,
        ),
    ),
    Stage(
        "03_audit",
        "Can it be trusted?",
        reads=(*LOG, *QA),
        writes={
            "quality": "audit/quality.csv",
            "rules_broken": "audit/rules_broken.csv",
            "latency": "audit/latency.csv",
            "relational": "audit/relational.csv",
            "scorecard": "audit/scorecard.csv",
            "suspects": SUSPECTS,
            "verdict_table": "audit/checks.csv",
        },
        params=("time_zone", "lookback_days", "horizon_days", *ROLES, "closed_days", DISCLOSED),
    ),
    Stage(
        "04_features",
        "Appendix",
        reads=LOG,
        writes={
            "user_features": "features/user_features.parquet",
            "snapshots": SNAPSHOTS,
            "snapshot_summary": "features/snapshot_summary.csv",
            "reactivation": "features/reactivation.csv",
            "return_rates": "features/return_rates.csv",
            "feature_summary": "features/feature_summary.csv",
            "verdict_table": "features/checks.csv",
        },
        params=("time_zone", *WINDOWS, *ROLES, "static_columns", DISCLOSED),
    ),
    Stage(
        "05_cohorts",
        "Trend and cohorts",
        reads=LOG,
        writes={
            "retention_cohorts": "cohorts/retention_cohorts.csv",
            "retention_by_day": "cohorts/retention_days.csv",
            "survival": "cohorts/survival.csv",
            "survival_milestones": "cohorts/survival_milestones.csv",
            "cancellations": "cohorts/cancellations.csv",
            "competing_risks": "cohorts/competing_risks.csv",
            "user_retention": "cohorts/user_retention.parquet",
            "choices": "cohorts/choices.csv",
            "kpis": "cohorts/kpis.csv",
            "kpis_latest": "cohorts/kpis_latest.csv",
            "growth": "cohorts/growth.csv",
            "churn_by_snapshot": "cohorts/churn_by_snapshot.csv",
            "verdict_table": "cohorts/checks.csv",
        },
        params=(
            "time_zone",
            *WINDOWS,
            "retention_days",
            "group_columns",
            "min_group",
            DISCLOSED,
        ),
    ),
    Stage(
        "06_model",
        "Who leaves",
        reads=(SNAPSHOTS,),
        writes={
            "stored_model": "model/churn_model.skops",
            "model_card": "model/model_card.json",
            "model_choice": "model/model_choice.csv",
            "learning_curve": "model/learning_curve.csv",
            "evaluation": "model/evaluation.csv",
            "evaluation_chosen": "model/evaluation_chosen.csv",
            "evaluation_origins": "model/evaluation_origins.csv",
            "roc_points": "model/roc_points.csv",
            "pr_points": "model/pr_points.csv",
            "threshold_sweep": "model/threshold_sweep.csv",
            "calibration": "model/calibration.csv",
            "lift": "model/lift.csv",
            "feature_importance": "model/feature_importance.csv",
            "profit": "model/profit.csv",
            "sensitivity": "model/sensitivity.csv",
            "maximum_profit": "model/maximum_profit.csv",
            "segment_thresholds": "model/segment_thresholds.csv",
            "training_scores": "model/training_scores.parquet",
            "chosen_scores": TEST_SCORES,
            "verdict_table": "model/checks.csv",
        },
        params=(
            *ECONOMICS,
            *UNCERTAINTY,
            "capacity",
            "currency",
            "min_group",
            "bootstrap_draws",
            "most_learned",
            "seed",
            DISCLOSED,
        ),
    ),
    Stage(
        "07_scoring",
        "What to do and how to prove it",
        reads=(
            USERS,
            SNAPSHOTS,
            "model/churn_model.skops",
            "model/model_card.json",
            "model/training_scores.parquet",
        ),
        writes={
            "predictions": "scores/predictions.csv",
            "top_risk": "scores/top_risk.csv",
            "by_country": "scores/churn_by_country.csv",
            "by_device": "scores/churn_by_device.csv",
            "by_subscription": "scores/churn_by_subscription.csv",
            "risk_segments": "scores/risk_segments.csv",
            "reasons": "scores/reasons.csv",
            "group_differences": "scores/group_differences.csv",
            "groups_overall": "scores/groups_overall.csv",
            "groups_against_rest": "scores/groups_against_rest.csv",
            "verdict_table": "scores/checks.csv",
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
            DISCLOSED,
        ),
    ),
    Stage(
        "08_segmentation",
        "Segments",
        reads=("features/user_features.parquet", SNAPSHOTS),
        writes={
            "user_clusters": "segments/user_clusters.parquet",
            "cluster_selection": "segments/cluster_selection.csv",
            "cluster_summary": "segments/cluster_summary.csv",
            "tier_churn": "segments/tier_churn.csv",
            "tier_limits": "segments/tier_limits.csv",
            "verdict_table": "segments/checks.csv",
        },
        params=("max_clusters", "null_draws", "min_group", "seed", DISCLOSED),
    ),
    Stage(
        "09_published",
        "Can it be trusted?",
        reads=(*LOG, *QA),
        writes={
            "view": "published/view.json",
            "figures": "published/figures.json",
            "shortcut_figures": "published/shortcuts.json",
            "case_latency": "published/latency.csv",
            "case_relational": "published/relational.csv",
            "case_features": "published/user_features.parquet",
            "case_cohorts": "published/retention_cohorts.csv",
            "case_user_retention": "published/user_retention_metrics.csv",
            "case_retention": "published/retention.csv",
            "case_models": "published/models.csv",
            "case_predictions": "published/user_predictions.csv",
            "case_by_country": "published/churn_by_country.csv",
            "case_by_device": "published/churn_by_device.csv",
            "case_by_subscription": "published/churn_by_subscription.csv",
            "case_risk": "published/risk_segments.csv",
            "case_buckets": "published/buckets.csv",
            "case_clusters": "published/user_clusters.csv",
            "case_cluster_summary": "published/cluster_summary.csv",
            "case_by_cohort": "published/churn_by_cohort.csv",
            "verdict_table": "published/checks.csv",
        },
        params=("published_view", "seed", DISCLOSED),
    ),
    Stage(
        SUMMARY,
        "Appendix",
        reads=(
            *PAGES,
            *LOG,
            *QA,
            SUSPECTS,
            TEST_SCORES,
            "audit/quality.csv",
            SNAPSHOTS,
            "features/snapshot_summary.csv",
            "features/reactivation.csv",
            "features/return_rates.csv",
            "cohorts/retention_days.csv",
            "cohorts/survival.csv",
            "cohorts/kpis_latest.csv",
            "cohorts/growth.csv",
            "cohorts/churn_by_snapshot.csv",
            "cohorts/cancellations.csv",
            "cohorts/competing_risks.csv",
            "model/model_card.json",
            "model/evaluation.csv",
            "scores/predictions.csv",
            "scores/group_differences.csv",
            "segments/cluster_selection.csv",
            "published/figures.json",
            "published/shortcuts.json",
            "published/view.json",
        ),
        writes={
            "metrics": "summary/metrics.json",
            "numbers": "summary/numbers.csv",
            "checks": "summary/checks.csv",
            "shortcuts": "summary/shortcuts.csv",
            "claims": "summary/claims.csv",
            "comparison": "summary/comparison.csv",
            "actions": "summary/actions.csv",
            "user_actions": "summary/user_actions.csv",
            "materiality": "summary/materiality.csv",
            "told": TOLD,
        },
        params=(
            "time_zone",
            *WINDOWS,
            *ROLES,
            "group_columns",
            "min_group",
            *ECONOMICS,
            *UNCERTAINTY,
            "currency",
            "holdout_share",
            "seed",
            DISCLOSED,
        ),
    ),
)

MANIFEST = "summary/manifest.json"
"""What a whole run was made of: written by the runner, which alone knows all of it."""
BILL = "summary/bill_of_materials.cdx.json"
"""The packages of the lock file with their licences, as CycloneDX."""
CRATE = "ro-crate-metadata.json"
"""The manifest in another form, as RO-Crate; the standard fixes the name."""
ABOUT_RUN = {
    MANIFEST: "What the run was made of, with checksums",
    BILL: "The packages and their licences (CycloneDX)",
    CRATE: "The manifest as RO-Crate, for other tools",
}
"""What the runner writes after the last stage, and what each holds."""


def checks_of_stages() -> dict[str, str]:
    """Return the artifact with the verdicts of each stage that has one."""
    name = "verdict_table"
    return {stage.name: stage.writes[name] for stage in STAGES if name in stage.writes}


def beside(stage: Stage) -> set[str]:
    """Return the names of the stages that may run while `stage` does: none of them waits for it,
    nor it for them.
    """
    before: dict[str, set[str]] = {}
    while len(before) < len(STAGES):
        ready = [s for s in STAGES if s.name not in before and needs(s) <= set(before)]
        before |= {s.name: needs(s).union(*(before[name] for name in needs(s))) for s in ready}
    after = {name for name, earlier in before.items() if stage.name in earlier}
    return set(before) - before[stage.name] - after - {stage.name}


def urgency(name: str) -> tuple[int, str]:
    """Return what stages are sorted by when several can run: first the one that the longest row of
    others waits for, one after the other; then by name.
    """
    following = [urgency(stage.name)[0] for stage in STAGES if name in needs(stage)]
    return min(following, default=0) - 1, name


def reads_of(stage: Stage) -> tuple[str, ...]:
    """Return every artifact that `stage` reads: the summary also reads all verdicts."""
    more = tuple(checks_of_stages().values()) if stage.name == SUMMARY else ()
    return (*stage.reads, *more)


def find(name: str) -> Stage:
    """Return the stage called `name`; raises ReportError with the names that exist."""
    for stage in STAGES:
        if stage.name == name:
            return stage
    known = ", ".join(stage.name for stage in STAGES)
    raise ReportError(f"No stage is called {name!r}. Stages: {known}.")


def up_to(name: str) -> tuple[Stage, ...]:
    """Return the stage called `name` and all those that must finish before it."""
    before = ({stage.name for stage in up_to(needed)} for needed in needs(find(name)))
    wanted = {name}.union(*before)
    return tuple(stage for stage in STAGES if stage.name in wanted)


def path_of(table: str) -> str:
    """Return the path of the artifact that a chapter's attribute `table` is written to.

    Raises ReportError when there is none.
    """
    for stage in reversed(STAGES):
        if table in stage.writes:
            return stage.writes[table]
    raise ReportError(f"No stage writes {table!r}. Declare it in contract/stages.py.")


def writer_of() -> dict[str, Stage]:
    """Return which stage writes each artifact; raises ReportError when two write one."""
    writers: dict[str, Stage] = {}
    for stage in STAGES:
        for path in stage.writes.values():
            if path in writers:
                raise ReportError(f"{path}: written by {writers[path].name} and {stage.name}.")
            writers[path] = stage
    return writers


def needs(stage: Stage) -> set[str]:
    """Return the names of the stages that must finish before `stage` can run."""
    writers = writer_of()
    return {writers[path].name for path in reads_of(stage) if path in writers}
