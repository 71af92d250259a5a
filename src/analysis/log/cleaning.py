"""Clean the two raw tables, counting every row that is changed or left out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ibis
import pandas as pd

from analysis.base import clock, engine
from analysis.base.errors import ReportError
from analysis.contract.inputs import EVENTS, RESERVED, USERS, Column, names
from analysis.log import raw as raw_tables

Counts = dict[str, int | None]


def counts_table(counts: Counts) -> pd.DataFrame:
    """Return `counts` as `issue`, `rows`; rows are missing where the column was not given."""
    return pd.DataFrame({"issue": list(counts), "rows": pd.array(list(counts.values()), "Int64")})


def given_table(absent: list[str], columns: tuple[Column, ...]) -> pd.DataFrame:
    """Return the contract's columns as `column`, `is_present` (yes or no), `meaning`."""
    rows = [(c.name, "no" if c.name in absent else "yes", c.meaning) for c in columns]
    return pd.DataFrame(rows, columns=["column", "is_present", "meaning"])


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


def event_types_table(events: Any) -> pd.DataFrame:
    """Return `event_type`, `events`, `users` (counts), most frequent first."""
    counted = events.group_by("event_type").aggregate(
        events=lambda t: t.count(), users=lambda t: t.user_id.nunique()
    )
    return engine.to_pandas(counted.order_by(ibis.desc("events"), "event_type"))


def qa_record(cleaned: "CleanUsers | CleanEvents") -> dict[str, object]:
    """Return what the stage keeps of its cleaning: every count, and `columns_absent`."""
    return {**cleaned.counts, "columns_absent": cleaned.absent}


MOST_DATES = 0.5
"""Above this share of times at 00:00 UTC a log's times are dates."""
MOST_UNREADABLE = 0.5
"""Above this share of unreadable times the column is taken to be in another format."""


@dataclass(frozen=True)
class CleanUsers:
    """`table`: one row per user (pandas); `counts`: issue -> rows; `absent`: columns not given."""

    table: pd.DataFrame
    counts: Counts
    absent: list[str]


@dataclass(frozen=True)
class CleanEvents:
    """`table`: one row per event (Ibis); `counts`: issue -> rows; `absent`: columns not given."""

    table: Any
    counts: Counts
    absent: list[str]


def _typed(raw: Any, columns: Any, more: dict[str, Any] | None = None) -> Any:
    kinds = {column.name: column.type for column in columns}
    parsers: dict[str, Callable[[Any], Any]] = {
        "text": raw_tables.text,
        "date": raw_tables.instant,
        "instant": raw_tables.instant,
        "integer": raw_tables.number,
        "number": raw_tables.number,
    }
    known = [name for name in raw.columns if name in kinds]
    other = [name for name in raw.columns if name not in kinds]
    return raw.select(
        **{
            name: raw_tables.identifier(raw[name])
            if name == "user_id"
            else parsers[kinds[name]](raw[name])
            for name in known
        },
        **{name: raw_tables.text(raw[name]) for name in other},
        **(more or {}),
    )


def _readable(raw: Any, name: str) -> tuple[int, int, str]:
    """Return of a time column: filled cells, unreadable ones among them, and one of these."""
    both = raw.select(raw=raw_tables.text(raw[name]), parsed=raw_tables.instant(raw[name]))
    is_bad = both.parsed.isnull() & both.raw.notnull()
    sums = both.aggregate(
        filled=both.raw.count(), bad=is_bad.sum(), sample=both.raw.min(where=is_bad)
    )
    row = engine.to_pandas(sums).iloc[0]
    return int(row["filled"]), int(row["bad"]), str(row["sample"])


def _unreadable_numbers(raw: Any) -> dict[str, int]:
    """Return how many filled cells of each column of numbers are none: `unreadable_<column>`."""
    numbers = [c.name for c in USERS if c.type in ("integer", "number") and c.name in raw.columns]
    if not numbers:
        return {}
    lost = {
        f"unreadable_{name}": (
            raw_tables.text(raw[name]).notnull() & raw_tables.number(raw[name]).isnull()
        )
        .sum()
        .fill_null(0)
        for name in numbers
    }
    row = engine.to_pandas(raw.aggregate(**lost)).iloc[0]
    return {str(name): int(value) for name, value in row.items()}


