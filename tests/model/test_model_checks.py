"""The checks of features, model and scoring: every verdict at its boundary, and planted faults."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest

import simulation
from analysis.base import comparisons
from analysis.base.table_file import in_memory
from analysis.contract.checks import Verdict
from analysis.contract.stages import find
from analysis.log.churn import Windows
from analysis.model import (
    Features,
    Model,
    Scoring,
    baselines,
    certainty,
    drift,
    evaluation,
    importance,
    scoring,
    snapshots,
    stored,
)
from analysis.model import candidates as models
from analysis.model import leaks as leaks_of
from analysis.model.evaluation import too_few_outcomes
from tests.checking import Case
from tests.handmade import at, make_company_log, make_params

WINDOWS = Windows(30, 0, 30)


def day(number: int) -> pd.Timestamp:
    """Return midnight of a day, counted from 2025-01-01 (UTC)."""
    return at("2025-01-01") + pd.Timedelta(days=number)


def table_of(split: str, churned: list[float], **columns: Any) -> pd.DataFrame:
    names = [f"u{n}" for n in range(len(churned))]
    when = {"train": 90, "calibrate": 120, "test": 150, "score": 180}[split]
    table = pd.DataFrame({"user_id": names, "churned": churned})
    return table.assign(split=split, snapshot_at=day(when), **columns)


def at_risk(train: int, score: int) -> Verdict:
    parts = [table_of(split, [0.0] * n) for split, n in (("train", train), ("score", score))]
    return drift.population_drift(pd.concat(parts, ignore_index=True))


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
        parts.append(pd.DataFrame({"snapshot_at": day(30 * n), "split": split, "churned": churned}))
    return judge(pd.concat(parts, ignore_index=True))


def came_back(ci_low: float, silent: int = 100, further: tuple[float, ...] = ()) -> Verdict:
    """Judge a horizon of 30 days, and the `further` ones of which these shares come back."""
    rates = [0.9, *further]
    known = silent >= 30
    table = pd.DataFrame({"horizon_days": [30 * (n + 1) for n in range(len(rates))], "rate": rates})
    table = table.assign(silent=silent, returned=50, seen=0.5, ci_low=ci_low, ci_high=0.95,
                         followed_days=300.0)  # fmt: skip
    if not known:
        table["rate"] = np.nan
    return snapshots.label_means(table)


def by_calendar(mixed: int) -> Verdict:
    """Judge 200 users whose tenure separates the label, but for `mixed` of each kind."""
    churned = [1.0] * 100 + [0.0] * 100
    tenure = [1] * mixed + [2] * (100 - mixed) + [2] * mixed + [1] * (100 - mixed)
    return snapshots.label_calendar(table_of("test", churned, tenure_days=tenure))


def few_at_test(users: int) -> Verdict:
    """Judge a test snapshot of so many users, of whom half leave, like everyone in training."""
    parts = [table_of(split, [0.0, 1.0] * 500) for split in ("train", "test")]
    parts[1] = parts[1].head(users)
    return drift.base_rate_drift(pd.concat(parts, ignore_index=True))


def few_by_calendar(leavers: int) -> Verdict:
    """Judge a label that tenure separates, with so many leavers."""
    churned = [1.0] * leavers + [0.0] * 100
    return snapshots.label_calendar(table_of("test", churned, tenure_days=churned))


def few_leave(leavers: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a test with so many leavers, and users whose plan says nothing."""
    rng = np.random.default_rng(3)
    churned = [1.0] * leavers + [0.0] * 100
    table = table_of("test", churned, recency_days=rng.random(len(churned)))
    plans = ["a", "b"] * len(churned)
    return table, pd.DataFrame({"user_id": table["user_id"], "plan": plans[: len(churned)]})


def few_with_column(leavers: int) -> Verdict:
    return leaks_of.leakage_columns(*few_leave(leavers))


def few_in_groups(leavers: int) -> Verdict:
    return leaks_of.groups_known(*few_leave(leavers), ["plan"])


HALF = [1.0] * 200 + [0.0] * 200
NOISE = list(np.random.default_rng(0).random(400))


