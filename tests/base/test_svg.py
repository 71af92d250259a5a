"""A figure becomes SVG that follows the page it stands on."""

from matplotlib.figure import Figure

from analysis.base.svg import COLOURS, Mark, to_svg


def make_figure() -> Figure:
    figure = Figure(figsize=(2, 1), dpi=72)
    axes = figure.add_axes((0.1, 0.1, 0.8, 0.8))
    axes.plot([0.12345678, 0.5], [1.0, 2.0], color=COLOURS["1"])
    axes.set_axis_off()
    axes.text(0.3, 1.5, "a < 0.123", color=COLOURS["muted"], fontsize=13)
    return figure


def test_colours_are_variables_with_the_palette_behind_them():
    svg = to_svg(make_figure(), "a", "label")
    assert "stroke: var(--chart-1, #005b96)" in svg
    assert "fill: var(--chart-muted, #52606d)" in svg


def test_text_is_kept_as_it_is_and_marks_are_titles():
    svg = to_svg(make_figure(), "a", 'so "big"', [Mark(3.04, 5, "1 < 2")])
    assert ">a &lt; 0.123</text>" in svg
    assert 'aria-label="so &quot;big&quot;"' in svg
    assert '<circle cx="3.0" cy="5.0" r="6"><title>1 &lt; 2</title></circle>' in svg


def test_nothing_of_the_day_or_the_machine_is_in_it():
    svg = to_svg(make_figure(), "a", "label")
    assert svg == to_svg(make_figure(), "a", "label")
    for word in ("metadata", "Date", "DejaVu", "<!--", "xmlns:xlink", "<style"):
        assert word not in svg
