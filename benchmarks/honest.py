"""Do the checks leave honest companies alone? False alarms by family.

`python -m benchmarks.honest --users 500 --seeds 100` simulates companies of each family in
src/simulation/families/, of which nothing is missing, false or double, and judges each as the
report does: how often any check asks for caution, how often any fails, and how often one strikes a
headline figure (benchmarks.company.HEADLINES). With `--data-only` the checks of the model and its
scores, which take four fifths of the time and strike no headline, are left out. Each size's result
is kept in book/studies/honest_<users>.csv, which the appendix shows.
"""

import argparse
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from analysis.base.errors import ReportError
from analysis.base.texts import read_texts
from analysis.book.studies import say_fault, titles_of
from analysis.contract import catalogue
from benchmarks.company import HEADLINES, OF_THE_DATA, ROOT, RUNS, STUDIES, company_of, write_result
from benchmarks.detection import EVENTS_PER_USER, code_version, text_if_fires
from benchmarks.final import final_verdicts
from simulation import FAMILIES, simulate

HEADS = catalogue.heads_of("honest_500")
"""Heads of the columns in the file that the appendix shows."""
SMALLEST = 200
"""Users up to which a family of small companies is studied."""
TOO_FEW = ("enough_data", "enough_newcomers")
"""Checks that fail where users are few. Of small companies that is true: no false alarm."""
OF_A_CHANGE = {"product_ends": ("drift", "base_rate_drift")}
"""Checks that rightly fail in a family: what a model learned from a product that lived does not
hold at its end. They strike the scores, and no headline."""
NO_REPORT = "stopped"
RUN_COLUMNS = ["users", "seed", "family", "fires", "struck", "code"]


class Job(NamedTuple):
    """A company to judge."""

    users: int
    seed: int
    family: str


class Outcome(NamedTuple):
    """What the report says of a company: `check:status` of each check that fires, `figure=check`
    of each headline figure that is struck.
    """

    fires: tuple[str, ...]
    struck: tuple[str, ...]


def judge(job: Job, only: Collection[str] = ()) -> Outcome:
    """Return what fires, and what is struck, in the company of a job; of all stages, or of those in
    `only`.
    """
    simulation = simulate(job.users, EVENTS_PER_USER, job.seed, dirt=False, family=job.family)
    try:
        final = final_verdicts(company_of(simulation), only)
    except (ReportError, np.linalg.LinAlgError):
        return Outcome((f"{NO_REPORT}:fail",), tuple(f"{key}={NO_REPORT}" for key in HEADLINES))
    fires = tuple(text for v in final.verdicts if (text := text_if_fires(v)))
    struck = ((key, name) for key, names in final.struck.items() for name in names)
    return Outcome(fires, tuple(f"{key}={name}" for key, name in struck))


def false_alarms(outcome: Outcome, status: str, family: str) -> list[str]:
    """Return the checks that fire with this status in a company of `family`, but for those that say
    users are few, and those that rightly fail.
    """
    right = (*TOO_FEW, *(OF_A_CHANGE.get(family, ()) if status == "fail" else ()))
    parts = (text.split(":") for text in outcome.fires)
    return [check for check, said in parts if said == status and check not in right]


def is_striking(outcome: Outcome) -> bool:
    """Say whether a headline figure is struck, but for there being too few users."""
    return any(text.split("=")[1] not in TOO_FEW for text in outcome.struck)


def says_too_few(outcome: Outcome) -> bool:
    """Say whether a check fails because users are few."""
    return bool({*outcome.fires} & {f"{check}:fail" for check in TOO_FEW})


def summarise(outcomes: dict[Job, Outcome], titles: dict[str, str]) -> pd.DataFrame:
    """Return a row per size and family, in the columns of HEADS: the shares of companies in which a
    check asks for caution (`warns`), fails (`fails`) or strikes a headline figure (`strikes`), each
    with its Wilson interval; in which users are said to be too few (`too_few`); and the checks that
    fail (`failing`) or ask for caution (`warning`), the most frequent first.
    """
    groups: dict[tuple[int, str], list[Outcome]] = {}
    for job, outcome in outcomes.items():
        groups.setdefault((job.users, job.family), []).append(outcome)
    order = sorted(groups, key=lambda key: (key[0], [*FAMILIES].index(key[1])))
    rows = [
        {"users": users, "family": say_fault(family), **_row(groups[users, family], family, titles)}
        for users, family in order
    ]
    return pd.DataFrame(rows, columns=list(HEADS))


