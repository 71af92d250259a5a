"""The figures to follow every month: how many come, how much they do, what they pay."""

from collections.abc import Mapping
from typing import Any

import ibis
import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from analysis.base import clock, engine
from analysis.base.formats import is_too_few
from analysis.log import activity
from analysis.log.window import LogWindow

KPIS = {
    "sessions_per_user": ("sessions", "users", ()),
    "plays_per_session": ("plays", "sessions", ("plays",)),
    "next_episode_rate": ("nexts", "plays", ("plays", "nexts")),
    "failed_intent_rate": ("failed", "clicked", ("clicks", "plays")),
    "paying_share": ("payers", "users", ("purchases",)),
    "credits_per_user": ("bought", "users", ("purchases",)),
    "credits_per_payer": ("bought", "payers", ("purchases",)),
}
"""Each figure: the sum above, the sum below, and the counts of user_days that must not all be 0:
where the log has no such event, the figure says nothing."""
COUNTS = ("plays", "clicks", "nexts", "purchases")
COLUMNS = ["month", "kpi", "value", "ci_low", "ci_high", "n", "is_observed", "so_far"]


def monthly_kpis(user_days: Any, window: LogWindow, zone: str, min_group: int) -> pd.DataFrame:
    """Return each month's figures per user, session and play, one row per month and figure.

    Columns: `month` (of `zone`), `kpi` (a key of KPIS), `value`, `ci_low`, `ci_high`, `n` (users
    active in the month), `is_observed`. Each is a ratio of two sums over users, with a 95 %
    interval that counts users, not events, as independent (linearised variance of a ratio:
    Cochran 1977, section 6.4; not below 0; Wilson's for the share of users who pay), blank where
    fewer than 10 users have any of what is summed, or all have the same. Amounts are those in the
    events (1 per event where there is none), so they are in credits and not in money. Blank if the
    log does not cover the whole month, or for fewer than `min_group` users. `so_far` is the value
    over the days that the log has of a month it covers only in part (otherwise blank): it is no
    month's figure, for some of them grow with the days. Figures whose events are not in the log are
    left out.
    """
    kpis = _available(user_days)
    sums = _sums(_per_user(user_days), kpis)
    rows = []
    for month, row in sums.items():
        start, end = clock.month_span(month, zone)
        is_observed = window.start <= start and end <= window.end
        for name, (above, below) in kpis.items():
            found = BLANK if is_too_few(row["n"], min_group) else _ratio(row, above, below)
            values, so_far = (found, BLANK[0]) if is_observed else (BLANK, found[0])
            rows.append((month, name, *values, int(row["n"]), is_observed, so_far))
    return pd.DataFrame(rows, columns=COLUMNS)


def _available(user_days: Any) -> dict[str, tuple[str, str]]:
    """Return the sums above and below of each figure whose events the log has."""
    totals = engine.to_pandas(user_days.aggregate(**{n: user_days[n].sum() for n in COUNTS}))
    present = {name for name in COUNTS if (totals[name] > 0).all()}
    return {
        name: (above, below)
        for name, (above, below, needs) in KPIS.items()
        if set(needs) <= present
    }


BLANK = (float("nan"),) * 3
LEAST = 10
"""Users with any of it from which a ratio of sums has a normal interval."""


def _per_user(user_days: Any) -> Any:
    """Return per month and user the sums of KPIS (`sessions`, `plays`, ...), without saying who it
    is; `users` is 1.
    """
    dated = user_days.mutate(month=clock.month_of(user_days.local_day))
    sessions = dated.group_by("month", "user_id", "session_key").aggregate(
        bought=activity.exact_sum(dated.bought),
        **{name: dated[name].sum() for name in COUNTS},
    )
    failed = (sessions.clicks > 0) & (sessions.plays == 0)
    users = sessions.group_by("month", "user_id").aggregate(
        sessions=sessions.count(),
        plays=sessions.plays.sum(),
        nexts=sessions.nexts.sum(),
        clicked=(sessions.clicks > 0).sum(),
        failed=failed.sum(),
        bought=activity.exact_sum(sessions.bought).fill_null(0.0),
        payers=sessions.purchases.sum() > 0,
    )
    counts = {name: users[name].cast("int32") for name in users.columns[2:] if name != "bought"}
    return users.select("month", "bought", **counts, users=ibis.literal(1, "int32"))


