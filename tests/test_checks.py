"""The checks: every verdict at its boundary, every sentence, and every planted fault."""

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from analysis.texts import read_texts, tell_checks, with_claims_check

import simulation
from analysis.base import engine
from analysis.base.errors import ReportError
from analysis.contract import inputs as contract
from analysis.contract import inputs as contract_inputs
from analysis.contract.checks import STATUSES, Verdict, grade, not_applicable, to_table
from analysis.contract.params import load_params
from analysis.log import activity, churn
from analysis.log import cleaning as clean
from analysis.log import raw as raw_tables
from analysis.log import window as logwindow
from analysis.log.churn import Windows
from analysis.log.window import LogWindow
from analysis.model import features, models
from analysis.model import model_checks as model
from analysis.model import score_checks as scores
from analysis.model import snapshot_checks as snapshots
from analysis.summary.metrics import claims_table
from tests.audit import test_audit_checks as audit_cases
from tests.audit.test_latency import late
from tests.checking import Case
from tests.cohorts import test_cohorts_checks as cohorts_cases
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


def tell(*verdicts: Verdict) -> pd.DataFrame:
    return tell_checks(to_table(verdicts).assign(stage="a stage"), TEXTS["report"])


def _by_share(check: str, judge: Callable[[int], Verdict], limits: Mapping[str, int]) -> list[Case]:
    """Return the cases at each limit and one row below it."""
    cases = [Case(check, status, partial(judge, n)) for status, n in limits.items()]
    below = {"warn": "pass", "fail": "warn"}
    return cases + [
        Case(check, below[status], partial(judge, n - 1)) for status, n in limits.items()
    ]


CASES = [
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
    Case("claims", "pass", lambda: withdrawn("warn")),
    Case("claims", "warn", lambda: withdrawn("fail")),
    *audit_cases.CASES,
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
    ("leavers_column", 0.6, "leakage_columns"),
    ("leavers_plan", 0.6, "groups_known"),
    ("log_fades", 0.9, "population_drift"),
    ("leaky_column", 1.0, "leakage_columns"),
    ("leaky_date", 1.0, "leakage_columns"),
    ("identifier_column", 1.0, "leakage_columns"),
]


def judge(faults: Mapping[str, float] | None) -> dict[str, str]:
    """Return the verdicts on the snapshots of 2,000 simulated users."""
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
    window = logwindow.infer_log_window(logwindow.daily_volume(events))
    active = activity.activity(events, users.table, window)
    return judge_snapshots(active, users.table, window)


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


def test_nothing_fires_on_consistent_data():
    assert set(judge(None).values()) == {"pass"}


@pytest.mark.parametrize(("fault", "strength", "check"), PLANTED)
def test_a_planted_fault_is_found(fault, strength, check):
    assert judge({fault: strength})[check] in ("warn", "fail")
