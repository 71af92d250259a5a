"""The studies judge a company as the report does, in less time, and go on where they stopped."""

import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest

from analysis.base import engine
from analysis.contract.checks import REGISTER, Verdict
from analysis.log.events import in_order
from analysis.model import scoring
from benchmarks import best, company, detection, truth
from benchmarks.__main__ import SMALL
from simulation import FAULTS, Simulation, simulate

USERS, SEED = 300, 5
PLANTED = {"native_counts": 1.0, "events_before_signup": 0.01}


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return simulate(USERS, 40, SEED, PLANTED, dirt=False)


@pytest.fixture(scope="module")
def expected(simulation: Simulation) -> dict[str, tuple[str, str]]:
    """Return status and numbers of every check, judged together after cleaning."""
    return {v.check: comparable(v) for v in company.company_of(simulation).verdicts()}


def comparable(verdict: Verdict) -> tuple[str, str]:
    """Return the status, and the numbers as text, so that a missing one equals a missing one."""
    return verdict.status, f"{verdict.value} {verdict.ci_low} {verdict.ci_high} {verdict.n}"


def as_studied(simulation: Simulation) -> company.Company:
    """Return the company as a study of faults takes it: from the log that cleaning would leave."""
    return company.with_users(company.keep_log(simulation.events), simulation.users)


def checks_of_faults() -> list[str]:
    return sorted({check for fault in FAULTS.values() for check in fault.found_by})


def test_a_check_by_itself_says_what_it_says_among_all(
    simulation: Simulation, expected: dict[str, tuple[str, str]]
) -> None:
    studied = as_studied(simulation)
    verdicts = {name: comparable(studied.verdict(name)) for name in checks_of_faults()}
    assert verdicts == {name: expected[name] for name in checks_of_faults()}
    fired = {name for name, (status, _) in verdicts.items() if status in ("warn", "fail")}
    assert set(PLANTED) <= fired


def test_a_company_is_judged_by_every_check_of_its_chapters(
    expected: dict[str, tuple[str, str]],
) -> None:
    stages = ("09_published", "10_summary")
    elsewhere = {name for name, check in REGISTER.items() if check.stage in stages}
    assert set(expected) == set(REGISTER) - elsewhere


def test_asking_for_one_check_computes_only_what_it_reads(simulation: Simulation) -> None:
    studied = as_studied(simulation)
    studied.verdict("log_volume")
    assert studied.kept.snapshots is None
    studied.verdict("drift")
    assert studied.kept.snapshots is not None
    assert "model" not in vars(studied)


def test_the_events_of_several_users_tables_are_cleaned_as_those_of_one(
    simulation: Simulation,
) -> None:
    cleaned = engine.to_pandas(in_order(company.company_of(simulation).log.events))
    kept = engine.to_pandas(in_order(as_studied(simulation).log.events))
    pd.testing.assert_frame_equal(cleaned, kept)


def test_the_log_by_day_is_that_of_the_cleaned_log(simulation: Simulation) -> None:
    order = ["user_id", "session_key", "first_event_at"]
    cleaned = engine.to_pandas(company.company_of(simulation).log.user_days.order_by(order))
    kept = engine.to_pandas(as_studied(simulation).log.user_days.order_by(order))
    pd.testing.assert_frame_equal(cleaned, kept)


def test_companies_made_one_after_the_other_have_their_own_events() -> None:
    companies = [company.company_of(simulate(100, 40, seed, dirt=False)) for seed in (1, 2)]
    for one in companies:
        seen = engine.to_pandas(one.log.events.select("user_id").distinct())["user_id"]
        assert set(seen) <= set(one.log.users["user_id"])


def test_every_fault_is_found_by_checks_that_are_registered() -> None:
    assert set(checks_of_faults()) <= set(REGISTER)
    assert all(fault.found_by for fault in FAULTS.values())


def test_snapshots_are_shared_by_users_tables_with_the_same_features(
    simulation: Simulation,
) -> None:
    log, users = company.keep_log(simulation.events), simulation.users
    first = company.with_users(log, users)
    same = company.with_users(log, users.assign(credits_balance=0.0))
    other = company.with_users(log, users.assign(device="none"))
    assert same.snapshots is first.snapshots
    assert set(other.snapshots["device"]) == {"none"}
    assert set(first.snapshots["device"]) != {"none"}


