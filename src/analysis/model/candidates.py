"""Candidate models: one pipeline from raw columns to a calibrated probability.

Every model is a scikit-learn Pipeline of two steps, `prepare` (a ColumnTransformer that names
its source columns) and `model`, wrapped after the fit in a calibrator. Whoever holds the object
can score raw columns: nothing is scaled, filled or encoded outside it. Sums run on one thread,
so that neither the last digit nor the time depends on the number of cores.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
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
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from analysis.base.errors import ReportError, Unavailable
from analysis.base.formats import plural
from analysis.base.unavailable import require
from analysis.contract.checks import Status, Verdict, check, not_applicable
from analysis.log.churn import TOO_SHORT

Floats = npt.NDArray[np.float64]
T = TypeVar("T")

SIMPLEST = "logistic_regression"
BASELINES = ("base_rate", "recency_only")
PURPOSES = {
    "train": "the model is trained",
    "calibrate": "the model is calibrated",
    "test": "the model is tested",
}
"""What the snapshots of a split are for, within a sentence."""
LEAST = 5
"""Users of each outcome that a calibration needs (scikit-learn divides them into five parts)."""
AT_ONCE = 50_000
"""Rows that are scored at once, which bounds the memory."""
CANDIDATES = (SIMPLEST, "random_forest", "gradient_boosting")
"""Models among which one is chosen, the simplest first."""


def pipelines(numeric: Sequence[str], categorical: Sequence[str], seed: int) -> dict[str, Any]:
    """Return the unfitted pipelines by name: three models and the two baselines.

    `logistic_regression` (numeric columns made symmetric: Yeo & Johnson 2000),
    `random_forest` (Breiman 2001), `gradient_boosting` (histograms, as Ke et al. 2017), and
    `base_rate` (the same probability for all) and `recency_only` (logistic regression on
    `recency_days`). Missing numbers become the training median, with a column that marks them;
    rare and unknown categories share one column. Classes are not reweighted, which would distort
    the probabilities. Raises ReportError when `recency_days` is not among the numeric columns.
    """
    if "recency_days" not in numeric:
        raise ReportError(
            f"snapshots: the baseline recency_only needs the numeric feature 'recency_days', but "
            f"the features are {list(numeric)}. Rerun the stage 04_features."
        )
    plain = _prepare(numeric, categorical, makes_symmetric=False)
    symmetric = _prepare(numeric, categorical, makes_symmetric=True)
    recency = _prepare(["recency_days"], [], makes_symmetric=True)
    models = {
        SIMPLEST: (symmetric, LogisticRegression(C=0.1, max_iter=1000)),
        "random_forest": (plain, _random_forest(seed)),
        "gradient_boosting": (plain, _gradient_boosting(seed)),
        "base_rate": (recency, DummyClassifier(strategy="prior")),
        "recency_only": (recency, LogisticRegression(C=0.1, max_iter=1000)),
    }
    return {name: Pipeline([("prepare", prep), ("model", m)]) for name, (prep, m) in models.items()}


def _prepare(numeric: Sequence[str], categorical: Sequence[str], *, makes_symmetric: bool) -> Any:
    fill = ("impute", SimpleImputer(strategy="median", keep_empty_features=True))
    steps = [fill, ("bend", PowerTransformer())] if makes_symmetric else [fill]
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
    # each tree sees a fifth of the rows: five times cheaper, and no worse with leaves of 20;
    # of 100 trees, chance moves the log loss by 0.0016, of 200 by 0.0008, where models are told
    # apart at 0.0047 (one snapshot of the default tables, eight seeds)
    return RandomForestClassifier(
        n_estimators=100, min_samples_leaf=20, max_samples=0.2, n_jobs=2, random_state=seed
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
    parts = {name: list(columns) for name, _, columns in pipeline_of(model)["prepare"].transformers}
    return parts["numeric"], parts["categorical"]


def pipeline_of(model: Any) -> Any:
    """Return the pipeline inside a calibrated model, or the pipeline itself."""
    return model if isinstance(model, Pipeline) else model.estimator.estimator


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
            "in the table. Rerun the stages 04_features and 06_model."
        )
    texts = frame[categorical].astype(object)
    return frame[numeric].astype(float).join(texts.where(texts.notna(), np.nan))


@functools.cache
def _threads() -> Any:
    return ThreadpoolController()  # it looks through the loaded libraries, which takes a while


def one_thread() -> Any:
    """Return a context in which sums run on one thread."""
    return _threads().limit(limits=1)


def predict(model: Any, frame: pd.DataFrame) -> Floats:
    """Return the probability of churn, 0 to 1, of each row of `frame`, in its order."""
    return np.concatenate(in_parts(lambda part: _predict(model, part), frame))


def _predict(model: Any, frame: pd.DataFrame) -> Floats:
    with one_thread():
        return np.asarray(model.predict_proba(model_input(model, frame))[:, 1], dtype=float)


def predict_changed(
    model: Any, columns: pd.DataFrame, changes: Sequence[Mapping[str, Any]]
) -> list[Floats]:
    """Return what predict returns of `columns` with each of `changes` (column -> values) made in
    turn: of as many at once as AT_ONCE rows hold, for most of the time goes into each call.
    """
    at_once = max(1, AT_ONCE // max(len(columns), 1))
    found: list[Floats] = []
    for start in range(0, len(changes), at_once):
        part = [columns.assign(**change) for change in changes[start : start + at_once]]
        found += np.split(predict(model, pd.concat(part, ignore_index=True)), len(part))
    return found


def in_parts(work: Callable[[pd.DataFrame], T], frame: pd.DataFrame) -> list[T]:
    """Return what `work` returns of each AT_ONCE rows of `frame`, in their order. One after the
    other: scikit-learn's forests change the filters of warnings, which threads share.
    """
    starts = range(0, max(len(frame), 1), AT_ONCE)
    return [work(frame.iloc[start : start + AT_ONCE]) for start in starts]


def fit_calibrated(pipeline: Any, snapshots: pd.DataFrame) -> Any:
    """Return one object: `pipeline` fitted on split `train`, calibrated on split `calibrate`.

    The calibrator is Platt's (1999): a logistic regression of the outcome on the score, on
    users' outcomes that the model has not seen. The pipeline given is not changed. Raises
    Unavailable when either split is empty or holds one outcome only.
    """
    train, calibrate = (labelled(snapshots, split) for split in ("train", "calibrate"))
    fitted = fit(pipeline, train)
    calibrator = CalibratedClassifierCV(FrozenEstimator(fitted), method="sigmoid")
    outcome = calibrate["churned"].to_numpy(dtype=int)
    with one_thread():
        return calibrator.fit(model_input(fitted, calibrate), outcome)


def fit(pipeline: Any, rows: pd.DataFrame) -> Any:
    """Return a copy of `pipeline` fitted on `rows`, not calibrated."""
    fitted = clone(pipeline)
    with one_thread():
        fitted.fit(model_input(fitted, rows), rows["churned"].to_numpy(dtype=int))
    if "n_jobs" in fitted["model"].get_params() and fitted["model"].n_jobs:
        fitted["model"].set_params(n_jobs=1)  # threads would add the trees up in any order
    return fitted


def labelled(snapshots: pd.DataFrame, split: str) -> pd.DataFrame:
    """Return the rows of `split`; raises Unavailable without rows or without both outcomes, and for
    a calibration on fewer than LEAST users of either.
    """
    rows = snapshots[require(snapshots)["split"] == split]
    if rows.empty and (reason := snapshots.attrs.get(TOO_SHORT)):
        raise Unavailable(reason)
    if rows.empty:
        raise Unavailable(
            f"Nobody was at risk when {PURPOSES[split]}. Training, calibration and test need "
            "users at risk at snapshots one horizon apart, up to the end of the log. If the "
            "product had ended by then, set log_end in params.yml to a day when it was in use; "
            "otherwise give a longer log, or lower lookback_days or horizon_days."
        )
    unknown = int(rows["churned"].isna().sum())
    if unknown:
        raise ReportError(
            f"snapshots: split {split!r} has {unknown} rows without an outcome (churned). Only "
            "split 'score' may have them. Rerun the stage 04_features."
        )
    if rows["churned"].nunique() < 2:
        raise Unavailable(_one_outcome(rows, split))
    rarer = int(rows["churned"].value_counts().min())
    if split == "calibrate" and rarer < LEAST:
        raise Unavailable(
            f"A model is calibrated on at least {LEAST} users who churned and {LEAST} who stayed, "
            f"but at its snapshot one of the two are {plural(rarer, 'user', 'users')}. Give a log "
            "of more users, or change horizon_days in params.yml."
        )
    return rows


def why_not(snapshots: pd.DataFrame, splits: Sequence[str] = ("train", "calibrate")) -> str | None:
    """Return why no model can be made from `splits` of the snapshots; None if one can."""
    try:
        for split in splits:
            labelled(snapshots, split)
    except Unavailable as error:
        return str(error)
    return None


def _one_outcome(rows: pd.DataFrame, split: str) -> str:
    """Return the sentences on a `split` whose users all churned, or all stayed."""
    count, use = rows["user_id"].nunique(), PURPOSES[split]
    users = plural(count, "user", "users")
    nothing = "nothing to measure" if split == "test" else "nothing to learn"
    if rows["churned"].iloc[0]:
        remedy = (
            "If the product had ended by then, set log_end in params.yml to a day when it was in "
            "use; otherwise raise horizon_days."
        )
        if count == 1:
            return f"The only user at risk when {use} churned, so there is {nothing}. {remedy}"
        return f"All {users} at risk when {use} churned, so there is {nothing}. {remedy}"
    remedy = "Lower horizon_days in params.yml, or give a longer log."
    if count == 1:
        return f"The only user at risk when {use} stayed, so there is {nothing}. {remedy}"
    return f"All {users} at risk when {use} stayed, so there is {nothing}. {remedy}"


def fit_all(pipelines: dict[str, Any], snapshots: pd.DataFrame) -> dict[str, Any]:
    """Return every pipeline fitted and calibrated on `snapshots` (see fit_calibrated), by name."""
    return {name: fit_calibrated(pipeline, snapshots) for name, pipeline in pipelines.items()}


def score_split(fitted: dict[str, Any], snapshots: pd.DataFrame, split: str) -> pd.DataFrame:
    """Return `user_id`, `churned` and one column of probabilities per model for one `split`."""
    rows = labelled(snapshots, split)
    scores = {name: predict(model, rows) for name, model in fitted.items()}
    return rows[["user_id", "churned"]].assign(**scores).reset_index(drop=True)


@check(stage="06_model", strikes=("ranking", "scores"))
def preprocessing(snapshots: pd.DataFrame, churn_model: Any) -> Verdict:
    """Judge whether anything was fitted on rows that are tested: fit again on the other rows, and
    compare the scores of the test snapshot.
    """
    is_test = snapshots["split"] == "test"
    test, others = snapshots[is_test], snapshots[~is_test]
    if test.empty:
        return not_applicable("preprocessing", "no user is at risk at the test snapshot")
    again = fit_calibrated(pipeline_of(churn_model), others)
    gap = float(np.abs(predict(again, test) - predict(churn_model, test)).max())
    status: Status = "pass" if gap <= 1e-9 else "fail"
    return Verdict("preprocessing", status, gap, limit=1e-9, n=len(test), facts={"gap": gap})
