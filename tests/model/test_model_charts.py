"""Charts of the model."""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from analysis.base.errors import ReportError
from analysis.model import charts
from tests.charting import interval, read_bars, read_caption, read_segments, read_texts

CASES: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
    "draw_roc": (
        pd.DataFrame(
            {
                "model": ["a", "b"],
                "false_positive_rate": [0.1, 0.2],
                "true_positive_rate": [0.5, 0.6],
            }
        ),
        {},
    ),
    "draw_pr": (
        pd.DataFrame({"model": ["a", "b"], "recall": [1.0, 0.2], "precision": [0.3, 0.6]}),
        {"base_rate": 0.3},
    ),
    "draw_calibration": (
        interval(mean_predicted=[0.1, 0.3], observed_rate=[0.2, 0.3], users=[100, 90]),
        {},
    ),
    "draw_lift": (interval(decile=[1, 2], lift=[2.0, 0.3]), {}),
    "draw_importance": (interval(feature=["small", "large"], auc_drop=[0.01, 0.3]), {}),
    "draw_profit": (
        interval(contacted=[0, 10], expected_profit=[0.0, 25.0], realised_profit=[0.0, 20.0]),
        {"chosen": 10},
    ),
    "draw_model_comparison": (interval(model=["a", "b"], value=[0.3, 0.2]), {}),
    "draw_score_distribution": (
        pd.DataFrame({"proba_churn": [0.01, 0.99]}),
        {"threshold": 0.5},
    ),
}
"""The least frame of each chart, and what else it takes."""


def draw(name: str, frame: pd.DataFrame | None = None, **options: Any) -> Figure:
    least, fixed = CASES[name]
    return getattr(charts, name)(least if frame is None else frame, **{**fixed, **options})


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("draw_roc", "false_positive_rate", "true_positive_rate"),
        ("draw_pr", "recall", "precision"),
    ],
)
def test_curves_are_the_points_of_each_model(name, x, y):
    frame = CASES[name][0]
    axes = draw(name).axes[0]
    drawn = [line.get_xydata().tolist() for line in axes.lines[1:]]
    assert drawn == [[[row[x], row[y]]] for _, row in frame.iterrows()]
    assert axes.get_xlim() == axes.get_ylim() == (0, 1)


def test_the_base_rate_is_a_line():
    line = draw("draw_pr", base_rate=0.125).axes[0].lines[0]
    assert set(line.get_ydata()) == {0.125}
    assert line.get_label() == "base rate"


def test_models_and_features_are_named_in_the_words_of_the_catalogue():
    frame = CASES["draw_roc"][0].assign(model=["recency_only", "own_model"])
    labels = [line.get_label() for line in draw("draw_roc", frame).axes[0].lines[1:]]
    assert labels == ["Last visit alone", "own_model"]
    worth = CASES["draw_importance"][0].assign(feature=["recency_days", "own_column"])
    axes = draw("draw_importance", worth).axes[0]
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows == ["own column", "Days since the last event"]


def test_calibration_points_and_axes_share_a_scale():
    axes = draw("draw_calibration").axes[0]
    assert axes.lines[1].get_xydata().tolist() == [[0.1, 0.2], [0.3, 0.3]]
    assert read_segments(axes)[1] == [[0.3, 0.1], [0.3, 0.4]]
    assert axes.get_xlim() == axes.get_ylim() == pytest.approx((0, 0.44))


def test_lift_bars_start_at_zero_beside_the_average():
    axes = draw("draw_lift").axes[0]
    assert read_bars(axes) == [2.0, 0.3]
    assert axes.get_ylim()[0] == 0
    assert set(axes.lines[0].get_ydata()) == {1.0}


@pytest.mark.parametrize(("hidden", "words"), [(1, "1 column"), (2, "2 columns")])
def test_importance_is_largest_first_and_says_what_it_hides(hidden, words):
    columns = charts.MOST_COLUMNS + hidden
    frame = interval(feature=[f"f{n}" for n in range(columns)], auc_drop=np.arange(columns) / 100)
    figure = draw("draw_importance", frame)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels[0] == f"f{columns - 1}"
    assert len(labels) == charts.MOST_COLUMNS
    assert figure.axes[0].lines[-1].get_xdata().tolist()[0] == (columns - 1) / 100
    assert read_caption(figure) == f"Not drawn: {words} with the smallest drop."


def test_few_columns_are_all_drawn():
    assert read_caption(draw("draw_importance")) == ""


def test_the_profit_interval_belongs_to_the_realised_line():
    axes = draw("draw_profit").axes[0]
    assert axes.lines[0].get_xydata().tolist() == [[0, 0], [10, 25]]
    assert axes.lines[1].get_ydata().tolist() == [0, 20]
    assert axes.get_ylabel() == "Profit (money)"
    ribbon = axes.collections[0].get_facecolor()[0][:3]
    assert mpl.colors.to_hex(ribbon) == mpl.colors.to_hex(axes.lines[1].get_color())


@pytest.mark.parametrize("name", ["draw_lift", "draw_calibration"])
def test_rows_of_two_models_are_refused(name):
    with pytest.raises(ReportError, match=r"several models \(a, b\). Pass those of one"):
        draw(name, CASES[name][0].assign(model=["a", "b"]))


def test_scores_fall_in_forty_bins():
    axes = draw("draw_score_distribution").axes[0]
    assert read_bars(axes) == [1] + [0] * 38 + [1]
    assert axes.get_xlim() == (0, 1)


def test_an_interval_that_misses_its_point_is_drawn_as_given():
    frame = CASES["draw_model_comparison"][0].assign(value=[0.9, 0.2], ci_high=[0.4, np.nan])
    assert read_segments(draw("draw_model_comparison", frame).axes[0]) == [[[0.1, 0], [0.4, 0]]]


def test_only_small_groups_are_no_data():
    figure = draw("draw_calibration", CASES["draw_calibration"][0].assign(users=[29, 10]))
    assert read_texts(figure) == ["No data"]
    assert "fewer than 30 users" in read_caption(figure)
