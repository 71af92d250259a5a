"""Checks of the model: has it seen the answer, is it honest, and is it of use?"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.base.score_metrics import TOO_GOOD, WORTH_ALL
from analysis.contract.checks import Status, Verdict, grade, not_applicable
from analysis.model import models
from analysis.model.snapshot_checks import alone, auc_error

HARMS = -0.02
"""ROC AUC gained without a column: what it taught no longer holds, as a leak's lesson."""
WORTH_ASKING = 0.02
"""ROC AUC that a shuffled column costs, or gains, from which the model is made without it."""
BEYOND_SILENCE, CARRIES = 0.05, 0.05
"""ROC AUC by which an attribute fixed at signup may at most beat the time since the last event,
and what the model may at most owe to one that does."""
MISSES, MISSES_FAILS = 0.03, 0.1
"""Calibration error, beyond chance, that misleads a decision, and that refutes the figures."""
FEW, TOO_FEW = 20, 10
"""Users of the rarer outcome on which a model can be trained, and can hardly be."""
MEASURED = (
    "leakage",
    "threshold",
    "calibration",
    "better_than_chance",
    "better_than_base_rate",
    "better_than_recency",
)
"""Checks of what the test snapshot measures: they need outcomes there."""


def run(
    table: pd.DataFrame,
    fitted: dict[str, Any],
    chosen: str,
    evaluation: pd.DataFrame,
    importance: pd.DataFrame,
) -> list[Verdict]:
    """Return the verdicts on the `chosen` of the `fitted` models; `table` are the snapshots.

    On fewer than TOO_FEW users of the rarer outcome in the test, any order looks perfect or
    upside down: what is measured there is then not judged, and `enough_data` fails.
    """
    own = evaluation[(evaluation["model"] == chosen) & (evaluation["split"] == "test")]
    metric = own.set_index("metric")
    rarer = _rarer(table.loc[table["split"] == "test", "churned"])
    fitting = [preprocessing(table, fitted[chosen]), enough_data(table)]
    if rarer < TOO_FEW:
        reason = f"the test has {rarer} users of the rarer outcome, {TOO_FEW} are needed"
        return [*(not_applicable(name, reason) for name in MEASURED), *fitting]
    full = float(metric["value"].loc["roc_auc"])
    return [
        leakage(table, fitted[chosen], importance, full),
        threshold(metric),
        calibration(metric),
        better_than_chance(metric),
        better_than_base_rate(metric),
        better_than_recency(metric),
        *fitting,
    ]


def leakage(table: pd.DataFrame, model: Any, importance: pd.DataFrame, full: float) -> Verdict:
    """Judge every source column of the model, all columns made from it together.

    A leak shows in one of four ways: the column alone separates the outcome almost fully, in
    an early snapshot or the test; it never changes for a user and yet foretells leaving better
    than silence does; the score collapses when the model is made without it, on the later
    snapshot or within it; or the score rises on the later snapshot without it, for what it gave
    away in training it no longer gives. The model is made again without each column that
    matters when shuffled, in the test (`importance`, from models.feature_importance) or in the
    first training snapshot, or by itself.
    """
    numeric, categorical = models.source_columns(model)
    columns = [*numeric, *categorical]
    parts = [part for _, part in table[table["churned"].notna()].groupby("snapshot_at")]
    judged = [part for part in (parts[0], parts[-1]) if _rarer(part["churned"]) >= TOO_FEW]
    by_itself = {
        name: max((alone(part[name], part["churned"]) for part in judged), default=0.5)
        for name in columns
    }
    silence = by_itself.get("recency_days", 0.5)
    limit = silence + max(BEYOND_SILENCE, 3 * auc_error(silence, parts[-1]["churned"]))
    fixed = [n for n in columns if by_itself[n] > limit and _never_changes(table, n)]
    taught = models.feature_importance(model, parts[0], seed=0, repeats=1)
    drops = pd.concat([importance, taught]).groupby("feature")["auc_drop"].agg(["min", "max"])
    matters = drops.index[(drops["max"] > WORTH_ASKING) | (drops["min"] < -WORTH_ASKING)]
    asked = [name for name in map(str, matters) if name != "recency_days"]
    given = {name: auc for name, auc in by_itself.items() if name != "recency_days"}
    told = _tell_alone(given, fixed)  # silence may tell all, and is made from the log alone
    status: Status = "pass"
    if told:
        status = "fail" if max(given.values()) > TOO_GOOD else "warn"
    for name in dict.fromkeys([*fixed, *asked]):
        found = models.removal(model, table, name)
        lost = found[found["ci_low"] > (CARRIES if name in fixed else WORTH_ALL)]
        harm = found[(found["where"] == "later") & (found["ci_high"] < HARMS)]
        if len(lost):
            told.append(f"without {name} the score collapses (AUC −{lost['auc_drop'].max():.2f})")
            status = "fail"
        elif len(harm):
            gain = -harm["auc_drop"].min()
            told.append(f"without {name} the score on later users rises (AUC +{gain:.2f})")
            status = "warn" if status == "pass" else status
    best = max(by_itself, key=lambda name: by_itself[name])
    facts = {"suspicions": "; ".join(told) or "none", "best": best, "alone": by_itself[best],
             "full": full, "columns": len(columns), "removed": len({*fixed, *asked})}  # fmt: skip
    return Verdict("leakage", status, by_itself[best], limit=TOO_GOOD, n=len(table), facts=facts)


def _tell_alone(by_itself: dict[str, float], fixed: list[str]) -> list[str]:
    """Return what is suspicious of columns by themselves."""
    told = []
    for name, auc in by_itself.items():
        if auc > TOO_GOOD:
            told.append(f"{name} alone separates the outcome (AUC {auc:.2f})")
        elif name in fixed:
            told.append(f"{name} never changes for a user, yet beats silence (AUC {auc:.2f})")
    return told


