"""What users do in a session: clicks, plays, episodes, credits bought and spent."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from simulation.company import GIFT_CREDITS, SHOWS
from simulation.plan import Plan
from simulation.sessions import Sessions
from simulation.times import Array, unix

EVENT_TYPES = [
    "app_open",
    "poster_click",
    "content_play",
    "content_pause",
    "next_episode",
    "credits_purchase",
    "credits_spend",
    "app_exit",
]
OPEN, CLICK, PLAY, PAUSE, NEXT, PURCHASE, SPEND, EXIT = range(len(EVENT_TYPES))
# A session is a choice among these slots, in this order. Columns: type, click (first or
# second), episodes after the first one played, least and most seconds since the last event.
SLOTS = np.array(
    [
        (OPEN, 0, 0, 0, 0),
        (CLICK, 0, 0, 8, 60),
        (PLAY, 0, 0, 5, 45),
        (PAUSE, 0, 0, 20, 150),
        (NEXT, 0, 1, 40, 150),
        (PURCHASE, 0, 0, 30, 120),
        (SPEND, 0, 2, 2, 15),
        (NEXT, 0, 2, 3, 150),
        (PAUSE, 0, 2, 20, 150),
        (CLICK, 1, 0, 8, 60),
        (PLAY, 1, 0, 5, 45),
        (PURCHASE, 1, 0, 30, 120),
        (SPEND, 1, 1, 2, 15),
        (NEXT, 1, 1, 3, 150),
        (PAUSE, 1, 1, 20, 150),
        (EXIT, 1, 0, 10, 90),
    ]
)
P_CLICK, P_PAUSE, P_SECOND_CLICK, P_EXIT, P_SPEND = 0.95, 0.4, 0.35, 0.47, 0.9


@dataclass(frozen=True)
class Log:
    """Events in order of user, session and time: one array per column."""

    user: Array  # position in the table of people
    session: Array  # position among the sessions
    slot: Array  # position in SLOTS
    at: Array  # unix seconds
    wait: Array  # seconds since the event before, in the same session
    show: Array  # position in SHOWS
    episode: Array  # from 0
    amount: Array  # credits bought, else 0

    @property
    def kind(self) -> Array:
        """The position of each event's type in EVENT_TYPES."""
        kinds: Array = SLOTS[self.slot, 0]
        return kinds

    def take(self, rows: Any) -> "Log":
        """Return the events at `rows`, positions or one truth value each."""
        return Log(*(getattr(self, column.name)[rows] for column in fields(self)))


def draw_events(plan: Plan, people: pd.DataFrame, sessions: Sessions) -> Log:
    """Return the events of the given sessions that the log holds."""
    log = _fill_sessions(plan, people, sessions)
    lost = plan.find_lost("lost_events", len(log.at), log)
    held = ~lost & (log.at < plan.company.log_end)
    return replace(log, at=plan.apply("times", log.at)).take(held)


def _fill_sessions(plan: Plan, people: pd.DataFrame, sessions: Sessions) -> Log:
    """Return all events of the given sessions."""
    rng, user = plan.stream("events"), sessions.user
    happens = _choose_slots(rng, people, user)
    _pay_with_credits(happens, people, user)
    shows, first_episode = _choose_shows(rng, people, sessions)
    session, slot = np.nonzero(happens)
    slot = slot.astype(np.int8)
    wait = _draw_waits(rng, slot, people["watch"].to_numpy()[user[session]])
    at = sessions.at[session] + _sum_within(wait, slot == 0)
    click = SLOTS[slot, 1]
    show = shows[session, click]
    episodes = SHOWS["episode_count"].to_numpy()[show]
    episode = (first_episode[session, click] + SLOTS[slot, 2]) % episodes
    amount = np.where(SLOTS[slot, 0] == PURCHASE, people["pack"].to_numpy()[user[session]], 0)
    return Log(user[session], session, slot, at, wait, show, episode, amount)


