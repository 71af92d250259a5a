"""Tables that could not be computed: empty frames that carry the reason."""

from typing import Any, TypeVar

import pandas as pd

from analysis.base.errors import Unavailable

Table = TypeVar("Table")
MARK = "unavailable"
"""The entry of a frame's `attrs` that holds the reason."""


def reason_of(value: Any) -> str | None:
    """Return why `value` could not be computed; None for anything that could."""
    return value.attrs.get(MARK) if isinstance(value, pd.DataFrame) else None


def mark(frame: pd.DataFrame, reason: str) -> pd.DataFrame:
    """Return a copy of `frame` that carries the `reason` why it is empty."""
    marked = frame.copy()
    marked.attrs[MARK] = reason
    return marked


def require(frame: Table) -> Table:
    """Return `frame`; raises Unavailable, with its reason, where it could not be computed."""
    if reason := reason_of(frame):
        raise Unavailable(reason)
    return frame
