"""The data audit: every rule the two tables must keep, and how many rows break it."""

import itertools
from collections.abc import Mapping
from typing import Any

import ibis
import numpy as np
import pandas as pd

from analysis.base import clock, engine
from analysis.contract.inputs import EVENTS, USERS, names
from analysis.log import activity
from analysis.log.rules import RULE_COLUMNS, count_broken, event_rules, user_rules
from analysis.log.window import LogWindow

QUANTILES = {"1%": 0.01, "5%": 0.05, "50%": 0.5, "95%": 0.95, "99%": 0.99}
DELAYS = {
    "delay_event_received": ("event_at", "received_at"),
    "delay_received_created": ("received_at", "created_at"),
    "delay_event_created": ("event_at", "created_at"),
}


def null_table(users: pd.DataFrame, events: Any) -> pd.DataFrame:
    """Return one row per column of both tables: `table`, `column`, `is_present`, `rows`,
    `nulls`, `distinct` (counts; missing where the column is absent).
    """
    rows = [
        ("users", name, True, len(users), int(users[name].isna().sum()), users[name].nunique())
        for name in users.columns
    ]
    present = [name for name in events.columns if name != "recorded_at"]
    row = engine.to_pandas(
        events.aggregate(
            n=events.count(),
            **{f"nulls_{name}": events[name].isnull().sum() for name in present},
            **{f"distinct_{name}": events[name].nunique() for name in present},
        )
    ).iloc[0]
    for name in present:
        told = "event_timestamp" if name == "event_at" else name
        counts = (int(row["n"]), int(row[f"nulls_{name}"]), int(row[f"distinct_{name}"]))
        rows.append(("events", told, True, *counts))
    table = pd.DataFrame(
        rows, columns=["table", "column", "is_present", "rows", "nulls", "distinct"]
    )
    return _with_absent(table)


def _with_absent(table: pd.DataFrame) -> pd.DataFrame:
    known = [("users", c) for c in names(USERS)] + [("events", c) for c in names(EVENTS)]
    have = set(zip(table["table"], table["column"], strict=True))
    gone = pd.DataFrame([k for k in known if k not in have], columns=["table", "column"])
    whole = pd.concat([table, gone.assign(is_present=False)], ignore_index=True)
    counts = ["rows", "nulls", "distinct"]
    return whole.astype({"is_present": bool}).astype(dict.fromkeys(counts, "Int64"))


TWICE = "repeats another event in all but its identifier"
NEAR_SECONDS, ZONE_SECONDS = 2, 14 * 3600
NEAR = f"repeats the event before it within {NEAR_SECONDS} seconds, beyond chance"
SHIFTED = "repeats the event before it some whole half hours later, beyond chance"
A_FEW, MANY_AT_ONCE, MOST_AT_ONCE, MOST_WHOLE = 100, 0.02, 0.5, 0.9
"""Events at one second of the day, and their share, from which the times there are dates; share
from which all are; share of times that are whole minutes, or seconds, from which they are cut."""
HALF_HOUR = 1_800_000  # milliseconds
APART = 5
"""Times the span of a repeat that lies before and after the two: else they are part of a stream,
such as scrolling."""
CONTENT = ("user_id", "event_type", "session_id", "show_id", "episode_id", "properties")


