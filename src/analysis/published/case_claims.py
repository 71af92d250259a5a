"""The case's claims: the same questions that this book asks of itself, put to what it published.

None of these checks knows these data: each compares an artifact of the case's method with what
the tables say. They strike no figure, for the book uses none of the case's. A claim is confirmed
(`pass`) only where the tables show it; where they cannot speak it is not judged.
"""

from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import confint_proportions_2indep

from analysis.base.clock import DAY
from analysis.base.comparisons import compare_groups, distinct
from analysis.base.score_metrics import TOO_GOOD, WORTH_ALL, ece_debiased
from analysis.contract.checks import Status, Verdict, check, not_applicable
from analysis.log import rules
from analysis.log.window import LogWindow
from analysis.published import faults
from analysis.published.case_figures import Case
from analysis.published.case_model import fold_effect
from analysis.published.case_scores import SEGMENTS
from analysis.published.results import Absent

STAGE = "09_published"
WINDOW_DAYS = 30
CLAIMED_BROKEN = 0.001
"""Printed in the case: data quality above 99.9 %."""
CLAIMED_RATIO = 2.5
"""Printed in the case: users with more than 20 credits are 2.5 times as likely to stay."""
CLAIMED_AUC, CLAIMED_HIGH = 0.96, 0.2068
"""Printed in the case: the AUC, and the share of users at high risk."""
SATURATED, MISCALIBRATED = 0.5, 0.03
"""Share of scores at the upper end from which they are saturated, and the error of probabilities
(against the label) from which calibration is poor."""
CLAIMED_CLUSTERS, SEPARATED = 2, 0.5
"""Clusters that were claimed, and the silhouette from which a structure is clear (Kaufman and
Rousseeuw 1990)."""
SHUFFLES = tuple(range(20))
NO_SCORES = "the case's scores cannot be made from these tables"
GROUPS = ("country", "device", "subscription_type")


def _difference(a: "pd.Series[Any]", b: "pd.Series[Any]") -> tuple[float, float, float]:
    low, high = confint_proportions_2indep(
        int(a.sum()), len(a), int(b.sum()), len(b), method="newcomb", compare="diff"
    )
    return float(a.mean() - b.mean()), float(low), float(high)


@check(stage=STAGE)
def published_truncated(case: Case, window: LogWindow) -> Verdict:
    """Judge whether users count as churned whose window began before the log did."""
    labelled, churned = case.retention, case.retention["churn_30d"]
    early = labelled["signup_date"] < window.start
    covered = ~early & (labelled["signup_date"] + WINDOW_DAYS * DAY <= window.end)
    if not early.any() or not covered.any():
        return not_applicable(
            "published_truncated", "no user joined before the log, or none is covered by it"
        )
    gap, low, high = _difference(churned[early], churned[covered])
    facts = {"early": int(early.sum()), "users": len(labelled), "covered": int(covered.sum()),
             "rate": float(churned.mean()), "before": float(churned[early].mean()),
             "after": float(churned[covered].mean()),
             "positives_early":
                 float((early & (churned == 1)).sum() / max(churned.sum(), 1))}  # fmt: skip
    status: Status = "fail" if low > 0 else "warn"
    return Verdict("published_truncated", status, gap, low, high, 0.0, len(labelled), facts)


@check(stage=STAGE)
def published_censored(case: Case, events: Any, window: LogWindow) -> Verdict:
    """Judge whether users count as kept whose window had not ended, or by events before signup."""
    labelled = case.retention
    late = labelled["signup_date"] + WINDOW_DAYS * DAY > window.end
    before_signup = int((events.tenure_day < 0).sum().to_pyarrow().as_py() or 0)
    rate = labelled.loc[late, "churn_30d"].mean() if late.any() else None
    if not late.any() and not before_signup:
        return not_applicable("published_censored", "no user joined in the last 30 days of the log")
    facts = {"late": int(late.sum()), "users": len(labelled), "before_signup": before_signup,
             "late_rate": rate}  # fmt: skip
    status: Status = "fail" if late.any() else "warn"
    return Verdict(
        "published_censored", status, float(late.mean()), limit=0.0, n=len(labelled), facts=facts
    )


@check(stage=STAGE)
def published_leakage(case: Case) -> Verdict:
    """Judge the model's columns one source at a time: alone, and the score without it."""
    signup_auc = faults.signup_date_auc(case.retention)
    without = faults.auc_without_signup(case.features, case.retention)
    if (
        isinstance(signup_auc, Absent)
        or isinstance(without, Absent)
        or isinstance(case.models, Absent)
    ):
        return not_applicable(
            "published_leakage", "the case's model cannot be made from these tables"
        )
    full = case.models.logistic.auc
    columns = sum(name.startswith("signup_date_") for name in case.models.design.names)
    strength = max(signup_auc, 1 - signup_auc)
    is_leaky = strength > TOO_GOOD or full - without > WORTH_ALL
    status: Status = "fail" if is_leaky or full < CLAIMED_AUC else "pass"
    facts = {"signup_auc": strength, "without": without, "full": full, "columns": columns}
    return Verdict(
        "published_leakage", status, strength, limit=TOO_GOOD, n=case.models.test_users, facts=facts
    )


