"""What a stage may read: the artifacts it declares, from the folder of a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.base import files
from analysis.base.errors import ReportError
from analysis.contract import stages


class Store:
    """The artifacts that one stage reads, under the folder `inputs`."""

    def __init__(self, stage: str, inputs: str) -> None:
        """Open `inputs` (a folder, relative to the project's root) for the stage."""
        self.stage = stages.find(stage)
        self.folder = files.place(inputs)

    def path(self, artifact: str) -> str:
        """Return where `artifact` is. Raises ReportError when the stage does not declare it."""
        if artifact not in stages.reads_of(self.stage):
            raise ReportError(
                f"{self.stage.name} reads {artifact!r}, which it does not declare. Add it to "
                "its reads in contract/stages.py."
            )
        root = files.project_root() if artifact in stages.PAGES else self.folder
        return str(root / artifact)

    def raw(self, table: str, given: str | None) -> str:
        """Return the path of an input table: `given`, or the simulated one of this run."""
        return str(files.place(given)) if given else str(self.folder / stages.RAW[table])

    def table(
        self,
        artifact: str,
        columns: Sequence[str] | None = None,
        filters: list[Any] | None = None,
    ) -> pd.DataFrame:
        """Return a CSV or Parquet artifact as pandas: see files.read_table."""
        return files.read_table(self.path(artifact), columns, filters)

    def json(self, artifact: str) -> Any:
        """Return what a JSON artifact holds."""
        return files.read_json(self.path(artifact))

    def text(self, artifact: str) -> str:
        """Return the text of a page of the project."""
        return files.read_text(self.path(artifact))

    def exists(self, artifact: str) -> bool:
        """Say whether an artifact is there."""
        return Path(self.path(artifact)).is_file()
