"""Charts of the data audit: volume, lateness, events per user."""

import math
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from analysis.base import texts
from analysis.base.charts import Sketch
from analysis.base.disclosure import hide_bars
from analysis.base.drawing import (
    SERIES,
    Canvas,
    Frame,
    draw_reference,
    find_max,
    format_counts,
    name_y,
    read,
    rule,
    say_count,
    say_months,
    say_percent,
    tick_some,
)
from analysis.base.formats import format_day
from analysis.contract import catalogue
from analysis.contract.captions import caption, chart
from analysis.log.window import LogWindow

# --- days ---------------------------------------------------------------------------------------


@chart("day", "events", "users")
def draw_daily_volume(volume: Frame, window: LogWindow) -> Sketch:
    """Return two panels over the same days: `events` and `users` (counts) per UTC `day`, with the
    ends of the window as lines.

    Days without a row are days without events, drawn as 0. Days further from the window than half
    its length are counted in the note instead of drawn, so that one wrong date does not squeeze the
    rest. Days of too few users are gaps.
    """
    start, end = _to_naive([window.start, window.end])
    counts, far = _fill_days(volume, start, end)
    days = _to_naive(volume["day"])
    is_outside = ((days < start) | (days >= end)).to_numpy()
    used = counts.loc[(counts.index >= start) & (counts.index < end)]
    facts = {
        "days": round((end - start) / pd.Timedelta(days=1)), "first": _day(start),
        "last": _day(end - pd.Timedelta(seconds=1)), "far": far,
        "unused_events": int(volume.loc[is_outside, "events"].sum()),
        "is_outside": bool(is_outside.any()), "hidden": int(counts["users"].isna().sum()),
        "events": used["events"].median(), "most_events": used["events"].max(),
        "users": used["users"].median(), "most_users": used["users"].max(),
    }  # fmt: skip
    return Sketch(facts, partial(_paint_volume, counts, start, end))


def _to_naive(values: Any) -> "pd.Series[Any]":
    """Return instants in UTC without their zone, as matplotlib draws them."""
    return pd.Series(pd.to_datetime(values, utc=True)).dt.tz_localize(None)


def _fill_days(volume: Frame, start: Any, end: Any) -> tuple[Frame, int]:
    counts = volume.assign(day=_to_naive(volume["day"]).to_numpy()).set_index("day")
    counts = counts[["events", "users"]].sort_index()
    margin = (end - start) / 2
    is_near = (counts.index >= start - margin) & (counts.index <= end + margin)
    outside = int(counts.loc[~is_near, "events"].sum())
    counts = counts.loc[is_near]
    if len(counts):
        days = pd.date_range(counts.index.min(), counts.index.max(), freq="D")
        counts = counts.reindex(days, fill_value=0)
    return counts, outside


