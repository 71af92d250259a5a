"""Which artifacts are published beside the pages: aggregates, never a row per user."""

import shutil
from pathlib import Path

FOLDERS = ("audit", "cohorts", "model", "scores", "segments", "published", "summary")


def is_public(data: Path, path: Path) -> bool:
    """Say whether `path` under `data` may be published: CSV or JSON without a row per user."""
    inside = path.is_relative_to(data) and path.relative_to(data).parts[0] in FOLDERS
    if not inside or not path.is_file() or path.name.startswith("user_"):
        return False
    return path.suffix == ".json" or (path.suffix == ".csv" and not _has_user_id(path))


def _has_user_id(path: Path) -> bool:
    with path.open(encoding="utf-8-sig") as file:
        header = file.readline()
    return "user_id" in [name.strip().strip('"').lower() for name in header.split(",")]


def publish(data: Path, target: Path) -> list[Path]:
    """Copy every public artifact of `data` to `target`, emptied first; return the copies."""
    shutil.rmtree(target, ignore_errors=True)
    copies = []
    for path in sorted(data.rglob("*")):
        if is_public(data, path):
            copy = target / path.relative_to(data)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            copies.append(copy)
    return copies
