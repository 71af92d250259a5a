"""Users of a span of signup dates who are never seen in the log, where others are."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.base import clock

LEAST, SURE, HARDLY, CROWD = 10, 5.0, 0.1, 3.0
"""Users of a span, standard deviations that it must lie below the others, its ratio to them below
which hardly anybody is seen; times the usual signups a day beyond which it is a rush of accounts
that may never have been used, and not a loss."""


@dataclass(frozen=True)
class Span:
    """A span of signup dates: its users who are never seen, and what a sentence about it needs."""

    users: "pd.Series[Any]"
    facts: dict[str, Any]


def unseen_span(newcomers: pd.DataFrame, zone: str) -> Span:
    """Return the span of signup dates whose users are hardly ever in the log; empty without one.

    Every span of days with signups is compared with all others: the share of users with an event
    (`first_event_at` given) must be below a tenth of theirs, by five standard deviations.
    """
    signup = newcomers["signup_date"]
    never = newcomers["first_event_at"].isna()
    by_day = (~never).groupby(signup).agg(["sum", "size"])
    found = _largest(by_day["sum"].to_numpy(float), by_day["size"].to_numpy(float))
    none = {"since": "none", "until": "none", "span_users": 0, "span_unseen": 0, "usual": 0.0}
    if found is None:
        return Span(newcomers.loc[[], "user_id"], none)
    first, last = by_day.index[found[0]], by_day.index[found[1]]
    is_inside = (signup >= first) & (signup <= last)
    users = newcomers.loc[is_inside & never, "user_id"]
    facts = {"since": clock.date_text(first, zone), "until": clock.date_text(last, zone),
             "span_users": int(is_inside.sum()), "span_unseen": len(users),
             "usual": float((~never)[~is_inside].mean())}  # fmt: skip
    return Span(users, facts)


def _largest(seen: np.ndarray, joined: np.ndarray) -> tuple[int, int] | None:
    """Return the first and last day (position) of the span that lies furthest below the others."""
    all_seen, all_joined = seen.sum(), joined.sum()
    pooled = all_seen / all_joined
    variance = pooled * (1 - pooled)
    usual = float(np.median(joined))
    sums = np.cumsum(np.r_[0.0, seen]), np.cumsum(np.r_[0.0, joined])
    best: tuple[float, int, int] | None = None
    for first in range(len(seen) if variance else 0):
        s, n = (total[first + 1 :] - total[first] for total in sums)
        rest = np.maximum(all_joined - n, 1)
        rate, others = s / n, (all_seen - s) / rest
        z = (others - rate) / np.sqrt(variance * (1 / n + 1 / rest))
        is_crowd = n > CROWD * usual * np.arange(1, len(n) + 1)
        enough = (n >= LEAST) & (all_joined - n >= LEAST) & (rate < HARDLY * others) & ~is_crowd
        z = np.where(enough, z, 0.0)
        at = int(z.argmax())
        if z[at] > SURE and (best is None or z[at] > best[0]):
            best = float(z[at]), first, first + at
    return best[1:] if best else None
