"""The tracked notebooks: as they should read, and still giving what they show."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from analysis.contract import catalogue
from analysis.contract.checks import BASES
from analysis.contract.params import load_params
from analysis.contract.stages import PAGES, STAGES, Stage
from analysis.run.digests import sha256
from analysis.run.execute import KERNEL_ENVIRONMENT
from analysis.run.folders import Run

PROJECT = Path(__file__).resolve().parents[2]
NOTEBOOKS = PROJECT / "notebooks"
FOLDERS = {"inputs": "data", "outputs": "data"}
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
MACHINE = re.compile(
    r"(?<![\w./:])/(?:home|root|tmp|work|var|opt|usr|Users|mnt)/|[A-Za-z]:\\\\|\b0x[0-9a-f]{6,}\b"
)

each_stage = pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)


def read(stage: Stage, folder: Path = NOTEBOOKS) -> Any:
    return nbformat.read(folder / f"{stage.name}.ipynb", as_version=4)


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell: Any) -> list[str]:
    return list(cell.metadata.get("tags", []))


def is_chart(cell: Any) -> bool:
    return cell.cell_type == "code" and "charts.draw_" in cell.source


def parse(source: str) -> ast.Module:
    return ast.parse("\n".join(line for line in source.splitlines() if line[:1] != "%"))


def parameters_of(notebook: Any) -> dict[str, Any]:
    (cell,) = [cell for cell in notebook.cells if "parameters" in tags(cell)]
    found = {}
    for node in parse(cell.source).body:
        assert isinstance(node, ast.Assign), ast.unparse(node)
        (target,) = node.targets
        assert isinstance(target, ast.Name), ast.unparse(node)
        found[target.id] = ast.literal_eval(node.value)
    return found


def test_one_notebook_per_stage():
    assert sorted(p.stem for p in NOTEBOOKS.glob("*.ipynb")) == sorted(s.name for s in STAGES)


@each_stage
def test_parameters_are_the_declared_ones_with_the_projects_defaults(stage):
    values = load_params(PROJECT / "params.yml").model_dump()
    expected = FOLDERS | {name: values[name] for name in stage.params}
    assert parameters_of(read(stage)) == expected


@each_stage
def test_a_cell_calls_helpers_and_computes_nothing(stage):
    banned = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.Try, ast.For)
    arithmetic = (ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
    for cell in code_cells(read(stage)):
        for node in ast.walk(parse(cell.source)):
            assert not isinstance(node, banned), ast.unparse(node)
            if isinstance(node, ast.BinOp):
                assert not isinstance(node.op, arithmetic), ast.unparse(node)


@each_stage
def test_a_notebook_has_about_a_dozen_short_cells(stage):
    cells = read(stage).cells
    assert len(cells) <= 35
    assert all(cell.source.strip() for cell in cells)
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith("# ")


def texts_of(cell: Any) -> Iterable[str]:
    yield cell.source
    for output in cell.get("outputs", []):
        yield from (str(output[key]) for key in ("text", "ename", "evalue") if key in output)
        for kind, value in output.get("data", {}).items():
            if not kind.startswith("image/"):
                yield str(value)


@each_stage
def test_nothing_of_the_machine_is_kept(stage):
    notebook = read(stage)
    assert notebook.metadata == {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts in ([None] * len(counts), list(range(1, len(counts) + 1)))
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags", "churnbook"}, "papermill's and others' metadata"
        for text in texts_of(cell):
            assert not MACHINE.search(text), MACHINE.search(text)


@each_stage
def test_each_chart_has_a_sentence_before_it(stage):
    has_sentence, bare = False, []
    for cell in read(stage).cells:
        if cell.cell_type == "markdown":
            has_sentence |= any(is_sentence(line) for line in cell.source.splitlines())
        elif is_chart(cell):
            bare += [] if has_sentence else [cell.source]
            has_sentence = False
    assert not bare


def is_sentence(line: str) -> bool:
    return bool(line.strip()) and line[0] not in "#:`{" and len(line.split()) >= 4


@each_stage
def test_each_chart_says_what_it_rests_on(stage):
    for cell in filter(is_chart, read(stage).cells):
        declared = cell.metadata.get("churnbook", {}).get("rests_on")
        assert declared is not None, cell.source
        assert set(declared) <= set(BASES), cell.source
        for name in re.findall(r"\w+\.(\w+)", cell.source.partition("(")[2]):
            drawn = next((table for table in catalogue.tables() if table.name == name), None)
            assert drawn is None or set(drawn.rests_on) <= {*declared}, cell.source


@each_stage
def test_shown_cells_are_saved_with_what_they_show(stage):
    for cell in code_cells(read(stage)):
        kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
        assert {output.output_type for output in cell.outputs} <= {"display_data", "execute_result"}
        if "hide-input" in tags(cell):
            assert "text/html" in kinds, cell.source
            assert not any(kind.startswith("image/") for kind in kinds), cell.source
        else:
            assert not cell.outputs, cell.source


@each_stage
def test_a_stage_that_judges_shows_its_checks_and_no_others(stage):
    panels = [line for cell in read(stage).cells if cell.cell_type == "markdown"
              for line in cell.source.splitlines() if "{checks-panel}" in line]  # fmt: skip
    judges = "verdict_table" in stage.writes and stage.name != "09_published"
    assert panels == (["```{checks-panel}"] if judges else [])


def test_fresh_clone_says_what_to_run_first(tmp_path):
    lay_out(tmp_path)
    done = validate(tmp_path, "notebooks/")
    assert done.returncode != 0
    assert "data/ holds no finished run to compare with. Run `make book` first." in done.stderr


def lay_out(folder: Path, run: Run | None = None) -> None:
    """Make `folder` a project with the tracked notebooks and a finished run."""
    shutil.copytree(NOTEBOOKS, folder / "notebooks")
    (folder / "book").mkdir()
    for name in ("params.yml", *PAGES):
        shutil.copy2(PROJECT / name, folder / name)
    if run is not None:
        shutil.copytree(run.data, folder / "data", ignore=shutil.ignore_patterns(".state"))


def validate(folder: Path, *names: str) -> "subprocess.CompletedProcess[str]":
    """Run strict nbval from a project's root: text, numbers and tables compared, images not."""
    options = ["--nbval", "-q", "-x", "--color=no", "-p", "no:cacheprovider", "-n", "2"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--dist", "loadfile", *names],
        cwd=folder,
        env=os.environ | KERNEL_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )


