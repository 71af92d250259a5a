"""The chapter on the summary: every number by its key, every check, the findings, the actions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import pandas as pd

from analysis import audit, cohorts, model, published, segments  # noqa: F401 (they register checks)
from analysis.base.conditions import context_of
from analysis.base.texts import read_texts
from analysis.contract import checks, stages
from analysis.contract.chapter import Chapter, table
from analysis.contract.checks import to_table
from analysis.contract.store import Store
from analysis.log.window import LogWindow
from analysis.model.economics import Economics
from analysis.published.case_figures import AS_PUBLISHED
from analysis.summary import actions, metrics, numbers
from analysis.summary.cancelled import cancellation_metrics
from analysis.summary.findings import checks_behind, printed
from analysis.summary.judged import describe_checks, describe_claims
from analysis.summary.metrics import Metrics

PUBLISHED = "09_published"
CHECKS_PAGE, ACTIONS_PAGE, FINDINGS_PAGE = stages.PAGES


@dataclass(frozen=True, eq=False)
class Summary(Chapter):
    """What the first page says of one run, from the artifacts of all stages in `store`."""

    stage: ClassVar[str] = stages.SUMMARY
    store: Store
    time_zone: str
    lookback_days: int
    horizon_days: int
    customer_value: float
    contact_cost: float
    incentive_cost: float
    saved_share: float
    holdout_share: float

    @classmethod
    def read(cls, inputs: str, **parameters: Any) -> "Summary":
        """Return the chapter on the run in the folder `inputs`, with the stage's parameters."""
        return cls(Store(cls.stage, inputs), **parameters)

    @cached_property
    def window(self) -> LogWindow:
        """The days that the log covers in full."""
        return LogWindow.from_record(self.store.json(stages.WINDOW))

    @cached_property
    def users(self) -> pd.DataFrame:
        """The clean users."""
        return self.store.table(stages.USERS)

    @cached_property
    def snapshots(self) -> pd.DataFrame:
        """Who was at risk at each snapshot: see Features.snapshots."""
        return self.store.table(stages.SNAPSHOTS)

    @cached_property
    def scored(self) -> pd.DataFrame:
        """The users scored at the end of the log."""
        return self.store.table("scores/predictions.csv")

    @cached_property
    def differences(self) -> pd.DataFrame:
        """Every comparison between groups of users."""
        return self.store.table("scores/group_differences.csv")

    @cached_property
    def figures(self) -> dict[str, Any]:
        """The figures of the published case by its own definitions."""
        figures: dict[str, Any] = self.store.json("published/figures.json")
        return figures

    @cached_property
    def texts(self) -> dict[str, Any]:
        """The sentences on checks (`report`) and on the published claims (`published`)."""
        return read_texts(self.store.text(CHECKS_PAGE))

    @cached_property
    def verdicts_by_stage(self) -> dict[str, pd.DataFrame]:
        """The verdicts that each stage wrote."""
        paths = stages.checks_of_stages()
        return {name: self.store.table(path) for name, path in paths.items()}

    @cached_property
    def judged(self) -> pd.DataFrame:
        """The checks of all other stages, as readers see them: see describe_checks."""
        parts = [
            part.assign(stage=name)
            for name, part in self.verdicts_by_stage.items()
            if name != PUBLISHED
        ]
        return describe_checks(pd.concat(parts, ignore_index=True), self.texts["report"])

    @cached_property
    def failing(self) -> list[str]:
        """The names of the checks that fail."""
        return [str(n) for n in self.judged.loc[self.judged["status"] == "fail", "check"]]

    @cached_property
    def metrics(self) -> Metrics:
        """Every number in the book, by key: see metrics.metric."""
        events_qa, card = self.store.json(stages.QA[1]), self.store.json("model/model_card.json")
        labels = metrics.label_metrics(
            self.store.table("features/snapshot_summary.csv"),
            self.store.table("features/reactivation.csv"),
        )
        entries = {
            **metrics.run_metrics(
                self.users, events_qa["rows_kept"], self.window, self.horizon_days,
                self.lookback_days, self.time_zone,
            ),
            **metrics.audit_metrics(self.store.table("audit/quality.csv"), events_qa),
            **metrics.cohort_metrics(
                self.store.table("cohorts/retention_days.csv"),
                self.store.table("cohorts/survival.csv"),
            ),
            **cancellation_metrics(
                self.store.table("cohorts/cancellations.csv"),
                self.store.table("cohorts/competing_risks.csv"),
            ),
            **labels,
            **metrics.model_metrics(
                self.store.table("model/evaluation.csv"), card, self.verdicts_by_stage["06_model"]
            ),
            **metrics.score_metrics(
                self.scored, self.differences, card["rows"], labels["churn_rate"]["value"]
            ),
            **metrics.segment_metrics(
                self.store.table("segments/cluster_selection.csv"), self._facts("clusters_exist")
            ),
            **metrics.published_metrics(self.figures),
        }  # fmt: skip
        return metrics.with_checks(entries, self.failing)

    def _facts(self, check: str) -> Mapping[str, Any]:
        verdicts = self.verdicts_by_stage[checks.REGISTER[check].stage].set_index("check")
        facts: dict[str, Any] = json.loads(str(verdicts.loc[check, "facts"]))
        return facts

    @table
    def numbers(self) -> pd.DataFrame:
        """Return every number as text: see numbers.numbers_table."""
        return numbers.numbers_table(self.metrics, self.failing)

    @table
    def actions(self) -> pd.DataFrame:
        """Return what to do, with whom, and how to test it: see actions.table."""
        economics = Economics(
            self.customer_value, self.contact_cost, self.incentive_cost, self.saved_share
        )
        is_used = not numbers.is_struck(self.metrics["flagged_users"], self.failing)
        suggested = actions.audiences(
            self.snapshots, self.scored, self.differences, economics, self.lookback_days,
            self.horizon_days, is_used,
        )  # fmt: skip
        elsewhere = actions.taken(self.scored, is_used)
        suggested += actions.others(
            self.metrics, self.users, self.window.end, self.horizon_days, self.judged, elsewhere
        )
        texts = read_texts(self.store.text(ACTIONS_PAGE))
        return actions.table(
            suggested, texts, self.saved_share, self.holdout_share, self.horizon_days
        )

    @cached_property
    def findings(self) -> dict[str, set[str]]:
        """The findings that the first page prints, each with the checks behind it."""
        status = dict(zip(self.judged["check"], self.judged["status"], strict=True))
        context = context_of(self.metrics, status)
        sentences = printed(self.store.text(FINDINGS_PAGE), context)
        return {
            name: checks_behind(kept, self.metrics, self.failing)
            for name, kept in sentences.items()
        }

    @cached_property
    def actions_rest_on(self) -> list[set[str]]:
        """The checks behind each action."""
        return [
            checks_behind(row, self.metrics, self.failing)
            for row in self.actions[["metrics", "rests_on"]].to_dict("records")
        ]

    @table
    def checks(self) -> pd.DataFrame:
        """Return every check of the report as readers see it: see describe_checks."""
        verdicts = to_table(self.verdicts()).assign(stage=self.stage)
        added = describe_checks(verdicts, self.texts["report"])
        return pd.concat([self.judged, added], ignore_index=True)

    @table
    def claims(self) -> pd.DataFrame:
        """Return the published claims and what the data show: see describe_claims."""
        as_text = {key: numbers.as_text(entry) for key, entry in self.metrics.items()}
        verdicts = self.verdicts_by_stage[PUBLISHED]
        return describe_claims(verdicts, self.texts["published"], as_text)

    @table
    def comparison(self) -> pd.DataFrame:
        """Return the case's figures and those to use: see numbers.comparison."""
        return numbers.comparison(self.figures, AS_PUBLISHED, self.metrics)
