"""The days that the event log covers in full, inferred from its daily volume."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from analysis.base import clock, engine
from analysis.base.errors import ReportError

NEIGHBOURS = 7
"""Days compared with a day at the edge: one week, so that weekdays even out. No more days than
these are left out at the end: a fall that lasts longer is the product's own."""
MONTH = 4 * NEIGHBOURS
SILENCE = 6.0
"""A last day whose silence at its end is this many times the usual one is cut: chance gives 1 in
400, for a single day that is looked at."""
NEVER_SO_LONG = 99
"""A last day whose silence at its end is longer than on this many days before is cut: chance gives
1 in 100."""
MAY_BE_MISSING = 0.1
"""Share of a usual day's events that may be missing after the last one of the log: above it,
nobody can tell whether the last day is whole."""
PARTIAL = 0.5
"""An edge day below this share of its neighbours' median is taken as not fully covered."""
STRAY = 0.0005
"""Share of events at either end that may be stray (a clock set wrong) after a shorter gap."""
APART_DAYS, FEW_APART = 28, 0.01
"""Days without an event that set what lies beyond them apart, and its share of all events below
which it is stray."""
FADED = 0.1
"""Part of a usual month's events below which a month is one of a product that ends, or has hardly
begun: then weeks without an event are its own."""


EndOfLog = Literal["whole", "partial", "unknown"]


@dataclass(frozen=True)
class LogWindow:
    """`start` is the first instant covered and `end` the first not covered (UTC)."""

    start: pd.Timestamp
    end: pd.Timestamp

    @property
    def days(self) -> float:
        """Length of the window in days."""
        return (self.end - self.start) / clock.DAY

    @property
    def record(self) -> dict[str, str]:
        """The window as plain text: what `from_record` reads."""
        return {"log_start": self.start.isoformat(), "log_end": self.end.isoformat()}

    @classmethod
    def from_record(cls, record: Mapping[str, str]) -> "LogWindow":
        """Return the window of a `record`."""
        return cls(*(pd.Timestamp(record[n]).as_unit("us") for n in ("log_start", "log_end")))


def daily_volume(events: Any, zone: str = "UTC") -> pd.DataFrame:
    """Return one row per day of `zone` with events: `day_number` (days since 1970), `day`
    (its start, UTC), `events` and `users` (counts), `first_second` and `last_second`
    (of the day, 0 to 86,399) with an event.
    """
    span = engine.to_pandas(events.aggregate(a=events.event_at.min(), b=events.event_at.max()))
    first, last = span["a"].iloc[0], span["b"].iloc[0]
    day = clock.local_day(events.event_at, zone, first, last)
    second = clock.local_seconds(events.event_at, zone, first, last) - day * 86_400
    table = events.select("user_id", day_number=day, second=second)
    by_user = table.group_by("day_number", "user_id").aggregate(
        n=table.count(), first=table.second.min(), last=table.second.max()
    )
    counted = by_user.group_by("day_number").aggregate(
        events=by_user.n.sum(),
        users=by_user.user_id.count(),
        first_second=by_user["first"].min(),
        last_second=by_user["last"].max(),
    )
    daily = engine.to_pandas(counted.order_by("day_number"))
    starts = [clock.day_start(number, zone) for number in daily["day_number"]]
    daily["day"] = pd.Series(starts, dtype="datetime64[us, UTC]")
    return daily[["day_number", "day", "events", "users", "first_second", "last_second"]]


def _whole_days(daily: pd.DataFrame) -> tuple[int, int]:
    """Return the first and the last day number that the log covers whole."""
    counts = daily.set_index("day_number")["events"]
    core = _without_near_strays(_without_far_strays(counts))
    first, last = int(core.index[0]), int(core.index[-1])
    days = counts.reindex(range(first, last + 1), fill_value=0)
    rows = daily[daily["day_number"].between(first, last)]
    scatter = _scatter(days)
    if len(days) > NEIGHBOURS + 1 and begins_late(rows) and _is_small(days, scatter):
        first += 1
    if len(days) > NEIGHBOURS + 1 and end_of_log(rows) != "whole":
        last -= 1
    for _ in range(NEIGHBOURS):
        edge_first = days.loc[first:last][::-1]
        if len(edge_first) <= NEIGHBOURS + 1 or not _is_small(edge_first, scatter):
            break
        last -= 1
    return first, last


