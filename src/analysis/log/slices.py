"""Activity in slices of half a day: what the features are made of, without going back to events.

Snapshots lie whole days before the end of the log, and so do the periods that look back from them.
Counted from there, a slice is wholly inside a period or outside it, and so is half a period of an
odd number of days.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analysis.base import clock, engine
from analysis.log.activity import total_paid, with_paid, with_sessions

HALF_DAY = 43_200  # seconds
COUNTED = {"plays": "play", "clicks": "click", "nexts": "next", "exits": "exit"}
PAID = {"spent": "spend", "bought": "purchase"}
"""Counts and amounts of events of a role, and the role."""


@dataclass(frozen=True, eq=False)
class Slices:
    """`rows` (Ibis): one per user, session, half day of the event and day of its record, with
    `events`, `first_event_at`, `last_event_at`, the counts of COUNTED, and `spent` and `bought`
    (exact sums of amounts, 1 each where none is named). `types` (Ibis): one per user, day, day of
    the record and `type`, the place of the event's type in `names`, which are sorted.

    Both count back from `end`: `half_days` 0 is [end - 12 hours, end), `days_to_end` 0 is
    [end - 24 hours, end), `recorded_days_to_end` is negative after the end. Sessions are named by
    `session_key`; where events name none, each instant (`event_at`) has a row, for sessions are
    then made anew of what is known at a snapshot.
    """

    rows: Any
    types: Any
    names: Sequence[str]
    end: pd.Timestamp

    @classmethod
    def of(cls, active: Any, end: pd.Timestamp, roles: Mapping[str, str]) -> "Slices":
        """Return the slices of active events (Ibis), kept by the engine."""
        half_days = (int(end.timestamp()) - 1 - clock.whole_seconds(active.event_at)) // HALF_DAY
        recorded_days = -clock.days_since(active.recorded_at, end) - 1
        dated = active.mutate(
            half_days=half_days.cast("int32"),
            days_to_end=(half_days // 2).cast("int32"),
            recorded_days_to_end=recorded_days.cast("int32"),
        )
        seen = engine.to_pandas(active.group_by("event_type").aggregate().order_by("event_type"))
        names = seen.dropna().rename_axis("type").reset_index().astype({"type": "int32"})
        typed = dated.left_join(engine.from_pandas(names), "event_type")
        types = typed.select("user_id", "days_to_end", "recorded_days_to_end", "type").distinct()
        return cls(_summed(dated, roles).cache(), types.cache(), list(names["event_type"]), end)

    def before(self, at: pd.Timestamp, lookback: int) -> "Slices":
        """Return what happened in the `lookback` days before `at` and was known at `at`, counted
        back from `at`: a whole number of days before the end.
        """
        back = (self.end - at) // clock.DAY
        rows, types = (_shifted(table, back, lookback) for table in (self.rows, self.types))
        return replace(self, rows=rows, types=types, end=at)

    def with_sessions(self, gap_minutes: float) -> "Slices":
        """Return the slices with `session_key` in each row: see activity.with_sessions."""
        if "session_key" in self.rows.columns:
            return self
        return replace(self, rows=with_sessions(self.rows, gap_minutes))


def _summed(dated: Any, roles: Mapping[str, str]) -> Any:
    """Return the rows of Slices."""
    keys = ["user_id", "recorded_days_to_end", "half_days"]
    if "session_id" in dated.columns:
        dated = with_sessions(dated, 0)
    keys.append("session_key" if "session_key" in dated.columns else "event_at")
    dated = with_paid(dated, roles)

    def is_role(role: str) -> Any:
        return dated.event_type == roles.get(role, "")

    sums = dated.group_by(*keys).aggregate(
        events=dated.count().cast("int32"),
        first_event_at=dated.event_at.min(),
        last_event_at=dated.event_at.max(),
        **{name: is_role(role).sum().cast("int32") for name, role in COUNTED.items()},
        **{name: total_paid(dated, roles, role) for name, role in PAID.items()},
    )
    return sums.mutate(days_to_end=(sums.half_days // 2).cast("int32"))


def _shifted(table: Any, back: int, lookback: int) -> Any:
    day = table.days_to_end
    inside = table.filter(day >= back, day < back + lookback, table.recorded_days_to_end >= back)
    moved = {
        name: inside[name] - size * back
        for name, size in (("days_to_end", 1), ("recorded_days_to_end", 1), ("half_days", 2))
        if name in inside.columns
    }
    return inside.mutate(**moved)


def numbered(active: Any, users: pd.DataFrame) -> tuple[Any, pd.DataFrame]:
    """Return active events (Ibis) and the users who they are of: the `user_id` of both is the row
    of the user in `users`. Numbers in place of identifiers take a tenth of the memory.
    """
    numbers = users.reset_index(drop=True)[["user_id"]].reset_index(names="number")
    numbers = numbers.astype({"number": "int32"})
    joined = active.inner_join(engine.from_pandas(numbers), "user_id")
    return joined.mutate(user_id=joined.number), users.assign(user_id=numbers["number"].to_numpy())
