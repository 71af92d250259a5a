"""Charts of the chapter segments."""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from analysis.base import charts as base_charts
from analysis.contract import catalogue
from analysis.segments import charts
from tests.charting import read_caption, read_texts

CASES: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
    "draw_cluster_selection": (
        pd.DataFrame(
            {
                "k": [2, 3],
                "silhouette": [0.2, 0.1],
                "stability": [0.9, 0.5],
                **dict(zip(charts.NULLS, (0.3, 0.25, 0.28), strict=True)),
                **{f"stability_{name}": 0.7 for name in charts.NULLS},
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
                "distance": [0.5, -0.5],
            }
        ),
        {},
    ),
    "draw_pca": (pd.DataFrame({"pc1": [0.0, 1.0], "pc2": [2.0, 1.0], "group": ["a", "b"]}), {}),
    "draw_boxplots": (
        pd.DataFrame({"views": [1.0, 2.0], "group": ["a", "b"]}),
        {"features": ["views"]},
    ),
}
"""The least frame of each chart, and what else it takes."""


def draw(name: str, frame: pd.DataFrame | None = None, **options: Any) -> Figure:
    least, fixed = CASES[name]
    return getattr(charts, name)(least if frame is None else frame, **{**fixed, **options})


def test_clusters_are_beside_their_nulls():
    silhouette, stability = draw("draw_cluster_selection").axes
    assert [line.get_ydata()[0] for line in silhouette.lines] == [0.2, 0.3, 0.25, 0.28]
    assert [line.get_ydata()[0] for line in stability.lines] == [0.9, 0.7, 0.7, 0.7]


def test_profile_prints_raw_means_over_standardised_colours():
    figure = draw("draw_cluster_profile")
    assert read_texts(figure) == ["1,234", "7.25"]
    cells = figure.axes[0].collections[0]
    assert cells.get_array().ravel().tolist() == [0.5, -0.5]
    assert cells.get_clim() == (-0.5, 0.5)


def test_pca_draws_a_sample_that_stays_the_same():
    points = pd.DataFrame({"pc1": range(3001), "pc2": 0, "group": "a"}).astype({"pc1": float})
    figures = [draw("draw_pca", points) for _ in range(2)]
    first, again = ([*f.axes[0].collections[0].get_offsets()[:, 0]] for f in figures)
    assert len(first) == 3000
    assert first == again
    assert read_caption(figures[0]) == "A random 3,000 of 3,001 users."


def test_boxes_have_the_median_of_their_group():
    frame = pd.DataFrame({"recency_days": [1, 2, 9, 5, np.nan], "group": ["a", "a", "a", "b", "b"]})
    axes = charts.draw_boxplots(frame, ["recency_days"]).axes[0]
    medians = [line.get_ydata()[0] for line in axes.lines if line.get_color() == base_charts.INK]
    assert medians == [2, 5]
    assert axes.get_title() == "Days since the last event"  # the catalogue's words


def test_the_legend_names_tiers_in_their_order_with_looks_of_their_own():
    tiers = list(catalogue.words_of("segment"))
    points = pd.DataFrame({"pc1": 0.0, "pc2": 1.0, "group": sorted(tiers)})
    axes = draw("draw_pca", points).axes[0]
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == list(catalogue.words_of("segment").values())
    assert names[:2] == ["Active, frequent", "Active, regular"]
    colours = {tuple(part.get_facecolor()[0][:3]) for part in axes.collections}
    assert len(colours) == len(tiers)


def test_clusters_stand_by_their_number():
    numbers = [f"group {number}" for number in range(1, 12)]
    points = pd.DataFrame({"pc1": 0.0, "pc2": 1.0, "group": sorted(numbers)})
    texts = draw("draw_pca", points).axes[0].get_legend().get_texts()
    assert [text.get_text() for text in texts] == numbers


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
        columns=["feature", "cluster", "mean", "distance"],
    )
    profile = charts.draw_cluster_profile(summary)
    rows = pd.DataFrame({"group": TIERS * 3, "views": range(27), "likes": range(27)})
    boxes = charts.draw_boxplots(rows, ["views", "likes"])
    assert find_overlaps(profile) == find_overlaps(boxes) == 0
    assert profile.axes[0].get_xticklabels()[0].get_text() == "Active, frequent"
    few = charts.draw_boxplots(rows.assign(group="a"), ["views"])
    assert few.axes[0].get_xticklabels()[0].get_rotation() == 0
