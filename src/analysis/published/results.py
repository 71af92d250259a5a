"""What stands for a result of the case that these tables cannot give."""

from dataclasses import dataclass

import pandas as pd

Value = float | int | str


@dataclass(frozen=True)
class Absent:
    """A result of the case that these tables cannot give, with the reason."""

    reason: str


@dataclass(frozen=True)
class Figure:
    """One figure of the case: `value`, or None with the `reason` why it is absent."""

    value: Value | None
    reason: str | None = None


def or_empty(table: pd.DataFrame | Absent, columns: list[str]) -> pd.DataFrame:
    """Return `table`, or an empty one with `columns` where it is absent."""
    return pd.DataFrame(columns=columns) if isinstance(table, Absent) else table