def _choose_slots(rng: np.random.Generator, people: pd.DataFrame, user: Array) -> Array:
    """Return sessions x SLOTS: what would happen if credits were free."""
    p_next, p_fail = people["p_next"].to_numpy()[user], people["p_fail"].to_numpy()[user]
    draw = rng.random((len(user), len(SLOTS)), dtype=np.float32).T
    is_in = np.zeros((len(SLOTS), len(user)), dtype=bool)
    is_in[0] = True
    is_in[1] = draw[1] < P_CLICK
    is_in[2] = is_in[1] & (draw[2] >= p_fail)
    is_in[3] = is_in[2] & (draw[3] < P_PAUSE)
    is_in[4] = is_in[2] & (draw[4] < p_next)
    is_in[7] = is_in[4] & (draw[7] < p_next)
    is_in[6] = is_in[7] & (draw[6] < P_SPEND)
    is_in[8] = is_in[7] & (draw[8] < P_PAUSE)
    is_in[9] = is_in[1] & (draw[9] < P_SECOND_CLICK)
    is_in[10] = is_in[9] & (draw[10] >= p_fail)
    is_in[13] = is_in[10] & (draw[13] < p_next)
    is_in[12] = is_in[13] & (draw[12] < P_SPEND)
    is_in[14] = is_in[13] & (draw[14] < P_PAUSE)
    is_in[15] = draw[15] < people["p_exit"].to_numpy()[user]
    return np.ascontiguousarray(is_in.T)


def _pay_with_credits(happens: Array, people: pd.DataFrame, user: Array) -> None:
    """Set the purchases, and drop the spends of those who do not pay (in place).

    The gift is spent first. Then a payer buys a pack whenever the balance is 0.
    """
    spends = SLOTS[:, 0] == SPEND
    position, slot = np.nonzero(happens & spends)
    owner = user[position]
    rank = np.arange(len(owner)) - np.searchsorted(owner, owner)  # sessions are in user order
    is_payer = people["is_payer"].to_numpy()[owner]
    happens[position, slot] = is_payer | (rank < GIFT_CREDITS)
    is_empty = (rank - GIFT_CREDITS) % people["pack"].to_numpy()[owner] == 0
    happens[position, slot - 1] = is_payer & (rank >= GIFT_CREDITS) & is_empty


def _choose_shows(
    rng: np.random.Generator, people: pd.DataFrame, sessions: Sessions
) -> tuple[Array, Array]:
    """Return sessions x 2 clicks: the show, already launched, and the first episode played."""
    shape = (len(sessions.user), 2)
    launched_at = [unix(pd.Timestamp(day, tz="UTC")) for day in SHOWS["launch_date"]]
    launched = np.searchsorted(launched_at, sessions.at, side="right")[:, None]
    favourite = people["favourite"].to_numpy()[sessions.user][:, None]
    any_show = (rng.random(shape) * launched).astype(np.int64)
    returns = (rng.random(shape) < [0.6, 0.2]) & (favourite < launched)
    show = np.where(returns, favourite, any_show)
    episode = rng.random(shape) * SHOWS["episode_count"].to_numpy()[show]
    return show, episode.astype(np.int64)


def _draw_waits(rng: np.random.Generator, slot: Array, watch: Array) -> Array:
    """Return whole seconds since the event before; longer for those who watch longer."""
    low, high = SLOTS[slot, 3], SLOTS[slot, 4]
    kind = SLOTS[slot, 0]
    factor = np.where((kind == PAUSE) | (kind == NEXT), watch, 1.0)
    waits: Array = np.rint((low + rng.random(len(slot)) * (high - low)) * factor).astype(np.int64)
    return waits


def _sum_within(values: Array, is_start: Array) -> Array:
    """Return running sums that begin again at each start (whose own value is 0)."""
    total = np.cumsum(values)
    sums: Array = total - total[is_start][np.cumsum(is_start) - 1]
    return sums
