"""Charts of the case as published."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from analysis.base.charts import (
    COLOURS,
    PALE,
    Frame,
    chart,
    draw_intervals,
    find_max,
    finish,
    format_shares,
    grow,
    label_rows,
    make_figure,
    place_legend,
    read,
    read_ends,
)


@chart("name", "published", "trusted", "ci_low", "ci_high")
def draw_before_after(
    figures: Frame,
    *,
    xlabel: str = "Share of users",
    as_share: bool = True,
    title: str = "Published figure beside the figure that can be trusted, 95 % interval",
) -> Figure:
    """Return one row per `name`: `published` and `trusted` joined by a line, the trusted
    one with its interval. All in one unit: shares 0 to 1, or any scale that starts at 0.
    """
    figure = make_figure(height=grow(len(figures), 0.5))
    axes = figure.axes[0]
    rows = np.arange(len(figures))
    published, trusted = read(figures, "published"), read(figures, "trusted")
    axes.hlines(rows, published, trusted, color=PALE, linewidth=3, zorder=1)
    draw_intervals(axes, figures, rows, COLOURS[0], horizontal=True)
    look: dict[str, Any] = {"linestyle": "none", "markersize": 9, "clip_on": False, "zorder": 3}
    axes.plot(published, rows, marker="X", color=COLOURS[3], label="published", **look)
    axes.plot(trusted, rows, marker="o", color=COLOURS[0], label="can be trusted", **look)
    label_rows(axes, [str(name) for name in figures["name"]])
    if as_share:
        format_shares(axes, "x", full=True)
    else:
        ends = read_ends(figures, "published", "trusted", "ci_high")
        axes.set_xlim(0, 1.1 * find_max(ends, default=1.0))
    axes.set_xlabel(xlabel)
    place_legend(axes, 2, place="above")
    return finish(figure, title)
