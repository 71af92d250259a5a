"""Thresholds of groups: does any group need a threshold of its own?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import norm

from analysis.base.comparisons import adjust_together
from analysis.base.formats import is_too_few
from analysis.model.economics import Floats

COLUMNS = [
    "column", "group", "users", "threshold", "ci_low", "ci_high", "q_value", "threshold_used",
]  # fmt: skip


def thresholds_by_column(
    scores: pd.DataFrame,
    snapshots: pd.DataFrame,
    columns: Sequence[str],
    threshold: float,
    min_group: int,
) -> pd.DataFrame:
    """Return segment_thresholds for each of `columns`, corrected together: see COLUMNS.

    `scores`: `user_id`, `churned`, `proba_churn` of the calibration snapshot, whose groups are
    read from `snapshots`.
    """
    at = snapshots[snapshots["split"] == "calibrate"]
    outcomes = scores[["user_id", "churned", "proba_churn"]]
    tables = []
    for column in columns:
        rows = outcomes.merge(at[["user_id", column]].dropna(), on="user_id")
        groups = segment_thresholds(rows, column, threshold, min_group)
        tables.append(groups.rename(columns={column: "group"}).assign(column=column))
    if not tables:
        return pd.DataFrame(columns=COLUMNS)
    table = adjust_together(tables)
    of_its_own = table["threshold"].where(table["is_different"])
    table["threshold_used"] = of_its_own.fillna(threshold)
    return table[COLUMNS]


def segment_thresholds(
    scores: pd.DataFrame, segment: str, threshold: float, min_group: int, alpha: float = 0.05
) -> pd.DataFrame:
    """Return for each group of `segment` the score at which its churn rate reaches `threshold`.

    One break-even probability holds for all; a group needs another threshold only if its scores are
    off. Measured on calibration outcomes: `scores` has `churned`, `proba_churn` and
    the column `segment`. `log_odds_shift`: what must be added to the group's log-odds so that
    the expected churners equal the observed ones (Cox 1958); `p_value` of no shift beside an
    intercept and a slope of all users, for the calibration was fitted on the same outcomes
    (efficient score test, Rao 1948); `q_value` after Benjamini & Hochberg (1995) over the groups,
    of which two that are each other's rest are one test. Further columns: `users`,
    `threshold`, `ci_low`, `ci_high` (95 %), `threshold_used` (the group's own only if
    `is_different`), `is_withheld` (fewer than `min_group` users or all of one outcome: values
    blank). One row per user, or the intervals are too short.
    """
    given = scores[scores[segment].notna()]
    parts, information = _efficient(given)
    table = pd.DataFrame(
        [
            _shift(name, rows, information, min_group)
            for name, rows in parts.groupby(given[segment])
        ],
        columns=[segment, "users", "log_odds_shift", "standard_error", "p_value", "is_withheld"],
    )
    is_pair = len(table) == 2 and not table["is_withheld"].any()
    table["is_repeated"] = is_pair & (table.index == 1)
    table = adjust_together([table], alpha)
    wide = norm.ppf(0.975) * table["standard_error"]
    for name, moved in (("threshold", 0 * wide), ("ci_low", wide), ("ci_high", -wide)):
        table[name] = _moved(threshold, table["log_odds_shift"] + moved)
    table["threshold_used"] = table["threshold"].where(table["is_different"], threshold)
    return table


def _efficient(scores: pd.DataFrame) -> tuple[pd.DataFrame, Floats]:
    """Return `churned`, log-odds and weight of each user, and the part of the outcome that an
    intercept and a slope over all users leave unexplained (`left`); and the inverse information
    of these two (2 x 2).
    """
    proba = scores["proba_churn"].clip(1e-12, 1 - 1e-12).to_numpy(dtype=float)
    odds, weight = logit(proba), proba * (1 - proba)
    fitted = np.column_stack([np.ones_like(odds), odds])
    information = np.linalg.pinv(fitted.T @ (fitted * weight[:, None]))
    rest = scores["churned"].to_numpy(dtype=float) - proba
    step = information @ (fitted.T @ rest)
    left = rest - weight * (fitted @ step)
    parts = {"churned": scores["churned"], "odds": odds, "weight": weight, "left": left}
    return pd.DataFrame(parts, index=scores.index), information


def _shift(
    name: object, rows: pd.DataFrame, information: Floats, min_group: int
) -> tuple[object, int, float, float, float, bool]:
    if is_too_few(len(rows), min_group) or rows["churned"].nunique() < 2:
        return name, len(rows), np.nan, np.nan, np.nan, True
    odds, weight = rows["odds"].to_numpy(), rows["weight"].to_numpy()
    sums = np.array([weight.sum(), weight @ odds])
    variance = float(sums[0] - sums @ information @ sums)
    excess, shift = float(rows["left"].sum()), 0.0
    test = excess / np.sqrt(variance) if variance > 1e-9 * sums[0] else 0.0  # the group is everyone
    for _ in range(30):
        risk = expit(odds + shift)
        shift += float((rows["churned"] - risk).sum() / (risk * (1 - risk)).sum())
    error = float(np.sqrt(max(variance, 0.0)) / sums[0])
    return name, len(rows), shift, error, float(2 * norm.sf(abs(test))), False


def _moved(threshold: float, shift: "pd.Series[float]") -> "pd.Series[float]":
    if not 0 < threshold < 1:
        return shift * 0 + threshold
    return pd.Series(expit(logit(threshold) - shift), shift.index)
