"""Checks of the log: is it one steady record of the same users, written as things happened?"""

from typing import Any

import ibis
import numpy as np
import pandas as pd

from analysis.base import clock, engine
from analysis.base.statistics import share_of
from analysis.contract.checks import Status, Verdict, grade, not_applicable
from analysis.log.window import LogWindow, is_apart

JUMP, JUMP_FAILS = 1.5, 3.0
"""Ratio of the volume before and after an instant that is a break, and that is a hole."""
RARELY = 0.02
"""Share of days that may be empty one at a time, as public holidays are."""
HOLE, SPIKE = 0.5, 3.0
"""Share of the usual volume below which a day lacks events, and above which it has too many."""
SURE = 6.0
"""Standard deviations that a break must lie beyond chance, over some 300 places looked at."""
DIP, DIP_FAILS = 0.85, 0.7
"""Return share at a stitch, relative to a few weeks earlier and later: doubtful, and a break."""
SURE_OF_DIP = 4.0
"""Standard deviations of a dip beyond chance; clean logs reach 3.0 over all their weeks."""
SURE_OF_BOTH, BOTH = 3.0, 0.9
"""The same for a dip seen looking ahead and looking back; clean logs reach 2.2 there."""
MOST_DAYS = 0.9
"""Quantile of the days looked at that tells the trend: a set of users that stops spoils many."""
SURE_OF_EDGE, LEAST_SEEN = 3.5, 30
"""Standard deviations of a dip near the log's ends, of which clean logs reach 3.0 over all days
looked at; users that a comparison must rest on.
"""
WEEKS = 4
"""Weeks before and after an instant in which a user must be seen to have returned."""
REST = 0.1
"""Part of the usual weekday's events below which a weekday is one of rest."""
MIX, MIX_FAILS = 1.5, 5.0
"""Ratio of a kind's share of the volume before and after an instant: a change, and an end."""
MOST_OF_MIX = 0.1
"""Share of the volume from which a kind that stops or starts at once is part of every figure."""
ONE_SECOND, ONE_SECOND_FAILS = 0.02, 0.5
"""Share of events at one second of the day: hours cut off give 1 in 24, dates alone give all."""
MACHINE = 7.0
"""Times the 99th percentile of users' events beyond which nobody is a person."""
CAPPED, CAPPED_FAILS, LEAST_CAP = 0.02, 0.1, 10
"""Share of users with exactly the most events that is a cap, and that distorts; the least cap."""
GOES_ON, GOES_ON_FAILS = 0.05, 0.25
"""Share of users for whom one kind of event goes on for a horizon after all else stopped."""
APART = 3
"""Times as many users as for any other kind, from which a kind goes on by itself."""
MAIN = 0.5
"""Share of all events from which a kind is what users do, and not judged so."""
MUCH = 0.05
"""Share of all events by machines from which they decide averages."""


def log_volume(volume: pd.DataFrame, window: LogWindow) -> Verdict:
    """Judge the largest jump of the daily volume inside the window, and single days that stand
    out: empty ones, ones with less than half of what is usual, ones with more than three times.

    Sums over 7, 14 and 28 days before and after each midnight are compared; chance is
    measured by the scatter from one day to the next, so that bursts of events count once.
    """
    inside = volume[(volume["day"] >= window.start) & (volume["day"] < window.end)]
    if len(inside) < 28:
        return not_applicable("log_volume", "the log covers fewer than 28 days")
    numbers = range(int(inside["day_number"].min()), int(inside["day_number"].max()) + 1)
    days = inside.set_index("day_number")["events"].reindex(numbers, fill_value=0).astype(float)
    scatter = _dispersion(days.to_numpy())
    best = max((_largest_jump(days, size, scatter) for size in (7, 14, 28)), key=lambda j: j[1])
    ratio, z, day = best
    odd = _odd_days(days, scatter)
    missing = odd[days[odd] == 0]
    is_hole = len(missing) > RARELY * len(days) or _longest_run(missing) > 1
    is_dense = days[days > 0].median() > 10 * scatter
    empty = len(missing)
    if is_dense:
        empty = int((days == 0).sum()) - _weekend_days(days)
    is_break = z > SURE and ratio > JUMP
    status: Status = "warn" if is_break or len(odd) or empty else "pass"
    if is_hole or (is_break and ratio > JUMP_FAILS):
        status = "fail"
    odd_date = _date(int(odd[0])) if len(odd) else "none"
    facts = {"date": _date(day), "z": z, "empty_days": empty, "odd_days": len(odd),
             "odd_date": odd_date}  # fmt: skip
    return Verdict("log_volume", status, ratio, limit=JUMP, n=len(days), facts=facts)


