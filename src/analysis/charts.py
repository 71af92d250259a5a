"""Charts for the reader: a frame of artifacts in, a matplotlib Figure out.

Every chart has one theme (white, colour-blind safe, lines that also differ in dash
and marker), a title, named axes with units, intervals where the frame has them, and
rate axes that start at 0. Default titles say what is shown, never what was found:
pass `title` for a sentence that depends on the result. Groups under `min_users` are
left out and named under the axes; an empty frame gives axes that say "No data".

A Figure is never registered with pyplot, so a notebook shows it once, as the value
of a cell, under `%matplotlib inline`. Resolution is the notebook's (`figure.dpi`).
The same frame gives the same pixels; for the same PNG bytes on every matplotlib save
with `metadata={"Software": None}`: no time is ever written into a PNG.
"""

import functools
import inspect
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
from matplotlib.colors import ListedColormap
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, StrMethodFormatter

from analysis.errors import ReportError
from analysis.tables import format_value

P = ParamSpec("P")
Frame = pd.DataFrame

WIDTH, HEIGHT = 8.0, 4.5  # inches
MIN_USERS = 30  # the design's limit for a rate
MAX_GROUPS = 5  # lines that can still be told apart
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


# Short names that charts draw by, and the artifacts' own names for the same columns.
ALIASES = {
    "fpr": "false_positive_rate",
    "tpr": "true_positive_rate",
    "profit_total": "expected_profit",
    "standardised_mean": "distance",
}


# --- what all charts share ------------------------------------------------------------


def _chart(*required: str) -> Callable[[Callable[P, Figure]], Callable[P, Figure]]:
    """Make a chart: check its frame's columns, apply the theme, survive an empty frame."""

    def decorate(draw: Callable[P, Figure]) -> Callable[P, Figure]:
        name = getattr(draw, "__name__", "chart")
        signature = inspect.signature(draw)

        @functools.wraps(draw)
        def draw_themed(*args: P.args, **options: P.kwargs) -> Figure:
            bound = signature.bind(*args, **options)
            bound.apply_defaults()
            first, given = next(iter(bound.arguments.items()))
            frame = bound.arguments[first] = _apply_aliases(given, required)
            _require_columns(frame, required, name)
            with mpl.rc_context(THEME):
                if frame.empty:
                    return _draw_nothing(bound.arguments["title"])
                return draw(*bound.args, **bound.kwargs)

        return draw_themed

    return decorate


def _apply_aliases(frame: Frame, required: Iterable[str]) -> Frame:
    absent = [name for name in required if name in ALIASES and name not in frame.columns]
    return frame.rename(columns={ALIASES[name]: name for name in absent})


def _require_one_model(frame: Frame, name: str) -> None:
    if "model" in frame.columns and frame["model"].nunique() > 1:
        models = _join_names(frame["model"].unique())
        raise ReportError(f"{name}: rows of several models ({models}). Pass those of one model.")


def _require_columns(frame: Frame, required: Iterable[str], name: str) -> None:
    absent = [column for column in required if column not in frame.columns]
    if absent:
        raise ReportError(
            f"{name}: the frame has no column {', '.join(map(repr, absent))}. "
            f"It has: {', '.join(map(str, frame.columns))}."
        )


def _make_figure(rows: int = 1, columns: int = 1, height: float = HEIGHT, **share: Any) -> Figure:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure.subplots(rows, columns, squeeze=False, **share)
    return figure


def _finish(figure: Figure, title: str, *notes: str) -> Figure:
    """Put the title above and the notes below, wrapped to the figure's width."""
    lines = math.ceil(len(title) / 68)
    text = textwrap.fill(title, math.ceil(len(title) / max(1, lines)) + 7)  # balanced lines
    figure.suptitle(text, x=0.01, ha="left", fontsize=13, fontweight="bold")
    caption = "\n".join(textwrap.fill(note, 104) for note in notes if note)
    if caption:
        figure.supxlabel(caption, x=0.01, ha="left", fontsize=9.5, color=MUTED)
    return figure


def _draw_nothing(title: str, *notes: str) -> Figure:
    figure = _make_figure()
    _say_no_data(figure.axes[0])
    return _finish(figure, title, *notes)


def _say_no_data(axes: Axes) -> None:
    axes.text(0.5, 0.5, "No data", transform=axes.transAxes, ha="center", va="center", color=MUTED)
    axes.set(xticks=[], yticks=[])


def _format_shares(
    axes: Axes, side: str, values: Iterable[float] = (1.0,), full: bool = False
) -> None:
    """Start the axis at 0, end it above the largest of `values` (1 when `full`), in percent."""
    top = 1.0 if full else min(1.0, 1.1 * _find_max(values, default=1.0))
    axes.set(**{f"{side}lim": (0, top)})
    axis = axes.xaxis if side == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(_say_percent))


def _say_percent(share: float, _position: int | None = None) -> str:
    return f"{round(100 * share, 4):g} %"


def _format_counts(axis: Axis) -> None:
    axis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def _find_max(values: Iterable[float], default: float) -> float:
    finite = [float(value) for value in values if math.isfinite(value)]
    return max(finite) if finite and max(finite) > 0 else default


def _read(frame: Frame, column: str) -> "np.ndarray[Any, np.dtype[np.float64]]":
    return pd.to_numeric(frame[column]).to_numpy(dtype=float, na_value=np.nan)


def _read_ends(frame: Frame, *columns: str) -> list[float]:
    """Return all numbers of the columns the frame has, to set the limits of an axis."""
    present = [column for column in columns if column in frame.columns]
    return [float(value) for column in present for value in _read(frame, column)]


