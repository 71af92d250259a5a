"""Charts of the trend: churn by snapshot, growth accounting, and the monthly figures as lines."""

import textwrap
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.base.charts import Sketch
from analysis.base.drawing import (
    FAINT,
    INK,
    LETTER,
    MUTED,
    SERIES,
    SMALL,
    Canvas,
    Frame,
    draw_band,
    draw_reference,
    find_max,
    format_counts,
    format_shares,
    label_ends,
    name_y,
    read,
    read_ends,
    rule,
    say_count,
    say_months,
    tick_some,
    write,
)
from analysis.base.formats import format_cell, format_value
from analysis.cohorts import trend
from analysis.cohorts.growth import SHOWN
from analysis.contract import catalogue
from analysis.contract.captions import chart

FLOWS = ("new", "resurrected", "lost")


def _or_none(value: Any) -> float | None:
    """Return a number, None where it is missing."""
    return None if pd.isna(value) else float(value)


# --- churn --------------------------------------------------------------------------------------


COLUMNS = ("snapshot_at", "active_users", "churn_rate", "ci_low", "ci_high", "is_complete")
FULL, SMALL_PANELS = (190, 70), (100, 28)
"""Heights of churn and of active users, in pixels."""
LAST = 19
"""Size of the last figure on the first screen, in pixels."""


@chart(*COLUMNS)
def draw_churn(churn_by_snapshot: Frame) -> Sketch:
    """Return `churn_rate` by snapshot with its band, and `active_users` as bars below; a dashed
    line before the snapshot whose horizon is not over. The title says where churn is going.
    """
    return _sketch_churn(churn_by_snapshot)


@chart(*COLUMNS)
def draw_churn_small(churn_by_snapshot: Frame) -> Sketch:
    """Return the chart of draw_churn for the first screen: the last figure large, and half as high
    where it is narrow.
    """
    return _sketch_churn(churn_by_snapshot, is_first=True)


def _sketch_churn(churn_by_snapshot: Frame, is_first: bool = False) -> Sketch:
    frame = churn_by_snapshot.reset_index(drop=True)
    rates = trend.known(frame)["churn_rate"]
    days = [pd.Timestamp(day).date() for day in frame["snapshot_at"]]
    points = [
        {"day": day, "rate": _or_none(row["churn_rate"]), "users": row["active_users"],
         "low": _or_none(row["ci_low"]), "high": _or_none(row["ci_high"])}
        for day, row in zip(days, frame.to_dict("records"), strict=True)
    ]  # fmt: skip
    facts = {
        "direction": "none" if rates.empty else trend.direction(frame), "points": points,
        "first": rates.iloc[0] if len(rates) else None,
        "last": rates.iloc[-1] if len(rates) else None,
        "users": points[-1]["users"], "day": days[-1],
        "open": not frame["is_complete"].astype(bool).all(),
    }  # fmt: skip
    return Sketch(facts, partial(_paint_churn, frame, points, is_first))


def _paint_churn(
    frame: Frame, points: list[dict[str, Any]], is_first: bool, canvas: Canvas
) -> None:
    is_small = is_first and canvas.is_narrow
    rates, users = canvas.panels(
        SMALL_PANELS if is_small else FULL, left=48, right=52, top=24 if is_small else 36,
        bottom=22 if is_small else 30, gap=34 if is_small else 46,
    )  # fmt: skip
    places = frame.index.to_numpy(float)
    for axes in (rates, users):
        axes.set_xlim(-0.5, len(frame) - 0.5)
    size = LAST if is_first else SMALL
    _paint_rates(rates, frame, places, ticks=3 if is_small else 5, size=size)
    _paint_users(users, frame, places, is_small)
    tick_some(users, places, _name_days(points), 3 if canvas.is_narrow else 6)
    rates.set_xticks([])
    name_y(users, canvas.words["users"], 4 if is_small else 8)
    name_y(rates, canvas.words["y"], 8)
    top = 1.15 * find_max(read_ends(frame, "churn_rate", "ci_high"), 1.0)
    for place, point in enumerate(points):
        height = top / 2 if point["rate"] is None else point["rate"]
        canvas.mark(rates, place, min(height, top), canvas.say("mark", **point))