@check(stage=STAGE)
def published_threshold(case: Case) -> Verdict:
    """Judge the threshold: the fold it was chosen on, whom it flags, and its precision."""
    if isinstance(case.models, Absent):
        return not_applicable("published_threshold", case.models.reason)
    model, base = case.models.logistic, case.models.test_base_rate
    facts = {"threshold": model.threshold, "precision": model.precision, "recall": model.recall,
             "base_rate": base, "users": case.models.test_users}  # fmt: skip
    gain = model.precision - base
    status: Status = "fail" if gain < 0.01 and model.recall > 0.99 else "warn"
    return Verdict(
        "published_threshold", status, gain, limit=0.0, n=case.models.test_users, facts=facts
    )


@check(stage=STAGE)
def published_skew(case: Case) -> Verdict:
    """Judge what the case says of its own scores: saturated, and poorly calibrated. Whether
    scoring gives what training gave, on the same users, says why.
    """
    if isinstance(case.models, Absent) or isinstance(case.scores, Absent):
        return not_applicable("published_skew", NO_SCORES)
    both = case.scores.merge(case.models.proba_as_trained, on="user_id", suffixes=("", "_trained"))
    gap = float((both["proba_churn"] - both["proba_churn_trained"]).abs().max())
    saturated = float((both["proba_churn"] > 0.999).mean())
    error = _calibration_error(case.scores, case.retention)
    facts = {"mean": float(both["proba_churn"].mean()), "gap": gap, "error": error,
             "mean_trained": float(both["proba_churn_trained"].mean()),
             "max_trained": float(both["proba_churn_trained"].max()),
             "saturated": saturated}  # fmt: skip
    status: Status = "pass" if saturated > SATURATED and error > MISCALIBRATED else "fail"
    return Verdict("published_skew", status, error, limit=MISCALIBRATED, n=len(both), facts=facts)


def _calibration_error(scores: pd.DataFrame, retention: pd.DataFrame) -> float:
    """Return the calibration error of the case's probabilities against the label (0 to 1)."""
    both = scores.merge(retention[["user_id", "churn_30d"]], on="user_id").astype(
        {"churn_30d": float, "proba_churn": float}
    )
    return float(ece_debiased(both["churn_30d"].to_numpy(), both["proba_churn"].to_numpy())[0])


@check(stage=STAGE)
def published_calibration(case: Case) -> Verdict:
    """Judge the probabilities against the label, where the case held them against the class."""
    if isinstance(case.scores, Absent):
        return not_applicable("published_calibration", case.scores.reason)
    error = _calibration_error(case.scores, case.retention)
    mean, rate = float(case.scores["proba_churn"].mean()), float(case.retention["churn_30d"].mean())
    facts = {"mean": mean, "class": float(case.scores["pred_churn"].mean()), "rate": rate,
             "gap": abs(mean - rate)}  # fmt: skip
    status: Status = "fail" if error > MISCALIBRATED else "warn"
    return Verdict("published_calibration", status, error, limit=MISCALIBRATED,
                   n=len(case.scores), facts=facts)  # fmt: skip


@check(stage=STAGE)
def published_horizon(case: Case, window: LogWindow) -> Verdict:
    """Judge whether the scores say anything of the future: whose outcome was already known."""
    if isinstance(case.models, Absent):
        return not_applicable("published_horizon", case.models.reason)
    labelled = case.retention
    past = labelled["signup_date"] + WINDOW_DAYS * DAY <= window.end
    facts = {"users": len(labelled), "trained": case.models.train_users, "past": int(past.sum())}
    share = float(past.mean())
    status: Status = "fail" if share > 0 or case.models.train_users else "pass"
    return Verdict("published_horizon", status, share, limit=0.0, n=len(labelled), facts=facts)


@check(stage=STAGE)
def published_groups(case: Case) -> Verdict:
    """Judge the ranking of countries, devices and plans on the case's own label."""
    tested = faults.group_p_values(case.features, case.retention, GROUPS).dropna(subset=["p_value"])
    if tested.empty:
        return not_applicable("published_groups", "no column to compare groups by is given")
    given = [name for name in GROUPS if name in case.features]
    frame = case.features[["user_id", *given]].merge(
        case.retention[["user_id", "churn_30d"]], on="user_id"
    )
    compared = compare_groups(frame, "churn_30d", given)
    tests = distinct(compared)
    different = int(tests["is_different"].sum())
    p_values = tested[["column", "p_value"]].to_dict("records")
    facts = {"p_values": p_values, "compared": len(tests), "different": different}
    status: Status = "warn" if different else "fail"
    return Verdict(
        "published_groups",
        status,
        float(tested["p_value"].min()),
        limit=0.05,
        n=len(frame),
        facts=facts,
    )


