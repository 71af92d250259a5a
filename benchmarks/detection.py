"""Do the checks find faults, and only faults? Faults planted at known strength.

`python -m benchmarks.detection --users 500 --weak 100 --pairs 100` simulates clean companies,
companies with one fault and with two, judges each by the checks of the report, and counts the share
of runs in which a check meant for a fault fires (warns or fails), and how often any check fires
on clean data. Each size's result is kept in book/studies/detection_<users>.csv, which the
appendix shows.
"""

import argparse
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from analysis.base.errors import ReportError
from analysis.contract import catalogue
from analysis.contract.checks import Verdict
from benchmarks.company import (
    ROOT,
    RUNS,
    STUDIES,
    Company,
    company_of,
    keep_log,
    with_users,
    write_result,
)
from simulation import FAULTS, draw, tabulate

CLEAN = "none"
NULL_COLUMNS = {"country", "gender", "language"}
"""Columns compared that truly make no difference, unless one is planted in country."""
EVENTS_PER_USER = 40
HEADS = catalogue.heads_of("detection_500")
"""Heads of the columns in the file that the appendix shows."""
Planted = tuple[tuple[str, float], ...]
"""The faults planted, with their strengths."""
Job = tuple[int, int, Planted]
"""Users, seed, and the faults planted."""
Fired = tuple[str, ...]
"""What fired in one company, each as `check:status`."""


def text_if_fires(verdict: Verdict) -> str | None:
    """Return `check:status` of a verdict that is a warning, a failure, or a finding (groups that
    exist, a difference in a column that truly makes none); None of any other.
    """
    if verdict.check == "clusters_exist" and verdict.facts["exists"]:
        return "clusters_exist:found"
    if verdict.check == "group_differences":
        is_false = NULL_COLUMNS & set(verdict.facts.get("columns", ()))
        return "group_differences:found" if is_false else None
    return f"{verdict.check}:{verdict.status}" if verdict.status in ("warn", "fail") else None


def of_log(job: Job) -> Job:
    """Return the job whose people and log this one shares."""
    users, seed, faults = job
    return users, seed, tuple((n, s) for n, s in faults if not FAULTS[n].is_of_users_table)


def judge_meant(planted: Planted, company: Company) -> Iterator[Verdict]:
    """Yield the verdicts of the checks meant for each fault, up to the first that fires."""
    judged: dict[str, Verdict] = {}
    for name, _ in planted:
        for check in FAULTS[name].found_by:
            if check not in judged:
                judged[check] = company.verdict(check)
                yield judged[check]
            if text_if_fires(judged[check]):
                break


def judge_group(jobs: list[Job]) -> list[Fired]:
    """Return what fires in each of the jobs with one log: of all checks in a clean company, and
    of those meant for its faults in any other.
    """
    users, seed, faults = of_log(jobs[0])
    drawn = draw(users, EVENTS_PER_USER, seed, dict(faults))
    log = None
    fired: list[Fired] = []
    for _, _, planted in jobs:
        simulation = tabulate(drawn, dict(planted), dirt=False)
        try:
            if not planted:
                verdicts = company_of(simulation).verdicts()
            else:
                log = log or keep_log(drawn.events)
                verdicts = list(judge_meant(planted, with_users(log, simulation.users)))
        except ReportError:
            fired.append(("stopped:fail",))
        else:
            fired.append(tuple(text for v in verdicts if (text := text_if_fires(v))))
    return fired


def is_found(fault: str, fired: Fired) -> bool:
    """Say whether a check meant for `fault` fired, or the report refused the tables."""
    return bool({text.split(":")[0] for text in fired} & {*FAULTS[fault].found_by, "stopped"})


Row = tuple[int, str, float, int, str, float, float, float]


def _row(users: int, fault: str, strength: float, fires: str, is_found_in: Iterable[bool]) -> Row:
    counted = list(is_found_in)
    n, hits = len(counted), sum(counted)
    low, high = proportion_confint(hits, n, method="wilson")
    return users, fault, strength, n, fires, hits / n, low, high


def summarise(fired: Mapping[Job, Fired]) -> pd.DataFrame:
    """Return `users, fault, strength, runs, fires, share, ci_low, ci_high`: for a fault by itself,
    the share of runs in which a check meant for it fires; for a fault `with another` the same
    (strength missing); for clean data, the shares of runs with any `fail` and any `warn`, and of
    each check that fired.
    """
    rows: list[Row] = []
    for users in sorted({users for users, _, _ in fired}):
        runs = [(planted, texts) for (size, _, planted), texts in fired.items() if size == users]
        rows += _clean_rows(users, [texts for planted, texts in runs if not planted])
        for fault in FAULTS:
            rows += _fault_rows(users, fault, runs)
    return pd.DataFrame(rows, columns=list(HEADS))


