"""Statistics that more than one chapter uses."""

from typing import Any

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

CONFIDENCE = 0.95
"""Level of every interval in the book."""


def wilson(
    successes: "pd.Series[Any]", trials: "pd.Series[Any]"
) -> tuple["pd.Series[float]", "pd.Series[float]"]:
    """Return the lower and upper 95 % Wilson bounds of successes / trials; missing for 0 trials.

    Source: Wilson (1927), through statsmodels.
    """
    known = trials.where(trials > 0)
    low, high = proportion_confint(successes, known, alpha=1 - CONFIDENCE, method="wilson")
    return pd.Series(low, index=trials.index), pd.Series(high, index=trials.index)


def share_of(part: int, whole: int) -> tuple[float, float, float]:
    """Return the share with its 95 % Wilson interval."""
    low, high = wilson(pd.Series([part]), pd.Series([whole]))
    return part / whole, float(low[0]), float(high[0])


def is_too_few(users: Any, min_group: int) -> Any:
    """Say whether a group is too small to report: fewer than `min_group` users.

    `users` is a count or a Series of counts; the answer has the same shape. Its words are in
    formats.too_few.
    """
    return users < min_group
