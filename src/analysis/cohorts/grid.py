"""Chart of the cohorts: who of each signup month was active, month by month."""

from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.transforms import Affine2D
from statsmodels.stats.proportion import confint_proportions_2indep

from analysis.base.charts import MIN_USERS, Sketch
from analysis.base.drawing import (
    GRID,
    HEAT,
    INK,
    SMALL,
    Canvas,
    Frame,
    find_max,
    name_rows,
    say_count,
    say_months,
    shade,
)
from analysis.base.formats import SPACE, format_value, is_too_few
from analysis.contract.captions import chart

LIMITS = {True: (7, 16), False: (12, 24)}
"""Months since signup and signup months that are drawn: on a phone, and on a wide page."""


@chart("cohort_month", "event_month", "cohort_size", "retention_rate", "is_observed")
def draw_retention_heatmap(retention_cohorts: Frame, *, min_users: int = MIN_USERS) -> Sketch:
    """Return a grid of signup months, with their sizes, by months since signup: the darker, the
    larger `retention_rate`; a frame where it is not fully observed or users are too few. The month
    of signup is left out.
    """
    cells = _count_months(retention_cohorts, min_users)
    shown = cells.loc[cells["months"].between(1, LIMITS[False][0])]
    known = shown.loc[shown["rate"].notna()]
    if known.empty:
        return Sketch({}, None)
    of_cohorts = shown.loc[shown["cohort"].isin(known["cohort"])]
    facts = {
        "cohorts": known["cohort"].nunique(),
        "lowest": known["rate"].min(), "highest": known["rate"].max(),
        "users": of_cohorts.drop_duplicates("cohort")["cohort_size"].sum(),
        "small": bool(shown["is_small"].any()),
        "hidden": bool((cells["rate"].notna() & (cells["months"] > LIMITS[True][0])).any()),
        "change": "", "older": None, "newer": None, **_compare_halves(known),
    }  # fmt: skip
    return Sketch(facts, partial(_paint_grid, shown))


def _count_months(cohorts: Frame, min_users: int) -> Frame:
    """Return the cells with `cohort`, `months` since signup, and `rate`, if shown."""
    joined, active = (cohorts[name].astype(str).str[:7] for name in ("cohort_month", "event_month"))
    years, months = (
        active.str[part].astype(int) - joined.str[part].astype(int)
        for part in (slice(0, 4), slice(5, 7))
    )
    observed = cohorts["is_observed"].fillna(False).astype(bool)
    is_small = observed & is_too_few(cohorts["cohort_size"], min_users)
    rate = cohorts["retention_rate"].astype(float).where(observed & ~is_small)
    return cohorts.assign(
        cohort=joined, months=12 * years + months, rate=rate, is_small=is_small
    ).reset_index(drop=True)


def _compare_halves(known: Frame) -> dict[str, Any]:
    """Return how the newer half of the signup months compares with the older in the first month."""
    first = known.loc[known["months"] == 1].sort_values("cohort")
    if len(first) < 4 or "active_users" not in first:
        return {}
    middle = len(first) // 2
    old, new = first.iloc[:middle], first.iloc[middle:]
    counts = [(int(h["active_users"].sum()), int(h["cohort_size"].sum())) for h in (new, old)]
    low, high = confint_proportions_2indep(*counts[0], *counts[1], method="newcomb")
    change = "lower" if high < 0 else "higher" if low > 0 else "same"
    newer, older = (active / users for active, users in counts)
    return {"change": change, "older": older, "newer": newer}


def _paint_grid(cells: Frame, canvas: Canvas) -> None:
    most_months, most_cohorts = LIMITS[canvas.is_narrow]
    shown = cells.loc[cells["months"] <= most_months]
    known = shown.loc[shown["rate"].notna()]
    cohorts = sorted(known["cohort"].unique())[-most_cohorts:]
    rows = {month: row for row, month in enumerate(cohorts)}
    shown = shown.loc[shown["cohort"].isin(cohorts)]
    axes = canvas.panel(24 * len(cohorts), left=132, right=14, top=58, bottom=12)
    sizes = shown.drop_duplicates("cohort").set_index("cohort")["cohort_size"]
    named = zip(say_months(cohorts), cohorts, strict=True)
    name_rows(axes, [f"{name} ({say_count(sizes[month])})" for name, month in named], letters=30)
    months = int(shown["months"].max())
    axes.set(xlim=(0.5, months + 0.5), xticks=range(1, months + 1))
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.tick_params(axis="x", length=0, pad=2)
    axes.set_xlabel(canvas.words["x"], labelpad=6, loc="left")
    axes.spines[:].set_visible(False)
    _paint_cells(axes, shown, rows)
    for cell in known.loc[known["cohort"].isin(cohorts)].to_dict("records"):
        x, row = cell["months"], rows[cell["cohort"]]
        number = format_value(cell["rate"], "share", decimals=0).removesuffix(f"{SPACE}%")
        axes.text(x, row, number, ha="center", va="center_baseline", fontsize=SMALL, color=INK)
        text = canvas.say(
            "mark", cohort=cell["cohort"], months=x, rate=cell["rate"], users=cell["cohort_size"],
            low=cell.get("ci_low"), high=cell.get("ci_high"),
        )  # fmt: skip
        canvas.mark(axes, x, row, text)


def _paint_cells(axes: Axes, cells: Frame, rows: dict[str, int]) -> None:
    """Draw the cells of one shade at once, which keeps the drawing small."""
    most = find_max(cells["rate"], default=1.0)
    shades = cells["rate"].map(lambda rate: round(shade(rate, most), 2) if rate == rate else 0.0)
    for alpha, part in cells.groupby(shades):
        places = zip(part["months"], part["cohort"].map(rows), strict=True)
        boxes = [Path.unit_rectangle().transformed(_cell(x, row)) for x, row in places]
        plain = {"facecolor": "none", "edgecolor": GRID, "linewidth": 1}
        look: dict[str, Any] = {"facecolor": HEAT, "alpha": alpha, "linewidth": 0}
        path = Path.make_compound_path(*boxes)
        axes.add_patch(PathPatch(path, clip_on=False, **(look if alpha else plain)))


def _cell(x: float, row: float) -> Affine2D:
    return Affine2D().scale(0.94, 0.9).translate(x - 0.47, row - 0.45)
