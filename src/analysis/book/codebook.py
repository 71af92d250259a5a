"""What readers download speaks their language: heads in words, and a codebook of all columns.

The files under `data/` keep the names that programs use; `names_of` leads back to them.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from analysis.base.language import is_english, say
from analysis.book.downloads import STRUCK_BY
from analysis.book.show import unit_of
from analysis.contract import catalogue
from analysis.contract.catalogue import Table

CODEBOOK = "codebook.csv"
HEADS = ("File", "Table", "Column", "Name in the code", "Unit", "Meaning", "Codes")
ADDED = {
    STRUCK_BY: (
        "Struck by",
        "The failing checks that strike figures of the row. Rows with nothing here may be used.",
    ),
    "withheld": (
        "Columns withheld",
        "The columns, by their names in the code, whose figure rests on too few people.",
    ),
}
"""Columns that publishing adds, with their head and meaning."""
Rows = list[list[str]]


def heads_of(table: Table) -> dict[str, str]:
    """Return the head of each column by its name: its label, with the name behind it where another
    column of the table has the same label.
    """
    labels = Counter(column.label for column in table.columns)
    heads = {
        c.name: c.label if labels[c.label] == 1 else f"{c.label} ({c.name})" for c in table.columns
    }
    return heads | {name: say(head) for name, (head, _) in ADDED.items()}


def names_of(heads: Sequence[str], table: Table) -> list[str]:
    """Return the names in the code of the columns with these heads: `heads_of` turned round."""
    names = {head: name for name, head in heads_of(table).items()}
    return [names.get(head, head) for head in heads]


def read_rows(path: Path) -> Rows:
    """Return the rows of a CSV file as text, its heads first."""
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def label_heads(target: Path, tables: Sequence[Table]) -> None:
    """Write the heads of those of the tables that are in the folder `target` in words, and the
    sentences in their cells in the language in use.
    """
    for table in tables:
        path = target / table.path
        if path.is_file():
            head, *rows = read_rows(path)
            heads = heads_of(table)
            said = rows if is_english() else _said(rows, head, table)
            write_rows(path, [[heads.get(name, name) for name in head], *said])


def _said(rows: Rows, head: Sequence[str], table: Table) -> Rows:
    """Return rows whose texts of several words are said; names, codes and numbers stay."""
    texts = {c.name for c in table.columns if unit_of(c, table) == "text" and not c.values}
    return [
        [
            say(text) if name in texts and " " in text else text
            for name, text in zip(head, row, strict=True)
        ]
        for row in rows
    ]


def write_codebook(target: Path, tables: Sequence[Table], currency: str = "") -> None:
    """Write CODEBOOK into `target`: a row for each column of the tables that are there. Amounts are
    in `currency`.
    """
    write_rows(target / CODEBOOK, [heads_in_words(), *codebook_of(target, tables, currency)])


def heads_in_words() -> list[str]:
    """Return HEADS in the language in use."""
    return [say(head) for head in HEADS]


def codebook_of(target: Path, tables: Sequence[Table], currency: str = "") -> Rows:
    """Return the rows of the codebook, under HEADS, for the tables in the folder `target`."""
    published = [table for table in tables if (target / table.path).is_file()]
    return [
        row
        for table in published
        for row in _rows_of(table, read_rows(target / table.path), currency)
    ]


def _rows_of(table: Table, rows: Rows, currency: str) -> Iterator[list[str]]:
    columns = {column.name: column for column in table.columns}
    for head, name in zip(rows[0], names_of(rows[0], table), strict=True):
        place = [table.path, table.title, head, name]
        if name in columns:
            column = columns[name]
            codes = "; ".join(f"{code}: {word}" for code, word in column.values.items())
            unit = unit_of(column, table)
            shown = currency if unit == "money" and currency else say(unit)
            yield [*place, shown, column.meaning, codes]
        else:
            yield [*place, say("text"), say(ADDED.get(name, ("", ""))[1]), ""]


def write_rows(path: Path, rows: Rows) -> None:
    """Write rows of text as a CSV file, with `\\n` at the end of each line."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def all_tables() -> list[Table]:
    """Return every table that may be among the downloads: those of the run and of the studies."""
    return [*catalogue.tables(), *catalogue.studies()]
