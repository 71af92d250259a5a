"""The verdicts on a simulated company as the summary prints them, and the figures they strike.

The functions are those of the summary; only the tables come from the chapters, not from files.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial

import pandas as pd

from analysis.contract import checks
from analysis.contract.checks import Verdict
from analysis.log.churn import Windows
from analysis.summary import metrics
from analysis.summary.entries import Metrics
from analysis.summary.judged import with_strikes
from analysis.summary.materiality import behind, decide, materiality, reach
from analysis.summary.recomputed import Evidence, headline, recompute
from benchmarks.company import HEADLINES, PARAMS, ROLES, Company

NO_SCORES = pd.DataFrame({"user_id": [], "churned": [], "proba": []})
NO_PREDICTIONS = pd.DataFrame({"user_id": [], "proba_churn": []})


@dataclass(frozen=True)
class Final:
    """The final verdicts of a company, and the headline figures `struck`: the key of each (see
    company.HEADLINES) with the failing checks that strike it. `effects` are those of
    summary.materiality.
    """

    verdicts: list[Verdict]
    struck: Mapping[str, tuple[str, ...]]
    effects: pd.DataFrame


def final_verdicts(company: Company, only: Collection[str] = ()) -> Final:
    """Return the verdicts as the summary prints them, and the headline figures struck; with
    `only`, those of these stages, judged by the figures of the data alone.
    """
    verdicts = company.verdicts(only)
    entries = _headline(company, not only)
    evidence = _evidence(company, None if only else entries["segments_verdict"]["value"])
    if not only:
        evidence = replace(
            evidence,
            scores=company.model.chosen_scores,
            predictions=company.scoring.predictions,
        )
    again = partial(
        recompute, evidence, events=company.log.events, roles=ROLES,
        gap_minutes=PARAMS.session_gap_minutes,
    )  # fmt: skip
    effects = materiality(checks.suspects_of(verdicts), entries, again)
    decided = decide(checks.to_table(verdicts), effects)
    judged = with_strikes(decided, effects)
    failing = {str(name) for name in judged.loc[judged["status"] == "fail", "check"]}
    known = {key: base for key, base in HEADLINES.items() if entries[key]["value"] is not None}
    reached = reach(judged, effects)
    struck = {
        key: tuple(name for name in behind(key, [base], reached) if name in failing)
        for key, base in known.items()
    }
    final = [replace(v, status=s) for v, s in zip(verdicts, decided["status"], strict=True)]
    return Final(final, {key: names for key, names in struck.items() if names}, effects)


def _headline(company: Company, has_model: bool) -> Metrics:
    """Return the figures that are computed again, as the report has them."""
    log, cohorts, features = company.log, company.cohorts, company.features
    reason = company.verdict("label_calendar").facts.get("reason")
    labels = metrics.label_metrics(features.snapshot_summary, features.reactivation, reason)
    measured = {
        **metrics.run_metrics(
            log.users, company.events_qa["rows_kept"], log.window, PARAMS.horizon_days,
            PARAMS.lookback_days, PARAMS.time_zone,
        ),
        **metrics.cohort_metrics(cohorts.retention_by_day, cohorts.survival),
        **labels,
        **(_model_metrics(company, labels["churn_rate"]["value"]) if has_model else {}),
    }  # fmt: skip
    return headline(measured, cohorts.kpis_latest)


def _model_metrics(company: Company, churn_rate: float | None) -> Metrics:
    model, scoring, segments = company.model, company.scoring, company.segments
    at_risk = int((company.snapshots["split"] == "score").sum())
    facts = company.verdict("clusters_exist").facts
    return {
        **metrics.model_metrics(model.evaluation, model.model_card, model.verdict_table),
        **metrics.score_metrics(
            scoring.predictions, scoring.group_differences, model.model_card, at_risk, churn_rate
        ),
        **metrics.segment_metrics(segments.cluster_selection, facts),
    }


def _evidence(company: Company, segments: str | None) -> Evidence:
    """Return what the headline figures are computed from, without scores."""
    log = company.log
    windows = Windows(PARAMS.lookback_days, PARAMS.gap_days, PARAMS.horizon_days)
    return Evidence(
        log.users, log.user_days, log.window, windows, PARAMS.time_zone, PARAMS.min_group,
        company.events_qa["rows_kept"], PARAMS.group_columns, company.snapshots, NO_SCORES,
        NO_PREDICTIONS, segments,
    )  # fmt: skip
