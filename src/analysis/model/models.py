"""Churn models: one pipeline from raw columns to a calibrated probability.

Every model is a scikit-learn Pipeline of two steps, `prepare` (a ColumnTransformer that names
its source columns) and `model`, wrapped after the fit in a calibrator. Whoever holds the object
can score raw columns: nothing is scaled, filled or encoded outside it. Sums run on one thread,
so that the last digit does not depend on the number of cores, nor the time on their other work.
"""

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import skops.io
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, PowerTransformer
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from analysis.base.errors import ReportError
from analysis.base.score_metrics import auc_parts

Floats = npt.NDArray[np.float64]

SIMPLEST = "logistic_regression"
BASELINES = ("base_rate", "recency_only")
TRUSTED_TYPES = (
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)


def candidates(numeric: Sequence[str], categorical: Sequence[str], seed: int) -> dict[str, Any]:
    """Return the unfitted pipelines by name: three models and the two baselines.

    `logistic_regression` (numeric columns bent to symmetry by Yeo & Johnson 2000),
    `random_forest` (Breiman 2001), `gradient_boosting` (histograms, as Ke et al. 2017), and
    `base_rate` (the same probability for all) and `recency_only` (logistic regression on
    `recency_days`). Missing numbers become the training median beside a column that says so;
    rare and unknown categories share one column. Classes are not reweighted: a probability
    must stay one. Raises ReportError when `recency_days` is not among the numeric columns.
    """
    if "recency_days" not in numeric:
        raise ReportError(
            f"snapshots: the baseline recency_only needs the numeric feature 'recency_days', but "
            f"the features are {list(numeric)}. Rerun the stage features."
        )
    bent, plain = _prepare(numeric, categorical, True), _prepare(numeric, categorical, False)
    recency = _prepare(["recency_days"], [], True)
    models = {
        SIMPLEST: (bent, LogisticRegression(C=0.1, max_iter=1000)),
        "random_forest": (plain, _random_forest(seed)),
        "gradient_boosting": (plain, _gradient_boosting(seed)),
        "base_rate": (recency, DummyClassifier(strategy="prior")),
        "recency_only": (recency, LogisticRegression(C=0.1, max_iter=1000)),
    }
    return {name: Pipeline([("prepare", prep), ("model", m)]) for name, (prep, m) in models.items()}


def _prepare(numeric: Sequence[str], categorical: Sequence[str], is_bent: bool) -> Any:
    fill = ("impute", SimpleImputer(strategy="median", keep_empty_features=True))
    steps = [fill, ("bend", PowerTransformer())] if is_bent else [fill]
    encode = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=20, sparse_output=False
    )
    return ColumnTransformer(
        [
            ("numeric", Pipeline(steps), list(numeric)),
            ("missing", MissingIndicator(error_on_new=False), list(numeric)),
            ("categorical", encode, list(categorical)),
        ]
    )


def _random_forest(seed: int) -> Any:
    # each tree sees a fifth of the rows: five times cheaper, and no worse with leaves of 20
    return RandomForestClassifier(
        n_estimators=200, min_samples_leaf=20, max_samples=0.2, n_jobs=2, random_state=seed
    )


def _gradient_boosting(seed: int) -> Any:
    return HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_iter=100,
        max_leaf_nodes=8,
        min_samples_leaf=40,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    )


def source_columns(model: Any) -> tuple[list[str], list[str]]:
    """Return the numeric and the categorical columns that a pipeline or stored model reads."""
    parts = {name: list(columns) for name, _, columns in _pipeline(model)["prepare"].transformers}
    return parts["numeric"], parts["categorical"]


def _pipeline(model: Any) -> Any:
    return model if isinstance(model, Pipeline) else model.estimator.estimator


def pipeline_of(model: Any) -> Any:
    """Return the fitted pipeline inside a calibrated model (or the pipeline itself)."""
    return _pipeline(model)


