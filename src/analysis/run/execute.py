"""Run one notebook with papermill; its artifacts appear only when all of it has succeeded."""

import ast
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager
from traitlets.config import Config

from analysis.base.errors import ReportError
from analysis.base.files import keep_private
from analysis.contract.stages import Stage
from analysis.run.fingerprint import METADATA, parse
from analysis.run.folders import Run, notebook_of

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


def execute(run: Run, stage: Stage) -> None:
    """Run the notebook of `stage`; its outputs appear only when all of it has succeeded.

    Raises ReportError that names the notebook and shows the cell's error.
    """
    import papermill  # slow to import, and not needed when nothing has changed
    from papermill.exceptions import PapermillExecutionError

    source = notebook_of(run, stage)
    check_parameters(nbformat.read(source, as_version=4), stage)
    run.data.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{stage.name}-", dir=run.data))
    sockets = tempfile.mkdtemp(prefix="churnbook-")  # of its own: a long path is no socket
    try:
        values = {"inputs": str(run.data), "outputs": str(folder)}
        values |= run.params.model_dump(include={*stage.params})
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
            raise ReportError(_message(stage, error)) from error
        missing = [path for path in stage.writes.values() if not (folder / path).is_file()]
        if missing:
            raise ReportError(f"{stage.name}.ipynb: finished without writing {missing[0]}.")
        _publish(run, stage, executed)
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


def _message(stage: Stage, error: Any) -> str:
    name, text = str(error.ename), str(error.evalue)
    if name == "ReportError":
        return f"notebooks/{stage.name}.ipynb: {text}"
    return (
        f"notebooks/{stage.name}.ipynb, cell {error.exec_count}: {name}: {text}\n"
        f"  in:\n{_indent(str(error.source))}"
    )


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _publish(run: Run, stage: Stage, executed: Path) -> None:
    notebook = tidy(nbformat.read(executed, as_version=4))
    nbformat.write(notebook, executed)
    for path in stage.writes.values():
        target = Path(run.path_of(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        is_private = (executed.parent / path).stat().st_mode & 0o077 == 0
        os.replace(executed.parent / path, target)
        if is_private:
            keep_private(target)
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
