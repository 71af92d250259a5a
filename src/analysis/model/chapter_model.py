"""The chapter on the model: which one is used, how good it is, and whom it pays to contact."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from analysis.base.errors import Unavailable
from analysis.base.unavailable import reason_of, require
from analysis.contract import stages
from analysis.contract.chapter import Chapter, frame, table
from analysis.contract.store import Store
from analysis.model import (  # noqa: F401 (two register checks)
    baselines,
    candidates,
    curves,
    dependence,
    economics,
    evaluation,
    features,
    importance,
    leaks,
    learning,
    sampling,
    selection,
    stored,
    thresholds,
)
from analysis.model.candidates import CANDIDATES, Floats
from analysis.model.economics import Economics
from analysis.model.uncertainty import Uncertainty


@dataclass(frozen=True, eq=False)
class Model(Chapter):
    """Models trained, calibrated and tested on the snapshots `given`, and what they are worth.

    One of the `models` is used; `shuffles` are the repeats of the importance. A study that
    fits hundreds of models takes fewer of both. `currency` is what the amounts are in. Where the
    `snapshots` are a sample, `all_rows` has the rows that each split has in all.
    """

    stage: ClassVar[str] = "06_model"
    given: pd.DataFrame
    customer_value: float
    contact_cost: float
    incentive_cost: float
    saved_share: float
    saved_share_range: Sequence[float] | None
    customer_value_range: Sequence[float] | None
    capacity: int | None
    min_group: int
    bootstrap_draws: int
    most_learned: int
    seed: int
    models: Sequence[str] = CANDIDATES
    shuffles: int = 3
    min_disclosed: int = 1
    currency: str = ""
    all_rows: sampling.RowCounts | None = None

    @classmethod
    def read(cls, inputs: str, **parameters: Any) -> "Model":
        """Return the chapter on the snapshots in the folder `inputs`, of which only those enter
        memory that it learns from or is tested on.
        """
        path = Store(cls.stage, inputs).path(stages.SNAPSHOTS)
        drawn = {name: parameters[name] for name in ("most_learned", "seed")}
        rows, all_rows = sampling.read_learned(path, **drawn)
        return cls(rows, all_rows=all_rows, **parameters)

    @cached_property
    def snapshots(self) -> pd.DataFrame:
        """The `given` ones, or those of the users learned from and of the test: see sampling."""
        return sampling.learned(self.given, self.most_learned, self.seed)

    @property
    def _rows_in_all(self) -> sampling.RowCounts | None:
        """Rows of each split before a sample was drawn; None where none was."""
        is_sample = len(self.snapshots) < len(self.given)
        return self.all_rows or (sampling.count_rows(self.given) if is_sample else None)

    @property
    def economics(self) -> Economics:
        """What a contact costs and brings."""
        return Economics(
            self.customer_value, self.contact_cost, self.incentive_cost, self.saved_share
        )

    @property
    def uncertainty(self) -> Uncertainty:
        """How far the saved share and the value may be off."""
        return Uncertainty.of(self.economics, self.saved_share_range, self.customer_value_range)

    @cached_property
    def pipelines(self) -> dict[str, Any]:
        """The unfitted candidates and baselines by name: see candidates.pipelines."""
        every = candidates.pipelines(*features.feature_columns(self.snapshots), self.seed)
        wanted = (*self.models, *candidates.BASELINES)
        return {name: pipeline for name, pipeline in every.items() if name in wanted}

    @cached_property
    def why_not(self) -> str | None:
        """Why no model can be trained and calibrated on these snapshots; None if one can."""
        return candidates.why_not(self.snapshots)

    def _require_model(self) -> None:
        if self.why_not:
            raise Unavailable(self.why_not)

    @cached_property
    def _choice(self) -> tuple[str, pd.DataFrame]:
        self._require_model()
        return selection.choose_model(self.pipelines, self.snapshots)

    @property
    def chosen(self) -> str:
        """Name of the model in use."""
        return self._choice[0]

    @table
    def model_choice(self) -> pd.DataFrame:
        """Return the comparison that chose the model: see selection.choose_model."""
        return self._choice[1]

    @table
    def learning_curve(self) -> pd.DataFrame:
        """Return what more users would teach: see learning.learning_curve."""
        return learning.learning_curve(
            self.pipelines[self.chosen], self.snapshots, self.chosen_scores, self.seed
        )

    @cached_property
    def fitted(self) -> dict[str, Any]:
        """Every model, fitted and calibrated, by name."""
        self._require_model()
        return candidates.fit_all(self.pipelines, self.snapshots)

    @property
    def churn_model(self) -> Any:
        """The model in use, calibrated. Raises Unavailable where there is none: see why_not."""
        return self.fitted[self.chosen]

    @cached_property
    def calibration_scores(self) -> pd.DataFrame:
        """What each model gives the users of the calibration snapshot."""
        return candidates.score_split(self.fitted, self.snapshots, "calibrate")

    @cached_property
    def test_scores(self) -> pd.DataFrame:
        """What each model gives the users of the test snapshot."""
        return candidates.score_split(self.fitted, self.snapshots, "test")

    @table
    def chosen_scores(self) -> pd.DataFrame:
        """Return `user_id`, `churned` and `proba` (of the model in use) on the test snapshot."""
        scores = self.test_scores[["user_id", "churned", self.chosen]]
        return scores.rename(columns={self.chosen: "proba"})

    @cached_property
    def threshold(self) -> float:
        """The probability from which a user is contacted: see economics.choose_threshold."""
        proba = self.calibration_scores[self.chosen].to_numpy()
        return economics.choose_threshold(self.economics, proba, self.capacity)

    @property
    def proba(self) -> Floats:
        """Probabilities of the model in use on the test snapshot."""
        return self.test_scores[self.chosen].to_numpy(dtype=float)

    @property
    def churned(self) -> Floats:
        """Outcomes of the test snapshot: 1 left, 0 stayed."""
        return self.test_scores["churned"].to_numpy(dtype=float)

    @cached_property
    def test_evaluation(self) -> pd.DataFrame:
        """Every metric of every model on the test snapshot: see evaluation.evaluate."""
        return evaluation.evaluate(
            self.test_scores, self.threshold, self.seed, self.bootstrap_draws
        )

    @cached_property
    def measured(self) -> pd.DataFrame | str:
        """The metrics of the model in use, or why they say nothing: see evaluation.on_metrics."""
        self._require_model()
        reason = evaluation.too_few_outcomes(self._rows("test")["churned"])
        return reason or evaluation.metrics_of(self.test_evaluation, self.chosen)

    @table
    def evaluation(self) -> pd.DataFrame:
        """Return every metric on the test snapshot and one snapshot earlier."""
        earlier = evaluation.evaluate_earlier(
            self.pipelines,
            self.chosen,
            self.snapshots,
            self.threshold,
            self.seed,
            self.bootstrap_draws,
        )
        return evaluation.both_origins(self.test_evaluation, earlier)

    @table
    def evaluation_chosen(self) -> pd.DataFrame:
        """Return the metrics of the model in use: see evaluation.side_by_side."""
        return evaluation.side_by_side(self.test_evaluation, self.chosen)

    @table
    def evaluation_origins(self) -> pd.DataFrame:
        """Return the main metrics at both origins: see evaluation.compare_origins."""
        return evaluation.compare_origins(self.evaluation, self.chosen)

    @frame
    def roc_auc_by_model(self) -> pd.DataFrame:
        """The ROC AUC of each model on the test snapshot."""
        return evaluation.of_metric(self.test_evaluation, "roc_auc")

    @property
    def in_use(self) -> str:
        """Name of the model in use, for charts; empty where there is none."""
        return "" if self.why_not else self.chosen

    @frame
    def gain_over_recency(self) -> pd.DataFrame:
        """The ROC AUC of the model in use minus that of the last visit alone, as one row."""
        gains = evaluation.of_metric(self.test_evaluation, "roc_auc_minus_recency")
        return gains[gains["model"] == self.chosen]

    @frame
    def dependence(self) -> pd.DataFrame:
        """Churn by the columns that the model relies on most: see dependence.dependence."""
        importances = require(self.feature_importance)
        return dependence.dependence(
            require(self.chosen_scores), self._rows("test"), importances, self.min_group
        )

    @property
    def base_rate(self) -> float:
        """The share of users of the test snapshot who left; NaN without any."""
        return float(self._rows("test")["churned"].mean())

    @table
    def roc_points(self) -> pd.DataFrame:
        """Return the ROC curves: see curves.roc_points."""
        return curves.roc_points(self.test_scores, self.min_disclosed)

    @table
    def pr_points(self) -> pd.DataFrame:
        """Return the precision-recall curves: see curves.pr_points."""
        return curves.pr_points(self.test_scores, self.min_disclosed)

    @table
    def threshold_sweep(self) -> pd.DataFrame:
        """Return what each threshold would have given: see curves.threshold_sweep."""
        return curves.threshold_sweep(self.test_scores, self.economics)

    @table
    def calibration(self) -> pd.DataFrame:
        """Return what was predicted and what happened: see curves.calibration_table."""
        return curves.calibration_table(self.churned, self.proba)

    @table
    def lift(self) -> pd.DataFrame:
        """Return churn by tenth of the users: see curves.lift_table."""
        return curves.lift_table(self.churned, self.proba, self.seed, self.bootstrap_draws)

    @table
    def feature_importance(self) -> pd.DataFrame:
        """Return what each column is worth on the test: see importance.feature_importance."""
        return importance.feature_importance(
            self.churn_model, self._rows("test"), self.seed, self.shuffles
        )

    @table
    def profit(self) -> pd.DataFrame:
        """Return the profit as the list of contacts grows: see economics.profit_curve."""
        return economics.profit_curve(self.proba, self.economics, self.churned)

    @property
    def contacted(self) -> int:
        """Users of the test snapshot at or above the threshold; 0 without a profit curve."""
        return 0 if reason_of(self.profit) else int((self.proba >= self.threshold).sum())

    @table
    def sensitivity(self) -> pd.DataFrame:
        """Return the decision under other assumptions: see economics.sensitivity_grid."""
        saved = sorted({self.saved_share, *self.uncertainty.saved_share})
        values = sorted({self.customer_value, *self.uncertainty.customer_value})
        return economics.sensitivity_grid(self.proba, self.economics, saved, values)

    @table
    def maximum_profit(self) -> pd.DataFrame:
        """Return the maximum profit of each model: see economics.maximum_profits."""
        belief = self.uncertainty.belief(self.saved_share)
        return economics.maximum_profits(self.test_scores, self.economics, belief)

    @table
    def segment_thresholds(self) -> pd.DataFrame:
        """Return each group's own threshold: see thresholds.thresholds_by_column."""
        scores = self.calibration_scores.rename(columns={self.chosen: "proba_churn"})
        _, categorical = features.feature_columns(self.snapshots)
        if not categorical:
            raise Unavailable(
                "The model uses no column that divides users into groups. Name such a column of "
                "the users in static_columns in params.yml."
            )
        return thresholds.thresholds_by_column(
            scores, self.snapshots, categorical, self.threshold, self.min_group
        )

    @table
    def training_scores(self) -> pd.DataFrame:
        """Return the scores of the training rows: see stored.training_scores."""
        return stored.training_scores(self.churn_model, self.snapshots)

    @cached_property
    def model_card(self) -> dict[str, Any]:
        """What a reader of the stored model must know: see stored.model_card; without a model,
        why there is none: see stored.empty_card.
        """
        rule = economics.threshold_rule(self.capacity)
        if self.why_not:
            card = stored.empty_card(self.snapshots, rule, self.why_not)
        else:
            card = stored.model_card(
                self.churn_model, self.snapshots, self.chosen, self.threshold, rule
            )
        return stored.with_all_rows(card, self._rows_in_all)

    def _rows(self, split: str) -> pd.DataFrame:
        return self.snapshots[self.snapshots["split"] == split]

    @property
    def stored_model(self) -> Any:
        """The model as it is stored: None where there is none."""
        return None if self.why_not else self.churn_model

    def save(self, name: str, value: Any, path: str) -> None:
        """Write one artifact; the model in the format of skops."""
        if name == "stored_model":
            stored.save_model(value, Path(path))
        else:
            super().save(name, value, path)