def _weekend_days(days: "pd.Series[float]") -> int:
    """Return how many days without events are those of weekends on which hardly any come: Saturday
    and Sunday, or Friday and Saturday. A product for work rests then; a single weekday without
    events is no custom.
    """
    weekday = pd.Series((days.index.to_numpy() + 3) % 7, days.index)  # 1 January 1970: a Thursday
    usual = days.groupby(weekday).median()
    rests = set(usual.index[usual < REST * usual.median()])
    return int(((days == 0) & weekday.isin(rests)).sum()) if rests in ({5, 6}, {4, 5}) else 0


def _date(day: int) -> str:
    """Return the date, as text, of a day number."""
    return clock.date_text(clock.day_start(day, "UTC"), "UTC")


def _longest_run(days: "pd.Index[int]") -> int:
    """Return the most days in a row among `days`, which are sorted."""
    runs = pd.Series(days).diff().ne(1).cumsum()
    return int(runs.value_counts().max()) if len(runs) else 0


def _odd_days(days: "pd.Series[float]", scatter: float) -> "pd.Index[int]":
    """Return the days whose volume is below half, or above three times, of both the days around
    and the same weekday of the weeks around, and beyond chance.
    """
    week = days.rolling(15, center=True, min_periods=8).median()
    weekday = pd.concat([days.shift(n) for n in (-14, -7, 7, 14)], axis=1).median(axis=1)
    least, most = np.minimum(week, weekday), np.maximum(week, weekday)
    is_low = (days < HOLE * least) & (least - days > SURE * np.sqrt(scatter * least))
    is_low |= (days == 0) & (least > 10 * scatter)
    is_high = (days > SPIKE * most) & (days - most > SURE * np.sqrt(scatter * most))
    return days.index[is_low | is_high]


def _dispersion(days: np.ndarray) -> float:
    """Return the variance of a day's count over its mean, from day-to-day differences."""
    sums = days[1:] + days[:-1]
    squares = (np.diff(days) ** 2)[sums > 0] / sums[sums > 0]
    return max(1.0, float(np.median(squares)) / 0.455)  # the median of a chi-square with 1 df


def _largest_jump(days: "pd.Series[float]", size: int, scatter: float) -> tuple[float, float, int]:
    """Return ratio, standard deviations and day number of the largest jump over `size` days."""
    if len(days) < 2 * size:
        return 1.0, 0.0, int(days.index[0])
    total = days.rolling(size).sum().to_numpy()
    before, after = total[size - 1 : -size], total[2 * size - 1 :]
    z = np.abs(after - before) / np.sqrt(scatter * np.maximum(after + before, 1))
    at = int(np.argmax(z))
    small, large = sorted((before[at], after[at]))
    return float(large / max(small, 1.0)), float(z[at]), int(days.index[at + size])


