"""Charts of how well scores order users: models beside baselines, ROC, precision, lift."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from analysis.base.charts import Sketch, require_one
from analysis.base.drawing import (
    FAINT,
    MUTED,
    SERIES,
    SMALL,
    Canvas,
    Frame,
    draw_bars_of,
    draw_reference,
    find_max,
    format_shares,
    label_ends,
    name_rows,
    name_y,
    read,
    read_ends,
    room_for,
    rows_of,
    rule,
    say_count,
    write,
)
from analysis.base.unavailable import reason_of
from analysis.contract import catalogue
from analysis.contract.captions import chart

CHANCE = 0.5
"""ROC AUC of a score that says nothing."""
RECENCY = "recency_only"
"""The baseline that the model is compared with."""
AT_FALSE_ALARMS, AT_RECALL = 0.2, 0.5
"""Where the titles of the curves read them."""


def words_of(table: str, column: str) -> dict[str, str]:
    """Return the catalogue's words for the codes in a column of a table."""
    described = {c.name: c.values for c in catalogue.table_of(table).columns}
    return described[column]


def word(words: dict[str, str], code: Any) -> str:
    """Return the word for a code; a code without one is read as words."""
    return words.get(str(code), str(code).replace("_", " "))


def paint_rows(
    canvas: Canvas, names: Sequence[str], frame: Frame, value: str, reference: float | None
) -> Axes:
    """Paint points with intervals, one row per row of the frame, beside a line at `reference`."""
    letters = 18 if canvas.is_narrow else 30
    height = rows_of(names, letters)
    axes = canvas.panel(height, left=room_for(names, letters), right=26, top=26)
    draw_reference(axes, reference, vertical=True)
    rows = np.arange(len(frame))
    draw_bars_of(axes, frame, rows, SERIES[0], across=True)
    axes.plot(read(frame, value), rows, "o", color=SERIES[0], markersize=7, clip_on=False)
    name_rows(axes, names, letters)
    axes.grid(visible=True, axis="x")
    axes.tick_params(axis="x", length=0, pad=6)
    axes.locator_params(axis="x", nbins=4 if canvas.is_narrow else 7)
    axes.set_xlabel(canvas.words["x"])
    return axes


@chart("model", "value", "ci_low", "ci_high")
def draw_model_comparison(
    roc_auc_by_model: Frame, *, chosen: str = "", gain: Frame | None = None
) -> Sketch:
    """Return points with intervals: the ROC AUC, `value`, per `model`, beside that of chance.
    `gain` is the row of the AUC of the `chosen` model minus that of the last visit.
    """
    words = words_of("evaluation", "model")
    frame = roc_auc_by_model.sort_values("value", ascending=False, kind="stable")
    names = [word(words, model) for model in frame["model"]]
    by_model = frame.set_index("model")["value"]
    facts = {
        "verdict": _verdict(gain) if {chosen, RECENCY} <= {*by_model.index} else "",
        "chosen": by_model.get(chosen), "recency": by_model.get(RECENCY),
        "users": frame["n"].max() if "n" in frame else None,
        "points": [{"name": name, "value": row["value"], "low": row["ci_low"],
                    "high": row["ci_high"]}
                   for name, row in zip(names, frame.to_dict("records"), strict=True)],
    }  # fmt: skip
    return Sketch(facts, partial(_paint_models, frame, names))


def _verdict(gain: Frame | None) -> str:
    if gain is None or reason_of(gain) or gain.empty:
        return ""
    low, high = float(gain["ci_low"].iloc[0]), float(gain["ci_high"].iloc[0])
    return "better" if low > 0 else "worse" if high < 0 else "same" if low <= high else ""


def _paint_models(frame: Frame, names: Sequence[str], canvas: Canvas) -> None:
    axes = paint_rows(canvas, names, frame, "value", CHANCE)
    write(axes, CHANCE, -0.5, canvas.words["chance"], shift=(0, 12), ha="center")
    for row, record in enumerate(frame.to_dict("records")):
        text = canvas.say("mark", name=names[row], value=record["value"], low=record["ci_low"],
                          high=record["ci_high"])  # fmt: skip
        canvas.mark(axes, record["value"], row, text)


# --- curves -------------------------------------------------------------------------------------


@chart("model", "false_positive_rate", "true_positive_rate")
def draw_roc(roc_points: Frame, *, chosen: str = "") -> Sketch:
    """Return one curve per `model`, `true_positive_rate` by `false_positive_rate` (0 to 1), and the
    diagonal of chance; all but the `chosen` model and the last visit faint.
    """
    x, y = "false_positive_rate", "true_positive_rate"
    front = _front(roc_points, chosen)
    points = _read_curves(roc_points, x, y, front, (0.1, AT_FALSE_ALARMS, 0.5))
    facts = {
        "points": points, "found": points[1]["model"],
        "others": roc_points["model"].nunique() > len(front),
    }  # fmt: skip
    return Sketch(facts, partial(_paint_curves, roc_points, x, y, front, None))


@chart("model", "recall", "precision")
def draw_pr(pr_points: Frame, *, base_rate: float, chosen: str = "") -> Sketch:
    """Return one step curve per `model`: `precision` by `recall` (0 to 1), with a line at
    `base_rate`, the share of churners; all but the `chosen` model and the last visit faint.
    """
    front = _front(pr_points, chosen)
    points = _read_curves(pr_points, "recall", "precision", front, (0.2, AT_RECALL, 0.8))
    facts = {
        "points": points, "precision": points[1]["model"], "base": base_rate,
        "others": pr_points["model"].nunique() > len(front),
    }  # fmt: skip
    return Sketch(facts, partial(_paint_curves, pr_points, "recall", "precision", front, base_rate))


