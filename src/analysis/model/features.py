"""What was known of each user at an instant: behaviour, habits, and the features made of them."""

from collections.abc import Iterator, Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd

from analysis.base import clock, engine
from analysis.base.formats import format_value
from analysis.base.table_file import Rows
from analysis.log.activity import COUNTED, exact_sum
from analysis.log.slices import Slices, different_types
from analysis.log.window import LogWindow

KEYS = ("user_id", "snapshot_at", "split", "churned")
DAY_SECONDS = 86_400
FORTNIGHT = 14  # days
QUANTILES = {"low": 0.05, "median": 0.5, "high": 0.95}
LARGEST = 1e100
"""Numbers from here on (and infinity) cannot be squared or summed."""
AT_ONCE = 500_000
"""Users whose features are in memory together."""
HABIT_LOOKBACKS = 3
"""Look-back periods for habits: enough for a user who comes every other week."""


def _by_session(seen: Slices) -> Any:
    rows = seen.rows
    last = clock.whole_seconds(rows.last_event_at.max())
    return rows.group_by("user_id", "session_key").aggregate(
        seconds=last - clock.whole_seconds(rows.first_event_at.min()),
        last_second=last,
        **{name: rows[name].sum() for name in COUNTED},
    )


def _session_features(sessions: Any, weeks: float) -> Any:
    rank = ibis.row_number().over(group_by=sessions.user_id, order_by=sessions.seconds)
    total = sessions.count().over(group_by=sessions.user_id)
    ranked = sessions.mutate(nth=rank + 1, p95=(total * 0.95).ceil())
    failed = (ranked.clicks > 0) & (ranked.plays == 0)
    return ranked.group_by("user_id").aggregate(
        sessions_per_week=ranked.count() / weeks,
        plays_per_session=ranked.plays.sum() / ranked.count(),
        next_episode_rate=ranked.nexts.sum() / ranked.plays.sum().nullif(0),
        session_seconds_p95=ranked.seconds.max(where=ranked.nth == ranked.p95).cast("float64"),
        exit_rate=(ranked.exits > 0).sum() / ranked.count(),
        failed_intents=failed.sum().cast("float64"),
    )


def _event_features(seen: Slices, lookback: int) -> Any:
    """Return per user the features from events of the look-back period, apart from sessions."""
    rows = seen.rows
    events, last = rows.events.sum(), clock.whole_seconds(rows.last_event_at.max())
    late = ibis.ifelse(rows.half_days < lookback, rows.events, 0).sum()
    return rows.group_by("user_id").aggregate(
        recency_days=(int(seen.end.timestamp()) - last) / DAY_SECONDS,
        event_count=events.cast("float64"),
        active_days=rows.days_to_end.nunique().cast("float64"),
        active_days_last_week=rows.days_to_end.nunique(where=rows.days_to_end < 7).cast("float64"),
        unique_event_types=different_types(rows).cast("float64"),
        recent_share=late / events,
        credits_spent=exact_sum(rows.spent).fill_null(0.0),
        credits_bought=exact_sum(rows.bought).fill_null(0.0),
    )


NEEDS: dict[str, set[str]] = {
    "plays_per_session": {"play"},
    "next_episode_rate": {"play", "next"},
    "exit_rate": {"exit"},
    "failed_intents": {"click", "play"},
    "credits_spent": {"spend"},
    "credits_bought": {"purchase"},
    "usual_next_episode_rate": {"play", "next"},
    "usual_failed_rate": {"click", "play"},
}
"""Features that only exist where events of some roles do."""


def behaviour(slices: Slices, at: pd.Timestamp, lookback: int, gap_minutes: float) -> Any:
    """Return the behaviour of each user in [at - lookback, at): one row per user.

    Columns, from events of the `lookback` days before `at` that were recorded before `at`:
    `recency_days` (since the last event), `event_count`, `active_days`,
    `active_days_last_week`, `unique_event_types` (620 at most), `recent_share` (share of
    events in the later half), `credits_spent`, `credits_bought` (sums of `amount`, or 1 each),
    `sessions_per_week`, `plays_per_session`, `next_episode_rate` (next episodes per
    play), `session_seconds_p95` (smallest length that 95 % of the user's sessions do
    not exceed), `exit_rate` (sessions with an exit event), `failed_intents` (sessions
    with a click and no play).
    """
    seen = slices.before(at, lookback).with_sessions(gap_minutes)
    sessions = _session_features(_by_session(seen), lookback / 7)
    return _event_features(seen, lookback).join(sessions, "user_id")


