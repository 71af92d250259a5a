"""Latency: how late events arrive, and whether their times were cut."""

from typing import Any

import ibis
import numpy as np
import pandas as pd

from analysis.audit.quality import worst_rule
from analysis.base import clock, engine
from analysis.base.statistics import share_of
from analysis.contract import suspects
from analysis.contract.checks import Status, Verdict, check, not_applicable
from analysis.log.rules import EARLY_CREATION, EARLY_RECEIPT, LATE_RECEIPT, LATE_SECONDS

QUANTILES = {"1%": 0.01, "5%": 0.05, "50%": 0.5, "95%": 0.95, "99%": 0.99}
DELAYS = {
    "delay_event_received": ("event_at", "received_at"),
    "delay_received_created": ("received_at", "created_at"),
    "delay_event_created": ("event_at", "created_at"),
}
SLOW_SECONDS = 3600
"""Median delay of a whole source or device that is a clock or a nightly load, not a network."""
LATE, LARGE = 0.005, 0.01
"""Share of late events that is doubtful; share of all events from which the median delay of a
source or device is judged."""
FALSE_CLOCKS = 0.01
"""Share of events dated a day after their receipt, from which the days of activity are false."""
ONE_SECOND, DATES_ONLY = 0.02, 0.5
"""Share of events at one second of the day: hours cut off give 1 in 24, dates alone give all."""


def received_delays(events: Any) -> Any:
    """Return how many events (`n`) of each `source`, `user_device` (where they have these) and
    `is_known` came each number of milliseconds (`millis`) after they happened (Ibis), kept by the
    engine; None without `received_at`.
    """
    if "received_at" not in events.columns:
        return None
    keys = [name for name in ("source", "user_device", "is_known") if name in events.columns]
    timed = events.mutate(millis=_millis(events, *DELAYS["delay_event_received"]))
    timed = timed.filter(timed.millis.notnull())
    return timed.group_by(*keys, "millis").aggregate(n=timed.count()).cache()


def _millis(events: Any, first: str, second: str) -> Any:
    return clock.milliseconds(events[second]) - clock.milliseconds(events[first])


def delay_histogram(events: Any, received: Any) -> pd.DataFrame:
    """Return how often each delay occurs, exactly: `delay` (name), `seconds`, `count`. `received`
    is the result of received_delays.

    Empty when the table has neither `received_at` nor `created_at`.
    """
    parts = []
    for name, pair in DELAYS.items():
        if not {*pair} <= set(events.columns):
            continue
        if name == "delay_event_received":
            counted = received.group_by("millis").aggregate(count=received.n.sum().cast("int64"))
        else:
            table = events.select(millis=_millis(events, *pair)).filter(
                lambda t: t.millis.notnull()
            )
            counted = table.group_by("millis").aggregate(count=table.count())
        counts = engine.to_pandas(counted.order_by("millis"))
        parts.append(counts.assign(delay=name, seconds=counts["millis"] / 1000))
    empty = pd.DataFrame({"delay": [], "seconds": [], "count": []})
    return pd.concat(parts, ignore_index=True)[["delay", "seconds", "count"]] if parts else empty


def latency_table(delay_histogram: pd.DataFrame) -> pd.DataFrame:
    """Return per delay (seconds): `count, mean, std, min, 1%, 5%, 50%, 95%, 99%, max`.

    Exact, from the histogram; quantiles interpolate linearly, `std` has n - 1.
    """
    rows = [
        {"delay": name} | describe_counts(part["seconds"].to_numpy(), part["count"].to_numpy())
        for name, part in delay_histogram.groupby("delay", sort=False)
    ]
    return pd.DataFrame(rows, columns=["delay", "count", "mean", "std", "min", *QUANTILES, "max"])


def describe_counts(values: np.ndarray, counts: np.ndarray) -> dict[str, float]:
    """Return count, mean, std, min, quantiles and max of sorted `values` with `counts`."""
    n = int(counts.sum())
    mean = float((values * counts).sum() / n)
    squares = float((counts * (values - mean) ** 2).sum())
    ends = counts.cumsum()

    def quantile(q: float) -> float:
        at = q * (n - 1)
        low, high = (values[np.searchsorted(ends, k, side="right")]
                     for k in (int(np.floor(at)), int(np.ceil(at))))  # fmt: skip
        return float(low + (high - low) * (at - np.floor(at)))

    return {
        "count": n, "mean": mean, "std": (squares / (n - 1)) ** 0.5 if n > 1 else float("nan"),
        "min": float(values[0]), **{name: quantile(q) for name, q in QUANTILES.items()},
        "max": float(values[-1]),
    }  # fmt: skip


def delay_by_kind(received: Any) -> pd.DataFrame:
    """Return the median delay from an event to its receipt by source and device, of known users:
    `column`, `level`, `events`, `total`, `median_seconds`. `received` is the result of
    received_delays; empty without one.
    """
    columns = ["column", "level", "events", "total", "median_seconds"]
    if received is None:
        return pd.DataFrame(columns=columns)
    known = received.filter(received.is_known)
    parts = []
    for name, column in (("source", "source"), ("device", "user_device")):
        if column in known.columns:
            medians = _medians(known.select("millis", "n", level=known[column]))
            parts.append(engine.to_pandas(medians.order_by("level")).assign(column=name))
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    table = table[table["level"].notna()]
    return table.assign(total=table.groupby("column")["events"].transform("sum"))[columns]


