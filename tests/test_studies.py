"""The studies judge a company as the report does, in less time, and go on where they stopped."""

import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest

from analysis.base import engine
from analysis.contract.checks import Verdict
from benchmarks import detection, pipeline
from simulation import FAULTS, Simulation, simulate

USERS, SEED = 300, 5
PLANTED = {"native_counts": 1.0, "events_before_signup": 0.01}


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return simulate(USERS, 40, SEED, PLANTED, dirt=False)


def told(verdict: Verdict) -> tuple[str, str]:
    """Return the status, and the numbers as text, so that a missing one equals a missing one."""
    return verdict.status, f"{verdict.value} {verdict.ci_low} {verdict.ci_high} {verdict.n}"


def test_a_check_by_itself_says_what_it_says_among_all(simulation: Simulation) -> None:
    whole = {v.check: told(v) for v in pipeline.judge(pipeline.prepare(simulation))}
    tables = pipeline.with_users(pipeline.keep_log(simulation.events), simulation.users)
    alone = {name: told(judge(tables)) for name, judge in pipeline.ONE_BY_ONE.items()}
    assert {name: whole[name] for name in alone} == alone
    assert {"native_counts", "events_before_signup"} <= {
        name for name, (status, *_) in alone.items() if status != "pass"
    }


@pytest.mark.parametrize("check", sorted(pipeline.READS))
def test_a_check_says_the_same_of_the_columns_it_reads(simulation: Simulation, check: str) -> None:
    def alone(columns: list[str]) -> tuple[str, str]:
        log = pipeline.keep_log(simulation.events.select(columns))
        return told(pipeline.ONE_BY_ONE[check](pipeline.with_users(log, simulation.users)))

    assert alone(list(pipeline.columns_read([check]))) == alone(list(pipeline.READ))


def test_cleaning_finds_nothing_in_a_simulated_log_without_dirt(
    simulation: Simulation,
) -> None:
    order = ["event_uuid"]
    cleaned = engine.to_pandas(pipeline.prepare(simulation).events.order_by(order))
    kept = engine.to_pandas(pipeline.keep_log(simulation.events)[0].order_by(order))
    pd.testing.assert_frame_equal(cleaned, kept)


def test_every_fault_has_checks_that_a_study_can_ask_for() -> None:
    checks = {check for fault in FAULTS.values() for check in fault.found_by}
    assert checks <= set(pipeline.ONE_BY_ONE)


def test_the_checks_of_a_fault_are_asked_up_to_the_first_that_fires(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def expect(name: str, *checks: str) -> None:
        monkeypatch.setitem(FAULTS, name, replace(FAULTS[name], found_by=checks))

    tables = pipeline.with_users(pipeline.keep_log(simulation.events), simulation.users)
    expect("events_before_signup", "events_before_signup", "lateness")
    expect("machine", "machines", "sessions")
    faults = (("events_before_signup", 0.01), ("machine", 0.2))
    checks = [verdict.check for verdict in detection.judge_meant(faults, tables)]
    assert checks == ["events_before_signup", "machines", "sessions"]  # no machine: both asked


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("runs")
    words = ["--users", "200", "--clean", "0", "--seeds", "1", "--workers", "1"]
    words += ["--runs", str(folder / "runs.csv"), "--out", str(folder / "out.csv"), "--faults"]
    for fault in ("machine", "native_counts"):
        subprocess.run(
            [sys.executable, "-m", "benchmarks.detection", *words, "machine", fault],
            check=True,
            cwd=pipeline.ROOT,
        )
    return detection.read_runs(folder / "runs.csv")


def test_a_study_goes_on_from_the_runs_that_are_kept(runs: pd.DataFrame) -> None:
    assert runs["faults"].tolist() == ["machine=0.2", "native_counts=1.0"]
    assert runs["told"].tolist() == ["machines:fail", "native_counts:fail"]


def test_a_study_tells_the_share_found(runs: pd.DataFrame) -> None:
    table = detection.summarise(detection.as_found(runs))
    assert table["fault"].tolist() == ["machine", "native_counts"]
    assert table["share"].tolist() == [1.0, 1.0]
    assert table["runs"].tolist() == [1, 1]
