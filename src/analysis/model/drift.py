"""Drift: do the users to be scored still look like those that the model was trained on?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.base.statistics import wilson
from analysis.base.table_file import Rows
from analysis.contract.checks import Status, Verdict, check, grade, not_applicable
from analysis.log.churn import last_outcomes
from analysis.model.features import KEYS, feature_columns

FEWER = 1.5
"""Ratio of the users at risk when trained and when scored, from which it is a change."""
NONE_TRAINED = "the log is too short for a snapshot that trains a model"
LEAST = 30
"""Users whom a comparison needs. The interval of a rate of fewer is wider than 30 points, and of
fewer not even a loss of two thirds is beyond chance.
"""
COMPARED = 20_000
"""Users of a snapshot who are compared, at most: chance gives the stability index of so many users
0.0004, a six-hundredth of its limit.
"""
LAST = 6
"""Training snapshots, the newest ones, with which later ones are compared."""
SHIFT, SHIFT_FAILS = 0.25, 0.5
"""Population stability index that is a shift (a usual limit), and a different population."""
RATE_SHIFT, RATE_SHIFT_FAILS = 0.05, 0.15
"""Change of the churn rate, beyond chance, that makes probabilities wrong by as much."""


@check(stage="04_features", strikes=("scores",))
def drift(snapshots: Rows) -> Verdict:
    """Judge whether the users to be scored still look like those the model was trained on: a
    feature's stability index is beyond the limit, and beyond what it is between the training
    snapshots themselves.
    """
    numeric, categorical = feature_columns(snapshots)
    features = [c for c in (*numeric, *categorical) if c not in ("tenure_days", *KEYS)]
    n = int((snapshots["split"] == "score").sum())
    compared = _thinned(snapshots, ["snapshot_at", "split", *features])
    train, scored = (compared[compared["split"] == split] for split in ("train", "score"))
    if n < LEAST:
        return not_applicable("drift", f"fewer than {LEAST} users are scored")
    if train.empty:
        return not_applicable("drift", NONE_TRAINED)
    index = {name: stability_index(train[name], scored[name]) for name in features}
    usual = {name: _usual_shift(train, name) for name in features}
    shifted = sorted(n for n, value in index.items() if value >= max(SHIFT, usual[n]))
    worst = max(shifted or features, key=lambda name: index[name])
    facts = {"feature": worst, "shifted": shifted, "features": len(features),
             "usual": usual[worst]}  # fmt: skip
    status: Status = grade(index[worst], SHIFT, SHIFT_FAILS) if shifted else "pass"
    return Verdict("drift", status, index[worst], limit=SHIFT, n=n, facts=facts)


def _thinned(snapshots: Rows, columns: Sequence[str]) -> pd.DataFrame:
    """Return `columns` of at most COMPARED users of each snapshot, spread over all its rows."""
    at = snapshots["snapshot_at"]
    rows = at.groupby(at)
    is_kept = rows.cumcount() % -(-rows.transform("size") // COMPARED) == 0
    return pd.DataFrame({name: snapshots[name][is_kept] for name in columns})


def _usual_shift(train: pd.DataFrame, name: str) -> float:
    """Return the largest shift of a feature between one training snapshot and the others: a
    weekly rhythm or a season moves it without making the model wrong.
    """
    instants = train["snapshot_at"].unique()
    if len(instants) < 2:
        return 0.0
    parts = [(train["snapshot_at"] == at) for at in instants]
    return max(stability_index(train.loc[~part, name], train.loc[part, name]) for part in parts)


def stability_index(before: "pd.Series[Any]", after: "pd.Series[Any]", bins: int = 5) -> float:
    """Return the population stability index between two samples, less what chance gives it.

    Sum over bins of (q - p) ln(q / p), less its expectation when nothing has changed,
    (bins - 1)(1/n + 1/m). Source: Yurdakul and Naranjo (2020).
    """
    if pd.api.types.is_numeric_dtype(before):
        edges = np.unique(before.quantile(np.linspace(0, 1, bins + 1)[1:-1]).dropna())
        first, second = (np.searchsorted(edges, s.dropna(), side="left") for s in (before, after))
        cells = np.arange(len(edges) + 1)
    else:
        values = before.fillna("?").value_counts().index[: 2 * bins]
        first, second = (values.get_indexer(pd.Index(s.fillna("?"))) for s in (before, after))
        cells = np.arange(-1, len(values))
    if not len(first) or not len(second):
        return 0.0
    p, q = (np.array([(s == c).sum() + 0.5 for c in cells]) / (len(s) + 0.5 * len(cells))
            for s in (first, second))  # fmt: skip
    chance = (len(cells) - 1) * (1 / len(first) + 1 / len(second))
    return float(((q - p) * np.log(q / p)).sum() - chance)


@check(stage="04_features", strikes=("scores",))
def base_rate_drift(snapshots: Rows) -> Verdict:
    """Judge whether the churn rate of the test snapshot is still that of the last training ones."""
    rates, snapshots = {}, snapshots[["snapshot_at", "split", "churned"]]
    parts = {"train": _last_trained(snapshots), "test": last_outcomes(snapshots)}
    if parts["train"].empty:
        return not_applicable("base_rate_drift", NONE_TRAINED)
    for split, part in parts.items():
        churned = part["churned"]
        lows, highs = wilson(pd.Series([churned.sum()]), pd.Series([len(churned)]))
        rates[split] = (float(churned.mean()), float(lows[0]), float(highs[0]), len(churned))
    train, test = rates["train"], rates["test"]
    if min(train[3], test[3]) < LEAST:
        split = "the test snapshot has" if test[3] < LEAST else "the last training snapshots have"
        return not_applicable("base_rate_drift", f"{split} fewer than {LEAST} users")
    change = test[0] - train[0]
    beyond = max(0.0, test[1] - train[2], train[1] - test[2])
    low, high = test[1] - train[2], test[2] - train[1]
    facts = {"train": train[0], "test": test[0], "users": test[3]}
    status = grade(beyond, RATE_SHIFT, RATE_SHIFT_FAILS)
    return Verdict("base_rate_drift", status, change, low, high, RATE_SHIFT, test[3], facts)


@check(stage="04_features", strikes=("churn", "groups", "scores"))
def population_drift(snapshots: Rows) -> Verdict:
    """Judge whether as many users are at risk at the snapshot that is scored as at the last of
    those that trained the model, on average. What chance explains (three standard errors of the
    ratio of two counts) is no change. A product whose signups are closed, or which ends, loses most
    of its users, and a log that fades looks the same: a count alone is no evidence of lost events.
    """
    snapshots = snapshots[["snapshot_at", "split"]]
    sizes = snapshots.groupby(["snapshot_at", "split"]).size().reset_index(name="users")
    trained = _last_trained(snapshots).groupby("snapshot_at").size()
    scored = int(sizes.loc[sizes["split"] == "score", "users"].sum())
    before = float(trained.mean())
    if not (before >= 1 and scored >= 1):
        return not_applicable("population_drift", "nobody is at risk at one of them")
    if max(before, scored) < LEAST:
        reason = f"fewer than {LEAST} users were active at all of these snapshots"
        return not_applicable("population_drift", reason)
    ratio = max(before, scored) / min(before, scored)
    test = int(sizes.loc[sizes["split"] == "test", "users"].sum())
    facts = {"before": before, "test": test, "scored": scored}
    is_sure = np.log(ratio) > 3 * (1 / before + 1 / scored) ** 0.5
    status: Status = "warn" if is_sure and ratio >= FEWER else "pass"
    return Verdict("population_drift", status, ratio, limit=FEWER, n=scored, facts=facts)


def _last_trained(snapshots: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the last training snapshots: years ago the product was another one."""
    train = snapshots[snapshots["split"] == "train"]
    return train[train["snapshot_at"].isin(train["snapshot_at"].drop_duplicates().nlargest(LAST))]