def _medians(delayed: Any) -> Any:
    """Return `events` and the `median_seconds` of each `level` of `delayed` (Ibis), from how often
    (`n`) each delay in `millis` occurs: there are far fewer of these than events.
    """
    counted = delayed.group_by("level", "millis").aggregate(n=delayed.n.sum())
    by_level = ibis.window(group_by=counted.level, order_by=counted.millis, rows=(None, 0))
    ranked = counted.mutate(
        up_to=counted.n.sum().over(by_level), total=counted.n.sum().over(group_by=counted.level)
    )
    lower = ranked.millis.min(where=2 * ranked.up_to >= ranked.total)
    upper = ranked.millis.min(where=2 * ranked.up_to > ranked.total)
    return ranked.group_by("level").aggregate(
        events=ranked.n.sum(), median_seconds=(lower + upper) / 2000
    )


def fast_clocks(events: Any, delays: pd.DataFrame) -> pd.DataFrame:
    """Return the users with events that happened more than a day after their receipt, by their own
    clock: `user_id`, `events`. `delays` is the result of delay_histogram: where it has none that
    long, which is usual, the events are not read.
    """
    received = delays.loc[delays["delay"] == "delay_event_received", "seconds"]
    if not (received <= -LATE_SECONDS).any():
        return pd.DataFrame({"user_id": [], "events": []})
    ahead = clock.seconds(events.event_at) - clock.seconds(events.received_at)
    counted = events.filter(ahead > LATE_SECONDS).group_by("user_id")
    return engine.to_pandas(counted.aggregate(events=lambda t: t.count()).order_by("user_id"))


@check(stage="03_audit")
def clock_order(event_rules: pd.DataFrame, fast_clocks: pd.DataFrame) -> Verdict:
    """Judge the events whose three times are in an impossible order. Seconds between two clocks
    change no day; an event that happens more than a day after its receipt has a false time.
    """
    worst = worst_rule(event_rules, (EARLY_RECEIPT, EARLY_CREATION))
    if worst is None:
        return not_applicable("clock_order", "the columns it needs are not given")
    ahead = int(fast_clocks["events"].sum())
    is_false = ahead >= FALSE_CLOCKS * max(worst.checked, 1)
    status: Status = "fail" if is_false else ("warn" if worst.broken else "pass")
    named = suspects.users(fast_clocks["user_id"]) if is_false else None
    facts = {**worst.facts_with_sample, "ahead": ahead, "users": len(fast_clocks)}
    return Verdict(
        "clock_order", status, *worst.interval, FALSE_CLOCKS, worst.checked, facts, named
    )


@check(stage="03_audit")
def lateness(event_rules: pd.DataFrame, delay_by_kind: pd.DataFrame) -> Verdict:
    """Judge the share of events received more than a day after they happened, and the slowest
    source or device by its median delay: one with a wrong clock always delivers hours late. Late
    events are in the log, so no figure of the past lacks them.
    """
    rule = event_rules[event_rules["rule"] == LATE_RECEIPT]
    if rule.empty:
        return not_applicable("lateness", "the events have no received_at")
    broken, checked = int(rule["broken"].iloc[0]), int(rule["checked"].iloc[0])
    share, low, high = share_of(broken, checked)
    slow, kind = _slowest(delay_by_kind)
    status: Status = "warn" if share >= LATE or slow >= SLOW_SECONDS else "pass"
    facts = {"broken": broken, "rows": checked, "slowest": kind, "median_hours": slow / 3600}
    return Verdict("lateness", status, share, low, high, LATE, checked, facts)


def _slowest(delay_by_kind: pd.DataFrame) -> tuple[float, str]:
    """Return the largest median delay in seconds among sources and devices with enough events,
    and which one it is; 0 and "any" without one.
    """
    large = delay_by_kind[delay_by_kind["events"] >= LARGE * delay_by_kind["total"]]
    if large.empty:
        return 0.0, "any"
    at: Any = large["median_seconds"].idxmax()
    slowest = large.loc[at]
    return float(slowest["median_seconds"]), f"{slowest['column']} {slowest['level']}"


def second_of_day(events: Any) -> Any:
    """Return an Ibis column of the events' second of the (UTC) day."""
    return clock.whole_seconds(events.event_at) % 86_400


def clock_times(events: Any) -> pd.DataFrame:
    """Return how many `events` each `second` of the (UTC) day has, by whether their times are whole
    minutes (`is_minute`) and whole seconds (`is_second`), to the millisecond.
    """
    ms = (clock.seconds(events.event_at) * 1000).round().cast("int64")
    times = events.select(
        second=second_of_day(events), is_minute=ms % 60_000 == 0, is_second=ms % 1000 == 0
    )
    counted = times.group_by("second", "is_minute", "is_second")
    return engine.to_pandas(counted.aggregate(events=lambda t: t.count()))


def fullest_second(times: pd.DataFrame) -> pd.DataFrame:
    """Return the second with the most events of `times` (clock_times): `second`, `events`,
    `total`.
    """
    counts: pd.DataFrame = times.groupby("second")[["events"]].sum().reset_index()
    ranked = counts.sort_values(["events", "second"], ascending=[False, True], ignore_index=True)
    return ranked.head(1).assign(total=int(counts["events"].sum()))


@check(stage="03_audit")
def times_of_day(fullest_second: pd.DataFrame) -> Verdict:
    """Judge the share of events at the fullest second of the day: times that were cut to the day
    or the hour all carry the same second. Days, on which all figures rest, are known either way.
    """
    row = fullest_second.iloc[0]
    share, low, high = share_of(int(row["events"]), int(row["total"]))
    clock_time = pd.Timestamp(int(row["second"]), unit="s").strftime("%H:%M:%S")
    facts = {"time": clock_time, "events": int(row["events"]), "dates_only": share >= DATES_ONLY}
    status: Status = "warn" if share >= ONE_SECOND else "pass"
    return Verdict("times_of_day", status, share, low, high, ONE_SECOND, int(row["total"]), facts)
