"""Kinds that stop or start at once: are their users gone with them, and does anybody take over
what was done there?"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.base import clock, engine
from analysis.contract import suspects
from analysis.log.window import LogWindow

DEVICE = "user_device"
OF_USERS = {"source": "source", "country": "country", "device": DEVICE}
"""Kinds that a user is of, and the columns of events that say so."""
ENDS = 5.0
"""Ratio of a kind's share of the volume before and after an instant that is its end or start."""
HALF, LEAST_OF_KIND, SURE_OF_USERS = 0.5, 10, 5.0
"""Share of a user's events from which the user is one of that kind, and of a kind's regular users
from which most are gone; how many there must be, and the standard deviations beyond the others."""
WEEKS = 28
"""Days compared on either side of the day on which a source stops."""
LEAST_USERS = 20
"""Users who came regularly to the source, and users who never did, from which both are judged."""
NOTHING_LEFT = 0.01
"""Part of a source's events that is left, at most, where it stops."""
SAME_PACE = 0.8
"""Part of their events that users make elsewhere after the day, at least, where they go on."""
TAKEN_OVER = 0.5
"""Part of a source's events that turns up elsewhere, from which it was moved and not lost."""
SURE = 3.0
"""Standard errors by which less than TAKEN_OVER must be taken over."""
COLUMNS = ["column", "level", "day_number", "until", "users", "taken", "is_lost"]


def users_of_breaks(mix_breaks: pd.DataFrame, events: Any, window: LogWindow) -> pd.DataFrame:
    """Return the users of each source, country and device that all but stops or starts at once: a
    row per kind and group of users, `column`, `level`, `is_of_kind` (half of the user's events or
    more are of that kind), `regular` (users active in both halves of the four weeks on the side
    where the kind is there, who had joined before all eight) and `gone` (of them, without
    activity in the four weeks on the other side).
    """
    sudden = mix_breaks[mix_breaks["is_break"] & (mix_breaks["ratio"] > ENDS)]
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


def lost_kinds(users_of_breaks: pd.DataFrame) -> pd.DataFrame:
    """Return the kinds most of whose regular users are gone, beyond the others and chance."""
    wide = users_of_breaks.pivot(index=["column", "level"], columns="is_of_kind")
    if wide.empty or not {True, False} <= set(wide.columns.get_level_values(1)):
        return pd.DataFrame(columns=["column", "level", "regular", "gone"])
    n, m = wide["regular"][True], wide["regular"][False]
    share, usual = wide["gone"][True] / n, wide["gone"][False] / m
    pooled = ((share * n + usual * m) / (n + m)).clip(1e-9, 1 - 1e-9)
    z = (share - usual) / np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    is_lost = (n >= LEAST_OF_KIND) & (share > HALF) & (z > SURE_OF_USERS)
    table = pd.DataFrame({"regular": n, "gone": wide["gone"][True]})[is_lost]
    lost: pd.DataFrame = table.reset_index()
    return lost


def ids_of(lost: pd.DataFrame, events: Any) -> list[str]:
    """Return the users half of whose events or more are of the kinds that are lost."""
    ids: set[str] = set()
    for row in lost.itertuples():
        is_kind = (events[OF_USERS[str(row.column)]] == row.level).fill_null(False)
        per_user = events.group_by("user_id").aggregate(share=is_kind.cast("float64").mean())
        found = engine.to_pandas(per_user.filter(per_user.share >= HALF).select("user_id"))
        ids |= set(found["user_id"])
    return sorted(ids)


def stopped_sources(mix_breaks: pd.DataFrame, events: Any, window: LogWindow) -> pd.DataFrame:
    """Return the sources that stop at once, one row each: `column`, `level`, `day_number`, `until`
    (the day on which it is there again, or the end of the log, both days since 1970), `users` (who
    came to it in both halves of the four weeks before), `taken` (the part of its events that they
    make elsewhere afterwards, beyond what others do) and `is_lost`.

    A source that was moved or renamed is taken over: its users do elsewhere what they did there.
    Where they go on elsewhere at the pace they had, and nothing is taken over, its events are no
    longer recorded, or there is no longer such a source; the log cannot tell these two apart.
    """
    stops = mix_breaks[mix_breaks["is_break"] & mix_breaks["stops"]]
    rows = [_judge(row, events, window) for row in stops[stops["column"] == "source"].itertuples()]
    return pd.DataFrame([row for row in rows if row is not None], columns=COLUMNS)


def _judge(row: Any, events: Any, window: LogWindow) -> tuple[Any, ...] | None:
    """Return the row of one source, or None where too few users tell or it does not stop."""
    at = pd.Timestamp(row.day_number, unit="D", tz="UTC")
    table, back = _by_user(events, str(row.level), at)
    regular = table[(table["early"] > 0) & (table["late"] > 0)]
    rest = table[(table["early"] + table["late"] == 0) & (table["e1"] > 0)]
    there, left = float(regular[["early", "late"]].sum().sum()), float(table["left"].sum())
    fades = regular["late"].sum() < TAKEN_OVER * regular["early"].sum()
    if len(regular) < LEAST_USERS or left > NOTHING_LEFT * there or fades:
        return None
    pace = float(rest["e2"].sum() / rest["e1"].sum()) if len(rest) >= LEAST_USERS else 1.0
    goes_on = regular["e2"].sum() >= SAME_PACE * pace * regular["e1"].sum() > 0
    taken = float((regular["e2"] - pace * regular["e1"]).sum() / there)
    own = regular["e2"] - pace * regular["e1"] - taken * regular[["early", "late"]].sum(axis=1)
    sure = taken + SURE * float(np.sqrt((own**2).sum())) / there < TAKEN_OVER
    end = (window.end - pd.Timestamp(0, tz="UTC")) // clock.DAY
    until = int(row.day_number) + WEEKS + back if back is not None else end
    is_lost = bool(goes_on and sure and pace >= SAME_PACE)
    return (row.column, row.level, row.day_number, until, len(regular), taken, is_lost)


def _by_user(events: Any, level: str, at: pd.Timestamp) -> tuple[pd.DataFrame, int | None]:
    """Return, for each user active in the weeks around `at`, the events at the source in either
    half of the weeks before (`early`, `late`) and in those after (`left`), and elsewhere before
    and after (`e1`, `e2`); and the days from the end of these weeks to its next event, if any.
    """
    days = clock.days_since(events.event_at, at)
    is_here = (events.source == level).fill_null(False)
    placed = events.mutate(day_at=days, is_here=is_here)
    near = placed.filter(placed.is_known, placed.is_active, days.between(-WEEKS, WEEKS - 1))
    before, here = near.day_at < 0, near.is_here
    counted = near.group_by("user_id").aggregate(
        early=(here & (near.day_at < -WEEKS // 2)).sum(),
        late=(here & before & (near.day_at >= -WEEKS // 2)).sum(),
        left=(here & ~before).sum(),
        e1=(~here & before).sum(),
        e2=(~here & ~before).sum(),
    )
    later = placed.filter(placed.is_here, placed.day_at >= WEEKS)
    back = engine.to_pandas(later.aggregate(first=later.day_at.min()))["first"].iloc[0]
    table = engine.to_pandas(counted.order_by("user_id"))
    return table, None if pd.isna(back) else int(back) - WEEKS


def spans(lost: pd.DataFrame) -> pd.DataFrame:
    """Return the suspects: the days from which a source stops until it is there again."""
    days = lost[["day_number", "until"]].itertuples(index=False)
    return suspects.join(
        suspects.span(*(pd.Timestamp(int(day), unit="D", tz="UTC") for day in pair))
        for pair in days
    )
