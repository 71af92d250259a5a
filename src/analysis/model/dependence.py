"""Churn by the columns that the model relies on most, as it was observed."""

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from analysis.base.score_metrics import quantile_bins

TOP = 3
"""Columns that are shown."""
BINS = 6
"""Groups of about equal size into which the users are divided by a number."""


def dependence(
    scores: pd.DataFrame, rows: pd.DataFrame, importance: pd.DataFrame, min_group: int
) -> pd.DataFrame:
    """Return observed churn by each of the TOP columns of `importance` (see feature_importance).

    Columns: `feature`; `place` (median of the group, or the category); `users`; `observed_rate`
    with `ci_low`, `ci_high` (95 % Wilson); `mean_predicted`. `scores` has `user_id`, `churned`,
    `proba`; `rows` the same users with their features. Groups under `min_group` users, and users
    without a value, are left out: so is a column that then has one group only.
    """
    known = scores.merge(rows.drop(columns=["churned"], errors="ignore"), on="user_id")
    ordered = importance.sort_values("auc_drop", ascending=False, kind="stable")
    parts: list[pd.DataFrame] = []
    for feature in ordered["feature"]:
        if feature in known and len(parts) < TOP:
            table = _by_group(known.loc[known[feature].notna()], str(feature), min_group)
            parts += [table] if len(table) > 1 else []
    columns = [
        "feature", "place", "users", "observed_rate", "ci_low", "ci_high", "mean_predicted",
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _by_group(known: pd.DataFrame, feature: str, min_group: int) -> pd.DataFrame:
    values = known[feature]
    is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    group = quantile_bins(values.to_numpy(dtype=float), BINS) if is_number else values.astype(str)
    rows = known.assign(group=group, value=values)
    found = rows.groupby("group", sort=True, observed=True)
    table = found.agg(
        users=("churned", "size"), gone=("churned", "sum"), mean_predicted=("proba", "mean")
    )
    table["place"] = found["value"].median() if is_number else table.index
    table = table.loc[table["users"] >= min_group].reset_index(drop=True)
    gone, users = table["gone"].to_numpy(dtype=float), table["users"].to_numpy(dtype=float)
    low, high = proportion_confint(gone, np.maximum(users, 1), method="wilson")
    return table.assign(
        feature=feature, observed_rate=gone / users, ci_low=low, ci_high=high,
        place=table["place"].astype(object),
    )  # fmt: skip
