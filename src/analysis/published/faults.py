"""What the data say about the case's claims: the evidence of the chapter as published.

Each function measures one fault and decides nothing. They take what `case_features`,
`case_retention`, `case_models` and `case_scores` return, and work on any such tables.
"""

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency
from sklearn.cluster import KMeans
from sklearn.metrics import roc_auc_score

from analysis.published.case_clusters import scaled_variables, silhouettes_of
from analysis.published.case_model import logistic_auc
from analysis.published.results import Absent

MANY_CREDITS = 20
"""Credits bought beyond which, says the case, users stay."""


def signup_date_auc(retention: pd.DataFrame) -> float | Absent:
    """Return the AUC of the signup date alone for `churn_30d`, the earliest at most risk."""
    dated = retention.dropna(subset="signup_date")
    if dated["churn_30d"].nunique() < 2:
        return Absent("every user has the same label")
    earliest_first = -dated["signup_date"].rank().to_numpy()
    return float(roc_auc_score(dated["churn_30d"].to_numpy(), earliest_first))


def auc_without_signup(features: pd.DataFrame, retention: pd.DataFrame) -> float | Absent:
    """Return the test AUC of the case's logistic regression without its signup columns."""
    return logistic_auc(features, retention, without=("signup_date",))


def score_ties(scores: pd.DataFrame | Absent) -> dict[str, int] | Absent:
    """Return how many users share their score with another (`tied_users`), how many have the
    most frequent score (`largest_tie`) and how many the score 1 (`users_at_one`).
    """
    if isinstance(scores, Absent):
        return scores
    sizes = scores["proba_churn"].value_counts()
    return {
        "tied_users": int(sizes[sizes > 1].sum()),
        "largest_tie": int(sizes.max()),
        "users_at_one": int((scores["proba_churn"] == 1).sum()),
    }


def group_p_values(
    features: pd.DataFrame,
    retention: pd.DataFrame,
    columns: tuple[str, ...] = ("country", "device", "subscription_type"),
) -> pd.DataFrame:
    """Return `column`, `groups`, `users`, `chi2` and `p_value` of independence between each
    column and `churn_30d` (Pearson; Yates where there are two groups), and `reason` (text)
    where a column is missing or has one group, or the label one class.
    """
    label = retention.set_index("user_id")["churn_30d"]
    rows = [{"column": name} | _test_groups(features, label, name) for name in columns]
    wanted = ["column", "groups", "users", "chi2", "p_value", "reason"]
    return pd.DataFrame(rows).reindex(columns=wanted)


def churn_by_credits(features: pd.DataFrame, retention: pd.DataFrame) -> pd.DataFrame | Absent:
    """Return `has_more` (bought more than MANY_CREDITS), `users`, `churn_rate` (0 to 1); users
    whose credits are missing are in neither row.
    """
    column = "credits_purchased"
    if column not in features:
        return Absent(f"users: there is no column {column}")
    known = features[["user_id", column]].dropna()
    joined = known.merge(retention[["user_id", "churn_30d"]], on="user_id")
    by_group = joined.groupby((joined[column] > MANY_CREDITS).rename("has_more"))["churn_30d"]
    return by_group.agg(users="size", churn_rate="mean").reset_index()


def shuffled_silhouettes(
    features: pd.DataFrame, k: int, seeds: tuple[int, ...], rows: int = 10_000
) -> pd.DataFrame:
    """Return `seed` and `silhouette` (-1 to 1) of K-means with `k` clusters on the case's
    variables after each column was shuffled by itself, which leaves no cluster of users. The
    best of ten starts: with one start K-means often stops at a poorer cut.
    """
    X = scaled_variables(features.sort_values("user_id"))[1]
    silhouettes = []
    for seed in seeds:
        shuffled = np.random.default_rng(seed).permuted(X, axis=0)
        labels = KMeans(k, random_state=seed, n_init=10).fit(shuffled).labels_
        tight = silhouettes_of(shuffled, [labels], seed, rows)[0]
        silhouettes.append({"seed": seed, "silhouette": tight})
    return pd.DataFrame(silhouettes, columns=["seed", "silhouette"])


def native_label_agreement(users: pd.DataFrame, days: int = 30) -> float | Absent:
    """Return the share of users (0 to 1) whose native `churned_30d` says exactly that
    `last_active_date` is more than `days` days before the newest one.
    """
    missing = [name for name in ("churned_30d", "last_active_date") if name not in users]
    if missing:
        return Absent(f"users: there is no column {missing[0]}")
    known = users.dropna(subset=["churned_30d", "last_active_date"])
    if known.empty:
        return Absent("users: no row has both churned_30d and last_active_date")
    silence = known["last_active_date"].max() - known["last_active_date"]
    native = pd.to_numeric(known["churned_30d"], errors="coerce")
    return float((native == (silence > pd.Timedelta(days=days))).mean())


def _test_groups(features: pd.DataFrame, label: pd.Series, column: str) -> dict[str, object]:
    if column not in features:
        return {"reason": f"users: there is no column {column}"}
    groups = features.set_index("user_id")[column]
    counts = pd.crosstab(groups, label)
    size = {"groups": len(counts), "users": int(counts.to_numpy().sum())}
    if min(counts.shape, default=0) < 2:
        return size | {"reason": "one group, or one class of the label: nothing to compare"}
    chi2, p_value = chi2_contingency(counts)[:2]
    return size | {"chi2": float(chi2), "p_value": float(p_value), "reason": None}
