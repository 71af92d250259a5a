"""Scoring: who is at risk as of a snapshot, by rank and by calibrated probability."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from analysis.base.errors import ReportError
from analysis.base.formats import is_too_few
from analysis.contract.checks import Verdict, check, grade, not_applicable
from analysis.model.candidates import predict, source_columns
from analysis.model.economics import Economics, choose_threshold
from analysis.model.sampling import in_digest_order

Floats = npt.NDArray[np.float64]

RISK_SEGMENTS = ("High", "Medium", "Low")
OUTSIDE, OUTSIDE_FAILS = 0.05, 0.2
"""Share of scored values outside the training range: more than stray, and another population."""
LEAST = 30
"""Scored users of whom a share is judged: of fewer, one user is more than the share that warns."""
PREDICTION_COLUMNS = [
    "user_id",
    "proba_churn",
    "pred_churn",
    "threshold_used",
    "model_file",
    "scored_at_utc",
    "churn_percentile",
    "risk_segment",
    "recommended_action",
    "action_reason",
    "is_holdout",
]


def score(model: Any, frame: pd.DataFrame) -> pd.DataFrame:
    """Return `user_id`, `recency_days` and `proba_churn` (0 to 1) for each row of `frame`.

    Raises ReportError when a user appears twice or a column of the model is absent.
    """
    repeated = frame.loc[frame["user_id"].duplicated(), "user_id"]
    if not repeated.empty:
        raise ReportError(
            f"score snapshot: user_id must be unique, but {len(repeated)} rows repeat one, such "
            f"as {repeated.iloc[0]!r}. Rerun the stage 04_features."
        )
    return frame[["user_id", "recency_days"]].assign(proba_churn=predict(model, frame))


def rank_risk(scores: pd.DataFrame, high: float = 0.8, medium: float = 0.4) -> pd.DataFrame:
    """Return `scores` with each user's rank by risk, highest first, on a fresh index.

    `churn_percentile` (0 to 1): share of users ranked below this one, counting half of itself.
    `risk_segment`: High from the percentile `high`, Medium from `medium`, else Low; the shares
    are exact to one user. Ties in `proba_churn` are broken by longer silence (`recency_days`,
    unknown last), then by `user_id` in alphabetical order. A rank says who comes first, not how
    likely churn is. Raises ReportError unless 0 < medium < high < 1.
    """
    if not 0 < medium < high < 1:
        raise ReportError(f"risk segments: need 0 < medium < high < 1, not {medium:g}, {high:g}.")
    ranked = scores.sort_values(
        ["proba_churn", "recency_days", "user_id"], ascending=[False, False, True]
    ).reset_index(drop=True)
    count = len(ranked)
    below = np.arange(count)[::-1]
    cuts = [round(count * high), round(count * medium)]
    segments = np.select([below >= cuts[0], below >= cuts[1]], RISK_SEGMENTS[:2], RISK_SEGMENTS[2])
    return ranked.assign(
        churn_percentile=(below + 0.5) / max(count, 1),
        risk_segment=pd.Series(segments, ranked.index, dtype="str"),
    )


def assign_holdout(user_ids: pd.Series, share: float, seed: int) -> "pd.Series[bool]":
    """Return for each user whether it is in the random holdout, which is not contacted.

    Exactly `share` of the users (rounded), each with the same chance, whatever their score: those
    whose digest of `seed` and identifier is smallest. So the order of the rows does not matter, and
    nearly all of these users are held out again at the next snapshot.
    Raises ReportError unless 0 <= share < 1.
    """
    if not 0 <= share < 1:
        raise ReportError(f"holdout: share must be at least 0 and below 1, not {share:g}.")
    ids = user_ids.unique()
    drawn = in_digest_order(ids, str(seed))[: round(share * len(ids))]
    return user_ids.isin(ids[drawn]).rename("is_holdout")


def threshold_now(
    proba: Floats, threshold: float, economics: Economics, capacity: int | None
) -> float:
    """Return the threshold for the users scored: that of the stored model, or with a `capacity`
    the one that at most so many of these users reach.
    """
    return threshold if capacity is None else choose_threshold(economics, proba, capacity)


def predictions(
    scores: pd.DataFrame,
    drivers: pd.DataFrame,
    is_holdout: "pd.Series[bool]",
    threshold: float,
    model_file: str,
    snapshot_at: pd.Timestamp,
    high: float = 0.8,
    medium: float = 0.4,
) -> pd.DataFrame:
    """Return the scored table, one row per user, highest risk first.

    `scores` from score; `drivers` (from importance.drivers) and `is_holdout` on the same index.
    Columns: `user_id`; `proba_churn` (calibrated, 0 to 1); `pred_churn` (1 when at or above
    `threshold_used`); `model_file`; `scored_at_utc` (the snapshot: what the score knows ends
    there); `churn_percentile`, `risk_segment` (see rank_risk); `recommended_action` (`contact`,
    `hold_out`: worth a contact but kept as control, `none`); `action_reason` (first driver of
    the score, `score_only` when no column raises it, `below_threshold`); `is_holdout`;
    `recency_days`; drivers and contributions. This is risk only: whether a contact
    helps is unknown until the holdout has been compared.
    """
    table = scores.join(drivers).assign(is_holdout=is_holdout)
    is_flagged = table["proba_churn"] >= threshold
    action = np.select([is_flagged & ~is_holdout, is_flagged], ["contact", "hold_out"], "none")
    reason = table["driver_1"].fillna("score_only").where(is_flagged, "below_threshold")
    table = rank_risk(
        table.assign(
            pred_churn=is_flagged.astype(int),
            threshold_used=threshold,
            model_file=model_file,
            scored_at_utc=snapshot_at,
            recommended_action=pd.Series(action, table.index, dtype="str"),
            action_reason=reason,
        ),
        high,
        medium,
    )
    extra = [column for column in table if column not in PREDICTION_COLUMNS]
    return table[[*PREDICTION_COLUMNS, *extra]]


def mean_by_group(
    scored: pd.DataFrame, users: pd.DataFrame, column: str, min_group: int = 30
) -> pd.DataFrame:
    """Return the mean probability of churn of each group of `column`, largest group first.

    `scored`: `user_id`, `proba_churn`; `users`: `user_id` and `column`; users without a group
    are left out. Columns: `group`, `users`, `mean_proba` (0 to 1), `ci_low`, `ci_high` (95 %
    normal interval of the mean), `is_withheld` (fewer than `min_group` users: values blank). A
    mean of predictions: what the model says of the group, not what was observed of it. Empty when
    `users` has no such column.
    """
    if column not in users:
        names = ["group", "users", "mean_proba", "ci_low", "ci_high", "is_withheld"]
        return pd.DataFrame(columns=names)
    grouped = scored.merge(users[["user_id", column]], on="user_id").groupby(column)
    table = grouped["proba_churn"].agg(users="size", mean_proba="mean", error="sem")
    wide = norm.ppf(0.975) * table.pop("error")
    table["ci_low"] = (table["mean_proba"] - wide).clip(lower=0)
    table["ci_high"] = (table["mean_proba"] + wide).clip(upper=1)
    table["is_withheld"] = is_too_few(table["users"], min_group)
    values = ["mean_proba", "ci_low", "ci_high"]
    table[values] = table[values].mask(table["is_withheld"])
    named = table.rename_axis("group").reset_index()
    return named.sort_values(["users", "group"], ascending=[False, True], ignore_index=True)


def risk_segments(table: pd.DataFrame) -> pd.DataFrame:
    """Return the risk segments of a scored table, High first.

    Columns: `risk_segment`, `users`, `share` (0 to 1), `mean_proba`, `min_proba`, `max_proba`
    (calibrated, 0 to 1), `expected_churners` (sum of probabilities).
    """
    grouped = table.groupby("risk_segment")["proba_churn"]
    summary = grouped.agg(
        users="size", mean_proba="mean", min_proba="min", max_proba="max", expected_churners="sum"
    ).reindex(list(RISK_SEGMENTS))
    summary["users"] = summary["users"].fillna(0).astype(int)
    summary["expected_churners"] = summary["expected_churners"].fillna(0.0)
    summary.insert(1, "share", summary["users"] / max(len(table), 1))
    return summary.rename_axis("risk_segment").reset_index()


def reasons(scored: pd.DataFrame) -> pd.DataFrame:
    """Return how many users worth a contact have each first reason of their score: `action_reason`,
    `users`, `share` (0 to 1), `mean_proba` (0 to 1), most frequent first.
    """
    flagged = scored[scored["pred_churn"] == 1]
    table = flagged.groupby("action_reason")["proba_churn"].agg(users="size", mean_proba="mean")
    table.insert(1, "share", table["users"] / max(len(flagged), 1))
    return table.reset_index().sort_values(
        ["users", "action_reason"], ascending=[False, True], ignore_index=True
    )


@check(stage="07_scoring", strikes=("scores",))
def scored_range(churn_model: Any, snapshots: pd.DataFrame) -> Verdict:
    """Judge the share of scored values outside the range the model was trained on."""
    numeric, _ = source_columns(churn_model)
    train, scored = (
        snapshots.loc[snapshots["split"] == split, numeric] for split in ("train", "score")
    )
    if len(scored) < LEAST:
        return not_applicable("scored_range", f"fewer than {LEAST} users are scored")
    outside = (scored < train.min()) | (scored > train.max())
    outside = outside.drop(columns=["tenure_days"], errors="ignore")
    share = outside.mean()
    worst = str(share.idxmax())
    facts = {"feature": worst, "users": int(outside[worst].sum()), "scored": len(scored)}
    status = grade(float(share.max()), OUTSIDE, OUTSIDE_FAILS)
    return Verdict(
        "scored_range", status, float(share.max()), limit=OUTSIDE, n=len(scored), facts=facts
    )


@check(stage="07_scoring", strikes=())
def group_differences(group_tests: pd.DataFrame) -> Verdict:
    """Count the comparisons between groups that remain after the correction for their number
    (false-discovery rate), and those that would have been claimed without it.
    """
    if group_tests.empty:
        return not_applicable("group_differences", "no column to compare groups by is given")
    real = group_tests[group_tests["is_different"]]
    facts = {"compared": len(group_tests), "different": len(real),
             "uncorrected": int((group_tests["p_value"] < 0.05).sum()),
             "columns": sorted(set(real["column"]))}  # fmt: skip
    return Verdict(
        "group_differences", "pass", float(len(real)), limit=0.05, n=len(group_tests), facts=facts
    )
