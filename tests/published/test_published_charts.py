"""Charts of the chapter published."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from analysis.published import charts
from tests.charting import read_bars

CASES: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
    "draw_label_by_cohort": (
        pd.DataFrame(
            {
                "cohort_month": ["2024-12", "2025-01"],
                "churn_rate": [1.0, 0.2],
                "users": [60, 70],
                "is_covered": [False, True],
            }
        ),
        {},
    ),
}
"""The least frame of each chart, and what else it takes."""


def draw(name: str, frame: pd.DataFrame | None = None, **options: Any) -> Figure:
    least, fixed = CASES[name]
    return getattr(charts, name)(least if frame is None else frame, **{**fixed, **options})


def test_label_bars_are_the_rates_hatched_where_not_covered():
    axes = draw("draw_label_by_cohort").axes[0]
    assert read_bars(axes) == [1.0, 0.2]
    assert [bool(bar.get_hatch()) for bar in axes.patches] == [True, False]
    assert axes.get_ylim() == (0, 1)