def _paint_users(axes: Axes, frame: Frame, places: Any, is_small: bool) -> None:
    """Draw the active users as bars, those of the last snapshot in colour, the ends with their
    numbers; where there is little room, the last one alone.
    """
    is_over = frame["is_complete"].astype(bool)
    counts = read(frame, "active_users")
    colours = np.where(is_over, FAINT, SERIES[0]).tolist()
    axes.bar(places, counts, width=0.6, color=colours, alpha=0.7)
    axes.set(yticks=[], ylim=(0, 1.3 * find_max(counts, 1.0)))
    for at in sorted({len(counts) - 1 if is_small else 0, len(counts) - 1}):
        write(axes, at, counts[at], say_count(counts[at]), color=INK, ha="center", shift=(0, 9))
    axes.tick_params(length=0, pad=6)


def _name_days(points: list[dict[str, Any]]) -> list[str]:
    """Return the months of the snapshots in words, or their days where two are in one month."""
    months = say_months(point["day"] for point in points)
    is_clear = len({*months}) == len(months)
    return months if is_clear else [format_cell(str(point["day"]), "date") for point in points]


def _paint_rates(axes: Axes, frame: Frame, places: Any, ticks: int, size: float) -> None:
    rule(axes)
    rate, low, high = (read(frame, name) for name in ("churn_rate", "ci_low", "ci_high"))
    draw_band(axes, places, low, high, SERIES[0])
    axes.plot(places, rate, "o-", color=SERIES[0], markersize=6)
    top = 1.15 * find_max(read_ends(frame, "churn_rate", "ci_high"), 1.0)
    format_shares(axes, "y", top, ticks)
    known = np.flatnonzero(np.isfinite(rate))
    for at in sorted({*known[:1], *known[-1:]}):
        text = format_value(rate[at], "share", decimals=0)
        side = "left" if at == known[0] < known[-1] else "center"
        look: dict[str, Any] = {"ha": side, "shift": (0, 10)}
        if at == known[-1] and size > SMALL:  # before the dashed line
            look = {"ha": "right", "shift": (10, 12), "fontsize": size, "fontweight": "bold"}
        write(axes, places[at], high[at], text, color=SERIES[0], **look)
    if len(known) and known[-1] < len(places) - 1:  # not over yet
        draw_reference(axes, places[known[-1]] + 0.5, vertical=True)


# --- growth -------------------------------------------------------------------------------------


@chart("month", "new_users", "resurrected_users", "lost_users", "is_complete")
def draw_growth(growth: Frame) -> Sketch:
    """Return new and resurrected users as bars above 0, and lost ones below, by `month`; months of
    which not all is known, or with too few users, have no bar.
    """
    frame = growth.reset_index(drop=True)
    is_shown = frame[[f"{name}_users" for name in FLOWS]].notna().all(axis=1)
    is_complete = frame["is_complete"].astype(bool)
    whole = frame.loc[is_complete & is_shown]
    if whole.empty:
        return Sketch({}, None)
    points: list[dict[str, Any]] = [
        {"month": str(row["month"]), **{name: int(row[f"{name}_users"]) for name in FLOWS}}
        for row in whole.to_dict("records")
    ]
    last = points[-1]
    facts = {
        "points": points, "month": last["month"], "lost": last["lost"], "months": len(points),
        "gained": last["new"] + last["resurrected"], "open": not is_complete.all(),
        "hidden": int((is_complete & ~is_shown).sum()),
    }  # fmt: skip
    return Sketch(facts, partial(_paint_growth, frame, whole.index.tolist(), points))


def _paint_growth(
    frame: Frame, places: list[int], points: list[dict[str, Any]], canvas: Canvas
) -> None:
    axes = canvas.panel(230, left=52, right=100, top=36)
    rule(axes)
    new, resurrected, lost = (np.array([point[name] for point in points]) for name in FLOWS)
    axes.bar(places, new, color=SERIES[0], alpha=0.85)
    axes.bar(places, resurrected, bottom=new, color=SERIES[2], alpha=0.75)
    axes.bar(places, -lost, color=SERIES[1], alpha=0.8)
    axes.axhline(0, color=MUTED, linewidth=1)
    axes.set_xlim(-0.6, len(frame) - 0.4)
    format_counts(axes.yaxis)
    months = say_months(frame["month"])
    tick_some(axes, range(len(frame)), months, 3 if canvas.is_narrow else 7)
    name_y(axes, canvas.words["y"])
    middle = (new[-1] / 2, new[-1] + resurrected[-1] / 2, -lost[-1] / 2)
    colours = (SERIES[0], SERIES[2], SERIES[1])
    named = zip(middle, FLOWS, colours, strict=True)
    label_ends(axes, [(float(y), canvas.words[name], colour) for y, name, colour in named])
    for place, point in zip(places, points, strict=True):
        height = point["new"] + point["resurrected"]
        canvas.mark(axes, place, height, canvas.say("mark", **point))


