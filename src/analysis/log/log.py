"""The log as every chapter reads it: made once, by the stage 02_clean_events.

`events` are the clean events with what the users table says of their user: `is_known` (the user
is in the users table), `tenure_day` (whole 24-hour periods since signup; missing without one),
`is_passive` (a type that no user causes), `is_ending` (a type that ends a stay), `is_active`
(activity: see place) and, where the users table has them, `user_country` and `user_device`.
`user_days` holds one row per user, session and half day with activity: see sum_by_day. No chapter
joins users to events again.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from analysis.base import engine
from analysis.contract import stages
from analysis.contract.store import Store
from analysis.log.activity import user_spans
from analysis.log.cancellations import cancelled_users, is_recorded
from analysis.log.window import LogWindow


@dataclass(frozen=True, eq=False)
class Log:
    """Clean users (pandas), events and user-days (Ibis), the window, and the daily volume."""

    users: pd.DataFrame
    events: Any
    user_days: Any
    window: LogWindow
    volume: pd.DataFrame

    @classmethod
    def read(cls, store: Store) -> "Log":
        """Return the log that the stage 02_clean_events wrote."""
        con = engine.connect()
        volume = store.table(stages.VOLUME)
        volume["day"] = pd.to_datetime(volume["day"], utc=True).astype("datetime64[us, UTC]")
        return cls(
            store.table(stages.USERS),
            engine.read(con, store.path(stages.EVENTS)),
            engine.read(con, store.path(stages.USER_DAYS)),
            LogWindow.from_record(store.json(stages.WINDOW)),
            volume,
        )

    @property
    def active(self) -> Any:
        """The events (Ibis) that are activity."""
        return self.events.filter(self.events.is_active)

    @cached_property
    def cancelled(self) -> pd.DataFrame:
        """Per user who cancelled: when, see cancelled_users."""
        return cancelled_users(self.users, self.events)

    @cached_property
    def records_cancellations(self) -> bool:
        """Whether the tables say who cancelled: see is_recorded."""
        return is_recorded(self.users, self.events)

    @cached_property
    def spans(self) -> pd.DataFrame:
        """Per user with activity: `first_event_at`, `last_event_at`, `event_count`."""
        return user_spans(self.user_days)
