"""Clean the event log, counting every row that is left out. The work is done in the engine."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ibis
import pandas as pd

from analysis.base import clock, engine
from analysis.base.errors import ReportError
from analysis.base.formats import plural
from analysis.contract.inputs import EVENTS, Column, names
from analysis.log import cells, content
from analysis.log.dates import read_orders
from analysis.log.raw import check_readable
from analysis.log.users import Counts

FURTHER = {
    True: "A further column. It counts when events are compared to find repeats.",
    False: "A further column that names the row or its loading. It is not read.",
}


def given_table(
    absent: list[str], columns: tuple[Column, ...], said: content.Columns
) -> pd.DataFrame:
    """Return the contract's columns and those that the file has besides as `column`, `is_present`
    (yes or no), `meaning`.
    """
    rows = [(c.name, "no" if c.name in absent else "yes", c.meaning) for c in columns]
    known = {c.name for c in columns}
    for name in (*said.counted, *said.left_out):
        if name not in known:
            rows.append((name, "yes", FURTHER[name in said.counted]))
    return pd.DataFrame(rows, columns=["column", "is_present", "meaning"])


def event_types_table(events: Any) -> pd.DataFrame:
    """Return `event_type`, `events`, `users` (counts), most frequent first."""
    counted = events.group_by("event_type").aggregate(
        events=lambda t: t.count(), users=lambda t: t.user_id.nunique()
    )
    return engine.to_pandas(counted.order_by(ibis.desc("events"), "event_type"))


MOST_DATES = 0.5
"""Above this share of times at 00:00 UTC a log's times are dates."""


@dataclass(frozen=True)
class CleanEvents:
    """`table`: one row per event (Ibis); `counts`: issue -> rows; `absent`: columns not given;
    `said`: which columns count as content.
    """

    table: Any
    counts: Counts
    absent: list[str]
    said: content.Columns


def clean_events(raw: Any, time_zone: str = "UTC") -> CleanEvents:
    """Return the events of `raw` (Ibis), one row each, with every issue counted.

    Columns: `user_id`, `event_type`, `event_at`, `recorded_at` (when it was known:
    `received_at`, and `event_at` where that is absent or earlier), those of the contract that are
    present, and `content` (see log.content), where events say more than who, what and when.
    Rows without `event_uuid` (where that column exists), `user_id` or a readable time are left out
    and counted; of rows with one `event_uuid` the earliest stays (by `event_at`, then every other
    column in order), and `duplicates_differing` counts those that were no copies of it.
    Counts: the case's six, with `created_at` and `received_at` exchanged as the case
    did between its two steps, `unreadable_<column>` of each time, and, where there are any,
    `far_<column>` (of a year that cannot be: see cells.instant), `changed_<column>` and
    `placeholder_<column>` of identifiers (changed when read; a word for a missing one),
    `long_texts` (rows with a type or user that is too long for a name: see cells.name);
    `day_first_<column>` and `month_first_<column>` of times (see dates.read_orders).
    In no order: see in_order. Where most times are dates
    that carry none (00:00 UTC), they become the start of their day in `time_zone`.
    """
    known = [name for name in names(EVENTS) if name in raw.columns]
    said = content.content_columns(raw)
    raw, orders = read_orders(raw, "events", names(EVENTS, "instant"))
    events, found = _parse_once(raw, known, said)
    if time_zone != "UTC":
        for name in [n for n in ("event_at", "received_at", "created_at") if n in events.columns]:
            events = _at_local_midnight(events, name, time_zone)
    counts = _event_counts(events)
    is_empty = counts["null_event_timestamp"] == counts["rows_read"]
    if is_empty or found["unreadable_event_timestamp"] or "far_event_timestamp" in found:
        check_readable(raw, "events", "event_timestamp")
    usable = events.filter(events.user_id.notnull(), events.event_at.notnull())
    unique, removed, differing = usable, None, None
    if "event_uuid" in events.columns:
        usable = usable.filter(usable.event_uuid.notnull())
        unique, removed, differing = _one_each(usable)
    n_usable = int(usable.count().execute())
    n_unique = n_usable - (removed or 0)
    if n_unique == 0:
        raise _none_usable(counts)
    rows = counts["rows_read"] or 0
    counts |= {
        "duplicates_removed": removed,
        "duplicates_differing": differing,
        "dropped_incomplete": rows - n_usable,
        "rows_kept": n_unique,
        **found,
        **orders,
    }
    absent = [name for name in names(EVENTS) if name not in raw.columns]
    return CleanEvents(slim(unique), counts, absent, said)


def _none_usable(counts: Counts) -> ReportError:
    blank = [n for n in ("user_id", "event_uuid") if counts[f"null_{n}"] == counts["rows_read"]]
    if not blank:
        return ReportError("events: no row has user_id and a readable time. See the data contract.")
    return ReportError(
        f"events: column {blank[0]!r} is empty in all "
        f"{plural(counts['rows_read'] or 0, 'row', 'rows')}. Map the right column under "
        "events_columns in params.yml, or take the column out if it is event_uuid."
    )


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
    days = engine.to_pandas(dates.order_by("second"))
    day = pd.to_datetime(days["second"], unit="s", utc=True)
    days["local"] = (clock.midnight(day, zone) - pd.Timestamp(0, tz="UTC")) // clock.SECOND
    joined = timed.left_join(engine.from_pandas(days), "second")
    local = joined.local.as_timestamp("s").cast("timestamp('UTC')")
    return joined.mutate(**{name: ibis.coalesce(local, joined[name])}).select(*events.columns)


