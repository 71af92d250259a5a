"""What was known of each user at an instant, and what the user did next."""

from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd

from analysis.base import clock, engine
from analysis.base.errors import ReportError
from analysis.base.statistics import wilson
from analysis.contract.inputs import check_named
from analysis.log.activity import absent_roles, amount, exact_sum, user_spans, with_sessions
from analysis.log.churn import Windows, at_risk, outcome, snapshot_plan, users_between
from analysis.log.window import LogWindow

KEYS = ("user_id", "snapshot_at", "split", "churned")
DAY_SECONDS = 86_400
FORTNIGHT = 14  # days
HABIT_LOOKBACKS = 3
"""Look backs over which a habit is told: long enough for a user who comes every other week."""


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
    """Return per user what the look back holds, before sessions."""
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
    """Return what was recorded of each user in [at - lookback, at): one row per user.

    Columns, of the `lookback` days before `at`, from events recorded before `at`:
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
    """Return what is usual for each user, over three look backs before `at`: one row per user.

    `usual_sessions_per_week` since signup, the start of the log or the start of the three look
    backs, whichever is latest (one more session and a fortnight more are counted, so that a
    newcomer's first day sets no pace); `silence_ratio`, the sessions that the silence since the
    last event would have held at that pace (a silence of k has probability exp(-k) in a user
    who is still there: the exponential gaps of Schmittlein, Morrison & Colombo 1987);
    `usual_next_episode_rate` (next episodes per play), `usual_failed_rate` (sessions with a click
    and no play per session with a click) and `usual_session_seconds` (mean length). Bounded, so
    that snapshots early and late in the log mean the same, and no count of a whole life, which
    can give away where it ends.
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


def absent_features(active: Any, roles: Mapping[str, str]) -> list[str]:
    """Return the features that need a role of which the log has no events."""
    absent = set(absent_roles(active, roles))
    return [name for name, needed in NEEDS.items() if needed & absent]


def snapshots(
    active: Any,
    users: pd.DataFrame,
    window: LogWindow,
    windows: Windows,
    roles: Mapping[str, str],
    static_columns: Sequence[str],
    gap_minutes: float,
) -> pd.DataFrame:
    """Return who was at risk at each snapshot, what was known then, and who left after it.

    At a snapshot t the population is every user with an event in [t - lookback, t) that was
    recorded before t;
    `churned` is 1 when no event of theirs falls in [t + gap, t + gap + horizon), 0 when
    one does, and missing where that window ends after the log does. Features use only
    events recorded before t, and attributes fixed at signup (`static_columns`).

    Columns: `user_id`, `snapshot_at` (UTC), `split` (train, calibrate, test, score: see
    snapshot_plan), `churned`, `tenure_days`, those of behaviour (over the look back) and of
    habits (over three), and the static ones.
    Raises ReportError when the log is too short, when every event before a snapshot arrived after
    it, and for a static column that nobody knows.
    """
    check_named(static_columns, users.columns, "static_columns")
    plan = snapshot_plan(window, windows)
    dropped = absent_features(active, roles)
    attributes = users[["user_id", "signup_date", *(c for c in static_columns if c in users)]]
    parts = []
    for at, split in plan.itertuples(index=False):
        population = at_risk(active, at, windows)
        if population.empty and len(users_between(active, at - windows.back, at)):
            raise ReportError(
                f"events: received_at is later than {at:%Y-%m-%d} for all events of the "
                f"{windows.lookback} days before it, so that nobody was known then. It tells when "
                "rows were loaded: leave that column out of the table."
            )
        part = pd.DataFrame({"user_id": population, "snapshot_at": at, "split": split})
        part["churned"] = outcome(active, population, at, windows, window.end)
        known = behaviour(active, at, windows.lookback, roles, gap_minutes)
        usual = habits(active, users, window, at, windows.lookback, roles, gap_minutes)
        part = part.merge(attributes, on="user_id").merge(known, on="user_id", how="left")
        part = part.merge(usual, on="user_id", how="left")
        part["tenure_days"] = (at - part["signup_date"]) / pd.Timedelta(days=1)
        parts.append(part.drop(columns=["signup_date", *dropped]))
    table = pd.concat(parts, ignore_index=True)
    table["snapshot_at"] = table["snapshot_at"].astype("datetime64[us, UTC]")
    return table.sort_values(["snapshot_at", "user_id"], ignore_index=True)


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
    `lookback` days with the prefix `recent_` (missing where the user was not active then).
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
    return table.sort_values("user_id", ignore_index=True)


def snapshot_summary(table: pd.DataFrame, zone: str) -> pd.DataFrame:
    """Return one row per snapshot: `snapshot_at` (day of `zone`), `split`, `users`, `churners`
    (counts), `churn_rate`, `ci_low`, `ci_high` (0 to 1, Wilson; missing where not yet observed).
    """
    grouped = table.groupby(["snapshot_at", "split"], sort=True)["churned"]
    rows = grouped.agg(users="size", churners=lambda c: c.sum(min_count=1)).reset_index()
    low, high = wilson(rows["churners"], rows["users"])
    rate = rows["churners"] / rows["users"]
    day = rows["snapshot_at"].dt.tz_convert(zone).dt.strftime("%Y-%m-%d")
    known = rows["churners"].notna()
    return rows.assign(
        snapshot_at=day, churn_rate=rate, ci_low=low.where(known), ci_high=high.where(known)
    )


def describe(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per feature: `feature`, `kind`, `missing` (share), and its 5 %, 50 % and
    95 % as `low`, `median`, `high`; for a category only the most common value, as `median`.
    """
    numeric, categorical = feature_columns(table)
    rows: list[dict[str, Any]] = []
    for name in numeric:
        low, median, high = (f"{table[name].quantile(q):.2f}" for q in (0.05, 0.5, 0.95))
        rows.append({"feature": name, "kind": "number", "low": low, "median": median, "high": high})
    for name in categorical:
        common = table[name].mode()
        rows.append({"feature": name, "kind": "category",
                     "median": str(common.iloc[0]) if len(common) else None})  # fmt: skip
    columns = ["feature", "kind", "low", "median", "high"]
    frame = pd.DataFrame(rows, columns=columns)
    frame.insert(2, "missing", [float(table[name].isna().mean()) for name in frame["feature"]])
    return frame