def _draw_intervals(
    axes: Axes, frame: Frame, places: Any, colour: Any, horizontal: bool = False
) -> None:
    """Draw ci_low to ci_high as a bar at each place: their ends as given, never centred."""
    if not {"ci_low", "ci_high"} <= set(frame.columns):
        return
    low, high = _read(frame, "ci_low"), _read(frame, "ci_high")
    known = np.isfinite(low) & np.isfinite(high)
    draw = axes.hlines if horizontal else axes.vlines
    if known.any():
        draw(
            np.asarray(places)[known], low[known], high[known], color=colour, linewidth=2, zorder=2
        )


def _keep_large(
    frame: Frame, name: str, rate: str, min_users: int, size: str = "users"
) -> tuple[Frame, str]:
    """Return the rows worth drawing, and a note that names the ones that are not."""
    is_small = pd.to_numeric(frame[size]).fillna(0) < min_users
    kept = frame.loc[~is_small & frame[rate].notna()]
    if not is_small.any():
        return kept, ""
    named = _join_names(frame.loc[is_small, name].drop_duplicates())
    return kept, f"Not drawn, fewer than {min_users} users: {named}."


def _join_names(values: Iterable[Any], most: int = 8) -> str:
    names = [str(value) for value in values]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def _list_groups(frame: Frame, column: str, limit: int = MAX_GROUPS) -> tuple[list[Any], str]:
    """Return the first groups in the frame's order, and a note that names the others."""
    groups = list(frame[column].drop_duplicates())
    note = f"Not drawn: {_join_names(groups[limit:])}." if len(groups) > limit else ""
    return groups[:limit], note


def _style(position: int) -> dict[str, Any]:
    return {"color": COLOURS[position % len(COLOURS)], "linestyle": DASHES[position % len(DASHES)]}


def _place_legend(axes: Axes, count: int, place: str = "inside") -> None:
    """Show a legend for two series or more: "inside", "right" of or "above" the axes."""
    places: dict[str, dict[str, Any]] = {
        "inside": {},
        "right": {"loc": "center left", "bbox_to_anchor": (1.02, 0.5)},
        "above": {"loc": "lower right", "bbox_to_anchor": (1, 1), "ncols": 2, "borderaxespad": 0.2},
    }
    if count > 1:
        axes.legend(handlelength=2.8, **places[place])


def _tilt(axes: Axes) -> None:
    """Turn the labels under the axes so that they end at their tick."""
    for label in axes.get_xticklabels():
        label.set(rotation=45, ha="right", rotation_mode="anchor")


def _mark(axes: Axes, value: float | None, label: str, vertical: bool = True) -> None:
    """Draw a labelled reference line, when there is a value for it."""
    if value is None or not math.isfinite(value):
        return
    draw = axes.axvline if vertical else axes.axhline
    draw(value, color=INK, linewidth=1.2, linestyle=(0, (4, 3)), label=label, zorder=1.5)


def _label_rows(axes: Axes, labels: Sequence[str], wrap: int = 28) -> None:
    """Name horizontal rows from the top down."""
    axes.set_yticks(range(len(labels)), [textwrap.fill(label, wrap) for label in labels])
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)


def _grow(rows: int, each: float = 0.36, base: float = 1.6, most: float = 10.0) -> float:
    return min(most, max(HEIGHT if rows > 4 else 3.2, base + each * rows))


def _to_naive(values: Any) -> "pd.Series[Any]":
    return pd.Series(pd.to_datetime(values, utc=True)).dt.tz_localize(None)


# --- audit ----------------------------------------------------------------------------


@_chart("day", "events", "users")
def draw_daily_volume(
    daily: Frame,
    *,
    log_start: pd.Timestamp,
    log_end: pd.Timestamp,
    title: str = "Events and active users per day, and the window the report trusts",
) -> Figure:
    """Return two panels over the same days: `events` and `users` (counts) per UTC `day`.

    [log_start, log_end) is shaded. Days without a row are days without events, drawn
    as 0. Days further from the window than half its length are counted in the note
    instead of drawn, so that one wrong date does not squeeze the rest.
    """
    start, end = _to_naive([log_start, log_end])
    counts, note = _fill_days(daily, start, end)
    figure = _make_figure(2, 1, height=4.8, sharex=True)
    names = {"events": "Events per day", "users": "Active users per day"}
    for axes, (column, label), colour in zip(figure.axes, names.items(), COLOURS, strict=False):
        axes.axvspan(start, end, color=COLOURS[7], alpha=0.18, linewidth=0)
        axes.plot(counts.index, counts[column], color=colour, linewidth=1.2, drawstyle="steps-post")
        axes.set(ylabel=label, ylim=(0, 1.08 * _find_max(counts[column], default=1)))
        _format_counts(axes.yaxis)
    _format_days(axes)
    axes.set_xlabel("Day (UTC)")
    figure.align_ylabels()
    span = f"Shaded: {start:%Y-%m-%d} up to, not including, {end:%Y-%m-%d}."
    return _finish(figure, title, span, note)


def _format_days(axes: Axes) -> None:
    locator: Any = AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _fill_days(daily: Frame, start: Any, end: Any) -> tuple[Frame, str]:
    counts = daily.assign(day=_to_naive(daily["day"]).to_numpy()).set_index("day")
    counts = counts[["events", "users"]].sort_index()
    margin = (end - start) / 2
    is_near = (counts.index >= start - margin) & (counts.index <= end + margin)
    outside = int(counts.loc[~is_near, "events"].sum())
    counts = counts.loc[is_near]
    if len(counts):
        days = pd.date_range(counts.index.min(), counts.index.max(), freq="D")
        counts = counts.reindex(days, fill_value=0)
    return counts, f"{outside:,} events on days further away are not drawn." if outside else ""


