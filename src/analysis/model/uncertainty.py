"""What nobody has measured yet: how far the saved share and the value of a user may be off."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from analysis.model.economics import Economics, gain_of

Floats = npt.NDArray[np.float64]
Range = tuple[float, float]

NORMAL_95 = 1.959964
LEAST_KNOWN = 2.0
"""Observations that a belief about a share is worth at least: Beta(1, 1), when it is one half, says
nothing."""
MOST_KNOWN = 10_000.0
"""And at most, for a range without width: then the share is all but certain."""


@dataclass(frozen=True)
class Uncertainty:
    """The ranges in which `saved_share` (0 to 1) and `customer_value` (money) are believed to lie,
    each with its lower and upper end.
    """

    saved_share: Range
    customer_value: Range

    @classmethod
    def of(
        cls,
        economics: Economics,
        saved_share: Sequence[float] | None,
        customer_value: Sequence[float] | None,
    ) -> "Uncertainty":
        """Return the ranges as params.yml gives them; without one, from half of the assumption to
        twice as much.
        """
        share, value = economics.saved_share, economics.customer_value
        low, high = saved_share or (share / 2, min(2 * share, 1.0))
        least, most = customer_value or (value / 2, 2 * value)
        return cls((low, high), (least, most))

    def ends(self, economics: Economics) -> tuple[Economics, Economics]:
        """Return the least and the most favourable assumptions."""
        low, high = (
            replace(economics, saved_share=saved, customer_value=max(value, economics.incentive))
            for saved, value in zip(self.saved_share, self.customer_value, strict=True)
        )
        return low, high

    def belief(self, saved_share: float) -> tuple[float, float]:
        """Return alpha and beta of the Beta distribution whose mean is `saved_share` and whose 95 %
        interval is as wide as the range (by the normal approximation).
        """
        low, high = self.saved_share
        spread = max((high - low) / (2 * NORMAL_95), 1e-9)
        known = saved_share * (1 - saved_share) / spread**2 - 1
        size = min(max(known, LEAST_KNOWN), MOST_KNOWN)
        return saved_share * size, (1 - saved_share) * size


@dataclass(frozen=True)
class Gain:
    """What contacting an audience earns after costs, in money: `base` under the stated assumptions,
    `low` and `high` at the ends of their ranges; `cost`: what is spent under the stated ones.
    """

    low: float
    base: float
    high: float
    cost: float


def gain_of_audience(proba: Floats, economics: Economics, uncertainty: Uncertainty) -> Gain:
    """Return what it earns to contact users whose probabilities of churn are `proba`, each once.

    The gain grows with both the saved share and the value, so the ends of the two ranges bound it.
    What is spent: each contact, and the incentive for all who stay.
    """
    low, high = uncertainty.ends(economics)
    sums = [float(gain_of(proba, case).sum()) for case in (low, economics, high)]
    stay = 1 - proba + proba * economics.saved_share
    cost = len(proba) * economics.contact_cost + economics.incentive * float(stay.sum())
    return Gain(sums[0], sums[1], sums[2], cost)
