"""Charts of cohorts: retention by day and by month, survival, and cancelling beside silence."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, NullLocator

from analysis.base.charts import MIN_USERS, Sketch, keep_large, require_one
from analysis.base.drawing import (
    FAINT,
    INK,
    MUTED,
    SERIES,
    Canvas,
    Frame,
    draw_band,
    find_max,
    format_shares,
    label_ends,
    name_y,
    read,
    read_ends,
    room_beside,
    rule,
    say_count,
    tick_some,
    write,
)
from analysis.cohorts.grid import draw_retention_heatmap
from analysis.contract.captions import caption, chart

__all__ = [
    "draw_competing_risks",
    "draw_retention_days",
    "draw_retention_heatmap",
    "draw_survival",
]

FRONT = "within"
"""The definition of coming back that the headline uses: drawn in front of the others."""
WEEK, MONTH, QUARTER = 7, 30, 90
"""Days that titles and labels name, where the table has them."""
MOST_STEPS = 160
"""Steps of a drawn curve: more could not be seen apart."""
CAUSES = ("cancelled", "silent")
"""How a stay can end: the columns of competing_risks."""


def _nearest(days: Sequence[float], wanted: float) -> float:
    return min(days, key=lambda day: (abs(day - wanted), day))


# --- retention by day ---------------------------------------------------------------------------


@chart("definition", "day", "eligible_users", "retention_rate", "ci_low", "ci_high")
def draw_retention_days(retention_by_day: Frame, *, min_users: int = MIN_USERS) -> Sketch:
    """Return lines of `retention_rate` by `day` since signup (log scale): the definition FRONT with
    its interval, the others faint.
    """
    words = caption("retention_days")["words"]
    names = retention_by_day["definition"].map(lambda name: words.get(name, name))
    which = names + ", " + retention_by_day["day"].map(say_count)
    named = retention_by_day.assign(which=which)
    kept, left_out = keep_large(named, "which", "retention_rate", min_users, "eligible_users")
    kept = kept.sort_values("day", kind="stable")
    present = list(dict.fromkeys(kept["definition"]))
    front = FRONT if FRONT in present else next(iter(present), "")
    part = kept.loc[kept["definition"] == front]
    facts: dict[str, Any] = {"left_out": left_out, "others": len(present) > 1}
    if part.empty:
        return Sketch(facts, None)
    days = part["day"].tolist()
    first, last = (part.loc[part["day"] == _nearest(days, day)].iloc[0] for day in (WEEK, MONTH))
    points = [{"day": r["day"], "rate": r["retention_rate"]} for r in part.to_dict("records")]
    facts |= {
        "points": points, "users": last["eligible_users"],
        "first_day": first["day"], "first": first["retention_rate"],
        "last_day": last["day"], "last": last["retention_rate"],
    }  # fmt: skip
    order = [name for name in present if name != front] + [front]
    return Sketch(facts, partial(_paint_retention, kept, order))


def _paint_retention(kept: Frame, order: Sequence[str], canvas: Canvas) -> None:
    names = [canvas.words.get(name, name.replace("_", " ")) for name in order]
    axes = canvas.panel(230, left=48, right=room_beside(names), top=36)
    rule(axes)
    ends: list[tuple[float, str, str]] = []
    for name, label in zip(order, names, strict=True):
        part = kept.loc[kept["definition"] == name]
        is_front = name == order[-1]
        colour = SERIES[0] if is_front else FAINT
        days, rates = read(part, "day"), read(part, "retention_rate")
        if is_front:
            draw_band(axes, days, read(part, "ci_low"), read(part, "ci_high"), colour)
        look: dict[str, Any] = {"marker": "o", "markersize": 6} if is_front else {"linewidth": 1.4}
        axes.plot(days, rates, color=colour, clip_on=False, zorder=3, **look)
        ends.append((float(rates[-1]), label, colour if is_front else MUTED))
        _mark_rows(canvas, axes, part, label)
    _scale_days(axes, sorted(kept["day"].unique()), most=5 if canvas.is_narrow else 9)
    axes.set_xlabel(canvas.words["x"])
    name_y(axes, canvas.words["y"])
    format_shares(axes, "y", 1.06 * find_max(read_ends(kept, "retention_rate", "ci_high"), 1.0))
    label_ends(axes, ends)


def _mark_rows(canvas: Canvas, axes: Axes, part: Frame, label: str) -> None:
    for row in part.to_dict("records"):
        text = canvas.say(
            "mark", name=label, day=row["day"], rate=row["retention_rate"],
            users=row["eligible_users"], low=row["ci_low"], high=row["ci_high"],
        )  # fmt: skip
        canvas.mark(axes, row["day"], row["retention_rate"], text)


def _scale_days(axes: Axes, days: Sequence[float], most: int) -> None:
    """Put days on a log scale where they are spread over more than a month."""
    if days[0] > 0 and days[-1] / days[0] > 8:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
    tick_some(axes, days, [say_count(day) for day in days], most)
    if len(days) > 1:
        axes.set_xlim(days[0], days[-1])


# --- survival -----------------------------------------------------------------------------------


@chart("group", "day", "at_risk", "survival", "ci_low", "ci_high")
def draw_survival(survival_curve: Frame) -> Sketch:
    """Return a step curve of `survival` (0 to 1) by `day` with its interval, the days MONTH and
    QUARTER marked, and the users followed below. A curve that does not begin at signup (`from_day`)
    says so.
    """
    require_one(survival_curve, "group", "draw_survival")
    curve = survival_curve.loc[survival_curve["survival"].notna()].sort_values("day")
    if curve.empty:
        return Sketch({}, None)
    from_day = int(curve["from_day"].iloc[0]) if "from_day" in curve else 0
    days = curve["day"].tolist()
    late, early = int(_nearest(days, QUARTER)), int(_nearest(days, WEEK))
    lost = {day: 1 - float(_at(curve, day)["survival"]) for day in (early, late)}
    shown = [day for day in dict.fromkeys((early, MONTH, late)) if days[0] <= day <= days[-1]]
    points = [
        {"day": day, "share": row["survival"], "low": row["ci_low"], "high": row["ci_high"],
         "users": row["at_risk"]}
        for day, row in ((day, _at(curve, day)) for day in shown)
    ]  # fmt: skip
    facts = {
        "from_day": from_day, "early": early, "late": late, "points": points,
        "is_early": early < late and lost[early] > lost[late] / 2,
        "at_late": 1 - lost[late], "users": curve["at_risk"].max(),
    }  # fmt: skip
    return Sketch(facts, partial(_paint_survival, curve, from_day))


def _at(curve: Frame, day: float) -> Any:
    """Return the last row at or before a day."""
    return curve.loc[curve["day"] <= day].iloc[-1]


def _thin(curve: Frame) -> Frame:
    """Return the rows worth drawing: every day of the first month, then every few, and the last."""
    first, step = min(MONTH, len(curve)), math.ceil(len(curve) / MOST_STEPS)
    return curve.iloc[np.unique(np.r_[:first, first : len(curve) : step, len(curve) - 1])]


def _paint_survival(curve: Frame, from_day: int, canvas: Canvas) -> None:
    axes = canvas.panel(230, left=48, right=22, top=36, bottom=92)
    rule(axes)
    drawn = _thin(curve)
    days, values = read(drawn, "day"), read(drawn, "survival")
    low, high = read(drawn, "ci_low"), read(drawn, "ci_high")
    if 0 < days[0] <= 1 and from_day == 0:  # everyone is active at signup
        days, values, low, high = (
            np.insert(v, 0, first)
            for v, first in zip((days, values, low, high), (0, 1, 1, 1), strict=True)
        )
    draw_band(axes, days, low, high, SERIES[0], step="post")
    axes.plot(days, values, color=SERIES[0], drawstyle="steps-post")
    last = float(days[-1])
    axes.set_xlim(0, max(last, 1.0))
    format_shares(axes, "y")
    for day in (MONTH, QUARTER):
        if days[0] <= day <= last:
            share = float(_at(curve, day)["survival"])
            axes.plot([day, day], [0, share], color=INK, linewidth=1, linestyle=(0, (3, 3)))
            axes.plot([day], [share], color=SERIES[0], marker="o", markersize=6)
            said = canvas.say("at", day=day, share=share)
            write(axes, day, share, said, color=INK, shift=(8, 12))
    axes.set_xlabel(canvas.words["x"])
    name_y(axes, canvas.words["y"])
    ticks = _followed_days(last, most=4 if canvas.is_narrow else 8)
    axes.set_xticks(ticks, [say_count(day) for day in ticks])
    axes.tick_params(axis="y", length=0)
    _write_followed(axes, curve, ticks, canvas)
    for at in sorted({*ticks, WEEK, MONTH, QUARTER, last}):
        if curve["day"].iloc[0] <= at <= last:
            row = _at(curve, at)
            text = canvas.say("mark", day=at, share=row["survival"], low=row["ci_low"],
                              high=row["ci_high"], users=row["at_risk"])  # fmt: skip
            canvas.mark(axes, at, float(row["survival"]), text)


def _followed_days(last: float, most: int) -> list[float]:
    steps = (1, 2, 5, 7, 15, 30, 60, 90, 180, 360, 720)
    step = next((step for step in steps if last / step <= most), 1440)
    return [float(day) for day in range(0, int(last) + 1, step)]


def _write_followed(axes: Axes, curve: Frame, ticks: Sequence[float], canvas: Canvas) -> None:
    """Write under the axis how many users are followed at each tick."""
    write(axes, 0, 0, canvas.words["followed"], shift=(0, -62))
    for day in ticks:
        before = curve.loc[curve["day"] <= day]
        if len(before):
            followed = say_count(before["at_risk"].iloc[-1])
            side = "left" if day == 0 else "center"
            write(axes, day, 0, followed, color=INK, shift=(0, -80), ha=side)


# --- leaving ------------------------------------------------------------------------------------


@chart("day", *CAUSES, *(f"{cause}_ci_{end}" for cause in CAUSES for end in ("low", "high")))
def draw_competing_risks(competing_risks: Frame) -> Sketch:
    """Return step curves of `cancelled` and `silent` (shares, 0 to 1) by `day`, with intervals."""
    days = competing_risks["day"].tolist()
    shown = [day for day in (MONTH, QUARTER) if day <= days[-1]] or [days[-1]]
    points = [{"day": day, **{c: _at(competing_risks, day)[c] for c in CAUSES}} for day in shown]
    followed = competing_risks["at_risk"].max() if "at_risk" in competing_risks else None
    facts = {"points": points, "last_day": shown[-1], "users": followed, **points[-1]}
    return Sketch(facts, partial(_paint_risks, competing_risks))


def _paint_risks(risks: Frame, canvas: Canvas) -> None:
    axes = canvas.panel(230, left=48, right=110, top=36)
    rule(axes)
    ends: list[tuple[float, str, str]] = []
    for cause, colour in zip(CAUSES, SERIES, strict=False):
        low, high = (f"{cause}_ci_{end}" for end in ("low", "high"))
        draw_band(axes, risks["day"], read(risks, low), read(risks, high), colour, step="post")
        axes.plot(risks["day"], read(risks, cause), color=colour, drawstyle="steps-post")
        ends.append((float(risks[cause].iloc[-1]), canvas.words[cause], colour))
        for day in (WEEK, MONTH, QUARTER, int(risks["day"].max())):
            if risks["day"].min() <= day <= risks["day"].max():
                row = _at(risks, day)
                text = canvas.say("mark", name=canvas.words[cause], day=day, share=row[cause],
                                  low=row[low], high=row[high])  # fmt: skip
                canvas.mark(axes, day, float(row[cause]), text)
    columns = [name for cause in CAUSES for name in (cause, f"{cause}_ci_high")]
    format_shares(axes, "y", 1.06 * find_max(read_ends(risks, *columns), 1.0))
    axes.set_xlim(0, find_max(risks["day"], default=1))
    axes.set_xlabel(canvas.words["x"])
    name_y(axes, canvas.words["y"])
    label_ends(axes, ends)
