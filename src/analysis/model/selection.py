"""Selection: which model to use, by rolling origin inside the training data."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.model.candidates import BASELINES, SIMPLEST, Floats, fit, labelled, predict

FOLDS = 4
"""Training snapshots, the newest ones, on which the models are compared: each costs a fit."""
COLUMNS = [
    "model", "log_loss", "difference", "standard_error", "n", "users", "snapshots", "is_chosen",
]  # fmt: skip


def choose_model(pipelines: dict[str, Any], snapshots: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """Return the name of the model to use, and the comparison that chose it.

    Rolling origin inside the training data (Tashman 2000): on each of the last FOLDS train
    snapshots that have earlier ones, every model is fitted on those earlier ones and judged by log
    loss; calibration and test outcomes are not used. Of the models within one standard error of
    the best (of the paired difference: see two_way_error) the simplest is used (Breiman et al.
    1984). With only one train snapshot or one model nothing is compared, and the logistic
    regression is used if it is among them.

    Columns: `model`, `log_loss` (nats per row), `difference` to the best, `standard_error` of
    that difference, `n` (rows judged: users at snapshots), `users`, `snapshots`, `is_chosen`.
    """
    names = [name for name in pipelines if name not in BASELINES]
    folds = _folds(labelled(snapshots, "train")) if len(names) > 1 else []
    parts = [
        judged[["user_id", "snapshot_at"]].assign(
            **{name: _row_losses(fit(pipelines[name], past), judged) for name in names}
        )
        for past, judged in folds
    ]
    empty = pd.DataFrame(columns=["user_id", "snapshot_at", *names])
    return _pick(pd.concat(parts, ignore_index=True) if parts else empty)


def _folds(train: pd.DataFrame) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    """Return what each fold is fitted on and judged on; of one outcome nothing can be learned."""
    instants = sorted(train["snapshot_at"].unique())[1:][-FOLDS:]
    folds = [
        (train[train["snapshot_at"] < at], train[train["snapshot_at"] == at]) for at in instants
    ]
    return [(past, judged) for past, judged in folds if past["churned"].nunique() == 2]


def _row_losses(fitted: Any, rows: pd.DataFrame) -> Floats:
    proba = np.clip(predict(fitted, rows), 1e-15, 1 - 1e-15)
    return -np.log(np.where(rows["churned"] == 1, proba, 1 - proba))


def two_way_error(
    gap: "pd.Series[float]", users: "pd.Series[Any]", instants: "pd.Series[Any]"
) -> float:
    """Return the standard error of the mean of `gap`, whose rows depend on each other where they
    share a user or a snapshot.

    The variance over users (all rows of one added up) plus that over snapshots, less that over
    rows, which both hold (Cameron, Gelbach & Miller 2011); at least each of the first two. With
    one snapshot only users can be told, and the error is that over users: how much the difference
    varies between snapshots is then unknown, and the error too small.
    """
    rows = pd.Series(np.arange(len(gap)), index=gap.index)
    by_user, by_snapshot, by_row = (_cluster_variance(gap, of) for of in (users, instants, rows))
    return float(np.sqrt(max(by_user + by_snapshot - by_row, by_user, by_snapshot)))


def _cluster_variance(gap: "pd.Series[float]", clusters: "pd.Series[Any]") -> float:
    """Return the variance of the mean of `gap` over independent clusters of rows; 0 for one."""
    sums = (gap - gap.mean()).groupby(clusters.to_numpy()).sum()
    count = len(sums)
    return float((sums**2).sum() * count / (count - 1) / len(gap) ** 2) if count > 1 else 0.0


def _pick(losses: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """Return the model to use and the comparison; models come in order, the simplest first."""
    keys = losses[["user_id", "snapshot_at"]]
    by_model = losses.drop(columns=list(keys)).astype("float64")
    table = pd.DataFrame({"log_loss": by_model.mean(), "n": len(losses)})
    table = table.assign(users=keys["user_id"].nunique(), snapshots=keys["snapshot_at"].nunique())
    if losses.empty:
        table = table.assign(difference=np.nan, standard_error=np.nan)
        chosen = SIMPLEST if SIMPLEST in table.index else str(table.index[0])
    else:
        gaps = by_model.sub(by_model[table["log_loss"].idxmin()], axis=0)
        table["difference"] = gaps.mean()
        table["standard_error"] = [
            two_way_error(gaps[name], keys["user_id"], keys["snapshot_at"]) for name in gaps
        ]
        chosen = str(table.index[table["difference"] <= table["standard_error"]][0])
    table["is_chosen"] = table.index == chosen
    return chosen, table.rename_axis("model").reset_index()[COLUMNS]