def habits(
    slices: Slices,
    users: pd.DataFrame,
    window: LogWindow,
    at: pd.Timestamp,
    lookback: int,
    gap_minutes: float,
) -> pd.DataFrame:
    """Return what is usual for each user over three look-back periods: one row per user.

    `usual_sessions_per_week` since signup, the start of the log or the start of the three periods,
    whichever is latest (one session and two weeks are added, so that a newcomer's first day does
    not set the pace); `silence_ratio`, the number of sessions expected since the last event at that
    pace (a gap of k expected sessions has probability exp(-k) for a user who is still active: the
    exponential gaps of Schmittlein, Morrison & Colombo 1987);
    `usual_next_episode_rate` (next episodes per play), `usual_failed_rate` (sessions with a click
    and no play per session with a click) and `usual_session_seconds` (mean length). The period is
    bounded, so that early and late snapshots mean the same; a count over a user's whole history
    could reveal where it ends.
    """
    opens = max(window.start, at - HABIT_LOOKBACKS * pd.Timedelta(days=lookback))
    seen = slices.before(at, HABIT_LOOKBACKS * lookback).with_sessions(gap_minutes)
    sessions = _by_session(seen)
    clicked, failed = sessions.clicks > 0, (sessions.clicks > 0) & (sessions.plays == 0)
    sums = sessions.group_by("user_id").aggregate(
        sessions=sessions.count(),
        last=sessions.last_second.max(),
        usual_next_episode_rate=sessions.nexts.sum() / sessions.plays.sum().nullif(0),
        usual_failed_rate=failed.sum() / clicked.sum().nullif(0),
        usual_session_seconds=sessions.seconds.mean(),
    )
    table = engine.to_pandas(sums.order_by("user_id")).merge(
        users[["user_id", "signup_date"]], on="user_id"
    )
    begins = table["signup_date"].where(table["signup_date"] > opens, opens)
    observed: pd.Series[pd.Timedelta] = at - begins
    days = observed / pd.Timedelta(days=1)
    per_day = (table.pop("sessions") + 1) / (days + FORTNIGHT)
    silence = (at.timestamp() - table.pop("last")) / DAY_SECONDS
    return table.drop(columns="signup_date").assign(
        usual_sessions_per_week=7 * per_day, silence_ratio=silence * per_day
    )


