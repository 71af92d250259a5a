"""The rules on repeats: events that say what another says, beyond what chance explains."""

from collections.abc import Mapping
from typing import Any

import ibis
import numpy as np
import pandas as pd

from analysis.audit import shared_events, shifted
from analysis.audit.blocks import alike
from analysis.audit.latency import clock_times, fullest_second, second_of_day
from analysis.audit.quality import join_rules
from analysis.base import clock, engine
from analysis.log import content
from analysis.log.rules import rule_rows

TWICE = "repeats another event in every column but identifiers and load times"
NEAR_SECONDS, AGAIN_SECONDS = 2, 1800
NEAR = f"repeats the event before it within {NEAR_SECONDS} seconds, beyond chance"
SHIFTED = shifted.SHIFTED
AGAIN = "repeats the event before it some whole minutes later, beyond chance"
SHARED = shared_events.SHARED
A_FEW, MANY_AT_ONCE, MOST_AT_ONCE, MOST_WHOLE = 100, 0.02, 0.5, 0.9
"""Events at one second of the day, and their share, from which the times there are dates; share
from which all are; share of times that are whole minutes, or seconds, from which they are cut."""
MINUTE, DAY = 60_000, 86_400_000  # milliseconds
APART = 5
"""Times the span of a repeat that must lie free before and after the two: else they are part of a
stream, such as scrolling."""
TELLING = 0.05
"""Share of events whose user has had the same content before, up to which content tells events
apart even within a minute or a day."""
REPEATS, TWICE_FAILS = {TWICE: 1e-4, NEAR: 0.005, SHIFTED: 0.01, AGAIN: 0.005, SHARED: 0.001}, 0.05
"""Share of repeated events that chance and double taps do not explain, by rule, and the share that
distorts."""

Pattern = tuple[Any, Any, Any, Any]
"""Ibis columns over instants: which repeat, how many events each; which repeat inside a stream of
alike events, and which a little later. The last two measure chance."""


def find_repeats(
    events: Any, times: pd.DataFrame | None = None, alike_events: Any = None
) -> pd.DataFrame:
    """Return the rules on repeated events: see rule_rows; `broken` leaves the first of each out.

    No event repeats another in all that it says (who, what, when, and every other column that
    counts: see log.content) under another identifier. None repeats the one before it within two
    seconds, some whole minutes later, as when a client sends it again, or a whole number of half
    hours later, as when a log is loaded again in another zone. None is another user's in all but
    the user.

    People repeat themselves, too. Repeats in a stream of alike events (scrolling) do not count.
    Of the others, type by type, only those beyond chance do (by three standard deviations):
    chance is what the stream has, or what comes a little later (two seconds more; for minutes, a
    second; for half hours see shifted.half_hours). Where events say no more than who, what and
    when, only exact copies are looked for, and, as a batch of one user at one instant looks like
    copies, chance is also measured from user to user. Where times are cut to minutes or days, only
    the rules on exact copies and half hours apply, and only if content tells events apart.

    `times` and `alike_events` are the results of latency.clock_times and blocks.alike, where they
    are known: only alike events are compared, and the others counted.
    """
    times = clock_times(events) if times is None else times
    compared, total, unit = timed(alike(events) if alike_events is None else alike_events, times)
    is_rich = content.NAME in events.columns
    users = _numbered_users(events).cache()
    joined = compared.inner_join(users, "user_id")
    numbered = joined.mutate(user_id=joined.number)
    instants = instants_of(numbered, keys_of(events)).cache()
    rules = [_beyond_chance(instants, _patterns(instants, total, unit, is_rich), is_rich)]
    if is_rich and (unit < MINUTE or (unit < DAY and _is_telling(instants, total))):
        rules.append(shifted.shifted_rules(instants, unit))
    if is_rich and unit < MINUTE:
        rules.append(shared_events.shared_rules(instants, max(unit, 1000)))
    return _with_names(join_rules(rules), users).assign(checked=total)


