"""Each chart draws the numbers of its frame, says what it shows, and survives poor frames."""

import inspect
import io
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from nbclient import NotebookClient

from analysis.audit import charts as audit_charts
from analysis.base import charts as base_charts
from analysis.base.errors import ReportError
from analysis.cohorts import charts as cohorts_charts
from analysis.model import charts as model_charts
from analysis.published import charts as published_charts
from analysis.segments import charts as segments_charts
from tests.audit import test_audit_charts as audit_cases
from tests.charting import interval, read_bars, read_caption, read_segments, read_texts
from tests.cohorts import test_cohorts_charts as cohorts_cases
from tests.published import test_published_charts as published_cases
from tests.segments import test_segments_charts as segments_cases


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


# The least frame of each chart (two rows here; one and none below), and what else it takes.
CASES: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
    "draw_roc": (pd.DataFrame({"model": ["a", "b"], "fpr": [0.1, 0.2], "tpr": [0.5, 0.6]}), {}),
    "draw_pr": (
        pd.DataFrame({"model": ["a", "b"], "recall": [1.0, 0.2], "precision": [0.3, 0.6]}),
        {"base_rate": 0.3},
    ),
    "draw_calibration": (
        interval(mean_predicted=[0.1, 0.3], observed_rate=[0.2, 0.3], users=[100, 90]),
        {},
    ),
    "draw_lift": (interval(decile=[1, 2], lift=[2.0, 0.3]), {}),
    "draw_threshold_sweep": (
        pd.DataFrame(
            {
                "threshold": [0.6, 0.1],
                "precision": [0.8, 0.2],
                "recall": [0.3, 1.0],
                "flagged_share": [0.1, 0.9],
            }
        ),
        {"chosen": 0.2},
    ),
    "draw_importance": (interval(feature=["small", "large"], auc_drop=[0.01, 0.3]), {}),
    "draw_profit": (
        interval(contacted=[0, 10], profit_total=[0.0, 25.0]),
        {"chosen": 10, "currency": "USD"},
    ),
    "draw_model_comparison": (
        interval(model=["a", "b"], value=[0.3, 0.2]),
        {"metric": "ROC AUC", "reference": 0.5},
    ),
    "draw_score_distribution": (
        pd.DataFrame({"proba_churn": [0.01, 0.99]}),
        {"threshold": 0.5},
    ),
    "draw_group_rates": (
        interval(group=["Peru", "Chile"], users=[100, 29], rate=[0.2, 0.3]),
        {"xlabel": "Churn rate", "overall": 0.25},
    ),
    **cohorts_cases.CASES,
    **audit_cases.CASES,
    **published_cases.CASES,
    **segments_cases.CASES,
}
ALL = sorted(CASES)


ROOMS = (audit_charts, cohorts_charts, model_charts, published_charts, segments_charts)


def find_chart(name: str) -> Callable[..., Figure]:
    return next(getattr(room, name) for room in ROOMS if hasattr(room, name))


def draw(name: str, frame: pd.DataFrame | None = None, **options: Any) -> Figure:
    least, fixed = CASES[name]
    function: Callable[..., Figure] = find_chart(name)
    return function(least if frame is None else frame, **{**fixed, **options})


# --- every chart ----------------------------------------------------------------------


def test_every_chart_of_the_module_is_tried_here():
    public = [name for name, _ in [(n, None) for r in ROOMS for n in vars(r)]]
    drawn = {name for name in public if name.startswith("draw_")}
    assert sorted(drawn - {"draw_intervals", "draw_nothing"}) == ALL


@pytest.mark.parametrize("name", ALL)
def test_title_and_axes_are_named(name):
    figure = draw(name)
    figure.draw_without_rendering()
    assert len(figure.get_suptitle()) > 15
    if name in {"draw_boxplots", "draw_survival"}:  # panels named by titles; a table below
        assert figure.axes[-1].get_title() or figure.axes[-1].get_title(loc="left")
        return
    for axes in figure.axes:
        is_row_chart = bool(axes.get_yticklabels()) and axes.yaxis_inverted()
        assert axes.get_ylabel() or is_row_chart or name == "draw_cluster_profile"
    assert any(axes.get_xlabel() for axes in figure.axes)


@pytest.mark.parametrize("name", ALL)
def test_a_title_of_the_caller_is_kept(name):
    assert draw(name, title="Two of three come back").get_suptitle() == "Two of three come back"


@pytest.mark.parametrize("name", ALL)
@pytest.mark.filterwarnings("error")
def test_one_row_is_drawn(name):
    draw(name, CASES[name][0].head(1)).savefig(io.BytesIO(), dpi=40)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.filterwarnings("error")
def test_no_rows_are_said(name):
    figure = draw(name, CASES[name][0].head(0))
    figure.savefig(io.BytesIO(), dpi=40)
    assert read_texts(figure) == ["No data"]
    assert figure.get_suptitle()


@pytest.mark.parametrize("name", [name for name in ALL if name != "draw_boxplots"])
def test_a_missing_column_is_named(name):
    frame, _ = CASES[name]
    function = inspect.unwrap(find_chart(name))
    gone = next(column for column in frame.columns if column not in {"ci_low", "ci_high"})
    with pytest.raises(ReportError, match=f"{function.__name__}: .*'{gone}'"):
        draw(name, frame.drop(columns=gone))


