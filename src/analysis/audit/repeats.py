"""Repeats: events that were logged twice under different identifiers."""

from collections.abc import Mapping
from typing import Any

import ibis
import numpy as np
import pandas as pd

from analysis.audit.latency import fullest_second, second_of_day
from analysis.base import clock, engine
from analysis.base.statistics import share_of
from analysis.contract.checks import Status, Verdict, check, not_applicable
from analysis.log.rules import rule_rows

TWICE = "repeats another event in all but its identifier"
NEAR_SECONDS, ZONE_SECONDS = 2, 14 * 3600
NEAR = f"repeats the event before it within {NEAR_SECONDS} seconds, beyond chance"
SHIFTED = "repeats the event before it some whole half hours later, beyond chance"
A_FEW, MANY_AT_ONCE, MOST_AT_ONCE, MOST_WHOLE = 100, 0.02, 0.5, 0.9
"""Events at one second of the day, and their share, from which the times there are dates; share
from which all are; share of times that are whole minutes, or seconds, from which they are cut."""
HALF_HOUR = 1_800_000  # milliseconds
APART = 5
"""Times the span of a repeat that must lie free before and after the two: else they are part of a
stream, such as scrolling."""
CONTENT = ("user_id", "event_type", "session_id", "show_id", "episode_id", "properties")
REPEATS, TWICE_FAILS = {TWICE: 1e-4, NEAR: 0.005, SHIFTED: 0.01}, 0.05
"""Share of repeated events that chance and double taps do not explain, by rule, and the share that
distorts."""

Pattern = tuple[Any, Any, Any, Any]
"""Ibis columns over instants: which repeat, how many events each; which repeat inside a stream of
alike events, and which a little later. The last two measure chance."""


def repeat_rules(events: Any) -> pd.DataFrame:
    """Return the rules on repeated events: see rule_rows; `broken` leaves the first of each out.

    No event repeats another in all that it says (who, what, when, which session and content)
    under another identifier. None repeats the one before it within two seconds, or a whole
    number of half hours later, as when a log is loaded again in another zone.

    People repeat themselves, too. Repeats in a stream of alike events (scrolling) do not count.
    Of the others, type by type, only those beyond chance do (by three standard deviations):
    chance is what the stream has, or what comes a little later (two seconds more; for half hours,
    a second or a minute). The last two rules apply only where events say more than who and what,
    for a tap may follow a tap; the first two only where times are finer than minutes, for events
    of a minute look alike; none where most times are dates.
    """
    fullest: Any = fullest_second(events).iloc[0]
    if fullest["events"] > MOST_AT_ONCE * fullest["total"]:
        return rule_rows([])
    if fullest["events"] > max(MANY_AT_ONCE * fullest["total"], A_FEW):
        events = events.filter(second_of_day(events) != int(fullest["second"]))
    same = [name for name in CONTENT if name in events.columns]
    instants = _instants(events, same)
    return _beyond_chance(instants, _patterns(instants, _finest_ms(events), len(same) > 2))


def _patterns(instants: Any, unit: int, is_rich: bool) -> dict[str, Pattern]:
    """Return the pattern of each rule that applies: times are whole multiples of `unit`
    milliseconds, and events say more than who and what if `is_rich`.
    """
    before, patterns = instants.before, {}
    if unit < 60_000:
        twice = instants.n > 1
        isolated = _apart(before, APART * unit) & _apart(instants.after, APART * unit)
        later = _paired(instants, 0, unit)
        patterns[TWICE] = (twice & isolated, instants.n - 1, twice & ~isolated, later)
    if unit < 60_000 and is_rich:
        span = 1000 * NEAR_SECONDS
        near, later = _paired(instants, 0, span), _paired(instants, span, 2 * span)
        patterns[NEAR] = (near, 1, (before <= span) & ~near, later)
    if is_rich:
        inside = (before >= HALF_HOUR) & (before <= 1000 * ZONE_SECONDS)
        shifted = inside & (before % HALF_HOUR == 0)
        later = inside & (before % HALF_HOUR == max(unit, 1000))
        patterns[SHIFTED] = (shifted, 1, before < 0, later)
    return patterns


