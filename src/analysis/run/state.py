"""Files that a run keeps about itself: written whole or not at all, and unreadable is none."""

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any


def new_name(path: Path) -> Path:
    """Return the name under which `path` is written before it is renamed."""
    return path.with_name(f".{path.name}.new")


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path`, which at every moment holds the old text or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = new_name(path)
    try:
        with new.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as JSON: see write_text."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)
    write_text(path, text + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Return the record in `path`: empty if it is missing, cut off or no record at all."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def part(record: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the mapping `name` of a record: empty if it is missing or no mapping."""
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def discard(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def move(source: Path, target: Path) -> None:
    """Move a file over `target` at once, also onto another disk; where one of them is a folder,
    `target` is removed first.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir() or target.is_dir():
        discard(target)
        shutil.move(source, target)
        return
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        new = new_name(target)
        try:
            shutil.copy2(source, new)
            os.replace(new, target)
        finally:
            new.unlink(missing_ok=True)
