"""The users table as the product exports it: attributes, and native columns from the log."""

import numpy as np
import pandas as pd

from simulation.cancellations import cancel_dates
from simulation.company import SHOW_IDS, SHOWS
from simulation.events import CLICK, NEXT, PLAY, PURCHASE, SPEND, Log
from simulation.plan import Plan
from simulation.text import date_text
from simulation.times import DAY, LOG_END, RECENT_DAYS, Array, unix

USER_COLUMNS = [
    "user_id",
    "signup_date",
    "age",
    "gender",
    "country",
    "device",
    "os_version",
    "app_version",
    "language",
    "acquisition_channel",
    "subscription_type",
    "last_active_date",
    "churned_30d",
    "sessions_7d",
    "views",
    "likes",
    "avg_watch_time_sec",
    "credits_purchased",
    "credits_spent",
    "episodes_completed",
    "top_show_id",
    "top_show_title",
    "top_show_genre",
    "top_show_launch_date",
    "top_show_episode_count",
]


def make_users(plan: Plan, people: pd.DataFrame, log: Log) -> pd.DataFrame:
    """Return a row per person: USER_COLUMNS, `cancel_date` where users can cancel, and the columns
    that faults add.
    """
    users = people.join(_sum_log(plan, people, log))
    signup = plan.apply("signup_dates", people["signup"].to_numpy(), log)
    users["signup_date"] = date_text(signup)
    is_seen = np.bincount(log.user, minlength=plan.users) > 0
    users["last_at"] = np.maximum(users["last_at"].where(is_seen, signup), signup)
    users = plan.apply("last_activity", users)
    users["last_active_date"] = date_text(users["last_at"].to_numpy())
    users["churned_30d"] = _label_natively(users)
    for column in ("title", "genre", "launch_date", "episode_count"):
        users[f"top_show_{column}"] = SHOWS[column].to_numpy()[users["top_show"]]
    users["top_show_id"] = np.array(SHOW_IDS)[users["top_show"]]
    users = plan.apply("users", users)
    columns = plan.collect("columns", users)
    if plan.company.cancel_hazard:
        columns.insert(0, cancel_dates(users["cancel_at"]))
    table: pd.DataFrame = pd.concat([users[USER_COLUMNS], *columns], axis=1)
    return table


def has_left(last_at: "pd.Series[float]") -> "pd.Series[bool]":
    """Return which users have no event in the last 30 days of the log."""
    return last_at < unix(LOG_END) - RECENT_DAYS * DAY


def _label_natively(users: pd.DataFrame) -> Array:
    """Return churned_30d: last active more than 30 days before the newest last activity."""
    day = users["last_at"].to_numpy() // DAY
    labels: Array = (day.max() - day > 30).astype(np.int64)
    return labels


def _sum_log(plan: Plan, people: pd.DataFrame, log: Log) -> pd.DataFrame:
    """Return per user: last activity, counts, watch time, credits and most clicked show."""
    n, kind = plan.users, log.kind
    totals = pd.DataFrame(index=people.index)
    last = people["signup"].to_numpy().copy()
    np.maximum.at(last, log.user, log.at)
    totals["last_at"] = last
    recent = log.at >= unix(LOG_END) - 7 * DAY
    first_rows = np.unique(log.session[recent], return_index=True)[1]
    totals["sessions_7d"] = np.bincount(log.user[recent][first_rows], minlength=n)
    totals["views"] = np.bincount(log.user[np.isin(kind, [PLAY, NEXT])], minlength=n)
    totals["episodes_completed"] = np.bincount(log.user[kind == NEXT], minlength=n)
    totals["likes"] = plan.stream("likes").binomial(totals["views"], 0.1)
    totals["avg_watch_time_sec"] = _average_watch(log, n)
    totals["credits_spent"] = np.bincount(log.user[kind == SPEND], minlength=n)
    purchases = np.bincount(log.user[kind == PURCHASE], minlength=n)
    totals["credits_purchased"] = purchases * people["pack"]
    totals["top_show"] = _find_top_show(log, n)
    return totals


def _average_watch(log: Log, n: int) -> Array:
    """Return mean whole seconds from a view to the next event of its session (0 if none)."""
    is_view = np.isin(log.kind[:-1], [PLAY, NEXT]) & (log.session[1:] == log.session[:-1])
    user, seconds = log.user[:-1][is_view], log.wait[1:][is_view]
    total, views = np.bincount(user, seconds, n), np.bincount(user, minlength=n)
    average: Array = np.rint(total / np.maximum(views, 1)).astype(np.int64)
    return average


def _find_top_show(log: Log, n: int) -> Array:
    """Return the most clicked show per user; the oldest on ties and without a click."""
    clicks = log.kind == CLICK
    key = log.user[clicks] * len(SHOWS) + log.show[clicks]
    counts = np.bincount(key, minlength=n * len(SHOWS)).reshape(n, len(SHOWS))
    top: Array = counts.argmax(axis=1)
    return top
