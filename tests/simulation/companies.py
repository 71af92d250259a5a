"""Simulated companies for the tests, and what can be read off them."""

from functools import lru_cache

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from simulation import LOG_END, LOG_START, Simulation, simulate, true_churn_probability
from simulation.company import SHARES

DAY = pd.Timedelta(days=1)
SNAPSHOT = LOG_END - 30 * DAY


@lru_cache(maxsize=4)
def make(fault: str = "", strength: float = 1.0, users: int = 5000) -> Simulation:
    """Return a company without dirt, and with one fault at most."""
    return simulate(users, seed=11, faults={fault: strength} if fault else None, dirt=False)


def read_events(simulation: Simulation) -> pd.DataFrame:
    """Return the events with their times as instants."""
    columns = ["event_uuid", "user_id", "session_id", "event_type", "show_id", "properties"]
    table = simulation.events.select(columns).to_pandas()
    for name in ("event_timestamp", "received_at", "created_at"):
        text = pd.Series(simulation.events[name].to_pylist())
        table[name] = pd.to_datetime(text, utc=True, errors="coerce", format="ISO8601")
    return table


def list_days(events: pd.DataFrame) -> pd.Series:
    """Return the UTC day of each event."""
    return events["event_timestamp"].dt.floor("D")


def find_last(events: pd.DataFrame, before: pd.Timestamp) -> pd.Series:
    """Return each user's last event before an instant."""
    return events[events["event_timestamp"] < before].groupby("user_id")["event_timestamp"].max()


def score(simulation: Simulation, at: pd.Timestamp, lookback_days: float = 30) -> pd.DataFrame:
    """Return the users active in the lookback: true probability, and whether they churned."""
    events = read_events(simulation)
    last = find_last(events, at)
    when = events["event_timestamp"]
    back = events.loc[(when >= at) & (when < at + 30 * DAY), "user_id"].unique()
    table = true_churn_probability(simulation.user_truth, at, 0, 30, last).to_frame()
    table["churned"] = (~table.index.isin(back)).astype(float)
    table["last"] = last.reindex(table.index)
    if np.isfinite(lookback_days):
        table = table[table["last"] >= at - pd.Timedelta(days=lookback_days)]
    return table.dropna(subset="churn_probability")


def auc(simulation: Simulation, at: pd.Timestamp = SNAPSHOT) -> float:
    """Return how well the true probability ranks the users who churned."""
    table = score(simulation, at)
    return float(roc_auc_score(table["churned"], table["churn_probability"]))


def observe_lifetimes(simulation: Simulation) -> pd.DataFrame:
    """Return per user whether inactive before the end of the log, and the number expected to be."""
    truth = simulation.user_truth
    end = truth["inactive_at"].clip(upper=LOG_END)
    exposure = (end - truth["signup_at"]).dt.total_seconds() / 86_400
    table = simulation.users.set_index("user_id")[list(SHARES)].reset_index()
    return table.assign(
        ended=(truth["inactive_at"] < LOG_END).astype(float),
        expected=exposure * truth["hazard_per_day"],
        log_hazard=np.log(truth["hazard_per_day"]),
    )


def count_broken_rules(simulation: Simulation) -> dict[str, int]:
    """Return the number of rows that break each rule of a clean company, for rules broken at all."""
    users, events = simulation.users.set_index("user_id"), read_events(simulation)
    signup = pd.to_datetime(users["signup_date"], utc=True)
    active = pd.to_datetime(users["last_active_date"], utc=True)
    last = list_days(events).groupby(events["user_id"]).max().reindex(users.index)
    own_signup = signup.reindex(events["user_id"]).to_numpy()
    by_type = events.groupby(["user_id", "event_type"]).size().unstack(fill_value=0)
    by_type = by_type.reindex(users.index, fill_value=0)
    bought = events.loc[events["event_type"] == "credits_purchase"]
    amount = bought["properties"].str.extract(r'^{"amount":(\d+)}$')[0].astype(int)
    amount = amount.groupby(bought["user_id"]).sum().reindex(users.index, fill_value=0)
    recent = events[events["event_timestamp"] >= LOG_END - 7 * DAY]
    sessions = recent.groupby("user_id")["session_id"].nunique().reindex(users.index, fill_value=0)
    views = by_type["content_play"] + by_type["next_episode"]
    spent, gift = users["credits_spent"], simulation.truth["gift_credits"]
    in_order = events.sort_values(["user_id", "session_id", "event_timestamp"], kind="stable")
    broken = {
        "last_active_date": active != last.fillna(signup),
        "last_active_before_signup": active < signup,
        "churned_30d": users["churned_30d"] != ((active.max() - active) > 30 * DAY),
        "sessions_7d": users["sessions_7d"] != sessions,
        "views": users["views"] != views,
        "episodes_completed": users["episodes_completed"] > users["views"],
        "likes": users["likes"] > users["views"],
        "credits_purchased": users["credits_purchased"] != amount,
        "credits_spent": (spent != by_type["credits_spend"]) | (spent < 0),
        "overdrawn": spent > users["credits_purchased"] + gift,
        "minors": users["age"] < 18,
        "launched_late": pd.to_datetime(users["top_show_launch_date"], utc=True) > active,
        "os": users["os_version"].lt(15) != users["device"].eq("Android"),
        "unparsable": events["event_timestamp"].isna(),
        "repeated_uuid": events["event_uuid"].duplicated(),
        "orphan": ~events["user_id"].isin(users.index),
        "before_signup": events["event_timestamp"] < own_signup,
        "outside_log": ~events["event_timestamp"].between(LOG_START, LOG_END, inclusive="left"),
        "received_early": events["received_at"] < events["event_timestamp"],
        "created_early": events["created_at"] < events["received_at"],
        "session_starts": in_order.groupby("session_id")["event_type"].first() != "app_open",
        "session_shared": events.groupby("session_id")["user_id"].nunique() > 1,
    }
    return {name: int(rows.sum()) for name, rows in broken.items() if rows.any()}
