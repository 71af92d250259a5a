"""A tiny project of two stages, with its own tables: what a run does to it takes two seconds."""

import shutil
import tempfile
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from analysis.contract.stages import Stage
from analysis.run import runner
from analysis.run.folders import STATE, default_run, notebook_of, run_under
from analysis.run.state import move
from analysis.run.usage import Usage
from tests.handmade import ROOT, make_params

COUNT = Stage(
    "01_count",
    "Can it be trusted?",
    reads=(),
    writes={"users_qa": "clean/users.qa.json", "events_qa": "clean/events.qa.json"},
    params=("users", "seed"),
)
SHOW = Stage(
    "02_show",
    "Can it be trusted?",
    reads=("clean/users.qa.json",),
    writes={"metrics": "summary/figure.json"},
    params=("horizon_days",),
)
FOLDERS = 'inputs = "data"\noutputs = "data"\n'
CELLS = {
    "01_count": [
        FOLDERS + "users = None\nseed = 1",
        "import json\nfrom pathlib import Path\n"
        "rows = len(Path(users).read_text().splitlines()) - 1\n"
        "folder = Path(outputs) / 'clean'\nfolder.mkdir(parents=True)\n"
        "for name in ('users.qa.json', 'events.qa.json'):\n"
        '    (folder / name).write_text(json.dumps({"rows_read": rows}))',
    ],
    "02_show": [
        FOLDERS + "horizon_days = 1  # days",
        "from pathlib import Path\nfrom analysis.base import files",
        "rows = files.read_json(f'{inputs}/clean/users.qa.json')['rows_read']\n"
        "Path(outputs, 'summary').mkdir()\n"
        "files.write_json({'n': rows}, f'{outputs}/summary/figure.json')\nhorizon_days",
    ],
}
WRITTEN = [
    "clean/events.qa.json", "clean/users.qa.json", "ro-crate-metadata.json",
    "summary/bill_of_materials.cdx.json", "summary/figure.json", "summary/manifest.json",
]  # fmt: skip
"""What a whole run leaves under data, its records left out."""


def write_notebook(project, name, cells):
    """Write the notebook `name` with these cells, the first being its parameters."""
    first, *rest = [new_code_cell(cell) for cell in cells]
    first.metadata["tags"] = ["parameters", "remove-cell"]
    notebook = new_notebook(cells=[new_markdown_cell("# How many?"), first, *rest])
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata["kernelspec"] = kernel
    nbformat.write(notebook, project / "notebooks" / f"{name}.ipynb")


def write_project(root):
    """Write the project under `root`; the caller makes COUNT and SHOW the stages."""
    (root / "notebooks").mkdir(parents=True)
    shutil.copy(ROOT / "params.yml", root)
    (root / "users.csv").write_text("user_id,signup_date\na,2025-01-05\n")
    (root / "events.csv").write_text("user_id,event_type,event_timestamp\na,x,2025-01-05\n")
    for name, cells in CELLS.items():
        write_notebook(root, name, cells)
    return root


def make_run(project, out=None, **changed):
    """Return the project's default run, or the one under `out`, on the project's tables."""
    tables = {name: str(project / f"{name}.csv") for name in ("users", "events")}
    params = make_params(**{**tables, **changed})
    return run_under(project, out, params) if out else default_run(project, params)


def go(project, **changed):
    """Run both stages; return the names of those that ran."""
    return runner.run_stages(make_run(project, **changed), lambda *_: None)


def execute_here(run, stage, _sockets, _jobs=1, _server=None):
    """Run the notebook of `stage` in this process: no kernel to wait for."""
    source = notebook_of(run, stage)
    cells = [c.source for c in nbformat.read(source, 4).cells if c.cell_type == "code"]
    run.temporary.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=run.temporary) as folder:
        names = {}
        exec(cells[0], names)
        names |= run.values_of(stage)
        names |= {"inputs": str(run.data), "outputs": folder}
        for cell in cells[1:]:
            exec(cell, names)
        for path in stage.writes.values():
            move(Path(folder, path), run.data / path)
    run.chapters.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, run.chapters)
    return Usage()


def files_under(folder):
    """Return the names of all files under `folder`, records and marker left out."""
    names = [p.relative_to(folder) for p in folder.rglob("*") if not p.is_dir()]
    return sorted(n.as_posix() for n in names if not {STATE, ".churnbook"} & set(n.parts))


def temporary(project):
    """Return what a run left unfinished: none of it is needed once the run has ended."""
    hidden = [p.name for p in (project / "data").iterdir() if p.name[0] == "." and p.name != STATE]
    unfinished = project / "data" / STATE / "tmp"
    return hidden + ([p.name for p in unfinished.iterdir()] if unfinished.is_dir() else [])


RUN_STAGES = """\
import sys
from pathlib import Path
from typer.testing import CliRunner
from analysis.contract import stages
from analysis.run import cli, runner, site
from tests.run.tiny import COUNT, SHOW
stages.STAGES = cli.STAGES = (COUNT, SHOW)
cli._say_checks = lambda run: False
builder = [sys.executable, "-c", "import time; print(1, file=open('building', 'w')); time.sleep(60)"]
site.command_of = lambda source: builder
cli.app()
"""
"""The command on the tiny project, in a process of its own: python -c RUN_STAGES build ..."""
