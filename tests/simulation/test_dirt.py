"""Dirt is planted as counted, and adds to the clean tables."""

import pandas as pd

from simulation import DIRT, LOG_START, simulate
from tests.simulation.companies import make


def test_dirt_is_counted() -> None:
    dirty = simulate(seed=11)
    users, events, stated = dirty.users, dirty.events.to_pandas(), dirty.truth["dirt"]
    known = set(dirty.user_truth["user_id"])
    signup = users.drop_duplicates("user_id").set_index("user_id")["signup_date"]
    at = pd.to_datetime(events["event_timestamp"], utc=True, errors="coerce", format="ISO8601")
    own_signup = pd.to_datetime(events["user_id"].map(signup), utc=True)
    swapped = users["signup_date"] > users["last_active_date"]
    is_swapped = events["user_id"].isin(users.loc[swapped, "user_id"])
    counts = {
        "duplicate_event_uuids": events["event_uuid"].dropna().duplicated().sum(),
        "orphan_events": (~events["user_id"].isin(known) & events["user_id"].notna()).sum(),
        "events_before_signup": ((at < own_signup) & ~is_swapped).sum(),
        "unparsable_timestamps": at.isna().sum(),
        "null_event_uuids": events["event_uuid"].isna().sum(),
        "null_event_user_ids": events["user_id"].isna().sum(),
        "negative_credits": (users["credits_spent"] < 0).sum(),
        "views_below_completed": (users["views"] < users["episodes_completed"]).sum(),
        "minors": (users["age"] < 18).sum(),
        "duplicate_user_rows": users["user_id"].dropna().duplicated().sum(),
        "null_user_ids": users["user_id"].isna().sum(),
        "signup_after_last_active": swapped.sum(),
    }
    assert counts == stated == DIRT
    assert at.min() >= LOG_START


def test_dirt_adds_to_the_clean_data() -> None:
    dirty, clean = simulate(seed=11), make()
    assert dirty.events.slice(0, len(clean.events)).equals(clean.events)
    assert dirty.user_truth.equals(clean.user_truth)
