"""How good a churn score is, on users whose outcome is known and was not used to make it.

A metric is a function of `churned` (0 or 1), `proba` (probability of churn, 0 to 1) and
`weights`, and returns one value per row of `weights`: how often each user counts. A row of ones
is the estimate; rows of bootstrap counts give its interval (Efron & Tibshirani 1993), the same
rows for every model, so that differences between models are paired.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from analysis.base.errors import ReportError
from analysis.base.score_metrics import (
    BINS,
    CELLS_AT_ONCE,
    Floats,
    Metric,
    average_precision,
    base_rate,
    brier,
    brier_skill,
    by_score,
    calibration_intercept,
    calibration_slope,
    f1,
    flagged_share,
    lift_top_decile,
    log_loss,
    mean,
    precision,
    quantile_bins,
    ratio,
    recall,
    roc_auc,
    squared_calibration_error,
    sums_from_the_top,
)
from analysis.model.decisions import Economics

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
    users: all rows of a user are drawn together. `roc_auc_minus_recency` and its like are this
    model less the baseline `recency_only` (or `base_rate`) on the same draws. Raises ReportError
    when there is nothing to evaluate, or an outcome or a probability is missing.
    """
    names = _checked_models(scores)
    churned = scores["churned"].to_numpy(dtype=float)
    proba = {name: scores[name].to_numpy(dtype=float) for name in names}
    limits = thresholds if isinstance(thresholds, Mapping) else dict.fromkeys(names, thresholds)
    parts = [
        _all_values(churned, proba, limits, weights)
        for weights in _weights_in_parts(scores["user_id"], n_boot, np.random.default_rng(seed))
    ]
    draws = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    point = _all_values(churned, proba, limits, np.ones((1, len(scores))))
    rows = [(*key, *_summary(key, point, draws, churned, proba)) for key in point]
    table = pd.DataFrame(rows, columns=["model", "metric", "value", "ci_low", "ci_high"])
    table.insert(1, "split", split)
    return table.assign(n=len(scores))


def _checked_models(scores: pd.DataFrame) -> list[str]:
    names = [str(column) for column in scores if column not in ("user_id", "churned")]
    if scores["churned"].nunique() < 2:
        raise ReportError(
            f"test snapshot: its {len(scores)} rows hold fewer than two outcomes, so no model "
            "can be judged. Give a longer log or change horizon_days."
        )
    blank = scores.columns[scores.isna().any()]
    if len(blank):
        raise ReportError(
            f"test snapshot: column {blank[0]!r} is missing in "
            f"{int(scores[blank[0]].isna().sum())} rows. Evaluate rows with an outcome only."
        )
    return names


def _all_values(
    churned: Floats, proba: dict[str, Floats], limits: Mapping[str, float], weights: Floats
) -> dict[tuple[str, str], Floats]:
    values: dict[tuple[str, str], Floats] = {}
    for name, p in proba.items():
        for metric, score in SCORE_METRICS.items():
            values[name, metric] = score(churned, p, weights)
        for metric, count in THRESHOLD_METRICS.items():
            values[name, metric] = count(churned, p, weights, limits[name])
    for name in proba:
        for label, (metric, baseline) in DIFFERENCES.items():
            if baseline in proba and name != baseline:
                values[name, label] = values[name, metric] - values[baseline, metric]
    return values


def _summary(
    key: tuple[str, str],
    point: dict[tuple[str, str], Floats],
    draws: dict[tuple[str, str], Floats],
    churned: Floats,
    proba: dict[str, Floats],
) -> tuple[float, float, float]:
    value, drawn = float(point[key][0]), draws[key]
    if key[1] != "ece_debiased":
        return value, *_percentiles(drawn)
    # a bootstrap draw repeats users, so its errors scatter around the uncorrected value
    low, high = _percentiles(drawn - _plain_squared_error(churned, proba[key[0]]) + value)
    value, low, high = np.sqrt(np.maximum([value, low, high], 0))
    return float(value), float(low), float(high)


