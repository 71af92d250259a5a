"""The sentences of the summary in other languages: what `summary/told.json` holds.

The figures are those that the summary has; only the sentences are filled once more.
"""

from collections.abc import Mapping
from copy import copy
from typing import Any

import pandas as pd

from analysis.base import language
from analysis.contract import stages

IN_WORDS = (
    "judged", "suggested", "checks", "actions", "shortcuts", "claims", "numbers", "metrics",
    "figures_as_measured",
)  # fmt: skip
"""Attributes of the summary that hold sentences; all others are the same in every language."""
TOLD = ("checks", "actions", "shortcuts", "claims", "numbers")
"""Tables of the summary whose rows are told."""
Told = dict[str, dict[str, Any]]
"""By language and path of the artifact: the cells of each row that are said otherwise; of the
metrics, the texts of each key.
"""


def tell_tables(summary: Any) -> Told:
    """Return the texts of the summary's tables and metrics that other languages say otherwise."""
    return language.tell(lambda: _tell(summary, _without_words(summary)))


def _tell(english: Any, told: Any) -> dict[str, Any]:
    paths = stages.find(stages.SUMMARY).writes
    metrics = {key: _differing(english.metrics[key], entry) for key, entry in told.metrics.items()}
    tables = {
        paths[name]: _other_cells(getattr(english, name), getattr(told, name)) for name in TOLD
    }
    return {**tables, paths["metrics"]: {key: texts for key, texts in metrics.items() if texts}}


def _without_words(summary: Any) -> Any:
    """Return the summary with its figures, and without the sentences that it has made of them."""
    again = copy(summary)
    for name in IN_WORDS:
        vars(again).pop(name, None)
    return again


def _other_cells(english: pd.DataFrame, told: pd.DataFrame) -> list[dict[str, str]]:
    rows = zip(english.to_dict("records"), told.to_dict("records"), strict=True)
    return [_differing(one, other) for one, other in rows]


def _differing(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> dict[str, str]:
    return {
        str(name): text
        for name, text in other.items()
        if isinstance(text, str) and text != one.get(name)
    }
