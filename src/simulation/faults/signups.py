"""Faults of signup dates, only in the users table."""

import numpy as np
import pandas as pd

from simulation.events import Log
from simulation.plan import Plan, fault
from simulation.times import LOG_END, LOG_START, Array, unix

IMPORT_DAY = pd.Timestamp("2024-11-15", tz="UTC")


@fault("signup_dates", strengths=(0.5, 1.0), found_by=("signup_dates",))
def signup_import(share: float, plan: Plan, signups: Array, log: Log) -> Array:
    """Share of users from before 15 November 2024 whose signup date is that day, as when accounts
    were brought over from another system.
    """
    day = unix(IMPORT_DAY)
    is_moved = (signups < day) & plan.choose(share, len(signups), "signup_import")
    moved: Array = np.where(is_moved, day, signups)
    return moved


@fault("signup_dates", strengths=(0.5, 1.0), found_by=("signup_dates",))
def coarse_signups(share: float, plan: Plan, signups: Array, log: Log) -> Array:
    """Share of users whose signup date is the first of its month."""
    months = signups.astype("datetime64[s]").astype("datetime64[M]")
    firsts = months.astype("datetime64[s]").astype(np.int64)
    is_coarse = plan.choose(share, len(signups), "coarse_signups")
    dated: Array = np.where(is_coarse, firsts, signups)
    return dated


@fault("signup_dates", strengths=(1.0,), found_by=("signup_flow",))
def signup_first_event(share: float, plan: Plan, signups: Array, log: Log) -> Array:
    """Share of users from before the log whose signup date is the day of their first event in it,
    or its first day.
    """
    first = np.full(plan.users, np.iinfo(np.int64).max)
    np.minimum.at(first, log.user, log.at)
    start = unix(LOG_START)
    is_moved = (signups < start) & plan.choose(share, plan.users, "signup_first_event")
    new = np.where(first < unix(LOG_END), first, start)
    moved: Array = np.where(is_moved, new, signups)
    return moved


@fault("users", strengths=(0.001, 0.005), found_by=("signup_dates",))
def stray_signups(share: float, plan: Plan, users: pd.DataFrame) -> pd.DataFrame:
    """Share of users whose signup date is the first day of 1970 (at least one)."""
    is_stray = plan.choose_some(share, "stray_signups")
    return users.assign(signup_date=users["signup_date"].mask(is_stray, "1970-01-01"))


@fault("users", strengths=(0.05, 0.3), found_by=("missing_values",))
def missing_signups(share: float, plan: Plan, users: pd.DataFrame) -> pd.DataFrame:
    """Share of users without a signup date."""
    is_missing = plan.choose(share, plan.users, "missing_signups")
    return users.assign(signup_date=users["signup_date"].mask(is_missing))
