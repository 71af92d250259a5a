"""Which artifacts are published beside the pages: aggregates, never a row per user."""

from collections.abc import Iterable
from pathlib import Path

from analysis.contract import stages
from analysis.contract.stages import ABOUT_RUN

NOT_PUBLISHED = ("raw", "clean")
"""Folders of the input tables and of what cleaning makes of them."""


def may_be_published(path: str, columns: Iterable[str] = ()) -> bool:
    """Say whether readers may download the artifact `path`: CSV or JSON without a row per user."""
    folder, name = path.split("/")[0], path.rpartition("/")[2]
    is_aggregate = not name.startswith("user_") and "user_id" not in columns
    return folder not in NOT_PUBLISHED and name.endswith((".csv", ".json")) and is_aggregate


def declared() -> list[str]:
    """Return the paths of all artifacts of a run, sorted."""
    return sorted({*ABOUT_RUN, *stages.writer_of()})


def read_head(path: Path) -> list[str]:
    """Return the names of a CSV file's columns in lower case; none for another file."""
    if path.suffix != ".csv":
        return []
    with path.open(encoding="utf-8-sig") as file:
        return [name.strip().strip('"').lower() for name in file.readline().split(",")]
