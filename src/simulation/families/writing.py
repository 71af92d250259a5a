"""Families by how the log is written: by day alone, or under other names from a day on."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from simulation.plan import Plan, family
from simulation.text import instant_array
from simulation.times import LOG_MIDDLE, unix

OF_DAYS = ("user_id", "event_type", "event_timestamp", "show_id", "episode_id", "properties")
"""Columns of a log that knows neither the time of day nor sessions nor identifiers."""
NEW_SOURCE, NEW_VERSION, NEW_PREFIX = "sdk", "2.0.0", "v2_"


@family("events")
def dates_only(plan: Plan, events: Any) -> Any:
    """Events have a day (UTC) but no time of day, no identifier and no session."""
    written = events["event_timestamp"].to_pandas()
    at = pd.to_datetime(written, utc=True, errors="coerce", format="ISO8601")
    days = at.dt.strftime("%Y-%m-%d").where(at.notna(), written)
    kept = events.select(OF_DAYS)
    place = OF_DAYS.index("event_timestamp")
    return kept.set_column(place, "event_timestamp", pa.array(days, pa.string()))


@family("events")
def migration(plan: Plan, events: Any) -> Any:
    """From the middle of the log on all events carry another source, another version of the app and
    other names of event types; the users go on as before.
    """
    begins = instant_array(np.array([unix(LOG_MIDDLE)]))[0]
    is_new = pc.greater_equal(events["event_timestamp"], begins)
    renamed = pc.binary_join_element_wise(NEW_PREFIX, events["event_type"], "")
    for name, new in {
        "source": pa.scalar(NEW_SOURCE),
        "app_version": pa.scalar(NEW_VERSION),
        "event_type": renamed,
    }.items():
        at = events.schema.get_field_index(name)
        events = events.set_column(at, name, pc.if_else(is_new, new, events[name]))
    return events
