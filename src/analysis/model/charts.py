"""Charts of the model: how well it ranks, how true its probabilities are, what follows."""

from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from analysis.base.charts import (
    COLOURS,
    INK,
    MIN_USERS,
    MUTED,
    Frame,
    chart,
    draw_intervals,
    draw_nothing,
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
    style_line,
)


def _draw_lines(axes: Axes, frame: Frame, x: str, y: str, **options: Any) -> int:
    """Draw one line per `model`, in the frame's order, and return how many."""
    models, _ = list_groups(frame, "model", limit=len(COLOURS))
    for position, model in enumerate(models):
        part = frame.loc[frame["model"] == model]
        look = {**style_line(position), **options}
        axes.plot(part[x], part[y], label=str(model).replace("_", " "), **look)
    return len(models)


def _make_square(axes: Axes, top: float = 1.0) -> None:
    for side in ("x", "y"):
        format_shares(axes, side, [top / 1.1])
    axes.set_aspect("equal")


@chart("model", "fpr", "tpr")
def draw_roc(
    roc_points: Frame, *, title: str = "ROC curve: churners found against false alarms"
) -> Figure:
    """Return one curve per `model`: `tpr` by `fpr` (0 to 1), with the diagonal of chance."""
    figure = make_figure()
    axes = figure.axes[0]
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1.2, linestyle=":", label="chance")
    _draw_lines(axes, roc_points, "fpr", "tpr", clip_on=False)
    _make_square(axes, top=1.1)
    axes.set(xlabel="False alarms (share of those who stay)", ylabel="Churners found (share)")
    place_legend(axes, 2, place="right")
    return finish(figure, title)


@chart("model", "recall", "precision")
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
    figure = make_figure()
    axes = figure.axes[0]
    if base_rate is None and "base_rate" in pr_points.columns:
        base_rate = float(pr_points["base_rate"].iloc[0])
    mark(axes, base_rate, "base rate", vertical=False)
    _draw_lines(axes, pr_points, "recall", "precision", drawstyle="steps-post", clip_on=False)
    _make_square(axes, top=1.1)
    axes.set(xlabel="Recall (share of churners found)", ylabel="Precision (share of alarms)")
    place_legend(axes, 2, place="right")
    return finish(figure, title)


@chart("mean_predicted", "observed_rate", "ci_low", "ci_high", "users")
def draw_calibration(
    calibration: Frame,
    *,
    min_users: int = MIN_USERS,
    title: str = "Predicted probability against the observed churn rate, 95 % interval",
) -> Figure:
    """Return one point with its interval per bin: `observed_rate` by `mean_predicted`."""
    require_one_model(calibration, "draw_calibration")
    named = calibration.assign(which=calibration["mean_predicted"].map("bin at {:.2f}".format))
    kept, note = keep_large(named, "which", "observed_rate", min_users)
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
    sizes = dict.fromkeys(f"{size:,.0f}" for size in (kept["users"].min(), kept["users"].max()))
    return finish(figure, title, f"{' to '.join(sizes)} users per bin.", note)