def _plain_squared_error(churned: Floats, proba: Floats) -> float:
    bins = pd.DataFrame({"bin": quantile_bins(proba, BINS), "gap": proba - churned})
    return float((bins.groupby("bin")["gap"].transform("mean") ** 2).mean())


def _percentiles(drawn: Floats) -> tuple[float, float]:
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.percentile(known, [2.5, 97.5], method="weibull")  # not too short for few draws
    return float(low), float(high)


def draw_weights(user_ids: pd.Series, n_draws: int, rng: np.random.Generator) -> Floats:
    """Return how often each row counts in each of `n_draws` bootstrap draws of users.

    One line per draw, one column per row; users are drawn with replacement, as many as there
    are, and all rows of a user count alike.
    """
    codes, users = pd.factorize(user_ids)
    drawn = rng.integers(len(users), size=(n_draws, len(users)))
    counts = np.stack([np.bincount(draw, minlength=len(users)) for draw in drawn])
    return np.asarray(counts[:, codes], dtype=float)


def _weights_in_parts(
    user_ids: pd.Series, n_draws: int, rng: np.random.Generator
) -> Iterator[Floats]:
    at_once = max(1, CELLS_AT_ONCE // len(user_ids))
    for start in range(0, n_draws, at_once):
        yield draw_weights(user_ids, min(at_once, n_draws - start), rng)


def lift_table(churned: Floats, proba: Floats, seed: int, n_boot: int = 500) -> pd.DataFrame:
    """Return churn by tenth of the users, highest score first.

    Columns: `decile` (1 = highest scores), `users`, `mean_predicted` and `observed_rate` (0 to
    1), `lift` (observed_rate / base rate), `ci_low`, `ci_high` (95 % interval of the lift,
    bootstrap over rows; each is one user), `rate_ci_low`, `rate_ci_high` (95 % Wilson interval
    of the rate), `cumulative_share` (of all churners, found in this decile and those above).
    Users tied across a boundary are shared out evenly, as a random order would on average.
    """
    people = pd.Series(np.arange(len(churned)))
    drawn = draw_weights(people, n_boot, np.random.default_rng(seed))
    weights = np.vstack([np.ones(len(churned)), drawn])  # the first row is the estimate itself
    users, found, risk = (
        np.diff(sums_from_the_top(values, proba, weights), axis=1, prepend=0)
        for values in (np.ones(len(churned)), churned, proba)
    )
    lift = ratio(ratio(found, users), mean(churned, weights)[:, None] * np.ones(BINS))
    low, high = zip(*(_percentiles(tenth) for tenth in lift[1:].T), strict=True)
    wilson = proportion_confint(found[0], users[0], method="wilson")
    return pd.DataFrame(
        {
            "decile": np.arange(1, BINS + 1),
            "users": users[0].round().astype(int),
            "mean_predicted": ratio(risk[0], users[0]),
            "observed_rate": ratio(found[0], users[0]),
            "lift": lift[0],
            "ci_low": low,
            "ci_high": high,
            "rate_ci_low": wilson[0],
            "rate_ci_high": wilson[1],
            "cumulative_share": np.cumsum(found[0]) / churned.sum(),
        }
    )


def calibration_table(churned: Floats, proba: Floats, bins: int = BINS) -> pd.DataFrame:
    """Return what was predicted and what happened, by groups of users of similar probability.

    Columns: `bin` (1 = lowest), `users`, `mean_predicted` and `observed_rate` (0 to 1),
    `ci_low`, `ci_high` (95 % Wilson interval of the rate), `is_within` (the interval holds the
    prediction). Groups are of equal size by rank; users with the same probability stay in one,
    so that there may be fewer than `bins`. Outcomes only: never compared with predicted classes.
    """
    rows = pd.DataFrame({"bin": quantile_bins(proba, bins), "p": proba, "y": churned})
    table = rows.groupby("bin").agg(
        users=("y", "size"), mean_predicted=("p", "mean"), observed_rate=("y", "mean")
    )
    gone = rows.groupby("bin")["y"].sum()
    low, high = proportion_confint(gone, table["users"], method="wilson")
    table["ci_low"], table["ci_high"] = low, high
    table["is_within"] = table["mean_predicted"].between(table["ci_low"], table["ci_high"])
    return (
        table.reset_index(drop=True)
        .rename_axis("bin")
        .reset_index()
        .assign(bin=lambda t: t["bin"] + 1)
    )


MOST_POINTS = 200
"""Points of a curve: enough to draw it."""


def roc_points(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the ROC curve of every model: one row per distinct score, highest first, or 200 of
    them at equal steps, so that no row is a user's.

    Columns: `model`, `threshold` (flagged when the probability is at least this; blank for the
    starting point, nobody flagged), `false_positive_rate` (stayers flagged / stayers),
    `true_positive_rate` (churners flagged / churners), each 0 to 1. `scores` as in evaluate.
    """
    return _curves(scores).rename(columns={"stay_rate": "false_positive_rate"})[
        ["model", "threshold", "false_positive_rate", "true_positive_rate"]
    ]


def pr_points(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the precision-recall curve of every model, at the points of roc_points.

    Columns: `model`, `threshold`, `recall`, `precision` (0 to 1; blank where nobody is flagged),
    `flagged_share`. `scores` as in evaluate.
    """
    curves = _curves(scores).rename(columns={"true_positive_rate": "recall"})
    return curves[["model", "threshold", "recall", "precision", "flagged_share"]]


def _curves(scores: pd.DataFrame) -> pd.DataFrame:
    churned = scores["churned"].to_numpy(dtype=float)
    curves = [
        _thin(_curve(churned, scores[name].to_numpy(dtype=float))).assign(model=name)
        for name in _checked_models(scores)
    ]
    return pd.concat(curves, ignore_index=True)


def _thin(curve: pd.DataFrame) -> pd.DataFrame:
    """Return at most MOST_POINTS rows at equal steps, both ends among them."""
    kept = np.unique(np.linspace(0, len(curve) - 1, MOST_POINTS).round().astype(int))
    return curve.iloc[kept].reset_index(drop=True)


def _curve(churned: Floats, proba: Floats) -> pd.DataFrame:
    gone, stayed = (np.r_[0, np.cumsum(sums[0])] for sums in by_score(churned, proba, None))
    return pd.DataFrame(
        {
            "threshold": np.r_[np.nan, np.unique(proba)[::-1]],
            "stay_rate": stayed / stayed[-1],
            "true_positive_rate": gone / gone[-1],
            "precision": ratio(gone, gone + stayed),
            "flagged_share": (gone + stayed) / len(churned),
        }
    )


def threshold_sweep(
    scores: pd.DataFrame, economics: Economics | None = None, steps: int = 100
) -> pd.DataFrame:
    """Return what each threshold from 0 to 1 would have given on the users evaluated.

    Columns: `model`, `threshold`, `flagged` (users at or above it), `flagged_share`,
    `precision`, `recall`, `f1`, and with `economics` `profit` (money, see decisions.gain_of) in
    total. It shows what a threshold costs; choosing one here would be choosing on the test.
    """
    churned = scores["churned"].to_numpy(dtype=float)
    tables = [
        _sweep(churned, scores[name].to_numpy(dtype=float), economics, steps).assign(model=name)
        for name in _checked_models(scores)
    ]
    table = pd.concat(tables, ignore_index=True)
    return table[["model", *[column for column in table if column != "model"]]]


def _sweep(churned: Floats, proba: Floats, economics: Economics | None, steps: int) -> pd.DataFrame:
    limits = np.arange(steps + 1) / steps
    order = np.argsort(proba)
    skipped = np.searchsorted(proba[order], limits, side="left")  # users below each threshold
    found = np.r_[np.cumsum(churned[order][::-1])[::-1], 0][skipped]
    flagged = (len(proba) - skipped).astype(float)
    table = pd.DataFrame({"threshold": limits, "flagged": flagged.astype(int)})
    table["flagged_share"] = flagged / len(proba)
    table["precision"] = ratio(found, flagged)
    table["recall"] = found / churned.sum()
    table["f1"] = ratio(2 * found, flagged + churned.sum())
    if economics is not None:
        table["profit"] = found * economics.gain - (flagged - found) * economics.waste
    return table
