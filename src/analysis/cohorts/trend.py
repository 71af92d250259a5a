"""Churn from snapshot to snapshot: its level, its last change, and where it is going."""

from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd

from analysis.base import clock
from analysis.base.formats import is_too_few
from analysis.base.statistics import (
    LEAST_OF_A_TREND,
    Trend,
    difference_of,
    trend_of_shares,
    wilson,
)
from analysis.log.churn import Windows, seen_around, snapshot_plan
from analysis.log.window import LogWindow

Direction = Literal["rising", "falling", "steady", "unknown"]
STEADY_WITHIN = 0.1
"""Churn counts as steady only where a change of ten points over the log would have been seen."""


def churn_by_snapshot(
    user_days: Any, window: LogWindow, windows: Windows, zone: str, min_group: int
) -> pd.DataFrame:
    """Return who was at risk at each snapshot, and how many of them churned.

    The snapshots are those of the churn label: counted back from the end of the log, a gap and a
    horizon apart, as far as the log covers the look-back period. At risk is every user with
    an event in the look-back period; who has none in the horizon after the gap has churned. The
    horizon of the last snapshot, the end of the log, is still to come: its users are known, its
    churn is not (`is_complete` is false).

    Columns: `snapshot_at` (day of `zone`), `active_users` (at risk), `gained_users` and
    `lost_users` (at risk at this snapshot but not at the one before, and the reverse: active users
    = those before + gained - lost), `churners`, `churn_rate`, `ci_low`, `ci_high` (0 to 1, Wilson;
    blank for fewer than `min_group` users), `is_complete`, `difference` with
    `difference_ci_low` and `difference_ci_high` (the change of churn_rate since the snapshot
    before, in shares) and `change` (`up` or `down` where that interval leaves out 0, else
    `within_chance`; `not_known` without both rates).

    The interval of the change is that of two independent shares, although many users are at risk at
    both snapshots. No outcome day belongs to two snapshots, and each outcome is known before the
    next one begins, so that by chance neither leans to one side of the other (they are
    uncorrelated, like the hazards of a life table); users of different risk only make it
    too wide. It holds chance in who left, not the usual ups and downs of a product: see direction.
    Source: Newcombe (1998), method 10.
    """
    plan = snapshot_plan(window, windows)
    backs = [int((window.end - at) // clock.DAY) for at in plan["snapshot_at"]]
    seen = seen_around(user_days, windows, backs)
    day = plan["snapshot_at"].dt.tz_convert(zone).dt.strftime("%Y-%m-%d")
    is_complete = plan["split"] != "score"
    counts = _counts(seen, backs)
    counts["churners"] = counts["churners"].where(is_complete)
    rates = _with_rates(counts, min_group).assign(is_complete=is_complete)
    rates.insert(0, "snapshot_at", day)
    return _with_changes(rates)


def _counts(seen: pd.DataFrame, backs: Sequence[int]) -> pd.DataFrame:
    """Return `active_users`, `gained_users`, `lost_users` and `churners` of each snapshot."""
    at_risk, returned = (
        seen[[f"{name}_{back}" for back in backs]].set_axis(list(backs), axis=1)
        for name in ("at_risk", "returned")
    )
    before = at_risk.shift(axis=1, fill_value=False)
    counts = {
        "active_users": at_risk, "gained_users": at_risk & ~before, "lost_users": before & ~at_risk,
        "churners": at_risk & ~returned,
    }  # fmt: skip
    table = pd.DataFrame({name: flags.sum() for name, flags in counts.items()}).astype("Int64")
    table.loc[backs[0], ["gained_users", "lost_users"]] = pd.NA
    return table.reset_index(drop=True)


def _with_rates(table: pd.DataFrame, min_group: int) -> pd.DataFrame:
    shown = ~is_too_few(table["active_users"], max(min_group, 1)) & table["churners"].notna()
    parts, wholes = (
        table[name].astype("float64").where(shown.astype(bool))
        for name in ("churners", "active_users")
    )
    low, high = wilson(parts, wholes)
    return table.assign(churn_rate=parts / wholes, ci_low=low, ci_high=high)


def _with_changes(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with how far each rate is from the one before."""
    rows = [(float("nan"),) * 3]
    for at in range(1, len(table)):
        rows.append(change_between(table, at - 1, at))
    names = ["difference", "difference_ci_low", "difference_ci_high"]
    changes = pd.DataFrame(rows, columns=names, index=table.index)
    return table.assign(**{name: changes[name] for name in names}, change=_words(changes))


def change_between(table: pd.DataFrame, first: int, last: int) -> tuple[float, float, float]:
    """Return the change of churn from one row of churn_by_snapshot to another, by their places,
    with its interval; missing without both rates.
    """
    rows = table.iloc[[last, first]]
    if rows["churn_rate"].isna().any():
        return (float("nan"),) * 3
    (churners, users), (before, of) = rows[["churners", "active_users"]].astype(int).to_numpy()
    return difference_of(churners, users, before, of)


def _words(changes: pd.DataFrame) -> "pd.Series[str]":
    words = pd.Series("within_chance", changes.index, dtype="str")
    words = words.mask(changes["difference"].isna(), "not_known")
    words = words.mask(changes["difference_ci_low"] > 0, "up")
    return words.mask(changes["difference_ci_high"] < 0, "down")


def known(table: pd.DataFrame) -> pd.DataFrame:
    """Return the snapshots of churn_by_snapshot whose churn is known."""
    return table[table["churn_rate"].notna()]


def trend(table: pd.DataFrame) -> Trend | None:
    """Return the line through the churn of all snapshots (base.statistics.trend_of_shares), per
    snapshot; None where fewer than three are known.
    """
    rows = known(table)
    if len(rows) < LEAST_OF_A_TREND:
        return None
    parts, wholes = (rows[name].astype(int).tolist() for name in ("churners", "active_users"))
    return trend_of_shares(parts, wholes, rows.index.astype(float).tolist())


def change_over_log(table: pd.DataFrame) -> tuple[float, float, float] | None:
    """Return how far the line of `trend` rises from the first snapshot known to the last, with its
    interval; None where there is no line.
    """
    line = trend(table)
    if line is None:
        return None
    steps = float(known(table).index[-1] - known(table).index[0])
    return line.slope * steps, line.low * steps, line.high * steps


def direction(table: pd.DataFrame) -> Direction:
    """Return where churn is going, over all snapshots of churn_by_snapshot whose churn is known.

    A line is drawn through their rates. It allows for chance in who left and for the scatter of
    the snapshots around it, which is estimated from the log: one snapshot may lie far from the
    next beyond chance, and yet be one of the product's usual ups and downs.

    - `rising`, `falling`: the 95 % interval of the slope leaves out 0.
    - `steady`: it holds 0, and a change of ten points from the first snapshot to the last would
      have been seen: the interval of that change lies within ten points either way.
    - `unknown`: it holds 0 and is wider than that; or fewer than three snapshots are known, or the
      last one over is not: then nothing can be said of now.

    The line is straight: a last snapshot that leaves it at a jump is no trend yet, but a change
    since the snapshot before. Source: see base.statistics.trend_of_shares.
    """
    found, over = change_over_log(table), table[table["is_complete"]]
    if found is None or pd.isna(over["churn_rate"].iloc[-1]):
        return "unknown"
    _, low, high = found
    if low > 0:
        return "rising"
    if high < 0:
        return "falling"
    return "steady" if max(-low, high) < STEADY_WITHIN else "unknown"
