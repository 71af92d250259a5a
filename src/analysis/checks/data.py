"""Checks of the data: does the log cover what is asked of it, and do the tables agree?"""

from collections.abc import Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd

from analysis import audit, clock, engine
from analysis.checks.verdict import Status, Verdict, grade, not_applicable
from analysis.contract import NATIVE_LABELS
from analysis.logwindow import LogWindow
from analysis.retention import wilson

MOST_EARLY = 0.5
"""Above this share of users from before the log, figures on newcomers speak for a minority."""
MOST_IMMATURE = 0.15
"""A log of a year with steady signups has 8 % in its last 30 days; twice that is a surge."""
JUMP, JUMP_FAILS = 1.5, 3.0
"""Ratio of the volume before and after an instant that is a break, and that is a hole."""
SURE = 6.0
"""Standard deviations that a break must lie beyond chance, over some 300 places looked at."""
DIP, DIP_FAILS = 0.85, 0.7
"""Return share at a stitch, relative to a few weeks earlier and later: doubtful, and a break."""
SURE_OF_DIP = 4.0
"""Standard deviations of a dip beyond chance; clean logs reach 3.0 over all their weeks."""
WEEKS = 4
"""Weeks before and after an instant in which a user must be seen to have returned."""


def run(
    told: pd.DataFrame,
    users: pd.DataFrame,
    events: Any,
    window: LogWindow,
    volume: pd.DataFrame,
    rules: pd.DataFrame,
    horizon_days: int,
    zone: str,
) -> list[Verdict]:
    """Return the verdict of every check of the data.

    `told` is `users` with `first_event_at` and `last_event_at`; `volume` from
    logwindow.daily_volume; `rules` from audit.all_rules.
    """
    return [
        log_covers_cohort(told, window, horizon_days),
        window_is_mature(users, window, horizon_days),
        rows_breaking("events_before_signup", rules, ["event is before the user's signup"], 0.01),
        rows_breaking(
            "clock_order", rules, ["received before it happened", "created before received"], 0.01
        ),
        lateness(rules),
        log_volume(volume, window),
        log_users(events, window, zone),
        last_day(volume, window),
        native_agrees(told),
        native_label(told, horizon_days),
        impossible_values(rules),
        rows_breaking("orphans", rules, ["user_id is not in the users table"], 0.01),
        rows_breaking("duplicates", rules, ["repeated identifier (one row kept)"], 0.05),
    ]


def _share(part: int, whole: int) -> tuple[float, float, float]:
    low, high = wilson(pd.Series([part]), pd.Series([whole]))
    return part / whole, float(low[0]), float(high[0])


def log_covers_cohort(told: pd.DataFrame, window: LogWindow, horizon_days: int) -> Verdict:
    """Judge how many users joined before the log: their first days were never recorded.

    Evidence besides the share: among users whose first `horizon_days` are over, how many
    seem never to have come, before the start of the log and after it.
    """
    known = told[told["signup_date"].notna()]
    is_early = known["signup_date"] < window.start
    if known.empty:
        return not_applicable("log_covers_cohort", "no user has a signup date")
    share, low, high = _share(int(is_early.sum()), len(known))
    ends = known["signup_date"] + pd.Timedelta(days=horizon_days)
    mature = ends <= window.end
    silent = ~(known["first_event_at"] < ends)
    facts: dict[str, Any] = {"early": int(is_early.sum()), "users": len(known)}
    before, after = silent[mature & is_early], silent[mature & ~is_early]
    facts["silent_before"] = float(before.mean()) if len(before) else None
    facts["silent_after"] = float(after.mean()) if len(after) else None
    status: Status = "warn" if low > MOST_EARLY else "pass"
    return Verdict("log_covers_cohort", status, share, low, high, MOST_EARLY, len(known), facts)


def window_is_mature(users: pd.DataFrame, window: LogWindow, horizon_days: int) -> Verdict:
    """Judge how many of the log's newcomers joined too late for their window to have ended."""
    inside = users[(users["signup_date"] >= window.start) & (users["signup_date"] < window.end)]
    if inside.empty:
        return not_applicable("window_is_mature", "nobody joined inside the log")
    late = inside["signup_date"] + pd.Timedelta(days=horizon_days) > window.end
    share, low, high = _share(int(late.sum()), len(inside))
    facts = {"late": int(late.sum()), "newcomers": len(inside), "days": horizon_days}
    expected = min(1.0, horizon_days / window.days)
    limit = max(MOST_IMMATURE, 1.5 * expected)
    status: Status = "warn" if low > expected and share > limit else "pass"
    return Verdict("window_is_mature", status, share, low, high, limit, len(inside), facts)


