"""Which column of two unknown tables is which of the contract, and what says so.

A name alone decides where the values fit it; identifiers are recognised by the values that both
tables share. What is not sure is proposed all the same, as not sure, with the reason.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import ibis
import pandas as pd

from analysis.base.engine import from_pandas, to_pandas
from analysis.base.errors import ReportError
from analysis.base.formats import format_value, plural
from analysis.base.names import cut, list_names
from analysis.contract.inputs import EVENTS, USERS, Column, names, required
from analysis.log.cells import day, number, text
from analysis.log.dates import SHAPE, read_orders

MOSTLY = 0.9
"""Share of a column's values that must be of a type, and of different ones among identifiers."""
SHARED = 0.5
"""Share of the users that the events name who must be in the users table."""
LOOKED_AT = 1000
"""First rows of a table by which the types of its columns are recognised."""
FEW = 200
"""More different values than this are no types of event."""
SYNONYMS: Mapping[str, str] = {
    "user_id": "user userid uid customer_id customer client_id client account_id account member_id "
    "member subscriber_id player_id person_id visitor_id distinct_id id usuario_id id_usuario "
    "cliente_id",
    "signup_date": "signup signup_at signup_time signed_up signed_up_at sign_up_date registered "
    "registered_at registration_date register_date joined joined_at join_date member_since created "
    "created_at created_date first_seen start_date fecha_registro fecha_alta",
    "last_active_date": "last_active last_active_at last_seen last_seen_at last_login "
    "last_login_at last_activity last_visit",
    "cancel_date": "cancelled_at canceled_at cancellation_date churn_date churned_at "
    "unsubscribed_at closed_at end_date fecha_baja",
    "age": "edad",
    "gender": "sex sexo genero",
    "country": "country_code country_name geo_country pais",
    "device": "platform os device_type device_os",
    "language": "lang locale idioma",
    "acquisition_channel": "channel marketing_channel utm_source acquisition",
    "subscription_type": "plan plan_type plan_name subscription tier",
    "event_type": "event event_name type action activity kind verb name evento tipo tipo_evento",
    "event_timestamp": "timestamp ts time event_time event_at occurred_at datetime date event_date "
    "happened_at created_at fecha",
    "event_uuid": "event_id uuid message_id insert_id",
    "session_id": "session sessionid visit_id",
    "received_at": "received server_time server_timestamp ingested_at arrived_at",
    "properties": "props attributes payload metadata event_properties",
}  # fmt: skip
"""Other names of the contract's columns, the most telling first."""


@dataclass(frozen=True)
class Proposal:
    """The `value` of a parameter, or of its entry `key`, and `why`: what it rests on, in sentences.

    What is not sure is for a person to decide.
    """

    parameter: str
    key: str
    value: Any
    why: str
    is_sure: bool


@dataclass(frozen=True)
class Profile:
    """Of a column: filled cells, different values; of the first LOOKED_AT rows, those that are
    filled, times and numbers. For a column of times also those of all cells, the first and last.
    """

    name: str
    filled: int
    distinct: int
    looked_at: int
    times: int
    numbers: int
    all_times: int = 0
    first: pd.Timestamp | None = None
    last: pd.Timestamp | None = None

    @property
    def is_time(self) -> bool:
        """Whether nearly all values are times, and the name is not that of an identifier."""
        is_named = {"id", "uuid"} & set(words(self.name))
        return bool(self.looked_at) and self.times >= MOSTLY * self.looked_at and not is_named

    @property
    def is_number(self) -> bool:
        """Whether nearly all values are numbers."""
        return self.looked_at > 0 and self.numbers >= MOSTLY * self.looked_at

    @property
    def is_key(self) -> bool:
        """Whether nearly all values are different."""
        return self.filled > 0 and self.distinct >= MOSTLY * self.filled

    def fits(self, column: Column) -> bool:
        """Say whether the values are of the type of a column of the contract."""
        if column.type in ("date", "instant"):
            return self.is_time
        if column.type in ("integer", "number"):
            return self.is_number and not self.is_time
        return self.filled > 0 and not self.is_time


