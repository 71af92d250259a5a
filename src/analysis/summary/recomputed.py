"""The headline figures, computed once more: on all the data, or without what is suspect.

What a check suspects (contract.suspects) is left out of the user-days, which are small, so that a
figure without it costs little. The same functions give the figures of the report.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import ibis
import pandas as pd

from analysis.base import clock, comparisons, engine
from analysis.base.score_metrics import roc_auc
from analysis.cohorts import kpis, survival
from analysis.cohorts.retention import is_retained, user_retention
from analysis.log import activity, churn
from analysis.log.churn import Windows
from analysis.log.window import LogWindow
from analysis.summary import metrics
from analysis.summary.entries import Metrics
from analysis.summary.metrics import RETENTION_DAYS, SURVIVAL_DAYS
from analysis.summary.stretches import Span, known_days

FIGURES = {
    "churn_rate": "churn",
    **{f"retention_d{day}": "retention" for day in RETENTION_DAYS},
    **{f"survival_{day}": "survival" for day in SURVIVAL_DAYS},
    "reactivation_rate": "reactivation",
    "group_differences_found": "groups",
    "test_auc": "ranking",
    "expected_churners": "scores",
    "segments_verdict": "segments",
    "events_total": "counts",
}
"""The figures that are computed again, by their keys among the metrics, with their bases."""
FALSE = 0.01
"""Share of what the model read that may be false before its figures must be made anew: the usual
benchmark of auditors for a total (0.5 to 1 %), as that for counts, which have no interval."""

Figures = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the headline figures are computed from.

    `user_days` (Ibis) and `users` as the chapters read them; `unknown`: spans of instants of which
    nothing is known; `false_share`: the part of the model's input that is false; `surplus`: events
    that are counted too often; `is_partial`: users are missing from both tables. `scores` are the
    test snapshot's users with `churned` and `proba`, `predictions` today's, `snapshots` those of
    the chapter on features with `user_id, snapshot_at, split, churned`.
    """

    users: pd.DataFrame
    user_days: Any
    window: LogWindow
    windows: Windows
    zone: str
    min_group: int
    events: int
    group_columns: Sequence[str]
    snapshots: pd.DataFrame
    scores: pd.DataFrame
    predictions: pd.DataFrame
    segments: str | None
    unknown: tuple[Span, ...] = ()
    false_share: float = 0.0
    surplus: float = 0.0
    is_partial: bool = False

    @cached_property
    def longest(self) -> LogWindow:
        """The longest stretch of the log of which everything is known."""
        edges, at = [], self.window.start
        for start, end in sorted(self.unknown):
            edges.append((at, min(start, self.window.end)))
            at = max(at, end)
        edges.append((at, self.window.end))
        start, end = max(edges, key=lambda edge: edge[1] - edge[0])
        days = (end - start) // clock.DAY  # whole days, so that user-days lie inside or outside
        return LogWindow(end - days * clock.DAY, end)

    @cached_property
    def known_days(self) -> tuple[Any, LogWindow]:
        """The user-days (Ibis) and the window of survival, returns and the last month: see
        stretches.known_days.
        """
        return known_days(self.user_days, self.window, self.longest, self.unknown, self.zone)

    def is_known(self, start: Any, end: Any) -> Any:
        """Say whether nothing in [start, end) is unknown (instants, or Series of them)."""
        known = start <= end
        for first, last in self.unknown:
            known &= (end <= first) | (start >= last)
        return known


def figures(evidence: Evidence) -> Figures:
    """Return the figures of FIGURES and those of the last month (`kpi_<name>`); None where one
    cannot be computed.
    """
    if evidence.is_partial:
        counted: Figures = {"events_total": evidence.events}
        return dict.fromkeys(FIGURES) | counted
    return {
        **_retention(evidence), **_survival(evidence), **_churn(evidence),
        **_of_model(evidence), **_monthly(evidence),
        "events_total": evidence.events - evidence.surplus,
    }  # fmt: skip


def _retention(evidence: Evidence) -> Figures:
    table = user_retention(
        evidence.user_days, evidence.users, evidence.window, list(RETENTION_DAYS)
    )
    found: Figures = {}
    for day in RETENTION_DAYS:
        ends = table["signup_date"] + (day + 1) * clock.DAY
        part = table[table[f"is_eligible_{day}"] & evidence.is_known(table["signup_date"], ends)]
        kept = is_retained(part, "on_day" if day == 1 else "within", day)
        found[f"retention_d{day}"] = _share(kept, evidence.min_group)
    return found


