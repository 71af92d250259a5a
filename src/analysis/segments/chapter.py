"""The chapter on segments: whether users fall into groups, and the tiers that describe them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import pandas as pd

from analysis.base.comparisons import against_rest
from analysis.base.unavailable import reason_of, require
from analysis.contract import stages
from analysis.contract.chapter import Chapter, table
from analysis.contract.store import Store
from analysis.segments import assignment, clusters, tiers
from analysis.segments.behaviour import BEHAVIOUR, behaviour_columns, k_range

TIERED = (tiers.RECENCY, tiers.FREQUENCY)
USERS_READ = ("user_id", "event_count", *TIERED, *BEHAVIOUR)
SNAPSHOTS_READ = ("user_id", "snapshot_at", "split", "churned", *TIERED)
"""Columns that the chapter needs: the rest stays on disk."""


@dataclass(frozen=True, eq=False)
class Segments(Chapter):
    """Clusters where they exist, else tiers, of the users with features.

    `sample_rows` is how many users the fit of the clusters is measured on: fewer make a study of
    many runs possible.
    """

    stage: ClassVar[str] = "08_segmentation"
    users: pd.DataFrame
    snapshots: pd.DataFrame
    max_clusters: int
    null_draws: int
    min_group: int
    seed: int
    sample_rows: int = clusters.SAMPLE_ROWS
    min_disclosed: int = 1

    @classmethod
    def read(cls, inputs: str, **parameters: Any) -> "Segments":
        """Return the chapter on the features in the folder `inputs`, with its parameters."""
        store = Store(cls.stage, inputs)
        users = store.table("features/user_features.parquet", USERS_READ)
        return cls(users, store.table(stages.SNAPSHOTS, SNAPSHOTS_READ), **parameters)

    @cached_property
    def behaviour(self) -> pd.DataFrame:
        """What is compared between users: see behaviour_columns."""
        return behaviour_columns(self.users)

    @table
    def cluster_selection(self) -> pd.DataFrame:
        """Return how well each number of clusters fits: see select_clusters."""
        numbers = k_range(self.behaviour, self.max_clusters)
        return clusters.select_clusters(
            self.behaviour, numbers, self.seed, self.null_draws, self.sample_rows
        )

    @table
    def user_clusters(self) -> pd.DataFrame:
        """Return the segment of each user: see assignment.assign."""
        selection = self.cluster_selection
        verdict = None if reason_of(selection) else clusters.verdict_of(selection)
        return assignment.assign(self.users, self.behaviour, verdict, self.seed)

    @table
    def cluster_summary(self) -> pd.DataFrame:
        """Return what the users of each segment are like: see assignment.cluster_summary."""
        return assignment.summarise(require(self.user_clusters), self.behaviour)

    @cached_property
    def later_churn(self) -> pd.DataFrame:
        """The churn of the tiers after the test snapshot, with tests: see tiers.later_churn."""
        return tiers.later_churn(self.snapshots, self.min_group)

    @table
    def tier_churn(self) -> pd.DataFrame:
        """Return the churn of each tier and of all other users."""
        return against_rest(self.later_churn)

    @table
    def tier_limits(self) -> pd.DataFrame:
        """Return the limits of the tiers: see tiers.tier_limits."""
        return tiers.tier_limits(self.users, self.snapshots)
