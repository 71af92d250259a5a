"""Faults that add a column with the future, or an identifier, to the users table."""

import numpy as np
import pandas as pd

from simulation.plan import Plan, fault
from simulation.text import date_text
from simulation.times import DAY, LOG_END, unix
from simulation.users import has_left

LEAK_DAYS = 60
REASONS = np.array(["price", "content", "bugs", "other"])


def _rate_lateness(last: pd.Series) -> pd.Series:
    """Return how late in the last 60 days of the log the last event lies: 0 before them, to 1."""
    late: pd.Series = 1 - ((unix(LOG_END) - last) / (LEAK_DAYS * DAY)).clip(upper=1.0)
    return late


@fault("users", strengths=(0.7, 1.0), found_by=("leakage",))
def leaky_feature(weight: float, plan: Plan, users: pd.DataFrame) -> pd.DataFrame:
    """Weight of the future in age, an attribute fixed at signup: how late in the last 60 days of
    the log the last event lies. The rest is the age itself.
    """
    age = weight * (18 + 57 * _rate_lateness(users["last_at"])) + (1 - weight) * users["age"]
    return users.assign(age=np.rint(age).astype(np.int64))


@fault("users", strengths=(0.6, 1.0), found_by=("groups_known",))
def leavers_plan(share: float, plan: Plan, users: pd.DataFrame) -> pd.DataFrame:
    """Share of the users without an event in the last 30 days of the log whose subscription_type
    says cancelled, as it was at the export.
    """
    is_cancelled = plan.choose(share, len(users), "leavers_plan") & has_left(users["last_at"])
    named = users["subscription_type"].mask(is_cancelled, "cancelled")
    return users.assign(subscription_type=named)


@fault("columns", strengths=(0.7, 1.0), found_by=("leakage_columns",))
def leaky_column(weight: float, plan: Plan, users: pd.DataFrame) -> pd.Series:
    """Adds retention_score. The strength is the weight of how late in the last 60 days of the log
    the last event lies (the future, for an earlier snapshot); the rest is noise.
    """
    noise = plan.stream("added_columns").random(len(users))
    score = weight * _rate_lateness(users["last_at"]) + (1 - weight) * noise
    return (100 * score).round(2).rename("retention_score")


@fault("columns", strengths=(0.7, 1.0), found_by=("leakage_columns",))
def leaky_date(weight: float, plan: Plan, users: pd.DataFrame) -> pd.Series:
    """Adds contract_end_date: 30 days after the last activity, plus noise of up to 60 days times
    (1 - strength).
    """
    noise = plan.stream("added_columns", after=len(users)).random(len(users))
    extra = np.floor(30 + 60 * (1 - weight) * noise).astype(np.int64) * DAY
    dates = date_text(users["last_at"].to_numpy() + extra)
    return pd.Series(dates, users.index, dtype="str", name="contract_end_date")


@fault("columns", strengths=(0.6, 1.0), found_by=("leakage_columns",))
def leavers_column(share: float, plan: Plan, users: pd.DataFrame) -> pd.Series:
    """Adds cancel_reason. The strength is the share of the users without an event in the last 30
    days of the log who gave one; nobody else did.
    """
    n, rng = len(users), plan.stream("leavers_column")
    is_given = has_left(users["last_at"]) & (rng.random(n) < share)
    reasons = pd.Series(REASONS[rng.integers(0, len(REASONS), n)], users.index, dtype="str")
    return reasons.where(is_given).rename("cancel_reason")


@fault("columns", strengths=(1.0,), found_by=("leakage_columns",))
def identifier_column(share: float, plan: Plan, users: pd.DataFrame) -> pd.Series:
    """Adds referral_code. The strength is the number of distinct values per user."""
    n = len(users)
    codes = plan.stream("added_columns", after=2 * n).permutation(n) % max(round(share * n), 1)
    texts = [f"R{code:07d}" for code in codes]
    return pd.Series(texts, users.index, dtype="str", name="referral_code")