def _without_far_strays(counts: "pd.Series[int]") -> "pd.Series[int]":
    """Return the days (index: day number) without those at either end that are few and lie beyond
    weeks without an event, where the log breaks off: a product that fades out, or has hardly begun,
    has such weeks.
    """
    part = pd.Series(counts.index, counts.index).diff().gt(APART_DAYS).cumsum()
    sizes = counts.groupby(part).sum() / counts.sum()
    large = sizes.index[sizes >= min(FEW_APART, sizes.max())]
    first, last = int(large.min()), int(large.max())
    usual = _usual_month(counts[part.between(first, last)])
    while last < part.max() and not _breaks_off(counts, part <= last, part == last + 1, usual):
        last += 1
    while first > 0 and not _breaks_off(counts, part >= first, part == first - 1, usual):
        first -= 1
    return counts[part.between(first, last)]


def _without_near_strays(counts: "pd.Series[int]") -> "pd.Series[int]":
    """Return the days without the very few at either end beyond a gap such as the rest has none;
    at the start a gap of more than a week, for a launch may be tried out some days before.
    """
    usual = _usual_month(counts)
    for ordered, least in ((counts, NEIGHBOURS + 1), (counts[::-1], 2)):
        gaps = pd.Series(ordered.index, ordered.index).diff().abs()
        few = ordered.cumsum().shift(fill_value=0) <= STRAY * ordered.sum()
        wide = gaps[few & (gaps >= least)]
        if wide.empty:
            continue
        at = wide.idxmax()
        inner = counts.index.isin(ordered.loc[at:].index)
        if _breaks_off(counts, inner, ~inner, usual):
            return _without_near_strays(counts[inner])
    return counts


def _usual_month(counts: "pd.Series[int]") -> float:
    """Return the events of the 28 days up to a day with events, in the median."""
    days = counts.reindex(range(counts.index[0], counts.index[-1] + 1), fill_value=0)
    return float(days.rolling(min(MONTH, len(days))).sum()[counts.index].median())


def _breaks_off(counts: "pd.Series[int]", inner: Any, outer: Any, usual: float) -> bool:
    """Say whether the days `outer` lie beyond a gap that is not the log's own (the days `inner`):
    the log is in full swing there and has no other gap as long, or is shorter than the gap.
    """
    log, beyond = counts.index[inner], counts.index[outer]
    is_after = beyond[0] > log[-1]
    gap = beyond[0] - log[-1] if is_after else log[0] - beyond[-1]
    beside = range(log[-1] - MONTH + 1, log[-1] + 1) if is_after else range(log[0], log[0] + MONTH)
    is_busy = counts[inner].reindex(beside, fill_value=0).sum() >= FADED * usual
    is_longest = gap > max(pd.Series(log).diff().max(), 1)
    return bool((is_busy and is_longest) or gap > log[-1] - log[0])


def is_apart(daily: pd.DataFrame, window: LogWindow) -> "pd.Series[bool]":
    """Say of each day of daily_volume whether it lies outside the window beyond more than a week
    without an event.
    """
    apart = pd.Series(False, daily.index)
    after, before = daily["day"] >= window.end, (daily["day"] < window.start)[::-1]
    near = pd.Timedelta(days=NEIGHBOURS)
    for edge, outside in ((window.end - clock.DAY, after), (window.start, before)):
        days = daily["day"][outside[outside].index]
        steps = days.diff().abs().fillna((days - edge).abs())
        apart[days.index] = (steps > near).cummax()
    return apart


def recorded(daily: pd.DataFrame, window: LogWindow) -> LogWindow:
    """Return the window with the days beside it that were recorded, but left out of it."""
    log = daily.loc[~is_apart(daily, window), "day"]
    return LogWindow(min(window.start, log.min()), max(window.end, log.max() + clock.DAY))


def _scatter(days: "pd.Series[int]") -> float:
    """Return the usual deviation of a day's count from the next, robust to trends and holes."""
    steps = days.diff().abs().median() / (0.6745 * 2**0.5)
    chance: float = float(days.median()) ** 0.5
    return max(float(steps), chance, 1.0)