def _finest_ms(events: Any) -> int:
    """Return what most times are whole multiples of, in milliseconds: a minute, a second or 1."""
    ms = _milliseconds(events.event_at)
    row = engine.to_pandas(
        events.aggregate(minute=(ms % 60_000 == 0).mean(), second=(ms % 1000 == 0).mean())
    ).iloc[0]
    if row["minute"] > MOST_WHOLE:
        return 60_000
    return 1000 if row["second"] > MOST_WHOLE else 1


def _milliseconds(instants: Any) -> Any:
    return (clock.seconds(instants) * 1000).round().cast("int64")


def _instants(events: Any, same: list[str]) -> Any:
    """Return each instant at which one content was logged: `user_id`, `event_type`, `n` events,
    milliseconds to the same content `before` and `after`, and from that before to its own before
    (`earlier`).
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
    return gaps.select("user_id", "event_type", "n", "before", "after", "earlier")


def _apart(gap: Any, least: int) -> Any:
    return gap.isnull() | (gap > least)


def _paired(instants: Any, beyond: int, up_to: int) -> Any:
    """Say which instants follow another by more than `beyond` and up to `up_to` milliseconds, with
    none alike for some times as long before and after the two.
    """
    wide = APART * (up_to - beyond)
    near = (instants.before > beyond) & (instants.before <= up_to)
    return near & _apart(instants.earlier, wide) & _apart(instants.after, wide)


def _beyond_chance(instants: Any, patterns: Mapping[str, Pattern]) -> pd.DataFrame:
    """Return the rules, with the repeats of each pattern that chance does not explain."""
    sums: dict[str, Any] = {"total": instants.n.sum()}
    for i, (broken, events, streamed, later) in enumerate(patterns.values()):
        sums[f"broken{i}"] = ibis.ifelse(broken, events, 0).sum()
        sums[f"streamed{i}"] = ibis.ifelse(streamed, events, 0).sum()
        sums[f"later{i}"] = ibis.ifelse(later, 1, 0).sum()
        sums[f"sample{i}"] = instants.user_id.min(where=broken)
    kinds = engine.to_pandas(instants.group_by("event_type").aggregate(**sums))
    rows = []
    for i, rule in enumerate(patterns):
        chance = kinds[[f"streamed{i}", f"later{i}"]].max(axis=1)
        beyond = (kinds[f"broken{i}"] - chance - 3 * np.sqrt(chance)).clip(lower=0).astype(int)
        sample = kinds.loc[beyond > 0, f"sample{i}"].min() if beyond.any() else None
        counts = int(kinds["total"].sum()), int(beyond.sum())
        rows.append(("structural", "events", rule, *counts, sample))
    return rule_rows(rows)


@check(stage="03_audit")
def double_logging(repeat_rules: pd.DataFrame) -> Verdict:
    """Judge the events that repeat another in all but their identifier, and those that repeat
    the one before within two seconds or some half hours later, of which a few are a user's own.
    """
    rules = repeat_rules[repeat_rules["rule"].isin(list(REPEATS))].set_index("rule")
    if rules.empty:
        return not_applicable(
            "double_logging", "times are cut to the minute, so events within one look alike"
        )
    share: pd.Series[float] = rules["broken"] / rules["checked"].clip(lower=1)
    name = str(share.idxmax())
    broken, checked = int(rules["broken"].loc[name]), int(rules["checked"].loc[name])
    value, low, high = share_of(broken, checked)
    is_odd = any(share[rule] > limit for rule, limit in REPEATS.items() if rule in share)
    status: Status = "warn" if is_odd else "pass"
    if value >= TWICE_FAILS:
        status = "fail"
    facts = {"broken": broken, "rows": checked, "rule": name, "sample": rules["sample"].loc[name]}
    return Verdict("double_logging", status, value, low, high, TWICE_FAILS, checked, facts)
