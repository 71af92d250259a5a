"""Figures on cancellations by key, beside those on silence."""

from typing import Any

import pandas as pd

from analysis.base.statistics import share_of
from analysis.summary.entries import Entry, Metrics, metric

DAY = 90
"""The day of the headline survival."""
SHARES = {
    "cancelled_share_of_silent": (
        "fell_silent", ("cancelled_before", "cancelled_within"), "Churned users who had cancelled",
    ),
    "subscribed_share_of_silent": (
        "fell_silent", ("subscribed",), "Churned users who are still subscribed",
    ),
    "cancelled_share_of_active": (
        "stayed_active", ("cancelled_before", "cancelled_within"),
        "Users who stayed active but cancelled",
    ),
    "silent_share_of_cancelled": (
        "cancelled", ("silent_before",), "Cancelled users who had been silent before",
    ),
    "active_after_cancelling": (
        "cancelled_followed", ("went_on",), "Cancelled users active more than a day later",
    ),
}  # fmt: skip
"""Each share: of which users, in which states, and its label."""
RISKS = {
    "newcomers_cancelled_90": ("cancelled", f"Newcomers who cancelled within {DAY} days"),
    "newcomers_silent_90": (
        "silent", f"Newcomers who fell silent within {DAY} days without cancelling",
    ),
}  # fmt: skip


def cancellation_metrics(cancellations: pd.DataFrame, competing_risks: pd.DataFrame) -> Metrics:
    """Return what is known of cancellations; shares are missing where the tables record none."""
    is_recorded = "no" if cancellations.empty else "yes"
    return {
        "cancellations_recorded": metric(is_recorded, "text", "Cancellations recorded"),
        **{key: _share(cancellations, *which) for key, which in SHARES.items()},
        **{key: _risk(competing_risks, *which) for key, which in RISKS.items()},
    }


def _share(table: pd.DataFrame, among: str, states: tuple[str, ...], label: str) -> Entry:
    rests_on = ["cancellations"]
    rests_on += ["churn"] if among in ("fell_silent", "stayed_active") else []
    rows = table[(table["among"] == among) & table["state"].isin(states)]
    whole = int(rows["of_users"].max()) if len(rows) else 0
    if not whole:
        return metric(None, "share", label, rests_on=rests_on)
    share, *interval = share_of(int(rows["users"].sum()), whole)
    return metric(share, "share", label, whole, interval, rests_on)


def _risk(table: pd.DataFrame, cause: str, label: str) -> Entry:
    rests_on = ["cancellations", "survival"]
    rows = table[table["day"] == DAY]
    if rows.empty:
        return metric(None, "share", label, rests_on=rests_on)
    row: Any = rows.iloc[0]
    interval = (row[f"{cause}_ci_low"], row[f"{cause}_ci_high"])
    return metric(row[cause], "share", label, row["at_risk"], interval, rests_on)
