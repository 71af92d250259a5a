"""How close does the model come to the best possible?

`python -m benchmarks.best --users 50000 --runs 4` fits the report's models on simulated companies
and sets them, on a large company none of them has seen, beside two limits: the true probability
of each user, which knows the user's own rates; and the best probability that the log allows,
which knows the population those rates are drawn from, and of each user the attributes and visits
that the log shows. The result is kept in book/studies/best.csv, which the appendix shows.
"""

import argparse
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from analysis.base import engine
from analysis.contract import catalogue
from analysis.model.candidates import CANDIDATES, SIMPLEST, fit_calibrated
from benchmarks import truth
from benchmarks.company import PARAMS, STUDIES, Company, company_of, write_result
from simulation import company as simulated
from simulation import simulate

RESULT = STUDIES / "best.csv"
NODES = 13
"""Points of the quadrature over each of the two unknown rates; more change no digit shown."""
METRICS = ("roc_auc", "brier")
BEST = "Best probability the log allows"
MODELS = {
    "gradient_boosting": "Gradient boosting",
    "random_forest": "Random forest",
    "logistic_regression": "Logistic regression",
    "recency_only": "Last visit alone",
}
"""The models in words, as the appendix names them."""
HEADS = catalogue.heads_of("best")
"""Heads of the columns in the file that the appendix shows."""


def visits(company: Company, at: pd.Timestamp) -> pd.DataFrame:
    """Return per user what the log shows of it before `at`: `sessions` and the start of the
    last one, `last_at`; indexed by user_id. `at` is whole days before the end of the log.
    """
    days = company.log.user_days
    before = days.filter(days.first_event_at < at)
    starts = before.group_by("user_id", "session_key").aggregate(start=before.first_event_at.min())
    counted = starts.group_by("user_id").aggregate(
        sessions=starts.count(), last_at=starts.start.max()
    )
    return engine.to_pandas(counted.order_by("user_id")).set_index("user_id")


def best_from_log(
    user_truth: pd.DataFrame,
    visits_before: pd.DataFrame,
    users: "pd.Series[Any]",
    at: pd.Timestamp,
    horizon: float,
    scale: float,
) -> Any:
    """Return each user's probability of churn given all that the log says of visits, and the
    attributes fixed at signup that matter.

    The user's hazard and session rate are integrated out over the population they are drawn
    from (Gauss-Hermite), weighted by the likelihood of the visits: the Pareto/NBD likelihood of
    Schmittlein, Morrison & Colombo (1987) with the simulation's log-normal rates. A user from
    before the log also counts by the chance of having lived until its start. `scale` is the
    session rate of a user whose relative rate is 1.
    """  # fmt: skip
    who, visited = user_truth.set_index("user_id").loc[users], visits_before.loc[users]
    observed = pd.Series(who["observed_from"].array)
    total = ((at - observed).dt.total_seconds() / truth.DAY).to_numpy()
    until = pd.Series(visited["last_at"].array) - observed
    last = (until.dt.total_seconds() / truth.DAY).clip(lower=0).to_numpy()
    before = observed - pd.Series(who["signup_at"].array)
    unseen = (before.dt.total_seconds() / truth.DAY).to_numpy()
    repeats = visited["sessions"].to_numpy(dtype=float) - (unseen <= 0)  # the first is no chance
    known = (who["log_hazard_acquisition_channel"] + who["log_hazard_device"]).to_numpy()
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights = weights / weights.sum()
    rho = simulated.RATE_HAZARD_CORRELATION
    logs, outcomes = [], []
    plans = {k: simulated.EFFECTS["subscription_type"].get(k, 0.0)
             for k in simulated.SHARES["subscription_type"]}  # fmt: skip
    spread = np.sqrt(sum(v**2 for v in simulated.TRAIT_EFFECTS.values()) + simulated.FRAILTY_SD**2)
    for plan, effect in plans.items():
        for x, wx in zip(nodes, weights, strict=True):
            ratio = known + effect + spread * x
            mu = simulated.BASELINE_HAZARD * np.exp(ratio)
            for y, wy in zip(nodes, weights, strict=True):
                tempo = rho * ratio / simulated.LOG_HAZARD_SD + np.sqrt(1 - rho**2) * y
                lam = scale * np.exp(simulated.RATE_SD * tempo)
                both = mu + lam
                silent = np.exp(-both * (total - last))
                still = (mu + lam * silent) / both
                likely = repeats * np.log(lam) - both * last + np.log(still) - mu * unseen
                returns = lam / both * -np.expm1(-both * horizon)
                prior = simulated.SHARES["subscription_type"][plan] * wx * wy
                logs.append(likely + np.log(prior))
                outcomes.append(1 - silent / still * returns)
    stacked = np.array(logs)
    return (np.exp(stacked - logsumexp(stacked, axis=0)) * np.array(outcomes)).sum(axis=0)


def limits(size: int) -> pd.DataFrame:
    """Return the two limits on the large company: `model`, and a column for each of METRICS."""
    everyone = truth.population(size).test
    simulation = simulate(size, 40, truth.POPULATION_SEED, dirt=False)
    at = everyone["snapshot_at"].iloc[0]
    proba = best_from_log(
        simulation.user_truth, visits(company_of(simulation), at), everyone["user_id"], at,
        PARAMS.horizon_days, simulation.truth["session_rate"]["scale_per_day"],
    )  # fmt: skip
    true = everyone["churn_probability"].to_numpy()
    rows = [
        {"model": "True probability of each user"} | truth.metrics_by_truth(true, true),
        {"model": BEST} | truth.metrics_by_truth(proba, true),
    ]
    return pd.DataFrame(rows)[["model", *METRICS]]


def one_run(seed: int, users: int, size: int) -> list[dict[str, Any]]:
    """Return `model`, whether the report chose it (`chosen`) and METRICS, of each model of one
    company.
    """
    company = company_of(simulate(users, 40, seed, dirt=False))
    model = replace(company.model, models=CANDIDATES)
    everyone = truth.population(size).test
    rows = []
    for name in dict.fromkeys((model.chosen, SIMPLEST, "recency_only")):
        fitted = fit_calibrated(model.pipelines[name], company.snapshots)
        metrics = truth.expected_metrics(fitted, everyone)
        rows.append({"model": name, "chosen": name == model.chosen, **metrics})
    return rows


def summarise(limits: pd.DataFrame, rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Return the limits, and of each model the mean of METRICS over companies and in how many it
    was `chosen`; `auc_below_best`: the ROC AUC below that of the best the log allows.
    """
    means = {name: (name, "mean") for name in METRICS}
    by_model = pd.DataFrame(rows).groupby("model").agg(chosen=("chosen", "sum"), **means)
    table = pd.concat([limits, by_model.reset_index()], ignore_index=True)
    best = float(limits.set_index("model")["roc_auc"][BEST])
    return table.assign(auc_below_best=best - table["roc_auc"])


def main() -> None:
    """Run the study and keep its result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--users", type=int, default=50_000)
    parser.add_argument("--population", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    known = limits(given.population)
    jobs = [(seed, given.users, given.population) for seed in range(given.runs)]
    with ProcessPoolExecutor(given.workers) as pool:
        rows = [row for part in pool.map(one_run, *zip(*jobs, strict=True)) for row in part]
    table = summarise(known, rows).assign(users=given.users, runs=given.runs)
    write_result(table.replace({"model": MODELS}).round(4), HEADS, given.out)


if __name__ == "__main__":
    main()
