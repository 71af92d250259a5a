"""Charts of the chapter segments."""

from typing import Any

import pandas as pd
import pytest

from analysis.base.charts import Chart
from analysis.contract import catalogue
from analysis.segments import charts
from tests.charting import axes_of, interval, plain, says, words_in

CASES: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
    "draw_cluster_selection": (
        pd.DataFrame(
            {
                "k": [2, 3],
                "silhouette": [0.2, 0.1],
                "stability": [0.9, 0.5],
                **dict(zip(charts.BESIDE["silhouette"], (0.3, 0.25, 0.28), strict=True)),
                **dict.fromkeys(charts.BESIDE["stability"], 0.7),
                **{n.replace("p95", "max_p95"): 0.3 for n in charts.BESIDE["silhouette"]},
            }
        ),
        {},
    ),
    "draw_cluster_profile": (
        pd.DataFrame(
            {
                "cluster": ["0", "1"],
                "feature": ["views", "views"],
                "mean": [1234.5, 7.25],
                "distance": [0.5, -0.5],
            }
        ),
        {},
    ),
    "draw_tier_churn": (
        interval(group=["silent_regular", "active_frequent"], users=[40, 60], rate=[0.3, 0.2]),
        {},
    ),
}
"""The least frame of each chart, and what else it takes."""


def draw(name: str, frame: pd.DataFrame | None = None, **options: Any) -> Chart:
    least, fixed = CASES[name]
    return getattr(charts, name)(least if frame is None else frame, **{**fixed, **options})


def test_clusters_are_beside_their_nulls():
    silhouette, stability = axes_of(draw("draw_cluster_selection"))
    assert [line.get_ydata()[0] for line in silhouette.lines] == [0.3, 0.25, 0.28, 0.2]
    assert [line.get_ydata()[0] for line in stability.lines] == [0.7, 0.7, 0.9]


@pytest.mark.parametrize(
    ("silhouette", "says_so"),
    [(0.2, "No number of groups stands out"), (0.4, "2 groups are tighter")],
)
def test_the_title_on_clusters_is_their_verdict(silhouette, says_so):
    frame = CASES["draw_cluster_selection"][0].assign(silhouette=[silhouette, 0.1])
    assert says_so in draw("draw_cluster_selection", frame).title


def test_a_cell_prints_the_mean_and_is_shaded_by_the_distance():
    chart = draw("draw_cluster_profile")
    assert {"1,234", "7.25"} <= set(words_in(chart))
    above, below = axes_of(chart)[0].patches
    assert above.get_alpha() == below.get_alpha()
    assert above.get_facecolor()[:3] != below.get_facecolor()[:3]
    assert says(chart)[1] == "1, views: mean 7.25, −0.5 standard deviations from all users"


def test_tiers_stand_in_their_order_and_the_title_names_both_ends():
    chart = draw("draw_tier_churn")
    bars, dots = axes_of(chart)
    assert [bar.get_width() for bar in bars.patches] == [60, 40]
    assert dots.lines[-1].get_xdata().tolist() == [0.2, 0.3]
    assert plain(chart.title) == (
        "Silent, regular users churn most, 30 %; active, frequent users least, 20 %"
    )


@pytest.mark.parametrize(("users", "rows"), [(30, 2), (29, 1)])
def test_a_tier_of_too_few_users_is_named_not_drawn(users, rows):
    frame = CASES["draw_tier_churn"][0].assign(users=[users, 60])
    chart = draw("draw_tier_churn", frame)
    assert len(says(chart)) == rows
    assert ("Silent, regular" in chart.note) is (rows == 1)


def test_names_of_many_groups_are_turned():
    tiers = [name for name in catalogue.words_of("segment") if name != "unknown"]
    frame = pd.DataFrame({"cluster": tiers, "feature": "views", "mean": 1.0, "distance": 0.1})
    for chart, turned in (
        (draw("draw_cluster_profile", frame), 9),
        (draw("draw_cluster_profile"), 0),
    ):
        texts = axes_of(chart)[0].texts
        assert sum(text.get_rotation() == 90 for text in texts) == turned
