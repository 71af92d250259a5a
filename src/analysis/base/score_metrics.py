"""How good a churn score is, on users whose outcome is known and was not used to make it.

A metric is a function of `churned` (0 or 1), `proba` (probability of churn, 0 to 1) and
`weights`, and returns one value per row of `weights`: how often each user counts. A row of ones
is the estimate; rows of bootstrap counts give its interval (Efron & Tibshirani 1993), the same
rows for every model, so that differences between models are paired.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]


Metric = Callable[[Floats, Floats, Floats | None], Floats]


CELLS_AT_ONCE = 4_000_000  # weights held in memory at a time: 32 MB


TINY = 1e-12


BINS = 10


def roc_auc(churned: Floats, proba: Floats, weights: Floats | None = None) -> Floats:
    """Return the area under the ROC curve, 0 to 1: how often a churner scores above another user.

    The chance that a random churner has a higher score than a random user who stayed, a tie
    counting one half (Mann & Whitney 1947; Hanley & McNeil 1982). 0.5 is no better than chance.
    """
    gone, stayed = by_score(churned, proba, weights)
    below = stayed.sum(axis=1, keepdims=True) - np.cumsum(stayed, axis=1)
    wins = (gone * (below + stayed / 2)).sum(axis=1)
    return ratio(wins, gone.sum(axis=1) * stayed.sum(axis=1))


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


def auc_error(auc: float, churned: "pd.Series[float]") -> float:
    """Return the standard error of a ROC AUC. Source: Hanley and McNeil (1982)."""
    ones = float((churned == 1).sum())
    zeros = len(churned) - ones
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (ones - 1) * (q1 - auc**2) + (zeros - 1) * (q2 - auc**2)
    return float(np.sqrt(max(spread, 0.0) / max(ones * zeros, 1.0)))


def _ranks_where(proba: Floats, is_in: npt.NDArray[np.bool_]) -> Floats:
    ranks = np.zeros(len(proba))
    ranks[is_in] = rankdata(proba[is_in])
    return ranks


def average_precision(churned: Floats, proba: Floats, weights: Floats | None = None) -> Floats:
    """Return the average precision, 0 to 1: the mean precision over all churners found.

    Going down the list by score, the precision at each new share of churners reached, weighted
    by that share; tied users enter together. A useless score gets the base rate, so the two are
    read together (Davis & Goadrich 2006).
    """
    gone, stayed = by_score(churned, proba, weights)
    found = np.cumsum(gone, axis=1)
    precise = ratio(found, found + np.cumsum(stayed, axis=1))
    return ratio((gone * np.nan_to_num(precise)).sum(axis=1), gone.sum(axis=1))


def base_rate(churned: Floats, proba: Floats, weights: Floats | None = None) -> Floats:
    """Return the share of users who churned, 0 to 1, among those evaluated."""
    return mean(churned, _rows(weights, churned))


def brier(churned: Floats, proba: Floats, weights: Floats | None = None) -> Floats:
    """Return the Brier score, 0 (best) to 1: mean squared distance of probability to outcome.

    Brier (1950). Rewards both good ranking and probabilities that match the rates.
    """
    return mean((proba - churned) ** 2, _rows(weights, churned))


def brier_skill(churned: Floats, proba: Floats, weights: Floats | None = None) -> Floats:
    """Return the Brier skill, at most 1: the share by which the model lowers the Brier score.

    1 - Brier / (r (1 - r)), where r is the base rate of the users evaluated: the best that one
    probability for all could do (Murphy 1973). 0 is no better than that, below 0 is worse.
    """
    rate = base_rate(churned, proba, weights)
    return 1 - ratio(brier(churned, proba, weights), rate * (1 - rate))


def log_loss(churned: Floats, proba: Floats, weights: Floats | None = None) -> Floats:
    """Return the log loss in nats per user (0 is best): mean of -log(probability given to what
    happened), probabilities kept 1e-12 away from 0 and 1 (Good 1952).
    """
    safe = np.clip(proba, TINY, 1 - TINY)
    return mean(-np.log(np.where(churned == 1, safe, 1 - safe)), _rows(weights, churned))


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
    1958). Below 1 the probabilities are too extreme (overfitting), above 1 too cautious. Blank
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
    found = sums_from_the_top(churned, proba, rows, tenths=1)[:, 0]
    users = sums_from_the_top(np.ones_like(churned), proba, rows, tenths=1)[:, 0]
    return ratio(ratio(found, users), mean(churned, rows))


def squared_calibration_error(
    churned: Floats, proba: Floats, weights: Floats | None = None
) -> Floats:
    """Return the debiased squared calibration error (it may fall below 0 by chance).

    Mean over ten bins of equal size, tied users together, of (mean probability - churn rate)^2
    less what chance alone would give, r (1 - r) / (n - 1) (Brocker 2012; Kumar, Liang & Ma
    2019). Without that correction a perfect model would look miscalibrated.
    """
    rows, member = _rows(weights, churned), np.eye(BINS)[quantile_bins(proba, BINS)]
    users = rows @ member
    rate = ratio(rows @ (member * churned[:, None]), users)
    risk = ratio(rows @ (member * proba[:, None]), users)
    chance = ratio(rate * (1 - rate), users - 1)
    return _mean_over_bins((risk - rate) ** 2 - chance, np.where(users > 1, users, 0))


def _mean_over_bins(values: Floats, users: Floats) -> Floats:
    return ratio((np.where(users > 0, values, 0) * users).sum(axis=1), users.sum(axis=1))


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

    Read it with the base rate, the precision of flagging everyone. Blank for an empty list.
    """
    rows, flagged = _rows(weights, churned), proba >= threshold
    return ratio(rows @ (flagged * churned), rows @ flagged.astype(float))


