"""How a text table is written: delimiter, quotes and decimal mark, recognised on a sample of it.

Python's csv module judges each candidate, strictly. What is given is not recognised.
"""

import codecs
import csv
import difflib
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from analysis.base.decimals import decimal_mark
from analysis.base.errors import ReportError

NAMED = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
DELIMITERS = tuple(NAMED.values())
DOUBLED, BACKSLASH = ('"', '"'), ('"', "\\")
"""A quote inside quotes is written twice, or after a backslash."""
QUOTINGS = ("{} (doubled inside quotes)", "{} (after {} inside quotes)")
"""The same in words."""
MOST_ROWS = 1000
"""Rows of a sample that are compared."""
LONGEST_LINE = 4_000_000
"""Bytes: a longer row has lost a quote, or is no row."""


@dataclass(frozen=True)
class Given:
    """What the parameters users_format and events_format may say; the rest is recognised."""

    delimiter: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    quote: str | None = None
    escape: str | None = None

    @classmethod
    def of(cls, values: Mapping[str, str]) -> "Given":
        """Return `values` as Given. Raises ValueError for an unknown key or an impossible value."""
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
                hint = f" Is it {near[0]!r}?" if near else ""
                raise ValueError(f"{name!r} is not known.{hint} It may say: {', '.join(known)}")
        given = {name: NAMED.get(value, value) for name, value in values.items()}
        for name in {"delimiter", "quote", "escape"} & set(given):
            is_none = name == "quote" and given[name] == "none"
            if not is_none and (len(given[name]) != 1 or given[name] in "\r\n\0"):
                raise ValueError(f"{name} must be one character, not {given[name]!r}")
        if given.get("decimal", ".") not in (".", ","):
            raise ValueError(f'decimal must be "." or ",", not {given["decimal"]!r}')
        if "encoding" in given:
            given["encoding"] = _encoding(given["encoding"])
        return cls(**given)


def _encoding(name: str) -> str:
    try:
        found = codecs.lookup(name).name
        "a".encode(found)
    except LookupError as error:
        raise ValueError(f"no encoding is called {name!r}; use utf-8, utf-16 or cp1252") from error
    return found


@dataclass(frozen=True)
class Dialect:
    """How the rows of a text file are written. `quote` is empty if nothing is quoted; `skip`
    counts the lines up to and with the header; `with_commas` names columns of numbers whose
    decimal mark is a comma.
    """

    delimiter: str
    quote: str
    escape: str
    header: tuple[str, ...]
    skip: int
    decimal: str | None = None
    with_commas: tuple[str, ...] = ()

    @property
    def delimiter_name(self) -> str:
        """The delimiter in a word, if there is one."""
        return {mark: name for name, mark in NAMED.items()}.get(self.delimiter, self.delimiter)

    @property
    def quoting(self) -> str:
        """The quotes in words."""
        if not self.quote:
            return "none"
        form = QUOTINGS[0] if self.escape == self.quote else QUOTINGS[1]
        return form.format(self.quote, self.escape)


def reader(lines: Iterable[str], delimiter: str, quote: str, escape: str) -> Any:
    """Return Python's csv reader, strict, of `lines` that keep their line ends."""
    csv.field_size_limit(LONGEST_LINE)
    return csv.reader(
        lines,
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        doublequote=escape == quote,
        escapechar=escape if quote and escape != quote else None,
        skipinitialspace=True,
        strict=True,
    )


def is_blank(cells: Sequence[str]) -> bool:
    """Say whether a row is an empty line."""
    return not cells or (len(cells) == 1 and not cells[0].strip())


def fits(cells: Sequence[str], width: int) -> bool:
    """Say whether a row has `width` cells; blank ones behind them are no cells."""
    return len(cells) >= width and not any(cells[width:])


@dataclass(frozen=True)
class _Attempt:
    delimiter: str
    quote: str
    escape: str
    rows: list[list[str]]
    skip: int
    is_sound: bool

    @property
    def width(self) -> int:
        return len(self.rows[0]) if self.rows else 0

    @property
    def is_consistent(self) -> bool:
        return self.is_sound and all(fits(cells, self.width) for cells in self.rows)


def _attempt(sample: str, is_whole: bool, skip: int, marks: tuple[str, str, str]) -> _Attempt:
    lines = io.StringIO(sample, newline="")
    for _ in range(skip):
        lines.readline()
    cells = reader(lines, *marks)
    rows: list[list[str]] = []
    is_sound, header_ends = True, 0
    try:
        for row in cells:
            if not is_blank(row):
                rows.append(row)
                header_ends = header_ends or cells.line_num
            if len(rows) > MOST_ROWS:
                break
    except csv.Error as error:
        is_sound = not is_whole and "unexpected end" in str(error)
    if not is_whole and 1 < len(rows) <= MOST_ROWS:
        rows = rows[:-1]
    return _Attempt(*marks, rows, skip + header_ends, is_sound)


