"""Reading and cleaning of hostile tables: an error that says what to do, or nothing is lost."""

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.base import engine, files
from analysis.base.errors import ReportError
from analysis.contract import stages
from analysis.contract.inputs import EVENTS, USERS, names
from analysis.log.cells import LONGEST
from analysis.log.chapters import EventsChapter, UsersChapter
from tests.handmade import ROLES
from tests.log import hostile

ZONES = st.sampled_from(["UTC", "America/Lima", "Asia/Tokyo"])
MISSING = {"", "nan", "null", "none", "na", "n/a", "nat", "-", "\\n", "<na>"}
"""Words for a missing identifier, which may be left out (and counted)."""
YEARS = pd.Timestamp("0001-01-01", tz="UTC"), pd.Timestamp("9999-12-31", tz="UTC")


@contextmanager
def only_useful_errors(name: str, table: hostile.Table, contract: tuple) -> Iterator[None]:
    """Accept a ReportError that names the table, and a column or the file."""
    try:
        yield
    except ReportError as error:
        message = str(error)
        assert message.startswith(f"{name}: ")
        words = (
            "log_start",
            "log window",
            *table,
            *names(contract),
            f"{name}.csv",
            f"{name}.parquet",
        )
        assert any(word in message for word in words), message
        assert message.endswith((".", "?")), message


def saved(value: object, folder: str) -> dict[str, object]:
    """Return a record as it comes back from JSON, which must be valid: no NaN, no Infinity."""
    path = f"{folder}/record.json"
    files.write_json(value, path)
    return json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=pytest.fail)


def given_ids(table: hostile.Table) -> set[str]:
    """Return the identifiers of a text column that no reader may lose."""
    cells = table["user_id"].to_pylist()
    trimmed = (str(cell).strip() for cell in cells if isinstance(cell, str))
    plain = {re.sub(r"^(-?[0-9]+)\.0+$", r"\1", text) for text in trimmed}
    named = {text for text in plain if text.lower() not in MISSING and text.isprintable()}
    return {text for text in named if len(text) <= LONGEST}  # others are cut, with a digest


def days_of(users: pd.DataFrame) -> list["pd.Series[pd.Timestamp]"]:
    return [users[name].dropna() for name in names(USERS, "date") if name in users]


def check_users(chapter: UsersChapter, table: hostile.Table, folder: str) -> pd.DataFrame:
    users, counts = chapter.users, saved(chapter.users_qa, folder)
    assert counts["rows_read"] == hostile.rows_of(table)
    left_out = counts["dropped_missing_user_id"] + counts["duplicates_removed"]
    assert counts["rows_read"] == counts["rows_kept"] + left_out
    assert counts["rows_kept"] == len(users)
    assert users["user_id"].is_unique
    assert users["user_id"].notna().all()
    assert (users["user_id"].str.strip(" \t\r\n") == users["user_id"]).all()
    assert (users["user_id"] != "").all()
    if table["user_id"].type == "string":
        assert given_ids(table) <= set(users["user_id"])
    assert all(days.between(*YEARS).all() for days in days_of(users))
    assert {*table} - {*users.columns} <= {name.removesuffix("_given") for name in users.columns}
    assert (chapter.users_cleaning["rows"].dropna() >= 0).all()
    assert len(chapter.users_columns_found) >= len(users.columns)
    return users


def check_events(chapter: EventsChapter, table: hostile.Table, folder: str) -> None:
    counts = saved(chapter.events_qa, folder)
    assert counts["rows_read"] == hostile.rows_of(table)
    left_out = counts["dropped_incomplete"] + (counts["duplicates_removed"] or 0)
    assert counts["rows_read"] == counts["rows_kept"] + left_out
    window = chapter.window
    assert window.start < window.end
    engine.write(chapter.events, f"{folder}/events.parquet")
    events = pd.read_parquet(f"{folder}/events.parquet")
    assert len(events) == counts["rows_kept"]
    assert events[["user_id", "event_at", "recorded_at"]].notna().all(axis=None)
    assert (events["recorded_at"] >= events["event_at"]).all()
    active = events[events["is_active"]]
    assert active["event_at"].between(window.start, window.end, inclusive="left").all()
    assert (active["tenure_day"] >= 0).all()
    assert active["user_id"].isin(chapter.known_users["user_id"]).all()
    days = engine.to_pandas(chapter.user_days)
    assert days["events"].sum() == len(active)
    assert int(chapter.volume["events"].sum()) == counts["rows_kept"]
    assert int(chapter.event_types_found["events"].sum()) == counts["rows_kept"]
    saved(chapter.window_record, folder)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_hostile_tables_stop_with_the_reason_or_nothing_is_lost(kind):
    @hostile.bounded(20)
    @given(hostile.users(kind == "csv"), hostile.events(kind == "csv"), ZONES)
    def read_and_clean(users, events, zone):
        with tempfile.TemporaryDirectory() as folder:
            known = pd.DataFrame(
                {"user_id": ["a"], "signup_date": pd.Timestamp("2025-01-01", tz="UTC")}
            )
            with only_useful_errors("users", users, USERS):
                path = hostile.save(users, Path(folder, f"users.{kind}"))
                chapter = UsersChapter.read(folder, path, {}, time_zone=zone)
                known = check_users(chapter, users, folder)
            Path(folder, stages.USERS).parent.mkdir()
            files.write_table(known, f"{folder}/{stages.USERS}")
            with only_useful_errors("events", events, EVENTS):
                path = hostile.save(events, Path(folder, f"events.{kind}"))
                log = EventsChapter.read(
                    folder, path, {}, time_zone=zone, log_start=None, log_end=None,
                    passive_event_types=[], event_types=ROLES, session_gap_minutes=30,
                )  # fmt: skip
                check_events(log, events, folder)

    read_and_clean()