def _numbered_users(events: Any) -> Any:
    """Return the users of events with a `number` each, in the order of their identifiers (Ibis):
    instants are kept and compared by it, in a fraction of the memory that text takes.
    """
    users = events.group_by("user_id").aggregate(events=events.count())
    return users.select("user_id", number=ibis.row_number().over(order_by=users.user_id))


def _with_names(rules: pd.DataFrame, users: Any) -> pd.DataFrame:
    """Return the rules with the identifiers of the sampled users in place of their numbers."""
    numbers = pd.to_numeric(rules["sample"])
    wanted = users.filter(users.number.isin([-1, *(int(n) for n in numbers.dropna())]))
    names = engine.to_pandas(wanted).set_index("number")["user_id"]
    return rules.assign(sample=numbers.map(names.to_dict()).astype("str"))


def keys_of(events: Any) -> list[str]:
    """Return the columns in which an event and its repeat agree, but the time."""
    return [n for n in ("user_id", "event_type", content.NAME) if n in events.columns]


def timed(events: Any, times: pd.DataFrame) -> tuple[Any, int, int]:
    """Return the events whose times are no dates, how many there are of these in the log, and what
    their times are whole multiples of, in milliseconds: see _finest_ms; all, and a day, where most
    times are dates. `times` is the result of latency.clock_times for the log, of which `events`
    may be a part.
    """
    fullest: Any = fullest_second(times).iloc[0]
    if fullest["events"] > MOST_AT_ONCE * fullest["total"]:
        return events, int(fullest["total"]), DAY
    if fullest["events"] > max(MANY_AT_ONCE * fullest["total"], A_FEW):
        events = events.filter(second_of_day(events) != int(fullest["second"]))
        times = times[times["second"] != fullest["second"]]
    return events, int(times["events"].sum()), _finest_ms(times)


def _patterns(instants: Any, total: int, unit: int, is_rich: bool) -> dict[str, Pattern]:
    """Return the pattern of each rule that applies: times of the `total` events are whole multiples
    of `unit` milliseconds, and events say more than who and what if `is_rich`.
    """
    before, patterns = instants.before, {}
    if unit < MINUTE or (is_rich and _is_telling(instants, total)):
        twice = instants.n > 1
        isolated = _apart(before, APART * unit) & _apart(instants.after, APART * unit)
        later = _paired(instants, 0, unit)
        patterns[TWICE] = (twice & isolated, instants.n - 1, twice & ~isolated, later)
    if unit < MINUTE and is_rich:
        span = 1000 * NEAR_SECONDS
        near, later = _paired(instants, 0, span), _paired(instants, span, 2 * span)
        patterns[NEAR] = (near, 1, (before <= span) & ~near, later)
        soon = (before >= MINUTE) & (before < 1000 * AGAIN_SECONDS)
        alone = _apart(instants.earlier, APART * before) & _apart(instants.after, APART * before)
        again = soon & (before % MINUTE == 0)
        later = soon & (before % MINUTE == max(unit, 1000)) & alone
        patterns[AGAIN] = (again & alone, 1, again & ~alone, later)
    return patterns


def _is_telling(instants: Any, total: int) -> bool:
    """Say whether users hardly ever do the same again, so that alike events are copies. Events that
    `instants` leaves out are like no other.
    """
    sums = instants.aggregate(
        again=instants.before.notnull().sum(), instants=instants.count(), events=instants.n.sum()
    )
    row = engine.to_pandas(sums).fillna(0).iloc[0]
    others = total - int(row["events"])
    return bool(row["again"] <= TELLING * (int(row["instants"]) + others))


def _finest_ms(times: pd.DataFrame) -> int:
    """Return what most times are whole multiples of, in milliseconds: a minute, a second or 1."""
    total = times["events"].sum()
    minute, second = (times.loc[times[f"is_{n}"], "events"].sum() for n in ("minute", "second"))
    if minute > MOST_WHOLE * total:
        return MINUTE
    return 1000 if second > MOST_WHOLE * total else 1


def _milliseconds(instants: Any) -> Any:
    return (clock.seconds(instants) * 1000).round().cast("int64")


