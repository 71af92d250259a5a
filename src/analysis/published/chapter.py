"""The chapter on the usual shortcuts, by the arithmetic of the published case. On the case's own
tables it also judges the case's claims.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import pandas as pd

from analysis.base.users import beside
from analysis.contract import checks, stages
from analysis.contract.chapter import Chapter, table
from analysis.contract.store import Store
from analysis.log import activity
from analysis.log.log import Log
from analysis.published import (
    case_claims,  # noqa: F401 (registers the checks of the stage)
    case_clusters,
    case_figures,
    case_model,
    case_scores,
    case_tables,
    shortcuts,
)
from analysis.published.results import known
from analysis.published.view import View, is_case


@dataclass(frozen=True, eq=False)
class Published(Chapter):
    """The case's arithmetic on one log; `users_qa` and `events_qa` are the counts of the two
    cleaning steps, `published_view` says whether the claims are judged: see view.is_case.
    """

    stage: ClassVar[str] = "09_published"
    log: Log
    users_qa: Mapping[str, Any]
    events_qa: Mapping[str, Any]
    seed: int
    published_view: View = "auto"
    min_disclosed: int = 1

    @classmethod
    def read(cls, inputs: str, **parameters: Any) -> "Published":
        """Return the chapter on the log in the folder `inputs`, with the stage's parameters."""
        store = Store(cls.stage, inputs)
        users_qa, events_qa = (store.json(path) for path in stages.QA)
        return cls(Log.read(store), users_qa, events_qa, **parameters)

    @cached_property
    def view(self) -> dict[str, bool]:
        """Whether the claims of the published case are judged on these tables."""
        return {"is_case": is_case(self.log.users, self.published_view)}

    @cached_property
    def case(self) -> case_figures.Case:
        """Every table and model of the case, made when asked for."""
        return case_figures.Case(self.log.users, self.log.events, self.seed)

    @cached_property
    def users_seen(self) -> pd.DataFrame:
        """The users with the span of all their events."""
        return beside(self.log.users, activity.user_spans(self.log.events))

    @cached_property
    def figures(self) -> dict[str, dict[str, Any]]:
        """Every figure of the case: see case_figures.figures_record."""
        return case_figures.figures_record(self.case, self.users_qa, self.events_qa)

    @cached_property
    def shortcut_figures(self) -> dict[str, dict[str, Any]]:
        """What each usual shortcut would say: see shortcuts.shortcuts_record."""
        return shortcuts.shortcuts_record(self.case, self.figures)

    @table
    def verdict_table(self) -> pd.DataFrame:
        """Return the verdicts on the case's claims; none on other tables, which cannot speak."""
        return checks.to_table(self.verdicts() if self.view["is_case"] else [])

    @table
    def case_latency(self) -> pd.DataFrame:
        """Return the case's delays: `statistic` and one column per delay (seconds)."""
        return self.case.latency.rename_axis("statistic").reset_index()

    @table
    def case_relational(self) -> pd.DataFrame:
        """Return orphans and events per user: see case_tables.relational_table."""
        return case_tables.relational_table(self.case.relational)

    @table
    def case_features(self) -> pd.DataFrame:
        """Return the case's features: see case_tables.case_features."""
        return self.case.features

    @table
    def case_cohorts(self) -> pd.DataFrame:
        """Return the case's cohorts: see case_tables.case_cohorts."""
        return self.case.cohorts

    @table
    def case_user_retention(self) -> pd.DataFrame:
        """Return the case's label of each user, `signup_date` as a date without time."""
        retention = self.case.retention
        return retention.assign(signup_date=retention["signup_date"].dt.strftime("%Y-%m-%d"))

    @table
    def case_retention(self) -> pd.DataFrame:
        """Return D7, D30 and churn as the case counts them: see case_tables.retention_summary."""
        return case_tables.retention_summary(self.case.retention)

    @table
    def case_by_cohort(self) -> pd.DataFrame:
        """Return the label by signup month: see case_tables.label_by_cohort."""
        return case_tables.label_by_cohort(self.case.retention, self.log.window)

    @table
    def case_models(self) -> pd.DataFrame:
        """Return the figures of the case's two models: see case_model.model_table."""
        return case_model.model_table(self.case.models)

    @table
    def case_predictions(self) -> pd.DataFrame:
        """Return the case's scored table: see case_scores.predictions."""
        return case_scores.predictions(self.case.scores, self.log.window)

    @table
    def case_by_country(self) -> pd.DataFrame:
        """Return the mean probability by country."""
        return self._means_by("country")

    @table
    def case_by_device(self) -> pd.DataFrame:
        """Return the mean probability by device."""
        return self._means_by("device")

    @table
    def case_by_subscription(self) -> pd.DataFrame:
        """Return the mean probability by plan."""
        return self._means_by("subscription_type")

    def _means_by(self, column: str) -> pd.DataFrame:
        return known(case_scores.case_means(self.case.scores, self.case.features, column))

    @table
    def case_risk(self) -> pd.DataFrame:
        """Return the case's risk segments: see case_scores.case_segments."""
        return known(case_scores.case_segments(self.case.scores))

    @table
    def case_buckets(self) -> pd.DataFrame:
        """Return the case's ten buckets: see case_scores.case_buckets."""
        return known(case_scores.case_buckets(self.case.scores))

    @table
    def case_clusters(self) -> pd.DataFrame:
        """Return the case's features of each user with its cluster."""
        return case_clusters.user_clusters(self.case.clusters, self.case.features)

    @table
    def case_cluster_summary(self) -> pd.DataFrame:
        """Return the profile of the case's clusters: see case_clusters.cluster_profile."""
        return case_clusters.cluster_profile(self.case.clusters)
