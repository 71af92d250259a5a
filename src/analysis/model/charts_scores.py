"""Charts of probabilities: predicted and observed, by outcome, and what a campaign may earn."""

from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.base.charts import MIN_USERS, Sketch, keep_large, require_one
from analysis.base.disclosure import hide_bars
from analysis.base.drawing import (
    INK,
    MUTED,
    SERIES,
    SMALL,
    Canvas,
    Frame,
    draw_band,
    draw_bars_of,
    draw_reference,
    find_max,
    format_counts,
    format_shares,
    label_ends,
    name_y,
    read,
    read_ends,
    room_beside,
    rule,
    say_percent,
    write,
)
from analysis.base.formats import format_value
from analysis.contract.captions import chart

BINS = 20
"""Bars of a histogram of probabilities."""


@chart("mean_predicted", "observed_rate", "ci_low", "ci_high", "users")
def draw_calibration(calibration: Frame) -> Sketch:
    """Return one point with its interval per group: `observed_rate` by `mean_predicted`."""
    require_one(calibration, "model", "draw_calibration")
    calibration = calibration[calibration["mean_predicted"].notna()]
    which = calibration["mean_predicted"].map(lambda share: say_percent(round(share, 2)))
    kept, left_out = keep_large(
        calibration.assign(which=which), "which", "observed_rate", MIN_USERS
    )
    facts: dict[str, Any] = {"left_out": left_out}
    if kept.empty:
        return Sketch(facts, None)
    is_within = kept["mean_predicted"].between(kept["ci_low"], kept["ci_high"])
    pairs = zip(kept["mean_predicted"], kept["observed_rate"], strict=True)
    facts |= {
        "bins": len(kept), "missed": int((~is_within).sum()), "users": kept["users"].sum(),
        "points": [{"x": x, "y": y} for x, y in pairs],
    }  # fmt: skip
    return Sketch(facts, partial(_paint_calibration, kept))


def _paint_calibration(kept: Frame, canvas: Canvas) -> None:
    side = canvas.width - 48 - 24 if canvas.is_narrow else 380
    axes = canvas.panel(side, left=48, right=canvas.width - 48 - side, top=36)
    rule(axes)
    top = min(1.0, 1.08 * find_max(read_ends(kept, "mean_predicted", "ci_high"), 1.0))
    axes.plot([0, top], [0, top], color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)))
    draw_bars_of(axes, kept, kept["mean_predicted"], SERIES[0])
    axes.plot(kept["mean_predicted"], kept["observed_rate"], "o", color=SERIES[0], markersize=7)
    for name in ("x", "y"):
        format_shares(axes, name, top)
    axes.text(
        0.98 * top, 0.05 * top, canvas.words["ideal"], color=MUTED, ha="right", fontsize=SMALL
    )
    axes.set_xlabel(canvas.words["x"])
    name_y(axes, canvas.words["y"])
    for row in kept.to_dict("records"):
        text = canvas.say("mark", x=row["mean_predicted"], y=row["observed_rate"],
                          low=row["ci_low"], high=row["ci_high"], users=row["users"])  # fmt: skip
        canvas.mark(axes, row["mean_predicted"], row["observed_rate"], text)


@chart("contacted", "expected_profit", "realised_profit", "ci_low", "ci_high")
def draw_profit(profit: Frame, *, chosen: int, currency: str = "") -> Sketch:
    """Return two lines by users `contacted`: `realised_profit` with its interval, and
    `expected_profit` (money, in `currency`); `chosen` marks the number of contacts in use.
    """
    ordered = profit.sort_values("contacted")
    if not np.isfinite(read(ordered, "realised_profit")).any():
        return Sketch({}, None)
    at = ordered.loc[ordered["contacted"] <= chosen]
    row: Any = at.iloc[-1] if len(at) and chosen else {}
    best = ordered.iloc[int(np.nanargmax(read(ordered, "realised_profit")))]
    facts = {
        "chosen": chosen, "realised": row.get("realised_profit"),
        "expected": row.get("expected_profit"), "low": row.get("ci_low"),
        "high": row.get("ci_high"), "best": best["realised_profit"],
        "best_at": best["contacted"],
    }  # fmt: skip
    return Sketch(facts, partial(_paint_profit, ordered, chosen, currency))


