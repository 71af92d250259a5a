"""Which artifacts are published beside the pages: aggregates, never a row per user."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path

from analysis.contract import stages
from analysis.contract.stages import ABOUT_RUN, BILL, CRATE, MANIFEST

NOT_PUBLISHED = ("raw", "clean")
"""Folders of the input tables and of what cleaning makes of them."""
JSON = (MANIFEST, BILL, CRATE, "summary/metrics.json")
"""The JSON files that are published: what they count is withheld where few people are counted."""
MIN_DISCLOSED = 10
"""The least number of people of a figure where the run does not say: see params.yml."""


def may_be_published(path: str, columns: Iterable[str] = ()) -> bool:
    """Say whether readers may download the artifact `path`: one of JSON, or a CSV file without a
    row per user.
    """
    folder, name = path.split("/")[0], path.rpartition("/")[2]
    if path in stages.checks_of_stages().values():
        return False  # the summary has the checks, in sentences that name nobody
    is_aggregate = not name.startswith("user_") and "user_id" not in columns
    return path in JSON or (folder not in NOT_PUBLISHED and name.endswith(".csv") and is_aggregate)


def declared() -> list[str]:
    """Return the paths of all artifacts of a run, sorted."""
    return sorted({*ABOUT_RUN, *stages.writer_of()})


def read_head(path: Path) -> list[str]:
    """Return the names of a CSV file's columns in lower case; none for another file."""
    if path.suffix != ".csv":
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [name.strip().lower() for name in next(csv.reader(file), [])]


def min_disclosed_of(data: Path) -> int:
    """Return the least number of people of a figure that the run in the folder `data` shows."""
    path = data / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    known = manifest.get("parameters", {}).get("min_disclosed", {})
    return int(known.get("value", MIN_DISCLOSED))