def test_the_checks_of_a_fault_are_asked_up_to_the_first_that_fires(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def expect(name: str, *checks: str) -> None:
        monkeypatch.setitem(FAULTS, name, replace(FAULTS[name], found_by=checks))

    expect("events_before_signup", "events_before_signup", "lateness")
    expect("machine", "machines", "sessions")
    planted = (("events_before_signup", 0.01), ("machine", 0.2))
    checks = [v.check for v in detection.judge_meant(planted, as_studied(simulation))]
    assert checks == ["events_before_signup", "machines", "sessions"]  # no machine: both asked


@pytest.mark.parametrize(
    ("column", "text"),
    [("country", "group_differences:found"), ("device", None), (None, None)],
)
def test_a_difference_counts_where_there_truly_is_none(
    column: str | None, text: str | None
) -> None:
    columns = ["country", "device"]
    tests = pd.DataFrame({"column": columns, "p_value": 0.2, "is_repeated": False})
    tests["is_different"] = tests["column"] == column
    assert detection.text_if_fires(scoring.group_differences(tests)) == text


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        (Verdict("lateness", "fail"), "lateness:fail"),
        (Verdict("lateness", "warn"), "lateness:warn"),
        (Verdict("lateness", "pass"), None),
        (Verdict("lateness", "not_applicable"), None),
        (Verdict("clusters_exist", "pass", facts={"exists": True}), "clusters_exist:found"),
        (Verdict("clusters_exist", "pass", facts={"exists": False}), None),
    ],
)
def test_what_counts_as_firing(verdict: Verdict, text: str | None) -> None:
    assert detection.text_if_fires(verdict) == text


def run_detection(*words: str) -> None:
    command = [sys.executable, "-m", "benchmarks.detection", *words]
    subprocess.run(command, check=True, cwd=company.ROOT)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("runs")
    words = ["--users", "200", "--clean", "0", "--seeds", "1", "--workers", "1"]
    words += ["--runs", str(folder / "runs.csv"), "--out", str(folder / "out.csv"), "--faults"]
    run_detection(*words, "machine", "machine")
    run_detection(*words, "machine", "native_counts")
    out = pd.read_csv(folder / "out.csv")
    assert out.columns.tolist() == list(detection.HEADS.values())
    return detection.read_runs(folder / "runs.csv")


def test_a_study_goes_on_from_the_runs_that_are_kept(runs: pd.DataFrame) -> None:
    assert runs["faults"].tolist() == ["machine=0.2", "native_counts=1.0"]
    assert runs["fires"].tolist() == ["machines:fail", "native_counts:warn"]


def test_a_study_reports_the_share_found(runs: pd.DataFrame) -> None:
    table = detection.summarise(detection.fired_by_job(runs))
    assert table["fault"].tolist() == ["machine", "native_counts"]
    assert table["share"].tolist() == [1.0, 1.0]
    assert table["runs"].tolist() == [1, 1]


def test_shares_are_counted_by_fault_strength_and_company() -> None:
    weak, strong = FAULTS["machine"].strengths
    pair = (("drift", 1.0), ("machine", strong))
    fired = {
        (300, 0, ()): ("log_mix:warn",),
        (300, 1, ()): (),
        (300, 0, (("machine", weak),)): (),
        (300, 0, (("machine", strong),)): ("machines:fail",),
        (300, 1, (("machine", strong),)): ("stopped:fail",),
        (300, 0, pair): ("machines:fail",),
    }
    table = detection.summarise(fired)
    rows = {(r.fault, r.strength, r.fires): (r.runs, r.share) for r in table.fillna(0).itertuples()}
    assert rows == {
        ("none", 0.0, "any fail"): (2, 0.0),
        ("none", 0.0, "any warn"): (2, 0.5),
        ("none", 0.0, "log_mix:warn"): (2, 0.5),
        ("machine", weak, "machines"): (1, 0.0),
        ("machine", strong, "machines"): (2, 1.0),
        ("machine", 0.0, "with another"): (1, 1.0),
        ("drift", 0.0, "with another"): (1, 0.0),
    }


@pytest.mark.parametrize(
    ("name", "heads"),
    [
        ("truth", truth.HEADS),
        ("best", best.HEADS),
        *((f"detection_{users}", detection.HEADS) for users in (500, 5000, 50000)),
    ],
)
def test_the_results_that_the_appendix_shows_have_the_heads_of_the_study(
    name: str, heads: dict[str, str]
) -> None:
    table = pd.read_csv(company.STUDIES / f"{name}.csv")
    assert table.columns.tolist() == list(heads.values())


def test_coverage_counts_intervals_that_hold_the_truth() -> None:
    rows = [("rate", 0.5, 0.4, 0.6, 0.45), ("rate", 0.7, 0.6, 0.8, 0.45)]
    table = truth.summarise([*rows, ("claim", 1.0, float("nan"), float("nan"), 0.0)])
    rate, claim = table.to_dict("records")
    assert (rate["coverage"], rate["mean_estimate"], rate["intervals"]) == (0.5, 0.6, 2)
    assert rate["bias_in_se"] == pytest.approx(0.15 / (0.02**0.5))
    assert pd.isna(claim["coverage"])
    assert claim["mean_estimate"] == 1.0


@pytest.mark.parametrize("name", sorted(SMALL))
def test_make_bench_calls_each_study_with_options_that_it_has(name: str) -> None:
    command = [sys.executable, "-m", f"benchmarks.{name}", "--help"]
    usage = subprocess.run(command, cwd=company.ROOT, capture_output=True, text=True, check=True)
    options = [word for word in SMALL[name] if word.startswith("--")]
    assert options
    assert [option for option in options if f"{option} " not in usage.stdout] == []