def rows_breaking(check: str, rules: pd.DataFrame, names: Sequence[str], fail: float) -> Verdict:
    """Judge the rows that break any rule of `names`: any is a warning, `fail` of them too many."""
    found = rules[rules["rule"].isin(names)]
    if found.empty:
        return not_applicable(check, "the columns it needs are not given")
    largest: Any = (found["broken"] / found["checked"].clip(lower=1)).idxmax()
    worst = found.loc[largest]
    broken, checked = int(worst["broken"]), int(worst["checked"])
    share, low, high = _share(broken, checked)
    status: Status = "fail" if share >= fail else ("warn" if broken else "pass")
    facts = {"broken": broken, "rows": checked, "rule": worst["rule"], "sample": worst["sample"]}
    return Verdict(check, status, share, low, high, fail, checked, facts)


def lateness(rules: pd.DataFrame) -> Verdict:
    """Judge the share of events received more than a day after they happened."""
    found = rules[rules["rule"] == "received more than a day after it happened"]
    if found.empty:
        return not_applicable("lateness", "the events carry no received_at")
    broken, checked = int(found["broken"].iloc[0]), int(found["checked"].iloc[0])
    share, low, high = _share(broken, checked)
    facts = {"broken": broken, "rows": checked}
    return Verdict("lateness", grade(share, 0.005, 0.05), share, low, high, 0.005, checked, facts)


def log_volume(volume: pd.DataFrame, window: LogWindow) -> Verdict:
    """Judge the largest jump of the daily volume inside the window, and days without events.

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
    empty = int((days == 0).sum()) if days.median() > 10 * scatter else 0
    is_break = (z > SURE and ratio > JUMP) or empty > 0
    status: Status = "pass" if not is_break else ("fail" if ratio > JUMP_FAILS or empty else "warn")
    facts = {"date": clock.day_start(day, "UTC").strftime("%Y-%m-%d"), "z": z, "empty_days": empty}
    return Verdict("log_volume", status, ratio, limit=JUMP, n=len(days), facts=facts)


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


def log_users(events: Any, window: LogWindow, zone: str) -> Verdict:
    """Judge whether the set of users changes at once, as in a log stitched from two.

    At each week's start: of the users seen in the four weeks before, the share seen in
    the four after. A stitch is a dip of that share below both the one five weeks earlier
    and the one five weeks later.
    """
    shares = _return_shares(events, window, zone)
    if len(shares) < 2 * WEEKS + 3:
        return not_applicable("log_users", "the log is shorter than eighteen weeks")
    rate = shares["both"] / shares["before"].clip(lower=1)
    around = pd.concat([rate.shift(WEEKS + 1), rate.shift(-WEEKS - 1)], axis=1).min(
        axis=1, skipna=False
    )
    others = pd.concat(
        [shares["before"].shift(WEEKS + 1), shares["before"].shift(-WEEKS - 1)], axis=1
    ).min(axis=1, skipna=False)
    pooled = ((around + rate) / 2).clip(1e-9, 1 - 1e-9)
    error = np.sqrt(pooled * (1 - pooled) * (1 / shares["before"].clip(lower=1) + 1 / others))
    z = (around - rate) / error
    relative = (rate / around.where(around > 0)).where(z > SURE_OF_DIP)
    looked = z.notna()
    if not looked.any():
        return not_applicable("log_users", "too few users return for a dip to be seen")
    at: Any = relative.idxmin() if relative.notna().any() else (rate / around)[looked].idxmin()
    value = float(rate[at] / around[at])
    status: Status = "warn" if relative.notna().any() and value < DIP else "pass"
    if status == "warn" and value < DIP_FAILS:
        status = "fail"
    facts = {"date": str(shares.loc[at, "date"]), "share": float(rate[at]),
             "around": float(around[at])}  # fmt: skip
    return Verdict(
        "log_users", status, value, limit=DIP, n=int(shares.loc[at, "before"]), facts=facts
    )


def _return_shares(events: Any, window: LogWindow, zone: str) -> pd.DataFrame:
    """Return per week of the log with four whole weeks on both sides: `date`, `before`, `both`."""
    inside = events.filter(events.event_at >= window.start, events.event_at < window.end)
    week_of = (inside.event_at.epoch_seconds() - int(window.start.timestamp())) / (7 * 86_400)
    seen = inside.select(user_id=inside.user_id, week=week_of.floor().cast("int64")).distinct()
    weeks = int(window.days // 7)
    parts = [
        seen.mutate(start=seen.week + shift, is_before=shift > 0)
        for shift in (*range(1, WEEKS + 1), *range(-WEEKS + 1, 1))
    ]
    spread = ibis.union(*parts)
    per_user = spread.group_by("user_id", "start").aggregate(
        before=spread.is_before.any(), after=(~spread.is_before).any()
    )
    counted = per_user.group_by("start").aggregate(
        before=per_user.before.sum(), both=(per_user.before & per_user.after).sum()
    )
    table = engine.to_pandas(counted.order_by("start"))
    table = table[table["start"].between(WEEKS, weeks - WEEKS)].reset_index(drop=True)
    dates = [window.start + pd.Timedelta(days=7 * int(start)) for start in table["start"]]
    return table.assign(date=[date.tz_convert(zone).strftime("%Y-%m-%d") for date in dates])


def last_day(volume: pd.DataFrame, window: LogWindow) -> Verdict:
    """Judge whether days right after the trusted window were left out as not complete."""
    near = window.end + pd.Timedelta(days=7)
    after = volume[(volume["day"] >= window.end) & (volume["day"] < near)]
    left = int(after["events"].sum())
    status: Status = "warn" if left else "pass"
    usual = volume.loc[volume["day"] < window.end, "events"].tail(7).median()
    facts = {"events": left, "days": len(after), "usual": float(usual),
             "end": window.end.strftime("%Y-%m-%d")}  # fmt: skip
    value = float(after["events"].max() / usual) if left and usual else 0.0
    return Verdict("last_day", status, value, limit=1.0, n=left, facts=facts)


def native_agrees(told: pd.DataFrame) -> Verdict:
    """Judge whether `last_active_date` is the day of the last event, give or take one day."""
    if "last_active_date" not in told:
        return not_applicable("native_agrees", "the users carry no last_active_date")
    both = told[told["last_active_date"].notna() & told["last_event_at"].notna()]
    if both.empty:
        return not_applicable("native_agrees", "no user has both a last_active_date and an event")
    gap = audit.day_gap(both)
    share, low, high = _share(int((gap > 1).sum()), len(both))
    facts = {"differ": int((gap > 1).sum()), "users": len(both), "median_days": float(gap.median())}
    return Verdict(
        "native_agrees", grade(share, 0.01, 0.1), share, low, high, 0.01, len(both), facts
    )


def native_label(told: pd.DataFrame, horizon_days: int) -> Verdict:
    """Judge the product's own churn label: which column it restates, and whether the log agrees."""
    label = next((name for name in NATIVE_LABELS if name in told), None)
    if label is None or told[label].nunique() < 2:
        return not_applicable("native_label", "the users carry no label of their own")
    rows = told[told[label].notna()]
    column, limit, accuracy = _best_stump(rows, label)
    newest = rows["last_event_at"].max()
    silent = ~(rows["last_event_at"] >= newest - pd.Timedelta(days=horizon_days + 1))
    against = (silent != (rows[label] == 1)) & rows["last_event_at"].notna()
    share, low, high = _share(int(against.sum()), len(rows))
    is_explained = accuracy > 0.999
    facts = {"label": label, "column": column if is_explained else "no single column",
             "limit": limit, "accuracy": accuracy, "against": int(against.sum()),
             "users": len(rows)}  # fmt: skip
    return Verdict(
        "native_label", grade(share, 0.02, 0.2), share, low, high, 0.02, len(rows), facts
    )


