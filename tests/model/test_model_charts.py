"""Charts of the model."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.base.charts import Chart
from analysis.base.errors import ReportError
from analysis.model import charts, charts_groups
from tests.charting import axes_of, interval, plain, read_bars, read_segments, says, words_in

CASES: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
    "draw_roc": (
        pd.DataFrame(
            {
                "model": ["a", "recency_only"],
                "false_positive_rate": [0.5, 0.6],
                "true_positive_rate": [0.7, 0.6],
            }
        ),
        {},
    ),
    "draw_pr": (
        pd.DataFrame(
            {"model": ["a", "recency_only"], "recall": [1.0, 0.5], "precision": [0.3, 0.6]}
        ),
        {"base_rate": 0.3},
    ),
    "draw_calibration": (
        interval(mean_predicted=[0.1, 0.3], observed_rate=[0.2, 0.3], users=[100, 90]),
        {},
    ),
    "draw_lift": (interval(decile=[1, 2], lift=[2.0, 0.3], users=10), {}),
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
    "draw_score_histogram": (
        pd.DataFrame({"churned": [1.0, 0.0] * 2, "proba": [0.9, 0.1, 0.8, 0.2]}),
        {},
    ),
    "draw_dependence": (
        interval(
            feature=["recency_days", "device"], place=[12.34, "iOS"], users=[40, 50],
            observed_rate=[0.2, 0.4], mean_predicted=[0.25, 0.35],
        ),
        {},
    ),
    "draw_group_differences": (
        pd.DataFrame(
            {
                "column": ["country", "device"],
                "group": ["Peru", "iOS"],
                "users": [40, 50],
                "rate": [0.2, 0.5],
                "difference": [-0.1, 0.2],
                "difference_ci_low": [-0.2, 0.1],
                "difference_ci_high": [0.1, 0.3],
                "is_different": ["no", "yes"],
            }
        ),
        {},
    ),
}  # fmt: skip
"""The least frame of each chart, and what else it takes."""


def draw(name: str, frame: pd.DataFrame | None = None, **options: Any) -> Chart:
    least, fixed = CASES[name]
    return getattr(charts, name)(least if frame is None else frame, **{**fixed, **options})


# --- ranking ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("draw_roc", "false_positive_rate", "true_positive_rate"),
        ("draw_pr", "recall", "precision"),
    ],
)
def test_curves_are_the_points_of_each_model_the_chosen_one_last(name, x, y):
    frame = pd.concat([CASES[name][0], CASES[name][0].head(1).assign(model="b")])
    chart = draw(name, frame, chosen="b")
    (axes,) = axes_of(chart)
    drawn = [line.get_xydata().tolist() for line in axes.lines[1:]]
    order = frame.set_index("model").loc[["a", "recency_only", "b"]]
    assert drawn == [[[row[x], row[y]]] for _, row in order.iterrows()]
    assert axes.get_xlim() == axes.get_ylim() == (0, 1)
    assert {"b", "Last visit alone"} <= set(words_in(chart))
    assert "a" not in words_in(chart)
    assert "not in use" in chart.note


def test_the_base_rate_is_a_line():
    line = axes_of(draw("draw_pr", base_rate=0.125))[0].lines[0]
    assert set(line.get_ydata()) == {0.125}


@pytest.mark.parametrize(
    ("low", "high", "says_so"),
    [
        (0.01, 0.05, "orders users better than the last visit alone"),
        (-0.01, 0.05, "no better than the last visit alone"),
        (-0.05, -0.01, "The last visit alone orders users better"),
    ],
)
def test_the_title_on_the_models_follows_the_interval_of_the_gain(low, high, says_so):
    frame = interval(model=["a", "recency_only"], value=[0.8, 0.7])
    gain = pd.DataFrame({"ci_low": [low], "ci_high": [high]})
    assert says_so in draw("draw_model_comparison", frame, chosen="a", gain=gain).title
    assert draw("draw_model_comparison", frame).title == "How well each model orders users"


def test_an_interval_that_misses_its_point_is_drawn_as_given():
    frame = CASES["draw_model_comparison"][0].assign(value=[0.9, 0.2], ci_high=[0.4, np.nan])
    axes = axes_of(draw("draw_model_comparison", frame))[0]
    assert read_segments(axes) == [[[0.1, 0], [0.4, 0]]]


@pytest.mark.parametrize(("low", "says_so"), [(1.5, "2.0 times"), (0.9, "within chance")])
def test_the_title_of_the_lift_follows_its_interval(low, says_so):
    frame = CASES["draw_lift"][0].assign(ci_low=low, ci_high=2.5)
    chart = draw("draw_lift", frame)
    assert says_so in plain(chart.title)
    assert axes_of(chart)[0].lines[-1].get_ydata().tolist() == [2.0, 0.3]


# --- probabilities ------------------------------------------------------------------------------


def test_calibration_points_and_axes_share_a_scale():
    chart = draw("draw_calibration")
    (axes,) = axes_of(chart)
    assert axes.lines[1].get_xydata().tolist() == [[0.1, 0.2], [0.3, 0.3]]
    assert read_segments(axes)[1] == [[0.3, 0.1], [0.3, 0.4]]
    assert axes.get_xlim() == axes.get_ylim() == pytest.approx((0, 0.432))
    assert chart.title == "Predicted and observed churn agree in 2 of 2 groups"


def test_groups_that_miss_the_diagonal_are_counted():
    frame = CASES["draw_calibration"][0].assign(mean_predicted=[0.5, 0.6])
    assert "differ by more than chance in 2 of 2" in draw("draw_calibration", frame).title


def test_only_small_groups_are_no_data():
    chart = draw("draw_calibration", CASES["draw_calibration"][0].assign(users=[29, 10]))
    assert chart.reason == "Every group has too few users."


@pytest.mark.parametrize("name", ["draw_lift", "draw_calibration"])
def test_rows_of_two_models_are_refused(name):
    with pytest.raises(ReportError, match=r"several models \(a, b\). Pass those of one"):
        draw(name, CASES[name][0].assign(model=["a", "b"]))


def test_the_profit_interval_belongs_to_the_realised_line():
    chart = draw("draw_profit")
    (axes,) = axes_of(chart)
    assert [0, 20] in [[*line.get_ydata()] for line in axes.lines]
    ribbon = axes.collections[0].get_paths()[0].vertices
    assert ribbon[:, 1].min() == pytest.approx(0.1)
    assert plain(chart.title) == "Contacting 10 users would have earned 20"


@pytest.mark.parametrize(
    ("low", "high", "says_so"), [(-9, -1, "would have lost money"), (-9, 9, "cannot be told")]
)
def test_the_title_on_profit_follows_its_interval(low, high, says_so):
    frame = CASES["draw_profit"][0].assign(ci_low=low, ci_high=high)
    assert says_so in draw("draw_profit", frame).title


def test_scores_fall_in_bins_of_equal_width():
    chart = draw("draw_score_distribution")
    axes = axes_of(chart)[0]
    assert read_bars(axes) == [1] + [0] * 18 + [1]
    assert axes.get_xlim() == (0, 1)
    assert says(chart)[-1] == "95 to 100 % predicted: 1 user"


@pytest.mark.parametrize(
    ("proba", "says_so"),
    [([0.9, 0.1, 0.8, 0.2], "had higher scores"), ([0.5, 0.5, 0.5, 0.5], "much the same")],
)
def test_the_title_on_outcomes_follows_the_medians(proba, says_so):
    frame = CASES["draw_score_histogram"][0].assign(proba=proba)
    assert says_so in draw("draw_score_histogram", frame).title


# --- columns and groups -------------------------------------------------------------------------


@pytest.mark.parametrize(("hidden", "words"), [(1, "1 column"), (2, "2 columns")])
def test_importance_is_largest_first_and_says_what_it_hides(hidden, words):
    columns = charts_groups.MOST_COLUMNS + hidden
    frame = interval(feature=[f"f{n}" for n in range(columns)], auc_drop=np.arange(columns) / 100)
    chart = draw("draw_importance", frame)
    values = axes_of(chart)[0].lines[-1].get_xdata().tolist()
    assert values[0] == (columns - 1) / 100
    assert len(values) == charts_groups.MOST_COLUMNS
    assert plain(chart.note) == f"Not drawn: {words} with a smaller drop."


def test_features_are_named_in_the_words_of_the_catalogue():
    worth = CASES["draw_importance"][0].assign(feature=["recency_days", "own_column"])
    chart = draw("draw_importance", worth)
    assert {"own column", "Days since the last event"} <= set(words_in(chart))
    none = draw("draw_importance", worth.assign(ci_low=-0.1))
    assert none.title == "No single column matters to the model beyond chance"


def test_dependence_has_a_panel_per_column_with_rates_and_predictions():
    chart = draw("draw_dependence")
    drawn = axes_of(chart)
    assert [axes.get_xlabel() for axes in drawn] == ["Days since the last event", "Device"]
    assert [[line.get_ydata().tolist() for line in axes.lines] for axes in drawn] == [
        [[0.25], [0.2]],
        [[0.35], [0.4]],
    ]
    assert "12" in words_in(chart)


def test_groups_stand_by_difference_and_those_beyond_chance_are_named():
    chart = draw("draw_group_differences")
    faint, real = axes_of(chart)[0].lines[1:]
    assert (real.get_xdata().tolist(), faint.get_xdata().tolist()) == ([0.2], [-0.1])
    assert chart.title == "One of 2 groups differs beyond chance: “Device: iOS”"
    frame = CASES["draw_group_differences"][0].assign(is_different="no")
    assert plain(draw("draw_group_differences", frame).title) == (
        "None of 2 groups churns more or less than the others beyond chance"
    )


def test_groups_that_were_not_compared_are_left_out():
    frame = CASES["draw_group_differences"][0].assign(difference=np.nan)
    assert draw("draw_group_differences", frame).reason


@pytest.mark.parametrize(
    ("name", "column", "title"),
    [
        ("draw_lift", "lift", "Churn by tenth of the list"),
        (
            "draw_calibration",
            "mean_predicted",
            "Predicted and observed churn agree in 1 of 1 group",
        ),
    ],
)
def test_groups_of_too_few_users_have_no_point(name, column, title):
    frame = CASES[name][0].copy()
    frame.loc[0, [column, "ci_low", "ci_high"]] = None
    chart = draw(name, frame)
    assert plain(chart.title) == title
    assert len(says(chart)) == 1
    frame[column] = None
    assert "too few" in draw(name, frame).reason


def test_a_campaign_of_which_nothing_may_be_shown_is_not_drawn():
    frame = CASES["draw_profit"][0].assign(realised_profit=None, expected_profit=None)
    assert "too few churners" in draw("draw_profit", frame).reason