@_chart("delay", "seconds", "count")
def draw_latency(
    histogram: Frame,
    *,
    bins: int = 40,
    title: str = "Delay between the three timestamps of an event",
) -> Figure:
    """Return one panel per `delay`: events (`count`, log axis) by delay in `seconds`."""
    delays, note = _list_groups(histogram, "delay", limit=3)
    figure = _make_figure(1, len(delays), sharey=True)
    for axes, delay, colour in zip(figure.axes, delays, COLOURS, strict=False):
        part = histogram.loc[histogram["delay"] == delay].astype({"seconds": float})
        look: dict[str, Any] = {"color": colour, "alpha": 1, "linewidth": 0}
        sns.histplot(part, x="seconds", weights="count", bins=bins, ax=axes, **look)
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.8)
        axes.set_title(str(delay).replace("_", " "), fontsize=11)
        axes.set(xlabel="Delay (seconds)", ylabel="Events (log scale)")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
    return _finish(figure, title, note)


@_chart("event_count", "users")
def draw_events_per_user(
    frame: Frame, *, bins: int = 40, title: str = "Users by number of events"
) -> Figure:
    """Return a histogram: `users` (count) by `event_count` (events per user), in at most
    `bins` bins of equal width.
    """
    figure = _make_figure()
    axes = figure.axes[0]
    values = frame.astype({"event_count": float})
    low, high = values["event_count"].min(), values["event_count"].max()
    width = math.ceil((high - low + 1) / bins)  # whole numbers: equal bins hold equal many
    edges = (np.arange(low, high + width + 1, width) - 0.5).tolist()
    sns.histplot(values, x="event_count", weights="users", ax=axes, color=COLOURS[0], bins=edges)
    axes.set(xlabel="Events per user", ylabel="Users")
    _format_counts(axes.xaxis)
    _format_counts(axes.yaxis)
    return _finish(figure, title)


@_chart("dimension", "score", "checks")
def draw_scorecard(
    scorecard: Frame, *, title: str = "Data quality score by dimension, with its number of checks"
) -> Figure:
    """Return one bar per `dimension`: its `score` (0 to 1) and its number of `checks`.

    A missing score is written as not applicable, without a bar.
    """
    figure = _make_figure(height=_grow(len(scorecard), 0.5))
    axes = figure.axes[0]
    scores = _read(scorecard, "score")
    axes.barh(range(len(scores)), np.nan_to_num(scores), color=COLOURS[0], height=0.6)
    for row, (score, checks) in enumerate(zip(scores, scorecard["checks"], strict=True)):
        said = format_value(score, "share") if math.isfinite(score) else "not applicable"
        unit = "check" if checks == 1 else "checks"
        text = f"{said} ({checks:.0f} {unit})"
        axes.text(np.nan_to_num(score) + 0.01, row, text, va="center", fontsize=10.5)
    _label_rows(axes, [str(name).replace("_", " ") for name in scorecard["dimension"]])
    _format_shares(axes, "x", full=True)
    axes.set(xlim=(0, 1.32), xticks=np.linspace(0, 1, 6), xlabel="Score (100 % = best)")
    return _finish(figure, title)


# --- cohorts --------------------------------------------------------------------------


@_chart("cohort_month", "event_month", "cohort_size", "retention_rate", "is_observed")
def draw_retention_heatmap(
    retention_cohorts: Frame,
    *,
    min_users: int = MIN_USERS,
    title: str = "Share of each signup month's users who were active, month by month",
) -> Figure:
    """Return a grid: `cohort_month` (rows) by `event_month`, coloured by `retention_rate`.

    Cells that are not fully observed are hatched, cohorts under `min_users` plain grey,
    months before signup white. Numbers are printed where they fit (16 x 40 cells).
    """
    rates, states = _grid_cohorts(retention_cohorts, min_users)
    rows, columns = rates.shape
    figure = _make_figure(height=_grow(rows, 0.27, base=2.0, most=9.0))
    axes = figure.axes[0]
    axes.patch.set(facecolor="#f7f7f7", edgecolor="#c4c4c4", hatch="////")
    plain = ListedColormap(["white", PALE])
    common: dict[str, Any] = {"ax": axes, "xticklabels": False, "yticklabels": False}
    sns.heatmap(states, mask=states.isna(), cmap=plain, vmin=0, vmax=1, cbar=False, **common)
    numbers = rates.map(lambda rate: f"{100 * rate:.0f} %") if columns <= 16 >= rows / 2.5 else None
    if numbers is not None and columns > 11:
        numbers = numbers.map(lambda text: text.removesuffix(" %"))
    top = min(1.0, math.ceil(10 * _find_max(rates.to_numpy().ravel(), default=1.0)) / 10)
    bar = {"format": FuncFormatter(_say_percent), "label": "Active users / cohort size"}
    sns.heatmap(
        rates,
        mask=rates.isna(),
        cmap="Blues",
        vmin=0,
        vmax=top,
        annot=False if numbers is None else numbers,
        fmt="",
        annot_kws={"fontsize": 9},
        cbar_kws=bar,
        linewidths=0.5 if numbers is not None else 0,
        **common,
    )
    _label_cells(axes.xaxis, list(rates.columns), most=11)
    _label_cells(axes.yaxis, list(rates.index), most=26)
    axes.set(xlabel="Month of activity", ylabel="Signup month")
    if columns > 6:
        _tilt(axes)
    return _finish(figure, title, _explain_cells(rates, states, min_users))


def _grid_cohorts(cohorts: Frame, min_users: int) -> tuple[Frame, Frame]:
    """Return rates (missing where not shown) and states (0 before signup, 1 too few)."""
    months = cohorts.assign(
        cohort_month=cohorts["cohort_month"].astype(str).str[:7],
        event_month=cohorts["event_month"].astype(str).str[:7],
    )
    observed = months["is_observed"].fillna(False).astype(bool)
    is_small = observed & (months["cohort_size"] < min_users)
    months["rate"] = months["retention_rate"].astype(float).where(observed & ~is_small)
    months["state"] = is_small.astype(float).where(is_small)
    rates = months.pivot(index="cohort_month", columns="event_month", values="rate")
    states = months.pivot(index="cohort_month", columns="event_month", values="state")
    rows, columns = rates.index.to_numpy(str)[:, None], rates.columns.to_numpy(str)[None, :]
    return rates, states.mask((columns < rows) & rates.isna().to_numpy(), 0.0)