def _never_changes(table: pd.DataFrame, name: str) -> bool:
    """Say whether a column has one value per user, over users seen at several snapshots."""
    values = table.groupby("user_id")[name].agg(["nunique", "size"])
    again = values[values["size"] > 1]
    return bool(len(again) and (again["nunique"] <= 1).all())


def preprocessing(table: pd.DataFrame, model: Any) -> Verdict:
    """Judge whether anything was fitted on rows that are tested: fit again on training rows
    alone, and compare the scores of the test snapshot.
    """
    test = table[table["split"] == "test"]
    again = models.fit_calibrated(models.pipeline_of(model), table[table["split"] != "test"])
    gap = float(np.abs(models.predict(again, test) - models.predict(model, test)).max())
    status: Status = "pass" if gap <= 1e-9 else "fail"
    return Verdict("preprocessing", status, gap, limit=1e-9, n=len(test), facts={"gap": gap})


def threshold(metric: pd.DataFrame) -> Verdict:
    """Judge the list that the threshold makes: neither everyone nor no one, and no worse than
    calling everyone; its gain in precision is told with its interval. The threshold itself
    comes from the economics or the calibration scores.
    """
    flagged, base = metric["value"].loc["flagged_share"], metric["value"].loc["base_rate"]
    precision: Any = metric.loc["precision"]
    facts = {"flagged": float(flagged), "base_rate": float(base),
             "precision": _number(precision["value"])}  # fmt: skip
    if flagged in (0.0, 1.0):
        return Verdict("threshold", "warn", float(flagged), n=int(precision["n"]), facts=facts)
    gain = float(precision["value"] - base)
    status: Status = "pass" if gain > 0 else "warn"
    if precision["ci_high"] < base:
        status = "fail"
    return Verdict("threshold", status, gain, float(precision["ci_low"] - base),
                   float(precision["ci_high"] - base), 0.0, int(precision["n"]), facts)  # fmt: skip


def calibration(metric: pd.DataFrame) -> Verdict:
    """Judge the probabilities against what happened on the test snapshot, never against classes."""
    error: Any = metric.loc["ece_debiased"]
    slope: Any = metric.loc["calibration_slope"]
    intercept: Any = metric.loc["calibration_intercept"]
    facts = {"slope": _number(slope["value"]), "slope_low": _number(slope["ci_low"]),
             "slope_high": _number(slope["ci_high"]), "intercept": _number(intercept["value"]),
             "intercept_low": _number(intercept["ci_low"]),
             "intercept_high": _number(intercept["ci_high"])}  # fmt: skip
    status = grade(float(error["ci_low"]), MISSES, MISSES_FAILS)
    return Verdict("calibration", status, float(error["value"]), float(error["ci_low"]),
                   float(error["ci_high"]), MISSES, int(error["n"]), facts)  # fmt: skip


def better_than_chance(metric: pd.DataFrame) -> Verdict:
    """Judge whether the scores order users at all: the ROC AUC with its interval against 0.5."""
    auc: Any = metric.loc["roc_auc"]
    status: Status = "pass" if auc["ci_low"] > 0.5 else "warn"
    if auc["ci_high"] < 0.5:
        status = "fail"
    return Verdict(
        "better_than_chance", status, float(auc["value"]), float(auc["ci_low"]),
        float(auc["ci_high"]), 0.5, int(auc["n"]),
    )  # fmt: skip


def better_than_base_rate(metric: pd.DataFrame) -> Verdict:
    """Judge whether the probabilities beat one probability for all, by the Brier skill."""
    skill: Any = metric.loc["brier_skill"]
    status: Status = "fail" if skill["ci_high"] < 0 else "pass"
    told = "better" if skill["ci_low"] > 0 else ("worse" if status == "fail" else "no different")
    return Verdict(
        "better_than_base_rate", status, float(skill["value"]), float(skill["ci_low"]),
        float(skill["ci_high"]), 0.0, int(skill["n"]), {"outcome": told},
    )  # fmt: skip


def better_than_recency(metric: pd.DataFrame) -> Verdict:
    """Judge the model against the time since the last event alone, on the same bootstrap draws.

    No difference is a finding that the summary states, not a fault; being worse is one.
    """
    if "roc_auc_minus_recency" not in metric.index:
        return not_applicable("better_than_recency", "there is no baseline to compare with")
    gain: Any = metric.loc["roc_auc_minus_recency"]
    status: Status = "fail" if gain["ci_high"] < 0 else "pass"
    told = "better" if gain["ci_low"] > 0 else ("worse" if status == "fail" else "no different")
    return Verdict("better_than_recency", status, float(gain["value"]), float(gain["ci_low"]),
                   float(gain["ci_high"]), 0.0, int(gain["n"]), {"outcome": told})  # fmt: skip


def enough_data(table: pd.DataFrame) -> Verdict:
    """Judge whether each split holds enough users of the rarer outcome."""
    counts = {
        str(split): _rarer(part["churned"])
        for split, part in table[table["churned"].notna()].groupby("split")
    }
    least = min(counts, key=lambda split: counts[split])
    status: Status = (
        "fail" if counts[least] < TOO_FEW else ("warn" if counts[least] < FEW else "pass")
    )
    facts = {"split": least, "users": counts[least], **{f"n_{k}": v for k, v in counts.items()}}
    return Verdict(
        "enough_data", status, float(counts[least]), limit=float(FEW), n=counts[least], facts=facts
    )


def _rarer(churned: "pd.Series[float]") -> int:
    """Return the number of users with the rarer of the two outcomes."""
    return int(churned.value_counts().reindex([0.0, 1.0], fill_value=0).min())


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