def repeated_events(events: Any) -> pd.DataFrame:
    """Return the rules, with the columns of user_rules, that no event repeats another in all that
    it says (who, what, when, which session and content) under an identifier of its own, and that
    none repeats the one before it within two seconds, or a whole number of half hours later, as
    when a log is loaded again in another zone. `broken` leaves the first of each out.

    People repeat themselves, too. Repeats in a stream of alike events (scrolling) do not count,
    and of the others, type by type, only as many as chance does not make (by three standard
    deviations) where the stream has more, or where a little later there are as many (two seconds
    more; for half hours, a second or a minute). The last two are asked only where events say more
    than who and what, for a tap may follow a tap; the first two only where times are finer than
    minutes, for events of a minute look alike; none where most times are dates.
    """
    fullest: Any = fullest_second(events).iloc[0]
    if fullest["events"] > MOST_AT_ONCE * fullest["total"]:
        return pd.DataFrame(columns=RULE_COLUMNS)
    if fullest["events"] > max(MANY_AT_ONCE * fullest["total"], A_FEW):
        events = events.filter(second_of_day(events) != int(fullest["second"]))
    same = [name for name in CONTENT if name in events.columns]
    unit, repeats = _finest_ms(events), _repeats(events, same)
    before = repeats.before
    found = {}
    if unit < 60_000:
        twice = repeats.n > 1
        alone = _apart(before, APART * unit) & _apart(repeats.after, APART * unit)
        later = _paired(repeats, 0, unit)
        found[TWICE] = (twice & alone, repeats.n - 1, twice & ~alone, later)
    if unit < 60_000 and len(same) > 2:
        span = 1000 * NEAR_SECONDS
        near, later = _paired(repeats, 0, span), _paired(repeats, span, 2 * span)
        found[NEAR] = (near, 1, (before <= span) & ~near, later)
    if len(same) > 2:
        inside = (before >= HALF_HOUR) & (before <= 1000 * ZONE_SECONDS)
        shifted = inside & (before % HALF_HOUR == 0)
        later = inside & (before % HALF_HOUR == max(unit, 1000))
        found[SHIFTED] = (shifted, 1, before < 0, later)
    return _beyond_chance(repeats, found)


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


def _repeats(events: Any, same: list[str]) -> Any:
    """Return each instant at which one content was logged: `user_id`, `event_type`, `n` events,
    milliseconds to the same content `before` and `after`, and of the one before to its own
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


def _paired(repeats: Any, beyond: int, up_to: int) -> Any:
    """Say which instants follow another by more than `beyond` and up to `up_to` milliseconds, with
    none alike for some times as long before and after the two.
    """
    wide = APART * (up_to - beyond)
    near = (repeats.before > beyond) & (repeats.before <= up_to)
    return near & _apart(repeats.earlier, wide) & _apart(repeats.after, wide)


def _beyond_chance(repeats: Any, found: Mapping[str, tuple[Any, Any, Any, Any]]) -> pd.DataFrame:
    """Return the rules. Of each: which instants repeat, how many events each; which do so in a
    stream, and which a little later.
    """
    asked: dict[str, Any] = {"total": repeats.n.sum()}
    for i, (broken, events, streamed, later) in enumerate(found.values()):
        asked[f"broken{i}"] = ibis.ifelse(broken, events, 0).sum()
        asked[f"streamed{i}"] = ibis.ifelse(streamed, events, 0).sum()
        asked[f"later{i}"] = ibis.ifelse(later, 1, 0).sum()
        asked[f"sample{i}"] = repeats.user_id.min(where=broken)
    kinds = engine.to_pandas(repeats.group_by("event_type").aggregate(**asked))
    rows = []
    for i, rule in enumerate(found):
        chance = kinds[[f"streamed{i}", f"later{i}"]].max(axis=1)
        beyond = (kinds[f"broken{i}"] - chance - 3 * np.sqrt(chance)).clip(lower=0).astype(int)
        sample = kinds.loc[beyond > 0, f"sample{i}"].min() if beyond.any() else None
        rows.append(
            ("structural", "events", rule, int(kinds["total"].sum()), int(beyond.sum()), sample)
        )
    return pd.DataFrame(rows, columns=RULE_COLUMNS)


OTHER_COUNTRY = "country is not that of its user"
SHARED_SESSION = "session is shared by several users"


def identity_rules(events: Any, users: pd.DataFrame) -> pd.DataFrame:
    """Return the rules that an event's country is its user's, where both are given, and that all
    events of a session are of one user, with the columns of user_rules; of the second, `checked`
    and `broken` are sessions.
    """
    parts = []
    if "country" in events.columns and "country" in users:
        own = engine.from_pandas(users[["user_id", "country"]].dropna())
        joined = events.select("user_id", "country").join(own, "user_id", rname="own_{name}")
        known = joined.filter(joined.country.notnull())
        name, own_name = known.country.strip().lower(), known.own_country.strip().lower()
        shared = name.isin(users["country"].dropna().str.strip().str.lower().unique().tolist())
        if known.filter(shared).count().execute():  # else both tables write countries differently
            parts.append(count_broken(known, {("referential", OTHER_COUNTRY): name != own_name}))
    if "session_id" in events.columns:
        given = events.filter(events.session_id.notnull())
        sessions = given.group_by("session_id").aggregate(
            first=given.user_id.min(), last=given.user_id.max()
        )
        told = sessions.select(user_id=sessions.first, last=sessions.last)
        parts.append(
            count_broken(told, {("referential", SHARED_SESSION): told.user_id != told.last})
        )
    filled = [part for part in parts if part["checked"].sum()]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=RULE_COLUMNS)


def extra_numbers(users: pd.DataFrame) -> list[str]:
    """Return the columns outside the contract that hold numbers."""
    known = names(USERS)
    numbers = users.select_dtypes("number").columns
    return [str(name) for name in numbers if name not in known]


def session_lengths(events: Any) -> pd.DataFrame:
    """Return one row: how many `sessions` and `events` carry a session_id, the events in those
    that last for more than a day (`long_events`), the sessions of one event (`single`), and
    the days on which users have such events (`user_days`). Empty without one.
    """
    columns = ["sessions", "events", "long_events", "single", "user_days"]
    if "session_id" not in events.columns:
        return pd.DataFrame(columns=columns)
    given = events.filter(events.session_id.notnull())
    spans = given.group_by("user_id", "session_id").aggregate(
        first=given.event_at.min(), last=given.event_at.max(), events=given.count()
    )
    seconds = clock.seconds(spans["last"]) - clock.seconds(spans["first"])
    found = engine.to_pandas(
        spans.aggregate(
            sessions=spans.count(),
            events=ibis.coalesce(spans.events.sum(), 0),
            long_events=ibis.coalesce(spans.events.sum(where=seconds > 86_400), 0),
            single=ibis.coalesce((spans.events == 1).sum(), 0),
        )
    )
    day = (clock.whole_seconds(given.event_at) / 86_400).floor()
    days = given.select(user_id=given.user_id, day=day).distinct().count().execute()
    return found[found["sessions"] > 0].assign(user_days=int(days))[columns]


EDGE_DAYS = (7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27)
"""Days from the log's start or end at which returns are compared."""
EDGE_SHIFTS = (0, 28, 56)
"""Days by which the comparison lies further inside."""


