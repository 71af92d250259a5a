"""The copies of artifacts that readers may download: what is struck in them says so itself, and
what rests on too few people, or names single ones, is not in them.
"""

import csv
import io
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from analysis.base import disclosure, files
from analysis.book.artifacts import METRICS, Artifacts
from analysis.book.publish import declared, may_be_published, min_disclosed_of, read_head
from analysis.book.strikes import Strikes, strikes_of
from analysis.book.told import in_region
from analysis.contract import catalogue, resting
from analysis.contract.catalogue import Table

STRUCK_BY = "struck_by"
"""Column of a published table: the failing checks that strike figures of the row. It is there only
where a check does.
"""
WITHHELD = "withheld"
"""Column of a published table: the names of the columns that are withheld in the row. It is there
only where one is.
"""


def publish(data: Path, target: Path) -> list[Path]:
    """Copy every artifact that may be published to `target`, emptied first, without what is
    withheld and with what is struck marked; return the copies.
    """
    shutil.rmtree(target, ignore_errors=True)
    minimum = min_disclosed_of(data)
    strikes, tables = strikes_of(Artifacts(data)), {t.path: t for t in catalogue.tables()}
    copies, told = [], Artifacts(data).told_tables()
    for path in declared():
        source, copy = data / path, target / path
        is_private = path in tables and tables[path].is_private
        if source.is_file() and not is_private and may_be_published(path, read_head(source)):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
            if path in told:
                say_rows(copy, told[path])
            if path in tables:
                withhold_cells(copy, tables[path], minimum)
                mark_table(copy, tables[path], strikes)
            elif path == METRICS:
                mark_metrics(copy, strikes)
            copies.append(copy)
    return copies


def read_as_text(path: Path) -> pd.DataFrame:
    """Return a CSV file with every cell as it is written."""
    return pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8-sig")


def say_rows(path: Path, told: Sequence[Mapping[str, str]]) -> None:
    """Write a CSV file again with the cells that another language says otherwise, row by row."""
    frame = read_as_text(path)
    for row, cells in enumerate(told):
        for name, text in cells.items():
            frame.loc[row, name] = in_region(text)
    frame.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def withhold_cells(path: Path, table: Table, minimum: int) -> None:
    """Write a CSV file again without its private columns and without the cells that rest on fewer
    than `minimum` people; the column WITHHELD names those.
    """
    frame = read_as_text(path)
    private = [c.name for c in table.columns if c.is_private and c.name in frame]
    if not private and not table.people:
        return
    shown, hidden = disclosure.withhold(frame.drop(columns=private), table.people, minimum)
    if hidden.any(axis=None):
        shown[WITHHELD] = [", ".join(row.index[row]) for _, row in hidden.iterrows()]
    shown.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


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
