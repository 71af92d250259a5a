"""The learning curve: would the model be better if it had learned from more users?"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.base.score_metrics import Floats, log_loss
from analysis.model.candidates import fit_calibrated, predict, why_not
from analysis.model.sampling import LEARNED, shares_of

SHARES = (1 / 8, 1 / 4, 1 / 2)
"""Shares of the users on which the model is fitted once more."""
COLUMNS = ["share", "rows", "users", "log_loss", "difference", "standard_error", "n"]


def learning_curve(
    pipeline: Any, snapshots: pd.DataFrame, scores: pd.DataFrame, seed: int
) -> pd.DataFrame:
    """Return how good the model in use is when it learns from fewer users.

    `pipeline` is fitted and calibrated on SHARES of the users in the LEARNED splits of
    `snapshots`, drawn by digest so that each share holds the smaller ones, and judged on the
    test snapshot beside the model in use, whose `scores` (`churned`, `proba`) are those of all.
    Columns: `share` (0 to 1), `rows` (user-snapshots) and `users` learned from, `log_loss` (nats
    per user), `difference` to that of all, with its `standard_error` (paired: over the users of
    the test), and `n`, these users. A share of which no model can be made is left out.
    """
    learned = snapshots[snapshots["split"].isin(LEARNED)]
    test = snapshots[snapshots["split"] == "test"]
    churned, whole = (scores[name].to_numpy(dtype=float) for name in ("churned", "proba"))
    rows = []
    for share, part in zip(SHARES, shares_of(learned, SHARES, seed), strict=True):
        if why_not(part) is None:
            proba = predict(fit_calibrated(pipeline, part), test)
            rows.append((share, *_size(part), *_compare(churned, proba, whole)))
    rows.append((1.0, *_size(learned), *_compare(churned, whole, whole)))
    return pd.DataFrame(rows, columns=COLUMNS)


def _size(rows: pd.DataFrame) -> tuple[int, int]:
    return len(rows), rows["user_id"].nunique()


def _compare(churned: Floats, proba: Floats, whole: Floats) -> tuple[float, float, float, int]:
    """Return the log loss, its difference to that of `whole`, the error of that, and the users."""
    losses, base = (_losses(churned, p) for p in (proba, whole))
    error = (losses - base).std(ddof=1) / np.sqrt(len(losses))
    loss = float(log_loss(churned, proba)[0])
    return loss, float((losses - base).mean()), float(error), len(losses)


def _losses(churned: Floats, proba: Floats) -> Floats:
    safe = np.clip(proba, 1e-12, 1 - 1e-12)
    return np.asarray(-np.log(np.where(churned == 1, safe, 1 - safe)))
