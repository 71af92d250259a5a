"""Does the report find what is wrong, and only that? Faults planted at known strength.

`python -m benchmarks.detection --users 500 --weak 100 --pairs 100` simulates clean companies,
companies with one fault and with two, judges each by the checks of the report, and tells the share
of runs in which the check meant for a fault fires (warns or fails), and how often any check fires
on clean data. Each size's result is kept in book/studies/detection_<users>.csv, which the
appendix shows.
"""

import argparse
import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from analysis.base.errors import ReportError
from analysis.contract.checks import Verdict
from benchmarks.company import ROOT, RUNS, STUDIES, Company, company_of, keep_log, with_users
from simulation import FAULTS, draw, tabulate

CLEAN = "none"
NULL_COLUMNS = {"country", "gender", "language"}
"""Columns compared that truly do not matter, unless a difference is planted in country."""
EVENTS_PER_USER = 40
Job = tuple[int, int, tuple[tuple[str, float], ...]]
"""Users, seed, and the faults planted with their strengths."""


def fires(verdict: Verdict) -> str | None:
    """Return `check:status` of a verdict that says something: a warning, a failure, or a finding
    (groups that exist, a difference in a column that may not matter).
    """
    if verdict.check == "clusters_exist" and verdict.facts["exists"]:
        return "clusters_exist:found"
    if verdict.check == "group_differences":
        columns = set(str(verdict.facts.get("columns", "")).split(", "))
        return "group_differences:found" if columns & NULL_COLUMNS else None
    return f"{verdict.check}:{verdict.status}" if verdict.status in ("warn", "fail") else None


def of_log(job: Job) -> Job:
    """Return the job whose people and log this one shares."""
    users, seed, faults = job
    return users, seed, tuple((n, s) for n, s in faults if not FAULTS[n].is_of_users_table)


def judge_meant(faults: tuple[tuple[str, float], ...], company: Company) -> Iterator[Verdict]:
    """Yield the verdicts of the checks meant for each fault, up to the first that fires."""
    judged: dict[str, Verdict] = {}
    for name, _ in faults:
        for check in FAULTS[name].found_by:
            if check not in judged:
                judged[check] = company.verdict(check)
                yield judged[check]
            if fires(judged[check]):
                break


def judge_group(jobs: list[Job]) -> list[tuple[str, ...]]:
    """Return for each of the jobs with one log what fires, as `check:status`: of all checks for a
    clean company, and for any other of those meant for its faults.
    """
    users, seed, faults = of_log(jobs[0])
    drawn = draw(users, EVENTS_PER_USER, seed, dict(faults))
    log = company = None
    fired = []
    for _, _, planted in jobs:
        simulation = tabulate(drawn, dict(planted), dirt=False)
        try:
            if not planted:
                verdicts = company_of(simulation).verdicts()
            else:
                log = log or keep_log(drawn.events)
                company = with_users(log, simulation.users, company)
                verdicts = list(judge_meant(planted, company))
        except ReportError:
            fired.append(("stopped:fail",))
        else:
            fired.append(tuple(text for v in verdicts if (text := fires(v))))
    return fired


def is_found(fault: str, told: Iterable[str]) -> bool:
    """Say whether a check meant for `fault` is among what was told, or the report was refused."""
    return bool({t.split(":")[0] for t in told} & {*FAULTS[fault].found_by, "stopped"})


def _row(users: int, fault: str, strength: float, told: str, hits: int, runs: int) -> tuple:  # type: ignore[type-arg]
    low, high = proportion_confint(hits, runs, method="wilson")
    return users, fault, strength, runs, told, hits / runs, low, high


def summarise(found: dict[Job, tuple[str, ...]]) -> pd.DataFrame:
    """Return `users, fault, strength, runs, told, share, ci_low, ci_high`: for a fault alone, the
    share of runs in which a check meant for it fires; for a fault `with another` the same
    (strength missing); for clean data, the shares of runs with any `fail` and any `warn`, and of
    each check that fired.
    """
    rows = []
    for users in sorted({users for users, _, _ in found}):
        own = {job: told for job, told in found.items() if job[0] == users}
        clean = [told for (_, _, faults), told in own.items() if not faults]
        for status in ("fail", "warn") if clean else ():
            hits = sum(any(t.endswith(status) for t in told) for told in clean)
            rows.append(_row(users, CLEAN, 0.0, f"any {status}", hits, len(clean)))
        for name in sorted({t for told in clean for t in told}):
            hits = sum(name in told for told in clean)
            rows.append(_row(users, CLEAN, 0.0, name, hits, len(clean)))
        for fault, registered in FAULTS.items():
            for strength in registered.strengths:
                alone = [told for (_, _, f), told in own.items() if f == ((fault, strength),)]
                if alone:
                    hits = sum(is_found(fault, told) for told in alone)
                    name = " or ".join(registered.found_by)
                    rows.append(_row(users, fault, strength, name, hits, len(alone)))
            pairs = [t for (_, _, f), t in own.items() if len(f) == 2 and fault in dict(f)]
            if pairs:
                hits = sum(is_found(fault, told) for told in pairs)
                rows.append(_row(users, fault, np.nan, "with another", hits, len(pairs)))
    columns = ["users", "fault", "strength", "runs", "told", "share", "ci_low", "ci_high"]
    return pd.DataFrame(rows, columns=columns)


