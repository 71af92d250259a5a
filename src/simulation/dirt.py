"""A few broken rows, as every export has them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from simulation.plan import Plan
from simulation.rendering import EVENT_SCHEMA
from simulation.text import OFFSET_TEXT, uuid_array
from simulation.times import Array

DIRT: dict[str, int] = {  # rows at the default size; see _count_rows for small tables
    "duplicate_event_uuids": 25,
    "orphan_events": 20,
    "events_before_signup": 15,
    "unparsable_timestamps": 12,
    "null_event_uuids": 10,
    "null_event_user_ids": 8,
    "negative_credits": 7,
    "views_below_completed": 9,
    "minors": 11,
    "duplicate_user_rows": 6,
    "null_user_ids": 3,
    "signup_after_last_active": 5,
}


def add_dirt(
    plan: Plan, users: pd.DataFrame, events: pa.Table
) -> tuple[pd.DataFrame, pa.Table, dict[str, int]]:
    """Return both tables with broken rows, and how many of each kind there are."""
    dirty_events, event_counts = _dirty_events(plan, users, events)
    dirty_users, user_counts = _dirty_users(plan, users)
    return dirty_users, dirty_events, {**event_counts, **user_counts}


def _count_rows(name: str, users: int) -> int:
    """Return the stated number of rows, fewer in tables under 2,000 users, at least 1."""
    return max(min(DIRT[name], DIRT[name] * users // 2000), 1)


def _dirty_events(
    plan: Plan, users: pd.DataFrame, events: pa.Table
) -> tuple[pa.Table, dict[str, int]]:
    """Return the events and, after them, broken copies of some.

    The copied events belong to users with days of log before their signup: a copy can precede
    the signup without lengthening the log.
    """
    rng = plan.stream("dirty_events")
    signups = dict(zip(users["user_id"], users["signup_date"], strict=True))
    owners = users.loc[users["signup_date"] >= "2025-01-04", "user_id"]
    room = np.flatnonzero(pc.is_in(events["user_id"], pa.array(owners, pa.string())).to_numpy())
    broken, counts = [], {}
    for name, break_row in _EVENT_BREAKERS.items():
        count = min(_count_rows(name, plan.users), len(room))
        picked = np.sort(rng.choice(room, count, replace=False))
        rows = _copy_rows(rng, events, picked, keeps_id=name == "duplicate_event_uuids")
        strangers = uuid_array(rng, count).to_pylist()
        pairs = zip(rows, strangers, strict=True)
        broken += [{**row, **break_row(row, signups, stranger)} for row, stranger in pairs]
        counts[name] = count
    return pa.concat_tables([events, pa.Table.from_pylist(broken, EVENT_SCHEMA)]), counts


def _copy_rows(
    rng: np.random.Generator, events: pa.Table, picked: Array, keeps_id: bool
) -> list[dict[str, Any]]:
    """Return rows of events, under a new event_uuid unless `keeps_id`."""
    rows: list[dict[str, Any]] = events.take(pa.array(picked)).to_pylist()
    if keeps_id:
        return rows
    new_ids = uuid_array(rng, len(rows)).to_pylist()
    return [{**row, "id": new, "event_uuid": new} for row, new in zip(rows, new_ids, strict=True)]


_Row = dict[str, Any]
_Breaker = Callable[[_Row, Mapping[str, str], str], _Row]


def _is_received_again(row: _Row, signups: Mapping[str, str], stranger: str) -> _Row:
    return {name: _shift_text(row[name], hours=1) for name in ("received_at", "created_at")}


def _precedes_signup(row: _Row, signups: Mapping[str, str], stranger: str) -> _Row:
    at = f"{signups[row['user_id']]} 00:00:00{OFFSET_TEXT}"  # 06:00 UTC of the signup day
    early = _shift_text(at, hours=-30)
    return {"event_timestamp": early, "received_at": early, "created_at": early}


def _shift_text(instant: str, hours: int) -> str:
    shifted = pd.Timestamp(instant) + pd.Timedelta(hours=hours)
    return f"{shifted:%Y-%m-%d %H:%M:%S}{OFFSET_TEXT}"


_EVENT_BREAKERS: dict[str, _Breaker] = {
    "duplicate_event_uuids": _is_received_again,
    "orphan_events": lambda row, signups, stranger: {"user_id": stranger},
    "events_before_signup": _precedes_signup,
    "unparsable_timestamps": lambda row, signups, stranger: {"event_timestamp": "2025-13-45 25:61"},
    "null_event_uuids": lambda row, signups, stranger: {"event_uuid": None},
    "null_event_user_ids": lambda row, signups, stranger: {"user_id": None},
}


def _dirty_users(plan: Plan, users: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return users with impossible values, repeated users (older) and rows without an id."""
    users, picks = users.copy(), _pick_users(plan, users)
    swapped = picks["signup_after_last_active"]
    dates = ["signup_date", "last_active_date"]
    users.loc[swapped, dates] = users.loc[swapped, dates[::-1]].to_numpy()
    below = picks["views_below_completed"]
    users.loc[below, "views"] = users.loc[below, "episodes_completed"] - 1
    users.loc[picks["negative_credits"], "credits_spent"] = -5
    users.loc[picks["minors"], "age"] = 15
    older = users.loc[picks["duplicate_user_rows"]]
    older = older.assign(last_active_date=older["signup_date"], app_version="1.7.0")
    nameless = users.loc[picks["null_user_ids"]].assign(user_id=None)
    table = pd.concat([users, older, nameless.astype({"user_id": users["user_id"].dtype})])
    return table.reset_index(drop=True), {name: len(rows) for name, rows in picks.items()}


def _pick_users(plan: Plan, users: pd.DataFrame) -> dict[str, pd.Index]:
    """Return the rows that each kind of dirt falls on, no row twice."""
    order = pd.Index(plan.stream("dirty_users").permutation(len(users)))
    stayed = (users["last_active_date"] > users["signup_date"]).to_numpy()
    watched = ((users["episodes_completed"] > 0) & (users["views"] > 0)).to_numpy()
    anyone = np.ones(len(users), bool)
    picks: dict[str, pd.Index] = {}
    for name, fits in {
        "signup_after_last_active": stayed,
        "duplicate_user_rows": stayed,
        "views_below_completed": watched,
        "negative_credits": anyone,
        "minors": anyone,
        "null_user_ids": anyone,
    }.items():
        picks[name] = order[fits[order]][: _count_rows(name, plan.users)]
        order = order.difference(picks[name], sort=False)
    return picks
