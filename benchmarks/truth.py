"""Are the intervals right? The book's figures compared with a known truth.

`python -m benchmarks.truth --runs 300 --users 3000` simulates that many companies, computes the
book's intervals for each, and reports how often they hold the truth, how far estimates lie from
it on average, and how often a null difference is called a difference. The result is kept in
book/studies/truth.csv, which the appendix shows.

The truth of retention and survival is the model's own, in closed form; only the length of
sessions, by which a first visit may run past midnight, is taken from the large company. That of a
fitted model's figures is what the same fitted model achieves on users it has never seen: one
company of `--population` users, simulated once, each counted by its true probability of churn and
not by what became of it.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from analysis.base import clock, engine
from analysis.cohorts import retention, survival
from analysis.contract import catalogue
from analysis.model import Model, candidates, evaluation
from benchmarks.company import PARAMS, STUDIES, Company, company_of, write_result
from simulation import LOG_END, LOG_START, simulate, true_churn_probability
from simulation.company import NULL_ATTRIBUTES

RESULT = STUDIES / "truth.csv"
DAY = 86_400
POPULATION_SEED = 999_983
DAYS = (1, 7, 30)
SURVIVAL_DAYS = (7, 30, 60)
METRICS = {
    "roc_auc": "ROC AUC",
    "calibration_slope": "Calibration slope",
    "lift_top_decile": "Lift of the top decile",
    "brier": "Brier score",
}
"""The model's metrics that are compared, in words."""
RETENTION = {
    "on_day": "Retention on day {}",
    "on_or_after": "Retention on day {} or later",
    "within": "Retention within day {}",
}
PARTS = ("curves", "models")
HEADS = catalogue.heads_of("truth")
"""Heads of the columns in the file that the appendix shows."""
Row = tuple[str, float, float, float, float]


@dataclass(frozen=True)
class Population:
    """One large company: its `test` snapshot with the true `churn_probability`, its users, the
    `truth` behind each, and how long sessions last (`seconds`, sorted).
    """

    test: pd.DataFrame
    users: pd.DataFrame
    truth: pd.DataFrame
    seconds: Any


@cache
def population(users: int) -> Population:
    """Return a company of this many users, which no run uses."""
    simulation = simulate(users, 40, POPULATION_SEED, dirt=False)
    company = company_of(simulation)
    snapshots = company.snapshots
    test = snapshots[snapshots["split"] == "test"].reset_index(drop=True)
    at = test["snapshot_at"].iloc[0]
    last = pd.Series((at - pd.to_timedelta(test["recency_days"], unit="D")).array, test["user_id"])
    by_user = true_churn_probability(simulation.user_truth, at, 0, PARAMS.horizon_days, last)
    proba = test["user_id"].map(by_user).to_numpy(dtype=float)
    return Population(
        test.assign(churn_probability=proba),
        company.log.users,
        simulation.user_truth,
        _session_seconds(company.log.user_days),
    )


def _session_seconds(user_days: Any) -> Any:
    """Return how long each session lasts, in seconds, sorted."""
    by_session = user_days.group_by("user_id", "session_key").aggregate(
        seconds=clock.seconds(user_days.last_event_at.max())
        - clock.seconds(user_days.first_event_at.min())
    )
    return np.sort(engine.to_pandas(by_session)["seconds"].to_numpy(dtype=float))


def _no_session(hazard: Any, rate: Any, start: Any, end: Any) -> Any:
    """Return the chance of no session in [start, end) days after signup, for exponential
    lifetimes and Poisson sessions.
    """
    gone = 1 - np.exp(-hazard * start)
    both = hazard + rate
    ends_inside = np.exp(-hazard * start) * hazard / both * (1 - np.exp(-both * (end - start)))
    return gone + ends_inside + np.exp(-hazard * end - rate * (end - start))


