"""Activity: the events that count, which are a known user's, since signup, inside the log."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ibis
import pandas as pd

from analysis.base import clock, engine
from analysis.base.errors import ReportError, nearest
from analysis.base.formats import format_value, plural
from analysis.base.names import cut, list_names
from analysis.log.cells import number, within_reason
from analysis.log.window import LogWindow

DAY_SECONDS = 86_400
ATTRIBUTES = ("country", "device")
"""Columns of users that events carry too, as `user_country` and so on."""


def place(
    events: Any,
    users: pd.DataFrame,
    window: LogWindow,
    passive: Sequence[str] = (),
    ending: Sequence[str] = (),
) -> Any:
    """Return the events (Ibis) with what the users table and the window say of them.

    Adds `is_known` (the user is in `users`), `tenure_day` (integer: whole 24-hour periods since
    `signup_date` at midnight; missing without one), `is_passive` (its type is in `passive`, the
    types that no user causes), `is_ending` (its type is in `ending`, the types that end a stay),
    `is_active`, and `user_country`, `user_device` where `users` has
    them. An event is active, that is activity, when its user is known with a signup date, it
    falls on or after that day and inside the window, and it is neither passive nor ending. Raises
    ReportError when the log has no event of a passive or an ending type.
    """
    _require_types(events, passive, "passive_event_types")
    _require_types(events, ending, "ending_event_types")
    attributes = [name for name in ATTRIBUTES if name in users]
    known = users[["user_id", "signup_date", *attributes]].assign(is_known=True)
    known = known.rename(columns={name: f"user_{name}" for name in attributes})
    joined = events.left_join(engine.from_pandas(known), "user_id").drop("user_id_right")
    since = clock.seconds(joined.event_at) - clock.seconds(joined.signup_date)
    inside = (joined.event_at >= window.start) & (joined.event_at < window.end)
    is_passive, is_ending = (_is_one_of(joined, types) for types in (passive, ending))
    placed = joined.mutate(
        is_known=joined.is_known.fill_null(False),
        tenure_day=(since / DAY_SECONDS).floor().cast("int64"),
        is_passive=is_passive,
        is_ending=is_ending,
        is_active=(inside & (since >= 0) & ~is_passive & ~is_ending).fill_null(False),
    )
    return placed.drop("signup_date")


def _is_one_of(events: Any, types: Sequence[str]) -> Any:
    """Return whether each event (Ibis) is of one of `types`."""
    return events.event_type.isin(list(types)).fill_null(False) if types else ibis.literal(False)


def _require_types(events: Any, wanted: Sequence[str], parameter: str) -> None:
    if not wanted:
        return
    types = engine.to_pandas(events.select("event_type").distinct())["event_type"].dropna()
    for name in wanted:
        if name not in set(types):
            raise ReportError(
                f"events: {parameter} names {name!r}, but no event has that type."
                f"{nearest(name, map(cut, types))} Types: {list_names(sorted(types))}. "
                f"Correct {parameter} in params.yml."
            )


def require_activity(
    events: Any, users: pd.DataFrame, passive: Sequence[str], ending: Sequence[str]
) -> None:
    """Raise ReportError, with the remedy, when no event is of a user in `users`, or when each is of
    a passive or an ending type: then nothing can be said of anybody.
    """
    known = engine.from_pandas(users[["user_id"]])
    if engine.to_pandas(events.semi_join(known, "user_id").select("user_id").limit(1)).empty:
        ids = events.aggregate(n=events.user_id.nunique(), first=events.user_id.min())
        row = engine.to_pandas(ids).iloc[0]
        raise ReportError(
            "events: no user_id is in the users table. The events have "
            f"{plural(int(row['n']), 'identifier', 'identifiers')}, such as {row['first']!r}; the "
            f"users have {format_value(len(users), 'count')}, such as "
            f"{users['user_id'].min()!r}. Give tables of the same users, or map the column that "
            "holds the same identifier under users_columns or events_columns in params.yml."
        )
    silent = {*passive, *ending}
    if not silent:
        return
    types = engine.to_pandas(events.select("event_type").distinct())["event_type"]
    if set(types) <= silent:
        raise ReportError(
            f"events: every event is of a type in passive_event_types or ending_event_types "
            f"({', '.join(sorted(types))}), so no user is ever active. Take out of "
            "passive_event_types in params.yml what users do themselves."
        )


def by_users(events: Any) -> Any:
    """Return the events (Ibis, from place) that users cause: those that are not passive."""
    return events.filter(~events.is_passive)


HALF_DAY = 43_200  # seconds
COUNTED = {"plays": "play", "clicks": "click", "nexts": "next", "exits": "exit",
           "spends": "spend", "purchases": "purchase"}  # fmt: skip
PAID = {"spent": "spend", "bought": "purchase"}
"""Counts and amounts of events of a role, and the role."""
KINDS, BITS, MOST_TYPES = "types_", 62, 620
"""Columns of sum_by_day that say which types of event a row has, a bit for each; how many types are
in one; and the types told apart: of a log that has more, the rarest count as one, for a log of
pages that calls each a type of its own has tens of thousands."""


def _bit_or(bits: Any) -> Any:
    """Return the bits that are set in any of whole numbers: the engine's own, for Ibis (12) has
    none on Spark.
    """


bit_or: Callable[[Any], Any] = ibis.udf.agg.builtin(
    _bit_or, name="bit_or", signature=(("int64",), "int64")
)


def sum_by_day(
    active: Any,
    window: LogWindow,
    zone: str,
    roles: Mapping[str, str],
    gap_minutes: float | None,
    types: Sequence[str],
) -> Any:
    """Return one row per user, session and half day with activity (Ibis), from active events.

    Days are counted in four ways, for each question has its own: `tenure_day` (24-hour periods
    since signup), `half_days` (12-hour periods from the event to the end of the window: k covers
    [end - 12 (k + 1) hours, end - 12 k hours)) and half of it `days_to_end`,
    `recorded_days_to_end` (24-hour periods from the instant at which the event was known, negative
    after the end) and `local_day` (days since 1970 in `zone`).
    `session_key` names the session (see with_sessions); where `gap_minutes` is None and events name
    none, each instant (`event_at`) has a row. Sums over the row's events: `events`,
    `first_event_at`, `last_event_at`, the counts of COUNTED and the amounts of PAID (1 each where
    none is named). `types_0` and so on (KINDS) are the `types`, most frequent first, that the row
    has, BITS in each.
    """
    is_timed = gap_minutes is None and not {"session_id", "session_key"} & set(active.columns)
    sessions = active if is_timed else with_sessions(active, gap_minutes or 0)
    end = int(window.end.timestamp())
    half_days = (end - 1 - clock.whole_seconds(sessions.event_at)) // HALF_DAY
    recorded_days = -clock.days_since(sessions.recorded_at, window.end) - 1
    dated = sessions.mutate(
        half_days=half_days.cast("int32"),
        recorded_days_to_end=recorded_days.cast("int32"),
        local_day=clock.local_day(sessions.event_at, zone, window.start, window.end).cast("int32"),
    )
    dated, kinds = _with_kinds(with_paid(dated, roles), types)
    keys = ("user_id", "event_at" if is_timed else "session_key", "tenure_day", "half_days",
            "recorded_days_to_end", "local_day")  # fmt: skip

    def count(role: str) -> Any:
        return (dated.event_type == roles.get(role, "")).sum().cast("int32")

    sums = dated.group_by(*keys).aggregate(
        events=dated.count().cast("int32"),
        first_event_at=dated.event_at.min(),
        last_event_at=dated.event_at.max(),
        **{name: count(role) for name, role in COUNTED.items()},
        **{name: total_paid(dated, roles, role) for name, role in PAID.items()},
        **{name: bit_or(dated[name]) for name in kinds},
    )
    return sums.mutate(days_to_end=(sums.half_days // 2).cast("int32"))


def _with_kinds(events: Any, types: Sequence[str]) -> tuple[Any, list[str]]:
    """Return events (Ibis) with the bit of their type in the columns KINDS, and their names."""
    places = [min(n, MOST_TYPES - 1) for n in range(len(types))]
    bits = {
        f"{KINDS}{first // BITS}": [
            1 << (n - first) if first <= n < first + BITS else 0 for n in places
        ]
        for first in range(0, min(len(types), MOST_TYPES), BITS)
    }
    if not bits:
        return events, []
    known = engine.from_pandas(pd.DataFrame({"event_type": list(types), **bits}))
    joined = events.left_join(known, "event_type")
    return joined.drop("event_type_right"), list(bits)


def user_spans(rows: Any) -> pd.DataFrame:
    """Return per user of `rows` (events or user-days, Ibis): `first_event_at`, `last_event_at`
    (UTC), `event_count`.
    """
    is_summed = "first_event_at" in rows.columns
    first, last = (rows.first_event_at, rows.last_event_at) if is_summed else (rows.event_at,) * 2
    spans = rows.group_by("user_id").aggregate(
        first_event_at=first.min(),
        last_event_at=last.max(),
        event_count=rows.events.sum() if is_summed else rows.count(),
    )
    return engine.to_pandas(spans.order_by("user_id"))


def user_types(rows: Any) -> Any:
    """Return one row per user and type of `rows` (Ibis): `user_id`, `event_type`, `events` (count),
    `first_event_at`, `last_event_at`. `rows` are events, or such a table already.
    """
    if "first_event_at" in rows.columns:
        return rows
    return rows.group_by("user_id", "event_type").aggregate(
        events=rows.count(), first_event_at=rows.event_at.min(), last_event_at=rows.event_at.max()
    )


def user_sessions(events: Any) -> Any:
    """Return one row per user and session_id of events (Ibis) that carry one: `user_id`,
    `session_id`, `first_event_at`, `last_event_at`, `events` (count).
    """
    given = events.filter(events.session_id.notnull())
    return given.group_by("user_id", "session_id").aggregate(
        first_event_at=given.event_at.min(), last_event_at=given.event_at.max(),
        events=given.count(),
    )  # fmt: skip


def with_sessions(active: Any, gap_minutes: float) -> Any:
    """Return `active` with `session_key` (integer), one value per user and session.

    The events' own `session_id` where the table has one (an event without it counts to a
    session of its day); otherwise a session ends when
    `gap_minutes` pass without an event of that user (the field's usual rule).
    """
    if "session_key" in active.columns:
        return active
    if "session_id" in active.columns:
        day = clock.whole_seconds(active.event_at) // 86_400
        return active.mutate(session_key=ibis.coalesce(active.session_id, -1 - day))
    timed = active.mutate(second=clock.seconds(active.event_at))
    by_user = ibis.window(group_by=timed.user_id, order_by=timed.second)
    pause = timed.second - timed.second.lag().over(by_user)
    starts = timed.mutate(is_start=(pause.isnull() | (pause > gap_minutes * 60)).cast("int64"))
    # by range: events of one instant get one number, in whatever order they come
    running = ibis.window(group_by=starts.user_id, order_by=starts.second, range=(None, 0))
    number = starts.is_start.nullif(0).count().over(running)  # a sum would be of 128 bits
    return starts.mutate(session_key=number).drop("is_start", "second")


def exact_sum(values: Any) -> Any:
    """Return the sum of an Ibis column of numbers, to six decimals, as a float: the same in
    whatever order, and by however many threads, they are added. What is not finite, or has more
    than 25 digits, is left out.
    """
    kept = ibis.ifelse(values.abs() < 1e25, values, ibis.null("float64"))
    return kept.try_cast("decimal(38, 6)").sum().cast("float64")


NAMED = r"""["']amount["']\s*:\s*"""
AMOUNT = NAMED + r"""["']?\s*(-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)"""
"""How properties name an amount: in JSON, or as programs write a struct or dictionary."""
AMOUNT_WITH_COMMA = NAMED + r"""["']\s*(-?[0-9]+,[0-9.,]*[0-9])"""
"""An amount in quotes that has a comma. Without quotes a comma ends the number."""


def amount(table: Any) -> Any:
    """Return the `amount` that the events' properties name (Ibis), missing where they do not: of
    clean events, in which it is a column, that.

    In quotes it may have a comma before its decimals: `"3,50"` is 3.5. Before three digits the
    comma may stand between thousands, and the amount is not read; nor is one that is no amount,
    such as 1e308: see cells.number.
    """
    if "amount" in table.columns:
        return table.amount
    if "properties" not in table.columns:
        return ibis.literal(None, type="float64")
    digits = table.properties.re_extract(AMOUNT, 1).nullif("").try_cast("float64")
    written = table.properties.re_extract(AMOUNT_WITH_COMMA, 1).nullif("")
    found = ibis.ifelse(written.notnull(), number(written), within_reason(digits))
    # two patterns cost as much as reading the table, and hardly any event has an amount
    return ibis.ifelse(table.properties.contains("amount"), found, ibis.null("float64"))


def with_paid(events: Any, roles: Mapping[str, str]) -> Any:
    """Return the events (Ibis) with `paid`: the amount of those that spend or purchase, 1 where
    none is named, and missing for all others. Each is read once.
    """
    is_paid = events.event_type.isin([roles.get(role, "") for role in ("spend", "purchase")])
    paid = ibis.ifelse(is_paid, ibis.coalesce(amount(events), 1.0), ibis.null("float64"))
    return events.mutate(paid=paid)


def total_paid(paid: Any, roles: Mapping[str, str], role: str) -> Any:
    """Return the exact sum (see exact_sum) of `paid` (with_paid) over events of a role, 0 without
    any.
    """
    is_role = paid.event_type == roles.get(role, "")
    return exact_sum(ibis.ifelse(is_role, paid.paid, ibis.null("float64"))).fill_null(0.0)
