"""Charts of segments: whether there are groups, what they are like, and how many churn in each."""

import math
import textwrap
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from analysis.base.charts import MIN_USERS, Sketch, keep_large
from analysis.base.drawing import (
    FAINT,
    HEAT,
    INK,
    MUTED,
    SERIES,
    SMALL,
    WARM,
    Canvas,
    Frame,
    draw_bars_of,
    find_max,
    format_shares,
    label_ends,
    name_rows,
    name_y,
    read,
    read_ends,
    room_for,
    rows_of,
    rule,
    say_count,
    shade,
    write,
)
from analysis.base.formats import format_value
from analysis.contract import catalogue
from analysis.contract.captions import chart
from analysis.segments import clusters, nulls

BESIDE = {
    "silhouette": tuple(f"null_{name}_p95" for name in nulls.NULLS),
    "stability": tuple(f"stability_null_{name}_p95" for name in nulls.SHAPELESS),
}
"""The percentiles that each measure is drawn beside."""


@chart("k", *BESIDE, *BESIDE["silhouette"], *BESIDE["stability"])
def draw_cluster_selection(cluster_selection: Frame) -> Sketch:
    """Return two panels by `k`: `silhouette` and `stability`, each beside the 95th percentiles that
    it is judged by, faint.
    """
    ordered = cluster_selection.sort_values("k")
    best = ordered.iloc[int(read(ordered, "silhouette").argmax())]
    highest = {c for c in ordered.columns if c.endswith("_max_p95")}
    facts = {
        "exists": bool(highest) and clusters.verdict_of(ordered).exists, "k": best["k"],
        "silhouette": best["silhouette"],
        "null": max(best[name] for name in BESIDE["silhouette"]),
        "stability": best["stability"],
        "stability_null": max(best[name] for name in BESIDE["stability"]),
    }  # fmt: skip
    return Sketch(facts, partial(_paint_selection, ordered))


def _paint_selection(ordered: Frame, canvas: Canvas) -> None:
    columns = 1 if canvas.is_narrow else 2
    drawn = canvas.panels([190, 190], left=40, right=110, top=36, gap=84, columns=columns)
    for axes, (measure, names) in zip(drawn, BESIDE.items(), strict=True):
        rule(axes)
        for name in names:
            axes.plot(ordered["k"], ordered[name], color=FAINT, linewidth=1.4)
        axes.plot(ordered["k"], ordered[measure], "o-", color=SERIES[0], markersize=6)
        axes.set_ylim(min(0.0, axes.get_ylim()[0]), axes.get_ylim()[1])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.locator_params(axis="y", nbins=5)
        axes.set_xlabel(canvas.words["x"])
        name_y(axes, canvas.words[measure])
        last = ordered.iloc[-1]
        ends = [(float(last[measure]), canvas.words["users"], SERIES[0])]
        middle = float(np.median([last[name] for name in names]))
        label_ends(axes, [*ends, (middle, canvas.words["nulls"], MUTED)])
        for row in ordered.to_dict("records"):
            null = max(row[name] for name in names)
            text = canvas.say("mark", k=row["k"], name=canvas.words[measure], value=row[measure],
                              null=null)  # fmt: skip
            canvas.mark(axes, row["k"], row[measure], text)


# --- profile ------------------------------------------------------------------------------------


@chart("cluster", "feature", "mean", "distance")
def draw_cluster_profile(cluster_summary: Frame) -> Sketch:
    """Return a grid of `feature` by `cluster`: shaded by `distance` (standard deviations from the
    mean of all users), blue above and orange below it, with the `mean` in the cell where it fits.
    """
    frame = cluster_summary.loc[cluster_summary["distance"].notna()]
    if frame.empty:
        return Sketch({}, None)
    order = frame["distance"].abs().sort_values(ascending=False, kind="stable").index
    points = [
        {"segment": _name_of(row["cluster"]), "feature": _describe(row["feature"]),
         "distance": row["distance"]}
        for row in frame.loc[order].head(5).to_dict("records")
    ]  # fmt: skip
    groups = _order_groups(frame["cluster"])
    facts = {"points": points, **points[0], "narrow": len(groups) > 4}
    return Sketch(facts, partial(_paint_profile, frame, groups))


def _paint_profile(frame: Frame, groups: list[Any], canvas: Canvas) -> None:
    features = list(dict.fromkeys(frame["feature"]))
    names = [_describe(feature) for feature in features]
    letters = 18 if canvas.is_narrow else 24
    heads = [_name_of(group) for group in groups]
    left = room_for(names, letters)
    each = (canvas.width - left - 10) / len(groups)
    is_turned, is_numbered = each < 84, each > 40
    top = 16 + (7.2 * max(map(len, heads)) if is_turned else 34)
    height = rows_of(names, letters, 40)
    axes = canvas.panel(height, left=left, right=10, top=top, bottom=10)
    axes.set_xlim(-0.5, len(groups) - 0.5)
    name_rows(axes, names, letters)
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    for column, head in enumerate(heads):
        _write_head(axes, column, head, is_turned)
    most = find_max(frame["distance"].abs(), 1.0)
    for cell in frame.to_dict("records"):
        x, row = groups.index(cell["cluster"]), features.index(cell["feature"])
        colour = HEAT if cell["distance"] > 0 else WARM
        look: dict[str, Any] = {"facecolor": colour, "alpha": shade(cell["distance"], most)}
        axes.add_patch(Rectangle((x - 0.47, row - 0.47), 0.94, 0.94, linewidth=0, **look))
        mean = _three_digits(cell["mean"])
        if is_numbered:
            axes.text(x, row, mean, ha="center", va="center_baseline", fontsize=SMALL, color=INK)
        said = {"segment": _name_of(cell["cluster"]), "feature": _describe(cell["feature"])}
        text = canvas.say("mark", mean=mean, distance=cell["distance"], **said)
        canvas.mark(axes, x, row, text)


