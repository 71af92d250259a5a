"""The folders of a run: the project, its artifacts and the executed notebooks."""

from dataclasses import dataclass
from pathlib import Path

from analysis.base.errors import ReportError
from analysis.contract.params import Params, load_params
from analysis.contract.stages import PAGES, RAW, Stage


@dataclass(frozen=True)
class Run:
    """The folders of a run: the project, its artifacts and the executed notebooks."""

    project: Path
    data: Path
    chapters: Path
    params: Params

    def raw(self, table: str) -> str:
        """Return where the input table (`users` or `events`) is: the given or simulated one."""
        given: str | None = getattr(self.params, table)
        return given or str(self.data / RAW[table])

    def path_of(self, artifact: str) -> str:
        """Return where `artifact` is: a path under data, or a page of the project."""
        if artifact in PAGES:
            return str(self.project / artifact)
        return str(self.data / artifact)


def default_run(project: Path, params: Params | None = None) -> Run:
    """Return the run kept in the project itself: `data/` and `book/chapters/`."""
    chosen = params or load_params(project / "params.yml")
    return Run(project, project / "data", project / "book" / "chapters", chosen)


def notebook_of(run: Run, stage: Stage) -> Path:
    """Return the notebook of `stage`. Raises ReportError when it is not there."""
    path = run.project / "notebooks" / f"{stage.name}.ipynb"
    if not path.is_file():
        raise ReportError(f"notebooks/{stage.name}.ipynb: not found. Run from the project's root.")
    return path


def outputs_of(run: Run, stage: Stage) -> dict[str, Path]:
    """Return every file that `stage` writes: its artifacts and its executed notebook."""
    chapter = {f"chapter:{stage.name}": run.chapters / f"{stage.name}.ipynb"}
    return {path: Path(run.path_of(path)) for path in stage.writes.values()} | chapter
