"""Charts of segments: how many clusters there are, and how they differ."""

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.base.charts import (
    COLOURS,
    INK,
    MARKERS,
    Frame,
    chart,
    find_max,
    finish,
    grow,
    make_figure,
    require_columns,
    say_count,
    style_line,
    tilt,
)
from analysis.base.formats import format_value, plural
from analysis.contract import catalogue

NULLS = {
    "null_permuted_p95": "shuffled columns, 95th percentile",
    "null_gaussian_p95": "one Gaussian, 95th percentile",
    "null_copula_p95": "Gaussian copula, 95th percentile",
}
"""The percentiles that a silhouette is drawn beside; those of stability begin with `stability_`."""


@chart("k", "silhouette", "stability", *NULLS, *(f"stability_{name}" for name in NULLS))
def draw_cluster_selection(
    cluster_selection: Frame,
    *,
    title: str = "Cluster quality by number of clusters, compared with data without clusters",
) -> Figure:
    """Return two panels by `k`: `silhouette` and `stability`, each beside the 95th percentiles of
    the NULLS.
    """
    figure = make_figure(1, 2, height=4.8)
    ordered = cluster_selection.sort_values("k")
    for axes, measure, prefix in zip(
        figure.axes, ("silhouette", "stability"), ("", "stability_"), strict=True
    ):
        axes.plot(ordered["k"], ordered[measure], marker="o", label="these users", **style_line(0))
        for position, (column, label) in enumerate(NULLS.items(), start=1):
            look = {**style_line(position), "marker": MARKERS[position], "markersize": 4}
            axes.plot(ordered["k"], ordered[f"{prefix}{column}"], label=label, **look)
        axes.set(xlabel="Number of clusters (k)", ylabel=f"{measure.capitalize()} (1 = best)")
        axes.set_ylim(min(0.0, *axes.get_ylim()), axes.get_ylim()[1])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=2, handlelength=2.8)
    return finish(figure, title)  # no note: it would lie under the legend


@chart("k", "inertia")
def draw_elbow(
    cluster_selection: Frame, *, title: str = "Spread within clusters, by number of clusters"
) -> Figure:
    """Return one line: `inertia` (sum of squared distances) by `k`."""
    figure = make_figure()
    axes = figure.axes[0]
    ordered = cluster_selection.sort_values("k")
    axes.plot(ordered["k"], ordered["inertia"], marker="o", color=COLOURS[0])
    axes.set_ylim(0, 1.08 * find_max(ordered["inertia"], default=1.0))
    axes.set(xlabel="Number of clusters (k)", ylabel="Inertia (squared distance, scaled units)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(say_count))
    return finish(figure, title)


@chart("cluster", "feature", "mean", "distance")
def draw_cluster_profile(
    summary: Frame,
    *,
    title: str = "Mean of each measure by segment, and its distance from all users",
) -> Figure:
    """Return a grid of `feature` by `cluster`: colour by `distance` (standard
    deviations from the mean of all users), the raw `mean` printed in the cell.
    """
    order = list(dict.fromkeys(summary["feature"]))
    scaled = summary.pivot(index="feature", columns="cluster", values="distance")
    raw = summary.pivot(index="feature", columns="cluster", values="mean")
    groups = _order_groups(summary["cluster"])
    scaled, raw = scaled.loc[order, groups].astype(float), raw.loc[order, groups].astype(float)
    limit = find_max(scaled.abs().to_numpy().ravel(), default=1.0)
    longest = max(len(str(name)) for name in scaled.columns)
    figure = make_figure(height=grow(len(scaled), 0.42, base=1.6 + 0.05 * longest))
    axes = figure.axes[0]
    sns.heatmap(
        scaled,
        cmap="PuOr_r",
        vmin=-limit,
        vmax=limit,
        annot=raw.map(_three_digits),
        fmt="",
        annot_kws={"fontsize": 10.5},
        linewidths=1,
        cbar_kws={"label": "Standard deviations from the mean"},
        ax=axes,
    )
    names = [textwrap.fill(_describe(name), 24) for name in scaled.index]
    axes.set_yticklabels(names, rotation=0)
    axes.tick_params(axis="x", rotation=0)
    _name_groups(axes, groups, most=WIDE)
    axes.set(xlabel="Group", ylabel="")
    return finish(figure, title, "Numbers: mean of the segment, in the unit of the measure.")


MOST_POINTS = 3000
"""Users that can still be seen apart."""


@chart("pc1", "pc2", "group")
def draw_pca(
    frame: Frame,
    *,
    min_disclosed: int = 1,
    title: str = "Users on the first two principal components",
) -> Figure:
    """Return a scatter of `pc1` and `pc2` (scaled units), each `group` with a colour and marker of
    its own; a fixed random sample where there are more users than MOST_POINTS. From a
    `min_disclosed` of 2 on, a point stands for that many users or more of one group: see _gather.
    """
    figure = make_figure(height=5.0)
    axes = figure.axes[0]
    note = ""
    drawn = frame
    if min_disclosed > 1:
        drawn = _gather(frame, min_disclosed)
        note = f"A point stands for {min_disclosed} users or more; places with fewer are not drawn."
    elif len(frame) > MOST_POINTS:
        chosen = np.random.default_rng(0).choice(len(frame), size=MOST_POINTS, replace=False)
        drawn = frame.iloc[np.sort(chosen)]
        note = f"A random {say_count(MOST_POINTS)} of {plural(len(frame), 'user', 'users')}."
    groups = _order_groups(frame["group"])
    for position, group in enumerate(groups):
        part = drawn.loc[drawn["group"] == group]
        size = 14 * part["users"] / min_disclosed if min_disclosed > 1 else 14
        look: dict[str, Any] = {"s": size, "alpha": 0.4, "linewidths": 0, **_look_of(position)}
        axes.scatter(part["pc1"], part["pc2"], label=_name_of(group), **look)
    axes.set(xlabel="First component", ylabel="Second component")
    if len(groups) > 1:
        legend = axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), markerscale=2)
        legend.set_title("Group")
        for handle in legend.legend_handles:
            if handle is not None:
                handle.set_alpha(1)
    return finish(figure, title, note)


