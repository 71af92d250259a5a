"""The same evaluation at several origins: what the report would have said at an earlier date."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from analysis.model.evaluation import evaluate
from analysis.model.models import BASELINES, earlier_origin, fit_all, score_split

TOLD = (
    "roc_auc", "average_precision", "base_rate", "brier", "brier_skill", "log_loss",
    "calibration_intercept", "calibration_slope", "ece_debiased", "lift_top_decile",
    "flagged_share", "precision", "recall", "roc_auc_minus_recency", "brier_minus_recency",
)  # fmt: skip


def only(evaluation: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the rows of one `metric`."""
    return evaluation[evaluation["metric"] == metric].reset_index(drop=True)


def side_by_side(evaluation: pd.DataFrame, chosen: str) -> pd.DataFrame:
    """Return `metric, value, ci_low, ci_high` of the `chosen` model, in a reader's order."""
    own = evaluation[evaluation["model"] == chosen].set_index("metric")
    kept = [name for name in TOLD if name in own.index]
    return own.loc[kept, ["value", "ci_low", "ci_high"]].reset_index()


def evaluate_earlier(
    pipelines: dict[str, Any],
    chosen: str,
    snapshots: pd.DataFrame,
    threshold: float,
    seed: int,
    n_boot: int,
) -> pd.DataFrame:
    """Return evaluate() one snapshot earlier for the `chosen` model and the baselines.

    Everything is fitted and calibrated anew on what was known then; `split` is `earlier`.
    Empty when the log is too short for an earlier origin.
    """
    before = earlier_origin(snapshots)
    if before is None:
        return pd.DataFrame(columns=["model", "split", "metric", "value", "ci_low", "ci_high", "n"])
    fitted = fit_all({name: pipelines[name] for name in (chosen, *BASELINES)}, before)
    return evaluate(score_split(fitted, before, "test"), threshold, seed, n_boot, "earlier")


def compare_origins(parts: Sequence[pd.DataFrame], chosen: str) -> pd.DataFrame:
    """Return the main metrics of the `chosen` model at each origin: `split, metric, value`, ..."""
    main = ("roc_auc", "roc_auc_minus_recency", "brier_skill", "calibration_slope", "base_rate")
    rows = pd.concat([part for part in parts if len(part)], ignore_index=True)
    kept = rows[(rows["model"] == chosen) & rows["metric"].isin(main)]
    return kept.sort_values(["metric", "split"], ignore_index=True)[
        ["metric", "split", "value", "ci_low", "ci_high"]
    ]


def both(on_test: pd.DataFrame, earlier: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of both origins."""
    return pd.concat([part for part in (on_test, earlier) if len(part)], ignore_index=True)
