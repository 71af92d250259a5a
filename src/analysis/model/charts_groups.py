"""Charts of what churn goes with: the columns the model relies on, and groups of users."""

import math
import textwrap
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from analysis.base.charts import Sketch
from analysis.base.drawing import (
    FAINT,
    LETTER,
    SERIES,
    Canvas,
    Frame,
    draw_bars_of,
    draw_reference,
    find_max,
    format_shares,
    name_rows,
    name_y,
    read,
    read_ends,
    room_for,
    rows_of,
    rule,
    tick_some,
)
from analysis.base.formats import format_value
from analysis.contract.captions import chart
from analysis.model.charts_ranking import paint_rows, word, words_of

MOST_COLUMNS = 12
"""Columns that the chart of importance draws."""
MOST_GROUPS = 16
"""Groups that the chart of differences draws."""


@chart("feature", "auc_drop", "ci_low", "ci_high")
def draw_importance(feature_importance: Frame) -> Sketch:
    """Return points with intervals: `auc_drop` (ROC AUC) per `feature`, largest first."""
    ordered = feature_importance.sort_values("auc_drop", ascending=False, kind="stable")
    shown = ordered.head(MOST_COLUMNS)
    words = words_of("feature_importance", "feature")
    names = [word(words, feature) for feature in shown["feature"]]
    pairs = zip(names, shown["auc_drop"], strict=True)
    facts = {
        "first": names[0], "low": shown["ci_low"].iloc[0], "hidden": len(ordered) - len(shown),
        "points": [{"name": name, "value": value} for name, value in pairs],
    }  # fmt: skip
    return Sketch(facts, partial(_paint_importance, shown, names))


def _paint_importance(shown: Frame, names: list[str], canvas: Canvas) -> None:
    axes = paint_rows(canvas, names, shown, "auc_drop", 0.0)
    for row, record in enumerate(shown.to_dict("records")):
        text = canvas.say("mark", name=names[row], value=record["auc_drop"], low=record["ci_low"],
                          high=record["ci_high"])  # fmt: skip
        canvas.mark(axes, record["auc_drop"], row, text)


# --- churn by column ----------------------------------------------------------------------------


@chart("feature", "place", "users", "observed_rate", "ci_low", "ci_high", "mean_predicted")
def draw_dependence(dependence: Frame) -> Sketch:
    """Return one panel per `feature`: `observed_rate` with its interval by `place` (a middle value,
    or a category), and the `mean_predicted` faint.
    """
    words = words_of("feature_importance", "feature")
    panels = [
        (word(words, feature), part.reset_index(drop=True))
        for feature, part in dependence.groupby("feature", sort=False)
    ]
    told = [
        {"name": name, "rows": [{"place": _say_place(row["place"]), "rate": row["observed_rate"]}
                                for row in part.to_dict("records")]}
        for name, part in panels
    ]  # fmt: skip
    first = panels[0][1]
    facts = {
        "panels": told, "first": panels[0][0], "users": first["users"].sum(),
        "lowest": first["observed_rate"].min(), "highest": first["observed_rate"].max(),
    }  # fmt: skip
    return Sketch(facts, partial(_paint_dependence, panels))


def _say_place(place: Any) -> str:
    """Return a middle value with two digits, or a category as it is."""
    if isinstance(place, str):
        return place
    value = float(place)
    digits = 0 if value == 0 else max(0, 1 - math.floor(math.log10(abs(value))))
    rounded = round(value, digits)
    shown = next(n for n in range(digits + 1) if round(rounded, n) == rounded)
    return format_value(rounded, "number", decimals=shown)


def _paint_dependence(panels: list[tuple[str, Frame]], canvas: Canvas) -> None:
    columns = 1 if canvas.is_narrow else len(panels)
    height = 150 if canvas.is_narrow else 190
    room = {"left": 48, "right": 12} if canvas.is_narrow else {"left": 46, "right": 10}
    letters = int(canvas.width / columns / LETTER) - 6
    lines = max(len(textwrap.wrap(name, letters)) for name, _ in panels)
    more = 15 * (lines - 1)
    drawn = canvas.panels(
        [height] * len(panels), **room, columns=columns, top=38, bottom=46 + more, gap=84 + more
    )
    top = find_max([end for _, part in panels for end in read_ends(part, "ci_high")], 1.0)
    for axes, (name, part) in zip(drawn, panels, strict=True):
        _paint_column(axes, part, name, top, canvas)
        axes.set_xlabel(textwrap.fill(name, letters))