def _parse_once(raw: Any, known: list[str], said: content.Columns) -> tuple[Any, Counts]:
    """Return the typed events with their content, kept by the engine so that no text is parsed
    twice, and what is found in the cells of times and identifiers, by column: see clean_events.
    """
    raw, counted = content.set_apart(raw, said)
    read = _read_once(raw)
    times = [name for name in names(EVENTS, "instant") if name in raw.columns]
    ids = [name for name in cells.IDENTIFIERS if name in raw.columns]
    parsers: dict[str, Callable[[Any], Any]] = {"event_type": cells.name}
    parsers |= {**dict.fromkeys(times, cells.instant), **dict.fromkeys(ids, cells.without_words)}
    columns = {name: parsers.get(name, cells.text)(read[name]) for name in known}
    flags = _flags(read, times, ids, columns)
    more = content.hashed(read, counted)
    kept = read.select(**columns, **more, **{f"is_{n}": f for n, f in flags.items()}).cache()
    sums = kept.aggregate(**{n: ibis.coalesce(kept[f"is_{n}"].sum(), 0) for n in flags})
    row = {str(n): int(v) for n, v in engine.to_pandas(sums).iloc[0].items()}
    found: Counts = {n: v for n, v in row.items() if v or n.startswith("unreadable_")}
    kept = kept.drop(*(f"is_{n}" for n in flags))
    return kept.rename(event_at="event_timestamp"), found


def _read_once(raw: Any) -> Any:
    """Return `raw` with times and identifiers read, but not judged, and beside each what it was:
    `is_filled_<time>`, `given_<identifier>`. The engine computes these before anything that uses
    them more than once.
    """
    read: dict[str, Any] = {}
    for name in [n for n in names(EVENTS, "instant") if n in raw.columns]:
        read |= {
            name: cells.moment(raw[name]),
            f"is_filled_{name}": cells.is_filled(raw[name]),
        }
    for name in [n for n in cells.IDENTIFIERS if n in raw.columns]:
        parse = cells.whole_text if name == "user_id" else cells.text
        read |= {name: parse(raw[name]), f"given_{name}": raw[name]}
    return raw.mutate(**read)


def _flags(read: Any, times: list[str], ids: list[str], columns: dict[str, Any]) -> dict[str, Any]:
    """Return what is wrong with a cell, by issue: see clean_events."""
    flags: dict[str, Any] = {}
    for name in times:
        flags[f"unreadable_{name}"] = read[name].isnull() & read[f"is_filled_{name}"]
        flags[f"far_{name}"] = cells.is_far(read[name], columns[name])
    both = (read[name].cast("string") for name in ("event_type", "given_user_id"))
    long = [cells.is_long(value) for value in both]
    flags["long_texts"] = long[0].fill_null(False) | long[1].fill_null(False)
    for name in ids:
        flags[f"placeholder_{name}"] = cells.is_word(read[name])
        if read[f"given_{name}"].type().is_string():
            flags[f"changed_{name}"] = read[f"given_{name}"] != read[name]
    return flags


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


def _one_each(events: Any) -> tuple[Any, int, int]:
    """Return one row per event_uuid, how many rows were left out, and how many of these were no
    copies of the row that stays: they differ in user, type, time or content. Only repeated
    identifiers are ranked: hardly any are, and ranking costs more than all the rest.
    """
    sizes = events.group_by("event_uuid").aggregate(n=lambda t: t.count())
    repeated = sizes.filter(sizes.n > 1).cache()
    sums = repeated.aggregate(rows=repeated.n.sum(), ids=repeated.count())
    row = engine.to_pandas(sums).fillna(0).iloc[0]
    if not row["ids"]:
        return events, 0, 0
    single = events.anti_join(repeated, "event_uuid")
    shared = events.semi_join(repeated, "event_uuid").cache()
    whole = single.union(_earliest(shared).cache())  # no copy: the events are as wide as the file
    return whole, int(row["rows"] - row["ids"]), _different_rows(shared) - int(row["ids"])


def _different_rows(events: Any) -> int:
    """Return the number of events when those with one identifier that agree in user, type, time
    and content count once.
    """
    says = ("event_uuid", "user_id", "event_type", "event_at", content.NAME)
    return int(
        events.select(*(n for n in says if n in events.columns)).distinct().count().execute()
    )


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
    has_content = content.NAME in events.columns
    more = {content.NAME: events[content.NAME]} if has_content else {}
    return events.select(*dict.fromkeys(keep), recorded_at=recorded, **more)


def in_order(events: Any) -> Any:
    """Return clean events ordered by user, time, type and identifier, and then, where they have no
    identifiers, which no two events share, by every other column: equal bytes when written.
    """
    first = [n for n in ("user_id", "event_at", "event_type", "event_uuid") if n in events.columns]
    rest = [] if "event_uuid" in first else [n for n in events.columns if n not in first]
    return events.order_by(*first, *rest)
