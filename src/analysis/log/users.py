"""Clean the users table, counting every row that is changed or left out."""

from dataclasses import dataclass
from typing import Any

import ibis
import pandas as pd

from analysis.base import clock, engine
from analysis.base.errors import ReportError
from analysis.contract.inputs import RESERVED, USERS, Column, names
from analysis.log.cells import (
    FIRST_DATE,
    LARGEST,
    WORDS_FOR_MISSING,
    instant_of,
    is_long,
    is_word,
    moment,
    named,
    number,
    text,
    whole,
    with_texts,
    without_words,
)
from analysis.log.dates import read_orders
from analysis.log.raw import check_readable, time_cells

Counts = dict[str, int | None]
NUMBERS = tuple(column.name for column in USERS if column.type in ("integer", "number"))


def counts_table(counts: Counts) -> pd.DataFrame:
    """Return `counts` as `issue`, `rows`; rows are missing where the column was not given."""
    return pd.DataFrame({"issue": list(counts), "rows": pd.array(list(counts.values()), "Int64")})


def qa_record(counts: Counts, absent: list[str]) -> dict[str, object]:
    """Return what a stage keeps of its cleaning: every count, and `columns_absent`."""
    return {**counts, "columns_absent": absent}


def columns_table(users: pd.DataFrame, columns: tuple[Column, ...]) -> pd.DataFrame:
    """Return every column of `users` and of the contract: `column`, `is_present` (yes or no),
    `missing` and `distinct` (counts; missing where the column was not given).
    """
    rows: list[tuple[Any, ...]] = [
        (name, "yes", int(users[name].isna().sum()), users[name].nunique()) for name in users
    ]
    rows += [(name, "no", pd.NA, pd.NA) for name in names(columns) if name not in users]
    table = pd.DataFrame(rows, columns=["column", "is_present", "missing", "distinct"])
    return table.astype({"missing": "Int64", "distinct": "Int64"})


@dataclass(frozen=True)
class CleanUsers:
    """`table`: one row per user (pandas); `counts`: issue -> rows; `absent`: columns not given."""

    table: pd.DataFrame
    counts: Counts
    absent: list[str]


def _read(raw: Any) -> Any:
    """Return `raw` (Ibis) with its cells read: see cells.with_texts. Numbers stay such."""
    kinds = {name: raw[name].type() for name in NUMBERS if name in raw.columns}
    stored = [name for name, kind in kinds.items() if kind.is_numeric() or kind.is_boolean()]
    return with_texts(raw, names(USERS, "date"), stored)


def _typed(read: Any) -> Any:
    """Return the users whose cells are read with the types of the contract, other columns as names
    (see cells.named). Each step uses what the one before made.
    """
    dates = [name for name in names(USERS, "date") if name in read.columns]
    kinds = dict.fromkeys(dates, moment) | dict.fromkeys(NUMBERS, number)
    found = read.mutate(*(kinds.get(n, named)(read[n]).name(n) for n in read.columns))
    found = found.mutate(
        user_id=whole(found.user_id),
        **{name: instant_of(found[name], FIRST_DATE) for name in dates},
    )
    return found.mutate(user_id=without_words(found.user_id))


def _unreadable_numbers(read: Any) -> dict[str, int]:
    """Return how many filled cells of each number column cannot be read: `unreadable_<column>`."""
    given = [name for name in NUMBERS if name in read.columns]
    is_unread = {n: text(read[n]).notnull() & number(read[n]).isnull() for n in given}
    return _sums(read, {f"unreadable_{name}": cell for name, cell in is_unread.items()})


def _flagged(raw: Any, read: Any) -> dict[str, int]:
    """Return how many identifiers were changed when they were read, or are a word for a missing
    one, and how many texts are too long for a name.
    """
    texts = [name for name in raw.columns if raw[name].type().is_string()]
    ids = raw.select(given=raw.user_id.cast("string"), read=text(raw.user_id))
    ids = ids.mutate(read=whole(named(ids.read)))
    is_changed = (ids.given != ids.read) & ("user_id" in texts)
    flags = {"changed_user_id": is_changed, "placeholder_user_id": is_word(ids.read)}
    long = _sums(read, {f"n{at}": is_long(read[name]) for at, name in enumerate(texts)})
    return _sums(ids, flags) | {"long_texts": sum(long.values())}


def _sums(table: Any, flags: dict[str, Any]) -> dict[str, int]:
    """Return in how many rows of `table` (Ibis) each flag is true."""
    if not flags:
        return {}
    sums = table.aggregate(**{name: ibis.coalesce(is_.sum(), 0) for name, is_ in flags.items()})
    return {str(name): int(n) for name, n in engine.to_pandas(sums).iloc[0].items()}