@check(stage=STAGE)
def published_credits(case: Case) -> Verdict:
    """Judge whether users with more credits stay as much longer as was claimed."""
    by_credits = faults.churn_by_credits(case.features, case.retention)
    if isinstance(by_credits, Absent) or len(by_credits) < 2:
        return not_applicable("published_credits", "the users table has no credits_purchased")
    few, many = (by_credits[by_credits["has_more"] == flag].iloc[0] for flag in (False, True))
    low, high = confint_proportions_2indep(
        round((1 - many["churn_rate"]) * many["users"]), int(many["users"]),
        round((1 - few["churn_rate"]) * few["users"]), int(few["users"]),
        compare="ratio", method="log-adjusted",
    )  # fmt: skip
    ratio = (1 - many["churn_rate"]) / (1 - few["churn_rate"])
    facts = {
        "many": float(many["churn_rate"]),
        "few": float(few["churn_rate"]),
        "claimed": CLAIMED_RATIO,
    }
    if low <= 1 and high >= CLAIMED_RATIO:
        return not_applicable("published_credits", "too few users to tell 1 time from 2.5 times")
    status: Status = "pass" if low <= CLAIMED_RATIO <= high else "fail"
    return Verdict("published_credits", status, float(ratio), float(low), float(high),
                   CLAIMED_RATIO, int(by_credits["users"].sum()), facts)  # fmt: skip


@check(stage=STAGE)
def published_clusters(case: Case) -> Verdict:
    """Judge the case's clusters against its own columns, each shuffled by itself."""
    if isinstance(case.clusters, Absent):
        return not_applicable("published_clusters", case.clusters.reason)
    k = case.clusters.k
    silhouette = float(case.clusters.selection.set_index("k")["silhouette"].loc[k])
    null = faults.shuffled_silhouettes(case.features, k, SHUFFLES, rows=2_000)["silhouette"]
    limit = float(np.quantile(null, 0.95))
    facts = {"k": k, "null_max": float(null.max()), "shuffles": len(null)}
    is_so = k == CLAIMED_CLUSTERS and silhouette > limit and silhouette >= SEPARATED
    status: Status = "pass" if is_so else "fail"
    return Verdict(
        "published_clusters", status, silhouette, limit=limit, n=len(case.features), facts=facts
    )


@check(stage=STAGE)
def published_quality(users_seen: pd.DataFrame) -> Verdict:
    """Judge "data quality above 99.9 %" by the rules that were never checked."""
    checked = rules.user_rules(users_seen)
    if checked.empty:
        return not_applicable("published_quality", "no rule applies to these columns")
    worst = float((checked["broken"] / checked["checked"]).max())
    broken = checked.loc[checked["broken"] > 0, ["rule", "broken"]].to_dict("records")
    status: Status = "fail" if worst > CLAIMED_BROKEN else "pass"
    facts = {"broken_rules": broken, "rules": len(checked)}
    return Verdict(
        "published_quality", status, worst, limit=CLAIMED_BROKEN, n=len(users_seen), facts=facts
    )


@check(stage=STAGE)
def published_native(users: pd.DataFrame) -> Verdict:
    """Judge the native label that was dropped: is it explained by another column?"""
    agreement = faults.native_label_agreement(users, WINDOW_DAYS)
    if isinstance(agreement, Absent):
        return not_applicable("published_native", agreement.reason)
    if agreement <= 0.999:
        return not_applicable("published_native", "the label does not follow from last_active_date")
    facts = {"agreement": agreement, "users": len(users)}
    return Verdict("published_native", "warn", agreement, limit=0.999, n=len(users), facts=facts)


@check(stage=STAGE)
def published_ties(case: Case) -> Verdict:
    """Judge percentiles over tied probabilities: how many users share one."""
    scores, ties = case.scores, faults.score_ties(case.scores)
    if isinstance(scores, Absent) or isinstance(ties, Absent):
        return not_applicable("published_ties", NO_SCORES)
    share, users = ties["largest_tie"] / len(scores), len(scores)
    high = float((scores["risk_segment"] == SEGMENTS[0]).mean())
    is_wrong = share > 0.01 or round(high, 4) != CLAIMED_HIGH
    status: Status = "fail" if is_wrong else ("warn" if ties["tied_users"] else "pass")
    return Verdict("published_ties", status, share, limit=0.01, n=users,
                   facts={**ties, "users": users, "high": high})  # fmt: skip


@check(stage=STAGE)
def published_fold(case: Case) -> Verdict:
    """Judge whether the scaling was fitted on rows that are tested."""
    gap = fold_effect(case.features, case.retention)
    if isinstance(gap, Absent):
        return not_applicable("published_fold", gap.reason)
    status: Status = "fail" if gap > 1e-9 else "pass"
    return Verdict(
        "published_fold", status, gap, limit=1e-9, n=len(case.features), facts={"gap": gap}
    )
