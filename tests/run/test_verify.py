"""`verify` says what is not as the run left it, and who would write it again."""

import shutil

import pytest

from analysis.base.errors import FolderBusy, ReportError
from analysis.run import lock, runner, site, verify
from analysis.run.current import is_stale
from analysis.run.folders import SITE, UNFINISHED
from analysis.run.ownership import claim
from analysis.run.state import read_json
from tests.run.tiny import CELLS, make_run, write_notebook

pytestmark = pytest.mark.usefixtures("no_kernels")


@pytest.fixture
def run(project, tmp_path):
    """Give a finished run under a folder of its own, with one page."""
    run = make_run(project, tmp_path / "out")
    with lock.hold(run, wait=False, say=print):
        runner.run_stages(run, lambda *_: None)
        claim(run, [run.html / "index.html"])
        run.html.mkdir()
        (run.html / "index.html").write_text("the book")
        site.write_site_record(run)
    return run


def build(run):
    with lock.hold(run, wait=False, say=print):
        runner.run_stages(run, lambda *_: None)


def lines(run):
    return list(verify.find_differences(verify.recorded_run(run)).lines)


def test_a_run_that_nobody_touched_is_as_it_was_left(run):
    assert lines(run) == [f"Everything in {run.home} is as the run left it."]
    assert not verify.find_differences(run).is_different


@pytest.mark.parametrize(
    ("name", "writer"),
    [
        ("data/clean/users.qa.json", "01_count"),
        ("data/summary/figure.json", "02_show"),
        ("chapters/02_show.ipynb", "02_show"),
        ("data/summary/manifest.json", "Every build"),
        ("data/ro-crate-metadata.json", "Every build"),
        ("html/index.html", "The site's builder"),
    ],
)
def test_what_was_changed_or_removed_is_named_with_who_writes_it(run, name, writer):
    path = run.home / name
    path.write_text(path.read_text() + " ")
    assert f"Changed: {name}. {writer} would write it again." in lines(run)
    path.unlink()
    assert f"Missing: {name}. {writer} would write it again." in lines(run)
    assert lines(run)[-1].startswith("To bring the run up to date: churnbook build --users ")


def test_an_added_file_is_named(run):
    (run.data / "clean" / "thesis.txt").write_text("mine")
    assert lines(run)[0] == (
        "Added: data/clean/thesis.txt. No run made it, and a build leaves it alone."
    )


def test_changed_and_missing_inputs_are_named(run, project):
    users = project / "users.csv"
    users.write_text(users.read_text() + "b,2025-01-06\n")
    assert lines(run)[0] == (
        "Changed input: users.csv (users). The stages that read it would run again."
    )
    users.unlink()
    assert lines(run)[0].startswith("Missing input: users: no file or folder")


def test_a_folder_of_inputs_is_compared_file_by_file(project, tmp_path):
    folder = tmp_path / "users"
    folder.mkdir()
    for name in ("a", "b"):
        shutil.copy(project / "users.csv", folder / f"{name}.csv")
    write_notebook(project, "01_count", [CELLS["01_count"][0], CELLS["01_count"][1].replace(
        "len(Path(users).read_text().splitlines()) - 1", "2")])  # fmt: skip
    run = make_run(project, tmp_path / "out", users=str(folder))
    build(run)
    (folder / "b.csv").rename(folder / "c.csv")
    assert lines(run)[:2] == [
        f"{word} input: {name}.csv (users). The stages that read it would run again."
        for word, name in (("Missing", "b"), ("Added", "c"))
    ]


def test_a_run_that_failed_half_way_says_so_and_names_what_is_of_which(run, project):
    failing = make_run(project, run.home, seed=7, horizon_days=60)
    write_notebook(project, "02_show", [CELLS["02_show"][0], "1 / 0"])
    with pytest.raises(ReportError, match="ZeroDivisionError"):
        build(failing)
    assert "`churnbook verify` names them" in (run.data / UNFINISHED).read_text()
    found = lines(run)
    assert found[0] == "Not finished: the last run was stopped or failed."
    assert found[1].startswith("Two runs side by side: what 02_show wrote is of an earlier run (")

    write_notebook(project, "02_show", CELLS["02_show"])
    build(failing)
    assert not (run.data / UNFINISHED).exists()
    assert lines(run)[0].startswith("Older than its data: the site in ")


def test_an_artifact_newer_than_the_manifest_is_named(run, project):
    (project / "users.csv").write_text("user_id,signup_date\na,2025-01-05\nb,2025-01-06\n")
    write_notebook(project, "02_show", [CELLS["02_show"][0], "1 / 0"])
    with pytest.raises(ReportError, match="ZeroDivisionError"):
        build(run)
    newer = "clean/users.qa.json, clean/events.qa.json (01_count ran since)"
    assert f"Newer than summary/manifest.json: {newer}." in lines(run)


def test_a_site_of_other_data_is_stale(run):
    assert not is_stale(run)
    run.record(SITE).unlink()
    assert is_stale(run)
    (run.html / "index.html").unlink()
    assert not is_stale(run)


def test_the_command_that_builds_it_again_has_its_tables_and_parameters(run):
    changed = make_run(run.project, run.home, horizon_days=60, group_columns=["a b"])
    words = verify.command(changed)
    assert f"--users {run.project / 'users.csv'}" in words
    assert "-p horizon_days=60" in words
    assert """'group_columns=["a b"]'""" in words
    assert words.endswith(f" --out {run.home}")


def test_the_parameters_of_the_run_are_remembered(run):
    assert verify.recorded_run(make_run(run.project, run.home, horizon_days=9)).params == run.params
    assert read_json(run.record("run"))["params"]["horizon_days"] == run.params.horizon_days


def test_where_no_run_is_the_error_says_so(project, tmp_path):
    with pytest.raises(ReportError, match="no run is in this folder"):
        verify.recorded_run(make_run(project, tmp_path / "nothing"))


def test_a_run_under_way_is_not_verified(run):
    with (
        lock.hold(run, wait=False, say=print),
        pytest.raises(FolderBusy, match="A build is working"),
    ):
        verify.find_differences(run)


def test_without_its_marker_added_files_cannot_be_told(run):
    (run.home / ".churnbook" / "made.json").unlink()
    assert lines(run)[0].startswith("Missing: .churnbook/made.json")


def test_without_the_record_of_the_run_the_others_are_still_read(run):
    run.record("run").unlink()
    found = list(verify.find_differences(run).lines)
    assert found[0].startswith("Missing: ")
    assert "run.json" in found[0]
