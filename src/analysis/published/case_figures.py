"""The case in one run, and its figures in one dictionary."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isnan
from typing import Any

import pandas as pd
from ibis import Table

from analysis.published import case_clusters as clusters
from analysis.published import case_model as model
from analysis.published import case_scores as scores
from analysis.published import case_tables as tables
from analysis.published.results import Absent, Figure, Value

MEANS_BY = {"country": "country", "device": "device", "subscription_type": "subscription"}

# Printed by the case. The forest's depend on the version of scikit-learn: shown, not reached.
AS_PUBLISHED: dict[str, Value] = {
    "users.null_user_id": 0,
    "users.null_signup_date": 0,
    "users.null_last_active_date": 0,
    "users.temporal_inconsistencies": 0,
    "users.dropped_missing_user_id": 0,
    "users.duplicates_removed": 0,
    "events.null_event_uuid": 0,
    "events.null_user_id": 0,
    "events.null_event_timestamp": 0,
    "events.duplicates_removed": 0,
    "events.received_before_event": 0,
    "events.created_before_received": 133_206,
    "latency.delay_event_created.mean": 0.0,
    "latency.delay_created_received.mean": 1.0004,
    "latency.delay_event_received.mean": 1.0004,
    "latency.delay_event_received.std": 0.8175225878940974,
    "relational.orphan_events": 0,
    "relational.active_users": 5_000,
    "relational.events_per_user.mean": 40.0,
    "relational.events_per_user.std": 14.204504693607523,
    "relational.events_per_user.min": 22,
    "relational.events_per_user.25%": 31,
    "relational.events_per_user.50%": 33,
    "relational.events_per_user.75%": 40,
    "relational.events_per_user.max": 82,
    "features.rows": 5_000,
    "features.columns": 27,
    "cohorts.rows": 184,
    "cohorts.count": 22,
    "retention.d7_rate": 0.096,
    "retention.d30_rate": 0.152,
    "retention.churn_rate": 0.848,
    "logreg.auc": 0.9637304493545183,
    "logreg.threshold": 0.07078722717778423,
    "logreg.precision": 0.848,
    "logreg.recall": 1.0,
    "logreg.f1": 0.9177489177489178,
    "forest.auc": 0.7554811631082423,
    "forest.threshold": 0.3625,
    "forest.precision": 0.848,
    "forest.recall": 1.0,
    "forest.f1": 0.9177489177489178,
    "scores.mean": 0.990931,
    "scores.median": 1.0,
    "scores.mean_by_country.Peru": 0.9982578492302709,
    "scores.mean_by_country.Chile": 0.9955109554372962,
    "scores.mean_by_country.Venezuela": 0.9950592793480052,
    "scores.mean_by_country.Spain": 0.9923012338771646,
    "scores.mean_by_country.Mexico": 0.9908221427338538,
    "scores.mean_by_country.United States": 0.9905353106355909,
    "scores.mean_by_country.Colombia": 0.9900290827646195,
    "scores.mean_by_country.Argentina": 0.9783798881736173,
    "scores.mean_by_device.iOS": 0.9923132128639379,
    "scores.mean_by_device.Android": 0.990321405529211,
    "scores.mean_by_subscription.basic": 0.9924718320839157,
    "scores.mean_by_subscription.none": 0.9908861644833888,
    "scores.mean_by_subscription.premium": 0.9875638483793333,
    "segments.high.users": 1_034,
    "segments.medium.users": 1_967,
    "segments.low.users": 1_999,
    "segments.high.rate": 0.2068,
    "segments.medium.rate": 0.3934,
    "segments.low.rate": 0.3998,
    "clusters.k": 2,
    "clusters.0.rate": 0.3884,
    "clusters.1.rate": 0.6116,
}


USERS_COUNTS = (
    "null_user_id", "null_signup_date", "null_last_active_date", "temporal_inconsistencies",
    "dropped_missing_user_id", "duplicates_removed",
)  # fmt: skip
EVENTS_COUNTS = (
    "null_event_uuid", "null_user_id", "null_event_timestamp", "duplicates_removed",
    "received_before_event", "created_before_received",
)  # fmt: skip
"""Counts of the two cleaning steps that the case printed."""


@dataclass(frozen=True, eq=False)
class Case:
    """The whole case on cleaned `users` and `events` (Ibis); `jobs` fit the forest.

    Each table and model is made when first asked for; Absent where these tables cannot give it.
    """

    users: pd.DataFrame
    events: Table
    seed: int = 42
    jobs: int = 2

    @cached_property
    def features(self) -> pd.DataFrame:
        """See case_tables.case_features."""
        return tables.case_features(self.users, self.events)

    @cached_property
    def cohorts(self) -> pd.DataFrame:
        """See case_tables.case_cohorts."""
        return tables.case_cohorts(self.users, self.events)

    @cached_property
    def retention(self) -> pd.DataFrame:
        """See case_tables.case_retention."""
        return tables.case_retention(self.users, self.events)

    @cached_property
    def relational(self) -> tables.Relational:
        """See case_tables.case_relational."""
        return tables.case_relational(self.users, self.events)

    @cached_property
    def latency(self) -> pd.DataFrame:
        """See case_tables.case_latency."""
        return tables.case_latency(self.events)

    @cached_property
    def models(self) -> model.CaseModels | Absent:
        """See case_model.case_models."""
        return model.case_models(self.features, self.retention, self.seed, self.jobs)

    @cached_property
    def scores(self) -> pd.DataFrame | Absent:
        """See case_scores.case_scores."""
        return scores.case_scores(self.features, self.models)

    @cached_property
    def clusters(self) -> clusters.CaseClusters | Absent:
        """See case_clusters.case_clusters."""
        return clusters.case_clusters(self.features, self.seed)


def figures_record(
    case: Case, users_qa: Mapping[str, Any], events_qa: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return every figure of the case by name: `value`, or null and the `reason` it is absent."""
    users = {name: users_qa.get(name) for name in USERS_COUNTS}
    events = {name: events_qa.get(name) for name in EVENTS_COUNTS}
    figures = published_figures(case, users, events)
    return {name: {"value": f.value, "reason": f.reason} for name, f in sorted(figures.items())}


