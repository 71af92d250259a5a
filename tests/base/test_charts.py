"""Each chart draws the numbers of its frame, says what it shows, and survives poor frames."""

import inspect
import io
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
from matplotlib.figure import Figure
from nbclient import NotebookClient

from analysis.audit import charts as audit_charts
from analysis.base.errors import ReportError
from analysis.cohorts import charts as cohorts_charts
from analysis.model import charts as model_charts
from analysis.published import charts as published_charts
from analysis.segments import charts as segments_charts
from tests.audit import test_audit_charts as audit_cases
from tests.charting import read_texts
from tests.cohorts import test_cohorts_charts as cohorts_cases
from tests.model import test_model_charts as model_cases
from tests.published import test_published_charts as published_cases
from tests.segments import test_segments_charts as segments_cases


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


# The least frame of each chart (two rows here; one and none below), and what else it takes.
CASES: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
    **audit_cases.CASES,
    **cohorts_cases.CASES,
    **model_cases.CASES,
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
