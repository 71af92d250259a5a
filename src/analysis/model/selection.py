"""Selection: which model to use, by rolling origin inside the training data."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.model.candidates import BASELINES, SIMPLEST, Floats, fit, labelled, predict


def choose_model(pipelines: dict[str, Any], snapshots: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """Return the name of the model to use, and the comparison that chose it.

    Rolling origin inside the training data: each model is fitted on all train snapshots but the
    last and judged by log loss on the last; calibration and test outcomes are not used. Of
    the models within one standard error of the best (of the paired difference per user) the
    simplest is used (Breiman et al. 1984). With only one train snapshot or one model nothing is
    compared, and the logistic regression is used if it is among them.

    Columns: `model`, `log_loss` (nats per user), `difference` to the best, `standard_error` of
    that difference, `n` (users), `is_chosen`.
    """
    names = [name for name in pipelines if name not in BASELINES]
    train = labelled(snapshots, "train")
    is_last = train["snapshot_at"] == train["snapshot_at"].max()
    past, last = train[~is_last], train[is_last]
    if past["churned"].nunique() < 2 or len(names) < 2:
        losses = pd.DataFrame(np.nan, index=last.index, columns=names)
    else:
        losses = pd.DataFrame({n: _row_losses(fit(pipelines[n], past), last) for n in names})
    return _pick(losses)


def _row_losses(fitted: Any, rows: pd.DataFrame) -> Floats:
    proba = np.clip(predict(fitted, rows), 1e-15, 1 - 1e-15)
    return -np.log(np.where(rows["churned"] == 1, proba, 1 - proba))


def _pick(losses: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    table = pd.DataFrame({"log_loss": losses.mean(), "n": len(losses)})
    if table["log_loss"].isna().all():
        table = table.assign(difference=np.nan, standard_error=np.nan, n=0)
        chosen = SIMPLEST if SIMPLEST in table.index else str(table.index[0])
    else:
        gap = losses.sub(losses[table["log_loss"].idxmin()], axis=0)
        table["difference"], table["standard_error"] = gap.mean(), gap.sem().fillna(0.0)
        near = table.index[table["difference"] <= table["standard_error"]]
        chosen = SIMPLEST if SIMPLEST in near else str(table["log_loss"].idxmin())
    table["is_chosen"] = table.index == chosen
    columns = ["model", "log_loss", "difference", "standard_error", "n", "is_chosen"]
    return chosen, table.rename_axis("model").reset_index()[columns]
