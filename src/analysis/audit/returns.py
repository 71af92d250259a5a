"""Returns: are the same users in the whole log, from its first to its last days?"""

import itertools
from collections.abc import Iterator
from typing import Any

import ibis
import numpy as np
import pandas as pd

from analysis.base import clock, engine
from analysis.contract.checks import FROM_THE_LOG, Status, Verdict, check, not_applicable
from analysis.log.window import LogWindow

DIP, DIP_FAILS = 0.85, 0.7
"""Return share at a stitch, relative to a few weeks earlier and later: doubtful, and a break."""
SURE_OF_DIP = 4.0
"""Standard deviations of a dip beyond chance; clean logs reach 3.0 over all their weeks."""
SURE_OF_BOTH, BOTH = 3.0, 0.9
"""The same for a dip seen looking ahead and looking back; clean logs reach 2.2 there."""
MOST_DAYS = 0.9
"""Quantile of the days compared that gives the trend: a set of users that stops spoils many."""
SURE_OF_EDGE, LEAST_SEEN = 3.5, 30
"""Standard deviations of a dip near the log's ends, of which clean logs reach 3.0 over all days
compared; users that a comparison must rest on."""
WEEKS = 4
"""Weeks before and after an instant in which a user must be seen to have returned."""
EDGE_DAYS = (7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27)
"""Days from the log's start or end at which returns are compared."""
EDGE_SHIFTS = (0, 28, 56)
"""Days by which the comparison lies further inside."""


def _inside(events: Any, window: LogWindow) -> Any:
    return events.filter(events.event_at >= window.start, events.event_at < window.end)