def _label_cells(axis: Axis, labels: Sequence[str], most: int) -> None:
    step = math.ceil(len(labels) / most)
    places = range(0, len(labels), step)
    axis.set_ticks([place + 0.5 for place in places], [str(labels[place]) for place in places])


def _explain_cells(rates: Frame, states: Frame, min_users: int) -> str:
    unknown = bool((rates.isna() & states.isna()).to_numpy().any())
    small = bool((states == 1).to_numpy().any())
    before = bool((states == 0).to_numpy().any())
    said = [
        "Hatched: not fully observed by the log." if unknown else "",
        f"Grey: fewer than {min_users} users." if small else "",
        "White: before signup." if before else "",
    ]
    return " ".join(filter(None, said))


@_chart("definition", "day", "eligible_users", "retention_rate", "ci_low", "ci_high")
def draw_retention_days(
    retention_days: Frame,
    *,
    min_users: int = MIN_USERS,
    title: str = "Share of new users active again, by day and by definition, 95 % interval",
) -> Figure:
    """Return points with intervals: `retention_rate` by `day` since signup and `definition`.

    Up to 12 days stand side by side at equal steps; more are drawn to scale.
    """
    spoken = [_say_definition(name) for name in retention_days["definition"]]
    which = [
        f"day {day:g} ({said})" for day, said in zip(retention_days["day"], spoken, strict=True)
    ]
    named = retention_days.assign(which=which)
    kept, note = _keep_large(named, "which", "retention_rate", min_users, size="eligible_users")
    if kept.empty:
        return _draw_nothing(title, note)
    figure = _make_figure()
    axes = figure.axes[0]
    days = sorted(kept["day"].unique())
    names, more = _list_groups(kept, "definition")
    for position, name in enumerate(names):
        part = kept.loc[kept["definition"] == name].sort_values("day")
        if len(days) <= 12:
            shift = 0.16 * (position - (len(names) - 1) / 2)
            places = [days.index(day) + shift for day in part["day"]]
            _draw_points(axes, part, places, "retention_rate", _say_definition(name), position)
        else:
            _draw_ribbon(axes, part, "day", "retention_rate", _say_definition(name), position)
    if len(days) <= 12:
        axes.set_xticks(range(len(days)), [f"{day:g}" for day in days])
        axes.set_xlim(-0.5, len(days) - 0.5)
    axes.set(xlabel="Days since signup (N)", ylabel="Share of eligible users")
    _format_shares(axes, "y", _read_ends(kept, "retention_rate", "ci_high"))
    _place_legend(axes, len(names), place="right")
    return _finish(figure, title, note, more)


def _say_definition(name: str) -> str:
    known = {"on_day": "on day N", "on_or_after": "on day N or later", "within": "within N days"}
    return known.get(name, str(name).replace("_", " "))


def _draw_points(
    axes: Axes, part: Frame, places: Sequence[float], value: str, label: str, position: int
) -> None:
    look: dict[str, Any] = {"marker": MARKERS[position], "markersize": 7, "linestyle": "none"}
    colour = COLOURS[position]
    _draw_intervals(axes, part, places, colour)
    axes.plot(places, part[value], color=colour, label=label, clip_on=False, zorder=3, **look)


def _draw_ribbon(axes: Axes, part: Frame, x: str, y: str, label: str, position: int) -> None:
    low, high = _read(part, "ci_low"), _read(part, "ci_high")
    axes.fill_between(part[x], low, high, color=COLOURS[position], alpha=0.2, linewidth=0)
    axes.plot(part[x], part[y], label=label, **_style(position))


@_chart("group", "day", "at_risk", "survival", "ci_low", "ci_high")
def draw_survival(
    survival: Frame,
    *,
    title: str = "Share of users still active, by days since signup, 95 % interval",
) -> Figure:
    """Return step curves of `survival` (0 to 1) by `day` with ribbons, one per `group`.

    Users at risk are printed below, as of the last row at or before each day. The first
    five groups of the frame are drawn.
    """
    groups, note = _list_groups(survival, "group")
    figure = Figure(figsize=(WIDTH, HEIGHT + 0.24 * len(groups)), layout="constrained")
    heights = [10, 0.7 * len(groups) + 0.7]
    axes, table = figure.subplots(2, 1, sharex=True, height_ratios=heights)
    for position, group in enumerate(groups):
        part = survival.loc[survival["group"] == group].sort_values("day")
        _draw_curve(axes, part, str(group), position)
    _format_shares(axes, "y", full=True)
    axes.set_ylabel("Share still active")
    axes.set_xlim(0, _find_max(survival["day"], default=1))
    axes.tick_params(labelbottom=True)
    axes.set_xlabel("Days since signup")
    _place_legend(axes, len(groups))
    _print_at_risk(table, survival, groups, [day for day in axes.get_xticks() if day >= 0])
    return _finish(figure, title, note)


def _draw_curve(axes: Axes, part: Frame, label: str, position: int) -> None:
    part = part.iloc[int(part["survival"].notna().argmax()) :]  # from the first day followed
    days, values = _read(part, "day"), _read(part, "survival")
    if 0 < days[0] <= 1:  # everyone is active at signup
        days, values = np.insert(days, 0, 0.0), np.insert(values, 0, 1.0)
    low, high = (_read(part, end) for end in ("ci_low", "ci_high"))
    colour = COLOURS[position]
    axes.fill_between(part["day"], low, high, step="post", color=colour, alpha=0.2, linewidth=0)
    axes.plot(days, values, drawstyle="steps-post", label=label, **_style(position))


