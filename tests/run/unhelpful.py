"""Logs from which little can be computed, and all chapters of a report on each of them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd

from analysis.audit import Audit
from analysis.base import files
from analysis.cohorts import Cohorts
from analysis.contract import stages
from analysis.contract.chapter import Chapter
from analysis.log.chapters import EventsChapter, UsersChapter
from analysis.model import Features, Model, Scoring
from analysis.published import Published
from analysis.segments import Segments
from analysis.summary.chapter import Summary
from tests.handmade import make_params

Tables = tuple[pd.DataFrame, pd.DataFrame]
START = pd.Timestamp("2025-01-01", tz="UTC")
KINDS = ("content_play", "poster_click", "next_episode", "app_exit", "credits_spend")
FEWER = {"null_draws": 4, "max_clusters": 3, "bootstrap_draws": 20}
"""Draws that do not matter here."""


def make(
    users: int = 80,
    days: int = 200,
    leaves: Callable[[int], float] = lambda i: 20.0 + 3 * i,
    **more: Any,
) -> Tables:
    """Return raw users and events: user `i` signs up in the first half of the log and comes every
    few days until `leaves(i)` days after signup. `more` are further columns of users.
    """
    rng = np.random.default_rng(1)
    joined = rng.integers(0, max(days // 2, 1), users)
    rows = []
    for i, start in enumerate(joined):
        for day in range(int(start), days):
            if day - start <= leaves(i) and (day == start or rng.random() < 0.4):
                hour, kind = rng.integers(0, 24), KINDS[int(rng.integers(len(KINDS)))]
                rows.append((f"u{i:03}", START + pd.Timedelta(days=day, hours=int(hour)), kind))
    events = pd.DataFrame(rows, columns=["user_id", "event_timestamp", "event_type"])
    events["event_uuid"] = [f"e{i}" for i in range(len(events))]
    signed = [START + pd.Timedelta(days=int(day)) for day in joined]
    people = {"user_id": [f"u{i:03}" for i in range(users)], "signup_date": signed, **more}
    return pd.DataFrame(people), events


def _with(tables: Tables, **columns: Any) -> Tables:
    users, events = tables
    return users.assign(**columns), events


def nobody_joined() -> Tables:
    """Return a log in which nobody signed up: all came long before it."""
    users, events = make()
    return users.assign(signup_date=START - pd.Timedelta(days=400)), events


def product_ended() -> Tables:
    """Return a log whose users stop on day 100, but for one who goes on to the end."""
    users, events = make(leaves=lambda _i: 1e9)
    is_early = events["event_timestamp"] < START + pd.Timedelta(days=100)
    return users, events[is_early | (events["user_id"] == "u000")]


def all_churn() -> Tables:
    """Return a log in which somebody joins every day, and nobody comes twice."""
    users, events = make(200, leaves=lambda _i: 0.0)
    day = pd.to_timedelta(np.arange(200), unit="D")
    users["signup_date"] = START + day
    return users, events.sort_values("user_id").assign(event_timestamp=START + day)


def sessions_empty() -> Tables:
    """Return events whose session is never given."""
    users, events = make()
    return users, events.assign(session_id=None)


LOGS: dict[str, Callable[[], Tables]] = {
    "one_day": lambda: make(days=1),
    "ten_days": lambda: make(days=10),
    "twenty_days": lambda: make(days=20),
    "one_snapshot": lambda: make(days=40),
    "two_snapshots": lambda: make(days=70),
    "one_user": lambda: make(1, leaves=lambda _i: 1e9),
    "three_users": lambda: make(3),
    "one_kind": lambda: (lambda t: (t[0], t[1].assign(event_type="visit")))(make()),
    "all_churn": all_churn,
    "product_ended": product_ended,
    "nobody_churns": lambda: make(leaves=lambda _i: 1e9),
    "nobody_joined": nobody_joined,
    "constant_columns": lambda: _with(make(), age=30, score=1.0, country="PE", device="iOS"),
    "infinite_column": lambda: _with(
        make(), age=[np.inf, 1e308, -1e308, np.nan] * 20, credits_spent=[np.inf, 1e308] * 40
    ),
    "small_groups": lambda: make(
        120, leaves=lambda i: 2.0 * i, country=[f"c{i // 3}" for i in range(120)]
    ),
    "no_sessions": sessions_empty,
    "no_attributes": make,
    "one_event_each": lambda: (lambda t: (t[0], t[1].drop_duplicates("user_id")))(make()),
}
"""Logs by what is odd about them."""


def build(tables: Tables, folder: Path) -> Iterator[tuple[str, Chapter]]:
    """Write every stage's artifacts under `folder`, and yield its name and its chapter."""
    users, events = (ibis.memtable(table) for table in tables)
    chapters: dict[str, Callable[[], Chapter]] = {
        "01_clean_users": lambda: UsersChapter(users, "UTC"),
        "02_clean_events": lambda: EventsChapter(
            events, files.read_table(str(folder / stages.USERS)), **_of("02_clean_events")
        ),
    }
    readers = (Audit, Features, Cohorts, Model, Scoring, Segments, Published, Summary)
    for reader in readers:
        chapters[reader.stage] = lambda reader=reader: reader.read(str(folder), **_of(reader.stage))
    for name, make_chapter in chapters.items():
        chapter = make_chapter()
        chapter.write(str(folder))
        yield name, chapter


def _of(stage: str) -> dict[str, Any]:
    """Return the parameters of a stage, with FEWER draws."""
    wanted = {*stages.find(stage).params} - stages.READING
    given = make_params().model_dump(include=wanted)
    return given | {name: value for name, value in FEWER.items() if name in given}
