"""Each family of honest companies is what its docstring says, and breaks no rule of a clean one."""

from functools import lru_cache

import numpy as np
import pandas as pd
import pytest

from analysis.base.errors import ReportError
from simulation import FAMILIES, LOG_END, LOG_START, Simulation, simulate
from simulation.families import rhythm, signups
from simulation.plan import Plan, family
from simulation.times import LOG_MIDDLE
from tests.simulation.companies import DAY, count_broken_rules, list_days, read_events

USERS = 3000
WRITTEN_OTHERWISE = ("dates_only", "migration")
"""Families whose tables are not written in the case's columns and names."""


@lru_cache(maxsize=2)
def make(name: str = "", seed: int = 11) -> Simulation:
    return simulate(USERS, seed=seed, dirt=False, family=name)


def signups_per_day(company: Simulation, start: pd.Timestamp, end: pd.Timestamp) -> float:
    at = company.user_truth["signup_at"]
    return float(((at >= start) & (at < end)).sum() / ((end - start) / DAY))


def opens_of(company: Simulation) -> pd.DataFrame:
    events = read_events(company)
    return events[events["event_type"] == "app_open"]


def is_inside(at: pd.Series, periods: tuple[tuple[str, str], ...]) -> np.ndarray:
    inside = np.zeros(len(at), bool)
    for start, end in periods:
        inside |= ((at >= pd.Timestamp(start, tz="UTC")) & (at < pd.Timestamp(end, tz="UTC"))).array
    return inside


@pytest.mark.parametrize("name", [name for name in FAMILIES if name not in WRITTEN_OTHERWISE])
def test_nothing_is_missing_false_or_double(name: str) -> None:
    assert count_broken_rules(make(name)) == {}


def test_every_family_says_what_is_true_and_stands_in_the_truth() -> None:
    for each in FAMILIES.values():
        assert each.meaning.endswith("."), each.name
        stated = simulate(60, seed=1, family=each.name).truth["family"]
        assert stated == {each.name: each.meaning}


def test_the_usual_company_has_no_family() -> None:
    assert "family" not in simulate(60, seed=1).truth
    with pytest.raises(ReportError, match="no family 'weather'. Known: few_users"):
        simulate(60, family="weather")
    with pytest.raises(ValueError, match="no family can change 'weather'"):
        family("weather")


def test_few_users_are_sixty_at_any_size() -> None:
    assert len(make("few_users").users) == 60
    assert len(simulate(40, dirt=False, family="few_users").users) == 40


@pytest.mark.parametrize(("name", "factor"), [("decline", 1 / 10), ("growth", 10)])
def test_signups_change_tenfold_over_the_log(name: str, factor: float) -> None:
    month = 30 * DAY
    first = signups_per_day(make(name), LOG_START, LOG_START + month)
    last = signups_per_day(make(name), LOG_END - month, LOG_END)
    between = 1 - month / (LOG_END - LOG_START)
    assert last / first == pytest.approx(factor**between, rel=0.35)


def test_in_a_decline_churn_doubles() -> None:
    truth = make("decline").user_truth
    contributions = truth.filter(like="log_hazard_").sum(axis=1)
    left = np.log(truth["hazard_per_day"]) - contributions
    passed = ((truth["signup_at"] - LOG_START) / (LOG_END - LOG_START)).clip(lower=0)
    assert np.allclose(left, np.log(0.0105) + passed * np.log(2))


def test_nobody_signs_up_once_signups_are_closed() -> None:
    truth = make("closed_signups").user_truth
    assert truth["signup_at"].max() < signups.CLOSED_FROM
    assert list_days(read_events(make("closed_signups"))).max() == LOG_END - DAY


def test_a_campaign_brings_eight_usual_weeks_in_one_and_they_leave() -> None:
    company = make("campaign")
    end = LOG_MIDDLE + 7 * DAY
    during = signups_per_day(company, LOG_MIDDLE, end)
    usual = signups_per_day(company, end, LOG_END)
    assert during / usual == pytest.approx(8, rel=0.2)
    truth = company.user_truth
    brought = truth[truth["hazard_per_day"] == signups.CAMPAIGN_HAZARD]
    assert brought["signup_at"].between(LOG_MIDDLE, end).all()
    stays = brought["inactive_at"] - brought["signup_at"]
    assert stays.median() < 3 * DAY


def test_six_in_ten_accounts_never_act() -> None:
    company = make("never_acts")
    seen = set(company.events["user_id"].to_pylist())
    share = 1 - len(seen) / USERS
    usual = simulate(USERS, seed=11, dirt=False).truth["counts"]["users_without_events"] / USERS
    assert share == pytest.approx(0.6 + 0.4 * usual, abs=0.03)


