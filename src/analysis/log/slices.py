"""Activity in slices of half a day: what the features are made of, without going back to events.

Snapshots lie whole days before the end of the log, and so do the periods that look back from them.
Counted from there, a slice is wholly inside a period or outside it, and so is half a period of an
odd number of days.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import ibis
import pandas as pd

from analysis.base import clock, engine
from analysis.log.activity import KINDS, bit_or, with_sessions


@dataclass(frozen=True, eq=False)
class Slices:
    """`rows` (Ibis): activity as activity.sum_by_day sums it, with days counted back from `end`;
    where events name no session, a row per instant (`event_at`), for sessions are then made anew of
    what is known at a snapshot.
    """

    rows: Any
    end: pd.Timestamp

    @classmethod
    def of(cls, rows: Any, end: pd.Timestamp) -> "Slices":
        """Return the slices of sums (Ibis), kept by the engine."""
        return cls(rows.cache(), end)

    def before(self, at: pd.Timestamp, lookback: int) -> "Slices":
        """Return what happened in the `lookback` days before `at` and was known at `at`, counted
        back from `at`: a whole number of days before the end.
        """
        back = (self.end - at) // clock.DAY
        rows, day = self.rows, self.rows.days_to_end
        inside = rows.filter(day >= back, day < back + lookback, rows.recorded_days_to_end >= back)
        sizes = {"days_to_end": 1, "recorded_days_to_end": 1, "half_days": 2}
        moved = {name: inside[name] - size * back for name, size in sizes.items()}
        return replace(self, rows=inside.mutate(**moved), end=at)

    def with_sessions(self, gap_minutes: float) -> "Slices":
        """Return the slices with `session_key` in each row: see activity.with_sessions."""
        if "session_key" in self.rows.columns:
            return self
        return replace(self, rows=with_sessions(self.rows, gap_minutes))


def _of_bits(bits: Any) -> Any:
    """Return a whole number made of others' bits: the engine's own."""


bit_count: Callable[[Any], Any] = ibis.udf.scalar.builtin(
    _of_bits, name="bit_count", signature=(("int64",), "int8")
)


def different_types(rows: Any) -> Any:
    """Return how many types of event the rows (Ibis, of Slices) of a group have."""
    names = [name for name in rows.columns if name.startswith(KINDS)]
    counts = [bit_count(bit_or(rows[name])).cast("int64").fill_null(0) for name in names]
    return sum(counts, ibis.literal(0, "int64"))


def numbered(rows: Any, users: pd.DataFrame) -> tuple[Any, pd.DataFrame]:
    """Return the rows (Ibis) of `users`, and these: the `user_id` of both is the row of the user in
    `users`. Numbers in place of identifiers take a tenth of the memory.
    """
    numbers = users.reset_index(drop=True)[["user_id"]].reset_index(names="number")
    numbers = numbers.astype({"number": "int32"})
    joined = rows.inner_join(engine.from_pandas(numbers), "user_id")
    named = joined.mutate(user_id=joined.number).drop("number")
    return named, users.assign(user_id=numbers["number"].to_numpy())
