"""Exact copies, and the days on which nearly every row stands there twice.

Two exports that overlap, or one that was loaded twice, leave a trace that no habit of users does:
on the days that both hold, all users' rows have a copy, and on other days next to none have. People
repeat themselves one by one, on any day.
"""

from collections.abc import Iterator
from typing import Any

import ibis
import numpy as np
import pandas as pd

from analysis.base import clock, engine
from analysis.contract import suspects
from analysis.log import content
from analysis.log.window import LogWindow

NEARLY_ALL, BY_CHANCE = 0.9, 1e-6
"""Share of a user's rows of a day, and of a day's users, that have a copy where a day was loaded
twice; and the chance that some days look like that, from which they are taken to be."""
FEW_USERS, FEW_USER_DAYS = 3, 10
BLOCKS = ["start_day", "end_day", "copies", "events", "users", "outside", "is_whole"]
MANY_EDGE = 3
"""A day at either end belongs to the block, too, when so many times as many of its users as on
other days have all rows twice."""


def instants(events: Any) -> Any:
    """Return one row per distinct event (Ibis): `user_id`, `event_type`, `event_at`, `content` if
    there is any, and `n`, how many rows there are of it.
    """
    keys = [n for n in ("user_id", "event_type", "event_at", content.NAME) if n in events.columns]
    return events.group_by(keys).aggregate(n=lambda t: t.count())


def alike(events: Any) -> Any:
    """Return the events (Ibis) whose content another event has, with what is compared to find
    repeats: no other event is one, and where content is rich they are few. All, without content.
    """
    keys = [n for n in ("user_id", "event_type", "event_at", content.NAME) if n in events.columns]
    if content.NAME not in keys:
        return events.select(*keys)
    sizes = events.group_by(content.NAME).aggregate(n=events.count())
    return events.select(*keys).semi_join(sizes.filter(sizes.n > 1), content.NAME)


def user_days(events: Any, window: LogWindow, zone: str, alike_events: Any = None) -> Any:
    """Return one row per user and day of `zone` (Ibis): `user_id`, `day` (days since 1970),
    `events`, `copies` (half the rows of each event that stands there twice, or four times),
    `repeats` (rows that are the same as an earlier one), and `is_double`, whether nearly all its
    events stand there twice.
    """

    def dated(rows: Any) -> Any:
        return rows.mutate(day=clock.local_day(rows.event_at, zone, window.start, window.end))

    found = instants(alike(events) if alike_events is None else alike_events)
    twice = dated(found.filter(found.n > 1)).mutate(is_even=lambda t: t.n % 2 == 0)
    copied = twice.group_by("user_id", "day").aggregate(
        copies=ibis.ifelse(twice.is_even, twice.n // 2, 0).sum(),
        repeats=(twice.n - 1).sum(),
        even=twice.is_even.sum(),
    )
    sums = dated(events).group_by("user_id", "day").aggregate(events=lambda t: t.count())
    both = sums.left_join(copied, ["user_id", "day"])
    copies, repeats, even = (both[name].fill_null(0) for name in ("copies", "repeats", "even"))
    return both.select(
        "user_id", "day", "events", copies=copies, repeats=repeats,
        is_double=even / (both.events - repeats) >= NEARLY_ALL,
    )  # fmt: skip


def doubled_days(found: Any) -> pd.DataFrame:
    """Return one row per block of the days of `found` (user_days) on which nearly every row stands
    there twice: `start_day`, `end_day` (days since 1970, both included), `copies` and `events`
    (rows), `users` who have copies, `outside` (share of the users of other days all of whose rows
    have a copy) and `is_whole`, whether hardly any other days are left to compare with.

    A block is a run of days with events, on each of which nearly all users have nearly all rows
    twice. It counts when so many users would not all have that by chance, at the rate of the
    other days (one half at least where there are none).
    """
    by_day = found.group_by("day").aggregate(
        users=found.count(), double=found.is_double.sum(), copies=found.copies.sum()
    )
    days = engine.to_pandas(by_day.order_by("day")).astype("int64")
    rows = [_sized(found, block) for block in _runs(days)]
    return pd.DataFrame([row for row in rows if row["users"] >= FEW_USERS], columns=BLOCKS)


def _runs(days: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the runs of days that chance does not explain, with their ends."""
    is_high = (days["double"] >= NEARLY_ALL * days["users"]).to_numpy()
    others = days[~is_high]
    double, users = (int(others[name].sum()) for name in ("double", "users"))
    chance = (double + 1) / (users + 2)
    is_whole = bool(users < days["users"].sum() * (1 - NEARLY_ALL))
    number = np.cumsum(np.diff(is_high, prepend=False))
    for _, run in days[is_high].groupby(number[is_high]):
        units = int(run["double"].sum())
        is_chance = units * np.log(chance) + np.log(len(days)) > np.log(BY_CHANCE)
        if units < FEW_USER_DAYS or is_chance:
            continue
        first, last = _with_edges(days, run.index[0], run.index[-1], chance)
        yield {
            "start_day": int(days["day"].iloc[first]), "end_day": int(days["day"].iloc[last]),
            "outside": double / max(users, 1), "is_whole": is_whole,
        }  # fmt: skip


def _with_edges(days: pd.DataFrame, first: int, last: int, chance: float) -> tuple[int, int]:
    """Return the first and last row of a run, with a day at either end that is in it in part."""

    def belongs(row: int) -> bool:
        if not 0 <= row < len(days):
            return False
        users, double = (int(days[name].iloc[row]) for name in ("users", "double"))
        return double > FEW_USERS and double > MANY_EDGE * chance * users

    return first - belongs(first - 1), last + belongs(last + 1)


def _sized(found: Any, block: dict[str, Any]) -> dict[str, Any]:
    """Return the block with how many rows and users it has."""
    inside = found.filter(found.day.between(block["start_day"], block["end_day"]))
    row = engine.to_pandas(
        inside.aggregate(
            copies=inside.copies.sum(),
            events=inside.events.sum(),
            users=inside.user_id.nunique(where=inside.copies > 0),
        )
    ).iloc[0]
    return {**block, **{name: int(row[name]) for name in ("copies", "events", "users")}}


def block_surplus(events: Any, blocks: pd.DataFrame, window: LogWindow, zone: str) -> pd.DataFrame:
    """Return the rows too many in the blocks as suspects, by user and UTC day."""
    dated = instants(events)
    day = clock.local_day(dated.event_at, zone, window.start, window.end)
    spans = zip(blocks["start_day"], blocks["end_day"], strict=True)
    inside = ibis.or_(*(day.between(int(first), int(last)) for first, last in spans))
    twice = dated.filter(inside, dated.n % 2 == 0)
    return surplus(twice.select("user_id", "event_at", amount=twice.n // 2))


def surplus(extra: Any) -> pd.DataFrame:
    """Return events too many (Ibis: `user_id`, `event_at`, `amount`) as suspects by UTC day."""
    day = (clock.whole_seconds(extra.event_at) / 86_400).floor().cast("int64")
    sums = extra.group_by("user_id", day=day).aggregate(amount=extra.amount.sum())
    table = engine.to_pandas(sums.order_by("user_id", "day"))
    start = pd.to_datetime(table["day"], unit="D", utc=True)
    return suspects.surplus(table.assign(start=start, end=start + clock.DAY))
