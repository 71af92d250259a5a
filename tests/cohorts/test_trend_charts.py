"""Charts of the trend."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.base.charts import Chart
from analysis.cohorts import trend_charts
from analysis.cohorts.trend_charts import draw_churn, draw_churn_small, draw_growth, draw_monthly
from tests.charting import axes_of, plain, read_bars, says, words_in

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


CASES: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
    "draw_churn": (CHURN.tail(2), {}),
    "draw_churn_small": (CHURN.tail(2), {}),
    "draw_growth": (GROWTH.iloc[[1, 2]], {}),
    "draw_monthly": (KPIS.head(2), {}),
}
"""The least frame of each chart, and what else it takes."""


def draw(name: str, frame: pd.DataFrame | None = None) -> Chart:
    return getattr(trend_charts, name)(CASES[name][0] if frame is None else frame)


def test_the_line_is_churn_and_the_bars_are_the_active_users():
    chart = draw_churn(CHURN)
    rates, users = axes_of(chart)
    drawn = rates.lines[0].get_ydata()
    assert drawn == pytest.approx(CHURN["churn_rate"].to_numpy(float), nan_ok=True)
    assert read_bars(users) == CHURN["active_users"].tolist()
    assert {"40 %", "60 %", "2,000", "1,000"} <= set(words_in(chart))
    assert says(chart)[0].startswith("1 June 2025: 40.0 % of 2,000 active users did not return")
    assert says(chart)[-1] == "29 September 2025: 1,000 active users, churn not known yet"
    assert "not known yet" in chart.note


def test_the_small_chart_draws_the_same_and_names_months_in_words():
    chart = draw_churn_small(CHURN)
    rates, users = axes_of(chart)
    assert rates.lines[0].get_ydata()[:4] == pytest.approx([0.4, 0.45, 0.5, 0.6])
    assert read_bars(users) == CHURN["active_users"].tolist()
    assert {"40 %", "60 %", "1,000"} <= set(words_in(chart))
    assert says(chart) == says(draw_churn(CHURN))
    once = draw_churn_small(CHURN.iloc[[1, 3]])
    assert {"Jul 2025", "Aug 2025"} <= set(words_in(once))
    twice = words_in(draw_churn_small(CHURN.iloc[[1, 2]]))  # 1 and 31 July
    assert {"1 Jul 2025", "31 Jul 2025"} <= set(twice)


def test_the_title_says_where_churn_is_going():
    rising = "Churn is rising: 60 % at the last snapshot, 40 % at the first"
    assert plain(draw_churn(CHURN).title) == rising
    assert "60 %; too little is known" in plain(draw_churn(CHURN.tail(3)).title)
    none = draw_churn(CHURN.tail(1))
    assert none.title == "Active users at each snapshot; their churn is not known"


def test_gained_users_stand_above_zero_and_lost_ones_below():
    chart = draw_growth(GROWTH)
    assert read_bars(axes_of(chart)[0]) == [5, 10, -20]
    assert plain(chart.title) == "In February 2025, 15 users came or came back, and 20 were lost"
    assert "does not cover the month" in chart.note
    assert draw_growth(GROWTH.head(1)).reason.startswith("The log covers no two whole months")


def test_each_monthly_figure_has_a_line_dashed_where_the_month_is_not_over():
    chart = draw_monthly(KPIS)
    (axes,) = axes_of(chart)
    dashed, whole = (line.get_ydata() for line in axes.lines)
    assert dashed.tolist() == [1.5, 1.8, 1.2]
    assert whole == pytest.approx(np.array([1.5, 1.8, np.nan]), nan_ok=True)
    assert {"Sessions per active user", "1.80"} <= set(words_in(chart))
    assert says(chart)[-1] == "Sessions per active user, March 2025: 1.20 so far"


def test_the_last_value_of_each_figure_stands_beside_its_own_line():
    values = {"sessions_per_user": 3.28, "credits_per_user": 11.2, "paying_share": 0.08}
    frames = [KPIS.assign(kpi=name, value=[value * 0.9, value, None], so_far=None)
              for name, value in values.items()]  # fmt: skip
    for axes in axes_of(draw_monthly(pd.concat(frames))):
        (label,) = axes.texts
        assert 0 <= label.xy[1] <= 1, label.get_text()


@pytest.mark.parametrize(
    ("low", "says_so"),
    [([1.4, 1.7, None], "sessions per active user changed"), ([1.4, 1.5, None], "No monthly")],
)
def test_the_title_names_the_figures_that_moved(low, says_so):
    frame = KPIS.assign(ci_low=low, ci_high=[1.6, 1.9, None])
    assert says_so in draw_monthly(frame).title


def test_the_title_keeps_the_capitals_of_an_abbreviation():
    ends = {"ci_low": [1.4, 1.7, None], "ci_high": [1.6, 1.9, None]}
    title = draw_monthly(KPIS.assign(kpi="credits_per_user", **ends)).title
    assert "credits bought per active user (ARPU, in credits)" in title
    assert "twelve" not in title


def test_the_lines_show_the_last_months_only():
    months = pd.period_range("2023-01", "2025-03", freq="M").strftime("%Y-%m")
    long = pd.DataFrame({"month": months, "kpi": "sessions_per_user", "value": 1.0})
    axes = axes_of(draw_monthly(long.assign(so_far=np.nan, is_observed=True)))[0]
    assert len(axes.lines[0].get_ydata()) == 13


def test_a_month_with_a_withheld_flow_has_no_bar():
    frame = GROWTH.assign(
        is_complete=True, resurrected_users=[20, None, 30], lost_users=[20, None, 30]
    )
    chart = draw_growth(frame)
    assert len(says(chart)) == 2
    assert "Without a bar, too few users: 1 month." in plain(chart.note)
    assert "enough users" in draw_growth(frame.iloc[[1]]).reason
