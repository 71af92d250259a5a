"""What stands for a result of the case that these tables cannot give."""

from dataclasses import dataclass
from typing import TypeVar

from analysis.base.errors import Unavailable

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


Result = TypeVar("Result")


def known(result: Result | Absent) -> Result:
    """Return a result of the case; raises Unavailable, with the reason, where it is absent."""
    if isinstance(result, Absent):
        raise Unavailable(f"The case's method gives nothing on these tables: {result.reason}.")
    return result