def _front(points: Frame, chosen: str) -> list[str]:
    """Return the models drawn in front: the chosen one, else the first, and the last visit."""
    present = list(points["model"].drop_duplicates())
    first = chosen if chosen in present else present[0]
    return list(dict.fromkeys([first, *(name for name in present if name == RECENCY)]))


def _height(points: Frame, model: str, x: str, y: str, at: float) -> float | None:
    """Return the curve's value at the first point from `at` on."""
    part = points.loc[(points["model"] == model) & (points[x] >= at) & points[y].notna()]
    return float(part.sort_values(x, kind="stable")[y].iloc[0]) if len(part) else None


def _read_curves(
    points: Frame, x: str, y: str, front: Sequence[str], places: Sequence[float]
) -> list[dict[str, Any]]:
    return [
        {
            "x": at,
            "model": _height(points, front[0], x, y, at),
            "recency": _height(points, front[1], x, y, at) if len(front) > 1 else None,
        }
        for at in places
    ]


def _paint_curves(
    points: Frame, x: str, y: str, front: Sequence[str], base: float | None, canvas: Canvas
) -> None:
    words = words_of("roc_points", "model")
    side = canvas.width - 48 - 24 if canvas.is_narrow else 400
    axes = canvas.panel(side, left=48, right=canvas.width - 48 - side, top=36)
    rule(axes)
    if base is None:
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)))
        write(axes, 0.72, 0.68, canvas.words["chance"], shift=(6, -4))
    else:
        draw_reference(axes, base)
        write(axes, 0.02, base, canvas.words["chance"], shift=(0, -11))
    look: dict[str, Any] = {} if base is None else {"drawstyle": "steps-post"}
    for model in points["model"].drop_duplicates():
        if model not in front:
            part = points.loc[points["model"] == model]
            axes.plot(part[x], part[y], color=FAINT, linewidth=1, **look)
    for model, colour in reversed([*zip(front, SERIES, strict=False)]):
        part = points.loc[points["model"] == model]
        axes.plot(part[x], part[y], color=colour, **look)
    for side_name in ("x", "y"):
        format_shares(axes, side_name)
    axes.set_xlabel(canvas.words["x"])
    name_y(axes, canvas.words["y"])
    _name_curves(canvas, axes, points, x, y, front, words)


def _name_curves(
    canvas: Canvas, axes: Axes, points: Frame, x: str, y: str,
    front: Sequence[str], words: dict[str, str],
) -> None:  # fmt: skip
    """Name the curves in front in a corner that they leave empty, and mark places on them."""
    is_roc = x != "recall"
    for position, (model, colour) in enumerate(zip(front, SERIES, strict=False)):
        name = word(words, model)
        place = (0.98, 0.16 - 0.08 * position) if is_roc else (0.98, 0.97 - 0.08 * position)
        axes.text(*place, name, color=colour, ha="right", va="center", fontsize=SMALL)
        for at in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
            height = _height(points, model, x, y, at)
            if height is not None:
                canvas.mark(axes, at, height, canvas.say("mark", name=name, x=at, y=height))


# --- lift ---------------------------------------------------------------------------------------


@chart("decile", "lift", "ci_low", "ci_high")
def draw_lift(lift: Frame) -> Sketch:
    """Return one point with its interval per `decile` (1 = highest risk): its `lift` (1 = average).

    `ci_low` and `ci_high` are in units of lift. Deciles of too few users have no point.
    """
    require_one(lift, "model", "draw_lift")
    lift = lift[lift["lift"].notna()].sort_values("decile")
    if lift.empty:
        return Sketch({}, None)
    first = lift.iloc[0]
    facts = {
        "tenth": first["decile"], "top": first["lift"], "low": first["ci_low"],
        "points": read(lift, "lift").tolist(),
        "users": lift["users"].sum() if "users" in lift else None,
    }  # fmt: skip
    return Sketch(facts, partial(_paint_lift, lift))


def _paint_lift(lift: Frame, canvas: Canvas) -> None:
    axes = canvas.panel(220, left=34, right=70, top=36)
    rule(axes)
    places, values = read(lift, "decile"), read(lift, "lift")
    draw_reference(axes, 1.0)
    draw_bars_of(axes, lift, places, SERIES[0])
    axes.plot(places, values, "o", color=SERIES[0], markersize=7)
    axes.set_xticks(places, [say_count(place) for place in places])
    axes.set_xlim(0.4, float(places.max()) + 0.6)
    axes.set_ylim(0, 1.08 * max(1.0, find_max(read_ends(lift, "lift", "ci_high"), 1.0)))
    axes.locator_params(axis="y", nbins=5)
    axes.set_xlabel(canvas.words["x"])
    name_y(axes, canvas.words["y"])
    label_ends(axes, [(1.0, canvas.words["average"], MUTED)])
    for row in lift.to_dict("records"):
        text = canvas.say("mark", tenth=row["decile"], lift=row["lift"], low=row["ci_low"],
                          high=row["ci_high"])  # fmt: skip
        canvas.mark(axes, row["decile"], row["lift"], text)
