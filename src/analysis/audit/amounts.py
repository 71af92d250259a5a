"""Amounts: are they all in one unit, and does one of them dominate the sum?"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.base import clock, engine
from analysis.contract.checks import Status, Verdict, check, not_applicable
from analysis.log import activity
from analysis.log.rules import rule_rows
from analysis.log.window import LogWindow

LEAST_AMOUNTS, LEAST_EACH, MANY_AMOUNTS = 20, 5, 100
"""Amounts from which their unit is judged: all of them, and those before or after a day; amounts
from which one of them is compared with their sum."""
UNIT, OTHER_UNIT, SURE = 1.5, 5.0, 6.0
"""Ratio of amounts before and after a day that is a change, and that is another unit; standard
deviations that it must lie beyond chance."""
NEGATIVE = "amount of an event is negative, where most are above 0"
BY_NATURE = 0.9
"""Share of a kind's amounts that are negative from which they are so by nature, as refunds are."""
ONE_PURCHASE = 0.2
"""Share of all that was paid, of a hundred amounts or more, that one amount cannot be."""


def _named_amounts(events: Any) -> Any:
    """Return the events (Ibis) whose properties name an amount: `user_id`, `event_type`, `event_at`
    and `amount`. They are not kept, for a second look costs less than to write them down.
    """
    named = events.select("user_id", "event_type", "event_at", amount=activity.amount(events))
    return named.filter(named.amount.notnull())


def amount_signs(events: Any) -> pd.DataFrame:
    """Return the amounts that events' properties name, by kind: `event_type`, `amounts` (other than
    0), `negative` (counts), and `sample`, a user with a negative one.
    """
    signed = _named_amounts(events).filter(lambda t: t.amount != 0)
    counted = signed.group_by("event_type").aggregate(
        amounts=signed.count(),
        negative=(signed.amount < 0).sum(),
        sample=signed.user_id.min(where=signed.amount < 0),
    )
    return engine.to_pandas(counted.order_by("event_type"))


def are_refunds(signs: pd.DataFrame) -> "pd.Series[Any]":
    """Say of each kind of `signs` whether its amounts are negative by nature: nearly all are."""
    is_nature: pd.Series[Any] = signs["negative"] >= BY_NATURE * signs["amounts"]
    return is_nature


def sign_rules(signs: pd.DataFrame) -> pd.DataFrame:
    """Return the rule that an amount is not negative, over kinds whose amounts are mostly above 0:
    see rule_rows.
    """
    mixed = signs[~are_refunds(signs)]
    if not mixed["amounts"].sum():
        return rule_rows([])
    broken = int(mixed["negative"].sum())
    sample = mixed["sample"].dropna().min() if broken else None
    checked = int(mixed["amounts"].sum())
    return rule_rows([("structural", "events", NEGATIVE, checked, broken, sample)])


def daily_amounts(events: Any, window: LogWindow, zone: str) -> pd.DataFrame:
    """Return the amounts above 0 that events' properties name, by kind and day: `event_type`,
    `day_number`, `events` (that carry one), `log_sum` and `log_squares` (of their natural
    logarithms), `total` and `largest`; one row for each day of the log, 0 where there is none.
    """
    columns = ["events", "log_sum", "log_squares", "total", "largest"]
    named = _named_amounts(events)
    inside = named.filter(named.event_at >= window.start, named.event_at < window.end)
    paid = inside.mutate(
        day_number=clock.local_day(inside.event_at, zone, window.start, window.end),
    ).filter(lambda t: t.amount > 0)
    # by amount first: there are few, and their sums are then exact in any order
    counted = engine.to_pandas(
        paid.group_by("event_type", "day_number", "amount").aggregate(n=lambda t: t.count())
    )
    if counted.empty:
        return pd.DataFrame(columns=["event_type", "day_number", *columns])
    ordered = counted.sort_values(["event_type", "day_number", "amount"])
    n, log = ordered["n"], np.log(ordered["amount"])
    parts = ordered.assign(events=n, log_sum=n * log, log_squares=n * log**2,
                           total=n * ordered["amount"], largest=ordered["amount"])  # fmt: skip
    how = dict.fromkeys(columns[:-1], "sum") | {"largest": "max"}
    daily = parts.groupby(["event_type", "day_number"]).agg(how)
    days = range(int(ordered["day_number"].min()), int(ordered["day_number"].max()) + 1)
    kinds = ordered["event_type"].dropna().unique()
    whole = pd.MultiIndex.from_product([kinds, days], names=daily.index.names)
    return daily.reindex(whole, fill_value=0).reset_index()


