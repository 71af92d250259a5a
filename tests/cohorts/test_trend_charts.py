"""Charts of the trend."""

import numpy as np
import pandas as pd
import pytest

from analysis.cohorts import trend_charts
from analysis.cohorts.trend_charts import draw_churn, draw_growth, draw_monthly, say_trend
from tests.charting import read_bars, read_caption

CHURN = pd.DataFrame({
    "snapshot_at": ["2025-06-01", "2025-07-01", "2025-07-31", "2025-08-30", "2025-09-29"],
    "active_users": [2000, 2000, 1900, 1800, 1000],
    "churners": [800, 900, 950, 1080, None],
    "churn_rate": [0.4, 0.45, 0.5, 0.6, None],
    "ci_low": [0.38, 0.43, 0.48, 0.58, None],
    "ci_high": [0.42, 0.47, 0.52, 0.62, None],
    "is_complete": [True] * 4 + [False],
})  # fmt: skip
GROWTH = pd.DataFrame({
    "month": ["2025-01", "2025-02", "2025-03"],
    "new_users": pd.array([9, 5, 7], "Int64"),
    "resurrected_users": pd.array([None, 10, None], "Int64"),
    "lost_users": pd.array([None, 20, None], "Int64"),
    "is_complete": [False, True, False],
})  # fmt: skip
KPIS = pd.DataFrame({
    "month": ["2025-01", "2025-02", "2025-03"], "kpi": "sessions_per_user",
    "value": [1.5, 1.8, None], "so_far": [None, None, 1.2], "is_observed": [True, True, False],
})  # fmt: skip


def test_the_line_is_churn_and_the_bars_are_the_active_users():
    rates, users = draw_churn(CHURN).axes
    drawn = rates.lines[0].get_ydata()
    assert drawn == pytest.approx(CHURN["churn_rate"].to_numpy(float), nan_ok=True)
    assert read_bars(users)[: len(CHURN)] == CHURN["active_users"].tolist()
    assert [text.get_text() for text in rates.texts] == ["40\xa0%", "60\xa0%"]
    assert [text.get_text() for text in users.texts] == ["2,000", "1,000"]
    assert users.get_xticklabels()[-1].get_text() == "29\xa0Sept\xa02025"


def test_the_title_says_where_churn_is_going():
    assert say_trend(CHURN) == "Churn is rising: 60\xa0% at the last snapshot, 40\xa0% at the first"
    two = CHURN.tail(3)
    assert say_trend(two).startswith("Churn at the last snapshot is 60\xa0%; too little is known")
    assert say_trend(CHURN.tail(1)) == trend_charts.TITLES["none"]
    assert len(draw_churn(CHURN.tail(1)).axes[0].texts) == 0
    assert draw_churn(CHURN, title="Other").get_suptitle() == "Other"


def test_gained_users_stand_above_zero_and_lost_ones_below():
    figure = draw_growth(GROWTH)
    bars = [bar.get_height() for bars in figure.axes[0].containers for bar in bars]
    assert bars == [0, 5, 0, 0, 10, 0, 0, -20, 0]
    assert figure.get_suptitle().replace("\n", " ") == (
        "In 2025-02, 15 users came or came back, and 20 were lost"
    )
    assert read_caption(figure) == trend_charts.NOT_WHOLE


def test_each_monthly_figure_has_a_line_dashed_where_the_month_is_not_over():
    axes = draw_monthly(KPIS).axes[0]
    dashed, whole = (line.get_ydata() for line in axes.lines)
    assert dashed.tolist() == [1.5, 1.8, 1.2]
    assert whole == pytest.approx(np.array([1.5, 1.8, np.nan]), nan_ok=True)
    assert axes.get_title(loc="left") == "Sessions per active user"
    assert [text.get_text() for text in axes.texts] == ["1.80"]


def test_the_lines_show_the_last_months_only():
    months = pd.period_range("2023-01", "2025-03", freq="M").strftime("%Y-%m")
    long = pd.DataFrame({"month": months, "kpi": "sessions_per_user", "value": 1.0})
    axes = draw_monthly(long.assign(so_far=np.nan, is_observed=True)).axes[0]
    assert len(axes.lines[0].get_ydata()) == 13
