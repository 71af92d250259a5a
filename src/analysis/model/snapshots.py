"""Snapshots: who was at risk at an instant, what was known of them, and who left after it."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from analysis.base import clock, engine
from analysis.base.errors import Unavailable
from analysis.base.formats import plural
from analysis.base.score_metrics import auc_error
from analysis.base.statistics import wilson
from analysis.base.table_file import Rows
from analysis.contract.checks import Status, Verdict, check, not_applicable
from analysis.contract.inputs import check_named
from analysis.log.churn import (
    TOO_SHORT,
    Windows,
    last_outcomes,
    seen_around,
    snapshot_plan,
    why_no_model,
)
from analysis.log.silences import LEAST
from analysis.log.slices import Slices
from analysis.log.window import LogWindow
from analysis.model.evaluation import too_few_outcomes
from analysis.model.features import KEYS, absent_features, behaviour, finite, habits
from analysis.model.leaks import single_column_auc

PAUSES, SETTLED = 0.5, 0.25
"""Share of silences that end with a return from which a silence is more likely a pause than an end,
and below which few enough do, so that a horizon can be recommended."""
BY_CALENDAR = 0.9
"""ROC AUC of the signup date alone from which the label is a matter of the calendar."""


def snapshots(
    slices: Slices,
    users: pd.DataFrame,
    window: LogWindow,
    windows: Windows,
    static_columns: Sequence[str],
    gap_minutes: float,
) -> Iterator[pd.DataFrame]:
    """Yield of each snapshot, oldest first, who was at risk, what was known then, and who churned
    after it. Sorted by user.

    At a snapshot t the population is every user with an event in [t - lookback, t) that was
    recorded before t;
    `churned` is 1 when no event of theirs falls in [t + gap, t + gap + horizon), 0 when
    one does, and missing where that window ends after the log does. Features use only
    events recorded before t, and attributes fixed at signup (`static_columns`).

    Columns: `user_id`, `snapshot_at` (UTC), `split` (train, calibrate, test, score: see
    snapshot_plan), `churned`, `tenure_days`, those of behaviour (over the look-back period) and of
    habits (over three), and the static ones.
    Numbers too large to compute with (features.finite) are missing.
    Raises Unavailable when the log is too short, and when every event before a snapshot arrived
    after it; ReportError for a static column that the users table does not have.
    """
    check_named(static_columns, users.columns, "static_columns")
    dropped = absent_features(slices)
    attributes = users[["user_id", "signup_date", *(c for c in static_columns if c in users)]]
    plan, reason = snapshot_plan(window, windows), why_no_model(window, windows)
    backs = [(window.end - at) // clock.DAY for at in plan["snapshot_at"]]
    seen = seen_around(slices.rows, windows, backs)
    for n, at, split in plan.itertuples():
        part = _population(slices, seen, backs[n], windows)
        part = part.assign(snapshot_at=at, split=split)
        known = engine.to_pandas(behaviour(slices, at, windows.lookback, gap_minutes))
        usual = habits(slices, users, window, at, windows.lookback, gap_minutes)
        part = part[list(KEYS)].merge(attributes, on="user_id")
        part = part.merge(known, on="user_id", how="left").merge(usual, on="user_id", how="left")
        part["tenure_days"] = (at - part["signup_date"]) / pd.Timedelta(days=1)
        part["snapshot_at"] = part["snapshot_at"].astype("datetime64[us, UTC]")
        part = part.drop(columns=["signup_date", *dropped])
        part = finite(part.sort_values("user_id", ignore_index=True))
        part.attrs |= {TOO_SHORT: reason} if reason else {}  # Parquet keeps it for the model
        yield part


def _population(slices: Slices, seen: pd.DataFrame, back: int, windows: Windows) -> pd.DataFrame:
    """Return `user_id` and `churned` of everyone at risk at the snapshot `back` days before the
    end: see seen_around.
    """
    population = seen[seen[f"at_risk_{back}"]]
    day = slices.rows.days_to_end
    looked_at = slices.rows.filter(day >= back, day < back + windows.lookback)
    if population.empty and looked_at.count().execute():
        raise Unavailable(
            f"All events of the {windows.lookback} days before "
            f"{slices.end - back * clock.DAY:%Y-%m-%d} were received after "
            "it (received_at), so nobody was known then. The column holds the "
            "time at which rows were loaded: leave that column out of the table."
        )
    churned = 1.0 - population[f"returned_{back}"].astype("float64")
    is_observed = back * clock.DAY >= windows.step
    return pd.DataFrame(
        {"user_id": population["user_id"], "churned": churned if is_observed else np.nan}
    )


def snapshot_summary(table: Rows, zone: str) -> pd.DataFrame:
    """Return one row per snapshot: `snapshot_at` (day of `zone`), `split`, `users`, `churners`
    (counts), `churn_rate`, `ci_low`, `ci_high` (0 to 1, Wilson; missing where not yet observed).
    """
    known = table[["snapshot_at", "split", "churned"]]
    grouped = known.groupby(["snapshot_at", "split"], sort=True)["churned"]
    rows = grouped.agg(users="size", churners=lambda c: c.sum(min_count=1)).reset_index()
    low, high = wilson(rows["churners"], rows["users"])
    rate = rows["churners"] / rows["users"]
    day = rows["snapshot_at"].dt.tz_convert(zone).dt.strftime("%Y-%m-%d")
    seen = rows["churners"].notna()
    return rows.assign(
        snapshot_at=day, churn_rate=rate, ci_low=low.where(seen), ci_high=high.where(seen)
    )


@check(stage="04_features", strikes=("survival", "churn", "groups", "ranking", "scores"))
def label_means(return_rates: pd.DataFrame) -> Verdict:
    """Judge whether users who count as churned are gone: how many silences of a horizon end with a
    return. Figures on churn stay what they say, no event within a horizon, so this only warns; it
    names the shortest horizon of which fewer than SETTLED come back, if the log has one.
    """
    row: Any = return_rates.iloc[0]
    horizon = int(row["horizon_days"])
    if pd.isna(row["rate"]):
        return not_applicable("label_means", _why_unknown(int(row["silent"]), horizon))
    facts = {"horizon": horizon, "silent": int(row["silent"]), "returned": int(row["returned"]),
             "seen": float(row["seen"]), "followed": int(row["followed_days"]),
             **horizons_further(return_rates)}  # fmt: skip
    status: Status = "warn" if row["ci_low"] >= PAUSES else "pass"
    return Verdict(
        "label_means", status, float(row["rate"]), float(row["ci_low"]), float(row["ci_high"]),
        PAUSES, int(row["silent"]), facts,
    )  # fmt: skip


def _why_unknown(silent: int, horizon: int) -> str:
    if silent < LEAST:
        seen = plural(silent, "silence", "silences")
        return f"the log has {seen} of {plural(horizon, 'day', 'days')}, {LEAST} are needed"
    return f"too few silences can be followed for {plural(2 * horizon, 'day', 'days')}"


def horizons_further(return_rates: pd.DataFrame) -> dict[str, Any]:
    """Return `better` and `better_rate`: the shortest longer horizon of which fewer than SETTLED
    come back; and `longest` and `longest_rate`: the longest whose share is known. None where there
    is no such horizon.
    """
    known = return_rates.iloc[1:].dropna(subset="rate")
    settled = known[known["rate"] < SETTLED]
    rows = {"better": settled.head(1), "longest": known.tail(1)}
    facts: dict[str, Any] = {}
    for name, row in rows.items():
        days, rate = row["horizon_days"].tolist(), row["rate"].tolist()
        facts |= {name: int(days[0]) if days else None, f"{name}_rate": rate[0] if rate else None}
    return facts


@check(stage="04_features", strikes=("churn", "groups", "ranking", "scores"))
def label_calendar(snapshots: Rows) -> Verdict:
    """Judge whether the signup date alone predicts the label almost fully, within one snapshot."""
    test = last_outcomes(snapshots[["split", "churned", "tenure_days"]])
    reason = too_few_outcomes(test["churned"])
    if reason:
        return not_applicable("label_calendar", reason)
    auc = single_column_auc(test["tenure_days"], test["churned"])
    error = auc_error(auc, test["churned"])
    status: Status = "fail" if auc - 1.96 * error > BY_CALENDAR else "pass"
    return Verdict("label_calendar", status, auc, auc - 1.96 * error, min(1.0, auc + 1.96 * error),
                   BY_CALENDAR, len(test), {"users": len(test)})  # fmt: skip


@check(stage="04_features", strikes=("churn", "groups", "ranking", "scores"))
def split_in_time(snapshots: Rows, windows: Windows) -> Verdict:
    """Judge whether train, calibration and test share an outcome day or a user's snapshot."""
    snapshots = snapshots[["user_id", "snapshot_at", "split"]]
    spans = snapshots.groupby("split")["snapshot_at"].agg(["min", "max"])
    starts, ends = spans["min"], spans["max"] + windows.step
    order = [s for s in ("train", "calibrate", "test", "score") if s in spans.index]
    shared = sum(
        int(ends[earlier] > starts[later] + pd.Timedelta(days=windows.gap))
        for earlier, later in pairwise(order)
    )
    users = pd.Series(pd.factorize(snapshots["user_id"])[0], snapshots.index)  # quicker than text
    repeated = int(snapshots.assign(user_id=users).duplicated(["user_id", "snapshot_at"]).sum())
    train, test = (users[snapshots["split"] == split] for split in ("train", "test"))
    facts = {"overlaps": shared, "repeated": repeated, "test_users": len(test),
             "also_trained": int(test.isin(train.unique()).sum())}  # fmt: skip
    status: Status = "fail" if shared or repeated else "pass"
    return Verdict(
        "split_in_time", status, float(shared + repeated), limit=0.0, n=len(snapshots), facts=facts
    )
