"""The days that the event log covers in full, inferred from its daily volume."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.base import clock, engine
from analysis.base.errors import ReportError

NEIGHBOURS = 7
"""Days compared with a day at the edge: one week, so that weekdays even out."""
SILENCE = 6.0
"""An edge day whose outer silence is this many times the usual one is cut: chance gives 1 in
400, for a single day that is looked at."""
PARTIAL = 0.5
"""An edge day below this share of its neighbours' median is taken as not fully covered."""
STRAY = 0.0005
"""Share of events at either end that may be stray (a clock set wrong) and say nothing."""
APART_DAYS, FEW_APART = 28, 0.01
"""Days without an event that set what lies beyond them apart, and its share of all events below
which it is stray."""


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
    table = events.mutate(day_number=day, second=second).group_by("day_number")
    counted = table.aggregate(
        events=lambda t: t.count(),
        users=lambda t: t.user_id.nunique(),
        first_second=lambda t: t.second.min(),
        last_second=lambda t: t.second.max(),
    )
    daily = engine.to_pandas(counted.order_by("day_number"))
    starts = [clock.day_start(number, zone) for number in daily["day_number"]]
    daily["day"] = pd.Series(starts, dtype="datetime64[us, UTC]")
    return daily[["day_number", "day", "events", "users", "first_second", "last_second"]]


def _steady(daily: pd.DataFrame) -> tuple[int, int]:
    """Return first and last day number between which the volume is steady."""
    counts = daily.set_index("day_number")["events"]
    total = counts.cumsum() / counts.sum()
    core = _main_part(counts[(total >= STRAY) & (total.shift(fill_value=0) <= 1 - STRAY)])
    days = counts.reindex(range(int(core.index[0]), int(core.index[-1]) + 1), fill_value=0)
    table = daily.set_index("day_number").reindex(days.index)
    closing = 86_400 - table["last_second"]
    scatter = _scatter(days)
    first, last = 0, len(days) - 1
    while last - first > NEIGHBOURS:
        if not _is_small(days.iloc[first : last + 1], scatter):
            break
        first += 1
    while last - first > NEIGHBOURS:
        edge_first = days.iloc[first : last + 1][::-1]
        if not (_is_small(edge_first, scatter) or _is_silent(closing, last)):
            break
        last -= 1
    return int(days.index[first]), int(days.index[last])


def _main_part(counts: "pd.Series[int]") -> "pd.Series[int]":
    """Return the days (index: day number) without those at either end that are few and lie beyond
    weeks without an event.
    """
    part = pd.Series(counts.index, counts.index).diff().gt(APART_DAYS).cumsum()
    sizes = counts.groupby(part).sum() / counts.sum()
    large = sizes.index[sizes >= min(FEW_APART, sizes.max())]
    return counts[part.between(large.min(), large.max())]


def is_apart(daily: pd.DataFrame, window: LogWindow) -> "pd.Series[bool]":
    """Say of each day of daily_volume whether it lies outside the window beyond 28 days without
    an event.
    """
    numbers = daily["day_number"]
    inside = (daily["day"] >= window.start) & (daily["day"] < window.end)
    part = numbers.diff().gt(APART_DAYS).cumsum()
    apart: pd.Series[bool] = ~part.isin(part[inside])
    return apart


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


def _is_silent(seconds: "pd.Series[float]", at: int) -> bool:
    """Say whether the day's silence at its end is too long for chance, as a cut day's is.

    Were sessions at random, a silence of k times the mean has probability exp(-k). The
    first day is not judged so: a morning that is missing there makes nobody look silent.
    """
    others = seconds.iloc[max(0, at - 4 * NEIGHBOURS) : at]
    return bool(seconds.iloc[at] > SILENCE * others.mean())


def infer_log_window(
    daily: pd.DataFrame,
    zone: str = "UTC",
    log_start: pd.Timestamp | None = None,
    log_end: pd.Timestamp | None = None,
) -> LogWindow:
    """Return the window [L, E) in which the log covers every day in full.

    `daily` is the result of daily_volume. The window runs from the first to the last
    day of steady volume: the outermost 0.05 % of events are ignored as stray, and up to
    1 % that lies beyond 28 days without an event. A day at either edge is left out if its volume is
    less than half of the median of the next seven days and more than four usual deviations below
    it; the last day also if it ends in a gap six times as long as usual. A given `log_start` or
    `log_end` is used as it is. Source: this project's rule.
    Raises ReportError when the window is empty.
    """
    first, last = _steady(daily)
    start = log_start or clock.day_start(first, zone)
    end = log_end or clock.day_start(last + 1, zone)
    if start >= end:
        raise ReportError(
            f"events: the log window is empty: log_start {start} is not before log_end {end}. "
            "Correct log_start or log_end in params.yml."
        )
    return LogWindow(start, end)