def brought(column: list[Any] | None, is_used: bool = False) -> Verdict:
    table = table_of("test", HALF, recency_days=NOISE)
    users = pd.DataFrame({"user_id": table["user_id"], "signup_date": day(0)})
    if column is not None:
        users["extra"] = column
    return leaks_of.leakage_columns(table.assign(extra=1.0) if is_used else table, users)


def grouped_by(column: list[Any] | None) -> Verdict:
    """Judge groups of 200 leavers and then 200 stayers, whose silence says nothing."""
    table = table_of("test", HALF, recency_days=NOISE)
    users = pd.DataFrame({"user_id": table["user_id"]})
    if column is None:
        return leaks_of.groups_known(table, users, [])
    return leaks_of.groups_known(table, users.assign(plan=column), ["plan"])


def plan_as_feature(plan: list[str]) -> Verdict:
    """Judge a column of the contract that the model uses."""
    table = table_of("test", HALF, recency_days=NOISE).assign(subscription_type=plan)
    users = table[["user_id", "subscription_type"]].assign(signup_date=day(0))
    return leaks_of.leakage_columns(table, users)


def splits_at(gap: int = 30, repeated: bool = False) -> Verdict:
    when = dict(zip(("train", "calibrate", "test", "score"), range(0, 4 * gap, gap), strict=True))
    rows = [("u1", day(number), split) for split, number in when.items()]
    rows += rows[:1] if repeated else []
    table = pd.DataFrame(rows, columns=["user_id", "snapshot_at", "split"])
    return snapshots.split_in_time(table, WINDOWS)


def drifted(shift: float, scored: int = 1_000, swings: float = 0.0) -> Verdict:
    """Judge visits that shift, and that swing between two training snapshots."""
    rng = np.random.default_rng(1)
    before, after = rng.normal(size=1_000), rng.normal(size=scored) + shift
    is_second = np.arange(1_000) % 2 == 1
    train = table_of("train", [0.0] * 1_000, visits=before + swings * is_second, country="X")
    train.loc[is_second & (swings > 0), "snapshot_at"] = day(60)
    score = table_of("score", [np.nan] * scored, visits=after, country="X")
    return drift.drift(pd.concat([train, score], ignore_index=True))


@pytest.mark.parametrize(("shift", "status"), [(0.3, "pass"), (0.6, "warn"), (1.0, "fail")])
def test_of_many_users_some_show_the_same_drift(
    monkeypatch: pytest.MonkeyPatch, shift: float, status: str
):
    """The share of 5,000 users in a cell has an error of up to 0.007. Over five cells, weighted by
    logarithms of ratios below 2, the index has one of 0.025; twice that is allowed.
    """
    whole = drifted(shift, scored=20_000)
    monkeypatch.setattr(drift, "COMPARED", 5_000)
    some = drifted(shift, scored=20_000)
    assert (some.status, some.n) == (whole.status, whole.n) == (status, 20_000)
    assert some.value == pytest.approx(whole.value, abs=0.05)


def rates(train: float, test: float, of: int = 10_000) -> Verdict:
    parts = [
        table_of(split, [1.0] * round(rate * of) + [0.0] * round((1 - rate) * of))
        for split, rate in (("train", train), ("test", test))
    ]
    return drift.base_rate_drift(pd.concat(parts, ignore_index=True))


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
PIPELINE = models.pipelines(["recency_days", "clicks"], ["channel"], 0)["logistic_regression"]
FITTED = models.fit_calibrated(PIPELINE, ROWS)


def leaks(pipeline: Any = PIPELINE, **columns: "pd.Series[Any]") -> Verdict:
    """Judge a model of ROWS with these columns in place of its own."""
    rows = ROWS.assign(**columns)
    fitted = models.fit_calibrated(pipeline, rows)
    worth = importance.feature_importance(fitted, rows[rows["split"] == "test"], 0)
    return leaks_of.leakage(metrics(roc_auc=(0.8, 0.7, 0.9)), rows, fitted, worth)


