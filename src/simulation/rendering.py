"""The event log as the product exports it: text in the case's columns."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from simulation.company import PACKS, SHOW_IDS, SHOWS
from simulation.events import CLICK, EVENT_TYPES, EXIT, OPEN, PAUSE, PURCHASE, SPEND, Log
from simulation.plan import Plan
from simulation.text import instant_array, uuid_array
from simulation.times import DAY, Array

EVENT_COLUMNS: tuple[str, ...] = (
    "id",
    "event_uuid",
    "user_id",
    "show_id",
    "episode_id",
    "event_type",
    "event_timestamp",
    "received_at",
    "source",
    "device_id",
    "session_id",
    "country",
    "app_version",
    "os",
    "schema_version",
    "created_at",
    "properties",
)
EVENT_SCHEMA = pa.schema(
    [(name, pa.int64() if name == "schema_version" else pa.string()) for name in EVENT_COLUMNS]
)
IDENTIFIERS = ("id", "event_uuid")
"""Columns that name the event itself."""
CENTS = 100  # in a credit
ROWS_PER_CHUNK = 1_000_000  # rendered at once: keeps text under Arrow's 2 GB per array


@dataclass(frozen=True)
class Rendered:
    """The rendered log, and what a fault needs to add events to it."""

    people: pd.DataFrame
    written_at: Array  # unix seconds of `event_timestamp`
    events: pa.Table


def render_events(plan: Plan, people: pd.DataFrame, log: Log, session_count: int) -> pa.Table:
    """Return the log in EVENT_COLUMNS, with the events that faults add at its end."""
    written = plan.apply("written_log", log, people)
    events = _render(plan, people, log.at, written, session_count)
    rendered = Rendered(people, written.at, events)
    return pa.concat_tables([events, *plan.collect("added_events", rendered)])


def name_users(plan: Plan, people: pd.DataFrame) -> dict[str, Any]:
    """Return the text columns of events that depend on the user alone."""
    owner = plan.apply("identities", np.arange(plan.users))
    return {
        "user_id": pa.array(people["user_id"].to_numpy()[owner], pa.string()),
        "device_id": pa.array("dev_" + people["user_id"].str[:8], pa.string()),
        "country": pa.array(people["country"], pa.string()),
        "app_version": pa.array(people["app_version"], pa.string()),
        "os": pa.array(people["device"] + " " + people["os_version"].astype(str), pa.string()),
    }


def _render(
    plan: Plan, people: pd.DataFrame, happened_at: Array, written: Log, session_count: int
) -> pa.Table:
    """Return `written` as text; the delays run from the times at which events happened."""
    session_ids = uuid_array(plan.stream("session_id"), session_count)
    received, created = _draw_delays(plan, happened_at)
    names, uuids = name_users(plan, people), plan.stream("event_uuid")
    chunks = []
    for begin in range(0, len(written.at), ROWS_PER_CHUNK):
        rows = slice(begin, begin + ROWS_PER_CHUNK)
        part = written.take(rows)
        of_user = {name: text.take(pa.array(part.user)) for name, text in names.items()}
        texts = _render_content(part) | of_user
        texts["received_at"] = instant_array(received[rows])
        texts["created_at"] = instant_array(created[rows])
        texts["session_id"] = session_ids.take(pa.array(part.session))
        texts |= dict.fromkeys(IDENTIFIERS, uuid_array(uuids, len(part.at)))
        chunks.append(pa.table([texts[name] for name in EVENT_COLUMNS], schema=EVENT_SCHEMA))
    return pa.concat_tables(chunks) if chunks else EVENT_SCHEMA.empty_table()


def _draw_delays(plan: Plan, at: Array) -> tuple[Array, Array]:
    """Return when each event was received and stored (unix seconds)."""
    n, rng = len(at), plan.stream("delays")
    delay = rng.choice(3, n, p=[0.85, 0.1, 0.05])
    tail = rng.random(n) < 0.003
    delay = np.where(tail, np.clip(rng.exponential(4 * 3600, n), 3, DAY - 1), delay)
    stored = rng.integers(0, 3, n)
    delay = plan.apply("delays", delay)
    received = at + np.rint(delay).astype(np.int64)
    return received, received + stored


def _render_content(part: Log) -> dict[str, Any]:
    """Return the columns that follow from each event by itself; properties are JSON."""
    n, kind = len(part.at), part.kind
    no_show = np.isin(kind, [OPEN, EXIT, PURCHASE])
    no_episode = no_show | (kind == CLICK)
    episode_ids, offsets = _list_episodes()
    episode = offsets[part.show] + part.episode
    return {
        "event_timestamp": instant_array(part.at),
        "source": pa.repeat("client", n),
        "schema_version": pa.repeat(1, n),
        "event_type": pa.array(EVENT_TYPES).take(pa.array(kind)),
        "show_id": pa.array(SHOW_IDS).take(pa.array(part.show, mask=no_show)),
        "episode_id": episode_ids.take(pa.array(episode, mask=no_episode)),
        "properties": _render_properties(part, kind, no_show, no_episode),
    }


@lru_cache(maxsize=1)
def _list_episodes() -> tuple[Any, Array]:
    """Return the ids of all episodes, and where each show's begin."""
    counts = SHOWS["episode_count"].to_numpy()
    ids = [
        str(uuid5(NAMESPACE_URL, f"episode/{show}/{k}"))
        for show, n in zip(SHOW_IDS, counts, strict=True)
        for k in range(n)
    ]
    return pa.array(ids), np.r_[0, np.cumsum(counts)[:-1]]


def _render_properties(part: Log, kind: Array, no_show: Array, no_episode: Array) -> Any:
    """Return JSON such as {"show_id":"...","episode_id":"...","position_sec":37}."""
    episode_ids, offsets = _list_episodes()
    of_show = [f'{{"show_id":"{show}"' for show in SHOW_IDS]
    shows = np.repeat(np.arange(len(SHOWS)), SHOWS["episode_count"])
    of_episode = [
        f'{of_show[show]},"episode_id":"{episode}"'
        for show, episode in zip(shows, episode_ids.to_pylist(), strict=True)
    ]
    head = np.where(no_episode, part.show, len(of_show) + offsets[part.show] + part.episode)
    head = np.where(no_show, len(of_show) + len(of_episode), head)
    is_pause, is_spend = kind == PAUSE, kind == SPEND
    longest = int(part.wait[is_pause].max(initial=0))
    tails = ["}", ',"credits":1}', *(f'"amount":{n}}}' for n in range(CENTS * max(PACKS) + 1))]
    base = len(tails)
    tails += [f',"position_sec":{second}}}' for second in range(longest + 1)]
    tails_of = [np.ones_like(kind), 2 + part.amount, base + part.wait]
    tail = np.select([is_spend, kind == PURCHASE, is_pause], tails_of, 0)
    heads = pa.array([*of_show, *of_episode, "{"]).take(pa.array(head))
    return pc.binary_join_element_wise(heads, pa.array(tails).take(pa.array(tail)), "")
