"""The chapters on cleaning: users (stage 01) and events (stage 02), which also make the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.base import engine, files
from analysis.base.reading import Piece, files_table
from analysis.contract import stages
from analysis.contract.chapter import Chapter, table
from analysis.contract.inputs import EVENTS, USERS
from analysis.contract.params import parse_instant
from analysis.contract.store import Store
from analysis.log.activity import place, require_activity, sum_by_day
from analysis.log.events import (
    CleanEvents,
    clean_events,
    event_types_table,
    given_table,
    in_order,
)
from analysis.log.log import Log
from analysis.log.raw import read_source
from analysis.log.users import (
    CleanUsers,
    clean_users,
    columns_table,
    counts_table,
    further_columns,
    qa_record,
)
from analysis.log.window import LogWindow, daily_volume, infer_log_window

EXCHANGED = {"created_before_received": "created_after_received"}
"""The name that the published case gave a count, and what is counted."""


@dataclass(frozen=True, eq=False)
class UsersChapter(Chapter):
    """The users table as it came (`raw`, Ibis), and after cleaning."""

    raw: Any
    time_zone: str
    files: Sequence[Mapping[str, Any]] = ()
    min_disclosed: int = 1
    stage = "01_clean_users"

    @classmethod
    def read(
        cls,
        inputs: str,
        users: str | None,
        users_columns: Mapping[str, str],
        users_format: Mapping[str, str] | None = None,
        **parameters: Any,
    ) -> "UsersChapter":
        """Return the chapter on the table `users`, or on the simulated one under `inputs`."""
        path = Store(cls.stage, inputs).raw("users", users)
        con = engine.in_process()
        source = read_source(con, path, "users", USERS, users_columns, users_format)
        return cls(source.table, files=source.files, **parameters)

    @cached_property
    def cleaned(self) -> CleanUsers:
        """The clean table with its counts."""
        return clean_users(self.raw, self.time_zone)

    @table
    def users(self) -> pd.DataFrame:
        """One row per user: see clean_users."""
        return self.cleaned.table

    @cached_property
    def users_qa(self) -> dict[str, object]:
        """Every count of the cleaning, the columns that were not given, and how files were read."""
        return {**qa_record(self.cleaned.counts, self.cleaned.absent), "files": list(self.files)}

    @table
    def users_cleaning(self) -> pd.DataFrame:
        """What cleaning found: see counts_table."""
        counts = counts_table(self.cleaned.counts)
        further = further_columns(self.cleaned.table)
        words = {f"unreadable_{name}": f"Values of {name} that are not numbers" for name in further}
        return counts.assign(issue=counts["issue"].replace(words))

    @table
    def users_columns_found(self) -> pd.DataFrame:
        """Which columns are there: see columns_table."""
        return columns_table(self.cleaned.table, USERS)

    @table
    def users_files(self) -> pd.DataFrame:
        """How the files were read: see files_table."""
        return files_table(self.files)


@dataclass(frozen=True, eq=False)
class EventsChapter(Chapter):
    """The event log as it came (`raw`, Ibis), cleaned, placed beside its users, summed by day."""

    raw: Any
    known_users: pd.DataFrame
    time_zone: str
    log_start: str | None
    log_end: str | None
    passive_event_types: Sequence[str]
    event_types: Mapping[str, str]
    session_gap_minutes: float
    ending_event_types: Sequence[str] = ()
    files: Sequence[Mapping[str, Any]] = ()
    pieces: Sequence[Piece] = ()
    min_disclosed: int = 1
    stage = "02_clean_events"

    @classmethod
    def read(
        cls,
        inputs: str,
        events: str | None,
        events_columns: Mapping[str, str],
        events_format: Mapping[str, str] | None = None,
        **parameters: Any,
    ) -> "EventsChapter":
        """Return the chapter on the table `events`, or on the simulated one under `inputs`."""
        store = Store(cls.stage, inputs)
        path = store.raw("events", events)
        con = engine.connect()
        source = read_source(
            con, path, "events", EVENTS, events_columns, events_format, is_checked=False
        )
        known = store.table(stages.USERS)
        return cls(source.table, known, files=source.files, pieces=source.pieces, **parameters)

    @cached_property
    def cleaned(self) -> CleanEvents:
        """The clean events with their counts."""
        return clean_events(self.raw, self.time_zone, self.pieces)

    @table
    def volume(self) -> pd.DataFrame:
        """Events and users of each day: see daily_volume."""
        return daily_volume(self.cleaned.table, self.time_zone)

    @cached_property
    def window(self) -> LogWindow:
        """From when to when the log covers every day: see infer_log_window."""
        given = (parse_instant(text, self.time_zone) for text in (self.log_start, self.log_end))
        return infer_log_window(self.volume, self.time_zone, *given)

    @property
    def window_record(self) -> dict[str, str]:
        """The window as plain text."""
        return self.window.record

    @cached_property
    def placed(self) -> Any:
        """The clean events with what is known of their users: see place. They are not kept, for a
        copy with all their text takes more memory than everything else.
        """
        events = self.cleaned.table
        types = self.passive_event_types, self.ending_event_types
        require_activity(events, self.known_users, *types)
        return place(events, self.known_users, self.window, *types)

    @cached_property
    def events(self) -> Any:
        """The placed events in one order, for equal bytes."""
        return in_order(self.placed)

    @cached_property
    def user_days(self) -> Any:
        """One row per user, session and half day with activity, in one order: see sum_by_day."""
        active = self.placed.filter(self.placed.is_active)
        types = list(self.event_types_found["event_type"].dropna())
        given = self.event_types, self.session_gap_minutes, types
        days = sum_by_day(active, self.window, self.time_zone, *given)
        return days.order_by(*days.columns[:6])

    def save(self, name: str, value: Any, path: str) -> None:
        """Write one artifact. What is computed of the events once they are written is read from
        their file, which is in order: no user is joined to them, and no repeat left out, twice.
        """
        if name != "events":
            return super().save(name, value, path)
        engine.write(value, path, engine.QUICKLY)
        files.keep_private(Path(path))
        vars(self)["placed"] = engine.read(value.get_backend(), path)
        return None

    @cached_property
    def log(self) -> Log:
        """The log in memory, as the other chapters read it."""
        return Log(self.known_users, self.placed.cache(), self.user_days, self.window, self.volume)

    @cached_property
    def events_qa(self) -> dict[str, object]:
        """Every count of the cleaning, the columns that were not given, which are content, what
        their cells hold, and how files were read.
        """
        said, cells = self.cleaned.said, self.cleaned.cells
        columns = {"content": list(said.counted), "not_content": list(said.left_out)}
        record = qa_record(self.cleaned.counts, self.cleaned.absent)
        return {**record, "columns": columns, "cells": cells, "files": list(self.files)}

    @table
    def events_cleaning(self) -> pd.DataFrame:
        """What cleaning found, by what is counted and not by the case's names: see counts_table."""
        counts = counts_table(self.cleaned.counts)
        return counts.assign(issue=counts["issue"].replace(EXCHANGED))

    @table
    def event_types_found(self) -> pd.DataFrame:
        """How many events and users each type has: see event_types_table."""
        return event_types_table(self.placed)

    @table
    def events_columns_found(self) -> pd.DataFrame:
        """Which columns of the contract are there, and which others: see given_table."""
        return given_table(self.cleaned.absent, EVENTS, self.cleaned.said)

    @table
    def events_files(self) -> pd.DataFrame:
        """How the files were read: see files_table."""
        return files_table(self.files)
