"""The rules that rows of the two clean tables must keep, and how many rows break each."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import pandas as pd

from analysis.base import clock, engine
from analysis.log.window import LogWindow, recorded

MINIMUM_AGE, MAXIMUM_AGE = 18, 120
"""Ages below the first are a question of policy, above the second impossible."""
LATE_SECONDS = 86_400
"""An event recorded more than a day after it happened is late: a daily snapshot misses it."""
ORPHAN = "user_id is not in the users table"
BEFORE_SIGNUP = "event is before the user's signup"
NO_SIGNUP = "signup_date is missing"
NO_TYPE = "event_type is missing"
MINOR = f"age is below {MINIMUM_AGE}"
EARLY_CANCEL = "cancel_date is before signup_date"
OTHER_CANCEL = "cancel_date differs from the first ending event by more than a day"
EARLY_RECEIPT = "event was received before it happened"
LATE_RECEIPT = "event was received more than a day after it happened"
EARLY_CREATION = "event was created before it was received"
LATE_SIGNUP = "signup_date is more than a day after the last day of the log"
RULE_COLUMNS = ["dimension", "table", "rule", "checked", "broken", "sample"]


def rule_rows(rows: Iterable[tuple[Any, ...]]) -> pd.DataFrame:
    """Return rows of RULE_COLUMNS as a table: `dimension` of quality, `table`, `rule`, rows
    `checked` and `broken` (counts), and `sample` (text: one offending user_id, or missing).
    """
    return pd.DataFrame(list(rows), columns=RULE_COLUMNS).astype({"sample": "str"})


@dataclass(frozen=True)
class Rule:
    """One rule over users: `needs` columns, and `breaks`: which rows break it."""

    name: str
    dimension: str
    needs: tuple[str, ...]
    breaks: Callable[[pd.DataFrame], "pd.Series[Any]"]

    @property
    def is_impossible(self) -> bool:
        """Say whether a row that breaks the rule cannot be true whatever happened. Who signs up
        again after cancelling may keep the old date.
        """
        return self.dimension != "coverage" and self.name not in (NO_SIGNUP, MINOR, EARLY_CANCEL)


def _negative(column: str) -> Rule:
    return Rule(f"{column} is negative", "structural", (column,), lambda u: u[column] < 0)


def _cancels_elsewhen(users: pd.DataFrame) -> "pd.Series[bool]":
    """Say whose first ending event is more than a day before or after the day of cancel_date."""
    since = users["ending_at"] - users["cancel_date"]
    return (since < -clock.DAY) | (since >= 2 * clock.DAY)


AMOUNTS = (
    "sessions_7d", "views", "likes", "avg_watch_time_sec", "credits_purchased", "credits_spent",
    "episodes_completed", "top_show_episode_count",
)  # fmt: skip


USER_RULES: tuple[Rule, ...] = (
    *(_negative(column) for column in AMOUNTS),
    Rule(
        "views are fewer than episodes_completed",
        "structural",
        ("views", "episodes_completed"),
        lambda u: u["views"] < u["episodes_completed"],
    ),
    Rule(MINOR, "structural", ("age",), lambda u: (u["age"] >= 0) & (u["age"] < MINIMUM_AGE)),
    Rule(
        f"age is negative or above {MAXIMUM_AGE}",
        "structural",
        ("age",),
        lambda u: (u["age"] < 0) | (u["age"] > MAXIMUM_AGE),
    ),
    Rule(
        NO_SIGNUP,
        "structural",
        ("user_id",),
        lambda u: u["signup_date"].isna(),
    ),
    Rule(
        LATE_SIGNUP,
        "coverage",
        ("tomorrow",),
        lambda u: u["signup_date"] >= u["tomorrow"],
    ),
    Rule(
        "top show was launched after the user was last active",
        "temporal",
        ("top_show_launch_date", "last_active_date"),
        lambda u: u["top_show_launch_date"] > u["last_active_date"],
    ),
    Rule(
        "signup_date is after last_active_date",
        "temporal",
        ("last_active_date",),
        lambda u: u["signup_date"] > u["last_active_date"],
    ),
    Rule(
        EARLY_CANCEL,
        "temporal",
        ("cancel_date",),
        lambda u: u["cancel_date"] < u["signup_date"],
    ),
    Rule(
        OTHER_CANCEL,
        "coverage",
        ("cancel_date", "ending_at"),
        _cancels_elsewhen,
    ),
    Rule(
        "last_active_date differs from the last event by more than a day",
        "coverage",
        ("last_active_date", "last_event_at"),
        lambda u: day_gap(u) > 1,
    ),
)


def day_gap(users: pd.DataFrame) -> "pd.Series[float]":
    """Return the days between `last_active_date` and the day of `last_event_at`, unsigned."""
    last = users["last_event_at"].dt.floor("D")
    gap: pd.Series[float] = (last - users["last_active_date"].dt.floor("D")) / clock.DAY
    return gap.abs()


def user_rules(users_seen: pd.DataFrame) -> pd.DataFrame:
    """Return one row per rule over users that their columns allow: see rule_rows.

    `users_seen` is the clean table, with `last_event_at`, `tomorrow` (see tomorrow_of) and, where
    the log has ending events, `ending_at` from the log for the rules on them.
    """
    rows = []
    for rule in USER_RULES:
        if not {*rule.needs, "signup_date"} <= set(users_seen.columns):
            continue
        breaks = rule.breaks(users_seen).fillna(False).astype(bool)
        sample = users_seen.loc[breaks, "user_id"].min() if breaks.any() else None
        counts = len(users_seen), int(breaks.sum())
        rows.append((rule.dimension, "users", rule.name, *counts, sample))
    return rule_rows(rows)


def tomorrow_of(volume: pd.DataFrame, window: LogWindow) -> pd.Timestamp:
    """Return the end of the day after the log's last one: there is no clock here, so "today" is the
    last day that was recorded without more than a week's gap (see window.recorded).
    """
    return recorded(volume, window).end + clock.DAY


def event_rules(events: Any) -> pd.DataFrame:
    """Return one row per rule over the log's events (Ibis) that their columns allow: see
    rule_rows. Lateness is `received_at` more than a day after `event_at`.
    """
    tests: dict[tuple[str, str], Any] = {
        ("referential", ORPHAN): ~events.is_known,
        ("temporal", BEFORE_SIGNUP): events.tenure_day < 0,
        ("structural", NO_TYPE): events.event_type.isnull(),
    }
    if "received_at" in events.columns:
        delay = clock.seconds(events.received_at) - clock.seconds(events.event_at)
        tests["temporal", EARLY_RECEIPT] = events.received_at < events.event_at
        tests["latency", LATE_RECEIPT] = delay > LATE_SECONDS
    if {"received_at", "created_at"} <= set(events.columns):
        tests["temporal", EARLY_CREATION] = events.created_at < events.received_at
    return count_broken(events, tests)


def count_broken(table: Any, tests: Mapping[tuple[str, str], Any]) -> pd.DataFrame:
    """Return how many rows of `table` (Ibis, with user_id) break each test: see rule_rows.

    `tests` gives, by dimension and rule, an Ibis column that is true where a row breaks it.
    """
    sums = {f"n{i}": ibis.coalesce(test.sum(), 0) for i, test in enumerate(tests.values())}
    firsts = {f"s{i}": table.user_id.min(where=test) for i, test in enumerate(tests.values())}
    row = engine.to_pandas(table.aggregate(total=table.count(), **sums, **firsts)).iloc[0]
    return rule_rows(
        (dimension, "events", rule, int(row["total"]), int(row[f"n{i}"]), row[f"s{i}"])
        for i, (dimension, rule) in enumerate(tests)
    )
