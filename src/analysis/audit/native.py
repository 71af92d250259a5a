"""Checks of the native columns: does the users table agree with the log?"""

import re
from typing import Any

import numpy as np
import pandas as pd

from analysis.base.statistics import share_of
from analysis.contract.checks import Status, Verdict, grade, not_applicable
from analysis.contract.inputs import NATIVE_LABELS
from analysis.log import rules as rules_of_log

SAME, UNRELATED = 0.8, 0.5
"""Rank correlation of a native count with the log's: below, the same is hardly counted; far
below, it is something else."""
BELOW, BELOW_FAILS = 0.01, 0.1
"""Share of users whose native total is less than the log alone counts: a few, and too many."""
FEW_USERS = 30
"""Users below whom a correlation says nothing."""


def native_agrees(told: pd.DataFrame) -> Verdict:
    """Judge whether `last_active_date` is the day of the last event, give or take one day."""
    if "last_active_date" not in told:
        return not_applicable("native_agrees", "the users carry no last_active_date")
    both = told[told["last_active_date"].notna() & told["last_event_at"].notna()]
    if both.empty:
        return not_applicable("native_agrees", "no user has both a last_active_date and an event")
    gap = rules_of_log.day_gap(both)
    share, low, high = share_of(int((gap > 1).sum()), len(both))
    facts = {"differ": int((gap > 1).sum()), "users": len(both), "median_days": float(gap.median())}
    return Verdict(
        "native_agrees", grade(share, 0.01, 0.1), share, low, high, 0.01, len(both), facts
    )


def native_counts(counts: pd.DataFrame) -> Verdict:
    """Judge the counts and sums of the users table against the log (audit.native_counts).

    A native total is a definition of its own, so equality is not asked for: it must order
    users as the log does (rank correlation, among those whose whole history the log holds),
    and a total since signup cannot be less than what the log holds of it.
    """
    known = counts[(counts["users"] >= FEW_USERS) & counts["correlation"].notna()]
    if known.empty:
        return not_applicable("native_counts", "no count of the users table can be compared")
    ranked = known.sort_values(["ci_high", "column"], ignore_index=True)
    worst: Any = ranked.iloc[0]
    n = int(worst["users"])
    below = (known["below"] / known["checked"].where(known["checked"] > 0)).fillna(0.0)
    at: Any = known.loc[below == below.max()].iloc[0]
    unlike = known.loc[known["ci_high"] < SAME, "column"].sort_values()
    is_bad = worst["ci_high"] < UNRELATED or below.max() >= BELOW_FAILS
    is_odd = len(unlike) or below.max() >= BELOW
    status: Status = "fail" if is_bad else ("warn" if is_odd else "pass")
    facts = {"column": worst["column"], "columns": len(known), "newcomers": n,
             "unlike": ", ".join(unlike) or "none", "below": int(at["below"]),
             "checked": int(at["checked"]), "below_column": at["column"]}  # fmt: skip
    return Verdict("native_counts", status, float(worst["correlation"]), float(worst["ci_low"]),
                   float(worst["ci_high"]), SAME, n, facts)  # fmt: skip


def native_label(told: pd.DataFrame, horizon_days: int) -> Verdict:
    """Judge the product's own churn label: which column it restates, and whether the log agrees,
    by the days that its name tells, else `horizon_days`.
    """
    label = next((name for name in NATIVE_LABELS if name in told), None)
    if label is None or told[label].nunique() < 2:
        return not_applicable("native_label", "the users carry no label of their own")
    rows = told[told[label].notna()]
    column, limit, accuracy = _best_stump(rows, label)
    own = re.search(r"(\d+)d$", label)  # churned_30d says itself how long
    if own:
        horizon_days = int(own[1])
    newest = rows["last_event_at"].max()
    silent = ~(rows["last_event_at"] >= newest - pd.Timedelta(days=horizon_days + 1))
    against = (silent != (rows[label] == 1)) & rows["last_event_at"].notna()
    share, low, high = share_of(int(against.sum()), len(rows))
    is_explained = accuracy > 0.999
    facts = {"label": label, "column": column if is_explained else "no single column",
             "limit": limit, "accuracy": accuracy, "against": int(against.sum()),
             "users": len(rows)}  # fmt: skip
    return Verdict(
        "native_label", grade(share, 0.02, 0.2), share, low, high, 0.02, len(rows), facts
    )


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
            told = str(values.iloc[order[ends[at]]])[:10]
            best = (name, told, float(fit[at]))
    return best
