"""Mix: does an event type, a source, a country or a device stop, start or jump abruptly?"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.base import clock, engine
from analysis.contract import suspects
from analysis.contract.checks import Status, Verdict, check, not_applicable
from analysis.log.log import Log
from analysis.log.window import LogWindow

MIX_OF_EVENTS = ("event_type", "source", "country")
DEVICE = "user_device"
OF_USERS = {"source": "source", "country": "country", "device": DEVICE}
"""Kinds that a user is of, and the columns of events that say so."""
MOST_KINDS = 30
QUARTERS = {0: "0 to 6", 1: "6 to 12", 2: "12 to 18", 3: "18 to 24"}
SUMMER_TIME = 1.5
"""Times the fullest hour's share by which a quarter of the day must change: summer time moves it by
one hour, a clock or its zone by more."""
MIX, MIX_FAILS = 1.5, 5.0
"""Ratio of a kind's share of the volume before and after an instant: a change, and an end."""
HALF, LEAST_USERS, SURE_OF_USERS = 0.5, 10, 5.0
"""Share of a user's events from which the user is one of that kind, and of a kind's regular users
from which most are gone; how many there must be, and the standard deviations beyond the others."""
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


def beyond_users(mix_breaks: pd.DataFrame, events: Any) -> pd.DataFrame:
    """Return mix_breaks of which a break is also beyond chance in the users: one who comes with a
    thousand events of one kind is one user. `z` is the lesser of both.
    """
    breaks = mix_breaks[mix_breaks["is_break"] & (mix_breaks["column"] != "hour")]
    found = pd.Series(
        {row.Index: _users_z(row, events) for row in breaks.itertuples()}, dtype=float
    )
    z = np.minimum(mix_breaks["z"], found.reindex(mix_breaks.index).fillna(np.inf))
    is_break: pd.Series[bool] = mix_breaks["is_break"] & (z > SURE)
    return mix_breaks.assign(z=z, is_break=is_break)


def _users_z(row: Any, events: Any) -> float:
    """Return how many standard deviations the mean of the users' own shares of a kind changes: each
    user counts once, and those of both sides are paired.
    """
    at = pd.Timestamp(row.day_number, unit="D", tz="UTC")
    days = clock.days_since(events.event_at, at)
    name = DEVICE if row.column == "device" else str(row.column)
    near = events.mutate(
        is_kind=(events[name] == row.level).fill_null(False).cast("float64"), is_late=days >= 0
    ).filter(days.between(-row.size, row.size - 1), events[name].notnull())
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


