"""Charts of the chapter cohorts."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from analysis.cohorts import charts
from tests.charting import interval, read_caption, read_segments, read_texts

CASES: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
    "draw_retention_heatmap": (
        pd.DataFrame(
            {
                "cohort_month": ["2025-01", "2025-02"],
                "event_month": ["2025-01", "2025-02"],
                "cohort_size": [50, 40],
                "retention_rate": [0.5, 0.25],
                "is_observed": [True, False],
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
                **{name: [0.0, 0.2] for name in ("cancelled", "silent")},
                **{f"{name}_ci_low": [0.0, 0.1] for name in ("cancelled", "silent")},
                **{f"{name}_ci_high": [0.0, 0.3] for name in ("cancelled", "silent")},
            }
        ),
        {},
    ),
}
"""The least frame of each chart, and what else it takes."""


def draw(name: str, frame: pd.DataFrame | None = None, **options: Any) -> Figure:
    least, fixed = CASES[name]
    return getattr(charts, name)(least if frame is None else frame, **{**fixed, **options})


def test_a_cell_is_a_rate_hatched_grey_or_white():
    frame = pd.DataFrame(
        {
            "cohort_month": ["2025-01", "2025-01", "2025-02", "2025-03"],
            "event_month": ["2025-01", "2025-02", "2025-02", "2025-03"],
            "cohort_size": [50, 50, 29, 30],
            "retention_rate": [0.5, 0.4, 0.9, 0.25],
            "is_observed": [True, False, True, True],
        }
    )
    figure = draw("draw_retention_heatmap", frame)
    states, rates = (part.get_array() for part in figure.axes[0].collections)
    unknown = np.nan
    assert rates.filled(np.nan).tolist() == pytest.approx(
        np.array([[0.5, unknown, unknown], [unknown] * 3, [unknown, unknown, 0.25]]), nan_ok=True
    )
    expected = [[unknown] * 3, [0, 1, unknown], [0, 0, unknown]]  # 0 before signup, 1 too few
    assert states.filled(np.nan).tolist() == pytest.approx(np.array(expected), nan_ok=True)
    assert read_texts(figure) == ["50\xa0%", "25\xa0%"]
    assert figure.axes[0].patch.get_hatch()
    caption = "Hatched: not fully covered by the log. Grey: fewer than 30 users."
    assert read_caption(figure) == f"{caption} White: before signup."


@pytest.mark.parametrize(("rows", "columns", "has_numbers"), [(22, 10, True), (60, 60, False)])
def test_a_large_grid_has_no_numbers_and_few_labels(rows, columns, has_numbers):
    cohorts = pd.period_range("2020-01", periods=rows, freq="M").astype(str)
    months = pd.period_range("2024-12", periods=columns, freq="M").astype(str)
    frame = pd.MultiIndex.from_product([cohorts, months]).to_frame(
        index=False, name=["cohort_month", "event_month"]
    )
    frame = frame.assign(cohort_size=99, retention_rate=0.2, is_observed=True)
    figure = draw("draw_retention_heatmap", frame)
    axes = figure.axes[0]
    assert bool(read_texts(figure)) is has_numbers
    assert len(axes.get_xticklabels()) <= 11
    assert len(axes.get_yticklabels()) <= 26
    assert figure.get_size_inches()[1] <= 9


def test_retention_points_are_the_rates_and_their_intervals():
    frame = CASES["draw_retention_days"][0]
    axes = draw("draw_retention_days", frame).axes[0]
    drawn = {line.get_label(): line.get_ydata().tolist() for line in axes.lines}
    assert drawn == {"within N days": [0.3], "on day N": [0.2]}
    assert [y for _, y in read_segments(axes)[0]] == [0.1, 0.4]
    assert axes.get_ylim() == pytest.approx((0, 0.44))


@pytest.mark.parametrize(("eligible", "is_drawn"), [(30, True), (29, False)])
def test_thirty_users_are_enough(eligible, is_drawn):
    frame = CASES["draw_retention_days"][0].assign(eligible_users=[100, eligible])
    figure = draw("draw_retention_days", frame)
    assert len(figure.axes[0].lines) == 1 + is_drawn
    assert ("fewer than 30 users: day 30 (on day N)" in read_caption(figure)) is not is_drawn


def test_survival_starts_at_one_and_prints_those_at_risk():
    figure = draw("draw_survival")
    curve, table = figure.axes
    assert curve.lines[0].get_xdata().tolist() == [0, 1, 10]
    assert curve.lines[0].get_ydata().tolist() == [1, 0.4, 0.2]
    assert curve.lines[0].get_drawstyle() == "steps-post"
    assert curve.get_ylim() == (0, 1)
    printed = {text.get_position()[0]: text.get_text() for text in table.texts}
    assert printed[2.0] == "50"
    assert printed[10.0] == "20"


def test_a_sixth_group_is_named_not_drawn():
    frame = pd.concat([CASES["draw_survival"][0].assign(group=name) for name in "abcdef"])
    figure = draw("draw_survival", frame)
    assert [line.get_label() for line in figure.axes[0].lines] == list("abcde")
    assert read_caption(figure) == "Not drawn: f."


def test_a_curve_starts_where_users_are_first_followed():
    late = CASES["draw_survival"][0].assign(day=[0, 10], survival=[np.nan, 0.2], at_risk=[0, 20])
    curve, table = draw("draw_survival", late).axes
    assert curve.lines[0].get_xydata().tolist() == [[10, 0.2]]
    assert [text.get_text() for text in table.texts][-1] == "20"
    assert 0.0 not in [text.get_position()[0] for text in table.texts]


def test_a_curve_that_does_not_begin_at_signup_says_of_whom_it_is():
    late = interval(group=["all"] * 2, day=[1, 10], at_risk=[50, 20], survival=[1.0, 0.2])
    figure = draw("draw_survival", late.assign(from_day=1))
    curve = figure.axes[0]
    assert curve.lines[0].get_xydata().tolist() == [[1, 1.0], [10, 0.2]]
    assert curve.lines[0].get_label() == "all, active on day 1"
    assert "users active on day 1 after signup" in " ".join(figure.get_suptitle().split())
    whole = CASES["draw_survival"][0].assign(from_day=0)
    both = pd.concat([whole, late.assign(group="device: iOS", from_day=1)])
    figure = draw("draw_survival", both)
    labels = [line.get_label() for line in figure.axes[0].lines]
    assert labels == ["all", "device: iOS, active on day 1"]
    assert figure.get_suptitle().startswith("Share of users still active")
