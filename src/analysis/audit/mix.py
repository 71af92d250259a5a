"""Mix: does an event type, a source, a country or a device stop, start or jump abruptly?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.audit.kinds import DEVICE, ids_of, lost_kinds, spans
from analysis.base import clock, engine
from analysis.contract import suspects
from analysis.contract.checks import Status, Verdict, check, not_applicable
from analysis.log.log import Log
from analysis.log.window import LogWindow

MIX_OF_EVENTS = ("event_type", "source", "country")
MOST_KINDS = 30
QUARTERS = {0: "0 to 6", 1: "6 to 12", 2: "12 to 18", 3: "18 to 24"}
SUMMER_TIME = 1.5
"""Times the fullest hour's share by which a quarter of the day must change: summer time moves it by
one hour, a clock or its zone by more."""
MIX = 1.5
"""Ratio of a kind's share of the volume before and after an instant that is a change."""
NOTHING_LEFT, MOST_DAYS_OFF = 0.01, 6
"""Part of a kind's events that is left, at most, where it ends, and the days by which the midnight
with the clearest change may miss that day (where few come each day, or not at weekends)."""
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
    kinds = [column for column in (*MIX_OF_EVENTS, DEVICE) if column in dated.columns]
    by_kinds, by_hour = _counted(dated, kinds).cache(), _counted(dated, ["hour"])
    parts = []
    for column in (*kinds, "hour"):
        rows = by_hour if column == "hour" else by_kinds
        counted = rows.group_by(level=rows[column], day_number=rows.day_number).aggregate(
            events=rows.events.sum()
        )
        table, least = engine.to_pandas(counted.order_by("level", "day_number")), 0.0
        if column == "hour":
            table, least = _by_quarter(table)
        name = column.removeprefix("user_")
        parts.append(_kinds_by_day(table, name).assign(least=least))
    columns = ["column", "level", "day_number", "events", "total", "least"]
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=columns)


def _counted(dated: Any, kinds: Sequence[str]) -> Any:
    """Return how many events of each day are of each combination of kinds (Ibis)."""
    return dated.group_by("day_number", *kinds).aggregate(events=dated.count())


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


