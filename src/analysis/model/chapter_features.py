"""The chapter on features: snapshots, their labels, and what was known of each user."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import pandas as pd

from analysis.base.table_file import Rows, TableFile
from analysis.base.unavailable import require
from analysis.contract.chapter import Chapter, table
from analysis.contract.store import Store
from analysis.log import churn, silences, slices
from analysis.log.activity import sum_by_day
from analysis.log.churn import Windows
from analysis.log.events import event_types_table
from analysis.log.log import Log
from analysis.log.slices import Slices
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
    def numbered(self) -> tuple[Slices, pd.DataFrame]:
        """The activity in slices and the users, with numbers for identifiers: see numbered. Where
        events name no session it is summed by instant.
        """
        log = self.log
        if "session_id" in log.events.columns:
            days, users = slices.numbered(log.user_days, log.users)
        else:
            active, users = slices.numbered(log.active, log.users)
            types = event_types_table(log.events)["event_type"].dropna()
            given = log.window, self.time_zone, self.event_types, None, list(types)
            days = sum_by_day(active, *given)
        return Slices.of(days, log.window.end), users

    def _kept(self, parts: Iterable[pd.DataFrame]) -> TableFile:
        """Return the table of these parts, with identifiers in place of the users' numbers."""
        ids = self.log.users["user_id"]
        named = (part.assign(user_id=ids.array[part["user_id"].to_numpy()]) for part in parts)
        return TableFile(named, like=self.log.users)

    @table
    def snapshots(self) -> Rows:
        """Return who was at risk, what was known then, and who left: see snapshots.snapshots."""
        activity, users = self.numbered
        in_turn = snapshots.snapshots(
            activity,
            users,
            self.log.window,
            self.windows,
            self.static_columns,
            self.session_gap_minutes,
        )
        return self._kept(in_turn)

    @table
    def snapshot_summary(self) -> pd.DataFrame:
        """Return users and churn rate of each snapshot: see snapshots.snapshot_summary."""
        return snapshots.snapshot_summary(require(self.snapshots), self.time_zone)

    @table
    def reactivation(self) -> pd.DataFrame:
        """Return how many silent users came back: see churn.reactivation."""
        return churn.reactivation(self.numbered[0].rows, self.log.window, self.horizon_days)

    @table
    def return_rates(self) -> pd.DataFrame:
        """Return how many silences end with a return, by horizon: see silences.return_rates."""
        return silences.return_rates(self.numbered[0].rows, self.log.window, self.windows)

    @table
    def feature_summary(self) -> pd.DataFrame:
        """Return each feature with its range: see features.feature_summary."""
        return features.feature_summary(require(self.snapshots), self.min_disclosed)

    @table
    def user_features(self) -> Rows:
        """Return every user as of the end of the log: see features.user_features."""
        activity, users = self.numbered
        in_turn = features.user_features(
            activity,
            users,
            self.log.window,
            self.lookback_days,
            self.session_gap_minutes,
        )
        return self._kept(in_turn)
