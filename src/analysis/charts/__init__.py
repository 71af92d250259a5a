"""Charts for the reader: a frame of artifacts in, a matplotlib Figure out.

Every chart has one theme (white, colour-blind safe, lines that also differ in dash
and marker), a title, named axes with units, intervals where the frame has them, and
rate axes that start at 0. Default titles say what is shown, never what was found:
pass `title` for a sentence that depends on the result. Groups under `min_users` are
left out and named under the axes; an empty frame gives axes that say "No data".

A Figure is never registered with pyplot, so a notebook shows it once, as the value
of a cell, under `%matplotlib inline`. Resolution is the notebook's (`figure.dpi`).
The same frame gives the same pixels; for the same PNG bytes on every matplotlib save
with `metadata={"Software": None}`: no time is ever written into a PNG.
"""

from analysis.charts.audit import (
    draw_daily_volume,
    draw_events_per_user,
    draw_latency,
    draw_scorecard,
)
from analysis.charts.base import ALIASES, INK
from analysis.charts.cohorts import (
    draw_label_by_cohort,
    draw_retention_days,
    draw_retention_heatmap,
    draw_survival,
)
from analysis.charts.model import (
    draw_calibration,
    draw_group_rates,
    draw_importance,
    draw_lift,
    draw_model_comparison,
    draw_pr,
    draw_profit,
    draw_roc,
    draw_score_distribution,
    draw_threshold_sweep,
)
from analysis.charts.published import (
    draw_before_after,
)
from analysis.charts.segmentation import (
    draw_boxplots,
    draw_cluster_profile,
    draw_cluster_selection,
    draw_elbow,
    draw_pca,
)

__all__ = [
    "ALIASES",
    "INK",
    "draw_before_after",
    "draw_boxplots",
    "draw_calibration",
    "draw_cluster_profile",
    "draw_cluster_selection",
    "draw_daily_volume",
    "draw_elbow",
    "draw_events_per_user",
    "draw_group_rates",
    "draw_importance",
    "draw_label_by_cohort",
    "draw_latency",
    "draw_lift",
    "draw_model_comparison",
    "draw_pca",
    "draw_pr",
    "draw_profit",
    "draw_retention_days",
    "draw_retention_heatmap",
    "draw_roc",
    "draw_score_distribution",
    "draw_scorecard",
    "draw_survival",
    "draw_threshold_sweep",
]
