"""Charts of the chapter audit."""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.audit import charts
from tests.charting import read_bars, read_caption, read_texts
from tests.handmade import at, make_window

CASES: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
    "draw_daily_volume": (
        pd.DataFrame({"day": [at("2025-01-01"), at("2025-01-03")], "events": 7, "users": 3}),
        {"window": make_window("2025-01-01", "2025-01-05")},
    ),
    "draw_latency": (
        pd.DataFrame(
            {"delay": ["delay_event_created", "other"], "seconds": [0, 2], "count": [9, 90]}
        ),
        {},
    ),
    "draw_events_per_user": (pd.DataFrame({"event_count": [1, 4], "users": [2, 5]}), {}),
    "draw_scorecard": (
        pd.DataFrame({"dimension": ["coverage", "b"], "score": [0.5, np.nan], "checks": [1, 0]}),
        {},
    ),
}
"""The least frame of each chart, and what else it takes."""


def draw(name: str, frame: pd.DataFrame | None = None, **options: Any) -> Figure:
    least, fixed = CASES[name]
    return getattr(charts, name)(least if frame is None else frame, **{**fixed, **options})


def test_days_without_a_row_are_drawn_as_zero():
    events, users = draw("draw_daily_volume").axes
    assert events.lines[0].get_ydata().tolist() == [7, 0, 7]
    assert users.lines[0].get_ydata().tolist() == [3, 0, 3]
    assert events.get_ylim()[0] == users.get_ylim()[0] == 0


def test_the_window_is_shaded_from_start_to_end():
    shaded = draw("draw_daily_volume").axes[0].patches[0]
    assert shaded.get_x() == mpl.dates.date2num(np.datetime64("2025-01-01"))
    assert shaded.get_width() == 4


def test_a_wrong_date_is_counted_not_drawn():
    frame = CASES["draw_daily_volume"][0]
    far = frame.head(1).assign(day=at("1970-01-01"), events=1200)
    figure = draw("draw_daily_volume", pd.concat([frame, far]))
    assert figure.axes[0].lines[0].get_ydata().tolist() == [7, 0, 7]
    assert "Not drawn: 1,200 events on days further away." in read_caption(figure)
    one = draw("draw_daily_volume", pd.concat([frame, far.assign(events=1)]))
    assert "Not drawn: 1 event on days further away." in read_caption(one)


def test_latency_bars_hold_all_events_on_a_log_axis():
    first, second = draw("draw_latency").axes
    assert (sum(read_bars(first)), sum(read_bars(second))) == (9, 90)
    assert first.get_yscale() == second.get_yscale() == "log"
    assert first.get_title() == "Event to record"


def test_events_per_user_has_bins_of_whole_numbers():
    axes = draw("draw_events_per_user").axes[0]
    assert read_bars(axes) == [2, 0, 0, 5]
    assert [bar.get_width() for bar in axes.patches] == [1, 1, 1, 1]
    wide = pd.DataFrame({"event_count": range(100), "users": 1})
    bars = read_bars(draw("draw_events_per_user", wide).axes[0])
    assert len(bars) <= 40
    assert set(bars[:-1]) == {3}


def test_scores_are_bars_from_zero_and_missing_ones_are_written():
    figure = draw("draw_scorecard")
    bars = figure.axes[0].patches
    assert [bar.get_width() for bar in bars] == [0.5, 0]
    assert read_texts(figure) == ["50.0\N{NO-BREAK SPACE}% (1 rule)", "not applicable (0 rules)"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["Coverage", "b"]
    assert figure.axes[0].get_xlim()[0] == 0
