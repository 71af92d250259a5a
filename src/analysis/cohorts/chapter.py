"""The chapter on cohorts: who of the newcomers comes back, how long users stay, each month."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from analysis.base.errors import Unavailable
from analysis.base.formats import plural
from analysis.base.unavailable import require
from analysis.cohorts import (
    cancellations,
    choices,
    growth,
    kpis,
    retention,
    survival,
    trend,
)
from analysis.contract.chapter import Chapter, frame, table
from analysis.contract.store import Store
from analysis.log.afterwards import known_before
from analysis.log.churn import Windows
from analysis.log.log import Log


@dataclass(frozen=True, eq=False)
class Cohorts(Chapter):
    """Retention, survival and the monthly figures of one log."""

    stage: ClassVar[str] = "05_cohorts"
    log: Log
    time_zone: str
    lookback_days: int
    gap_days: int
    horizon_days: int
    retention_days: Sequence[int]
    group_columns: Sequence[str]
    min_group: int

    @classmethod
    def read(cls, inputs: str, **parameters: Any) -> "Cohorts":
        """Return the chapter on the log in the folder `inputs`, with the stage's parameters."""
        return cls(Log.read(Store(cls.stage, inputs)), **parameters)

    @property
    def _windows(self) -> Windows:
        return Windows(self.lookback_days, self.gap_days, self.horizon_days)

    @table
    def user_retention(self) -> pd.DataFrame:
        """Return what the first days of each user were: see retention.user_retention."""
        log = self.log
        return retention.user_retention(log.user_days, log.users, log.window, self.retention_days)

    @table
    def retention_by_day(self) -> pd.DataFrame:
        """Return the share of new users active again: see retention.retention_by_day."""
        return retention.retention_by_day(self.user_retention, self.retention_days, self.min_group)

    @table
    def retention_cohorts(self) -> pd.DataFrame:
        """Return retention by month of signup: see retention.retention_cohorts."""
        log = self.log
        return retention.retention_cohorts(
            log.user_days, log.users, log.window, self.time_zone, self.min_group
        )

    @table
    def survival(self) -> pd.DataFrame:
        """Return both survival curves of all users and of each group: see survival.both_curves."""
        log = self.log
        groups = known_before(log.users, self.group_columns)
        return survival.both_curves(
            log.users, log.spans, log.window, self.horizon_days, groups, self.min_group
        )

    @frame
    def survival_curve(self) -> pd.DataFrame:
        """The settled curve of all users, while somebody is followed."""
        curve = survival.settled_only(self.survival, "all")
        if curve.empty:
            raise Unavailable(self._nobody_followed)
        return curve

    @property
    def _nobody_followed(self) -> str:
        silence = int(survival.silence_that_settles(self.horizon_days))
        return (
            "Nobody is followed in the first weeks after signup: nobody joined early enough in "
            f"the log, or it is hardly longer than the {plural(silence, 'day', 'days')} of "
            "silence that end a stay. Give a longer log, or lower horizon_days in params.yml."
        )

    @table
    def survival_milestones(self) -> pd.DataFrame:
        """Return the settled curve of all users at the days of retention."""
        reached = survival.milestones(require(self.survival_curve), self.retention_days)
        if reached.empty:
            raise Unavailable(self._nobody_followed)
        return reached

    @table
    def cancellations(self) -> pd.DataFrame:
        """Return silence beside cancellation: see cancellations.cross_table."""
        return cancellations.cross_table(self.log, self._windows)

    @table
    def competing_risks(self) -> pd.DataFrame:
        """Return how newcomers left, day by day: see cancellations.competing_risks."""
        settles = survival.silence_that_settles(self.horizon_days)
        return cancellations.competing_risks(self.log, settles, self.min_group)

    @table
    def churn_by_snapshot(self) -> pd.DataFrame:
        """Return who churned at each snapshot: see trend.churn_by_snapshot."""
        log = self.log
        return trend.churn_by_snapshot(
            log.user_days, log.window, self._windows, self.time_zone, self.min_group
        )

    @table
    def growth(self) -> pd.DataFrame:
        """Return where each month's active users come from: see growth.monthly_growth."""
        log = self.log
        return growth.monthly_growth(log.user_days, log.users, log.window, self.time_zone)

    @frame
    def growth_shown(self) -> pd.DataFrame:
        """The months of `growth` that the chart shows: a year, and the unfinished one."""
        months: pd.DataFrame = self.growth
        if not months["is_complete"].any():
            raise Unavailable(
                "The log does not cover two whole calendar months in a row, so nobody knows who "
                "was retained or lost. Give a longer log."
            )
        return months.tail(growth.SHOWN)

    @table
    def kpis(self) -> pd.DataFrame:
        """Return the figures of each month: see kpis.monthly_kpis."""
        log = self.log
        return kpis.monthly_kpis(log.user_days, log.window, self.time_zone, self.min_group)

    @table
    def kpis_latest(self) -> pd.DataFrame:
        """Return the last observed month beside the one before: see kpis.latest."""
        if self.kpis["value"].isna().all():
            users = plural(self.min_group, "active user", "active users")
            raise Unavailable(
                f"No whole month of the log has {users} (min_group), so there are no monthly "
                "figures. Give a longer log, or lower min_group in params.yml."
            )
        return kpis.latest(self.kpis)

    @table
    def choices(self) -> pd.DataFrame:
        """Return the headline figures under other definitions: see choices.choices."""
        return choices.choices(self.log, self._windows, self.min_group)
