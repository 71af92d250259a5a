"""What all drawings share: the theme, the two widths, axes at fixed places, labels beside lines.

Sizes are in CSS pixels: a drawing is as wide on the page as it is here, or a little narrower, and
its smallest text stays at 11 pixels or more. Places are fixed and no text is measured, so that the
drawing is the same on every machine and the page may use another font.
"""

import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, ScalarFormatter

from analysis.base.formats import format_month, format_value, with_decimal_mark
from analysis.base.svg import COLOURS, Mark, to_svg

Frame = pd.DataFrame

WIDE, NARROW = 720, 350
TEXT, SMALL = 13.0, 12.5
"""Sizes of text: labels, and the smallest there is."""
LETTER = 7.2
"""Room for one letter of TEXT, in a font wider than most."""
INK, MUTED, GRID, FAINT = (COLOURS[name] for name in ("ink", "muted", "grid", "faint"))
SERIES = tuple(COLOURS[name] for name in "1234")
HEAT, WARM = COLOURS["heat"], COLOURS["warm"]

THEME: Any = {
    **sns.axes_style("white"),
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same everywhere
    "font.size": TEXT,
    "axes.labelsize": SMALL,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "grid.color": GRID,
    "grid.linewidth": 1.0,
    "axes.axisbelow": True,
    "patch.force_edgecolor": False,
    "patch.edgecolor": "none",
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "lines.linewidth": 2.2,
    "lines.solid_capstyle": "round",
}


@dataclass(frozen=True)
class Drawing:
    """One of the two drawings of a chart, with the values that its marks say."""

    figure: Figure
    marks: tuple[Mark, ...]

    def svg(self, salt: str, label: str) -> str:
        """Return the drawing as an `svg` element: see svg.to_svg."""
        with mpl.rc_context(THEME):  # ticks are made when they are drawn
            return to_svg(self.figure, salt, label, self.marks)