def _best_stump(rows: pd.DataFrame, label: str) -> tuple[str, str, float]:
    """Return the column whose one threshold reproduces `label` best, the threshold, how well."""
    best = ("", "", 0.0)
    y = rows[label].to_numpy(dtype=float)
    for name in rows.columns.drop([label, "first_event_at", "last_event_at"], errors="ignore"):
        values = rows[name]
        if values.isna().any() or isinstance(values.dtype, pd.StringDtype):
            continue
        order = np.argsort(values.to_numpy(), kind="stable")
        ranked, ones = values.to_numpy()[order], y[order]
        ends = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])
        right = (np.cumsum(ones)[ends] + np.cumsum(1 - ones[::-1])[::-1][0]
                 - np.cumsum(1 - ones)[ends]) / len(y)  # fmt: skip
        fit = np.maximum(right, 1 - right)
        at = int(np.argmax(fit))
        if fit[at] > best[2]:
            told = str(values.iloc[order[ends[at]]])[:10]
            best = (name, told, float(fit[at]))
    return best


def impossible_values(rules: pd.DataFrame) -> Verdict:
    """Judge the rule about single values that most users break."""
    wanted = rules["rule"].isin([rule.name for rule in audit.USER_RULES if rule.is_impossible])
    found = rules[wanted]
    if found.empty:
        return not_applicable("impossible_values", "no column that could hold one is given")
    largest: Any = found["broken"].idxmax()
    worst = found.loc[largest]
    broken, checked = int(worst["broken"]), int(worst["checked"])
    share, low, high = _share(broken, checked)
    status: Status = "fail" if share >= 0.01 else ("warn" if broken else "pass")
    counts = zip(found["rule"], found["broken"], strict=True)
    told = [f"{rule} ({count:,})" for rule, count in counts if count]
    facts = {"rules": "; ".join(told), "broken": int(found["broken"].sum()), "users": checked}
    return Verdict("impossible_values", status, share, low, high, 0.01, checked, facts)