def _row(outcomes: list[Outcome], family: str, titles: dict[str, str]) -> dict[str, Any]:
    failing, warning = ([false_alarms(o, s, family) for o in outcomes] for s in ("fail", "warn"))
    return {
        "runs": len(outcomes),
        **_share("warns", [bool(checks) for checks in warning]),
        **_share("fails", [bool(checks) for checks in failing]),
        **_share("strikes", [is_striking(o) for o in outcomes]),
        "too_few": sum(says_too_few(o) for o in outcomes) / len(outcomes),
        "failing": _say(failing, titles),
        "warning": _say(warning, titles),
    }


def _share(name: str, hits: list[bool]) -> dict[str, float]:
    low, high = proportion_confint(sum(hits), len(hits), method="wilson")
    share = sum(hits) / len(hits)
    return {name: share, f"{name}_ci_low": float(low), f"{name}_ci_high": float(high)}


def _say(checks: list[list[str]], titles: dict[str, str]) -> str:
    """Return the checks by their titles, each with the number of companies, or `none`."""
    counts = Counter(check for names in checks for check in names)
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    named = {NO_REPORT: "No report", **titles}
    return "; ".join(f"{named[check]} ({n})" for check, n in ordered) or "none"


def list_jobs(users: int, seeds: int, families: Iterable[str]) -> list[Job]:
    """Return `seeds` companies of each family, by seed; small families only at the least size."""
    fitting = [f for f in families if not FAMILIES[f].most_users or users <= SMALLEST]
    return [Job(users, seed, family) for seed in range(seeds) for family in fitting]


def read_runs(path: Path) -> dict[Job, Outcome]:
    """Return the outcomes kept so far; the latest run of a job counts."""
    if not path.exists():
        return {}
    runs = pd.read_csv(path, names=RUN_COLUMNS, keep_default_na=False)
    return {
        Job(int(run["users"]), int(run["seed"]), run["family"]): Outcome(
            *(
                tuple(text for text in said.split(";") if text)
                for said in (run["fires"], run["struck"])
            )
        )
        for run in runs.to_dict("records")
    }


def run_jobs(jobs: list[Job], workers: int, path: Path, only: Collection[str] = ()) -> None:
    """Judge the jobs and add each run to the file at `path`, so that a study can go on from it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    code = code_version()
    with path.open("a", encoding="utf-8") as file:
        for job, outcome in zip(jobs, _judge_all(jobs, workers, only), strict=True):
            said = (";".join(texts) for texts in outcome)
            file.write(",".join((*map(str, job), *said, code)) + "\n")
            file.flush()


def _judge_all(jobs: list[Job], workers: int, only: Collection[str]) -> Iterator[Outcome]:
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(partial(judge, only=only), jobs)


def read_titles() -> dict[str, str]:
    """Return the titles of the checks in the book."""
    return titles_of(read_texts((ROOT / "book" / "checks.yml").read_text(encoding="utf-8")))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=100, help="companies of each family")
    parser.add_argument("--families", nargs="+", default=[*FAMILIES], choices=[*FAMILIES])
    parser.add_argument("--data-only", action="store_true", help="leave out checks of the model")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--runs", type=Path, help="file of single runs")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def main() -> None:
    """Run the study at one size, going on from the runs that are kept, and write its result."""
    given = _arguments()
    only = OF_THE_DATA if given.data_only else ()
    path = given.runs or RUNS / f"honest_{'data_' if only else ''}{given.users}.csv"
    done = read_runs(path)
    jobs = [j for j in list_jobs(given.users, given.seeds, given.families) if j not in done]
    run_jobs(jobs, given.workers, path, only)
    table = summarise(read_runs(path), read_titles()).round(4)
    write_result(table, HEADS, given.out or STUDIES / f"honest_{given.users}.csv")


if __name__ == "__main__":
    main()