def log_mix(mix: pd.DataFrame) -> Verdict:
    """Judge whether one kind of event, source, country or device stops, starts or jumps at once.

    `mix` from audit.daily_mix. The share of each kind in the volume is compared over 14 and 28
    days before and after each midnight; chance is measured by its scatter from day to day. A
    change of the hours of the day is worth a word and no more: days are counted all the same.
    """
    found = [
        (*_largest_shift(part, size), f"{column} {level}")
        for (column, level), part in mix.groupby(["column", "level"], sort=True)
        for size in (14, 28)
    ]
    if not found:
        return not_applicable("log_mix", "all events are of one kind")
    breaks = [row for row in found if row[1] > SURE and row[0] > MIX]
    ratio, z, share, day, name = max(breaks or found, key=lambda row: row[1])
    is_large = any(
        row[0] > MIX_FAILS and row[2] > MOST_OF_MIX and not row[4].startswith("hour ")
        for row in breaks
    )
    status: Status = "pass" if not breaks else ("fail" if is_large else "warn")
    date = _date(day)
    facts = {"kind": name, "date": date, "z": z, "share": share, "kinds": len(found) // 2,
             "breaks": len({row[4] for row in breaks})}  # fmt: skip
    return Verdict("log_mix", status, ratio, limit=MIX, n=len(found) // 2, facts=facts)


def _largest_shift(part: pd.DataFrame, size: int) -> tuple[float, float, float, int]:
    """Return ratio, standard deviations, larger share and day number of the largest shift of a
    kind's share beyond its `least`; `part` is one kind of audit.daily_mix.
    """
    kind, total = part["events"].to_numpy(float), part["total"].to_numpy(float)
    days = part["day_number"].to_numpy()
    if len(days) < 2 * size:
        return 1.0, 0.0, 0.0, int(days[0])
    x, n = (np.convolve(v, np.ones(size), "valid") for v in (kind, total))
    (x1, x2), (n1, n2) = ((v[:-size], v[size:]) for v in (x, n))
    p1, p2 = x1 / np.maximum(n1, 1), x2 / np.maximum(n2, 1)
    pooled = np.clip((x1 + x2) / np.maximum(n1 + n2, 1), 1e-9, 1 - 1e-9)
    spread = pooled * (1 - pooled) * (1 / np.maximum(n1, 1) + 1 / np.maximum(n2, 1))
    change = np.abs(p2 - p1)
    z = change / np.sqrt(_mix_scatter(kind, total) * spread)
    z = np.where(change > part["least"].iloc[0], z, 0.0)
    at = int(np.argmax(z))
    small, large = sorted((p1[at], p2[at]))
    least = 0.5 / max(n1[at], n2[at], 1.0)
    return float(large / max(small, least)), float(z[at]), float(large), int(days[at + size])


def _mix_scatter(kind: np.ndarray, total: np.ndarray) -> float:
    """Return the variance of a daily share over that of independent events, from differences
    of one day to the next (events come in sessions and so together).
    """
    p = kind.sum() / max(total.sum(), 1.0)
    share = kind / np.maximum(total, 1)
    both = (total[1:] > 0) & (total[:-1] > 0)
    spread = p * (1 - p) * (1 / np.maximum(total[1:], 1) + 1 / np.maximum(total[:-1], 1))
    squares = (np.diff(share) ** 2 / np.maximum(spread, 1e-12))[both]
    return max(1.0, float(squares.mean())) if len(squares) else 1.0


def times_of_day(fullest: pd.DataFrame) -> Verdict:
    """Judge the share of events at the fullest second of the day: times that were cut off to
    the day or the hour all carry the same second. `fullest` from audit.fullest_second.
    """
    row = fullest.iloc[0]
    share, low, high = share_of(int(row["events"]), int(row["total"]))
    clock_time = pd.Timestamp(int(row["second"]), unit="s").strftime("%H:%M:%S")
    facts = {"time": clock_time, "events": int(row["events"])}
    return Verdict("times_of_day", grade(share, ONE_SECOND, ONE_SECOND_FAILS), share, low, high,
                   ONE_SECOND, int(row["total"]), facts)  # fmt: skip


def machines(told: pd.DataFrame) -> Verdict:
    """Judge the share of all events by users with far more events than nearly everybody else.

    `told` has `event_count` (activity.user_spans); missing for users without events.
    """
    counts = told["event_count"].dropna()
    if len(counts) < 100:
        return not_applicable("machines", "fewer than 100 users have events")
    limit = MACHINE * float(counts.quantile(0.99))
    many = counts[counts > limit]
    share = float(many.sum() / counts.sum())
    status: Status = "pass" if many.empty else ("fail" if share >= MUCH else "warn")
    sample = str(told.loc[counts.index[counts == counts.max()], "user_id"].min())
    facts = {
        "users": len(many),
        "limit": limit,
        "times": MACHINE,
        "most": int(counts.max()),
        "sample": sample,
    }
    return Verdict("machines", status, share, limit=MUCH, n=len(counts), facts=facts)


def capped_histories(told: pd.DataFrame) -> Verdict:
    """Judge the share of users who have exactly the most events: an export of the first or the
    last so many events of each user cuts histories there. `told` has `event_count`.
    """
    counts = told["event_count"].dropna()
    if len(counts) < 100 or counts.max() < LEAST_CAP:
        return not_applicable("capped_histories", "too few users have many events")
    at_most = int((counts == counts.max()).sum())
    share, low, high = share_of(at_most, len(counts))
    status: Status = grade(share, CAPPED, CAPPED_FAILS) if at_most >= 5 else "pass"
    facts = {"at_most": at_most, "users": len(counts), "most": int(counts.max())}
    return Verdict("capped_histories", status, share, low, high, CAPPED, len(counts), facts)


def automatic_events(kinds: pd.DataFrame, horizon_days: int) -> Verdict:
    """Judge whether one kind of event goes on after users have stopped: a push, a heartbeat or a
    renewal that the app logs by itself makes users who left look active. It must do so for three
    times as many users as any other kind: with rare visits, each kind is the last one of some.

    `kinds` from audit.kinds_that_go_on; a kind with more than half of all events is the log's
    main activity and is not judged.
    """
    most = MAIN * kinds["events"].sum()
    judged = kinds[kinds["events"] <= most]
    if judged.empty or len(kinds) < 3:
        return not_applicable("automatic_events", "there are too few kinds of event to compare")
    at: Any = judged["going_on"].idxmax()
    count, users = int(judged.loc[at, "going_on"]), int(judged.loc[at, "users"])
    share, low, high = share_of(count, users)
    facts = {"kind": str(judged.loc[at, "kind"]), "going_on": count, "users": users,
             "days": horizon_days}  # fmt: skip
    others = judged.loc[judged.index != at, "going_on"]
    is_alone = count >= APART * max(others.max(), 1) if len(others) else True
    status: Status = grade(share, GOES_ON, GOES_ON_FAILS) if is_alone else "pass"
    return Verdict("automatic_events", status, share, low, high, GOES_ON, users, facts)


def log_users(events: Any, users: pd.DataFrame, window: LogWindow, zone: str) -> Verdict:
    """Judge whether the set of users changes at once, as in a log stitched from two.

    At each week's start: of the users seen in the four weeks before, the share seen in the
    four after; and looking back, of the users seen in the four weeks after who had signed up
    before all eight, the share seen in the four before. A stitch is a dip of both, and a set
    of users who stop or start at once a dip of one, below the share five weeks earlier and
    the one five weeks later.
    """
    shares = _return_shares(events, users, window, zone)
    if len(shares) < 2 * WEEKS + 3:
        return not_applicable("log_users", "the log is shorter than eighteen weeks")
    ahead = _dips(shares["both"], shares["before"])
    back = _dips(shares["both_old"], shares["after_old"])
    together = pd.DataFrame(
        {
            "z": (ahead["z"] + back["z"]) / 2**0.5,
            "relative": np.maximum(ahead["relative"], back["relative"]),
        }
    )
    looked = [(ahead, SURE_OF_DIP, DIP), (back, SURE_OF_DIP, DIP), (together, SURE_OF_BOTH, BOTH)]
    if ahead["z"].isna().all():
        return not_applicable("log_users", "too few users return for a dip to be seen")
    dips = [
        part.loc[(part["z"] > sure) & (part["relative"] < limit), ["z", "relative"]]
        for part, sure, limit in looked
    ]
    found = pd.concat([part for part in dips if len(part)] or [dips[0]])
    status: Status = "warn" if len(found) else "pass"
    if ((found["z"] > SURE_OF_DIP) & (found["relative"] < DIP_FAILS)).any():
        status = "fail"
    at: Any = found["relative"].idxmin() if len(found) else together["z"].fillna(-9).idxmax()
    value = float(found["relative"].min() if len(found) else ahead.loc[at, "relative"])
    own = back if back.loc[at, "relative"] < ahead.loc[at, "relative"] else ahead
    facts = {"date": str(shares.loc[at, "date"]), "share": float(own.loc[at, "rate"]),
             "around": float(own.loc[at, "around"]),
             "side": "after" if own is back else "before"}  # fmt: skip
    n = int(shares.loc[at, "before"])
    return Verdict("log_users", status, value, limit=DIP, n=n, facts=facts)


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


def _return_shares(events: Any, users: pd.DataFrame, window: LogWindow, zone: str) -> pd.DataFrame:
    """Return per week of the log with four whole weeks on both sides: `date`; how many users
    were seen in the four weeks `before` and how many of them in both (`both`); how many who
    had signed up before all eight were seen in the four weeks after (`after_old`) and how
    many of them in both (`both_old`).
    """
    inside = events.filter(events.event_at >= window.start, events.event_at < window.end)
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


def log_edges(returns: pd.DataFrame) -> Verdict:
    """Judge whether a set of users stops some days before the log ends, or starts some days after
    it begins, which a comparison of months cannot see. Of the users seen in one week, the share
    seen again in the days up to the log's end is held against the same four and eight weeks
    earlier; and from the log's start on the other way about. Where most days' shares are lower
    than then, by how much is a trend, and only what lies below it a dip.

    `returns` from audit.returns_at_edges.
    """
    own = returns[returns["shift"] == 0].set_index(["edge", "days"])
    other = returns[returns["shift"] > 0].groupby(["edge", "days"])[["seen", "both"]].sum()
    table = own.join(other.add_suffix("_other"))
    table = table[(table["seen"] >= LEAST_SEEN) & (table["seen_other"] >= LEAST_SEEN)]
    if table.empty:
        return not_applicable("log_edges", "too few users near the log's start and end")
    n, m = table["seen"], table["seen_other"]
    rate, usual = table["both"] / n, table["both_other"] / m
    trend = (rate / usual).groupby("edge").quantile(MOST_DAYS).clip(upper=1.0).fillna(1.0)
    usual *= trend.reindex(table.index.get_level_values("edge")).to_numpy()
    pooled = ((rate * n + usual * m) / (n + m)).clip(1e-9, 1 - 1e-9)
    z = (usual - rate) / np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    relative = rate / usual.where(usual > 0)
    is_dip = (z > SURE_OF_EDGE) & (relative < DIP)
    at: Any = (relative.where(is_dip) if is_dip.any() else -z).idxmin()
    edge, days = at
    status: Status = "pass"
    if is_dip.any():
        status = "fail" if relative[at] < DIP_FAILS else "warn"
    facts = {"edge": str(edge), "days": int(days), "share": float(rate[at]),
             "usual": float(usual[at]), "z": float(z[at])}  # fmt: skip
    return Verdict("log_edges", status, float(relative[at]), limit=DIP, n=int(n[at]), facts=facts)


def stray_times(volume: pd.DataFrame, window: LogWindow) -> Verdict:
    """Judge the events that lie far outside the log, beyond weeks without any: clocks set wrong,
    and dates that stand for "unknown". `volume` from logwindow.daily_volume.
    """
    stray = volume[is_apart(volume, window)]
    total, count = int(volume["events"].sum()), int(stray["events"].sum())
    share, low, high = share_of(count, total)
    ends = (stray["day_number"].min(), stray["day_number"].max()) if count else ()
    first, last = [_date(number) for number in ends] or ["none"] * 2
    facts = {"events": count, "rows": total, "first": first, "last": last}
    status: Status = "warn" if count else "pass"
    return Verdict("stray_times", status, share, low, high, 0.0, total, facts)


def last_day(volume: pd.DataFrame, window: LogWindow, zone: str) -> Verdict:
    """Judge whether days right after the trusted window were left out as not complete."""
    near = window.end + pd.Timedelta(days=7)
    after = volume[(volume["day"] >= window.end) & (volume["day"] < near)]
    left = int(after["events"].sum())
    status: Status = "warn" if left else "pass"
    usual = volume.loc[volume["day"] < window.end, "events"].tail(7).median()
    facts = {"events": left, "days": len(after), "usual": float(usual),
             "end": clock.date_text(window.end, zone)}  # fmt: skip
    value = float(after["events"].max() / usual) if left and usual else 0.0
    return Verdict("last_day", status, value, limit=1.0, n=left, facts=facts)
