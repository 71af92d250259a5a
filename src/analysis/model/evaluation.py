"""How good a churn score is, on users whose outcome is known and was not used to make it.

A metric is a function of `churned` (0 or 1), `proba` (probability of churn, 0 to 1) and
`weights`, and returns one value per row of `weights`: how often each user counts. A row of ones
is the estimate; rows of bootstrap counts give its interval (Efron & Tibshirani 1993), the same
rows for every model, so that differences between models are paired.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.base.errors import ReportError, Unavailable
from analysis.base.formats import plural
from analysis.base.score_metrics import (
    BINS,
    CELLS_AT_ONCE,
    Floats,
    Metric,
    average_precision,
    base_rate,
    brier,
    brier_skill,
    calibration_intercept,
    calibration_slope,
    f1,
    flagged_share,
    lift_top_decile,
    log_loss,
    precision,
    quantile_bins,
    recall,
    roc_auc,
    squared_calibration_error,
)
from analysis.contract.checks import Status, Verdict, check, grade, not_applicable
from analysis.model.candidates import BASELINES, fit_all, one_thread, score_split, why_not
from analysis.model.sampling import resampled

SCORE_METRICS: dict[str, Metric] = {
    "roc_auc": roc_auc,
    "average_precision": average_precision,
    "base_rate": base_rate,
    "brier": brier,
    "brier_skill": brier_skill,
    "log_loss": log_loss,
    "calibration_intercept": calibration_intercept,
    "calibration_slope": calibration_slope,
    "lift_top_decile": lift_top_decile,
    "ece_debiased": squared_calibration_error,  # the root is taken once the interval is known
}
THRESHOLD_METRICS: dict[str, Callable[..., Floats]] = {
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "flagged_share": flagged_share,
}
DIFFERENCES = {
    f"{metric}_minus_{short}": (metric, baseline)
    for baseline, short in (("recency_only", "recency"), ("base_rate", "base_rate"))
    for metric in ("roc_auc", "brier", "log_loss")
}
SHOWN = (
    "roc_auc", "average_precision", "base_rate", "brier", "brier_skill", "log_loss",
    "calibration_intercept", "calibration_slope", "ece_debiased", "lift_top_decile",
    "flagged_share", "precision", "recall", "roc_auc_minus_recency", "brier_minus_recency",
)  # fmt: skip
"""Metrics of the chosen model that the chapter shows, in their order."""
MAIN = ("roc_auc", "roc_auc_minus_recency", "brier_skill", "calibration_slope", "base_rate")
"""Metrics that are compared between origins."""
MISSES, MISSES_FAILS = 0.03, 0.1
"""Calibration error, beyond chance, that misleads a decision, and that refutes the figures."""
FEW, TOO_FEW = 20, 10
"""Users of the rarer outcome on which a model can be trained, and can hardly be."""


def evaluate(
    scores: pd.DataFrame,
    thresholds: float | Mapping[str, float],
    seed: int,
    n_boot: int = 500,
    split: str = "test",
) -> pd.DataFrame:
    """Return every metric of every model with its 95 % interval, one row each.

    `scores`: `user_id`, `churned` (0 or 1) and one column of probabilities per model.
    `thresholds`: one for all models, or one per model. Columns: `model`, `split`, `metric`,
    `value`, `ci_low`, `ci_high`, `n` (rows). Intervals are percentiles of a bootstrap over
    users: all rows of a user are drawn together. Among more than RESAMPLED users the draws are of
    as many users as there are, but from a sample of RESAMPLED of them, and the interval is moved by
    what the sample's value is off (bag of little bootstraps: Kleiner, Talwalkar, Sarkar & Jordan
    2014). `roc_auc_minus_recency` and similar metrics are
    this model minus the baseline `recency_only` (or `base_rate`) on the same draws. Raises
    ReportError
    when an outcome or a probability is missing, Unavailable when all users have one outcome.
    """
    names = checked_models(scores)
    limits = thresholds if isinstance(thresholds, Mapping) else dict.fromkeys(names, thresholds)
    few = resampled(scores, seed)
    rng, size = np.random.default_rng(seed), scores["user_id"].nunique()
    with one_thread():  # the last digit depends on the number of threads
        parts = [
            _all_values(few, limits, weights)
            for weights in _weights_in_parts(few["user_id"], n_boot, rng, size)
        ]
        point = _all_values(scores, limits, None)
        around = point if few is scores else _all_values(few, limits, None)
    rows = []
    for key in point:
        drawn = np.concatenate([part[key] for part in parts])
        if key[1] == "ece_debiased":
            # a draw repeats users, so its errors scatter around the uncorrected value
            drawn = drawn - _plain_squared_error(few, key[0]) + float(around[key][0])
        rows.append((*key, *_summary(key[1], float(point[key][0]), float(around[key][0]), drawn)))
    table = pd.DataFrame(rows, columns=["model", "metric", "value", "ci_low", "ci_high"])
    table.insert(1, "split", split)
    return table.assign(n=len(scores))


def checked_models(scores: pd.DataFrame) -> list[str]:
    """Return the models of `scores`; raises ReportError or Unavailable: see evaluate."""
    names = [str(column) for column in scores if column not in ("user_id", "churned")]
    if scores["churned"].nunique() < 2:
        raise Unavailable(
            f"The {len(scores)} users of the test snapshot have fewer than two outcomes, so no "
            "model can be judged. Give a longer log or change horizon_days in params.yml."
        )
    blank = scores.columns[scores.isna().any()]
    if len(blank):
        raise ReportError(
            f"test snapshot: column {blank[0]!r} is missing in "
            f"{int(scores[blank[0]].isna().sum())} rows. Evaluate rows with an outcome only."
        )
    return names


def _all_values(
    scores: pd.DataFrame, limits: Mapping[str, float], weights: Floats | None
) -> dict[tuple[str, str], Floats]:
    churned = scores["churned"].to_numpy(dtype=float)
    proba = {name: scores[name].to_numpy(dtype=float) for name in limits}
    rows = np.ones((1, len(scores))) if weights is None else weights
    values: dict[tuple[str, str], Floats] = {}
    for name, p in proba.items():
        for metric, score in SCORE_METRICS.items():
            values[name, metric] = score(churned, p, rows)
        for metric, count in THRESHOLD_METRICS.items():
            values[name, metric] = count(churned, p, rows, limits[name])
    for name in proba:
        for label, (metric, baseline) in DIFFERENCES.items():
            if baseline in proba and name != baseline:
                values[name, label] = values[name, metric] - values[baseline, metric]
    return values


def _summary(metric: str, value: float, around: float, drawn: Floats) -> tuple[float, float, float]:
    """Return a value with its interval: that of the draws, which lie around another value where
    they are from a sample of the users.
    """
    low, high = percentiles(drawn)
    if value != around and np.isfinite(value - around):
        low, high = low + (value - around), high + (value - around)
    if metric == "ece_debiased":
        value, low, high = np.sqrt(np.maximum([value, low, high], 0)).tolist()
    return value, low, high


def _plain_squared_error(scores: pd.DataFrame, model: str) -> float:
    proba = scores[model].to_numpy(dtype=float)
    gap = proba - scores["churned"].to_numpy(dtype=float)
    bins = pd.DataFrame({"bin": quantile_bins(proba, BINS), "gap": gap})
    return float((bins.groupby("bin")["gap"].transform("mean") ** 2).mean())


def percentiles(drawn: Floats) -> tuple[float, float]:
    """Return the 95 % interval of the draws that are numbers."""
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.percentile(known, [2.5, 97.5], method="weibull")  # not too short for few draws
    return float(low), float(high)


def draw_weights(
    user_ids: pd.Series, n_draws: int, rng: np.random.Generator, size: int | None = None
) -> Floats:
    """Return how often each row counts in each of `n_draws` bootstrap draws of users.

    One line per draw, one column per row; users are drawn with replacement, as many as there
    are, or `size` of them where they are a sample of so many; all rows of a user count alike.
    """
    codes, users = pd.factorize(user_ids)
    if size is None or size == len(users):
        drawn = rng.integers(len(users), size=(n_draws, len(users)))
        counts = np.stack([np.bincount(draw, minlength=len(users)) for draw in drawn])
    else:
        counts = rng.multinomial(size, np.full(len(users), 1 / len(users)), size=n_draws)
    return np.asarray(counts[:, codes], dtype=float)


def _weights_in_parts(
    user_ids: pd.Series, n_draws: int, rng: np.random.Generator, size: int | None = None
) -> Iterator[Floats]:
    at_once = max(1, CELLS_AT_ONCE // len(user_ids))
    for start in range(0, n_draws, at_once):
        yield draw_weights(user_ids, min(at_once, n_draws - start), rng, size)


def metrics_of(evaluation: pd.DataFrame, model: str) -> pd.DataFrame:
    """Return the rows of one `model`, by metric."""
    return evaluation[evaluation["model"] == model].set_index("metric")


def of_metric(evaluation: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the rows of one `metric`."""
    return evaluation[evaluation["metric"] == metric].reset_index(drop=True)


