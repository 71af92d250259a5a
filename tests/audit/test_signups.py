"""Signups through the log, and their dates."""

import pandas as pd
import pytest

from analysis.audit import signups
from analysis.contract.checks import Verdict
from tests.audit.judging import LOG, days
from tests.checking import Case


def piled(on_one_day: int, each: int = 1, on: int = 100) -> Verdict:
    """Judge so many signups on one day and `each` on each of `on` others."""
    users = pd.DataFrame({"signup_date": days([0] * on_one_day + list(range(1, on + 1)) * each)})
    return signups.signup_dates(users, "UTC")


def apart(few: int, years_before: int, many: int = 500) -> Verdict:
    """Judge `many` signups on as many days and `few` that many years before the first (after the
    last, if negative).
    """
    first = -365 * years_before if years_before > 0 else many - 365 * years_before
    users = pd.DataFrame({"signup_date": days([*range(many), *range(first - few, first)])})
    return signups.signup_dates(users, "UTC")


def flow(counts: list[int], before: int = 0) -> Verdict:
    """Judge so many signups in each 28 days of the log, and before it."""
    dates = [28 * n + 1 for n, count in enumerate(counts) for _ in range(count)]
    return signups.signup_flow(
        pd.DataFrame({"signup_date": days(dates + [-1] * before)}), LOG, "UTC"
    )


def cut_to(day: str, cut: int, of: int = 400, over: int = 200) -> Verdict:
    """Judge `cut` of `of` signups, spread over days, moved to the start of their month or week."""
    dates = pd.Series(days([n * over // of for n in range(of)]))
    periods = dates.dt.tz_localize(None).dt.to_period(day).dt.start_time.dt.tz_localize("UTC")
    moved = periods.where(pd.Series(range(of)) * 7 % of < cut, dates)
    return signups.signup_dates(pd.DataFrame({"signup_date": moved}), "UTC")


USERS_WITHOUT_DATE = pd.DataFrame({"signup_date": days([None])})


CASES = [
    Case("signup_dates", "pass", lambda: piled(10)),  # ten times the usual day
    Case("signup_dates", "warn", lambda: piled(11)),
    Case("signup_dates", "pass", lambda: piled(11, on=540)),  # 1.996 % of all
    Case("signup_dates", "warn", lambda: piled(11, on=539)),
    Case("signup_dates", "warn", lambda: piled(33)),
    Case("signup_dates", "fail", lambda: piled(34)),  # 25.4 %
    Case("signup_dates", "warn", lambda: cut_to("M", 110)),
    Case("signup_dates", "pass", lambda: cut_to("M", 80)),
    Case("signup_dates", "warn", lambda: cut_to("W", 280)),
    Case("signup_dates", "pass", lambda: cut_to("W", 160)),
    Case("signup_dates", "warn", lambda: apart(1, years_before=3)),
    Case("signup_dates", "warn", lambda: apart(1, years_before=-3)),
    Case("signup_dates", "pass", lambda: apart(1, years_before=1)),
    Case("signup_dates", "pass", lambda: apart(20, years_before=3)),  # over 1 %: a second launch
    Case("signup_dates", "not_applicable", lambda: signups.signup_dates(USERS_WITHOUT_DATE, "UTC")),
    Case("signup_flow", "pass", lambda: flow([40] * 10, before=100)),
    Case("signup_flow", "warn", lambda: flow([40] * 4 + [5] * 3 + [40] * 3, before=100)),
    Case("signup_flow", "pass", lambda: flow([40] * 4 + [13] * 3 + [40] * 3, before=100)),
    Case("signup_flow", "pass", lambda: flow([2**n for n in range(10)], before=1)),  # growth
    Case("signup_flow", "warn", lambda: flow([81] + [40] * 9)),
    Case("signup_flow", "pass", lambda: flow([80] + [40] * 9)),
    Case("signup_flow", "pass", lambda: flow([81] + [40] * 9, before=1)),
    Case("signup_flow", "pass", lambda: flow([200, 150] + [0] * 8)),  # a closed cohort
    Case("signup_flow", "pass", lambda: flow([200] + [0] * 9)),
    Case("signup_flow", "not_applicable", lambda: flow([9] * 10)),
]


@pytest.mark.parametrize(
    ("period", "cut", "facts"),
    [("M", 110, ("month", "1")), ("W", 280, ("week", "Monday")), ("M", 80, ("none", "none"))],
)
def test_what_dates_are_cut_to_is_named(period, cut, facts):
    verdict = cut_to(period, cut)
    assert (verdict.facts["cut"], verdict.facts["cut_day"]) == facts
    assert (verdict.facts["cut_share"] > 0) == (verdict.status == "warn")
