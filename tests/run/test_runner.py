import json
import shutil
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from analysis.base.errors import ReportError
from analysis.contract import stages
from analysis.contract.stages import MANIFEST
from analysis.run import digests, execute, fingerprint, runner
from analysis.run.folders import default_run, notebook_of, outputs_of
from tests.handmade import make_params
from tests.run.tiny import (
    CELLS,
    COUNT,
    FOLDERS,
    SHOW,
    go,
    make_run,
    temporary,
    write_notebook,
)  # fmt: skip


def edit(project, name, old, new):
    path = project / "notebooks" / f"{name}.ipynb"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_only_what_has_changed_runs_again(project):
    lines = []
    run = make_run(project)
    assert runner.run_stages(run, lambda *line: lines.append(line[:2])) == ["01_count", "02_show"]
    assert lines == [("01_count", "done (first run)"), ("02_show", "done (first run)")]
    assert json.loads((project / "data/summary/figure.json").read_text()) == {"n": 1}
    assert temporary(project) == []

    lines.clear()
    assert runner.run_stages(run, lambda *line: lines.append(line[:2])) == []
    assert {what for _, what in lines} == {"skipped: nothing has changed"}

    # a parameter of the second stage alone
    assert go(project, horizon_days=60) == ["02_show"]
    # a cell of the first stage, whose artifacts stay as they were
    edit(project, "01_count", "# How many?", "# How many are there?")
    assert go(project, horizon_days=60) == ["01_count"]
    # an input
    (project / "users.csv").write_text("user_id,signup_date\na,2025-01-05\nb,2025-01-06\n")
    assert go(project, horizon_days=60) == ["01_count", "02_show"]
    assert json.loads((project / "data/summary/figure.json").read_text()) == {"n": 2}

    manifest = json.loads((project / "data" / MANIFEST).read_text())
    assert [(i["name"], i["file"], i["rows"], i["source"]) for i in manifest["inputs"]] == [
        ("users", "users.csv", 2, "given"), ("events", "events.csv", 2, "given")
    ]  # fmt: skip
    assert manifest["parameters"]["horizon_days"]["value"] == 60
    assert manifest["parameters"]["horizon_days"]["unit"] == "days"
    figure = project / "data" / "summary" / "figure.json"
    assert manifest["artifacts"]["summary/figure.json"]["sha256"] == digests.sha256(figure)
    assert set(manifest["artifacts"]) == {*COUNT.writes.values(), *SHOW.writes.values()}

    # nothing of the machine or of the run's paths is kept
    kept = [project / "data" / MANIFEST, *(project / "book" / "chapters").iterdir()]
    assert len(kept) == 3
    for path in kept:
        assert str(project) not in path.read_text()
        assert str(Path.home()) not in path.read_text()
    chapter = nbformat.read(project / "book/chapters/02_show.ipynb", as_version=4)
    tags = [tag for cell in chapter.cells for tag in cell.metadata.get("tags", [])]
    assert "injected-parameters" not in tags
    assert chapter.cells[-1].outputs[0].data["text/plain"] == "60"


def test_a_failure_keeps_what_is_finished_and_names_the_notebook_and_the_cell(project):
    write_notebook(project, "02_show", [CELLS["02_show"][0], "rows = {}\nrows['users'] + 1"])
    lines = []
    with pytest.raises(ReportError) as caught:
        runner.run_stages(make_run(project), lambda *line: lines.append(line[:2]))
    message = str(caught.value)
    assert "notebooks/02_show.ipynb, cell" in message
    assert "KeyError: 'users'" in message
    assert "    rows['users'] + 1" in message
    assert lines == [("01_count", "done (first run)"), ("02_show", "FAILED")]
    assert (project / "data/clean/users.qa.json").is_file()
    assert not (project / "data/summary").exists()
    assert temporary(project) == []

    # the message of a helper is passed on unchanged; finished stages do not run again
    raising = "from analysis.base.errors import ReportError\nraise ReportError('users: no row. Give one.')"
    write_notebook(project, "02_show", [CELLS["02_show"][0], raising])
    lines.clear()
    with pytest.raises(ReportError, match=r"^notebooks/02_show.ipynb: users: no row. Give one.$"):
        runner.run_stages(make_run(project), lambda *line: lines.append(line[:2]))
    assert lines == [("01_count", "skipped: nothing has changed"), ("02_show", "FAILED")]


def test_a_failing_rerun_leaves_the_earlier_artifacts_as_they_were(project, sockets):
    run = make_run(project)
    (project / "data/clean").mkdir(parents=True)
    (project / "data/clean/users.qa.json").write_text("before")
    failing = (
        "from pathlib import Path\nPath(outputs, 'clean').mkdir(parents=True)\n"
        "Path(outputs, 'clean', 'users.qa.json').write_text('half')\n1 / 0"
    )
    write_notebook(project, "01_count", [CELLS["01_count"][0], failing])
    with pytest.raises(ReportError, match="ZeroDivisionError"):
        execute.execute(run, COUNT, sockets)
    assert (project / "data/clean/users.qa.json").read_text() == "before"
    assert temporary(project) == []


