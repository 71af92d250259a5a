"""Reading the raw tables: columns by the contract, cells as values."""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import ibis

from analysis.base.dialects import Given
from analysis.base.engine import list_files, to_pandas
from analysis.base.errors import ReportError
from analysis.base.formats import format_value, plural
from analysis.base.reading import Source, scan
from analysis.contract.inputs import Column, names, required


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
) -> Source:
    """Return the raw table (Ibis) with the contract's names; other columns keep theirs.

    `mapping` gives, for a standard name, the name it has in the file; `given` is how the files
    are written, where it is not to be recognised. Columns of text files stay text, so that no
    value is lost to a guessed type. Raises ReportError when a file cannot be read or a required
    column is missing.
    """
    numbers = [mapping.get(c.name, c.name) for c in columns if c.type in ("integer", "number")]
    needed = [mapping.get(name, name) for name in required(columns)]
    files = list_files(source, table)
    try:
        raw = scan(con, files, table, Given.of(given or {}), needed, numbers)
    except ValueError as error:
        raise ReportError(f"{table}_format: {error}. Correct params.yml.") from error
    if raw.rows == 0:
        raise ReportError(f"{table}: {source!r} has no rows. Give a table with at least one.")
    return replace(raw, table=_rename(raw.table, source, table, columns, mapping))


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


def text(column: Any) -> Any:
    """Return `column` as trimmed text; blank text is missing.

    Whole numbers are written without decimals, for a column of identifiers with a missing
    one is often stored as fractions: 7.0 is the `7` of the other table.
    """
    written = column.cast("string")
    if column.type().is_floating():
        whole = column.try_cast("int64")
        written = ibis.ifelse(whole.cast("float64") == column, whole.cast("string"), written)
    return written.strip().nullif("")


def identifier(column: Any) -> Any:
    """Return `column` as text; what is a whole number with empty decimals, as a number: text `7.0`
    is the `7` of the other table, as a table saved from fractions writes it.
    """
    return text(column).re_replace(r"^(-?[0-9]+)\.0+$", r"\1")


TRUE, FALSE = ("true", "yes"), ("false", "no")


DECIMAL_COMMA = r"^-?[0-9]+,([0-9]{1,2}|[0-9]{4,})$"
"""A comma before decimals; before three digits it may stand between thousands, and is not read."""


def number(column: Any) -> Any:
    """Return `column` as numbers; what cannot be read is missing. Text may say true or false (1
    or 0), and have a comma before its decimals.
    """
    if column.type().is_numeric():
        return column.cast("float64")
    if column.type().is_boolean():
        return column.cast("int8").cast("float64")
    value = text(column).lower()
    value = ibis.ifelse(value.re_search(DECIMAL_COMMA), value.replace(",", "."), value)
    return ibis.cases(
        (value.isin(TRUE), 1.0), (value.isin(FALSE), 0.0), else_=value.try_cast("float64")
    )


def instant(column: Any) -> Any:
    """Return `column` as an instant in UTC; what cannot be read is missing.

    Text is ISO 8601, in UTC unless it names an offset. Numbers (or digits) are time
    since 1970 in seconds, milliseconds, microseconds or nanoseconds, recognised by their size,
    and kept to the millisecond.
    """
    if column.type().is_timestamp() or column.type().is_date():
        return _known_year(column.cast("timestamp('UTC')"))
    value = text(column)
    number = value.try_cast("float64")
    seconds = ibis.cases(
        (number > 1e17, number / 1e9),
        (number > 1e14, number / 1e6),
        (number > 1e11, number / 1e3),
        (number > 1e8, number),
    )
    millis = (seconds * 1e3).floor().cast("int64")
    epoch = millis.as_timestamp("ms").cast("timestamp('UTC')")
    return _known_year(
        ibis.coalesce(
            value.try_cast("timestamp('UTC')"),
            _with_seconds(value).try_cast("timestamp('UTC')"),
            epoch,
        )
    )


def _known_year(instants: Any) -> Any:
    """Return the instants of the years 1 to 9999, all that a date can be; others are missing."""
    is_known = instants.epoch_seconds().between(*FIRST_AND_LAST)
    return ibis.ifelse(is_known, instants, ibis.null(instants.type()))


FIRST_AND_LAST = (-62_135_596_800 + 2 * 86_400, 253_402_300_799 - 2 * 86_400)
"""The first and last second, since 1970, of the years 1 to 9999 less two days at either end, so
that each is a date in every zone."""


ZONED = (
    r"^([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2})(:[0-9]{2}(?:\.[0-9]+)?)? *"
    r"([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)$"
)
"""ISO 8601 with an offset: minutes are enough there, and a blank before the offset is common."""


def _with_seconds(value: Any) -> Any:
    """Return text like `2025-01-31T12:00Z` as `2025-01-31T12:00:00Z`, which engines can read."""
    minute, seconds, offset = (value.re_extract(ZONED, group) for group in (1, 2, 3))
    return minute + ibis.coalesce(seconds.nullif(""), ":00") + offset.upper()


MOST_UNREADABLE = 0.5
"""Above this share of unreadable times the column is taken to be in another format."""


def typed(raw: Any, columns: Any, more: dict[str, Any] | None = None) -> Any:
    kinds = {column.name: column.type for column in columns}
    parsers: dict[str, Callable[[Any], Any]] = {
        "text": text,
        "date": instant,
        "instant": instant,
        "integer": number,
        "number": number,
    }
    known = [name for name in raw.columns if name in kinds]
    other = [name for name in raw.columns if name not in kinds]
    return raw.select(
        **{
            name: identifier(raw[name]) if name == "user_id" else parsers[kinds[name]](raw[name])
            for name in known
        },
        **{name: text(raw[name]) for name in other},
        **(more or {}),
    )


def readable(raw: Any, name: str) -> tuple[int, int, str]:
    """Return of a time column: filled cells, unreadable ones among them, and one of these."""
    both = raw.select(raw=text(raw[name]), parsed=instant(raw[name]))
    is_bad = both.parsed.isnull() & both.raw.notnull()
    sums = both.aggregate(
        filled=both.raw.count(), bad=is_bad.sum(), sample=both.raw.min(where=is_bad)
    )
    row = to_pandas(sums).iloc[0]
    return int(row["filled"]), int(row["bad"]), str(row["sample"])


def check_readable(raw: Any, table: str, name: str) -> int:
    """Return how many filled cells of a time column cannot be read; stop when most cannot."""
    filled, bad, sample = readable(raw, name)
    if filled == 0:
        raise ReportError(
            f"{table}: column {name!r} is empty in all rows. Map the right column under "
            f"{table}_columns in params.yml."
        )
    if bad > MOST_UNREADABLE * filled:
        raise ReportError(
            f"{table}: {format_value(bad, 'count')} of {plural(filled, 'value', 'values')} "
            f"of {name!r} are not a time, for example "
            f"{sample!r}. Write it as 2025-01-31 or "
            "2025-01-31T12:00:00+00:00, or as seconds or milliseconds since 1970."
        )
    return bad
