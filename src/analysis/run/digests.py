"""SHA-256 of files; a digest is remembered while a file keeps its size, times and place on disk.

A table that Spark wrote is a folder of files: its digest is that of its files' digests, in order.

What is remembered decides what need not run again. It is not evidence: `churnbook verify` reads the
bytes (`sha256`).
"""

import hashlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

from analysis.run.state import part, read_json, write_json

SETTLED_NS = 2_000_000_000
"""A file changed less than this before it was read may change again within one tick of its clock,
and is not remembered: two seconds is the coarsest clock of a file system (FAT).
"""
Remembered = tuple[list[int], str]
"""Of a file: size, time of change of content and of status, number on its disk; its digest."""
KNOWN: dict[str, Remembered] = {}


def files_in(path: Path) -> list[Path]:
    """Return the files of an artifact: itself, or those in its folder, in order; none if it is not
    there.
    """
    if path.is_dir():
        return sorted(part for part in path.iterdir() if part.name[0] != "." and part.is_file())
    return [path] if path.is_file() else []


def combined(digests: Iterable[str]) -> str:
    """Return one digest of several; of one, itself."""
    first, *more = digests
    return hashlib.sha256("".join((first, *more)).encode()).hexdigest() if more else first


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, as hexadecimal text, or of those in a folder."""
    if path.is_dir():
        return combined(map(sha256, files_in(path)))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(path: Path) -> str:
    """Return the SHA-256 of a file or folder, each file read once as long as it does not change."""
    if path.is_dir():
        return combined(map(digest, files_in(path)))
    name, marks, now = os.path.abspath(path), _marks(path), time.time_ns()
    before, known = KNOWN.get(name, ([], ""))
    if known and before == marks:
        return known
    found = sha256(path)
    if max(marks[1:3]) < now - SETTLED_NS:
        KNOWN[name] = (marks, found)
    return found


def is_as_recorded(path: Path, recorded: object) -> bool:
    """Say whether the artifact is there, with the digest that was recorded of it."""
    return bool(files_in(path)) and digest(path) == recorded


def recall(path: Path) -> None:
    """Take what an earlier process remembered in the file `path`."""
    for name, entry in part(read_json(path), "files").items():
        match entry:
            case [[int(), int(), int(), int()] as marks, str(known)]:
                KNOWN.setdefault(name, (marks, known))


def remember(path: Path) -> None:
    """Keep in the file `path` what this process knows of files that are still there."""
    there = {name: list(entry) for name, entry in sorted(KNOWN.items()) if os.path.isfile(name)}
    if there != part(read_json(path), "files"):
        write_json(path, {"files": there})


def _marks(path: Path) -> list[int]:
    about = path.stat()
    return [about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino]
