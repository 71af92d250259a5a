"""What was known of each user at an instant: behaviour, habits, and the features made of them."""

from collections.abc import Mapping
from typing import Any

import ibis
import numpy as np
import pandas as pd

from analysis.base import clock, engine
from analysis.base.formats import format_value
from analysis.log.activity import absent_roles, amount, exact_sum, user_spans, with_sessions
from analysis.log.window import LogWindow

KEYS = ("user_id", "snapshot_at", "split", "churned")
DAY_SECONDS = 86_400
FORTNIGHT = 14  # days
LARGEST = 1e100
"""Numbers from here on (and infinity) cannot be squared or summed."""
HABIT_LOOKBACKS = 3
"""Look-back periods for habits: enough for a user who comes every other week."""


def _by_session(seen: Any, roles: Mapping[str, str]) -> Any:
    def count(role: str) -> Any:
        return (seen.event_type == roles.get(role, "")).sum()

    return seen.group_by("user_id", "session_key").aggregate(
        seconds=clock.whole_seconds(seen.event_at.max()) - clock.whole_seconds(seen.event_at.min()),
        last_second=clock.whole_seconds(seen.event_at.max()),
        plays=count("play"),
        clicks=count("click"),
        nexts=count("next"),
        exits=count("exit"),
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


def _event_features(seen: Any, at: pd.Timestamp, lookback: int, roles: Mapping[str, str]) -> Any:
    """Return per user the features from events of the look-back period, apart from sessions."""
    age = (int(at.timestamp()) - clock.whole_seconds(seen.event_at)) / DAY_SECONDS
    day = age.ceil() - 1  # day k is [at - k - 1, at - k): its first instant belongs to it
    given = amount(seen)

    def total(role: str) -> Any:
        is_role = seen.event_type == roles.get(role, "")
        return exact_sum(ibis.ifelse(is_role, ibis.coalesce(given, 1.0), 0.0))

    half = lookback / 2
    return seen.group_by("user_id").aggregate(
        recency_days=age.min(),
        event_count=seen.count().cast("float64"),
        active_days=day.nunique().cast("float64"),
        active_days_last_week=day.nunique(where=age <= 7).cast("float64"),
        unique_event_types=seen.event_type.nunique().cast("float64"),
        recent_share=(age <= half).sum() / seen.count(),
        credits_spent=total("spend"),
        credits_bought=total("purchase"),
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


def behaviour(
    active: Any, at: pd.Timestamp, lookback: int, roles: Mapping[str, str], gap_minutes: float
) -> pd.DataFrame:
    """Return the behaviour of each user in [at - lookback, at): one row per user.

    Columns, from events of the `lookback` days before `at` that were recorded before `at`:
    `recency_days` (since the last event), `event_count`, `active_days`,
    `active_days_last_week`, `unique_event_types`, `recent_share` (share of events in
    the later half), `credits_spent`, `credits_bought` (sums of `amount`, or 1 each),
    `sessions_per_week`, `plays_per_session`, `next_episode_rate` (next episodes per
    play), `session_seconds_p95` (smallest length that 95 % of the user's sessions do
    not exceed), `exit_rate` (sessions with an exit event), `failed_intents` (sessions
    with a click and no play).
    """
    start = at - pd.Timedelta(days=lookback)
    inside = (active.event_at >= start) & (active.event_at < at)
    seen = with_sessions(active.filter(inside, active.recorded_at < at), gap_minutes)
    events = _event_features(seen, at, lookback, roles)
    sessions = _session_features(_by_session(seen, roles), lookback / 7)
    joined = events.join(sessions, "user_id").order_by("user_id")
    return engine.to_pandas(joined)


def habits(
    active: Any,
    users: pd.DataFrame,
    window: LogWindow,
    at: pd.Timestamp,
    lookback: int,
    roles: Mapping[str, str],
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
    inside = active.filter(active.event_at >= opens, active.event_at < at, active.recorded_at < at)
    sessions = _by_session(with_sessions(inside, gap_minutes), roles)
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


def absent_features(active: Any, roles: Mapping[str, str]) -> list[str]:
    """Return the features that need a role of which the log has no events."""
    absent = set(absent_roles(active, roles))
    return [name for name, needed in NEEDS.items() if needed & absent]


def feature_columns(table: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Return numeric and categorical feature names of `table` (the result of snapshots)."""
    features = [name for name in table.columns if name not in KEYS]
    numeric = [name for name in features if pd.api.types.is_numeric_dtype(table[name])]
    return numeric, [name for name in features if name not in numeric]


def user_features(
    active: Any,
    users: pd.DataFrame,
    window: LogWindow,
    lookback: int,
    roles: Mapping[str, str],
    gap_minutes: float,
) -> pd.DataFrame:
    """Return one row per user as of the end of the log, active lately or not.

    Columns: the users table's; those of behaviour over the whole log (`event_count` and
    `active_days` are 0 and the rest missing for a user without events);
    `first_event_at`, `last_event_at` (UTC); `tenure_days`; and behaviour over the last
    `lookback` days with the prefix `recent_` (missing where the user was not active then). Numbers
    too large to compute with (see finite) are missing.
    """
    dropped = absent_features(active, roles)
    log = behaviour(active, window.end, int(np.ceil(window.days)), roles, gap_minutes)
    late = behaviour(active, window.end, lookback, roles, gap_minutes)
    log, late = (part.drop(columns=dropped, errors="ignore") for part in (log, late))
    late = late.rename(columns={name: f"recent_{name}" for name in late.columns.drop("user_id")})
    spans = user_spans(active).drop(columns="event_count")
    table = users.rename(columns={c: f"native_{c}" for c in users if c in log and c != "user_id"})
    for part in (log, spans, late):
        table = table.merge(part, on="user_id", how="left")
    for name in ("event_count", "active_days"):
        table[name] = table[name].fillna(0)
    tenure: pd.Series[pd.Timedelta] = window.end - table["signup_date"]
    table["tenure_days"] = tenure / pd.Timedelta(days=1)
    return finite(table.sort_values("user_id", ignore_index=True))


def feature_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per feature: `feature`, `kind`, `missing` (share), and its 5 %, 50 % and
    95 % as `low`, `median`, `high`; for a category only the most common value, as `median`.
    """
    numeric, categorical = feature_columns(table)
    rows: list[dict[str, Any]] = []
    for name in numeric:
        low, median, high = (
            format_value(table[name].quantile(q), "number", decimals=2) for q in (0.05, 0.5, 0.95)
        )
        rows.append({"feature": name, "kind": "number", "low": low, "median": median, "high": high})
    for name in categorical:
        common = table[name].mode()
        rows.append({"feature": name, "kind": "category",
                     "median": str(common.iloc[0]) if len(common) else None})  # fmt: skip
    columns = ["feature", "kind", "low", "median", "high"]
    frame = pd.DataFrame(rows, columns=columns)
    frame.insert(2, "missing", [float(table[name].isna().mean()) for name in frame["feature"]])
    return frame
