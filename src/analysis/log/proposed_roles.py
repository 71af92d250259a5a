"""What the types of an unknown log stand for, its nights and its days: proposals with counts."""

from collections.abc import Mapping
from typing import Any

import ibis
import pandas as pd

from analysis.base import clock
from analysis.base.engine import to_pandas
from analysis.base.formats import format_value, plural
from analysis.base.names import cut, list_names
from analysis.contract.inputs import ROLES, Role
from analysis.log.proposals import Proposal, count, words
from analysis.log.window import LogWindow, daily_volume, infer_log_window

ROLE_WORDS: Mapping[Role, str] = {
    "play": "play played watch watched stream streamed",
    "click": "click clicked tap tapped",
    "next": "next",
    "exit": "exit exited quit logout",
    "spend": "spend spent redeem redeemed",
    "purchase": "purchase purchased order ordered buy bought payment checkout",
}
PASSIVE = (
    "push notification notified notify renewal renewed renew autorenew reminder heartbeat sync "
    "synced background batch email newsletter invoice invoiced billed charge charged scheduled"
)
ENDING = (
    "cancel cancelled canceled cancellation unsubscribe unsubscribed terminate terminated "
    "deactivate deactivated churn churned closed deleted"
)
STAY_ENDS = 0.8
"""Share of users with an ending after whom nothing follows, from which on it is one."""
QUIET_HOURS, NIGHT = 4, 3
"""Length of the quietest part of a day, and the hour at its middle where people sleep."""
QUIET = 0.5
"""Part of an even share below which these hours are a night."""


def typed_events(raw: Any) -> Any:
    """Return the events that have a user, a type and a time (Ibis)."""
    return raw.filter(
        raw.user_id.notnull(), raw.event_type.notnull(), raw.event_at.notnull()
    ).select("user_id", "event_type", "event_at")


def propose_roles(events: Any) -> list[Proposal]:
    """Return what the types of event stand for: roles, those that the app logs by itself, those
    that end a stay. `events` (Ibis) has `user_id`, `event_type`, `event_at`.
    """
    types = _types(events)
    passive = [_passive(row) for row in _with_words(types, PASSIVE)]
    ending = [_ending(row) for row in _with_words(types, ENDING)]
    taken = {p.value for p in passive if p.is_sure} | {p.value for p in ending if p.is_sure}
    free = types[~types["event_type"].isin(taken)]
    return [*(p for role in ROLES for p in _role(role, free)), *passive, *ending]


def _types(events: Any) -> pd.DataFrame:
    """Return one row per type: events, users, user-days and those without another type, and users
    after whose first such event nothing else followed, a day later or more.
    """
    day = events.event_at.epoch_seconds().cast("int64") // 86_400
    days = events.select("user_id", "event_type", day=day).group_by("user_id", "day", "event_type")
    days = days.aggregate(events=ibis._.count())
    alone = days.mutate(kinds=ibis._.count().over(group_by=["user_id", "day"]))
    users = alone.mutate(last=ibis._.day.max().over(group_by="user_id"))
    per_user = users.group_by("event_type", "user_id").aggregate(
        events=ibis._.events.sum(), days=ibis._.count(), alone=(ibis._.kinds == 1).sum(),
        first=ibis._.day.min(), last=ibis._["last"].max(),
    )  # fmt: skip
    per_type = per_user.group_by("event_type").aggregate(
        events=ibis._.events.sum(), users=ibis._.count(), days=ibis._.days.sum(),
        alone=ibis._.alone.sum(), ended=(ibis._["last"] <= ibis._["first"] + 1).sum(),
    )  # fmt: skip
    return to_pandas(per_type.order_by(ibis.desc("events"), "event_type"))


def _with_words(types: pd.DataFrame, known: str) -> list[Any]:
    chosen = {*known.split()}
    return [row for row in types.itertuples() if chosen & {*words(str(row.event_type))}]


def _counts(row: Any) -> str:
    events = plural(row.events, "event", "events")
    return f"`{cut(row.event_type)}`: {events} of {plural(row.users, 'user', 'users')}"


