"""Statistics that more than one chapter uses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import t as student
from statsmodels.regression.linear_model import WLS
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

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


def difference_of(part: int, whole: int, before: int, of: int) -> tuple[float, float, float]:
    """Return part / whole minus before / of, with the 95 % interval of two independent shares.

    Source: Newcombe (1998), method 10, through statsmodels.
    """
    low, high = confint_proportions_2indep(
        part, whole, before, of, method="newcomb", compare="diff", alpha=1 - CONFIDENCE
    )
    return part / whole - before / of, float(low), float(high)


LEAST_OF_A_TREND = 3
"""Shares through which a line can be judged: two always lie on one."""


@dataclass(frozen=True)
class Trend:
    """The line through shares that follow each other: `slope` with its 95 % interval, in shares per
    step, and `scatter`, the standard deviation around it that chance in the users does not explain.
    """

    slope: float
    low: float
    high: float
    scatter: float


def trend_of_shares(parts: Sequence[int], wholes: Sequence[int], at: Sequence[float]) -> Trend:
    """Return the line through the shares parts / wholes at the places `at`, which count steps.

    Shares vary by chance in who is counted (variance p (1 - p) / whole, with p over all of them)
    and from one time to the next beyond that. The second part is estimated from the scatter around
    the line and weighs on every share, so that ordinary ups and downs are not taken for a trend;
    Student's t with two degrees of freedom less than shares allows for its uncertainty. Without
    it, this is the test of Cochran and Armitage (1955). Source: meta-regression with random
    effects (Thompson and Higgins 2002), its variance by Paule and Mandel (1982).

    Raises ValueError for fewer than LEAST_OF_A_TREND shares.
    """
    if len(parts) < LEAST_OF_A_TREND:
        raise ValueError(f"a trend needs {LEAST_OF_A_TREND} shares, not {len(parts)}")
    size = np.asarray(wholes, float)
    pooled = (np.sum(parts) + 2) / (size.sum() + 4)  # Agresti and Coull: never 0 or 1
    variance = pooled * (1 - pooled) / size
    design = np.column_stack([np.ones(len(size)), np.asarray(at, float)])
    shares, left = np.asarray(parts, float) / size, len(size) - 2

    def fit(more: float) -> Any:
        return WLS(shares, design, weights=1 / (variance + more)).fit()

    most = len(size) / left  # no scatter of shares is larger
    more = brentq(lambda x: fit(x).scale - 1, 0, most) if fit(0.0).scale > 1 else 0.0
    line = fit(more)
    slope = float(line.params[1])
    width = float(student.ppf(0.5 + CONFIDENCE / 2, left) * line.normalized_cov_params[1, 1] ** 0.5)
    return Trend(slope, slope - width, slope + width, float(more**0.5))
