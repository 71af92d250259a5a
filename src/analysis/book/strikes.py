"""What the checks of a run strike, or put a caution on."""

from collections.abc import Iterable
from dataclasses import dataclass

from analysis.book.artifacts import METRICS, Artifacts, Check
from analysis.contract.resting import FIGURE


@dataclass(frozen=True)
class Strikes:
    """What the checks of a run strike, or put a caution on: by basis, and by FIGURE and key. Before
    the summary has judged them, `is_judged` is false.
    """

    by_mark: dict[str, tuple[Check, ...]]
    is_judged: bool = True

    def of(self, marks: Iterable[str], status: str = "fail") -> list[Check]:
        """Return the checks of a status behind what rests on `marks`, each once."""
        found = {c.name: c for mark in marks for c in self.by_mark.get(mark, ())}
        return [check for check in found.values() if check.status == status]


def strikes_of(artifacts: Artifacts) -> Strikes:
    """Return what the checks of a run strike; nothing before its summary has judged them."""
    if not artifacts.path(METRICS).is_file():
        return Strikes({}, is_judged=False)
    loud = [check for check in artifacts.all_checks() if check.status in ("fail", "warn")]
    by_mark: dict[str, tuple[Check, ...]] = {}
    for check in loud:
        for basis in check.strikes:
            by_mark[basis] = (*by_mark.get(basis, ()), check)
    for key, entry in artifacts.json(METRICS).items():
        # without a value there is nothing to strike
        names = set() if entry["value"] is None else set(entry.get("checks") or ())
        by_mark[f"{FIGURE}{key}"] = tuple(check for check in loud if check.name in names)
    return Strikes(by_mark)
