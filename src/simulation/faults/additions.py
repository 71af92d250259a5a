"""Faults that add events that did not happen."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from simulation.plan import Plan, fault
from simulation.rendering import EVENT_SCHEMA, IDENTIFIERS, Rendered, name_users
from simulation.text import instant_array, uuid_array
from simulation.times import DAY, LOG_START, Array, unix

WEEK = 7 * DAY
REIMPORT_SECONDS = 6 * 3600


@fault("added_events", strengths=(0.001, 0.02), found_by=("double_logging",))
def double_logging(share: float, plan: Plan, rendered: Rendered) -> pa.Table:
    """Share of events logged a second time under another event_uuid."""
    rows, ids = _draw_added(plan, len(rendered.events))[:2]
    return _copy_events(rendered.events, rows, ids)


@fault("added_events", strengths=(0.05, 0.2), found_by=("machines",))
def machine(share: float, plan: Plan, rendered: Rendered) -> pa.Table:
    """Share of all events that come from one machine, under one user's account."""
    rows, ids, sessions = _draw_added(plan, len(rendered.events))[2:]
    account = rendered.people["user_id"].iloc[int(rendered.people["signup"].to_numpy().argmin())]
    new = {"user_id": pa.repeat(account, len(rows)), "session_id": sessions}
    return _copy_events(rendered.events, rows, ids, new)


def _draw_added(plan: Plan, n: int) -> tuple[Any, ...]:
    """Return rows and identifiers of events logged twice, then rows, identifiers and sessions of
    events that a machine sends. Both faults draw from one stream in turn.
    """
    rng, share = plan.stream("added_events"), plan.strength("machine")
    twice = np.flatnonzero(rng.random(n) < plan.strength("double_logging"))
    sent = rng.integers(0, max(n, 1), round(min(n * share / max(1 - share, 1e-9), 20 * n)))
    sessions = uuid_array(rng, len(sent))
    twice_ids = uuid_array(rng, len(twice)) if len(twice) else None
    return twice, twice_ids, sent, uuid_array(rng, len(sent)), sessions


@fault("added_events", strengths=(0.01, 0.05), found_by=("double_logging",))
def near_copies(share: float, plan: Plan, rendered: Rendered) -> pa.Table:
    """Share of events logged a second time, one or two seconds later, under another event_uuid."""
    rng = plan.stream("near_copies")
    rows = np.flatnonzero(rng.random(len(rendered.events)) < share)
    later = rendered.written_at[rows] + rng.integers(1, 3, len(rows))
    new = {"event_timestamp": instant_array(later)}
    return _copy_events(rendered.events, rows, uuid_array(rng, len(rows)), new)


@fault("added_events", strengths=(0.05, 0.3), found_by=("double_logging",))
def imported_again(share: float, plan: Plan, rendered: Rendered) -> pa.Table:
    """Share of events logged a second time, six hours later, under another event_uuid, as when a
    log is loaded again in another time zone.
    """
    rng = plan.stream("imported_again")
    rows = np.flatnonzero(rng.random(len(rendered.events)) < share)
    later = rendered.written_at[rows] + REIMPORT_SECONDS
    later = np.where(later < plan.company.log_end, later, later - 2 * REIMPORT_SECONDS)
    new = {"event_timestamp": instant_array(later)}
    return _copy_events(rendered.events, rows, uuid_array(rng, len(rows)), new)


@fault("added_events", strengths=(0.02, 0.1), found_by=("double_logging",))
def sent_again(share: float, plan: Plan, rendered: Rendered) -> pa.Table:
    """Share of events logged a second time, one to ten whole minutes later, under another
    event_uuid, as when a client sends again what was not acknowledged.
    """
    rng = plan.stream("sent_again")
    rows = np.flatnonzero(rng.random(len(rendered.events)) < share)
    wait = 60 * rng.integers(1, 11, len(rows))
    later = rendered.written_at[rows] + wait
    later = np.where(later < plan.company.log_end, later, later - 2 * wait)
    new = {"event_timestamp": instant_array(later)}
    return _copy_events(rendered.events, rows, uuid_array(rng, len(rows)), new)


