"""What tests of checks share: the cases, each a check, the verdict it must give, and on what."""

from collections.abc import Callable
from dataclasses import dataclass

from analysis.contract.checks import Verdict


@dataclass(frozen=True)
class Case:
    """A check, the verdict it must give, and on what."""

    check: str
    status: str
    judge: Callable[[], Verdict]
