"""The checks: every verdict at its boundary, every sentence, and every planted fault."""

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

import simulation
from analysis.audit import data_checks as data
from analysis.audit import log_checks as log
from analysis.audit import measures as audit
from analysis.audit import native, values
from analysis.base import engine
from analysis.base.errors import ReportError
from analysis.contract import inputs as contract
from analysis.contract import inputs as contract_inputs
from analysis.contract.checks import STATUSES, Verdict, grade, not_applicable, to_table
from analysis.contract.params import load_params
from analysis.log import activity, churn
from analysis.log import cleaning as clean
from analysis.log import raw as raw_tables
from analysis.log import rules as rules_of_log
from analysis.log import window as logwindow
from analysis.log.churn import Windows
from analysis.log.window import LogWindow
from analysis.model import features, models
from analysis.model import model_checks as model
from analysis.model import score_checks as scores
from analysis.model import snapshot_checks as snapshots
from analysis.summary.metrics import claims_table
from analysis.texts import read_texts, tell_checks, with_claims_check
from tests.checking import Case
from tests.cohorts import test_cohorts_checks as cohorts_cases
from tests.handmade import make_events
from tests.segments import test_segments_checks as segments_cases

PROJECT = Path(__file__).resolve().parents[1]
TEXTS = read_texts((PROJECT / "book" / "checks.yml").read_text(encoding="utf-8"))
WINDOWS = Windows(30, 0, 30)


def at(day: int) -> pd.Timestamp:
    """Return midnight of a day, counted from 2025-01-01 (UTC)."""
    return pd.Timestamp("2025-01-01", tz="UTC") + pd.Timedelta(days=day)


def days(numbers: Any) -> "pd.Series[Any]":
    """Return the midnights of days counted from 2025-01-01; None is missing."""
    return pd.Series([pd.NaT if n is None else at(n) for n in numbers], dtype="datetime64[us, UTC]")


LOG = LogWindow(at(0), at(300))


# --- the data ---------------------------------------------------------------------------


def joined_early(early: int, of: int = 100) -> Verdict:
    told = pd.DataFrame({"signup_date": days([-100] * early + [10] * (of - early))})
    told["first_event_at"] = days([None] * early + [10] * (of - early))
    return data.log_covers_cohort(told, LOG, 30)


def newcomers_with(unseen: int, of: int = 100) -> Verdict:
    """Judge newcomers of day 10, some without an event before day 40."""
    told = pd.DataFrame({"signup_date": days([10] * of)})
    told["first_event_at"] = days([40] * unseen + [39] * (of - unseen))
    return data.newcomers_seen(told, LOG, 30)


def gone(users: int, of: int = 1_000) -> Verdict:
    """Judge users of day 0, some last seen before day 270 of 300."""
    told = pd.DataFrame({"signup_date": days([0] * of)})
    told["last_event_at"] = days([269] * users + [270] * (of - users))
    return data.survivors(told, LOG, 30)


def at_risk(train: int, score: int) -> Verdict:
    parts = [table_of(split, [0.0] * n) for split, n in (("train", train), ("score", score))]
    return snapshots.population_drift(pd.concat(parts, ignore_index=True))


def over_years(
    judge: Callable[[pd.DataFrame], Verdict], users: float, churn: float, months: int = 60
) -> Verdict:
    """Judge monthly snapshots of 5,000 users, or so many times as many each month, of whom a
    fifth leaves, or so much more each month.
    """
    parts = []
    for n in range(months):
        split = {months - 3: "test", months - 2: "unknown", months - 1: "score"}.get(n, "train")
        size = round(5_000 * users**n)
        leave = round(size * (0.2 + churn * n))
        churned = [1.0] * leave + [0.0] * (size - leave)
        parts.append(pd.DataFrame({"snapshot_at": at(30 * n), "split": split, "churned": churned}))
    return judge(pd.concat(parts, ignore_index=True))


def piled(signups: int, each: int = 1, on: int = 100) -> Verdict:
    """Judge `signups` on one day and `each` on each of `on` others."""
    users = pd.DataFrame({"signup_date": days([0] * signups + list(range(1, on + 1)) * each)})
    return data.signup_dates(users, "UTC")


def apart(few: int, years_before: int, many: int = 500) -> Verdict:
    """Judge `many` signups on as many days and `few` that many years before the first (after the
    last, if negative).
    """
    first = -365 * years_before if years_before > 0 else many - 365 * years_before
    users = pd.DataFrame({"signup_date": days([*range(many), *range(first - few, first)])})
    return data.signup_dates(users, "UTC")


def joined_late(late: int, of: int = 100, window: LogWindow = LOG) -> Verdict:
    users = pd.DataFrame({"signup_date": days([271] * late + [270] * (of - late))})
    return data.window_is_mature(users, window, 30)


def rule_rows(rule: str, broken: int, checked: int = 1_000) -> pd.DataFrame:
    sample = "u1" if broken else None
    return pd.DataFrame(
        [("temporal", "events", rule, checked, broken, sample)], columns=rules_of_log.RULE_COLUMNS
    )


NO_RULES = rule_rows("another rule", 0)


def breaking(check: str, broken: int | None) -> Verdict:
    """Judge `broken` rows of 1,000; None where the rule cannot be asked."""
    rows = NO_RULES if broken is None else rule_rows(data.RULED[check][0][0], broken)
    return data.rows_breaking(check, rows)


def late(broken: int, median_seconds: float = 3.0, events: int = 10) -> Verdict:
    """Judge `broken` of 1,000 events late, and `events` of 1,000 from a device with this delay."""
    delays = pd.DataFrame(
        {"column": "device", "level": ["iOS", "Android"], "events": [events, 1_000 - events],
         "total": 1_000, "median_seconds": [median_seconds, 3.0]}
    )  # fmt: skip
    return data.lateness(rule_rows("received more than a day after it happened", broken), delays)


def logged_twice(exact: int, near: int = 0, shifted: int = 0) -> Verdict:
    """Judge repeats of 1,000 events: at once, a moment later, and some half hours later."""
    counts = {audit.TWICE: exact, audit.NEAR: near, audit.SHIFTED: shifted}
    rows = [rule_rows(rule, count) for rule, count in counts.items()]
    return data.double_logging(pd.concat(rows, ignore_index=True))


def mixed_up(events: int, sessions: int = 0) -> Verdict:
    """Judge so many of 1,000 events of another country, and of 1,000 sessions of several users."""
    rows = [rule_rows(audit.OTHER_COUNTRY, events), rule_rows(audit.SHARED_SESSION, sessions)]
    return data.identities(pd.concat(rows, ignore_index=True))


def at_the_cap(users: int, of: int = 1_000, most: int = 50) -> Verdict:
    """Judge users with exactly the most events, and the others with one less."""
    counts = [most] * users + [most - 1] * (of - users)
    return log.capped_histories(pd.DataFrame({"event_count": counts}))


def early_users(seen: int, of: int = 100) -> Verdict:
    """Judge users of ten days before the log, and 600 of 1,000 newcomers seen after a month."""
    told = pd.DataFrame({"signup_date": days([-10] * of + [10] * 1_000)})
    told["last_event_at"] = days([50] * seen + [None] * (of - seen) + [40] * 600 + [39] * 400)
    return data.early_users_seen(told, LOG, 30)


def signups(counts: list[int], before: int = 0) -> Verdict:
    """Judge so many signups in each 28 days of the log, and before it."""
    dates = [28 * n + 1 for n, count in enumerate(counts) for _ in range(count)]
    return data.signup_flow(pd.DataFrame({"signup_date": days(dates + [-1] * before)}), LOG, "UTC")


def missing(events: int, rule: str = "event_type is missing") -> Verdict:
    rows = [rule_rows(rule, events), rule_rows("signup_date is missing", 0)]
    return data.missing_values(pd.concat(rows, ignore_index=True))


