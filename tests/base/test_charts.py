"""Each chart draws the numbers of its frame, says what it shows, and survives poor frames."""

import inspect
import re
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest

from analysis.audit import charts as audit_charts
from analysis.base import unavailable
from analysis.base.charts import Chart
from analysis.base.drawing import NARROW, WIDE, spread
from analysis.base.errors import ReportError
from analysis.cohorts import charts as cohorts_charts
from analysis.cohorts import trend_charts
from analysis.contract import captions
from analysis.model import charts as model_charts
from analysis.published import charts as published_charts
from analysis.segments import charts as segments_charts
from tests.audit import test_audit_charts as audit_cases
from tests.cohorts import test_cohorts_charts as cohorts_cases
from tests.cohorts import test_trend_charts as trend_cases
from tests.model import test_model_charts as model_cases
from tests.published import test_published_charts as published_cases
from tests.segments import test_segments_charts as segments_cases

# The least frame of each chart (two rows here; one and none below), and what else it takes.
CASES: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
    **audit_cases.CASES,
    **cohorts_cases.CASES,
    **trend_cases.CASES,
    **model_cases.CASES,
    **published_cases.CASES,
    **segments_cases.CASES,
}
ALL = sorted(CASES)
ROOMS = (
    audit_charts, cohorts_charts, trend_charts, model_charts, published_charts, segments_charts,
)  # fmt: skip
HELPERS = {"draw_band", "draw_bars_of", "draw_reference"}
PHONE = 326
"""Pixels that a drawing has at least on a page 390 pixels wide."""
SMALLEST = 11
"""Pixels of the smallest text that can be read."""


def find_chart(name: str) -> Callable[..., Chart]:
    return next(getattr(room, name) for room in ROOMS if hasattr(room, name))


def draw(name: str, frame: pd.DataFrame | None = None, **options: Any) -> Chart:
    least, fixed = CASES[name]
    return find_chart(name)(least if frame is None else frame, **{**fixed, **options})


# --- every chart ----------------------------------------------------------------------


def test_every_chart_of_the_rooms_is_tried_here_and_has_its_words():
    drawn = {name for room in ROOMS for name in vars(room) if name.startswith("draw_")}
    assert sorted(drawn - HELPERS) == ALL
    assert captions.names() == sorted(name.removeprefix("draw_") for name in ALL)


@pytest.mark.parametrize("name", ALL)
def test_title_subtitle_and_alternative_text_are_whole_and_state_values(name):
    chart = draw(name)
    assert chart.title != captions.caption(chart.name)["topic"] or name == "draw_model_comparison"
    assert len(chart.title.split()) >= 4
    assert len(chart.subtitle.split()) >= 6
    assert re.search(r"\d", chart.label)
    for text in (chart.title, chart.subtitle, chart.label, chart.note, chart.method):
        assert "{" not in text
        assert "None" not in text
        assert "not known" not in chart.title


@pytest.mark.parametrize("name", ALL)
def test_both_drawings_are_real_text_without_pixels_and_say_their_values(name):
    chart = draw(name)
    for drawing, width in ((chart.wide, WIDE), (chart.narrow, NARROW)):
        svg = drawing.svg(name, chart.label)
        assert f'viewBox="0 0 {width} ' in svg
        assert "<text" in svg
        assert "<image" not in svg
        assert "<style" not in svg
        assert "DejaVu" not in svg
        assert svg.count("<title>") == len(drawing.marks) > 0
        assert all(re.search(r"\d", mark.text) for mark in drawing.marks)
        assert not set(re.findall(r"#[0-9a-f]{6}", re.sub(r"var\(--chart-\w+, #\w+\)", "", svg)))


@pytest.mark.parametrize("name", ALL)
def test_no_text_is_too_small_on_a_phone(name):
    chart = draw(name)
    for drawing, shown in ((chart.wide, 620), (chart.narrow, PHONE)):
        svg = drawing.svg(name, "")
        width = float(re.search(r'viewBox="0 0 (\d+)', svg)[1])
        sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", svg)]
        least = 0.95 * SMALLEST if drawing is chart.wide else SMALLEST
        assert min(sizes) * min(1.0, shown / width) >= least


@pytest.mark.parametrize("name", ALL)
def test_marks_lie_inside_the_drawing(name):
    chart = draw(name)
    for drawing in (chart.wide, chart.narrow):
        width, height = 72 * drawing.figure.get_size_inches()
        assert all(0 <= mark.x <= width and 0 <= mark.y <= height for mark in drawing.marks)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.filterwarnings("error")
def test_one_row_is_drawn(name):
    assert draw(name, CASES[name][0].head(1)).html()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.filterwarnings("error")
def test_no_rows_and_the_reason_of_a_table_are_said(name):
    none = CASES[name][0].head(0)
    chart = draw(name, none)
    assert chart.reason
    assert (chart.wide, chart.narrow) == (None, None)
    assert chart.title == captions.caption(chart.name)["topic"]
    told = draw(name, unavailable.mark(none, "Too short a log."))
    assert "Too short a log." in told.html()
    assert "<svg" not in told.html()


@pytest.mark.parametrize("name", ALL)
def test_a_missing_column_is_named(name):
    frame, _ = CASES[name]
    function = inspect.unwrap(find_chart(name))
    gone = next(column for column in frame.columns if column not in {"ci_low", "ci_high"})
    with pytest.raises(ReportError, match=f"{function.__name__}: .*'{gone}'"):
        draw(name, frame.drop(columns=gone))


@pytest.mark.parametrize("name", ALL)
def test_nothing_outside_the_chart_changes(name):
    frame = CASES[name][0].copy()
    before, settings = frame.copy(), dict(mpl.rcParams)
    draw(name, frame)
    pd.testing.assert_frame_equal(frame, before)
    assert dict(mpl.rcParams) == settings
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", ALL)
def test_same_frame_gives_the_same_bytes_whatever_the_settings(name):
    once = draw(name).html()
    with mpl.rc_context({"svg.fonttype": "path", "font.size": 30, "savefig.dpi": 300}):
        again = draw(name).html()
    assert once == again


@pytest.mark.parametrize("name", ALL)
def test_identifiers_are_those_in_use_and_differ_between_the_drawings(name):
    html = draw(name).html()
    found = re.findall(r' id="([^"]+)"', html)
    assert len(found) == len(set(found))
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', html))
    assert set(found) == used


def test_labels_that_would_touch_are_moved_apart_and_keep_their_order():
    assert spread([0, 100], 10) == [0, 100]
    assert spread([50, 52], 10) == [46, 56]
    assert spread([0, 1, 2, 100], 10) == [-9, 1, 11, 100]


def test_a_chart_without_words_is_named():
    with pytest.raises(ReportError, match="'draw_nothing_known' has no 'topic'"):
        captions.caption("draw_nothing_known")
