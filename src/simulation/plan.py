"""The arguments of a simulation: its size, its random streams, its family, and planted faults."""

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from simulation.company import Company
from simulation.times import Array

OF_THE_LOG = {
    "company": "(plan, company) -> company, the parameters that all is drawn from",
    "session_starts": "(plan, starts, sessions, people) -> starts, unix seconds",
    "lost_sessions": "(plan, sessions, people) -> which sessions are missing",
    "lost_events": "(plan, log) -> which events are missing",
    "times": "(plan, times) -> times of the events, unix seconds",
    "lost_users": "(plan, people, log) -> which users are in neither table",
    "histories": "(plan, log, people) -> log, once lost users are gone",
    "written_log": "(plan, log, people) -> log as it is written, not as it was",
    "identities": "(plan, owners) -> the user whose identifier each user's events carry",
    "delays": "(plan, delays) -> seconds until each event is received",
    "added_events": "(plan, rendered) -> a table of more events",
}
"""What a fault of people and events can change: what its function is given, and what it returns."""
OF_THE_USERS_TABLE = {
    "signup_dates": "(plan, signups, log) -> signups as they are written, unix seconds",
    "last_activity": "(plan, users) -> users with other `last_at`",
    "users": "(plan, users) -> users with other values",
    "columns": "(plan, users) -> a named series, one more column",
    "user_rows": "(plan, users) -> users, once lost users are gone",
}
"""What a fault can change of the users table alone; people and events stay as they were."""
OF_A_FAMILY = {
    "company": "(plan, company) -> company, the parameters that all is drawn from",
    "signups": "(plan, signups) -> signups, unix seconds",
    "hazards": "(plan, hazards, people) -> the hazard of each user per day",
    "rates": "(plan, rates, people) -> the sessions of each user per day",
    "sessions": "(plan, sessions, people) -> sessions",
    "events": "(plan, events) -> events as they are written",
}
"""What is different in a family of honest companies: what its function is given, and what it
returns.
"""
Plant = Callable[..., Any]


@dataclass(frozen=True)
class Fault:
    """Something wrong that can be planted at a strength in (0, 1].

    `meaning` says what the strength is. `strengths` are those that the detection study tries; the
    last is about that of the published case, where the case has the fault. `found_by` names the
    checks that should find it, in the order in which the study asks them; one is enough.
    """

    name: str
    meaning: str
    plant: Plant
    changes: str
    strengths: tuple[float, ...]
    found_by: tuple[str, ...]

    @property
    def is_of_users_table(self) -> bool:
        """Say whether people and events stay as they were without the fault."""
        return self.changes in OF_THE_USERS_TABLE


def fault(
    changes: str, strengths: tuple[float, ...], found_by: tuple[str, ...]
) -> Callable[[Plant], Fault]:
    """Return a decorator that turns a function into a fault with its name, and its docstring as
    meaning.

    The function is called with the strength and with what `changes` lists (see OF_THE_LOG and
    OF_THE_USERS_TABLE), and only when the fault is planted.
    """
    if changes not in OF_THE_LOG | OF_THE_USERS_TABLE:
        raise ValueError(f"no fault can change {changes!r}; see simulation.plan")

    def register(plant: Plant) -> Fault:
        meaning = " ".join((plant.__doc__ or "").split())
        return Fault(plant.__name__, meaning, plant, changes, strengths, found_by)

    return register


@dataclass(frozen=True)
class Family:
    """Honest companies that differ from the usual one: nothing is missing, false or double.

    `meaning` says what is true of them. `parts` maps entries of OF_A_FAMILY to functions.
    `most_users` is set where the family is one of small companies.
    """

    name: str
    meaning: str
    parts: dict[str, Plant] = field(default_factory=dict)
    most_users: int | None = None

    def also(self, changes: str) -> Callable[[Plant], Plant]:
        """Return a decorator: the function is one more part of the family."""

        def add(part: Plant) -> Plant:
            self.parts[_known_part(changes)] = part
            return part

        return add


def family(changes: str) -> Callable[[Plant], Family]:
    """Return a decorator that turns a function into a family with its name, and its docstring as
    meaning. The function is called with what `changes` lists in OF_A_FAMILY.
    """
    _known_part(changes)

    def register(part: Plant) -> Family:
        meaning = " ".join((part.__doc__ or "").split())
        return Family(part.__name__, meaning, {changes: part})

    return register


def _known_part(changes: str) -> str:
    if changes not in OF_A_FAMILY:
        raise ValueError(f"no family can change {changes!r}; see simulation.plan")
    return changes


@dataclass(frozen=True)
class Plan:
    """The size of a simulation, its seed, its faults in the order in which they act, the family of
    honest companies that it is one of, if any, and how often users cancel (per day).
    """

    users: int
    events_per_user: float
    seed: int
    faults: tuple[tuple[Fault, float], ...] = ()
    family: Family | None = None
    cancel_hazard: float = 0.0

    @cached_property
    def company(self) -> Company:
        """The parameters of the company, with what its family and its faults change of them."""
        company: Company = self.apply("company", Company(cancel_hazard=self.cancel_hazard))
        return company

    def strength(self, name: str) -> float:
        """Return the strength of a fault, 0 when it is not planted."""
        return {fault.name: strength for fault, strength in self.faults}.get(name, 0.0)

    def stream(self, name: str, after: int = 0) -> np.random.Generator:
        """Return the random stream of that name, without its first `after` numbers, which another
        fault draws.
        """
        bits = np.random.PCG64([self.seed, zlib.crc32(name.encode())])
        bits.advance(after)
        return np.random.Generator(bits)

    def choose(self, share: float, n: int, stream: str, after: int = 0) -> Array:
        """Return a truth value for each of `n`, true with probability `share`."""
        chosen: Array = self.stream(stream, after).random(n) < share
        return chosen

    def choose_some(self, share: float, stream: str) -> Array:
        """Return a truth value for each user, true for exactly that share of them, at least one."""
        count = max(round(share * self.users), 1)
        chosen: Array = self.stream(stream).permutation(self.users) < count
        return chosen

    def apply(self, changes: str, value: Any, *context: Any) -> Any:
        """Return `value` after the family and each planted fault have changed it in turn."""
        if self.family and changes in self.family.parts:
            value = self.family.parts[changes](self, value, *context)
        for plant, strength in self._planted(changes):
            value = plant(strength, self, value, *context)
        return value

    def collect(self, changes: str, *context: Any) -> list[Any]:
        """Return what each planted fault gives, all for the same `context`."""
        return [plant(strength, self, *context) for plant, strength in self._planted(changes)]

    def find_lost(self, changes: str, n: int, *context: Any) -> Array:
        """Return which of `n` are missing because of any planted fault."""
        lost: Array = np.any([np.zeros(n, bool), *self.collect(changes, *context)], axis=0)
        return lost

    def _planted(self, changes: str) -> Iterable[tuple[Plant, float]]:
        return ((f.plant, strength) for f, strength in self.faults if f.changes == changes)
