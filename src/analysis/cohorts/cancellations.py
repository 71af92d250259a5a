"""Two meanings of churn side by side: users who cancel, and users who fall silent.

A product that sells subscriptions knows who cancelled; the log knows who fell silent. Neither is
the other: people cancel while they are active, and stay subscribed long after their last visit.
"""

from typing import Any

import numpy as np
import pandas as pd
from statsmodels.duration.survfunc import CumIncidenceRight

from analysis.base import clock, engine
from analysis.base.formats import is_too_few, too_few
from analysis.base.statistics import wilson
from analysis.base.users import beside
from analysis.cohorts.survival import BEFORE_START, loglog_interval, survival_table
from analysis.contract.checks import Status, Verdict, check, not_applicable
from analysis.log import churn
from analysis.log.churn import Windows
from analysis.log.log import Log

CANCELLED, SILENT = 1, 2
"""How a stay ended, as CumIncidenceRight numbers the causes; 0 where it went on."""
CAUSES = {"cancelled": CANCELLED, "silent": SILENT}
GOES_ON = 0.1
"""Share of cancelled users who go on being active from which the date does not mean an end. Fewer
can be people who changed their mind within days."""
RETURN = 0.5
"""Share of cancelled users seen again, whenever, above which it is no end but a pause."""
COLUMNS = ["among", "state", "users", "of_users"]
RISKS = [
    "day", "at_risk", "remaining",
    *(f"{cause}{end}" for cause in CAUSES for end in ("", "_ci_low", "_ci_high")),
]  # fmt: skip


def cross_table(log: Log, windows: Windows) -> pd.DataFrame:
    """Return who of the silent had cancelled, and who of the cancelled had been silent.

    One row per group `among` and `state` (codes: their words are in the catalogue), with `users`
    in that state, `of_users` (the group), `share`, `ci_low`, `ci_high` (0 to 1, Wilson).

    - `fell_silent` and `stayed_active`: the users at risk at the last snapshot whose outcome is
      known, by that outcome. They had cancelled before the snapshot, cancelled from then to the end
      of the outcome days, or were still subscribed at that end.
    - `cancelled`: everyone who cancelled when the log covered the horizon before. They had been
      silent if they had no activity in that horizon (visits on the day itself aside: some come only
      to cancel).
    - `cancelled_followed`: everyone who cancelled a horizon or more before the end of the log. They
      went on if they were active more than a day after cancelling and within the horizon, came back
      if only later, and otherwise were not seen again.

    No rows where the tables record no cancellation.
    """
    if not log.records_cancellations:
        return _with_shares([])
    at = log.window.end - windows.step
    rows = _by_outcome(log, at, windows) if at - windows.back >= log.window.start else []
    return _with_shares([*rows, *_around_cancelling(log, windows.horizon)])


def _with_shares(rows: list[tuple[str, str, int, int]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"users": "int64", "of_users": "int64"})
    whole = table["of_users"].where(table["of_users"] > 0)
    low, high = wilson(table["users"], table["of_users"])
    return table.assign(share=table["users"] / whole, ci_low=low, ci_high=high)


def _count_states(among: str, states: "pd.Series[str]", known: tuple[str, ...]) -> list[Any]:
    return [(among, state, int((states == state).sum()), len(states)) for state in known]


def _by_outcome(log: Log, at: pd.Timestamp, windows: Windows) -> list[Any]:
    """Return whether the users at risk at `at` had cancelled, by whether they fell silent."""
    ids = churn.at_risk(log.active, at, windows)
    is_silent = churn.outcome(log.active, ids, at, windows, log.window.end) == 1
    when = log.cancelled.set_index("user_id")["cancelled_at"].reindex(ids).set_axis(ids.index)
    states = pd.Series("subscribed", ids.index, dtype="str")
    states = states.mask(when < log.window.end, "cancelled_within").mask(
        when < at, "cancelled_before"
    )
    known = ("cancelled_before", "cancelled_within", "subscribed")
    return [
        *_count_states("fell_silent", states[is_silent], known),
        *_count_states("stayed_active", states[~is_silent], known),
    ]


