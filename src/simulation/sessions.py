"""When users open a session: a Poisson process from signup to the end of a lifetime."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from simulation.plan import Plan
from simulation.times import DAY, DRIFT_DAYS, LOG_END, LOG_START, Array, unix


@dataclass(frozen=True)
class Sessions:
    """Sessions, one array per column."""

    user: Array  # position in the table of people
    at: Array  # unix seconds
    is_first: Array  # the session with which a new user signs up

    def take(self, rows: Any) -> "Sessions":
        """Return the sessions at `rows`, positions or one truth value each."""
        return Sessions(self.user[rows], self.at[rows], self.is_first[rows])


def draw_sessions(plan: Plan, people: pd.DataFrame) -> Sessions:
    """Return the sessions that the log holds, in order of user and start."""
    sessions: Sessions = plan.apply("sessions", _open_sessions(plan, people), people)
    moved = plan.apply("session_starts", sessions.at, sessions, people)
    sessions = replace(sessions, at=moved)
    lost = plan.find_lost("lost_sessions", len(moved), sessions, people)
    lost |= _lose_to_drift(plan, sessions)
    sessions = sessions.take(~lost & (sessions.at < plan.company.log_end))
    return sessions.take(np.lexsort((sessions.at, sessions.user)))


def _open_sessions(plan: Plan, people: pd.DataFrame) -> Sessions:
    """Return all sessions between the log's edges, those at a signup last."""
    rng, (opens, seconds) = plan.stream("sessions"), observed_spans(people)
    signup, start = people["signup"].to_numpy(), unix(LOG_START)
    count = rng.poisson(people["session_rate_per_day"].to_numpy() * seconds / DAY)
    user = np.repeat(np.arange(plan.users), count)
    at = opens[user] + np.floor(rng.random(len(user)) * seconds[user]).astype(np.int64)
    newcomers = np.flatnonzero(signup >= start)
    is_first = np.r_[np.zeros(len(user), bool), np.ones(len(newcomers), bool)]
    return Sessions(np.r_[user, newcomers], np.r_[at, signup[newcomers]], is_first)


def observed_spans(people: pd.DataFrame) -> tuple[Array, Array]:
    """Return of each user the start of its life inside the log, and for how many seconds."""
    signup = people["signup"].to_numpy()
    opens = np.maximum(signup, unix(LOG_START))
    closes = np.minimum(signup + people["lifetime_days"].to_numpy() * DAY, unix(LOG_END))
    return opens, np.maximum(closes - opens, 0.0)


def _lose_to_drift(plan: Plan, sessions: Sessions) -> Array:
    """Return which later sessions of the log's last days did not happen."""
    is_late = sessions.at >= unix(LOG_END) - DRIFT_DAYS * DAY
    drawn = plan.choose(plan.company.drift_losses, len(is_late), "losses")
    lost: Array = is_late & ~sessions.is_first & drawn
    return lost
