"""What tests of checks share: the cases, each a check, the verdict it must give, and on what."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from analysis.contract.checks import Verdict

Numbers = tuple[float | None, float | None, int | None]


@dataclass(frozen=True)
class Case:
    """A check, the verdict it must give, on what, and the `value`, `limit` and `n` it states."""

    check: str
    status: str
    judge: Callable[[], Verdict]
    numbers: Numbers | None = None

    def hold(self) -> None:
        """Stop unless the check gives its verdict, with its numbers where they are written out."""
        verdict = self.judge()
        assert (verdict.check, verdict.status) == (self.check, self.status)
        if self.numbers is not None:
            stated = (verdict.value, verdict.limit, verdict.n)
            assert stated == pytest.approx(self.numbers, rel=1e-9)