def clean_users(raw: Any, time_zone: str = "UTC") -> CleanUsers:
    """Return the users of `raw` (Ibis), one row each, with every issue counted.

    Rows without `user_id` are left out; dates become the start of their day in
    `time_zone`; `signup_date` after `last_active_date` are exchanged, as in
    the published case; of repeated users the row with the newest `last_active_date` stays (then the
    newest `signup_date`, then the first in the order of all its values). A missing or
    unreadable `signup_date` stays missing: that user has no tenure. Counts: the case's
    six, `duplicates_differing` (repeats that say something else than the row that stays),
    `unreadable_<column>` for each column of times or numbers, and, where there are any,
    `far_<column>` (times of years that cannot be: see cells.day), `changed_user_id`,
    `placeholder_user_id` (a word for a missing one: see cells.identifier) and `long_texts` (cut:
    see cells.named).
    Raises ReportError when most signup dates cannot be read. Dates with the day or the month first
    are read where their column shows which, and counted: see dates.read_orders.
    """
    raw, orders = read_orders(raw, "users", names(USERS, "date"))
    read = _read(raw)
    cells = _typed(read)
    cells = cells.rename({f"{name}_given": name for name in cells.columns if name in RESERVED})
    times = [name for name in names(USERS, "date") if name in cells.columns]
    cells_of = {name: time_cells(raw, name, FIRST_DATE) for name in times}
    unreadable = {f"unreadable_{name}": cells.unreadable for name, cells in cells_of.items()}
    unreadable |= _unreadable_numbers(read)
    check_readable(raw, "users", "signup_date", FIRST_DATE)
    rare = {f"far_{name}": cells.far for name, cells in cells_of.items()} | _flagged(raw, read)
    frame = engine.to_pandas(cells)
    for name in times:
        frame[name] = clock.midnight(frame[name], time_zone)
    for name in [c.name for c in USERS if c.type == "integer" and c.name in frame]:
        frame[name] = _whole(frame[name])
    nulls: Counts = {
        f"null_{name}": int(frame[name].isna().sum()) if name in frame else None
        for name in ("user_id", "signup_date", "last_active_date")
    }
    known = frame[frame["user_id"].notna()]
    ordered, swapped = _swap_dates(known)
    table = _newest_row(ordered)
    if table.empty:
        raise ReportError("users: no row has a user_id. Map the right column in params.yml.")
    table, in_extras = _numbers_in_extras(table)
    rare |= {**in_extras, **orders}
    counts: Counts = {
        **nulls,
        "temporal_inconsistencies": swapped,
        "dropped_missing_user_id": len(frame) - len(known),
        "duplicates_removed": len(known) - len(table),
        "duplicates_differing": len(ordered.drop_duplicates()) - len(table),
        **unreadable,
        **{name: n for name, n in rare.items() if n},
        "rows_read": len(frame),
        "rows_kept": len(table),
    }
    absent = [name for name in names(USERS) if name not in frame.columns]
    return CleanUsers(table, counts, absent)


def _numbers_in_extras(users: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return `users` with columns outside the contract as numbers where all their values are, but
    for words for a missing one and numbers that cannot be (see cells.number); and how many these
    are: `unreadable_<column>`. They are missing then. Mostly such values are text.
    """
    table, unread = users.copy(), {}
    for name in further_columns(users):
        filled = users[name].notna()
        is_value = filled & ~users[name].str.lower().isin(WORDS_FOR_MISSING).astype(bool)
        number = pd.to_numeric(users[name].where(is_value), errors="coerce")
        is_known = number.abs() <= LARGEST
        if (number.notna() == is_value).all() and 2 * is_known.sum() > filled.sum():
            table[name] = number if is_known.all() else number.where(is_known)
            unread[f"unreadable_{name}"] = int(filled.sum() - is_known.sum())
    return table, unread


def further_columns(users: pd.DataFrame) -> list[str]:
    """Return the columns of `users` that are not in the contract."""
    return [str(name) for name in users.columns if name not in names(USERS)]


def _whole(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return whole numbers as integers where every value is one, else the numbers as given."""
    filled = values.dropna()
    if len(filled) == len(values) and (filled == filled.round()).all():
        return values.astype("int64")
    return values


def _swap_dates(users: pd.DataFrame) -> tuple[pd.DataFrame, int | None]:
    if "last_active_date" not in users:
        return users, None
    wrong = users["signup_date"] > users["last_active_date"]
    first = users["last_active_date"].where(wrong, users["signup_date"])
    last = users["signup_date"].where(wrong, users["last_active_date"])
    return users.assign(signup_date=first, last_active_date=last), int(wrong.sum())


def _newest_row(users: pd.DataFrame) -> pd.DataFrame:
    by = [name for name in ("last_active_date", "signup_date") if name in users]
    rest = [name for name in users.columns if name not in (*by, "user_id")]
    ordered = users.sort_values(
        ["user_id", *by, *rest],
        ascending=[True] + [False] * len(by) + [True] * len(rest),
        na_position="last",
        kind="stable",
    )
    return ordered.drop_duplicates("user_id").reset_index(drop=True)