def test_at_a_low_frequency_the_usual_user_comes_every_three_weeks() -> None:
    rates = make("low_frequency").user_truth["session_rate_per_day"]
    assert 1 / rates.median() == pytest.approx(21)


def test_bursts_are_days_of_sessions_with_months_between_and_a_heavy_tail() -> None:
    opens = opens_of(make("bursts")).sort_values(["user_id", "event_timestamp"])
    gaps = opens.groupby("user_id")["event_timestamp"].diff().dropna() / DAY
    assert (gaps < 7).mean() > 0.7
    assert gaps[gaps >= 7].median() > 25
    per_user = opens.groupby("user_id").size().sort_values(ascending=False)
    assert per_user.head(len(per_user) // 100).sum() / per_user.sum() > 0.06
    ends = make("bursts").user_truth.set_index("user_id")["inactive_at"]
    assert (opens["event_timestamp"] <= opens["user_id"].map(ends)).all()


def test_in_breaks_activity_falls_to_fifteen_percent_and_the_same_users_return() -> None:
    company = make("academic_year")
    opens = opens_of(company)
    month = opens["event_timestamp"].dt.month
    per_month = opens.groupby(month).size()
    assert per_month[[7, 8]].mean() / per_month[[6, 9]].mean() == pytest.approx(0.15, abs=0.05)
    before, after = (set(opens.loc[month == m, "user_id"]) for m in (6, 9))
    assert len(before & after) / len(before) > 0.5
    signed_up = company.user_truth["signup_at"]
    assert is_inside(signed_up, rhythm.BREAKS[1:]).sum() < 0.3 * (signed_up.dt.month == 6).sum() * 2


def test_nobody_comes_at_the_weekend() -> None:
    company = make("weekend_rest")
    days = read_events(company)["event_timestamp"].dt.day_of_week.value_counts()
    assert set(days.index) == {0, 1, 2, 3, 4}
    new = company.user_truth["signup_at"]
    assert (new[new >= LOG_START].dt.day_of_week < 5).all()


def test_nobody_comes_while_the_product_is_closed() -> None:
    company = make("closed_holidays")
    at = read_events(company)["event_timestamp"]
    assert not is_inside(at, rhythm.HOLIDAYS).any()
    assert not is_inside(company.user_truth["signup_at"], rhythm.HOLIDAYS).any()
    closed = sum((pd.Timestamp(b) - pd.Timestamp(a)) / DAY for a, b in rhythm.HOLIDAYS)
    assert at.dt.floor("D").nunique() == (LOG_END - LOG_START) / DAY - closed


def test_a_product_ends_in_months_of_near_silence() -> None:
    company = make("product_ends")
    events = read_events(company)
    month = events["event_timestamp"].dt.month
    counts = events.groupby(month).size()
    assert counts.get(8, 0) < 0.02 * counts[2]
    assert list_days(events).max() > pd.Timestamp("2025-08-15", tz="UTC")
    assert company.user_truth["signup_at"].max() < pd.Timestamp(rhythm.LAST_SIGNUP, tz="UTC")


def test_a_log_of_days_has_the_day_of_every_event_and_no_identifier() -> None:
    written = make("dates_only").events
    days = list_days(read_events(simulate(USERS, seed=11, dirt=False)))
    assert written["event_timestamp"].to_pylist() == days.dt.strftime("%Y-%m-%d").tolist()
    assert {"event_uuid", "id", "session_id"}.isdisjoint(written.column_names)


def test_a_migration_renames_everything_from_an_instant_on_and_loses_nothing() -> None:
    moved, usual = make("migration"), simulate(USERS, seed=11, dirt=False)
    now, before = read_events(moved), read_events(usual)
    is_new = now["event_timestamp"] >= LOG_MIDDLE
    assert now["event_type"].str.startswith("v2_").equals(is_new)
    assert now["event_type"].str.removeprefix("v2_").equals(before["event_type"])
    sources = pd.Series(moved.events["source"].to_pylist())
    assert set(sources[is_new]) == {"sdk"}
    assert set(sources[~is_new]) == {"client"}
    assert now[["event_uuid", "user_id"]].equals(before[["event_uuid", "user_id"]])
    assert moved.users.equals(usual.users)


def test_numbers_for_a_family_leave_the_rest_as_it_was() -> None:
    usual, other = Plan(100, 40, 1), Plan(100, 40, 1, family=FAMILIES["growth"])
    assert usual.stream("signup").random(5).tolist() == other.stream("signup").random(5).tolist()
