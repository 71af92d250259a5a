"""Every number of the book, by key, from the artifacts of the run."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.base import clock
from analysis.base.comparisons import distinct
from analysis.cohorts import survival
from analysis.log.window import LogWindow
from analysis.model import features
from analysis.model.decisions import smallest_seen
from analysis.texts import facts_of, fill

Metrics = dict[str, dict[str, Any]]

LOG = ("log_volume", "log_users", "log_edges")
USERS = ("newcomers_seen", "survivors", "signup_dates", "copied_users")
NEWCOMERS = ("retention_eligible", "enough_newcomers", *USERS, *LOG)
SPOILS_THE_LOG = (
    "orphans",
    "events_before_signup",
    "log_mix",
    "automatic_events",
    "identities",
    "capped_histories",
    "missing_values",
)
"""Checks that, when they fail, strike whatever rests on the log; a few such rows strike nothing."""
INFORMS = {
    "clock_order": "days are counted by the event's own time, which is off by less",
    "lateness": "features and tests already leave out what had not arrived",
    "log_amounts": "no headline figure counts money, and scores are judged as they are",
    "times_of_day": "every headline figure counts days",
    "machines": "an account counts as one user, however much it sends",
    "native_agrees": "no figure is made from the users table's own dates",
    "native_counts": "no figure is made from the users table's own counts",
    "native_label": "no figure is made from the users table's own label",
    "impossible_values": "the columns that can hold one are in no headline figure",
    "duplicates": "one row of each is kept",
    "double_logging": "who was active when stays as it is, and headline figures count users",
    "retention_cells": "it judges the cells of the cohort table, which headline figures do not use",
    "better_than_recency": "the summary says then that the last visit ranks better",
    "clusters_exist": "without clusters the summary says so, and segments are stated rules",
}
"""Checks whose failing strikes no headline figure, and why."""
LABELLED = (
    "label_means",
    "label_calendar",
    "split_in_time",
    "population_drift",
    "survivors",
    "copied_users",
    *LOG,
)
BY_GROUP = ("groups_known", *LABELLED)
JUDGED = (
    "better_than_chance",
    "enough_data",
    "leakage",
    "leakage_columns",
    "preprocessing",
    "split_in_time",
    "label_calendar",
    "label_means",
    *LOG,
)
SCORED = (
    "calibration",
    "better_than_base_rate",
    "base_rate_drift",
    "drift",
    "population_drift",
    "survivors",
    "copied_users",
    "scoring_equals_training",
    "scored_range",
    "saturation",
    *JUDGED,
)
DAYS_TOLD = (1, 7, 30)
MOST_NAMED = 4
"""Groups named in one sentence."""


def metric(
    value: Any,
    unit: str,
    label: str,
    n: int | None = None,
    interval: Sequence[Any] = (None, None),
    checks: Sequence[str] = (),
) -> dict[str, Any]:
    """Return one entry of metrics.json: `value, unit, n, ci_low, ci_high, label, checks`.

    Units: share or points (0 to 1), count, days, score, ratio, money, date, text. `checks` are
    those whose failing strikes the figure.
    """
    low, high = (None if pd.isna(bound) else bound for bound in interval)
    kept = None if value is None or (not isinstance(value, str) and pd.isna(value)) else value
    return {"value": kept, "unit": unit, "n": None if n is None else int(n), "ci_low": low,
            "ci_high": high, "label": label, "checks": list(checks)}  # fmt: skip


def run_metrics(
    users: pd.DataFrame, events: int, window: LogWindow, horizon: int, lookback: int, zone: str
) -> Metrics:
    """Return what the run is about: sizes, the window, the parameters told in prose. Dates are
    those of `zone`.
    """
    early = int((users["signup_date"] < window.start).sum())
    local_end = window.end.tz_convert(zone)
    silence = survival.silence_that_settles(horizon)
    settled = window.end - pd.Timedelta(days=silence)
    first, last, until = (
        clock.date_text(at, zone)
        for at in (window.start, local_end - pd.DateOffset(days=1), settled)
    )
    return {
        "users_total": metric(len(users), "count", "Users"),
        "events_total": metric(events, "count", "Events"),
        "log_start": metric(first, "date", "First day of the log"),
        "log_end": metric(last, "date", "Last whole day of the log"),
        "log_days": metric(round(window.days, 1), "days", "Length of the log"),
        "horizon_days": metric(horizon, "days", "Horizon"),
        "settled_after": metric(silence, "days", "Silence that ends a stay"),
        "survival_until": metric(until, "date", "Stays are followed until"),
        "lookback_days": metric(lookback, "days", "Look back"),
        "confidence": metric(0.95, "share", "Level of the intervals"),
        "users_unknown_early": metric(early, "count", "Users from before the log", len(users)),
    }


def audit_metrics(rules: pd.DataFrame, events_qa: Mapping[str, Any]) -> Metrics:
    """Return what the audit counted; `rules` are the rows of quality.csv of kind `rule`."""
    counts = rules.set_index("name")["broken"]
    duplicates = events_qa.get("duplicates_removed")
    orphans = int(counts.get("user_id is not in the users table", 0))
    before = int(counts.get("event is before the user's signup", 0))
    dropped = int(events_qa.get("dropped_incomplete") or 0)
    return {
        "rules_checked": metric(len(rules), "count", "Rules checked"),
        "rules_kept": metric(int((rules["broken"] == 0).sum()), "count", "Rules that hold"),
        "duplicate_events": metric(duplicates, "count", "Repeated events"),
        "orphan_events": metric(orphans, "count", "Events of unknown users"),
        "events_before_signup": metric(before, "count", "Events before signup"),
        "incomplete_events": metric(
            dropped, "count", "Events without a user, an identifier or a readable time"
        ),
        "data_issues_found": metric(
            (duplicates or 0) + orphans + before + dropped, "count", "Events set aside"
        ),
    }


def cohort_metrics(by_day: pd.DataFrame, curves: pd.DataFrame) -> Metrics:
    """Return retention within 1, 7 and 30 days and survival at 30, 60 and 90 days."""
    found: Metrics = {}
    table = by_day.set_index(["definition", "day"])
    for day in DAYS_TOLD:
        name = "on_day" if day == 1 else "within"
        label = "New users back on day 1" if day == 1 else f"New users back within {day} days"
        row: Any = table.loc[(name, day)] if (name, day) in table.index else None
        found[f"retention_d{day}"] = _rate(
            row, "retention_rate", "eligible_users", label, NEWCOMERS
        )
    found["newcomers_lost_30d"] = _complement(
        found["retention_d30"], "New users not back within 30 days"
    )
    whole = survival.settled_only(curves, "all").set_index("day")
    for day in (30, 60, 90):
        row = whole.loc[day] if day in whole.index else None
        found[f"survival_{day}"] = _rate(
            row,
            "survival",
            "at_risk",
            f"Users still active after {day} days",
            ("label_means", *LOG, *USERS),
        )
    return found


def _complement(entry: dict[str, Any], label: str) -> dict[str, Any]:
    """Return the entry of one less a share, its interval turned round."""
    value, low, high = (
        None if entry[name] is None else 1 - entry[name] for name in ("value", "ci_high", "ci_low")
    )
    return {**entry, "value": value, "ci_low": low, "ci_high": high, "label": label}


def _rate(
    row: "pd.Series[Any] | None", value: str, n: str, label: str, checks: Sequence[str]
) -> dict[str, Any]:
    if row is None:
        return metric(None, "share", label, checks=checks)
    return metric(row[value], "share", label, row[n], (row["ci_low"], row["ci_high"]), checks)


def label_metrics(snapshots: pd.DataFrame, back: pd.DataFrame, zone: str) -> Metrics:
    """Return churn at the last snapshot whose outcome is known, and how many come back."""
    rows = features.snapshot_summary(snapshots, zone).set_index("split")
    last: Any = rows.loc["test"]
    row = back.iloc[0]
    interval = (last["ci_low"], last["ci_high"])
    told = (row["ci_low"], row["ci_high"])
    rate, n = last["churn_rate"], last["users"]
    label = "Active users who fell silent"
    return {
        "churn_rate_30d": metric(rate, "share", label, n, interval, LABELLED),
        "users_at_last_snapshot": metric(
            int(n), "count", "Users active before the last snapshot with an outcome"
        ),
        "churn_snapshot": metric(str(last["snapshot_at"]), "date", "Last snapshot with an outcome"),
        "reactivation_rate": metric(
            row["rate"], "share", "Silences that ended with a return", row["silent"], told, LOG
        ),
    }


def model_metrics(
    evaluation: pd.DataFrame, card: Mapping[str, Any], verdicts: pd.DataFrame
) -> Metrics:
    """Return how the chosen model does on the test snapshot."""
    name = card["model"]
    own = evaluation[(evaluation["model"] == name) & (evaluation["split"] == "test")]
    rows = own.set_index("metric")

    def told(key: str, unit: str, label: str, checks: Sequence[str]) -> dict[str, Any]:
        row = rows.loc[key]
        return metric(row["value"], unit, label, row["n"], (row["ci_low"], row["ci_high"]), checks)

    gain = rows.loc["roc_auc_minus_recency"]
    status = verdicts.set_index("check")["status"]
    level = rows.loc["calibration_intercept"]
    is_off = bool(level["ci_low"] > 0 or level["ci_high"] < 0)
    usual = "level" if is_off else "good"
    verdict = {"fail": "poor", "warn": "off"}.get(status["calibration"], usual)
    return {
        "model_name": metric(name.replace("_", " "), "text", "Model"),
        "threshold_model": metric(
            card["threshold"],
            "share",
            "Threshold at the calibration snapshot",
            checks=("threshold",),
        ),
        "threshold_rule": metric(card["threshold_rule"], "text", "Rule of the threshold"),
        "test_auc": told("roc_auc", "score", "Ranking of later leavers (AUC)", JUDGED),
        "test_auc_gain_over_recency": told(
            "roc_auc_minus_recency", "score", "AUC above recency alone", JUDGED
        ),
        "test_brier_skill": told("brier_skill", "score", "Brier skill", JUDGED),
        "calibration_slope": told("calibration_slope", "score", "Calibration slope", JUDGED),
        "calibration_intercept": told(
            "calibration_intercept", "score", "Calibration intercept", JUDGED
        ),
        "calibration_error": told("ece_debiased", "points", "Calibration error", JUDGED),
        "lift_top_decile": told("lift_top_decile", "ratio", "Lift of the top tenth", JUDGED),
        "model_vs_recency": metric(_compare(gain), "text", "Model against recency"),
        "model_vs_base": metric(
            _compare(rows.loc["brier_skill"]), "text", "Model against base rate"
        ),
        "calibration_verdict": metric(verdict, "text", "Calibration"),
    }


def _compare(row: "pd.Series[Any]") -> str:
    if row["ci_low"] > 0:
        return "better"
    return "worse" if row["ci_high"] < 0 else "no_difference"


def score_metrics(
    scored: pd.DataFrame, differences: pd.DataFrame, rows: Mapping[str, int], rate: float
) -> Metrics:
    """Return who is at risk at the end of the log, and how many groups differ.

    `expected_churners` is the sum of the probabilities; its interval holds chance in each user's
    outcome and in the level that the calibration snapshot set (`rows["calibrate"]` users).
    `expected_at_last_rate` needs no model: the churn `rate` of the test snapshot (`rows["test"]`
    users) for everyone, with chance in both counts. `rows` are the model card's.
    """
    n, p = len(scored), scored["proba_churn"]
    flagged = int(scored["pred_churn"].sum())
    expected, mean = float(p.sum()), float(p.mean()) if n else 0.0
    by_model = float((p * (1 - p)).sum()) + n**2 * mean * (1 - mean) / rows["calibrate"]
    by_rate = n * rate * (1 - rate) * (1 + n / rows["test"])
    tested = differences[differences["p_value"].notna()]
    tests = distinct(differences)
    return {
        "threshold": metric(
            scored["threshold_used"].max(), "share", "Contact from", checks=("threshold",)
        ),
        "users_scored": metric(n, "count", "Users scored"),
        "expected_churners": metric(
            round(expected), "count", "Expected to fall silent next", n,
            _bounds(expected, by_model, n), SCORED,
        ),
        "expected_at_last_rate": metric(
            round(n * rate), "count", "Expected at the last rate seen", n,
            _bounds(n * rate, by_rate, n), LABELLED,
        ),
        "mean_probability": metric(p.mean(), "share", "Mean probability", n, checks=SCORED),
        "flagged_users": metric(
            flagged, "count", "Users worth a contact", n, checks=("threshold", *SCORED)
        ),
        "flagged_share": metric(
            flagged / max(n, 1), "share", "Share flagged", n, checks=("threshold", *SCORED)
        ),
        "group_detectable": metric(
            smallest_seen(tested, rate, len(tests)), "points",
            "Smallest difference that would be seen", checks=BY_GROUP,
        ),
        "groups_compared": metric(
            len(tests), "count", "Comparisons between groups", checks=BY_GROUP
        ),
        "group_differences_found": metric(
            int(tests["is_different"].sum()), "count", "Differences beyond chance", len(tests),
            checks=BY_GROUP,
        ),
        "group_differences_named": metric(
            _name_groups(tested), "text", "Groups that differ from the rest", checks=BY_GROUP
        ),
    }  # fmt: skip


def _name_groups(tested: pd.DataFrame) -> str:
    """Return the groups that differ from the rest, the largest difference first, as text; of two
    groups that are each other's rest, the one that leaves more.
    """
    against = tested[tested["comparison"] == "group_against_rest"]
    mirrored = against["is_repeated"].astype(bool) & (against["difference"] < 0)
    real = against[against["is_different"] & ~mirrored]
    if real.empty:
        return "none by itself"
    order = real["difference"].abs().sort_values(ascending=False, kind="stable").index
    first = real.loc[order].head(MOST_NAMED)
    named = [
        f"{column} {group} ({100 * difference:+.1f} points)"
        for column, group, difference in zip(
            first["column"], first["group"], first["difference"].astype(float), strict=True
        )
    ]
    more = f" and {len(real) - MOST_NAMED} more" if len(real) > MOST_NAMED else ""
    return ", ".join(named) + more


def _bounds(expected: float, variance: float, n: int) -> tuple[int, int]:
    """Return the 95 % normal interval of a count of `n` users, in whole users."""
    spread = 1.959964 * variance**0.5
    return round(max(0.0, expected - spread)), round(min(float(n), expected + spread))


def segment_metrics(selection: pd.DataFrame, verdicts: pd.DataFrame) -> Metrics:
    """Return whether groups exist."""
    facts = facts_of(verdicts.set_index("check").loc["clusters_exist"].to_dict())
    verdict = "clusters" if facts["exists"] else "continuum"
    best = selection["silhouette"].max()
    return {
        "segments_verdict": metric(verdict, "text", "Groups", checks=("clusters_exist",)),
        "segments_k": metric(facts["k"], "count", "Groups by the best silhouette"),
        "best_silhouette": metric(best, "score", "Best silhouette"),
    }


def published_metrics(figures: Mapping[str, Any]) -> Metrics:
    """Return the case's figures that the summary names, by the case's definitions."""
    churn, auc = (figures.get(k, {}).get("value") for k in ("retention.churn_rate", "logreg.auc"))
    return {
        "published_churn_30d": metric(churn, "share", "Churn by the case's definition"),
        "published_auc": metric(auc, "score", "AUC by the case's method"),
    }


def gather(parts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the verdicts of all stages as one table, with the `stage` that made each."""
    return pd.concat([part.assign(stage=stage) for stage, part in parts.items()], ignore_index=True)


