"""Checks: what a verdict is, and the register of every check of the report.

A check is a pure function beside the measure it judges, declared by `@check`. Its name is the
function's, what it reads are the function's parameters, and its sentences are in book/checks.yml.
The panels of the chapters, the studies, and what a failing check strikes follow from the register.
"""

import inspect
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import pandas as pd

from analysis.base.files import finite
from analysis.contract import suspects

Status = Literal["pass", "warn", "fail", "not_applicable"]
STATUSES: tuple[Status, ...] = ("fail", "warn", "pass", "not_applicable")
COLUMNS = ["check", "status", "value", "ci_low", "ci_high", "limit", "n", "facts"]

BASES = {
    "retention": "who of the newcomers came back",
    "survival": "how long users stay",
    "churn": "who of the active users did not return after a snapshot",
    "reactivation": "who came back after a silence",
    "cancellations": "who cancelled, and when",
    "groups": "differences in churn between groups of users",
    "ranking": "how well the model orders users",
    "scores": "the probabilities of the users to be scored",
    "threshold": "the limit from which a user is contacted",
    "segments": "whether there are separable groups of users",
    "activity": "how much users do, and what they pay",
    "counts": "how many events there are",
}
"""What figures, tables and sentences can rest on, and what a failing check strikes."""
OF_THE_DATA = "03_audit"
"""The stage whose checks judge the data: what they strike follows from their suspects."""


@dataclass(frozen=True)
class Verdict:
    """One check's verdict.

    `value` with its interval is the evidence as a number, `limit` what it was compared with,
    `n` the rows behind it, `facts` what the sentence about it needs. `suspects` (contract.suspects)
    are what a check of the data that fails rests on.
    """

    check: str
    status: Status
    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    limit: float | None = None
    n: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    suspects: pd.DataFrame | None = None


@dataclass(frozen=True)
class Check:
    """One registered check: its stage, the bases it strikes, and the function that judges."""

    name: str
    stage: str
    strikes: tuple[str, ...]
    judge: Callable[..., Verdict]

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of what the function takes: attributes of the chapter or of its log."""
        return tuple(inspect.signature(self.judge).parameters)


REGISTER: dict[str, Check] = {}
Judge = TypeVar("Judge", bound=Callable[..., Verdict])


def check(*, stage: str, strikes: Iterable[str] = ()) -> Callable[[Judge], Judge]:
    """Register the decorated function as a check of `stage` under its own name.

    `strikes` names the BASES that rest on it: a figure on such a basis is struck when the check
    fails and carries a caution when it warns. A check of the data (OF_THE_DATA) strikes nothing by
    itself: it names its suspects, and the figures that depend on them are struck (see
    summary.materiality). Raises ValueError for an unknown basis, for a check of the data that names
    bases, and for a name that is taken.
    """

    def register(judge: Judge) -> Judge:
        name, bases = judge.__name__, tuple(strikes)
        unknown = sorted(set(bases) - set(BASES))
        taken = REGISTER.get(name)
        if unknown or (taken and taken.judge.__module__ != judge.__module__):
            raise ValueError(f"check {name!r}: unknown basis {unknown}, or the name is taken")
        if bases and stage == OF_THE_DATA:
            raise ValueError(f"check {name!r}: a check of the data names suspects, not bases")
        REGISTER[name] = Check(name, stage, bases, judge)
        return judge

    return register


def of_stage(stage: str) -> list[Check]:
    """Return the checks of `stage`, in the order in which its modules declare them."""
    return [check for check in REGISTER.values() if check.stage == stage]


def of_the_data() -> set[str]:
    """Return the names of the checks of the data."""
    return {check.name for check in of_stage(OF_THE_DATA)}


def not_applicable(check: str, reason: str) -> Verdict:
    """Return the verdict of a check that these tables do not allow, with the reason."""
    return Verdict(check, "not_applicable", facts={"reason": reason})


def grade(value: float, warn: float, fail: float) -> Status:
    """Return `fail` from `fail` on, `warn` from `warn` on, else `pass`."""
    if value >= fail:
        return "fail"
    return "warn" if value >= warn else "pass"


def to_table(verdicts: Iterable[Verdict]) -> pd.DataFrame:
    """Return one row per verdict, with the columns of COLUMNS; `facts` as JSON text."""
    rows = [
        (v.check, v.status, v.value, v.ci_low, v.ci_high, v.limit, v.n, _facts(v)) for v in verdicts
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def suspects_of(verdicts: Iterable[Verdict]) -> pd.DataFrame:
    """Return what the checks that fail rest on, with the name of each as `check`: see suspects."""
    parts = [
        verdict.suspects.assign(check=verdict.check)
        for verdict in verdicts
        if verdict.status == "fail" and verdict.suspects is not None
    ]
    named = suspects.join(parts)
    return named if len(named) else named.assign(check="")


def _facts(verdict: Verdict) -> str:
    facts = finite(verdict.facts)
    return json.dumps(facts, sort_keys=True, ensure_ascii=False, allow_nan=False, default=str)
