"""Cells as values: text, identifiers, numbers and times, as people and programs write them."""

from collections.abc import Callable, Collection
from typing import Any

import ibis
import pandas as pd


def text(column: Any) -> Any:
    """Return `column` as trimmed text; blank text is missing.

    Whole numbers are written without decimals, for a column of identifiers with a missing
    one is often stored as fractions: 7.0 is the `7` of the other table. A number that is none
    (NaN) is missing.
    """
    written = column.cast("string")
    if column.type().is_floating():
        integer = column.try_cast("int64")
        known = ibis.ifelse(column.isnan(), ibis.null("string"), written)
        written = ibis.ifelse(integer.cast("float64") == column, integer.cast("string"), known)
    is_bare = (written >= FIRST_LETTER) & (written.right(1) >= FIRST_LETTER)
    return ibis.ifelse(is_bare, written, written.strip().nullif(""))


def read(column: Any) -> Any:
    """Return `column` as text (see text); one of instants or dates as it is."""
    return column if _is_time(column) else text(column)


def _is_time(column: Any) -> bool:
    return bool(column.type().is_timestamp() or column.type().is_date())


def with_texts(table: Any, times: Collection[str], apart: Collection[str] = ()) -> Any:
    """Return `table` (Ibis) with its cells as text, but for the columns that are `apart`, and for
    those of `times` that hold such (see read).

    What takes a cell for a name, a number or a time looks at it many times. So its text is read in
    a step of its own, before: the engine does it once, and the query stays short.
    """
    readers = {n: read if n in times else text for n in table.columns if n not in apart}
    return table.mutate(*(reader(table[name]).name(name) for name, reader in readers.items()))


FIRST_LETTER = "!"
"""Before it come the blanks that are trimmed, so hardly any text needs to be, which costs ten times
as much as to see that."""

IDENTIFIERS = ("user_id", "event_uuid", "session_id")
"""Columns whose values name something. All other text may say `NA` and mean Namibia."""
WORDS_FOR_MISSING = (
    "null", "(null)", "<null>", "nan", "nat", "none", "na", "n/a", "#n/a", "<na>", "nil",
    "undefined", "\\n",
)  # fmt: skip
"""Words, in any case, by which programs write that there is no identifier."""


def identifier(column: Any) -> Any:
    """Return `column` as a name without the WORDS_FOR_MISSING: see whole."""
    return without_words(whole(named(text(column))))


def whole(value: Any) -> Any:
    """Return text; what is a whole number with empty decimals, as a number: text `7.0` is the `7`
    of the other table, as a table saved from fractions writes it.
    """
    bare = value.re_replace(r"^(-?[0-9]+)\.0+$", r"\1")
    return ibis.ifelse(value.endswith("0") & value.contains(".0"), bare, value)


def is_word(value: Any) -> Any:
    """Say which texts are one of the WORDS_FOR_MISSING."""
    is_short = value.length() <= max(map(len, WORDS_FOR_MISSING))
    words = ibis.literal(list(WORDS_FOR_MISSING))  # a list, for DuckDB joins all rows to an IN
    return ibis.ifelse(is_short, words.contains(value.lower()), is_short)


LONGEST, KEPT = 1000, 40
"""Characters of a name beyond which it is cut, and how many are kept then: no group is called so,
and tables of names of a million characters fit in no memory."""


def is_long(value: Any) -> Any:
    """Say which texts are too long for a name."""
    return value.length() > LONGEST


def named(value: Any) -> Any:
    """Return text (see text); one that is too long by its first characters, their number, and a
    digest, so that two stay two.
    """
    size, digest = value.length().cast("string"), value.hexdigest("md5").left(8)
    short = value.left(KEPT) + "… (" + size + " characters, " + digest + ")"
    return ibis.ifelse(is_long(value), short, value)


def without_words(value: Any) -> Any:
    """Return text without the WORDS_FOR_MISSING, which are missing."""
    return ibis.ifelse(is_word(value), ibis.null("string"), value)


TRUE, FALSE = ("true", "yes"), ("false", "no")


DECIMAL_COMMA = r"^-?[0-9]+,([0-9]{1,2}|[0-9]{4,})$"
"""A comma before decimals; before three digits it may stand between thousands, and is not read."""
LARGEST = 1e15
"""The largest size of a number, that of a count, an amount or an age. Beyond it numbers of 64 bits
begin to leave out units, and squares of sums to overflow."""


def number(column: Any) -> Any:
    """Return `column`, of numbers or text (see text), as numbers; what cannot be read is missing,
    and so is what is not finite or larger than LARGEST. Text may say true or false (1 or 0), and
    have a comma before its decimals.
    """
    if column.type().is_numeric():
        return within_reason(column.cast("float64"))
    if column.type().is_boolean():
        return column.cast("int8").cast("float64")
    value = column.lower()
    value = ibis.ifelse(value.re_search(DECIMAL_COMMA), value.replace(",", "."), value)
    read = ibis.cases(
        (value.isin(TRUE), 1.0), (value.isin(FALSE), 0.0), else_=value.try_cast("float64")
    )
    return within_reason(read)


def within_reason(read: Any) -> Any:
    """Return numbers up to LARGEST: infinity is larger, and so is NaN in the engine's order."""
    return ibis.ifelse(read.abs() <= LARGEST, read, ibis.null("float64"))


