"""Charts of the chapter published."""

from typing import Any

import pandas as pd

from analysis.base.charts import Chart
from analysis.published import charts
from tests.charting import axes_of, plain, read_bars

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


def draw(name: str, frame: pd.DataFrame | None = None, **options: Any) -> Chart:
    least, fixed = CASES[name]
    return getattr(charts, name)(least if frame is None else frame, **{**fixed, **options})


def test_label_bars_are_the_rates_faint_where_not_covered():
    chart = draw("draw_label_by_cohort")
    (axes,) = axes_of(chart)
    assert read_bars(axes) == [1.0, 0.2]
    faint, covered = (bar.get_facecolor()[:3] for bar in axes.patches)
    assert faint != covered
    assert axes.get_ylim() == (0, 1)
    assert "100 % of users from before the log have churned, but 20 %" in plain(chart.title)
