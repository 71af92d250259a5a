"""Baselines: is the model better than chance, than one rate for all, and than the last visit?

Three checks, one joint test. Each asks whether the model does worse than its baseline; with three
tests at 5 % each, one run in seven would fail by chance where there is nothing to predict. So the
three are corrected together: see alarms.
"""

from typing import Any

import pandas as pd
from scipy.stats import chi2, norm

from analysis.base.statistics import CONFIDENCE
from analysis.contract.checks import Status, Verdict, check, not_applicable
from analysis.model.evaluation import on_metrics

LEVEL = 1 - CONFIDENCE
"""Share of runs in which one or more of the three checks may fail though no baseline is better."""
Gain = tuple[float, float, float]
"""By how much the model is better than a baseline (below 0: worse), with its 95 % interval."""


def gains(measured: pd.DataFrame) -> dict[str, Gain]:
    """Return by how much the model beats each baseline: AUC above 0.5, Brier score below that of
    the rate known before the test, AUC above that of the last visit. A baseline that was not
    measured is left out.
    """
    above: dict[str, Gain] = {}
    rows = {"chance": ("roc_auc", 0.5, 1), "base_rate": ("brier_minus_base_rate", 0.0, -1),
            "recency": ("roc_auc_minus_recency", 0.0, 1)}  # fmt: skip
    for name, (metric, limit, sign) in rows.items():
        if metric in measured.index:
            row: Any = measured.loc[metric]
            ends = sorted(sign * (float(row[end]) - limit) for end in ("ci_low", "ci_high"))
            above[name] = (sign * (float(row["value"]) - limit), ends[0], ends[1])
    return above


def calibration_slack(measured: pd.DataFrame, calibrated: int) -> float:
    """Return the Brier score that calibration on so many users may cost by chance.

    The calibrator fits a slope that one rate for all does not need. Where there is nothing to
    predict this costs r (1 - r) / n times a chi-square of one degree of freedom, on average; its
    95 % point is allowed, r the churn rate of the test.
    """
    rate = float(measured["value"].loc["base_rate"])
    return float(chi2.ppf(CONFIDENCE, 1)) * rate * (1 - rate) / max(calibrated, 1)


def alarms(measured: pd.DataFrame, calibrated: int) -> set[str]:
    """Return the baselines (`chance`, `base_rate`, `recency`) than which the model is worse.

    Each has a one-sided test that its gain is below 0 (below minus calibration_slack for the
    base rate), with the error that the upper end of its bootstrap interval implies. Holm's
    correction (1979) over the three keeps the share of runs with a false alarm at LEVEL or less,
    however the three depend on each other. `calibrated`: users of the calibration snapshot.
    """
    above = gains(measured)
    slack = {"base_rate": calibration_slack(measured, calibrated)}
    p_values = [_p_worse(gain, slack.get(name, 0.0)) for name, gain in above.items()]
    tests, worse = sorted(zip(p_values, above, strict=True)), set[str]()
    for place, (p_value, name) in enumerate(tests):  # statsmodels collects all garbage for it
        if p_value > LEVEL / (len(tests) - place):
            break
        worse.add(name)
    return worse


def _p_worse(gain: Gain, slack: float) -> float:
    value, _, high = gain
    error = (high - value) / norm.ppf(0.5 + CONFIDENCE / 2)
    if not error > 0:
        return 1.0 if value >= -slack else 0.0
    return float(norm.cdf((value + slack) / error))


def are_both_at_chance(roc_auc_by_model: pd.DataFrame, model: str) -> bool:
    """Say whether neither `model` nor the last visit orders users better than chance: the interval
    of neither AUC lies above 0.5.
    """
    lows = roc_auc_by_model.set_index("model")["ci_low"].reindex([model, "recency_only"])
    return bool((lows <= 0.5).all())


@check(stage="06_model", strikes=("ranking", "scores"))
@on_metrics
def better_than_chance(measured: pd.DataFrame, snapshots: pd.DataFrame) -> Verdict:
    """Judge whether the scores order users at all. An interval of the ROC AUC that holds 0.5 warns:
    that is no fault where nothing can be predicted. See alarms.
    """
    auc: Any = measured.loc["roc_auc"]
    status: Status = "pass" if auc["ci_low"] > 0.5 else "warn"
    if "chance" in alarms(measured, _calibrated(snapshots)):
        status = "fail"
    return Verdict(
        "better_than_chance", status, float(auc["value"]), float(auc["ci_low"]),
        float(auc["ci_high"]), 0.5, int(auc["n"]),
    )  # fmt: skip


@check(stage="06_model", strikes=("scores",))
@on_metrics
def better_than_base_rate(measured: pd.DataFrame, snapshots: pd.DataFrame) -> Verdict:
    """Judge whether the probabilities are closer to what happened, by the Brier score, than the
    churn rate that was known before the test given to everyone. See alarms.
    """
    if "brier_minus_base_rate" not in measured.index:
        return not_applicable("better_than_base_rate", "there is no baseline to compare with")
    return _against("base_rate", measured, snapshots, "better_than_base_rate")


@check(stage="06_model", strikes=())
@on_metrics
def better_than_recency(
    measured: pd.DataFrame, snapshots: pd.DataFrame, roc_auc_by_model: pd.DataFrame, chosen: str
) -> Verdict:
    """Judge the model against the time since the last event alone, on the same bootstrap draws.

    No difference is a finding that the summary states; being worse is a fault (see alarms). Where
    neither orders users there is nothing to compare.
    """
    if "roc_auc_minus_recency" not in measured.index:
        return not_applicable("better_than_recency", "there is no baseline to compare with")
    verdict = _against("recency", measured, snapshots, "better_than_recency")
    if verdict.status == "pass" and are_both_at_chance(roc_auc_by_model, chosen):
        reason = "neither the model nor the last visit orders users better than chance"
        return not_applicable("better_than_recency", reason)
    return verdict


def _against(baseline: str, measured: pd.DataFrame, snapshots: pd.DataFrame, name: str) -> Verdict:
    value, low, high = gains(measured)[baseline]
    is_worse = baseline in alarms(measured, _calibrated(snapshots))
    outcome = "worse" if is_worse else ("better" if low > 0 else "no_different")
    status: Status = "fail" if is_worse else "pass"
    n = int(measured["n"].iloc[0])
    return Verdict(name, status, value, low, high, 0.0, n, {"outcome": outcome})


def _calibrated(snapshots: pd.DataFrame) -> int:
    return int((snapshots["split"] == "calibrate").sum())
