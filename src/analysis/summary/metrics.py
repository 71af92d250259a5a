"""Every number in the book, by key, from the artifacts of the run."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.base import clock
from analysis.base.comparisons import distinct
from analysis.base.formats import format_list, format_value
from analysis.cohorts import survival
from analysis.contract import catalogue
from analysis.log.window import LogWindow
from analysis.model.experiments import smallest_seen

Entry = dict[str, Any]
Metrics = dict[str, Entry]

RETENTION_DAYS = (1, 7, 30)
SURVIVAL_DAYS = (30, 60, 90)
MOST_NAMED = 4
"""Groups named in one sentence."""
NORMAL_95 = 1.959964


def metric(
    value: Any,
    unit: str,
    label: str,
    n: int | None = None,
    interval: Sequence[Any] = (None, None),
    rests_on: Sequence[str] = (),
) -> Entry:
    """Return one entry of metrics.json: `value, unit, n, ci_low, ci_high, label, rests_on`.

    Units: share or points (0 to 1), count, days, score, ratio, money, date, text. `rests_on`
    names the bases (contract.checks.BASES) whose failing checks strike the figure.
    """
    low, high = (None if pd.isna(bound) else bound for bound in interval)
    is_text = isinstance(value, str)
    known = None if value is None or (not is_text and pd.isna(value)) else value
    return {"value": known, "unit": unit, "n": None if n is None else int(n), "ci_low": low,
            "ci_high": high, "label": label, "rests_on": list(rests_on)}  # fmt: skip


def with_checks(metrics: Metrics, behind: Callable[[str, Sequence[str]], Sequence[str]]) -> Metrics:
    """Return the metrics, each with `checks`: the names of the checks that it rests on, which
    `behind` gives for its key and its bases.
    """
    return {
        key: {**entry, "checks": list(behind(key, entry["rests_on"]))}
        for key, entry in metrics.items()
    }


def run_metrics(
    users: pd.DataFrame, events: int, window: LogWindow, horizon: int, lookback: int, zone: str
) -> Metrics:
    """Return the run's sizes, its window and the parameters that the text mentions.

    `events` counts the clean events; dates are those of `zone`.
    """
    early = int((users["signup_date"] < window.start).sum())
    silence = survival.silence_that_settles(horizon)
    last_day = window.end.tz_convert(zone) - pd.DateOffset(days=1)
    settled = window.end - pd.Timedelta(days=silence)
    first, last, until = (clock.date_text(at, zone) for at in (window.start, last_day, settled))
    return {
        "users_total": metric(len(users), "count", "Users"),
        "events_total": metric(events, "count", "Events", rests_on=["counts"]),
        "log_start": metric(first, "date", "First day of the log"),
        "log_end": metric(last, "date", "Last whole day of the log"),
        "log_days": metric(round(window.days, 1), "days", "Length of the log"),
        "horizon_days": metric(horizon, "days", "Horizon"),
        "settled_after": metric(silence, "days", "Time without an event that ends a stay"),
        "survival_until": metric(until, "date", "Last day of the survival figures"),
        "lookback_days": metric(lookback, "days", "Look-back period"),
        "confidence": metric(0.95, "share", "Confidence level of the intervals"),
        "users_unknown_early": metric(
            early, "count", "Users who signed up before the log", len(users)
        ),
    }


def audit_metrics(quality: pd.DataFrame, events_qa: Mapping[str, Any]) -> Metrics:
    """Return what the audit counted, from audit/quality.csv and the counts of cleaning."""
    rules = quality[quality["kind"] == "rule"]
    counts = rules.set_index("name")["broken"]
    duplicates = events_qa.get("duplicates_removed")
    orphans = int(counts.get("user_id is not in the users table", 0))
    before = int(counts.get("event is before the user's signup", 0))
    dropped = int(events_qa.get("dropped_incomplete") or 0)
    return {
        "rules_checked": metric(len(rules), "count", "Rules checked"),
        "rules_kept": metric(
            int((rules["broken"] == 0).sum()), "count", "Rules that no row breaks"
        ),
        "duplicate_events": metric(duplicates, "count", "Repeated events"),
        "orphan_events": metric(orphans, "count", "Events of unknown users"),
        "events_before_signup": metric(before, "count", "Events before signup"),
        "incomplete_events": metric(
            dropped, "count", "Events without a user, an identifier or a readable time"
        ),
        "data_issues_found": metric(
            (duplicates or 0) + orphans + before + dropped, "count", "Events left out"
        ),
    }


def cohort_metrics(retention_by_day: pd.DataFrame, curves: pd.DataFrame) -> Metrics:
    """Return retention within 1, 7 and 30 days and survival at 30, 60 and 90 days."""
    metrics: Metrics = {}
    rates = retention_by_day.set_index(["definition", "day"])
    for day in RETENTION_DAYS:
        name = "on_day" if day == 1 else "within"
        label = "New users back on day 1" if day == 1 else f"New users back within {day} days"
        row: Any = rates.loc[(name, day)] if (name, day) in rates.index else None
        metrics[f"retention_d{day}"] = _rate(
            row, "retention_rate", "eligible_users", label, "retention"
        )
    metrics["newcomers_lost_30d"] = _complement(
        metrics["retention_d30"], "New users not back within 30 days"
    )
    whole = survival.settled_only(curves, "all").set_index("day")
    for day in SURVIVAL_DAYS:
        row = whole.loc[day] if day in whole.index else None
        label = f"Users still active after {day} days"
        metrics[f"survival_{day}"] = _rate(row, "survival", "at_risk", label, "survival")
    return metrics


def _complement(entry: Entry, label: str) -> Entry:
    """Return the entry of 1 minus a share."""
    value, low, high = (
        None if entry[name] is None else 1 - entry[name] for name in ("value", "ci_high", "ci_low")
    )
    return {**entry, "value": value, "ci_low": low, "ci_high": high, "label": label}


def _rate(row: "pd.Series[Any] | None", value: str, n: str, label: str, rests_on: str) -> Entry:
    if row is None:
        return metric(None, "share", label, rests_on=[rests_on])
    interval = (row["ci_low"], row["ci_high"])
    return metric(row[value], "share", label, row[n], interval, [rests_on])


def monthly_metrics(latest: pd.DataFrame) -> Metrics:
    """Return the figures of the last whole month (kpis.latest), as `kpi_<name>`."""
    column = next(c for c in catalogue.table_of("kpis_latest").columns if c.name == "kpi")
    return {
        f"kpi_{row.kpi}": metric(
            row.value, column.units[row.kpi], column.values[row.kpi],
            interval=(row.ci_low, row.ci_high), rests_on=["activity"],
        )
        for row in latest.itertuples()
    }  # fmt: skip


def label_metrics(snapshot_summary: pd.DataFrame, reactivation: pd.DataFrame) -> Metrics:
    """Return churn at the last snapshot whose outcome is known, and how many users come back."""
    last: Any = snapshot_summary.set_index("split").loc["test"]
    silences = reactivation.iloc[0]
    churn = (last["ci_low"], last["ci_high"])
    returns = (silences["ci_low"], silences["ci_high"])
    return {
        "churn_rate": metric(
            last["churn_rate"], "share", "Active users who did not return", last["users"], churn,
            ["churn"],
        ),
        "users_at_last_snapshot": metric(
            int(last["users"]), "count", "Users at risk at the last snapshot with a known outcome"
        ),
        "churn_snapshot": metric(
            str(last["snapshot_at"]), "date", "Last snapshot with a known outcome"
        ),
        "reactivation_rate": metric(
            silences["rate"], "share", "Churned users who came back", silences["silent"],
            returns, ["reactivation"],
        ),
    }  # fmt: skip


def model_metrics(
    evaluation: pd.DataFrame, card: Mapping[str, Any], verdicts: pd.DataFrame
) -> Metrics:
    """Return how well the chosen model does on the test snapshot; `verdicts` are its checks."""
    name = card["model"]
    is_chosen = (evaluation["model"] == name) & (evaluation["split"] == "test")
    rows = evaluation[is_chosen].set_index("metric")

    def measured(key: str, unit: str, label: str) -> Entry:
        row = rows.loc[key]
        interval = (row["ci_low"], row["ci_high"])
        return metric(row["value"], unit, label, row["n"], interval, ["ranking"])

    status = verdicts.set_index("check")["status"]
    verdict = {"fail": "poor", "warn": "off"}.get(status["calibration"])
    return {
        "model_name": metric(name.replace("_", " "), "text", "Model"),
        "threshold_model": metric(
            card["threshold"], "share", "Threshold at the calibration snapshot",
            rests_on=["threshold"],
        ),
        "threshold_rule": metric(card["threshold_rule"], "text", "Rule for the threshold"),
        "test_auc": measured("roc_auc", "score", "Ranking of later churners (AUC)"),
        "test_auc_gain_over_recency": measured(
            "roc_auc_minus_recency", "score", "AUC above that of the last visit alone"
        ),
        "test_brier_skill": measured("brier_skill", "score", "Brier skill"),
        "calibration_slope": measured("calibration_slope", "score", "Calibration slope"),
        "calibration_intercept": measured(
            "calibration_intercept", "score", "Calibration intercept"
        ),
        "calibration_error": measured("ece_debiased", "points", "Calibration error"),
        "lift_top_decile": measured("lift_top_decile", "ratio", "Lift of the top decile"),
        "model_vs_recency": metric(
            _compare(rows.loc["roc_auc_minus_recency"]), "text",
            "Model against the last visit alone",
        ),
        "model_vs_base": metric(
            _compare(rows.loc["brier_skill"]), "text", "Model against the base rate"
        ),
        "calibration_verdict": metric(
            verdict or _level(rows.loc["calibration_intercept"]), "text", "Calibration"
        ),
    }  # fmt: skip


def _compare(row: "pd.Series[Any]") -> str:
    if row["ci_low"] > 0:
        return "better"
    return "worse" if row["ci_high"] < 0 else "no_difference"


def _level(intercept: "pd.Series[Any]") -> str:
    """Return `level` when the calibration intercept differs from 0 beyond chance, else `good`."""
    return "level" if intercept["ci_low"] > 0 or intercept["ci_high"] < 0 else "good"


def score_metrics(
    scored: pd.DataFrame, differences: pd.DataFrame, rows: Mapping[str, int], rate: float
) -> Metrics:
    """Return who is at risk at the end of the log, and how many groups differ.

    `expected_churners` is the sum of the probabilities; its interval holds chance in each user's
    outcome and in the level that the calibration snapshot set (`rows["calibrate"]` users).
    `expected_at_last_rate` needs no model: the churn `rate` of the test snapshot (`rows["test"]`
    users) for everyone, with chance in both counts. `rows` are the model card's.
    """
    n, proba = len(scored), scored["proba_churn"]
    flagged = int(scored["pred_churn"].sum())
    expected, mean = float(proba.sum()), float(proba.mean()) if n else 0.0
    by_model = float((proba * (1 - proba)).sum()) + n**2 * mean * (1 - mean) / rows["calibrate"]
    by_rate = n * rate * (1 - rate) * (1 + n / rows["test"])
    listed = ["threshold", "scores"]
    return {
        "threshold": metric(
            scored["threshold_used"].max(), "share", "Lowest probability worth a contact",
            rests_on=["threshold"],
        ),
        "users_scored": metric(n, "count", "Users scored"),
        "expected_churners": metric(
            round(expected), "count", "Users expected to churn next", n,
            _bounds(expected, by_model, n), ["scores"],
        ),
        "expected_at_last_rate": metric(
            round(n * rate), "count", "Expected to churn at the last observed rate", n,
            _bounds(n * rate, by_rate, n), ["churn"],
        ),
        "mean_probability": metric(
            proba.mean(), "share", "Mean probability", n, rests_on=["scores"]
        ),
        "flagged_users": metric(flagged, "count", "Users worth a contact", n, rests_on=listed),
        "flagged_share": metric(
            flagged / max(n, 1), "share", "Share of users worth a contact", n, rests_on=listed
        ),
        **_group_metrics(differences, rate),
    }  # fmt: skip


def _bounds(expected: float, variance: float, n: int) -> tuple[int, int]:
    """Return the 95 % normal interval of a count of `n` users, in whole users."""
    spread = NORMAL_95 * variance**0.5
    return round(max(0.0, expected - spread)), round(min(float(n), expected + spread))


def _group_metrics(differences: pd.DataFrame, rate: float) -> Metrics:
    tested = differences[differences["p_value"].notna()]
    tests = distinct(differences)
    real = int(tests["is_different"].sum())
    return {
        "group_detectable": metric(
            smallest_seen(tested, rate, len(tests)), "points",
            "Smallest detectable difference", rests_on=["groups"],
        ),
        "groups_compared": metric(
            len(tests), "count", "Comparisons between groups", rests_on=["groups"]
        ),
        "group_differences_found": metric(
            real, "count", "Differences beyond chance", len(tests), rests_on=["groups"]
        ),
        "group_differences_named": metric(
            _name_groups(tested), "text", "Groups that differ from the rest", rests_on=["groups"]
        ),
    }  # fmt: skip


def _name_groups(tested: pd.DataFrame) -> str | None:
    """Return the groups that differ from the rest, the largest difference first, as text; of two
    groups that are each other's rest, the one that churns more. None where none does by itself.
    """
    against = tested[tested["comparison"] == "group_against_rest"]
    mirrored = against["is_repeated"].astype(bool) & (against["difference"] < 0)
    real = against[against["is_different"] & ~mirrored]
    order = real["difference"].abs().sort_values(ascending=False, kind="stable").index
    named = [
        f"{column.replace('_', ' ')} {group} ({format_value(gap, 'points', signed=True)})"
        for column, group, gap in zip(
            real["column"][order], real["group"][order], real["difference"][order].astype(float),
            strict=True,
        )
    ]  # fmt: skip
    rest = len(named) - MOST_NAMED
    shown = named[:MOST_NAMED] + ([f"{rest} more"] if rest > 0 else [])
    return format_list(shown) if shown else None


def segment_metrics(selection: pd.DataFrame, facts: Mapping[str, Any]) -> Metrics:
    """Return whether groups exist; `facts` are those of the check clusters_exist."""
    verdict = "clusters" if facts["exists"] else "continuum"
    best = selection["silhouette"].max()
    return {
        "segments_verdict": metric(verdict, "text", "Groups", rests_on=["segments"]),
        "segments_k": metric(facts["k"], "count", "Number of groups with the best silhouette"),
        "best_silhouette": metric(best, "score", "Best silhouette"),
    }


def published_metrics(figures: Mapping[str, Any]) -> Metrics:
    """Return the case's figures that the summary names, by the case's definitions."""
    churn, auc = (figures.get(k, {}).get("value") for k in ("retention.churn_rate", "logreg.auc"))
    return {
        "published_churn_30d": metric(churn, "share", "Churn by the case's definition"),
        "published_auc": metric(auc, "score", "AUC by the case's method"),
    }
