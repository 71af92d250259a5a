"""Which artifacts are published beside the pages: aggregates, never a row per user.

A copy of a table that a failing check strikes says so itself, in the column `struck_by`.
"""

import csv
import io
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from analysis.base import files
from analysis.book.artifacts import METRICS, Artifacts
from analysis.book.strikes import Strikes, strikes_of
from analysis.contract import catalogue, resting, stages
from analysis.contract.catalogue import Table
from analysis.contract.stages import MANIFEST

NOT_PUBLISHED = ("raw", "clean")
"""Folders of the input tables and of what cleaning makes of them."""
STRUCK_BY = "struck_by"
"""Column of a published table: the failing checks that strike figures of the row. It is there only
where a check does.
"""


def may_be_published(path: str, columns: Iterable[str] = ()) -> bool:
    """Say whether readers may download the artifact `path`: CSV or JSON without a row per user."""
    folder, name = path.split("/")[0], path.rpartition("/")[2]
    is_aggregate = not name.startswith("user_") and "user_id" not in columns
    return folder not in NOT_PUBLISHED and name.endswith((".csv", ".json")) and is_aggregate


def declared() -> list[str]:
    """Return the paths of all artifacts of a run, sorted."""
    return sorted({MANIFEST, *stages.writer_of()})


def read_head(path: Path) -> list[str]:
    """Return the names of a CSV file's columns in lower case; none for another file."""
    if path.suffix != ".csv":
        return []
    with path.open(encoding="utf-8-sig") as file:
        return [name.strip().strip('"').lower() for name in file.readline().split(",")]


def publish(data: Path, target: Path) -> list[Path]:
    """Copy every artifact that may be published to `target`, emptied first, with what is struck
    marked; return the copies.
    """
    shutil.rmtree(target, ignore_errors=True)
    strikes, tables = strikes_of(Artifacts(data)), {t.path: t for t in catalogue.tables()}
    copies = []
    for path in declared():
        source, copy = data / path, target / path
        if source.is_file() and may_be_published(path, read_head(source)):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
            if path in tables:
                mark_table(copy, tables[path], strikes)
            elif path == METRICS:
                mark_metrics(copy, strikes)
            copies.append(copy)
    return copies


def mark_table(path: Path, table: Table, strikes: Strikes) -> None:
    """Add the column STRUCK_BY to a CSV file of which a failing check strikes a figure."""
    head, *rows = csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""))
    columns = [column for column in table.columns if column.name in head]
    struck = []
    for row in rows:
        named = dict(zip(head, row, strict=True))
        cells = resting.marks_of_cells(table, columns, named)
        checks = strikes.of(mark for marks in cells for mark in marks)
        struck.append(", ".join(check.name for check in checks))
    if any(struck):
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*head, STRUCK_BY])
            writer.writerows([*row, by] for row, by in zip(rows, struck, strict=True))


def mark_metrics(path: Path, strikes: Strikes) -> None:
    """Add STRUCK_BY to each figure of metrics.json that a failing check strikes."""
    entries = json.loads(path.read_text(encoding="utf-8"))
    checks = {key: strikes.of([f"{resting.FIGURE}{key}"]) for key in entries}
    if any(checks.values()):
        for key, entry in entries.items():
            entry[STRUCK_BY] = [check.name for check in checks[key]]
        files.write_json(entries, str(path))
