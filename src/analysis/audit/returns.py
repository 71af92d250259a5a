"""Returns: do users who come regularly stop, or start, all at once?"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.audit.presence import SPANS, Presence
from analysis.base import clock
from analysis.contract import suspects
from analysis.contract.checks import Status, Verdict, check, not_applicable

LEAST_USERS, LEAST_DAYS, NEAR = 20, 10, 3
"""Users that a comparison must rest on; the other days that tell what is usual, and the spans up to
which they are away: closer than one span, they share its days."""
CLEAR, SURE, MANY = 4.0, 5.0, 0.1
"""Standard deviations by which more than usual must be gone to be clear, and to be evidence of
missing events; the share of the users by which at least."""
SAME_PACE = 0.8
"""Part of its usual level that the activity of the others must keep: a holiday, a season or an end
of the product slows everybody down, and lost events only those who lose them."""
SURE_OF_SET = 3.0
"""Standard deviations by which more must be gone than if all had slowed down alike: users who come
rarely stay away in any season, and the few who come say little about the pace of all. It is asked
only of the few days that stand out already."""
FEW_STAY = 0.1
"""Share of the users who stay, below which their pace says nothing."""
WHOLE_DAY = 0.85
"""Part of the usual activity of those who are gone below which their last day is not whole."""


def sudden_changes(daily_changes: pd.DataFrame) -> pd.DataFrame:
    """Return the midnights at which more users than usual are gone, the clearest of each `side`
    first, at least two spans apart.

    Columns: those of daily_changes; `share` of the users who are gone, `usual` (see _with_usual),
    `z` (standard deviations above it, by chance in the users and by what the share does on other
    days; where users stop and others start at once, of both together), `pace` (`rest` over its
    usual level), `alike` (the share that would be gone if all had slowed down alike, by what is
    usual), `beyond_alike` (standard deviations above that), `is_swap` (others start where some
    stop) and `is_set`: some users are gone and the others go on as before.
    """
    by_kind = daily_changes.groupby(["span", "side", "group"])
    parts = [_with_usual(part, part["span"].iloc[0]) for _, part in by_kind]
    judged = _with_joint(pd.concat(parts) if parts else _with_usual(daily_changes, min(SPANS)))
    is_clear = (judged["z"] > CLEAR) & (judged["share"] - judged["usual"] > MANY)
    clear = judged[is_clear & _has_longest_span(judged)].sort_values("z", ascending=False)
    kept = [_apart(part) for _, part in clear.groupby("side")]
    table = pd.concat(kept) if kept else clear
    return _with_sets(table.sort_values("z", ascending=False, ignore_index=True))


def _with_usual(part: pd.DataFrame, span: int) -> pd.DataFrame:
    """Return the days of one span, side and group with enough users, with what is usual: what the
    other days are like on the side, before or after, where more users are gone. A product that
    slows down or ends has other days behind it than before it, and no day between them stands out.
    The other days are one to three spans away.
    """
    known = part[part["users"] >= LEAST_USERS]
    n, gone, rest, slow = (known[c].to_numpy(float) for c in ("users", "gone", "rest", "slow"))
    share = gone / np.maximum(n, 1)
    day = known["day"].to_numpy()
    low, high = np.quantile(share, [0.25, 0.75]) if len(share) else (0.0, 0.0)
    scatter = (high - low) / 1.349  # the standard deviation of a normal distribution
    usual, pace, alike = np.full((3, len(known)), np.nan)
    for i in range(len(known)):
        away = day - day[i]
        sides = [(away >= span) & (away <= NEAR * span), (away <= -span) & (away >= -NEAR * span)]
        others = [side for side in sides if side.sum() >= LEAST_DAYS]
        if others:
            usual[i], usual_slow = max(
                (float(np.median(share[side])), float(np.median(slow[side]))) for side in others
            )
            stay = (1 - usual[i]) / max(1 - usual_slow, 1e-9)  # users are not quite like chance
            alike[i] = 1 - (1 - slow[i]) * stay
            pace[i] = rest[i] / max(*(float(np.median(rest[side])) for side in others), 1e-9)
    pooled = np.clip((usual + share) / 2, 1e-9, 1 - 1e-9)
    error = np.sqrt(np.maximum(pooled * (1 - pooled) / np.maximum(n, 1), scatter**2))
    chance = np.sqrt(np.clip(alike * (1 - alike), 1e-9, 1) / np.maximum(n, 1))
    return known.assign(share=share, usual=usual, z=(share - usual) / error, pace=pace,
                        alike=alike, beyond_alike=(share - alike) / chance)  # fmt: skip


def _with_joint(judged: pd.DataFrame) -> pd.DataFrame:
    """Return `judged` with the larger `z` of a side by itself and of both sides together, as both
    show where identifiers change.
    """
    if {"ahead", "back"} - set(judged["side"]):
        return judged.assign(is_swap=False)
    keys = ["span", "day", "group"]
    wide = judged.pivot(index=keys, columns="side", values=["z", "share", "usual"])
    more = wide["share"] - wide["usual"]
    is_both = (more["ahead"] > MANY) & (more["back"] > MANY)
    joint = ((wide["z"]["ahead"] + wide["z"]["back"]) / 2**0.5).where(is_both).rename("joint")
    both = judged.merge(joint.reset_index(), on=keys, how="left")
    is_swap = both["joint"].fillna(0) > both["z"]
    return both.assign(z=both[["z", "joint"]].max(axis=1), is_swap=is_swap)


def _has_longest_span(judged: pd.DataFrame) -> "pd.Series[bool]":
    """Say of each row whether no longer span fits between its day and the ends of the log."""
    length = int(judged["day"].max() + judged["span"].min()) if len(judged) else 0
    room = np.minimum(judged["day"], length - judged["day"])
    longer = [s for s in SPANS if s > min(SPANS)]
    best = np.select([room >= s for s in longer], longer, min(SPANS))
    return judged["span"] == best


def _apart(clear: pd.DataFrame) -> pd.DataFrame:
    kept: list[Any] = []
    row: Any
    for row in clear.itertuples():
        if all(abs(row.day - other.day) >= 2 * row.span for other in kept):
            kept.append(row)
    return clear.loc[[row.Index for row in kept]]


def _with_sets(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with `is_set`: the others keep their pace or, where nobody stays, others
    start on that day (`ahead`) or stopped before it (`back`), as when identifiers change.
    """
    few_stay = table["users"] - table["gone"] < FEW_STAY * table["users"]
    other = {side: table.loc[table["side"] != side, "day"] for side in ("ahead", "back")}
    near = [
        bool((np.abs(other[side] - day) <= min(SPANS)).any())
        for side, day in zip(table["side"], table["day"], strict=True)
    ]
    is_swap = table["is_swap"].astype(bool) | np.array(near, bool)
    is_more = (table["beyond_alike"] > SURE_OF_SET) & (table["share"] - table["alike"] > MANY)
    others_stay = (table["pace"] >= SAME_PACE) & is_more
    goes_on = np.where(few_stay, is_swap, others_stay).astype(bool)
    return table.assign(is_set=goes_on & (table["z"] > SURE), is_swap=is_swap)


