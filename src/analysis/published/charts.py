"""Chart of the shortcut: its label by signup month."""

import math
from typing import Any

from matplotlib.figure import Figure

from analysis.base.charts import (
    COLOURS,
    INK,
    PALE,
    Frame,
    chart,
    draw_intervals,
    draw_nothing,
    finish,
    format_shares,
    keep_large,
    make_figure,
    place_legend,
    tilt,
)


@chart("cohort_month", "churn_rate", "users", "is_covered")
def draw_label_by_cohort(
    frame: Frame,
    *,
    title: str = "Churn counted over everybody, by signup month",
) -> Figure:
    """Return one bar per `cohort_month`: `churn_rate` (0 to 1), hatched where the log
    does not cover the cohort (`is_covered` false). Intervals are drawn when given.
    """
    kept, note = keep_large(frame, "cohort_month", "churn_rate", min_users=1)
    if kept.empty:
        return draw_nothing(title, note)
    kept = kept.assign(cohort_month=kept["cohort_month"].astype(str).str[:7])
    kept = kept.sort_values("cohort_month", ignore_index=True)
    figure = make_figure()
    axes = figure.axes[0]
    looks: dict[bool, Any] = {
        False: {"label": "not covered by the log", "color": PALE, "hatch": "////"},
        True: {"label": "covered by the log", "color": COLOURS[0]},
    }
    for is_covered, look in looks.items():
        part = kept.loc[kept["is_covered"].astype(bool) == is_covered]
        if len(part):
            axes.bar(part.index, part["churn_rate"], width=0.8, edgecolor="white", **look)
    draw_intervals(axes, kept, kept.index.to_numpy(), INK)
    step = math.ceil(len(kept) / 12)
    axes.set_xticks(range(0, len(kept), step), kept["cohort_month"].iloc[::step])
    if len(kept) > 7:
        tilt(axes)
    axes.grid(axis="x", visible=False)
    axes.set(xlabel="Signup month", ylabel="Share labelled as churned")
    format_shares(axes, "y", full=True)
    place_legend(axes, 2, place="above")
    return finish(figure, title, note)