def words(name: str) -> list[str]:
    """Return the words of a column's or an event type's name, in small letters: userId, user-id."""
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return re.findall(r"[^\W_]+", parted.lower())


def profile(raw: Any, table: str) -> tuple[Any, dict[str, Profile]]:
    """Return `raw` (Ibis) with dates in ISO 8601 where they have the day or month first and the
    column says which, and a Profile of each column.
    """
    shown, ordered = _sample(raw), []
    for name in [name for name, row in shown.items() if row["shaped"] > 0]:
        with suppress(ReportError):  # day or month first? No time, until the column says which
            raw, found = read_orders(raw, table, [name])
            ordered += [name] if found else []
    sums = {f"filled {at}": text(raw[name]).count() for at, name in enumerate(raw.columns)}
    sums |= {f"distinct {at}": text(raw[name]).nunique() for at, name in enumerate(raw.columns)}
    row = to_pandas(raw.aggregate(**sums)).iloc[0]
    profiles = []
    for at, name in enumerate(raw.columns):
        seen = shown.get(name, NOTHING)
        profiles.append(
            Profile(
                name, int(row[f"filled {at}"]), int(row[f"distinct {at}"]), seen["n"],
                seen["shaped"] if name in ordered else seen["times"], seen["numbers"],
            )
        )  # fmt: skip
    return raw, {found.name: _with_span(raw, found) for found in profiles}


NOTHING = {"n": 0, "shaped": 0, "times": 0, "numbers": 0}


def _sample(raw: Any) -> dict[str, dict[str, int]]:
    """Return for each column with filled cells in the first LOOKED_AT rows how many there are, and
    how many of them are dates with the day or month first (`shaped`), times and numbers.
    """
    first = to_pandas(
        raw.limit(LOOKED_AT).select(**{name: text(raw[name]) for name in raw.columns})
    )
    long = first.melt(var_name="name", value_name="value").dropna()
    if long.empty:
        return {}
    cells = from_pandas(long.astype("str")).mutate(time=lambda t: day(t.value))
    counted = cells.group_by("name").aggregate(
        n=ibis._.count(), shaped=ibis._.value.re_search(SHAPE).sum(), times=ibis._.time.count(),
        numbers=number(cells.value).count(),
    )  # fmt: skip
    rows = to_pandas(counted).set_index("name")
    return {str(n): {str(k): int(v) for k, v in row.items()} for n, row in rows.iterrows()}


def _with_span(raw: Any, found: Profile) -> Profile:
    """Return the profile of a column of times with the count, first and last of all its times."""
    if not found.is_time:
        return found
    times = raw.select(time=day(raw[found.name]))
    span = times.aggregate(n=times.time.count(), first=times.time.min(), last=times.time.max())
    row = to_pandas(span).iloc[0]
    return replace(found, all_times=int(row["n"]), first=row["first"], last=row["last"])


def propose_columns(
    users: Any, events: Any, of_users: Mapping[str, Profile], of_events: Mapping[str, Profile]
) -> list[Proposal]:
    """Return how the columns of the raw tables map to the contract; those that have its name
    already are not named again.
    """
    ids = propose_ids(users, events, of_users, of_events)
    made = []
    for parameter, columns, profiles in (
        ("users_columns", USERS, of_users), ("events_columns", EVENTS, of_events),
    ):  # fmt: skip
        mine = [p for p in ids if p.parameter == parameter]
        taken = {p.value for p in mine} | {"user_id"} | {*names(columns)} & {*profiles}
        made += mine
        for column in columns:
            if column.name in profiles or column.name == "user_id":
                continue
            free = [p for name, p in profiles.items() if name not in taken]
            for proposal in _propose(column, free, parameter):
                made.append(proposal)
                taken |= {proposal.value} if proposal.is_sure else set()
    return made


def _propose(column: Column, free: Sequence[Profile], parameter: str) -> list[Proposal]:
    """Return the column that goes by another of its names, or that alone has what is required."""
    fitting = [p for p in free if p.fits(column) and _has_its_place(column, p)]
    named = by_name(column.name, fitting)
    if named:
        chosen, others = named[0], [p.name for p in named[1:]]
        why = f"{_say(chosen, column)} {_say_others(others)}".strip()
        return [Proposal(parameter, column.name, chosen.name, why, is_sure=True)]
    if not column.required:
        return []
    why = f"No column has a usual name of {column.name}."
    return [
        Proposal(parameter, column.name, p.name, f"{_say(p, column)} {why}", len(fitting) == 1)
        for p in fitting
    ]


