"""Native columns: does the users table agree with the log?"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.base import engine
from analysis.base.statistics import share_of
from analysis.base.users import beside
from analysis.contract.checks import Status, Verdict, check, not_applicable
from analysis.contract.inputs import NATIVE_LABELS
from analysis.log import activity
from analysis.log.rules import day_gap
from analysis.log.window import LogWindow

SAME = 0.8
"""Rank correlation of a native count with the log's below which the same is hardly counted."""
BELOW, DIFFERS = 0.01, 0.01
"""Share of users whose native total is less than the log alone counts, and of those whose
last_active_date is not the day of their last event, that is told."""
AGAINST, EXPLAINED = 0.02, 0.999
"""Share of users whose label the log contradicts that is told; accuracy from which one threshold on
a column explains the label."""
FEW_USERS = 30
"""Users below whom a correlation says nothing."""
NATIVE_TOTALS = {
    "views": ("plays", True),
    "episodes_completed": ("nexts", False),
    "credits_purchased": ("bought", True),
    "credits_spent": ("spent", True),
    "sessions_7d": ("sessions", False),
}
"""Native column: the log's measure, and whether the native total can never be less than it."""


def native_totals(
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
    joined = beside(users[["user_id", "signup_date", *native]], measured)
    inside = (joined["signup_date"] >= window.start) & (joined["signup_date"] < window.end)
    seen = joined["plays"].notna()
    rows = []
    for column, (measure, is_least) in NATIVE_TOTALS.items():
        if column not in joined or not (joined[measure] > 0).any():
            continue
        pair = joined.loc[inside, [column, measure]].fillna({measure: 0.0}).dropna()
        rho, low, high = _rank_correlation(pair[column], pair[measure])
        below = int((joined[column] < joined[measure] - 1e-9)[seen].sum()) if is_least else 0
        rows.append((column, len(pair), rho, low, high, below, int(seen.sum())))
    names = ["column", "users", "correlation", "ci_low", "ci_high", "below", "checked"]
    return pd.DataFrame(rows, columns=names)


def _log_totals(
    events: Any, window: LogWindow, roles: Mapping[str, str], gap_minutes: float
) -> pd.DataFrame:
    """Return per user with events: `plays, nexts, spent, bought, sessions`."""
    paid = activity.with_paid(events, roles)

    def count(role: str) -> Any:
        return (paid.event_type == roles.get(role, "")).sum().cast("float64")

    sums = paid.group_by("user_id").aggregate(
        plays=count("play"),
        nexts=count("next"),
        spent=activity.total_paid(paid, roles, "spend"),
        bought=activity.total_paid(paid, roles, "purchase"),
    )
    week = window.end - pd.Timedelta(days=7)
    late = events.filter(events.event_at >= week, events.event_at < window.end)
    sessions = (
        activity.with_sessions(late, gap_minutes)
        .group_by("user_id")
        .aggregate(sessions=lambda t: t.session_key.nunique().cast("float64"))
    )
    table = beside(engine.to_pandas(sums), engine.to_pandas(sessions))
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


@check(stage="03_audit")
def native_agrees(users_seen: pd.DataFrame, window: LogWindow, horizon_days: int) -> Verdict:
    """Judge whether `last_active_date` is the day of the last event, give or take one day. A later
    date is a visit that the log does not hold: of those who fell silent in the log, how many
    visited after their last event, and in the last `horizon_days`. No figure rests on the column.
    """
    if "last_active_date" not in users_seen:
        return not_applicable("native_agrees", "the users table has no last_active_date")
    both = users_seen[users_seen["last_active_date"].notna() & users_seen["last_event_at"].notna()]
    if both.empty:
        return not_applicable("native_agrees", "no user has both a last_active_date and an event")
    gap = day_gap(both)
    is_later = both["last_active_date"] > both["last_event_at"]
    later, earlier = (gap > 1) & is_later, (gap > 1) & ~is_later
    recent = window.end - pd.Timedelta(days=horizon_days)
    silent = both["last_event_at"] < recent
    facts = {"differ": int((gap > 1).sum()), "users": len(both), "later": int(later.sum()),
             "earlier": int(earlier.sum()), "median_days": float(gap.median()),
             "silent": int(silent.sum()), "days": horizon_days,
             "visited": int((silent & later).sum()),
             "present": int((silent & (both["last_active_date"] >= recent)).sum())}  # fmt: skip
    share, low, high = share_of(int((gap > 1).sum()), len(both))
    status: Status = "warn" if share >= DIFFERS else "pass"
    return Verdict("native_agrees", status, share, low, high, DIFFERS, len(both), facts)


@check(stage="03_audit")
def native_counts(native_totals: pd.DataFrame) -> Verdict:
    """Judge the counts and sums of the users table against the log.

    A native total has another definition, so equality is not expected: it must order
    users as the log does (rank correlation, among those whose whole history the log holds),
    and a total since signup cannot be less than what the log holds of it. No figure rests on them.
    """
    enough = (native_totals["users"] >= FEW_USERS) & native_totals["correlation"].notna()
    known = native_totals[enough]
    if known.empty:
        return not_applicable("native_counts", "no count in the users table can be compared")
    ranked = known.sort_values(["ci_high", "column"], ignore_index=True)
    worst: Any = ranked.iloc[0]
    n = int(worst["users"])
    below = (known["below"] / known["checked"].where(known["checked"] > 0)).fillna(0.0)
    at: Any = known.loc[below == below.max()].iloc[0]
    unlike = known.loc[known["ci_high"] < SAME, "column"].sort_values()
    status: Status = "warn" if len(unlike) or below.max() >= BELOW else "pass"
    facts = {"column": worst["column"], "columns": len(known), "newcomers": n,
             "unlike": list(unlike), "below": int(at["below"]),
             "checked": int(at["checked"]), "below_column": at["column"]}  # fmt: skip
    return Verdict("native_counts", status, float(worst["correlation"]), float(worst["ci_low"]),
                   float(worst["ci_high"]), SAME, n, facts)  # fmt: skip


@check(stage="03_audit")
def native_label(users_seen: pd.DataFrame, horizon_days: int) -> Verdict:
    """Judge the product's own churn label: which column it restates, and whether the log agrees,
    over the days in its name, else `horizon_days`. No figure rests on the label.
    """
    label = next((name for name in NATIVE_LABELS if name in users_seen), None)
    if label is None or users_seen[label].nunique() < 2:
        return not_applicable("native_label", "the users table has no churn label")
    rows = users_seen[users_seen[label].notna()]
    column, limit, accuracy = _best_stump(rows, label)
    days_named = re.search(r"(\d+)d$", label)  # churned_30d says itself how long
    if days_named:
        horizon_days = int(days_named[1])
    newest = rows["last_event_at"].max()
    silent = ~(rows["last_event_at"] >= newest - pd.Timedelta(days=horizon_days + 1))
    against = (silent != (rows[label] == 1)) & rows["last_event_at"].notna()
    share, low, high = share_of(int(against.sum()), len(rows))
    is_explained = accuracy > EXPLAINED
    facts = {"label": label, "column": column if is_explained else "no single column",
             "limit": limit, "accuracy": accuracy, "against": int(against.sum()),
             "users": len(rows)}  # fmt: skip
    status: Status = "warn" if share >= AGAINST else "pass"
    return Verdict("native_label", status, share, low, high, AGAINST, len(rows), facts)


def _best_stump(rows: pd.DataFrame, label: str) -> tuple[str, str, float]:
    """Return the column whose one threshold reproduces `label` best, the threshold, how well."""
    best = ("", "", 0.0)
    y = rows[label].to_numpy(dtype=float)
    for name in rows.columns.drop([label, "first_event_at", "last_event_at"], errors="ignore"):
        values = rows[name]
        if values.isna().any() or isinstance(values.dtype, pd.StringDtype):
            continue
        order = np.argsort(values.to_numpy(), kind="stable")
        ranked, ones = values.to_numpy()[order], y[order]
        ends = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])
        right = (np.cumsum(ones)[ends] + np.cumsum(1 - ones[::-1])[::-1][0]
                 - np.cumsum(1 - ones)[ends]) / len(y)  # fmt: skip
        fit = np.maximum(right, 1 - right)
        at = int(np.argmax(fit))
        if fit[at] > best[2]:
            limit = str(values.iloc[order[ends[at]]])[:10]
            best = (name, limit, float(fit[at]))
    return best
