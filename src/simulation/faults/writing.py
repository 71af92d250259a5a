"""Faults that make the log wrong: wrong times, names and amounts."""

from dataclasses import replace

import numpy as np
import pandas as pd

from simulation.events import Log
from simulation.plan import Plan, fault
from simulation.rendering import CENTS
from simulation.sessions import Sessions
from simulation.times import DAY, LOG_MIDDLE, LOG_START, Array, unix

SLOW_SECONDS = 6 * 3600
STRAY_DAYS = 6 * 365


@fault("session_starts", strengths=(0.001, 0.01), found_by=("events_before_signup",))
def events_before_signup(
    share: float, plan: Plan, starts: Array, sessions: Sessions, people: pd.DataFrame
) -> Array:
    """Share of events whose session is moved to the 30 days before its user's signup day (never a
    first session; only users who signed up 3 days into the log or later).
    """
    rng, signup = plan.stream("events_before_signup"), people["signup"].to_numpy()[sessions.user]
    midnight = signup - signup % DAY
    room = np.minimum(midnight - unix(LOG_START), 30 * DAY)
    can_move = (room >= 3 * DAY) & ~sessions.is_first
    moves = can_move & (rng.random(len(starts)) < share / max(can_move.mean(), 1e-9))
    back = np.floor(rng.random(len(starts)) * (room - DAY)).astype(np.int64)
    moved: Array = np.where(moves, midnight - DAY // 4 - back, starts)
    return moved


@fault("times", strengths=(0.03, 1.0), found_by=("times_of_day",))
def coarse_times(share: float, plan: Plan, times: Array) -> Array:
    """Share of events whose time is cut to midnight UTC."""
    is_cut = plan.choose(share, len(times), "coarse_times")
    cut: Array = np.where(is_cut, times - times % DAY, times)
    return cut


@fault("written_log", strengths=(0.5, 1.0), found_by=("log_amounts",))
def amount_units(share: float, plan: Plan, log: Log, people: pd.DataFrame) -> Log:
    """Share of purchases whose amount is in cents, from the middle of the log on."""
    is_late = log.at >= unix(LOG_MIDDLE)  # so this fault acts before those of the clock
    is_cents = is_late & plan.choose(share, len(log.at), "amount_units")
    return replace(log, amount=log.amount * np.where(is_cents, CENTS, 1))


@fault("written_log", strengths=(0.2, 1.0), found_by=("sessions",))
def constant_sessions(share: float, plan: Plan, log: Log, people: pd.DataFrame) -> Log:
    """Share of users all of whose events carry one session_id."""
    is_constant = plan.choose(share, plan.users, "constant_sessions")
    first = np.full(plan.users, np.iinfo(np.int64).max)
    np.minimum.at(first, log.user, log.session)
    return replace(log, session=np.where(is_constant[log.user], first[log.user], log.session))


@fault("written_log", strengths=(1.0,), found_by=("lateness",))
def slow_clocks(share: float, plan: Plan, log: Log, people: pd.DataFrame) -> Log:
    """Share of iOS users whose clocks are six hours slow: their events are written six hours early,
    and received when they happened.
    """
    is_slow = plan.choose(share, plan.users, "slow_clocks")
    is_slow &= (people["device"] == "iOS").to_numpy()
    return replace(log, at=log.at - SLOW_SECONDS * is_slow[log.user])


@fault("written_log", strengths=(0.001, 0.005), found_by=("stray_times",))
def stray_times(share: float, plan: Plan, log: Log, people: pd.DataFrame) -> Log:
    """Share of events written with a time six years too late."""
    is_stray = plan.choose(share, len(log.at), "stray_times")
    return replace(log, at=log.at + STRAY_DAYS * DAY * is_stray)


@fault("identities", strengths=(0.3, 1.0), found_by=("identities",))
def merged_ids(share: float, plan: Plan, owners: Array) -> Array:
    """Share of users who share an identifier: the events of two of them carry one user_id."""
    rng, owners = plan.stream("merged_ids"), owners.copy()
    merged = rng.permutation(np.flatnonzero(rng.random(plan.users) < share))
    half = len(merged) // 2
    owners[merged[:half]] = merged[half : 2 * half]
    return owners


@fault("delays", strengths=(0.01, 0.05), found_by=("lateness",))
def late_delivery(share: float, plan: Plan, delays: Array) -> Array:
    """Share of events received one to five days after they happened."""
    n = len(delays)
    is_late = plan.choose(share, n, "delivery_faults")
    late = plan.stream("delivery_faults", after=2 * n).uniform(DAY, 5 * DAY, n)
    changed: Array = np.where(is_late, late, delays)
    return changed


@fault("delays", strengths=(0.001, 0.01), found_by=("clock_order",))
def clock_disorder(share: float, plan: Plan, delays: Array) -> Array:
    """Share of events received a minute to an hour before they happened."""
    n = len(delays)
    is_early = plan.choose(share, n, "delivery_faults", after=n)
    early = plan.stream("delivery_faults", after=3 * n).uniform(60, 3600, n)
    changed: Array = np.where(is_early, -early, delays)
    return changed