def _has_its_place(column: Column, found: Profile) -> bool:
    if column.name == "event_type":
        return found.distinct <= FEW and not found.is_number
    return column.name != "event_uuid" or found.is_key


def by_name(standard: str, profiles: Iterable[Profile]) -> list[Profile]:
    """Return the columns that go by a name of the contract's column, the most telling first."""
    known = ["".join(words(name)) for name in (standard, *SYNONYMS.get(standard, "").split())]
    at = {p: known.index(n) for p in profiles if (n := "".join(words(p.name))) in known}
    return sorted(at, key=lambda p: at[p])


def _say(found: Profile, column: Column) -> str:
    name, filled = f"`{cut(found.name)}`", plural(found.filled, "value", "values")
    if column.type in ("date", "instant") and found.first is not None and found.last is not None:
        times, span = count(found.all_times), f"from {found.first.date()} to {found.last.date()}"
        return f"Of {filled} of {name}, {times} are times, {span}."
    if column.type in ("integer", "number"):
        numbers = f"of the first {count(found.looked_at)}, {count(found.numbers)}"
        return f"{name} has {filled}; {numbers} are numbers."
    return f"{name} has {filled}, {count(found.distinct)} of them different."


def _say_others(others: Sequence[str]) -> str:
    if not others:
        return ""
    return f"It could also be {list_names(others)}."


def count(value: int) -> str:
    """Return a number of rows, values or users as text."""
    return format_value(value, "count")


def propose_ids(
    users: Any, events: Any, of_users: Mapping[str, Profile], of_events: Mapping[str, Profile]
) -> list[Proposal]:
    """Return the columns that name the user in each table: the two that share the most values."""
    if "user_id" in of_users and "user_id" in of_events:
        return []
    keys = [of_users["user_id"]] if "user_id" in of_users else _candidates(of_users, is_user=True)
    naming = [of_events["user_id"]] if "user_id" in of_events else _candidates(of_events)
    pairs = [(u, e, _shared(users, events, u.name, e.name)) for u in keys for e in naming]
    pairs = [pair for pair in pairs if pair[2] > 0]
    if not pairs:
        return []
    user, event, shared = max(pairs, key=lambda p: (p[2], *_telling(p[0], p[1])))
    why = (
        f"Of {plural(event.distinct, 'different value', 'different values')} of "
        f"`{cut(event.name)}` in events, {count(shared)} are among the {count(user.distinct)} "
        f"of `{cut(user.name)}` in users."
    )
    is_sure = shared >= SHARED * event.distinct and user.is_key
    chosen = (("users_columns", user.name), ("events_columns", event.name))
    return [
        Proposal(parameter, "user_id", name, why, is_sure)
        for parameter, name in chosen if name != "user_id"
    ]  # fmt: skip


def _candidates(profiles: Mapping[str, Profile], is_user: bool = False) -> list[Profile]:
    fitting = [p for p in profiles.values() if p.filled and not p.is_time and p.distinct > 1]
    return [p for p in fitting if p.is_key or p in by_name("user_id", [p])] if is_user else fitting


def _telling(*profiles: Profile) -> tuple[bool, ...]:
    return tuple(bool(by_name("user_id", [p])) for p in profiles)


def _shared(users: Any, events: Any, key: str, naming: str) -> int:
    """Return how many different values of `naming` in events are values of `key` in users."""
    left = events.select(value=text(events[naming])).distinct()
    right = users.select(value=text(users[key])).distinct()
    return int(left.semi_join(right, "value").count().to_pyarrow().as_py())


def missing(
    profiles: Mapping[str, Profile], columns: tuple[Column, ...], proposals: Iterable[Proposal]
) -> list[str]:
    """Return the required columns that are neither there nor surely proposed."""
    found = {p.key for p in proposals if p.is_sure}
    return [name for name in required(columns) if name not in profiles and name not in found]
