"""How near does the model come to the best that can be known?

`python -m benchmarks.best --users 50000 --runs 4` fits the report's models on simulated companies
and sets them, on a large company none of them has seen, beside two limits: the true probability
of each user, which knows the user's own rates; and the best probability that the log allows,
which knows the population those rates are drawn from, and of each user the attributes and visits
that the log shows. The result is kept in book/studies/best.csv, which the appendix shows.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from analysis.base import engine
from analysis.model import candidates, features, selection
from benchmarks import truth
from benchmarks.company import PARAMS, STUDIES, Company, company_of
from simulation import company, simulate

RESULT = STUDIES / "best.csv"
NODES = 13
"""Points of the quadrature over each of the two unknown rates; more change no digit shown."""
TOLD = ("roc_auc", "brier")


def visits(company: Company, at: pd.Timestamp) -> pd.DataFrame:
    """Return per user what the log shows of it before `at`: `sessions` and the start of the
    last one, `last_at`; indexed by user_id.
    """
    seen = company.log.active.filter(company.log.active.event_at < at)
    starts = seen.group_by("user_id", "session_id").aggregate(start=seen.event_at.min())
    counted = starts.group_by("user_id").aggregate(
        sessions=starts.count(), last_at=starts.start.max()
    )
    return engine.to_pandas(counted.order_by("user_id")).set_index("user_id")


def best_from_log(
    user_truth: pd.DataFrame,
    seen: pd.DataFrame,
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
    who, own = user_truth.set_index("user_id").loc[users], seen.loc[users]
    observed = pd.Series(who["observed_from"].array)
    total = ((at - observed).dt.total_seconds() / truth.DAY).to_numpy()
    until = pd.Series(own["last_at"].array) - observed
    last = (until.dt.total_seconds() / truth.DAY).clip(lower=0).to_numpy()
    before = observed - pd.Series(who["signup_at"].array)
    unseen = (before.dt.total_seconds() / truth.DAY).to_numpy()
    repeats = own["sessions"].to_numpy(dtype=float) - (unseen <= 0)  # the first is no chance
    known = (who["log_hazard_acquisition_channel"] + who["log_hazard_device"]).to_numpy()
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights = weights / weights.sum()
    rho = company.RATE_HAZARD_CORRELATION
    logs, outcomes = [], []
    plans = {k: company.EFFECTS["subscription_type"].get(k, 0.0)
             for k in company.SHARES["subscription_type"]}  # fmt: skip
    spread = np.sqrt(sum(v**2 for v in company.TRAIT_EFFECTS.values()) + company.FRAILTY_SD**2)
    for plan, effect in plans.items():
        for x, wx in zip(nodes, weights, strict=True):
            ratio = known + effect + spread * x
            mu = company.BASELINE_HAZARD * np.exp(ratio)
            for y, wy in zip(nodes, weights, strict=True):
                tempo = rho * ratio / company.LOG_HAZARD_SD + np.sqrt(1 - rho**2) * y
                lam = scale * np.exp(company.RATE_SD * tempo)
                both = mu + lam
                silent = np.exp(-both * (total - last))
                still = (mu + lam * silent) / both
                likely = repeats * np.log(lam) - both * last + np.log(still) - mu * unseen
                returns = lam / both * -np.expm1(-both * horizon)
                prior = company.SHARES["subscription_type"][plan] * wx * wy
                logs.append(likely + np.log(prior))
                outcomes.append(1 - silent / still * returns)
    stacked = np.array(logs)
    return (np.exp(stacked - logsumexp(stacked, axis=0)) * np.array(outcomes)).sum(axis=0)


def limits(size: int) -> pd.DataFrame:
    """Return the two limits on the large company: `model`, and a column for each of TOLD."""
    everyone = truth.population(size).test
    simulation = simulate(size, 40, truth.POPULATION_SEED, dirt=False)
    at = everyone["snapshot_at"].iloc[0]
    seen = visits(company_of(simulation), at)
    proba = best_from_log(
        simulation.user_truth, seen, everyone["user_id"], at, PARAMS.horizon_days,
        simulation.truth["session_rate"]["scale_per_day"],
    )  # fmt: skip
    true = everyone["churn_probability"].to_numpy()
    rows = [
        ("true probability of each user", *_told(true, true)),
        ("best probability the log allows", *_told(proba, true)),
    ]
    return pd.DataFrame(rows, columns=["model", *TOLD])


def _told(proba: Any, true: Any) -> tuple[float, ...]:
    found = truth.metrics_of(proba, true)
    return tuple(found[name] for name in TOLD)


def one_run(seed: int, users: int, size: int) -> list[tuple[Any, ...]]:
    """Return `model`, whether the report chose it, and TOLD, of each model of one company."""
    company = company_of(simulate(users, 40, seed, dirt=False))
    snapshots = company.snapshots
    pipelines = candidates.pipelines(*features.feature_columns(snapshots), PARAMS.seed)
    chosen, _ = selection.choose_model(pipelines, snapshots)
    everyone = truth.population(size).test
    rows = []
    for name in {chosen: None, candidates.SIMPLEST: None, "recency_only": None}:
        fitted = candidates.fit_calibrated(pipelines[name], snapshots)
        found = truth.expected_metrics(fitted, everyone)
        rows.append((name, name == chosen, *(found[metric] for metric in TOLD)))
    return rows


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
    table = pd.DataFrame(rows, columns=["model", "chosen", *TOLD])
    means = table.groupby("model").agg(
        chosen=("chosen", "sum"), **{name: (name, "mean") for name in TOLD}
    )
    told = pd.concat([known, means.reset_index()], ignore_index=True)
    best = known.set_index("model").loc["best probability the log allows", "roc_auc"]
    told = told.assign(auc_below_best=best - told["roc_auc"], users=given.users, runs=given.runs)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    told.round(4).to_csv(given.out, index=False, lineterminator="\n")
    print(told.round(4).to_string(index=False))


if __name__ == "__main__":
    main()
