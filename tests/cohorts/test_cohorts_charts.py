"""Charts of the chapter cohorts."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.base.charts import Chart
from analysis.base.errors import ReportError
from analysis.cohorts import charts
from tests.charting import axes_of, interval, says, words_in

CASES: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
    "draw_retention_heatmap": (
        pd.DataFrame(
            {
                "cohort_month": ["2024-12", "2025-01"],
                "event_month": ["2025-01", "2025-03"],
                "active_users": [25, 10],
                "cohort_size": [50, 40],
                "retention_rate": [0.5, 0.25],
                "is_observed": [True, True],
                "ci_low": 0.1,
                "ci_high": 0.6,
            }
        ),
        {},
    ),
    "draw_retention_days": (
        interval(definition=["within", "on_day"], day=[7, 30], eligible_users=60).assign(
            retention_rate=[0.3, 0.2]
        ),
        {},
    ),
    "draw_survival": (
        interval(group=["all", "all"], day=[1, 10], at_risk=[50, 20], survival=[0.4, 0.2]),
        {},
    ),
    "draw_competing_risks": (
        pd.DataFrame(
            {
                "day": [0, 10],
                "at_risk": [50, 20],
                **{name: [0.0, 0.2] for name in ("cancelled", "silent")},
                **{f"{name}_ci_low": [0.0, 0.1] for name in ("cancelled", "silent")},
                **{f"{name}_ci_high": [0.0, 0.3] for name in ("cancelled", "silent")},
            }
        ),
        {},
    ),
}
"""The least frame of each chart, and what else it takes."""


def draw(name: str, frame: pd.DataFrame | None = None, **options: Any) -> Chart:
    least, fixed = CASES[name]
    return getattr(charts, name)(least if frame is None else frame, **{**fixed, **options})


# --- the grid -----------------------------------------------------------------------------------


def make_cohorts(rates: list[float]) -> pd.DataFrame:
    """Return cohorts of 400 users each, a month apart, with the rate of their first month."""
    joined = pd.period_range("2025-01", periods=len(rates), freq="M")
    return pd.DataFrame(
        {
            "cohort_month": joined.astype(str),
            "event_month": (joined + 1).astype(str),
            "active_users": [round(400 * rate) for rate in rates],
            "cohort_size": 400,
            "retention_rate": rates,
            "is_observed": True,
        }
    )


def test_cells_stand_by_months_since_signup_and_the_first_month_is_left_out():
    frame = CASES["draw_retention_heatmap"][0]
    same = frame.assign(event_month=frame["cohort_month"], retention_rate=1.0)
    chart = draw("draw_retention_heatmap", pd.concat([frame, same]))
    assert says(chart) == [
        "Signed up in December 2024, 1 month later: 50.0 % of 50 users (95 % interval 10.0 to 60.0 %)",
        "Signed up in January 2025, 2 months later: 25.0 % of 40 users (95 % interval 10.0 to 60.0 %)",
    ]
    assert {"Dec 2024 (50)", "Jan 2025 (40)", "50", "25"} <= set(words_in(chart))
    assert "100" not in words_in(chart)


def test_a_cell_that_is_not_covered_or_too_small_has_no_number():
    frame = CASES["draw_retention_heatmap"][0]
    hidden = frame.assign(event_month="2025-04", retention_rate=0.99, is_observed=[False, True],
                          cohort_size=[50, 29])  # fmt: skip
    chart = draw("draw_retention_heatmap", pd.concat([frame, hidden]))
    assert "99" not in words_in(chart)
    assert "users are too few" in chart.note


@pytest.mark.parametrize(
    ("rates", "says_so"),
    [
        ([0.6, 0.6, 0.4, 0.4], "Newer users come back less"),
        ([0.4, 0.4, 0.6, 0.6], "Newer users come back more"),
        ([0.5, 0.5, 0.5, 0.5], "a difference within chance"),
        ([0.5, 0.5, 0.5], "The share of users active"),
    ],
)
def test_the_title_of_the_grid_follows_the_newer_half(rates, says_so):
    assert says_so in draw("draw_retention_heatmap", make_cohorts(rates)).title


def test_a_phone_shows_fewer_cohorts():
    chart = draw("draw_retention_heatmap", make_cohorts([0.5] * 30))
    assert (len(says(chart)), len(says(chart, narrow=True))) == (24, 16)


# --- by day -------------------------------------------------------------------------------------


def test_the_definition_of_the_headline_is_in_front_of_the_others():
    frame = interval(
        definition=["on_day", "within"] * 2, day=[7, 7, 30, 30], eligible_users=60
    ).assign(retention_rate=[0.2, 0.3, 0.1, 0.4])  # fmt: skip
    chart = draw("draw_retention_days", frame)
    (axes,) = axes_of(chart)
    assert [line.get_ydata().tolist() for line in axes.lines] == [[0.2, 0.1], [0.3, 0.4]]
    assert len(axes.collections) == 1  # the interval of the line in front
    assert chart.title.replace("\xa0", " ") == (
        "30 % of new users come back within 7 days, 40 % within 30 days"
    )
    assert {"At least once", "On that very day"} <= set(words_in(chart))


@pytest.mark.parametrize(("eligible", "is_drawn"), [(30, True), (29, False)])
def test_thirty_users_are_enough(eligible, is_drawn):
    frame = CASES["draw_retention_days"][0].assign(eligible_users=[100, eligible])
    chart = draw("draw_retention_days", frame)
    assert len(axes_of(chart)[0].lines) == 1 + is_drawn
    assert ("too few users: On that very day, 30" in chart.note) is not is_drawn


# --- survival -----------------------------------------------------------------------------------


def make_curve(**shares: float) -> pd.DataFrame:
    """Return a curve with a share on the days named `d7` and so on."""
    days = [int(name[1:]) for name in shares]
    followed = range(200, 200 - len(days), -1)
    frame = interval(group="all", day=days, at_risk=list(followed), survival=list(shares.values()))
    return frame.assign(from_day=0)


def test_survival_starts_at_one_and_says_who_is_followed():
    chart = draw("draw_survival")
    curve = axes_of(chart)[0].lines[0]
    assert curve.get_xdata().tolist() == [0, 1, 10]
    assert curve.get_ydata().tolist() == [1, 0.4, 0.2]
    assert curve.get_drawstyle() == "steps-post"
    assert {"Users followed", "50", "20"} <= set(words_in(chart))


@pytest.mark.parametrize(
    ("curve", "title"),
    [
        (
            make_curve(d1=0.9, d7=0.5, d30=0.4, d90=0.3),
            "Most who leave in the first 90 days do so in the first 7 days",
        ),
        (
            make_curve(d1=0.9, d7=0.8, d30=0.6, d90=0.3),
            "30 % of new users are still active after 90 days",
        ),
        (
            make_curve(d30=1.0, d90=0.5).assign(from_day=30),
            "Of users still active 30 days after signup, 50 % are active 90 days after it",
        ),
    ],
)
def test_the_title_of_survival_is_what_the_curve_shows(curve, title):
    chart = draw("draw_survival", curve)
    assert chart.title.replace("\xa0", " ") == title
    assert any(text.startswith("Day 90: ") for text in words_in(chart))


def test_a_curve_starts_where_users_are_first_followed():
    late = CASES["draw_survival"][0].assign(day=[0, 10], survival=[np.nan, 0.2], at_risk=[0, 20])
    curve = axes_of(draw("draw_survival", late))[0].lines[0]
    assert curve.get_xydata().tolist() == [[10, 0.2]]


def test_several_groups_are_refused():
    frame = CASES["draw_survival"][0].assign(group=["a", "b"])
    with pytest.raises(ReportError, match=r"several groups \(a, b\)"):
        draw("draw_survival", frame)
