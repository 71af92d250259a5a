"""The case's scores: every user, by the logistic regression, on columns it was not fitted on.

Known faults, kept on purpose: the model was fitted on scaled numbers and is given raw ones, its
one-hot columns are all 0, most scored users were fitted on, percentiles rank thousands of ties,
and the buckets compare the probability with the predicted class, never with an outcome.
"""

import numpy as np
import pandas as pd
from scipy.special import expit

from analysis.log.window import LogWindow
from analysis.published.case_model import CaseModels, raw_numbers
from analysis.published.results import Absent, known

MODEL_NAME = "churn_model_logreg"
SEGMENTS = ("High Risk", "Medium Risk", "Low Risk")


def case_scores(features: pd.DataFrame, models: CaseModels | Absent) -> pd.DataFrame | Absent:
    """Return one row per user, by `user_id`: `proba_churn`, `pred_churn` (1 from the threshold),
    `threshold_used`, `model_file`, `churn_percentile` (average rank, 0 to 1) and
    `risk_segment` (High from the 80th percentile, Medium from the 40th).
    """
    if isinstance(models, Absent):
        return models
    table = features.sort_values("user_id", ignore_index=True)
    fitted, numeric = models.logistic.estimator, list(models.design.numeric)
    logit = fitted.intercept_[0] + raw_numbers(table, numeric) @ fitted.coef_[0][: len(numeric)]
    scores = pd.DataFrame({"user_id": table["user_id"], "proba_churn": expit(logit)})
    threshold = models.logistic.threshold
    rank = scores["proba_churn"].rank(pct=True)
    return scores.assign(
        pred_churn=(scores["proba_churn"] >= threshold).astype("int64"),
        threshold_used=threshold,
        model_file=MODEL_NAME,
        churn_percentile=rank,
        risk_segment=np.select([rank >= 0.8, rank >= 0.4], SEGMENTS[:2], SEGMENTS[2]),
    )


def case_means(
    scores: pd.DataFrame | Absent, features: pd.DataFrame, column: str
) -> pd.DataFrame | Absent:
    """Return `column` and `avg_churn_prob` (0 to 1) per group, highest first."""
    if isinstance(scores, Absent):
        return scores
    if column not in features:
        return Absent(f"users: there is no column {column}")
    joined = scores[["user_id", "proba_churn"]].merge(features[["user_id", column]], on="user_id")
    means = joined.groupby(column, as_index=False).agg(avg_churn_prob=("proba_churn", "mean"))
    order = ["avg_churn_prob", column]
    return means.sort_values(order, ascending=[False, True], ignore_index=True)


def case_segments(scores: pd.DataFrame | Absent) -> pd.DataFrame | Absent:
    """Return `risk_segment`, `user_count` and `pct` (0 to 100, 2 decimals), High first."""
    if isinstance(scores, Absent):
        return scores
    sizes = scores["risk_segment"].value_counts().reindex(list(SEGMENTS), fill_value=0)
    table = sizes.rename_axis("risk_segment").reset_index(name="user_count")
    return table.assign(pct=(100 * table["user_count"] / len(scores)).round(2))


def case_buckets(scores: pd.DataFrame | Absent) -> pd.DataFrame | Absent:
    """Return ten buckets of `proba_churn`: `bucket` (upper end), `users`, `mean_predicted` and
    `predicted_class_rate` (share called churners; missing where the bucket is empty).

    The case calls this its calibration check. It cannot be one: no outcome enters.
    """
    if isinstance(scores, Absent):
        return scores
    upper = np.ceil(scores["proba_churn"] * 10).clip(1, 10).astype("int64").rename("bucket")
    by_bucket = scores.groupby(upper).agg(
        users=("proba_churn", "size"),
        mean_predicted=("proba_churn", "mean"),
        predicted_class_rate=("pred_churn", "mean"),
    )
    table = by_bucket.reindex(range(1, 11)).rename_axis("bucket").reset_index()
    return table.assign(bucket=table["bucket"] / 10, users=table["users"].fillna(0).astype(int))


def predictions(scores: pd.DataFrame | Absent, window: LogWindow) -> pd.DataFrame:
    """Return the case's scored table; `scored_at_utc` is the log's end, for no clock is read."""
    columns = ["user_id", "proba_churn", "pred_churn", "threshold_used", "model_file"]
    at = window.end.strftime("%Y-%m-%dT%H:%M:%S")
    return known(scores).assign(scored_at_utc=at)[
        [*columns, "scored_at_utc", "churn_percentile", "risk_segment"]
    ]