def _paint_profit(profit: Frame, chosen: int, currency: str, canvas: Canvas) -> None:
    room = room_beside([canvas.words["realised"], canvas.words["expected"]])
    axes = canvas.panel(240, left=86 if currency else 60, right=room, top=36)
    rule(axes)
    places = read(profit, "contacted")
    axes.axhline(0, color=MUTED, linewidth=1)
    draw_band(axes, places, read(profit, "ci_low"), read(profit, "ci_high"), SERIES[0])
    realised, expected = read(profit, "realised_profit"), read(profit, "expected_profit")
    axes.plot(places, expected, color=SERIES[1], linestyle=(0, (5, 2)), linewidth=1.8)
    axes.plot(places, realised, color=SERIES[0])
    axes.set_xlim(0, find_max(places, default=1))
    if chosen:
        draw_reference(axes, chosen, vertical=True)
        high = axes.get_ylim()[1]
        write(axes, chosen, high, canvas.say("at"), color=INK, shift=(5, -6))
    format_counts(axes.xaxis, 4 if canvas.is_narrow else 6)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.yaxis.set_major_formatter(FuncFormatter(partial(_say_money, currency)))
    axes.set_xlabel(canvas.words["x"])
    name_y(axes, canvas.words["y"])
    ends = [(realised[-1], "realised", SERIES[0]), (expected[-1], "expected", SERIES[1])]
    label_ends(axes, [(float(y), canvas.words[name], colour) for y, name, colour in ends])
    for row in profit.iloc[:: max(1, len(profit) // 20)].to_dict("records"):
        text = canvas.say(
            "mark", users=row["contacted"], realised=row["realised_profit"], low=row["ci_low"],
            high=row["ci_high"], expected=row["expected_profit"],
        )  # fmt: skip
        canvas.mark(axes, row["contacted"], row["realised_profit"], text)


def _say_money(currency: str, amount: float, _position: int | None = None) -> str:
    return format_value(amount, "money", currency=currency, decimals=0)


@chart("proba_churn")
def draw_score_distribution(
    predictions: Frame, *, threshold: float | None, min_disclosed: int = 1
) -> Sketch:
    """Return a histogram of `proba_churn` in BINS bars from 0 to 1, with the `threshold`. Bars of
    fewer than `min_disclosed` users are not drawn.
    """
    proba = read(predictions, "proba_churn")
    limit = np.nan if threshold is None else threshold
    facts = {
        "users": len(proba), "above": int((proba >= limit).sum()), "threshold": threshold,
        "median": float(np.median(proba)),
    }  # fmt: skip
    counts, _ = np.histogram(proba, bins=BINS, range=(0, 1))
    shown = np.array(hide_bars(counts.tolist(), min_disclosed))
    facts |= {"hidden": bool((shown != counts).any()), "minimum": min_disclosed}
    return Sketch(facts, partial(_paint_scores, shown, threshold))


def _paint_scores(counts: Any, threshold: float | None, canvas: Canvas) -> None:
    axes = canvas.panel(210, left=48, right=20, top=44)
    rule(axes)
    lows = np.arange(BINS) / BINS
    axes.bar(lows, counts, width=0.92 / BINS, align="edge", color=SERIES[0], alpha=0.75)
    format_shares(axes, "x")
    axes.set_ylim(0, 1.1 * find_max(counts, 1.0))
    format_counts(axes.yaxis)
    draw_reference(axes, threshold, vertical=True)
    if threshold is not None:
        side: dict[str, Any] = (
            {"ha": "left", "shift": (5, -4)}
            if threshold < 0.6
            else {"ha": "right", "shift": (-5, -4)}
        )
        write(axes, threshold, axes.get_ylim()[1], canvas.words["limit"], color=INK, **side)
    axes.set_xlabel(canvas.words["x"])
    name_y(axes, canvas.words["y"])
    for low, count in zip(lows, counts, strict=True):
        text = canvas.say("mark", low=low, high=low + 1 / BINS, users=int(count))
        canvas.mark(axes, low + 0.5 / BINS, count, text)


@chart("churned", "proba")
def draw_score_histogram(chosen_scores: Frame, *, min_disclosed: int = 1) -> Sketch:
    """Return two histograms of `proba` over each other: of those who `churned` (1) and of those who
    stayed (0), each as a share of its group. Bars of fewer than `min_disclosed` users are not
    drawn.
    """
    known = chosen_scores.loc[chosen_scores["churned"].notna()]
    groups = {
        name: read(known.loc[known["churned"].astype(float) == code], "proba")
        for name, code in (("left", 1.0), ("stayed", 0.0))
    }
    if not all(len(group) for group in groups.values()):
        return Sketch({}, None)
    left, stayed = (float(np.median(group)) for group in groups.values())
    facts = {
        "left": left, "stayed": stayed, "apart": left > stayed + 0.05,
        "churners": len(groups["left"]), "stayers": len(groups["stayed"]),
    }  # fmt: skip
    counts = {
        name: np.histogram(group, bins=BINS, range=(0, 1))[0].tolist()
        for name, group in groups.items()
    }
    shown = {name: hide_bars(bars, min_disclosed) for name, bars in counts.items()}
    facts |= {"hidden": shown != counts, "minimum": min_disclosed}
    shares = {name: np.array(bars) / len(groups[name]) for name, bars in shown.items()}
    return Sketch(facts, partial(_paint_outcomes, shares))


def _paint_outcomes(shares: dict[str, Any], canvas: Canvas) -> None:
    axes = canvas.panel(210, left=48, right=20, top=36)
    rule(axes)
    lows = np.arange(BINS + 1) / BINS
    colours = {"left": SERIES[1], "stayed": SERIES[0]}
    for name, share in shares.items():
        axes.stairs(share, lows, color=colours[name], fill=True, alpha=0.18)
        axes.stairs(share, lows, color=colours[name], linewidth=2)
    format_shares(axes, "x")
    format_shares(axes, "y", 1.15 * find_max(np.r_[shares["left"], shares["stayed"]], 1.0))
    axes.set_xlabel(canvas.words["x"])
    name_y(axes, canvas.words["y"])
    _name_outcomes(axes, shares, colours, canvas)
    for low, left, stayed in zip(lows, shares["left"], shares["stayed"], strict=False):
        text = canvas.say("mark", low=low, high=low + 1 / BINS, left=left, stayed=stayed)
        canvas.mark(axes, low + 0.5 / BINS, max(left, stayed), text)


def _name_outcomes(
    axes: Axes, shares: dict[str, Any], colours: dict[str, str], canvas: Canvas
) -> None:
    """Name each histogram above the bar where it stands out most from the other."""
    for name, other in (("left", "stayed"), ("stayed", "left")):
        place = int(np.argmax(shares[name] - shares[other]))
        side = {"ha": "left", "shift": (-5, 9)} if place < 2 else {"ha": "center", "shift": (0, 9)}
        look: dict[str, Any] = {"color": colours[name], **side}
        write(axes, (place + 0.5) / BINS, shares[name][place], canvas.words[name], **look)
