"""The numbers of the book as tables: each by its key, and the case's figures with those to use."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.base.formats import format_full
from analysis.base.language import say
from analysis.published.case_figures import MEANS_BY
from analysis.summary.entries import Metrics

COMPARED = {
    "retention.d7_rate": "retention_d7",
    "retention.d30_rate": "retention_d30",
    "retention.churn_rate": "newcomers_lost_30d",
    "logreg.auc": "test_auc",
    "logreg.threshold": "threshold",
    "scores.mean": "mean_probability",
}
"""Which number in this book replaces which figure of the case."""


def numbers_table(metrics: Metrics, failing: list[str]) -> pd.DataFrame:
    """Return every number as `key, label, value` (text, with its interval and n), `is_struck`."""
    rows = [
        (key, say(entry["label"]), as_text(entry), _struck_word(entry, failing))
        for key, entry in metrics.items()
    ]
    return pd.DataFrame(rows, columns=["key", "label", "value", "is_struck"])


def _struck_word(entry: Mapping[str, Any], failing: list[str]) -> str:
    """Return `yes` for a figure that is there and struck."""
    return "yes" if entry["value"] is not None and is_struck(entry, failing) else "no"


def as_text(entry: Mapping[str, Any], locale: str = "") -> str:
    """Return one metric as text with its interval and its n."""
    value = say(entry["value"]) if isinstance(entry["value"], str) else entry["value"]
    return format_full(
        value, entry["unit"], entry["ci_low"], entry["ci_high"], entry["n"], locale,
        entry.get("currency", ""),
    )  # fmt: skip


def as_marked(entry: Mapping[str, Any], failing: list[str]) -> str:
    """Return one metric as text, with a word where a failing check strikes it."""
    is_plain = entry["value"] is None or not is_struck(entry, failing)
    return (
        as_text(entry)
        if is_plain
        else say("{figure} [struck by a failing check]").format(figure=as_text(entry))
    )


def is_struck(entry: Mapping[str, Any], failing: list[str]) -> bool:
    """Say whether a failing check strikes a metric."""
    return bool({*entry["checks"]} & {*failing})


def means_of_few(users: pd.DataFrame, min_disclosed: int) -> set[str]:
    """Return the names of the case's means of a group of fewer than `min_disclosed` users. The name
    of such a figure alone tells an attribute of them.
    """
    counts = {
        f"scores.mean_by_{label}.{group}": count
        for column, label in MEANS_BY.items()
        if column in users
        for group, count in users[column].value_counts().items()
    }
    return {name for name, count in counts.items() if count < min_disclosed}


def comparison(
    figures: Mapping[str, Any], printed: Mapping[str, Any], metrics: Metrics
) -> pd.DataFrame:
    """Return every figure of the case and the one to use: `figure, printed, by_case,
    by_design, ci_low, ci_high, meaning`. `printed` is what the case itself printed.
    """
    rows = []
    for name, figure in figures.items():
        use = metrics[COMPARED[name]] if name in COMPARED else {}
        rows.append((name, printed.get(name), figure["value"], use.get("value"), use.get("ci_low"),
                     use.get("ci_high"), use.get("label")))  # fmt: skip
    columns = ["figure", "printed", "by_case", "by_design", "ci_low", "ci_high", "meaning"]
    table = pd.DataFrame(rows, columns=columns)
    is_compared = table["figure"].isin(COMPARED)
    return pd.concat([table[is_compared], table[~is_compared]], ignore_index=True)
