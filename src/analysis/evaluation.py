"""How good a churn score is, on users whose outcome is known and was not used to make it.

A metric is a function of `churned` (0 or 1), `proba` (probability of churn, 0 to 1) and
`weights`, and returns one value per row of `weights`: how often each user counts. A row of ones
is the estimate; rows of bootstrap counts give its interval (Efron & Tibshirani 1993), the same
rows for every model, so that differences between models are paired.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata
from statsmodels.stats.proportion import proportion_confint

from analysis.decisions import Economics
from analysis.errors import ReportError

Floats = npt.NDArray[np.float64]
Metric = Callable[[Floats, Floats, Floats | None], Floats]

CELLS_AT_ONCE = 4_000_000  # weights held in memory at a time: 32 MB
TINY = 1e-12
BINS = 10


def roc_auc(churned: Floats, proba: Floats, weights: Floats | None = None) -> Floats:
    """Return the area under the ROC curve, 0 to 1: how often a churner scores above a stayer.

    The chance that a random churner has a higher score than a random user who stayed, a tie
    counting one half (Mann & Whitney 1947; Hanley & McNeil 1982). 0.5 is no better than chance.
    """
    gone, stayed = _by_score(churned, proba, weights)
    below = stayed.sum(axis=1, keepdims=True) - np.cumsum(stayed, axis=1)
    wins = (gone * (below + stayed / 2)).sum(axis=1)
    return _ratio(wins, gone.sum(axis=1) * stayed.sum(axis=1))


def auc_parts(churned: Floats, proba: Floats) -> Floats:
    """Return each user's part in the ROC AUC, 0 to 1: the share of users of the other outcome
    that it is ranked rightly against, a tie counting one half.

    The mean over churners, as that over stayers, is the AUC; their variances give its standard
    error (DeLong, DeLong & Clarke-Pearson 1988).
    """
    is_gone, among_all = churned == 1, rankdata(proba)
    among_own = np.where(is_gone, _ranks_where(proba, is_gone), _ranks_where(proba, ~is_gone))
    others = np.where(is_gone, (~is_gone).sum(), is_gone.sum())
    below = (among_all - among_own) / others
    return np.asarray(np.where(is_gone, below, 1 - below))


def _ranks_where(proba: Floats, is_in: npt.NDArray[np.bool_]) -> Floats:
    ranks = np.zeros(len(proba))
    ranks[is_in] = rankdata(proba[is_in])
    return ranks


def average_precision(churned: Floats, proba: Floats, weights: Floats | None = None) -> Floats:
    """Return the average precision, 0 to 1: the mean precision over all churners found.

    Going down the list by score, the precision at each new share of churners reached, weighted
    by that share; tied users enter together. A useless score gets the base rate, so the two are
    read side by side (Davis & Goadrich 2006).
    """
    gone, stayed = _by_score(churned, proba, weights)
    found = np.cumsum(gone, axis=1)
    precise = _ratio(found, found + np.cumsum(stayed, axis=1))
    return _ratio((gone * np.nan_to_num(precise)).sum(axis=1), gone.sum(axis=1))


def base_rate(churned: Floats, proba: Floats, weights: Floats | None = None) -> Floats:
    """Return the share of users who churned, 0 to 1, among those evaluated."""
    return _mean(churned, _rows(weights, churned))


def brier(churned: Floats, proba: Floats, weights: Floats | None = None) -> Floats:
    """Return the Brier score, 0 (best) to 1: mean squared distance of probability to outcome.

    Brier (1950). Rewards both telling users apart and honest probabilities.
    """
    return _mean((proba - churned) ** 2, _rows(weights, churned))


def brier_skill(churned: Floats, proba: Floats, weights: Floats | None = None) -> Floats:
    """Return the Brier skill, at most 1: the share by which the model lowers the Brier score.

    1 - Brier / (r (1 - r)), where r is the base rate of the users evaluated: the best that one
    probability for all could do (Murphy 1973). 0 is no better than that, below 0 is worse.
    """
    rate = base_rate(churned, proba, weights)
    return 1 - _ratio(brier(churned, proba, weights), rate * (1 - rate))


def log_loss(churned: Floats, proba: Floats, weights: Floats | None = None) -> Floats:
    """Return the log loss in nats per user (0 is best): mean of -log(probability given to what
    happened), probabilities kept 1e-12 away from 0 and 1 (Good 1952).
    """
    safe = np.clip(proba, TINY, 1 - TINY)
    return _mean(-np.log(np.where(churned == 1, safe, 1 - safe)), _rows(weights, churned))


def calibration_intercept(churned: Floats, proba: Floats, weights: Floats | None = None) -> Floats:
    """Return the calibration intercept in log-odds; 0 when the mean risk is right.

    What must be added to every user's log-odds so that the expected number of churners equals
    the observed one (calibration in the large: Cox 1958; Steyerberg 2010). Above 0 the risk is
    understated, below 0 overstated.
    """
    start = np.zeros((len(_rows(weights, churned)), 1))
    fitted = _logistic(np.ones((len(churned), 1)), churned, _rows(weights, churned), proba, start)
    return np.asarray(fitted[:, 0])


def calibration_slope(churned: Floats, proba: Floats, weights: Floats | None = None) -> Floats:
    """Return the calibration slope; 1 when risks are spread as far apart as outcomes are.

    The slope of a logistic regression of the outcome on the log-odds of the probability (Cox
    1958). Below 1 the probabilities are too extreme (overfitting), above 1 too timid. Blank
    when all users have the same probability.
    """
    odds = _log_odds(proba)
    if np.ptp(odds) < TINY:
        return np.full(len(_rows(weights, churned)), np.nan)
    scaled = (odds - odds.mean()) / odds.std()  # Newton from zero then hardly ever overshoots
    design, rows = np.column_stack([np.ones_like(scaled), scaled]), _rows(weights, churned)
    slope = _logistic(design, churned, rows, None, np.zeros((len(rows), 2)))[:, 1]
    return np.asarray(slope / odds.std())


def lift_top_decile(churned: Floats, proba: Floats, weights: Floats | None = None) -> Floats:
    """Return the lift of the top decile: churn rate of the tenth scored highest / base rate.

    1 is no better than a random tenth. When users tie across the boundary the expected value
    over a random order of the tied is taken, so no order can flatter a model.
    """
    rows = _rows(weights, churned)
    found = _sums_from_the_top(churned, proba, rows, tenths=1)[:, 0]
    users = _sums_from_the_top(np.ones_like(churned), proba, rows, tenths=1)[:, 0]
    return _ratio(_ratio(found, users), _mean(churned, rows))


def squared_calibration_error(
    churned: Floats, proba: Floats, weights: Floats | None = None
) -> Floats:
    """Return the debiased squared calibration error (it may fall below 0 by chance).

    Mean over ten bins of equal size, tied users together, of (mean probability - churn rate)^2
    less what chance alone would give, r (1 - r) / (n - 1) (Brocker 2012; Kumar, Liang & Ma
    2019). Without that correction a perfect model would look miscalibrated.
    """
    rows, member = _rows(weights, churned), np.eye(BINS)[_quantile_bins(proba, BINS)]
    users = rows @ member
    rate = _ratio(rows @ (member * churned[:, None]), users)
    risk = _ratio(rows @ (member * proba[:, None]), users)
    chance = _ratio(rate * (1 - rate), users - 1)
    return _mean_over_bins((risk - rate) ** 2 - chance, np.where(users > 1, users, 0))


def _mean_over_bins(values: Floats, users: Floats) -> Floats:
    return _ratio((np.where(users > 0, values, 0) * users).sum(axis=1), users.sum(axis=1))


def ece_debiased(churned: Floats, proba: Floats, weights: Floats | None = None) -> Floats:
    """Return the debiased calibration error, 0 to 1: by how much probabilities miss the rates.

    The square root of the debiased squared calibration error, 0 when that falls below 0: a
    typical distance between the probability given and the churn rate observed, with what chance
    alone would give taken out (Kumar, Liang & Ma 2019). Its interval starts at 0 unless the
    miscalibration is beyond chance.
    """
    return np.sqrt(np.maximum(squared_calibration_error(churned, proba, weights), 0))


def precision(
    churned: Floats, proba: Floats, weights: Floats | None = None, threshold: float = 0.5
) -> Floats:
    """Return the precision, 0 to 1: churners among the users at or above the threshold.

    To be read beside the base rate, the precision of calling everyone. Blank for an empty list.
    """
    rows, flagged = _rows(weights, churned), proba >= threshold
    return _ratio(rows @ (flagged * churned), rows @ flagged.astype(float))


def recall(
    churned: Floats, proba: Floats, weights: Floats | None = None, threshold: float = 0.5
) -> Floats:
    """Return the recall, 0 to 1: the share of churners who are at or above the threshold."""
    rows = _rows(weights, churned)
    return _ratio(rows @ ((proba >= threshold) * churned), rows @ churned)


def f1(
    churned: Floats, proba: Floats, weights: Floats | None = None, threshold: float = 0.5
) -> Floats:
    """Return F1, 0 to 1: harmonic mean of precision and recall at the threshold.

    Calling everyone already gives 2 r / (1 + r) at base rate r (van Rijsbergen 1979).
    """
    rows, flagged = _rows(weights, churned), (proba >= threshold).astype(float)
    return _ratio(2 * (rows @ (flagged * churned)), rows @ (flagged + churned))


def flagged_share(
    churned: Floats, proba: Floats, weights: Floats | None = None, threshold: float = 0.5
) -> Floats:
    """Return the share of users, 0 to 1, whose probability is at or above the threshold."""
    return _mean((proba >= threshold).astype(float), _rows(weights, churned))


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
    bins = pd.DataFrame({"bin": _quantile_bins(proba, BINS), "gap": proba - churned})
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


def _rows(weights: Floats | None, churned: Floats) -> Floats:
    return np.ones((1, len(churned))) if weights is None else weights


def _mean(values: Floats, rows: Floats) -> Floats:
    return _ratio(rows @ values, rows.sum(axis=1))


def _ratio(part: Floats, whole: Floats) -> Floats:
    blank = np.full(np.shape(whole), np.nan)
    return np.asarray(np.divide(part, whole, out=blank, where=whole > 0))


def _by_score(churned: Floats, proba: Floats, weights: Floats | None) -> tuple[Floats, Floats]:
    """Return churners and stayers per distinct score, highest first, one line per draw."""
    rows = _rows(weights, churned)
    return _score_sums(churned, proba, rows), _score_sums(1 - churned, proba, rows)


def _score_sums(values: Floats, proba: Floats, rows: Floats) -> Floats:
    order = np.argsort(-proba, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(proba[order]) != 0])
    return np.add.reduceat(rows[:, order] * values[order], starts, axis=1)


def _sums_from_the_top(values: Floats, proba: Floats, rows: Floats, tenths: int = BINS) -> Floats:
    """Return the sum of `values` over the first tenth of the users by score, the first two
    tenths, ..., one line per draw; users tied across a boundary give their mean."""
    users = _score_sums(np.ones_like(values), proba, rows)
    mean = np.nan_to_num(_ratio(_score_sums(values, proba, rows), users))
    above = np.cumsum(users, axis=1) - users
    ends = np.ceil(rows.sum(axis=1, keepdims=True) * np.arange(1, tenths + 1) / BINS)
    sums = [(mean * np.clip(ends[:, [j]] - above, 0, users)).sum(axis=1) for j in range(tenths)]
    return np.stack(sums, axis=1)


def _log_odds(proba: Floats) -> Floats:
    safe = np.clip(proba, TINY, 1 - TINY)
    return np.asarray(np.log(safe) - np.log1p(-safe))


def _logistic(
    design: Floats, churned: Floats, rows: Floats, offset: Floats | None, start: Floats
) -> Floats:
    """Return the coefficients of a weighted logistic regression per draw, by Newton's method;
    `offset` is a probability whose log-odds are added. Blank where it does not converge.
    """
    fixed = 0.0 if offset is None else _log_odds(offset)
    pairs = design[:, :, None] * design[:, None, :]
    target, fitted = (rows * churned) @ design, start
    for _ in range(50):
        risk = 1 / (1 + np.exp(-np.clip(fitted @ design.T + fixed, -35, 35)))
        slope = target - (rows * risk) @ design
        bend = np.einsum("bn,nij->bij", rows * risk * (1 - risk), pairs, optimize=True)
        step = np.linalg.solve(bend + TINY * np.eye(design.shape[1]), slope[:, :, None])[:, :, 0]
        fitted = fitted + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-7:  # the error is then of the order of its square
            break
    far_off = (np.abs(step) >= 1e-6).any(axis=1) | (np.abs(fitted) >= 30).any(axis=1)
    return np.where(np.asarray(far_off)[:, None], np.nan, fitted)


def _quantile_bins(proba: Floats, bins: int) -> npt.NDArray[np.int64]:
    """Return a bin number from 0 per row: equal sizes by rank, tied scores in one bin (that of
    the middle of the tied)."""
    middle = pd.Series(proba).rank(method="average").to_numpy() - 0.5
    return np.minimum((bins * middle / len(proba)).astype(np.int64), bins - 1)


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
        np.diff(_sums_from_the_top(values, proba, weights), axis=1, prepend=0)
        for values in (np.ones(len(churned)), churned, proba)
    )
    lift = _ratio(_ratio(found, users), _mean(churned, weights)[:, None] * np.ones(BINS))
    low, high = zip(*(_percentiles(tenth) for tenth in lift[1:].T), strict=True)
    wilson = proportion_confint(found[0], users[0], method="wilson")
    return pd.DataFrame(
        {
            "decile": np.arange(1, BINS + 1),
            "users": users[0].round().astype(int),
            "mean_predicted": _ratio(risk[0], users[0]),
            "observed_rate": _ratio(found[0], users[0]),
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
    rows = pd.DataFrame({"bin": _quantile_bins(proba, bins), "p": proba, "y": churned})
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
    gone, stayed = (np.r_[0, np.cumsum(sums[0])] for sums in _by_score(churned, proba, None))
    return pd.DataFrame(
        {
            "threshold": np.r_[np.nan, np.unique(proba)[::-1]],
            "stay_rate": stayed / stayed[-1],
            "true_positive_rate": gone / gone[-1],
            "precision": _ratio(gone, gone + stayed),
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
    table["precision"] = _ratio(found, flagged)
    table["recall"] = found / churned.sum()
    table["f1"] = _ratio(2 * found, flagged + churned.sum())
    if economics is not None:
        table["profit"] = found * economics.gain - (flagged - found) * economics.waste
    return table
