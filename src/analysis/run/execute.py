"""Run one notebook with papermill; its artifacts appear only when all of it has succeeded."""

import ast
import shutil
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from traitlets.config import Config

from analysis.base.errors import ReportError, RunStopped
from analysis.base.files import keep_private
from analysis.base.language import CATALOGUES
from analysis.contract.stages import Stage
from analysis.run import limits, trouble
from analysis.run.digests import files_in
from analysis.run.fingerprint import METADATA, parse
from analysis.run.folders import LOCALE, Run, notebook_of
from analysis.run.kernels import ForkServer, KernelManager
from analysis.run.state import move
from analysis.run.usage import Usage

KERNEL_ENVIRONMENT = {
    "TZ": "UTC",
    "LC_ALL": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MIMALLOC_PURGE_DELAY": "0",
}
"""The same clock, locale and order of sums on every machine. One thread a kernel, for kernels
run side by side: threads that wait for each other's cores take ten times as long. Arrow's memory
that nobody holds any more goes back at once, if it is said before Arrow is loaded: it would stay
beside all that the engine may fill.
"""


def check_parameters(notebook: Any, stage: Stage) -> None:
    """Raise ReportError unless the notebook's `parameters` cell holds just the declared names."""
    cells = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    if len(cells) != 1:
        raise ReportError(f"{stage.name}.ipynb: needs exactly one cell tagged `parameters`.")
    held = {
        target.id
        for node in parse(cells[0].source).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    declared = {"inputs", "outputs", *stage.params}
    if held != declared:
        raise ReportError(
            f"{stage.name}.ipynb: its parameters cell and stages.py differ: "
            f"{', '.join(sorted(held ^ declared))}. Make them the same."
        )


def execute(
    run: Run, stage: Stage, sockets: Path, jobs: int = 1, server: ForkServer | None = None
) -> Usage:
    """Run the notebook of `stage`; its outputs appear only when all of it has succeeded. Return
    what its kernel used.

    `sockets` is a folder for the kernel's sockets; up to `jobs` kernels share the machine; the
    kernel is a copy of what `server` has loaded, if there is one. Raises
    ReportError that names the notebook and shows the cell's error.
    """
    source = notebook_of(run, stage)
    check_parameters(nbformat.read(source, as_version=4), stage)
    run.temporary.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{stage.name}-", dir=run.temporary))
    try:
        executed = folder / f"{stage.name}.ipynb"
        with limits.folder_for_spills(run, stage) as spilled:
            environment = limits.environment(run, stage, jobs, spilled)
            environment[CATALOGUES] = str(run.project / LOCALE)
            manager = KernelManager.of(server)
            used = _run_notebook(run, stage, executed, sockets, environment, manager)
        missing = [path for path in stage.writes.values() if not files_in(folder / path)]
        if missing:
            raise RunStopped(f"{stage.name}.ipynb: finished without writing {missing[0]}.")
        _publish(run, stage, executed)
        return used
    except OSError as error:
        raise trouble.explain(error, run.data, trouble.artifacts_of(stage)) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run_notebook(
    run: Run,
    stage: Stage,
    executed: Path,
    sockets: Path,
    environment: dict[str, str],
    manager: type[KernelManager],
) -> Usage:
    if manager.server:
        manager.server.start()
    import papermill  # slow to import, and not needed when nothing has changed
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    values = {"inputs": str(run.data), "outputs": str(executed.parent)}
    values |= run.values_of(stage)
    place = f"{sockets}/{stage.name}"
    kernel = {"transport": "ipc", "ip": place, "connection_file": f"{place}.json",
              "environment": environment}  # fmt: skip
    try:
        papermill.execute_notebook(
            str(notebook_of(run, stage)),
            str(executed),
            parameters=values,
            cwd=str(run.project),
            kernel_name="python3",
            language="python",
            progress_bar=False,
            log_output=False,
            kernel_manager_class=manager,
            config=Config(KernelManager=kernel),
        )
    except PapermillExecutionError as error:
        raise _as_report_error(run, stage, error) from error
    except DeadKernelError as error:
        held = KernelManager.used.pop(f"{place}.json", Usage()).peak_bytes
        raise trouble.killed(stage, held) from error
    return KernelManager.used.pop(f"{place}.json", Usage())


def _as_report_error(run: Run, stage: Stage, error: Any) -> ReportError:
    name, text = str(error.ename), str(error.evalue)
    notebook = f"notebooks/{stage.name}.ipynb"
    for copy in run.copies.values():
        text = text.replace(copy.path, f"{copy.name} ({copy.engine})")
    if name == "ReportError":
        return ReportError(f"{notebook}: {text}")
    refused = trouble.explain_text(f"{name}: {text}", run.data, trouble.artifacts_of(stage))
    if refused:
        return RunStopped(f"{notebook}: {refused}")
    return RunStopped(
        f"{notebook}, cell {error.exec_count}: {name}: {text}\n  in:\n{_indent(str(error.source))}"
    )


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _publish(run: Run, stage: Stage, executed: Path) -> None:
    notebook = tidy(nbformat.read(executed, as_version=4))
    nbformat.write(notebook, executed)
    for path in stage.writes.values():
        made, target = executed.parent / path, Path(run.path_of(path))
        is_private = made.stat().st_mode & 0o077 == 0
        move(made, target)
        if is_private:
            keep_private(target)
    move(executed, run.chapters / executed.name)


def tidy(notebook: Any) -> Any:
    """Return `notebook` without what depends on the machine, the clock or the paths of a run."""
    notebook.cells = [
        c for c in notebook.cells if "injected-parameters" not in c.metadata.get("tags", [])
    ]
    ran = 0
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:02d}"
        cell.metadata = {k: v for k, v in cell.metadata.items() if k in METADATA}
        if cell.cell_type == "code":
            ran += 1
            cell["execution_count"] = ran
            for output in cell.outputs:
                if "execution_count" in output:
                    output["execution_count"] = ran
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return notebook
