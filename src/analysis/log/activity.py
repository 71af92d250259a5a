"""Activity: the events that count, which are a known user's, since signup, inside the log."""

from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import pandas as pd

from analysis.base import clock, engine
from analysis.base.errors import ReportError
from analysis.contract.inputs import ROLES
from analysis.log.window import LogWindow


def activity(
    events: Any, users: pd.DataFrame, window: LogWindow, passive: Sequence[str] = ()
) -> Any:
    """Return the events (Ibis) of known users with a signup date, at or after it, in the log.

    Adds `tenure_day` (integer): whole 24-hour periods since `signup_date` at midnight.
    Orphans, events before signup and events outside `window` are no activity; the audit
    counts them. Nor are events of the types in `passive`, which no user causes. Raises
    ReportError when the log has no event of such a type.
    """
    signups = users.loc[users["signup_date"].notna(), ["user_id", "signup_date"]]
    joined = by_users(events, passive).join(engine.from_pandas(signups), "user_id")
    inside = (joined.event_at >= window.start) & (joined.event_at < window.end)
    since = clock.seconds(joined.event_at) - clock.seconds(joined.signup_date)
    kept = joined.mutate(tenure_day=(since / 86_400).floor().cast("int64"))
    return kept.filter(inside, joined.event_at >= joined.signup_date).drop("signup_date")


def by_users(events: Any, passive: Sequence[str] = ()) -> Any:
    """Return the events (Ibis) whose type is not in `passive`: those that users cause.

    Raises ReportError when the log has no event of such a type.
    """
    if not passive:
        return events
    found = engine.to_pandas(events.select("event_type").distinct())["event_type"].dropna()
    for name in passive:
        if name not in set(found):
            raise ReportError(
                f"events: passive_event_types names {name!r}, which no event has. The types are: "
                f"{', '.join(sorted(found))}."
            )
    return events.filter(events.event_type.isnull() | events.event_type.notin(list(passive)))


def user_days(active: Any) -> Any:
    """Return one row per user and tenure day with activity: `user_id, tenure_day, events`."""
    return active.group_by("user_id", "tenure_day").aggregate(events=lambda t: t.count())


def user_spans(active: Any) -> pd.DataFrame:
    """Return per user with activity: `first_event_at`, `last_event_at` (UTC), `event_count`."""
    spans = active.group_by("user_id").aggregate(
        first_event_at=active.event_at.min(),
        last_event_at=active.event_at.max(),
        event_count=active.count(),
    )
    return engine.to_pandas(spans.order_by("user_id"))


def with_sessions(active: Any, gap_minutes: float) -> Any:
    """Return `active` with `session_key`, one value per user and session.

    The events' own `session_id` where the table has one (an event without it counts to a
    session of its day); otherwise a session ends when
    `gap_minutes` pass without an event of that user (the field's usual rule).
    """
    if "session_id" in active.columns:
        day = (clock.whole_seconds(active.event_at) / 86_400).floor().cast("int64").cast("string")
        key = ibis.coalesce(active.session_id, ibis.literal("none-") + day)
        return active.mutate(session_key=key)
    timed = active.mutate(second=clock.seconds(active.event_at))
    by_user = ibis.window(group_by=timed.user_id, order_by=timed.second)
    pause = timed.second - timed.second.lag().over(by_user)
    starts = timed.mutate(is_start=(pause.isnull() | (pause > gap_minutes * 60)).cast("int64"))
    # by range: events of one instant get one number, in whatever order they come
    running = ibis.window(group_by=starts.user_id, order_by=starts.second, range=(None, 0))
    number = starts.is_start.sum().over(running)
    return starts.mutate(session_key=number.cast("string")).drop("is_start", "second")


def exact_sum(values: Any) -> Any:
    """Return the sum of an Ibis column of numbers, to six decimals, as a float: the same in
    whatever order, and by however many threads, they are added. What is not finite, or has more
    than 25 digits, is left out.
    """
    kept = ibis.ifelse(values.abs() < 1e25, values, ibis.null("float64"))
    return kept.try_cast("decimal(38, 6)").sum().cast("float64")


AMOUNT = r"""["']amount["']\s*:\s*["']?(-?[0-9]+(?:\.[0-9]+)?)"""
"""How properties name an amount: in JSON, or as programs write a struct or dictionary."""


def amount(table: Any) -> Any:
    """Return the `amount` that the events' properties name (Ibis), missing where they do not."""
    if "properties" not in table.columns:
        return ibis.literal(None, type="float64")
    found = table.properties.re_extract(AMOUNT, 1)
    return found.nullif("").try_cast("float64")


def absent_roles(active: Any, roles: Mapping[str, str]) -> list[str]:
    """Return the roles that no event_type is given for, or none of whose events are in the log,
    sorted.
    """
    present = set(active.select("event_type").distinct().to_pyarrow()["event_type"].to_pylist())
    return sorted(role for role in ROLES if roles.get(role) not in present - {None})
