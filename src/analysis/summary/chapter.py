"""The chapter on the summary: every number by its key, every check, the findings, the actions."""

import json
from collections.abc import Mapping, Sequence
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
from analysis.log.churn import Windows
from analysis.log.log import Log
from analysis.log.window import LogWindow
from analysis.model.economics import Economics
from analysis.model.uncertainty import Uncertainty
from analysis.published.case_figures import AS_PUBLISHED
from analysis.summary import actions, audiences, metrics, numbers, shortcuts
from analysis.summary.actions import Assumptions
from analysis.summary.audiences import Action
from analysis.summary.cancelled import cancellation_metrics
from analysis.summary.entries import Metrics, disclosed, with_checks
from analysis.summary.findings import checks_behind, printed, split_names
from analysis.summary.judged import describe_checks, describe_claims
from analysis.summary.materiality import behind, decide, materiality, reach
from analysis.summary.recomputed import Evidence, Figures, headline, recompute
from analysis.summary.told import Told, tell_tables
from analysis.summary.trend import growth_metrics, trend_metrics, value_at_stake
from analysis.summary.worth import AT_CHANCE, worth_suggesting

PUBLISHED = "09_published"
SNAPSHOT_COLUMNS = (
    "user_id", "snapshot_at", "split", "churned", "recency_days", "failed_intents",
)  # fmt: skip
"""Columns of the snapshots that the summary reads: the rest stays on disk."""
CHECKS_PAGE, ACTIONS_PAGE, FINDINGS_PAGE = stages.PAGES