LEAVES = ROWS["churned"].fillna(0.0)
EVEN = LEAVES + 0.1 * ROWS["clicks"] / ROWS["clicks"].max()  # who comes daily leaves at once
SCATTER, NOISY = (pd.Series(np.random.default_rng(seed).normal(size=len(ROWS))) for seed in (7, 8))
KNOWN_LAST = LEAVES[ROWS["split"] == "test"].set_axis(ROWS["user_id"][ROWS["split"] == "test"])
BY_USER = ROWS["user_id"].map(
    KNOWN_LAST + 0.5 * SCATTER[:300].to_numpy()
)  # fixed, and knows too much
SIGN = ROWS["split"].map({"train": 1.0, "test": -0.5}).fillna(0.0)
IN_TRAINING = LEAVES * SIGN + 0.5 * SCATTER  # learned, and then wrong
TWINS = models.pipelines(["recency_days", "clicks", "twin"], ["channel"], 0)["logistic_regression"]


def fitted_on(split: str) -> Verdict:
    """Judge a model for which the test rows counted as rows of `split`."""
    rows = ROWS.assign(split=ROWS["split"].replace({"test": split}))
    return models.preprocessing(ROWS, models.fit_calibrated(PIPELINE, rows))


def metrics(**values: tuple[float, float, float]) -> pd.DataFrame:
    """Return a model's evaluation on the test, by metric: value, ci_low, ci_high; n is 500."""
    table = pd.DataFrame(values, index=["value", "ci_low", "ci_high"]).T
    return table.assign(n=500)


def flags(share: float, low: float, high: float) -> Verdict:
    middle = (low + high) / 2
    base, flagged = (0.3, 0.25, 0.35), (share, share, share)
    measured = metrics(flagged_share=flagged, base_rate=base, precision=(middle, low, high))
    return evaluation.threshold(measured)


def misses(ci_low: float) -> Verdict:
    one = (1.0, 0.9, 1.1)
    others = {"calibration_slope": one, "calibration_intercept": (0.0, -0.1, 0.1)}
    return evaluation.calibration(metrics(ece_debiased=(0.15, ci_low, 0.2), **others))


CALIBRATED = table_of("calibrate", [0.0, 1.0] * 10_000)
AT_BASE = (0.25, 0.2, 0.3)
NOT_WORSE = (0.0, -0.1, 0.1)


def ranks(low: float, high: float) -> Verdict:
    others = {"brier_minus_base_rate": NOT_WORSE, "roc_auc_minus_recency": NOT_WORSE}
    measured = metrics(roc_auc=((low + high) / 2, low, high), base_rate=AT_BASE, **others)
    return baselines.better_than_chance(measured, CALIBRATED)


def skilled(low: float, high: float) -> Verdict:
    """Judge by how much the Brier score is better than that of the base rate."""
    difference = (-(low + high) / 2, -high, -low)
    measured = metrics(roc_auc=(0.6, 0.5, 0.7), base_rate=AT_BASE, brier_minus_base_rate=difference)
    return baselines.better_than_base_rate(measured, CALIBRATED)


def gains(low: float, high: float, at_chance: bool = False) -> Verdict:
    values = {"roc_auc": (0.6, 0.5, 0.7), "base_rate": AT_BASE, "brier_minus_base_rate": NOT_WORSE}
    middle = (low + high) / 2
    lows = pd.DataFrame({"model": ["m", "recency_only"], "ci_low": [0.5 if at_chance else 0.6] * 2})
    measured = metrics(**values, roc_auc_minus_recency=(middle, low, high))
    return baselines.better_than_recency(measured, CALIBRATED, lows, "m")


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
             "flagged_share", "precision", "brier_minus_base_rate", "roc_auc_minus_recency")  # fmt: skip
    chapter = Model(
        ROWS.assign(churned=churned), customer_value=60, contact_cost=0.5, incentive_cost=3,
        saved_share=0.1, saved_share_range=None, customer_value_range=None, capacity=None, min_group=30, bootstrap_draws=10, most_learned=100_000, seed=1,
    )  # fmt: skip
    measured = metrics(**dict.fromkeys(names, worst)).rename_axis("metric").reset_index()
    vars(chapter).update(
        _choice=("m", pd.DataFrame()),
        fitted={"m": FITTED},
        test_evaluation=measured.assign(model="m", split="test"),
        feature_importance=pd.DataFrame({"feature": ["clicks"], "auc_drop": [0.0]}),
    )
    return {verdict.check: verdict.status for verdict in chapter.verdicts()}