def true_retention(truth: pd.DataFrame, definition: str, day: int, seconds: Any) -> float:
    """Return the expected share of users retained at `day` by retention.retention_by_day.

    A session counts for the day on which its last event falls: one that began its mean length
    before midnight counts still, and the first, at signup, does when it runs past midnight.
    """
    at = pd.to_datetime(truth["signup_at"], utc=True)
    offset = ((at - at.dt.floor("D")).dt.total_seconds() / DAY).to_numpy()
    hazard, rate = (truth[c].to_numpy() for c in ("hazard_per_day", "session_rate_per_day"))
    begins = {"on_day": day, "on_or_after": day, "within": 1}[definition]
    start = np.maximum(begins - offset - seconds.mean() / DAY, 0.0)
    longer = 1 - np.searchsorted(seconds, (1 - offset) * DAY) / len(seconds)
    crosses = longer if begins == 1 else 0.0
    end = day + 1 - offset
    if definition == "on_or_after":  # the log ends: the share is a bound, judged where it is one
        end = ((LOG_END - at).dt.total_seconds() / DAY).to_numpy()
    return float((1 - (1 - crosses) * _no_session(hazard, rate, start, end)).mean())


def true_survival(truth: pd.DataFrame, day: int) -> float:
    """Return the expected share of users whose last session comes more than `day` days after
    the midnight of their signup.
    """
    at = pd.to_datetime(truth["signup_at"], utc=True)
    offset = ((at - at.dt.floor("D")).dt.total_seconds() / DAY).to_numpy()
    hazard, rate = (truth[c].to_numpy() for c in ("hazard_per_day", "session_rate_per_day"))
    return float((np.exp(-hazard * (day - offset)) * rate / (hazard + rate)).mean())


@cache
def curves_of(size: int) -> dict[tuple[str, int], float]:
    """Return the true retention by definition and day, and survival by day, of the population
    that users are drawn from: an interval promises to hold that, not what was in store for the
    very users of a run.
    """
    everyone = population(size)
    at = pd.to_datetime(everyone.truth["signup_at"], utc=True)
    true: dict[tuple[str, int], float] = {}
    for day in DAYS:
        ends = at.dt.floor("D") + pd.Timedelta(days=day + 1)
        eligible = everyone.truth[(at >= LOG_START) & (ends <= LOG_END)]
        for definition in retention.DEFINITIONS:
            true[definition, day] = true_retention(eligible, definition, day, everyone.seconds)
    for day in SURVIVAL_DAYS:
        true["survival", day] = true_survival(everyone.truth, day)
    return true


def _retention_rows(company: Company, size: int) -> Iterator[Row]:
    by_day = replace(company.cohorts, retention_days=DAYS).retention_by_day
    for row in by_day.itertuples():
        expected = curves_of(size)[row.definition, row.day]
        name = RETENTION[row.definition].format(row.day)
        yield name, row.retention_rate, row.ci_low, row.ci_high, expected


def _survival_rows(company: Company, size: int) -> Iterator[Row]:
    curves = {
        "Survival at day {}": company.cohorts.survival_curve,
        "Survival at day {}, to the log's end": survival.only(company.cohorts.survival, "all"),
    }
    for name, curve in curves.items():
        at_day = curve.set_index("day")
        for day in SURVIVAL_DAYS:
            rate, low, high = (float(at_day[key][day]) for key in ("survival", "ci_low", "ci_high"))
            yield name.format(day), rate, low, high, curves_of(size)["survival", day]


def _model_rows(model: Model, size: int) -> Iterator[Row]:
    measured = evaluation.metrics_of(model.test_evaluation, model.chosen)
    true = expected_metrics(model.churn_model, population(size).test)
    for metric, words in METRICS.items():
        value, low, high = (float(measured[key][metric]) for key in ("value", "ci_low", "ci_high"))
        yield words, value, low, high, true[metric]


def expected_metrics(model: Any, everyone: pd.DataFrame) -> dict[str, float]:
    """Return METRICS of `model` on a population, by the users' true probabilities of churn:
    each user counts as a churner with that weight and as a stayer with the rest.
    """
    true = everyone["churn_probability"].to_numpy()
    return metrics_by_truth(candidates.predict(model, everyone), true)