def recall(
    churned: Floats, proba: Floats, weights: Floats | None = None, threshold: float = 0.5
) -> Floats:
    """Return the recall, 0 to 1: the share of churners who are at or above the threshold."""
    rows = _rows(weights, churned)
    return ratio(rows @ ((proba >= threshold) * churned), rows @ churned)


def f1(
    churned: Floats, proba: Floats, weights: Floats | None = None, threshold: float = 0.5
) -> Floats:
    """Return F1, 0 to 1: harmonic mean of precision and recall at the threshold.

    Calling everyone already gives 2 r / (1 + r) at base rate r (van Rijsbergen 1979).
    """
    rows, flagged = _rows(weights, churned), (proba >= threshold).astype(float)
    return ratio(2 * (rows @ (flagged * churned)), rows @ (flagged + churned))


def flagged_share(
    churned: Floats, proba: Floats, weights: Floats | None = None, threshold: float = 0.5
) -> Floats:
    """Return the share of users, 0 to 1, whose probability is at or above the threshold."""
    return mean((proba >= threshold).astype(float), _rows(weights, churned))


def _rows(weights: Floats | None, churned: Floats) -> Floats:
    return np.ones((1, len(churned))) if weights is None else weights


def mean(values: Floats, rows: Floats) -> Floats:
    return ratio(rows @ values, rows.sum(axis=1))


def ratio(part: Floats, whole: Floats) -> Floats:
    blank = np.full(np.shape(whole), np.nan)
    return np.asarray(np.divide(part, whole, out=blank, where=whole > 0))


def by_score(churned: Floats, proba: Floats, weights: Floats | None) -> tuple[Floats, Floats]:
    """Return churners and stayers per distinct score, highest first, one line per draw."""
    rows = _rows(weights, churned)
    return _score_sums(churned, proba, rows), _score_sums(1 - churned, proba, rows)


def _score_sums(values: Floats, proba: Floats, rows: Floats) -> Floats:
    order = np.argsort(-proba, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(proba[order]) != 0])
    return np.add.reduceat(rows[:, order] * values[order], starts, axis=1)


def sums_from_the_top(values: Floats, proba: Floats, rows: Floats, tenths: int = BINS) -> Floats:
    """Return the sum of `values` over the first tenth of the users by score, the first two
    tenths, ..., one line per draw; users tied across a boundary give their mean."""
    users = _score_sums(np.ones_like(values), proba, rows)
    mean = np.nan_to_num(ratio(_score_sums(values, proba, rows), users))
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


def quantile_bins(proba: Floats, bins: int) -> npt.NDArray[np.int64]:
    """Return a bin number from 0 per row: equal sizes by rank, tied scores in one bin (that of
    the middle of the tied)."""
    middle = pd.Series(proba).rank(method="average").to_numpy() - 0.5
    return (bins * middle / len(proba)).astype(np.int64)


TOO_GOOD = 0.97
"""ROC AUC from which a single column must contain the outcome rather than predict it."""


WORTH_ALL = 0.2
"""ROC AUC lost without one column from which the score is that column."""
