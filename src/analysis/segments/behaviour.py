"""The behaviour that segments compare: one measure for each aspect of use, on one scale."""

import numpy as np
import pandas as pd
from scipy.stats import skew

from analysis.base.errors import Unavailable

BEHAVIOUR = (
    "recency_days",
    "sessions_per_week",
    "plays_per_session",
    "next_episode_rate",
    "session_seconds_p95",
    "exit_rate",
    "failed_intents",
    "credits_spent",
)
"""How recent, how often, how deep, how paying: one measure each.

Two measures of one aspect (events and sessions) would count it twice, and any bump in it would
look like a group.
"""
ALIKE = 0.99
"""Share of users with the same value from which a measure cannot divide them into groups."""
ROWS_PER_CLUSTER = 20
"""Users that a cluster must have on average."""
NO_MEASURE = (
    "Users cannot be compared: 0 measures of what they do differ between them, and two are needed. "
    "Give a longer log, or give more kinds of events a role (event_types in params.yml)."
)
ONE_MEASURE = (
    "Users cannot be compared: 1 measure of what they do differs between them, and two are needed. "
    "Give a longer log, or give more kinds of events a role (event_types in params.yml)."
)
"""Why there are no segments: whole sentences, to be translated."""


def behaviour_columns(users: pd.DataFrame) -> pd.DataFrame:
    """Return the behaviour of the users with any event, indexed by `user_id`, columns that vary."""
    active = users[users["event_count"] > 0].set_index("user_id")
    given = [name for name in BEHAVIOUR if name in active]
    table = active[given].astype("float64")
    return table[[name for name in given if table[name].nunique() > 1]]


def k_range(behaviour: pd.DataFrame, most: int) -> list[int]:
    """Return the numbers of clusters to try: 2 to `most`, or fewer for a small table."""
    return list(range(2, max(2, min(most, len(behaviour) // ROWS_PER_CLUSTER)) + 1))


def comparable(features: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of `features` on one scale: mean 0, standard deviation 1, at most 4.

    Missing values become the median; a column with skewness beyond 1 becomes sign(x) log(1 +
    |x|); columns with one value for nearly all users (ALIKE) are left out. Raises Unavailable when
    fewer than two are left.
    """
    filled = features.astype(float)
    filled = filled.fillna(filled.median())
    varied = filled.loc[:, [_varies(filled[name]) for name in filled]]
    if varied.shape[1] < 2:
        raise Unavailable(ONE_MEASURE if varied.shape[1] else NO_MEASURE)
    unskewed = varied.apply(_without_skew)
    scaled: pd.DataFrame = ((unskewed - unskewed.mean()) / unskewed.std()).clip(-4, 4)
    return scaled


def _varies(values: "pd.Series[float]") -> bool:
    counts = values.value_counts()
    return len(counts) > 1 and bool(counts.iloc[0] < ALIKE * len(values))


def _without_skew(values: "pd.Series[float]") -> "pd.Series[float]":
    if abs(skew(values.to_numpy())) <= 1:
        return values
    return pd.Series(np.sign(values) * np.log1p(values.abs()), values.index)
