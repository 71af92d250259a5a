"""The chapter on scoring: who is at risk now, why, and whether groups of users differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol

import pandas as pd

from analysis.base import comparisons
from analysis.base.errors import Unavailable
from analysis.base.unavailable import reason_of, require
from analysis.contract import stages
from analysis.contract.chapter import Chapter, table
from analysis.contract.inputs import present
from analysis.contract.store import Store
from analysis.log.afterwards import known_before
from analysis.log.churn import last_outcomes
from analysis.model import certainty, importance, scoring, stored  # noqa: F401 (a check)
from analysis.model.economics import Economics

CARD, MODEL_FILE, TRAINING = (
    "model/model_card.json", "model/churn_model.skops", "model/training_scores.parquet",
)  # fmt: skip

NOBODY_AT_RISK = (
    "Nobody was active in the look-back period before the end of the log, so there is nobody to "
    "score. If the product has ended, set log_end in params.yml to a day when it was in use."
)


class Trained(Protocol):
    """A model with what scoring needs to know of it: a stored one, or the chapter Model."""

    @property
    def churn_model(self) -> Any:
        """The calibrated model."""

    @property
    def model_card(self) -> dict[str, Any]:
        """Its threshold, file and typical values."""

    @property
    def training_scores(self) -> pd.DataFrame:
        """Its scores of the training rows."""


@dataclass(frozen=True)
class StoredModel:
    """The model that the stage 06_model wrote."""

    store: Store

    @cached_property
    def churn_model(self) -> Any:
        """The calibrated model; raises Unavailable, with the card's reason, where there is none."""
        if reason := self.model_card.get("unavailable"):
            raise Unavailable(reason)
        return stored.load_model(Path(self.store.path(MODEL_FILE)))

    @cached_property
    def model_card(self) -> dict[str, Any]:
        """Its threshold, file and typical values."""
        card: dict[str, Any] = self.store.json(CARD)
        return card

    @cached_property
    def training_scores(self) -> pd.DataFrame:
        """Its scores of the training rows."""
        return self.store.table(TRAINING)


