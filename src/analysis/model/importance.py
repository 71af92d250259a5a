"""Importance: what each source column is worth to a model, and what raises a user's score."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from analysis.base.score_metrics import auc_parts
from analysis.model.candidates import (
    Floats,
    fit,
    in_parts,
    labelled,
    model_input,
    pipeline_of,
    predict,
    predict_changed,
    source_columns,
)
from analysis.model.sampling import resampled


def feature_importance(model: Any, test: pd.DataFrame, seed: int, repeats: int = 3) -> pd.DataFrame:
    """Return what each source column is worth to the model on the rows of `test`.

    `auc_drop`: ROC AUC lost when the column's values are shuffled among the users,
    mean over `repeats` (permutation importance, Breiman 2001; Fisher, Rudin & Dominici 2019);
    among more than RESAMPLED users, on a sample of so many, whose error is in the interval.
    All columns made from one source column move together. `ci_low`, `ci_high`: 95 % interval
    over users, paired (DeLong, DeLong & Clarke-Pearson 1988). `log_odds_low_to_high`: mean
    change of the log-odds of churn when the column goes from its 10th to its 90th percentile,
    others as they are (blank for categories). Sorted by `auc_drop`. Columns that carry the same
    information share it, so each may show only a small drop. One row per user, or the intervals are
    too short.
    """
    test = resampled(test, seed)
    columns, churned = model_input(model, test), test["churned"].to_numpy(dtype=float)
    rng, full = np.random.default_rng(seed), auc_parts(churned, predict(model, columns))
    features = list(map(str, columns))
    shuffled = [
        {name: columns[name].to_numpy()[rng.permutation(len(columns))]}
        for name in features
        for _ in range(repeats)
    ]
    parts = [full - auc_parts(churned, p) for p in predict_changed(model, columns, shuffled)]
    effects = _low_to_high(model, columns)
    rows = []
    for place, name in enumerate(features):
        of_feature = parts[place * repeats : (place + 1) * repeats]
        drop, error = _mean_and_error(churned, np.mean(of_feature, axis=0))
        limits = drop - 1.959964 * error, drop + 1.959964 * error
        rows.append((name, drop, *limits, effects.get(name, np.nan)))
    names = ["feature", "auc_drop", "ci_low", "ci_high", "log_odds_low_to_high"]
    table = pd.DataFrame(rows, columns=names)
    return table.sort_values(["auc_drop", "feature"], ascending=[False, True], ignore_index=True)


def removals(
    model: Any, snapshots: pd.DataFrame, columns: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """Return by column what happens to the ROC AUC when the model is fitted again without it.

    Two rows, by `where`: `later`, fitted on split train and judged on split test; `within`,
    fitted on every other user of the test snapshot and judged on the rest, for a leak can
    flatter within a snapshot and harm later. Everything made from the column goes with it.
    Columns: `auc_with`, `auc_without`, `auc_drop` (lost by the removal; below 0 is gained) and
    its 95 % interval `ci_low`, `ci_high` (DeLong, DeLong & Clarke-Pearson 1988, paired).
    """
    pipeline = pipeline_of(model)
    rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in columns}
    train, test = (labelled(snapshots, split) for split in ("train", "test"))
    is_even = np.arange(len(test)) % 2 == 0
    halves = test[is_even], test[~is_even]
    for where, fitted_on, judge in (("later", train, test), ("within", *halves)):
        churned = judge["churned"].to_numpy(dtype=float)
        if not columns or min(fitted_on["churned"].nunique(), len(np.unique(churned))) < 2:
            continue
        whole = auc_parts(churned, predict(fit(pipeline, fitted_on), judge))
        for name in columns:
            part = auc_parts(churned, predict(fit(_without(pipeline, name), fitted_on), judge))
            drop, error = _mean_and_error(churned, whole - part)
            aucs = [_mean_and_error(churned, each)[0] for each in (whole, part)]
            limits = drop - 1.959964 * error, drop + 1.959964 * error
            rows[name].append((where, *aucs, drop, *limits))
    names = ["where", "auc_with", "auc_without", "auc_drop", "ci_low", "ci_high"]
    return {name: pd.DataFrame(found, columns=names) for name, found in rows.items()}


def _without(pipeline: Any, column: str) -> Any:
    """Return `pipeline`, not fitted, reading every column but one."""
    copy = clone(pipeline)
    kept = [
        (name, step, [c for c in columns if c != column])
        for name, step, columns in copy["prepare"].transformers
    ]
    return copy.set_params(prepare=clone(copy["prepare"]).set_params(transformers=kept))


def _mean_and_error(churned: Floats, parts: Floats) -> tuple[float, float]:
    """Return an AUC (or a difference of two) and its standard error from each user's part."""
    gone, stayed = parts[churned == 1], parts[churned == 0]
    return float(gone.mean()), float(np.sqrt(_squared_error(gone) + _squared_error(stayed)))


def _squared_error(parts: Floats) -> float:
    return float(parts.var(ddof=1) / len(parts))


def _low_to_high(model: Any, columns: pd.DataFrame) -> dict[str, float]:
    """Return by column of numbers the mean change of the log-odds: see feature_importance."""
    numeric = [name for name in source_columns(model)[0] if columns[name].notna().any()]
    ends = [{name: columns[name].quantile(q)} for name in numeric for q in (0.1, 0.9)]
    scored = [_log_odds(proba) for proba in predict_changed(model, columns, ends)]
    pairs = zip(numeric, scored[::2], scored[1::2], strict=True)
    return {name: float(np.mean(high - low)) for name, low, high in pairs}


def _log_odds(proba: Floats) -> Floats:
    safe = np.clip(proba, 1e-12, 1 - 1e-12)
    return np.asarray(np.log(safe) - np.log1p(-safe))


def drivers(
    model: Any, frame: pd.DataFrame, reference: dict[str, Any], top: int = 3
) -> pd.DataFrame:
    """Return for each row of `frame`, on its index, the columns that raise its score most.

    The contribution of a column is the log-odds of churn as scored minus the log-odds with that
    one column at its `reference` value (one-at-a-time difference; exact for a model that adds
    its columns up, blind to what two columns do together in others). It describes the model
    and not a cause. Columns: `driver_1` ... (name of the column, blank when fewer raise the
    score) and `contribution_1` ... (log-odds, above 0), largest first.
    """
    return pd.concat(in_parts(lambda part: _drivers(model, part, reference, top), frame))


def _drivers(model: Any, frame: pd.DataFrame, reference: dict[str, Any], top: int) -> pd.DataFrame:
    columns = model_input(model, frame)
    scored = _log_odds(predict(model, columns))
    at_reference = [{name: reference[name]} for name in map(str, columns)]
    without = [_log_odds(proba) for proba in predict_changed(model, columns, at_reference)]
    gains = scored[:, None] - np.column_stack(without)
    order = np.argsort(-gains, axis=1, kind="stable")[:, :top]
    best = np.take_along_axis(gains, order, axis=1)
    names = np.array(columns.columns, dtype=object)[order]
    table = pd.DataFrame(index=frame.index)
    for place in range(order.shape[1]):
        raised, name = best[:, place] > 1e-9, pd.Series(names[:, place], frame.index, dtype="str")
        table[f"driver_{place + 1}"] = name.where(raised)
        table[f"contribution_{place + 1}"] = np.where(raised, best[:, place], np.nan)
    return table