def _share(flags: "pd.Series[Any]", least: int) -> float | None:
    return float(flags.mean()) if len(flags) >= least else None


def _survival(evidence: Evidence) -> Figures:
    inside, window = evidence.known_days
    spans = activity.user_spans(inside)
    horizon = evidence.windows.horizon
    curves = survival.both_curves(evidence.users, spans, window, horizon, [], evidence.min_group)
    curve = survival.settled_only(curves, "all").set_index("day")["survival"]
    return {f"survival_{day}": _number(curve.get(day)) for day in SURVIVAL_DAYS}


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _churn(evidence: Evidence) -> Figures:
    """Return churn after the last snapshot whose days are all known, and how many came back."""
    days, windows = evidence.user_days, evidence.windows
    step, reach = windows.gap + windows.horizon, int(evidence.window.days)
    rate = None
    for back in range(step, reach - windows.lookback + 1, step):
        at = evidence.window.end - back * clock.DAY
        if evidence.is_known(at - windows.back, at + windows.step):
            seen = churn.seen_around(days, windows, [back])
            rate = _share(~seen[f"returned_{back}"], 1)
            break
    inside, window = evidence.known_days
    active = inside.mutate(event_at=inside.first_event_at)
    again = churn.reactivation(active, window, windows.horizon)
    return {"churn_rate": rate, "reactivation_rate": _number(again["rate"].iloc[0])}


def _of_model(evidence: Evidence) -> Figures:
    """Return the figures of the model: those of the users that are left, or None where too much of
    what the model read is false.
    """
    is_false = evidence.false_share > FALSE
    scores, today = (
        table[table["user_id"].isin(evidence.users["user_id"])]
        for table in (evidence.scores, evidence.predictions)
    )
    has_both = len(scores) > 0 and scores["churned"].nunique() == 2
    auc = _auc(scores) if has_both else None
    return {
        "test_auc": None if is_false else auc,
        "expected_churners": None
        if is_false or today.empty
        else round(float(today["proba_churn"].sum())),
        "segments_verdict": None if is_false else evidence.segments,
        "group_differences_found": _groups(evidence),
    }


def _auc(scores: pd.DataFrame) -> float:
    churned, proba = (scores[name].to_numpy(float) for name in ("churned", "proba"))
    return float(roc_auc(churned, proba)[0])


def _groups(evidence: Evidence) -> int | None:
    """Return how many groups of users differ in churn at the test snapshot."""
    test = evidence.snapshots[evidence.snapshots["split"] == "test"]
    test = test[test["user_id"].isin(evidence.users["user_id"])]
    at = test["snapshot_at"].max()
    span = evidence.windows
    if test.empty or not evidence.is_known(at - span.back, at + span.step):
        return None
    columns = [name for name in evidence.group_columns if name in evidence.users]
    rows = comparisons.with_columns(test, evidence.users, columns)
    table = comparisons.compare_groups(rows, "churned", columns, evidence.min_group)
    return int(comparisons.distinct(table)["is_different"].sum())


def _monthly(evidence: Evidence) -> Figures:
    """Return the figures of the last whole month."""
    inside, window = evidence.known_days
    table = kpis.monthly_kpis(inside, window, evidence.zone, evidence.min_group)
    latest = kpis.latest(table) if len(table) else table
    return {f"kpi_{row.kpi}": _number(row.value) for row in latest.itertuples()}


def headline(measured: Metrics, latest: pd.DataFrame) -> Metrics:
    """Return the entries of the figures that are computed again: those of `measured`, and those of
    the last month (kpis.latest).
    """
    entries = {key: measured[key] for key in FIGURES if key in measured}
    return entries | metrics.monthly_metrics(latest)


def recompute(
    evidence: Evidence,
    suspects: pd.DataFrame,
    events: Any,
    roles: Mapping[str, str],
    gap_minutes: float,
) -> Figures:
    """Return the figures without the suspects; `events` (Ibis) are the placed events."""
    typed = {"window": evidence.window, "zone": evidence.zone, "roles": roles,
             "gap_minutes": gap_minutes, "types": ()}  # fmt: skip
    return figures(without(evidence, suspects, events, typed))


