"""Events that are still to come: the one thing for which a run asks what day it is.

It says so on the terminal, or stops before the site is built; no artifact depends on the day.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pandas as pd

from analysis.base.errors import ReportError
from analysis.base.formats import plural
from analysis.run.folders import Run

VOLUME = "audit/daily_volume.csv"


def check_future(run: Run, say: Callable[[str], None], now: datetime | None = None) -> None:
    """Say how many events lie after tomorrow (UTC); raise ReportError where most of them do."""
    if not (run.data / VOLUME).is_file():  # stages without an audit
        return
    volume = pd.read_csv(run.data / VOLUME)
    days = pd.to_datetime(volume["day"], utc=True)
    later = volume["events"][days > (now or datetime.now(UTC)) + timedelta(days=1)]
    if later.empty:
        return
    from analysis.log.raw import MOST_UNREADABLE  # slow to import, and seldom needed

    events, last = int(volume["events"].sum()), days.max().date()
    count = plural(int(later.sum()), "lies", "lie")
    what = f"of {plural(events, 'event', 'events')}, {count} after tomorrow, the last on {last}"
    if later.sum() > MOST_UNREADABLE * events:
        raise ReportError(
            f"events: {what}. Correct event_timestamp: a year or a unit of time is wrong."
        )
    say(f"Note: {what}. Correct them, or set log_end.")
