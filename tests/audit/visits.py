"""Companies whose users come by chance, day by day, for tests of what changes in a log."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.audit.presence import Presence, daily_changes
from analysis.audit.returns import sudden_changes
from tests.audit.judging import at


def make_presence(active: Any, joined: float = -100) -> Presence:
    """Return the presence of users (rows) on days (columns), all joined on one day."""
    table = np.asarray(active, bool)
    return Presence(table, np.full(len(table), float(joined)), at(0))


def visits(users: int = 400, days: int = 200, rate: float = 0.3, seed: int = 1) -> np.ndarray:
    """Return on which days each of `users` comes, each day with the probability `rate`."""
    return np.random.default_rng(seed).random((users, days)) < rate


def judged(active: Any) -> tuple[Presence, pd.DataFrame, pd.DataFrame]:
    """Return what the check of the users reads: presence, daily and sudden changes."""
    presence = make_presence(active)
    changes = daily_changes(presence)
    return presence, changes, sudden_changes(changes)
