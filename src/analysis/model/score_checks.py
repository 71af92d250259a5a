"""Checks of the scored table: is it the model that was judged, on users it knows?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.base import comparisons as groups
from analysis.contract.checks import Status, Verdict, grade, not_applicable
from analysis.model import models
from analysis.model.snapshot_checks import groups_known

SATURATED = 0.999
OUTSIDE, OUTSIDE_FAILS = 0.05, 0.2
"""Share of scored values outside the training range: more than stray, and another population."""


def run(
    model: Any,
    snapshots: pd.DataFrame,
    training: pd.DataFrame,
    scored: pd.DataFrame,
    differences: pd.DataFrame,
    users: pd.DataFrame,
    columns: Sequence[str],
) -> list[Verdict]:
    """Return the verdicts on the scored table, and on the `differences` of groups by `columns` of
    the `users`; `training` are the scores kept by 06_model.
    """
    return [
        scoring_equals_training(model, snapshots, training),
        scored_range(model, snapshots),
        saturation(scored["proba_churn"]),
        groups_known(snapshots, users, columns),
        group_differences(differences),
    ]


def scoring_equals_training(model: Any, snapshots: pd.DataFrame, training: pd.DataFrame) -> Verdict:
    """Judge the stored model: training rows scored again must give the same probabilities."""
    rows = snapshots.merge(training, on=["user_id", "snapshot_at"])
    gap = float(np.abs(models.predict(model, rows) - rows["proba_when_trained"]).max())
    status: Status = "pass" if gap <= 1e-9 else "fail"
    return Verdict(
        "scoring_equals_training", status, gap, limit=1e-9, n=len(rows), facts={"gap": gap}
    )


def scored_range(model: Any, snapshots: pd.DataFrame) -> Verdict:
    """Judge the share of scored values outside the range the model was trained on."""
    numeric, _ = models.source_columns(model)
    train, scored = (snapshots[snapshots["split"] == s][numeric] for s in ("train", "score"))
    if scored.empty:
        return not_applicable("scored_range", "nobody is scored")
    outside = (scored < train.min()) | (scored > train.max())
    outside = outside.drop(columns=["tenure_days"], errors="ignore")
    share = outside.mean()
    worst = str(share.idxmax())
    facts = {"feature": worst, "users": int(outside[worst].sum()), "scored": len(scored)}
    status = grade(float(share.max()), OUTSIDE, OUTSIDE_FAILS)
    return Verdict(
        "scored_range", status, float(share.max()), limit=OUTSIDE, n=len(scored), facts=facts
    )


def saturation(proba: "pd.Series[float]") -> Verdict:
    """Judge the share of probabilities beyond 0.999, and how many users tie."""
    if proba.empty:
        return not_applicable("saturation", "nobody is scored")
    share = float(((proba > SATURATED) | (proba < 1 - SATURATED)).mean())
    tied = int(proba.duplicated(keep=False).sum())
    largest = int(proba.value_counts().iloc[0])
    facts = {"tied": tied, "largest": largest, "users": len(proba)}
    return Verdict(
        "saturation", grade(share, 0.01, 0.2), share, limit=0.01, n=len(proba), facts=facts
    )


def group_differences(differences: pd.DataFrame) -> Verdict:
    """Tell how many of the comparisons between groups stay after the correction for their
    number (false-discovery rate), and how many would have been claimed without it.
    """
    tested = groups.distinct(differences)
    if tested.empty:
        return not_applicable("group_differences", "no column to compare groups by is given")
    real = tested[tested["is_different"]]
    facts = {"compared": len(tested), "different": len(real),
             "uncorrected": int((tested["p_value"] < 0.05).sum()),
             "columns": ", ".join(sorted(set(real["column"]))) or "none"}  # fmt: skip
    return Verdict(
        "group_differences", "pass", float(len(real)), limit=0.05, n=len(tested), facts=facts
    )