def recognise(sample: str, is_whole: bool, given: Given, where: str) -> Dialect:
    """Return the dialect of a file that begins with `sample` (or is no more, `is_whole`).

    Of the delimiters the one that gives every row as many cells as the header, then the one that
    gives most cells; a line `sep=;` before the header says which it is. Raises ReportError when
    the header has blank or repeated names.
    """
    declared = re.match(r'"?sep=(.)"?\r?\n', sample)
    delimiter = given.delimiter or (declared and declared[1])
    delimiters = (delimiter,) if delimiter else DELIMITERS
    best = None
    for quote, escape in _quotings(sample, given):
        attempts = [
            _attempt(sample, is_whole, 1 if declared else 0, (mark, quote, escape))
            for mark in delimiters
        ]
        found = max(attempts, key=lambda a: (a.width > 1, a.is_consistent, a.width))
        best = best or found
        if found.is_consistent and (found.width > 1 or given.delimiter):
            best = found
            break
    assert best is not None  # there is always a quoting
    if given.quote is None and _is_in_single_quotes(best.rows):
        best = _attempt(sample, is_whole, 1 if declared else 0, (best.delimiter, "'", "'"))
    header = check_header(best.rows[0] if best.rows else [], where)
    marks = best.delimiter, best.quote, best.escape
    return Dialect(*marks, header, best.skip, *decimal_mark(header, best.rows[1:], given.decimal))


def _quotings(sample: str, given: Given) -> tuple[tuple[str, str], ...]:
    if given.quote == "none":
        return (("", ""),)
    if given.quote or given.escape:
        quote = given.quote or '"'
        return ((quote, given.escape or quote),)
    return (DOUBLED, BACKSLASH) if '\\"' in sample else (DOUBLED,)


def _is_in_single_quotes(rows: list[list[str]]) -> bool:
    """Say whether single quotes enclose the header, or each filled cell of a column. Two with
    nothing between them may be a text as well, and tell nothing.
    """
    if not rows or any('"' in cell for row in rows for cell in row):
        return False
    columns = [rows[0], *zip(*(row for row in rows[1:] if len(row) == len(rows[0])), strict=True)]
    for cells in columns:
        filled = [cell for cell in cells if cell]
        is_quoted = all(len(c) > 1 and c[0] == c[-1] == "'" for c in filled)
        if is_quoted and any(len(c) > 2 for c in filled):
            return True
    return False


def check_header(cells: Sequence[str], where: str) -> tuple[str, ...]:
    """Return the names of a header. Raises ReportError when one is blank or repeated: names that
    differ only in upper and lower case are one to the engine.
    """
    names = tuple(cell.strip().removeprefix("\ufeff") for cell in cells)
    while len(names) > 1 and not names[-1]:
        names = names[:-1]
    blank = [n for n, name in enumerate(names, 1) if not name]
    if blank and names != ("",):
        raise ReportError(
            f"{where}: {len(blank)} of {len(names)} columns have no name in the header (column "
            f"{blank[0]}). Name it, or leave it out (pandas: to_csv(..., index=False))."
        )
    low = [name.lower() for name in names]
    twice = [name for n, name in enumerate(names) if low[n] in low[:n]]
    if twice:
        raise ReportError(
            f"{where}: the header has the name {twice[0]!r} more than once "
            f"({len(twice)} such columns; upper and lower case are one). Rename or remove one."
        )
    return names


def exact_rows(lines: Iterable[str], dialect: Dialect, where: str) -> Iterator[list[str]]:
    """Yield the rows of a file below its header, each with as many cells as the header.

    Raises ReportError, with the line, where quotes do not close or a row has more or fewer cells.
    """
    source = iter(lines)
    for _ in range(dialect.skip):
        next(source, None)
    cells = reader(source, dialect.delimiter, dialect.quote, dialect.escape)
    width, line = len(dialect.header), dialect.skip + 1
    while True:
        try:
            row = next(cells, None)
        except csv.Error as error:
            raise ReportError(
                f"{where}: quotes are not balanced in the row that starts on line {line} "
                f"({error}). Write a quote inside quotes twice, or say how it is written with "
                "quote and escape in users_format or events_format."
            ) from error
        if row is None:
            return
        if not is_blank(row):
            if not fits(row, width):
                raise ReportError(_ragged(row, dialect, where, line))
            yield row[:width]
        line = dialect.skip + cells.line_num + 1


def _ragged(row: list[str], dialect: Dialect, where: str, line: int) -> str:
    width = len(dialect.header)
    others = [mark for mark in DELIMITERS if mark != dialect.delimiter]
    text = dialect.delimiter.join(row)
    other = next((mark for mark in others if text.count(mark) == width - 1), None)
    if other:
        why = f"It seems to be split by {other!r}, the header by {dialect.delimiter!r}."
    else:
        why = "It may be cut off there, or a delimiter or line break inside a cell lacks quotes."
    return (
        f"{where}: line {line} has {len(row)} {'cell' if len(row) == 1 else 'cells'}, the header "
        f"has {width}: {text[:80]!r}. {why} Export the table again, or correct the line."
    )