@fault("added_events", strengths=(0.02, 0.1), found_by=("double_logging",))
def copied_to_another(share: float, plan: Plan, rendered: Rendered) -> pa.Table:
    """Share of users whose events are logged a second time under another user's identifier."""
    rng, ids = plan.stream("copied_to_another"), rendered.people["user_id"].to_numpy()
    order = rng.permutation(len(ids))
    other = pd.Series(ids[np.roll(order, 1)], index=ids[order])
    copied = other[np.arange(len(ids)) < max(round(share * len(ids)), 1)]
    user = rendered.events["user_id"].to_pandas()
    rows = np.flatnonzero(user.isin(copied.index))
    new = {"user_id": pa.array(user.iloc[rows].map(copied), pa.string())}
    return _copy_events(rendered.events, rows, uuid_array(rng, len(rows)), new)


@fault("added_events", strengths=(0.01, 0.05), found_by=("double_logging",))
def stacked_exports(share: float, plan: Plan, rendered: Rendered) -> pa.Table:
    """Share of the log's days that two exports both hold, the second under new identifiers."""
    rng, first = plan.stream("stacked_exports"), unix(LOG_START)
    days = (plan.company.log_end - first) // DAY
    length = max(round(share * days), 1)
    start = first + DAY * int(rng.integers(0, days - length + 1))
    inside = (rendered.written_at >= start) & (rendered.written_at < start + length * DAY)
    rows = np.flatnonzero(inside)
    return _copy_events(rendered.events, rows, uuid_array(rng, len(rows)))


@fault("added_events", strengths=(0.2, 1.0), found_by=("automatic_events",))
def automatic_events(share: float, plan: Plan, rendered: Rendered) -> pa.Table:
    """Share of users for whom the app itself logs a push_received every week, from signup to the
    end of the log, whether or not they still use it.
    """
    people, rng = rendered.people, plan.stream("automatic_events")
    user, at = _schedule_pushes(share, plan, rng, people)
    ids = uuid_array(rng, len(user))
    columns = {
        **{name: texts.take(pa.array(user)) for name, texts in name_users(plan, people).items()},
        **dict.fromkeys(IDENTIFIERS, ids),
        **dict.fromkeys(("event_timestamp", "received_at", "created_at"), instant_array(at)),
        **dict.fromkeys(("show_id", "episode_id"), pa.nulls(len(user), pa.string())),
        "event_type": pa.repeat("push_received", len(user)),
        "source": pa.repeat("client", len(user)),
        "session_id": uuid_array(rng, len(user)),
        "schema_version": pa.repeat(1, len(user)),
        "properties": pa.repeat("{}", len(user)),
    }
    events = rendered.events
    return pa.table([columns[name] for name in events.column_names], schema=events.schema)


def _schedule_pushes(
    share: float, plan: Plan, rng: np.random.Generator, people: pd.DataFrame
) -> tuple[Array, Array]:
    """Return the user and the time (unix seconds) of each push, one a week to the log's end."""
    is_sent = rng.random(plan.users) < share
    signup = np.maximum(people["signup"].to_numpy(), unix(LOG_START))
    first = signup + rng.integers(DAY, WEEK, plan.users)
    weeks = np.maximum(0, -(-(plan.company.log_end - first) // WEEK))
    count = np.where(is_sent & ~people["is_lost"].to_numpy(), weeks, 0)
    user = np.repeat(np.arange(plan.users), count)
    week = np.arange(len(user)) - np.repeat(np.cumsum(count) - count, count)
    return user, first[user] + WEEK * week


def _copy_events(
    events: pa.Table, rows: Array, ids: Any, new: Mapping[str, Any] | None = None
) -> pa.Table:
    """Return the events at `rows` under the identifiers `ids`, with the columns of `new`."""
    if not len(rows):
        return events.slice(0, 0)
    part = events.take(pa.array(rows))
    for column, values in (dict.fromkeys(IDENTIFIERS, ids) | dict(new or {})).items():
        if (at := part.schema.get_field_index(column)) >= 0:
            part = part.set_column(at, EVENT_SCHEMA.field(column), pa.chunked_array([values]))
    return part