def test_a_kernel_keeps_to_the_limits_of_the_run(project, sockets):
    telling = (
        "import os\nfrom analysis.base.errors import ReportError\n"
        "raise ReportError(os.environ['CHURNBOOK_MEMORY_LIMIT'] + ' ' + os.environ['TMPDIR'])"
    )
    write_notebook(project, "02_show", [CELLS["02_show"][0], telling])
    run = make_run(project, memory_limit="2GB")
    with pytest.raises(ReportError, match=rf": 900MB {project}/.churnbook/tmp/02_show-"):
        execute.execute(run, SHOW, sockets)
    assert not list((project / ".churnbook" / "tmp").iterdir())


def test_a_notebook_that_leaves_out_an_artifact_is_named(project, sockets):
    write_notebook(project, "02_show", [CELLS["02_show"][0], "1 + 1"])
    with pytest.raises(
        ReportError, match="02_show.ipynb: finished without writing summary/figure.json"
    ):
        execute.execute(make_run(project), SHOW, sockets)
    assert not (project / "book/chapters/02_show.ipynb").exists()
    assert temporary(project) == []


@pytest.mark.parametrize(
    ("source", "odd"),
    [
        (FOLDERS, "horizon_days"),
        (CELLS["02_show"][0] + "\nlookback_days = 30", "lookback_days"),
        ('input = "d"\noutputs = "d"\nhorizon_days = 1', "input, inputs"),
    ],
)
def test_a_parameters_cell_that_differs_from_the_stage_names_the_difference(
    project, source, odd, sockets
):
    write_notebook(project, "02_show", [source, "1"])
    with pytest.raises(
        ReportError, match=f"02_show.ipynb: its parameters cell and stages.py differ: {odd}. Make"
    ):
        execute.execute(make_run(project), SHOW, sockets)


def test_a_notebook_needs_one_parameters_cell(project, sockets):
    path = project / "notebooks" / "02_show.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("x = 1")]), path)
    with pytest.raises(
        ReportError, match="02_show.ipynb: needs exactly one cell tagged `parameters`"
    ):
        execute.execute(make_run(project), SHOW, sockets)


def test_a_missing_notebook_is_named(project):
    (project / "notebooks" / "02_show.ipynb").unlink()
    with pytest.raises(
        ReportError, match=r"notebooks/02_show.ipynb: not found. Run from the project's root"
    ):
        fingerprint.fingerprint(make_run(project), SHOW)


def test_a_stage_depends_on_its_cells_parameters_inputs_and_helpers_and_nothing_else(
    project, monkeypatch
):
    run = make_run(project)
    (project / "data/clean").mkdir(parents=True)
    qa = project / "data/clean/users.qa.json"
    qa.write_text("{}")
    before = fingerprint.fingerprint(run, SHOW)
    assert fingerprint.fingerprint(make_run(project, seed=7, lookback_days=60), SHOW) == before
    assert fingerprint.fingerprint(make_run(project, horizon_days=60), SHOW) != before
    qa.write_text("{ }")
    changed = fingerprint.fingerprint(run, SHOW)
    assert changed != before
    monkeypatch.setattr(fingerprint, "package_versions", lambda: {"pandas": "4"})
    assert fingerprint.fingerprint(run, SHOW) != changed


def test_what_a_cell_says_of_itself_counts_and_what_an_editor_adds_does_not(project):
    run = make_run(project)
    before = fingerprint.fingerprint(run, SHOW)
    path = notebook_of(run, SHOW)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].metadata["editable"] = False
    nbformat.write(notebook, path)
    assert fingerprint.fingerprint(run, SHOW) == before
    notebook.cells[-1].metadata["churnbook"] = {"rests_on": ["churn"]}
    nbformat.write(notebook, path)
    assert fingerprint.fingerprint(run, SHOW) != before


def test_a_raw_table_in_a_folder_counts_with_all_its_files(project):
    folder = project / "users"
    folder.mkdir()
    (folder / "a.csv").write_text("user_id,signup_date\na,2025-01-05\n")
    run = make_run(project, users=str(folder))
    before = fingerprint.fingerprint(run, COUNT)
    (folder / "b.csv").write_text("user_id,signup_date\nb,2025-01-05\n")
    assert fingerprint.fingerprint(run, COUNT) != before


