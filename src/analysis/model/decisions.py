"""From a probability to a decision: whom to contact, what it may earn, how to find out.

Profit follows Verbraken, Verbeke & Baesens (2013, IEEE TKDE 25(5)): a user at risk who is
contacted stays with probability `saved_share`; the incentive is paid to whoever takes it, and
users who would have stayed anyway take it too. The saved share is an assumption until an
experiment has measured it, and so is every amount of money computed here.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import betainc, expit, logit
from scipy.stats import norm
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_confint, proportion_effectsize

from analysis.base.comparisons import adjust_together
from analysis.base.errors import ReportError

Floats = npt.NDArray[np.float64]


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
                f"{self.customer_value:g}: keeping a user would lose money. Mend params.yml."
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


def profit_curve(
    proba: Floats, economics: Economics, churned: Floats | None = None, steps: int = 100
) -> pd.DataFrame:
    """Return the profit of contacting the users scored highest, as the list grows.

    Columns: `contacted` (users), `contacted_share` (0 to 1), `threshold` (lowest probability on
    the list), `expected_profit` and `expected_profit_per_contact` (money, from the calibrated
    probabilities), `marginal_profit` (of the last user added). With the outcomes `churned`
    (1 left, 0 stayed) also `observed_rate` of the list, `realised_profit` (money: who would have
    left is observed, who would have been saved is still assumed) and `ci_low`, `ci_high`, from
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


def _realised(found: Floats, sizes: npt.NDArray[np.int64], economics: Economics) -> pd.DataFrame:
    low, high = proportion_confint(found, sizes, method="wilson")
    rate = found / sizes
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
    alpha: float = 6.0,
    beta: float = 14.0,
) -> MaximumProfit:
    """Return the expected maximum profit (EMP) per user, and the share of users to contact.

    The profit per user of the base when, for each possible saved share, the list has the length
    that is best for it, averaged over a Beta(`alpha`, `beta`) belief about that share (mean 0.3
    by default); computed piece by piece along the convex hull of the ROC curve. Verbraken,
    Verbeke & Baesens (2013). It ranks models by money, needs no threshold, and is never below 0.
    Raises ReportError when the incentive is not smaller than the customer's value.
    """
    if not 0 <= incentive < customer_value or contact_cost < 0:
        raise ReportError(
            f"economics: incentive {incentive:g} must be below customer_value {customer_value:g}."
        )
    found, wasted = _hull(churned, proba)  # per user of the base, at each corner of the hull
    kept = customer_value - incentive
    more_found, more_wasted = np.diff(found), np.diff(wasted)
    cost = contact_cost * more_found + (incentive + contact_cost) * more_wasted
    with np.errstate(divide="ignore", invalid="ignore"):
        turn = np.where(more_found > 0, cost / (kept * more_found), np.inf)  # best to go on here
    edges = np.clip(np.r_[0.0, turn, 1.0], 0.0, 1.0)
    chance = np.diff(betainc(alpha, beta, edges))
    saved = alpha / (alpha + beta) * np.diff(betainc(alpha + 1, beta, edges))
    spent = contact_cost * found + (incentive + contact_cost) * wasted
    value = float((saved * kept * found - chance * spent).sum())
    return MaximumProfit(value, float((chance * (found + wasted)).sum()))


