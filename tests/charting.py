"""What tests of charts share: reading what a chart shows."""

import re
from html import unescape
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.base.charts import Chart


def interval(**columns: Any) -> pd.DataFrame:
    """Return a frame of the columns with an interval from 0.1 to 0.4."""
    return pd.DataFrame({**columns, "ci_low": 0.1, "ci_high": 0.4})


def axes_of(chart: Chart, *, narrow: bool = False) -> list[Axes]:
    """Return the axes of one of the two drawings of a chart, which must have them."""
    drawing = chart.narrow if narrow else chart.wide
    assert drawing is not None, chart.reason
    return list(drawing.figure.axes)


def says(chart: Chart, *, narrow: bool = False) -> list[str]:
    """Return what the marks of a drawing say, in order, with plain spaces."""
    drawing = chart.narrow if narrow else chart.wide
    assert drawing is not None, chart.reason
    return [plain(mark.text) for mark in drawing.marks]


def plain(text: str) -> str:
    """Return a text with plain spaces instead of no-break ones."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def words_in(chart: Chart) -> list[str]:
    """Return the texts inside the wide drawing, as the page has them."""
    assert chart.wide is not None
    found = re.findall(r"<text[^>]*>([^<]*)</text>", chart.wide.svg("x", ""))
    return [plain(unescape(text)) for text in found]


def read_bars(axes: Axes) -> list[float]:
    """Return the heights of the bars."""
    return [bar.get_height() for bar in axes.patches]  # type: ignore[attr-defined]


def read_segments(axes: Axes, position: int = 0) -> list[list[list[float]]]:
    """Return the ends of the line segments drawn at once."""
    drawn = [part for part in axes.collections if hasattr(part, "get_segments")]
    return [np.round(segment, 6).tolist() for segment in drawn[position].get_segments()]