def weekly_returns(events: Any, users: pd.DataFrame, window: LogWindow, zone: str) -> pd.DataFrame:
    """Return per week of the log with four whole weeks on both sides: `date`; how many users
    were seen in the four weeks `before` and how many of them in both (`both`); how many who
    had signed up before all eight were seen in the four weeks after (`after_old`) and how
    many of them in both (`both_old`).
    """
    inside = _inside(events, window)
    seen = inside.select(user_id=inside.user_id, week=_week(inside.event_at, window)).distinct()
    signups = engine.from_pandas(
        users.loc[users["signup_date"].notna(), ["user_id", "signup_date"]]
    )
    joined = seen.inner_join(
        signups.select("user_id", signup_week=_week(signups.signup_date, window)), "user_id"
    )
    weeks = int(window.days // 7)
    parts = [
        joined.mutate(start=joined.week + shift, is_before=shift > 0)
        for shift in (*range(1, WEEKS + 1), *range(-WEEKS + 1, 1))
    ]
    spread = ibis.union(*parts)
    per_user = spread.group_by("user_id", "start").aggregate(
        before=spread.is_before.any(),
        after=(~spread.is_before).any(),
        is_old=(spread.signup_week < spread.start - WEEKS).any(),
    )
    counted = per_user.group_by("start").aggregate(
        before=per_user.before.sum(),
        both=(per_user.before & per_user.after).sum(),
        after_old=(per_user.after & per_user.is_old).sum(),
        both_old=(per_user.before & per_user.after & per_user.is_old).sum(),
    )
    table = engine.to_pandas(counted.order_by("start"))
    table = table[table["start"].between(WEEKS, weeks - WEEKS)].reset_index(drop=True)
    dates = [window.start + pd.Timedelta(days=7 * int(start)) for start in table["start"]]
    return table.assign(date=[date.tz_convert(zone).strftime("%Y-%m-%d") for date in dates])


def _week(instant: Any, window: LogWindow) -> Any:
    """Return the whole weeks since the log's start (Ibis)."""
    return (clock.days_since(instant, window.start) / 7).floor().cast("int64")


@check(stage="03_audit", strikes=FROM_THE_LOG)
def log_users(weekly_returns: pd.DataFrame) -> Verdict:
    """Judge whether the set of users changes abruptly, as in a log joined from two.

    At each week's start: of the users seen in the four weeks before, the share seen in the
    four after; and looking back, of the users seen in the four weeks after who had signed up
    before all eight, the share seen in the four before. A stitch is a dip of both, and a set
    of users who stop or start at once a dip of one, below the share five weeks earlier and
    the one five weeks later.
    """
    shares = weekly_returns
    if len(shares) < 2 * WEEKS + 3:
        return not_applicable("log_users", "the log is shorter than eighteen weeks")
    ahead = _dips(shares["both"], shares["before"])
    back = _dips(shares["both_old"], shares["after_old"])
    if ahead["z"].isna().all():
        return not_applicable("log_users", "too few users return to show a dip")
    together = _together(ahead, back)
    dips = _beyond_chance(ahead, back, together)
    status: Status = "warn" if len(dips) else "pass"
    if ((dips["z"] > SURE_OF_DIP) & (dips["relative"] < DIP_FAILS)).any():
        status = "fail"
    at: Any = dips["relative"].idxmin() if len(dips) else together["z"].fillna(-9).idxmax()
    value = float(dips["relative"].min() if len(dips) else ahead.loc[at, "relative"])
    is_back = back.loc[at, "relative"] < ahead.loc[at, "relative"]
    side = back if is_back else ahead
    facts = {"date": str(shares.loc[at, "date"]), "share": float(side.loc[at, "rate"]),
             "around": float(side.loc[at, "around"]),
             "side": "after" if is_back else "before"}  # fmt: skip
    n = int(shares.loc[at, "before"])
    return Verdict("log_users", status, value, limit=DIP, n=n, facts=facts)


def _together(ahead: pd.DataFrame, back: pd.DataFrame) -> pd.DataFrame:
    """Return the dips of both directions as one: their joint `z`, the larger `relative`."""
    relative = np.maximum(ahead["relative"], back["relative"])
    return pd.DataFrame({"z": (ahead["z"] + back["z"]) / 2**0.5, "relative": relative})


def _beyond_chance(ahead: pd.DataFrame, back: pd.DataFrame, together: pd.DataFrame) -> pd.DataFrame:
    """Return the `z` and `relative` of the dips that are deep and beyond chance."""
    dips = [
        part.loc[(part["z"] > sure) & (part["relative"] < limit), ["z", "relative"]]
        for part, sure, limit in (
            (ahead, SURE_OF_DIP, DIP),
            (back, SURE_OF_DIP, DIP),
            (together, SURE_OF_BOTH, BOTH),
        )
    ]
    return pd.concat([part for part in dips if len(part)] or [dips[0]])


def _dips(part: "pd.Series[int]", whole: "pd.Series[int]") -> pd.DataFrame:
    """Return per week the share `rate`, the smaller of those five weeks earlier and later
    (`around`), their ratio `relative`, and how many standard errors the share lies below
    both (`z`). Missing where a side is missing or empty.
    """
    n = whole.where(whole > 0)
    rate = part / n
    sides = []
    for shift in (WEEKS + 1, -WEEKS - 1):
        other, size = rate.shift(shift), n.shift(shift)
        pooled = ((other * size + rate * n) / (size + n)).clip(1e-9, 1 - 1e-9)
        error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / size))
        sides.append((other, (other - rate) / error))
    around, z = (
        pd.concat([first, second], axis=1).min(axis=1, skipna=False)
        for first, second in zip(*sides, strict=True)
    )
    relative = rate / around.where(around > 0)
    return pd.DataFrame({"rate": rate, "around": around, "z": z, "relative": relative})


def returns_at_edges(events: Any, users: pd.DataFrame, window: LogWindow) -> pd.DataFrame:
    """Return how many users seen in one week are seen again near the log's ends: `edge` (start
    or end), `days` from it, `shift` (0, or days further inside), `seen` (users seen in the week
    before that day, or at the start in the week after it, of those who joined before the log)
    and `both` (of them, those seen in the `days` after, or before). Rows that the log is too
    short for are left out.
    """
    places = list(_places(int(window.days)))
    if not places:
        return pd.DataFrame(columns=["edge", "days", "shift", "seen", "both"])
    days = _user_days(events, users, window)
    flags = {
        f"{name}{i}": ((days.day >= first) & (days.day < after)).any()
        for i, (*_, seen, again) in enumerate(places)
        for name, (first, after) in (("seen", seen), ("again", again))
    }
    per_user = days.group_by("user_id", "is_old").aggregate(**flags)
    sums = {}
    for i, (edge, *_) in enumerate(places):
        is_seen = per_user[f"seen{i}"]
        if edge == "start":
            is_seen &= per_user.is_old
        sums[f"seen{i}"] = is_seen.sum()
        sums[f"both{i}"] = (is_seen & per_user[f"again{i}"]).sum()
    row = engine.to_pandas(per_user.aggregate(**sums)).fillna(0).iloc[0]
    rows = [
        (edge, days_off, shift, int(row[f"seen{i}"]), int(row[f"both{i}"]))
        for i, (edge, days_off, shift, *_) in enumerate(places)
    ]
    return pd.DataFrame(rows, columns=["edge", "days", "shift", "seen", "both"])


