"""What all charts share: the theme, the frame they stand in, and how rates and groups are drawn."""

import functools
import inspect
import itertools
import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.base.disclosure import hide_bars, withhold_marked
from analysis.base.errors import ReportError
from analysis.base.formats import format_value, too_few
from analysis.base.names import distinct_cuts
from analysis.base.statistics import is_too_few
from analysis.base.unavailable import reason_of

P = ParamSpec("P")
Frame = pd.DataFrame

WIDTH, HEIGHT = 8.0, 4.5  # inches
MIN_USERS = 30  # the design's limit for a rate
MAX_GROUPS = 5  # lines that a reader can still distinguish
COLOURS: tuple[str, ...] = tuple(sns.color_palette("colorblind", 8).as_hex())
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v")
INK, MUTED, PALE = "#333333", "#666666", "#dddddd"

THEME: Any = {
    **sns.axes_style("whitegrid"),
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same everywhere
    "font.size": 11.5,
    "axes.labelsize": 11.5,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "legend.fontsize": 11,
    "legend.frameon": False,
    "axes.edgecolor": "#999999",
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": "#e6e6e6",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 2.0,
}


def chart(*required: str) -> Callable[[Callable[P, Figure]], Callable[P, Figure]]:
    """Make a chart: check its frame's columns, apply the theme, survive an empty frame; where the
    frame could not be computed, the chart says why. What rests on too few people is not drawn: see
    base.disclosure.
    """

    def decorate(draw: Callable[P, Figure]) -> Callable[P, Figure]:
        name = getattr(draw, "__name__", "chart")
        signature = inspect.signature(draw)

        @functools.wraps(draw)
        def draw_themed(*args: P.args, **options: P.kwargs) -> Figure:
            bound = signature.bind(*args, **options)
            bound.apply_defaults()
            first, frame = next(iter(bound.arguments.items()))
            reason = reason_of(frame)
            frame, _ = withhold_marked(frame)
            bound.arguments[first] = frame
            if not reason:
                require_columns(frame, required, name)
            with mpl.rc_context(THEME):
                if reason:
                    return draw_nothing(bound.arguments["title"], says=reason)
                if frame.empty:
                    return draw_nothing(bound.arguments["title"])
                for argument, value in bound.arguments.items():
                    bound.arguments[argument] = _with_short_names(value)
                return draw(*bound.args, **bound.kwargs)

        return draw_themed

    return decorate


def fill_bars(
    axes: Axes,
    values: Any,
    edges: Sequence[float],
    min_disclosed: int,
    weights: Any = None,
) -> str:
    """Draw a histogram of users without the bars of fewer than `min_disclosed`; return the note
    that says so, empty where every bar is drawn.
    """
    counts, _ = np.histogram(values, bins=edges, weights=weights)
    shown = hide_bars([float(count) for count in counts], min_disclosed)
    middles = [(low + high) / 2 for low, high in itertools.pairwise(edges)]
    sns.histplot(x=middles, weights=shown, bins=list(edges), color=COLOURS[0], ax=axes)
    if shown == [float(count) for count in counts]:
        return ""
    drawn = [edge for edge, count in zip(edges[1:], shown, strict=True) if count]
    axes.set_xlim(right=max([*drawn, edges[1]]))
    return f"Not drawn: bars of {too_few(min_disclosed)}, and what would give them away."


def _with_short_names(value: Any) -> Any:
    """Return a frame with its names as they can be drawn (names.distinct_cuts), a dollar being no
    formula; anything else as it is.
    """
    if not isinstance(value, pd.DataFrame):
        return value
    frame = value
    for name in value.columns:
        texts = {item for item in value[name].dropna().unique() if isinstance(item, str)}
        shown = {old: new.replace("$", r"\$") for old, new in distinct_cuts(texts).items()}
        if changed := {old: new for old, new in shown.items() if old != new}:
            frame = frame.assign(**{name: [changed.get(v, v) for v in frame[name]]})
    return frame


def require_one_model(frame: Frame, name: str) -> None:
    """Raise ReportError when the frame has rows of several models."""
    if "model" in frame.columns and frame["model"].nunique() > 1:
        models = _join_names(frame["model"].unique())
        raise ReportError(f"{name}: rows of several models ({models}). Pass those of one model.")


def require_columns(frame: Frame, required: Iterable[str], name: str) -> None:
    """Raise ReportError, naming what the frame has, when a column is absent."""
    absent = [column for column in required if column not in frame.columns]
    if absent:
        raise ReportError(
            f"{name}: the frame has no column {', '.join(map(repr, absent))}. "
            f"It has: {', '.join(map(str, frame.columns))}."
        )


def make_figure(rows: int = 1, columns: int = 1, height: float = HEIGHT, **share: Any) -> Figure:
    """Return an empty figure of rows times columns axes; `height` in inches."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure.subplots(rows, columns, squeeze=False, **share)
    return figure


def finish(figure: Figure, title: str, *notes: str) -> Figure:
    """Put the title above and the notes below, wrapped to the figure's width."""
    lines = math.ceil(len(title) / 68)
    text = textwrap.fill(title, math.ceil(len(title) / max(1, lines)) + 7)  # balanced lines
    figure.suptitle(text, x=0.01, ha="left", fontsize=13, fontweight="bold")
    caption = "\n".join(textwrap.fill(note, 104) for note in notes if note)
    if caption:
        figure.supxlabel(caption, x=0.01, ha="left", fontsize=9.5, color=MUTED)
    return figure


