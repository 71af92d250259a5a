"""Files that follow from the declarations: the table of contents, and what is where in data/."""

from pathlib import Path

import nbformat
import yaml

from analysis.book.told import without_told
from analysis.contract import catalogue, stages
from analysis.contract.stages import ABOUT_RUN, PARTS, Stage

BY_HAND = (
    "how_to_read", "definitions", "data_contract", "data_dictionary", "provenance", "detection",
    "truth",
)  # fmt: skip
"""The hand-written pages of the last part, in the reader's order."""
TOC, DATA_README = "_toc.yml", "data/README.md"


def render_toc() -> str:
    """Return `_toc.yml`: the summary first, then every part with its chapters."""
    parts = [
        {"caption": part, "chapters": [{"file": page} for page in _pages_of(part)]}
        for part in PARTS
    ]
    toc = {"format": "jb-book", "root": "index", "parts": parts}
    return yaml.safe_dump(toc, sort_keys=False)


def _pages_of(part: str) -> list[str]:
    by_hand = [f"book/{name}" for name in BY_HAND] if part == PARTS[-1] else []
    chapters = [f"book/chapters/{stage.name}" for stage in stages.STAGES if stage.part == part]
    return chapters + by_hand


def render_data_readme() -> str:
    """Return `data/README.md`: every file that a run writes, what it holds, and its stage."""
    rows = [row for stage in stages.STAGES for row in _rows_of(stage)]
    rows += [f"| `{path}` | {what} | after the last stage |" for path, what in ABOUT_RUN.items()]
    return "\n".join((DATA_HEAD, *rows, DATA_FOOT))


def _rows_of(stage: Stage) -> list[str]:
    return [
        f"| `{path}` | {catalogue.title_of(name)} | {stage.name} |"
        for name, path in stage.writes.items()
    ]


DATA_HEAD = """\
# What is where

A run writes all of this; only this page is tracked, and `make clean` removes the rest. This page is
made by `make notebooks` from the declarations of the stages and the catalogue.

| file | what it holds | written by |
|---|---|---|
| `raw/` | The simulated default tables, and `truth.json`, which no stage reads | the runner |\
"""
DATA_FOOT = """
CSV and JSON files are UTF-8; times are UTC. Every column is described on the page Data dictionary.
"""


def keep_english(executed: Path, target: Path) -> None:
    """Write an executed notebook to `target` with what it shows in English alone."""
    notebook = nbformat.read(executed, as_version=4)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output["data"]["text/html"] = without_told(output["data"]["text/html"])
    nbformat.write(notebook, target)


def write_documents(project: Path) -> list[str]:
    """Write the documents into `project`; return the names of those that changed."""
    texts = {TOC: render_toc(), DATA_README: render_data_readme()}
    changed = [
        name for name, text in texts.items()
        if not (project / name).is_file() or (project / name).read_text(encoding="utf-8") != text
    ]  # fmt: skip
    for name in changed:
        (project / name).write_text(texts[name], encoding="utf-8")
    return changed
