"""Charts of the model: how well it ranks, how its probabilities compare with outcomes, what a
campaign may earn.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from analysis.base.charts import (
    COLOURS,
    INK,
    MIN_USERS,
    MUTED,
    Frame,
    chart,
    draw_intervals,
    draw_nothing,
    fill_bars,
    find_max,
    finish,
    format_counts,
    format_shares,
    grow,
    keep_large,
    label_rows,
    list_groups,
    make_figure,
    mark,
    place_legend,
    read,
    read_ends,
    require_one_model,
    say_count,
    style_line,
)
from analysis.base.formats import format_value, plural
from analysis.contract import catalogue

CHANCE = 0.5
"""ROC AUC of a score that says nothing."""
MOST_COLUMNS = 15
"""Columns that the chart of importance draws."""


def _words(table: str, column: str) -> dict[str, str]:
    """Return the catalogue's words for the codes in a column of a table."""
    described = {c.name: c.values for c in catalogue.table_of(table).columns}
    return described[column]


def _draw_lines(axes: Axes, frame: Frame, x: str, y: str, **options: Any) -> int:
    """Draw one line per `model`, in the frame's order, and return how many."""
    models, _ = list_groups(frame, "model", limit=len(COLOURS))
    words = _words("roc_points", "model")
    for position, model in enumerate(models):
        part = frame.loc[frame["model"] == model]
        look = {**style_line(position), **options}
        axes.plot(part[x], part[y], label=words.get(str(model), str(model)), **look)
    return len(models)


def _make_square(axes: Axes, top: float = 1.0) -> None:
    for side in ("x", "y"):
        format_shares(axes, side, [top / 1.1])
    axes.set_aspect("equal")


@chart("model", "false_positive_rate", "true_positive_rate")
def draw_roc(
    roc_points: Frame, *, title: str = "ROC curve: churners found against false alarms"
) -> Figure:
    """Return one curve per `model`, `true_positive_rate` by `false_positive_rate` (0 to 1), and the
    diagonal of chance.
    """
    figure = make_figure()
    axes = figure.axes[0]
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1.2, linestyle=":", label="chance")
    _draw_lines(axes, roc_points, "false_positive_rate", "true_positive_rate", clip_on=False)
    _make_square(axes, top=1.1)
    axes.set(xlabel="False alarms (share of users who stayed)", ylabel="Churners found (share)")
    place_legend(axes, 2, place="right")
    return finish(figure, title)


@chart("model", "recall", "precision")
def draw_pr(
    pr_points: Frame,
    *,
    base_rate: float,
    title: str = "Precision and recall, with the base rate",
) -> Figure:
    """Return one step curve per `model`: `precision` by `recall` (0 to 1), with a line at
    `base_rate`, the share of churners.
    """
    figure = make_figure()
    axes = figure.axes[0]
    mark(axes, base_rate, "base rate", vertical=False)
    _draw_lines(axes, pr_points, "recall", "precision", drawstyle="steps-post", clip_on=False)
    _make_square(axes, top=1.1)
    axes.set(
        xlabel="Recall (share of churners found)", ylabel="Precision (churners among flagged users)"
    )
    place_legend(axes, 2, place="right")
    return finish(figure, title)


@chart("mean_predicted", "observed_rate", "ci_low", "ci_high", "users")
def draw_calibration(
    calibration: Frame,
    *,
    title: str = "Predicted probability and observed churn rate, 95 % interval",
) -> Figure:
    """Return one point with its interval per bin: `observed_rate` by `mean_predicted`."""
    require_one_model(calibration, "draw_calibration")
    named = calibration.assign(
        which=calibration["mean_predicted"].map(
            lambda p: f"bin at {format_value(p, 'number', decimals=2)}"
        )
    )
    kept, note = keep_large(named, "which", "observed_rate", MIN_USERS)
    if kept.empty:
        return draw_nothing(title, note)
    figure = make_figure()
    axes = figure.axes[0]
    top = min(1.0, 1.1 * find_max(read_ends(kept, "mean_predicted", "ci_high"), default=1.0))
    axes.plot([0, top], [0, top], color=MUTED, linewidth=1.2, linestyle=":", label="as predicted")
    draw_intervals(axes, kept, kept["mean_predicted"], COLOURS[0])
    axes.plot(
        kept["mean_predicted"], kept["observed_rate"], color=COLOURS[0],
        marker="o", linewidth=1, clip_on=False, label="observed", zorder=3,
    )  # fmt: skip
    _make_square(axes, top)
    axes.set(xlabel="Mean predicted probability", ylabel="Observed churn rate")
    place_legend(axes, 2, place="right")
    sizes = dict.fromkeys(format_value(size, "count") for size in kept["users"].agg(["min", "max"]))
    return finish(figure, title, f"{' to '.join(sizes)} users per bin.", note)


