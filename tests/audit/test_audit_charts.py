"""Charts of the chapter audit."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.audit import charts
from analysis.base.charts import Chart
from tests.charting import axes_of, plain, read_bars, says, words_in
from tests.handmade import at, make_window

CASES: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
    "draw_daily_volume": (
        pd.DataFrame({"day": [at("2025-01-01"), at("2025-01-03")], "events": 7, "users": 3}),
        {"window": make_window("2025-01-01", "2025-01-05")},
    ),
    "draw_latency": (
        pd.DataFrame(
            {"delay": ["delay_event_created"] * 2, "seconds": [2, 7200], "count": [995, 5]}
        ),
        {},
    ),
    "draw_events_per_user": (pd.DataFrame({"event_count": [1, 4], "users": [2, 5]}), {}),
}
"""The least frame of each chart, and what else it takes."""


def draw(name: str, frame: pd.DataFrame | None = None, **options: Any) -> Chart:
    least, fixed = CASES[name]
    return getattr(charts, name)(least if frame is None else frame, **{**fixed, **options})


def test_days_without_a_row_are_drawn_as_zero():
    events, users = axes_of(draw("draw_daily_volume"))
    assert events.lines[0].get_ydata().tolist() == [7, 0, 7]
    assert users.lines[0].get_ydata().tolist() == [3, 0, 3]
    assert events.get_ylim()[0] == users.get_ylim()[0] == 0


def test_the_ends_of_the_window_are_lines_and_said():
    chart = draw("draw_daily_volume")
    ends = [line.get_xdata()[0] for line in axes_of(chart)[0].lines[1:]]
    assert ends == [0, 4]
    assert "1 January 2025 up to and including 4 January 2025" in plain(chart.subtitle)
    assert plain(chart.title) == "The report uses all 4 days of the log"


def test_a_wrong_date_is_counted_not_drawn():
    frame = CASES["draw_daily_volume"][0]
    far = frame.head(1).assign(day=at("1970-01-01"), events=1200)
    chart = draw("draw_daily_volume", pd.concat([frame, far]))
    assert axes_of(chart)[0].lines[0].get_ydata().tolist() == [7, 0, 7]
    assert "Not drawn: 1,200 events on days further away." in plain(chart.note)
    assert "leaves out 1,200 events" in plain(chart.title)
    one = draw("draw_daily_volume", pd.concat([frame, far.assign(events=1)]))
    assert "Not drawn: 1 event on days further away." in plain(one.note)


def test_days_of_few_users_are_gaps():
    frame = CASES["draw_daily_volume"][0].assign(users=[3, 20])
    rule = {"whole": "users", "rests": ["events"]}
    frame.attrs["people"] = {"minimum": 10, "rules": [rule]}
    chart = draw("draw_daily_volume", frame)
    for axes in axes_of(chart):
        assert np.isnan(axes.lines[0].get_ydata()).tolist() == [True, False, False]
    assert says(chart) == ["2 January 2025: 0 events, 0 active users",
                           "3 January 2025: 7 events, 20 active users"]  # fmt: skip
    assert "Gaps are days of too few users." in chart.note
    frame["day"] = [at("2025-02-01"), at("2025-01-03")]
    title = plain(draw("draw_daily_volume", frame).title)
    assert title == "The report uses 4 days of the log and leaves out other days, of few users"


def test_latency_is_the_share_that_takes_longer_on_log_scales():
    chart = draw("draw_latency")
    (axes,) = axes_of(chart)
    assert axes.get_xscale() == axes.get_yscale() == "log"
    line = axes.lines[0].get_xydata()
    assert line[-2:, 0].tolist() == [2, 7200]
    assert line[-2:, 1].tolist() == pytest.approx([0.005, 0.005])
    assert (
        plain(chart.title)
        == "99 % of events are recorded within 2 seconds; the slowest took 2 hours"
    )
    assert "Event to record: 0.50 % of events take longer than 1 hour" in says(chart)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.5, "0.5 seconds"),
        (1, "1 second"),
        (90, "1.5 minutes"),
        (86400, "1 day"),
        (1e6, "12 days"),
    ],
)
def test_a_delay_is_said_in_its_largest_unit(seconds, said):
    assert plain(charts.say_delay(seconds)) == said


def test_bars_of_events_double_in_width():
    chart = draw("draw_events_per_user")
    assert read_bars(axes_of(chart)[0]) == [0, 2, 0, 5]
    assert [text.split(":")[0] for text in says(chart)] == [
        "0 events", "1 event", "2 to 3 events", "4 to 7 events",
    ]  # fmt: skip
    assert {"0", "1", "2", "4"} <= set(words_in(chart))
    assert "Half of the users have 4 events or fewer" in plain(chart.title)
