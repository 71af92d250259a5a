"""Clean the event log, counting every row that is left out. The work is done in the engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ibis
import pandas as pd

from analysis.base import clock, engine
from analysis.base.errors import ReportError
from analysis.base.formats import plural
from analysis.base.reading import Piece
from analysis.contract.inputs import EVENTS, Column, names
from analysis.log import cells, content
from analysis.log.activity import amount
from analysis.log.dates import in_iso, read_orders
from analysis.log.parts import damage_named, read_in_parts
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
    by_user = events.group_by("event_type", "user_id").aggregate(n=events.count())
    counted = by_user.group_by("event_type").aggregate(
        events=by_user.n.sum(), users=by_user.user_id.count()
    )
    return engine.to_pandas(counted.order_by(ibis.desc("events"), "event_type"))


MOST_DATES = 0.5
"""Above this share of times at 00:00 UTC a log's times are dates."""


@dataclass(frozen=True)
class CleanEvents:
    """`table`: one row per event (Ibis); `counts`: issue -> rows; `absent`: columns not given;
    `said`: which columns count as content; `cells`: see count_cells.
    """

    table: Any
    counts: Counts
    absent: list[str]
    said: content.Columns
    cells: list[dict[str, Any]]


def clean_events(raw: Any, time_zone: str = "UTC", pieces: Sequence[Piece] = ()) -> CleanEvents:
    """Return the events of `raw` (Ibis), one row each, with every issue counted; `pieces` are the
    files that make it up, where each can be read by itself.

    Columns: see slim. Rows without `event_uuid` (where that column exists), `user_id` or a readable
    time are left out and counted; of rows with one `event_uuid` the earliest stays (by `event_at`,
    then the columns of slim in order), and `duplicates_differing` counts those that were no copies
    of it.
    Counts: the case's six, with `created_at` and `received_at` exchanged as the case
    did between its two steps, `unreadable_<column>` of each time, and, where there are any,
    `far_<column>` (of a year that cannot be: see cells.instant), `changed_<column>` and
    `placeholder_<column>` of identifiers (changed when read; a word for a missing one),
    `long_texts` (rows with a type or user that is too long for a name: see cells.named);
    `day_first_<column>` and `month_first_<column>` of times (see dates.read_orders).
    In no order: see in_order. Where most times are dates that carry none (00:00 UTC), they become
    the start of their day in `time_zone`. Raises ReportError when most times cannot be read.
    """
    with damage_named(pieces):
        raw, orders = read_orders(raw, "events", names(EVENTS, "instant"))
    pieces = [replace(piece, table=in_iso(piece.table, orders)) for piece in pieces]
    events, found, said = _parse_once(raw, pieces)
    if time_zone != "UTC":
        for name in [n for n in ("event_at", "received_at", "created_at") if n in events.columns]:
            events = _at_local_midnight(events, name, time_zone)
    counts = _event_counts(events)
    good = (counts["rows_read"] or 0) - (counts["null_event_timestamp"] or 0)
    bad = sum(found.get(f"{how}_event_timestamp") or 0 for how in ("unreadable", "far"))
    if not good or bad > good:
        check_readable(raw, "events", "event_timestamp")
    usable = events.filter(events.user_id.notnull(), events.event_at.notnull())
    unique, removed, differing = usable, None, None
    if "event_uuid" in events.columns:
        usable = usable.filter(usable.event_uuid.notnull())
        unique, removed, differing = _one_each(usable)
    if "session_id" in unique.columns:  # which of the repeats stays, its text decides
        unique = unique.mutate(session_id=content.hash_of(unique.session_id))
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
    return CleanEvents(slim(unique), counts, absent, said, count_cells(unique))


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
    dates = timed.filter(timed.second % 86_400 == 0).group_by("second").aggregate()
    days = engine.to_pandas(dates.order_by("second"))
    day = pd.to_datetime(days["second"], unit="s", utc=True)
    days["local"] = (clock.midnight(day, zone) - pd.Timestamp(0, tz="UTC")) // clock.SECOND
    joined = timed.left_join(engine.from_pandas(days), "second")
    local = joined.local.as_timestamp("s").cast("timestamp('UTC')")
    return joined.mutate(**{name: ibis.coalesce(local, joined[name])}).select(*events.columns)