def _role(role: Role, types: pd.DataFrame) -> list[Proposal]:
    found = _with_words(types, ROLE_WORDS[role])
    if not found:
        return []
    others = [str(row.event_type) for row in found[1:]]
    more = f" So could {list_names(others)}: choose one." if others else ""
    why = f"{_counts(found[0])}. Its name says so.{more}"
    return [Proposal("event_types", role, str(found[0].event_type), why, is_sure=not others)]


def _passive(row: Any) -> Proposal:
    days = plural(row.days, "user-day", "user-days")
    why = (
        f"{_counts(row)}. Its name says that the app logs it by itself; on {count(row.alone)} of "
        f"its {days} the user did nothing else."
    )
    return Proposal("passive_event_types", "", str(row.event_type), why, is_sure=True)


def _ending(row: Any) -> Proposal:
    share = row.ended / row.users
    why = f"{_counts(row)}. After the first, {count(row.ended)} of them did nothing more."
    if share < STAY_ENDS:
        why += " So it does not seem to end a stay: an order may be cancelled, or an appointment."
    return Proposal("ending_event_types", "", str(row.event_type), why, share >= STAY_ENDS)


def propose_zone(events: Any) -> list[Proposal]:
    """Return the zone in which the quietest hours are night, never sure: other habits, or users of
    several zones, look the same.
    """
    second = events.event_at.epoch_seconds().cast("int64") % 86_400
    hours = events.select(hour=second // 3600, is_midnight=second == 0).group_by("hour")
    counted = to_pandas(hours.aggregate(n=ibis._.count(), midnight=ibis._.is_midnight.sum()))
    total = int(counted["n"].sum())
    if int(counted["midnight"].sum()) > total / 2:
        why = "Most times are days without a clock: they are taken as days of this zone."
        return [Proposal("time_zone", "", "UTC", why, is_sure=False)]
    by_hour = counted.set_index("hour")["n"].reindex(range(24), fill_value=0)
    first = min(range(24), key=lambda hour: [_around(by_hour, hour, more) for more in range(5)])
    share = _around(by_hour, first, 0) / total
    span = f"{first:02}:00 to {(first + QUIET_HOURS) % 24:02}:00 UTC"
    said = f"The quietest hours are {span}, with {format_value(share, 'share')} of the events."
    if share >= QUIET * QUIET_HOURS / 24:
        why = f"{said} That is no night, so the log does not show its zone."
        return [Proposal("time_zone", "", "UTC", why, is_sure=False)]
    return [Proposal("time_zone", "", _zone(first), f"{said} {NIGHTS}", is_sure=False)]


def _around(by_hour: "pd.Series[int]", first: int, more: int) -> int:
    """Return the events of QUIET_HOURS from the hour `first`, and of `more` hours at either end."""
    hours = range(first - more, first + QUIET_HOURS + more)
    return int(sum(by_hour[hour % 24] for hour in hours))


NIGHTS = (
    "If your users sleep then, they are in a zone like this one. Put the name of theirs, such as "
    "America/Bogota; summer time is known to it."
)


def _zone(first: int) -> str:
    """Return the zone where the hours from `first` (UTC) have NIGHT at their middle."""
    ahead = (NIGHT - (first + QUIET_HOURS // 2) + 12) % 24 - 12
    return "UTC" if abs(ahead) <= 1 else f"Etc/GMT{-ahead:+}"  # these names count westwards


def propose_window(events: Any) -> list[Proposal]:
    """Return the days that the log covers whole, as the report infers them if nothing is given."""
    daily = daily_volume(events)
    window: LogWindow = infer_log_window(daily)
    inside = daily["day"].between(window.start, window.end - clock.DAY)
    outside = int(daily.loc[~inside, "events"].sum())
    days = plural(round(window.days), "day", "days")
    why = (
        f"The first day that the log covers whole. Each build infers it by itself: {days}, outside "
        f"which {plural(outside, 'event lies', 'events lie')}. Give it only to fix it."
    )
    then = "The first day that it no longer covers."
    start, end = (str(at.date()) for at in (window.start, window.end))
    return [
        Proposal("log_start", "", start, why, is_sure=False),
        Proposal("log_end", "", end, then, is_sure=False),
    ]