def _print_at_risk(axes: Axes, survival: Frame, groups: Sequence[Any], ticks: list[float]) -> None:
    for row, group in enumerate(groups):
        at_risk = survival.loc[survival["group"] == group].set_index("day")["at_risk"].sort_index()
        for day in ticks:
            before = at_risk.loc[:day]
            is_followed = len(before) and (day > 0 or before.iloc[-1] > 0)
            if is_followed and day <= survival["day"].max():
                text = f"{before.iloc[-1]:,.0f}"
                axes.text(day, row, text, ha="center", va="center", fontsize=9.5)
    _label_rows(axes, [str(group) for group in groups], wrap=14)
    axes.tick_params(labelbottom=False, labelsize=9.5, length=0)
    axes.set_title("Users at risk", loc="left", fontsize=10, color=MUTED)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


@_chart("cohort_month", "churn_rate", "users", "is_covered")
def draw_label_by_cohort(
    frame: Frame,
    *,
    min_users: int = 1,
    title: str = "Published churn rate by signup month, before and after the log starts",
) -> Figure:
    """Return one bar per `cohort_month`: `churn_rate` (0 to 1), hatched where the log
    does not cover the cohort (`is_covered` false). Intervals are drawn when given.
    """
    kept, note = _keep_large(frame, "cohort_month", "churn_rate", min_users)
    if kept.empty:
        return _draw_nothing(title, note)
    kept = kept.assign(cohort_month=kept["cohort_month"].astype(str).str[:7])
    kept = kept.sort_values("cohort_month", ignore_index=True)
    figure = _make_figure()
    axes = figure.axes[0]
    looks: dict[bool, Any] = {
        False: {"label": "not covered by the log", "color": PALE, "hatch": "////"},
        True: {"label": "covered by the log", "color": COLOURS[0]},
    }
    for is_covered, look in looks.items():
        part = kept.loc[kept["is_covered"].astype(bool) == is_covered]
        if len(part):
            axes.bar(part.index, part["churn_rate"], width=0.8, edgecolor="white", **look)
    _draw_intervals(axes, kept, kept.index.to_numpy(), INK)
    step = math.ceil(len(kept) / 12)
    axes.set_xticks(range(0, len(kept), step), kept["cohort_month"].iloc[::step])
    if len(kept) > 7:
        _tilt(axes)
    axes.grid(axis="x", visible=False)
    axes.set(xlabel="Signup month", ylabel="Share labelled as churned")
    _format_shares(axes, "y", full=True)
    _place_legend(axes, 2, place="above")
    return _finish(figure, title, note)


# --- model ----------------------------------------------------------------------------


def _draw_lines(axes: Axes, frame: Frame, x: str, y: str, **options: Any) -> int:
    """Draw one line per `model`, in the frame's order, and return how many."""
    models, _ = _list_groups(frame, "model", limit=len(COLOURS))
    for position, model in enumerate(models):
        part = frame.loc[frame["model"] == model]
        style = _style(position)
        axes.plot(part[x], part[y], label=str(model).replace("_", " "), **style, **options)
    return len(models)


def _make_square(axes: Axes, top: float = 1.0) -> None:
    for side in ("x", "y"):
        _format_shares(axes, side, [top / 1.1])
    axes.set_aspect("equal")


@_chart("model", "fpr", "tpr")
def draw_roc(
    roc_points: Frame, *, title: str = "ROC curve: churners found against false alarms"
) -> Figure:
    """Return one curve per `model`: `tpr` by `fpr` (0 to 1), with the diagonal of chance."""
    figure = _make_figure()
    axes = figure.axes[0]
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1.2, linestyle=":", label="chance")
    _draw_lines(axes, roc_points, "fpr", "tpr", clip_on=False)
    _make_square(axes, top=1.1)
    axes.set(xlabel="False alarms (share of those who stay)", ylabel="Churners found (share)")
    _place_legend(axes, 2, place="right")
    return _finish(figure, title)


@_chart("model", "recall", "precision")
def draw_pr(
    pr_points: Frame,
    *,
    base_rate: float | None = None,
    title: str = "Precision against recall, beside the base rate",
) -> Figure:
    """Return one step curve per `model`: `precision` by `recall` (0 to 1).

    The base rate (share of churners) comes from `base_rate`, else from the first value
    of a column of that name, and is drawn as a line.
    """
    figure = _make_figure()
    axes = figure.axes[0]
    if base_rate is None and "base_rate" in pr_points.columns:
        base_rate = float(pr_points["base_rate"].iloc[0])
    _mark(axes, base_rate, "base rate", vertical=False)
    _draw_lines(axes, pr_points, "recall", "precision", drawstyle="steps-post", clip_on=False)
    _make_square(axes, top=1.1)
    axes.set(xlabel="Recall (share of churners found)", ylabel="Precision (share of alarms)")
    _place_legend(axes, 2, place="right")
    return _finish(figure, title)


@_chart("mean_predicted", "observed_rate", "ci_low", "ci_high", "users")
def draw_calibration(
    calibration: Frame,
    *,
    min_users: int = MIN_USERS,
    title: str = "Predicted probability against the observed churn rate, 95 % interval",
) -> Figure:
    """Return one point with its interval per bin: `observed_rate` by `mean_predicted`."""
    _require_one_model(calibration, "draw_calibration")
    named = calibration.assign(which=calibration["mean_predicted"].map("bin at {:.2f}".format))
    kept, note = _keep_large(named, "which", "observed_rate", min_users)
    if kept.empty:
        return _draw_nothing(title, note)
    figure = _make_figure()
    axes = figure.axes[0]
    top = min(1.0, 1.1 * _find_max(_read_ends(kept, "mean_predicted", "ci_high"), default=1.0))
    axes.plot([0, top], [0, top], color=MUTED, linewidth=1.2, linestyle=":", label="as predicted")
    _draw_intervals(axes, kept, kept["mean_predicted"], COLOURS[0])
    axes.plot(
        kept["mean_predicted"], kept["observed_rate"], color=COLOURS[0],
        marker="o", linewidth=1, clip_on=False, label="observed", zorder=3,
    )  # fmt: skip
    _make_square(axes, top)
    axes.set(xlabel="Mean predicted probability", ylabel="Observed churn rate")
    _place_legend(axes, 2, place="right")
    sizes = dict.fromkeys(f"{size:,.0f}" for size in (kept["users"].min(), kept["users"].max()))
    return _finish(figure, title, f"{' to '.join(sizes)} users per bin.", note)