def outcomes(rarer: int) -> Verdict:
    plenty = table_of("train", [1.0] * 99 + [0.0] * 99)
    few = table_of("test", [1.0] * rarer + [0.0] * 99)
    return evaluation.enough_data(pd.concat([plenty, few], ignore_index=True))


def scored_again(off: float) -> Verdict:
    kept = stored.training_scores(FITTED, ROWS)
    changed = kept["proba_when_trained"].where(kept.index > 0, kept["proba_when_trained"] + off)
    return stored.scoring_equals_training(FITTED, ROWS, kept.assign(proba_when_trained=changed))


def outside(users: int, of: int = 100) -> Verdict:
    train = table_of("train", [0.0] * 2, recency_days=[0.0, 9.0], clicks=[0.0, 9.0])
    recency = [10.0] * users + [9.0] * (of - users)
    score = table_of("score", [np.nan] * of, recency_days=recency, clicks=[5.0] * of)
    return scoring.scored_range(PIPELINE, pd.concat([train, score], ignore_index=True))


def certain(users: int, of: int = 100) -> Verdict:
    """Judge scores of which so many are certain, where as many in the test did the opposite."""
    return borne_out(users, of, certain=40, wrong=20)


def borne_out(users: int, of: int, certain: int, wrong: int, tested: int = 100) -> Verdict:
    """Judge `users` of `of` certain scores; `certain` of the `tested` were, `wrong` of them wrong."""
    proba = [0.9995] * users + [0.5] * (of - users)
    sure = [1.0] * (certain - wrong) + [0.0] * wrong
    test = table_of("test", sure + [0.0] * (tested - certain))
    told = np.where(np.arange(tested) < certain, 0.9995, 0.5)
    frame = pd.DataFrame({"proba_churn": proba})
    with patch.object(certainty, "predict", return_value=told):
        return certainty.saturation(frame, test, FITTED)