def _check_readable(raw: Any, table: str, name: str) -> int:
    """Return how many filled cells of a time column cannot be read; stop when most cannot."""
    filled, bad, sample = _readable(raw, name)
    if filled == 0:
        raise ReportError(
            f"{table}: column {name!r} is empty in all rows. Map the right column under "
            f"{table}_columns in params.yml."
        )
    if bad > MOST_UNREADABLE * filled:
        raise ReportError(
            f"{table}: {bad:,} of {filled:,} values of {name!r} are not a time, for example "
            f"{sample!r}. Write it as 2025-01-31 or "
            "2025-01-31T12:00:00+00:00, or as seconds or milliseconds since 1970."
        )
    return bad


def clean_users(raw: Any, time_zone: str = "UTC") -> CleanUsers:
    """Return the users of `raw` (Ibis), one row each, with what was found on the way.

    Rows without `user_id` are left out; dates become the start of their day in
    `time_zone`; `signup_date` after `last_active_date` are exchanged, as the case
    does; of repeated users the row with the newest `last_active_date` stays (then the
    newest `signup_date`, then the first in the order of all its values). A missing or
    unreadable `signup_date` stays missing: that user has no tenure. Counts: the case's
    six, and `unreadable_<column>` for each time column. Raises ReportError when most
    values of a time column cannot be read.
    """
    typed = _typed(raw, USERS)
    typed = typed.rename({f"{name}_given": name for name in typed.columns if name in RESERVED})
    times = [name for name in names(USERS, "date") if name in typed.columns]
    unreadable = {f"unreadable_{name}": _readable(raw, name)[1] for name in times}
    unreadable |= _unreadable_numbers(raw)
    _check_readable(raw, "users", "signup_date")
    frame = engine.to_pandas(typed)
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
    counts: Counts = {
        **nulls,
        "temporal_inconsistencies": swapped,
        "dropped_missing_user_id": len(frame) - len(known),
        "duplicates_removed": len(known) - len(table),
        **unreadable,
        "rows_read": len(frame),
        "rows_kept": len(table),
    }
    absent = [name for name in names(USERS) if name not in frame.columns]
    return CleanUsers(_numbers_in_extras(table), counts, absent)


def _numbers_in_extras(users: pd.DataFrame) -> pd.DataFrame:
    """Return `users` with columns outside the contract as numbers where all their values are."""
    table = users.copy()
    for name in [name for name in users.columns if name not in names(USERS)]:
        number = pd.to_numeric(users[name], errors="coerce")
        if users[name].notna().any() and (number.notna() == users[name].notna()).all():
            table[name] = number
    return table


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


def clean_events(raw: Any, time_zone: str = "UTC") -> CleanEvents:
    """Return the events of `raw` (Ibis), one row each, with what was found on the way.

    Columns: `user_id`, `event_type`, `event_at`, `recorded_at` (when it was known:
    `received_at`, and `event_at` where that is absent or earlier), and those of the
    contract that are present. Rows without `event_uuid` (where that column exists),
    `user_id` or a readable time are left out and counted; of rows with one
    `event_uuid` the earliest stays (by `event_at`, then every other column in order).
    Counts: the case's six, with `created_at` and `received_at` exchanged as the case
    did between its two steps, and more. In no order: see in_order. Where most times are dates
    that carry none (00:00 UTC), they become the start of their day in `time_zone`.
    """
    known = [name for name in names(EVENTS) if name in raw.columns]
    events, unreadable = _parse_once(raw.select(*known))  # a further column is not read
    if time_zone != "UTC":
        for name in [n for n in ("event_at", "received_at", "created_at") if n in events.columns]:
            events = _at_local_midnight(events, name, time_zone)
    counts = _event_counts(events)
    is_empty = counts["null_event_timestamp"] == counts["rows_read"]
    if is_empty or unreadable["unreadable_event_timestamp"]:
        _check_readable(raw, "events", "event_timestamp")
    usable = events.filter(events.user_id.notnull(), events.event_at.notnull())
    unique, removed = usable, None
    if "event_uuid" in events.columns:
        usable = usable.filter(usable.event_uuid.notnull())
        unique, removed = _one_each(usable)
    n_usable = int(usable.count().execute())
    n_unique = n_usable - (removed or 0)
    if n_unique == 0:
        raise ReportError("events: no row has user_id and a readable time. See the data contract.")
    rows = counts["rows_read"] or 0
    counts |= {
        "duplicates_removed": removed,
        "dropped_incomplete": rows - n_usable,
        "rows_kept": n_unique,
        **unreadable,
    }
    absent = [name for name in names(EVENTS) if name not in raw.columns]
    return CleanEvents(slim(unique), counts, absent)


