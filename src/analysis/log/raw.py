"""Reading the raw tables: columns by the contract; whether their times can be read."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ibis
import pandas as pd

from analysis.base.dialects import Given
from analysis.base.engine import folder_keys, is_spark, list_files, to_pandas
from analysis.base.errors import ReportError
from analysis.base.formats import plural
from analysis.base.names import cut
from analysis.base.reading import Source, scan, scan_on_spark
from analysis.contract.inputs import Column, names, required
from analysis.log.cells import (
    FIRST_EVENT,
    TOO_LATE,
    instant_of,
    is_far,
    moment,
    read,
    text,
)


def read_raw(
    con: Any, source: str, table: str, columns: tuple[Column, ...], mapping: Mapping[str, str]
) -> Any:
    """Return the table of read_source, whose files are written as they are recognised to be."""
    return read_source(con, source, table, columns, mapping).table


def read_source(
    con: Any,
    source: str,
    table: str,
    columns: tuple[Column, ...],
    mapping: Mapping[str, str],
    given: Mapping[str, str] | None = None,
    is_checked: bool = True,
) -> Source:
    """Return the raw table (Ibis) with the contract's names; other columns keep theirs.

    `mapping` gives, for a standard name, the name it has in the file; `given` is how the files
    are written, where it is not to be recognised. Unless `is_checked`, who reads the pieces is to
    check them when one cannot be read. Columns of text files stay text, so that no
    value is lost to a guessed type. Raises ReportError when a file cannot be read or a required
    column is missing.
    """
    numbers = [mapping.get(c.name, c.name) for c in columns if c.type in ("integer", "number")]
    needed = [mapping.get(name, name) for name in required(columns)]
    files = list_files(source, table)
    try:
        how = table, Given.of(given or {}), needed, numbers
        keys = keys_read(source, files, columns, mapping)
        if is_spark(con):
            raw = scan_on_spark(con, source, files, *how, keys=keys)
        else:
            raw = scan(con, files, *how, keys=keys, is_checked=is_checked)
    except ValueError as error:
        raise ReportError(f"{table}_format: {error}. Correct params.yml.") from error
    if raw.rows == 0:
        raise ReportError(f"{table}: {source!r} has no rows. Give a table with at least one.")

    def named(table_of_files: Any) -> Any:
        return _rename(table_of_files, source, table, columns, mapping)

    pieces = [replace(piece, table=named(piece.table)) for piece in raw.pieces]
    return replace(raw, table=named(raw.table), pieces=pieces)


def keys_read(
    source: str, files: Iterable[Path], columns: Iterable[Column], mapping: Mapping[str, str]
) -> list[str]:
    """Return the keys of a partitioned folder that are columns of the contract, by the names that
    they have there. Another, such as the day, would only count as content.
    """
    known = {mapping.get(column.name, column.name) for column in columns}
    return [key for key in folder_keys(source, files) if key in known]


def _rename(
    raw: Any, source: str, table: str, columns: tuple[Column, ...], mapping: Mapping[str, str]
) -> Any:
    present = list(raw.columns)
    absent = {std: given for std, given in mapping.items() if given not in present}
    if absent:
        std, given = next(iter(absent.items()))
        raise ReportError(
            f"{table}: {table}_columns maps {std!r} to {given!r}, but {source!r} has no such "
            f"column. It has: {', '.join(present)}."
        )
    clash = [std for std, given in mapping.items() if std in present and given != std]
    kept = raw.drop(*clash) if clash else raw
    renamed = kept.rename({std: given for std, given in mapping.items() if given != std})
    missing = [name for name in required(columns) if name not in renamed.columns]
    if missing:
        near = difflib.get_close_matches(missing[0], present, n=1, cutoff=0.4)
        hint = f" Is it {near[0]!r}?" if near else ""
        if any(DATA.fullmatch(name) for name in present):
            hint = f" {NO_HEADER}"
        raise ReportError(
            f"{table}: required column {missing[0]!r} is missing from {source!r} "
            f"({len(missing)} missing: {', '.join(missing)}).{hint} It has: "
            f"{', '.join(present)}. Map it under {table}_columns in params.yml."
        )
    known = [name for name in names(columns) if name in renamed.columns]
    return renamed.select(*known, *(c for c in renamed.columns if c not in known))


DATA = re.compile(
    r"\d{4}-\d{2}-\d{2}.*|[-+]?\d+([.,]\d+)*|[0-9a-f]{8}-[0-9a-f-]{27}", re.IGNORECASE
)
NO_HEADER = "The first line holds values: the file has no header. Add a line with the names."


MOST_UNREADABLE = 0.5
"""Above this share of unreadable times the column is taken to be in another format."""


@dataclass(frozen=True)
class TimeCells:
    """Of a column of times: filled cells, those that are no time (`unreadable`), those of a year
    that cannot be (`far`), one of each as it is written, and the year that the second would be.
    """

    filled: int
    unreadable: int
    far: int
    sample: str
    far_sample: str
    year: int | None

    @property
    def counts(self) -> tuple[int, int]:
        """The unreadable cells, and those of a year that cannot be."""
        return self.unreadable, self.far


def time_cells(raw: Any, name: str, since: int = FIRST_EVENT) -> TimeCells:
    """Return what can be read of the time column `name` of `raw` (Ibis): see TimeCells. `since` is
    FIRST_EVENT for events and FIRST_DATE for users.
    """
    cells = raw.select(raw=text(raw[name]), read=read(raw[name]))
    both = cells.mutate(found=moment(cells.read))
    both = both.mutate(parsed=instant_of(both.found, since))
    unreadable, far = both.found.isnull() & both.raw.notnull(), is_far(both.found, both.parsed)
    sums = both.aggregate(
        filled=both.raw.count(),
        unreadable=ibis.coalesce(unreadable.sum(), 0),
        far=ibis.coalesce(far.sum(), 0),
        sample=both.raw.min(where=unreadable),
        far_sample=both.raw.min(where=far),
    )
    row = to_pandas(sums.mutate(year=moment(sums.far_sample).year())).iloc[0]
    filled, bad, out = (int(row[n]) for n in ("filled", "unreadable", "far"))
    year = None if pd.isna(row["year"]) else int(row["year"])
    return TimeCells(filled, bad, out, str(row["sample"]), str(row["far_sample"]), year)


def check_readable(raw: Any, table: str, name: str, since: int = FIRST_EVENT) -> None:
    """Stop when the time column `name` is empty, or most of its cells cannot be read."""
    cells = time_cells(raw, name, since)
    if cells.filled == 0:
        raise ReportError(
            f"{table}: column {name!r} is empty in all rows. Map the right column under "
            f"{table}_columns in params.yml."
        )
    if sum(cells.counts) <= MOST_UNREADABLE * cells.filled:
        return
    what = _say_far(cells, since) if cells.far > cells.unreadable else _say_unreadable(cells)
    raise ReportError(
        f"{table}: of {plural(cells.filled, 'value', 'values')} of {name!r}, {what} 2025-01-31 or "
        "2025-01-31T12:00:00+00:00, or as seconds or milliseconds since 1970."
    )


def _say_unreadable(cells: TimeCells) -> str:
    count = plural(cells.unreadable, "is not a time", "are not a time")
    return f"{count}, for example {cut(cells.sample)!r}. Write them as"


def _say_far(cells: TimeCells, first: int) -> str:
    count = plural(cells.far, "is", "are")
    is_short = cells.year is not None and cells.year < 100
    remedy = "Write years with four digits, as in" if is_short else "Correct them, or write them as"
    return (
        f"{count} of a year before {first} or after {TOO_LATE - 1}, for example "
        f"{cut(cells.far_sample)!r}, which would be in the year {cells.year}. {remedy}"
    )