@chart("decile", "lift", "ci_low", "ci_high")
def draw_lift(
    lift: Frame,
    *,
    title: str = "Churn rate of each tenth of users divided by the average, 95 % interval",
) -> Figure:
    """Return one bar per `decile` (1 = highest risk): its `lift` (ratio, 1 = average).

    `ci_low` and `ci_high` are in units of lift.
    """
    require_one_model(lift, "draw_lift")
    figure = make_figure()
    axes = figure.axes[0]
    places = read(lift, "decile")
    axes.bar(places, read(lift, "lift"), color=COLOURS[0], width=0.75, alpha=0.85)
    draw_intervals(axes, lift, places, INK)
    mark(axes, 1.0, "average", vertical=False)
    axes.set_xticks(places, [say_count(place) for place in places])
    axes.set_ylim(0, 1.1 * max(1.0, find_max(read_ends(lift, "lift", "ci_high"), default=1.0)))
    axes.grid(axis="x", visible=False)
    axes.set(xlabel="Tenth of users by predicted risk (1 = highest)", ylabel="Lift (1 = average)")
    place_legend(axes, 2)
    return finish(figure, title)


@chart("feature", "auc_drop", "ci_low", "ci_high")
def draw_importance(
    feature_importance: Frame,
    *,
    title: str = "Drop in ROC AUC when one column is shuffled, 95 % interval",
) -> Figure:
    """Return points with intervals: `auc_drop` (ROC AUC) per `feature`, largest first."""
    ordered = feature_importance.sort_values("auc_drop", ascending=False, kind="stable")
    hidden = len(ordered) - MOST_COLUMNS
    columns = plural(hidden, "column", "columns")
    note = f"Not drawn: {columns} with the smallest drop." if hidden > 0 else ""
    shown = ordered.head(MOST_COLUMNS)
    words = _words("feature_importance", "feature")
    figure = _draw_rows(shown, "feature", "auc_drop", words, reference=0.0)
    figure.axes[0].set_xlabel("Drop in ROC AUC")
    return finish(figure, title, note)


def _draw_rows(
    frame: Frame,
    name: str,
    value: str,
    words: dict[str, str],
    *,
    reference: float | None = None,
    reference_label: str = "",
) -> Figure:
    """Return a figure of horizontal points with intervals, one row per row of the frame, named by
    the `words` for the codes in its column `name`.
    """
    figure = make_figure(height=grow(len(frame)))
    axes = figure.axes[0]
    rows = np.arange(len(frame))
    mark(axes, reference, reference_label)
    draw_intervals(axes, frame, rows, COLOURS[0], horizontal=True)
    style: dict[str, Any] = {"linestyle": "none", "marker": "o", "color": COLOURS[0]}
    axes.plot(read(frame, value), rows, **style, markersize=7, clip_on=False, zorder=3)
    label_rows(axes, [words.get(code, code.replace("_", " ")) for code in map(str, frame[name])])
    return figure


@chart("model", "value", "ci_low", "ci_high")
def draw_model_comparison(
    roc_auc_by_model: Frame,
    *,
    title: str = "Models and baselines on the test snapshot, 95 % interval",
) -> Figure:
    """Return points with intervals: the ROC AUC, `value`, per `model`, beside that of chance."""
    words = _words("evaluation", "model")
    figure = _draw_rows(
        roc_auc_by_model, "model", "value", words, reference=CHANCE, reference_label="chance"
    )
    axes = figure.axes[0]
    axes.set_xlabel("ROC AUC on the test snapshot")
    place_legend(axes, 2, place="above")
    return finish(figure, title)


@chart("contacted", "expected_profit", "realised_profit", "ci_low", "ci_high")
def draw_profit(
    profit: Frame,
    *,
    chosen: int,
    title: str = "Expected profit of a campaign, by number of users contacted",
) -> Figure:
    """Return two lines by users `contacted`: `expected_profit` and `realised_profit` (money), the
    latter with its interval; `chosen` marks the number of contacts in use.
    """
    figure = make_figure()
    axes = figure.axes[0]
    ordered = profit.sort_values("contacted")
    places = read(ordered, "contacted")
    lines = {
        "expected_profit": "expected profit",
        "realised_profit": "realised on the test snapshot",
    }
    for position, (column, label) in enumerate(lines.items()):
        axes.plot(places, read(ordered, column), label=label, **style_line(position))
    low, high = read(ordered, "ci_low"), read(ordered, "ci_high")
    axes.fill_between(places, low, high, color=COLOURS[1], alpha=0.2, linewidth=0)
    axes.axhline(0, color=MUTED, linewidth=1, zorder=1.5)
    mark(axes, chosen, "current list")
    axes.set(xlabel="Users contacted, highest risk first", ylabel="Profit (money)")
    axes.set_xlim(0, find_max(places, default=1))
    format_counts(axes.xaxis)
    axes.yaxis.set_major_formatter(FuncFormatter(say_count))
    place_legend(axes, 3)
    return finish(figure, title)


@chart("proba_churn")
def draw_score_distribution(
    predictions: Frame,
    *,
    threshold: float,
    min_disclosed: int = 1,
    title: str = "Users by predicted probability of churn",
) -> Figure:
    """Return a histogram of `proba_churn` in forty bins from 0 to 1, with the threshold. Bars of
    fewer than `min_disclosed` users are not drawn.
    """
    figure = make_figure()
    axes = figure.axes[0]
    edges = [step / 40 for step in range(41)]
    note = fill_bars(axes, read(predictions, "proba_churn"), edges, min_disclosed)
    mark(axes, threshold, "current threshold")
    format_shares(axes, "x", full=True)
    format_counts(axes.yaxis)
    axes.set(xlabel="Predicted probability of churn", ylabel="Users")
    place_legend(axes, 2)
    return finish(figure, title, note)
