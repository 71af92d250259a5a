"""Companies whose users can cancel: a second way to leave, beside falling silent.

A user cancels at a constant rate from signup on, whether or not still active, and stops coming at
once. So someone may cancel while active, months after the last visit, or never.
"""

import numpy as np
import pandas as pd

from simulation.plan import Plan
from simulation.text import date_text
from simulation.times import DAY, LOG_END, Array, unix


def draw_cancellations(plan: Plan, signup: Array) -> Array:
    """Return when each user cancels (unix seconds, with fractions; infinite without the option)."""
    rate = plan.company.cancel_hazard
    if not rate:
        return np.full(plan.users, np.inf)
    cancel_at: Array = signup + DAY * plan.stream("cancellations").exponential(1 / rate, plan.users)
    return cancel_at


def cancel_dates(cancel_at: pd.Series) -> pd.Series:
    """Return `cancel_date`, the day as text; missing for those who had not cancelled by the end of
    the log.
    """
    is_known = cancel_at < unix(LOG_END)
    days = date_text(np.floor(cancel_at.where(is_known, 0)).to_numpy().astype(np.int64))
    texts = pd.Series(days, cancel_at.index, dtype="str", name="cancel_date")
    return texts.where(is_known)


def true_incidence(
    user_truth: pd.DataFrame, cancel_hazard: float, day: float, settled_days: float
) -> dict[str, float]:
    """Return the expected shares of users who by `day` after the midnight of their signup have
    `cancelled` at most `settled_days` after their last session, or fallen `silent` at a last
    session after which no cancellation comes so soon.

    With sessions at rate l while active, lifetimes of rate m and cancellations of rate n, all
    exponential, and the first session at signup: a cancellation c days after signup comes first if
    c <= s (the settled days), or if a session fell into the s days before it, of probability
    exp(-m (c - s)) l / (l + m) (1 - exp(-(l + m) s)). A session is the last, with no cancellation
    in the s days after it, with probability
    g = m / (l + m) exp(-n s) + l / (l + m) n / (l + m + n) exp(-(l + m + n) s);
    there is one at signup, and others come at rate l exp(-(m + n) t). A `cancel_date` is a day, so
    that cancellations count from its midnight, half a day early on average; sessions count from
    their instant.
    """
    at = pd.to_datetime(user_truth["signup_at"], utc=True)
    offset = ((at - at.dt.floor("D")).dt.total_seconds() / DAY).to_numpy()
    m, n, s = user_truth["hazard_per_day"].to_numpy(), cancel_hazard, settled_days + 0.5
    rate = user_truth["session_rate_per_day"].to_numpy()
    both, all_three = rate + m, rate + m + n
    age = day + 1 - offset  # the whole day counts
    seen = rate / both * -np.expm1(-both * s)
    early = -np.expm1(-n * np.minimum(age, s))
    later = np.maximum(age - s, 0.0)
    cancelled = early + np.exp(-n * s) * seen * n / (m + n) * -np.expm1(-(m + n) * later)
    last = m / both * np.exp(-n * s) + rate / both * n / all_three * np.exp(-all_three * s)
    time = np.maximum(day - offset, 0.0)
    sessions = (offset <= day) + rate * -np.expm1(-(m + n) * time) / (m + n)
    return {"cancelled": float(cancelled.mean()), "silent": float((last * sessions).mean())}
