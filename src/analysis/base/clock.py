"""Days and months of a time zone, for instants kept in UTC."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import pandas as pd

DAY, SECOND = pd.Timedelta(days=1), pd.Timedelta(seconds=1)
FIRST, LAST = (pd.Timestamp(day, tz="UTC") for day in ("1970-01-01", "2100-01-01"))
"""Between which a zone's rules are followed: what lies outside is a placeholder or a slip."""


@lru_cache(maxsize=64)
def _offset_changes(zone: str, start: pd.Timestamp, end: pd.Timestamp) -> list[tuple[int, int]]:
    """List (first second since 1970, offset in seconds) of the zone's rules in the span."""
    rules, start, end = ZoneInfo(zone), min(max(start, FIRST), LAST), max(min(end, LAST), FIRST)
    at = start.to_pydatetime().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    changes: list[tuple[int, int]] = []
    while at <= end:
        offset = at.astimezone(rules).utcoffset() or timedelta()
        seconds = int(offset.total_seconds())
        if not changes or changes[-1][1] != seconds:
            changes.append((int(at.timestamp()), seconds))
        at += timedelta(hours=1)
    return changes


def _epoch_us(instants: Any) -> Any:
    """Return instants as whole microseconds since 1970: the engine's own."""


microseconds: Callable[[Any], Any] = ibis.udf.scalar.builtin(
    _epoch_us, name="epoch_us", signature=(("timestamp('UTC')",), "int64")
)
"""Return an Ibis column of instants as microseconds since 1970 (integer). It costs next to nothing;
what goes through a time without a zone, or a part of one, costs thirty times as much."""


def seconds(instants: Any) -> Any:
    """Return an Ibis column of instants as seconds since 1970, with their fractions."""
    return microseconds(instants) / 1e6


def milliseconds(instants: Any) -> Any:
    """Return an Ibis column of instants as whole milliseconds since 1970 (integer), cut down."""
    return microseconds(instants) // 1000


def whole_seconds(instants: Any) -> Any:
    """Return an Ibis column of instants as whole seconds since 1970 (integer), cut down.

    Their sums are exact in any order, and so the same however many threads add them up.
    """
    return seconds(instants).floor().cast("int64")


def days_since(instants: Any, start: pd.Timestamp) -> Any:
    """Return the whole days from `start` to each instant of an Ibis column (integer)."""
    return ((seconds(instants) - int(start.timestamp())) / 86_400).floor().cast("int64")


def local_seconds(instants: Any, zone: str, start: pd.Timestamp, end: pd.Timestamp) -> Any:
    """Return the wall clock of `zone` for an Ibis column of instants, as whole seconds since 1970.

    Exact for instants in [start, end] from 1970 to 2100; the same on every engine, for it uses
    no zone of theirs.
    """
    whole = whole_seconds(instants)
    changes = _offset_changes(zone, start, end)
    if len(changes) == 1:
        return whole + changes[0][1]
    branches = [(whole < later, offset) for (_, offset), (later, _) in pairwise(changes)]
    return whole + ibis.cases(*branches, else_=changes[-1][1])


def local_day(instants: Any, zone: str, start: pd.Timestamp, end: pd.Timestamp) -> Any:
    """Return the day of `zone` as days since 1970-01-01 (integer), for an Ibis column."""
    return (local_seconds(instants, zone, start, end) / 86_400).floor().cast("int64")


def month_of(day: Any) -> Any:
    """Return the month, as text `2025-01`, of an Ibis column of days since 1970-01-01."""
    return (ibis.date("1970-01-01") + day.as_interval("D")).strftime("%Y-%m")


def month_number_of(day: Any) -> Any:
    """Return the months since year 0 (integer) of an Ibis column of days since 1970-01-01."""
    date = ibis.date("1970-01-01") + day.as_interval("D")
    return (date.year() * 12 + date.month() - 1).cast("int32")


def day_start(day: int, zone: str) -> pd.Timestamp:
    """Return the instant (UTC) at which day number `day` begins in `zone`."""
    date = datetime(1970, 1, 1) + timedelta(days=int(day))
    return pd.Timestamp(date.replace(tzinfo=ZoneInfo(zone))).tz_convert("UTC")


def nearest_day(instant: pd.Timestamp, zone: str) -> int:
    """Return the day number (days since 1970) whose start in `zone` is nearest to an instant."""
    local = instant.tz_convert(zone).tz_localize(None)
    return round((local - pd.Timestamp(0)) / DAY)


def date_text(instant: pd.Timestamp, zone: str) -> str:
    """Return the date of `zone` at an instant, as text (2025-01-31)."""
    return instant.tz_convert(zone).strftime("%Y-%m-%d")


def day_text(day: int) -> str:
    """Return the date, as text, of a day number (days since 1970)."""
    return date_text(day_start(day, "UTC"), "UTC")


def midnight(instants: "pd.Series[Any]", zone: str) -> "pd.Series[Any]":
    """Return the start of each instant's day in `zone`, as instants in UTC.

    An instant at exactly 00:00 UTC is taken as a date that carried no time: it names
    that day of `zone`.
    """
    is_date = instants.eq(instants.dt.floor("D"))
    wall = instants.dt.tz_convert(zone).dt.tz_localize(None).dt.floor("D")
    day = wall.where(~is_date, instants.dt.tz_localize(None))
    local = day.dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
    in_utc: pd.Series[Any] = local.dt.tz_convert("UTC")
    return in_utc


def month_number(instants: "pd.Series[Any]", zone: str) -> "pd.Series[int]":
    """Return the month of each instant in `zone`, none missing, as months since year 0."""
    local = instants.dt.tz_convert(zone).dt
    numbers: pd.Series[int] = local.year * 12 + local.month - 1
    return numbers


def month_name(number: int) -> str:
    """Return the month, as text `2025-01`, of a number of months since year 0."""
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


def month(instants: "pd.Series[Any]", zone: str) -> "pd.Series[Any]":
    """Return the month of each instant in `zone`, none missing, as text `2025-01`."""
    numbers = month_number(instants, zone)
    names = {number: month_name(number) for number in numbers.unique()}
    return numbers.map(names).astype("str")


def month_span(name: str, zone: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return first instant and first instant after of month `2025-01` in `zone`, in UTC."""
    start = pd.Timestamp(f"{name}-01")
    ends = start + pd.DateOffset(months=1)
    first, after = (
        day.tz_localize(zone, ambiguous=True, nonexistent="shift_forward").tz_convert("UTC")
        for day in (start, ends)  # a midnight may be missing, or come twice
    )
    return first, after