PLACES = 24
"""Cells along each side of the grid on which users are gathered."""


def _gather(frame: Frame, min_disclosed: int) -> Frame:
    """Return the centres of the cells of a grid, each with its number of `users` of one group:
    those of `min_disclosed` users or more.
    """
    cells = frame[["group"]].copy()
    for axis in ("pc1", "pc2"):
        low = frame[axis].min()
        width = (frame[axis].max() - low) / PLACES or 1.0
        cells[axis] = low + (((frame[axis] - low) // width).clip(upper=PLACES - 1) + 0.5) * width
    counted = cells.groupby(["group", "pc1", "pc2"], observed=True).size()
    gathered = counted.rename("users").reset_index()
    return gathered[gathered["users"] >= min_disclosed]


@chart("group")
def draw_boxplots(
    frame: Frame,
    features: Sequence[str],
    *,
    min_disclosed: int = 1,
    title: str = "Spread of each measure by segment",
) -> Figure:
    """Return one panel per name in `features`: boxes of its values for each `group`.

    Boxes hold the middle half; whiskers reach at most 1.5 times its length; what lies beyond is
    not drawn, and the note says so. Nor are groups of fewer than `min_disclosed` users.
    """
    require_columns(frame, features, "draw_boxplots")
    frame = frame[frame.groupby("group")["group"].transform("size") >= min_disclosed]
    groups = _order_groups(frame["group"])
    is_wide = sum(len(str(group)) + 1 for group in groups) > WIDE // 3
    columns = min(2 if is_wide else 3, max(1, len(features)))
    rows = math.ceil(len(features) / columns) or 1
    figure = make_figure(rows, columns, height=max(3.6, 0.9 + (3.4 if is_wide else 2.4) * rows))
    for axes, feature in zip(figure.axes, features, strict=False):
        _draw_boxes(axes, [frame.loc[frame["group"] == group, feature] for group in groups], groups)
        axes.set_title(textwrap.fill(_describe(feature), 26), fontsize=11)
        axes.set(xlabel="", ylabel="")
        _name_groups(axes, groups, most=WIDE // 3)
        axes.yaxis.set_major_formatter(FuncFormatter(_tick))
    for axes in figure.axes[len(features) :]:
        axes.set_visible(False)
    note = "Box: middle half and median. Values beyond 1.5 box lengths are not drawn."
    return finish(figure, title, note)


def _describe(feature: str) -> str:
    """Return the catalogue's words for a measure of behaviour."""
    columns = {column.name: column for column in catalogue.table_of("cluster_summary").columns}
    return columns["feature"].values.get(feature, feature)


WIDE = 72
"""Letters that fit side by side under axes as wide as the figure."""


TEN_COLOURS = tuple(sns.color_palette("colorblind", 10).as_hex())
"""A colour for each tier, the unknown included."""


def _look_of(position: int) -> dict[str, Any]:
    """Return a colour and a marker that no other of the first 50 groups has."""
    turn, place = divmod(position, len(TEN_COLOURS))
    return {"color": TEN_COLOURS[place], "marker": MARKERS[(place + turn) % len(MARKERS)]}


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


def _tick(value: float, _position: int | None = None) -> str:
    return _three_digits(value)


def _name_groups(axes: Axes, groups: Sequence[Any], most: int) -> None:
    """Write the groups under their columns, turned where they would run into each other."""
    names = [_name_of(group) for group in groups]
    axes.set_xticks(axes.get_xticks(), names)
    if sum(len(name) + 1 for name in names) > most:
        tilt(axes)


def _draw_boxes(axes: Axes, values: Sequence[Any], groups: Sequence[Any]) -> None:
    # Not sns.boxplot: seaborn 0.13 calls what matplotlib 3.11 deprecates.
    drawn = axes.boxplot(
        [part.dropna().to_numpy(dtype=float) for part in values],
        tick_labels=[str(group) for group in groups],
        patch_artist=True,
        showfliers=False,
        widths=0.6,
        medianprops={"color": INK, "linewidth": 1.6},
    )
    for position, box in enumerate(drawn["boxes"]):
        box.set(facecolor=_look_of(position)["color"], edgecolor=INK)
    axes.grid(axis="x", visible=False)
