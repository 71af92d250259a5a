"""The data contract: every column of the two tables, with type, unit and meaning."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import pandas as pd

from analysis.base.errors import ReportError, nearest
from analysis.base.names import list_names
from analysis.contract import catalogue

CANCEL_DATE = "cancel_date"
"""Written when a user leaves: neither a feature nor a group."""


@dataclass(frozen=True)
class Column:
    """One column: `type` is text, integer, number, date (a UTC day) or instant (UTC)."""

    name: str
    type: str
    unit: str
    required: bool
    meaning: str


USERS: tuple[Column, ...] = (
    Column(
        "user_id",
        "text",
        "",
        True,
        "Identifier of the user, one row each. Repeats are merged and counted.",
    ),
    Column(
        "signup_date",
        "date",
        "UTC day",
        True,
        "Day of signup. Tenure counts from its midnight.",
    ),
    Column(
        "last_active_date",
        "date",
        "UTC day",
        False,
        "Day of last activity as the product recorded it. Compared with the log.",
    ),
    Column(
        "cancel_date",
        "date",
        "UTC day",
        False,
        "Day on which the user cancelled; empty for users who are still subscribed. Compared with "
        "silence, never a feature and never a group.",
    ),
    Column(
        "churned_30d",
        "integer",
        "0 or 1",
        False,
        "The product's own churn label. Audited, never a feature.",
    ),
    Column("age", "integer", "years", False, "Age at signup."),
    Column("gender", "text", "", False, "Gender as the user gave it."),
    Column("country", "text", "", False, "Country at signup."),
    Column("device", "text", "", False, "Operating system family."),
    Column("os_version", "integer", "", False, "Major version of the operating system."),
    Column(
        "app_version",
        "text",
        "",
        False,
        "App version at export. Recorded after the snapshots, so never a feature.",
    ),
    Column("language", "text", "", False, "Language of the app."),
    Column("acquisition_channel", "text", "", False, "Where the user came from."),
    Column(
        "subscription_type",
        "text",
        "",
        False,
        "Plan at export. It may have changed since the snapshots, so never a feature.",
    ),
    Column(
        "sessions_7d", "integer", "sessions", False, "Sessions in the seven days before the export."
    ),
    Column("views", "integer", "views", False, "Views since signup."),
    Column("likes", "integer", "likes", False, "Likes since signup."),
    Column("avg_watch_time_sec", "number", "seconds", False, "Mean watch time of a view."),
    Column("credits_purchased", "number", "credits", False, "Credits bought since signup."),
    Column("credits_spent", "number", "credits", False, "Credits spent since signup."),
    Column(
        "episodes_completed",
        "integer",
        "episodes",
        False,
        "Episodes watched to the end since signup.",
    ),
    Column("top_show_id", "text", "", False, "The show watched most."),
    Column("top_show_title", "text", "", False, "Its title."),
    Column("top_show_genre", "text", "", False, "Its genre."),
    Column("top_show_launch_date", "date", "UTC day", False, "The day it was launched."),
    Column("top_show_episode_count", "integer", "episodes", False, "How many episodes it has."),
)

EVENTS: tuple[Column, ...] = (
    Column("user_id", "text", "", True, "User who did it, as in the users table."),
    Column(
        "event_type",
        "text",
        "",
        True,
        "What happened; params.yml says which type plays which role.",
    ),
    Column(
        "event_timestamp",
        "instant",
        "UTC",
        True,
        "When it happened, in 1990 to 2099; ISO 8601 (UTC unless an offset is given), or seconds, "
        "milliseconds or microseconds since 1970. Dates with the day or the month first are read "
        "where the column shows which.",
    ),
    Column(
        "event_uuid",
        "text",
        "",
        False,
        "Identifier of the event; repeats are removed. Without it rows are not deduplicated. To "
        "find events logged twice, all columns of the file are compared but those that name the "
        "row or its loading.",
    ),
    Column("received_at", "instant", "UTC", False, "When the server received it."),
    Column("created_at", "instant", "UTC", False, "When the row was written."),
    Column(
        "session_id",
        "text",
        "",
        False,
        "Session; without it sessions end after session_gap_minutes of silence.",
    ),
    Column("show_id", "text", "", False, "The show concerned."),
    Column("episode_id", "text", "", False, "The episode concerned."),
    Column("country", "text", "", False, "Country of the device at that moment."),
    Column("source", "text", "", False, "What sent the event."),
    Column("app_version", "text", "", False, "Version at that moment."),
    Column("properties", "text", "JSON", False, "Details; amount is read for credits."),
)

Role = Literal["play", "click", "next", "exit", "spend", "purchase"]
"""What an event_type may stand for: the keys of the parameter event_types."""
ROLES: tuple[Role, ...] = get_args(Role)
MADE = ("first_event_at", "last_event_at", "snapshot_at", "split", "churned")
RESERVED = frozenset(MADE) | (catalogue.features() - {column.name for column in USERS})
"""Columns that the report makes itself: a further column of that name of the users table gets
`_given` behind it. `credits_spent` is both: the contract's, and a feature."""
NATIVE_LABELS = ("churned_30d",)
OF_ACTIVITY = ("top_show_id", "top_show_title", "top_show_genre")
"""Texts of users that say what they did most: known of nobody who did nothing."""


def names(columns: tuple[Column, ...], kind: str | None = None) -> list[str]:
    """Return the column names, of one `kind` (type) if given, in the contract's order."""
    return [column.name for column in columns if kind in (None, column.type)]


def check_named(given: Iterable[str], columns: Collection[str], parameter: str) -> None:
    """Raise ReportError, naming the nearest, when a name in `given` (the value of `parameter`) is
    neither one of `columns` of users nor of the contract.
    """
    known = sorted({*columns, *names(USERS)} - {"user_id", "signup_date", CANCEL_DATE})
    for name in given:
        if name == CANCEL_DATE:
            raise ReportError(
                f"{parameter} names {name!r}, which is written when users leave: it can be neither "
                "a feature nor a group. Take it out of params.yml. The chapter Cohorts compares it "
                "with silence."
            )
        if name not in known:
            raise ReportError(
                f"{parameter} names {name!r}, which is not an attribute of users."
                f"{nearest(name, known)} The users "
                f"table has: {list_names(sorted({*columns} & {*known}))}. Correct params.yml."
            )


def required(columns: tuple[Column, ...]) -> list[str]:
    """Return the names of the columns a table cannot do without."""
    return [column.name for column in columns if column.required]


def present(users: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Return those of `columns` (the parameter group_columns) that `users` has.

    Raises ReportError for a name that neither `users` nor the contract has.
    """
    check_named(columns, users.columns, "group_columns")
    return [name for name in columns if name in users]