def side_by_side(evaluation: pd.DataFrame, chosen: str) -> pd.DataFrame:
    """Return `metric, value, ci_low, ci_high` of the `chosen` model, in a reader's order."""
    metrics = metrics_of(evaluation, chosen)
    kept = [name for name in SHOWN if name in metrics.index]
    return metrics.loc[kept, ["value", "ci_low", "ci_high"]].reset_index()


def earlier_origin(snapshots: pd.DataFrame) -> pd.DataFrame | None:
    """Return the snapshots as they would have been split one snapshot earlier.

    The last training snapshot calibrates and the calibration snapshot is the test; later rows are
    left out. None when no training snapshot would be left. Rolling
    origin evaluation: Tashman (2000).
    """
    known = snapshots[snapshots["split"] != "score"]
    instants = sorted(known["snapshot_at"].unique())
    kept = instants[:-1]
    if len(kept) < 3:
        return None
    splits = dict.fromkeys(kept[:-2], "train") | {kept[-2]: "calibrate", kept[-1]: "test"}
    rows = known[known["snapshot_at"].isin(kept)]
    return rows.assign(split=rows["snapshot_at"].map(splits).astype("str"))


def evaluate_earlier(
    pipelines: dict[str, Any],
    chosen: str,
    snapshots: pd.DataFrame,
    threshold: float,
    seed: int,
    n_boot: int,
) -> pd.DataFrame:
    """Return evaluate() one snapshot earlier for the `chosen` model and the baselines.

    Everything is fitted and calibrated on what was known then; `split` is `earlier`.
    Empty when the log is too short for an earlier origin, or no model can be made there.
    """
    before = earlier_origin(snapshots)
    if before is None or why_not(before, ("train", "calibrate", "test")):
        return pd.DataFrame(columns=["model", "split", "metric", "value", "ci_low", "ci_high", "n"])
    fitted = fit_all({name: pipelines[name] for name in (chosen, *BASELINES)}, before)
    return evaluate(score_split(fitted, before, "test"), threshold, seed, n_boot, "earlier")


