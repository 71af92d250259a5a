"""A run touches no file that it did not make."""

import subprocess
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from analysis.base.errors import ReportError
from analysis.contract import stages
from analysis.contract.stages import BILL, CRATE
from analysis.run import cli, lock, ownership, runner
from analysis.run.folders import OWN
from analysis.run.ownership import MARKER, PROJECT_FOLDERS, check_out, read_made
from analysis.run.record import check_inputs
from analysis.run.state import read_json
from tests.handmade import ROOT
from tests.run.tiny import COUNT, WRITTEN, files_under, make_run

pytestmark = pytest.mark.usefixtures("no_kernels")


def build(run):
    with lock.hold(run, wait=False, say=print):
        runner.run_stages(run, lambda *_: None)


def say_nothing(*_):
    """Take the place of the terminal."""


@pytest.mark.parametrize(
    "out", [".", "..", "../..", "book", "data/mine", "src/x", "_build/html", ".git"]
)
def test_no_folder_of_the_projects_own_is_taken(project, out):
    with pytest.raises(ReportError, match="such as runs/mine"):
        check_out(project, (project / out).resolve())


def test_a_link_to_the_project_is_the_project(project, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(project)
    monkeypatch.chdir(project)
    for out in (tmp_path / "link", tmp_path / "link" / "book", ""):
        result = CliRunner().invoke(cli.app, ["build", "--out", str(out)])
        assert result.exit_code == 2
        assert "such as runs/mine" in result.output


def test_all_tracked_folders_are_the_projects_own():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    tracked = {name.split("/")[0] for name in listed.stdout.splitlines() if "/" in name}
    assert tracked <= set(PROJECT_FOLDERS)


def test_a_folder_with_other_files_is_refused_and_stays_as_it_was(project, tmp_path, monkeypatch):
    out = tmp_path / "papers"
    (out / "html").mkdir(parents=True)
    (out / "html" / "thesis.txt").write_text("years of work")
    monkeypatch.chdir(project)
    result = CliRunner().invoke(cli.app, ["build", "--out", str(out)])
    assert result.exit_code == 2
    assert "this folder is not empty, and no run made it" in result.output
    assert "it holds 'html'" in result.output
    assert "Give a new or empty folder" in result.output
    assert [p.name for p in out.rglob("*")] == ["html", "thesis.txt"]


def test_a_file_is_no_folder_for_a_run(project, tmp_path):
    (tmp_path / "mine").write_text("text")
    for name in ("mine", "mine/below"):
        with pytest.raises(ReportError, match="mine is a file. Give a folder"):
            check_out(project, tmp_path / name)


def test_a_new_an_empty_and_a_runs_folder_are_taken(project, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "run" / OWN).mkdir(parents=True)
    (tmp_path / "run" / "data").mkdir()
    for out in ("new", "empty", "run", "project/runs/mine", "project/elsewhere"):
        check_out(project, tmp_path / out)


def test_the_marker_lists_what_the_run_made_and_nothing_else(project, tmp_path):
    out = tmp_path / "out"
    run = make_run(project, out)
    build(run)
    chapters = ["chapters/01_count.ipynb", "chapters/02_show.ipynb"]
    assert files_under(out) == sorted([*chapters, *(f"data/{name}" for name in WRITTEN)])
    records = [f"data/.state/{name}.json" for name in ("01_count", "02_show", "run", "timings")]
    assert read_made(out) == {*files_under(out), *records}

    # other people's files are kept by later builds, and never join the list
    mine = out / "data" / "summary" / "notes.txt"
    mine.write_text("mine")
    build(make_run(project, out, horizon_days=60))
    assert mine.read_text() == "mine"
    assert "data/summary/notes.txt" not in read_made(out)


def test_a_file_in_the_place_of_an_artifact_stops_the_run_before_it_begins(project, tmp_path):
    out = tmp_path / "out"
    mine = out / "data" / "summary" / "figure.json"
    mine.parent.mkdir(parents=True)
    (out / OWN).mkdir()
    mine.write_text("mine")
    with pytest.raises(ReportError, match=r"figure.json: no run made this file.* \(1 such\)"):
        build(make_run(project, out))
    assert files_under(out) == ["data/summary/figure.json"]
    assert mine.read_text() == "mine"


def test_a_file_put_in_the_place_of_a_removed_artifact_is_nobodys(project, tmp_path):
    run = make_run(project, tmp_path / "out")
    build(run)
    figure = run.data / "summary" / "figure.json"
    with lock.hold(run, wait=False, say=print):
        figure.unlink()
    figure.write_text("mine")
    with pytest.raises(ReportError, match="no run made this file"):
        build(run)
    assert figure.read_text() == "mine"


@pytest.mark.parametrize("linked", ["data", "data/summary", "data/summary/figure.json", "chapters"])
def test_a_run_does_not_write_through_a_link(project, tmp_path, linked):
    out, target = tmp_path / "out", tmp_path / "precious"
    target.mkdir()
    (out / linked).parent.mkdir(parents=True)
    (out / linked).symlink_to(target)
    with pytest.raises(ReportError, match=f"{linked}: this is a symbolic link to {target}"):
        build(make_run(project, out))
    assert list(target.iterdir()) == []


def test_without_a_marker_the_records_tell_what_is_the_runs(project, tmp_path):
    run = make_run(project, tmp_path / "out")
    build(run)
    made = read_made(run.home)
    for damaged in ("", "{", "[]", '{"files": 3}'):
        (run.home / MARKER).write_text(damaged)
        build(run)
        assert read_made(run.home) == made

    (run.home / MARKER).unlink()
    (run.data / "summary" / "figure.json").write_text("mine")
    with pytest.raises(ReportError, match=r"figure.json: no run made this file"):
        build(run)


def test_a_default_run_of_an_earlier_version_is_taken_over(project):
    run = make_run(project)
    runner.run_stages(run, say_nothing)  # as then: no marker, and no record of the whole run
    for path in (run.record("run"), *(run.data / name for name in (BILL, CRATE))):
        path.unlink()
    build(run)
    assert {"data/summary/manifest.json", "book/chapters/01_count.ipynb"} <= read_made(project)


def test_removing_what_a_run_made_leaves_the_rest(project):
    run = make_run(project)
    (project / "data").mkdir()
    (project / "data" / "README.md").write_text("tracked")
    build(run)
    (project / "data" / "clean" / "mine.csv").write_text("mine")
    with lock.hold(run, wait=False, say=print):
        ownership.remove(run, read_made(run.home))
    assert files_under(project / "data") == ["README.md", "clean/mine.csv"]
    assert not (project / "data" / "summary").exists()
    assert read_made(project) == set()


def test_a_table_that_the_run_would_overwrite_is_no_input(project, tmp_path, monkeypatch):
    writes_users = replace(COUNT, writes={"users": "clean/users.csv"})
    monkeypatch.setattr(stages, "STAGES", (writes_users,))
    given = tmp_path / "out" / "data" / "clean" / "users.csv"
    given.parent.mkdir(parents=True)
    given.touch()
    with pytest.raises(ReportError, match="is a file that this run writes. Copy it elsewhere"):
        check_inputs(make_run(project, tmp_path / "out", users=str(given)))


def test_the_marker_is_json_that_says_who_wrote_it(project, tmp_path):
    run = make_run(project, tmp_path / "out")
    build(run)
    assert read_json(run.home / MARKER)["made_by"] == "churnbook"
