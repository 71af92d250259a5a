"""What the tests of the audit's checks share: days, rows of rules, and cases at their limits."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pandas as pd

from analysis.contract.checks import Verdict
from analysis.log import rules
from analysis.log.window import LogWindow
from tests.checking import Case


def at(day: int) -> pd.Timestamp:
    """Return midnight of a day, counted from 2025-01-01 (UTC)."""
    return pd.Timestamp("2025-01-01", tz="UTC") + pd.Timedelta(days=day)


def days(numbers: Any) -> "pd.Series[Any]":
    """Return the midnights of days counted from 2025-01-01; None is missing."""
    return pd.Series([pd.NaT if n is None else at(n) for n in numbers], dtype="datetime64[us, UTC]")


LOG = LogWindow(at(0), at(300))


def rule_rows(rule: str, broken: int, checked: int = 1_000) -> pd.DataFrame:
    """Return one rule over events that so many rows break."""
    sample = "u1" if broken else None
    return rules.rule_rows([("temporal", "events", rule, checked, broken, sample)])


NO_RULES = rule_rows("another rule", 0)


def by_share(check: str, judge: Callable[[int], Verdict], limits: Mapping[str, int]) -> list[Case]:
    """Return the cases at each limit and one row below it."""
    cases = [Case(check, status, partial(judge, n)) for status, n in limits.items()]
    below = {"warn": "pass", "fail": "warn"}
    return cases + [
        Case(check, below[status], partial(judge, n - 1)) for status, n in limits.items()
    ]