def draw_nothing(title: str, *notes: str, says: str = "No data") -> Figure:
    """Return a figure that `says` under its title why there is nothing to draw."""
    figure = make_figure()
    _say(figure.axes[0], textwrap.fill(says, 72))
    return finish(figure, title, *notes)


def _say(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=MUTED)
    axes.set(xticks=[], yticks=[])


def format_shares(
    axes: Axes, side: str, values: Iterable[float] = (1.0,), full: bool = False
) -> None:
    """Start the axis at 0, end it above the largest of `values` (1 when `full`), in percent."""
    top = 1.0 if full else min(1.0, 1.1 * find_max(values, default=1.0))
    axes.set(**{f"{side}lim": (0, top)})
    axis = axes.xaxis if side == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(say_percent))


def say_percent(share: float, _position: int | None = None) -> str:
    """Return a share from 0 to 1 in percent, as a tick label."""
    percent = round(100 * share, 4)
    decimals = next(places for places in range(5) if round(percent, places) == percent)
    return format_value(percent / 100, "share", decimals=decimals)


def format_counts(axis: Axis) -> None:
    """Tick the axis at whole numbers, grouped by thousands."""
    axis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axis.set_major_formatter(FuncFormatter(say_count))


def say_count(number: float, _position: int | None = None) -> str:
    """Return a number without decimals, grouped by thousands, as a tick label."""
    return format_value(number, "number", decimals=0)


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


def draw_intervals(
    axes: Axes, frame: Frame, places: Any, colour: Any, horizontal: bool = False
) -> None:
    """Draw ci_low to ci_high as a bar at each place: their ends as given, never centred."""
    if not {"ci_low", "ci_high"} <= set(frame.columns):
        return
    low, high = read(frame, "ci_low"), read(frame, "ci_high")
    known = np.isfinite(low) & np.isfinite(high)
    draw = axes.hlines if horizontal else axes.vlines
    if known.any():
        draw(
            np.asarray(places)[known], low[known], high[known], color=colour, linewidth=2, zorder=2
        )


def keep_large(
    frame: Frame, name: str, rate: str, min_users: int, size: str = "users"
) -> tuple[Frame, str]:
    """Return the rows worth drawing, and a note that names the ones that are not."""
    is_small = is_too_few(pd.to_numeric(frame[size]).fillna(0), min_users)
    kept = frame.loc[~is_small & frame[rate].notna()]
    if not is_small.any():
        return kept, ""
    named = _join_names(frame.loc[is_small, name].drop_duplicates())
    return kept, f"Not drawn, {too_few(min_users)}: {named}."


def _join_names(values: Iterable[Any], most: int = 8) -> str:
    names = [str(value) for value in values]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def list_groups(frame: Frame, column: str, limit: int = MAX_GROUPS) -> tuple[list[Any], str]:
    """Return the first groups in the frame's order, and a note that names the others."""
    groups = list(frame[column].drop_duplicates())
    note = f"Not drawn: {_join_names(groups[limit:])}." if len(groups) > limit else ""
    return groups[:limit], note


def style_line(position: int) -> dict[str, Any]:
    """Return the colour and dash of the line at this position among others."""
    return {"color": COLOURS[position % len(COLOURS)], "linestyle": DASHES[position % len(DASHES)]}


def place_legend(axes: Axes, count: int, place: str = "inside") -> None:
    """Show a legend for two series or more: "inside", "right" of or "above" the axes."""
    places: dict[str, dict[str, Any]] = {
        "inside": {},
        "right": {"loc": "center left", "bbox_to_anchor": (1.02, 0.5)},
        "above": {"loc": "lower right", "bbox_to_anchor": (1, 1), "ncols": 2, "borderaxespad": 0.2},
    }
    if count > 1:
        axes.legend(handlelength=2.8, **places[place])


def tilt(axes: Axes) -> None:
    """Turn the labels under the axes so that they end at their tick."""
    for label in axes.get_xticklabels():
        label.set(rotation=45, ha="right", rotation_mode="anchor")


def mark(axes: Axes, value: float | None, label: str, vertical: bool = True) -> None:
    """Draw a labelled reference line, when there is a value for it."""
    if value is None or not math.isfinite(value):
        return
    draw = axes.axvline if vertical else axes.axhline
    draw(value, color=INK, linewidth=1.2, linestyle=(0, (4, 3)), label=label, zorder=1.5)


def label_rows(axes: Axes, labels: Sequence[str], wrap: int = 28) -> None:
    """Name horizontal rows from the top down."""
    axes.set_yticks(range(len(labels)), [textwrap.fill(label, wrap) for label in labels])
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)


def grow(rows: int, each: float = 0.36, base: float = 1.6, most: float = 10.0) -> float:
    """Return the height in inches of a figure with so many rows."""
    return min(most, max(HEIGHT if rows > 4 else 3.2, base + each * rows))


def to_naive(values: Any) -> "pd.Series[Any]":
    """Return instants in UTC without their zone, as matplotlib draws them."""
    return pd.Series(pd.to_datetime(values, utc=True)).dt.tz_localize(None)