@chart("decile", "lift", "ci_low", "ci_high")
def draw_lift(
    lift: Frame, *, title: str = "Churn rate of each tenth of users over the average, 95 % interval"
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
    axes.set_xticks(places, [f"{place:.0f}" for place in places])
    axes.set_ylim(0, 1.1 * max(1.0, find_max(read_ends(lift, "lift", "ci_high"), default=1.0)))
    axes.grid(axis="x", visible=False)
    axes.set(xlabel="Tenth of users by predicted risk (1 = highest)", ylabel="Lift (1 = average)")
    place_legend(axes, 2)
    return finish(figure, title)


@chart("threshold", "precision", "recall", "flagged_share")
def draw_threshold_sweep(
    sweep: Frame,
    *,
    chosen: float | None = None,
    title: str = "Precision, recall and share of users flagged, by threshold",
) -> Figure:
    """Return three lines (`precision`, `recall`, `flagged_share`, 0 to 1) by `threshold`.

    `chosen` marks the threshold in use.
    """
    require_one_model(sweep, "draw_threshold_sweep")
    figure = make_figure()
    axes = figure.axes[0]
    names = {"precision": "precision", "recall": "recall", "flagged_share": "users flagged"}
    ordered = sweep.sort_values("threshold")
    for position, (column, label) in enumerate(names.items()):
        values = read(ordered, column)
        axes.plot(ordered["threshold"], values, label=label, **style_line(position), clip_on=False)
    mark(axes, chosen, "threshold in use")
    format_shares(axes, "x", full=True)
    format_shares(axes, "y", full=True)
    axes.set(xlabel="Threshold on the predicted probability", ylabel="Share")
    place_legend(axes, 3, place="right")
    return finish(figure, title)


@chart("feature", "auc_drop", "ci_low", "ci_high")
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
    return finish(figure, title, note)


def _draw_rows(
    frame: Frame,
    name: str,
    value: str,
    *,
    reference: float | None = None,
    reference_label: str = "",
) -> Figure:
    """Return a figure of horizontal points with intervals, one row per row of the frame."""
    figure = make_figure(height=grow(len(frame)))
    axes = figure.axes[0]
    rows = np.arange(len(frame))
    mark(axes, reference, reference_label)
    draw_intervals(axes, frame, rows, COLOURS[0], horizontal=True)
    style: dict[str, Any] = {"linestyle": "none", "marker": "o", "color": COLOURS[0]}
    axes.plot(read(frame, value), rows, **style, markersize=7, clip_on=False, zorder=3)
    label_rows(axes, [str(label).replace("_", " ") for label in frame[name]])
    return figure


@chart("model", "value", "ci_low", "ci_high")
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
    place_legend(axes, 1 if reference is None else 2, place="above")
    return finish(figure, title)


@chart("contacted", "profit_total")
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
    figure = make_figure()
    axes = figure.axes[0]
    ordered = profit.sort_values("contacted")
    places = read(ordered, "contacted")
    lines = {"profit_total": "expected profit", "realised_profit": "realised on the test snapshot"}
    drawn = {column: label for column, label in lines.items() if column in profit.columns}
    for position, (column, label) in enumerate(drawn.items()):
        axes.plot(places, read(ordered, column), label=label, **style_line(position))
    if {"ci_low", "ci_high"} <= set(profit.columns):
        low, high = read(ordered, "ci_low"), read(ordered, "ci_high")
        colour = COLOURS[len(drawn) - 1]
        axes.fill_between(places, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.axhline(0, color=MUTED, linewidth=1, zorder=1.5)
    mark(axes, chosen, "contacts in use")
    unit = f" ({currency})" if currency else ""
    axes.set(xlabel="Users contacted, highest risk first", ylabel=f"Profit{unit}")
    axes.set_xlim(0, find_max(places, default=1))
    format_counts(axes.xaxis)
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    place_legend(axes, len(drawn) + (chosen is not None))
    return finish(figure, title)


@chart("proba_churn")
def draw_score_distribution(
    predictions: Frame,
    *,
    threshold: float | None = None,
    title: str = "Users by predicted probability of churn",
) -> Figure:
    """Return a histogram of `proba_churn` in forty bins from 0 to 1, with the threshold."""
    figure = make_figure()
    axes = figure.axes[0]
    sns.histplot(
        x=read(predictions, "proba_churn"), bins=40, binrange=(0, 1), color=COLOURS[0], ax=axes
    )
    mark(axes, threshold, "threshold in use")
    format_shares(axes, "x", full=True)
    format_counts(axes.yaxis)
    axes.set(xlabel="Predicted probability of churn", ylabel="Users")
    place_legend(axes, 1 if threshold is None else 2)
    return finish(figure, title)


@chart("group", "users", "rate", "ci_low", "ci_high")
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
    kept, note = keep_large(frame, "group", "rate", min_users)
    if kept.empty:
        return draw_nothing(title, note)
    names = [f"{row.group} (n = {row.users:,.0f})" for row in kept.itertuples()]
    figure = _draw_rows(
        kept.assign(group=names), "group", "rate", reference=overall, reference_label="all users"
    )
    axes = figure.axes[0]
    format_shares(axes, "x", [*read_ends(kept, "rate", "ci_high"), overall or 0.0])
    axes.set_xlabel(xlabel)
    place_legend(axes, 1 if overall is None else 2, place="above")
    return finish(figure, title, note)
