"""The calendar of every simulated company: its first signup, and the log from start to end."""

from typing import Any

import numpy as np
import pandas as pd

Array = np.ndarray[Any, Any]

DAY = 86_400  # seconds
FIRST_SIGNUP_AT = pd.Timestamp("2024-01-01", tz="UTC")
LOG_START = pd.Timestamp("2025-01-01", tz="UTC")
LOG_END = pd.Timestamp("2025-10-21", tz="UTC")
LOG_MIDDLE = pd.Timestamp("2025-05-28", tz="UTC")
RECENT_DAYS = 30  # at the end of the log: new users, and users who have left
DRIFT_DAYS = 45  # at the end of the log: where a drift shows


def unix(instant: pd.Timestamp) -> int:
    """Return an instant in whole seconds since 1970."""
    return int(instant.timestamp())
