"""The chapter on features: snapshots, their labels, and what was known of each user."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import pandas as pd

from analysis.base.unavailable import require
from analysis.contract.chapter import Chapter, table
from analysis.contract.store import Store
from analysis.log import activity, churn, silences
from analysis.log.churn import Windows
from analysis.log.log import Log
from analysis.model import drift, features, snapshots  # noqa: F401 (drift registers its checks)


@dataclass(frozen=True, eq=False)
class Features(Chapter):
    """What was known of each user at each snapshot, and what the user did next."""

    stage: ClassVar[str] = "04_features"
    log: Log
    time_zone: str
    lookback_days: int
    gap_days: int
    horizon_days: int
    event_types: Mapping[str, str]
    session_gap_minutes: float
    static_columns: Sequence[str]
    min_disclosed: int = field(default=1, kw_only=True)

    @classmethod
    def read(cls, inputs: str, **parameters: Any) -> "Features":
        """Return the chapter on the log in the folder `inputs`, with the stage's parameters."""
        return cls(Log.read(Store(cls.stage, inputs)), **parameters)

    @property
    def windows(self) -> Windows:
        """The lengths that make the label."""
        return Windows(self.lookback_days, self.gap_days, self.horizon_days)

    @cached_property
    def numbered(self) -> tuple[Any, pd.DataFrame]:
        """The active events and the users, with numbers for identifiers: see activity.numbered."""
        return activity.numbered(self.log.active, self.log.users)

    def _with_names(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return `table` with the users' identifiers in place of their numbers."""
        table["user_id"] = self.log.users["user_id"].to_numpy()[table["user_id"]]
        return table.astype({"user_id": self.log.users["user_id"].dtype})

    @table
    def snapshots(self) -> pd.DataFrame:
        """Return who was at risk, what was known then, and who left: see snapshots.snapshots."""
        active, users = self.numbered
        table = snapshots.snapshots(
            active,
            users,
            self.log.window,
            self.windows,
            self.event_types,
            self.static_columns,
            self.session_gap_minutes,
        )
        return self._with_names(table)

    @table
    def snapshot_summary(self) -> pd.DataFrame:
        """Return users and churn rate of each snapshot: see snapshots.snapshot_summary."""
        return snapshots.snapshot_summary(require(self.snapshots), self.time_zone)

    @table
    def reactivation(self) -> pd.DataFrame:
        """Return how many silent users came back: see churn.reactivation."""
        return churn.reactivation(self.numbered[0], self.log.window, self.horizon_days)

    @table
    def return_rates(self) -> pd.DataFrame:
        """Return how many silences end with a return, by horizon: see silences.return_rates."""
        return silences.return_rates(self.numbered[0], self.log.window, self.windows)

    @table
    def feature_summary(self) -> pd.DataFrame:
        """Return each feature with its range: see features.feature_summary."""
        return features.feature_summary(require(self.snapshots))

    @table
    def user_features(self) -> pd.DataFrame:
        """Return every user as of the end of the log: see features.user_features."""
        active, users = self.numbered
        table = features.user_features(
            active,
            users,
            self.log.window,
            self.lookback_days,
            self.event_types,
            self.session_gap_minutes,
        )
        return self._with_names(table)
