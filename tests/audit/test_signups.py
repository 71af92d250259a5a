"""Signups through the log, and their dates."""

from typing import Any

import pandas as pd
import pytest

from analysis.audit import signups
from analysis.contract.checks import Verdict
from tests.audit.judging import LOG, days
from tests.checking import Case


def piled(on_one_day: int, each: int = 1, on: int = 100, active: int = 0) -> Verdict:
    """Judge so many signups on one day, of whom `active` act at once, and `each`, who all do, on
    each of `on` others.
    """
    dates = [0] * on_one_day + list(range(1, on + 1)) * each
    users = pd.DataFrame({"user_id": [f"u{n:03}" for n in range(len(dates))]})
    users["signup_date"] = days(dates)
    users["first_event_at"] = days([None] * (on_one_day - active) + dates[on_one_day - active :])
    return signups.signup_dates(users, LOG, "UTC")


def dates_of(signup_dates: Any) -> Verdict:
    """Judge users with these signup dates and no event."""
    ids = [f"u{n:03}" for n in range(len(signup_dates))]
    users = pd.DataFrame({"user_id": ids, "signup_date": signup_dates})
    return signups.signup_dates(users.assign(first_event_at=days([None] * len(ids))), LOG, "UTC")


def apart(few: int, years_before: int, many: int = 500) -> Verdict:
    """Judge `many` signups on as many days and `few` that many years before the first (after the
    last, if negative).
    """
    first = -365 * years_before if years_before > 0 else many - 365 * years_before
    return dates_of(days([*range(many), *range(first - few, first)]))


def placeholder(date: str, many: int = 500) -> Verdict:
    """Judge `many` signups on as many days and one of this date."""
    stray = pd.Series([pd.Timestamp(date, tz="UTC")])
    return dates_of(pd.concat([days(range(many)), stray], ignore_index=True))


def flow(counts: list[int], before: int = 0, after_days: int = 0) -> Verdict:
    """Judge so many signups in each 28 days of the log, and before it, who act so many days later."""
    numbers = [28 * n + 1 for n, count in enumerate(counts) for _ in range(count)] + [-1] * before
    users = pd.DataFrame({"signup_date": days(numbers)})
    users["first_event_at"] = users["signup_date"] + pd.Timedelta(days=after_days)
    return signups.signup_flow(users, LOG, "UTC")


def cut_to(day: str, cut: int, of: int = 400, over: int = 200) -> Verdict:
    """Judge `cut` of `of` signups, spread over days, moved to the start of their month or week."""
    dates = pd.Series(days([n * over // of for n in range(of)]))
    periods = dates.dt.tz_localize(None).dt.to_period(day).dt.start_time.dt.tz_localize("UTC")
    return dates_of(periods.where(pd.Series(range(of)) * 7 % of < cut, dates))


def test_the_suspects_are_those_of_the_import_and_of_the_placeholder():
    imported, stray = piled(34).suspects, placeholder("1970-01-01").suspects
    assert imported is not None
    assert stray is not None
    assert imported["user_id"].tolist() == [f"u{n:03}" for n in range(34)]
    assert stray["user_id"].tolist() == ["u500"]
    assert apart(1, years_before=3).suspects is None


CASES = [
    Case("signup_dates", "pass", lambda: piled(10)),  # ten times the usual day
    Case("signup_dates", "warn", lambda: piled(11)),
    Case("signup_dates", "pass", lambda: piled(11, on=540)),  # 1.996 % of all
    Case("signup_dates", "warn", lambda: piled(11, on=539)),
    Case("signup_dates", "warn", lambda: piled(33)),
    Case("signup_dates", "fail", lambda: piled(34)),  # 25.4 %
    Case("signup_dates", "fail", lambda: piled(34, active=16)),
    Case("signup_dates", "warn", lambda: piled(34, active=17)),  # half act at once: a launch
    Case("signup_dates", "fail", lambda: placeholder("1970-01-01")),
    Case("signup_dates", "warn", lambda: placeholder("1971-05-05")),
    Case("signup_dates", "warn", lambda: cut_to("M", 110)),
    Case("signup_dates", "pass", lambda: cut_to("M", 80)),
    Case("signup_dates", "warn", lambda: cut_to("W", 280)),
    Case("signup_dates", "pass", lambda: cut_to("W", 160)),
    Case("signup_dates", "warn", lambda: apart(1, years_before=3)),
    Case("signup_dates", "warn", lambda: apart(1, years_before=-3)),
    Case("signup_dates", "pass", lambda: apart(1, years_before=1)),
    Case("signup_dates", "pass", lambda: apart(20, years_before=3)),  # over 1 %: a second launch
    Case("signup_dates", "not_applicable", lambda: dates_of(days([None]))),
    Case("signup_flow", "pass", lambda: flow([40] * 10, before=100)),
    Case("signup_flow", "warn", lambda: flow([40] * 4 + [5] * 3 + [40] * 3, before=100)),
    Case("signup_flow", "pass", lambda: flow([40] * 4 + [13] * 3 + [40] * 3, before=100)),
    Case("signup_flow", "pass", lambda: flow([2**n for n in range(10)], before=1)),  # growth
    Case("signup_flow", "warn", lambda: flow([81] + [40] * 9)),
    Case("signup_flow", "pass", lambda: flow([80] + [40] * 9)),
    Case("signup_flow", "pass", lambda: flow([81] + [40] * 9, after_days=1)),  # real signups
    Case("signup_flow", "pass", lambda: flow([90, 70, 50, 30, 22, 22, 30, 50, 70, 90], before=1)),
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