def _is_small(edge_first: "pd.Series[int]", scatter: float) -> bool:
    """Say whether the first of these days is too small, beyond chance, for the week beside it; for
    the same weekday of three weeks, where that is always small, as weekends are at work.
    """
    edge, usual = float(edge_first.iloc[0]), float(edge_first.iloc[1 : NEIGHBOURS + 1].median())
    weekday = edge_first.iloc[7:22:7]
    if len(weekday) == 3 and weekday.max() < PARTIAL * usual:
        usual = float(weekday.median())
    return edge < PARTIAL * usual and edge < usual - 4 * scatter


def end_of_log(daily: pd.DataFrame) -> EndOfLog:
    """Return whether the last day of `daily` is whole, as far as its clock says.

    It is `partial` when the silence at its end is too long for chance: six times the usual one
    (were visits at random, a silence of k times the mean has probability exp(-k)), or longer than
    on each of 99 days before. It is `unknown` when, at a usual day's pace, more than a tenth of its
    events may be missing after the last one: days with few events, or without times.
    """
    closing = (86_400 - daily["last_second"]).astype(float)
    last, before = closing.iloc[-1], closing.iloc[:-1]
    if before.empty:
        return "whole"
    pauses = last / before.tail(MONTH).mean()
    is_longest = len(before) >= NEVER_SO_LONG and last > before.tail(NEVER_SO_LONG).max()
    if pauses > SILENCE or is_longest:
        return "partial"
    numbers = range(int(daily["day_number"].iloc[-1]) - NEIGHBOURS, daily["day_number"].iloc[-1])
    counts = daily.set_index("day_number")["events"].reindex(numbers, fill_value=0)
    return "unknown" if pauses > MAY_BE_MISSING * counts.median() else "whole"


def begins_late(daily: pd.DataFrame) -> bool:
    """Say whether the first day of `daily` begins too late for the users it has: had they come at
    random, as late as on the days after, chance would give 1 in 400. A first day of few users may
    well begin in the afternoon.
    """
    usual = daily["first_second"].iloc[1 : MONTH + 1].mean()
    begins, users = daily["first_second"].iloc[0], daily["users"].iloc[0]
    share_left = (86_400 - begins) / (86_400 - usual)
    return bool(share_left ** float(users) < math.exp(-SILENCE))


def infer_log_window(
    daily: pd.DataFrame,
    zone: str = "UTC",
    log_start: pd.Timestamp | None = None,
    log_end: pd.Timestamp | None = None,
) -> LogWindow:
    """Return the window [L, E) in which the log covers every day in full.

    `daily` is the result of daily_volume. The window runs from the first day with events to the
    last, without those that can be shown to be stray or partial. Stray is up to 1 % of the events
    beyond 28 days without any, and up to 0.05 % beyond a gap longer than all others, if the log is
    in full swing there: a product that fades out has such gaps. Partial is a first day that begins
    too late for the users it has and has less than half of a usual day's events, and a last day
    that ends too early (see end_of_log). A last day after which a tenth of a usual day's events may
    be missing is left out too, and up to seven last days with less than half of the events of the
    week before, beyond chance. A given `log_start` or `log_end` is used as it is. Source: this
    project's rule.
    Raises ReportError when the window is empty, or no event is in it.
    """
    first, last = _whole_days(daily)
    start = log_start or clock.day_start(first, zone)
    end = log_end or clock.day_start(last + 1, zone)
    if start >= end:
        raise ReportError(
            f"events: the log window is empty: log_start {start} is not before log_end {end}. "
            "Correct log_start or log_end in params.yml."
        )
    _require_events(daily, zone, LogWindow(start, end))
    return LogWindow(start, end)


def _require_events(daily: pd.DataFrame, zone: str, window: LogWindow) -> None:
    first, last = (int(daily["day_number"].iloc[at]) for at in (0, -1))
    from_day, to_day = clock.day_start(first, zone), clock.day_start(last + 1, zone)
    if window.end <= from_day or window.start >= to_day:
        raise ReportError(
            f"events: no event lies between log_start {window.start} and log_end {window.end}: "
            f"all lie between {from_day} and {to_day}. Correct log_start or log_end in params.yml."
        )
