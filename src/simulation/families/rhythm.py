"""Families by when users come: rarely, in bursts, not in holidays, not any more."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from simulation.company import Company
from simulation.plan import Plan, family
from simulation.sessions import Sessions, observed_spans
from simulation.times import DAY, LOG_END, LOG_START, Array, unix

DAYS_BETWEEN_SESSIONS = 21
DAYS_BETWEEN_BURSTS, BURST_DAYS, BURST_TAIL, LARGEST_BURST = 60.0, 1.5, 1.3, 60
BREAKS = (("2025-01-01", "2025-01-07"), ("2025-07-01", "2025-09-01"))
BREAK_ACTIVITY, STUDENT_HAZARD = 0.15, 0.4
HOLIDAYS = (
    ("2025-01-01", "2025-01-04"),
    ("2025-04-18", "2025-04-22"),
    ("2025-05-01", "2025-05-02"),
    ("2025-08-04", "2025-08-18"),
)
LONGEST_VISIT = 2 * 3600  # seconds: nobody opens a session that would run into a closed day
FADES = (("2025-03-01", 1.0), ("2025-07-15", 0.01), ("2025-10-21", 0.003))
LAST_SIGNUP = "2025-06-01"


@family("rates")
def low_frequency(plan: Plan, rates: "pd.Series[float]", people: pd.DataFrame) -> pd.Series:
    """A usual user opens a session every three weeks."""
    median = float(people["relative_rate"].median())
    return people["relative_rate"] / median / DAYS_BETWEEN_SESSIONS


@family("sessions")
def bursts(plan: Plan, sessions: Sessions, people: pd.DataFrame) -> Sessions:
    """A user's sessions come in bursts of a few days, with about two months between; a few bursts
    hold a great many sessions.
    """
    rng, (opens, seconds) = plan.stream("bursts"), observed_spans(people)
    newcomers = sessions.take(sessions.is_first)
    count = rng.poisson(seconds / (DAYS_BETWEEN_BURSTS * DAY))
    user = np.repeat(np.arange(plan.users), count)
    start = opens[user] + np.floor(rng.random(len(user)) * seconds[user])
    user, start = np.r_[user, newcomers.user], np.r_[start, newcomers.at]
    size = np.minimum(1 + np.floor(rng.pareto(BURST_TAIL, len(user))), LARGEST_BURST)
    user, start = (np.repeat(values, size.astype(np.int64)) for values in (user, start))
    at = start + np.floor(rng.exponential(BURST_DAYS * DAY, len(user)))
    lives = at < opens[user] + seconds[user]
    no_first = np.zeros(lives.sum(), bool)
    return Sessions(
        np.r_[user[lives], newcomers.user],
        np.r_[at[lives].astype(np.int64), newcomers.at],
        np.r_[no_first, newcomers.is_first],
    )


@family("sessions")
def academic_year(plan: Plan, sessions: Sessions, people: pd.DataFrame) -> Sessions:
    """Activity and signups fall to 15 % in July and August and around the turn of the year, and
    come back with the same users.
    """
    stays = plan.choose(BREAK_ACTIVITY, len(sessions.at), "academic_year")
    return sessions.take(~_is_in(BREAKS, sessions.at) | stays | sessions.is_first)


@academic_year.also("company")
def _study_for_years(plan: Plan, company: Company) -> Company:
    return replace(company, baseline_hazard=STUDENT_HAZARD * company.baseline_hazard)


@academic_year.also("signups")
def _enrol_in_term(plan: Plan, signups: Array) -> Array:
    moved = _move(plan, signups, lambda at: _is_in(BREAKS, at), "academic_year_moved")
    comes = plan.choose(BREAK_ACTIVITY, plan.users, "academic_year_signups")
    return np.where(comes, signups, moved)


@family("sessions")
def weekend_rest(plan: Plan, sessions: Sessions, people: pd.DataFrame) -> Sessions:
    """Nobody comes on Saturdays and Sundays."""
    return sessions.take(~_is_weekend(sessions.at))


@weekend_rest.also("signups")
def _sign_up_on_weekdays(plan: Plan, signups: Array) -> Array:
    return _move(plan, signups, _is_weekend, "weekend_rest")


@family("sessions")
def closed_holidays(plan: Plan, sessions: Sessions, people: pd.DataFrame) -> Sessions:
    """The product is closed on holidays and for two weeks in August: nobody can come."""
    return sessions.take(~_is_in(HOLIDAYS, sessions.at, LONGEST_VISIT))


@closed_holidays.also("signups")
def _sign_up_when_open(plan: Plan, signups: Array) -> Array:
    def is_closed(at: Array) -> Array:
        return _is_in(HOLIDAYS, at, LONGEST_VISIT)

    return _move(plan, signups, is_closed, "closed_holidays")


@family("sessions")
def product_ends(plan: Plan, sessions: Sessions, people: pd.DataFrame) -> Sessions:
    """The product is given up: nobody signs up from June on, activity fades from March to July, and
    the last three months are nearly silent.
    """
    known_at = [unix(pd.Timestamp(day, tz="UTC")) for day, _ in FADES]
    level = np.exp(np.interp(sessions.at, known_at, np.log([level for _, level in FADES])))
    stays = plan.stream("product_ends").random(len(level)) < level
    return sessions.take(stays | sessions.is_first)


@product_ends.also("signups")
def _sign_up_before_the_end(plan: Plan, signups: Array) -> Array:
    last = unix(pd.Timestamp(LAST_SIGNUP, tz="UTC"))
    drawn = plan.stream("product_ends_signups").integers(unix(LOG_START), last, plan.users)
    return np.where(signups >= last, drawn, signups)


def _is_in(periods: tuple[tuple[str, str], ...], at: Array, margin: int = 0) -> Array:
    """Return which instants lie in one of the periods, or less than `margin` seconds before."""
    inside = np.zeros(len(at), bool)
    for first, end in periods:
        begins, ends = (unix(pd.Timestamp(day, tz="UTC")) for day in (first, end))
        inside |= (at >= begins - margin) & (at < ends)
    return inside


def _is_weekend(at: Array) -> Array:
    """Return which instants lie on a Saturday or Sunday, or in the last hours before."""
    weekday = (at // DAY + 3) % 7  # 1 January 1970 was a Thursday
    is_friday_night = ((at + LONGEST_VISIT) // DAY + 3) % 7 == 5
    is_off: Array = (weekday >= 5) | is_friday_night
    return is_off


def _move(plan: Plan, signups: Array, is_refused: Callable[[Array], Array], stream: str) -> Array:
    """Return the signups, those at a refused instant of the log moved to one that is not."""
    start, end = unix(LOG_START), unix(LOG_END)
    moves = is_refused(signups) & (signups >= start)
    other = plan.stream(stream).integers(start, end, 20 * plan.users)
    free = other[~is_refused(other)][: plan.users]
    return np.where(moves, free, signups)
