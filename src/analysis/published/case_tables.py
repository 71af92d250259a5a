"""The case's tables by the case's own definitions, faults included.

Known faults, kept on purpose: events before signup count as activity, users whose first days
the log never saw count as churned, and a user without events churns. Names and definitions are
those of "Idilio TV, Head of Data & AI" (2025). `events` are cleaned Ibis tables on
a session in UTC and stay in the engine; what comes back has one row per user or fewer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis import Table

from analysis.base.errors import ReportError
from analysis.log.window import LogWindow

USER_COLUMNS = (
    *("user_id", "signup_date", "age", "gender", "country", "device", "os_version"),
    *("app_version", "language", "acquisition_channel", "subscription_type", "last_active_date"),
    *("sessions_7d", "views", "likes", "avg_watch_time_sec", "credits_purchased", "credits_spent"),
    *("episodes_completed", "top_show_id", "top_show_title", "top_show_genre"),
    *("top_show_launch_date", "top_show_episode_count"),
)
EVENT_FEATURES = ("event_count", "recency_days", "unique_event_types")
PERCENTILES = (0.01, 0.05, 0.5, 0.95, 0.99)
LAST_DAYS = {"events_D7": 7, "events_D30": 30}


@dataclass(frozen=True)
class Relational:
    """`orphan_events` and `orphan_users` (events of unknown users, and how many such ids),
    `active_users` (ids with events), `users_without_events`, and `events_per_user`: count, mean,
    std (n - 1), min, quartiles and max, over the ids that have events.
    """

    orphan_events: int
    orphan_users: int
    active_users: int
    users_without_events: int
    events_per_user: pd.Series


def case_features(users: pd.DataFrame, events: Table) -> pd.DataFrame:
    """Return one row per user, by `user_id`: the case's user columns that are present, without
    the native label, then `event_count`, `recency_days` (whole days from the user's last event
    to the last event of all; missing without events) and `unique_event_types` (counts).

    Text whose every value is a number becomes a number, as when the case read its CSV.
    """
    known = users[[name for name in USER_COLUMNS if name in users]].apply(_read_like_csv)
    totals = _count_per_user(events)
    since_last = totals["last_event_at"].max() - totals["last_event_at"]
    totals["recency_days"] = since_last.dt.days
    table = known.merge(totals[["user_id", *EVENT_FEATURES]], on="user_id", how="left")
    counts = table[["event_count", "unique_event_types"]].fillna(0).astype("int64")
    return table.assign(**counts).sort_values("user_id", ignore_index=True)


def case_retention(users: pd.DataFrame, events: Table) -> pd.DataFrame:
    """Return one row per user, by `user_id`: `signup_date`, `cohort_month`, `churn_30d`
    (1 when `events_D30` is 0), `events_D7` and `events_D30` (events whose day since signup is
    at most 7 or 30, days before signup included; 0 for users without events).
    """
    counts = _count_up_to(users, events, LAST_DAYS)
    month = counts["signup_date"].dt.strftime("%Y-%m")
    churned = (counts["events_D30"] == 0).astype("int64")
    counts.insert(2, "cohort_month", month)
    counts.insert(3, "churn_30d", churned)
    return counts


def case_cohorts(users: pd.DataFrame, events: Table) -> pd.DataFrame:
    """Return one row per `cohort_month` (of signup) and `event_month` with any activity:
    `active_users`, `cohort_size` (counts) and `retention_rate` (0 to 1). Months before signup
    are kept; months that the log covers only in part are not marked.
    """
    daily = _count_per_day(events).inner_join(_signups(users), "user_id")
    month = daily.event_date.year() * 100 + daily.event_date.month()
    active = daily.group_by([daily.cohort_month, month.name("event_month")]).agg(
        active_users=daily.user_id.nunique()
    )
    table = _fetch(active).sort_values(["cohort_month", "event_month"], ignore_index=True)
    number = table["event_month"].astype("int64")
    table["event_month"] = [f"{n // 100:04d}-{n % 100:02d}" for n in number]
    sizes = users["signup_date"].dt.strftime("%Y-%m").value_counts()
    table["cohort_size"] = table["cohort_month"].map(sizes).astype("int64")
    table["retention_rate"] = table["active_users"] / table["cohort_size"]
    return table


def case_relational(users: pd.DataFrame, events: Table) -> Relational:
    """Return the orphans, the users without events and the distribution of events per user."""
    totals = _count_per_user(events)
    is_orphan = ~totals["user_id"].isin(users["user_id"])
    return Relational(
        orphan_events=int(totals.loc[is_orphan, "event_count"].sum()),
        orphan_users=int(is_orphan.sum()),
        active_users=len(totals),
        users_without_events=int((~users["user_id"].isin(totals["user_id"])).sum()),
        events_per_user=totals["event_count"].astype("float64").describe(),
    )


def case_latency(events: Table) -> pd.DataFrame:
    """Return the statistics (rows: count, mean, std with n - 1, min, 1 to 99 %, max; seconds) of
    each delay (column) whose two instants `events` has; no column when it has none.

    The case had exchanged two names before this step: what it calls created is `received_at`
    and what it calls received is `created_at`. Percentiles are exact, linear between ranks.
    """
    ends = {
        "delay_event_created": ("event_at", "received_at"),
        "delay_created_received": ("received_at", "created_at"),
        "delay_event_received": ("event_at", "created_at"),
    }
    micros = {
        name: events[then].delta(events[first], unit="microsecond")
        for name, (first, then) in ends.items()
        if {first, then} <= set(events.columns)
    }
    if not micros:
        return pd.DataFrame()
    histogram = events.group_by(**micros).agg(n=events.count()).cache()  # one pass over the events
    return pd.DataFrame({name: _describe_delay(histogram, name) for name in micros})


def _count_up_to(users: pd.DataFrame, events: Table, last_days: Mapping[str, int]) -> pd.DataFrame:
    """Return `user_id`, `signup_date` and, for each name, the events from the beginning to its
    last day since signup, that day included. A fault of the case: half-open windows are the rule
    elsewhere.
    """
    daily = _count_per_day(events).inner_join(_signups(users), "user_id")
    tenure = daily.event_date.delta(daily.signup_day, unit="day")
    sums = {name: daily.events.sum(where=tenure <= last) for name, last in last_days.items()}
    counted = _fetch(daily.group_by("user_id").agg(**sums))
    table = users[["user_id", "signup_date"]].merge(counted, on="user_id", how="left")
    table[list(last_days)] = table[list(last_days)].fillna(0).astype("float64")
    return table.sort_values("user_id", ignore_index=True)


def relational_table(relational: Relational) -> pd.DataFrame:
    """Return `measure`, `value`: orphans, users without events, events per user."""
    names = ("orphan_events", "orphan_users", "active_users", "users_without_events")
    values = {name: getattr(relational, name) for name in names}
    values |= {
        f"events_per_user_{name}": value for name, value in relational.events_per_user.items()
    }
    return pd.DataFrame({"measure": list(values), "value": [float(v) for v in values.values()]})


def retention_summary(retention: pd.DataFrame) -> pd.DataFrame:
    """Return `figure` (`d7`, `d30`, `churn`), `users`, `rate` (0 to 1) as the case counts them."""
    rates = {
        "d7": (retention["events_D7"] > 0).mean(),
        "d30": (retention["events_D30"] > 0).mean(),
        "churn": (retention["churn_30d"] == 1).mean(),
    }
    return pd.DataFrame(
        {"figure": list(rates), "users": len(retention), "rate": list(rates.values())}
    )


def label_by_cohort(retention: pd.DataFrame, window: LogWindow) -> pd.DataFrame:
    """Return `cohort_month`, `users`, `churn_rate` (0 to 1) by the case's label, and `is_covered`:
    whether the whole month lies inside the log.
    """
    known = retention[retention["signup_date"].notna()]
    table = known.groupby("cohort_month").agg(
        users=("churn_30d", "size"), churn_rate=("churn_30d", "mean")
    )
    starts = pd.to_datetime(table.index + "-01", utc=True)
    covered = (starts >= window.start) & (starts + pd.DateOffset(months=1) <= window.end)
    return table.assign(is_covered=covered).reset_index()


def _fetch(table: Table) -> pd.DataFrame:
    """Return the rows of a small Ibis table as pandas; through Arrow, which keeps the zone."""
    frame: pd.DataFrame = table.to_pyarrow().to_pandas()
    return frame


def _count_per_user(events: Table) -> pd.DataFrame:
    """Return `user_id`, `event_count`, `last_event_at` and `unique_event_types`, by user."""
    totals = events.group_by("user_id").agg(
        event_count=events.count(),
        last_event_at=events.event_at.max(),
        unique_event_types=events.event_type.nunique(),
    )
    return _fetch(totals).dropna(subset="user_id").sort_values("user_id", ignore_index=True)


def _count_per_day(events: Table) -> Table:
    """Return the Ibis table `user_id`, `event_date` (UTC day), `events` (count)."""
    dated = events.filter(events.event_at.notnull())
    return dated.group_by(dated.user_id, event_date=dated.event_at.date()).agg(events=dated.count())


def _signups(users: pd.DataFrame) -> Table:
    """Return the Ibis table `user_id`, `signup_day` (date), `cohort_month` of dated users."""
    repeated = users.loc[users["user_id"].duplicated(), "user_id"]
    if not repeated.empty:
        raise ReportError(
            f"users: user_id must be unique, but {repeated.iloc[0]!r} appears more than once "
            f"({len(repeated)} rows too many). Rerun the stage 01_clean_users."
        )
    dated = users.dropna(subset="signup_date")
    columns = {
        "user_id": pa.array(dated["user_id"], pa.string()),
        "signup_day": pa.array(dated["signup_date"].dt.date, pa.date32()),
        "cohort_month": pa.array(dated["signup_date"].dt.strftime("%Y-%m"), pa.string()),
    }
    return ibis.memtable(pa.table(columns))


def _describe_delay(histogram: Table, name: str) -> "pd.Series[float]":
    """Return count, mean, std, min, percentiles and max in seconds of one delay, given the
    number `n` of events with each delay in microseconds.
    """
    known = histogram.filter(histogram[name].notnull())
    counted = known.group_by(micros=known[name]).agg(n=known.n.sum())
    seconds, n = counted.micros / 1e6, counted.n
    sums = _fetch(counted.agg(n=n.sum(), total=(counted.micros * n).sum().cast("float64")))
    count = int(sums["n"].fillna(0).iloc[0])
    mean = float(sums["total"].iloc[0]) / 1e6 / count if count else np.nan
    squares = ((seconds - mean) * (seconds - mean) * n).sum()
    spread = _fetch(counted.agg(squares=squares, low=seconds.min(), high=seconds.max()))
    deviation, low, high = spread.astype("float64").iloc[0].tolist()
    std = np.sqrt(deviation / (count - 1)) if count > 1 else np.nan
    std = float(f"{std:.12g}")  # the last digits depend on the order in which threads add up
    figures = {"count": float(count), "mean": mean, "std": std, "min": low}
    return pd.Series({**figures, **_exact_percentiles(counted, count), "max": high})


def _exact_percentiles(counted: Table, count: int) -> dict[str, float]:
    """Return the percentiles of `micros` in seconds, from the few order statistics they need.

    A running count over the distinct delays stays in the engine: engines disagree about their
    own interpolated quantiles near the top.
    """
    names = [f"{share:.0%}" for share in PERCENTILES]
    if count == 0:
        return dict.fromkeys(names, np.nan)
    ranks = np.array(PERCENTILES) * (count - 1)
    low, high = np.floor(ranks).astype(int), np.ceil(ranks).astype(int)
    value_at = _find_ranks(counted, sorted({*low.tolist(), *high.tolist()}))
    start = np.array([value_at[rank] for rank in low.tolist()])
    end = np.array([value_at[rank] for rank in high.tolist()])
    between = (start + (end - start) * (ranks - low)) / 1e6
    return dict(zip(names, between.tolist(), strict=True))


def _find_ranks(counted: Table, ranks: list[int]) -> dict[int, float]:
    """Return the value of `micros` at each 0-based rank."""
    upto = counted.n.sum().over(ibis.window(order_by=counted.micros, preceding=(None, 0)))
    running = counted.mutate(upto=upto)
    wanted = [(running.upto > rank) & (running.upto - running.n <= rank) for rank in ranks]
    rows = _fetch(running.filter(ibis.or_(*wanted))).sort_values("micros")
    places = rows["upto"].to_numpy(dtype="int64").searchsorted(ranks, side="right")
    return dict(zip(ranks, rows["micros"].to_numpy(dtype="float64")[places].tolist(), strict=True))


def _read_like_csv(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return text that is all numbers as numbers, flags as 0 and 1, the rest as it is."""
    if pd.api.types.is_bool_dtype(column):
        return column.astype("int64")
    if column.name == "user_id" or not _is_text(column):
        return column
    numbers = pd.to_numeric(column, errors="coerce")
    return numbers if numbers.notna().equals(column.notna()) else column


def _is_text(column: "pd.Series[Any]") -> bool:
    is_date = pd.api.types.is_datetime64_any_dtype(column)
    return not is_date and not pd.api.types.is_numeric_dtype(column)
