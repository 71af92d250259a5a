"""Presence: who was active on which day, and what changes at each midnight.

Volume is taken apart by user, and chance is measured by resampling users (Poisson bootstrap: the
variance of a sum over users is the sum of their squares), so that one user's burst counts once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.base import clock, engine
from analysis.log.window import LogWindow

SPANS = (28, 14, 7)
"""Days compared before and after a midnight: four weeks, and fewer near the ends of the log."""
MOST_USERS = 20_000
"""Users that are looked at: of more, every second, third ... in the order of their identifiers."""


@dataclass(frozen=True, eq=False)
class Presence:
    """`active`: one row per user, one column per day of the log (true on days with activity);
    `joined`: the day of signup counted from the log's start (missing without a date); `start`:
    the first instant of the log, in the zone whose days these are.
    """

    active: np.ndarray
    joined: np.ndarray
    start: pd.Timestamp

    @property
    def days(self) -> int:
        """Days of the log."""
        return int(self.active.shape[1])

    def date(self, day: int) -> pd.Timestamp:
        """Return the first instant of a day."""
        return (self.start + pd.DateOffset(days=int(day))).tz_convert("UTC")


def presence(user_days: Any, users: pd.DataFrame, window: LogWindow, zone: str) -> Presence:
    """Return on which days of the log (of `zone`) each user was active: see Presence.

    `user_days` as in log.activity.sum_by_day. Users who were never active are left out.
    """
    step = -(-len(users) // MOST_USERS)
    chosen = users[["user_id", "signup_date"]].sort_values("user_id").iloc[::step]
    rows = user_days
    if step > 1:
        rows = rows.semi_join(engine.from_pandas(chosen[["user_id"]]), "user_id")
    pairs = engine.to_pandas(rows.select("user_id", "local_day").distinct())
    first, end = (clock.nearest_day(at, zone) for at in (window.start, window.end))
    day, length = pairs["local_day"].to_numpy(int) - first, end - first
    code, ids = pd.factorize(pairs["user_id"], sort=True)
    active = np.zeros((len(ids), length), bool)
    inside = (day >= 0) & (day < length)
    active[code[inside], day[inside]] = True
    signups = chosen.set_index("user_id")["signup_date"].reindex(ids)
    joined: pd.Series[pd.Timedelta] = signups - window.start
    return Presence(active, (joined / clock.DAY).to_numpy(float), window.start.tz_convert(zone))


def daily_changes(presence: Presence) -> pd.DataFrame:
    """Return what changes at each midnight, over spans of 28, 14 and 7 days before and after it.

    One row per `span`, `side`, `group` and `day` (from the log's start). Of `side` `ahead`, `users`
    counts those who were active in the span before: in both halves of it (`group` `regular`), or
    at all, of those who had joined before it (`known`). Some of them are `gone`, with no activity
    in the span after; `slow` is the share that would be gone if all had slowed down alike, by as
    much as their activity fell (each with n days before has none after with probability exp(-rn),
    where r is the ratio of the sums); `rest` is how much the others do in the half of the span
    after midnight, over what they did in the half before. Of `side` `back`: the same in reverse,
    over users who had joined before both spans. Every row has `before` and `after` (days of
    activity, summed over all users), `new_before` and `new_after` (those of users who joined in
    that span) and `squares` (the sum over users of the square of their change).
    """
    sums = np.zeros((len(presence.active), presence.days + 1), np.int32)
    np.cumsum(presence.active, axis=1, out=sums[:, 1:])
    rows = [row for span in SPANS for row in _changes(sums, presence.joined, span)]
    return pd.DataFrame(
        rows,
        columns=["span", "day", "side", "group", "users", "gone", "slow", "rest", "before", "after",
                 "new_before", "new_after", "squares"],
    )  # fmt: skip


def _changes(sums: np.ndarray, joined: np.ndarray, span: int) -> Iterator[tuple[Any, ...]]:
    half = span // 2
    for day in range(span, sums.shape[1] - span):
        before, after = sums[:, day] - sums[:, day - span], sums[:, day + span] - sums[:, day]
        late, early = sums[:, day] - sums[:, day - half], sums[:, day + half] - sums[:, day]
        totals = (
            int(before.sum()), int(after.sum()),
            int(before[joined >= day - span].sum()), int(after[joined >= day].sum()),
            int(((after - before).astype(np.int64) ** 2).sum()),
        )  # fmt: skip
        is_old = joined < day - span
        for side, here, beyond, near, there in (
            ("ahead", before, after, late, early),
            ("back", np.where(is_old, after, 0), before, np.where(is_old, early, 0), late),
        ):
            for group, chosen in (
                ("regular", (near > 0) & (here > near)),
                ("known", is_old & (here > 0)),
            ):
                yield span, day, side, group, *_gone(chosen, here, beyond, near, there), *totals


def _gone(
    chosen: np.ndarray, here: np.ndarray, beyond: np.ndarray, near: np.ndarray, there: np.ndarray
) -> tuple[int, int, float, float]:
    """Return the chosen users, those of them without activity beyond the midnight, the share of
    these if all had slowed down alike, and how much the others do there, over what they do on this
    side.
    """
    stays = chosen & (beyond > 0)
    rest = float(there[stays].sum() / max(near[stays].sum(), 1))
    users, counts = int(chosen.sum()), np.bincount(here[chosen])
    total = max(int(np.arange(len(counts)) @ counts), 1)
    alike = np.exp(-np.arange(len(counts)) * float(beyond[chosen].sum()) / total)
    return users, int(users - stays.sum()), float(alike @ counts / max(users, 1)), rest
