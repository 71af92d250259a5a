"""Every number in the book, by key, from the artifacts of the run."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.base import clock
from analysis.base.comparisons import distinct, named_groups
from analysis.base.formats import format_list, format_value, word
from analysis.base.language import say
from analysis.base.names import cut
from analysis.cohorts import survival
from analysis.contract import catalogue
from analysis.log.window import LogWindow
from analysis.model.baselines import are_both_at_chance
from analysis.model.economics import Economics
from analysis.model.evaluation import metrics_of, of_metric
from analysis.model.experiments import smallest_seen
from analysis.model.sampling import RESAMPLED
from analysis.model.snapshots import horizons_further
from analysis.model.uncertainty import Uncertainty
from analysis.summary.entries import Entry, Metrics, metric

RETENTION_DAYS = (1, 7, 30)
SURVIVAL_DAYS = (30, 60, 90)
MOST_NAMED = 4
"""Groups named in one sentence."""
NORMAL_95 = 1.959964
TOO_FEW = "Too few users signed up while the log covered the days in question. Give a longer log."
TOO_SHORT = (
    "Nobody is followed for so long: a stay ends only with two horizons of silence. Give a longer "
    "log, or lower horizon_days in params.yml."
)
EVERYONE = "No sample was drawn: everyone was used."
NO_SILENCE = (
    "The log is shorter than three horizons, or nobody was inactive for one. Give a longer log, or "
    "lower horizon_days in params.yml."
)
"""Why figures are not available."""


def _row(table: pd.DataFrame, key: str) -> Mapping[str, Any]:
    """Return the row of `table` at `key` by column; an empty one where it is not there."""
    if key not in table.index:
        return {}
    return {str(name): value for name, value in table.loc[key].items()}


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
        "survival_until": metric(
            until if settled > window.start else None, "date", "Last day of the survival figures"
        ),
        "lookback_days": metric(lookback, "days", "Look-back period"),
        "confidence": metric(0.95, "share", "Confidence level of the intervals"),
        "users_unknown_early": metric(
            early, "count", "Users who signed up before the first day that counts", len(users)
        ),
    }


def audit_metrics(quality: pd.DataFrame, events_qa: Mapping[str, Any]) -> Metrics:
    """Return what the audit counted, from audit/quality.csv and the counts of cleaning."""
    rules = quality[quality["kind"] == "rule"]
    counts = rules.set_index("name")["broken"]
    duplicates = events_qa.get("duplicates_removed")
    orphans = int(counts.get("user_id is not in the users table", 0))
    before = int(counts.get("event is before the user's signup", 0))
    kept = int((rules["broken"] == 0).sum())
    dropped = int(events_qa.get("dropped_incomplete") or 0)
    return {
        "rules_checked": metric(len(rules), "count", "Rules checked"),
        "rules_kept": metric(kept, "count", "Rules that no row breaks"),
        "rules_kept_share": metric(
            kept / len(rules) if len(rules) else None, "share",
            "Share of rules that no row breaks", len(rules),
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
    }  # fmt: skip


def cohort_metrics(retention_by_day: pd.DataFrame, curves: pd.DataFrame) -> Metrics:
    """Return retention within 1, 7 and 30 days and survival at 30, 60 and 90 days; of survival
    also `survival_from`, the day since signup on which the curve begins. From day 1 on, it says
    nothing of new users, so that the shares after signup are not available.
    """
    metrics: Metrics = {}
    rates = retention_by_day.set_index(["definition", "day"])
    for day in RETENTION_DAYS:
        name = "on_day" if day == 1 else "within"
        label = "New users back on day 1" if day == 1 else f"New users back within {day} days"
        row: Any = rates.loc[(name, day)] if (name, day) in rates.index else None
        metrics[f"retention_d{day}"] = _rate(
            row, "retention_rate", "eligible_users", label, "retention", TOO_FEW
        )
    metrics["newcomers_lost_30d"] = _complement(
        metrics["retention_d30"], "New users not back within 30 days"
    )
    curve = survival.settled_only(curves, "all")
    begins = survival.begins(curve)
    metrics["survival_from"] = metric(
        begins, "days", "Days after signup from which users are followed", rests_on=["survival"]
    )
    whole = curve[curve["from_day"] == 0].set_index("day")
    for day in SURVIVAL_DAYS:
        row = whole.loc[day] if day in whole.index else None
        label = f"Users still active after {day} days"
        metrics[f"survival_{day}"] = _rate(row, "survival", "at_risk", label, "survival", TOO_SHORT)
    return metrics


def _complement(entry: Entry, label: str) -> Entry:
    """Return the entry of 1 minus a share."""
    value, low, high = (
        None if entry[name] is None else 1 - entry[name] for name in ("value", "ci_high", "ci_low")
    )
    return {**entry, "value": value, "ci_low": low, "ci_high": high, "label": label}


def _rate(
    row: "pd.Series[Any] | None", value: str, n: str, label: str, rests_on: str, reason: str
) -> Entry:
    if row is None:
        return metric(None, "share", label, rests_on=[rests_on], reason=reason)
    interval = (row["ci_low"], row["ci_high"])
    return metric(row[value], "share", label, row[n], interval, [rests_on], reason)


def monthly_metrics(latest: pd.DataFrame) -> Metrics:
    """Return the figures of the last whole month (kpis.latest), as `kpi_<name>`."""
    column = next(c for c in catalogue.table_of("kpis_latest").columns if c.name == "kpi")
    rows = latest.to_dict("records")
    return {
        f"kpi_{row['kpi']}": metric(
            row["value"], column.units[row["kpi"]], column.values[row["kpi"]],
            interval=(row["ci_low"], row["ci_high"]), rests_on=["activity"],
        )
        for row in rows
    }  # fmt: skip


def label_metrics(
    snapshot_summary: pd.DataFrame, reactivation: pd.DataFrame, reason: str | None
) -> Metrics:
    """Return churn at the last snapshot whose outcome is known, and how many users come back;
    `reason` says why there is no such snapshot.
    """
    last = _row(snapshot_summary.set_index("split"), "test")
    silences = reactivation.iloc[0]
    churn = (last.get("ci_low"), last.get("ci_high"))
    returns = (silences["ci_low"], silences["ci_high"])
    return {
        "churn_rate": metric(
            last.get("churn_rate"), "share", "Active users who did not return", last.get("users"),
            churn, ["churn"], reason,
        ),
        "users_at_last_snapshot": metric(
            last.get("users"), "count", "Users at risk at the last snapshot with a known outcome"
        ),
        "churn_snapshot": metric(
            last.get("snapshot_at"), "date", "Last snapshot with a known outcome"
        ),
        "reactivation_rate": metric(
            silences["rate"], "share", "Churned users who came back", silences["silent"],
            returns, ["reactivation"], NO_SILENCE,
        ),
    }  # fmt: skip


def silence_metrics(return_rates: pd.DataFrame) -> Metrics:
    """Return how many silences end with a return, and at which longer horizon few do."""
    row: Any = return_rates.iloc[0]
    further = horizons_further(return_rates)
    rests_on = ["reactivation"]
    share = (row["ci_low"], row["ci_high"])
    within = None if pd.isna(row["rate"]) else int(row["followed_days"])
    return {
        "silences": metric(int(row["silent"]), "count", "Silences of a horizon"),
        "silences_ended": metric(
            int(row["returned"]), "count", "Silences ended by a return within the log",
            rests_on=rests_on,
        ),
        "silences_ended_share": metric(
            row["seen"], "share", "Share of silences ended by a return within the log",
            row["silent"], rests_on=rests_on,
        ),
        "return_rate": metric(
            row["rate"], "share", "Silences that end with a return", row["silent"], share, rests_on
        ),
        "return_rate_days": metric(within, "days", "Length of silence up to which returns count"),
        "settling_horizon": metric(
            further["better"], "days", "Shortest horizon after which few come back",
            rests_on=rests_on,
        ),
        "settling_horizon_returns": metric(
            further["better_rate"], "share", "Silences of that length that end with a return",
            rests_on=rests_on,
        ),
        "longest_horizon": metric(further["longest"], "days", "Longest horizon the log can judge"),
        "longest_horizon_returns": metric(
            further["longest_rate"], "share", "Silences of that length that end with a return",
            rests_on=rests_on,
        ),
    }  # fmt: skip


def model_metrics(
    evaluation: pd.DataFrame, card: Mapping[str, Any], verdicts: pd.DataFrame
) -> Metrics:
    """Return how well the chosen model does on the test snapshot; `verdicts` are its checks."""
    name, reason = card["model"], card.get("unavailable")
    is_chosen = (evaluation["model"] == name) & (evaluation["split"] == "test")
    rows = evaluation[is_chosen].set_index("metric")

    def measured(key: str, unit: str, label: str) -> Entry:
        row = _row(rows, key)
        interval = (row.get("ci_low"), row.get("ci_high"))
        return metric(row.get("value"), unit, label, row.get("n"), interval, ["ranking"], reason)

    status = verdicts.set_index("check")["status"]
    verdict = {"fail": "poor", "warn": "off"}.get(status["calibration"])
    return {
        "model_name": metric(name and name.replace("_", " "), "text", "Model", reason=reason),
        "threshold_model": metric(
            card["threshold"], "share", "Threshold at the calibration snapshot",
            rests_on=["threshold"],
        ),
        "threshold_rule": metric(card["threshold_rule"], "text", "Rule for the threshold"),
        **_sample_metrics(card, _row(rows, "roc_auc").get("n")),
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
            _against_recency(evaluation, name), "text", "Model against the last visit alone",
        ),
        "model_vs_base": metric(
            _compare(_row(rows, "brier_skill")), "text", "Model against the base rate"
        ),
        "calibration_verdict": metric(
            verdict or _level(_row(rows, "calibration_intercept")), "text", "Calibration"
        ),
    }  # fmt: skip


def _sample_metrics(card: Mapping[str, Any], tested: int | None) -> Metrics:
    """Return what was drawn where there are more users than change the figures: see sampling."""
    learned = card.get("learned_rows") or {}
    whole = sum(card["rows"][split] for split in learned)
    is_resampled = tested is not None and tested > RESAMPLED
    return {
        "learned_rows": metric(
            sum(learned.values()) or None, "count", "User-snapshots that the model learned from",
            whole or None, reason=EVERYONE,
        ),
        "resampled_users": metric(
            RESAMPLED if is_resampled else None, "count",
            "Test users from whom intervals are drawn", tested if is_resampled else None,
            reason=EVERYONE,
        ),
    }  # fmt: skip


def _against_recency(evaluation: pd.DataFrame, model: str) -> str | None:
    """Return how the model's ranks compare with those of the last visit; `both_at_chance` where no
    difference was found and neither orders users. None without a model.
    """
    on_test = evaluation[evaluation["split"] == "test"]
    if on_test.empty:
        return None
    word = _compare(_row(metrics_of(on_test, model), "roc_auc_minus_recency"))
    is_chance = are_both_at_chance(of_metric(on_test, "roc_auc"), model)
    return "both_at_chance" if word == "no_difference" and is_chance else word


def _compare(row: Mapping[str, Any]) -> str | None:
    if not row:
        return None
    if row["ci_low"] > 0:
        return "better"
    return "worse" if row["ci_high"] < 0 else "no_difference"


def _level(intercept: Mapping[str, Any]) -> str | None:
    """Return `level` when the calibration intercept differs from 0 beyond chance, else `good`; None
    where it was not measured.
    """
    if not intercept:
        return None
    return "level" if intercept["ci_low"] > 0 or intercept["ci_high"] < 0 else "good"


def assumed_metrics(economics: Economics, uncertainty: Uncertainty, currency: str) -> Metrics:
    """Return what amounts of money rest on; the ends of an interval are those believed in."""
    return {
        "saved_share": metric(
            economics.saved_share, "share", "Share of churners whom a contact saves (assumed)",
            interval=uncertainty.saved_share,
        ),
        "customer_value": metric(
            economics.customer_value, "money", "Value of a user who stays (assumed)",
            interval=uncertainty.customer_value, currency=currency,
        ),
    }  # fmt: skip


def score_metrics(
    scored: pd.DataFrame,
    differences: pd.DataFrame,
    card: Mapping[str, Any],
    at_risk: int,
    rate: float | None,
) -> Metrics:
    """Return who is at risk at the end of the log, and how many groups differ.

    `expected_churners` is the sum of the probabilities; its interval holds chance in each user's
    outcome and in the level that the calibration snapshot set (`calibrate` users among the rows
    of the model `card`). `expected_at_last_rate` needs no model: the churn `rate` of the test
    snapshot for everyone `at_risk`, with chance in both counts. Without scores, or without a rate,
    what needs them is not available.
    """
    rows = {**card["rows"], **card.get("learned_rows", {})}
    reason, listed = card.get("unavailable"), ["threshold", "scores"]
    known = _sums(scored, rows) if len(scored) else {}
    n, expected = known.get("n"), known.get("expected")
    last = _at_last_rate(at_risk, rows, rate)
    return {
        "threshold": metric(
            known.get("threshold"), "share", "Lowest probability worth a contact",
            rests_on=["threshold"], reason=reason,
        ),
        "users_scored": metric(n, "count", "Users scored", reason=reason),
        "expected_churners": metric(
            None if expected is None else round(expected), "count",
            "Users expected to churn next", n, known.get("bounds", UNKNOWN), ["scores"], reason,
        ),
        "expected_at_last_rate": metric(
            last.get("expected"), "count", "Expected to churn at the last observed rate",
            last.get("n"), last.get("bounds", UNKNOWN), ["churn"],
        ),
        "mean_probability": metric(
            known.get("mean"), "share", "Mean probability", n, rests_on=["scores"], reason=reason
        ),
        "flagged_users": metric(
            known.get("flagged"), "count", "Users worth a contact", n, rests_on=listed,
            reason=reason,
        ),
        "flagged_share": metric(
            known.get("flagged_share"), "share", "Share of users worth a contact", n,
            rests_on=listed, reason=reason,
        ),
        **_group_metrics(differences, rate),
    }  # fmt: skip


UNKNOWN = (None, None)
"""The interval of a figure that is not available."""


def _sums(scored: pd.DataFrame, rows: Mapping[str, int]) -> dict[str, Any]:
    """Return what the scores of at least one user add up to."""
    n, proba, flagged = len(scored), scored["proba_churn"], int(scored["pred_churn"].sum())
    expected, mean = float(proba.sum()), float(proba.mean())
    variance = float((proba * (1 - proba)).sum()) + n**2 * mean * (1 - mean) / rows["calibrate"]
    return {
        "n": n, "expected": expected, "bounds": _bounds(expected, variance, n),
        "mean": proba.mean(), "flagged": flagged, "flagged_share": flagged / n,
        "threshold": scored["threshold_used"].max(),
    }  # fmt: skip


def _at_last_rate(n: int, rows: Mapping[str, int], rate: float | None) -> dict[str, Any]:
    """Return how many of `n` users churn at the rate of the test; nothing without a rate."""
    if rate is None:
        return {}
    variance = n * rate * (1 - rate) * (1 + n / rows["test"])
    return {"n": n, "expected": round(n * rate), "bounds": _bounds(n * rate, variance, n)}


def _bounds(expected: float, variance: float, n: int) -> tuple[int, int]:
    """Return the 95 % normal interval of a count of `n` users, in whole users."""
    spread = NORMAL_95 * variance**0.5
    return round(max(0.0, expected - spread)), round(min(float(n), expected + spread))


def _group_metrics(differences: pd.DataFrame, rate: float | None) -> Metrics:
    tested = differences[differences["p_value"].notna()]
    tests = distinct(differences)
    real = None if rate is None else int(tests["is_different"].sum())
    return {
        "group_detectable": metric(
            None if rate is None else smallest_seen(tested, rate, len(tests)), "points",
            "Smallest detectable difference", rests_on=["groups"],
        ),
        "groups_compared": metric(
            None if rate is None else len(tests), "count", "Comparisons between groups",
            rests_on=["groups"],
        ),
        "group_differences_found": metric(
            real, "count", "Differences beyond chance", len(tests), rests_on=["groups"]
        ),
        "group_differences_named": metric(
            _name_groups(differences), "text", "Groups that differ from the rest",
            rests_on=["groups"],
        ),
    }  # fmt: skip


def _name_groups(differences: pd.DataFrame) -> str | None:
    """Return the groups that differ from the rest as text; None where none does by itself."""
    real = named_groups(differences)
    named = [
        f"{say(column.replace('_', ' '))} {cut(group)} ({format_value(gap, 'points', signed=True)})"
        for column, group, gap in zip(
            real["column"], real["group"], real["difference"].astype(float), strict=True
        )
    ]
    rest = len(named) - MOST_NAMED
    shown = named[:MOST_NAMED] + ([word("more", number=str(rest))] if rest > 0 else [])
    return format_list(shown) if shown else None


def segment_metrics(selection: pd.DataFrame, facts: Mapping[str, Any]) -> Metrics:
    """Return whether groups exist; `facts` are those of the check clusters_exist."""
    reason = facts.get("reason")  # among too few users nobody can tell
    verdict = None if reason else ("clusters" if facts["exists"] else "continuum")
    best = selection["silhouette"].max()
    return {
        "segments_verdict": metric(verdict, "text", "Groups", rests_on=["segments"], reason=reason),
        "separate_groups": metric(
            None if reason else (facts["k"] if facts["exists"] else 0), "count",
            "Separate groups found", rests_on=["segments"], reason=reason,
        ),
        "segments_k": metric(
            facts.get("k"), "count", "Number of groups with the best silhouette", reason=reason
        ),
        "best_silhouette": metric(best, "score", "Best silhouette", reason=reason),
    }  # fmt: skip


def published_metrics(shortcuts: Mapping[str, Any], is_case: bool) -> Metrics:
    """Return the two shortcuts that the summary names, and whether the claims of the published case
    are judged on these tables.
    """
    churn, auc = (shortcuts.get(name, {}).get("value") for name in ("churn", "auc"))
    return {
        "published_churn_30d": metric(churn, "share", "Churn counted over everybody"),
        "published_auc": metric(auc, "score", "AUC on randomly chosen users"),
        "is_published_case": metric(
            "yes" if is_case else "no", "text", "Claims of the published case judged"
        ),
    }