def _sums(users: Any, kpis: Mapping[str, tuple[str, str]]) -> dict[str, dict[str, float]]:
    """Return by month the sums, squares and products that the ratios and their errors need. Users
    come in the order of what is a fraction, for sums of fractions depend on it.
    """
    kept = users.cache()
    months = engine.to_pandas(kept.group_by("month").aggregate().order_by("month"))["month"]
    return {
        month: _of_month(
            engine.to_pandas(kept.filter(kept.month == month).order_by("bought", "payers")), kpis
        )
        for month in months
    }


def _of_month(rows: pd.DataFrame, kpis: Mapping[str, tuple[str, str]]) -> dict[str, float]:
    """Return the sums of a month, and its users as `n`."""
    pairs = set(kpis.values())
    names = sorted({name for pair in pairs for name in pair})
    values = {name: rows[name].to_numpy("float64") for name in names}
    products = sorted(pairs | {(name, name) for name in names})
    sums = {"n": len(rows)} | {name: values[name].sum() for name in names}
    sums |= {f"{a}*{b}": (values[a] * values[b]).sum() for a, b in products}
    return sums | {f"{name}>0": (values[name] > 0).sum() for name in names}


def _ratio(row: Mapping[str, float], above: str, below: str) -> tuple[float, float, float]:
    """Return sum over sum with its interval: all blank where the sum below is 0, and the interval
    blank where too few users have any of what is summed.
    """
    y, x, n = float(row[above]), float(row[below]), float(row["n"])
    if x <= 0:
        return BLANK
    ratio = y / x
    if (above, below) == ("payers", "users"):
        low, high = proportion_confint(y, x, method="wilson")
        return ratio, float(low), float(high)
    products = float(row[f"{above}*{below}"])
    squares = row[f"{above}*{above}"] - 2 * ratio * products + ratio**2 * row[f"{below}*{below}"]
    if row[f"{above}>0"] < LEAST or squares <= 1e-9 * max(y, 1.0):
        return ratio, float("nan"), float("nan")
    spread = 1.959964 * np.sqrt(float(squares) * n / max(n - 1, 1)) / x
    return ratio, max(ratio - spread, 0.0), ratio + spread


def latest(kpis: pd.DataFrame) -> pd.DataFrame:
    """Return the last observed month and the one before: `kpi`, `month`, `value`, `ci_low`,
    `ci_high`, `before` (the value a month earlier), and `change`: `up` or `down` where the two
    intervals do not overlap (a cautious rule), else `within_chance`, or `not_known` without both
    intervals.
    """
    known = kpis[kpis["value"].notna()]
    months = sorted(known["month"].unique())[-2:]
    rows = []
    for name in dict.fromkeys(known["kpi"]):
        by_month = known[known["kpi"] == name].set_index("month").reindex(months)
        last: Any = by_month.iloc[-1]
        before: Any = by_month.iloc[0] if len(months) > 1 else None
        earlier = None if before is None else before["value"]
        rows.append((name, months[-1], last["value"], last["ci_low"], last["ci_high"],
                     earlier, _change(before, last)))  # fmt: skip
    columns = ["kpi", "month", "value", "ci_low", "ci_high", "before", "change"]
    return pd.DataFrame(rows, columns=columns)


def _change(before: Any, last: Any) -> str:
    if before is None or pd.isna(before["ci_low"]) or pd.isna(last["ci_low"]):
        return "not_known"
    if last["ci_low"] > before["ci_high"]:
        return "up"
    return "down" if last["ci_high"] < before["ci_low"] else "within_chance"