def mix_breaks(daily_mix: pd.DataFrame) -> pd.DataFrame:
    """Return the clearest change of each kind's share, one row per kind of daily_mix: `column`,
    `level`, `ratio`, `z` (standard deviations), `share` (the larger one), `day_number`, `stops`
    (the share falls), `size` (days compared on either side) and `is_break`, whether it is large and
    beyond chance.

    Shares over 14 and 28 days before and after each midnight are compared; chance is measured by
    their scatter from day to day.
    """
    rows = []
    for (column, level), part in daily_mix.groupby(["column", "level"], sort=True):
        shifts = [(*_largest_shift(part, size), size) for size in (14, 28)]
        best = max(shifts, key=lambda shift: (shift[1] > SURE and shift[0] > MIX, shift[1]))
        rows.append((column, level, *best))
    columns = ["column", "level", "ratio", "z", "share", "day_number", "stops", "size"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(is_break=(table["z"] > SURE) & (table["ratio"] > MIX))


def beyond_users(
    mix_breaks: pd.DataFrame, events: Any, window: LogWindow, zone: str
) -> pd.DataFrame:
    """Return mix_breaks of which a break is also beyond chance in the users: one who comes with a
    thousand events of one kind is one user. `z` is the lesser of both.
    """
    breaks = mix_breaks[mix_breaks["is_break"]]
    by_row = {
        row.Index: _users_z(row, events, _levels(row, events, window, zone))
        for row in breaks.itertuples()
    }
    found = pd.Series(by_row, dtype=float)
    z = np.minimum(mix_breaks["z"], found.reindex(mix_breaks.index).fillna(np.inf))
    is_break: pd.Series[bool] = mix_breaks["is_break"] & (z > SURE)
    return mix_breaks.assign(z=z, is_break=is_break)


def _levels(row: Any, events: Any, window: LogWindow, zone: str) -> Any:
    """Return which kind of the column of a break each of the events is (Ibis)."""
    if row.column != "hour":
        return events[DEVICE if row.column == "device" else str(row.column)]
    second = clock.local_seconds(events.event_at, zone, window.start, window.end)
    quarter = (second % 86_400 / 21_600).floor().cast("int64")
    return quarter.cases(*((number, text) for number, text in QUARTERS.items()))


def _users_z(row: Any, events: Any, level: Any) -> float:
    """Return how many standard deviations the mean of the users' own shares of a kind changes: each
    user counts once, and those of both sides are paired.
    """
    at = pd.Timestamp(row.day_number, unit="D", tz="UTC")
    days = clock.days_since(events.event_at, at)
    near = events.mutate(
        is_kind=(level == row.level).fill_null(False).cast("float64"), is_late=days >= 0
    ).filter(days.between(-row.size, row.size - 1), level.notnull())
    per_user = near.group_by("user_id").aggregate(
        n1=(~near.is_late).sum(), n2=near.is_late.sum(),
        x1=near.is_kind.sum(where=~near.is_late), x2=near.is_kind.sum(where=near.is_late),
    )  # fmt: skip
    table = engine.to_pandas(per_user.order_by("user_id")).fillna(0.0)
    here, there = (table[f"x{n}"] / table[f"n{n}"].where(table[f"n{n}"] > 0) for n in "12")
    if not (here.notna().any() and there.notna().any()):
        return 0.0
    change = float(there.mean() - here.mean())
    pulls = ((there - there.mean()) / there.count()).fillna(0.0)
    pulls -= ((here - here.mean()) / here.count()).fillna(0.0)
    error = float(np.sqrt((pulls**2).sum()))
    z: float = abs(change) / max(error, 1e-12)
    return z


@check(stage="03_audit")
def log_mix(
    mix_breaks: pd.DataFrame,
    users_of_breaks: pd.DataFrame,
    stopped_sources: pd.DataFrame,
    log: Log,
) -> Verdict:
    """Judge whether an event type, source, country or device stops, starts or jumps abruptly.

    A name or a release changes so, and users go on. Events are missing when a source, country or
    device stops or starts and most of its users with it, while the others go on; or when a source
    stops, its users go on elsewhere as before, and nobody takes its events over.
    """
    if mix_breaks.empty:
        return not_applicable("log_mix", "all events are of one type")
    breaks = mix_breaks[mix_breaks["is_break"]]
    lost = lost_kinds(users_of_breaks)
    stopped = stopped_sources[stopped_sources["is_lost"].astype(bool)].rename(
        columns={"users": "regular"}
    )
    told = lost if len(lost) else stopped[["column", "level", "regular", "taken"]]
    chosen = breaks.merge(told, on=["column", "level"]) if len(told) else breaks
    pool = chosen if len(chosen) else mix_breaks
    row: Any = pool.sort_values(["z", "column", "level"], ascending=[False, True, True]).iloc[0]
    facts = {
        "kind": f"{row['column']} {row['level']}", "date": clock.day_text(int(row["day_number"])),
        "z": float(row["z"]), "share": float(row["share"]), "kinds": len(mix_breaks),
        "breaks": len(breaks), "falls": bool(row["stops"]), "lost": len(lost),
        "stopped": len(stopped), "gone": int(row.get("gone", 0)),
        "regular": int(row.get("regular", 0)), "taken": max(0.0, float(row.get("taken", 0.0))),
    }  # fmt: skip
    status: Status = "fail" if len(told) else "warn" if len(breaks) else "pass"
    found = suspects.join(
        [suspects.users(ids_of(lost, log.events) if len(lost) else ()), spans(stopped)]
    )
    return Verdict(
        "log_mix", status, float(row["ratio"]), limit=MIX, n=len(mix_breaks), facts=facts,
        suspects=found if len(told) else None,
    )  # fmt: skip


def _largest_shift(part: pd.DataFrame, size: int) -> tuple[float, float, float, int, bool]:
    """Return ratio, standard deviations, larger share and day number of the largest shift of a
    kind's share beyond its `least`, and whether it falls; `part` is one kind of daily_mix.
    """
    kind, total = part["events"].to_numpy(float), part["total"].to_numpy(float)
    days = part["day_number"].to_numpy()
    if len(days) < 2 * size:
        return 1.0, 0.0, 0.0, int(days[0]), False
    x, n = (np.convolve(v, np.ones(size), "valid") for v in (kind, total))
    (x1, x2), (n1, n2) = ((v[:-size], v[size:]) for v in (x, n))
    p1, p2 = x1 / np.maximum(n1, 1), x2 / np.maximum(n2, 1)
    pooled = np.clip((x1 + x2) / np.maximum(n1 + n2, 1), 1e-9, 1 - 1e-9)
    spread = pooled * (1 - pooled) * (1 / np.maximum(n1, 1) + 1 / np.maximum(n2, 1))
    change = np.abs(p2 - p1)
    z = change / np.sqrt(_mix_scatter(kind, total) * spread)
    is_told = (np.minimum(n1, n2) > 0) & (change > part["least"].iloc[0])
    z = np.where(is_told, z, 0.0)
    at = int(np.argmax(z))
    small, large = sorted((p1[at], p2[at]))
    least = 0.5 / max(n1[at], n2[at], 1.0)
    ratio, falls = float(large / max(small, least)), bool(p2[at] < p1[at])
    day = _day_of_end(kind[at : at + 2 * size], size, falls)
    return ratio, float(z[at]), float(large), int(days[at + day]), falls


def _day_of_end(kind: np.ndarray, size: int, falls: bool) -> int:
    """Return the day (of the `2 * size` of `kind`) from which nothing of a kind that ends is left,
    or on which one that begins is first there; `size`, its middle, where it does neither at once.
    """
    left = np.cumsum(kind[::-1])[::-1] if falls else np.cumsum(kind)
    few = np.flatnonzero(left <= NOTHING_LEFT * kind.sum())
    if not len(few):
        return size
    day = int(few[0] if falls else few[-1] + 1)
    return day if abs(day - size) <= MOST_DAYS_OFF else size


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