def _places(length: int) -> Iterator[tuple[str, int, int, tuple[int, int], tuple[int, int]]]:
    """Yield the comparisons that a log of `length` days allows: the edge, the days from it, the
    shift, and the two half-open spans of days in which users are seen, and seen again.
    """
    for days, shift in itertools.product(EDGE_DAYS, EDGE_SHIFTS):
        if shift + days + 7 + max(EDGE_SHIFTS) > length:
            continue
        at = length - days - shift
        yield "end", days, shift, (at - 7, at), (at, at + days)
        at = days + shift
        yield "start", days, shift, (at, at + 7), (at - days, at)


def _user_days(events: Any, users: pd.DataFrame, window: LogWindow) -> Any:
    """Return one row per user and day of the log with an event (Ibis): `user_id`, `day` (from 0),
    and `is_old`, whether the user joined before the log.
    """
    inside = _inside(events, window)
    day = clock.days_since(inside.event_at, window.start)
    seen = inside.select(user_id=inside.user_id, day=day).distinct()
    old = users.loc[users["signup_date"] < window.start, ["user_id"]].assign(is_old=True)
    return seen.left_join(engine.from_pandas(old), "user_id").select(
        "user_id", "day", is_old=lambda t: t.is_old.fill_null(False)
    )


@check(stage="03_audit", strikes=FROM_THE_LOG)
def log_edges(returns_at_edges: pd.DataFrame) -> Verdict:
    """Judge whether a set of users stops some days before the log ends, or starts some days after
    it begins, which a comparison of months cannot show. Of the users seen in one week, the share
    seen again in the days up to the log's end is compared with the same four and eight weeks
    earlier; from the log's start on, the other way round. Where the shares of most days are lower
    than they were then, that is a trend, and only what lies below it is a dip.
    """
    table = _against_usual(returns_at_edges)
    if table.empty:
        return not_applicable("log_edges", "too few users near the log's start and end")
    z, relative = table["z"], table["relative"]
    is_dip = (z > SURE_OF_EDGE) & (relative < DIP)
    at: Any = (relative.where(is_dip) if is_dip.any() else -z).idxmin()
    edge, days = at
    status: Status = "pass"
    if is_dip.any():
        status = "fail" if relative[at] < DIP_FAILS else "warn"
    facts = {"edge": str(edge), "days": int(days), "share": float(table["rate"][at]),
             "usual": float(table["usual"][at]), "z": float(z[at])}  # fmt: skip
    n = int(table["seen"][at])
    return Verdict("log_edges", status, float(relative[at]), limit=DIP, n=n, facts=facts)


def _against_usual(returns: pd.DataFrame) -> pd.DataFrame:
    """Return per edge and days: `seen`, the share that returns (`rate`), the `usual` share in the
    trend, their ratio (`relative`), and how many standard errors the share lies below (`z`).
    """
    here = returns[returns["shift"] == 0].set_index(["edge", "days"])
    inside = returns[returns["shift"] > 0].groupby(["edge", "days"])[["seen", "both"]].sum()
    table = here.join(inside.add_suffix("_other"))
    table = table[(table["seen"] >= LEAST_SEEN) & (table["seen_other"] >= LEAST_SEEN)]
    if table.empty:
        return table
    n, m = table["seen"], table["seen_other"]
    rate, usual = table["both"] / n, table["both_other"] / m
    trend = (rate / usual).groupby("edge").quantile(MOST_DAYS).clip(upper=1.0).fillna(1.0)
    usual *= trend.reindex(table.index.get_level_values("edge")).to_numpy()
    pooled = ((rate * n + usual * m) / (n + m)).clip(1e-9, 1 - 1e-9)
    z = (usual - rate) / np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    relative = rate / usual.where(usual > 0)
    return table.assign(rate=rate, usual=usual, z=z, relative=relative)
