"""The sentences of the summary in other languages: what `summary/told.json` holds.

The figures are those that the summary has; only the sentences are filled once more.
"""

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any

import pandas as pd

from analysis.base import language
from analysis.contract import stages

IN_WORDS = ("judged", "suggested", "checks", "actions", "shortcuts", "claims", "numbers")
"""Attributes of the summary that hold sentences; all others are the same in every language."""
TOLD = ("checks", "actions", "shortcuts", "claims", "numbers")
"""Tables of the summary whose rows are told."""
Told = dict[str, dict[str, list[dict[str, str]]]]
"""By language and path of the artifact: the cells of each row that are said otherwise."""


def tell_tables(summary: Any) -> Told:
    """Return the cells of the summary's tables that other languages say otherwise."""
    paths = stages.find(stages.SUMMARY).writes
    english = _tables(summary)
    told = language.tell(lambda: _tables(_without_words(summary)))
    return {
        name: {paths[table]: _other_cells(english[table], frame) for table, frame in tables.items()}
        for name, tables in told.items()
    }


def _tables(summary: Any) -> dict[str, pd.DataFrame]:
    return {name: getattr(summary, name) for name in TOLD}


def _without_words(summary: Any) -> Any:
    """Return the summary with its figures, and without the sentences that it has made of them."""
    again = copy(summary)
    for name in IN_WORDS:
        vars(again).pop(name, None)
    return again


def _other_cells(english: pd.DataFrame, told: pd.DataFrame) -> list[dict[str, str]]:
    pairs: Callable[..., Any] = zip
    rows = pairs(english.to_dict("records"), told.to_dict("records"), strict=True)
    return [_differing(one, other) for one, other in rows]


def _differing(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> dict[str, str]:
    return {
        str(name): text
        for name, text in other.items()
        if isinstance(text, str) and text != one[name]
    }
