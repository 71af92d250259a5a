"""Experiments: how large a test of a campaign must be, and what a comparison could detect."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_effectsize

from analysis.base.errors import ReportError


@dataclass(frozen=True)
class PlannedTest:
    """The experiment that would show whether contacting works.

    `treated`, `control`: users in each arm now. `expected_difference`: churn rate of control
    less treated if `saved_share` is true (0 to 1). `detectable_difference` and
    `detectable_saved_share`: smallest true effect found with the requested power (blank when
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
    detectable = detectable_fall(churn_rate, treated, control, power, alpha)
    waves = int(np.ceil(needed / n_users)) if n_users else 0
    return PlannedTest(
        treated=treated,
        control=control,
        expected_difference=churn_rate - lowered,
        detectable_difference=detectable,
        detectable_saved_share=detectable / churn_rate,
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
    """Return the smallest fall in the churn rate that a comparison of one group with the rest would
    detect in four of five cases, if only that group differs and `tests` are corrected together (5 %
    error over all, as the Benjamini & Hochberg rule asks of the smallest p-value);
    None without a comparison.
    """
    against = tested[tested["comparison"] == "group_against_rest"]
    totals = against.groupby("column")["users"].transform("sum")
    falls = [
        detectable_fall(rate, int(n), int(total - n), alpha=0.05 / max(tests, 1))
        for n, total in zip(against["users"], totals, strict=True)
    ]
    return min((value for value in falls if pd.notna(value)), default=None)