@_chart("decile", "lift", "ci_low", "ci_high")
def draw_lift(
    lift: Frame, *, title: str = "Churn rate of each tenth of users over the average, 95 % interval"
) -> Figure:
    """Return one bar per `decile` (1 = highest risk): its `lift` (ratio, 1 = average).

    `ci_low` and `ci_high` are in units of lift.
    """
    _require_one_model(lift, "draw_lift")
    figure = _make_figure()
    axes = figure.axes[0]
    places = _read(lift, "decile")
    axes.bar(places, _read(lift, "lift"), color=COLOURS[0], width=0.75, alpha=0.85)
    _draw_intervals(axes, lift, places, INK)
    _mark(axes, 1.0, "average", vertical=False)
    axes.set_xticks(places, [f"{place:.0f}" for place in places])
    axes.set_ylim(0, 1.1 * max(1.0, _find_max(_read_ends(lift, "lift", "ci_high"), default=1.0)))
    axes.grid(axis="x", visible=False)
    axes.set(xlabel="Tenth of users by predicted risk (1 = highest)", ylabel="Lift (1 = average)")
    _place_legend(axes, 2)
    return _finish(figure, title)


@_chart("threshold", "precision", "recall", "flagged_share")
def draw_threshold_sweep(
    sweep: Frame,
    *,
    chosen: float | None = None,
    title: str = "Precision, recall and share of users flagged, by threshold",
) -> Figure:
    """Return three lines (`precision`, `recall`, `flagged_share`, 0 to 1) by `threshold`.

    `chosen` marks the threshold in use.
    """
    _require_one_model(sweep, "draw_threshold_sweep")
    figure = _make_figure()
    axes = figure.axes[0]
    names = {"precision": "precision", "recall": "recall", "flagged_share": "users flagged"}
    ordered = sweep.sort_values("threshold")
    for position, (column, label) in enumerate(names.items()):
        values = _read(ordered, column)
        axes.plot(ordered["threshold"], values, label=label, **_style(position), clip_on=False)
    _mark(axes, chosen, "threshold in use")
    _format_shares(axes, "x", full=True)
    _format_shares(axes, "y", full=True)
    axes.set(xlabel="Threshold on the predicted probability", ylabel="Share")
    _place_legend(axes, 3, place="right")
    return _finish(figure, title)


@_chart("feature", "auc_drop", "ci_low", "ci_high")
def draw_importance(
    feature_importance: Frame,
    *,
    most: int = 15,
    title: str = "What the model loses when one column is shuffled, 95 % interval",
) -> Figure:
    """Return points with intervals: `auc_drop` (ROC AUC) per `feature`, largest first."""
    ordered = feature_importance.sort_values("auc_drop", ascending=False, kind="stable")
    hidden = len(ordered) - most
    note = f"The {hidden} columns with the smallest loss are not drawn." if hidden > 0 else ""
    figure = _draw_rows(ordered.head(most), "feature", "auc_drop", reference=0.0)
    figure.axes[0].set_xlabel("Loss of ROC AUC")
    return _finish(figure, title, note)


def _draw_rows(
    frame: Frame,
    name: str,
    value: str,
    *,
    reference: float | None = None,
    reference_label: str = "",
) -> Figure:
    """Return a figure of horizontal points with intervals, one row per row of the frame."""
    figure = _make_figure(height=_grow(len(frame)))
    axes = figure.axes[0]
    rows = np.arange(len(frame))
    _mark(axes, reference, reference_label)
    _draw_intervals(axes, frame, rows, COLOURS[0], horizontal=True)
    style: dict[str, Any] = {"linestyle": "none", "marker": "o", "color": COLOURS[0]}
    axes.plot(_read(frame, value), rows, **style, markersize=7, clip_on=False, zorder=3)
    _label_rows(axes, [str(label).replace("_", " ") for label in frame[name]])
    return figure


@_chart("model", "value", "ci_low", "ci_high")
def draw_model_comparison(
    evaluation: Frame,
    *,
    metric: str,
    reference: float | None = None,
    reference_label: str = "chance",
    title: str = "Models and baselines on the test snapshot, 95 % interval",
) -> Figure:
    """Return points with intervals: `value` per `model`, for the rows of one metric.

    `metric` names the axis, with its unit; `reference` draws a line, as 0.5 for an AUC.
    """
    figure = _draw_rows(
        evaluation, "model", "value", reference=reference, reference_label=reference_label
    )
    axes = figure.axes[0]
    axes.set_xlabel(metric)
    _place_legend(axes, 1 if reference is None else 2, place="above")
    return _finish(figure, title)