@dataclass(frozen=True, eq=False)
class Scoring(Chapter):
    """The users at risk at the end of the log, scored by the model `trained` before."""

    stage: ClassVar[str] = "07_scoring"
    users: pd.DataFrame
    snapshots: pd.DataFrame
    trained: Trained
    customer_value: float
    contact_cost: float
    incentive_cost: float
    saved_share: float
    capacity: int | None
    group_columns: Sequence[str]
    min_group: int
    high_risk_from: float
    medium_risk_from: float
    holdout_share: float
    seed: int
    min_disclosed: int = 1

    @classmethod
    def read(cls, inputs: str, **parameters: Any) -> "Scoring":
        """Return the chapter on the stored model and the snapshots in the folder `inputs`."""
        store = Store(cls.stage, inputs)
        trained = StoredModel(store)
        learned = trained.training_scores["user_id"].unique().tolist()
        used = [[("split", "in", ["test", "score"])]]
        used += [[("user_id", "in", learned)]] if learned else []
        rows = store.table(stages.SNAPSHOTS, filters=used)
        return cls(store.table(stages.USERS), rows, trained, **parameters)

    @property
    def churn_model(self) -> Any:
        """The calibrated model."""
        return self.trained.churn_model

    @property
    def training_scores(self) -> pd.DataFrame:
        """The model's scores of the training rows, when it was trained."""
        return self.trained.training_scores

    @cached_property
    def at_risk(self) -> pd.DataFrame:
        """The rows of the snapshot at the end of the log."""
        return self.snapshots[self.snapshots["split"] == "score"].reset_index(drop=True)

    @cached_property
    def scored(self) -> pd.DataFrame:
        """The users at risk with their probability: see scoring.score. Raises Unavailable where
        there is no model, or nobody to score.
        """
        model = self.churn_model
        if self.at_risk.empty:
            raise Unavailable(NOBODY_AT_RISK)
        return scoring.score(model, self.at_risk)

    @property
    def threshold(self) -> float | None:
        """The probability from which a user is contacted now; None where nobody is scored."""
        return None if reason_of(self.predictions) else self._threshold_now

    @cached_property
    def _threshold_now(self) -> float:
        """See scoring.threshold_now."""
        costs = Economics(
            self.customer_value, self.contact_cost, self.incentive_cost, self.saved_share
        )
        proba = self.scored["proba_churn"].to_numpy()
        return scoring.threshold_now(
            proba, self.trained.model_card["threshold"], costs, self.capacity
        )

    @table
    def predictions(self) -> pd.DataFrame:
        """Return the scored table, highest risk first: see scoring.predictions."""
        card, now = self.trained.model_card, self.at_risk
        return scoring.predictions(
            self.scored,
            importance.drivers(self.churn_model, now, card["reference"]),
            scoring.assign_holdout(now["user_id"], self.holdout_share, self.seed),
            self._threshold_now,
            card["model_file"],
            now["snapshot_at"].max(),
            self.high_risk_from,
            self.medium_risk_from,
        )

    @table
    def top_risk(self) -> pd.DataFrame:
        """Return the 50 users at highest risk."""
        highest: pd.DataFrame = require(self.predictions).head(50)
        return highest

    @table
    def risk_segments(self) -> pd.DataFrame:
        """Return the risk segments: see scoring.risk_segments."""
        return scoring.risk_segments(require(self.predictions))

    @table
    def reasons(self) -> pd.DataFrame:
        """Return the first reasons of the scores: see scoring.reasons."""
        scored = require(self.predictions)
        if not scored["pred_churn"].any():
            raise Unavailable(
                "No user is worth a contact, so there are no reasons to list. That follows from "
                "the costs and values in params.yml."
            )
        return scoring.reasons(scored)

    @table
    def by_country(self) -> pd.DataFrame:
        """Return the mean probability by country: see scoring.mean_by_group."""
        return self._mean_by("country")

    @table
    def by_device(self) -> pd.DataFrame:
        """Return the mean probability by device: see scoring.mean_by_group."""
        return self._mean_by("device")

    @table
    def by_subscription(self) -> pd.DataFrame:
        """Return the mean probability by subscription: see scoring.mean_by_group."""
        return self._mean_by("subscription_type")

    def _mean_by(self, column: str) -> pd.DataFrame:
        scored = require(self.predictions)
        return scoring.mean_by_group(scored, self.users, column, self.min_group)

    @property
    def asked_columns(self) -> list[str]:
        """The columns by which groups are to be compared: those that the users table has."""
        return present(self.users, self.group_columns)

    @property
    def compared_columns(self) -> list[str]:
        """Those of asked_columns that were not written when users left: see known_before."""
        return known_before(self.users, self.asked_columns)

    @table
    def group_differences(self) -> pd.DataFrame:
        """Return every comparison of groups on the test: see comparisons.compare_groups."""
        test = last_outcomes(self.snapshots)
        if not self.compared_columns:
            raise Unavailable(
                "The users table has none of the columns by which groups are compared "
                "(group_columns in params.yml). Add such a column to the users, or name another."
            )
        rows = comparisons.with_columns(test, self.users, self.compared_columns)
        return comparisons.compare_groups(rows, "churned", self.compared_columns, self.min_group)

    @property
    def group_tests(self) -> pd.DataFrame:
        """The comparisons that are a test of their own: see comparisons.distinct."""
        return comparisons.distinct(require(self.group_differences))

    @table
    def groups_overall(self) -> pd.DataFrame:
        """Return whether any group of a column differs: see comparisons.overall."""
        table = comparisons.overall(require(self.group_differences))
        if table.empty:
            raise Unavailable(
                f"No column has two groups of {self.min_group} users or more at the test snapshot "
                "(min_group), so no groups can be compared. Give a log of more users."
            )
        return table

    @table
    def groups_against_rest(self) -> pd.DataFrame:
        """Return each group against all others: see comparisons.against_rest."""
        return comparisons.against_rest(require(self.group_differences))