@pytest.mark.parametrize("name", ALL)
def test_nothing_outside_the_figure_changes(name):
    frame = CASES[name][0].copy()
    before, settings = frame.copy(), dict(mpl.rcParams)
    draw(name, frame)
    pd.testing.assert_frame_equal(frame, before)
    assert dict(mpl.rcParams) == settings
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", ALL)
def test_same_frame_gives_the_same_bytes(name):
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        draw(name).savefig(file, dpi=40, metadata={"Software": None})
    assert files[0].getvalue() == files[1].getvalue()


def test_a_notebook_shows_a_chart_once():
    source = (
        "%matplotlib inline\nimport pandas as pd\nfrom analysis.segments import charts\n"
        "charts.draw_elbow(pd.DataFrame({'k': [2, 3], 'inertia': [9.0, 7.0]}))"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    outputs = notebook.cells[0].outputs
    assert [output["output_type"] for output in outputs] == ["execute_result"]
    assert "image/png" in outputs[0]["data"]
    assert outputs[0]["data"]["text/plain"] == "<Figure size 800x450 with 1 Axes>"


# --- what each one draws --------------------------------------------------------------


def test_only_small_groups_are_no_data():
    figure = draw("draw_group_rates", min_users=1000)
    assert read_texts(figure) == ["No data"]
    assert read_caption(figure) == "Not drawn, fewer than 1000 users: Peru, Chile."


@pytest.mark.parametrize(
    ("name", "x", "y"), [("draw_roc", "fpr", "tpr"), ("draw_pr", "recall", "precision")]
)
def test_curves_are_the_points_of_each_model(name, x, y):
    frame = CASES[name][0]
    axes = draw(name).axes[0]
    drawn = [line.get_xydata().tolist() for line in axes.lines[1:]]
    assert drawn == [[[row[x], row[y]]] for _, row in frame.iterrows()]
    assert axes.get_xlim() == axes.get_ylim() == (0, 1)


def test_base_rate_comes_from_the_column_when_not_given():
    frame = CASES["draw_pr"][0].assign(base_rate=0.125)
    line = draw("draw_pr", frame, base_rate=None).axes[0].lines[0]
    assert set(line.get_ydata()) == {0.125}
    assert line.get_label() == "base rate"


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


def test_sweep_lines_are_ordered_by_threshold():
    axes = draw("draw_threshold_sweep").axes[0]
    drawn = {line.get_label(): line.get_ydata().tolist() for line in axes.lines[:3]}
    assert drawn == {"precision": [0.2, 0.8], "recall": [1.0, 0.3], "users flagged": [0.9, 0.1]}
    assert set(axes.lines[3].get_xdata()) == {0.2}


def test_importance_is_largest_first_and_says_what_it_hides():
    figure = draw("draw_importance", most=1)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["large"]
    assert figure.axes[0].lines[-1].get_xdata().tolist() == [0.3]
    assert read_caption(figure).startswith("The 1 columns with the smallest loss")


def test_profit_names_its_currency():
    axes = draw("draw_profit").axes[0]
    assert axes.lines[0].get_xydata().tolist() == [[0, 0], [10, 25]]
    assert axes.get_ylabel() == "Profit (USD)"


def test_the_profit_interval_belongs_to_the_realised_line():
    frame = CASES["draw_profit"][0].assign(realised_profit=[0.0, 20.0])
    axes = draw("draw_profit", frame).axes[0]
    assert axes.lines[1].get_ydata().tolist() == [0, 20]
    ribbon = axes.collections[0].get_facecolor()[0][:3]
    assert mpl.colors.to_hex(ribbon) == mpl.colors.to_hex(axes.lines[1].get_color())


@pytest.mark.parametrize("name", ["draw_lift", "draw_calibration", "draw_threshold_sweep"])
def test_rows_of_two_models_are_refused(name):
    with pytest.raises(ReportError, match=r"several models \(a, b\). Pass those of one"):
        draw(name, CASES[name][0].assign(model=["a", "b"]))


def test_the_artifacts_own_names_are_understood():
    long = CASES["draw_roc"][0].rename(columns=base_charts.ALIASES)
    assert "true_positive_rate" in long
    assert draw("draw_roc", long).axes[0].lines[1].get_xydata().tolist() == [[0.1, 0.5]]


def test_scores_fall_in_forty_bins():
    axes = draw("draw_score_distribution").axes[0]
    assert read_bars(axes) == [1] + [0] * 38 + [1]
    assert axes.get_xlim() == (0, 1)


def test_group_rates_show_size_interval_and_the_small_group():
    figure = draw("draw_group_rates")
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Peru (n = 100)"]
    assert axes.lines[-1].get_xdata().tolist() == [0.2]
    assert read_segments(axes) == [[[0.1, 0], [0.4, 0]]]
    assert axes.get_xlim()[0] == 0
    assert read_caption(figure) == "Not drawn, fewer than 30 users: Chile."


def test_an_interval_that_misses_its_point_is_drawn_as_given():
    frame = CASES["draw_model_comparison"][0].assign(value=[0.9, 0.2], ci_high=[0.4, np.nan])
    assert read_segments(draw("draw_model_comparison", frame).axes[0]) == [[[0.1, 0], [0.4, 0]]]
