"""Machines: does an account behave as no person can?

Many events do not make a machine: the busiest people of a community make a quarter of its events.
A person rests, cannot act several times a second, and does not work by the clock.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.base import clock, engine
from analysis.contract import suspects
from analysis.contract.checks import Status, Verdict, check, not_applicable
from analysis.log.window import LogWindow

LEAST_USERS, BUSY, LEAST_BUSY, LEAST_EVENTS = 100, 0.05, 20, 50
"""Users with events from which the busiest are judged; the share of them that are judged, how many
at least, and the events that each must have."""
WEEKS, DAYS_OFF, NIGHT_HOURS, NIGHT = 8, 1, 5, 0.1
"""Eight weeks with at most one day without activity, in which every five hours of the clock hold a
tenth of the events (all hours alike would give 21 %): nobody sleeps so."""
PER_MINUTE, SECONDS, TIMES_OTHERS = 60, 10, 5.0
"""Events in one minute, spread over so many of its seconds, that no hand sends; times as many as
the fastest of the accounts that are slower."""
IN_A_DAY, TIMES_OWN, TIMES_MOST = 100, 20.0, 3.0
"""Events in one day; times as many as on the account's usual day, and as on the fullest day of any
account without such a day: a script or an import, not a busy day."""
ON_ONE_DAY, LEAST_WEEKS, IN_ONE_GO = 2 / 3, 20, 3.0
"""Share of an account's events on one day of the week, in so many weeks, and times as many a day as
the others: a weekly job."""
ON_ONE_MINUTE, LEAST_DAYS = 0.5, 20
"""Share of an account's events at one minute of the hour, on so many days: a job that a clock
starts."""
HOW_ALL_ARE = 0.1, 5
"""Share and number of the busy accounts beyond which a trait is how this product is used."""
APART = 10.0
"""Ratio of neighbouring numbers of events, among the busiest accounts, that the tails of people's
activity hardly reach."""
AT_ONCE = 20_000
"""Accounts whose seconds are in memory together."""
TRAITS = ("tireless", "fast", "burst", "weekly", "by_the_minute")
COLUMNS = ["user_id", "events", "active_days", "full_days", "night", "per_minute", "per_day",
           "in_a_day", "weekday_share", "weekday_days", "minute_share", "minute_days"]  # fmt: skip


def busy_accounts(events: Any, users_seen: pd.DataFrame, window: LogWindow) -> pd.DataFrame:
    """Return one row per account among the busiest twentieth, with its rhythm (UTC): `user_id`,
    `events`, `active_days`; `full_days` (most active days in eight weeks) and `night` (the least
    share of their events in five hours of the clock); `per_minute` (most events in a minute, if
    spread over ten of its seconds); `per_day`, `in_a_day` (median and most events of an active
    day); `weekday_share`, `weekday_days` (the fullest day of the week, and how often it was
    active); `minute_share`, `minute_days` (the same for the fullest minute of the hour, of events
    whose time has seconds).
    """
    counts = users_seen.set_index("user_id")["event_count"].dropna()
    most = max(LEAST_BUSY, round(BUSY * len(counts)))
    ids = counts[counts >= LEAST_EVENTS].sort_index().sort_values(kind="stable").index[-most:]
    inside = events.filter(events.event_at >= window.start, events.event_at < window.end)
    second = clock.whole_seconds(inside.event_at)
    accounts = ids.astype("str").sort_values().to_frame(index=False, name="user_id")
    accounts = accounts.reset_index(names="account")
    busy = engine.from_pandas(accounts.astype({"account": "int32"}))  # a tenth of the text
    timed = inside.select("user_id", second=second).inner_join(busy, "user_id")
    counted = timed.group_by("account", "second").aggregate(n=timed.count())
    rows = [
        {
            "user_id": accounts["user_id"][account],
            **_rhythm(part["second"].to_numpy(), part["n"].to_numpy()),
        }
        for table in _in_parts(counted, len(ids))
        for account, part in table.groupby("account")
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _in_parts(counted: Any, accounts: int) -> Iterator[pd.DataFrame]:
    """Yield the rows of all `accounts`, of AT_ONCE at a time: they are numbered from 0."""
    kept = counted.cache() if accounts > AT_ONCE else counted
    for first in range(0, accounts, AT_ONCE):
        part = kept.filter(kept.account.between(first, first + AT_ONCE - 1))
        yield engine.to_pandas(part.order_by("account", "second"))


def _rhythm(second: np.ndarray, n: np.ndarray) -> dict[str, float]:
    """Return what busy_accounts says of one account, from how many events each second had."""
    day = second // 86_400
    days, at = np.unique(day, return_inverse=True)
    by_day = np.bincount(at, weights=n)
    weekday = np.bincount(days % 7, weights=by_day, minlength=7)
    fullest = int(weekday.argmax())
    full_days, night = _rest(days, day, second, n)
    minute_share, minute_days = _fullest_minute(second, n)
    return {
        "events": int(n.sum()), "active_days": len(days), "full_days": full_days, "night": night,
        "per_minute": _per_minute(second, n), "per_day": float(np.median(by_day)),
        "in_a_day": int(by_day.max()),
        "weekday_share": float(weekday[fullest] / n.sum()),
        "weekday_days": int((days % 7 == fullest).sum()),
        "minute_share": minute_share, "minute_days": minute_days,
    }  # fmt: skip


def _rest(
    days: np.ndarray, day: np.ndarray, second: np.ndarray, n: np.ndarray
) -> tuple[int, float]:
    """Return the most active days in eight weeks, and the least share of the events of these weeks
    that lies in five neighbouring hours of the clock.
    """
    active = np.searchsorted(days, days + 7 * WEEKS) - np.arange(len(days))
    first = days[int(active.argmax())]
    is_inside = (day >= first) & (day < first + 7 * WEEKS)
    hours = np.bincount(second[is_inside] // 3_600 % 24, weights=n[is_inside], minlength=24)
    twice = np.concatenate([hours, hours])
    blocks = np.convolve(twice, np.ones(NIGHT_HOURS), "valid")[:24]
    return int(active.max()), float(blocks.min() / hours.sum())


def _per_minute(second: np.ndarray, n: np.ndarray) -> int:
    _, at = np.unique(second // 60, return_inverse=True)
    events, seconds = np.bincount(at, weights=n), np.bincount(at)
    return int(np.where(seconds >= SECONDS, events, 0).max())


def _fullest_minute(second: np.ndarray, n: np.ndarray) -> tuple[float, int]:
    has_seconds = second % 60 > 0  # times that were cut, or are dates, lie at second 0
    second, n = second[has_seconds], n[has_seconds]
    if n.sum() < LEAST_EVENTS:
        return 0.0, 0
    minutes = np.bincount(second // 60 % 60, weights=n, minlength=60)
    days = np.unique(second[second // 60 % 60 == minutes.argmax()] // 86_400)
    return float(minutes.max() / n.sum()), len(days)


def traits(busy: pd.DataFrame) -> pd.DataFrame:
    """Return whether each account of `busy` has each of TRAITS; a trait that more than a tenth of
    them have is how the product is used, and of nobody.
    """
    fast = busy["per_minute"] >= PER_MINUTE
    slower = busy.loc[~fast, "per_minute"].max() if (~fast).any() else np.inf
    large = (busy["in_a_day"] >= IN_A_DAY) & (busy["in_a_day"] >= TIMES_OWN * busy["per_day"])
    largest_other = busy.loc[~large, "in_a_day"].max() if (~large).any() else np.inf
    usual = busy["per_day"].median()
    table = pd.DataFrame({
        "tireless": (busy["full_days"] >= 7 * WEEKS - DAYS_OFF) & (busy["night"] >= NIGHT),
        "fast": fast & (busy["per_minute"] >= TIMES_OTHERS * slower),
        "burst": large & (busy["in_a_day"] >= TIMES_MOST * largest_other),
        "weekly": (busy["weekday_share"] >= ON_ONE_DAY) & (busy["weekday_days"] >= LEAST_WEEKS)
        & (busy["per_day"] >= IN_ONE_GO * usual),
        "by_the_minute": (busy["minute_share"] >= ON_ONE_MINUTE)
        & (busy["minute_days"] >= LEAST_DAYS),
    })  # fmt: skip
    share, number = HOW_ALL_ARE
    return table & (table.sum() <= max(share * len(busy), number))


@check(stage="03_audit")
def machines(busy_accounts: pd.DataFrame, users_seen: pd.DataFrame) -> Verdict:
    """Judge whether accounts behave as no person can: active around the clock for eight weeks,
    faster than hands, or by a schedule of weeks or minutes that others do not have. Accounts with
    ten times as many events as the next are doubtful.
    """
    counts = users_seen.set_index("user_id")["event_count"].dropna()
    if len(counts) < LEAST_USERS:
        return not_applicable("machines", "fewer than 100 users have events")
    has = traits(busy_accounts)
    found = busy_accounts[has.any(axis=1)]
    apart = _apart(counts)
    ids = list(found["user_id"]) or apart
    status: Status = "fail" if len(found) else ("warn" if apart else "pass")
    share = float(counts[counts.index.isin(ids)].sum() / counts.sum())
    by_trait = {trait: int(has[trait].sum()) for trait in TRAITS}
    facts = {"accounts": len(ids), "found": len(found), **by_trait,
             "judged": len(busy_accounts), "most": int(counts.max()), "times": APART,
             "ids": sorted(map(str, ids))[:5]}  # fmt: skip
    named = suspects.users(found["user_id"]) if len(found) else None
    return Verdict("machines", status, share, n=len(counts), facts=facts, suspects=named)


def _apart(counts: "pd.Series[float]") -> list[Any]:
    """Return the accounts, among the busiest, above the largest gap, if it is one."""
    ranked = counts.sort_values(ascending=False)
    top = ranked.iloc[: max(5, round(0.01 * len(ranked)))]
    ratios = (top / top.shift(-1)).to_numpy()[:-1]
    at = int(np.argmax(ratios))
    is_far = ratios[at] >= APART and top.iloc[at] >= LEAST_EVENTS
    return list(top.index[: at + 1]) if is_far else []