def users_of_breaks(mix_breaks: pd.DataFrame, events: Any, window: LogWindow) -> pd.DataFrame:
    """Return the users of each source, country and device that all but stops or starts at once: a
    row per kind and group of users, `column`, `level`, `is_of_kind` (half of the user's events or
    more are of that kind), `regular` (users active in both halves of the four weeks on the side
    where the kind is there, who had joined before all eight) and `gone` (of them, without
    activity in the four weeks on the other side).
    """
    sudden = mix_breaks[mix_breaks["is_break"] & (mix_breaks["ratio"] > MIX_FAILS)]
    parts = [
        _users_of(events, OF_USERS[str(row.column)], row, window)
        for row in sudden.itertuples()
        if row.column in OF_USERS
    ]
    columns = ["column", "level", "is_of_kind", "regular", "gone"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _users_of(events: Any, name: str, row: Any, window: LogWindow) -> pd.DataFrame:
    """Return the two rows of one kind: its users, and all others."""
    at = pd.Timestamp(row.day_number, unit="D", tz="UTC")
    days = clock.days_since(events.event_at, at)
    sides = {"early": days.between(-28, -15), "late": days.between(-14, -1),
             "first": days.between(0, 13), "second": days.between(14, 27)}  # fmt: skip
    here, beyond = (("early", "late"), ("first", "second"))[:: 1 if row.stops else -1]
    is_kind = (events[name] == row.level).fill_null(False)
    active = events.is_active
    per_user = (
        events.filter(events.is_known)
        .group_by("user_id")
        .aggregate(
            share=is_kind.cast("float64").mean(),
            is_old=((events.tenure_day - days).max() > 28).fill_null(False) | bool(row.stops),
            **{side: (inside & active).any() for side, inside in sides.items()},
        )
    )
    regular = per_user.filter(per_user[here[0]], per_user[here[1]], per_user.is_old)
    counted = engine.to_pandas(
        regular.group_by(is_of_kind=regular.share >= HALF)
        .aggregate(regular=regular.count(), gone=(~(regular[beyond[0]] | regular[beyond[1]])).sum())
        .order_by("is_of_kind")
    )
    return counted.assign(column=row.column, level=row.level)[
        ["column", "level", "is_of_kind", "regular", "gone"]
    ]


@check(stage="03_audit")
def log_mix(mix_breaks: pd.DataFrame, users_of_breaks: pd.DataFrame, log: Log) -> Verdict:
    """Judge whether an event type, source, country or device stops, starts or jumps abruptly.

    A name or a release changes so, and users go on. Events are missing when a source, country or
    device stops or starts and most of its users with it, while the others go on.
    """
    if mix_breaks.empty:
        return not_applicable("log_mix", "all events are of one type")
    breaks = mix_breaks[mix_breaks["is_break"]]
    lost = _lost_kinds(users_of_breaks)
    chosen = breaks.merge(lost, on=["column", "level"]) if len(lost) else breaks
    pool = chosen if len(chosen) else mix_breaks
    row: Any = pool.sort_values(["z", "column", "level"], ascending=[False, True, True]).iloc[0]
    facts = {
        "kind": f"{row['column']} {row['level']}", "date": clock.day_text(int(row["day_number"])),
        "z": float(row["z"]), "share": float(row["share"]), "kinds": len(mix_breaks),
        "breaks": len(breaks), "stops": bool(row["stops"]), "lost": len(lost),
        "gone": int(row["gone"]) if len(lost) else 0,
        "regular": int(row["regular"]) if len(lost) else 0,
    }  # fmt: skip
    status: Status = "fail" if len(lost) else "warn" if len(breaks) else "pass"
    ids = _ids_of(lost, log.events) if len(lost) else None
    return Verdict(
        "log_mix", status, float(row["ratio"]), limit=MIX, n=len(mix_breaks), facts=facts,
        suspects=None if ids is None else suspects.users(ids),
    )  # fmt: skip


def _lost_kinds(users_of_breaks: pd.DataFrame) -> pd.DataFrame:
    """Return the kinds most of whose regular users are gone, beyond the others and chance."""
    wide = users_of_breaks.pivot(index=["column", "level"], columns="is_of_kind")
    if wide.empty or not {True, False} <= set(wide.columns.get_level_values(1)):
        return pd.DataFrame(columns=["column", "level", "regular", "gone"])
    n, m = wide["regular"][True], wide["regular"][False]
    share, usual = wide["gone"][True] / n, wide["gone"][False] / m
    pooled = ((share * n + usual * m) / (n + m)).clip(1e-9, 1 - 1e-9)
    z = (share - usual) / np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    is_lost = (n >= LEAST_USERS) & (share > HALF) & (z > SURE_OF_USERS)
    table = pd.DataFrame({"regular": n, "gone": wide["gone"][True]})[is_lost]
    lost: pd.DataFrame = table.reset_index()
    return lost


def _ids_of(lost: pd.DataFrame, events: Any) -> list[str]:
    """Return the users half of whose events or more are of the kinds that are lost."""
    ids: set[str] = set()
    for row in lost.itertuples():
        is_kind = (events[OF_USERS[str(row.column)]] == row.level).fill_null(False)
        per_user = events.group_by("user_id").aggregate(share=is_kind.cast("float64").mean())
        found = engine.to_pandas(per_user.filter(per_user.share >= HALF).select("user_id"))
        ids |= set(found["user_id"])
    return sorted(ids)


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
    z = np.where(change > part["least"].iloc[0], z, 0.0)
    at = int(np.argmax(z))
    small, large = sorted((p1[at], p2[at]))
    least = 0.5 / max(n1[at], n2[at], 1.0)
    ratio, falls = float(large / max(small, least)), bool(p2[at] < p1[at])
    return ratio, float(z[at]), float(large), int(days[at + size]), falls


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