def _parse_once(raw: Any, pieces: Sequence[Piece]) -> tuple[Any, Counts, content.Columns]:
    """Return the typed events with their content, kept so that no text is parsed twice; what is
    found in the cells of times and identifiers, by column (see clean_events); which columns count.
    """
    apart = content.set_apart(raw)
    kept = read_in_parts(raw, pieces, lambda table: _parsed(table, apart))
    found = _found(kept, _flag_names(raw))
    said = content.content_columns(raw.columns, apart, kept)
    kept = content.with_content(kept.drop(FLAGS), apart, said)
    return kept.rename(event_at="event_timestamp"), found, said


def _parsed(raw: Any, apart: Mapping[str, str]) -> Any:
    """Return the typed events, and in the column FLAGS what is wrong with their cells. Of the
    further columns that are set `apart` only hashes are left.
    """
    known = [name for name in names(EVENTS) if name in raw.columns]
    times = [name for name in names(EVENTS, "instant") if name in raw.columns]
    ids = [name for name in cells.IDENTIFIERS if name in raw.columns]
    renamed = raw.select(*known, **{new: raw[name] for new, name in apart.items()})
    judged = _judged(_read_once(renamed, times, ids), times, ids)
    columns = {name: judged[name] for name in known}
    columns |= {
        n: ibis.ifelse(judged[f"is_{n}_a_word"], ibis.null("string"), judged[n]) for n in ids
    }
    columns |= {name: judged[f"instant_{name}"] for name in times}
    columns |= {name: content.hash_of(columns[name]) for name in HASHED if name in known}
    if "event_uuid" in known:  # of 63 bits, two of a billion identifiers may have the same
        columns["more_of_uuid"] = content.hash_of(judged.event_uuid + "+")
    said = columns | {name: judged[name] for name in ids}
    columns |= content.hashed(said, tuple(n for n in known if content.is_said(n)))
    columns |= content.in_short(judged, apart)
    if "properties" in known:
        columns["amount"] = amount(judged)
    flags = _flags(judged, times, ids)
    bits = [ibis.ifelse(flags[name], 1 << n, 0) for n, name in enumerate(_flag_names(raw))]
    return judged.select(**columns, **{FLAGS: sum(bits).cast("int32")})


FLAGS = "flags"
"""The column of what is wrong with an event's cells: a bit for each of _flag_names."""


def _flag_names(raw: Any) -> list[str]:
    """Return what can be wrong with a cell of the raw events: see clean_events."""
    times = [name for name in names(EVENTS, "instant") if name in raw.columns]
    ids = [name for name in cells.IDENTIFIERS if name in raw.columns]
    of_times = [f"{how}_{name}" for name in times for how in ("unreadable", "far")]
    of_ids = [(f"placeholder_{name}", f"changed_{name}") for name in ids]
    return ["long_texts", *of_times, *(name for pair in of_ids for name in pair)]


def _found(kept: Any, flags: Sequence[str]) -> Counts:
    """Return how many events have each flag, if any has or none of its column can be read."""
    rows = engine.to_pandas(kept.group_by(FLAGS).aggregate(n=kept.count()))
    bits, n = rows[FLAGS].to_numpy("int64"), rows["n"].to_numpy("int64")
    sums = {name: int(n[(bits >> place) & 1 == 1].sum()) for place, name in enumerate(flags)}
    return {name: n for name, n in sums.items() if n or name.startswith("unreadable_")}


def _read_once(raw: Any, times: list[str], ids: list[str]) -> Any:
    """Return `raw` with its cells read, but not judged, and beside them what some were:
    `is_filled_<time>`, `given_<identifier>`, `is_long`. The engine computes these before anything
    that uses them more than once.
    """
    given = {f"given_{name}": raw[name] for name in ids}
    texts = cells.with_texts(raw.mutate(**given), times, given)
    long = [cells.is_long(texts[name]).fill_null(False) for name in ("event_type", "user_id")]
    return texts.mutate(
        event_type=cells.named(texts.event_type),
        user_id=cells.whole(cells.named(texts.user_id)),
        is_long=long[0] | long[1],
        **{name: cells.moment(texts[name]) for name in times},
        **{f"is_filled_{name}": texts[name].notnull() for name in times},
    )


def _judged(read: Any, times: list[str], ids: list[str]) -> Any:
    """Return cells that were read, and what is judged of them: `instant_<time>` and
    `is_<identifier>_a_word`.
    """
    return read.mutate(
        **{f"instant_{name}": cells.instant_of(read[name]) for name in times},
        **{f"is_{name}_a_word": cells.is_word(read[name]).fill_null(False) for name in ids},
    )


