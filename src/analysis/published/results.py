"""What the helpers of `analysis.published` return when they have a table, and when they do not."""

from dataclasses import dataclass

Value = float | int | str


@dataclass(frozen=True)
class Absent:
    """Stand in for a result of the case that these tables cannot give, with the reason."""

    reason: str


@dataclass(frozen=True)
class Figure:
    """One figure of the case: `value`, or None with the `reason` why it is absent."""

    value: Value | None
    reason: str | None = None