@dataclass
class Canvas:
    """Where a chart is painted: `width` pixels, the words of its axes, and `say`, which fills one
    of the chart's templates.
    """

    width: int
    words: dict[str, Any]
    say: Callable[..., str]
    figure: Figure = field(default_factory=lambda: Figure(dpi=72))
    _marks: list[tuple[Axes, float, float, str]] = field(default_factory=list)

    @property
    def is_narrow(self) -> bool:
        """Whether this is the drawing for a phone."""
        return self.width < WIDE

    def panels(
        self,
        heights: Sequence[float],
        left: float = 50,
        right: float = 14,
        *,
        top: float = 14,
        bottom: float = 44,
        gap: float = 56,
        columns: int = 1,
    ) -> list[Axes]:
        """Return axes of the `heights` given, one under the other, or in so many equal `columns`
        of one height each; all around them so many pixels.
        """
        rows = [heights[start : start + columns] for start in range(0, len(heights), columns)]
        total = top + sum(row[0] for row in rows) + gap * (len(rows) - 1) + bottom
        self.figure.set_size_inches(self.width / 72, total / 72)
        each = (self.width - columns * (left + right)) / columns
        drawn, above = [], top
        for row in rows:
            for place, height in enumerate(row):
                across = left + place * (each + left + right)
                drawn.append(self.place(across, total - above - height, each, height))
            above += row[0] + gap
        return drawn

    def place(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """Return axes at a place of the figure, which has its size already; all in pixels."""
        across, up = (72 * inches for inches in self.figure.get_size_inches())
        return self.figure.add_axes((left / across, bottom / up, width / across, height / up))

    def panel(
        self, height: float, left: float = 50, right: float = 14, *, top: float = 14,
        bottom: float = 44,
    ) -> Axes:  # fmt: skip
        """Return the only axes, `height` pixels high: see panels."""
        return self.panels([height], left, right, top=top, bottom=bottom)[0]

    def mark(self, axes: Axes, x: float, y: float, text: str) -> None:
        """Let the place (x, y) of the axes say `text`."""
        if math.isfinite(x) and math.isfinite(y):
            self._marks.append((axes, float(x), float(y), text))

    def finish(self) -> Drawing:
        """Return what was painted, with plain ticks as the language in use writes numbers."""
        for axis in (axis for axes in self.figure.axes for axis in (axes.xaxis, axes.yaxis)):
            if type(axis.get_major_formatter()) is ScalarFormatter:
                axis.set_major_formatter(_Plain())
        height = 72 * self.figure.get_size_inches()[1]
        marks = []
        for axes, x, y, text in self._marks:
            across, up = to_pixels(axes, x, y)
            marks.append(Mark(across, float(height - up), text))
        return Drawing(self.figure, tuple(marks))


class _Plain(ScalarFormatter):
    """Writes ticks with the decimal mark of the language in use."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return with_decimal_mark(str(super().__call__(x, pos)))


# --- axes ---------------------------------------------------------------------------------------


def rule(axes: Axes, side: Literal["x", "y"] = "y") -> None:
    """Draw hairlines across the axes at the ticks of one side."""
    axes.grid(visible=True, axis=side)
    axes.tick_params(length=0, pad=6)


def name_y(axes: Axes, text: str, pad: float = 8) -> None:
    """Write what the vertical axis shows above it, where no head has to turn."""
    axes.set_title(text, loc="left", fontsize=SMALL, color=MUTED, pad=pad, x=0)


def format_shares(axes: Axes, side: str, top: float = 1.0, ticks: int = 5) -> None:
    """Start the axis at 0, end it at `top` (a share from 0 to 1), in percent."""
    axes.set(**{f"{side}lim": (0, min(1.0, top) if top > 0 else 1.0)})
    axis = axes.xaxis if side == "x" else axes.yaxis
    axis.set_major_locator(MaxNLocator(nbins=ticks, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(say_percent))


def format_counts(axis: Axis, ticks: int = 5) -> None:
    """Tick the axis at whole numbers, grouped by thousands."""
    axis.set_major_locator(MaxNLocator(nbins=ticks, integer=True))
    axis.set_major_formatter(FuncFormatter(say_count))


def say_percent(share: float, _position: int | None = None) -> str:
    """Return a share from 0 to 1 in percent, as a tick label."""
    percent = round(100 * share, 4)
    decimals = next(places for places in range(5) if round(percent, places) == percent)
    return format_value(percent / 100, "share", decimals=decimals)


def say_count(number: float, _position: int | None = None) -> str:
    """Return a number without decimals, grouped by thousands, as a tick label."""
    return format_value(number, "number", decimals=0)


def tick_some(axes: Axes, places: Any, labels: Sequence[str], most: int) -> None:
    """Tick the horizontal axis at the places, at most so many of them, the last among them."""
    step = max(1, math.ceil(len(places) / most))
    shown = [n for n in range(len(places)) if (len(places) - 1 - n) % step == 0]
    axes.set_xticks([places[n] for n in shown], [str(labels[n]) for n in shown])


def say_months(months: Iterable[object]) -> list[str]:
    """Return months such as "2025-09" in short words, as tick labels: "Sept 2025"."""
    return [format_month(month, length="short") for month in months]


def name_rows(axes: Axes, labels: Sequence[str], letters: int) -> None:
    """Name horizontal rows from the top down, on lines of so many letters."""
    axes.set_yticks(range(len(labels)), [""] * len(labels))
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    for row, label in enumerate(labels):
        lines = textwrap.wrap(label, letters) or [""]
        for number, line in enumerate(lines):
            shift = 14 * ((len(lines) - 1) / 2 - number)
            axes.annotate(
                line, (0, row), (-10, shift), xycoords=("axes fraction", "data"),
                textcoords="offset pixels", ha="right", va="center", fontsize=SMALL, color=INK,
            )  # fmt: skip


def rows_of(labels: Sequence[str], letters: int, least: float = 34) -> float:
    """Return the height of rows with such names, each as high as the longest name needs."""
    lines = max((len(textwrap.wrap(label, letters)) for label in labels), default=1)
    return len(labels) * max(least, 14 * lines + 6)


def room_for(labels: Iterable[str], letters: int) -> float:
    """Return the pixels that names of rows need beside the axes."""
    lines = [line for label in labels for line in textwrap.wrap(label, letters)]
    return 16 + LETTER * max((len(line) for line in lines), default=0)


def room_beside(labels: Iterable[str]) -> float:
    """Return the pixels that labels at the ends of lines need beside the axes: see label_ends."""
    return 14 + LETTER * max(map(len, labels), default=0)


# --- labels and reference lines -------------------------------------------------------------------


def label_ends(
    axes: Axes, ends: Sequence[tuple[float, str, str]], apart: float = 16, at: float = 1.0
) -> None:
    """Write texts to the right of the axes, each at its height in a colour of its own, moved apart
    where they would touch. `ends` holds height (of the data), text and colour; without a height
    there is nothing to name.
    """
    placed = sorted((end for end in ends if math.isfinite(end[0])), key=lambda end: end[0])
    pixels = [to_pixels(axes, 0, y)[1] for y, _, _ in placed]
    for (_, text, colour), y in zip(placed, spread(pixels, apart), strict=True):
        place = axes.transAxes.inverted().transform((0, y))[1]
        axes.annotate(
            text, (at, place), (7, 0), xycoords="axes fraction", textcoords="offset pixels",
            ha="left", va="center", color=colour, fontsize=TEXT, annotation_clip=False,
        )  # fmt: skip


def to_pixels(axes: Axes, x: float, y: float) -> tuple[float, float]:
    """Return where a place of the data is in the figure, from its lower left corner."""
    axes.viewLim  # noqa: B018 (matplotlib sets limits that follow from the data when it is read)
    across, up = axes.transData.transform((x, y))
    return float(across), float(up)


def spread(places: Sequence[float], apart: float) -> list[float]:
    """Return rising places at least so far apart, as near to the old ones as their order allows."""
    groups: list[tuple[float, int]] = []  # centre and size of what stands together
    for place in places:
        centre, size = place, 1
        while groups and groups[-1][0] + apart * (groups[-1][1] + size) / 2 > centre:
            before, number = groups.pop()
            centre = (before * number + centre * size) / (number + size)
            size += number
        groups.append((centre, size))
    return [c + apart * (n - (size - 1) / 2) for c, size in groups for n in range(size)]


def draw_reference(axes: Axes, value: float | None, vertical: bool = False) -> None:
    """Draw a dashed line at a value, when there is one."""
    if value is not None and math.isfinite(value):
        draw = axes.axvline if vertical else axes.axhline
        draw(value, color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1.5)


def write(axes: Axes, x: float, y: float, text: str, **look: Any) -> None:
    """Write at a place of the data, by default in the muted colour, to the right of it."""
    given = {"color": MUTED, "fontsize": SMALL, "ha": "left", "va": "center", **look}
    shift = given.pop("shift", (0, 0))
    axes.annotate(text, (x, y), shift, textcoords="offset pixels", annotation_clip=False, **given)


def draw_bars_of(axes: Axes, frame: Frame, places: Any, colour: Any, across: bool = False) -> None:
    """Draw ci_low to ci_high as a line at each place: its ends as given, never centred."""
    low, high = read(frame, "ci_low"), read(frame, "ci_high")
    known = np.isfinite(low) & np.isfinite(high)
    draw = axes.hlines if across else axes.vlines
    if known.any():
        draw(np.asarray(places)[known], low[known], high[known], color=colour, linewidth=2.2)


def draw_band(axes: Axes, x: Any, low: Any, high: Any, colour: str, **look: Any) -> None:
    """Draw an interval around a line as a band of its colour."""
    axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0, **look)


def shade(value: float, most: float, floor: float = 0.05, full: float = 0.62) -> float:
    """Return how opaque a cell is: pale at 0, at `most` as dark as ink on it can still be read."""
    return floor + (full - floor) * min(1.0, abs(value) / most) if most > 0 else floor


# --- numbers ----------------------------------------------------------------------------------


def find_max(values: Iterable[float], default: float) -> float:
    """Return the largest finite value, or `default` when there is none above 0."""
    finite = [float(value) for value in values if math.isfinite(value)]
    return max(finite) if finite and max(finite) > 0 else default


def read(frame: Frame, column: str) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """Return a column as floats, what is missing as NaN."""
    return pd.to_numeric(frame[column]).to_numpy(dtype=float, na_value=np.nan)


def read_ends(frame: Frame, *columns: str) -> list[float]:
    """Return all numbers of the columns the frame has, to set the limits of an axis."""
    present = [column for column in columns if column in frame.columns]
    return [float(value) for column in present for value in read(frame, column)]
