"""The method of the published case in plain pandas: what benchmarks.scale compares with."""

from pathlib import Path

import pandas as pd

DAY = pd.Timedelta(days=1)


def summarise(users_path: Path, events_path: Path) -> dict[str, pd.DataFrame]:
    """Return the case's tables of one log: quality, delays, relations, features and cohorts."""
    users, events = pd.read_parquet(users_path), pd.read_parquet(events_path)
    quality = events.isna().sum().to_frame("missing")
    events = events.drop_duplicates("event_uuid")
    users["signup_date"] = pd.to_datetime(users["signup_date"], utc=True)
    joined = events.merge(users, on="user_id", how="left", suffixes=("", "_user"))
    return {
        "quality": quality,
        "latency": _latency(events),
        "relations": joined.groupby("event_type")["signup_date"].agg(["size", "count"]),
        "sources": events.groupby(["event_type", "source"]).size().to_frame("events"),
        "features": _features(joined),
        "cohorts": _cohorts(joined),
    }


def _latency(events: pd.DataFrame) -> pd.DataFrame:
    received = (events["received_at"] - events["event_timestamp"]).dt.total_seconds()
    created = (events["created_at"] - events["received_at"]).dt.total_seconds()
    delays = pd.DataFrame({"received": received, "created": created})
    return delays.quantile([0.5, 0.9, 0.95, 0.99])


def _features(joined: pd.DataFrame) -> pd.DataFrame:
    """Return counts, recency, sessions, and the churn label of each user, as the case has them."""
    end = joined["event_timestamp"].max()
    age = (joined["event_timestamp"] - joined["signup_date"]).dt.days
    late = joined["event_timestamp"] >= end - 30 * DAY
    sessions = joined.groupby(["user_id", "session_id"])["event_timestamp"].agg(["min", "max"])
    seconds = (sessions["max"] - sessions["min"]).dt.total_seconds()
    flags = joined[["user_id", "event_timestamp"]].assign(
        day=joined["event_timestamp"].dt.floor("D"),
        is_play=joined["event_type"] == "content_play",
        is_next=joined["event_type"] == "next_episode",
        is_click=joined["event_type"] == "poster_click",
        d7=age.between(1, 7), d30=age.between(1, 30), late=late,
    )  # fmt: skip
    table = flags.groupby("user_id").agg(
        event_count=("day", "size"), active_days=("day", "nunique"),
        last_event_at=("event_timestamp", "max"), plays=("is_play", "sum"),
        nexts=("is_next", "sum"), clicks=("is_click", "sum"), events_D7=("d7", "sum"),
        events_D30=("d30", "sum"), is_active=("late", "max"),
    )  # fmt: skip
    table["sessions"] = sessions.groupby("user_id").size()
    table["session_seconds_p95"] = seconds.groupby("user_id").quantile(0.95)
    return table.assign(churn_30d=~table["is_active"])


def _cohorts(joined: pd.DataFrame) -> pd.DataFrame:
    month = joined["event_timestamp"].dt.tz_localize(None).dt.to_period("M")
    cohort = joined["signup_date"].dt.tz_localize(None).dt.to_period("M")
    active = joined["user_id"].groupby([cohort, month]).nunique()
    return active.rename_axis(["cohort_month", "event_month"]).to_frame("active_users")