def returns_at_edges(events: Any, users: pd.DataFrame, window: LogWindow) -> pd.DataFrame:
    """Return how many users seen in one week are seen again near the log's ends: `edge` (start
    or end), `days` from it, `shift` (0, or days further inside), `seen` (users seen in the week
    before that day, or at the start in the week after it, of those who joined before the log)
    and `both` (of them, those seen in the `days` after, or before). Of the log's lengths that
    it holds.
    """
    day = clock.days_since(events.event_at, window.start)
    old = users.loc[users["signup_date"] < window.start, ["user_id"]].assign(is_old=True)
    inside = events.filter(events.event_at >= window.start, events.event_at < window.end)
    seen = inside.select(user_id=inside.user_id, day=day).distinct()
    joined = seen.left_join(engine.from_pandas(old), "user_id").select(
        "user_id", "day", is_old=lambda t: t.is_old.fill_null(False)
    )
    length = int(window.days)
    places, flags = [], {}
    for days, shift in itertools.product(EDGE_DAYS, EDGE_SHIFTS):
        if shift + days + 7 + max(EDGE_SHIFTS) > length:
            continue
        at = length - days - shift
        spans = {"end": ((at - 7, at), (at, at + days))}
        at = days + shift
        spans["start"] = ((at, at + 7), (at - days, at))
        for edge, parts in spans.items():
            key = f"{edge}_{days}_{shift}"
            places.append((edge, days, shift, key))
            for name, (first, after) in zip(("seen", "again"), parts, strict=True):
                flags[f"{name}_{key}"] = ((joined.day >= first) & (joined.day < after)).any()
    columns = ["edge", "days", "shift", "seen", "both"]
    if not places:
        return pd.DataFrame(columns=columns)
    per_user = joined.group_by("user_id", "is_old").aggregate(**flags)
    sums = {}
    for edge, _, _, key in places:
        is_seen = per_user[f"seen_{key}"]
        if edge == "start":
            is_seen &= per_user.is_old
        sums[f"seen_{key}"] = is_seen.sum()
        sums[f"both_{key}"] = (is_seen & per_user[f"again_{key}"]).sum()
    row = engine.to_pandas(per_user.aggregate(**sums)).fillna(0).iloc[0]
    found = [(*place, int(row[f"seen_{key}"]), int(row[f"both_{key}"])) for *place, key in places]
    return pd.DataFrame(found, columns=columns)