def both_origins(on_test: pd.DataFrame, earlier: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of both origins."""
    return pd.concat([part for part in (on_test, earlier) if len(part)], ignore_index=True)


def compare_origins(evaluation: pd.DataFrame, chosen: str) -> pd.DataFrame:
    """Return the main metrics of the `chosen` model at each origin: `metric`, `split`, `value`,
    `ci_low`, `ci_high`.
    """
    kept = evaluation[(evaluation["model"] == chosen) & evaluation["metric"].isin(MAIN)]
    ordered = kept.sort_values(["metric", "split"], ignore_index=True)
    return ordered[["metric", "split", "value", "ci_low", "ci_high"]]


def count_rarer(churned: "pd.Series[float]") -> int:
    """Return the number of users with the rarer of the two outcomes."""
    return int(churned.value_counts().reindex([0.0, 1.0], fill_value=0).min())


def too_few_outcomes(churned: "pd.Series[float]") -> str:
    """Return why nothing can be measured on these outcomes; an empty text if it can."""
    rarer = count_rarer(churned)
    if rarer >= TOO_FEW:
        return ""
    users = plural(rarer, "user", "users")
    return f"the test has {users} of the rarer outcome, {TOO_FEW} are needed"


def on_metrics(judge: Callable[..., Verdict]) -> Callable[..., Verdict]:
    """Return a check of what was `measured` on the test, its first parameter.

    On fewer than TOO_FEW users of the rarer outcome any order of users looks perfect or upside
    down, so nothing measured there is judged: `measured` is then the reason, a text, instead of
    the metrics of the chosen model, and the check is not applicable.
    """

    @functools.wraps(judge)
    def judge_if_measured(measured: pd.DataFrame | str, *others: Any, **values: Any) -> Verdict:
        if isinstance(measured, str):
            return not_applicable(judge.__name__, measured)
        return judge(measured, *others, **values)

    return judge_if_measured


@check(stage="06_model", strikes=("threshold",))
@on_metrics
def threshold(measured: pd.DataFrame) -> Verdict:
    """Judge the users whom the threshold flags: neither everyone nor no one, and with a precision
    no worse than flagging everyone. The threshold itself comes from the economics or the
    calibration scores.
    """
    flagged, base = measured["value"].loc["flagged_share"], measured["value"].loc["base_rate"]
    precision: Any = measured.loc["precision"]
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


@check(stage="06_model", strikes=("scores",))
@on_metrics
def calibration(measured: pd.DataFrame) -> Verdict:
    """Judge the probabilities against what happened on the test snapshot, never against classes."""
    error: Any = measured.loc["ece_debiased"]
    slope: Any = measured.loc["calibration_slope"]
    intercept: Any = measured.loc["calibration_intercept"]
    facts = {"slope": _number(slope["value"]), "slope_low": _number(slope["ci_low"]),
             "slope_high": _number(slope["ci_high"]), "intercept": _number(intercept["value"]),
             "intercept_low": _number(intercept["ci_low"]),
             "intercept_high": _number(intercept["ci_high"])}  # fmt: skip
    status = grade(float(error["ci_low"]), MISSES, MISSES_FAILS)
    return Verdict("calibration", status, float(error["value"]), float(error["ci_low"]),
                   float(error["ci_high"]), MISSES, int(error["n"]), facts)  # fmt: skip


@check(stage="06_model", strikes=("ranking", "scores", "groups"))
def enough_data(snapshots: pd.DataFrame) -> Verdict:
    """Judge whether each split holds enough users of the rarer outcome."""
    counts = {
        str(split): count_rarer(part["churned"])
        for split, part in snapshots[snapshots["churned"].notna()].groupby("split")
    }
    if not counts:
        return not_applicable("enough_data", "no snapshot has a known outcome")
    least = min(counts, key=lambda split: counts[split])
    status: Status = (
        "fail" if counts[least] < TOO_FEW else ("warn" if counts[least] < FEW else "pass")
    )
    facts = {"split": least, "users": counts[least], **{f"n_{k}": v for k, v in counts.items()}}
    return Verdict(
        "enough_data", status, float(counts[least]), limit=float(FEW), n=counts[least], facts=facts
    )


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
