"""Faults that remove something from the tables: sessions, events, histories or users."""

import numpy as np
import pandas as pd

from simulation.events import EXIT, Log
from simulation.plan import Plan, fault
from simulation.sessions import Sessions
from simulation.times import DAY, LOG_END, LOG_MIDDLE, LOG_START, RECENT_DAYS, Array, unix

GAP_STARTS_AT, GAP_DAYS = pd.Timestamp("2025-05-13", tz="UTC"), 30
SHARD_DAYS = 12
LOST_COUNTRY = "Spain"
HOLE_STARTS_AT, HOLE_ENDS_AT = (pd.Timestamp(day, tz="UTC") for day in ("2025-03-01", "2025-06-01"))


@fault("lost_sessions", strengths=(0.5, 1.0), found_by=("log_volume", "log_users"))
def log_break_volume(share: float, plan: Plan, sessions: Sessions, people: pd.DataFrame) -> Array:
    """Share of events missing from 30 days in the middle of the log."""
    n, start = len(sessions.at), unix(GAP_STARTS_AT)
    is_in_gap = (sessions.at >= start) & (sessions.at < start + GAP_DAYS * DAY)
    lost: Array = is_in_gap & plan.choose(share, n, "losses", after=n)
    return lost


@fault("lost_sessions", strengths=(0.5, 1.0), found_by=("log_users",))
def log_break_users(share: float, plan: Plan, sessions: Sessions, people: pd.DataFrame) -> Array:
    """Share of users in a log stitched from two sets of users: half of them have events only before
    its middle, the others only after.
    """
    drawn, user = 2 * len(sessions.at), sessions.user
    is_stitched = plan.choose(share, plan.users, "losses", after=drawn)
    is_late_set = plan.choose(0.5, plan.users, "losses", after=drawn + plan.users)
    is_late = sessions.at >= unix(LOG_MIDDLE)
    lost: Array = is_stitched[user] & (is_late_set[user] != is_late)
    return lost


@fault(
    "lost_sessions",
    strengths=(0.5, 0.9),
    found_by=("population_drift", "base_rate_drift", "drift"),
)
def log_fades(share: float, plan: Plan, sessions: Sessions, people: pd.DataFrame) -> Array:
    """Share of sessions missing at the end of the log; none is missing at its start, and the share
    grows in between.
    """
    passed = (sessions.at - unix(LOG_START)) / (unix(LOG_END) - unix(LOG_START))
    lost: Array = plan.stream("log_fades").random(len(passed)) < share * passed
    return lost


@fault("lost_sessions", strengths=(0.25, 0.5), found_by=("log_users",))
def shard_ends(share: float, plan: Plan, sessions: Sessions, people: pd.DataFrame) -> Array:
    """Share of users whose events of the last 12 days are not in the log."""
    is_last = sessions.at >= unix(LOG_END) - SHARD_DAYS * DAY
    lost: Array = plan.choose(share, plan.users, "shard_ends")[sessions.user] & is_last
    return lost


@fault("lost_sessions", strengths=(0.2, 0.5), found_by=("newcomers_seen",))
def lost_newcomers(share: float, plan: Plan, sessions: Sessions, people: pd.DataFrame) -> Array:
    """Share of users who signed up during the log and have no event in it."""
    is_new = people["signup"].to_numpy() >= unix(LOG_START)
    lost: Array = (plan.choose(share, plan.users, "lost_newcomers") & is_new)[sessions.user]
    return lost


@fault("lost_sessions", strengths=(0.5, 0.9), found_by=("early_users_seen",))
def lost_early_users(share: float, plan: Plan, sessions: Sessions, people: pd.DataFrame) -> Array:
    """Share of users from before the log who have no event in it."""
    is_early = people["signup"].to_numpy() < unix(LOG_START)
    lost: Array = (plan.choose(share, plan.users, "lost_early_users") & is_early)[sessions.user]
    return lost


@fault("lost_sessions", strengths=(0.7, 1.0), found_by=("groups_seen",))
def lost_group(share: float, plan: Plan, sessions: Sessions, people: pd.DataFrame) -> Array:
    """Share of users from Spain who have no event in the log."""
    is_group = (people["country"] == LOST_COUNTRY).to_numpy()
    lost: Array = (plan.choose(share, plan.users, "lost_group") & is_group)[sessions.user]
    return lost


@fault("lost_events", strengths=(0.5, 1.0), found_by=("log_mix",))
def event_mix(share: float, plan: Plan, log: Log) -> Array:
    """Share of app_exit events missing from the middle of the log on."""
    is_late_exit = (log.kind == EXIT) & (log.at >= unix(LOG_MIDDLE))
    lost: Array = plan.choose(share, len(log.at), "event_mix") & is_late_exit
    return lost


@fault("lost_users", strengths=(1.0,), found_by=("survivors",))
def leavers_deleted(share: float, plan: Plan, people: pd.DataFrame, log: Log) -> Array:
    """Share of users without an event in the last 30 days of the log who are in neither table, as
    when accounts that leave are deleted.
    """
    last = np.full(plan.users, unix(LOG_START))
    np.maximum.at(last, log.user, log.at)
    is_silent = last < unix(LOG_END) - RECENT_DAYS * DAY
    lost: Array = is_silent & plan.choose(share, plan.users, "leavers_deleted")
    return lost


@fault("lost_users", strengths=(0.9, 1.0), found_by=("signup_flow",))
def signups_deleted(share: float, plan: Plan, people: pd.DataFrame, log: Log) -> Array:
    """Share of users who signed up from March to May 2025 who are in neither table."""
    signup = people["signup"].to_numpy()
    is_in_hole = (signup >= unix(HOLE_STARTS_AT)) & (signup < unix(HOLE_ENDS_AT))
    lost: Array = is_in_hole & plan.choose(share, plan.users, "signups_deleted")
    return lost


@fault("histories", strengths=(0.05, 0.3), found_by=("capped_histories",))
def capped_histories(share: float, plan: Plan, log: Log, people: pd.DataFrame) -> Log:
    """Share of users with more events than an export holds of one user: only their latest events
    are in the log.
    """
    counts = np.bincount(log.user, minlength=plan.users)
    cap = np.quantile(counts[~people["is_lost"].to_numpy()], 1 - share, method="higher")
    order = np.lexsort((-log.at, log.user))
    rank = np.empty(len(log.at), np.int64)
    rank[order] = np.arange(len(order)) - np.searchsorted(log.user[order], log.user[order])
    return log.take(rank < cap)
