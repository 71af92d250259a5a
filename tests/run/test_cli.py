import errno
import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from analysis.base.errors import FolderBusy, ReportError, RunStopped
from analysis.contract.stages import STAGES
from analysis.run import cli, runner, site, verify
from analysis.run.folders import default_run
from analysis.run.state import write_json
from analysis.run.usage import Usage
from analysis.run.verify import Findings
from tests.handmade import ROOT, make_params

CHECKS = pd.DataFrame({
    "check": ["leakage", "drift", "orphans"], "status": ["fail", "warn", "pass"],
    "evidence": ["rows[users] and [/b] are printed as they are", "", ""],
})  # fmt: skip


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Give an empty project as the working folder, and a list of the runs that were asked for."""
    asked = []

    def run_stages(run, report, jobs=None, until=None):
        asked.append(run)
        report("01_clean_users", "done (first run)", Usage(1.2, 2.0, 412_000_000))
        report("02_clean_events", "skipped: nothing has changed", Usage())
        summary = run.data / "summary"
        summary.mkdir(parents=True, exist_ok=True)
        CHECKS.to_csv(summary / "checks.csv", index=False)
        return ["01_clean_users"]

    monkeypatch.setattr(runner, "run_stages", run_stages)
    monkeypatch.setattr(
        site, "build_site", lambda run, locales, given=None: run.home / "html" / "index.html"
    )
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "params.yml").write_text((ROOT / "params.yml").read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)
    return asked


def call(*arguments):
    return CliRunner().invoke(cli.app, list(arguments))


def test_build_runs_the_stages_builds_the_site_and_says_what_to_open(runs, tmp_path):
    result = call("build")
    assert result.exit_code == 0
    assert runs == [default_run(tmp_path)]
    assert "Stages (on the simulated default tables)" in result.output
    assert "01_clean_users   done (first run)   1.2 s  412 MB" in result.output
    assert "02_clean_events  skipped: nothing has changed" in result.output
    assert f"1 of {len(STAGES)} stages ran" in result.output
    assert "Open _build/html/index.html" in result.output
    assert "Checks: 1 fail, 1 warn, 1 pass." in result.output
    assert "fail leakage: rows[users] and [/b] are printed as they are" in result.output


@pytest.mark.parametrize(("status", "shown"), [("pass", "Churn rises"), ("fail", "Withdrawn: why")])
def test_the_terminal_ends_with_the_finding_the_checks_and_the_page(runs, tmp_path, status, shown):
    headline = {"text": shown, "status": status}
    write_json(tmp_path / "data" / ".state" / "site.json", {"headline": headline})
    *_, found, checks, _fail, page = call("build").output.splitlines()
    assert (found, checks[:7], page) == (shown, "Checks:", "Open _build/html/index.html")
    assert shown not in call("build", "--stages-only").output


def test_what_is_current_is_not_built_again(runs, monkeypatch):
    call("build")
    runs.clear()
    monkeypatch.setattr(cli, "are_stages_current", lambda run: True)
    monkeypatch.setattr(cli, "is_site_current", lambda run, locales, given=None: True)
    result = call("build")
    assert f"Nothing has changed: 0 of {len(STAGES)} stages ran" in result.output
    assert result.output.splitlines()[-1] == "Open _build/html/index.html"
    assert call("build", "--strict").exit_code == 1
    assert "Nothing has changed" in call("build", "--stages-only").output
    assert runs == []
    monkeypatch.setattr(cli, "is_site_current", lambda run, locales, given=None: False)
    assert "Nothing has changed" in call("build", "--stages-only").output
    assert runs == []
    call("build")
    assert len(runs) == 1


def test_stages_only_builds_no_site(runs):
    assert "Open" not in call("build", "--stages-only").output
    assert len(runs) == 1


def test_strict_exits_with_1_when_a_check_fails(runs, monkeypatch):
    assert call("build", "--strict").exit_code == 1
    monkeypatch.setitem(CHECKS, "status", ["warn", "warn", "pass"])
    assert call("build", "--strict").exit_code == 0


def test_given_tables_are_named_by_their_whole_path(runs, tmp_path):
    (tmp_path / "mine").mkdir()
    for path in (tmp_path / "mine/u.csv", tmp_path.parent / "e.parquet"):
        path.touch()
    result = call("build", "--users", "mine/u.csv", "--events", "../e.parquet")
    assert result.exit_code == 0
    params = runs[0].params
    assert (params.users, params.events) == (
        str(tmp_path / "mine/u.csv"),
        str(tmp_path.parent / "e.parquet"),
    )
    assert "simulated" not in result.output


def test_parameters_on_the_command_line_win(runs):
    assert call("build", "-p", "horizon_days=60", "--param", "log_end=2025-10-01").exit_code == 0
    assert runs[0].params == make_params(horizon_days=60, log_end="2025-10-01")


def test_a_run_under_a_folder_leaves_the_default_run_alone(runs, tmp_path):
    (tmp_path / "data").mkdir()
    result = call("build", "--out", "elsewhere")
    out = tmp_path / "elsewhere"
    assert (runs[0].project, runs[0].data) == (tmp_path, out / "data")
    assert runs[0].chapters.is_relative_to(out)
    assert "Open elsewhere/html/index.html" in result.output
    assert not any((tmp_path / "data").iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-p", "horizont_days=60"], "horizont_days: no such parameter"),
        (["-p", "horizon_days=soon"], "horizon_days: Input should be a valid integer"),
        (["-p", "horizon_days"], "-p horizon_days: write NAME=VALUE"),
        (["-p", "retention_days=[a]"], "but got 'a'"),
        (["--users", "u.csv"], "give both users and events, or neither"),
    ],
)
def test_a_wrong_call_stops_before_anything_runs(runs, arguments, message):
    result = call("build", *arguments)
    assert result.exit_code == 2
    assert "Stopped." in result.output
    assert message in result.output
    assert runs == []


def test_one_error_lists_all_that_is_wrong(runs):
    output = call("build", "-p", "x=1", "-p", "horizon_days=0").output
    assert "x: no such parameter" in output
    assert "horizon_days: Input should be greater" in output
    assert "bootstrap_draws" not in output  # the names near it, not all


def test_a_failing_stage_ends_with_its_message_as_it_is(runs, monkeypatch):
    def fail(run, report, jobs=None, until=None):
        raise ReportError("notebooks/05_cohorts.ipynb, cell 3: KeyError\n    rows[users]")

    monkeypatch.setattr(runner, "run_stages", fail)
    result = call("build")
    assert result.exit_code == 2
    assert "Stopped. notebooks/05_cohorts.ipynb, cell 3: KeyError\n    rows[users]" in result.output
    assert "Traceback" not in result.output


def test_outside_a_project_the_error_says_where_to_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = call("build")
    assert result.exit_code == 2
    assert "no params.yml and notebooks/ here. Run in the project's root" in result.output


def test_the_stages_are_listed_with_what_they_read_and_write():
    output = call("stages").output
    for stage in STAGES:
        assert stage.name in output
        assert f"  writes  {', '.join(stage.writes.values())}" in output


def test_the_parameters_are_printed_as_json(runs):
    result = call("parameters")
    assert json.loads(result.output) == make_params().model_dump()


def test_without_a_command_the_help_is_shown():
    assert "Usage" in call().output


def test_a_missing_second_table_is_noticed_before_anything_runs(runs, tmp_path):
    (tmp_path / "u.csv").touch()
    result = call("build", "--users", "u.csv", "--events", "none.csv")
    assert result.exit_code == 2
    assert "events: no file or folder" in result.output
    assert runs == []
    result = call("build", "--users", "no.csv", "--events", "none.csv", "--out", "mine")
    assert "users: no file or folder" in result.output
    assert "events: no file or folder" in result.output
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(("kind", "code"), [(ReportError, 2), (FolderBusy, 3), (RunStopped, 4)])
def test_each_kind_of_error_has_its_exit_code(runs, monkeypatch, kind, code):
    def fail(run, report, jobs=None, until=None):
        raise kind("no")

    monkeypatch.setattr(runner, "run_stages", fail)
    assert call("build").exit_code == code


def test_a_refusal_of_the_machine_is_one_line(runs, monkeypatch, tmp_path):
    def fail(run, report, jobs=None, until=None):
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "x.json"))

    monkeypatch.setattr(runner, "run_stages", fail)
    result = call("build")
    assert result.exit_code == 4
    assert "Stopped. The disk is full: " in result.output
    assert "Traceback" not in result.output


def test_pages_of_an_earlier_run_are_named(runs, monkeypatch):
    monkeypatch.setattr(cli, "is_stale", lambda run: True)
    assert "are of an earlier run" in call("build", "--stages-only").output
    assert "earlier" not in call("build").output


def test_verify_prints_what_is_different_and_exits_with_1(runs, tmp_path, monkeypatch):
    assert call("verify").exit_code == 2
    assert "no run is in this folder" in call("verify", "mine").output
    for home in (tmp_path, tmp_path / "mine"):
        (home / "data" / ".state").mkdir(parents=True)
        (home / "data" / ".state" / "run.json").write_text('{"run": "a"}')
    for arguments in (["verify"], ["verify", "mine"]):
        result = call(*arguments)
        assert result.exit_code == 1
        assert "Not finished" in result.output
    as_left = Findings(("Everything is as the run left it.",), False)
    monkeypatch.setattr(verify, "find_differences", lambda run: as_left)
    assert (call("verify").exit_code, call("verify").output) == (0, as_left.lines[0] + "\n")


def test_clean_removes_what_the_default_run_made_alone(runs, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.csv").touch()
    write_json(tmp_path / "data" / ".state" / "run.json", {})
    assert call("build").exit_code == 0
    parts = tmp_path / ".churnbook" / "parts"
    parts.mkdir()
    (parts / "part.parquet").touch()
    assert call("clean").exit_code == 0
    assert not parts.exists()
    left = {
        p.relative_to(tmp_path).as_posix() for p in (tmp_path / "data").rglob("*") if p.is_file()
    }
    assert left == {"data/mine.csv"}


def test_jobs_are_passed_on(runs, monkeypatch):
    asked = []

    def run_stages(run, report, jobs=None, until=None):
        asked.append(jobs)
        raise ReportError("enough")

    monkeypatch.setattr(runner, "run_stages", run_stages)
    call("build", "--jobs", "1")
    call("build")
    assert asked == [1, None]
    assert call("build", "--jobs", "0").exit_code == 2