@_chart("contacted", "profit_total")
def draw_profit(
    profit: Frame,
    *,
    chosen: float | None = None,
    currency: str = "",
    title: str = "Expected profit of a campaign, by number of users contacted",
) -> Figure:
    """Return a line with its ribbon: `profit_total` (money) by users `contacted`.

    With a column `realised_profit` the ribbon is that one's, drawn as a second line.
    `chosen` marks the number of contacts in use; `currency` is added to the axis.
    """
    figure = _make_figure()
    axes = figure.axes[0]
    ordered = profit.sort_values("contacted")
    places = _read(ordered, "contacted")
    lines = {"profit_total": "expected profit", "realised_profit": "realised on the test snapshot"}
    drawn = {column: label for column, label in lines.items() if column in profit.columns}
    for position, (column, label) in enumerate(drawn.items()):
        axes.plot(places, _read(ordered, column), label=label, **_style(position))
    if {"ci_low", "ci_high"} <= set(profit.columns):
        low, high = _read(ordered, "ci_low"), _read(ordered, "ci_high")
        colour = COLOURS[len(drawn) - 1]
        axes.fill_between(places, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.axhline(0, color=MUTED, linewidth=1, zorder=1.5)
    _mark(axes, chosen, "contacts in use")
    unit = f" ({currency})" if currency else ""
    axes.set(xlabel="Users contacted, highest risk first", ylabel=f"Profit{unit}")
    axes.set_xlim(0, _find_max(places, default=1))
    _format_counts(axes.xaxis)
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    _place_legend(axes, len(drawn) + (chosen is not None))
    return _finish(figure, title)


@_chart("proba_churn")
def draw_score_distribution(
    predictions: Frame,
    *,
    threshold: float | None = None,
    title: str = "Users by predicted probability of churn",
) -> Figure:
    """Return a histogram of `proba_churn` in forty bins from 0 to 1, with the threshold."""
    figure = _make_figure()
    axes = figure.axes[0]
    sns.histplot(
        x=_read(predictions, "proba_churn"), bins=40, binrange=(0, 1), color=COLOURS[0], ax=axes
    )
    _mark(axes, threshold, "threshold in use")
    _format_shares(axes, "x", full=True)
    _format_counts(axes.yaxis)
    axes.set(xlabel="Predicted probability of churn", ylabel="Users")
    _place_legend(axes, 1 if threshold is None else 2)
    return _finish(figure, title)


@_chart("group", "users", "rate", "ci_low", "ci_high")
def draw_group_rates(
    frame: Frame,
    *,
    xlabel: str,
    overall: float | None = None,
    min_users: int = MIN_USERS,
    title: str = "Rate by group, 95 % interval",
) -> Figure:
    """Return points with intervals: `rate` (0 to 1) per `group`, with its `users`.

    `xlabel` names the rate; `overall` draws the rate of all users as a line.
    """
    kept, note = _keep_large(frame, "group", "rate", min_users)
    if kept.empty:
        return _draw_nothing(title, note)
    names = [f"{row.group} (n = {row.users:,.0f})" for row in kept.itertuples()]
    figure = _draw_rows(
        kept.assign(group=names), "group", "rate", reference=overall, reference_label="all users"
    )
    axes = figure.axes[0]
    _format_shares(axes, "x", [*_read_ends(kept, "rate", "ci_high"), overall or 0.0])
    axes.set_xlabel(xlabel)
    _place_legend(axes, 1 if overall is None else 2, place="above")
    return _finish(figure, title, note)


# --- segmentation ---------------------------------------------------------------------


@_chart("k", "silhouette", "stability", "null_permuted_p95", "null_gaussian_p95")
def draw_cluster_selection(
    cluster_selection: Frame,
    *,
    title: str = "Cluster quality by number of clusters, against data without clusters",
) -> Figure:
    """Return two panels by `k`: `silhouette` and `stability`, each beside its nulls.

    The nulls (95th percentiles) of the silhouette are `null_permuted_p95`,
    `null_gaussian_p95` and, when given, `null_copula_p95`; those of the stability, when
    given, the same names with `stability_` in front.
    """
    figure = _make_figure(1, 2, height=4.8)
    ordered = cluster_selection.sort_values("k")
    nulls = {
        "null_permuted_p95": "shuffled columns, 95th percentile",
        "null_gaussian_p95": "one Gaussian, 95th percentile",
        "null_copula_p95": "Gaussian copula, 95th percentile",
    }
    for axes, measure, prefix in zip(
        figure.axes, ("silhouette", "stability"), ("", "stability_"), strict=True
    ):
        axes.plot(ordered["k"], ordered[measure], marker="o", label="these users", **_style(0))
        for position, (column, label) in enumerate(nulls.items(), start=1):
            if f"{prefix}{column}" in ordered.columns:
                look = {**_style(position), "marker": MARKERS[position], "markersize": 4}
                axes.plot(ordered["k"], ordered[f"{prefix}{column}"], label=label, **look)
        axes.set(xlabel="Number of clusters (k)", ylabel=f"{measure.capitalize()} (1 = best)")
        axes.set_ylim(min(0.0, *axes.get_ylim()), axes.get_ylim()[1])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=2, handlelength=2.8)
    return _finish(figure, title)  # no note: it would lie under the legend