def compared(p_values: list[float]) -> Verdict:
    different = [p < 0.01 for p in p_values]
    table = pd.DataFrame({"p_value": p_values, "is_different": different})
    table = table.assign(column="country", is_repeated=False)
    return scoring.group_differences(comparisons.distinct(table))


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
    Case("population_drift", "warn", lambda: at_risk(300, 100)),  # or ends
    Case("population_drift", "not_applicable", lambda: at_risk(0, 100)),
    Case("population_drift", "not_applicable", lambda: at_risk(29, 2)),
    Case("population_drift", "pass", lambda: at_risk(30, 18)),  # by chance
    Case("population_drift", "pass", lambda: over_years(drift.population_drift, 0.97, 0)),
    Case("population_drift", "pass", lambda: over_years(drift.population_drift, 1.015, 0)),
    Case("population_drift", "warn", lambda: over_years(drift.population_drift, 0.9, 0, 12)),
    Case("base_rate_drift", "pass", lambda: over_years(drift.base_rate_drift, 1, 0.004)),
    Case("base_rate_drift", "not_applicable", lambda: few_at_test(29)),
    Case("base_rate_drift", "pass", lambda: few_at_test(30)),
    Case("label_calendar", "not_applicable", lambda: few_by_calendar(9)),
    Case("label_calendar", "fail", lambda: few_by_calendar(10)),
    Case("leakage_columns", "not_applicable", lambda: few_with_column(9)),
    Case("leakage_columns", "pass", lambda: few_with_column(10)),
    Case("groups_known", "not_applicable", lambda: few_in_groups(9)),
    Case("groups_known", "pass", lambda: few_in_groups(10)),
    Case("scored_range", "not_applicable", lambda: outside(3, 29)),
    Case("scored_range", "fail", lambda: outside(6, 30)),
    Case("saturation", "not_applicable", lambda: certain(3, 29)),
    Case("base_rate_drift", "warn", lambda: over_years(drift.base_rate_drift, 1, 0.02, 30)),
    Case("population_drift", "not_applicable", lambda: at_risk(100, 0)),
    Case("label_means", "pass", lambda: came_back(0.4999)),
    Case("label_means", "warn", lambda: came_back(0.5)),
    Case("label_means", "warn", lambda: came_back(1.0)),
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
    Case("groups_known", "warn", lambda: grouped_by(["a", "Cancelled"] * 200)),
    Case("groups_known", "warn", lambda: grouped_by(["cancelled"] * 30 + ["a", "b"] * 185)),
    Case("leakage_columns", "pass", lambda: brought(None)),
    Case("leakage_columns", "warn", lambda: brought(["a", "former member"] * 200)),
    Case("leakage_columns", "pass", lambda: brought(NOISE[::-1])),
    Case("leakage_columns", "pass", lambda: plan_as_feature(["basic", "premium"] * 200)),
    Case("leakage_columns", "fail", lambda: plan_as_feature(["basic", "cancelled"] * 200)),
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
    Case("base_rate_drift", "not_applicable", lambda: rates(0.30, 0.50, of=20)),
    Case("base_rate_drift", "pass", lambda: rates(0.30, 0.50, of=30)),  # by chance
    Case("leakage", "pass", lambda: leaks(recency_days=10 * LEAVES + SCATTER.abs())),  # silence
    Case("leakage", "pass", leaks),
    Case("leakage", "fail", lambda: leaks(clicks=LEAVES)),  # alone
    Case("leakage", "fail", lambda: leaks(clicks=LEAVES + 0.5 * SCATTER, recency_days=SCATTER)),
    Case("leakage", "pass", lambda: leaks(recency_days=LEAVES + 0.5 * SCATTER)),  # silence may
    Case("leakage", "pass", lambda: leaks(recency_days=EVEN, clicks=-EVEN)),  # and so may habits
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
    Case("better_than_chance", "warn", lambda: ranks(0.4, 0.499)),  # not by a joint test
    Case("better_than_chance", "fail", lambda: ranks(0.4, 0.48)),
    Case("better_than_base_rate", "pass", lambda: skilled(0.01, 0.2)),
    Case("better_than_base_rate", "pass", lambda: skilled(-0.1, 0.01)),
    Case("better_than_base_rate", "fail", lambda: skilled(-0.2, -0.05)),
    Case("better_than_recency", "pass", lambda: gains(0.01, 0.03)),
    Case("better_than_recency", "pass", lambda: gains(-0.01, 0.01)),
    Case("better_than_recency", "fail", lambda: gains(-0.03, -0.01)),
    Case("better_than_recency", "fail", lambda: gains(-0.03, -0.01, at_chance=True)),
    Case("better_than_recency", "not_applicable", lambda: gains(-0.01, 0.01, at_chance=True)),
    Case(
        "better_than_recency",
        "not_applicable",
        lambda: baselines.better_than_recency(metrics(), CALIBRATED, CALIBRATED, "m"),
    ),
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
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}-{case.status}")
def test_a_check_of_the_model_gives_its_verdict(case):
    case.hold()


@pytest.mark.parametrize(
    ("users", "of", "certain", "wrong", "outcome", "status"),
    [
        (0, 100, 0, 0, "few", "pass"),
        (50, 100, 80, 0, "confirmed", "pass"),  # up to 4.6 % may be wrong
        (50, 100, 60, 0, "untested", "warn"),  # up to 6.0 %
        (50, 100, 60, 4, "contradicted", "fail"),  # at least 2.6 %
        (50, 100, 60, 2, "untested", "warn"),  # at least 0.9 %
        (5, 100, 60, 4, "contradicted", "warn"),
        (50, 100, 0, 0, "unlike", "fail"),  # at least 40 % now, at most 3.7 % then
        (5, 100, 0, 0, "untested", "warn"),
    ],
)
def test_certain_scores_are_judged_by_what_happened(users, of, certain, wrong, outcome, status):
    verdict = borne_out(users, of, certain, wrong)
    assert (verdict.facts["outcome"], verdict.status) == (outcome, status)


def test_the_shortest_horizon_of_which_few_come_back_is_named():
    facts = came_back(0.8, further=(0.5, 0.25, 0.2499, 0.1)).facts
    assert (facts["better"], facts["better_rate"]) == (120, 0.2499)
    assert (facts["longest"], facts["longest_rate"]) == (150, 0.1)
    assert came_back(0.8, further=(0.5, 0.25)).facts["better"] is None
    assert came_back(0.8, further=(0.5, np.nan)).facts["longest"] == 60
    alone = came_back(0.8).facts
    assert (alone["better"], alone["longest"]) == (None, None)