def claims_table(
    verdicts: pd.DataFrame, texts: Mapping[str, Any], told: Mapping[str, str]
) -> pd.DataFrame:
    """Return the published claims: `check, published, data_say, verdict, use_instead`.

    `told` are the metrics as text, for the figure to use instead.
    """
    rows = []
    for row in verdicts.to_dict("records"):
        text, facts = texts[row["check"]], facts_of(row)
        if row["status"] == "not_applicable":
            say = f"Cannot be asked of these tables: {facts['reason']}."
        else:
            say = fill(text["evidence"], facts)
        use = fill(text["use"], {"kpi": told})
        rows.append((row["check"], text["sentence"], say, row["status"], use))
    return pd.DataFrame(rows, columns=["check", "published", "data_say", "verdict", "use_instead"])


COMPARED = {
    "retention.d7_rate": "retention_d7",
    "retention.d30_rate": "retention_d30",
    "retention.churn_rate": "newcomers_lost_30d",
    "logreg.auc": "test_auc",
    "logreg.threshold": "threshold",
    "scores.mean": "mean_probability",
}
"""Which number of this book stands beside which figure of the case."""


def comparison(
    figures: Mapping[str, Any], printed: Mapping[str, Any], metrics: Metrics
) -> pd.DataFrame:
    """Return every figure of the case beside the one to use: `figure, printed, by_case,
    by_design, ci_low, ci_high, meaning`. `printed` is what the case itself printed.
    """
    rows = []
    for name, found in figures.items():
        own = metrics[COMPARED[name]] if name in COMPARED else {}
        rows.append((name, printed.get(name), found["value"], own.get("value"), own.get("ci_low"),
                     own.get("ci_high"), own.get("label")))  # fmt: skip
    columns = ["figure", "printed", "by_case", "by_design", "ci_low", "ci_high", "meaning"]
    table = pd.DataFrame(rows, columns=columns)
    first = table["figure"].isin(COMPARED)
    return pd.concat([table[first], table[~first]], ignore_index=True)


