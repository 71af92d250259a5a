"""Chart of the shortcut: its label by signup month."""

from functools import partial

import numpy as np

from analysis.base.charts import Sketch
from analysis.base.drawing import (
    FAINT,
    INK,
    MUTED,
    SERIES,
    Canvas,
    Frame,
    draw_bars_of,
    format_shares,
    name_y,
    rule,
    say_months,
    tick_some,
    write,
)
from analysis.contract.captions import chart


@chart("cohort_month", "churn_rate", "users", "is_covered")
def draw_label_by_cohort(case_by_cohort: Frame) -> Sketch:
    """Return one bar per `cohort_month`: `churn_rate` (0 to 1), faint where the log does not cover
    the cohort (`is_covered` false). Intervals are drawn when given.
    """
    kept = case_by_cohort.loc[case_by_cohort["churn_rate"].notna()]
    if kept.empty:
        return Sketch({}, None)
    month = kept["cohort_month"].astype(str).str[:7]
    kept = kept.assign(cohort_month=month, is_covered=kept["is_covered"].astype(bool))
    kept = kept.sort_values("cohort_month", ignore_index=True)
    facts = {
        "users": kept["users"].sum(), "before": _pooled(kept.loc[~kept["is_covered"]]),
        "covered": _pooled(kept.loc[kept["is_covered"]]),
    }  # fmt: skip
    return Sketch(facts, partial(_paint_label, kept))


def _pooled(part: Frame) -> float | None:
    """Return the rate of several months together; None without any."""
    users = part["users"].astype(float)
    return float((part["churn_rate"] * users).sum() / users.sum()) if users.sum() else None


def _paint_label(kept: Frame, canvas: Canvas) -> None:
    axes = canvas.panel(210, left=56, right=16, top=58)
    rule(axes)
    places = np.arange(len(kept))
    for is_covered, colour in ((False, FAINT), (True, SERIES[0])):
        is_drawn = (kept["is_covered"] == is_covered).to_numpy()
        bars = kept["churn_rate"].to_numpy()[is_drawn]
        axes.bar(places[is_drawn], bars, width=0.8, color=colour, alpha=0.8)
    if {"ci_low", "ci_high"} <= set(kept.columns):
        draw_bars_of(axes, kept, places, INK)
    tick_some(axes, places, say_months(kept["cohort_month"]), 4 if canvas.is_narrow else 8)
    axes.set_xlim(-0.6, len(kept) - 0.4)
    format_shares(axes, "y")
    axes.set_xlabel(canvas.words["x"])
    name_y(axes, canvas.words["y"], pad=26)
    _name_parts(kept, canvas)
    for place, row in enumerate(kept.to_dict("records")):
        text = canvas.say("mark", month=row["cohort_month"], rate=row["churn_rate"],
                          users=row["users"])  # fmt: skip
        canvas.mark(axes, place, row["churn_rate"], text)


def _name_parts(kept: Frame, canvas: Canvas) -> None:
    """Name the months before the log and those it covers above their first and last bar."""
    (axes,) = canvas.figure.axes
    if not kept["is_covered"].all():
        write(axes, -0.4, 1.0, canvas.words["before"], color=MUTED, shift=(0, 12))
    if kept["is_covered"].any():
        look = {"color": SERIES[0], "ha": "right"}
        write(axes, len(kept) - 0.6, 1.0, canvas.words["covered"], shift=(0, 12), **look)
