"""Does the report find what is wrong, and only that? Faults planted at known strength.

`python -m benchmarks.detection --seeds 100 --users 500 5000` simulates clean companies and
companies with one fault, judges each with every check of the report, and tells the share of
runs in which the check meant for the fault fires (warns or fails), and how often any check fires
on clean data. The result is kept in book/studies/detection.csv, which the appendix shows.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from analysis.errors import ReportError
from analysis.simulate import simulate
from benchmarks import pipeline

RESULT = pipeline.ROOT / "book" / "studies" / "detection.csv"
EXPECTED: dict[str, tuple[str, ...]] = {
    "late_log": ("log_covers_cohort",),
    "immature": ("window_is_mature",),
    "events_before_signup": ("events_before_signup",),
    "clock_disorder": ("clock_order",),
    "late_delivery": ("lateness",),
    "log_break_users": ("log_users",),
    "log_break_volume": ("log_volume",),
    "partial_last_day": ("last_day",),
    "native_disagrees": ("native_agrees",),
    "native_label_copied": ("native_label",),
    "impossible_values": ("impossible_values",),
    "leaky_column": ("leakage_columns",),
    "leaky_date": ("leakage_columns",),
    "identifier_column": ("leakage_columns",),
    "drift": ("drift", "base_rate_drift"),
    "no_signal": ("better_than_chance", "better_than_base_rate", "label_means"),
}
"""Which checks are meant for which fault; any of them counts."""
STRENGTHS: dict[str, tuple[float, ...]] = {
    "late_log": (0.83,),
    "immature": (0.1, 0.3),
    "events_before_signup": (0.001, 0.01),
    "clock_disorder": (0.001, 0.01),
    "late_delivery": (0.01, 0.05),
    "log_break_users": (0.5, 1.0),
    "log_break_volume": (0.5, 1.0),
    "partial_last_day": (0.5, 0.75),
    "native_disagrees": (0.1, 0.88),
    "native_label_copied": (0.5,),
    "impossible_values": (0.01, 0.07),
    "leaky_column": (0.7, 1.0),
    "leaky_date": (0.7, 1.0),
    "identifier_column": (1.0,),
    "drift": (0.5, 1.0),
    "no_signal": (1.0,),
}
"""Strengths tried; where the case has the fault, one of them is about the case's."""
Job = tuple[int, int, str, float]


def judge_one(job: Job) -> tuple[str, ...] | None:
    """Return the checks that fire, as `name:status`, or None when there is no report."""
    seed, users, fault, strength = job
    planted = {fault: strength} if fault != "none" else None
    try:
        verdicts = pipeline.judge(
            simulate(users, 40, seed, planted, dirt=False), EXPECTED.get(fault, ())
        )
    except ReportError as error:
        return (f"stopped:{type(error).__name__}",)
    return tuple(f"{v.check}:{v.status}" for v in verdicts if v.status in ("warn", "fail"))


def _share(hits: int, runs: int) -> dict[str, float]:
    low, high = proportion_confint(hits, runs, method="wilson")
    return {"share": hits / runs, "ci_low": low, "ci_high": high}


def summarise(found: dict[Job, tuple[str, ...]]) -> pd.DataFrame:
    """Return `users, fault, strength, runs, told, share, ci_low, ci_high`: for a fault, the share
    of runs in which a check meant for it fires; for clean data, the shares of runs with any
    `fail` and with any `warn`, and of each check that fired.
    """
    rows = []
    keys = sorted({(users, fault, strength) for _, users, fault, strength in found})
    for users, fault, strength in keys:
        runs = [v for (_, u, f, s), v in found.items() if (u, f, s) == (users, fault, strength)]
        base = {"users": users, "fault": fault, "strength": strength, "runs": len(runs)}
        if fault == "none":
            for status in ("fail", "warn"):
                hits = sum(any(x.endswith(status) for x in fired) for fired in runs)
                rows.append({**base, "told": f"any {status}", **_share(hits, len(runs))})
            for name in sorted({x for fired in runs for x in fired}):
                hits = sum(name in fired for fired in runs)
                rows.append({**base, "told": name, **_share(hits, len(runs))})
            continue
        meant = EXPECTED[fault]
        hits = sum(any(x.split(":")[0] in (*meant, "stopped") for x in fired) for fired in runs)
        rows.append({**base, "told": " or ".join(meant), **_share(hits, len(runs))})
    return pd.DataFrame(rows)


def main() -> None:
    """Run the study and keep its result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--users", type=int, nargs="+", default=[500, 5000])
    parser.add_argument("--faults", nargs="+", default=["none", *EXPECTED])
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    jobs = [
        (seed, users, fault, strength)
        for users in given.users
        for fault in given.faults
        for strength in STRENGTHS.get(fault, (0.0,))
        for seed in range(given.seeds)
    ]
    with ProcessPoolExecutor(given.workers) as pool:
        fired = list(pool.map(judge_one, jobs, chunksize=2))
    found = {job: told for job, told in zip(jobs, fired, strict=True) if told is not None}
    table = summarise(found).round(4)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(given.out, index=False, lineterminator="\n")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