def numbers_table(metrics: Metrics, told: Mapping[str, str]) -> pd.DataFrame:
    """Return every number as `key, label, value` (as text, with its interval), `n` (as text)."""
    rows = [
        (key, entry["label"], told[key], "" if entry["n"] is None else f"{entry['n']:,}")
        for key, entry in metrics.items()
    ]
    return pd.DataFrame(rows, columns=["key", "label", "value", "n"])


def with_data_faults(metrics: Metrics, judged: pd.DataFrame) -> Metrics:
    """Return `metrics`, those that rest on the log also resting on what spoils it: the failing
    checks of SPOILS_THE_LOG.
    """
    spoils = [name for name in failing(judged) if name in SPOILS_THE_LOG]
    return {
        key: entry | {"checks": [*entry["checks"], *spoils]}
        if set(LOG) & set(entry["checks"]) else entry
        for key, entry in metrics.items()
    }  # fmt: skip


def is_struck(entry: Mapping[str, Any], judged: pd.DataFrame) -> bool:
    """Say whether a failing check strikes a figure."""
    return bool({*entry["checks"]} & {*failing(judged)})


def failing(judged: pd.DataFrame) -> list[str]:
    """Return the names of the checks that fail."""
    return [str(name) for name in judged.loc[judged["status"] == "fail", "check"]]
