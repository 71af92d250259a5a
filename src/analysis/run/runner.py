"""Run the stages: papermill per notebook, side by side, only what has changed."""

import ast
import hashlib
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager
from traitlets.config import Config

import simulation
from analysis.base.engine import list_files
from analysis.base.errors import ReportError
from analysis.contract.params import Params, load_notes, load_params
from analysis.contract.stages import (
    MANIFEST,
    OF_PROJECT,
    RAW_EVENTS,
    RAW_USERS,
    STAGES,
    Stage,
    find,
    needs,
)

HELPERS = Path(__file__).parents[1]
SIMULATION = Path(simulation.__file__).parent
PARSING = threading.Lock()
"""Held while parsing: CPython 3.11 counts the depth of its parser once for all threads."""
STATE = ".state"
KERNEL_ENVIRONMENT = {
    "TZ": "UTC",
    "LC_ALL": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
"""The same clock, locale and order of sums on every machine. One thread a kernel, for kernels
run side by side: threads that wait for each other's cores take ten times as long.
"""
Report = Callable[[str, str, float], None]
"""Called with a stage's name, what became of it, and the seconds it took."""


@dataclass(frozen=True)
class Run:
    """Where a run lives: the project, its artifacts, and the executed notebooks."""

    project: Path
    data: Path
    chapters: Path
    params: Params

    def raw(self) -> dict[str, str]:
        """Return the two raw tables of the run: given ones, or the simulated ones."""
        if self.params.users is None or self.params.events is None:
            raw = self.data / "raw"
            return {RAW_USERS: str(raw / "users.csv"), RAW_EVENTS: str(raw / "events.parquet")}
        return {RAW_USERS: self.params.users, RAW_EVENTS: self.params.events}

    def path_of(self, artifact: str) -> str:
        """Return where `artifact` (a path under data, or a raw table's name) is."""
        raw = self.raw()
        if artifact in raw:
            return raw[artifact]
        if artifact in OF_PROJECT:
            return str(self.project / artifact)
        return str(self.data / artifact)


def default_run(project: Path, params: Params | None = None) -> Run:
    """Return the run kept in the project itself: `data/` and `book/chapters/`."""
    chosen = params or load_params(project / "params.yml")
    return Run(project, project / "data", project / "book" / "chapters", chosen)


def run_default(project: Path) -> None:
    """Bring the default run up to date, quietly: what the book's build calls."""
    run_stages(default_run(project), lambda name, what, seconds: print(f"{name}: {what}"))


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sha256_of(source: str, table: str) -> str:
    digests = [sha256(path) for path in list_files(source, table)]
    return (
        digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    )


def _sha256_of_code(package: Path) -> str:
    """Return a digest of all Python files of a package, in order of their paths."""
    files = sorted(package.rglob("*.py"))
    return hashlib.sha256("".join(sha256(path) for path in files).encode()).hexdigest()


def _parse(source: str) -> ast.Module:
    with PARSING:
        return ast.parse(source)


def _imports(source: str) -> set[str]:
    """Return the helper modules that Python `source` imports."""
    found: set[str] = set()
    for node in ast.walk(_parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("analysis"):
            module = (node.module or "").removeprefix("analysis").strip(".")
            found |= {module} if module else set()
            found |= {f"{module}.{a.name}".strip(".") for a in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.name.removeprefix("analysis.") for a in node.names}
    return found


def _module_file(module: str) -> Path | None:
    base = HELPERS.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def helpers_of(source: str) -> list[Path]:
    """Return the files of the helpers that `source` depends on, directly or not, sorted."""
    files: set[Path] = set()
    waiting = [source]
    while waiting:
        found = {path for m in _imports(waiting.pop()) if (path := _module_file(m))}
        waiting += [path.read_text(encoding="utf-8") for path in found - files]
        files |= found
    return sorted(files)


def _code(notebook: Any) -> str:
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    lines = "\n".join(cells).splitlines()
    return "\n".join(line for line in lines if not line.startswith("%"))


def package_versions() -> dict[str, str]:
    """Return the version of each package the project names, and nothing of the machine."""
    named = [r for r in requires("churnbook") or [] if "extra ==" not in r]
    bare = {r.split(";")[0].split("[")[0] for r in named}
    names = sorted(
        "".join(c for c in n if c.isalnum() or c in "-_.").rstrip(".0123456789")
        for n in {b.split(">")[0].split("<")[0].split("=")[0].strip() for b in bare}
    )
    return {name: version(name) for name in names}


def fingerprint(run: Run, stage: Stage) -> str:
    """Return a digest of all that decides what `stage` gives: cells, helpers, parameters,
    inputs and package versions.
    """
    notebook = nbformat.read(_notebook(run, stage), as_version=4)
    helpers = {str(p.relative_to(HELPERS)): sha256(p) for p in helpers_of(_code(notebook))}
    parts = {
        "cells": [(cell.cell_type, cell.source) for cell in notebook.cells],
        "helpers": helpers,
        "parameters": run.params.model_dump(include=set(stage.params)),
        "inputs": {key: _input_digest(run, path) for key, path in stage.reads.items()},
        "packages": package_versions(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _input_digest(run: Run, artifact: str) -> str:
    if artifact in (RAW_USERS, RAW_EVENTS):
        return _sha256_of(run.path_of(artifact), artifact.removeprefix("raw_"))
    path = Path(run.path_of(artifact))
    return sha256(path) if path.is_file() else "missing"


def _notebook(run: Run, stage: Stage) -> Path:
    path = run.project / "notebooks" / f"{stage.name}.ipynb"
    if not path.is_file():
        raise ReportError(f"notebooks/{stage.name}.ipynb: not found. Run from the project's root.")
    return path


def _record_path(run: Run, name: str) -> Path:
    return run.data / STATE / f"{name}.json"


def _read_record(run: Run, name: str) -> dict[str, Any]:
    path = _record_path(run, name)
    if not path.is_file():
        return {}
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def _write_record(run: Run, name: str, print_: str, files: Mapping[str, Path]) -> None:
    record = {"fingerprint": print_, "outputs": {k: sha256(p) for k, p in sorted(files.items())}}
    path = _record_path(run, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _outputs(run: Run, stage: Stage) -> dict[str, Path]:
    chapter = {f"chapter:{stage.name}": run.chapters / f"{stage.name}.ipynb"}
    return {path: Path(run.path_of(path)) for path in stage.writes.values()} | chapter


def why_run(run: Run, stage: Stage, print_: str) -> str | None:
    """Return why `stage` must run, or None when all it gave is still there and right."""
    record = _read_record(run, stage.name)
    if not record:
        return "first run"
    if record["fingerprint"] != print_:
        return "changed"
    for name, path in _outputs(run, stage).items():
        if not path.is_file():
            return f"{name} is missing"
        if record["outputs"].get(name) != sha256(path):
            return f"{name} was changed by hand"
    return None


def check_parameters(notebook: Any, stage: Stage) -> None:
    """Raise ReportError unless the notebook's `parameters` cell holds just the declared names."""
    cells = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    if len(cells) != 1:
        raise ReportError(f"{stage.name}.ipynb: needs exactly one cell tagged `parameters`.")
    held = {
        target.id
        for node in _parse(cells[0].source).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    declared = {*stage.reads, *stage.writes, *stage.params}
    if held != declared:
        raise ReportError(
            f"{stage.name}.ipynb: its parameters cell and stages.py differ: "
            f"{', '.join(sorted(held ^ declared))}. Make them the same."
        )


def execute(run: Run, stage: Stage) -> None:
    """Run the notebook of `stage`; its outputs appear only when all of it has succeeded.

    Raises ReportError that names the notebook and shows the cell's error.
    """
    import papermill  # slow to import, and not needed when nothing has changed
    from papermill.exceptions import PapermillExecutionError

    source = _notebook(run, stage)
    check_parameters(nbformat.read(source, as_version=4), stage)
    run.data.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{stage.name}-", dir=run.data))
    sockets = tempfile.mkdtemp(prefix="churnbook-")  # of its own: a long path is no socket
    try:
        written = {key: folder / path for key, path in stage.writes.items()}
        for path in written.values():
            path.parent.mkdir(parents=True, exist_ok=True)
        values = {key: run.path_of(path) for key, path in stage.reads.items()}
        values |= {key: str(path) for key, path in written.items()}
        values |= run.params.model_dump(include=set(stage.params))
        executed = folder / f"{stage.name}.ipynb"
        try:
            papermill.execute_notebook(
                str(source),
                str(executed),
                parameters=values,
                cwd=str(run.project),
                kernel_name="python3",
                language="python",
                progress_bar=False,
                log_output=False,
                kernel_manager_class=QuietKernelManager,
                config=Config(KernelManager={"transport": "ipc", "ip": f"{sockets}/kernel"}),
            )
        except PapermillExecutionError as error:
            raise ReportError(_tell(stage, error)) from error
        missing = [path for key, path in stage.writes.items() if not written[key].is_file()]
        if missing:
            raise ReportError(f"{stage.name}.ipynb: finished without writing {missing[0]}.")
        _publish(run, stage, written, executed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(sockets, ignore_errors=True)


class QuietKernelManager(AsyncKernelManager):
    """A kernel manager that does not interrupt a kernel it is about to stop.

    The interrupt may arrive between two cells, and then prints an error that is none.
    """

    async def interrupt_kernel(self) -> None:  # type: ignore[override]
        """Interrupt the kernel, unless it is being shut down."""
        if not self.shutting_down:
            await super().interrupt_kernel()

    _async_interrupt_kernel = interrupt_kernel


def _tell(stage: Stage, error: Any) -> str:
    name, text = str(error.ename), str(error.evalue)
    if name == "ReportError":
        return f"notebooks/{stage.name}.ipynb: {text}"
    return (
        f"notebooks/{stage.name}.ipynb, cell {error.exec_count}: {name}: {text}\n"
        f"  in:\n{_indent(str(error.source))}"
    )


def _as_report_error(stage: Stage, error: Exception) -> ReportError:
    if isinstance(error, ReportError):
        return error
    told = ReportError(f"notebooks/{stage.name}.ipynb: {type(error).__name__}: {error}")
    told.__cause__ = error
    return told


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _publish(run: Run, stage: Stage, written: Mapping[str, Path], executed: Path) -> None:
    notebook = tidy(nbformat.read(executed, as_version=4))
    nbformat.write(notebook, executed)
    for key, path in stage.writes.items():
        target = Path(run.path_of(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(written[key], target)
    run.chapters.mkdir(parents=True, exist_ok=True)
    os.replace(executed, run.chapters / executed.name)


def tidy(notebook: Any) -> Any:
    """Return `notebook` without what depends on the machine, the clock or the paths of a run."""
    notebook.cells = [
        c for c in notebook.cells if "injected-parameters" not in c.metadata.get("tags", [])
    ]
    ran = 0
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:02d}"
        cell.metadata = {k: v for k, v in cell.metadata.items() if k in ("tags", "mystnb")}
        if cell.cell_type == "code":
            ran += 1
            cell["execution_count"] = ran
            for output in cell.outputs:
                if "execution_count" in output:
                    output["execution_count"] = ran
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return notebook


def _simulate(run: Run, report: Report) -> None:
    """Write the simulated default tables, unless they are there already."""
    if run.params.users is not None:
        return None
    p = run.params
    size = (p.simulated_users, p.simulated_events_per_user, p.simulated_seed)
    parts = [str(size), _sha256_of_code(SIMULATION), json.dumps(package_versions())]
    print_ = hashlib.sha256("".join(parts).encode()).hexdigest()
    folder = run.data / "raw"
    files = {name: folder / name for name in ("users.csv", "events.parquet")}
    record = _read_record(run, "00_simulate")
    if record.get("fingerprint") == print_ and all(
        path.is_file() and sha256(path) == record["outputs"][name] for name, path in files.items()
    ):
        return report("00_simulate", "skipped: nothing has changed", 0.0)
    start = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    simulation.write(simulation.simulate(*size), folder)
    _write_record(run, "00_simulate", print_, files)
    return report("00_simulate", "done", time.monotonic() - start)


def _attempt(run: Run, stage: Stage) -> tuple[str, float]:
    start = time.monotonic()
    print_ = fingerprint(run, stage)
    reason = why_run(run, stage, print_)
    if reason is None:
        return "skipped: nothing has changed", 0.0
    execute(run, stage)
    _write_record(run, stage.name, print_, _outputs(run, stage))
    return f"done ({reason})", time.monotonic() - start


def run_stages(run: Run, report: Report, only: list[str] | None = None) -> list[str]:
    """Bring every stage (or those in `only`) up to date; return the names of those that ran.

    Stages whose inputs are ready run side by side, one per core. The first failure
    stops the start of others and is raised as ReportError; what was finished stays.
    """
    os.environ.update(KERNEL_ENVIRONMENT)
    _simulate(run, report)
    waiting = [find(name) for name in only] if only else list(STAGES)
    names = {stage.name for stage in waiting}
    done: set[str] = set()
    ran: list[str] = []
    running: dict[Future[tuple[str, float]], Stage] = {}
    failure: ReportError | None = None
    with ThreadPoolExecutor(max_workers=max(1, os.cpu_count() or 1)) as pool:
        while running or (waiting and failure is None):
            if failure is None:
                for stage in [s for s in waiting if (needs(s) & names) <= done]:
                    waiting.remove(stage)
                    running[pool.submit(_attempt, run, stage)] = stage
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                stage = running.pop(future)
                try:
                    what, seconds = future.result()
                except Exception as error:  # whatever stopped it, told with the stage's name
                    failure = failure or _as_report_error(stage, error)
                    report(stage.name, "FAILED", 0.0)
                    continue
                report(stage.name, what, seconds)
                done.add(stage.name)
                if what.startswith("done"):
                    ran.append(stage.name)
    if failure:
        raise failure
    if not only:
        write_manifest(run)
    return ran


def write_manifest(run: Run) -> None:
    """Write what the run was made of: inputs, parameters, code and package versions, and every
    artifact with its digest. Nothing of the machine, the clock or the paths is in it.
    """
    notes = load_notes(run.project / "params.yml")
    shown = {name: _without_folder(name, v) for name, v in run.params.model_dump().items()}
    artifacts = {path: Path(run.path_of(path)) for s in STAGES for path in s.writes.values()}
    manifest = {
        "inputs": [entry for table in ("users", "events") for entry in _inputs(run, table)],
        "parameters": {
            name: {"value": value, "unit": notes[name].unit, "reason": notes[name].reason}
            for name, value in shown.items()
        },
        "packages": package_versions(),
        "code": {"sha256": _code_digest(run)},
        "artifacts": {
            name: {"sha256": sha256(path), "bytes": path.stat().st_size}
            for name, path in sorted(artifacts.items())
        },
    }
    text = json.dumps(manifest, indent=1, ensure_ascii=False)
    Path(run.path_of(MANIFEST)).write_text(text + "\n", encoding="utf-8")


def _without_folder(name: str, value: Any) -> Any:
    return Path(value).name if name in ("users", "events") and value else value


def _inputs(run: Run, table: str) -> list[dict[str, Any]]:
    qa = json.loads((run.data / "clean" / f"{table}.qa.json").read_text(encoding="utf-8"))
    source = "simulated" if run.params.users is None else "given"
    return [
        {"name": table, "file": path.name, "sha256": sha256(path), "rows": qa["rows_read"],
         "source": source}
        for path in list_files(run.raw()[f"raw_{table}"], table)
    ]  # fmt: skip


def _code_digest(run: Run) -> str:
    notebooks = "".join(sha256(_notebook(run, stage)) for stage in STAGES)
    parts = [_sha256_of_code(HELPERS), _sha256_of_code(SIMULATION), notebooks]
    return hashlib.sha256("".join(parts).encode()).hexdigest()