def list_jobs(users: int, clean: int, seeds: int, weak: int, pairs: int) -> list[Job]:
    """Return `clean` companies, companies with one fault (`seeds` at the largest strength, `weak`
    at each lesser one), and with two drawn at random (each fault in `pairs` of them), all at
    this many users.
    """
    jobs: list[Job] = [(users, seed, ()) for seed in range(clean)]
    for fault, registered in FAULTS.items():
        *lesser, largest = registered.strengths
        jobs += [(users, seed, ((fault, largest),)) for seed in range(seeds)]
        jobs += [(users, seed, ((fault, s),)) for s in lesser for seed in range(weak)]
    names = sorted(FAULTS)
    for seed in range(pairs):
        order = np.random.default_rng(seed).permutation(names).tolist()
        for pair in zip(order[::2], order[1::2], strict=False):  # an odd one out has no pair
            jobs.append((users, seed, tuple((n, FAULTS[n].strengths[-1]) for n in sorted(pair))))
    return jobs


def code_version() -> str:
    """Return a digest of the code that is studied."""
    files = sorted([*(ROOT / "src").rglob("*.py"), Path(__file__)])
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


def read_runs(path: Path) -> pd.DataFrame:
    """Return the runs kept so far: `users`, `seed`, `faults`, `told`, `code`."""
    columns = ["users", "seed", "faults", "told", "code"]
    if not path.exists():
        return pd.DataFrame(columns=columns)
    return pd.read_csv(path, names=columns, keep_default_na=False)


def _write(faults: tuple[tuple[str, float], ...]) -> str:
    return ";".join(f"{name}={strength}" for name, strength in faults)


def _read(faults: str) -> tuple[tuple[str, float], ...]:
    pairs = (part.split("=") for part in faults.split(";") if part)
    return tuple((name, float(strength)) for name, strength in pairs)


def as_found(runs: pd.DataFrame) -> dict[Job, tuple[str, ...]]:
    """Return what was told of each job of the runs; the latest run of a job counts."""
    return {
        (int(row.users), int(row.seed), _read(row.faults)): tuple(filter(None, row.told.split(";")))
        for row in runs.itertuples()
    }


def main() -> None:
    """Run the study at one size, going on from the runs that are kept, and write its result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clean", type=int, default=100, help="companies without a fault")
    parser.add_argument("--seeds", type=int, default=100, help="companies with each fault")
    parser.add_argument("--pairs", type=int, default=0, help="times each fault is in a pair")
    parser.add_argument("--users", type=int, default=500)
    parser.add_argument("--faults", nargs="+", default=[CLEAN, *FAULTS])
    parser.add_argument("--weak", type=int, default=0, help="seeds at the lesser strengths")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--runs", type=Path, help="file of single runs")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    kept = given.runs or RUNS / f"detection_{given.users}.csv"
    kept.parent.mkdir(parents=True, exist_ok=True)
    runs, code = read_runs(kept), code_version()
    done = as_found(runs)
    wanted = {*given.faults}
    groups: dict[Job, list[Job]] = {}
    for job in list_jobs(given.users, given.clean, given.seeds, given.weak, given.pairs):
        if {n for n, _ in job[2]} <= wanted and (job[2] or CLEAN in wanted) and job not in done:
            groups.setdefault(of_log(job), []).append(job)
    order = sorted(groups.values(), key=lambda jobs: jobs[0][1])  # even, when cut short
    with ProcessPoolExecutor(given.workers) as pool, kept.open("a", encoding="utf-8") as file:
        for jobs, told in zip(order, pool.map(judge_group, order), strict=True):
            for (users, seed, faults), said in zip(jobs, told, strict=True):
                file.write(f"{users},{seed},{_write(faults)},{';'.join(said)},{code}\n")
            file.flush()
    runs = read_runs(kept)
    table = summarise(as_found(runs)).round(4)
    table.to_csv(given.out or STUDIES / f"detection_{given.users}.csv", index=False,
                 lineterminator="\n")  # fmt: skip
    print(table.to_string(index=False))
    print(runs["code"].value_counts().to_string())


if __name__ == "__main__":
    main()