def _around_cancelling(log: Log, horizon_days: int) -> list[Any]:
    """Return what those who cancelled did in the horizon before, and after."""
    horizon, window = pd.Timedelta(days=horizon_days), log.window
    known = log.cancelled[log.cancelled["cancelled_at"] < window.end]
    table = with_activity(log.active, known, horizon)
    when = table["cancelled_at"]
    before = table[when - horizon >= window.start + clock.DAY]
    was_silent = ~before["was_active"] & (before["signup_date"] <= before["settles"] - horizon)
    after = table[(when >= window.start) & (table["over"] + horizon <= window.end)]
    states = pd.Series("not_seen", after.index, dtype="str")
    states = states.mask(after["came_back"], "came_back").mask(after["went_on"], "went_on")
    named = was_silent.map({True: "silent_before", False: "active_before"}).astype("str")
    return [
        *_count_states("cancelled", named, ("silent_before", "active_before")),
        *_count_states("cancelled_followed", states, ("went_on", "came_back", "not_seen")),
    ]


def with_activity(active: Any, cancelled: pd.DataFrame, horizon: pd.Timedelta) -> pd.DataFrame:
    """Return `cancelled` (see cancelled_users) with what each user did around that time.

    Adds `settles` (a day before an instant, the start of a day whose hour is unknown: where the
    horizon before ends), `over` (more than a day later is from then on), and whether the user was
    active in the horizon up to `settles` (`was_active`), in the horizon from `over` on (`went_on`),
    or after that one (`came_back`).
    """
    when, is_day = cancelled["cancelled_at"], cancelled["is_day"]
    table = cancelled.assign(
        settles=when.where(is_day, when - clock.DAY),
        over=(when + clock.DAY).where(~is_day, when + 2 * clock.DAY),
    )
    edges = {"opens": table["settles"] - horizon, "closes": table["over"] + horizon}
    near = engine.from_pandas(table.assign(**edges))
    joined = active.select("user_id", "event_at").inner_join(near, "user_id")
    at = joined.event_at
    tests = {
        "was_active": (at >= joined.opens) & (at < joined.settles),
        "went_on": (at >= joined.over) & (at < joined.closes),
        "came_back": at >= joined.closes,
    }
    found = joined.group_by("user_id").aggregate(**{name: t.any() for name, t in tests.items()})
    table = beside(table, engine.to_pandas(found))
    seen = {name: table[name].eq(True) for name in tests}
    return table.assign(**seen)


def first_ends(log: Log, settled_days: float) -> pd.DataFrame:
    """Return how the stay of each newcomer of the log ended first: by cancelling or by silence.

    One row per user who joined during the log, at least `settled_days` before its end: `user_id`,
    `entry` (before day 0: all are at risk from signup), `time` (days since signup), `cause`
    (CANCELLED, SILENT, or 0 where the stay went on) and `is_end`.

    A stay ends by silence at the last event if `settled_days` without a cancellation follow, and by
    a cancellation if that comes before such a silence is complete. Nobody is followed into the last
    `settled_days` of the log, where neither can be told apart. Users from before the log are left
    out: who of them had cancelled or fallen silent by then is not known.
    """
    window, settled = log.window, pd.Timedelta(days=settled_days)
    stops = window.end - settled
    known = log.users.loc[log.users["signup_date"].notna(), ["user_id", "signup_date"]]
    known = known[(known["signup_date"] >= window.start) & (known["signup_date"] < stops)]
    table = beside(beside(known, log.spans), log.cancelled[["user_id", "cancelled_at"]])
    last = table["last_event_at"].fillna(table["signup_date"])
    is_first = table["cancelled_at"] <= last + settled
    ended = table["cancelled_at"].where(is_first, last)
    is_end = ended <= stops
    cause = np.where(is_end, np.where(is_first, CANCELLED, SILENT), 0)
    lived: pd.Series[pd.Timedelta] = ended.where(is_end, stops) - table["signup_date"]
    stays = pd.DataFrame(
        {"user_id": table["user_id"], "entry": BEFORE_START, "time": lived / clock.DAY,
         "cause": cause, "is_end": is_end}
    )  # fmt: skip
    return stays.sort_values("user_id", ignore_index=True)


