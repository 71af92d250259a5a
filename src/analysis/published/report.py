"""The case's tables in the form it published them; an empty table where these data allow none."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.log.window import LogWindow
from analysis.published.clusters import CaseClusters
from analysis.published.figures import Case, published_figures
from analysis.published.model import CaseModels
from analysis.published.results import Absent
from analysis.published.scores import case_buckets, case_means, case_segments

COUNTS = (
    "null_user_id", "null_signup_date", "null_last_active_date", "temporal_inconsistencies",
    "dropped_missing_user_id", "duplicates_removed",
)  # fmt: skip
EVENT_COUNTS = (
    "null_event_uuid", "null_user_id", "null_event_timestamp", "duplicates_removed",
    "received_before_event", "created_before_received",
)  # fmt: skip


def _or_empty(table: pd.DataFrame | Absent, columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(columns=columns) if isinstance(table, Absent) else table


def figures(
    case: Case, users_qa: Mapping[str, Any], events_qa: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return every figure of the case by name: `value`, or null and the `reason` it is absent."""
    users = {name: users_qa.get(name) for name in COUNTS}
    events = {name: events_qa.get(name) for name in EVENT_COUNTS}
    found = published_figures(case, users, events)
    return {name: {"value": f.value, "reason": f.reason} for name, f in sorted(found.items())}


def latency(case: Case) -> pd.DataFrame:
    """Return the case's latency table: `statistic` and one column per delay (seconds)."""
    return case.latency.rename_axis("statistic").reset_index()


def relational(case: Case) -> pd.DataFrame:
    """Return `measure`, `value`: orphans, users without events, events per user."""
    r = case.relational
    values = {
        "orphan_events": r.orphan_events,
        "orphan_users": r.orphan_users,
        "active_users": r.active_users,
        "users_without_events": r.users_without_events,
        **{f"events_per_user_{name}": value for name, value in r.events_per_user.items()},
    }
    return pd.DataFrame({"measure": list(values), "value": [float(v) for v in values.values()]})


def user_retention(case: Case) -> pd.DataFrame:
    """Return `user_id, signup_date, cohort_month, churn_30d, events_D7, events_D30` per user."""
    table = case.retention
    return table.assign(signup_date=table["signup_date"].dt.strftime("%Y-%m-%d"))


def retention_summary(case: Case) -> pd.DataFrame:
    """Return `figure`, `users`, `rate` (0 to 1): D7, D30 and churn as the case counts them."""
    r = case.retention
    rates = {
        "D7: any event up to day 7": (r["events_D7"] > 0).mean(),
        "D30: any event up to day 30": (r["events_D30"] > 0).mean(),
        "Churn: no event up to day 30": (r["churn_30d"] == 1).mean(),
    }
    return pd.DataFrame({"figure": list(rates), "users": len(r), "rate": list(rates.values())})


def label_by_cohort(case: Case, window: LogWindow) -> pd.DataFrame:
    """Return `cohort_month`, `users`, `churn_rate` (0 to 1) and `is_covered`: whether the whole
    month lies inside the log.
    """
    known = case.retention[case.retention["signup_date"].notna()]
    table = known.groupby("cohort_month").agg(
        users=("churn_30d", "size"), churn_rate=("churn_30d", "mean")
    )
    starts = pd.to_datetime(table.index + "-01", utc=True)
    covered = (starts >= window.start) & (starts + pd.DateOffset(months=1) <= window.end)
    return table.assign(is_covered=covered).reset_index()


def model_summary(case: Case) -> pd.DataFrame:
    """Return `model, auc, threshold, precision, recall, f1` of the case's two models."""
    columns = ["model", "auc", "threshold", "precision", "recall", "f1"]
    if not isinstance(case.models, CaseModels):
        return pd.DataFrame(columns=columns)
    both = {"logistic regression": case.models.logistic, "random forest": case.models.forest}
    rows = [(name, *(getattr(m, c) for c in columns[1:])) for name, m in both.items()]
    return pd.DataFrame(rows, columns=columns)


def predictions(case: Case, window: LogWindow) -> pd.DataFrame:
    """Return the case's scored table; `scored_at_utc` is the log's end, for no clock is read."""
    columns = ["user_id", "proba_churn", "pred_churn", "threshold_used", "model_file"]
    table = _or_empty(case.scores, [*columns, "churn_percentile", "risk_segment"])
    at = window.end.strftime("%Y-%m-%dT%H:%M:%S")
    return table.assign(scored_at_utc=at)[
        [*columns, "scored_at_utc", "churn_percentile", "risk_segment"]
    ]


def means(case: Case, column: str) -> pd.DataFrame:
    """Return `column` and `avg_churn_prob` per group, highest first."""
    return _or_empty(case_means(case.scores, case.features, column), [column, "avg_churn_prob"])


def risk_summary(case: Case) -> pd.DataFrame:
    """Return `risk_segment, user_count, pct`."""
    return _or_empty(case_segments(case.scores), ["risk_segment", "user_count", "pct"])


def buckets(case: Case) -> pd.DataFrame:
    """Return the case's ten buckets: `bucket, users, mean_predicted, predicted_class_rate`."""
    columns = ["bucket", "users", "mean_predicted", "predicted_class_rate"]
    return _or_empty(case_buckets(case.scores), columns)


def cluster_profile(case: Case) -> pd.DataFrame:
    """Return the profile of the case's clusters: means, `user_count`, `pct_total`."""
    if not isinstance(case.clusters, CaseClusters):
        return pd.DataFrame(columns=["cluster", "user_count", "pct_total"])
    profile = case.clusters.profile
    return profile if "cluster" in profile else profile.rename_axis("cluster").reset_index()


def user_clusters(case: Case) -> pd.DataFrame:
    """Return the case's features of each user with its `cluster`; empty where there is none."""
    if not isinstance(case.clusters, CaseClusters):
        return pd.DataFrame(columns=["user_id", "cluster"])
    return case.features.merge(case.clusters.labels, on="user_id")
