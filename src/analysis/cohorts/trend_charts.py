"""Charts of the trend: churn by snapshot, growth accounting, and the monthly figures as lines."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.base.charts import (
    COLOURS,
    HEIGHT,
    MUTED,
    PALE,
    WIDTH,
    Frame,
    chart,
    finish,
    format_counts,
    format_shares,
    make_figure,
    place_legend,
    read,
    read_ends,
    say_count,
    tilt,
)
from analysis.base.formats import format_cell, format_value, plural
from analysis.cohorts import trend
from analysis.cohorts.growth import SHOWN
from analysis.contract import catalogue

CHURN, NOW = COLOURS[0], COLOURS[1]
NEW, RESURRECTED, LOST = COLOURS[0], "#8fc1e3", COLOURS[3]
NOT_WHOLE = "Hatched: the log does not cover the month, or the one before it, in full."
TITLES = {
    "rising": "Churn is rising: {last} at the last snapshot, {first} at the first",
    "falling": "Churn is falling: {last} at the last snapshot, {first} at the first",
    "steady": "Churn is steady: {last} at the last snapshot, {first} at the first",
    "unknown": "Churn at the last snapshot is {last}; too little is known to call it a trend",
    "none": "Active users at each snapshot; their churn is not known",
}
"""What the chart of churn says, by its direction."""
BY_SNAPSHOT = "Churn and active users, snapshot by snapshot"


def say_trend(churn_by_snapshot: Frame) -> str:
    """Return in one sentence where the churn of the snapshots is going."""
    known = trend.known(churn_by_snapshot)["churn_rate"]
    if known.empty:
        return TITLES["none"]
    first, last = (format_value(known.iloc[at], "share", decimals=0) for at in (0, -1))
    return TITLES[trend.direction(churn_by_snapshot)].format(first=first, last=last)


@chart("snapshot_at", "active_users", "churn_rate", "ci_low", "ci_high", "is_complete")
def draw_churn(churn_by_snapshot: Frame, *, title: str = BY_SNAPSHOT) -> Figure:
    """Return `churn_rate` by snapshot with its band, and `active_users` as bars below.

    The time after the last snapshot whose horizon is over is hatched: its churn is still to come.
    The title says where churn is going, unless another is given.
    """
    frame = churn_by_snapshot.reset_index(drop=True)
    figure = Figure(figsize=(WIDTH, HEIGHT + 0.6), layout="constrained")
    rates, users = figure.subplots(2, 1, sharex=True, height_ratios=[5, 2])
    places = frame.index.to_numpy(float)
    _draw_rates(rates, frame, places)
    _draw_users(users, frame, places)
    days = [format_cell(day, "date") for day in frame["snapshot_at"]]
    _name_ticks(users, days, most=8)
    said = say_trend(frame) if title == BY_SNAPSHOT else title
    note = "Band: 95 % interval. Hatched: the horizon is not over, so churn is not known yet."
    return finish(figure, said, note)


def _draw_rates(axes: Axes, frame: Frame, places: Any) -> None:
    rate, low, high = (read(frame, name) for name in ("churn_rate", "ci_low", "ci_high"))
    axes.fill_between(places, low, high, color=CHURN, alpha=0.2, linewidth=0)
    axes.plot(places, rate, color=CHURN, marker="o", markersize=4)
    known = np.flatnonzero(np.isfinite(rate))
    for at in sorted({*known[:1], *known[-1:]}):
        text = format_value(rate[at], "share", decimals=0)
        look: dict[str, Any] = {"color": CHURN, "fontweight": "bold", "ha": "center"}
        axes.annotate(
            text, (places[at], high[at]), xytext=(0, 9), textcoords="offset points", **look
        )
    over = np.flatnonzero(frame["is_complete"].astype(bool))
    _hatch(axes, over[-1] if len(over) else -0.5, places[-1] + 0.5)
    format_shares(axes, "y", [1.1 * end for end in read_ends(frame, "churn_rate", "ci_high")])
    axes.set_ylabel("Churn")


def _draw_users(axes: Axes, frame: Frame, places: Any) -> None:
    users = read(frame, "active_users")
    is_over = frame["is_complete"].astype(bool)
    axes.bar(places, users, width=0.6, color=np.where(is_over, PALE, NOW).tolist())
    for at in {0, len(users) - 1}:
        axes.annotate(
            say_count(users[at]), (places[at], users[at]), ha="center", xytext=(0, 3),
            textcoords="offset points", fontsize=10,
        )  # fmt: skip
    axes.set(ylabel="Active users", ylim=(0, 1.25 * max(users.max(), 1)))
    format_counts(axes.yaxis)
    axes.grid(axis="x", visible=False)


def _hatch(axes: Axes, start: float, end: float) -> None:
    axes.axvspan(start, end, facecolor="none", edgecolor=PALE, hatch="////", linewidth=0, zorder=0)


def _name_ticks(axes: Axes, labels: Sequence[str], most: int = SHOWN) -> None:
    """Name the places 0, 1, 2 ... on the x axis, `most` of them, the last one always."""
    step = -(-len(labels) // most)
    places = list(range(len(labels) - 1, -1, -step))[::-1]
    axes.set_xticks(places, [labels[place] for place in places])
    axes.set_xlim(-0.6, len(labels) - 0.4)
    if len(places) > 5:
        tilt(axes)


GROWTH = "Users gained and lost, month by month"


@chart("month", "new_users", "resurrected_users", "lost_users", "is_complete")
def draw_growth(growth: Frame, *, title: str = GROWTH) -> Figure:
    """Return new and resurrected users as bars above 0, and lost ones below, by `month`.

    Months of which not all is known are hatched. The title is that of the last one known, unless
    another is given.
    """
    frame = growth.reset_index(drop=True)
    whole = frame["is_complete"].astype(bool)
    new, resurrected, lost = (
        np.where(whole, read(frame, f"{name}_users"), 0.0)
        for name in ("new", "resurrected", "lost")
    )
    figure = make_figure()
    axes = figure.axes[0]
    axes.bar(frame.index, new, color=NEW, label="New")
    axes.bar(frame.index, resurrected, bottom=new, color=RESURRECTED, label="Resurrected")
    axes.bar(frame.index, -lost, color=LOST, label="Lost")
    axes.axhline(0, color=MUTED, linewidth=1)
    for place in frame.index[~whole]:
        _hatch(axes, place - 0.4, place + 0.4)
    format_counts(axes.yaxis)
    axes.set_ylabel("Users")
    _name_ticks(axes, [str(month) for month in frame["month"]])
    axes.grid(axis="x", visible=False)
    place_legend(axes, 3, place="right")
    said = _say_growth(frame[whole]) if title == GROWTH and whole.any() else title
    return finish(figure, said, "" if whole.all() else NOT_WHOLE)


def _say_growth(whole: Frame) -> str:
    row: Any = whole.iloc[-1]
    gained = plural(int(row["new_users"] + row["resurrected_users"]), "user", "users")
    lost = say_count(row["lost_users"])
    return f"In {row['month']}, {gained} came or came back, and {lost} were lost"


@chart("month", "kpi", "value", "so_far", "is_observed")
def draw_monthly(
    kpis: Frame, *, title: str = "The monthly figures over the last twelve months"
) -> Figure:
    """Return one small line for each monthly figure: its last twelve months, each line on its own
    scale, with the first and the last value beside it. Months not covered in full are dashed.
    """
    names = list(dict.fromkeys(kpis["kpi"]))
    months = sorted(kpis["month"].unique())[-SHOWN:]
    column = next(c for c in catalogue.table_of("kpis").columns if c.name == "kpi")
    figure = make_figure(rows=len(names), height=0.9 + 0.62 * len(names), sharex=True)
    for axes, name in zip(figure.axes, names, strict=True):
        part = kpis[kpis["kpi"] == name].set_index("month").reindex(months)
        _draw_small(axes, part, column.units[name])
        axes.set_title(column.values[name], loc="left", fontsize=10.5, color=MUTED, pad=2)
    _name_ticks(figure.axes[-1], months, most=4)
    note = "Dashed: the log does not cover the month in full. Each line has its own scale."
    has_part = kpis.loc[kpis["month"].isin(months), "so_far"].notna().any()
    return finish(figure, title, note if has_part else "Each line has its own scale.")


def _draw_small(axes: Axes, part: Frame, unit: str) -> None:
    value, so_far = read(part, "value"), read(part, "so_far")
    every = np.where(np.isfinite(value), value, so_far)
    places = np.arange(len(part), dtype=float)
    axes.plot(places, every, color=CHURN, linewidth=1.4, linestyle=(0, (3, 2)), alpha=0.7)
    axes.plot(places, value, color=CHURN, linewidth=2, marker="o", markersize=3)
    known = np.flatnonzero(np.isfinite(value))
    for at in known[-1:]:
        text = format_value(value[at], unit, bare=True)
        axes.annotate(
            text, (1.0, value[at]), xycoords=("axes fraction", "data"), xytext=(4, 0),
            textcoords="offset points", va="center", color=CHURN, fontweight="bold", fontsize=10.5,
        )  # fmt: skip
    axes.set(yticks=[])
    axes.margins(y=0.25)
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)