def competing_risks(log: Log, settled_days: float, min_group: int) -> pd.DataFrame:
    """Return the share of newcomers who have cancelled, and who have fallen silent, day by day.

    Aalen-Johansen over first_ends: for each cause the sum over the days of (share of users still
    there just before) x (ended by that cause / at risk), so that the two shares and the share of
    users who remain add up to 1. One minus Kaplan-Meier of each cause alone would count users who
    ended by the other cause as still exposed, and add up to more. Variance by the delta method with
    a log-log interval. Source: Klein and Moeschberger (2003), section 4.7, and Marubini and
    Valsecchi (1995), ch. 10; computed by statsmodels.

    Columns: `day` (since signup), `at_risk` (users followed at that day), `remaining`, `cancelled`
    and `silent` (shares, 0 to 1), and the last two's `_ci_low` and `_ci_high`. No rows where the
    tables record no cancellation, or for fewer than `min_group` newcomers.
    """
    if not log.records_cancellations:
        return pd.DataFrame(columns=RISKS)
    stays = first_ends(log, settled_days)
    if is_too_few(len(stays), min_group):
        return pd.DataFrame(columns=RISKS)
    return incidence_table(stays, int(min(log.window.days, stays["time"].max())))


def incidence_table(stays: pd.DataFrame, max_day: int) -> pd.DataFrame:
    """Return the columns of competing_risks for `stays` (see first_ends), for the days from 0 to
    `max_day` on which somebody is followed.
    """
    table = survival_table(stays, "all", max_day).rename(columns={"survival": "remaining"})
    with np.errstate(divide="ignore", invalid="ignore"):  # no variance where the last user ends
        curves = CumIncidenceRight(stays["time"].to_numpy(), stays["cause"].to_numpy())
    at = np.searchsorted(curves.times, table["day"], side="right")
    for cause, number in CAUSES.items():
        ended, error = np.zeros(len(curves.times)), np.zeros(len(curves.times))
        if number <= len(curves.cinc):  # statsmodels knows no cause beyond the last that occurs
            ended, error = curves.cinc[number - 1], curves.cinc_se[number - 1]
        share, spread = np.r_[0.0, ended][at], np.r_[0.0, error][at]
        low, high = loglog_interval(share, spread)
        is_known = np.isfinite(spread) & (share > 0)
        table[cause] = share
        table[f"{cause}_ci_low"] = np.where(is_known, low, np.nan)
        table[f"{cause}_ci_high"] = np.where(is_known, high, np.nan)
    return table.loc[table["at_risk"] > 0, RISKS].reset_index(drop=True)


@check(stage="05_cohorts", strikes=("cancellations",))
def cancellations(
    cancellations: pd.DataFrame, records_cancellations: bool, horizon_days: int, min_group: int
) -> Verdict:
    """Judge whether the recorded cancellation ends the stay: hardly anybody goes on after it, and
    most are never seen again.

    Otherwise the date means something else: an order that was cancelled, a pause, or a notice
    whose paid time runs on.
    """
    if not records_cancellations:
        return not_applicable("cancellations", "the tables record no cancellations")
    followed = cancellations[cancellations["among"] == "cancelled_followed"].set_index("state")
    n = int(followed["of_users"].iloc[0])
    if is_too_few(n, min_group):
        reason = f"{too_few(min_group)} cancelled early enough to be followed"
        return not_applicable("cancellations", reason)
    went_on: Any = followed.loc["went_on"]
    evidence = (went_on["share"], went_on["ci_low"], went_on["ci_high"])
    seen_again = 1 - followed["share"]["not_seen"]
    goes_on = went_on["ci_low"] > GOES_ON or seen_again > RETURN
    status: Status = "warn" if goes_on else "pass"
    counts = zip(followed.index, followed["users"], strict=True)
    facts = {str(state): int(users) for state, users in counts} | {"days": horizon_days}
    return Verdict("cancellations", status, *evidence, GOES_ON, n, facts)