def daily_amounts(events: Any, window: LogWindow, zone: str) -> pd.DataFrame:
    """Return the amounts above 0 that events' properties name, by kind and day: `event_type`,
    `day_number`, `events` (that carry one), `log_sum` and `log_squares` (of their natural
    logarithms), `total` and `largest`; one row for each day of the log, 0 where there is none.
    """
    columns = ["events", "log_sum", "log_squares", "total", "largest"]
    inside = events.filter(events.event_at >= window.start, events.event_at < window.end)
    told = inside.mutate(
        amount=activity.amount(inside),
        day_number=clock.local_day(inside.event_at, zone, window.start, window.end),
    ).filter(lambda t: t.amount > 0)
    # by amount first: there are few, and their sums are then exact in any order
    counted = engine.to_pandas(
        told.group_by("event_type", "day_number", "amount").aggregate(n=lambda t: t.count())
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


def kinds_that_go_on(events: Any, horizon_days: int) -> pd.DataFrame:
    """Return per event_type how many users have it go on after all else: `kind`, `events`,
    `users` (with any event, of all kinds), `going_on`, those whose events of that kind alone last
    for more than `horizon_days` after their last of any other kind (their first, without one).
    """
    typed = events.filter(events.event_type.notnull())
    spans = typed.group_by("user_id", "event_type").aggregate(
        first=typed.event_at.min(), last=typed.event_at.max(), events=typed.count()
    )
    latest_first = ibis.window(
        group_by=spans.user_id, order_by=[ibis.desc("last"), spans.event_type]
    )
    ranked = spans.mutate(
        rank=ibis.row_number().over(latest_first), other=spans["last"].lead().over(latest_first)
    )
    since = clock.seconds(ibis.coalesce(ranked.other, ranked["first"]))
    is_long = clock.seconds(ranked["last"]) - since > horizon_days * 86_400
    counted = ranked.group_by(kind=ranked.event_type).aggregate(
        events=ranked.events.sum(), going_on=((ranked["rank"] == 0) & is_long).sum()
    )
    table = engine.to_pandas(counted.order_by("kind"))
    users = int(typed.user_id.nunique().execute())
    return table.assign(users=users)[["kind", "events", "users", "going_on"]]


def delay_by_kind(events: Any, users: pd.DataFrame) -> pd.DataFrame:
    """Return the median delay from an event to its receipt by source and device: `column`,
    `level`, `events`, `total`, `median_seconds`. Empty without `received_at`.
    """
    columns = ["column", "level", "events", "total", "median_seconds"]
    if "received_at" not in events.columns:
        return pd.DataFrame(columns=columns)
    by_user = [name for name in MIX_OF_USERS if name in users]
    by_event = [name for name in ("source",) if name in events.columns]
    joined = events.join(engine.from_pandas(users[["user_id", *by_user]]), "user_id")
    delay = clock.seconds(joined.received_at) - clock.seconds(joined.event_at)
    told = joined.mutate(delay=delay).filter(lambda t: t.delay.notnull())
    parts = []
    for name in (*by_event, *by_user):
        found = told.group_by(level=told[name]).aggregate(
            events=told.count(), median_seconds=told.delay.median().cast("float64")
        )
        parts.append(engine.to_pandas(found.order_by("level")).assign(column=name))
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    table = table[table["level"].notna()]
    return table.assign(total=table.groupby("column")["events"].transform("sum"))[columns]


def second_of_day(events: Any) -> Any:
    """Return an Ibis column of the events' second of the (UTC) day."""
    return clock.whole_seconds(events.event_at) % 86_400


def fullest_second(events: Any) -> pd.DataFrame:
    """Return the second of the (UTC) day with the most events: `second`, `events`, `total`."""
    counted = (
        events.select(second=second_of_day(events))
        .group_by("second")
        .aggregate(events=lambda t: t.count())
    )
    total = counted.events.sum().over(ibis.window())
    ranked = counted.mutate(total=total).order_by(ibis.desc("events"), "second")
    return engine.to_pandas(ranked.limit(1))


MIX_OF_EVENTS = ("event_type", "source", "country")
MIX_OF_USERS = ("device",)
MOST_KINDS = 30
QUARTERS = {0: "0 to 6", 1: "6 to 12", 2: "12 to 18", 3: "18 to 24"}
SUMMER_TIME = 1.5
"""Times the fullest hour's share by which a quarter of the day must change: summer time moves it by
one hour, a clock or its zone by more."""


def daily_mix(events: Any, users: pd.DataFrame, window: LogWindow, zone: str) -> pd.DataFrame:
    """Return how many of each day's events are of each kind: `column`, `level`, `day_number`,
    `events`, `total` (of all kinds), one row for each day of the log; and `least`, the change of
    a kind's share up to which nothing is wrong.

    Kinds are the values of event_type, source and country of events and of device of users,
    for each column that has from 2 to 30 of them with at least 1 % of some 28 days, and the
    four quarters of the day in `zone` (`hour`), which move when a clock or its zone is changed.
    """
    inside = events.filter(events.event_at >= window.start, events.event_at < window.end)
    by_user = [name for name in MIX_OF_USERS if name in users]
    joined = inside.left_join(engine.from_pandas(users[["user_id", *by_user]]), "user_id")
    day = clock.local_day(joined.event_at, zone, window.start, window.end)
    second = clock.local_seconds(joined.event_at, zone, window.start, window.end)
    hour = (second % 86_400 / 3_600).floor().cast("int64")
    told = joined.mutate(day_number=day, hour=hour)
    parts = []
    for name in (*(c for c in MIX_OF_EVENTS if c in events.columns), *by_user, "hour"):
        counted = told.group_by(level=told[name], day_number=told.day_number).aggregate(
            events=lambda t: t.count()
        )
        table, least = engine.to_pandas(counted.order_by("level", "day_number")), 0.0
        if name == "hour":
            table, least = _by_quarter(table)
        parts.append(_kinds_by_day(table, name).assign(least=least))
    columns = ["column", "level", "day_number", "events", "total", "least"]
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=columns)


