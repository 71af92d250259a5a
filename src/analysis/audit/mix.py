"""Mix: does an event type, a source, a country or a device stop, start or jump abruptly?"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.base import clock, engine
from analysis.contract.checks import FROM_THE_LOG, Status, Verdict, check, not_applicable
from analysis.log.window import LogWindow

MIX_OF_EVENTS = ("event_type", "source", "country")
DEVICE = "user_device"
MOST_KINDS = 30
QUARTERS = {0: "0 to 6", 1: "6 to 12", 2: "12 to 18", 3: "18 to 24"}
SUMMER_TIME = 1.5
"""Times the fullest hour's share by which a quarter of the day must change: summer time moves it by
one hour, a clock or its zone by more."""
MIX, MIX_FAILS = 1.5, 5.0
"""Ratio of a kind's share of the volume before and after an instant: a change, and an end."""
MOST_OF_MIX = 0.1
"""Share of the volume from which a kind that stops or starts at once is part of every figure."""
SURE = 6.0
"""Standard deviations that a change must lie beyond chance, over some 300 places compared."""


def daily_mix(events: Any, window: LogWindow, zone: str) -> pd.DataFrame:
    """Return how many of each day's events are of each kind: `column`, `level`, `day_number`,
    `events`, `total` (of all kinds), one row for each day of the log; and `least`, the change of
    a kind's share up to which nothing is wrong.

    Kinds are the values of event_type, source and country of events and of device of users,
    for each column that has from 2 to 30 of them with at least 1 % of some 28 days, and the
    four quarters of the day in `zone` (`hour`), which move when a clock or its zone is changed.
    """
    inside = events.filter(events.event_at >= window.start, events.event_at < window.end)
    day = clock.local_day(inside.event_at, zone, window.start, window.end)
    second = clock.local_seconds(inside.event_at, zone, window.start, window.end)
    hour = (second % 86_400 / 3_600).floor().cast("int64")
    dated = inside.mutate(day_number=day, hour=hour)
    parts = []
    for column in (*MIX_OF_EVENTS, DEVICE, "hour"):
        if column not in dated.columns:
            continue
        counted = dated.group_by(level=dated[column], day_number=dated.day_number).aggregate(
            events=lambda t: t.count()
        )
        table, least = engine.to_pandas(counted.order_by("level", "day_number")), 0.0
        if column == "hour":
            table, least = _by_quarter(table)
        name = column.removeprefix("user_")
        parts.append(_kinds_by_day(table, name).assign(least=least))
    columns = ["column", "level", "day_number", "events", "total", "least"]
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=columns)


def _by_quarter(hours: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """Return the counts by quarter of the day, and the change of a share that summer time is."""
    fullest = hours.groupby("level")["events"].sum().max() / max(hours["events"].sum(), 1)
    by = [(hours["level"] // 6).map(QUARTERS), "day_number"]
    return hours.groupby(by)["events"].sum().reset_index(), SUMMER_TIME * float(fullest)


def _kinds_by_day(counted: pd.DataFrame, name: str) -> pd.DataFrame:
    wide = counted.dropna(subset="level").pivot(
        index="day_number", columns="level", values="events"
    )
    if wide.empty:
        return pd.DataFrame()
    wide = wide.reindex(range(int(wide.index.min()), int(wide.index.max()) + 1)).fillna(0.0)
    total = wide.sum(axis=1)
    all_months = total.rolling(28, min_periods=1).sum().clip(lower=1)
    months = wide.rolling(28, min_periods=1).sum()
    kept = [c for c in wide.columns if (months[c] / all_months).max() >= 0.01]
    if not 2 <= len(kept) <= MOST_KINDS:
        return pd.DataFrame()
    parts = [
        pd.DataFrame({"column": name, "level": level, "events": wide[level], "total": total})
        for level in kept
    ]
    return pd.concat(parts).rename_axis("day_number").reset_index()


@check(stage="03_audit", strikes=FROM_THE_LOG, only_failing=True)
def log_mix(daily_mix: pd.DataFrame) -> Verdict:
    """Judge whether an event type, source, country or device stops, starts or jumps abruptly.

    The share of each kind in the volume is compared over 14 and 28 days before and after each
    midnight; chance is measured by its scatter from day to day. A change of the hours of the day
    is doubtful and no more: days are counted all the same.
    """
    shifts = [
        (*_largest_shift(part, size), f"{column} {level}")
        for (column, level), part in daily_mix.groupby(["column", "level"], sort=True)
        for size in (14, 28)
    ]
    if not shifts:
        return not_applicable("log_mix", "all events are of one type")
    breaks = [row for row in shifts if row[1] > SURE and row[0] > MIX]
    ratio, z, share, day, name = max(breaks or shifts, key=lambda row: row[1])
    is_large = any(
        row[0] > MIX_FAILS and row[2] > MOST_OF_MIX and not row[4].startswith("hour ")
        for row in breaks
    )
    status: Status = "pass" if not breaks else ("fail" if is_large else "warn")
    facts = {"kind": name, "date": clock.day_text(day), "z": z, "share": share,
             "kinds": len(shifts) // 2, "breaks": len({row[4] for row in breaks})}  # fmt: skip
    return Verdict("log_mix", status, ratio, limit=MIX, n=len(shifts) // 2, facts=facts)


def _largest_shift(part: pd.DataFrame, size: int) -> tuple[float, float, float, int]:
    """Return ratio, standard deviations, larger share and day number of the largest shift of a
    kind's share beyond its `least`; `part` is one kind of daily_mix.
    """
    kind, total = part["events"].to_numpy(float), part["total"].to_numpy(float)
    days = part["day_number"].to_numpy()
    if len(days) < 2 * size:
        return 1.0, 0.0, 0.0, int(days[0])
    x, n = (np.convolve(v, np.ones(size), "valid") for v in (kind, total))
    (x1, x2), (n1, n2) = ((v[:-size], v[size:]) for v in (x, n))
    p1, p2 = x1 / np.maximum(n1, 1), x2 / np.maximum(n2, 1)
    pooled = np.clip((x1 + x2) / np.maximum(n1 + n2, 1), 1e-9, 1 - 1e-9)
    spread = pooled * (1 - pooled) * (1 / np.maximum(n1, 1) + 1 / np.maximum(n2, 1))
    change = np.abs(p2 - p1)
    z = change / np.sqrt(_mix_scatter(kind, total) * spread)
    z = np.where(change > part["least"].iloc[0], z, 0.0)
    at = int(np.argmax(z))
    small, large = sorted((p1[at], p2[at]))
    least = 0.5 / max(n1[at], n2[at], 1.0)
    return float(large / max(small, least)), float(z[at]), float(large), int(days[at + size])


def _mix_scatter(kind: np.ndarray, total: np.ndarray) -> float:
    """Return the variance of a daily share over that of independent events, from differences
    of one day to the next (events come in sessions and so together).
    """
    p = kind.sum() / max(total.sum(), 1.0)
    share = kind / np.maximum(total, 1)
    both = (total[1:] > 0) & (total[:-1] > 0)
    spread = p * (1 - p) * (1 / np.maximum(total[1:], 1) + 1 / np.maximum(total[:-1], 1))
    squares = (np.diff(share) ** 2 / np.maximum(spread, 1e-12))[both]
    return max(1.0, float(squares.mean())) if len(squares) else 1.0