def test_a_changed_helper_changes_every_stage_that_imports_it(tmp_path, monkeypatch):
    names = lambda source: {path.name for path in fingerprint.helpers_of(source)}  # noqa: E731
    assert names("import pandas as pd") == set()
    assert {"survival.py", "retention.py", "engine.py"} <= names(
        "from analysis.cohorts import survival"
    )
    assert names("from analysis.cohorts import survival") == names(
        "import analysis.cohorts.survival"
    )
    assert names("from analysis.cohorts.survival import lifetimes") == names(
        "from analysis.cohorts import survival"
    )
    assert "errors.py" in names("from analysis.contract.params import Params")
    assert "cohorts.yml" in names("from analysis.contract import catalogue")
    assert "evaluation.py" not in names("from analysis.cohorts import retention")


def record(run, stage):
    """Write the stage's artifacts and the record of having made them."""
    for path in outputs_of(run, stage).values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    runner._write_record(run, stage.name, "print", outputs_of(run, stage))


def test_why_a_stage_must_run(project):
    run = make_run(project)
    assert runner.why_run(run, SHOW, "print") == "first run"
    record(run, SHOW)
    assert runner.why_run(run, SHOW, "print") is None
    assert runner.why_run(run, SHOW, "other") == "changed"
    (project / "data/summary/figure.json").write_text("mine")
    assert runner.why_run(run, SHOW, "print") == "summary/figure.json was changed by hand"
    (project / "data/summary/figure.json").unlink()
    assert runner.why_run(run, SHOW, "print") == "summary/figure.json is missing"
    record(run, SHOW)
    (project / "book/chapters/02_show.ipynb").unlink()
    assert runner.why_run(run, SHOW, "print") == "chapter:02_show is missing"


def test_a_run_knows_where_its_artifacts_and_its_tables_are(project):
    run = make_run(project)
    assert run.path_of("clean/users.parquet") == str(project / "data/clean/users.parquet")
    assert run.raw("users") == str(project / "users.csv")
    assert run.path_of(stages.PAGES[0]) == str(project / "book/checks.yml")
    simulated = replace(run, params=make_params())
    assert simulated.raw("events") == str(project / "data/raw/events.parquet")


def test_simulated_tables_are_written_once_and_again_when_they_were_changed(project):
    lines = []
    run = default_run(project, make_params(simulated_users=60, simulated_events_per_user=5))
    for _ in range(2):
        runner._simulate(run, lambda *line: lines.append(line[1]))
    users = project / "data/raw/users.csv"
    digest = digests.sha256(users)
    users.write_text("changed")
    runner._simulate(run, lambda *line: lines.append(line[1]))
    assert lines == ["done", "skipped: nothing has changed", "done"]
    assert digests.sha256(users) == digest


def test_simulated_tables_are_made_again_when_any_module_that_makes_them_changes(
    project, tmp_path, monkeypatch
):
    code = shutil.copytree(runner.SIMULATION, tmp_path / "simulation")
    monkeypatch.setattr(runner, "SIMULATION", code)
    run = default_run(project, make_params(simulated_users=60, simulated_events_per_user=5))
    outcomes = []
    for module in ("simulator.py", "faults/losses.py"):
        with (code / module).open("a") as file:
            file.write("# changed")
        for _ in range(2):
            runner._simulate(run, lambda *line: outcomes.append(line[1]))
    assert outcomes == ["done", "skipped: nothing has changed"] * 2


def test_given_tables_are_not_simulated(project):
    lines = []
    runner._simulate(make_run(project), lines.append)
    assert lines == []
    assert not (project / "data/raw").exists()


def test_what_is_kept_of_a_notebook_is_the_same_on_every_machine():
    cell = new_code_cell("1", execution_count=7)
    cell.metadata = {"tags": ["hide-input"], "papermill": {"duration": 1.2}}
    cell.outputs = [
        nbformat.v4.new_output("execute_result", {"text/plain": "1"}, execution_count=7)
    ]
    injected = new_code_cell('inputs = "/home/me/data"')
    injected.metadata["tags"] = ["injected-parameters"]
    notebook = new_notebook(
        cells=[injected, cell], metadata={"papermill": {"output_path": "/home/me"}}
    )
    tidied = execute.tidy(notebook)
    assert [c.source for c in tidied.cells] == ["1"]
    assert tidied.cells[0].metadata == {"tags": ["hide-input"]}
    assert (tidied.cells[0].id, tidied.cells[0].execution_count) == ("cell-00", 1)
    assert tidied.cells[0].outputs[0].execution_count == 1
    assert "/home/me" not in nbformat.writes(tidied)
    nbformat.validate(tidied)


def test_the_versions_kept_are_those_of_the_packages_the_project_names():
    versions = fingerprint.package_versions()
    assert not {"pytest", "ruff", "mypy"} & set(versions)  # of the extra "dev"
    assert {"pandas", "ibis-framework", "scikit-learn", "jupyter-book"} <= set(versions)
    assert all(found[0].isdigit() for found in versions.values())
