import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from analysis.base.errors import ReportError
from analysis.contract.stages import STAGES
from analysis.run import cli, runner
from analysis.run.folders import default_run
from tests.handmade import ROOT, make_params

CHECKS = pd.DataFrame({
    "check": ["leakage", "drift", "orphans"], "status": ["fail", "warn", "pass"],
    "evidence": ["rows[users] and [/b] are printed as they are", "", ""],
})  # fmt: skip


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Give an empty project as the working folder, and a list of the runs that were asked for."""
    asked = []

    def run_stages(run, report):
        asked.append(run)
        report("01_clean_users", "done (first run)", 1.2)
        report("02_clean_events", "skipped: nothing has changed", 0.0)
        summary = run.data / "summary"
        summary.mkdir(parents=True, exist_ok=True)
        CHECKS.to_csv(summary / "checks.csv", index=False)
        return ["01_clean_users"]

    monkeypatch.setattr(runner, "run_stages", run_stages)
    monkeypatch.setattr(
        cli, "build_site", lambda run, out: (out or run.project) / "html" / "index.html"
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
    assert "01_clean_users   done (first run)   1.2 s" in result.output
    assert "02_clean_events  skipped: nothing has changed" in result.output
    assert f"1 of {len(STAGES)} stages ran" in result.output
    assert "Open html/index.html" in result.output
    assert "Checks: 1 fail, 1 warn, 1 pass." in result.output
    assert "fail leakage: rows[users] and [/b] are printed as they are" in result.output


def test_stages_only_builds_no_site(runs):
    assert "Open" not in call("build", "--stages-only").output
    assert len(runs) == 1


def test_strict_exits_with_1_when_a_check_fails(runs, monkeypatch):
    assert call("build", "--strict").exit_code == 1
    monkeypatch.setitem(CHECKS, "status", ["warn", "warn", "pass"])
    assert call("build", "--strict").exit_code == 0


def test_given_tables_are_named_by_their_whole_path(runs, tmp_path):
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
    result = call("build", "--out", "elsewhere")
    out = tmp_path / "elsewhere"
    assert (runs[0].project, runs[0].data) == (tmp_path, out / "data")
    assert runs[0].chapters.is_relative_to(out)
    assert "Open elsewhere/html/index.html" in result.output
    assert not (tmp_path / "data").exists()


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
    assert result.exit_code == 1
    assert "Stopped." in result.output
    assert message in result.output
    assert runs == []


def test_one_error_lists_the_parameters_that_exist(runs):
    output = call("build", "-p", "x=1", "-p", "horizon_days=0").output
    assert "x: no such parameter" in output
    assert "horizon_days: Input should be greater" in output
    assert "Parameters that exist: users, events" in output


def test_a_failing_stage_ends_with_its_message_as_it_is(runs, monkeypatch):
    def fail(run, report):
        raise ReportError("notebooks/05_cohorts.ipynb, cell 3: KeyError\n    rows[users]")

    monkeypatch.setattr(runner, "run_stages", fail)
    result = call("build")
    assert result.exit_code == 1
    assert "Stopped. notebooks/05_cohorts.ipynb, cell 3: KeyError\n    rows[users]" in result.output
    assert "Traceback" not in result.output


def test_outside_a_project_the_error_says_where_to_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = call("build")
    assert result.exit_code == 1
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


def test_the_site_of_a_run_elsewhere_is_a_copy_without_the_default_chapters(tmp_path):
    project, out = tmp_path / "project", tmp_path / "out"
    (project / "book" / "chapters").mkdir(parents=True)
    (project / "book" / "chapters" / "old.ipynb").write_text("{}")
    for name in ("index.md", "_toc.yml", "params.yml", "book/definitions.md"):
        (project / name).write_text(name)
    (project / "_config.yml").write_text("sphinx: {config: {churnbook_data: data}}")
    run = cli._run_under(project, out, make_params())
    site = cli._copy_site(run, out)
    assert not (site / "book" / "chapters" / "old.ipynb").exists()
    assert (site / "book" / "definitions.md").read_text() == "book/definitions.md"
    config = yaml.safe_load((site / "_config.yml").read_text())
    assert (site / config["sphinx"]["config"]["churnbook_data"]).resolve() == run.data
    assert not Path(config["sphinx"]["config"]["churnbook_data"]).is_absolute()


def test_a_site_that_fails_to_build_is_reported(tmp_path, monkeypatch):
    run = default_run(tmp_path, make_params())
    monkeypatch.setattr(
        cli, "_jupyter_book", lambda source: "The site was not built:\nindex.md:3: WARNING"
    )
    with pytest.raises(ReportError, match="not built:\nindex.md:3"):
        cli.build_site(run, None)


def test_a_built_site_replaces_the_one_before(tmp_path, monkeypatch):
    run, out = default_run(tmp_path, make_params()), tmp_path / "out"
    source = tmp_path / "source"

    def build(path):
        page = path / "_build" / "html" / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("new")

    def refuse(run, site, given):
        raise ReportError("page and cell")

    monkeypatch.setattr(cli, "_copy_site", lambda run, out: source)
    monkeypatch.setattr(cli, "_jupyter_book", build)
    monkeypatch.setattr(cli, "require_disclosable", refuse)
    (out / "html").mkdir(parents=True)
    (out / "html" / "gone.html").write_text("old")
    with pytest.raises(ReportError, match="page and cell"):
        cli.build_site(run, out)
    assert [path.name for path in (out / "html").iterdir()] == ["gone.html"], "a refused site"
    monkeypatch.setattr(cli, "require_disclosable", lambda run, site, given: None)
    page = cli.build_site(run, out)
    assert (page, page.read_text()) == (out / "html" / "index.html", "new")
    assert [path.name for path in (out / "html").iterdir()] == ["index.html"]
    assert [path.name for path in out.iterdir()] == ["html"]