def _flags(judged: Any, times: list[str], ids: list[str]) -> dict[str, Any]:
    """Return what is wrong with a cell, by the names of _flag_names."""
    flags: dict[str, Any] = {"long_texts": judged.is_long}
    for name in times:
        found = judged[name]
        flags[f"unreadable_{name}"] = found.isnull() & judged[f"is_filled_{name}"]
        flags[f"far_{name}"] = cells.is_far(found, judged[f"instant_{name}"])
    for name in ids:
        flags[f"placeholder_{name}"] = judged[f"is_{name}_a_word"]
        given = judged[f"given_{name}"]
        is_text = given.type().is_string()
        flags[f"changed_{name}"] = given != judged[name] if is_text else ibis.literal(False)
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
    if not repeated.count().execute():
        return events, 0, 0
    single = events.anti_join(repeated, "event_uuid")
    shared = events.semi_join(repeated, "event_uuid").cache()
    rows, kept = int(shared.count().execute()), _earliest(shared).cache()
    ids = int(kept.count().execute())
    whole = single.union(kept)  # no copy: the events are as wide as the file
    return whole, rows - ids, _different_rows(shared) - ids


def _different_rows(events: Any) -> int:
    """Return the number of events when those with one identifier that agree in user, type, time
    and content count once.
    """
    says = ("event_uuid", "more_of_uuid", "user_id", "event_type", "event_at", content.NAME)
    return int(
        events.select(*(n for n in says if n in events.columns)).distinct().count().execute()
    )


def _earliest(events: Any) -> Any:
    both, last = ["event_uuid", "more_of_uuid"], (*HASHED[1:], content.NAME)  # hashes, in no order
    rest = [name for name in events.columns if name not in (*both, "event_at", *last)]
    rest += [name for name in last if name in events.columns]
    order = [events.event_at, *(events[name].asc(nulls_first=False) for name in rest)]
    first = ibis.row_number().over(group_by=both, order_by=order)
    ranked = events.mutate(rank_of_uuid=first)
    return ranked.filter(ranked.rank_of_uuid == 0).drop("rank_of_uuid")


HASHED = ("event_uuid", "show_id", "episode_id", "app_version", "properties")
"""Columns of which nothing is asked but whether they are filled, and with how many values. Of these
63 bits are kept while cleaning, for their text is most of the log; of `event_uuid` 126."""
SLIM = ("user_id", "event_at", "event_type", "received_at", "created_at", "session_id", "country",
        "source", "recorded_at", content.NAME, "amount")  # fmt: skip


def slim(events: Any) -> Any:
    """Return parsed events with the columns that later stages ask for: who, what and when, the
    session (63 bits of its name) and the kinds of event that are compared, as far as the log has
    them; `recorded_at` (when it was known: `received_at`, and `event_at` where that is absent or
    earlier); `content` (see log.content), where events say more than who, what and when; and
    `amount` (see activity.amount), where they have properties. What else they say stays in the raw
    file.
    """
    recorded = events.event_at
    if "received_at" in events.columns:
        recorded = ibis.greatest(
            events.event_at, ibis.coalesce(events.received_at, events.event_at)
        )
    events = events.mutate(recorded_at=recorded)
    return events.select(*(name for name in SLIM if name in events.columns))


def count_cells(events: Any) -> list[dict[str, Any]]:
    """Return of each column of the contract that the parsed events have, under `column`: its
    `nulls` and its `distinct` values (counts). No values of times are counted, which says nothing
    and costs as much as reading the table ten times; and no two events share an identifier.
    """
    given = {"event_timestamp" if n == "event_at" else n: events[n] for n in events.columns}
    given = {name: column for name, column in given.items() if name in names(EVENTS)}
    counted = [name for name in given if name not in names(EVENTS, "instant")]
    row = engine.to_pandas(
        events.aggregate(
            **{f"nulls_{name}": column.isnull().sum() for name, column in given.items()},
            **{f"distinct_{n}": _distinct(n, given[n]) for n in counted},
        )
    ).iloc[0]
    return [
        {
            "column": name,
            "nulls": int(row[f"nulls_{name}"]),
            "distinct": int(row[f"distinct_{name}"]) if name in counted else None,
        }
        for name in names(EVENTS)
        if name in given
    ]


def _distinct(name: str, column: Any) -> Any:
    return column.count() if name == "event_uuid" else column.nunique()


def in_order(events: Any) -> Any:
    """Return clean events ordered by user (by 63 bits), time and type, and where they agree in
    these, by what else they say and when they came: equal bytes when written. Few columns are
    compared, and numbers rather than texts, for a sort holds them all twice.
    """
    last = ("content", "received_at", "created_at")
    rest = [name for name in ("event_at", "event_type", *last) if name in events.columns]
    return events.order_by(content.hash_of(events.user_id), *rest)