def _hull(churned: Floats, proba: Floats) -> tuple[Floats, Floats]:
    """Return churners and stayers contacted, as shares of all users, at the corners of the
    convex hull of the ROC curve, from nobody to everybody."""
    scores = pd.DataFrame({"gone": churned, "stayed": 1 - churned}).groupby(-proba).sum()
    points = np.vstack([[0.0, 0.0], scores.cumsum().to_numpy()]) / len(churned)
    hull: list[Floats] = []
    for point in points:
        while len(hull) > 1 and _turns_left(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    corners = np.array(hull)
    return corners[:, 0], corners[:, 1]


def _turns_left(first: Floats, middle: Floats, last: Floats) -> bool:
    """Say whether `middle` lies on or below the line: fewer churners found per stayer."""
    ahead, beyond = middle - first, last - middle
    return bool(ahead[0] * beyond[1] <= beyond[0] * ahead[1])


def sensitivity_grid(
    proba: Floats,
    economics: Economics,
    saved_shares: list[float],
    customer_values: list[float],
) -> pd.DataFrame:
    """Return what to do, and what it may earn, under other values of the two least known inputs.

    One row per pair. Columns: `saved_share` (0 to 1), `customer_value` (money), `threshold`
    (break-even probability; above 1 nobody is worth a contact), `contacted` (users),
    `contacted_share`, `expected_profit` (money in total), `profit_at_base` (the same when the
    threshold stays at that of `economics`: what deciding on a wrong assumption would earn).
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


@dataclass(frozen=True)
class PlannedTest:
    """The experiment that would show whether contacting works.

    `treated`, `control`: users in each arm now. `expected_difference`: churn rate of control
    less treated if `saved_share` is true (0 to 1). `detectable_difference` and
    `detectable_saved_share`: smallest true effect found with the power asked for (blank when
    even saving all would not be found). `needed_users`: audience that detects the expected
    effect. `waves`, `duration_days`: how often, and how long in all, an audience of this size
    must be tested until it adds up to that. `is_measurable`: one wave is enough.
    """

    treated: int
    control: int
    expected_difference: float
    detectable_difference: float
    detectable_saved_share: float
    needed_users: int
    waves: int
    duration_days: int
    is_measurable: bool


def test_plan(
    n_users: int,
    churn_rate: float,
    saved_share: float,
    control_share: float,
    power: float = 0.8,  # noqa: PT028 (a plan of a test, not a test of pytest's)
    alpha: float = 0.05,  # noqa: PT028
    horizon_days: int = 30,  # noqa: PT028
) -> PlannedTest:
    """Return the size, the detectable effect and the duration of the test of a campaign.

    Two arms at random, `control_share` of the users not contacted; two-sided test of two
    proportions, arcsine approximation (Cohen 1988). `churn_rate`: expected among those not
    contacted, 0 to 1. Raises ReportError when a share is not strictly between 0 and 1.
    """
    shares = {"churn_rate": churn_rate, "saved_share": saved_share, "control": control_share}
    for name, share in shares.items():
        if not 0 < share < 1:
            raise ReportError(f"test plan: {name} must lie between 0 and 1, not {share:g}.")
    control = round(n_users * control_share)
    treated, ratio = n_users - control, (1 - control_share) / control_share
    lowered = churn_rate * (1 - saved_share)
    solve = NormalIndPower().solve_power
    effect = proportion_effectsize(churn_rate, lowered)
    per_control = float(solve(effect_size=effect, alpha=alpha, power=power, ratio=ratio))
    needed = int(np.ceil(per_control) + np.ceil(per_control * ratio))
    found = detectable_fall(churn_rate, treated, control, power, alpha)
    waves = int(np.ceil(needed / n_users)) if n_users else 0
    return PlannedTest(
        treated=treated,
        control=control,
        expected_difference=churn_rate - lowered,
        detectable_difference=found,
        detectable_saved_share=found / churn_rate,
        needed_users=needed,
        waves=waves,
        duration_days=waves * horizon_days,
        is_measurable=n_users >= needed,
    )


def detectable_fall(
    rate: float, treated: int, control: int, power: float = 0.8, alpha: float = 0.05
) -> float:
    """Return by how much a rate must fall in one of two groups of these sizes to be seen with
    `power` at the two-sided level `alpha`; missing where no fall could be. Source: Cohen (1988),
    arcsine transform.
    """
    if min(treated, control) < 1:
        return float("nan")
    spread = np.sqrt(1 / treated + 1 / control)
    effect = (norm.ppf(1 - alpha / 2) + norm.ppf(power)) * spread
    angle = np.arcsin(np.sqrt(rate)) - effect / 2
    return float(rate - np.sin(angle) ** 2) if angle >= 0 else float("nan")


def smallest_seen(tested: pd.DataFrame, rate: float, tests: int) -> float | None:
    """Return the fall of the churn rate that the best placed comparison of a group against the
    rest would show in four of five cases, when it alone differs and `tests` are corrected
    together (5 % error over them, as the Benjamini & Hochberg rule asks of the smallest p-value);
    None without a comparison.
    """
    against = tested[tested["comparison"] == "group_against_rest"]
    totals = against.groupby("column")["users"].transform("sum")
    found = [
        detectable_fall(rate, int(n), int(total - n), alpha=0.05 / max(tests, 1))
        for n, total in zip(against["users"], totals, strict=True)
    ]
    return min((value for value in found if pd.notna(value)), default=None)


def segment_thresholds(
    scores: pd.DataFrame, segment: str, threshold: float, min_group: int, alpha: float = 0.05
) -> pd.DataFrame:
    """Return for each group of `segment` the score at which its churn rate reaches `threshold`.

    The economics ask for one probability; a group needs a threshold of its own only when its
    scores are off. Measured on calibration outcomes: `scores` has `churned`, `proba_churn` and
    the column `segment`. `log_odds_shift`: what must be added to the group's log-odds so that
    the expected churners equal the observed ones (Cox 1958); `p_value` of no shift beside an
    intercept and a slope of all users, for the calibration was fitted on the same outcomes
    (efficient score test, Rao 1948); `q_value` after Benjamini & Hochberg (1995) over the groups,
    of which two that are each other's rest are one test. Further columns: `users`,
    `threshold`, `ci_low`, `ci_high` (95 %), `threshold_used` (the group's own only if
    `is_different`), `is_withheld` (fewer than `min_group` users or all of one outcome: values
    blank). One row per user, or the intervals are too short.
    """
    given = scores[scores[segment].notna()]
    told, whole = _efficient(given)
    table = pd.DataFrame(
        [_shift(name, rows, whole, min_group) for name, rows in told.groupby(given[segment])],
        columns=[segment, "users", "log_odds_shift", "standard_error", "p_value", "is_withheld"],
    )
    is_pair = len(table) == 2 and not table["is_withheld"].any()
    table["is_repeated"] = is_pair & (table.index == 1)
    table = adjust_together([table], alpha)
    wide = norm.ppf(0.975) * table["standard_error"]
    for name, moved in (("threshold", 0 * wide), ("ci_low", wide), ("ci_high", -wide)):
        table[name] = _moved(threshold, table["log_odds_shift"] + moved)
    table["threshold_used"] = table["threshold"].where(table["is_different"], threshold)
    return table


def _efficient(scores: pd.DataFrame) -> tuple[pd.DataFrame, Floats]:
    """Return `churned`, log-odds and weight of each user, and what an intercept and a slope of all
    users leave of the outcome (`left`); and the inverse information of these two (2 x 2).
    """
    proba = scores["proba_churn"].clip(1e-12, 1 - 1e-12).to_numpy(dtype=float)
    odds, weight = logit(proba), proba * (1 - proba)
    fitted = np.column_stack([np.ones_like(odds), odds])
    whole = np.linalg.pinv(fitted.T @ (fitted * weight[:, None]))
    rest = scores["churned"].to_numpy(dtype=float) - proba
    step = whole @ (fitted.T @ rest)
    left = rest - weight * (fitted @ step)
    told = {"churned": scores["churned"], "odds": odds, "weight": weight, "left": left}
    return pd.DataFrame(told, index=scores.index), whole


def _shift(
    name: object, rows: pd.DataFrame, whole: Floats, min_group: int
) -> tuple[object, int, float, float, float, bool]:
    if len(rows) < min_group or rows["churned"].nunique() < 2:
        return name, len(rows), np.nan, np.nan, np.nan, True
    odds, weight = rows["odds"].to_numpy(), rows["weight"].to_numpy()
    own = np.array([weight.sum(), weight @ odds])
    variance = float(own[0] - own @ whole @ own)
    excess, shift = float(rows["left"].sum()), 0.0
    test = excess / np.sqrt(variance) if variance > 1e-9 * own[0] else 0.0  # the group is everyone
    for _ in range(30):
        risk = expit(odds + shift)
        shift += float((rows["churned"] - risk).sum() / (risk * (1 - risk)).sum())
    error = float(np.sqrt(max(variance, 0.0)) / own[0])
    return name, len(rows), shift, error, float(2 * norm.sf(abs(test))), False


def _moved(threshold: float, shift: "pd.Series[float]") -> "pd.Series[float]":
    if not 0 < threshold < 1:
        return shift * 0 + threshold
    return pd.Series(expit(logit(threshold) - shift), shift.index)


def around(value: float) -> list[float]:
    """Return half of `value`, `value` and twice it: the grid when nobody has measured it."""
    return [value / 2, value, value * 2]


def maximum_profits(scores: pd.DataFrame, economics: Economics) -> pd.DataFrame:
    """Return the expected maximum profit of every model: `model`, `maximum_profit` (money per
    user of the snapshot) and `contacted_share` (0 to 1), best first.

    See expected_maximum_profit; `scores` as in evaluation.evaluate.
    """
    churned = scores["churned"].to_numpy(dtype=float)
    rows = []
    for name in scores.columns.drop(["user_id", "churned"]):
        found = expected_maximum_profit(
            churned,
            scores[name].to_numpy(dtype=float),
            economics.customer_value,
            economics.incentive,
            economics.contact_cost,
        )
        rows.append((name, found.value, found.contacted_share))
    table = pd.DataFrame(rows, columns=["model", "maximum_profit", "contacted_share"])
    return table.sort_values(
        ["maximum_profit", "model"], ascending=[False, True], ignore_index=True
    )


def thresholds_by_column(
    scores: pd.DataFrame,
    snapshots: pd.DataFrame,
    columns: list[str],
    threshold: float,
    min_group: int,
) -> pd.DataFrame:
    """Return segment_thresholds for each of `columns`, corrected together: `column`, `group`, ...

    `scores`: `user_id`, `churned`, `proba_churn` of the calibration snapshot, whose groups are
    read from `snapshots`.
    """
    at = snapshots[snapshots["split"] == "calibrate"]
    own = scores[["user_id", "churned", "proba_churn"]]
    tables = []
    for column in columns:
        rows = own.merge(at[["user_id", column]].dropna(), on="user_id")
        found = segment_thresholds(rows, column, threshold, min_group)
        tables.append(found.rename(columns={column: "group"}).assign(column=column))
    names = [
        "column",
        "group",
        "users",
        "threshold",
        "ci_low",
        "ci_high",
        "q_value",
        "threshold_used",
    ]
    if not tables:
        return pd.DataFrame(columns=names)
    table = adjust_together(tables)
    own_limit = table["threshold"].where(table["is_different"])
    table["threshold_used"] = own_limit.fillna(threshold)
    return table[names]


def rule(capacity: int | None) -> str:
    """Return the code of the rule that the threshold follows: `break_even` or `capacity`."""
    return "break_even" if capacity is None else "capacity"