def instants_of(events: Any, same: list[str]) -> Any:
    """Return each instant at which one content was logged: the columns `same`, `at`, `n` events,
    milliseconds to the same content `before` and `after`, and from that before to its own
    before (`earlier`).
    """
    ms = events.select(*same, at=_milliseconds(events.event_at))
    instants = ms.group_by([*same, "at"]).aggregate(n=lambda t: t.count())
    order = ibis.window(group_by=same, order_by="at")
    at = instants.at
    gaps = instants.mutate(
        before=at - at.lag().over(order),
        after=at.lead().over(order) - at,
        earlier=at.lag().over(order) - at.lag(2).over(order),
    )
    return gaps.select(*same, "at", "n", "before", "after", "earlier")


def _apart(gap: Any, least: int) -> Any:
    return gap.isnull() | (gap > least)


def _paired(instants: Any, beyond: int, up_to: int) -> Any:
    """Say which instants follow another by more than `beyond` and up to `up_to` milliseconds, with
    none alike for some times as long before and after the two.
    """
    wide = APART * (up_to - beyond)
    near = (instants.before > beyond) & (instants.before <= up_to)
    return near & _apart(instants.earlier, wide) & _apart(instants.after, wide)


def _beyond_chance(instants: Any, patterns: Mapping[str, Pattern], is_rich: bool) -> pd.DataFrame:
    """Return the rules, with the repeats of each pattern that chance does not explain; how many
    events were `checked` is not known here.
    """
    sums: dict[str, Any] = {}
    for i, (broken, events, streamed, later) in enumerate(patterns.values()):
        sums[f"broken{i}"] = ibis.ifelse(broken, events, 0).sum()
        sums[f"streamed{i}"] = ibis.ifelse(streamed, events, 0).sum()
        sums[f"later{i}"] = ibis.ifelse(later, 1, 0).sum()
        sums[f"sample{i}"] = instants.user_id.min(where=broken)
    kinds = engine.to_pandas(instants.group_by("event_type").aggregate(**sums))
    spread = None if is_rich else _spread(instants, patterns)
    rows = []
    for i, rule in enumerate(patterns):
        chance = kinds[[f"streamed{i}", f"later{i}"]].max(axis=1)
        noise = 3 * np.sqrt(chance)
        if spread is not None:
            noise = np.maximum(noise, 2 * kinds["event_type"].map(spread[f"spread{i}"]).fillna(0))
        beyond = (kinds[f"broken{i}"] - chance - noise).clip(lower=0).astype(int)
        sample = kinds.loc[beyond > 0, f"sample{i}"].min() if beyond.any() else None
        rows.append(("structural", "events", rule, 0, int(beyond.sum()), sample))
    return rule_rows(rows)


def _spread(instants: Any, patterns: Mapping[str, Pattern]) -> pd.DataFrame:
    """Return, by type, by how much the repeats of each pattern would vary with the users who
    happen to be there (standard deviation): one user's batch is one draw.
    """
    sums = {f"n{i}": ibis.ifelse(p[0], p[1], 0).sum() for i, p in enumerate(patterns.values())}
    by_user = instants.group_by("event_type", "user_id").aggregate(**sums)
    squares = {f"spread{i}": (by_user[name] ** 2).sum().sqrt() for i, name in enumerate(sums)}
    return engine.to_pandas(by_user.group_by("event_type").aggregate(**squares)).set_index(
        "event_type"
    )


def repeats_of(events: Any, rule: str) -> Any:
    """Return the events that break a rule of find_repeats (Ibis): `user_id`, `event_at`, `amount`
    (how many); chance has its part in them.
    """
    compared, total, unit = timed(alike(events), clock_times(events))
    instants = instants_of(compared, keys_of(events))
    if rule == SHARED:
        return shared_events.shared_events(events, instants)
    if rule == SHIFTED:
        broken, amount = shifted.shifted_events(instants, unit), 1
    else:
        broken, amount, *_ = _patterns(instants, total, unit, content.NAME in events.columns)[rule]
    at = instants["at"].as_timestamp("ms").cast("timestamp('UTC')")
    found = instants.mutate(event_at=at, amount=amount).filter(broken)
    return found.select("user_id", "event_at", "amount")
