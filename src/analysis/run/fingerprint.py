"""Digests of all that decides what a stage gives: what has not changed is not run again."""

import ast
import functools
import hashlib
import json
import threading
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from analysis.base.language import DOMAIN
from analysis.contract.stages import RAW, Stage, reads_of
from analysis.run.digests import combined, digest, files_in
from analysis.run.folders import LOCALE, Run, notebook_of
from analysis.run.tables import digests_of

HELPERS = Path(__file__).parents[1]
SIMULATION = HELPERS.with_name("simulation")  # not imported: it is slow to


PARSING = threading.Lock()
"""Held while parsing: CPython 3.11 counts the depth of its parser once for all threads."""


def code_digest(package: Path) -> str:
    """Return a digest of all files of code and texts (YAML) of a package, in the order of their
    paths.
    """
    files = (path for path in sorted(package.rglob("*")) if path.suffix in (".py", ".yml"))
    digests = [digest(path) for path in files]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _sha256_of(run: Run, table: str) -> str:
    return combined(found for _, found in digests_of(run, table))


def parse(source: str) -> ast.Module:
    with PARSING:
        return ast.parse(source)


@functools.cache
def _imports(source: str) -> frozenset[str]:
    """Return the helper modules that Python `source` imports, found once for all stages."""
    modules: set[str] = set()
    for node in ast.walk(parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("analysis"):
            module = (node.module or "").removeprefix("analysis").strip(".")
            modules |= {f"{module}.{a.name}".strip(".") for a in node.names}
        elif isinstance(node, ast.Import):
            modules |= {a.name.removeprefix("analysis.") for a in node.names}
    return frozenset(parent for module in modules for parent in _with_packages(module))


def _with_packages(module: str) -> list[str]:
    """Return a module and the packages it is in: importing it runs them all."""
    parts = module.split(".")
    return [".".join(parts[: n + 1]) for n in range(len(parts))]


def _module_file(module: str) -> Path | None:
    base = HELPERS.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def _files_beside(helper: Path) -> list[Path]:
    """Return the files in the folder named like a helper: what it reads, such as the catalogue."""
    folder = helper.with_suffix("")
    return [path for path in folder.glob("*") if path.is_file()] if folder.is_dir() else []


def helpers_of(source: str) -> list[Path]:
    """Return the files of the helpers that `source` depends on, directly or not, sorted."""
    files: set[Path] = set()
    waiting = [source]
    while waiting:
        needed = {path for m in _imports(waiting.pop()) if (path := _module_file(m))}
        waiting += [path.read_text(encoding="utf-8") for path in needed - files]
        files |= needed
    return sorted({*files, *(path for helper in files for path in _files_beside(helper))})


def _code(notebook: Any) -> str:
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    lines = "\n".join(cells).splitlines()
    return "\n".join(line for line in lines if not line.startswith("%"))


METADATA = ("tags", "mystnb", "churnbook")
"""What a cell keeps of its metadata: the rest is papermill's, or of an editor."""


def package_versions() -> dict[str, str]:
    """Return the version of each package the project names, and nothing of the machine."""
    with PARSING:  # that of markers is Python's
        named = [Requirement(text) for text in requires("churnbook") or []]
    names = sorted(r.name for r in named if r.marker is None or r.marker.evaluate({"extra": ""}))
    return {name: version(name) for name in names}


def fingerprint(run: Run, stage: Stage) -> str:
    """Return a digest of what determines the results of `stage`: cells, helpers, parameters,
    inputs and package versions.
    """
    import nbformat  # slow to import, and not needed when nothing has changed

    notebook = nbformat.read(notebook_of(run, stage), as_version=4)
    helpers = {str(p.relative_to(HELPERS)): digest(p) for p in helpers_of(_code(notebook))}
    tables = [name for name in RAW if name in stage.params]
    inputs = {artifact: _input_digest(run, artifact) for artifact in reads_of(stage)}
    inputs |= {name: _sha256_of(run, name) for name in tables}
    parts = {
        "cells": [(cell.cell_type, cell.source, _kept(cell)) for cell in notebook.cells],
        "helpers": helpers,
        "parameters": run.params.model_dump(include={*stage.params} - {*tables}),
        "inputs": inputs,
        "packages": package_versions(),
        "messages": [digest(path) for path in messages_of(run)],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def messages_of(run: Run) -> list[Path]:
    """Return the catalogues in whose languages a stage tells what it shows."""
    return sorted((run.project / LOCALE).glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def _kept(cell: Any) -> dict[str, Any]:
    return {name: value for name, value in cell.metadata.items() if name in METADATA}


def _input_digest(run: Run, artifact: str) -> str:
    path = Path(run.path_of(artifact))
    return digest(path) if files_in(path) else "missing"
