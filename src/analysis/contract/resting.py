"""What each cell of a table rests on: the bases that the catalogue gives it, or that its row names.

A check that fails strikes the cells that rest on what it strikes: see book.striking.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.contract.catalogue import ROW, Column, Table

FIGURE = "figure:"
"""Before the key of a figure, among the names of bases: the cell is struck with that figure."""
NONE = "none"
"""What a row names that rests on nothing."""


def marks_of_row(table: Table, row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a row of the table names itself: bases, and figures after FIGURE."""
    found = [mark for column in table.columns for mark in _named(column, str(row.get(column.name)))]
    return tuple(dict.fromkeys(found))


def _named(column: Column, cell: str) -> Sequence[str]:
    if column.bases:
        return column.bases.get(cell, ())
    if not column.names:
        return ()
    before = FIGURE if column.names == "figures" else ""
    parts = [part.strip() for part in cell.split(",")]
    return [f"{before}{part}" for part in parts if part and part != NONE]


def marks_of_cells(
    table: Table, columns: Sequence[Column], row: Mapping[str, Any]
) -> list[tuple[str, ...]]:
    """Return for each of `columns` what its cell in this row rests on, in order."""
    named = marks_of_row(table, row)
    wanted = [table.bases_of(column) for column in columns]
    return [named if marks == (ROW,) else marks for marks in wanted]
