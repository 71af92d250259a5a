"""Small tables written by hand, for tests of event-level work."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from analysis.base import engine
from analysis.contract.params import Params, load_params, parse_instant
from analysis.log import activity, content
from analysis.log.chapters import EventsChapter, UsersChapter
from analysis.log.log import Log
from analysis.log.slices import Slices
from analysis.log.window import LogWindow, daily_volume, infer_log_window

ROOT = Path(__file__).resolve().parents[1]
SEED_DATA = ROOT.parent / "shared" / "seed-data"
NO_SEED_DATA = f"no seed data at {SEED_DATA}"
REAL_LOGS = ROOT.parent / "shared" / "real-logs"
NO_REAL_LOGS = f"no real logs at {REAL_LOGS}"
ROLES = {
    "play": "content_play",
    "click": "poster_click",
    "next": "next_episode",
    "exit": "app_exit",
    "spend": "credits_spend",
    "purchase": "credits_purchase",
}
CON = engine.connect()


def at(text: str) -> pd.Timestamp:
    """Return the instant `text`, in UTC."""
    return pd.Timestamp(text, tz="UTC")


def instants(texts: list[str | None]) -> "pd.Series":
    """Return instants in UTC; None is missing."""
    times = pd.to_datetime(pd.Series(texts, dtype="object"), utc=True, format="ISO8601")
    return times.astype("datetime64[us, UTC]")


def make_users(signups: dict[str, str | None], **columns: list) -> pd.DataFrame:
    """Return clean users: user_id -> signup_date, and further columns."""
    signed = instants(list(signups.values()))
    return pd.DataFrame({"user_id": list(signups), "signup_date": signed, **columns})


def make_events(rows: list[tuple[str, str]], **columns: list) -> ibis.Table:
    """Return clean events from (user_id, event_at), and further columns.

    `event_type` is `content_play` and `recorded_at` is `event_at` unless given. Columns
    whose name ends in `_at` are instants. Further columns of text count as content, as in
    log.content.
    """
    frame = pd.DataFrame({"user_id": [user for user, _ in rows]}, dtype="str")
    frame["event_at"] = instants([when for _, when in rows])
    for name, values in columns.items():
        frame[name] = instants(values) if name.endswith("_at") else values
    frame["event_type"] = columns.get("event_type", ["content_play"] * len(rows))
    frame["recorded_at"] = frame["recorded_at"] if "recorded_at" in columns else frame["event_at"]
    table = pa.Table.from_pandas(frame, preserve_index=False)
    made = CON.create_table(ibis.util.gen_name("events"), table, temp=True)
    if "session_id" in columns:
        made = made.mutate(session_id=content.hash_of(made.session_id))
    said = [name for name in columns if name != "event_type"]
    counted = tuple(name for name in said if not name.endswith("_at"))
    return made.mutate(**content.hashed(made, counted))


def make_window(start: str, end: str) -> LogWindow:
    """Return the log window [start, end)."""
    return LogWindow(at(start), at(end))


def find_window(events: ibis.Table, *given: str) -> LogWindow:
    """Return the window of a log in UTC, as the stage on events finds it; `given` are its ends."""
    ends = (parse_instant(text) for text in given)
    return infer_log_window(daily_volume(events, "UTC"), "UTC", *ends)


def make_active(
    events: ibis.Table, users: pd.DataFrame, window: LogWindow, passive: tuple[str, ...] = ()
) -> ibis.Table:
    """Return the events that are activity: see activity.place."""
    placed = activity.place(events, users, window, passive)
    return placed.filter(placed.is_active)


def make_slices(
    active: ibis.Table, window: LogWindow, roles: Mapping[str, str] = MappingProxyType(ROLES)
) -> Slices:
    """Return the slices of active events, as the stage 04_features makes them."""
    kinds = types_of(active)
    return Slices.of(activity.sum_by_day(active, window, "UTC", roles, None, kinds), window.end)


def types_of(events: ibis.Table) -> list[str]:
    """Return the types that events have, sorted."""
    return sorted(engine.to_pandas(events.select("event_type").distinct())["event_type"].dropna())


def make_log(
    events: ibis.Table,
    users: pd.DataFrame,
    window: LogWindow,
    zone: str = "UTC",
    gap_minutes: float = 30,
) -> Log:
    """Return the log of clean events and users, as the stage 02_clean_events makes it."""
    placed = activity.place(events, users, window)
    given = window, zone, ROLES, gap_minutes, types_of(placed)
    days = activity.sum_by_day(placed.filter(placed.is_active), *given)
    return Log(users, placed, days, window, daily_volume(events, zone))


def make_company_log(company: Any) -> Log:
    """Return the log of a simulated company (simulation.Simulation), cleaned as by the stages."""
    users = UsersChapter(ibis.memtable(company.users), "UTC").users
    raw = ibis.memtable(company.events)
    return EventsChapter(raw, users, "UTC", None, None, [], ROLES, 30).log


def make_params(**changed: object) -> Params:
    """Return the parameters of params.yml with `changed` ones in their place."""
    return load_params(ROOT / "params.yml", changed)
