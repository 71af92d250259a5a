"""The usual shortcuts beside the figures to use, and whether the two differ on these tables."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.base.comparisons import distinct
from analysis.base.formats import format_value
from analysis.base.language import say
from analysis.base.texts import render
from analysis.summary.entries import Entry, Metrics
from analysis.summary.numbers import as_text, is_struck

Figures = Mapping[str, Mapping[str, Any]]
COLUMNS = [
    "shortcut", "title", "shortcut_says", "metric", "to_use", "differs", "reason", "in_general",
]  # fmt: skip
CANNOT_BE_COMPUTED = "The shortcut cannot be computed from these tables: {{ reason }}."
NOT_AVAILABLE = "The figure to use is not available, so the two cannot be compared."
STRUCK = "A failing check strikes the figure to use, so the two cannot be compared."
ALPHA = 0.05
"""Level at which the shortcut calls each comparison a difference."""


@dataclass(frozen=True)
class Shortcut:
    """One shortcut: its name, and the key of the metric to use in its place."""

    name: str
    metric: str


SHORTCUTS = (
    Shortcut("churn", "newcomers_lost_30d"),
    Shortcut("retention_d7", "retention_d7"),
    Shortcut("retention_d30", "retention_d30"),
    Shortcut("native_label", "churn_rate"),
    Shortcut("auc", "test_auc"),
    Shortcut("threshold", "flagged_share"),
    Shortcut("scored", "users_scored"),
    Shortcut("expected", "expected_churners"),
    Shortcut("groups", "group_differences_found"),
    Shortcut("clusters", "separate_groups"),
    Shortcut("quality", "rules_kept_share"),
)
"""Every shortcut, in the reader's order."""


def groups_one_by_one(differences: pd.DataFrame) -> dict[str, Any]:
    """Return how many comparisons of groups have p < 0.05, each judged by itself.

    `differences` as from base.comparisons.compare_groups.
    """
    tests = distinct(differences)
    if tests.empty:
        return {"value": None, "reason": "there are no groups of users to compare"}
    different = int((tests["p_value"].astype(float) < ALPHA).sum())
    return {"value": different, "reason": None, "compared": len(tests)}


def mean_of_rules(quality: pd.DataFrame) -> dict[str, Any]:
    """Return the mean over all rules of the share of rows that keep the rule.

    `quality` as in audit/quality.csv.
    """
    rules = quality[(quality["kind"] == "rule") & (quality["checked"] > 0)]
    if rules.empty:
        return {"value": None, "reason": "no rule applies to these columns"}
    return {"value": float((1 - rules["broken"] / rules["checked"]).mean()), "reason": None}


def differs(value: float | None, use: Entry) -> str:
    """Return `yes`, `no`, or `unknown` where one of the two figures is not available.

    With an interval, a shortcut differs when it lies outside the interval of the figure to use.
    A figure without one is counted or chosen, not estimated: then any difference counts that the
    page prints.
    """
    if value is None or use["value"] is None:
        return "unknown"
    if use["ci_low"] is None or use["ci_high"] is None:
        printed = [format_value(number, use["unit"]) for number in (value, use["value"])]
        return "no" if printed[0] == printed[1] else "yes"
    return "no" if use["ci_low"] <= value <= use["ci_high"] else "yes"


def shortcuts_table(
    figures: Figures,
    texts: Figures,
    metrics: Metrics,
    failing: Collection[str],
    min_disclosed: int = 1,
) -> pd.DataFrame:
    """Return one row per shortcut with the columns of COLUMNS.

    `figures` as from published.shortcuts, groups_one_by_one and mean_of_rules; `texts` are the
    entries of book/checks.yml. `metric` is the key of the figure to use and `to_use` its text,
    `differs` as in the function of that name, `reason` why it is unknown, `in_general` why the
    shortcut goes wrong.
    """
    rows = [
        _row(one, figures[one.name], texts[one.name], metrics[one.metric], failing, min_disclosed)
        for one in SHORTCUTS
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(
    one: Shortcut, figure: Mapping[str, Any], text: Mapping[str, str], use: Entry,
    failing: Collection[str], min_disclosed: int,
) -> dict[str, Any]:  # fmt: skip
    struck = is_struck(use, list(failing))
    is_given = figure["value"] is not None
    reason = "" if is_given else render(CANNOT_BE_COMPUTED, {"reason": say(figure["reason"])})
    if is_given and (struck or use["value"] is None):
        reason = say(STRUCK if struck else NOT_AVAILABLE)
    says = render(text["says"], figure, min_disclosed=min_disclosed) if is_given else ""
    return {
        "shortcut": one.name,
        "title": say(text["title"]),
        "shortcut_says": says,
        "metric": one.metric,
        "to_use": f"{say(use['label'])}: {say('struck') if struck else as_text(use)}",
        "differs": "unknown" if reason else differs(figure["value"], use),
        "reason": reason,
        "in_general": say(text["why"]),
    }
