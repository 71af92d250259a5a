"""The rules that the two clean tables must keep, and how many rows break each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import pandas as pd

from analysis.base import clock, engine
from analysis.log import activity

MINIMUM_AGE, MAXIMUM_AGE = 18, 100


LATE_SECONDS = 86_400
"""An event recorded more than a day after it happened is late: a daily snapshot misses it."""


@dataclass(frozen=True)
class Rule:
    """One rule over users: `needs` columns, and `breaks`: which rows break it."""

    name: str
    dimension: str
    needs: tuple[str, ...]
    breaks: Callable[[pd.DataFrame], "pd.Series[Any]"]

    @property
    def is_impossible(self) -> bool:
        """Say whether a row that breaks the rule cannot be true whatever happened."""
        return self.dimension != "coverage" and self.name != "signup_date is missing"


def _negative(column: str) -> Rule:
    return Rule(f"{column} is negative", "structural", (column,), lambda u: u[column] < 0)


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
    Rule(
        f"age is below {MINIMUM_AGE} or above {MAXIMUM_AGE}",
        "structural",
        ("age",),
        lambda u: (u["age"] < MINIMUM_AGE) | (u["age"] > MAXIMUM_AGE),
    ),
    Rule(
        "signup_date is missing",
        "structural",
        ("user_id",),
        lambda u: u["signup_date"].isna(),
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


def user_rules(users: pd.DataFrame) -> pd.DataFrame:
    """Return one row per rule over users that their columns allow: `dimension`, `table`,
    `rule`, `checked`, `broken` (rows) and `sample` (one offending user_id).

    `users` is the clean table with `last_event_at` joined from the log.
    """
    rows = []
    for rule in USER_RULES:
        if not {*rule.needs, "signup_date"} <= set(users.columns):
            continue
        breaks = rule.breaks(users).fillna(False).astype(bool)
        sample = users.loc[breaks, "user_id"].min() if breaks.any() else None
        rows.append((rule.dimension, "users", rule.name, len(users), int(breaks.sum()), sample))
    return pd.DataFrame(rows, columns=RULE_COLUMNS)


NEGATIVE = "amount of an event is negative"


RULE_COLUMNS = ["dimension", "table", "rule", "checked", "broken", "sample"]


def event_rules(events: Any, users: pd.DataFrame) -> pd.DataFrame:
    """Return one row per rule over events, with the columns of user_rules; `sample` is one
    offending user_id. Lateness is `recorded_at` more than a day after `event_at`.
    """
    known = engine.from_pandas(users[["user_id", "signup_date"]].assign(is_known=True))
    joined = events.left_join(known, "user_id")
    tests: dict[tuple[str, str], Any] = {
        ("referential", "user_id is not in the users table"): joined.is_known.isnull(),
        ("temporal", "event is before the user's signup"): joined.event_at < joined.signup_date,
        ("structural", "event_type is missing"): joined.event_type.isnull(),
    }
    if "properties" in events.columns:
        tests["structural", NEGATIVE] = activity.amount(joined) < 0
    if "received_at" in events.columns:
        late = clock.seconds(joined.received_at) - clock.seconds(joined.event_at)
        tests["temporal", "received before it happened"] = joined.received_at < joined.event_at
        tests["latency", "received more than a day after it happened"] = late > LATE_SECONDS
    if {"received_at", "created_at"} <= set(events.columns):
        tests["temporal", "created before received"] = joined.created_at < joined.received_at
    return count_broken(joined, tests)


def count_broken(table: Any, tests: Mapping[tuple[str, str], Any]) -> pd.DataFrame:
    """Return how many rows of `table` (Ibis, with user_id) break each test, as in user_rules."""
    sums = {f"n{i}": ibis.coalesce(test.sum(), 0) for i, test in enumerate(tests.values())}
    firsts = {f"s{i}": table.user_id.min(where=test) for i, test in enumerate(tests.values())}
    row = engine.to_pandas(table.aggregate(total=table.count(), **sums, **firsts)).iloc[0]
    rows = [
        (dimension, "events", rule, int(row["total"]), int(row[f"n{i}"]), row[f"s{i}"])
        for i, (dimension, rule) in enumerate(tests)
    ]
    return pd.DataFrame(rows, columns=RULE_COLUMNS)