FIRST_EVENT, FIRST_DATE, TOO_LATE = 1990, 1900, 2100
"""The first year that an event can be of, the first that a user's date can be of (a customer may be
of 1985, a show of 1930), and the first that no time can be of. A year outside is a year of two
digits, another unit or a word for "never"."""


def instant(column: Any, since: int = FIRST_EVENT) -> Any:
    """Return `column` as an instant in UTC: see moment. What cannot be read is missing, and so are
    the years before `since` and from TOO_LATE on.
    """
    return instant_of(moment(read(column)), since)


def instant_of(found: Any, since: int = FIRST_EVENT) -> Any:
    """Return the instants that moment found, without the years that cannot be: see instant."""
    first, end = (ibis.literal(_new_year(y), "timestamp('UTC')") for y in (since, TOO_LATE))
    is_known = (found >= first) & (found < end)
    return ibis.ifelse(is_known, found, ibis.null(found.type()))


def day(column: Any) -> Any:
    """Return `column` as a user's date, an instant in UTC: see instant."""
    return instant(column, FIRST_DATE)


def _new_year(year: int) -> pd.Timestamp:
    """Return two days before the year begins: it may have begun in another zone, and the eves of
    1900 and 2100 are what sheets and databases write for "unknown" and "never".
    """
    return pd.Timestamp(year=year, month=1, day=1, tz="UTC") - pd.Timedelta(days=2)


EARLIEST, LATEST = (ibis.timestamp(f"{day} 00:00:00+00:00") for day in ("0001-01-02", "9999-12-31"))
"""Between which an instant has a year of four digits in every zone."""


def moment(column: Any) -> Any:
    """Return `column`, of times or text (see text), as an instant in UTC, of whatever year; what
    cannot be read is missing.

    Text is ISO 8601, also in its basic form (20250131123456), in UTC unless it names an offset or a
    zone (America/Lima), or has the month as a word (31-Jan-2025). A zone in letters other than UTC
    and GMT is not read: BST is British and Bangladeshi. Numbers (or digits) are time
    since 1970 in seconds, milliseconds, microseconds or nanoseconds, recognised by their size,
    and kept to the millisecond, where that gives a year from FIRST_EVENT to before TOO_LATE.
    """
    if _is_time(column):
        is_zoned = column.type().is_timestamp() and column.type().timezone
        is_possible = (
            (column >= EARLIEST) & (column < LATEST)  # its date would cost a hundred times as much
            if is_zoned
            else column.cast("date").between(ibis.date(1, 1, 2), ibis.date(9999, 12, 30))
        )
        return ibis.ifelse(is_possible, column, ibis.null(column.type())).cast("timestamp('UTC')")
    is_lettered = column.re_search(IN_LETTERS)
    is_vague = column.re_search(LETTERED) & ~column.right(3).upper().isin(("UTC", "GMT"))
    zoned = ibis.ifelse(is_lettered & ~is_vague, column, ibis.null("string"))
    value = ibis.ifelse(is_lettered, ibis.null("string"), column)
    return ibis.coalesce(
        value.try_cast("timestamp('UTC')"),
        _with_seconds(value).try_cast("timestamp('UTC')"),
        _since_1970(value.try_cast("float64")),
        try_strptime(value, [*BASIC, *WITH_WORDS]).cast("timestamp('UTC')"),
        zoned.try_cast("timestamp('UTC')"),
    )


def _by_formats(value: Any, formats: Any) -> Any:
    """Return the time that text names in the first of the formats that fits: the engine's own."""


try_strptime: Callable[[Any, Any], Any] = ibis.udf.scalar.builtin(
    _by_formats, name="try_strptime", signature=(("string", "array<string>"), "timestamp")
)


BASIC = ("%Y%m%d", "%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%dT%H%M%S", "%Y%m%dT%H%M%SZ")
WITH_WORDS = tuple(
    f"{date}{clock}"
    for date in ("%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y")
    for clock in ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
)


UNITS = (1e3, 1.0, 1e6, 1e9)
"""Milliseconds, seconds, microseconds and nanoseconds: how many are a second."""


def _since_1970(number: Any) -> Any:
    first, end = (_new_year(year).timestamp() for year in (FIRST_EVENT, TOO_LATE))
    seconds = ibis.cases(*((number.between(first * u, end * u), number / u) for u in UNITS))
    return (seconds * 1e3).floor().cast("int64").as_timestamp("ms").cast("timestamp('UTC')")


ZONED = (
    r"^([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2})(:[0-9]{2}(?:\.[0-9]+)?)? *"
    r"([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)$"
)
"""ISO 8601 with an offset: minutes are enough there, and a blank before the offset is common."""

IN_LETTERS = "[0-9] *[A-Za-z]{3}[A-Za-z0-9/_+-]*$"
"""What ends in the name of a zone. Such texts are read by themselves, for DuckDB (1.5) reads what
follows in the same column in the zone that was named last, unless it names another."""
LETTERED = "[0-9] *[A-Za-z]{3,5}$"
"""What ends in a zone in letters."""


def _with_seconds(value: Any) -> Any:
    """Return text like `2025-01-31T12:00Z` as `2025-01-31T12:00:00Z`, which engines can read."""
    minute, seconds, offset = (value.re_extract(ZONED, group) for group in (1, 2, 3))
    return minute + ibis.coalesce(seconds.nullif(""), ":00") + offset.upper()


def is_far(found: Any, parsed: Any) -> Any:
    """Say which cells are a time, but of a year that cannot be: `found` is the result of moment,
    `parsed` that of instant.
    """
    return found.notnull() & parsed.isnull()