@dataclass(frozen=True, eq=False)
class Summary(Chapter):
    """What the first page says of one run, from the artifacts of all stages in `store`."""

    stage: ClassVar[str] = stages.SUMMARY
    store: Store
    time_zone: str
    lookback_days: int
    horizon_days: int
    gap_days: int
    event_types: Mapping[str, str]
    session_gap_minutes: float
    group_columns: Sequence[str]
    min_group: int
    customer_value: float
    contact_cost: float
    incentive_cost: float
    saved_share: float
    saved_share_range: Sequence[float] | None
    customer_value_range: Sequence[float] | None
    currency: str
    holdout_share: float
    seed: int
    min_disclosed: int = 1

    @classmethod
    def read(cls, inputs: str, **parameters: Any) -> "Summary":
        """Return the chapter on the run in the folder `inputs`, with the stage's parameters."""
        return cls(Store(cls.stage, inputs), **parameters)

    @cached_property
    def log(self) -> Log:
        """The log, from which figures are computed again."""
        return Log.read(self.store)

    @property
    def window(self) -> LogWindow:
        """The days that the log covers in full."""
        return self.log.window

    @property
    def users(self) -> pd.DataFrame:
        """The clean users."""
        return self.log.users

    @cached_property
    def snapshots(self) -> pd.DataFrame:
        """Who was at risk at each snapshot: see Features.snapshots."""
        return self.store.table(stages.SNAPSHOTS, SNAPSHOT_COLUMNS)

    @cached_property
    def scored(self) -> pd.DataFrame:
        """The users scored at the end of the log."""
        return self.store.table("scores/predictions.csv")

    @cached_property
    def differences(self) -> pd.DataFrame:
        """Every comparison between groups of users."""
        return self.store.table("scores/group_differences.csv")

    @cached_property
    def quality(self) -> pd.DataFrame:
        """Columns and rules of the two tables, and how many rows break each."""
        return self.store.table("audit/quality.csv")

    @cached_property
    def figures(self) -> dict[str, Any]:
        """The figures of the published case by its own definitions."""
        figures: dict[str, Any] = self.store.json("published/figures.json")
        return figures

    @cached_property
    def shortcut_figures(self) -> dict[str, Any]:
        """What each usual shortcut would say of these tables, by name."""
        figures: dict[str, Any] = self.store.json("published/shortcuts.json")
        return figures

    @cached_property
    def is_case(self) -> bool:
        """Whether the claims of the published case are judged on these tables."""
        return bool(self.store.json("published/view.json")["is_case"])

    @cached_property
    def texts(self) -> dict[str, Any]:
        """The sentences on checks (`report`), on `shortcuts` and on the claims (`published`)."""
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
        decided = decide(pd.concat(parts, ignore_index=True), self.effects)
        return self._describe(decided)

    def _describe(self, verdicts: pd.DataFrame) -> pd.DataFrame:
        return describe_checks(
            verdicts, self.texts, self.materiality, min_disclosed=self.min_disclosed
        )

    @cached_property
    def failing(self) -> list[str]:
        """The names of the checks that fail."""
        return [str(n) for n in self.judged.loc[self.judged["status"] == "fail", "check"]]

    @cached_property
    def strikes(self) -> dict[str, list[str]]:
        """The bases that each check strikes in this run."""
        pairs = zip(self.judged["check"], self.judged["strikes"], strict=True)
        return {str(name): split_names(bases) for name, bases in pairs}

    @cached_property
    def evidence(self) -> Evidence:
        """What the headline figures are computed from."""
        windows = Windows(self.lookback_days, self.gap_days, self.horizon_days)
        verdict = self.figures_as_measured["segments_verdict"]["value"]
        return Evidence(
            self.users, self.log.user_days, self.window, windows, self.time_zone, self.min_group,
            int(self.store.json(stages.QA[1])["rows_kept"]), self.group_columns, self.snapshots,
            self.store.table(stages.TEST_SCORES), self.scored, verdict,
        )  # fmt: skip

    @cached_property
    def headline(self) -> dict[str, Any]:
        """The figures that are computed again, as the report has them: see recomputed.FIGURES."""
        latest = self.store.table("cohorts/kpis_latest.csv")
        return headline(self.figures_as_measured, latest)

    def recompute(self, suspects: pd.DataFrame) -> Figures:
        """Return the headline figures without what is suspect: see recomputed.recompute."""
        return recompute(
            self.evidence, suspects, self.log.events, self.event_types, self.session_gap_minutes
        )

    @table
    def materiality(self) -> pd.DataFrame:
        """Return how far each figure moves without what each check suspects, as far as it may be
        shown.
        """
        shown = disclosed(self.figures_as_measured, self.min_disclosed)
        hidden = [key for key, entry in shown.items() if entry["value"] is None]
        is_hidden = self.effects["figure"].isin(hidden)
        amounts = ["value", "ci_low", "ci_high", "without", "change"]
        return self.effects.assign(**{name: self.effects[name].mask(is_hidden) for name in amounts})

    @cached_property
    def effects(self) -> pd.DataFrame:
        """How far each figure moves without what each check suspects: see materiality."""
        suspects = self.store.table(stages.SUSPECTS)
        return materiality(suspects, self.headline, self.recompute)

    @cached_property
    def metrics(self) -> Metrics:
        """Every number in the book with the checks that it rests on: see materiality.behind."""
        shown = disclosed(self.figures_as_measured, self.min_disclosed)
        reached = reach(self.judged, self.effects)
        return with_checks(shown, lambda key, bases: behind(key, bases, reached))

    @cached_property
    def figures_as_measured(self) -> Metrics:
        """Every number in the book, by key: see metrics.metric."""
        events_qa, card = self.store.json(stages.QA[1]), self.store.json("model/model_card.json")
        labels = metrics.label_metrics(
            self.store.table("features/snapshot_summary.csv"),
            self.store.table("features/reactivation.csv"),
            self._facts("label_calendar").get("reason"),
        )
        at_risk = int((self.snapshots["split"] == "score").sum())
        scores = metrics.score_metrics(
            self.scored, self.differences, card, at_risk, labels["churn_rate"]["value"]
        )
        return {
            **metrics.run_metrics(
                self.users, events_qa["rows_kept"], self.window, self.horizon_days,
                self.lookback_days, self.time_zone,
            ),
            **metrics.audit_metrics(self.quality, events_qa),
            **metrics.cohort_metrics(
                self.store.table("cohorts/retention_days.csv"),
                self.store.table("cohorts/survival.csv"),
            ),
            **cancellation_metrics(
                self.store.table("cohorts/cancellations.csv"),
                self.store.table("cohorts/competing_risks.csv"),
            ),
            **labels,
            **metrics.silence_metrics(self.store.table("features/return_rates.csv")),
            **metrics.model_metrics(
                self.store.table("model/evaluation.csv"), card, self.verdicts_by_stage["06_model"]
            ),
            **scores,
            **(trend := trend_metrics(self.store.table("cohorts/churn_by_snapshot.csv"))),
            **growth_metrics(self.store.table("cohorts/growth.csv")),
            **value_at_stake(
                scores["expected_at_last_rate"], trend, self.customer_value, self.currency
            ),
            **metrics.segment_metrics(
                self.store.table("segments/cluster_selection.csv"), self._facts("clusters_exist")
            ),
            **metrics.published_metrics(self.shortcut_figures, self.is_case),
            **metrics.assumed_metrics(
                self.assumptions.economics, self.assumptions.uncertainty, self.currency
            ),
        }  # fmt: skip

    def _facts(self, check: str) -> Mapping[str, Any]:
        verdicts = self.verdicts_by_stage[checks.REGISTER[check].stage].set_index("check")
        facts: dict[str, Any] = json.loads(str(verdicts.loc[check, "facts"]))
        return facts

    @table
    def numbers(self) -> pd.DataFrame:
        """Return every number as text: see numbers.numbers_table."""
        return numbers.numbers_table(self.metrics, self.failing)

    @cached_property
    def is_list_used(self) -> bool:
        """Whether users may be chosen by score: no check strikes the list, and it beats chance."""
        flagged = self.metrics["flagged_users"]
        stands = flagged["value"] is not None and not numbers.is_struck(flagged, self.failing)
        return stands and self.metrics["model_vs_recency"]["value"] != AT_CHANCE

    @cached_property
    def campaigns(self) -> pd.DataFrame:
        """In which campaign each active user is, and who is held out: see draw_campaigns."""
        return audiences.draw_campaigns(
            self.snapshots, self.scored, self.lookback_days, self.is_list_used, self.holdout_share,
            self.seed,
        )  # fmt: skip

    @cached_property
    def suggested(self) -> list[Action]:
        """The actions that stand: see worth_suggesting."""
        drawn, costs = self.campaigns, self.assumptions.economics
        churned = self.snapshots.loc[self.snapshots["split"] == "test", "churned"]
        found = [audiences.by_score(self.scored, drawn, costs)] if len(self.scored) else []
        found += audiences.by_behaviour(self.snapshots, drawn, self.lookback_days)
        found += audiences.by_group(
            self.differences, self.users, drawn["user_id"], float(churned.mean())
        )
        elsewhere = drawn.loc[drawn["campaign"].notna() | drawn["is_holdout"], "user_id"]
        new = audiences.newcomers(
            self.metrics, self.users, self.window.end, self.horizon_days, elsewhere
        )
        found += [(audiences.NEW, new)] if new and new["size"] else []
        found += audiences.on_data(self.judged)
        ranking = self.metrics["model_vs_recency"]["value"]
        return worth_suggesting(found, len(self.scored), ranking, self.assumptions)

    @cached_property
    def assumptions(self) -> Assumptions:
        """What contacts are assumed to cost and to bring."""
        costs = Economics(
            self.customer_value, self.contact_cost, self.incentive_cost, self.saved_share
        )
        ranges = Uncertainty.of(costs, self.saved_share_range, self.customer_value_range)
        return Assumptions(costs, ranges, self.horizon_days, self.currency, self.min_disclosed)

    @table
    def actions(self) -> pd.DataFrame:
        """Return what to do, with whom, and how to prove it: see actions.table."""
        texts = read_texts(self.store.text(ACTIONS_PAGE))
        return actions.table(self.suggested, texts, self.assumptions)

    @table
    def user_actions(self) -> pd.DataFrame:
        """Return who is in which campaign that stands: `user_id`, `campaign`, `is_holdout`."""
        kept = [key for key, _ in self.suggested]
        table = self.campaigns[self.campaigns["campaign"].isin(kept)]
        listed: pd.DataFrame = table[["user_id", "campaign", "is_holdout"]]
        return listed.sort_values(["campaign", "user_id"], ignore_index=True)

    @cached_property
    def findings(self) -> dict[str, set[str]]:
        """The findings that the first page prints, each with the checks behind it."""
        status = dict(zip(self.judged["check"], self.judged["status"], strict=True))
        context = context_of(self.metrics, status)
        sentences = printed(self.store.text(FINDINGS_PAGE), context)
        return {
            name: checks_behind(kept, self.metrics, self.strikes)
            for name, kept in sentences.items()
        }

    @cached_property
    def actions_rest_on(self) -> list[set[str]]:
        """The checks behind each action."""
        return [
            checks_behind(row, self.metrics, self.strikes)
            for row in self.actions[["metrics", "rests_on"]].to_dict("records")
        ]

    @table
    def checks(self) -> pd.DataFrame:
        """Return every check of the report as readers see it: see describe_checks."""
        verdicts = to_table(self.verdicts()).assign(stage=self.stage)
        added = self._describe(verdicts)
        return pd.concat([self.judged, added], ignore_index=True)

    @table
    def shortcuts(self) -> pd.DataFrame:
        """Return the usual shortcuts beside the figures to use: see shortcuts.shortcuts_table."""
        figures = self.shortcut_figures | {
            "groups": shortcuts.groups_one_by_one(self.differences),
            "quality": shortcuts.mean_of_rules(self.quality),
        }
        return shortcuts.shortcuts_table(
            figures, self.texts["shortcuts"], self.metrics, self.failing, self.min_disclosed
        )

    @table
    def claims(self) -> pd.DataFrame:
        """Return the published claims and what the data show; none on other tables than the case's:
        see describe_claims.
        """
        as_text = {
            key: numbers.as_marked(entry, self.failing) for key, entry in self.metrics.items()
        }
        verdicts = self.verdicts_by_stage[PUBLISHED]
        return describe_claims(
            verdicts, self.texts["published"], as_text, min_disclosed=self.min_disclosed
        )

    @cached_property
    def told(self) -> Told:
        """What the tables of sentences say in other languages: see told.tell_tables."""
        return tell_tables(self)

    @table
    def comparison(self) -> pd.DataFrame:
        """Return the case's figures and those to use: see numbers.comparison."""
        printed = AS_PUBLISHED if self.is_case else {}
        few = numbers.means_of_few(self.users, self.min_disclosed)
        told = {name: figure for name, figure in self.figures.items() if name not in few}
        return numbers.comparison(told, printed, self.metrics)
