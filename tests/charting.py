"""What tests of charts share: reading what a figure shows."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def interval(**columns: Any) -> pd.DataFrame:
    """Return a frame of the columns with an interval from 0.1 to 0.4."""
    return pd.DataFrame({**columns, "ci_low": 0.1, "ci_high": 0.4})


def read_texts(figure: Figure) -> list[str]:
    """Return the texts inside the axes."""
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def read_caption(figure: Figure) -> str:
    """Return the note below a figure."""
    return figure.get_supxlabel().replace("\n", " ")


def read_bars(axes: Axes) -> list[float]:
    """Return the heights of the bars."""
    return [bar.get_height() for bar in axes.patches]  # type: ignore[attr-defined]


def read_segments(axes: Axes, position: int = 0) -> list[list[list[float]]]:
    """Return the ends of the line segments drawn at once."""
    drawn = [part for part in axes.collections if hasattr(part, "get_segments")]
    return [np.round(segment, 6).tolist() for segment in drawn[position].get_segments()]
