"""Whether there is nothing to do: what a build reads is as it was, and all it made is there.

Decided by digests that are remembered (see run.digests), without the engine, notebooks or Sphinx.
"""

import hashlib
import json
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from analysis.contract import stages
from analysis.contract.stages import ABOUT_RUN, MANIFEST
from analysis.run.digests import digest, is_as_recorded
from analysis.run.fingerprint import HELPERS, SIMULATION
from analysis.run.folders import (
    LOCK_FILE,
    RUN,
    SIMULATE,
    SITE,
    UNFINISHED,
    Run,
    notebook_of,
    outputs_of,
    simulated_tables,
)  # fmt: skip
from analysis.run.record import digests_of_inputs
from analysis.run.state import part, read_json

SOURCES = ("_config.yml", "_toc.yml", "index.md", "params.yml", "book")
"""What the site is built from, besides the executed notebooks."""


def made_of(run: Run, given: Run | None = None) -> str:
    """Return the digest of all that decides the bytes of a build: tables (also as they were
    `given`, before pseudonyms), parameters, pages, notebooks, our code, and installed packages.
    """
    parts = [
        digests_of_inputs(run),
        digests_of_inputs(given or run),
        run.params.model_dump(exclude={"users", "events"}),
        {path.relative_to(run.project).as_posix(): digest(path) for path in _pages(run)},
        [digest(path) for folder in (HELPERS, SIMULATION) for path in _files(folder)],
        [str(path.relative_to(HELPERS.parent)) for path in _files(HELPERS)],
        _installed(),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _pages(run: Run) -> list[Path]:
    wanted = [run.project / name for name in (*SOURCES, LOCK_FILE)]
    written = [path for place in wanted for path in _files(place)]
    chapters = run.project / "book" / "chapters"  # made by the stages, or nobody's
    return [
        *(path for path in written if not path.is_relative_to(chapters)),
        *(notebook_of(run, stage) for stage in stages.STAGES),
    ]


def _files(place: Path) -> list[Path]:
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


def is_site_current(run: Run, given: Run | None = None) -> bool:
    """Say whether the pages are all there as a whole build would make them of the artifacts."""
    record = read_json(run.record(SITE))
    return (
        is_as_recorded(run.data / MANIFEST, record.get("manifest"))
        and record.get("made_of") == made_of(run, given)
        and _are_as_recorded((run.html / n, d) for n, d in part(record, "outputs").items())
    )


def is_run_current(run: Run) -> bool:
    """Say whether the last build of `run` ended, and another would change nothing."""
    record = read_json(run.record(RUN))
    if not record.get("is_finished") or (run.data / UNFINISHED).exists():
        return False
    is_of_run = all(
        read_json(run.record(stage.name)).get("run") == record.get("run") for stage in stages.STAGES
    )
    return is_of_run and _are_as_recorded(_artifacts(run)) and is_site_current(run)


def _artifacts(run: Run) -> Iterator[tuple[Path, object]]:
    """Yield every file that stages and runner made, with its recorded digest."""
    places = {SIMULATE: simulated_tables(run), RUN: {name: run.data / name for name in ABOUT_RUN}}
    places |= {stage.name: outputs_of(run, stage) for stage in stages.STAGES}
    for name, files in places.items():
        outputs = part(read_json(run.record(name)), "outputs")
        yield from ((path, outputs.get(key)) for key, path in files.items())


def _are_as_recorded(files: Iterable[tuple[Path, object]]) -> bool:
    return all(is_as_recorded(path, recorded) for path, recorded in files)