def without(
    evidence: Evidence, suspects: pd.DataFrame, events: Any, typed: Mapping[str, Any]
) -> Evidence:
    """Return the evidence without the suspects (contract.suspects).

    `events` (Ibis) are the placed events, and `typed` the arguments of log.activity.sum_by_day
    after them, for events of a type that are left out.
    """
    parts = {str(kind): part for kind, part in suspects.groupby("kind")}
    left = evidence
    if "event_type" in parts:
        left = _without_types(left, parts["event_type"]["event_type"], events, typed)
    if "user" in parts:
        left = _without_users(left, parts["user"]["user_id"])
    if "lost" in parts:
        left = _thinned(left, float(parts["lost"]["amount"].max()))
    if "surplus" in parts:
        too_many = float(parts["surplus"]["amount"].sum())
        share = too_many / max(left.events, 1)
        left = replace(left, surplus=too_many, false_share=max(left.false_share, share))
    if "span" in parts:
        spans = tuple(zip(parts["span"]["start"], parts["span"]["end"], strict=True))
        left = replace(left, unknown=spans)
        left = replace(left, false_share=max(left.false_share, _unknown_share(left)))
    return replace(left, is_partial="unseen" in parts)


def _without_users(evidence: Evidence, ids: "pd.Series[Any]") -> Evidence:
    users = evidence.users[~evidence.users["user_id"].isin(ids)]
    out = engine.from_pandas(pd.DataFrame({"user_id": ids.unique()}))
    return replace(evidence, users=users, user_days=evidence.user_days.anti_join(out, "user_id"))


def _without_types(
    evidence: Evidence, names: "pd.Series[Any]", events: Any, typed: Mapping[str, Any]
) -> Evidence:
    is_out = events.event_type.isin(sorted(set(names))).fill_null(False)
    days = activity.sum_by_day(events.filter(events.is_active & ~is_out), **typed)
    counted = engine.to_pandas(events.aggregate(out=is_out.sum(), rows=events.count()))
    share = float(counted["out"].iloc[0] / max(counted["rows"].iloc[0], 1))
    return replace(evidence, user_days=days, false_share=share)


def _thinned(evidence: Evidence, share: float) -> Evidence:
    """Return the evidence with as large a share of the events left out as is missing already: what
    that changes shows what the missing ones may have changed. A row of n events goes with the
    probability share ** n; the golden ratio spreads the draws evenly over the rows in order.
    """
    days = _whole_days(evidence.user_days)
    said = ("first_event_at", "last_event_at", "recorded_days_to_end", "events", "plays", "clicks",
            "nexts", "purchases", "bought")  # fmt: skip
    order = [days[name] for name in ("user_id", *said, "session_key")]  # the key is an engine's own
    place = ibis.row_number().over(order_by=order).cast("float64") * 0.6180339887498949
    ranked = days.mutate(draw=place - place.floor())
    kept = ranked.filter(ranked.draw >= ibis.literal(share).pow(ranked.events.cast("float64")))
    return replace(evidence, user_days=kept.drop("draw"))


def _whole_days(halves: Any) -> Any:
    """Return the rows of user_days (Ibis) with the halves of a day together."""
    keys = ("user_id", "session_key", "tenure_day", "days_to_end", "recorded_days_to_end",
            "local_day")  # fmt: skip
    sums = ("events", "plays", "clicks", "nexts", "purchases")
    return halves.group_by(*keys).aggregate(
        first_event_at=halves.first_event_at.min(),
        last_event_at=halves.last_event_at.max(),
        **{name: halves[name].sum().cast("int64") for name in sums},
        bought=activity.exact_sum(halves.bought).fill_null(0.0),
    )


def _unknown_share(evidence: Evidence) -> float:
    """Return the share of the days behind the model's rows, and of today's, that is unknown: the
    larger of the two.
    """
    span, rows = evidence.windows, evidence.snapshots
    ends = rows["snapshot_at"] + span.step
    ends = ends.where(rows["split"] != "score", rows["snapshot_at"])
    starts = rows["snapshot_at"] - span.back
    whole: pd.Series[float] = (ends - starts) / clock.DAY
    lost = pd.Series(0.0, rows.index)
    for first, last in evidence.unknown:
        inside = ends.where(ends < last, last) - starts.where(starts > first, first)
        lost += (inside / clock.DAY).clip(lower=0)
    now = rows["split"] == "score"
    shares = [lost[part].sum() / whole[part].sum() for part in (now, ~now) if part.any()]
    return float(max(shares, default=0.0))