def _by_quarter(hours: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """Return the counts by quarter of the day, and the change of a share that summer time is."""
    fullest = hours.groupby("level")["events"].sum().max() / max(hours["events"].sum(), 1)
    by = [(hours["level"] // 6).map(QUARTERS), "day_number"]
    return hours.groupby(by)["events"].sum().reset_index(), SUMMER_TIME * float(fullest)


def _kinds_by_day(counted: pd.DataFrame, name: str) -> pd.DataFrame:
    wide = counted.dropna(subset="level").pivot(
        index="day_number", columns="level", values="events"
    )
    if wide.empty:
        return pd.DataFrame()
    wide = wide.reindex(range(int(wide.index.min()), int(wide.index.max()) + 1)).fillna(0.0)
    total = wide.sum(axis=1)
    all_months = total.rolling(28, min_periods=1).sum().clip(lower=1)
    months = wide.rolling(28, min_periods=1).sum()
    kept = [c for c in wide.columns if (months[c] / all_months).max() >= 0.01]
    if not 2 <= len(kept) <= MOST_KINDS:
        return pd.DataFrame()
    parts = [
        pd.DataFrame({"column": name, "level": level, "events": wide[level], "total": total})
        for level in kept
    ]
    return pd.concat(parts).rename_axis("day_number").reset_index()


NATIVE_TOTALS = {
    "views": ("plays", True),
    "episodes_completed": ("nexts", False),
    "credits_purchased": ("bought", True),
    "credits_spent": ("spent", True),
    "sessions_7d": ("sessions", False),
}
"""Native column: the log's measure, and whether the native total can never be less than it."""


def native_counts(
    users: pd.DataFrame,
    events: Any,
    window: LogWindow,
    roles: Mapping[str, str],
    gap_minutes: float,
) -> pd.DataFrame:
    """Return how far the counts and sums of the users table agree with the log's.

    One row per native column whose events the log has: `column`; `users` who signed up inside
    the log; `correlation` (Spearman's, over them) with its 95 % interval `ci_low`, `ci_high`
    (Fisher's z with the variance 1.06 / (n - 3) of Fieller, Hartley and Pearson, 1957;
    missing when either side does not vary); and of all users with events, `checked`, those
    whose native total is `below` what the log holds (0 where it may be). The log's measures:
    play events for views, next for episodes_completed, purchase and spend amounts (1 each
    where there is none) for credits, sessions in the log's last seven days for sessions_7d.
    """
    measured = _log_totals(events, window, roles, gap_minutes)
    native = [name for name in NATIVE_TOTALS if name in users]
    told = users[["user_id", "signup_date", *native]].merge(measured, on="user_id", how="left")
    inside = (told["signup_date"] >= window.start) & (told["signup_date"] < window.end)
    seen = told["plays"].notna()
    rows = []
    for column, (measure, is_least) in NATIVE_TOTALS.items():
        if column not in told or not (told[measure] > 0).any():
            continue
        pair = told.loc[inside, [column, measure]].fillna({measure: 0.0}).dropna()
        rho, low, high = _rank_correlation(pair[column], pair[measure])
        below = int((told[column] < told[measure] - 1e-9)[seen].sum()) if is_least else 0
        rows.append((column, len(pair), rho, low, high, below, int(seen.sum())))
    names = ["column", "users", "correlation", "ci_low", "ci_high", "below", "checked"]
    return pd.DataFrame(rows, columns=names)


def _log_totals(
    events: Any, window: LogWindow, roles: Mapping[str, str], gap_minutes: float
) -> pd.DataFrame:
    """Return per user with events: `plays, nexts, spent, bought, sessions`."""
    amount = ibis.coalesce(activity.amount(events), 1.0)

    def is_role(role: str) -> Any:
        return events.event_type == roles.get(role, "")

    sums = events.group_by("user_id").aggregate(
        plays=is_role("play").sum().cast("float64"),
        nexts=is_role("next").sum().cast("float64"),
        spent=activity.exact_sum(ibis.ifelse(is_role("spend"), amount, 0.0)),
        bought=activity.exact_sum(ibis.ifelse(is_role("purchase"), amount, 0.0)),
    )
    week = window.end - pd.Timedelta(days=7)
    late = events.filter(events.event_at >= week, events.event_at < window.end)
    sessions = (
        activity.with_sessions(late, gap_minutes)
        .group_by("user_id")
        .aggregate(sessions=lambda t: t.session_key.nunique().cast("float64"))
    )
    table = engine.to_pandas(sums.order_by("user_id")).merge(
        engine.to_pandas(sessions.order_by("user_id")), on="user_id", how="left"
    )
    return table.fillna({"sessions": 0.0})


def _rank_correlation(
    first: "pd.Series[float]", second: "pd.Series[float]"
) -> tuple[float, float, float]:
    if len(first) < 4 or first.nunique() < 2 or second.nunique() < 2:
        return float("nan"), float("nan"), float("nan")
    rho = float(first.rank().corr(second.rank()))
    z, error = np.arctanh(np.clip(rho, -1 + 1e-12, 1 - 1e-12)), (1.06 / (len(first) - 3)) ** 0.5
    low, high = np.tanh([z - 1.959964 * error, z + 1.959964 * error])
    return rho, float(low), float(high)


def cleaning_rules(users_qa: Mapping[str, Any], events_qa: Mapping[str, Any]) -> pd.DataFrame:
    """Return what cleaning found, as rows with the columns of user_rules (`sample` missing)."""
    rows = []
    for table, qa in (("users", users_qa), ("events", events_qa)):
        numbers = {
            name: f"{name.removeprefix('unreadable_')} is no number (taken as missing)"
            for name in qa
            if name.startswith("unreadable_") and name not in CLEANING
        }
        for name, rule in {**CLEANING, **numbers}.items():
            if qa.get(name) is not None:
                rows.append(("structural", table, rule, qa["rows_read"], qa[name], None))
    return pd.DataFrame(rows, columns=RULE_COLUMNS)


CLEANING = {
    "null_user_id": "user_id is missing (left out)",
    "null_event_uuid": "event_uuid is missing (left out)",
    "null_event_timestamp": "event time is missing or unreadable (left out)",
    "temporal_inconsistencies": "signup_date was after last_active_date (exchanged)",
    "duplicates_removed": "repeated identifier (one row kept)",
    "null_signup_date": "signup_date is missing or unreadable",
    "null_last_active_date": "last_active_date is missing or unreadable",
    "unreadable_signup_date": "signup_date cannot be read as a date",
    "unreadable_last_active_date": "last_active_date cannot be read as a date",
    "unreadable_top_show_launch_date": "top_show_launch_date cannot be read as a date",
    "unreadable_event_timestamp": "event time cannot be read",
    "unreadable_received_at": "received_at cannot be read",
    "unreadable_created_at": "created_at cannot be read",
}


def coverage_rules(users: pd.DataFrame, window: LogWindow, lookback: int) -> pd.DataFrame:
    """Return the users whose history the log does not hold, with the columns of user_rules."""
    signup = users["signup_date"]
    recent = window.end - pd.Timedelta(days=lookback)
    tests = {
        "joined before the log starts: first days unknown": signup < window.start,
        "joined too late for a full look back": (signup >= recent) & (signup < window.end),
        "joined after the log ends": signup >= window.end,
        "has no event in the log": users["last_event_at"].isna(),
    }
    rows = [
        ("coverage", "users", rule, len(users), int(breaks.sum()),
         users.loc[breaks, "user_id"].min() if breaks.any() else None)
        for rule, breaks in tests.items()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=RULE_COLUMNS)


def delay_histogram(events: Any) -> pd.DataFrame:
    """Return how often each delay occurs, exactly: `delay` (name), `seconds`, `count`.

    Empty when the table has neither `received_at` nor `created_at`.
    """
    parts = []
    for name, (first, second) in DELAYS.items():
        if not {first, second} <= set(events.columns):
            continue
        millis = _millis(events[second]) - _millis(events[first])
        table = events.select(seconds=millis / 1000).filter(lambda t: t.seconds.notnull())
        counted = table.group_by("seconds").aggregate(count=lambda t: t.count())
        parts.append(engine.to_pandas(counted.order_by("seconds")).assign(delay=name))
    empty = pd.DataFrame({"delay": [], "seconds": [], "count": []})
    return pd.concat(parts, ignore_index=True)[["delay", "seconds", "count"]] if parts else empty


def _millis(instants: Any) -> Any:
    return clock.whole_seconds(instants) * 1000 + instants.millisecond()


def latency_table(histogram: pd.DataFrame) -> pd.DataFrame:
    """Return per delay (seconds): `count, mean, std, min, 1%, 5%, 50%, 95%, 99%, max`.

    Exact, from the histogram; quantiles interpolate linearly, `std` has n - 1.
    """
    rows = [
        {"delay": name} | describe_counts(part["seconds"].to_numpy(), part["count"].to_numpy())
        for name, part in histogram.groupby("delay", sort=False)
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


def relational_table(users: pd.DataFrame, events: Any) -> pd.DataFrame:
    """Return `measure`, `value`: how the two tables fit together.

    `orphan_events`, `orphan_users` (events, and their distinct ids, without a user),
    `users_without_events`, `active_users`, and of the events per active user their
    mean, std, min, quartiles and max.
    """
    per_user = engine.to_pandas(
        events.group_by("user_id").aggregate(n=lambda t: t.count()).order_by("user_id")
    )
    known = per_user["user_id"].isin(users["user_id"])
    counts = per_user.loc[known, "n"]
    values = {
        "orphan_events": per_user.loc[~known, "n"].sum(),
        "orphan_users": (~known).sum(),
        "users_without_events": len(users) - known.sum(),
        "active_users": known.sum(),
        **{f"events_per_user_{k}": v for k, v in counts.describe().items() if k != "count"},
    }
    return pd.DataFrame({"measure": list(values), "value": [float(v) for v in values.values()]})


def events_per_user(users: pd.DataFrame, spans: pd.DataFrame) -> pd.DataFrame:
    """Return how many users have each number of events: `event_count`, `users`."""
    counts = users[["user_id"]].merge(spans, on="user_id", how="left")["event_count"].fillna(0)
    sizes = counts.astype("int64").value_counts().sort_index()
    return pd.DataFrame({"event_count": sizes.index, "users": sizes.to_numpy()})


def scorecard(rules: pd.DataFrame) -> pd.DataFrame:
    """Return one row per dimension of quality: `dimension`, `checks` (rules), `broken_rules`,
    `broken` (rows), `score` (mean over its rules of the share of rows that keep the rule,
    0 to 1) and `worst_rule`, `worst_share` (share of rows that break it).
    """
    told = rules.assign(share=rules["broken"] / rules["checked"].where(rules["checked"] > 0, 1))
    rows = []
    for dimension, part in told.groupby("dimension", sort=True):
        largest: Any = part["share"].idxmax()
        worst = part.loc[largest]
        rows.append({
            "dimension": dimension, "checks": len(part),
            "broken_rules": int((part["broken"] > 0).sum()),
            "broken": int(part["broken"].sum()), "score": float(1 - part["share"].mean()),
            "worst_rule": worst["rule"], "worst_share": float(worst["share"]),
        })  # fmt: skip
    return pd.DataFrame(rows)


def all_rules(
    told: pd.DataFrame,
    users: pd.DataFrame,
    events: Any,
    window: LogWindow,
    cleaning: pd.DataFrame,
    lookback_days: int,
) -> pd.DataFrame:
    """Return every rule of the audit with the columns of user_rules, in a fixed order.

    `told` is `users` with the log's `last_event_at` joined; `cleaning` from cleaning_rules.
    """
    parts = [
        cleaning,
        user_rules(told),
        event_rules(events, users),
        repeated_events(events),
        identity_rules(events, users),
        coverage_rules(told, window, lookback_days),
    ]
    filled = [part for part in parts if not part.empty]
    return pd.concat([part.astype({"sample": "str"}) for part in filled], ignore_index=True)


def broken(rules: pd.DataFrame) -> pd.DataFrame:
    """Return the rules that some rows break, the worst first, with their `share` of rows."""
    shares = rules.assign(share=rules["broken"] / rules["checked"].where(rules["checked"] > 0))
    kept = shares[shares["broken"] > 0].sort_values(
        ["share", "rule"], ascending=[False, True], ignore_index=True
    )
    return kept[["dimension", "table", "rule", "checked", "broken", "share"]]


def quality_table(nulls: pd.DataFrame, rules: pd.DataFrame) -> pd.DataFrame:
    """Return one row per column (`kind` = column) and one per rule (`kind` = rule)."""
    columns = nulls.rename(columns={"column": "name", "rows": "checked", "nulls": "broken"})
    named = rules.rename(columns={"rule": "name"})
    whole = pd.concat([columns.assign(kind="column"), named.assign(kind="rule")], ignore_index=True)
    order = ["kind", "table", "name", "dimension", "checked", "broken", "distinct", "is_present"]
    return whole[[*order, "sample"]].astype({"checked": "Int64", "broken": "Int64"})


def rules_of(quality: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of quality_table that are rules: `name, dimension, checked, broken`, ..."""
    return quality[quality["kind"] == "rule"].reset_index(drop=True)