def finite(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with numbers that nothing can be computed with (LARGEST) as missing."""
    numbers = table.select_dtypes("float")
    beyond = numbers.abs() >= LARGEST
    names = list(numbers.columns[beyond.any()])
    return table.assign(**{name: table[name].mask(beyond[name]) for name in names})


def absent_features(slices: Slices) -> list[str]:
    """Return the features that need a role of which the log has no events."""
    totals = engine.to_pandas(slices.rows.aggregate(**{n: slices.rows[n].sum() for n in COUNTED}))
    absent = {role for name, role in COUNTED.items() if not (totals[name] > 0).all()}
    return [name for name, needed in NEEDS.items() if needed & absent]


def feature_columns(table: Rows) -> tuple[list[str], list[str]]:
    """Return numeric and categorical feature names of `table` (the result of snapshots)."""
    features = [name for name in table.columns if name not in KEYS]
    kinds = table.dtypes
    numeric = [name for name in features if pd.api.types.is_numeric_dtype(kinds[name])]
    return numeric, [name for name in features if name not in numeric]


def user_features(
    slices: Slices,
    users: pd.DataFrame,
    window: LogWindow,
    lookback: int,
    gap_minutes: float,
) -> Iterator[pd.DataFrame]:
    """Yield one row per user as of the end of the log, active lately or not, AT_ONCE users at a
    time where they are more; these are numbered (see slices.numbered).

    Columns: the users table's; those of behaviour over the whole log (`event_count` and
    `active_days` are 0 and the rest missing for a user without events);
    `first_event_at`, `last_event_at` (UTC); `tenure_days`; and behaviour over the last
    `lookback` days with the prefix `recent_` (missing where the user was not active then), without
    the features that the log lacks (see absent_features). Numbers too large to compute with (see
    finite) are missing.
    """
    absent = absent_features(slices)
    known = _known_at_the_end(slices, window, lookback, gap_minutes, absent)
    is_whole = len(users) <= AT_ONCE
    known = known if is_whole else known.cache()
    for first in range(0, max(len(users), 1), AT_ONCE):
        found = engine.to_pandas(known if is_whole else _of_numbers(known, first))
        part = users.iloc[first : first + AT_ONCE]
        native = {c: f"native_{c}" for c in part if c in found and c != "user_id"}
        part = part.rename(columns=native)
        table = part.merge(found, on="user_id", how="left")
        for name in ("event_count", "active_days"):
            table[name] = table[name].fillna(0)
        tenure: pd.Series[pd.Timedelta] = window.end - table["signup_date"]
        table["tenure_days"] = tenure / pd.Timedelta(days=1)
        yield finite(table.sort_values("user_id", ignore_index=True))


def _of_numbers(known: Any, first: int) -> Any:
    """Return the rows of AT_ONCE users from number `first` on."""
    return known.filter(known.user_id.between(first, first + AT_ONCE - 1))


def _known_at_the_end(
    slices: Slices, window: LogWindow, lookback: int, gap_minutes: float, absent: Sequence[str]
) -> Any:
    """Return the columns of user_features that come from events, one row per user (Ibis)."""
    log = behaviour(slices, window.end, int(np.ceil(window.days)), gap_minutes)
    late = behaviour(slices, window.end, lookback, gap_minutes)
    log, late = (part.drop(*(c for c in absent if c in part.columns)) for part in (log, late))
    late = late.rename({f"recent_{name}": name for name in late.columns if name != "user_id"})
    rows = slices.rows
    spans = rows.group_by("user_id").aggregate(
        first_event_at=rows.first_event_at.min(), last_event_at=rows.last_event_at.max()
    )
    joined = spans.left_join(log, "user_id").drop("user_id_right")
    joined = joined.left_join(late, "user_id").drop("user_id_right")
    return joined.select(*log.columns, "first_event_at", "last_event_at", *late.columns[1:])


def feature_summary(table: Rows, min_disclosed: int = 1) -> pd.DataFrame:
    """Return one row per feature: `feature`, `kind`, `missing` (share), and its 5 %, 50 % and
    95 % as `low`, `median`, `high`; for a category only the most common value, as `median`.

    A percentile beyond which fewer than `min_disclosed` users lie is missing, and so is a category
    that fewer have: it is nearly the value of one of them.
    """
    numeric, categorical = feature_columns(table)
    ids = table["user_id"]
    least = min_disclosed / max(ids.nunique(), 1) if min_disclosed > 1 else 0.0
    told = [q for q in QUANTILES.values() if min(q, 1 - q) >= least]
    rows: list[dict[str, Any]] = []
    for name in numeric:
        values = table[name]
        found = values.quantile(told)
        texts = {q: format_value(value, "number", decimals=2) for q, value in found.items()}
        row = {"feature": name, "kind": "number", "missing": float(values.isna().mean())}
        rows.append(row | {key: texts.get(q) for key, q in QUANTILES.items()})
    for name in categorical:
        values = table[name]
        common = values.mode().head(1)
        held = ids[values.isin(common)].nunique()
        value = str(common.iloc[0]) if held >= min_disclosed and len(common) else None
        row = {"feature": name, "kind": "category", "missing": float(values.isna().mean())}
        rows.append(row | {"median": value})
    return pd.DataFrame(rows, columns=["feature", "kind", "missing", *QUANTILES])
