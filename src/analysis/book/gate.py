"""The disclosure gate: a built site holds no identifier, no row of a user, nothing on few people

`check` reads the site as it will be published: see book.identifiers for what is searched for.
"""

import json
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.base import disclosure
from analysis.base.errors import ReportError
from analysis.book import codebook, identifiers
from analysis.book.artifacts import METRICS
from analysis.book.downloads import read_as_text
from analysis.book.publish import may_be_published, read_head
from analysis.book.workbook import WORKBOOK
from analysis.contract import catalogue
from analysis.contract.catalogue import Table
from analysis.summary.entries import disclosed

ARTIFACTS = "artifacts"
MADE_OF_COPIES = (codebook.CODEBOOK, WORKBOOK)
"""Downloads that are made of the published tables, and of nothing else."""
CHART = "-chart"
"""Ends the name of a table that is folded under its chart."""
MOST_SHOWN = 20
"""Problems that the error lists."""
Sources = Sequence[tuple[str, Any, Sequence[str]]]
"""The run's tables: a name, an Ibis table, and its columns that identify."""


class DisclosureError(ReportError):
    """A built site that would disclose people."""


def check(site: Path, sources: Sources, harmless: set[str], minimum: int) -> None:
    """Raise DisclosureError, which names page and cell, where the site in `site` discloses."""
    problems = [
        *(f"{f.file}, {f.place}: a value of {f.column}" for f in
          identifiers.find(site, sources, harmless)),
        *_in_downloads(site / ARTIFACTS, minimum),
        *_in_pages(site, minimum),
    ]  # fmt: skip
    if problems:
        more = len(problems) - MOST_SHOWN
        shown = [*problems[:MOST_SHOWN], *([f"and {more} more"] if more > 0 else [])]
        raise DisclosureError(
            f"The site is not published: it would disclose people ({len(problems)} places).\n  "
            + "\n  ".join(shown)
            + "\nTake the value out of the text, or declare the column under `people` or as "
            "`is_private` in contract/catalogue/."
        )


def _in_downloads(artifacts: Path, minimum: int) -> Iterator[str]:
    tables = {table.path: table for table in catalogue.tables()}
    for path in identifiers.files_of(artifacts):
        name = path.relative_to(artifacts).as_posix()
        if name.startswith("studies/") or name in MADE_OF_COPIES:
            continue
        frame = _by_names(path, tables[name]) if name in tables else None
        if not may_be_published(name, read_head(path) if frame is None else frame.columns):
            yield f"{ARTIFACTS}/{name}: a file that may not be published"
        elif frame is not None:
            yield from _in_table(f"{ARTIFACTS}/{name}", frame, tables[name], minimum)
        elif name == METRICS:
            entries = json.loads(path.read_text(encoding="utf-8"))
            hidden = disclosed(entries, minimum)
            few = [key for key, entry in entries.items() if hidden[key] is not entry]
            yield from (f"{ARTIFACTS}/{name}, {key}: rests on too few people" for key in few)


def _by_names(path: Path, table: Table) -> pd.DataFrame:
    """Return a published table with the names of the catalogue in place of its heads."""
    frame = read_as_text(path)
    return frame.set_axis(codebook.names_of(list(frame.columns), table), axis=1)


def _in_table(name: str, frame: pd.DataFrame, table: Table, minimum: int) -> Iterator[str]:
    private = [c.name for c in table.columns if c.is_private and c.name in frame]
    yield from (f"{name}, column {column!r}: private" for column in private)
    if table.is_private:
        yield f"{name}: a private table"
    for row, column in disclosure.violations(frame, table.people, minimum):
        cell = f"{frame.loc[row, column]!r} is on few people"
        yield f"{name}, column {column!r}, row {row + 1}: {cell}"


class _Tables(HTMLParser):
    """Collects the tables of a page that `show` made: their names, heads and cells."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[tuple[str, list[str], list[list[str]]]] = []
        self.name = ""
        self.cell: list[str] | None = None
        self.is_head = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        name = (given.get("id") or "").removesuffix(CHART)
        if tag == "div" and catalogue.is_table(name):
            self.name = name
        elif tag == "table" and self.name:
            self.tables.append((self.name, [], []))
            self.name = ""
        elif tag == "tr" and self.tables:
            self.tables[-1][2].append([])
        elif tag in ("td", "th"):
            self.cell, self.is_head = [], "gt_col_heading" in (given.get("class") or "")

    def handle_data(self, data: str) -> None:
        if self.cell is not None:
            self.cell.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("td", "th") or self.cell is None or not self.tables:
            return
        text = " ".join("".join(self.cell).split())
        _, heads, rows = self.tables[-1]
        if self.is_head:
            heads.append(text)
        elif rows:
            rows[-1].append(text)
        self.cell = None


def _in_pages(site: Path, minimum: int) -> Iterator[str]:
    for path in identifiers.files_of(site):
        if path.suffix == ".html":
            yield from _in_page(path, site, minimum)


def _in_page(path: Path, site: Path, minimum: int) -> Iterator[str]:
    name = path.relative_to(site).as_posix()
    parser = _Tables()
    parser.feed(path.read_text(encoding="utf-8"))
    for table_name, heads, rows in parser.tables:
        table = catalogue.table_of(table_name)
        whole = [row for row in rows if len(row) == len(heads)]
        frame = _as_written(pd.DataFrame(whole, columns=heads, dtype="str"), table)
        rules = _rules_of(table, len(frame), site / ARTIFACTS / table.path)
        for row, column in disclosure.violations(frame, rules, minimum):
            cell = f"{frame.loc[row, column]!r} is on few people"
            yield f"{name}, table {table_name}, column {column!r}, row {row + 1}: {cell}"


def _rules_of(table: Table, rows: int, download: Path) -> Sequence[disclosure.Rule]:
    """Return the rules for the `rows` of a table that a page shows. Of a part of the table no
    totals are known; those of all of it are judged in the download.
    """
    if not download.is_file() or rows >= len(read_as_text(download)):
        return table.people
    return [{key: said for key, said in rule.items() if key != "within"} for rule in table.people]


def _as_written(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Return a table of a page with the catalogue's names and codes, and numbers as numbers."""
    found = {}
    for column in table.columns:
        if column.label in frame and column.is_shown:
            codes = {word: code for code, word in column.values.items()}
            cells = frame[column.label].map(lambda cell, codes=codes: codes.get(cell, cell))
            found[column.name] = cells.str.replace(",", "") if column.unit == "count" else cells
    return pd.DataFrame(found)
