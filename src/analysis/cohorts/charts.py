"""Charts of cohorts: retention by month and by day, survival, and cancelling beside silence."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from analysis.base.charts import (
    COLOURS,
    HEIGHT,
    MARKERS,
    MIN_USERS,
    MUTED,
    PALE,
    WIDTH,
    Frame,
    chart,
    draw_intervals,
    draw_nothing,
    find_max,
    finish,
    format_shares,
    grow,
    keep_large,
    label_rows,
    list_groups,
    make_figure,
    place_legend,
    read,
    read_ends,
    say_count,
    say_percent,
    style_line,
    tilt,
)
from analysis.base.formats import SPACE, format_value, too_few
from analysis.base.statistics import is_too_few

CAUSES = {"cancelled": "Cancelled", "silent": "Fell silent without cancelling"}
"""How a stay can end: the column, and its label."""


@chart("cohort_month", "event_month", "cohort_size", "retention_rate", "is_observed")
def draw_retention_heatmap(
    retention_cohorts: Frame,
    *,
    min_users: int = MIN_USERS,
    title: str = "Share of each signup month's users who were active, month by month",
) -> Figure:
    """Return a grid: `cohort_month` (rows) by `event_month`, coloured by `retention_rate`.

    Cells that are not fully observed are hatched, cohorts under `min_users` and cells that are
    withheld plain grey, months before signup white. Numbers are printed where they fit (16 x 40
    cells).
    """
    rates, states = _grid_cohorts(retention_cohorts, min_users)
    rows, columns = rates.shape
    figure = make_figure(height=grow(rows, 0.27, base=2.0, most=9.0))
    axes = figure.axes[0]
    axes.patch.set(facecolor="#f7f7f7", edgecolor="#c4c4c4", hatch="////")
    plain = ListedColormap(["white", PALE])
    common: dict[str, Any] = {"ax": axes, "xticklabels": False, "yticklabels": False}
    sns.heatmap(states, mask=states.isna(), cmap=plain, vmin=0, vmax=1, cbar=False, **common)
    numbers = rates.map(_whole_percent) if columns <= 16 >= rows / 2.5 else None
    if numbers is not None and columns > 11:
        numbers = numbers.map(lambda text: text.removesuffix(f"{SPACE}%"))
    top = min(1.0, math.ceil(10 * find_max(rates.to_numpy().ravel(), default=1.0)) / 10)
    bar = {"format": FuncFormatter(say_percent), "label": "Active users / cohort size"}
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
        tilt(axes)
    return finish(figure, title, _explain_cells(rates, states, min_users))


def _whole_percent(rate: float) -> str:
    return format_value(rate, "share", decimals=0)


def _grid_cohorts(cohorts: Frame, min_users: int) -> tuple[Frame, Frame]:
    """Return rates (missing where not shown) and states (0 before signup, 1 too few)."""
    months = cohorts.assign(
        cohort_month=cohorts["cohort_month"].astype(str).str[:7],
        event_month=cohorts["event_month"].astype(str).str[:7],
    )
    observed = months["is_observed"].fillna(False).astype(bool)
    is_withheld = months["retention_rate"].isna()
    is_small = observed & (is_too_few(months["cohort_size"], min_users) | is_withheld)
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
    notes = [
        "Hatched: not fully covered by the log." if unknown else "",
        f"Grey: {too_few(min_users)}, or few or none of them active." if small else "",
        "White: before signup." if before else "",
    ]
    return " ".join(filter(None, notes))


@chart("definition", "day", "eligible_users", "retention_rate", "ci_low", "ci_high")
def draw_retention_days(
    retention_days: Frame,
    *,
    min_users: int = MIN_USERS,
    title: str = "Share of new users active again, by day and by definition, 95 % interval",
) -> Figure:
    """Return points with intervals: `retention_rate` by `day` since signup and `definition`.

    Up to 12 days stand side by side at equal steps; more are drawn to scale.
    """
    words = retention_days["definition"].map(_describe)
    which = [
        f"day {day:g} ({word})" for day, word in zip(retention_days["day"], words, strict=True)
    ]
    named = retention_days.assign(which=which)
    kept, note = keep_large(named, "which", "retention_rate", min_users, size="eligible_users")
    if kept.empty:
        return draw_nothing(title, note)
    figure = make_figure()
    axes = figure.axes[0]
    days = sorted(kept["day"].unique())
    names, more = list_groups(kept, "definition")
    for position, name in enumerate(names):
        part = kept.loc[kept["definition"] == name].sort_values("day")
        if len(days) <= 12:
            shift = 0.16 * (position - (len(names) - 1) / 2)
            places = [days.index(day) + shift for day in part["day"]]
            _draw_points(axes, part, places, "retention_rate", _describe(name), position)
        else:
            _draw_ribbon(axes, part, "day", "retention_rate", _describe(name), position)
    if len(days) <= 12:
        axes.set_xticks(range(len(days)), [f"{day:g}" for day in days])
        axes.set_xlim(-0.5, len(days) - 0.5)
    axes.set(xlabel="Days since signup (N)", ylabel="Share of eligible users")
    format_shares(axes, "y", read_ends(kept, "retention_rate", "ci_high"))
    place_legend(axes, len(names), place="right")
    return finish(figure, title, note, more)


def _describe(name: str) -> str:
    known = {"on_day": "on day N", "on_or_after": "on day N or later", "within": "within N days"}
    return known.get(name, str(name).replace("_", " "))


def _draw_points(
    axes: Axes, part: Frame, places: Sequence[float], value: str, label: str, position: int
) -> None:
    look: dict[str, Any] = {"marker": MARKERS[position], "markersize": 7, "linestyle": "none"}
    colour = COLOURS[position]
    draw_intervals(axes, part, places, colour)
    axes.plot(places, part[value], color=colour, label=label, clip_on=False, zorder=3, **look)


def _draw_ribbon(axes: Axes, part: Frame, x: str, y: str, label: str, position: int) -> None:
    low, high = read(part, "ci_low"), read(part, "ci_high")
    axes.fill_between(part[x], low, high, color=COLOURS[position], alpha=0.2, linewidth=0)
    axes.plot(part[x], part[y], label=label, **style_line(position))


STILL_ACTIVE = "Share of users still active, by days since signup, 95 % interval"


@chart("group", "day", "at_risk", "survival", "ci_low", "ci_high")
def draw_survival(survival: Frame, *, title: str = STILL_ACTIVE) -> Figure:
    """Return step curves of `survival` (0 to 1) by `day` with ribbons, one per `group`.

    Users at risk are printed below, as of the last row at or before each day. The first
    five groups of the frame are drawn. Of a curve that does not begin at signup (`from_day`, where
    the frame has it) the label says so, and the title if it is the only one.
    """
    survival, title = _name_conditions(survival, title)
    groups, note = list_groups(survival, "group")
    figure = Figure(figsize=(WIDTH, HEIGHT + 0.24 * len(groups)), layout="constrained")
    heights = [10, 0.7 * len(groups) + 0.7]
    axes, table = figure.subplots(2, 1, sharex=True, height_ratios=heights)
    for position, group in enumerate(groups):
        part = survival.loc[survival["group"] == group].sort_values("day")
        _draw_curve(axes, part, str(group), position)
    format_shares(axes, "y", full=True)
    axes.set_ylabel("Share still active")
    axes.set_xlim(0, find_max(survival["day"], default=1))
    axes.tick_params(labelbottom=True)
    axes.set_xlabel("Days since signup")
    place_legend(axes, len(groups))
    _print_at_risk(table, survival, groups, [day for day in axes.get_xticks() if day >= 0])
    return finish(figure, title, note)


def _name_conditions(survival: Frame, title: str) -> tuple[Frame, str]:
    """Return the frame with what each group is conditional on in its name, and the title."""
    if "from_day" not in survival:
        return survival, title
    begins = survival["from_day"].fillna(0).astype(int)
    of_active = ", active on day " + begins.astype(str)
    named = survival["group"].astype(str).where(begins == 0, survival["group"] + of_active)
    if title == STILL_ACTIVE and begins.nunique() == 1 and begins.iloc[0] > 0:
        day = begins.iloc[0]
        title = f"Share still active of users active on day {day} after signup, 95 % interval"
    return survival.assign(group=named), title


def _draw_curve(axes: Axes, part: Frame, label: str, position: int) -> None:
    part = part.iloc[int(part["survival"].notna().argmax()) :]  # from the first day followed
    days, values = read(part, "day"), read(part, "survival")
    begins = part["from_day"].iloc[0] if "from_day" in part else 0
    if 0 < days[0] <= 1 and begins == 0:  # everyone is active at signup
        days, values = np.insert(days, 0, 0.0), np.insert(values, 0, 1.0)
    low, high = (read(part, end) for end in ("ci_low", "ci_high"))
    colour = COLOURS[position]
    axes.fill_between(part["day"], low, high, step="post", color=colour, alpha=0.2, linewidth=0)
    axes.plot(days, values, drawstyle="steps-post", label=label, **style_line(position))


def _print_at_risk(axes: Axes, survival: Frame, groups: Sequence[Any], ticks: list[float]) -> None:
    for row, group in enumerate(groups):
        at_risk = survival.loc[survival["group"] == group].set_index("day")["at_risk"].sort_index()
        for day in ticks:
            before = at_risk.loc[:day]
            is_followed = len(before) and (day > 0 or before.iloc[-1] > 0)
            if is_followed and day <= survival["day"].max():
                text = say_count(before.iloc[-1])
                side = "center" if day > 0 else "left"  # of the group's name
                axes.text(day, row, text, ha=side, va="center", fontsize=9.5)
    label_rows(axes, [str(group) for group in groups], wrap=14)
    axes.tick_params(labelbottom=False, labelsize=9.5, length=0)
    axes.set_title("Users followed", loc="left", fontsize=10, color=MUTED)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


@chart("day", *CAUSES, *(f"{cause}_ci_{end}" for cause in CAUSES for end in ("low", "high")))
def draw_competing_risks(
    competing_risks: Frame,
    *,
    title: str = "Share of newcomers who left, by days since signup, 95 % interval",
) -> Figure:
    """Return step curves of `cancelled` and `silent` (shares, 0 to 1) by `day`, with ribbons."""
    figure = make_figure()
    axes = figure.axes[0]
    for position, (cause, label) in enumerate(CAUSES.items()):
        low, high = (read(competing_risks, f"{cause}_ci_{end}") for end in ("low", "high"))
        look: dict[str, Any] = {"color": COLOURS[position], "alpha": 0.2, "linewidth": 0}
        axes.fill_between(competing_risks["day"], low, high, step="post", **look)
        values = read(competing_risks, cause)
        style = style_line(position)
        axes.plot(competing_risks["day"], values, drawstyle="steps-post", label=label, **style)
    ends = [name for cause in CAUSES for name in (cause, f"{cause}_ci_high")]
    format_shares(axes, "y", read_ends(competing_risks, *ends))
    axes.set(xlabel="Days since signup", ylabel="Share of newcomers")
    axes.set_xlim(0, find_max(competing_risks["day"], default=1))
    place_legend(axes, len(CAUSES))
    return finish(figure, title)