def metrics_by_truth(proba: Any, true: Any) -> dict[str, float]:
    """Return METRICS of the probabilities `proba` where the true ones are `true`."""
    churned = np.r_[np.ones(len(true)), np.zeros(len(true))]
    twice, weights = np.r_[proba, proba], np.r_[true, 1 - true][None]
    score = evaluation.SCORE_METRICS
    return {name: float(score[name](churned, twice, weights)[0]) for name in METRICS}


def _group_rows(company: Company, size: int) -> Iterator[Row]:
    scoring = company.scoring
    true = _true_differences(population(size), scoring.compared_columns)
    differences = scoring.group_differences
    for row in differences[differences["p_value"].notna()].itertuples():
        is_null = row.column in NULL_ATTRIBUTES
        if row.comparison != "all_groups":
            expected = 0.0 if is_null else true[row.column, row.group]
            bounds = (row.difference_ci_low, row.difference_ci_high)
            yield "Difference between groups", row.difference, *bounds, expected
        if is_null:
            yield (
                "No difference, but called different",
                float(row.is_different),
                np.nan,
                np.nan,
                0.0,
            )


def _true_differences(everyone: Population, columns: list[str]) -> dict[tuple[str, str], float]:
    """Return the mean true probability of churn of each group less that of all others."""
    test = everyone.test[["user_id", "churn_probability"]].merge(
        everyone.users[["user_id", *columns]], on="user_id"
    )
    differences = {}
    for column in columns:
        for group, inside in test.groupby(column)["churn_probability"]:
            others = test.loc[test[column] != group, "churn_probability"]
            differences[column, str(group)] = float(inside.mean() - others.mean())
    return differences


def one_run(seed: int, users: int, size: int, draws: int, parts: Sequence[str]) -> list[Row]:
    """Return every figure of one simulated company with its interval and its truth."""
    company = company_of(simulate(users, 40, seed, dirt=False))
    rows: list[Row] = []
    if "curves" in parts:
        rows += [*_retention_rows(company, size), *_survival_rows(company, size)]
    if "models" in parts:
        rows += _model_rows(replace(company.model, bootstrap_draws=draws), size)
        rows += _group_rows(company, size)
    return rows


def summarise(rows: list[Row]) -> pd.DataFrame:
    """Return per figure: `coverage` with its 95 % Wilson interval `ci_low`, `ci_high`; `bias_in_se`
    (mean difference to the truth, in standard errors of one run); `mean_estimate`, `mean_truth`;
    and over how many `intervals`.
    """
    table = pd.DataFrame(rows, columns=["figure", "estimate", "low", "high", "truth"])
    by_figure = table.groupby("figure", sort=False)
    return pd.DataFrame([{"figure": name, **_summary(part)} for name, part in by_figure])


def _summary(rows: pd.DataFrame) -> dict[str, float]:
    part = rows.dropna(subset=["estimate", "truth"])
    gap = part["estimate"] - part["truth"]
    bounded = part.dropna(subset=["low", "high"])
    holds = bounded["truth"].between(bounded["low"], bounded["high"])
    low, high = (
        proportion_confint(int(holds.sum()), len(holds), method="wilson")
        if len(holds)
        else (np.nan, np.nan)
    )
    return {
        "coverage": holds.mean() if len(holds) else np.nan,
        "ci_low": low,
        "ci_high": high,
        "bias_in_se": gap.mean() / gap.std() if gap.std() > 0 else 0.0,
        "mean_estimate": part["estimate"].mean(),
        "mean_truth": part["truth"].mean(),
        "intervals": len(part),
    }


def main() -> None:
    """Run the study and keep its result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--users", type=int, default=3000)
    parser.add_argument("--population", type=int, default=100_000)
    parser.add_argument("--draws", type=int, default=300)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    given = parser.parse_args()
    curves_of(given.population)  # before the workers fork, so that they share it
    jobs = [
        (seed, given.users, given.population, given.draws, tuple(given.parts))
        for seed in range(given.runs)
    ]
    with ProcessPoolExecutor(given.workers) as pool:
        rows = [row for part in pool.map(one_run, *zip(*jobs, strict=True)) for row in part]
    table = summarise(rows).round(4).assign(users=given.users, runs=given.runs)
    write_result(table, HEADS, given.out)


if __name__ == "__main__":
    main()