def _paint_column(axes: Axes, part: Frame, name: str, top: float, canvas: Canvas) -> None:
    rule(axes)
    places = np.arange(len(part))
    axes.plot(places, read(part, "mean_predicted"), color=FAINT, linewidth=1.6)
    draw_bars_of(axes, part, places, SERIES[0])
    axes.plot(places, read(part, "observed_rate"), "o", color=SERIES[0], markersize=7)
    labels = [_say_place(place) for place in part["place"]]
    tick_some(axes, places, labels, 6 if max(map(len, labels)) < 6 else 3)
    axes.set_xlim(-0.5, len(part) - 0.5)
    format_shares(axes, "y", 1.06 * top)
    name_y(axes, canvas.words["y"])
    for place, row in enumerate(part.to_dict("records")):
        text = canvas.say(
            "mark", name=name, place=labels[place], rate=row["observed_rate"], users=row["users"],
            low=row["ci_low"], high=row["ci_high"], predicted=row["mean_predicted"],
        )  # fmt: skip
        canvas.mark(axes, place, row["observed_rate"], text)


# --- groups -------------------------------------------------------------------------------------


@chart(
    "column", "group", "users", "difference", "difference_ci_low", "difference_ci_high",
    "is_different",
)  # fmt: skip
def draw_group_differences(groups_against_rest: Frame) -> Sketch:
    """Return points with intervals: the `difference` of each `group`, largest first; those beyond
    chance filled.
    """
    known = groups_against_rest.loc[groups_against_rest["difference"].notna()]
    if known.empty:
        return Sketch({}, None)
    words = words_of("groups_against_rest", "column")
    named = known.assign(
        name=[f"{word(words, row['column'])}: {row['group']}" for row in known.to_dict("records")],
        is_real=known["is_different"].astype(str).isin(["yes", "True"]),
        size=known["difference"].abs(),
    ).sort_values(["is_real", "size"], ascending=False, kind="stable")
    shown = named.head(MOST_GROUPS).sort_values("difference", ascending=False, kind="stable")
    real = named.loc[named["is_real"]]
    pairs = zip(real["name"], real["difference"], strict=True)
    facts = {
        "compared": len(named), "different": len(real), "named": real["name"].tolist(),
        "marked": [{"name": name, "value": value} for name, value in pairs],
        "lowest": named["difference"].min(), "highest": named["difference"].max(),
        "users": int(known.groupby("column")["users"].sum().max()),
        "hidden": len(named) - len(shown),
    }  # fmt: skip
    return Sketch(facts, partial(_paint_groups, shown))


def _paint_groups(shown: Frame, canvas: Canvas) -> None:
    names = shown["name"].tolist()
    letters = 20 if canvas.is_narrow else 34
    height = rows_of(names, letters)
    axes = canvas.panel(height, left=room_for(names, letters), right=24, top=12)
    draw_reference(axes, 0.0, vertical=True)
    rows = np.arange(len(shown))
    ends = pd.DataFrame({e: shown[f"difference_{e}"].to_numpy() for e in ("ci_low", "ci_high")})
    is_real = shown["is_real"].to_numpy(dtype=bool)
    draw_bars_of(axes, ends.loc[~is_real], rows[~is_real], FAINT, across=True)
    draw_bars_of(axes, ends.loc[is_real], rows[is_real], SERIES[0], across=True)
    values = read(shown, "difference")
    open_look: dict[str, Any] = {"markerfacecolor": "none", "markeredgewidth": 1.8}
    axes.plot(values[~is_real], rows[~is_real], "o", color=FAINT, markersize=7, **open_look)
    axes.plot(values[is_real], rows[is_real], "o", color=SERIES[0], markersize=8)
    name_rows(axes, names, letters)
    axes.grid(visible=True, axis="x")
    axes.tick_params(axis="x", length=0, pad=6)
    axes.locator_params(axis="x", nbins=4 if canvas.is_narrow else 7)
    axes.xaxis.set_major_formatter(FuncFormatter(_say_points))
    axes.set_xlabel(canvas.words["x"], loc="right" if canvas.is_narrow else "center")
    for row, record in enumerate(shown.to_dict("records")):
        text = canvas.say(
            "mark", name=record["name"], rate=record.get("rate"), users=record["users"],
            value=record["difference"], low=record["difference_ci_low"],
            high=record["difference_ci_high"],
        )  # fmt: skip
        canvas.mark(axes, record["difference"], row, text)


def _say_points(share: float, _position: int | None = None) -> str:
    return format_value(100 * share, "number", decimals=0, signed=True)