def _at_local_midnight(events: Any, name: str, zone: str) -> Any:
    """Return events, dates at the start of their day in `zone` where most times of a column are."""
    second = clock.whole_seconds(events[name])
    row = engine.to_pandas(
        events.aggregate(dates=(second % 86_400 == 0).sum(), n=events[name].count())
    ).iloc[0]
    if not row["n"] or row["dates"] <= MOST_DATES * row["n"]:
        return events
    timed = events.mutate(second=second)
    dates = timed.filter(timed.second % 86_400 == 0).select("second").distinct()
    told = engine.to_pandas(dates.order_by("second"))
    day = pd.to_datetime(told["second"], unit="s", utc=True)
    told["local"] = (clock.midnight(day, zone) - pd.Timestamp(0, tz="UTC")) // clock.SECOND
    joined = timed.left_join(engine.from_pandas(told), "second")
    local = joined.local.as_timestamp("s").cast("timestamp('UTC')")
    return joined.mutate(**{name: ibis.coalesce(local, joined[name])}).select(*events.columns)


def _parse_once(raw: Any) -> tuple[Any, Counts]:
    """Return the typed events, kept by the engine so that no text is parsed twice, and the
    unreadable times by column.
    """
    times = [name for name in names(EVENTS, "instant") if name in raw.columns]
    flags = {
        f"is_bad_{n}": raw_tables.instant(raw[n]).isnull() & raw_tables.text(raw[n]).notnull()
        for n in times
    }
    kept = _typed(raw, EVENTS, flags).cache()
    sums = kept.aggregate(**{f"unreadable_{n}": kept[f"is_bad_{n}"].sum() for n in times})
    row = engine.to_pandas(sums).iloc[0]
    bad: Counts = {str(name): int(value) for name, value in row.items()}
    return kept.drop(*flags).rename(event_at="event_timestamp"), bad


def _event_counts(events: Any) -> Counts:
    def missing(name: str) -> Any:
        return events[name].isnull().sum() if name in events.columns else ibis.null("int64")

    def after(first: str, second: str) -> Any:
        if not {first, second} <= set(events.columns):
            return ibis.null("int64")
        return (events[first] > events[second]).sum()

    row = events.aggregate(
        null_event_uuid=missing("event_uuid"),
        null_user_id=missing("user_id"),
        null_event_timestamp=missing("event_at"),
        null_event_type=missing("event_type"),
        rows_read=events.count(),
        received_before_event=after("event_at", "received_at"),
        created_before_received=after("created_at", "received_at"),
    )
    values = engine.to_pandas(row).iloc[0]
    return {str(k): None if pd.isna(v) else int(v) for k, v in values.items()}


def _one_each(events: Any) -> tuple[Any, int]:
    """Return one row per event_uuid, and how many rows were left out. Only repeated identifiers
    are ranked: hardly any are, and ranking costs more than all the rest.
    """
    sizes = events.group_by("event_uuid").aggregate(n=lambda t: t.count())
    repeated = sizes.filter(sizes.n > 1).cache()
    sums = repeated.aggregate(rows=repeated.n.sum(), ids=repeated.count())
    row = engine.to_pandas(sums).fillna(0).iloc[0]
    if not row["ids"]:
        return events, 0
    single = events.anti_join(repeated, "event_uuid")
    ranked = _earliest(events.semi_join(repeated, "event_uuid"))
    return single.union(ranked).cache(), int(row["rows"] - row["ids"])


def _earliest(events: Any) -> Any:
    rest = [name for name in events.columns if name not in ("event_uuid", "event_at")]
    order = [events.event_at, *(events[name].asc(nulls_first=False) for name in rest)]
    first = ibis.row_number().over(group_by=events.event_uuid, order_by=order)
    ranked = events.mutate(rank_of_uuid=first)
    return ranked.filter(ranked.rank_of_uuid == 0).drop("rank_of_uuid")


def slim(events: Any) -> Any:
    """Return parsed events with the columns of the contract and `recorded_at` (clean_events)."""
    known = [name for name in names(EVENTS) if name in events.columns and name != "user_id"]
    keep = ["user_id", "event_at", *known]
    recorded = events.event_at
    if "received_at" in events.columns:
        recorded = ibis.greatest(
            events.event_at, ibis.coalesce(events.received_at, events.event_at)
        )
    return events.select(*dict.fromkeys(keep), recorded_at=recorded)


def in_order(events: Any) -> Any:
    """Return clean events ordered by user, time, type, identifier and then every other column:
    equal bytes when written.
    """
    first = [n for n in ("user_id", "event_at", "event_type", "event_uuid") if n in events.columns]
    return events.order_by(*first, *(name for name in events.columns if name not in first))