def goes_on(users: int, events: int = 500, others: int = 0) -> Verdict:
    """Judge a push (`events` of 1,000) that goes on alone for `users` of 100."""
    counts = [events, (1_000 - events) // 2, (1_000 - events) // 2]
    kinds = pd.DataFrame({"kind": ["push", "open", "play"], "events": counts, "users": 100})
    return log.automatic_events(kinds.assign(going_on=[users, others, 0]), 30)


def only_kinds(*names: str) -> Verdict:
    kinds = pd.DataFrame({"kind": names, "events": 10, "users": 5, "going_on": 0})
    return log.automatic_events(kinds, 30)


def cut_to(day: str, cut: int, of: int = 400, over: int = 200) -> Verdict:
    """Judge `cut` of `of` signups, spread over days, moved to the start of their month or week."""
    dates = pd.Series(days([n * over // of for n in range(of)]))
    periods = dates.dt.tz_localize(None).dt.to_period(day).dt.start_time.dt.tz_localize("UTC")
    moved = periods.where(pd.Series(range(of)) * 7 % of < cut, dates)
    return data.signup_dates(pd.DataFrame({"signup_date": moved}), "UTC")


def volume(counts: list[int], first: int = 0) -> pd.DataFrame:
    numbers = range(first, first + len(counts))
    start = at(0).value // 10**9 // 86_400
    table = pd.DataFrame({"day_number": [start + n for n in numbers], "day": days(numbers)})
    table["events"] = counts
    return table[table["events"] > 0].reset_index(drop=True)


def counted(counts: list[int]) -> Verdict:
    return log.log_volume(volume(counts), LOG)


def jump(before: int, after: int, length: int = 30) -> Verdict:
    return counted([before] * length + [after] * length)


def visits(stitched: float, weeks: int = 40, users: int = 400) -> Any:
    """Return events of users who come in one week of two by chance; a share of them only in one
    half of the log: the first or the second.
    """
    rng = np.random.default_rng(3)
    seen = rng.random((users, weeks)) < 0.3
    of_set = np.arange(users) < stitched * users
    is_late = np.arange(users) % 2 == 1
    first_half = np.arange(weeks) < weeks // 2
    seen &= ~(of_set[:, None] & (is_late[:, None] == first_half))
    who, week = np.nonzero(seen)
    when = days(7 * week + 1)
    return ibis.memtable(pd.DataFrame({"user_id": [f"u{n}" for n in who], "event_at": when}))


def users_change(stitched: float, weeks: int = 40) -> Verdict:
    users = pd.DataFrame(
        {"user_id": [f"u{n}" for n in range(400)], "signup_date": days([-1] * 400)}
    )
    return log.log_users(visits(stitched, weeks), users, LogWindow(at(0), at(7 * weeks)), "UTC")


def shifts(before: int, after: int, of: int = 1_000, length: int = 30) -> Verdict:
    """Judge a kind of event whose daily count among `of` changes after `length` days."""
    start = at(0).value // 10**9 // 86_400
    kind = [before] * length + [after] * length
    parts = [
        pd.DataFrame({"column": "event_type", "level": level, "events": counts})
        for level, counts in (("exit", kind), ("play", [of - n for n in kind]))
    ]
    days_of = [part.assign(day_number=range(start, start + 2 * length), total=of) for part in parts]
    return log.log_mix(pd.concat(days_of, ignore_index=True).assign(least=0.0))


def office_hours(moved: int = 0, zone: str = "America/Los_Angeles", told: str = "UTC") -> Verdict:
    """Judge six events an hour from 8 to 17 in `zone`, over the change to summer time, the second
    half moved by so many hours; days are told in `told`.
    """
    hours = pd.date_range("2025-02-01", "2025-04-12", freq="h", tz=zone, inclusive="left")
    worked = hours[(hours.hour >= 8) & (hours.hour < 17)].repeat(6)
    late = worked >= pd.Timestamp("2025-03-08", tz=zone)
    at = worked.tz_convert("UTC") + pd.to_timedelta(moved * late, unit="h")
    events = make_events([("a", str(when)) for when in at])
    window = LogWindow(at.min().floor("D"), at.max().ceil("D"))
    users = pd.DataFrame({"user_id": ["a"]})
    return log.log_mix(audit.daily_mix(events, users, window, told))


def one_kind() -> Verdict:
    empty = ["column", "level", "day_number", "events", "total", "least"]
    return log.log_mix(pd.DataFrame(columns=empty))


def at_one_second(events: int, of: int = 100) -> Verdict:
    return log.times_of_day(pd.DataFrame({"second": [0], "events": [events], "total": [of]}))


def busiest(events: int, people: int = 999, each: int = 10) -> Verdict:
    """Judge `people` with `each` events (the 99th percentile) and one account with `events`."""
    counts = [each] * people + [events]
    ids = [f"u{n}" for n in range(people)] + ["bot"]
    return log.machines(pd.DataFrame({"user_id": ids, "event_count": counts}))


def ends(extra: list[int]) -> Verdict:
    return log.last_day(volume([100] * 20 + extra), LogWindow(at(0), at(20)), "UTC")


def active_dates(differ: int, by: int = 2, of: int = 100) -> Verdict:
    dates = days([50 + by] * differ + [51] * (of - differ))  # one day beside is no difference
    told = pd.DataFrame({"last_active_date": dates, "last_event_at": days([50] * of)})
    return native.native_agrees(told)


def totals(ci_high: float = 0.95, below: int = 0, users: int = 100) -> Verdict:
    """Judge the native views: their rank correlation with the log, and users below it."""
    row = {"column": "views", "users": users, "correlation": ci_high - 0.05,
           "ci_low": ci_high - 0.1, "ci_high": ci_high, "below": below, "checked": 100}  # fmt: skip
    return native.native_counts(pd.DataFrame([row]))


def native_label(against: int, of: int = 100, horizon: int = 30) -> Verdict:
    last = [10] * (of // 4) + [185] * (of // 4) + [200] * (of // 4) + [220] * (of // 4)
    label = [1] * (of // 2) + [0] * (of // 2)
    label[:against] = [0] * against
    told = pd.DataFrame({"churned_30d": label, "last_event_at": days(last), "age": 30})
    return native.native_label(told, horizon)


def impossible(broken: int) -> Verdict:
    return data.impossible_values(rule_rows("credits_spent is negative", broken))


# --- the snapshots ----------------------------------------------------------------------


def came_back(ci_low: float, silent: int = 100) -> Verdict:
    row = {"silent": silent, "returned": 50, "rate": 0.5, "ci_low": ci_low, "ci_high": 0.9}
    return snapshots.label_means(pd.DataFrame([row]))


def table_of(split: str, churned: list[float], **columns: Any) -> pd.DataFrame:
    names = [f"u{n}" for n in range(len(churned))]
    when = {"train": 90, "calibrate": 120, "test": 150, "score": 180}[split]
    table = pd.DataFrame({"user_id": names, "churned": churned})
    return table.assign(split=split, snapshot_at=at(when), **columns)


def by_calendar(mixed: int) -> Verdict:
    """Tell of 200 users whose tenure separates the label, but for `mixed` of each kind."""
    churned = [1.0] * 100 + [0.0] * 100
    tenure = [1] * mixed + [2] * (100 - mixed) + [2] * mixed + [1] * (100 - mixed)
    return snapshots.label_calendar(table_of("test", churned, tenure_days=tenure))


HALF = [1.0] * 200 + [0.0] * 200
NOISE = list(np.random.default_rng(0).random(400))


def brought(column: list[Any] | None, is_used: bool = False) -> Verdict:
    table = table_of("test", HALF, recency_days=NOISE)
    users = pd.DataFrame({"user_id": table["user_id"], "signup_date": days([0] * 400)})
    if column is not None:
        users["extra"] = column
    return snapshots.leakage_columns(table.assign(extra=1.0) if is_used else table, users)


def grouped_by(column: list[Any] | None) -> Verdict:
    """Judge groups of 200 leavers and then 200 stayers, of whom silence tells nothing."""
    table = table_of("test", HALF, recency_days=NOISE)
    users = pd.DataFrame({"user_id": table["user_id"]})
    if column is None:
        return snapshots.groups_known(table, users, [])
    return snapshots.groups_known(table, users.assign(plan=column), ["plan"])


def splits_at(gap: int = 30, repeated: bool = False) -> Verdict:
    when = dict(zip(("train", "calibrate", "test", "score"), range(0, 4 * gap, gap), strict=True))
    rows = [("u1", at(day), split) for split, day in when.items()]
    rows += rows[:1] if repeated else []
    table = pd.DataFrame(rows, columns=["user_id", "snapshot_at", "split"])
    return snapshots.split_in_time(table, WINDOWS)


def drifted(shift: float, scored: int = 1_000, swings: float = 0.0) -> Verdict:
    """Judge visits that shift, and that swing between two training snapshots."""
    rng = np.random.default_rng(1)
    before, after = rng.normal(size=1_000), rng.normal(size=scored) + shift
    is_second = np.arange(1_000) % 2 == 1
    train = table_of("train", [0.0] * 1_000, visits=before + swings * is_second, country="X")
    train.loc[is_second & (swings > 0), "snapshot_at"] = at(60)
    score = table_of("score", [np.nan] * scored, visits=after, country="X")
    return snapshots.drift(pd.concat([train, score], ignore_index=True))


def rates(train: float, test: float, of: int = 10_000) -> Verdict:
    parts = [
        table_of(split, [1.0] * round(rate * of) + [0.0] * round((1 - rate) * of))
        for split, rate in (("train", train), ("test", test))
    ]
    return snapshots.base_rate_drift(pd.concat(parts, ignore_index=True))


# --- the model --------------------------------------------------------------------------


def snapshot_rows(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    parts = []
    for split in ("train", "calibrate", "test", "score"):
        recency, clicks = rng.exponential(10, 300), rng.poisson(5, 300).astype(float)
        churned = (rng.random(300) < 1 / (1 + np.exp(1 - recency / 10))).astype(float)
        known = churned if split != "score" else np.full(300, np.nan)
        channel = rng.choice(["a", "b"], 300)
        parts.append(
            table_of(split, list(known), recency_days=recency, clicks=clicks, channel=channel)
        )
    return pd.concat(parts, ignore_index=True)


ROWS = snapshot_rows()
PIPELINE = models.candidates(["recency_days", "clicks"], ["channel"], 0)["logistic_regression"]
FITTED = models.fit_calibrated(PIPELINE, ROWS)


def leaks(pipeline: Any = PIPELINE, **columns: "pd.Series[Any]") -> Verdict:
    """Judge a model of ROWS with these columns in place of its own."""
    rows = ROWS.assign(**columns)
    fitted = models.fit_calibrated(pipeline, rows)
    importance = models.feature_importance(fitted, rows[rows["split"] == "test"], 0)
    return model.leakage(rows, fitted, importance, 0.8)


LEAVES = ROWS["churned"].fillna(0.0)
SCATTER, NOISY = (pd.Series(np.random.default_rng(seed).normal(size=len(ROWS))) for seed in (7, 8))
KNOWN_LAST = LEAVES[ROWS["split"] == "test"].set_axis(ROWS["user_id"][ROWS["split"] == "test"])
BY_USER = ROWS["user_id"].map(KNOWN_LAST + 0.5 * SCATTER[:300].to_numpy())  # fixed, and too wise
SIGN = ROWS["split"].map({"train": 1.0, "test": -0.5}).fillna(0.0)
IN_TRAINING = LEAVES * SIGN + 0.5 * SCATTER  # taught, and then wrong
TWINS = models.candidates(["recency_days", "clicks", "twin"], ["channel"], 0)["logistic_regression"]


def fitted_on(split: str) -> Verdict:
    """Tell of a model for which the test rows counted as rows of `split`."""
    rows = ROWS.assign(split=ROWS["split"].replace({"test": split}))
    return model.preprocessing(ROWS, models.fit_calibrated(PIPELINE, rows))


def metrics(**values: tuple[float, float, float]) -> pd.DataFrame:
    """Return a model's evaluation on the test, by metric: value, ci_low, ci_high; n is 500."""
    table = pd.DataFrame(values, index=["value", "ci_low", "ci_high"]).T
    return table.assign(n=500)


def flags(share: float, low: float, high: float) -> Verdict:
    middle = (low + high) / 2
    base, flagged = (0.3, 0.25, 0.35), (share, share, share)
    told = metrics(flagged_share=flagged, base_rate=base, precision=(middle, low, high))
    return model.threshold(told)


def misses(ci_low: float) -> Verdict:
    one = (1.0, 0.9, 1.1)
    told = {"calibration_slope": one, "calibration_intercept": (0.0, -0.1, 0.1)}
    return model.calibration(metrics(ece_debiased=(0.15, ci_low, 0.2), **told))


def ranks(low: float, high: float) -> Verdict:
    return model.better_than_chance(metrics(roc_auc=((low + high) / 2, low, high)))


def skilled(low: float, high: float) -> Verdict:
    return model.better_than_base_rate(metrics(brier_skill=((low + high) / 2, low, high)))


def gains(low: float, high: float) -> Verdict:
    return model.better_than_recency(metrics(roc_auc_minus_recency=(0.0, low, high)))


def few_leavers(leavers: int) -> dict[str, str]:
    """Judge the model of ROWS when so many of the test users left, none of whom were silent long;
    every measure says what so few users can make it say.
    """
    test = ROWS["split"] == "test"
    left = ROWS["recency_days"][test].nsmallest(leavers).index
    churned = ROWS["churned"].mask(test, 0.0)
    churned.loc[left] = 1.0
    worst = (-0.4, -0.7, -0.1)
    names = ("roc_auc", "ece_debiased", "calibration_slope", "calibration_intercept", "base_rate",
             "flagged_share", "precision", "brier_skill", "roc_auc_minus_recency")  # fmt: skip
    told = metrics(**dict.fromkeys(names, worst)).rename_axis("metric").reset_index()
    importance = pd.DataFrame({"feature": ["clicks"], "auc_drop": [0.0]})
    verdicts = model.run(
        ROWS.assign(churned=churned), {"m": FITTED}, "m",
        told.assign(model="m", split="test"), importance,
    )  # fmt: skip
    return {verdict.check: verdict.status for verdict in verdicts}


def outcomes(rarer: int) -> Verdict:
    plenty = table_of("train", [1.0] * 99 + [0.0] * 99)
    few = table_of("test", [1.0] * rarer + [0.0] * 99)
    return model.enough_data(pd.concat([plenty, few], ignore_index=True))


# --- scores, segments, claims -------------------------------------------------------------


def scored_again(off: float) -> Verdict:
    kept = models.training_scores(FITTED, ROWS)
    changed = kept["proba_when_trained"].where(kept.index > 0, kept["proba_when_trained"] + off)
    return scores.scoring_equals_training(FITTED, ROWS, kept.assign(proba_when_trained=changed))


def outside(users: int, of: int = 100) -> Verdict:
    train = table_of("train", [0.0] * 2, recency_days=[0.0, 9.0], clicks=[0.0, 9.0])
    recency = [10.0] * users + [9.0] * (of - users)
    score = table_of("score", [np.nan] * of, recency_days=recency, clicks=[5.0] * of)
    return scores.scored_range(PIPELINE, pd.concat([train, score], ignore_index=True))


def certain(users: int, of: int = 100) -> Verdict:
    return scores.saturation(pd.Series([0.9995] * users + [0.5] * (of - users)))


def compared(p_values: list[float]) -> Verdict:
    different = [p < 0.01 for p in p_values]
    table = pd.DataFrame({"p_value": p_values, "is_different": different})
    table = table.assign(column="country", is_repeated=False)
    return scores.group_differences(table)


def withdrawn(status: str) -> Verdict:
    """Return the verdict on one action that rests on a check with this status."""
    judged = tell(late(0)).assign(status=status)
    actions = pd.DataFrame({"checks": ["lateness, orphans"], "metrics": ["flagged"]})
    numbers: dict[str, dict[str, Any]] = {"flagged": {"checks": []}}
    told = with_claims_check(judged, actions, {}, numbers, TEXTS["report"]).iloc[-1]
    counts = {"withdrawn_actions": 1, "actions": 1, "withdrawn_findings": 0, "findings": 0}
    return Verdict("claims", told["status"], facts=counts | {"names": "none"})


# --- the values ---------------------------------------------------------------------------


def twice(copies: int, of: int = 2_000) -> Verdict:
    """Judge `of` accounts of which so many equal another."""
    rng = np.random.default_rng(0)
    own = pd.DataFrame(rng.integers(1, 1_000, (of - copies, 3)), columns=["views", "likes", "age"])
    users = pd.concat([own, own.head(copies)], ignore_index=True)
    return values.copied_users(users.assign(user_id=[f"u{n}" for n in range(of)]))


def written_twice(alike: int, of: int = 1_000) -> Verdict:
    """Judge identifiers of which so many are another's in capitals, or with a space behind."""
    own = [f"user{n}" for n in range(of - alike)]
    again = [name.upper() if n % 2 else f"{name} " for n, name in enumerate(own[:alike])]
    return values.copied_users(pd.DataFrame({"user_id": [*own, *again]}))


ALIKE = pd.DataFrame({"user_id": range(200), "a": 1, "b": [1, 2] * 100, "c": 1}).astype(
    {"user_id": "str"}
)
"""Accounts that say so little that most are alike by coincidence."""


def group_with(seen: int, of: int = 100, others: float = 0.9, people: int = 1_000) -> Verdict:
    """Judge a group of newcomers, and all others of whom a share is seen."""
    told = pd.DataFrame({"device": ["iOS"] * of + ["Android"] * people, "signup_date": at(10)})
    known = round(others * people)
    told["first_event_at"] = days(
        [11] * seen + [None] * (of - seen) + [11] * known + [50] * (people - known)
    )
    return values.groups_seen(told.astype({"device": "str"}), LOG, 30)


def written(*countries: str, kinds: tuple[str, ...] = ("play", "exit")) -> Verdict:
    users = pd.DataFrame({"user_id": [f"u{n}" for n in range(len(countries))]})
    kinds_seen = pd.DataFrame({"kind": kinds, "events": 10})
    return values.spellings(users.assign(country=pd.Series(countries, dtype="str")), kinds_seen)


def without(*countries: str | None, kinds: tuple[str, ...] = ("play",)) -> Verdict:
    """Judge users of these countries, and events of these kinds."""
    users = pd.DataFrame({"user_id": [f"u{n}" for n in range(len(countries))]})
    kinds_seen = pd.DataFrame({"kind": kinds, "events": 10})
    return values.placeholders(users.assign(country=pd.Series(countries, dtype="str")), kinds_seen)


def stands_apart(top: int, others: int = 1, of: int = 99) -> Verdict:
    """Judge `of` views up to 100 and `others` of `top`."""
    views = [*np.linspace(1, 100, of), *([top] * others)]
    return values.extreme_values(pd.DataFrame({"views": [0, *views]}))


NO_SESSIONS = audit.session_lengths(ibis.memtable({"user_id": ["a"]}))


def lasting(long_events: int, single: int = 0, of: int = 300, user_days: int = 300) -> Verdict:
    row = {"sessions": of, "events": 1_000, "long_events": long_events, "single": single}
    return values.sessions(pd.DataFrame([row | {"user_days": user_days}]))


def priced(after: int, largest: int = 0, days_each: int = 30) -> Verdict:
    """Judge ten purchases of 10 a day and then of `after`, and one of `largest` besides."""
    amounts = np.repeat([10.0, after], days_each)
    table = pd.DataFrame({"day_number": range(20_000, 20_000 + 2 * days_each), "events": 10})
    table["log_sum"], table["log_squares"] = 10 * np.log(amounts), 10 * np.log(amounts) ** 2
    table["total"], table["largest"] = 10 * amounts, amounts
    table.loc[0, ["total", "largest"]] = [100 + largest, max(largest, 10)]
    return values.log_amounts(table.assign(event_type="buy"))


def seldom_priced(after: float, every: int = 2, days: int = 60) -> Verdict:
    """Judge one purchase every so many days at 5, 10 or 20, and in the later half `after` times
    that."""
    table = pd.DataFrame({"day_number": range(20_000, 20_000 + days)})
    bought = table.index % every == 0
    price = np.resize([5.0, 5.0, 20.0, 10.0], days // every)
    price[len(price) // 2 :] *= after
    table["events"] = bought.astype(int)
    table.loc[bought, "log_sum"] = np.log(price)
    table.loc[bought, "log_squares"] = np.log(price) ** 2
    table.loc[bought, "total"] = table.loc[bought, "largest"] = price
    return values.log_amounts(table.fillna(0.0).assign(event_type="buy"))


def edge_dip(
    both: int, of: int = 1_000, usual: int = 600, others: int = 600, edge: str = "end"
) -> Verdict:
    """Judge how many of `of` are seen again in the last week, against `usual` of 1,000 before, and
    `others` on the days further from the end.
    """
    rows = [(edge, 7, 0, of, both), (edge, 7, 28, 1_000, usual)]
    for day in audit.EDGE_DAYS[1:]:
        rows += [(edge, day, 0, of, others * of // 1_000), (edge, day, 28, 1_000, usual)]
    return log.log_edges(pd.DataFrame(rows, columns=["edge", "days", "shift", "seen", "both"]))


def far_out(days_away: int) -> Verdict:
    """Judge one event so many days before (negative) or after a log of 20 days."""
    far = volume([1], first=days_away if days_away < 0 else 19 + days_away)
    table = pd.concat([volume([100] * 20), far]).sort_values("day_number", ignore_index=True)
    return log.stray_times(table, LogWindow(at(0), at(20)))


def tell(*verdicts: Verdict) -> pd.DataFrame:
    return tell_checks(to_table(verdicts).assign(stage="a stage"), TEXTS["report"])


def _by_share(check: str, judge: Callable[[int], Verdict], limits: Mapping[str, int]) -> list[Case]:
    """Return the cases at each limit and one row below it."""
    cases = [Case(check, status, partial(judge, n)) for status, n in limits.items()]
    below = {"warn": "pass", "fail": "warn"}
    return cases + [
        Case(check, below[status], partial(judge, n - 1)) for status, n in limits.items()
    ]


RARE = {"fail": 10, "warn": 1}
MISSING = {"fail": 200, "warn": 10}
AGES = pd.DataFrame({"age": [30, 40]})
USERS_WITHOUT_DATE = pd.DataFrame({"signup_date": days([None])})
CASES = [
    Case("log_covers_cohort", "warn", lambda: joined_early(60)),  # Wilson: from 50.2 %
    Case("log_covers_cohort", "pass", lambda: joined_early(59)),  # from 49.2 %
    Case("log_covers_cohort", "pass", lambda: joined_early(0)),
    Case("log_covers_cohort", "warn", lambda: joined_early(100)),
    Case("log_covers_cohort", "not_applicable", lambda: joined_early(0, 0)),
    *_by_share("newcomers_seen", newcomers_with, {"fail": 35, "warn": 10}),
    Case("newcomers_seen", "not_applicable", lambda: newcomers_with(0, 29)),
    Case("survivors", "pass", lambda: gone(12)),  # Wilson: to 2.09 %
    Case("survivors", "warn", lambda: gone(11)),  # to 1.96 %
    Case("survivors", "warn", lambda: gone(5)),
    Case("survivors", "fail", lambda: gone(4)),
    Case("survivors", "fail", lambda: gone(0, 73)),  # Wilson: to 4.999 %
    Case("survivors", "warn", lambda: gone(0, 72)),
    Case("survivors", "warn", lambda: gone(0, 35)),  # to 9.9 %
    Case("survivors", "pass", lambda: gone(0, 34)),
    Case("survivors", "not_applicable", lambda: gone(0, 29)),
    Case("population_drift", "pass", lambda: at_risk(149, 100)),
    Case("population_drift", "warn", lambda: at_risk(150, 100)),
    Case("population_drift", "warn", lambda: at_risk(100, 299)),
    Case("population_drift", "warn", lambda: at_risk(100, 300)),  # it grows
    Case("population_drift", "fail", lambda: at_risk(300, 100)),
    Case("population_drift", "not_applicable", lambda: at_risk(0, 100)),
    Case("population_drift", "pass", lambda: at_risk(30, 18)),  # by chance
    Case("population_drift", "pass", lambda: over_years(snapshots.population_drift, 0.97, 0)),
    Case("population_drift", "pass", lambda: over_years(snapshots.population_drift, 1.015, 0)),
    Case("population_drift", "warn", lambda: over_years(snapshots.population_drift, 0.9, 0, 12)),
    Case("base_rate_drift", "pass", lambda: over_years(snapshots.base_rate_drift, 1, 0.004)),
    Case("base_rate_drift", "warn", lambda: over_years(snapshots.base_rate_drift, 1, 0.02, 30)),
    Case("population_drift", "not_applicable", lambda: at_risk(100, 0)),
    Case("signup_dates", "pass", lambda: piled(10)),  # ten times the usual day
    Case("signup_dates", "warn", lambda: piled(11)),
    Case("signup_dates", "pass", lambda: piled(11, on=540)),  # 1.996 % of all
    Case("signup_dates", "warn", lambda: piled(11, on=539)),
    Case("signup_dates", "warn", lambda: piled(33)),
    Case("signup_dates", "fail", lambda: piled(34)),  # 25.4 %
    Case("signup_dates", "warn", lambda: cut_to("M", 110)),
    Case("signup_dates", "pass", lambda: cut_to("M", 80)),
    Case("signup_dates", "warn", lambda: cut_to("W", 280)),
    Case("signup_dates", "pass", lambda: cut_to("W", 160)),
    Case("signup_dates", "warn", lambda: apart(1, years_before=3)),
    Case("signup_dates", "warn", lambda: apart(1, years_before=-3)),
    Case("signup_dates", "pass", lambda: apart(1, years_before=1)),
    Case("signup_dates", "pass", lambda: apart(20, years_before=3)),  # over 1 %: a second launch
    Case("signup_dates", "not_applicable", lambda: data.signup_dates(USERS_WITHOUT_DATE, "UTC")),
    Case("window_is_mature", "warn", lambda: joined_late(16)),
    Case("window_is_mature", "pass", lambda: joined_late(15)),  # as many as in half of 300 days
    Case("window_is_mature", "not_applicable", lambda: joined_late(0, 0)),
    *_by_share("events_before_signup", partial(breaking, "events_before_signup"), RARE),
    *_by_share("clock_order", partial(breaking, "clock_order"), RARE),
    *_by_share("orphans", partial(breaking, "orphans"), RARE),
    *_by_share("duplicates", partial(breaking, "duplicates"), {"fail": 50, "warn": 1}),
    *_by_share("double_logging", logged_twice, {"fail": 50, "warn": 1}),
    *_by_share("double_logging", partial(logged_twice, 0), {"fail": 50, "warn": 6}),
    *_by_share("double_logging", partial(logged_twice, 0, 0), {"fail": 50, "warn": 11}),
    Case("double_logging", "not_applicable", lambda: data.double_logging(NO_RULES)),
    *_by_share("identities", mixed_up, {"fail": 500, "warn": 50}),
    *_by_share("identities", partial(mixed_up, 0), {"fail": 500, "warn": 50}),
    Case("identities", "not_applicable", lambda: data.identities(NO_RULES)),
    *_by_share("capped_histories", at_the_cap, {"fail": 100, "warn": 20}),
    Case("capped_histories", "pass", lambda: at_the_cap(4, of=100)),
    Case("capped_histories", "not_applicable", lambda: at_the_cap(50, of=99)),
    Case("capped_histories", "not_applicable", lambda: at_the_cap(50, most=9)),
    Case("early_users_seen", "pass", lambda: early_users(60)),
    Case("early_users_seen", "warn", lambda: early_users(30)),  # z = 5.0
    Case("early_users_seen", "pass", lambda: early_users(42)),  # z = 3.5
    Case("early_users_seen", "not_applicable", lambda: early_users(0, of=29)),
    Case("signup_flow", "pass", lambda: signups([40] * 10, before=100)),
    Case("signup_flow", "warn", lambda: signups([40] * 4 + [5] * 3 + [40] * 3, before=100)),
    Case("signup_flow", "pass", lambda: signups([40] * 4 + [13] * 3 + [40] * 3, before=100)),
    Case("signup_flow", "pass", lambda: signups([2**n for n in range(10)], before=1)),  # growth
    Case("signup_flow", "warn", lambda: signups([81] + [40] * 9)),
    Case("signup_flow", "pass", lambda: signups([80] + [40] * 9)),
    Case("signup_flow", "pass", lambda: signups([81] + [40] * 9, before=1)),
    Case("signup_flow", "pass", lambda: signups([200, 150] + [0] * 8)),  # a closed cohort
    Case("signup_flow", "pass", lambda: signups([200] + [0] * 9)),
    Case("signup_flow", "not_applicable", lambda: signups([9] * 10)),
    *_by_share("missing_values", missing, MISSING),
    *_by_share("missing_values", partial(missing, rule=audit.CLEANING["null_event_uuid"]), MISSING),
    *_by_share("missing_values", partial(missing, rule=audit.CLEANING["null_user_id"]), MISSING),
    Case("missing_values", "fail",
         lambda: missing(200, rule=audit.CLEANING["null_event_timestamp"])),
    Case("missing_values", "not_applicable", lambda: data.missing_values(NO_RULES)),
    Case("automatic_events", "pass", lambda: goes_on(59, others=20)),
    Case("automatic_events", "fail", lambda: goes_on(60, others=20)),
    *_by_share("automatic_events", goes_on, {"fail": 25, "warn": 5}),
    Case("automatic_events", "pass", lambda: goes_on(100, events=600)),  # what users do
    Case("automatic_events", "not_applicable", lambda: only_kinds("open", "play")),
    *(Case(check, "not_applicable", partial(breaking, check, None)) for check in data.RULED),
    *_by_share("lateness", late, {"fail": 50, "warn": 5}),
    Case("lateness", "warn", lambda: late(0, median_seconds=3600)),
    Case("lateness", "pass", lambda: late(0, median_seconds=3599)),
    Case("lateness", "pass", lambda: late(0, median_seconds=9e9, events=9)),  # below 1 %
    Case("lateness", "not_applicable", lambda: data.lateness(NO_RULES, pd.DataFrame())),
    Case("log_volume", "pass", lambda: jump(1_000, 1_500)),
    Case("log_volume", "warn", lambda: jump(1_000, 1_501)),
    Case("log_volume", "warn", lambda: jump(3_000, 1_000)),
    Case("log_volume", "fail", lambda: jump(3_001, 1_000)),
    Case("log_volume", "fail", lambda: counted([1_000] * 20 + [0] + [1_000] * 20)),
    Case("log_volume", "warn", lambda: counted([1_000] * 40 + [0] + [1_000] * 40)),  # a holiday
    Case("log_volume", "fail", lambda: counted([1_000] * 60 + [0, 0] + [1_000] * 60)),
    Case("log_volume", "warn", lambda: counted([1_000] * 20 + [499] + [1_000] * 20)),
    Case("log_volume", "pass", lambda: counted([1_000] * 20 + [501] + [1_000] * 20)),
    Case("log_volume", "warn", lambda: counted([1_000] * 20 + [3_001] + [1_000] * 20)),
    Case("log_volume", "pass", lambda: counted([1_000] * 20 + [2_999] + [1_000] * 20)),
    Case("log_volume", "pass", lambda: counted(([1_000] * 5 + [300] * 2) * 8)),  # weekends
    Case("log_volume", "pass", lambda: jump(2, 4)),  # twice as much, but of next to nothing
    Case("log_volume", "pass", lambda: jump(1_000, 1_000, 14)),
    Case("log_volume", "not_applicable", lambda: counted([1_000] * 27)),
    Case("log_users", "fail", lambda: users_change(1.0)),
    Case("log_users", "fail", lambda: users_change(0.5)),
    Case("log_users", "warn", lambda: users_change(0.35)),
    Case("log_users", "pass", lambda: users_change(0.0)),
    Case("log_users", "not_applicable", lambda: users_change(1.0, weeks=17)),
    Case("log_users", "fail", lambda: users_change(1.0, weeks=18)),
    Case("log_mix", "pass", lambda: shifts(200, 300)),  # 1.5 times is the limit
    Case("log_mix", "warn", lambda: shifts(200, 301)),
    Case("log_mix", "warn", lambda: shifts(200, 40)),  # five times less
    Case("log_mix", "fail", lambda: shifts(200, 39)),
    Case("log_mix", "warn", lambda: shifts(99, 0)),  # a rare kind ends
    Case("log_mix", "fail", lambda: shifts(101, 0)),
    Case("log_mix", "pass", lambda: shifts(1, 3, of=20)),  # three times as much, but by chance
    Case("log_mix", "pass", office_hours),  # summer time
    Case("log_mix", "pass", lambda: office_hours(zone="Europe/Berlin")),
    Case("log_mix", "pass", lambda: office_hours(told="America/Los_Angeles")),
    Case("log_mix", "warn", lambda: office_hours(moved=6)),
    Case("log_mix", "warn", lambda: office_hours(moved=-6, told="America/Los_Angeles")),
    Case("log_mix", "not_applicable", one_kind),
    *_by_share("times_of_day", at_one_second, {"fail": 50, "warn": 2}),
    Case("machines", "pass", lambda: busiest(70)),
    Case("machines", "warn", lambda: busiest(71)),
    Case("machines", "warn", lambda: busiest(525)),  # 5.0 % of 10,515
    Case("machines", "fail", lambda: busiest(526)),
    Case("machines", "not_applicable", lambda: busiest(101, people=98)),
    Case("last_day", "warn", lambda: ends([40])),
    Case("last_day", "pass", lambda: ends([])),
    Case("last_day", "pass", lambda: ends([0] * 7 + [3])),  # a week later: a stray clock
    *_by_share("native_agrees", active_dates, {"fail": 10, "warn": 1}),
    Case("native_agrees", "not_applicable", lambda: native.native_agrees(AGES)),
    Case("native_counts", "pass", lambda: totals(0.8)),
    Case("native_counts", "warn", lambda: totals(0.7999)),
    Case("native_counts", "warn", lambda: totals(0.5)),
    Case("native_counts", "fail", lambda: totals(0.4999)),
    *_by_share("native_counts", lambda n: totals(below=n), {"fail": 10, "warn": 1}),
    Case("native_counts", "not_applicable", lambda: totals(users=29)),
    *_by_share("native_label", native_label, {"fail": 20, "warn": 2}),
    Case("native_label", "pass", lambda: native_label(0, horizon=7)),  # its name says 30 days
    Case("native_label", "not_applicable", lambda: native.native_label(AGES, 30)),
    *_by_share("impossible_values", impossible, RARE),
    Case("impossible_values", "not_applicable", lambda: data.impossible_values(NO_RULES)),
    Case("label_means", "pass", lambda: came_back(0.2999)),
    Case("label_means", "warn", lambda: came_back(0.3)),
    Case("label_means", "warn", lambda: came_back(0.7499)),
    Case("label_means", "fail", lambda: came_back(0.75)),
    Case("label_means", "not_applicable", lambda: came_back(0.9, silent=0)),
    Case("label_calendar", "fail", lambda: by_calendar(5)),
    Case("label_calendar", "pass", lambda: by_calendar(15)),
    Case("groups_known", "not_applicable", lambda: grouped_by(None)),
    Case("groups_known", "pass", lambda: grouped_by(["a", "b"] * 200)),
    Case("groups_known", "pass", lambda: grouped_by(["over"] * 19 + ["a", "b", "b"] * 127)),
    Case("groups_known", "fail", lambda: grouped_by(["over"] * 30 + ["a", "b"] * 185)),
    Case("groups_known", "fail", lambda: grouped_by([None] * 30 + ["a", "b"] * 185)),
    Case("groups_known", "warn", lambda: grouped_by(["a", "b"] * 160 + ["paid"] * 80)),
    Case("groups_known", "warn", lambda: grouped_by(["a"] * 170 + ["b"] * 200 + ["a"] * 30)),
    Case("leakage_columns", "pass", lambda: brought(None)),
    Case("leakage_columns", "pass", lambda: brought(NOISE[::-1])),
    Case("leakage_columns", "pass", lambda: brought(["a", "b"] * 200)),
    Case("leakage_columns", "warn", lambda: brought(HALF)),
    Case("leakage_columns", "warn", lambda: brought(["2025-09-01"] * 200 + ["2025-03-01"] * 200)),
    Case("leakage_columns", "warn", lambda: brought([f"code {n % 120}" for n in range(400)])),
    Case("leakage_columns", "pass", lambda: brought([f"code {n % 119}" for n in range(400)])),
    Case("leakage_columns", "fail", lambda: brought(HALF, is_used=True)),
    Case("leakage_columns", "warn", lambda: brought(["price"] * 30 + [None] * 370)),
    Case("leakage_columns", "pass", lambda: brought(["price"] * 19 + [None] * 381)),
    Case("leakage_columns", "warn", lambda: brought([1.5 * n for n in range(30)] + [None] * 370)),
    Case("leakage_columns", "warn", lambda: brought([None] * 320 + [9] * 80)),  # stayers alone
    Case("leakage_columns", "pass", lambda: brought([None] * 185 + ["b"] * 30 + [None] * 185)),
    Case("split_in_time", "pass", lambda: splits_at(30)),
    Case("split_in_time", "fail", lambda: splits_at(29)),
    Case("split_in_time", "fail", lambda: splits_at(30, repeated=True)),
    Case("drift", "pass", lambda: drifted(0.3)),
    Case("drift", "warn", lambda: drifted(0.6)),
    Case("drift", "fail", lambda: drifted(1.0)),
    Case("drift", "pass", lambda: drifted(1.0, swings=2.0)),
    Case("drift", "fail", lambda: drifted(2.0, swings=1.0)),
    Case("drift", "not_applicable", lambda: drifted(1.0, scored=29)),
    Case("base_rate_drift", "pass", lambda: rates(0.30, 0.36)),  # 4.2 points beyond chance
    Case("base_rate_drift", "warn", lambda: rates(0.30, 0.37)),
    Case("base_rate_drift", "warn", lambda: rates(0.30, 0.23)),
    Case("base_rate_drift", "warn", lambda: rates(0.30, 0.46)),
    Case("base_rate_drift", "fail", lambda: rates(0.30, 0.47)),
    Case("base_rate_drift", "pass", lambda: rates(0.30, 0.50, of=20)),
    Case("leakage", "pass", lambda: leaks(recency_days=10 * LEAVES + SCATTER.abs())),  # silence
    Case("leakage", "pass", leaks),
    Case("leakage", "fail", lambda: leaks(clicks=LEAVES)),  # alone
    Case("leakage", "fail", lambda: leaks(clicks=LEAVES + 0.5 * SCATTER, recency_days=SCATTER)),
    Case("leakage", "pass", lambda: leaks(recency_days=LEAVES + 0.5 * SCATTER)),  # silence may
    Case("leakage", "warn", lambda: leaks(clicks=IN_TRAINING, recency_days=LEAVES + 0.6 * NOISY)),
    Case("leakage", "fail", lambda: leaks(clicks=BY_USER)),
    Case("leakage", "warn", lambda: leaks(TWINS, clicks=BY_USER, twin=BY_USER)),
    Case("preprocessing", "pass", lambda: fitted_on("test")),
    Case("preprocessing", "fail", lambda: fitted_on("train")),
    Case("threshold", "pass", lambda: flags(0.2, 0.29, 0.32)),
    Case("threshold", "warn", lambda: flags(0.2, 0.29, 0.30)),
    Case("threshold", "fail", lambda: flags(0.2, 0.10, 0.29)),
    Case("threshold", "warn", lambda: flags(1.0, 0.30, 0.30)),
    Case("threshold", "warn", lambda: flags(0.0, np.nan, np.nan)),
    Case("calibration", "pass", lambda: misses(0.0299)),
    Case("calibration", "warn", lambda: misses(0.03)),
    Case("calibration", "fail", lambda: misses(0.1)),
    Case("better_than_chance", "pass", lambda: ranks(0.51, 0.6)),
    Case("better_than_chance", "warn", lambda: ranks(0.5, 0.6)),
    Case("better_than_chance", "fail", lambda: ranks(0.4, 0.49)),
    Case("better_than_base_rate", "pass", lambda: skilled(0.01, 0.2)),
    Case("better_than_base_rate", "pass", lambda: skilled(-0.1, 0.01)),
    Case("better_than_base_rate", "fail", lambda: skilled(-0.2, -0.01)),
    Case("better_than_recency", "pass", lambda: gains(0.01, 0.03)),
    Case("better_than_recency", "pass", lambda: gains(-0.01, 0.01)),
    Case("better_than_recency", "fail", lambda: gains(-0.03, -0.01)),
    Case("better_than_recency", "not_applicable", lambda: model.better_than_recency(metrics())),
    Case("enough_data", "pass", lambda: outcomes(20)),
    Case("enough_data", "warn", lambda: outcomes(19)),
    Case("enough_data", "warn", lambda: outcomes(10)),
    Case("enough_data", "fail", lambda: outcomes(9)),
    Case("enough_data", "fail", lambda: outcomes(0)),
    Case("scoring_equals_training", "pass", lambda: scored_again(5e-10)),
    Case("scoring_equals_training", "fail", lambda: scored_again(1e-8)),
    *_by_share("scored_range", outside, {"fail": 20, "warn": 5}),
    Case("scored_range", "not_applicable", lambda: outside(0, 0)),
    *_by_share("saturation", certain, {"fail": 20, "warn": 1}),
    Case("saturation", "not_applicable", lambda: certain(0, 0)),
    Case("group_differences", "pass", lambda: compared([0.001, 0.04, 0.5])),
    Case("group_differences", "not_applicable", lambda: compared([])),
    *_by_share("copied_users", twice, {"fail": 200, "warn": 10}),
    Case("copied_users", "not_applicable", lambda: twice(0, of=99)),
    Case("copied_users", "pass", lambda: values.copied_users(ALIKE)),
    *_by_share("copied_users", written_twice, {"fail": 100, "warn": 5}),
    Case("groups_seen", "warn", lambda: group_with(44)),
    Case("groups_seen", "pass", lambda: group_with(45)),  # half of 90 %
    Case("groups_seen", "pass", lambda: group_with(4, of=10, others=0.6)),  # z = 1.3
    Case("groups_seen", "warn", lambda: group_with(0, of=10)),
    Case("groups_seen", "not_applicable", lambda: group_with(0, of=9, people=9)),
    Case("spellings", "warn", lambda: written("Mexico", "MEXICO")),
    Case("spellings", "warn", lambda: written("M\u00e9xico", "Mexico ")),
    Case("spellings", "warn", lambda: written("google_ads", "Google Ads", "google-ads")),
    Case("spellings", "pass", lambda: written("A", "A+", "A-", "B")),
    Case("spellings", "warn", lambda: written("a", "b", kinds=("play", "Play"))),
    Case("placeholders", "warn", lambda: without("NULL")),
    Case("placeholders", "warn", lambda: without("\\N")),
    Case("placeholders", "warn", lambda: without("a", kinds=("play", "N/A"))),
    Case("placeholders", "pass", lambda: without("NA", "none", "unknown", "N", None)),
    Case("extreme_values", "warn", lambda: stands_apart(2_000)),
    Case("extreme_values", "pass", lambda: stands_apart(1_999)),
    Case("extreme_values", "warn", lambda: stands_apart(2_000, others=12)),
    Case("extreme_values", "pass", lambda: stands_apart(2_000, others=13)),  # over a tenth
    Case("extreme_values", "not_applicable", lambda: stands_apart(2_000, of=98)),
    *_by_share("sessions", lasting, {"warn": 50}),
    Case("sessions", "warn", lambda: lasting(0, single=991, of=1_000)),
    Case("sessions", "pass", lambda: lasting(0, single=990, of=1_000)),
    Case("sessions", "pass", lambda: lasting(0, single=991, of=1_000, user_days=667)),
    Case("sessions", "not_applicable", lambda: values.sessions(NO_SESSIONS)),
    Case("log_amounts", "pass", lambda: priced(14)),
    Case("log_amounts", "warn", lambda: priced(16)),
    Case("log_amounts", "warn", lambda: priced(6)),
    Case("log_amounts", "warn", lambda: priced(49)),
    Case("log_amounts", "fail", lambda: priced(51)),
    Case("log_amounts", "warn", lambda: priced(10, largest=1_600)),
    Case("log_amounts", "pass", lambda: priced(10, largest=1_400)),
    Case("log_amounts", "not_applicable", lambda: priced(100, days_each=9)),
    Case("log_amounts", "pass", lambda: seldom_priced(1)),
    Case("log_amounts", "pass", lambda: seldom_priced(1, every=6, days=150)),
    Case("log_amounts", "fail", lambda: seldom_priced(100)),
    Case("log_edges", "pass", lambda: edge_dip(510)),
    Case("log_edges", "warn", lambda: edge_dip(509)),
    Case("log_edges", "warn", lambda: edge_dip(420)),
    Case("log_edges", "fail", lambda: edge_dip(419)),
    Case("log_edges", "fail", lambda: edge_dip(419, edge="start")),
    Case("log_edges", "pass", lambda: edge_dip(12, of=30, usual=600)),  # z = 2.2
    Case("log_edges", "pass", lambda: edge_dip(300, others=300)),  # a product that fades
    Case("log_edges", "pass", lambda: edge_dip(0, usual=0, others=0)),  # nobody ever returns
    Case("log_edges", "not_applicable", lambda: edge_dip(0, of=29)),
    Case("stray_times", "pass", lambda: far_out(28)),
    Case("stray_times", "warn", lambda: far_out(29)),
    Case("stray_times", "warn", lambda: far_out(-29)),
    Case("log_volume", "warn", lambda: counted(([1_000] * 5 + [0] * 2) * 9)),  # Monday, Tuesday
    Case("log_volume", "pass",
         lambda: counted([1_000] * 3 + ([0] * 2 + [1_000] * 5) * 9)),  # weekends at work
    Case("log_volume", "pass", lambda: counted([1_000] * 3 + ([8, 0] + [1_000] * 5) * 9)),
    Case("log_volume", "warn", lambda: counted([1_000] * 4 + ([0] + [1_000] * 6) * 9)),  # Sundays
    Case("claims", "pass", lambda: withdrawn("warn")),
    Case("claims", "warn", lambda: withdrawn("fail")),
    *cohorts_cases.CASES,
    *segments_cases.CASES,
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}-{case.status}")
def test_a_check_gives_its_verdict_and_its_sentence(case):
    verdict = case.judge()
    assert (verdict.check, verdict.status) == (case.check, case.status)
    told = tell(verdict).iloc[0]
    assert told["title"]
    assert told["evidence"]
    assert "{" not in told["evidence"]
    needs_reader = case.status in ("warn", "fail")
    assert bool(told["consequence"]) == (case.status != "not_applicable")
    assert bool(told["remedy"]) == needs_reader


def test_nothing_is_measured_on_a_handful_of_outcomes():
    plenty, few = few_leavers(10), few_leavers(9)
    assert (plenty["better_than_recency"], plenty["leakage"]) == ("fail", "pass")
    assert {name for name, status in few.items() if status == "not_applicable"} == set(
        model.MEASURED
    )
    assert few["enough_data"] == "fail"
    assert set(few) == set(plenty)


def test_checks_yml_has_a_sentence_for_each_verdict_and_no_other():
    reached = {(case.check, case.status) for case in CASES if case.status != "not_applicable"}
    written = {
        (check, status)
        for check, text in TEXTS["report"].items()
        for status in ("pass", "warn", "fail")
        if status in text
    }
    assert written == reached


def test_checks_yml_names_the_checks_a_run_makes_and_no_other(default_run):
    made = {
        check
        for path in default_run.data.glob("*/checks.csv")
        if path.parent.name not in ("summary", "published")
        for check in pd.read_csv(path)["check"]
    }
    assert made | {"claims"} == set(TEXTS["report"])
    published = pd.read_csv(default_run.data / "published" / "checks.csv")
    assert set(published["check"]) == set(TEXTS["published"])


class AnyKey(dict):
    """A dictionary that has every key, as figures told have where only the sentence is tested."""

    def __missing__(self, key):
        return f"<{key}>"


@pytest.mark.parametrize("status", STATUSES)
def test_every_published_claim_is_told_at_every_verdict(default_run, status):
    verdicts = pd.read_csv(default_run.data / "published" / "checks.csv").assign(status=status)
    if status == "not_applicable":
        verdicts["facts"] = '{"reason": "a column is missing"}'
    claims = claims_table(verdicts, TEXTS["published"], AnyKey())
    assert set(claims["verdict"]) == {status}
    assert not claims["data_say"].str.contains("{", regex=False).any()
    assert claims[["published", "data_say", "use_instead"]].map(bool).all(axis=None)


def test_an_unknown_check_is_named():
    with pytest.raises(ReportError, match="'no_such_check'"):
        tell(Verdict("no_such_check", "pass"))


def test_the_limits_belong_to_the_worse_verdict():
    values = (0.0, 0.0999, 0.1, 0.1999, 0.2)
    assert [grade(v, 0.1, 0.2) for v in values] == ["pass", "pass", "warn", "warn", "fail"]


def test_verdicts_as_a_table():
    table = to_table([Verdict("a", "warn", 0.5, n=3, facts={"b": 1}), not_applicable("c", "why")])
    assert table["facts"].tolist() == ['{"b": 1}', '{"reason": "why"}']
    assert table["value"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("values", "auc"),
    [
        ([1.0, 2.0, 3.0, 4.0], 1.0),
        ([4.0, 3.0, 2.0, 1.0], 1.0),  # in whichever direction
        ([1.0, 1.0, 1.0, 1.0], 0.5),
        (["a", "b", "c", "d"], 0.5),  # an identifier, left out of its own mean
        ([np.nan, 1.0, 1.0, np.nan], 0.5),
        ([1.0, 1.0, np.nan, np.nan], 1.0),  # what is missing tells
    ],
)
def test_auc_of_a_column_alone(values, auc):
    found = snapshots.alone(pd.Series(values), pd.Series([0.0, 0.0, 1.0, 1.0]))
    assert found == pytest.approx(auc)


def test_stability_index_of_equal_and_of_shifted_samples():
    rng = np.random.default_rng(0)
    same = [
        snapshots.stability_index(*map(pd.Series, rng.normal(size=(2, 500)))) for _ in range(50)
    ]
    assert np.mean(same) == pytest.approx(0.0, abs=0.005)  # less what chance gives
    before, after = pd.Series(["a"] * 500 + ["b"] * 500), pd.Series(["a"] * 900 + ["b"] * 100)
    assert snapshots.stability_index(before, after) == pytest.approx(
        0.4 * np.log(0.9 / 0.5) - 0.4 * np.log(0.1 / 0.5), abs=0.02
    )


# --- planted faults -----------------------------------------------------------------------

PLANTED = [
    ("events_before_signup", 0.5, "events_before_signup"),
    ("clock_disorder", 0.5, "clock_order"),
    ("late_delivery", 0.5, "lateness"),
    ("log_break_users", 1.0, "log_users"),
    ("log_break_volume", 0.5, "log_volume"),
    ("log_break_volume", 1.0, "log_volume"),
    ("partial_last_day", 0.5, "last_day"),
    ("event_mix", 1.0, "log_mix"),
    ("coarse_times", 0.1, "times_of_day"),
    ("double_logging", 0.02, "double_logging"),
    ("machine", 0.1, "machines"),
    ("native_counts", 1.0, "native_counts"),
    ("signup_import", 1.0, "signup_dates"),
    ("coarse_signups", 0.5, "signup_dates"),
    ("near_copies", 0.02, "double_logging"),
    ("imported_again", 0.05, "double_logging"),
    ("capped_histories", 0.05, "capped_histories"),
    ("lost_early_users", 0.7, "early_users_seen"),
    ("signups_deleted", 1.0, "signup_flow"),
    ("signup_first_event", 1.0, "signup_flow"),
    ("missing_signups", 0.05, "missing_values"),
    ("leavers_column", 0.6, "leakage_columns"),
    ("leavers_plan", 0.6, "groups_known"),
    ("automatic_events", 0.3, "automatic_events"),
    ("stray_times", 0.002, "stray_times"),
    ("shard_ends", 0.5, "log_edges"),
    ("lost_group", 0.7, "groups_seen"),
    ("constant_sessions", 0.2, "sessions"),
    ("amount_units", 1.0, "log_amounts"),
    ("spellings", 0.02, "spellings"),
    ("extreme_values", 0.001, "extreme_values"),
    ("placeholders", 0.02, "placeholders"),
    ("stray_signups", 0.002, "signup_dates"),
    ("copied_users", 0.02, "copied_users"),
    ("merged_ids", 0.3, "identities"),
    ("slow_clocks", 1.0, "lateness"),
    ("lost_newcomers", 0.3, "newcomers_seen"),
    ("leavers_deleted", 1.0, "survivors"),
    ("log_fades", 0.9, "population_drift"),
    ("native_disagrees", 0.5, "native_agrees"),
    ("native_label_copied", 0.5, "native_label"),
    ("impossible_values", 0.5, "impossible_values"),
    ("leaky_column", 1.0, "leakage_columns"),
    ("leaky_date", 1.0, "leakage_columns"),
    ("identifier_column", 1.0, "leakage_columns"),
    ("immature", 0.5, "window_is_mature"),
    ("late_log", 0.83, "log_covers_cohort"),
]


def judge(faults: Mapping[str, float] | None, wants_snapshots: bool) -> dict[str, str]:
    """Return the verdicts on 2,000 simulated users, of the data or of their snapshots."""
    with tempfile.TemporaryDirectory() as folder:
        simulation.write(simulation.simulate(2_000, 40, 5, faults, dirt=False), Path(folder))
        con = engine.connect()
        raw = [
            raw_tables.read_raw(con, f"{folder}/{file}", table, columns, {})
            for file, table, columns in (
                ("users.csv", "users", contract.USERS),
                ("events.parquet", "events", contract.EVENTS),
            )
        ]
        users, cleaned = clean.clean_users(raw[0], "UTC"), clean.clean_events(raw[1])
        events = con.create_table("events", cleaned.table.to_pyarrow(), temp=True)
    qa = audit.cleaning_rules(clean.qa_record(users), clean.qa_record(cleaned))
    by_day = logwindow.daily_volume(events)
    window = logwindow.infer_log_window(by_day)
    active = activity.activity(events, users.table, window)
    if wants_snapshots:
        return judge_snapshots(active, users.table, window)
    told = users.table.merge(activity.user_spans(active), on="user_id", how="left")
    rules = audit.all_rules(told, users.table, events, window, qa, 30)
    given = load_params(PROJECT / "params.yml")
    fixed = (given.event_types, given.session_gap_minutes)
    found = data.run(told, users.table, events, window, by_day, rules, 30, "UTC", *fixed)
    return {verdict.check: verdict.status for verdict in found}


def judge_snapshots(active: Any, users: pd.DataFrame, window: LogWindow) -> dict[str, str]:
    """Return the verdicts on the snapshots of these users."""
    given = load_params(PROJECT / "params.yml")
    fixed = (given.event_types, given.static_columns, given.session_gap_minutes)
    table = features.snapshots(active, users, window, WINDOWS, *fixed)
    found = snapshots.run(table, users, churn.reactivation(active, window, 30), WINDOWS)
    found.append(
        snapshots.groups_known(table, users, contract_inputs.present(users, given.group_columns))
    )
    return {verdict.check: verdict.status for verdict in found}


@pytest.mark.parametrize("wants_snapshots", [False, True], ids=["data", "snapshots"])
def test_nothing_fires_on_consistent_data(wants_snapshots):
    assert set(judge(None, wants_snapshots).values()) == {"pass"}


@pytest.mark.parametrize(("fault", "strength", "check"), PLANTED)
def test_a_planted_fault_is_found(fault, strength, check):
    of_snapshots = {"leakage_columns", "groups_known", "population_drift"}
    found = judge({fault: strength}, wants_snapshots=check in of_snapshots)
    assert found[check] in ("warn", "fail")
