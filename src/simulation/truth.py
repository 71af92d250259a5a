"""The truth of a simulated company: its parameters, its users, the best possible score."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.base.errors import ReportError
from simulation.company import (
    GIFT_CREDITS,
    MAX_LIFETIME_DAYS,
    NULL_ATTRIBUTES,
    RATE_HAZARD_CORRELATION,
)
from simulation.events import Log
from simulation.faults.losses import GAP_DAYS, GAP_STARTS_AT
from simulation.plan import Plan
from simulation.times import DAY, DRIFT_DAYS, FIRST_SIGNUP_AT, LOG_END, LOG_MIDDLE, LOG_START


def true_churn_probability(
    user_truth: pd.DataFrame,
    snapshot_at: pd.Timestamp,
    gap_days: float,
    horizon_days: float,
    last_event_at: pd.Series,
) -> pd.Series:
    """Return each user's probability of no event in [t + gap, t + gap + horizon), by user_id.

    t is `snapshot_at` (UTC). The probability is conditional on the user's true hazard mu and
    session rate lambda, and on the events before t, of which the last instant is enough; not
    on whether the user is still alive. No score that knows only what happened before t can
    rank better on average. `last_event_at` (instants, indexed by user_id) is the last event
    before t; a user that is missing or NaT there had none between `observed_from` and t. The
    result is NaN for users who signed up at or after t.

    With d days of silence and p0 the probability of having been alive at their start (1 after
    an event), P(alive at t) = p0 e / (1 - p0 + p0 (mu + lambda e) / (lambda + mu)) where
    e = exp(-(lambda + mu) d). For p0 = 1 it is the Pareto/NBD expression
    1 / (1 + mu / (lambda + mu) (exp((lambda + mu) d) - 1)) (Schmittlein et al. 1987; Fader &
    Hardie 2005). P(an event in the window | alive at t) integrates the lifetime:
    exp(-mu gap) lambda / (lambda + mu) (1 - exp(-(lambda + mu) horizon)).

    Not valid where rates or events were tampered with: the faults drift, log_break_users,
    log_break_volume, log_fades, lost_newcomers, merged_ids, leavers_deleted, automatic_events,
    slow_clocks, events_before_signup, partial_last_day; nor in families in which sessions do not
    come at a steady rate (simulation.families.rhythm). Sessions that straddle an edge
    are neglected (minutes, against days between sessions).
    Raises ReportError when a last event is at or after t: that would be the future.
    """
    truth = user_truth.set_index("user_id")
    last = last_event_at.reindex(truth.index)
    _refuse_the_future(last, snapshot_at)
    mu, lam = truth["hazard_per_day"], truth["session_rate_per_day"]
    both = mu + lam
    unseen = (truth["observed_from"] - truth["signup_at"]).dt.total_seconds() / DAY
    prior = np.exp(-mu * unseen).where(last.isna(), 1.0)
    since = last.where(last.notna(), truth["observed_from"])
    silence = ((snapshot_at - since).dt.total_seconds() / DAY).clip(lower=0.0)
    silent = np.exp(-both * silence)
    alive = prior * silent / (1.0 - prior + prior * (mu + lam * silent) / both)
    returns = np.exp(-mu * gap_days) * lam / both * -np.expm1(-both * horizon_days)
    churn: pd.Series = (1.0 - alive * returns).where(truth["signup_at"] < snapshot_at)
    return churn.rename("churn_probability")


def _refuse_the_future(last: pd.Series, snapshot_at: pd.Timestamp) -> None:
    is_late = last >= snapshot_at
    if is_late.any():
        raise ReportError(
            f"last_event_at: {int(is_late.sum())} users have an event at or after "
            f"the snapshot {snapshot_at}, such as {last.index[is_late][0]!r}. Keep only the "
            "events before it."
        )


def make_user_truth(people: pd.DataFrame) -> pd.DataFrame:
    """Return a row per person, as Simulation describes it."""
    signup_at = pd.to_datetime(people["signup"], unit="s", utc=True).astype("datetime64[us, UTC]")
    lifetime = pd.to_timedelta((people["lifetime_days"] * DAY * 1e6).round(), unit="us")
    table = people[["user_id"]].assign(
        signup_at=signup_at,
        observed_from=signup_at.where(signup_at > LOG_START, LOG_START),
        inactive_at=(signup_at + lifetime).astype("datetime64[us, UTC]"),
    )
    columns = ["hazard_per_day", "session_rate_per_day", "group"]
    columns += [name for name in people.columns if name.startswith("log_hazard_")]
    return table.join(people[columns])


def count_rows(users: pd.DataFrame, events: pa.Table, log: Log) -> dict[str, int]:
    """Return the counts of users, sessions and events before any dirt."""
    return {
        "users": len(users),
        "users_without_events": len(users) - len(np.unique(log.user)),
        "sessions": len(np.unique(log.session)),
        "events": len(events),
    }


def make_truth(
    plan: Plan, people: pd.DataFrame, counts: dict[str, int], dirt: dict[str, int]
) -> dict[str, Any]:
    """Return the parameters of the company and what was planted, as plain values."""
    return {
        "arguments": {
            "users": plan.users,
            "events_per_user": plan.events_per_user,
            "seed": plan.seed,
        },
        "log_start": LOG_START.isoformat(),
        "log_end": LOG_END.isoformat(),
        "first_signup_at": FIRST_SIGNUP_AT.isoformat(),
        "counts": counts,
        "hazard": _state_hazard(plan),
        "session_rate": _state_rate(plan, people),
        "gift_credits": GIFT_CREDITS,
        "log_break_at": LOG_MIDDLE.isoformat(),
        "gap_starts_at": GAP_STARTS_AT.isoformat(),
        "gap_days": GAP_DAYS,
        "faults": {
            fault.name: {"strength": strength, "meaning": fault.meaning}
            for fault, strength in sorted(plan.faults, key=lambda planted: planted[0].name)
        },
        "dirt": dirt,
        **_state_family(plan),
    }


def _state_family(plan: Plan) -> dict[str, Any]:
    """Return the family and what is true of it; nothing for the usual company."""
    return {"family": {plan.family.name: plan.family.meaning}} if plan.family else {}


def _state_hazard(plan: Plan) -> dict[str, Any]:
    company = plan.company
    return {
        "baseline_per_day": company.baseline_hazard,
        "log_hazard_ratios": dict(company.effects),
        "log_hazard_per_sd": dict(company.trait_effects),
        "frailty_sd": company.frailty_sd,
        "null_attributes": [name for name in NULL_ATTRIBUTES if name not in company.effects],
        "max_lifetime_days": MAX_LIFETIME_DAYS,
        **({"cancel_per_day": company.cancel_hazard} if company.cancel_hazard else {}),
    }


def _state_rate(plan: Plan, people: pd.DataFrame) -> dict[str, Any]:
    scale = people["session_rate_per_day"].iloc[0] / people["relative_rate"].iloc[0]
    return {
        "scale_per_day": float(scale),
        "log_sd": plan.company.rate_sd,
        "correlation_with_log_hazard": RATE_HAZARD_CORRELATION,
        "drift_factor": 1.0 - plan.company.drift_losses,
        "drift_starts_at": (LOG_END - pd.Timedelta(days=DRIFT_DAYS)).isoformat(),
    }