def model_input(model: Any, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of `frame` that `model` reads: numbers as float, categories as text.

    Every kind of missing value becomes NaN, so that None and NaN are not two categories. Raises
    ReportError when a column is absent.
    """
    numeric, categorical = source_columns(model)
    absent = [column for column in numeric + categorical if column not in frame]
    if absent:
        raise ReportError(
            f"features: the model reads {absent[0]!r}, but {len(absent)} of its columns are not "
            "in the table. Rerun the stages features and model."
        )
    texts = frame[categorical].astype(object)
    return frame[numeric].astype(float).join(texts.where(texts.notna(), np.nan))


def predict(model: Any, frame: pd.DataFrame) -> Floats:
    """Return the probability of churn, 0 to 1, of each row of `frame`, in its order."""
    with threadpool_limits(1):
        return np.asarray(model.predict_proba(model_input(model, frame))[:, 1], dtype=float)


def fit_calibrated(pipeline: Any, snapshots: pd.DataFrame) -> Any:
    """Return one object: `pipeline` fitted on split `train`, calibrated on split `calibrate`.

    The calibrator is Platt's (1999): a logistic regression of the outcome on the score, on
    users' outcomes that the model has not seen. The pipeline given is not changed. Raises
    ReportError when either split is empty or holds one outcome only.
    """
    train, calibrate = (_labelled(snapshots, split) for split in ("train", "calibrate"))
    fitted = _fit(pipeline, train)
    calibrator = CalibratedClassifierCV(FrozenEstimator(fitted), method="sigmoid")
    outcome = calibrate["churned"].to_numpy(dtype=int)
    with threadpool_limits(1):
        return calibrator.fit(model_input(fitted, calibrate), outcome)


def _fit(pipeline: Any, rows: pd.DataFrame) -> Any:
    fitted = clone(pipeline)
    with threadpool_limits(1):
        fitted.fit(model_input(fitted, rows), rows["churned"].to_numpy(dtype=int))
    if "n_jobs" in fitted["model"].get_params() and fitted["model"].n_jobs:
        fitted["model"].set_params(n_jobs=1)  # threads would add the trees up in any order
    return fitted


def _labelled(snapshots: pd.DataFrame, split: str) -> pd.DataFrame:
    rows = snapshots[snapshots["split"] == split]
    if rows.empty:
        raise ReportError(
            f"snapshots: split {split!r} has no rows, so no model can be made. The log is too "
            "short for the parameters lookback, gap and horizon: shorten them or give more days."
        )
    unknown = int(rows["churned"].isna().sum())
    if unknown:
        raise ReportError(
            f"snapshots: split {split!r} has {unknown} rows without an outcome (churned). Only "
            "split 'score' may have them. Rerun the stage features."
        )
    if rows["churned"].nunique() < 2:
        raise ReportError(
            f"snapshots: all {len(rows)} rows of split {split!r} have churned = "
            f"{rows['churned'].iloc[0]:g}, so there is nothing to tell apart. Change horizon_days."
        )
    return rows


def fit_all(pipelines: dict[str, Any], snapshots: pd.DataFrame) -> dict[str, Any]:
    """Return every pipeline fitted and calibrated on `snapshots` (see fit_calibrated), by name."""
    return {name: fit_calibrated(pipeline, snapshots) for name, pipeline in pipelines.items()}


def score_split(fitted: dict[str, Any], snapshots: pd.DataFrame, split: str) -> pd.DataFrame:
    """Return `user_id`, `churned` and one column of probabilities per model for one `split`."""
    rows = _labelled(snapshots, split)
    scores = {name: predict(model, rows) for name, model in fitted.items()}
    return rows[["user_id", "churned"]].assign(**scores).reset_index(drop=True)


def earlier_origin(snapshots: pd.DataFrame, steps: int = 1) -> pd.DataFrame | None:
    """Return the snapshots as they would have been split `steps` snapshots earlier.

    The last training snapshot calibrates and the calibration snapshot is the test (for one
    step); later rows are left out. None when no training snapshot would be left. Rolling
    origin evaluation: Tashman (2000).
    """
    known = snapshots[snapshots["split"] != "score"]
    instants = sorted(known["snapshot_at"].unique())
    kept = instants[: len(instants) - steps]
    if len(kept) < 3:
        return None
    splits = dict.fromkeys(kept[:-2], "train") | {kept[-2]: "calibrate", kept[-1]: "test"}
    rows = known[known["snapshot_at"].isin(kept)]
    return rows.assign(split=rows["snapshot_at"].map(splits).astype("str"))


def training_scores(model: Any, snapshots: pd.DataFrame) -> pd.DataFrame:
    """Return `user_id`, `snapshot_at`, `proba_when_trained` of the training rows: what scoring
    with the stored model must give again.
    """
    rows = snapshots[snapshots["split"] == "train"]
    kept = rows[["user_id", "snapshot_at"]].reset_index(drop=True)
    return kept.assign(proba_when_trained=predict(model, rows))


def choose_model(pipelines: dict[str, Any], snapshots: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """Return the name of the model to use, and the comparison that chose it.

    Rolling origin inside the training data: each model is fitted on all train snapshots but the
    last and judged by log loss on the last; calibration and test outcomes are not looked at. Of
    the models within one standard error of the best (of the paired difference per user) the
    simplest is used (Breiman et al. 1984). With one train snapshot that is the logistic
    regression, unjudged.

    Columns: `model`, `log_loss` (nats per user), `difference` to the best, `standard_error` of
    that difference, `n` (users), `is_chosen`.
    """
    names = [name for name in pipelines if name not in BASELINES]
    train = _labelled(snapshots, "train")
    is_last = train["snapshot_at"] == train["snapshot_at"].max()
    past, last = train[~is_last], train[is_last]
    if past["churned"].nunique() < 2:
        losses = pd.DataFrame(np.nan, index=last.index, columns=names)
    else:
        losses = pd.DataFrame({n: _row_losses(_fit(pipelines[n], past), last) for n in names})
    return _pick(losses)


def _row_losses(fitted: Any, rows: pd.DataFrame) -> Floats:
    proba = np.clip(predict(fitted, rows), 1e-15, 1 - 1e-15)
    return -np.log(np.where(rows["churned"] == 1, proba, 1 - proba))


def _pick(losses: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    table = pd.DataFrame({"log_loss": losses.mean(), "n": len(losses)})
    if table["log_loss"].isna().all():
        table = table.assign(difference=np.nan, standard_error=np.nan, n=0)
        chosen = SIMPLEST
    else:
        gap = losses.sub(losses[table["log_loss"].idxmin()], axis=0)
        table["difference"], table["standard_error"] = gap.mean(), gap.sem().fillna(0.0)
        near = table.index[table["difference"] <= table["standard_error"]]
        chosen = SIMPLEST if SIMPLEST in near else str(table["log_loss"].idxmin())
    table["is_chosen"] = table.index == chosen
    columns = ["model", "log_loss", "difference", "standard_error", "n", "is_chosen"]
    return chosen, table.rename_axis("model").reset_index()[columns]


def save_model(model: Any, path: Path) -> None:
    """Store `model` at `path` in skops' format: the same model gives the same bytes.

    skops names its parts by memory address and dates them by the clock; both are replaced.
    """
    source = zipfile.ZipFile(io.BytesIO(skops.io.dumps(model)))
    schema = json.loads(source.read("schema.json"))
    names: dict[str, str] = {}
    schema = _renumber(schema, {}, names)
    parts = {new: _without_padding(source.read(old)) for old, new in names.items()}
    parts["schema.json"] = json.dumps(schema, separators=(",", ":")).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(parts):
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, parts[name])


def _without_padding(stored: bytes) -> bytes:
    """Return a stored array with zeros between its fields, where tree nodes hold chance bytes."""
    if not stored.startswith(b"\x93NUMPY"):
        return stored
    array = np.load(io.BytesIO(stored), allow_pickle=False)
    if array.dtype.names is None:
        return stored
    clean, buffer = np.zeros(array.shape, array.dtype), io.BytesIO()
    for name in array.dtype.names:
        clean[name] = array[name]
    np.save(buffer, clean, allow_pickle=False)
    return buffer.getvalue()


def _renumber(node: Any, ids: dict[int, int], names: dict[str, str]) -> Any:
    """Return a skops schema whose object and file names count up in order of appearance."""
    if isinstance(node, list):
        return [_renumber(item, ids, names) for item in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _renumber(value, ids, names) for key, value in node.items()}
    if isinstance(node.get("__id__"), int):
        copy["__id__"] = ids.setdefault(node["__id__"], len(ids) + 1)
    if isinstance(node.get("file"), str) and "__loader__" in node:
        suffix = Path(node["file"]).suffix
        copy["file"] = names.setdefault(node["file"], f"{len(names) + 1:06d}{suffix}")
    return copy


def load_model(path: Path) -> Any:
    """Return the model stored at `path`.

    Nothing is unpickled: only scikit-learn's and NumPy's types of TRUSTED_TYPES are built.
    Raises ReportError when the file is absent, is not a model, or holds any other type.
    """
    try:
        unknown = set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED_TYPES)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ReportError(f"{path}: no stored model ({error}). Rerun the stage model.") from error
    if unknown:
        raise ReportError(
            f"{path}: holds {len(unknown)} types that a churn model has no use for, such as "
            f"{min(unknown)!r}, and is not loaded. Rerun the stage model."
        )
    return skops.io.load(path, trusted=list(TRUSTED_TYPES))


def feature_importance(model: Any, test: pd.DataFrame, seed: int, repeats: int = 3) -> pd.DataFrame:
    """Return what each source column is worth to the model on the rows of `test`.

    `auc_drop`: ROC AUC lost when the column's values are dealt out at random among the users,
    mean over `repeats` (permutation importance, Breiman 2001; Fisher, Rudin & Dominici 2019).
    All columns made from one source column move together. `ci_low`, `ci_high`: 95 % interval
    over users, paired (DeLong, DeLong & Clarke-Pearson 1988). `log_odds_low_to_high`: mean
    change of the log-odds of churn when the column goes from its 10th to its 90th percentile,
    others as they are (blank for categories). Sorted by `auc_drop`. Columns that say the same
    share their worth: none may lose much. One row per user, or the intervals are too short.
    """
    columns, churned = model_input(model, test), test["churned"].to_numpy(dtype=float)
    rng, full = np.random.default_rng(seed), auc_parts(churned, predict(model, columns))
    rows = []
    for feature in map(str, columns):
        dealt = [
            auc_parts(churned, _shuffled_score(model, columns, feature, rng))
            for _ in range(repeats)
        ]
        drop, error = _mean_and_error(churned, np.mean([full - part for part in dealt], axis=0))
        limits = drop - 1.959964 * error, drop + 1.959964 * error
        rows.append((feature, drop, *limits, _low_to_high(model, columns, feature)))
    names = ["feature", "auc_drop", "ci_low", "ci_high", "log_odds_low_to_high"]
    table = pd.DataFrame(rows, columns=names)
    return table.sort_values(["auc_drop", "feature"], ascending=[False, True], ignore_index=True)


def removal(model: Any, snapshots: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return what happens to the ROC AUC when the model is made again without `column`.

    Two rows, by `where`: `later`, fitted on split train and judged on split test; `within`,
    fitted on every other user of the test snapshot and judged on the rest, for a leak can
    flatter within a snapshot and harm later. Everything made from the column goes with it.
    Columns: `auc_with`, `auc_without`, `auc_drop` (lost by the removal; below 0 is gained) and
    its 95 % interval `ci_low`, `ci_high` (DeLong, DeLong & Clarke-Pearson 1988, paired).
    """
    whole, less = _pipeline(model), _without(_pipeline(model), column)
    train, test = (_labelled(snapshots, split) for split in ("train", "test"))
    is_even = np.arange(len(test)) % 2 == 0
    rows = []
    for where, fit, judge in (("later", train, test), ("within", test[is_even], test[~is_even])):
        churned = judge["churned"].to_numpy(dtype=float)
        if min(fit["churned"].nunique(), len(np.unique(churned))) < 2:
            continue
        parts = [auc_parts(churned, predict(_fit(p, fit), judge)) for p in (whole, less)]
        drop, error = _mean_and_error(churned, parts[0] - parts[1])
        aucs = [_mean_and_error(churned, part)[0] for part in parts]
        rows.append((where, *aucs, drop, drop - 1.959964 * error, drop + 1.959964 * error))
    columns = ["where", "auc_with", "auc_without", "auc_drop", "ci_low", "ci_high"]
    return pd.DataFrame(rows, columns=columns)


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


def _shuffled_score(
    model: Any, columns: pd.DataFrame, feature: str, rng: np.random.Generator
) -> Floats:
    dealt = columns[feature].to_numpy()[rng.permutation(len(columns))]
    return predict(model, columns.assign(**{feature: dealt}))


def _low_to_high(model: Any, columns: pd.DataFrame, feature: str) -> float:
    if feature not in source_columns(model)[0] or columns[feature].isna().all():
        return float("nan")
    low, high = (
        _log_odds(predict(model, columns.assign(**{feature: columns[feature].quantile(q)})))
        for q in (0.1, 0.9)
    )
    return float(np.mean(high - low))


def _log_odds(proba: Floats) -> Floats:
    safe = np.clip(proba, 1e-12, 1 - 1e-12)
    return np.asarray(np.log(safe) - np.log1p(-safe))


def reference_values(model: Any, snapshots: pd.DataFrame) -> dict[str, Any]:
    """Return the typical value of each column in split `train`: median, or commonest category.

    Commonest among the known ones; the first in alphabetical order when several are.
    """
    columns = model_input(model, snapshots[snapshots["split"] == "train"])
    numeric, categorical = source_columns(model)
    typical: dict[str, Any] = {column: columns[column].median() for column in numeric}
    for column in categorical:
        modes = columns[column].mode()
        typical[column] = modes.iloc[0] if len(modes) else np.nan
    return typical


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
    columns = model_input(model, frame)
    scored = _log_odds(predict(model, columns))
    without = [
        _log_odds(predict(model, columns.assign(**{name: reference[name]})))
        for name in map(str, columns)
    ]
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


def model_card(
    model: Any, snapshots: pd.DataFrame, name: str, threshold: float, rule: str
) -> dict[str, Any]:
    """Return what a reader of the stored model must know: its `model` name, the `threshold` and
    the `rule` it comes from, its columns, the snapshots of each split, and typical values.
    """
    numeric, categorical = source_columns(model)
    instants = snapshots.groupby("split")["snapshot_at"].unique()
    return {
        "model": name,
        "model_file": "churn_model.skops",
        "threshold": threshold,
        "threshold_rule": rule,
        "numeric": numeric,
        "categorical": categorical,
        "snapshots": {s: sorted(t.isoformat() for t in times) for s, times in instants.items()},
        "rows": {str(s): int(n) for s, n in snapshots["split"].value_counts().sort_index().items()},
        "reference": reference_values(model, snapshots),
    }