def published_figures(
    case: Case,
    users_counts: Mapping[str, int | None],
    events_counts: Mapping[str, int | None],
) -> dict[str, Figure]:
    """Return the case's figures by name: shares 0 to 1, delays in seconds, the rest counts and
    scores. A figure that these tables cannot give has no value and says why.

    The counts are those of the two cleaning steps; a count that is None was not possible.
    """
    figures = {
        **_count_figures("users", users_counts),
        **_count_figures("events", events_counts),
        **_latency_figures(case.latency),
        **_relational_figures(case.relational),
        **_retention_figures(case),
        **_model_figures(case.models),
        **_score_figures(case),
        **_cluster_figures(case.clusters),
    }
    expected = [name for name in AS_PUBLISHED if ".mean_by_" not in name]
    missing = [name for name in expected if name not in figures]
    return figures | {name: Figure(None, _why_absent(name, case)) for name in missing}


def _count_figures(table: str, counts: Mapping[str, int | None]) -> dict[str, Figure]:
    reason = f"{table}: the column is not there"
    return {
        f"{table}.{name}": Figure(value, None if value is not None else reason)
        for name, value in counts.items()
    }


def _latency_figures(latency: pd.DataFrame) -> dict[str, Figure]:
    return {
        f"latency.{delay}.{row}": _number(value)
        for delay in latency
        for row, value in latency[delay].items()
    }


def _relational_figures(relational: tables.Relational) -> dict[str, Figure]:
    counts = ("orphan_events", "orphan_users", "active_users", "users_without_events")
    spread = {
        f"relational.events_per_user.{row}": _number(value)
        for row, value in relational.events_per_user.items()
    }
    return {f"relational.{name}": Figure(getattr(relational, name)) for name in counts} | spread


def _retention_figures(case: Case) -> dict[str, Figure]:
    return {
        "features.rows": Figure(len(case.features)),
        "features.columns": Figure(case.features.shape[1]),
        "cohorts.rows": Figure(len(case.cohorts)),
        "cohorts.count": Figure(int(case.cohorts["cohort_month"].nunique())),
        "retention.d7_rate": _number((case.retention["events_D7"] > 0).mean()),
        "retention.d30_rate": _number((case.retention["events_D30"] > 0).mean()),
        "retention.churn_rate": _number(case.retention["churn_30d"].mean()),
    }


def _model_figures(models: model.CaseModels | Absent) -> dict[str, Figure]:
    if isinstance(models, Absent):
        return {}
    names = ("auc", "threshold", "precision", "recall", "f1")
    fitted = {"logreg": models.logistic, "forest": models.forest}
    figures = {
        f"{label}.{name}": Figure(float(getattr(one, name)))
        for label, one in fitted.items()
        for name in names
    }
    counts = {"train_users": models.train_users, "test_users": models.test_users}
    return figures | {f"model.{name}": Figure(value) for name, value in counts.items()}


def _score_figures(case: Case) -> dict[str, Figure]:
    if isinstance(case.scores, Absent):
        return {}
    proba = case.scores["proba_churn"]
    figures = {"scores.mean": _number(proba.mean()), "scores.median": _number(proba.median())}
    for column, label in MEANS_BY.items():
        means = scores.case_means(case.scores, case.features, column)
        figures |= _mean_figures(label, means)
    return figures | _segment_figures(case.scores)


def _segment_figures(scored: pd.DataFrame) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for name in scores.SEGMENTS:
        users = int((scored["risk_segment"] == name).sum())
        key = f"segments.{name.split()[0].lower()}"
        figures[f"{key}.users"] = Figure(users)
        figures[f"{key}.rate"] = _number(users / len(scored))
    return figures


def _mean_figures(label: str, means: pd.DataFrame | Absent) -> dict[str, Figure]:
    if isinstance(means, Absent):
        return {f"scores.mean_by_{label}": Figure(None, means.reason)}
    groups, values = means.iloc[:, 0], means["avg_churn_prob"]
    return {
        f"scores.mean_by_{label}.{group}": _number(value)
        for group, value in zip(groups, values, strict=True)
    }


def _cluster_figures(chosen: clusters.CaseClusters | Absent) -> dict[str, Figure]:
    if isinstance(chosen, Absent):
        return {}
    best = chosen.selection["silhouette"].max()
    sizes = chosen.labels["cluster"].value_counts(normalize=True).sort_index()
    shares = {f"clusters.{cluster}.rate": _number(rate) for cluster, rate in sizes.items()}
    return {"clusters.k": Figure(chosen.k), "clusters.silhouette": _number(best)} | shares


def _why_absent(name: str, case: Case) -> str:
    part = name.split(".")[0]
    if part == "latency":
        return "events: the columns received_at and created_at are not both there"
    if part in ("users", "events"):
        return "the cleaning step did not give this count"
    owner = {"clusters": case.clusters, "scores": case.scores, "segments": case.scores}
    result = owner.get(part, case.models)
    return result.reason if isinstance(result, Absent) else "these tables have no such group"


def _number(value: Any) -> Figure:
    """Return the figure of a number, absent when it is not one (a mean of no rows)."""
    number = float(value)
    return Figure(None, "there are no rows to count") if isnan(number) else Figure(number)
