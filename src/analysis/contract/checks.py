"""What a check says: a verdict, the number it rests on, and the facts to tell it with."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

Status = Literal["pass", "warn", "fail", "not_applicable"]
STATUSES: tuple[Status, ...] = ("fail", "warn", "pass", "not_applicable")

COLUMNS = ["check", "status", "value", "ci_low", "ci_high", "limit", "n", "facts"]


@dataclass(frozen=True)
class Verdict:
    """One check's verdict.

    `value` with its interval is the evidence as a number, `limit` what it was held
    against, `n` the rows it rests on, `facts` what the sentence about it needs.
    """

    check: str
    status: Status
    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    limit: float | None = None
    n: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)


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


def _facts(verdict: Verdict) -> str:
    return json.dumps(verdict.facts, sort_keys=True, ensure_ascii=False, default=str)
