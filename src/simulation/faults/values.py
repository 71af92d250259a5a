"""Faults of the values and rows of the users table: native columns, impossible and odd values."""

import numpy as np
import pandas as pd

from simulation.company import SHOW_IDS, SHOWS
from simulation.plan import Plan, fault
from simulation.text import uuid_array
from simulation.times import DAY, Array

NATIVE_COUNTS = ["views", "episodes_completed", "credits_purchased", "credits_spent", "sessions_7d"]
PLACEHOLDER = 99_999  # what stands for a watch time that is not known


@fault("last_activity", strengths=(0.1, 0.88), found_by=("native_agrees",))
def native_disagrees(share: float, plan: Plan, users: pd.DataFrame) -> pd.DataFrame:
    """Share of users whose last_active_date is 2 to 60 days away from their last event."""
    rng, last = plan.stream("native_disagrees"), users["last_at"].to_numpy()
    is_moved = rng.random(len(users)) < share
    shift = rng.integers(2, 61, len(users)) * DAY
    earliest = np.maximum(users["signup"].to_numpy(), _launch_seconds(users["top_show"].to_numpy()))
    room_back, room_on = last - earliest - DAY, plan.company.log_end - 1 - last
    goes_back = np.where(room_back >= shift, rng.random(len(users)) < 0.5, room_on < shift)
    shift = np.minimum(shift, np.where(goes_back, room_back, room_on) // DAY * DAY)
    moved = np.where(goes_back, last - shift, last + shift)
    return users.assign(last_at=np.where(is_moved & (shift >= 2 * DAY), moved, last))


def _launch_seconds(shows: Array) -> Array:
    launched: Array = SHOWS["launch_date"].to_numpy().astype("datetime64[s]").astype(np.int64)
    return launched[shows]


@fault("users", strengths=(0.5,), found_by=("native_label",))
def native_label_copied(share: float, plan: Plan, users: pd.DataFrame) -> pd.DataFrame:
    """Share of users whose churned_30d follows from last_active_date; for the others a coin is
    tossed. Without the fault it follows for everybody.
    """
    rng, n = plan.stream("native_label"), len(users)
    is_copied, coin = rng.random(n) < share, rng.random(n) < 0.5
    labels = np.where(is_copied, users["churned_30d"], coin).astype(np.int64)
    return users.assign(churned_30d=labels)


@fault("users", strengths=(0.5, 1.0), found_by=("native_counts",))
def native_counts(share: float, plan: Plan, users: pd.DataFrame) -> pd.DataFrame:
    """Share of users whose native counts and sums are those of another user."""
    rng, users = plan.stream("native_counts"), users.copy()
    chosen = np.flatnonzero(rng.random(len(users)) < share)
    others = rng.permutation(chosen)
    users.loc[users.index[chosen], NATIVE_COUNTS] = users[NATIVE_COUNTS].to_numpy()[others]
    return users


@fault("users", strengths=(0.01, 0.07), found_by=("impossible_values",))
def impossible_values(share: float, plan: Plan, users: pd.DataFrame) -> pd.DataFrame:
    """Share of users with one impossible value: negative credits_spent, views below
    episodes_completed, age under 18, or a top show launched after the last activity.
    """
    rng, users, n = plan.stream("impossible_values"), users.copy(), len(users)
    chosen = rng.random(n) < share
    which, amount = rng.integers(0, 4, n), rng.integers(1, 20, n)
    too_new = users["last_active_date"] < SHOWS["launch_date"].iloc[-1]
    which = np.where((which == 3) & ~too_new, 0, which)
    negative, below, minor, late = (chosen & (which == k) for k in range(4))
    users["credits_spent"] = users["credits_spent"].mask(negative, -amount)
    above = users["views"] + amount
    users["episodes_completed"] = users["episodes_completed"].mask(below, above)
    users["age"] = users["age"].mask(minor, 13 + amount % 5)
    for column in ("title", "genre", "launch_date", "episode_count"):
        users.loc[late, f"top_show_{column}"] = SHOWS[column].iloc[-1]
    users.loc[late, "top_show_id"] = SHOW_IDS[-1]
    return users


@fault("users", strengths=(0.02, 0.3), found_by=("spellings",))
def spellings(share: float, plan: Plan, users: pd.DataFrame) -> pd.DataFrame:
    """Share of users whose country is written in capitals."""
    is_loud = plan.choose(share, len(users), "spellings")
    return users.assign(country=users["country"].mask(is_loud, users["country"].str.upper()))


@fault("users", strengths=(0.002, 0.02), found_by=("placeholders",))
def placeholders(share: float, plan: Plan, users: pd.DataFrame) -> pd.DataFrame:
    """Share of users whose country is the text NULL."""
    is_unknown = plan.choose(share, len(users), "placeholders")
    return users.assign(country=users["country"].mask(is_unknown, "NULL"))


@fault("users", strengths=(0.002, 0.02), found_by=("extreme_values",))
def extreme_values(share: float, plan: Plan, users: pd.DataFrame) -> pd.DataFrame:
    """Share of users whose avg_watch_time_sec is 99,999 (at least one)."""
    is_extreme = plan.choose_some(share, "extreme_values")
    watched = users["avg_watch_time_sec"].mask(is_extreme, PLACEHOLDER)
    return users.assign(avg_watch_time_sec=watched)


@fault("user_rows", strengths=(0.02, 0.1), found_by=("copied_users",))
def copied_users(share: float, plan: Plan, users: pd.DataFrame) -> pd.DataFrame:
    """Share of users who are in the users table a second time, under another user_id that the log
    does not have.
    """
    rng = plan.stream("copied_users")
    copies = users[rng.random(len(users)) < share]
    if copies.empty:
        return users
    copies = copies.assign(user_id=uuid_array(rng, len(copies)).to_pylist())
    return pd.concat([users, copies.astype(users.dtypes)], ignore_index=True)
