"""Charts of the model: see charts_ranking and charts_scores."""

from analysis.model.charts_groups import draw_dependence, draw_group_differences, draw_importance
from analysis.model.charts_ranking import draw_lift, draw_model_comparison, draw_pr, draw_roc
from analysis.model.charts_scores import (
    draw_calibration,
    draw_profit,
    draw_score_distribution,
    draw_score_histogram,
)

__all__ = [
    "draw_calibration",
    "draw_dependence",
    "draw_group_differences",
    "draw_importance",
    "draw_lift",
    "draw_model_comparison",
    "draw_pr",
    "draw_profit",
    "draw_roc",
    "draw_score_distribution",
    "draw_score_histogram",
]