def _paint_volume(counts: Frame, start: Any, end: Any, canvas: Canvas) -> None:
    drawn = canvas.panels([130, 130], left=56, right=16, top=36, gap=66)
    places = np.arange(len(counts))
    for axes, name, colour in zip(drawn, ("events", "users"), SERIES, strict=False):
        rule(axes)
        axes.plot(places, counts[name], color=colour, linewidth=1.3)
        axes.set_ylim(0, 1.08 * find_max(counts[name], 1.0))
        format_counts(axes.yaxis, 4)
        name_y(axes, canvas.words[name])
        for instant in (start, end):
            if len(counts):
                at = (instant - counts.index[0]) / pd.Timedelta(days=1)
                draw_reference(axes, float(at), vertical=True)
        _tick_months(axes, counts.index, 4 if canvas.is_narrow else 8)
    for place in range(0, len(counts), max(1, len(counts) // 45)):
        events, users = (counts[name].iloc[place] for name in ("events", "users"))
        if pd.isna(users):
            continue
        text = canvas.say("mark", day=_day(counts.index[place]), events=events, users=users)
        canvas.mark(drawn[0], place, events, text)


def _day(instant: Any) -> Any:
    """Return the day of an instant, to be read without its time."""
    return pd.Timestamp(instant).date()


def _tick_months(axes: Axes, days: Any, most: int) -> None:
    """Tick the first of a month, or every few days of a short log."""
    firsts = [place for place, day in enumerate(days) if day.day == 1]
    places = firsts if len(firsts) > 2 else list(range(0, len(days), max(1, len(days) // most)))
    shown = places[:: max(1, math.ceil(len(places) / most))]
    dates = [days[place].strftime("%Y-%m-%d") for place in shown]
    is_long = len(firsts) > 2
    axes.set_xticks(shown, say_months(dates) if is_long else [*map(format_day, dates)])
    if len(days) > 1:
        axes.set_xlim(0, len(days))


# --- delays -------------------------------------------------------------------------------------


@chart("delay", "seconds", "count")
def draw_latency(delay_histogram: Frame) -> Sketch:
    """Return one falling line per `delay`: the share of events (`count`) that take longer than so
    many `seconds`, both scales logarithmic.
    """
    known = delay_histogram.astype({"seconds": float, "count": float})
    delays = list(known["delay"].drop_duplicates())
    parts = {delay: known.loc[known["delay"] == delay].sort_values("seconds") for delay in delays}
    words = _words("latency", "delay")
    points = [
        {"name": words.get(str(delay), str(delay)), **_quantiles(part)}
        for delay, part in parts.items()
    ]
    facts = {
        "points": points, "p99": points[-1]["p99"], "slowest": points[-1]["longest"],
        "events": parts[delays[-1]]["count"].sum(),
    }  # fmt: skip
    return Sketch(facts, partial(_paint_latency, parts, points))


def _quantiles(part: Frame) -> dict[str, str]:
    """Return the median, the 99th percentile and the longest of the delays, in words."""
    below = part["count"].cumsum() / part["count"].sum()
    at = {name: part["seconds"][below >= share].iloc[0] for name, share in
          (("median", 0.5), ("p99", 0.99), ("longest", 1 - 1e-12))}  # fmt: skip
    return {name: say_delay(seconds) for name, seconds in at.items()}


def say_delay(seconds: float) -> str:
    """Return a delay in the largest unit of which it has at least one."""
    words = caption("latency")
    units = (("whole_days", 86400), ("hours", 3600), ("minutes", 60))
    name, size = next(((n, s) for n, s in units if abs(seconds) >= s), ("seconds", 1))
    value = seconds / size
    shown = round(value) if abs(value) >= 10 or value == round(value) else round(value, 1)
    return texts.render(words[name], {"value": shown})


def _paint_latency(parts: dict[Any, Frame], points: list[dict[str, Any]], canvas: Canvas) -> None:
    axes = canvas.panel(230, left=72, right=24, top=36, bottom=46 + 18 * len(parts))
    rule(axes)
    longest, least = 10.0, 1.0
    rows = sorted(enumerate(zip(parts.values(), points, strict=True)),
                  key=lambda row: -row[1][0]["seconds"].max())  # fmt: skip
    for row, (part, point) in rows:
        colour = SERIES[row % len(SERIES)]
        seconds = np.maximum(read(part, "seconds"), 1.0)
        later = 1 - np.cumsum(read(part, "count")) / part["count"].sum()
        is_drawn = later > 1e-9
        x, y = np.r_[1.0, seconds[is_drawn], seconds[-1]], np.r_[1.0, later[is_drawn]]
        y = np.r_[y, y[-1]]  # until the longest delay
        axes.plot(x, y, color=colour, drawstyle="steps-post", linewidth=2)
        longest, least = max(longest, float(seconds.max())), min(least, float(y.min()))
        axes.annotate(
            point["name"], (0, 0), (0, -58 - 18 * row), xycoords="axes fraction",
            textcoords="offset pixels", color=colour, va="center", annotation_clip=False,
        )  # fmt: skip
        _mark_delays(canvas, axes, x, y, point["name"])
    _scale_delays(axes, longest, least, canvas)


def _mark_delays(canvas: Canvas, axes: Axes, x: Any, y: Any, name: str) -> None:
    for seconds in canvas.words["ticks"]:
        if seconds <= x[-1]:
            share = float(y[np.searchsorted(x, seconds, side="right") - 1])
            text = canvas.say("mark", name=name, share=share, delay=say_delay(float(seconds)))
            canvas.mark(axes, float(seconds), share, text)


def _scale_delays(axes: Axes, longest: float, least: float, canvas: Canvas) -> None:
    axes.set(xscale="log", yscale="log")
    floor = min(0.1, 10.0 ** math.floor(math.log10(least)))
    axes.set_ylim(floor, 1)
    axes.set_xlim(1, longest)
    powers = range(round(math.log10(floor)), 1)
    axes.set_yticks([10.0**power for power in powers])
    axes.yaxis.set_major_formatter(FuncFormatter(say_percent))
    ticks = {at: text for at, text in canvas.words["ticks"].items() if at <= longest}
    shown = list(ticks)[:: 2 if canvas.is_narrow and len(ticks) > 4 else 1]
    axes.set_xticks(shown, [ticks[at] for at in shown])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(canvas.words["x"])
    name_y(axes, canvas.words["y"])


def _words(table: str, column: str) -> dict[str, str]:
    """Return the words that the catalogue has for the codes of a column."""
    return next(c.values for c in catalogue.table_of(table).columns if c.name == column)


# --- users --------------------------------------------------------------------------------------


@chart("event_count", "users")
def draw_events_per_user(events_per_user: Frame, *, min_disclosed: int = 1) -> Sketch:
    """Return a histogram: `users` (count) by `event_count` (events per user): none, one, and then
    each bar twice as wide as the one before. Bars of fewer than `min_disclosed` users are not
    drawn, and of the busiest it says what so many have.
    """
    counts, users = read(events_per_user, "event_count"), read(events_per_user, "users")
    order = np.argsort(counts)
    counts, users = counts[order], users[order]
    below = np.cumsum(users) / users.sum()
    median, p90 = (float(counts[np.searchsorted(below, share)]) for share in (0.5, 0.9))
    top = int(min(min_disclosed, users.sum()))
    busiest = counts[np.cumsum(users[::-1])[::-1] >= top][-1]
    facts = {"users": users.sum(), "median": median, "p90": p90, "most": busiest, "top": top}
    powers = max(1, math.ceil(math.log2(counts[-1] + 1)))
    edges = np.r_[0, 2.0 ** np.arange(powers + 1)]
    bars, _ = np.histogram(counts, bins=edges - 0.5, weights=users)
    shown = np.array(hide_bars(bars.tolist(), min_disclosed))
    last = int(np.flatnonzero(shown)[-1]) + 1 if shown.any() else 1
    facts |= {"hidden": bool((shown != bars).any()), "minimum": min_disclosed}
    return Sketch(facts, partial(_paint_users, edges[: last + 1], shown[:last]))


def _paint_users(edges: Any, bars: Any, canvas: Canvas) -> None:
    axes = canvas.panel(200, left=52, right=20, top=36)
    rule(axes)
    places = np.arange(len(bars))
    axes.bar(places, bars, width=0.9, color=SERIES[0], alpha=0.75)
    axes.set_ylim(0, 1.08 * find_max(bars, 1.0))
    format_counts(axes.yaxis)
    labels = [say_count(low) for low in edges[:-1]]
    tick_some(axes, places, labels, 6 if canvas.is_narrow else 14)
    axes.set_xlabel(canvas.words["x"])
    name_y(axes, canvas.words["y"])
    for place, (low, high, count) in enumerate(zip(edges, edges[1:] - 1, bars, strict=False)):
        text = canvas.say("mark", low=low, high=high, users=int(count))
        canvas.mark(axes, place, count, text)
