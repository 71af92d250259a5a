"""Each chart draws the numbers of its frame, says what it shows, and survives poor frames."""

import inspect
import io
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from nbclient import NotebookClient

from analysis.audit import charts as audit_charts
from analysis.base import charts as base_charts
from analysis.base.errors import ReportError
from analysis.cohorts import charts as cohorts_charts
from analysis.model import charts as model_charts
from analysis.published import charts as published_charts
from analysis.segments import charts as segments_charts


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


def interval(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({**columns, "ci_low": 0.1, "ci_high": 0.4})


LOG = {"log_start": day("2025-01-01"), "log_end": day("2025-01-05")}

# The least frame of each chart (two rows here; one and none below), and what else it takes.
CASES: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
    "draw_daily_volume": (
        pd.DataFrame({"day": [day("2025-01-01"), day("2025-01-03")], "events": 7, "users": 3}),
        LOG,
    ),
    "draw_latency": (
        pd.DataFrame({"delay": ["event_created", "other"], "seconds": [0, 2], "count": [9, 90]}),
        {},
    ),
    "draw_events_per_user": (pd.DataFrame({"event_count": [1, 4], "users": [2, 5]}), {}),
    "draw_scorecard": (
        pd.DataFrame({"dimension": ["a", "b"], "score": [0.5, np.nan], "checks": [1, 0]}),
        {},
    ),
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
    "draw_cluster_selection": (
        pd.DataFrame(
            {
                "k": [2, 3],
                "silhouette": [0.2, 0.1],
                "stability": [0.9, 0.5],
                "null_permuted_p95": 0.3,
                "null_gaussian_p95": 0.25,
            }
        ),
        {},
    ),
    "draw_elbow": (pd.DataFrame({"k": [2, 3], "inertia": [900.0, 700.0]}), {}),
    "draw_cluster_profile": (
        pd.DataFrame(
            {
                "cluster": ["0", "1"],
                "feature": ["views", "views"],
                "mean": [1234.5, 7.25],
                "standardised_mean": [0.5, -0.5],
            }
        ),
        {},
    ),
    "draw_pca": (pd.DataFrame({"pc1": [0.0, 1.0], "pc2": [2.0, 1.0], "group": ["a", "b"]}), {}),
    "draw_boxplots": (
        pd.DataFrame({"views": [1.0, 2.0], "group": ["a", "b"]}),
        {"features": ["views"]},
    ),
    "draw_before_after": (
        interval(name=["churn", "D7"], published=[0.848, 0.096], trusted=[0.2, 0.3]),
        {},
    ),
}
ALL = sorted(CASES)


ROOMS = (audit_charts, cohorts_charts, model_charts, published_charts, segments_charts)


def find_chart(name: str) -> Callable[..., Figure]:
    return next(getattr(room, name) for room in ROOMS if hasattr(room, name))


def draw(name: str, frame: pd.DataFrame | None = None, **options: Any) -> Figure:
    least, fixed = CASES[name]
    function: Callable[..., Figure] = find_chart(name)
    return function(least if frame is None else frame, **{**fixed, **options})


def read_texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def read_caption(figure: Figure) -> str:
    return figure.get_supxlabel().replace("\n", " ")


def read_bars(axes: Axes) -> list[float]:
    return [bar.get_height() for bar in axes.patches]  # type: ignore[attr-defined]


def read_segments(axes: Axes, position: int = 0) -> list[list[list[float]]]:
    drawn = [part for part in axes.collections if hasattr(part, "get_segments")]
    return [np.round(segment, 6).tolist() for segment in drawn[position].get_segments()]


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
        "%matplotlib inline\nimport pandas as pd\nfrom analysis import charts\n"
        "segments_charts.draw_elbow(pd.DataFrame({'k': [2, 3], 'inertia': [9.0, 7.0]}))"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    outputs = notebook.cells[0].outputs
    assert [output["output_type"] for output in outputs] == ["execute_result"]
    assert "image/png" in outputs[0]["data"]
    assert outputs[0]["data"]["text/plain"] == "<Figure size 800x450 with 1 Axes>"


# --- what each one draws --------------------------------------------------------------


def test_days_without_events_are_drawn_as_zero():
    events, users = draw("draw_daily_volume").axes
    assert events.lines[0].get_ydata().tolist() == [7, 0, 7]
    assert users.lines[0].get_ydata().tolist() == [3, 0, 3]
    assert events.get_ylim()[0] == users.get_ylim()[0] == 0


def test_the_trusted_window_is_shaded_from_start_to_end():
    shaded = draw("draw_daily_volume").axes[0].patches[0]
    assert shaded.get_x() == mpl.dates.date2num(np.datetime64("2025-01-01"))
    assert shaded.get_width() == 4


def test_a_wrong_date_is_counted_not_drawn():
    frame = CASES["draw_daily_volume"][0]
    far = frame.head(1).assign(day=day("1970-01-01"), events=1200)
    figure = draw("draw_daily_volume", pd.concat([frame, far]))
    assert figure.axes[0].lines[0].get_ydata().tolist() == [7, 0, 7]
    assert "1,200 events on days further away" in read_caption(figure)


def test_latency_bars_hold_all_events_on_a_log_axis():
    first, second = draw("draw_latency").axes
    assert (sum(read_bars(first)), sum(read_bars(second))) == (9, 90)
    assert first.get_yscale() == second.get_yscale() == "log"