def test_whoever_sets_the_horizon_that_is_named_passes():
    """The remedy ends: at the named horizon fewer than a quarter come back, and half are needed."""
    assert snapshots.SETTLED < snapshots.PAUSES
    assert came_back(0.2).status == "pass"


def test_nothing_is_measured_on_a_handful_of_outcomes():
    plenty, few = few_leavers(10), few_leavers(9)
    assert (plenty["better_than_recency"], plenty["leakage"]) == ("fail", "pass")
    assert {name for name, status in few.items() if status == "not_applicable"} == {
        "leakage", "threshold", "calibration", "better_than_chance", "better_than_base_rate",
        "better_than_recency",
    }  # fmt: skip
    assert few["enough_data"] == "fail"
    assert set(few) == set(plenty)


def test_the_reason_counts_the_users_of_the_rarer_outcome():
    assert too_few_outcomes(pd.Series([1.0] * 10 + [0.0] * 99)) == ""
    reason = too_few_outcomes(pd.Series([1.0] + [0.0] * 99))
    assert reason == "the test has 1 user of the rarer outcome, 10 are needed"


def test_suspicions_name_the_column_and_the_reason():
    assert brought(HALF).facts["suspicions"] == [
        {"column": "extra", "reason": "predicts", "level": "", "auc": 1.0}
    ]
    (paid,) = grouped_by(["over"] * 30 + ["a", "b"] * 185).facts["suspicions"]
    assert paid == {"column": "plan", "reason": "leavers_only", "level": "over"}
    (left,) = grouped_by(["a", "Cancelled"] * 200).facts["suspicions"]
    assert left == {"column": "plan", "reason": "by_value", "level": "Cancelled"}
    clicks = leaks(clicks=BY_USER).facts["suspicions"]
    assert [s["reason"] for s in clicks] == ["fixed", "carries"]
    assert {s["column"] for s in clicks} == {"clicks"}


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
    found = leaks_of.single_column_auc(pd.Series(values), pd.Series([0.0, 0.0, 1.0, 1.0]))
    assert found == pytest.approx(auc)


def test_stability_index_of_equal_and_of_shifted_samples():
    rng = np.random.default_rng(0)
    same = [drift.stability_index(*map(pd.Series, rng.normal(size=(2, 500)))) for _ in range(50)]
    assert np.mean(same) == pytest.approx(0.0, abs=0.005)  # less what chance gives
    before, after = pd.Series(["a"] * 500 + ["b"] * 500), pd.Series(["a"] * 900 + ["b"] * 100)
    assert drift.stability_index(before, after) == pytest.approx(
        0.4 * np.log(0.9 / 0.5) - 0.4 * np.log(0.1 / 0.5), abs=0.02
    )


PLANTED = [
    ("leavers_column", 0.6, "leakage_columns"),
    ("leavers_plan", 0.6, "groups_known"),
    ("log_fades", 0.9, "population_drift"),
    ("leaky_column", 1.0, "leakage_columns"),
    ("leaky_date", 1.0, "leakage_columns"),
    ("identifier_column", 1.0, "leakage_columns"),
]


def judge(faults: Mapping[str, float] | None) -> dict[str, str]:
    """Return the verdicts on the snapshots of 2,000 simulated users, and on their groups."""
    log = make_company_log(simulation.simulate(2_000, 40, 5, faults, dirt=False))
    params = make_params().model_dump()
    given = [{name: params[name] for name in find(c.stage).params} for c in (Features, Scoring)]
    features = Features(log, **given[0])
    scoring = Scoring(log.users, in_memory(features.snapshots), None, **given[1])
    found = [*features.verdicts(), *scoring.verdicts({"groups_known"})]
    return {verdict.check: verdict.status for verdict in found}


def test_nothing_fires_on_consistent_data():
    assert set(judge(None).values()) == {"pass"}


@pytest.mark.parametrize(("fault", "strength", "check"), PLANTED)
def test_a_planted_fault_is_found(fault, strength, check):
    assert judge({fault: strength})[check] in ("warn", "fail")
