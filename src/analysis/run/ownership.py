"""Which files are a run's own. Nothing else is ever removed or overwritten.

A run owns its folder by a marker file, the list of what it made. A file that it is about to write
joins the list first; one that is there already and not on the list is somebody else's.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from analysis.base.errors import ReportError
from analysis.contract import stages
from analysis.contract.stages import MANIFEST
from analysis.run.digests import files_in, sha256
from analysis.run.folders import (
    OF_THE_RUN,
    OWN,
    RUN,
    SIMULATE,
    SITE,
    STATE,
    Run,
    outputs_of,
    simulated_tables,
)  # fmt: skip
from analysis.run.state import discard, part, read_json, write_json

MARKER = f"{OWN}/made.json"
PROJECT_FOLDERS = (
    ".ci", ".git", ".github", ".venv", OWN, "_build", "benchmarks", "book", "data", "notebooks",
    "src", "tests",
)  # fmt: skip
"""Folders of the project in which no other run may be kept."""


def check_out(project: Path, out: Path) -> None:
    """Raise ReportError unless `out` (without symbolic links) is a folder for a run: new, empty,
    or of an earlier run, and no folder of the project's own.
    """
    if project.is_relative_to(out):
        raise ReportError(
            f"--out {out}: this folder holds the project itself. Give a folder of the run's own, "
            "such as runs/mine."
        )
    if out.is_relative_to(project) and out.relative_to(project).parts[0] in PROJECT_FOLDERS:
        raise ReportError(
            f"--out {out}: {out.relative_to(project).parts[0]}/ belongs to the project. Give a "
            "folder of the run's own, such as runs/mine."
        )
    for path in (out, *out.parents):
        if os.path.lexists(path) and not path.is_dir():
            raise ReportError(f"--out {out}: {path} is a file. Give a folder, such as runs/mine.")
    if (
        out.is_dir()
        and not (out / OWN).is_dir()
        and (held := sorted(p.name for p in out.iterdir()))
    ):
        raise ReportError(
            f"--out {out}: this folder is not empty, and no run made it ({MARKER} is missing; "
            f"it holds {held[0]!r}). Give a new or empty folder. If an earlier version of the "
            "report made this one, move it away."
        )


def read_made(home: Path) -> set[str]:
    """Return the paths, relative to `home`, of the files that the run there made."""
    files = read_json(home / MARKER).get("files")
    return {str(name) for name in files} if isinstance(files, list) else set()


def write_made(home: Path, files: Iterable[str]) -> None:
    """Write the marker of the folder `home`."""
    write_json(home / MARKER, {"made_by": "churnbook", "files": sorted(files)})


def claim(run: Run, files: Iterable[Path]) -> None:
    """Put `files`, which the run is about to write, on its list.

    Raises ReportError when one is there already and not the run's, or behind a symbolic link.
    """
    made, wanted = read_made(run.home), {_name(run, path): path for path in files}
    for path in wanted.values():
        _check_links(run.home, path)
    there = [path for name, path in wanted.items() if name not in made and os.path.lexists(path)]
    recorded = _recorded(run) if there else {}
    foreign = [path for path in there if not _is_ours(run, path, recorded)]
    if foreign:
        raise ReportError(
            f"{foreign[0]}: no run made this file, and this one would overwrite it "
            f"({len(foreign)} such). Move it away, or give --out another folder."
        )
    if not set(wanted) <= made:
        write_made(run.home, made | set(wanted))


def forget_missing(run: Run) -> None:
    """Take from the list what is not there, so that a file put in its place is nobody's."""
    if not (run.home / MARKER).is_file():
        return
    made = read_made(run.home)
    there = {name for name in made if os.path.lexists(run.home / name)}
    if there != made:
        write_made(run.home, there)


def remove(run: Run, names: Iterable[str]) -> None:
    """Remove files on the list, and the folders that are empty then."""
    made = read_made(run.home)
    for name in sorted(set(names) & made):
        path = run.home / name
        if not files_in(path):
            continue
        discard(path)
        for folder in path.relative_to(run.home).parents[:-1]:
            if any((run.home / folder).iterdir()):
                break
            (run.home / folder).rmdir()
    write_made(run.home, made - set(names))


def _name(run: Run, path: Path) -> str:
    return path.relative_to(run.home).as_posix()


def _check_links(home: Path, path: Path) -> None:
    """Raise ReportError when `path`, or a folder between it and `home`, is a symbolic link."""
    between = [home / part for part in path.relative_to(home).parents[:-1]]
    for place in (path, *between):
        if place.is_symlink():
            raise ReportError(
                f"{place}: this is a symbolic link to {os.readlink(place)}, so a run would write "
                "outside its own folder. Remove the link, or give --out the folder itself."
            )


def _recorded(run: Run) -> dict[Path, str]:
    """Return the checksums in the records of earlier runs, for a folder without a marker."""
    places = {SIMULATE: simulated_tables(run), RUN: {name: run.data / name for name in OF_THE_RUN}}
    places |= {stage.name: outputs_of(run, stage) for stage in stages.STAGES}
    found = {
        places[record][name]: str(digest)
        for record in places
        for name, digest in part(read_json(run.record(record)), "outputs").items()
        if name in places[record]
    }
    site = part(read_json(run.record(SITE)), "outputs")
    return found | {run.html / name: str(digest) for name, digest in site.items()}


def _is_ours(run: Run, path: Path, recorded: dict[Path, str]) -> bool:
    if path.is_relative_to(run.data / STATE):
        return True
    if path in (run.data / MANIFEST, *simulated_tables(run).values()) and path not in recorded:
        return bool(recorded)  # earlier versions did not record these
    return bool(files_in(path)) and recorded.get(path) == sha256(path)
