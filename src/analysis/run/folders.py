"""The folders of a run: the project, its artifacts and the executed notebooks."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.base.addresses import Copy
from analysis.base.errors import ReportError
from analysis.contract import stages
from analysis.contract.params import Params, load_params
from analysis.contract.stages import ABOUT_RUN, PAGES, RAW, Stage

STATE = ".state"
"""Under the data folder: what the run remembers of each stage."""
OWN = ".churnbook"
"""In the folder that a run owns: the list of what it made, and the lock."""
LOCALE = Path("book", "locale")
"""In the project: the catalogues of messages."""
PAGES_IN_WORDS = "pages"
"""The catalogue of the pages and the notebooks; all else is in language.DOMAIN."""
UNFINISHED = "UNFINISHED.txt"
"""Under the data folder, while a run is not finished."""
OF_THE_RUN = (*ABOUT_RUN, UNFINISHED)
"""What the runner itself writes under the data folder."""
PARAMS = "params.yml"
"""In the project: every parameter. In the folder of another run: those that differ there."""
LOCK_FILE = "requirements.lock"
"""In the project: the packages, with exact versions."""
SIMULATE, RUN, SITE = "00_simulate", "run", "site"
"""Records besides those of the stages: the simulated tables, the whole run, the built pages."""
TIMINGS = "timings"
"""The record of what the stages used of the machine: see run.usage."""
SIMULATED = ("users.csv", "events.parquet", "truth.json", "user_truth.parquet")


@dataclass(frozen=True)
class Run:
    """The folders of a run: the project, its artifacts and the executed notebooks; and, by their
    addresses, the tables in databases that it has read.
    """

    project: Path
    data: Path
    chapters: Path
    params: Params
    copies: Mapping[str, Copy] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """The folder that the run owns: `--out`, or the project for the default run."""
        return Path(os.path.commonpath([self.data, self.chapters]))

    @property
    def is_default(self) -> bool:
        """Whether this is the run kept in the project itself."""
        return self.home == self.project

    @property
    def html(self) -> Path:
        """The folder of the built pages."""
        return self.project / "_build" / "html" if self.is_default else self.home / "html"

    @property
    def temporary(self) -> Path:
        """The folder of what is not finished: emptied before the next run."""
        return self.data / STATE / "tmp"

    @property
    def parts(self) -> Path:
        """The folder of what was read of a log's files: see log.parts."""
        return self.home / OWN / "parts"

    def raw(self, table: str) -> str:
        """Return where the input table (`users` or `events`) is: the given or simulated one, or the
        copy of one in a database.
        """
        copy = self.copy_of(table)
        given: str | None = copy.path if copy else getattr(self.params, table)
        return given or str(self.data / RAW[table])

    def copy_of(self, table: str) -> Copy | None:
        """Return the copy of an input table that is in a database and has been read."""
        return self.copies.get(getattr(self.params, table) or "")

    def values_of(self, stage: Stage) -> dict[str, Any]:
        """Return the parameters of `stage`, with the copy of a table for its address."""
        values = self.params.model_dump(include={*stage.params})
        return values | {t: self.raw(t) for t in RAW if t in values and self.copy_of(t)}

    def path_of(self, artifact: str) -> str:
        """Return where `artifact` is: a path under data, or a page of the project."""
        if artifact in PAGES:
            return str(self.project / artifact)
        return str(self.data / artifact)

    def record(self, name: str) -> Path:
        """Return where the record called `name` is: of a stage, RUN, SITE, SIMULATE or TIMINGS."""
        return self.data / STATE / f"{name}.json"


def default_run(project: Path, params: Params | None = None) -> Run:
    """Return the run kept in the project itself: `data/` and `book/chapters/`."""
    chosen = params or load_params(project / "params.yml")
    return Run(project, project / "data", project / "book" / "chapters", chosen)


def run_under(project: Path, out: Path, params: Params) -> Run:
    """Return the run kept under the folder `out`: `data/`, `chapters/` and `html/` in it."""
    return Run(project, out / "data", out / "chapters", params)


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


def simulated_tables(run: Run) -> dict[str, Path]:
    """Return the files of the simulated tables; none when tables are given."""
    return {} if run.params.users else {name: run.data / "raw" / name for name in SIMULATED}


def files_of(run: Run) -> list[Path]:
    """Return every file that the stages and the runner write, the site's pages left out."""
    outputs = [path for stage in stages.STAGES for path in outputs_of(run, stage).values()]
    names = (SIMULATE, RUN, SITE, TIMINGS, *(stage.name for stage in stages.STAGES))
    records = [run.record(name) for name in names]
    others = [Path(run.path_of(path)) for path in OF_THE_RUN]
    return [*outputs, *records, *others, *simulated_tables(run).values()]
