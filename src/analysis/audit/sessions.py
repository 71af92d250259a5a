"""Sessions: does each `session_id` stand for one visit?"""

from typing import Any

import ibis
import pandas as pd

from analysis.base import clock, engine
from analysis.base.statistics import share_of
from analysis.contract.checks import Status, Verdict, check, not_applicable
from analysis.log import activity

LONG = 0.05
"""Share of events in sessions longer than a day from which sessions are no visits."""
SINGLE, SEVERAL = 0.99, 1.5
"""Share of sessions with one event, so many of them a user and day, that are no visits."""


def session_lengths(events: Any, spans: Any = None) -> pd.DataFrame:
    """Return one row: how many `sessions` and `events` carry a session_id, the events in those
    that last for more than a day (`long_events`), the sessions of one event (`single`), and
    the days on which users begin one (`user_days`). Empty without one. `spans` is the
    result of activity.user_sessions, where it is known.
    """
    columns = ["sessions", "events", "long_events", "single", "user_days"]
    if "session_id" not in events.columns:
        return pd.DataFrame(columns=columns)
    spans = activity.user_sessions(events) if spans is None else spans
    seconds = clock.seconds(spans.last_event_at) - clock.seconds(spans.first_event_at)
    counts = engine.to_pandas(
        spans.aggregate(
            sessions=spans.count(),
            events=spans.events.sum(),
            long_events=ibis.coalesce(spans.events.sum(where=seconds > 86_400), 0),
            single=(spans.events == 1).sum(),
        )
    )
    begun = clock.whole_seconds(spans.first_event_at) // 86_400
    days = spans.select("user_id", day=begun).distinct().count().execute()
    return counts[counts["sessions"] > 0].assign(user_days=int(days))[columns]


@check(stage="03_audit")
def sessions(session_lengths: pd.DataFrame) -> Verdict:
    """Judge whether `session_id` names visits: the share of events in sessions that last for more
    than a day, as when it names the device or the user; and whether nearly every session has
    one event and users have several a day, as when it names the event.
    """
    if session_lengths.empty:
        return not_applicable("sessions", "events have no session_id")
    row = session_lengths.iloc[0].astype(int)
    share, low, high = share_of(row["long_events"], row["events"])
    single = row["single"] / row["sessions"]
    is_event = single > SINGLE and row["sessions"] > SEVERAL * row["user_days"]
    status: Status = "warn" if share >= LONG or is_event else "pass"
    facts = {"long_events": int(row["long_events"]), "events": int(row["events"]),
             "sessions": int(row["sessions"]), "single": float(single)}  # fmt: skip
    return Verdict("sessions", status, share, low, high, LONG, int(row["events"]), facts)