def test_events_per_user_has_bins_of_whole_numbers():
    axes = draw("draw_events_per_user").axes[0]
    assert read_bars(axes) == [2, 0, 0, 5]
    assert [bar.get_width() for bar in axes.patches] == [1, 1, 1, 1]
    wide = pd.DataFrame({"event_count": range(100), "users": 1})
    bars = read_bars(draw("draw_events_per_user", wide).axes[0])
    assert len(bars) <= 40
    assert set(bars[:-1]) == {3}


def test_scores_are_bars_from_zero_and_missing_ones_are_said():
    figure = draw("draw_scorecard")
    bars = figure.axes[0].patches
    assert [bar.get_width() for bar in bars] == [0.5, 0]
    assert read_texts(figure) == ["50.0 % (1 check)", "not applicable (0 checks)"]
    assert figure.axes[0].get_xlim()[0] == 0


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
    assert read_texts(figure) == ["50 %", "25 %"]
    assert figure.axes[0].patch.get_hatch()
    caption = "Hatched: not fully observed by the log. Grey: fewer than 30 users."
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


def test_only_small_groups_are_no_data():
    figure = draw("draw_group_rates", min_users=1000)
    assert read_texts(figure) == ["No data"]
    assert read_caption(figure) == "Not drawn, fewer than 1000 users: Peru, Chile."


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


def test_label_bars_are_the_rates_hatched_where_not_covered():
    axes = draw("draw_label_by_cohort").axes[0]
    assert read_bars(axes) == [1.0, 0.2]
    assert [bool(bar.get_hatch()) for bar in axes.patches] == [True, False]
    assert axes.get_ylim() == (0, 1)


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


def test_a_curve_starts_where_users_are_first_followed():
    late = CASES["draw_survival"][0].assign(day=[0, 10], survival=[np.nan, 0.2], at_risk=[0, 20])
    curve, table = draw("draw_survival", late).axes
    assert curve.lines[0].get_xydata().tolist() == [[10, 0.2]]
    assert [text.get_text() for text in table.texts][-1] == "20"
    assert 0.0 not in [text.get_position()[0] for text in table.texts]


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


def test_clusters_are_beside_their_nulls():
    figure = draw("draw_cluster_selection")
    silhouette, stability = figure.axes
    assert [line.get_ydata()[0] for line in silhouette.lines] == [0.2, 0.3, 0.25]
    assert [line.get_ydata()[0] for line in stability.lines] == [0.9]
    more = CASES["draw_cluster_selection"][0].assign(stability_null_permuted_p95=0.7)
    assert len(draw("draw_cluster_selection", more).axes[1].lines) == 2


def test_profile_prints_raw_means_over_standardised_colours():
    figure = draw("draw_cluster_profile")
    assert read_texts(figure) == ["1,234", "7.25"]
    cells = figure.axes[0].collections[0]
    assert cells.get_array().ravel().tolist() == [0.5, -0.5]
    assert cells.get_clim() == (-0.5, 0.5)


def test_pca_draws_a_sample_that_the_seed_fixes():
    points = pd.DataFrame({"pc1": range(50), "pc2": 0, "group": "a"}).astype({"pc1": float})
    figures = [draw("draw_pca", points, most=10, seed=seed) for seed in (1, 1, 2)]
    first, again, other = ([*f.axes[0].collections[0].get_offsets()[:, 0]] for f in figures)
    assert len(first) == 10
    assert first == again != other
    assert read_caption(figures[0]) == "A random 10 of 50 users."


def test_boxes_have_the_median_of_their_group():
    frame = pd.DataFrame({"views": [1, 2, 9, 5, np.nan], "tier": ["a", "a", "a", "b", "b"]})
    axes = segments_charts.draw_boxplots(
        frame, ["views"], "tier", labels={"views": "Views (n)"}
    ).axes[0]
    medians = [line.get_ydata()[0] for line in axes.lines if line.get_color() == base_charts.INK]
    assert medians == [2, 5]
    assert axes.get_title() == "Views (n)"


def test_published_and_trusted_lie_on_one_row():
    axes = draw("draw_before_after").axes[0]
    drawn = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert drawn["published"] == [[0.848, 0], [0.096, 1]]
    assert drawn["can be trusted"] == [[0.2, 0], [0.3, 1]]
    assert read_segments(axes, 1)[1] == [[0.1, 1], [0.4, 1]]
    assert axes.get_xlim() == (0, 1)


TIERS = [f"{how}_{often}" for how in ("active", "fading", "silent")
         for often in ("frequent", "occasional", "regular")]  # fmt: skip


def find_overlaps(figure):
    """Return how many labels of groups run into the one before them, when drawn."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    found = 0
    for axes in figure.axes:
        labels = [label for label in axes.get_xticklabels() if label.get_text()]
        if not axes.get_visible() or any(label.get_rotation() for label in labels):
            continue
        boxes = [label.get_window_extent() for label in labels]
        found += sum(one.x1 > two.x0 for one, two in pairwise(boxes))
    return found


def test_names_of_many_groups_do_not_run_into_each_other():
    summary = pd.DataFrame(
        [(feature, tier, 1.5, 0.1) for feature in ("views", "likes") for tier in TIERS],
        columns=["feature", "cluster", "mean", "standardised_mean"],
    )
    profile = segments_charts.draw_cluster_profile(summary)
    rows = pd.DataFrame({"group": TIERS * 3, "views": range(27), "likes": range(27)})
    boxes = segments_charts.draw_boxplots(rows, ["views", "likes"])
    assert find_overlaps(profile) == find_overlaps(boxes) == 0
    assert profile.axes[0].get_xticklabels()[0].get_text() == "active frequent"
    few = segments_charts.draw_boxplots(rows.assign(group="a"), ["views"])
    assert few.axes[0].get_xticklabels()[0].get_rotation() == 0
