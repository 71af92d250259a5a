"""Charts of the data audit: volume, lateness, events per user, the scorecard."""

import math
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.base.charts import (
    COLOURS,
    Frame,
    chart,
    fill_bars,
    find_max,
    finish,
    format_counts,
    format_shares,
    grow,
    label_rows,
    make_figure,
    read,
    to_naive,
)
from analysis.base.formats import format_cell, format_value, is_missing, plural
from analysis.contract import catalogue
from analysis.log.window import LogWindow

BINS = 40
"""Bars of a histogram, at most."""


@chart("day", "events", "users")
def draw_daily_volume(
    volume: Frame,
    window: LogWindow,
    *,
    title: str = "Events and active users per day, and the days the report uses",
) -> Figure:
    """Return two panels over the same days: `events` and `users` (counts) per UTC `day`.

    The window is shaded. Days without a row are days without events, drawn as 0. Days further
    from the window than half its length are counted in the note instead of drawn, so that one
    wrong date does not squeeze the rest.
    """
    start, end = to_naive([window.start, window.end])
    counts, note = _fill_days(volume, start, end)
    figure = make_figure(2, 1, height=4.8, sharex=True)
    names = {"events": "Events per day", "users": "Active users per day"}
    for axes, (column, label), colour in zip(figure.axes, names.items(), COLOURS, strict=False):
        axes.axvspan(start, end, color=COLOURS[7], alpha=0.18, linewidth=0)
        axes.plot(counts.index, counts[column], color=colour, linewidth=1.2, drawstyle="steps-post")
        axes.set(ylabel=label, ylim=(0, 1.08 * find_max(counts[column], default=1)))
        format_counts(axes.yaxis)
    _format_days(axes)
    axes.set_xlabel("Day (UTC)")
    figure.align_ylabels()
    first, last = (format_cell(day, "date") for day in (start, end))
    span = f"Shaded: {first} up to, not including, {last}."
    return finish(figure, title, span, note)


def _format_days(axes: Axes) -> None:
    locator: Any = AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _fill_days(volume: Frame, start: Any, end: Any) -> tuple[Frame, str]:
    counts = volume.assign(day=to_naive(volume["day"]).to_numpy()).set_index("day")
    counts = counts[["events", "users"]].sort_index()
    margin = (end - start) / 2
    is_near = (counts.index >= start - margin) & (counts.index <= end + margin)
    outside = int(counts.loc[~is_near, "events"].sum())
    counts = counts.loc[is_near]
    if len(counts):
        days = pd.date_range(counts.index.min(), counts.index.max(), freq="D")
        counts = counts.reindex(days, fill_value=0)
    events = plural(outside, "event", "events")
    return counts, f"Not drawn: {events} on days further away." if outside else ""


@chart("delay", "seconds", "count")
def draw_latency(
    delay_histogram: Frame, *, title: str = "Delays between an event, its receipt and its record"
) -> Figure:
    """Return one panel per `delay`: events (`count`, log axis) by delay in `seconds`."""
    delays, words = list(delay_histogram["delay"].drop_duplicates()), _words("latency", "delay")
    figure = make_figure(1, len(delays), sharey=True)
    for axes, delay, colour in zip(figure.axes, delays, COLOURS, strict=False):
        part = delay_histogram.loc[delay_histogram["delay"] == delay].astype({"seconds": float})
        look: dict[str, Any] = {"color": colour, "alpha": 1, "linewidth": 0}
        sns.histplot(part, x="seconds", weights="count", bins=BINS, ax=axes, **look)
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.8)
        axes.set_title(words.get(str(delay), str(delay)), fontsize=11)
        axes.set(xlabel="Delay (seconds)", ylabel="Events (log scale)")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
        axes.xaxis.set_major_formatter(FuncFormatter(_say_seconds))
    return finish(figure, title)


def _say_seconds(seconds: float, _position: int | None = None) -> str:
    """Return seconds as a tick label: grouped by thousands, decimals only where there are any."""
    places = next(digits for digits in range(7) if round(seconds, digits) == round(seconds, 6))
    return format_value(seconds, "number", decimals=places)


def _words(table: str, column: str) -> dict[str, str]:
    """Return the words that the catalogue has for the codes of a column."""
    return next(c.values for c in catalogue.table_of(table).columns if c.name == column)


@chart("event_count", "users")
def draw_events_per_user(
    events_per_user: Frame, *, min_disclosed: int = 1, title: str = "Users by number of events"
) -> Figure:
    """Return a histogram: `users` (count) by `event_count` (events per user), in bins of equal
    width. Bars of fewer than `min_disclosed` users are not drawn, nor is the axis beyond the last.
    """
    figure = make_figure()
    axes = figure.axes[0]
    values = events_per_user.astype({"event_count": float})
    low, high = values["event_count"].min(), values["event_count"].max()
    width = math.ceil((high - low + 1) / BINS)  # whole numbers: equal bins hold equal many
    edges = (np.arange(low, high + width + 1, width) - 0.5).tolist()
    note = fill_bars(axes, values["event_count"], edges, min_disclosed, values["users"])
    axes.set(xlabel="Events per user", ylabel="Users")
    format_counts(axes.xaxis)
    format_counts(axes.yaxis)
    return finish(figure, title, note)


@chart("dimension", "score", "checks")
def draw_scorecard(
    scorecard: Frame, *, title: str = "Data quality score by dimension, with the number of rules"
) -> Figure:
    """Return one bar per `dimension`: its `score` (0 to 1) and its number of rules (`checks`).

    A missing score is written as not applicable, without a bar.
    """
    figure = make_figure(height=grow(len(scorecard), 0.5))
    axes = figure.axes[0]
    scores = read(scorecard, "score")
    axes.barh(range(len(scores)), np.nan_to_num(scores), color=COLOURS[0], height=0.6)
    for row, (score, rules) in enumerate(zip(scores, scorecard["checks"], strict=True)):
        share = "not applicable" if is_missing(float(score)) else format_value(score, "share")
        text = f"{share} ({plural(rules, 'rule', 'rules')})"
        axes.text(np.nan_to_num(score) + 0.01, row, text, va="center", fontsize=10.5)
    words = _words("scorecard", "dimension")
    label_rows(axes, [words.get(str(name), str(name)) for name in scorecard["dimension"]])
    format_shares(axes, "x", full=True)
    axes.set(xlim=(0, 1.32), xticks=np.linspace(0, 1, 6), xlabel="Score (100 % = best)")
    return finish(figure, title)
