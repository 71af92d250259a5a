"""The tracked notebooks: as they should read, and still giving what they show."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import pytest

from analysis.contract.params import load_params
from analysis.contract.stages import OF_PROJECT, PAGE, RAW_EVENTS, RAW_USERS, STAGES, Stage
from analysis.run.runner import KERNEL_ENVIRONMENT, Run

PROJECT = Path(__file__).resolve().parents[2]
NOTEBOOKS = PROJECT / "notebooks"
DEFAULT_PATHS = {RAW_USERS: "data/raw/users.csv", RAW_EVENTS: "data/raw/events.parquet"}
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


def default_path(artifact: str) -> str:
    return artifact if artifact in OF_PROJECT else DEFAULT_PATHS.get(artifact, f"data/{artifact}")


def test_one_notebook_per_stage():
    assert sorted(p.stem for p in NOTEBOOKS.glob("*.ipynb")) == sorted(s.name for s in STAGES)


@each_stage
def test_parameters_are_the_declared_ones_with_the_projects_defaults(stage):
    values = load_params(PROJECT / "params.yml").model_dump()
    paths = {key: default_path(path) for key, path in (stage.reads | stage.writes).items()}
    expected = paths | {name: values[name] for name in stage.params}
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
        assert set(cell.metadata) <= {"tags", "mystnb"}, "papermill's and others' metadata"
        for text in texts_of(cell):
            assert not MACHINE.search(text), MACHINE.search(text)


@each_stage
def test_each_chart_has_a_sentence_before_it(stage):
    is_told, untold = False, []
    for cell in read(stage).cells:
        if cell.cell_type == "markdown":
            is_told |= any(is_sentence(line) for line in cell.source.splitlines())
        elif is_chart(cell):
            untold += [] if is_told else [cell.source]
            is_told = False
    assert not untold


def is_sentence(line: str) -> bool:
    return bool(line.strip()) and line[0] not in "#:`{" and len(line.split()) >= 4


@each_stage
def test_each_chart_has_its_own_alternative_text(stage):
    charts = [cell for cell in read(stage).cells if is_chart(cell)]
    alts = [cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "") for cell in charts]
    assert all(len(alt.split()) >= 5 for alt in alts), alts
    assert len(set(alts)) == len(alts)


@each_stage
def test_shown_cells_are_saved_with_what_they_show(stage):
    for cell in code_cells(read(stage)):
        kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
        assert {output.output_type for output in cell.outputs} <= {"display_data", "execute_result"}
        if "hide-input" in tags(cell):
            assert ("image/png" if is_chart(cell) else "text/html") in kinds, cell.source
        else:
            assert not cell.outputs, cell.source


def lay_out(notebooks: Path, run: Run, folder: Path) -> None:
    """Make `folder` a place where notebooks run with their own defaults.

    nbval runs a notebook in its own folder, so there stand data/, book/ and the two files; it
    compares only cells with an execution count, which the tracked notebooks need not have.
    """
    shutil.copytree(run.data, folder / "data", ignore=shutil.ignore_patterns(".state"))
    shutil.copytree(PROJECT / "book", folder / "book", ignore=shutil.ignore_patterns("chapters"))
    for name in ("params.yml", PAGE):
        shutil.copy2(PROJECT / name, folder)
    for stage in STAGES:
        notebook = read(stage, notebooks)
        for number, cell in enumerate(code_cells(notebook), start=1):
            cell["execution_count"] = number
        nbformat.write(notebook, folder / f"{stage.name}.ipynb")


def validate(folder: Path, names: list[str]) -> "subprocess.CompletedProcess[str]":
    """Run strict nbval on notebooks of `folder`: text, numbers and tables compared, images not."""
    options = ["--nbval", "--nbval-current-env", "-q", "-x", "--color=no", "-p", "no:cacheprovider"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *names],
        cwd=folder,
        env=os.environ | KERNEL_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )


def validate_half(start: int, run: Run, folder: Path) -> "subprocess.CompletedProcess[str]":
    lay_out(NOTEBOOKS, run, folder)
    return validate(folder, [f"{stage.name}.ipynb" for stage in STAGES[start::2]])


def test_run_again_every_notebook_shows_what_is_saved(default_run, tmp_path):
    """Each half has a folder of its own, with the finished run in it: they run side by side."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        jobs = [pool.submit(validate_half, n, default_run, tmp_path / str(n)) for n in (0, 1)]
    for start, job in enumerate(jobs):
        done = job.result()
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        cells = sum(len(code_cells(read(stage))) for stage in STAGES[start::2])
        assert f"{cells} passed" in done.stdout


def test_a_changed_number_of_a_table_is_noticed(default_run, tmp_path):
    lay_out(NOTEBOOKS, default_run, tmp_path / "changed")
    workshop = tmp_path / "changed"
    name = "01_clean_users.ipynb"
    notebook = nbformat.read(workshop / name, as_version=4)
    html = next(o.data for c in code_cells(notebook) for o in c.outputs if "text/html" in o.data)
    html["text/html"], changed = re.subn(r">(\d[\d,]*)<", r">1\1<", html["text/html"], count=1)
    assert changed == 1
    nbformat.write(notebook, workshop / "changed.ipynb")
    done = validate(workshop, ["changed.ipynb"])
    assert done.returncode == 1
    assert "Cell outputs differ" in done.stdout