@check(stage="03_audit")
def log_users(
    sudden_changes: pd.DataFrame, daily_changes: pd.DataFrame, presence: Presence, time_zone: str
) -> Verdict:
    """Judge whether a set of users stops or starts at one instant while the others go on, as when
    one of several servers is no longer read, or identifiers change. Users who were active in the
    four weeks before an instant (looking back: after it) are followed, of two weeks or one near the
    ends of the log: those who came in both halves of it, and those who had joined before it.
    """
    if (daily_changes["users"] < LEAST_USERS).all():
        return not_applicable(
            "log_users", f"fewer than {LEAST_USERS} users are active in any four weeks"
        )
    sets = sudden_changes[sudden_changes["is_set"]]
    chosen = sets if len(sets) else sudden_changes
    if chosen.empty:
        facts: dict[str, Any] = {"date": None, "found": 0}
        return Verdict("log_users", "pass", limit=MANY, n=len(presence.active), facts=facts)
    row: Any = chosen.iloc[0]
    status: Status = "fail" if len(sets) else "warn"
    dates = {side: [presence.date(d) for d in _days_of(sets, side, presence)]
             for side in ("ahead", "back")}  # fmt: skip
    day = _day_of(row, presence)
    facts = {
        "date": clock.date_text(presence.date(day), time_zone), "found": len(chosen),
        "side": str(row["side"]), "gone": int(row["gone"]), "users": int(row["users"]),
        "usual": float(row["usual"]), "pace": float(row["pace"]), "is_swap": bool(row["is_swap"]),
    }  # fmt: skip
    return Verdict(
        "log_users", status, float(row["share"]), limit=MANY, n=int(row["users"]), facts=facts,
        suspects=_spans(dates, presence) if len(sets) else None,
    )  # fmt: skip


def _days_of(sets: pd.DataFrame, side: str, presence: Presence) -> list[int]:
    part = sets[sets["side"] == side].sort_values("day")
    return [_day_of(row, presence) for _, row in part.iterrows()]


def _day_of(row: Any, presence: Presence) -> int:
    """Return the first day of which events are missing (`ahead`), or the first of which they are
    there again (`back`): from the midnight of `row`, over the days on which those who are gone
    beyond it did clearly less than usual, a week at most.
    """
    day, span, active = int(row["day"]), int(row["span"]), presence.active
    early, late = active[:, day - span : day], active[:, day : day + span]
    here, beyond = (early, late) if row["side"] == "ahead" else (late, early)
    daily = active[here.any(axis=1) & ~beyond.any(axis=1)].sum(axis=0)
    week = span // 4
    whole = (
        slice(day - span, day - week) if row["side"] == "ahead" else slice(day + week, day + span)
    )
    usual = float(daily[whole].mean())
    low = min(WHOLE_DAY * usual, usual - 3 * usual**0.5)
    step = -1 if row["side"] == "ahead" else 1
    for _ in range(week):
        if daily[day + min(step, 0)] >= low:
            break
        day += step
    return day


def _spans(dates: dict[str, list[pd.Timestamp]], presence: Presence) -> pd.DataFrame:
    """Return the suspects: a set that stops is missing until one starts again, or to the end of
    the log; a set that starts was missing until then. Where both happen at once, identifiers
    change, and only what crosses that day is in doubt.
    """
    end, spans = presence.date(presence.days), []
    near = min(SPANS) * clock.DAY
    starts = list(dates["back"])
    for at in dates["ahead"]:
        same = [start for start in starts if abs(start - at) <= near]
        later = [start for start in starts if start > at]
        until = max(same[0], at + clock.DAY) if same else later[0] if later else end
        starts = [start for start in starts if start not in (*same, *later[:1])]
        spans.append(suspects.span(at, until))
    spans += [suspects.span(presence.start, start) for start in starts]
    return suspects.join(spans)
