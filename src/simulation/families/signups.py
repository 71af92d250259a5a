"""Families by who signs up, and when: few, fewer, more, none any more, many at once."""

from dataclasses import replace

import numpy as np
import pandas as pd

from simulation.plan import Plan, family
from simulation.sessions import Sessions
from simulation.times import DAY, LOG_END, LOG_MIDDLE, LOG_START, Array, unix

STEADY_FROM = pd.Timestamp("2024-09-01", tz="UTC")
CLOSED_FROM = pd.Timestamp("2025-05-01", tz="UTC")
FEW = 60
CHANGE = 10.0  # factor between the signups of the log's first day and its last
CHURN_GROWTH = 2.0
CAMPAIGN_DAYS, CAMPAIGN_SURGE, CAMPAIGN_HAZARD = 7, 8.0, 0.35
NEVER_ACT = 0.6


@family("signups")
def few_users(plan: Plan, signups: Array) -> Array:
    """There are 60 users in all."""
    return signups


few_users = replace(few_users, most_users=FEW)


@family("signups")
def decline(plan: Plan, signups: Array) -> Array:
    """Signups fall to a tenth over the log, and the users who sign up last churn twice as fast as
    those who came before it.
    """
    return _draw_trend(plan, "decline", 1 / CHANGE)


@decline.also("hazards")
def _hasten(plan: Plan, hazards: "pd.Series[float]", people: pd.DataFrame) -> "pd.Series[float]":
    """Return hazards that double over the log, by the day of signup."""
    passed = (people["signup"] - unix(LOG_START)) / (unix(LOG_END) - unix(LOG_START))
    return hazards * CHURN_GROWTH ** passed.clip(lower=0.0)


@family("signups")
def growth(plan: Plan, signups: Array) -> Array:
    """Signups grow tenfold over the log."""
    return _draw_trend(plan, "growth", CHANGE)


def _draw_trend(plan: Plan, stream: str, factor: float) -> Array:
    """Return signups at a steady rate before the log, which changes by `factor` over the log."""
    rng, start, end = plan.stream(stream), unix(LOG_START), unix(LOG_END)
    before = start - unix(STEADY_FROM)
    during = (end - start) * (factor - 1) / np.log(factor)
    is_before = rng.random(plan.users) < before / (before + during)
    u = rng.random(plan.users)
    passed = np.log1p(u * (factor - 1)) / np.log(factor)
    drawn = np.where(is_before, start - u * before, start + passed * (end - start))
    signups: Array = np.floor(drawn).astype(np.int64)
    return signups


@family("signups")
def closed_signups(plan: Plan, signups: Array) -> Array:
    """Nobody signs up from May on; those who are there go on."""
    first, last = unix(STEADY_FROM), unix(CLOSED_FROM)
    late = signups >= last
    drawn = plan.stream("closed_signups").integers(first, last, plan.users)
    return np.where(late, drawn, signups)


@family("signups")
def campaign(plan: Plan, signups: Array) -> Array:
    """In one week eight times as many users sign up as usual, and most of these leave within
    days.
    """
    start = unix(LOG_MIDDLE)
    drawn = start + plan.stream("campaign_signups").integers(0, CAMPAIGN_DAYS * DAY, plan.users)
    return np.where(_comes_by_campaign(plan), drawn, signups)


@campaign.also("hazards")
def _leave_at_once(
    plan: Plan, hazards: "pd.Series[float]", people: pd.DataFrame
) -> "pd.Series[float]":
    """Return hazards by which users of the campaign stay a few days."""
    return hazards.where(~_comes_by_campaign(plan), CAMPAIGN_HAZARD)


def _comes_by_campaign(plan: Plan) -> Array:
    """Return which users the campaign brings, beyond those of a usual week."""
    week = (1 - plan.company.share_before_log) * CAMPAIGN_DAYS * DAY
    extra = (CAMPAIGN_SURGE - 1) * week / (unix(LOG_END) - unix(LOG_START))
    return plan.choose(extra / (1 + extra), plan.users, "campaign")


@family("sessions")
def never_acts(plan: Plan, sessions: Sessions, people: pd.DataFrame) -> Sessions:
    """Of all accounts, 60 % never do anything: they sign up, and no event follows."""
    acts = ~plan.choose(NEVER_ACT, plan.users, "never_acts")
    return sessions.take(acts[sessions.user])