@_chart("k", "inertia")
def draw_elbow(
    cluster_selection: Frame, *, title: str = "Spread within clusters, by number of clusters"
) -> Figure:
    """Return one line: `inertia` (sum of squared distances) by `k`."""
    figure = _make_figure()
    axes = figure.axes[0]
    ordered = cluster_selection.sort_values("k")
    axes.plot(ordered["k"], ordered["inertia"], marker="o", color=COLOURS[0])
    axes.set_ylim(0, 1.08 * _find_max(ordered["inertia"], default=1.0))
    axes.set(xlabel="Number of clusters (k)", ylabel="Inertia (squared distance, scaled units)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    return _finish(figure, title)


@_chart("cluster", "feature", "mean", "standardised_mean")
def draw_cluster_profile(
    summary: Frame, *, title: str = "Mean of each feature by group, and how far it is from all"
) -> Figure:
    """Return a grid of `feature` by `cluster`: colour by `standardised_mean` (standard
    deviations from the mean of all users), the raw `mean` printed in the cell.
    """
    order = list(dict.fromkeys(summary["feature"]))
    scaled = summary.pivot(index="feature", columns="cluster", values="standardised_mean")
    raw = summary.pivot(index="feature", columns="cluster", values="mean")
    scaled, raw = scaled.loc[order].astype(float), raw.loc[order].astype(float)
    limit = _find_max(scaled.abs().to_numpy().ravel(), default=1.0)
    figure = _make_figure(height=_grow(len(scaled), 0.42))
    axes = figure.axes[0]
    sns.heatmap(
        scaled,
        cmap="PuOr_r",
        vmin=-limit,
        vmax=limit,
        annot=raw.map(lambda value: f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"),
        fmt="",
        annot_kws={"fontsize": 10.5},
        linewidths=1,
        cbar_kws={"label": "Standard deviations from the mean"},
        ax=axes,
    )
    names = [textwrap.fill(str(name).replace("_", " "), 24) for name in scaled.index]
    axes.set_yticklabels(names, rotation=0)
    axes.tick_params(axis="x", rotation=0)
    axes.set(xlabel="Group", ylabel="")
    return _finish(figure, title, "Numbers: mean of the group, in the feature's own unit.")


@_chart("pc1", "pc2", "group")
def draw_pca(
    frame: Frame,
    *,
    explained: tuple[float, float] | None = None,
    most: int = 3000,
    seed: int = 0,
    title: str = "Users on the first two principal components",
) -> Figure:
    """Return a scatter of `pc1` and `pc2` (scaled units), coloured by `group`.

    At most `most` users are drawn, sampled with `seed`. `explained` is the share of
    the variance of each component.
    """
    figure = _make_figure(height=5.0)
    axes = figure.axes[0]
    note = ""
    drawn = frame
    if len(frame) > most:
        chosen = np.random.default_rng(seed).choice(len(frame), size=most, replace=False)
        drawn = frame.iloc[np.sort(chosen)]
        note = f"A random {most:,} of {len(frame):,} users."
    groups = sorted(frame["group"].unique(), key=str)
    for position, group in enumerate(groups):
        part = drawn.loc[drawn["group"] == group]
        look: dict[str, Any] = {"color": COLOURS[position % 8], "marker": MARKERS[position % 5]}
        axes.scatter(part["pc1"], part["pc2"], s=14, alpha=0.4, linewidths=0, label=group, **look)
    shares = [f" ({100 * share:.0f} % of variance)" for share in explained or ()] or ["", ""]
    axes.set(xlabel=f"First component{shares[0]}", ylabel=f"Second component{shares[1]}")
    if len(groups) > 1:
        legend = axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), markerscale=2)
        legend.set_title("Group")
        for handle in legend.legend_handles:
            if handle is not None:
                handle.set_alpha(1)
    return _finish(figure, title, note)


@_chart()
def draw_boxplots(
    frame: Frame,
    features: Sequence[str],
    by: str = "group",
    *,
    labels: dict[str, str] | None = None,
    title: str = "Spread of each feature by group",
) -> Figure:
    """Return one panel per name in `features`: boxes of its values for each group of `by`.

    `labels` names a panel, with its unit. Boxes hold the middle half; whiskers reach at
    most 1.5 times its length; what lies beyond is not drawn, and the note says so.
    """
    _require_columns(frame, [*features, by], "draw_boxplots")
    columns = min(3, max(1, len(features)))
    rows = math.ceil(len(features) / columns) or 1
    figure = _make_figure(rows, columns, height=max(3.6, 0.9 + 2.4 * rows))
    groups = sorted(frame[by].dropna().unique(), key=str)
    for axes, feature in zip(figure.axes, features, strict=False):
        _draw_boxes(axes, [frame.loc[frame[by] == group, feature] for group in groups], groups)
        name = (labels or {}).get(feature, feature.replace("_", " "))
        axes.set_title(textwrap.fill(name, 26), fontsize=11)
        axes.set(xlabel="", ylabel="")
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    for axes in figure.axes[len(features) :]:
        axes.set_visible(False)
    note = "Box: middle half and median. Values beyond 1.5 box lengths are not drawn."
    return _finish(figure, title, note)


def _draw_boxes(axes: Axes, values: Sequence[Any], groups: Sequence[Any]) -> None:
    # Not sns.boxplot: seaborn 0.13 calls what matplotlib 3.11 deprecates.
    drawn = axes.boxplot(
        [part.dropna().to_numpy(dtype=float) for part in values],
        tick_labels=[str(group) for group in groups],
        patch_artist=True,
        showfliers=False,
        widths=0.6,
        medianprops={"color": INK, "linewidth": 1.6},
    )
    for box, colour in zip(drawn["boxes"], COLOURS, strict=False):
        box.set(facecolor=colour, edgecolor=INK)
    axes.grid(axis="x", visible=False)


# --- as published ---------------------------------------------------------------------


@_chart("name", "published", "trusted", "ci_low", "ci_high")
def draw_before_after(
    figures: Frame,
    *,
    xlabel: str = "Share of users",
    as_share: bool = True,
    title: str = "Published figure beside the figure that can be trusted, 95 % interval",
) -> Figure:
    """Return one row per `name`: `published` and `trusted` joined by a line, the trusted
    one with its interval. All in one unit: shares 0 to 1, or any scale that starts at 0.
    """
    figure = _make_figure(height=_grow(len(figures), 0.5))
    axes = figure.axes[0]
    rows = np.arange(len(figures))
    published, trusted = _read(figures, "published"), _read(figures, "trusted")
    axes.hlines(rows, published, trusted, color=PALE, linewidth=3, zorder=1)
    _draw_intervals(axes, figures, rows, COLOURS[0], horizontal=True)
    look: dict[str, Any] = {"linestyle": "none", "markersize": 9, "clip_on": False, "zorder": 3}
    axes.plot(published, rows, marker="X", color=COLOURS[3], label="published", **look)
    axes.plot(trusted, rows, marker="o", color=COLOURS[0], label="can be trusted", **look)
    _label_rows(axes, [str(name) for name in figures["name"]])
    if as_share:
        _format_shares(axes, "x", full=True)
    else:
        ends = _read_ends(figures, "published", "trusted", "ci_high")
        axes.set_xlim(0, 1.1 * _find_max(ends, default=1.0))
    axes.set_xlabel(xlabel)
    _place_legend(axes, 2, place="above")
    return _finish(figure, title)
