"""Economics: from a probability to whom it pays to contact, and what that may earn.

Profit follows Verbraken, Verbeke & Baesens (2013, IEEE TKDE 25(5)): a user at risk who is
contacted stays with probability `saved_share`; the incentive is paid to whoever takes it, and
users who would have stayed anyway take it too. The saved share is an assumption until an
experiment has measured it, and so is every amount of money computed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import betainc
from statsmodels.stats.proportion import proportion_confint

from analysis.base.errors import ReportError

Floats = npt.NDArray[np.float64]
Point = tuple[float, float]


@dataclass(frozen=True)
class Economics:
    """What a contact costs and brings: amounts in one currency, per user.

    `customer_value`: what a user who is kept is worth. `contact_cost`: of one contact.
    `incentive`: given to each user who takes it. `saved_share`: share of contacted churners who
    stay because of it, 0 to 1. Raises ReportError for a negative amount, a share outside 0 to 1
    or an incentive that is worth more than the user.
    """

    customer_value: float
    contact_cost: float
    incentive: float
    saved_share: float

    def __post_init__(self) -> None:
        amounts = (self.customer_value, self.contact_cost, self.incentive)
        if min(amounts) < 0 or not 0 <= self.saved_share <= 1:
            raise ReportError(f"economics: amounts must be >= 0 and saved_share 0 to 1: {self}.")
        if self.incentive > self.customer_value:
            raise ReportError(
                f"economics: incentive {self.incentive:g} exceeds customer_value "
                f"{self.customer_value:g}: keeping a user would lose money. Correct params.yml."
            )

    @property
    def gain(self) -> float:
        """Return the expected profit of contacting a user who would churn (may be negative)."""
        return self.saved_share * (self.customer_value - self.incentive) - self.contact_cost

    @property
    def waste(self) -> float:
        """Return the cost of contacting a user who would have stayed: incentive and contact."""
        return self.incentive + self.contact_cost


def break_even(economics: Economics) -> float:
    """Return the probability of churn above which contacting a user is expected to pay.

    p gain = (1 - p) waste, so p = (d + f) / (g (V - d) + d) with value V, incentive d, contact
    cost f and saved share g. Above 1 no contact pays; 0 when a contact costs nothing. Infinite
    when no churner is saved and nothing is paid out.
    """
    both = economics.gain + economics.waste
    if both > 0:
        return economics.waste / both
    return float("inf")


def gain_of(proba: Floats, economics: Economics) -> Floats:
    """Return the expected profit, in money, of contacting each user: p gain - (1 - p) waste."""
    return np.asarray(proba * economics.gain - (1 - proba) * economics.waste)


def choose_threshold(
    economics: Economics, proba: Floats | None = None, capacity: int | None = None
) -> float:
    """Return the probability at or above which to contact: break-even, or higher by capacity.

    With `capacity` (users who can be contacted) the threshold is raised until at most that many
    of `proba` reach it, tied users in or out together. `proba` are scores of the calibration
    snapshot, or of the users to be contacted; outcomes of the test snapshot are not needed.
    Raises ReportError when a capacity comes without scores or is negative.
    """
    limit = break_even(economics)
    if capacity is None:
        return limit
    if proba is None or capacity < 0:
        raise ReportError(f"threshold: capacity {capacity} needs scores and must be 0 or more.")
    if capacity >= len(proba):
        return limit
    first_out = np.sort(proba)[::-1][capacity]
    above = proba[proba > first_out]
    return max(limit, float(above.min()) if len(above) else float(np.nextafter(first_out, 2)))


def threshold_rule(capacity: int | None) -> str:
    """Return the code of the rule that the threshold follows: `break_even` or `capacity`."""
    return "break_even" if capacity is None else "capacity"


def profit_curve(
    proba: Floats, economics: Economics, churned: Floats | None = None, steps: int = 100
) -> pd.DataFrame:
    """Return the profit of contacting the users scored highest, as the list grows.

    Columns: `contacted` (users), `contacted_share` (0 to 1), `threshold` (lowest probability on
    the list), `expected_profit` and `expected_profit_per_contact` (money, from the calibrated
    probabilities), `marginal_profit` (of the last user added). With the outcomes `churned`
    (1 churned, 0 stayed) also `observed_rate` of the list, `realised_profit` (money: churn is
    observed, who would have been saved is still assumed) and `ci_low`, `ci_high`, from
    the 95 % Wilson interval of that rate. Tied users count as their mean.
    """
    order = np.argsort(-proba, kind="stable")
    ranked = proba[order]
    sizes = np.unique(np.ceil(len(proba) * np.arange(1, steps + 1) / steps).astype(int))
    expected = np.cumsum(gain_of(ranked, economics))[sizes - 1]
    table = pd.DataFrame({"contacted": sizes, "contacted_share": sizes / len(proba)})
    table["threshold"] = ranked[sizes - 1]
    table["expected_profit"] = expected
    table["expected_profit_per_contact"] = expected / sizes
    table["marginal_profit"] = gain_of(ranked[sizes - 1], economics)
    if churned is None:
        return table
    mean_of_tied = pd.Series(churned[order]).groupby(ranked).transform("mean").to_numpy()
    return table.join(_realised(np.cumsum(mean_of_tied)[sizes - 1], sizes, economics))


def _realised(
    churners_found: Floats, sizes: npt.NDArray[np.int64], economics: Economics
) -> pd.DataFrame:
    low, high = proportion_confint(churners_found, sizes, method="wilson")
    rate = churners_found / sizes
    limits = np.sort([sizes * gain_of(side, economics) for side in (low, high)], axis=0)
    return pd.DataFrame(
        {
            "observed_rate": rate,
            "realised_profit": sizes * gain_of(rate, economics),
            "ci_low": limits[0],
            "ci_high": limits[1],
        }
    )


@dataclass(frozen=True)
class MaximumProfit:
    """`value`: money per user of the base; `contacted_share`: share of users to contact."""

    value: float
    contacted_share: float


def expected_maximum_profit(
    churned: Floats,
    proba: Floats,
    customer_value: float,
    incentive: float,
    contact_cost: float,
    alpha: float,
    beta: float,
) -> MaximumProfit:
    """Return the expected maximum profit (EMP) per user, and the share of users to contact.

    The profit per user of the base when, for each possible saved share, the list has the length
    that is best for it, averaged over a Beta(`alpha`, `beta`) belief about that share; computed
    piece by piece along the convex hull of the ROC curve. Verbraken, Verbeke & Baesens (2013). It
    ranks models by money, needs no threshold, and is never below 0.
    Raises ReportError when the incentive is not smaller than the customer's value.
    """
    if not 0 <= incentive < customer_value or contact_cost < 0:
        raise ReportError(
            f"economics: incentive {incentive:g} must be below customer_value {customer_value:g}."
        )
    churners_found, wasted = _hull(
        churned, proba
    )  # per user of the base, at each corner of the hull
    kept = customer_value - incentive
    more_churners, more_wasted = np.diff(churners_found), np.diff(wasted)
    cost = contact_cost * more_churners + (incentive + contact_cost) * more_wasted
    with np.errstate(divide="ignore", invalid="ignore"):
        turn = np.where(
            more_churners > 0, cost / (kept * more_churners), np.inf
        )  # best to go on here
    edges = np.clip(np.r_[0.0, turn, 1.0], 0.0, 1.0)
    chance = np.diff(betainc(alpha, beta, edges))
    saved = alpha / (alpha + beta) * np.diff(betainc(alpha + 1, beta, edges))
    spent = contact_cost * churners_found + (incentive + contact_cost) * wasted
    value = float((saved * kept * churners_found - chance * spent).sum())
    return MaximumProfit(value, float((chance * (churners_found + wasted)).sum()))


def _hull(churned: Floats, proba: Floats) -> tuple[Floats, Floats]:
    """Return churners and stayers contacted, as shares of all users, at the corners of the
    convex hull of the ROC curve, from nobody to everybody."""
    scores = pd.DataFrame({"gone": churned, "stayed": 1 - churned}).groupby(-proba).sum()
    points = np.vstack([[0.0, 0.0], scores.cumsum().to_numpy()]) / len(churned)
    hull: list[Point] = []
    for point in zip(*points.T.tolist(), strict=True):
        while len(hull) > 1 and _turns_left(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    corners = np.array(hull)
    return corners[:, 0], corners[:, 1]


def _turns_left(first: Point, middle: Point, last: Point) -> bool:
    """Say whether `middle` lies on or below the line: fewer churners found per stayer."""
    ahead = middle[0] - first[0], middle[1] - first[1]
    beyond = last[0] - middle[0], last[1] - middle[1]
    return ahead[0] * beyond[1] <= beyond[0] * ahead[1]


def maximum_profits(
    scores: pd.DataFrame, economics: Economics, belief: tuple[float, float]
) -> pd.DataFrame:
    """Return the expected maximum profit of every model, with the `belief` about the saved share
    (alpha and beta): `model`, `maximum_profit` (money per
    user of the snapshot) and `contacted_share` (0 to 1), best first.

    See expected_maximum_profit; `scores` as in evaluation.evaluate.
    """
    churned = scores["churned"].to_numpy(dtype=float)
    rows = []
    for name in scores.columns.drop(["user_id", "churned"]):
        profit = expected_maximum_profit(
            churned,
            scores[name].to_numpy(dtype=float),
            economics.customer_value,
            economics.incentive,
            economics.contact_cost,
            *belief,
        )
        rows.append((name, profit.value, profit.contacted_share))
    table = pd.DataFrame(rows, columns=["model", "maximum_profit", "contacted_share"])
    return table.sort_values(
        ["maximum_profit", "model"], ascending=[False, True], ignore_index=True
    )


def sensitivity_grid(
    proba: Floats,
    economics: Economics,
    saved_shares: Sequence[float],
    customer_values: Sequence[float],
) -> pd.DataFrame:
    """Return the list and its expected profit under other values of the two least known inputs.

    One row per pair. Columns: `saved_share` (0 to 1), `customer_value` (money), `threshold`
    (break-even probability; above 1 nobody is worth a contact), `contacted` (users),
    `contacted_share`, `expected_profit` (money in total), `profit_at_base` (the same when the
    threshold stays at that of `economics`: the profit if the decision rests on a wrong assumption).
    """
    at_base = proba >= break_even(economics)
    rows = []
    for saved in saved_shares:
        for value in customer_values:
            case = replace(economics, saved_share=saved, customer_value=value)
            gains, listed = gain_of(proba, case), proba >= break_even(case)
            earned = (gains[listed].sum(), gains[at_base].sum())
            rows.append((saved, value, break_even(case), int(listed.sum()), *earned))
    names = ["saved_share", "customer_value", "threshold", "contacted"]
    table = pd.DataFrame(rows, columns=[*names, "expected_profit", "profit_at_base"])
    table.insert(4, "contacted_share", table["contacted"] / len(proba))
    return table