def digests(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): sha256(path) for path in files}


def test_run_again_every_notebook_shows_what_is_saved_and_data_is_left_alone(default_run, tmp_path):
    lay_out(tmp_path, default_run)
    before = digests(tmp_path / "data")
    done = validate(tmp_path, "notebooks/")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    cells = sum(len(code_cells(read(stage))) for stage in STAGES)
    assert f"{cells} passed" in done.stdout
    assert digests(tmp_path / "data") == before


def test_a_changed_number_of_a_table_is_noticed(default_run, tmp_path):
    lay_out(tmp_path, default_run)
    path = tmp_path / "notebooks" / "01_clean_users.ipynb"
    notebook = nbformat.read(path, as_version=4)
    html = next(o.data for c in code_cells(notebook) for o in c.outputs if "text/html" in o.data)
    html["text/html"], changed = re.subn(r">(\d[\d,]*)<", r">1\1<", html["text/html"], count=1)
    assert changed == 1
    nbformat.write(notebook, path)
    done = validate(tmp_path, f"notebooks/{path.name}")
    assert done.returncode != 0
    assert "Cell outputs differ" in done.stdout


def test_papermill_reruns_one_notebook_and_leaves_data_alone(default_run, tmp_path):
    lay_out(tmp_path, default_run)
    before = digests(tmp_path / "data")
    words = ["notebooks/05_cohorts.ipynb", "out.ipynb", "-p", "horizon_days", "60"]
    words += ["-p", "outputs", "somewhere", "--no-progress-bar"]
    done = subprocess.run(
        [sys.executable, "-m", "papermill", *words],
        cwd=tmp_path,
        env=os.environ | KERNEL_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "somewhere" / "cohorts" / "retention_days.csv").is_file()
    assert digests(tmp_path / "data") == before