def _write_head(axes: Axes, column: int, head: str, is_turned: bool) -> None:
    if is_turned:
        look: dict[str, Any] = {"rotation": 90, "rotation_mode": "anchor", "va": "center"}
        write(axes, column, -0.5, head, shift=(0, 6), **look)
        return
    for line, text in enumerate(reversed(textwrap.wrap(head, 11))):
        write(axes, column, -0.5, text, shift=(0, 11 + 15 * line), ha="center")


# --- tiers --------------------------------------------------------------------------------------


@chart("group", "users", "rate", "ci_low", "ci_high")
def draw_tier_churn(tier_churn: Frame, *, min_users: int = MIN_USERS) -> Sketch:
    """Return one row per tier (`group`): a bar of its `users`, and a point of its churn `rate` with
    the interval.
    """
    named = tier_churn.assign(name=tier_churn["group"].map(_name_of))
    kept, left_out = keep_large(named, "name", "rate", min_users)
    facts: dict[str, Any] = {"left_out": left_out}
    if kept.empty:
        return Sketch(facts, None)
    kept = kept.set_index("group").loc[_order_groups(kept["group"])].reset_index()
    by_rate = kept.sort_values("rate", kind="stable")
    low, high = by_rate.iloc[0], by_rate.iloc[-1]
    facts |= {
        "highest_name": high["name"], "highest": high["rate"], "lowest_name": low["name"],
        "lowest": low["rate"], "users": kept["users"].sum(),
        "points": kept[["name", "users", "rate"]].to_dict("records"),
    }  # fmt: skip
    return Sketch(facts, partial(_paint_tiers, kept))


def _paint_tiers(kept: Frame, canvas: Canvas) -> None:
    names = kept["name"].tolist()
    letters = 11 if canvas.is_narrow else 24
    left = room_for(names, letters)
    whole = canvas.width - left
    height = rows_of(names, letters)
    bars = canvas.panel(height, left=left, right=0.58 * whole, top=26)
    across = 0.5 * whole - 22
    dots = canvas.place(canvas.width - 0.5 * whole, 44, across, height)
    rows = np.arange(len(kept))
    bars.barh(rows, kept["users"], color=FAINT, height=0.62, alpha=0.55)
    for row, users in enumerate(kept["users"]):
        write(bars, 0, row, say_count(users), color=INK, shift=(5, 0))
    bars.set_xlim(0, 1.05 * find_max(kept["users"], 1.0))
    bars.set_xticks([])
    bars.spines["bottom"].set_visible(False)
    name_rows(bars, names, letters)
    name_y(bars, canvas.words["x_users"])
    name_rows(dots, [""] * len(names), letters)
    dots.grid(visible=True, axis="x")
    dots.tick_params(axis="x", length=0, pad=6)
    draw_bars_of(dots, kept, rows, SERIES[0], across=True)
    dots.plot(kept["rate"], rows, "o", color=SERIES[0], markersize=7, clip_on=False)
    format_shares(dots, "x", 1.06 * find_max(read_ends(kept, "ci_high"), 1.0), 3)
    name_y(dots, canvas.words["x_rate"])
    for row, record in enumerate(kept.to_dict("records")):
        text = canvas.say("mark", name=record["name"], users=record["users"], rate=record["rate"],
                          low=record["ci_low"], high=record["ci_high"])  # fmt: skip
        canvas.mark(dots, record["rate"], row, text)


# --- words --------------------------------------------------------------------------------------


def _describe(feature: str) -> str:
    """Return the catalogue's words for a measure of behaviour."""
    columns = {column.name: column for column in catalogue.table_of("cluster_summary").columns}
    return columns["feature"].values.get(feature, feature)


def _order_groups(groups: "pd.Series[Any]") -> list[Any]:
    """Return the groups once each: tiers from active to silent, clusters by their number."""
    tiers = list(catalogue.words_of("segment"))

    def place(group: Any) -> tuple[int, int, str]:
        name = str(group)
        return tiers.index(name) if name in tiers else len(tiers), len(name), name

    return sorted(groups.dropna().unique(), key=place)


def _name_of(group: Any) -> str:
    """Return the catalogue's words for a tier; a cluster by its name."""
    return catalogue.words_of("segment").get(str(group), str(group))


def _three_digits(value: float) -> str:
    """Return a number with three digits, or whole from 1,000 on."""
    if not math.isfinite(value) or value == 0:
        return format_value(value, "number", decimals=0)
    places = max(2 - math.floor(math.log10(abs(value))), 0)
    rounded = round(value, places)
    shown = next(digits for digits in range(places + 1) if round(rounded, digits) == rounded)
    return format_value(rounded, "number", decimals=shown)