@check(stage="03_audit")
def log_amounts(daily_amounts: pd.DataFrame) -> Verdict:
    """Judge whether amounts change their unit at once (cents for dollars, another currency), or
    one of them is most of what was paid. Sums rest on it, and no rate of users does.

    Mean logarithms over 14 and 28 days before and after each day are compared; chance is measured
    by their scatter, within days and from one day with amounts to the next.
    """
    all_changes = [
        (*_largest_change(part, size), str(kind))
        for kind, part in daily_amounts.groupby("event_type", sort=True)
        for size in (14, 28)
        if part["events"].sum() >= LEAST_AMOUNTS and len(part) >= 2 * size
    ]
    if not all_changes:
        return not_applicable("log_amounts", "too few events have an amount")
    changes = [row for row in all_changes if row[1] > SURE and row[0] > UNIT]
    ratio, z, day, falls, kind = max(changes or all_changes, key=lambda row: row[1])
    sums = daily_amounts.groupby("event_type").agg(
        total=("total", "sum"), largest=("largest", "max"), events=("events", "sum")
    )
    sums = sums[sums["events"] >= LEAST_AMOUNTS]
    many = sums["events"] >= MANY_AMOUNTS  # one of few may well be large
    share: pd.Series[float] = (sums["largest"] / sums["total"]).where(many, 0.0)
    is_other = bool(changes) and ratio >= UNIT
    status: Status = "warn" if is_other or share.max() > ONE_PURCHASE else "pass"
    facts = {"kind": kind, "date": clock.day_text(day), "z": z, "falls": falls,
             "is_unit": is_other and ratio >= OTHER_UNIT, "is_change": is_other,
             "share": float(share.max())}  # fmt: skip
    n = int(sums["events"].sum())
    return Verdict("log_amounts", status, ratio, limit=UNIT, n=n, facts=facts)


def _largest_change(part: pd.DataFrame, size: int) -> tuple[float, float, int, bool]:
    """Return ratio, standard deviations and day number of the largest change of the mean
    logarithm over `size` days, and whether it falls; `part` has one row for each day of the log.
    Where hardly any day has two amounts, their scatter is that from one day to the next (von
    Neumann 1941).
    """
    days = part.sort_values("day_number")
    n, x, squares = (days[name].to_numpy(float) for name in ("events", "log_sum", "log_squares"))
    mean = x / np.maximum(n, 1)
    within = (squares - n * mean**2).sum() / max(n.sum() - (n > 0).sum(), 1.0)
    some = n[n > 0]
    steps = np.diff(mean[n > 0]) ** 2 / (1 / some[1:] + 1 / some[:-1])
    typical = float(np.median(steps)) / 0.455 if len(steps) else 0.0
    if len(steps) and n.sum() - len(some) < LEAST_AMOUNTS:  # hardly two on one day: all steps
        typical = max(typical, float(steps.mean()))
    spread = max(within, typical, 1e-6)
    n2, x2 = (np.convolve(v, np.ones(size), "valid") for v in (n, x))
    (n1, n2), (x1, x2) = (n2[:-size], n2[size:]), (x2[:-size], x2[size:])
    enough = (n1 >= LEAST_EACH) & (n2 >= LEAST_EACH)
    change = np.where(enough, x2 / np.maximum(n2, 1) - x1 / np.maximum(n1, 1), 0.0)
    z = np.abs(change) / np.sqrt(spread * (1 / np.maximum(n1, 1) + 1 / np.maximum(n2, 1)))
    at = int(z.argmax())
    number = int(days["day_number"].iloc[at + size])
    return float(np.exp(abs(change[at]))), float(z[at]), number, bool(change[at] < 0)
