"""All that decides the bytes of a build, as one digest: see run.current for what it is for."""

import hashlib
import json
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from analysis.contract import stages
from analysis.contract.stages import PAGES
from analysis.run.digests import digest
from analysis.run.fingerprint import HELPERS, SIMULATION, messages_of
from analysis.run.folders import LOCK_FILE, Run, notebook_of

TABLES = ("users", "events")
SOURCES = ("_config.yml", "_toc.yml", "index.md", "params.yml", "book")
"""What the site is built from, besides the executed notebooks."""


def digests_of_inputs(run: Run) -> dict[str, list[str]]:
    """Return the checksums of the given tables' files; none for the simulated ones."""
    if not run.params.users:
        return {}
    from analysis.base.engine import list_files  # slow to import

    return {t: [digest(path) for path in list_files(run.raw(t), t)] for t in TABLES}


def sources_of_stages(run: Run) -> str:
    """Return the digest of all that decides what the stages give: tables, parameters, notebooks and
    pages that they read, our code with its templates and catalogues, and installed packages.
    """
    read = [notebook_of(run, stage) for stage in stages.STAGES]
    read += [run.project / name for name in ("params.yml", LOCK_FILE, *PAGES)]
    read += messages_of(run)
    return _digest_of(
        digests_of_inputs(run),
        run.params.model_dump(exclude={*TABLES}),
        _digests(run.project, (path for path in read if path.is_file())),
        *(_digests(folder, _files(folder)) for folder in (HELPERS, SIMULATION)),
        _installed(),
    )


def sources_of_site(run: Run, given: Run | None = None) -> str:
    """Return the digest of all that decides the pages: what the stages read, all that is written by
    hand, and the tables as they were `given` before pseudonyms, which the disclosure gate reads.
    """
    places = [run.project / name for name in SOURCES]
    chapters = run.project / "book" / "chapters"  # made by the stages, or nobody's
    pages = [p for place in places for p in _files(place) if not p.is_relative_to(chapters)]
    before = digests_of_inputs(given or run)
    return _digest_of(sources_of_stages(run), before, _digests(run.project, pages))


def _digest_of(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _digests(root: Path, files: Iterable[Path]) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): digest(path) for path in files}


def _files(place: Path) -> list[Path]:
    """Return the files at or under `place`, without hidden and compiled ones."""
    if place.is_file():
        return [place]
    found = sorted(path for path in place.rglob("*") if path.is_file())
    return [p for p in found if p.suffix != ".pyc" and not _is_hidden(p.relative_to(place))]


def _is_hidden(path: Path) -> bool:
    return any(name.startswith(".") for name in path.parts)


def _installed() -> list[str]:
    """Return name and version of every installed package, by the folders that describe them."""
    places = {sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    found = {path.name for place in places for path in Path(place).glob("*.dist-info")}
    return [sys.version, *sorted(found)]
