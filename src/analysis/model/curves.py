"""Tables behind the charts of a score: ROC, precision and recall, thresholds, lift, calibration."""

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from analysis.base.score_metrics import (
    BINS,
    Floats,
    by_score,
    mean,
    quantile_bins,
    ratio,
    sums_from_the_top,
)
from analysis.model.economics import Economics
from analysis.model.evaluation import checked_models, draw_weights, percentiles
from analysis.model.sampling import resampled

MOST_POINTS = 200
"""Points of a curve: enough to draw it."""


def roc_points(scores: pd.DataFrame, min_disclosed: int = 1) -> pd.DataFrame:
    """Return the ROC curve of every model: one row per distinct score, highest first, or 200 of
    them at equal steps; both ends, and between them no point or step on fewer than `min_disclosed`
    churners or stayers, flagged or not.

    Columns: `model`, `threshold` (flagged when the probability is at least this; blank for the
    starting point, nobody flagged), `false_positive_rate` (stayers flagged / stayers),
    `true_positive_rate` (churners flagged / churners), each 0 to 1. `scores` as in evaluate.
    """
    return _curves(scores, min_disclosed).rename(columns={"stay_rate": "false_positive_rate"})[
        ["model", "threshold", "false_positive_rate", "true_positive_rate"]
    ]


def pr_points(scores: pd.DataFrame, min_disclosed: int = 1) -> pd.DataFrame:
    """Return the precision-recall curve of every model, at the points of roc_points.

    Columns: `model`, `threshold`, `recall`, `precision` (0 to 1; blank where nobody is flagged),
    `flagged_share`. `scores` as in evaluate.
    """
    curves = _curves(scores, min_disclosed).rename(columns={"true_positive_rate": "recall"})
    return curves[["model", "threshold", "recall", "precision", "flagged_share"]]


def _curves(scores: pd.DataFrame, min_disclosed: int) -> pd.DataFrame:
    churned = scores["churned"].to_numpy(dtype=float)
    curves = []
    for name in checked_models(scores):
        whole = _curve(churned, scores[name].to_numpy(dtype=float))
        curves.append(_thin(_disclosed(whole, churned, min_disclosed)).assign(model=name))
    return pd.concat(curves, ignore_index=True)


def _disclosed(curve: pd.DataFrame, churned: Floats, min_disclosed: int) -> pd.DataFrame:
    """Return both ends of a curve, and the points between them that rest on enough users."""
    gone = (curve["true_positive_rate"] * churned.sum()).to_list()
    stayed = (curve["stay_rate"] * (1 - churned).sum()).to_list()
    last, kept = len(curve) - 1, [0]
    for row in range(1, last):
        steps = [count[row] - count[kept[-1]] for count in (gone, stayed)]
        left = [count[last] - count[row] for count in (gone, stayed)]
        if min(*steps, *left) >= min_disclosed - 0.5 or min_disclosed <= 1:
            kept.append(row)
    return curve.iloc[[*kept, *([last] if last else [])]].reset_index(drop=True)


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


def threshold_sweep(scores: pd.DataFrame, economics: Economics, steps: int = 100) -> pd.DataFrame:
    """Return what each threshold from 0 to 1 would have given on the users evaluated.

    Columns: `model`, `threshold`, `flagged` (users at or above it), `flagged_share`,
    `precision`, `recall`, `f1`, `profit` (money in total, see economics.gain_of). It shows what
    another threshold would have given; a threshold chosen here would be chosen on the test.
    """
    churned = scores["churned"].to_numpy(dtype=float)
    tables = [
        _sweep(churned, scores[name].to_numpy(dtype=float), economics, steps).assign(model=name)
        for name in checked_models(scores)
    ]
    table = pd.concat(tables, ignore_index=True)
    return table[["model", *[column for column in table if column != "model"]]]


def _sweep(churned: Floats, proba: Floats, economics: Economics, steps: int) -> pd.DataFrame:
    limits = np.arange(steps + 1) / steps
    order = np.argsort(proba)
    skipped = np.searchsorted(proba[order], limits, side="left")  # users below each threshold
    churners_found = np.r_[np.cumsum(churned[order][::-1])[::-1], 0][skipped]
    flagged = (len(proba) - skipped).astype(float)
    table = pd.DataFrame({"threshold": limits, "flagged": flagged.astype(int)})
    table["flagged_share"] = flagged / len(proba)
    table["precision"] = ratio(churners_found, flagged)
    table["recall"] = churners_found / churned.sum()
    table["f1"] = ratio(2 * churners_found, flagged + churned.sum())
    table["profit"] = churners_found * economics.gain - (flagged - churners_found) * economics.waste
    return table


def lift_table(churned: Floats, proba: Floats, seed: int, n_boot: int = 500) -> pd.DataFrame:
    """Return churn by tenth of the users, highest score first.

    Columns: `decile` (1 = highest scores), `users`, `mean_predicted` and `observed_rate` (0 to
    1), `observed_rate_ci_low`, `observed_rate_ci_high` (its 95 % interval: Wilson), `lift`
    (observed_rate / base rate), `ci_low`, `ci_high` (95 % interval of the lift, bootstrap over
    rows; each is one user; of many see evaluation.evaluate), `cumulative_share` (of all churners,
    found in this decile and those above).
    Users tied across a boundary are divided evenly, as a random order would on average.
    """
    whole = pd.DataFrame({"user_id": np.arange(len(churned)), "churned": churned, "proba": proba})
    few = resampled(whole, seed)
    weights = draw_weights(few["user_id"], n_boot, np.random.default_rng(seed), len(whole))
    found = _tenths(whole, np.ones((1, len(whole))))
    drawn = _tenths(few, np.vstack([np.ones(len(few)), weights]))
    users, churners_found, risk, lift = (values[0] for values in found)
    moved = np.nan_to_num(
        lift - drawn[3][0]
    )  # what the sample's lift is off: nothing where it is everyone
    limits = np.array([percentiles(tenth) for tenth in drawn[3][1:].T]) + moved[:, None]
    wilson = proportion_confint(churners_found, users, method="wilson")
    return pd.DataFrame(
        {
            "decile": np.arange(1, BINS + 1),
            "users": users.round().astype(int),
            "mean_predicted": ratio(risk, users),
            "observed_rate": ratio(churners_found, users),
            "observed_rate_ci_low": wilson[0],
            "observed_rate_ci_high": wilson[1],
            "lift": lift,
            "ci_low": limits[:, 0],
            "ci_high": limits[:, 1],
            "cumulative_share": np.cumsum(churners_found) / churned.sum(),
        }
    )


def _tenths(rows: pd.DataFrame, weights: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return users, churners, sum of probabilities and lift of each tenth, one line per draw."""
    churned, proba = (rows[name].to_numpy(dtype=float) for name in ("churned", "proba"))
    users, churners_found, risk = (
        np.diff(sums_from_the_top(values, proba, weights), axis=1, prepend=0)
        for values in (np.ones(len(rows)), churned, proba)
    )
    rate = mean(churned, weights)[:, None] * np.ones(BINS)
    return users, churners_found, risk, ratio(ratio(churners_found, users), rate)


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