# --- the monthly figures --------------------------------------------------------------------------


@chart("month", "kpi", "value", "so_far", "is_observed")
def draw_monthly(kpis: Frame) -> Sketch:
    """Return one small line for each monthly figure: its last twelve months, each line on its own
    scale, with the last value beside it. Months not covered in full are dashed.
    """
    months = sorted(kpis["month"].unique())[-SHOWN:]
    column = next(c for c in catalogue.table_of("kpis").columns if c.name == "kpi")
    parts = {
        str(name): kpis.loc[kpis["kpi"] == name].set_index("month").reindex(months)
        for name in dict.fromkeys(kpis["kpi"])
    }
    known = {name: part.loc[part["value"].notna()] for name, part in parts.items()}
    if all(part.empty for part in known.values()):
        return Sketch({}, None)
    points = [
        {"name": column.values[name], "month": part.index[-1],
         "value": format_value(part["value"].iloc[-1], column.units[name], bare=True)}
        for name, part in known.items() if len(part)
    ]  # fmt: skip
    facts = {
        "points": points, "months": len(months), "last_month": months[-1],
        "moved": [_inside(column.values[name]) for name, part in known.items() if _moved(part)],
        "open": bool(kpis.loc[kpis["month"].isin(months), "so_far"].notna().any()),
    }  # fmt: skip
    return Sketch(facts, partial(_paint_monthly, parts, months, column))


def _inside(label: str) -> str:
    """Return a label as it stands inside a sentence."""
    return label[:1].lower() + label[1:]


def _moved(part: Frame) -> bool:
    """Say whether the intervals of the first and the last month lie apart."""
    if len(part) < 2 or not {"ci_low", "ci_high"} <= set(part.columns):
        return False
    first, last = part.iloc[0], part.iloc[-1]
    return bool(first["ci_high"] < last["ci_low"] or last["ci_high"] < first["ci_low"])


def _paint_monthly(
    parts: dict[str, Frame], months: Sequence[str], column: Any, canvas: Canvas
) -> None:
    letters = int((canvas.width - 16) / LETTER)
    names = [textwrap.fill(column.values[name], letters) for name in parts]
    more = 15 * max(name.count("\n") for name in names)
    drawn = canvas.panels(
        [40] * len(parts), left=16, right=64, top=28 + more, bottom=30, gap=34 + more
    )
    for axes, written, (name, part) in zip(drawn, names, parts.items(), strict=True):
        axes.set_title(written, loc="left", fontsize=SMALL, color=MUTED, pad=3)
        _paint_small(axes, part, column.units[name], column.values[name], canvas)
        axes.set_xlim(-0.2, len(months) - 0.8)
    tick_some(drawn[-1], range(len(months)), say_months(months), 3 if canvas.is_narrow else 7)
    drawn[-1].tick_params(length=0, pad=6)


def _paint_small(axes: Axes, part: Frame, unit: str, name: str, canvas: Canvas) -> None:
    value, so_far = read(part, "value"), read(part, "so_far")
    every = np.where(np.isfinite(value), value, so_far)
    places = np.arange(len(part), dtype=float)
    axes.plot(places, every, color=FAINT, linewidth=1.4, linestyle=(0, (3, 2)))
    axes.plot(places, value, "o-", color=SERIES[0], linewidth=1.8, markersize=3.5)
    axes.set(xticks=[], yticks=[])
    axes.margins(y=0.25)
    axes.spines["bottom"].set_visible(False)
    known = np.flatnonzero(np.isfinite(value))
    if len(known):
        text = format_value(value[known[-1]], unit, bare=True)
        label_ends(axes, [(float(value[known[-1]]), text, SERIES[0])])
    for place, (month, number) in enumerate(zip(part.index, every, strict=True)):
        said = format_value(number, unit, bare=True)
        is_open = not np.isfinite(value[place])
        text = canvas.say("mark", name=name, month=str(month), value=said, open=is_open)
        canvas.mark(axes, place, number, text)