def _clean_rows(users: int, clean: list[Fired]) -> Iterator[Row]:
    for status in ("fail", "warn") if clean else ():
        hits = [any(text.endswith(status) for text in texts) for texts in clean]
        yield _row(users, CLEAN, 0.0, f"any {status}", hits)
    for name in sorted({text for texts in clean for text in texts}):
        yield _row(users, CLEAN, 0.0, name, [name in texts for texts in clean])


def _fault_rows(users: int, fault: str, runs: list[tuple[Planted, Fired]]) -> Iterator[Row]:
    registered = FAULTS[fault]
    for strength in registered.strengths:
        single = [texts for planted, texts in runs if planted == ((fault, strength),)]
        if single:
            checks = " or ".join(registered.found_by)
            yield _row(users, fault, strength, checks, [is_found(fault, t) for t in single])
    pairs = [texts for planted, texts in runs if len(planted) == 2 and fault in dict(planted)]
    if pairs:
        yield _row(users, fault, np.nan, "with another", [is_found(fault, t) for t in pairs])


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
    files = sorted([*(ROOT / "src").rglob("*.py"), *Path(__file__).parent.glob("*.py")])
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


def read_runs(path: Path) -> pd.DataFrame:
    """Return the runs kept so far: `users`, `seed`, `faults`, `fires`, `code`."""
    columns = ["users", "seed", "faults", "fires", "code"]
    if not path.exists():
        return pd.DataFrame(columns=columns)
    return pd.read_csv(path, names=columns, keep_default_na=False)


def _to_text(planted: Planted) -> str:
    return ";".join(f"{name}={strength}" for name, strength in planted)


def _from_text(faults: str) -> Planted:
    pairs = (part.split("=") for part in faults.split(";") if part)
    return tuple((name, float(strength)) for name, strength in pairs)


def fired_by_job(runs: pd.DataFrame) -> dict[Job, Fired]:
    """Return what fired in each job; the latest run of a job counts."""
    return {
        (int(run["users"]), int(run["seed"]), _from_text(run["faults"])): tuple(
            text for text in run["fires"].split(";") if text
        )
        for run in runs.to_dict("records")
    }


def by_log(jobs: Iterable[Job]) -> list[list[Job]]:
    """Return the jobs in groups with one log, by seed: a study cut short has whole seeds."""
    groups: dict[Job, list[Job]] = {}
    for job in jobs:
        groups.setdefault(of_log(job), []).append(job)
    return sorted(groups.values(), key=lambda jobs: jobs[0][1])


def run_jobs(jobs: Iterable[Job], workers: int, path: Path) -> None:
    """Judge the jobs and add each run to the file at `path`, so that a study can go on from it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    groups, code = by_log(jobs), code_version()
    with ProcessPoolExecutor(workers) as pool, path.open("a", encoding="utf-8") as file:
        for group, fired in zip(groups, pool.map(judge_group, groups), strict=True):
            for (users, seed, planted), texts in zip(group, fired, strict=True):
                file.write(f"{users},{seed},{_to_text(planted)},{';'.join(texts)},{code}\n")
            file.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clean", type=int, default=100, help="companies without a fault")
    parser.add_argument("--seeds", type=int, default=100, help="companies with each fault")
    parser.add_argument("--pairs", type=int, default=0, help="times each fault is in a pair")
    parser.add_argument("--users", type=int, default=500)
    parser.add_argument("--faults", nargs="+", default=[CLEAN, *FAULTS], choices=[CLEAN, *FAULTS])
    parser.add_argument("--weak", type=int, default=0, help="seeds at the lesser strengths")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--runs", type=Path, help="file of single runs")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def main() -> None:
    """Run the study at one size, going on from the runs that are kept, and write its result."""
    given = _arguments()
    path = given.runs or RUNS / f"detection_{given.users}.csv"
    done, wanted = fired_by_job(read_runs(path)), {*given.faults}
    jobs = [
        job
        for job in list_jobs(given.users, given.clean, given.seeds, given.weak, given.pairs)
        if {name for name, _ in job[2] or ((CLEAN, 0.0),)} <= wanted and job not in done
    ]
    run_jobs(jobs, given.workers, path)
    runs = read_runs(path)
    table = summarise(fired_by_job(runs)).round(4)
    write_result(table, HEADS, given.out or STUDIES / f"detection_{given.users}.csv")
    print(runs["code"].value_counts().to_string())


if __name__ == "__main__":
    main()
