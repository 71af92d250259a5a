"""From arguments to tables: simulate, or draw once and tabulate several users tables."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.base.errors import ReportError
from simulation.dirt import add_dirt
from simulation.events import Log, draw_events
from simulation.families import FAMILIES
from simulation.faults import FAULTS
from simulation.people import draw_people
from simulation.plan import Family, Fault, Plan
from simulation.rendering import render_events
from simulation.sessions import draw_sessions
from simulation.truth import count_rows, make_truth, make_user_truth
from simulation.users import make_users

MIN_USERS = 20


@dataclass(frozen=True)
class Simulation:
    """Users and events as a product would export them, and the truth behind them.

    `users` and `events` have the case's columns (`USER_COLUMNS`, `EVENT_COLUMNS`), dates and
    instants as text. `truth` is JSON-able: the company's parameters, what was planted, and counts.
    `user_truth` has one row per true user: `user_id`, `signup_at`, `observed_from` (signup or
    start of the log, whichever is later), `inactive_at` (instants, UTC; no session starts at or
    after it; at most a century after signup), `hazard_per_day`, `session_rate_per_day`, `group`
    (0 to 2, all 0 without clusters) and one `log_hazard_<attribute>` per attribute with its
    contribution to the log hazard (0 where it did not contribute).
    """

    users: pd.DataFrame
    events: pa.Table
    truth: dict[str, Any]
    user_truth: pd.DataFrame


@dataclass(frozen=True)
class Drawn:
    """People and what they did, before the users table is made; `events` as in Simulation."""

    plan: Plan
    people: pd.DataFrame
    log: Log
    events: pa.Table


def simulate(
    users: int = 5000,
    events_per_user: float = 40.0,
    seed: int = 42,
    faults: Mapping[str, float] | None = None,
    dirt: bool = True,
    family: str = "",
    cancel_hazard: float = 0.0,
) -> Simulation:
    """Return a simulated product of about `users * events_per_user` events.

    `faults` maps names of FAULTS to a strength in (0, 1]; without any, and with
    `dirt=False`, users and events are consistent in every respect. `dirt` adds the few broken
    rows counted in DIRT. `family` names one of FAMILIES: an honest company unlike the usual one.
    With a `cancel_hazard` (per day) users also cancel, and the users table has `cancel_date`: there
    are fewer events then. The same arguments give the same data. Raises ReportError for fewer than
    20 users, an unknown fault or family, or a strength outside (0, 1].
    """
    planted = dict(faults or {})
    drawn = draw(users, events_per_user, seed, planted, family, cancel_hazard)
    return tabulate(drawn, planted, dirt)


def draw(
    users: int,
    events_per_user: float,
    seed: int,
    faults: Mapping[str, float],
    family: str = "",
    cancel_hazard: float = 0.0,
) -> Drawn:
    """Return the people and the log of simulate, for one or more users tables (tabulate).

    Faults of the users table alone do nothing here.
    Raises ReportError as simulate does.
    """
    if users < MIN_USERS:
        raise ReportError(f"simulate: at least {MIN_USERS} users are needed, got {users}.")
    chosen = _find_family(family)
    if chosen and chosen.most_users:
        users = min(users, chosen.most_users)
    plan = Plan(users, events_per_user, seed, _find_faults(faults), chosen, cancel_hazard)
    people = draw_people(plan)
    sessions = draw_sessions(plan, people)
    log = draw_events(plan, people, sessions)
    people["is_lost"] = plan.find_lost("lost_users", users, people, log)
    log = log.take(~people["is_lost"].to_numpy()[log.user])
    log = plan.apply("histories", log, people)
    events = render_events(plan, people, log, len(sessions.user))
    return Drawn(plan, people, log, events)


def tabulate(drawn: Drawn, faults: Mapping[str, float], dirt: bool = True) -> Simulation:
    """Return the simulation of `faults`: those that `drawn` was made with, and any others that
    change the users table alone.

    Raises ReportError as simulate does, and when the log was drawn with other faults.
    """
    plan = replace(drawn.plan, faults=_find_faults(faults))
    _check_same_log(drawn.plan, plan)
    is_kept = ~drawn.people["is_lost"]
    users = make_users(plan, drawn.people, drawn.log)[is_kept].reset_index(drop=True)
    users, events = plan.apply("user_rows", users), drawn.events
    counts = count_rows(users, events, drawn.log)
    rows_broken: dict[str, int] = {}
    if dirt:
        users, events, rows_broken = add_dirt(plan, users, events)
    events = plan.apply("events", events)
    truth = make_truth(plan, drawn.people, counts, rows_broken)
    people = drawn.people[is_kept].reset_index(drop=True)
    return Simulation(users, events, truth, make_user_truth(people))


def write(simulation: Simulation, folder: Path) -> None:
    """Write `users.csv`, `events.parquet`, `truth.json` and `user_truth.parquet` to `folder`.

    The same simulation gives the same bytes (with the same versions of pandas and pyarrow).
    """
    folder.mkdir(parents=True, exist_ok=True)
    simulation.users.to_csv(folder / "users.csv", index=False, lineterminator="\n")
    pq.write_table(simulation.events, folder / "events.parquet", compression="zstd")
    text = json.dumps(simulation.truth, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / "truth.json").write_text(text + "\n", encoding="utf-8")
    simulation.user_truth.to_parquet(folder / "user_truth.parquet", index=False)


def _find_family(name: str) -> Family | None:
    if name and name not in FAMILIES:
        raise ReportError(f"simulate: no family {name!r}. Known: {', '.join(FAMILIES)}.")
    return FAMILIES.get(name)


def _find_faults(strengths: Mapping[str, float]) -> tuple[tuple[Fault, float], ...]:
    """Return the faults with their strengths, in the order in which they act."""
    if unknown := sorted(set(strengths) - set(FAULTS)):
        raise ReportError(f"simulate: no fault {unknown[0]!r}. Known: {', '.join(FAULTS)}.")
    for name, value in strengths.items():
        if not 0 < value <= 1:
            raise ReportError(f"simulate: fault {name!r} needs a strength in (0, 1], got {value}.")
    return tuple((fault, strengths[name]) for name, fault in FAULTS.items() if name in strengths)


def _check_same_log(drawn: Plan, wanted: Plan) -> None:
    before, now = (
        {fault.name: strength for fault, strength in plan.faults if not fault.is_of_users_table}
        for plan in (drawn, wanted)
    )
    if before != now:
        raise ReportError(
            f"simulate: the log was drawn with the faults {sorted(before)}, but "
            f"{sorted(now)} were requested. Draw it again with these."
        )
