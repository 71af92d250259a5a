"""Checks of the data: does the log cover what is asked of it, and do the tables agree?"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.audit import log_checks as log
from analysis.audit import measures as audit
from analysis.audit import native, values
from analysis.base import clock
from analysis.base.statistics import share_of
from analysis.contract.checks import Status, Verdict, grade, not_applicable
from analysis.log import activity
from analysis.log import rules as rules_of_log
from analysis.log.window import FEW_APART, LogWindow

MOST_EARLY = 0.5
"""Above this share of users from before the log, figures on newcomers speak for a minority."""
MOST_IMMATURE = 0.15
"""A log of a year with steady signups has 8 % in its last 30 days; twice that is a surge."""

UNSEEN, UNSEEN_FAILS = 0.1, 0.35
"""Share of newcomers without any event in their first horizon: signups without use, and a log
that lacks users or dates that are not theirs."""
FEW_LEFT, NONE_LEFT = 0.02, 0.005
"""Share of older users last seen more than a horizon ago, below which leavers are missing."""
SURELY_FEW, PERHAPS_FEW = 0.05, 0.1
"""Upper end of that share's interval up to which none seen means none, and may mean it."""
ENOUGH = 30
"""Users below whom a share of them says nothing."""
REPEATS, TWICE_FAILS = {audit.TWICE: 1e-4, audit.NEAR: 0.005, audit.SHIFTED: 0.01}, 0.05
"""Share of events repeated so that chance and thumbs do not explain, and that distorts."""
MIXED, MIXED_FAILS = 0.05, 0.5
"""Share of events of another country, or sessions of several users: more than travellers bring,
and identifiers that are not persons."""
SURELY_FEWER, FEWER_SEEN = 4.0, 0.8
"""Standard errors, and ratio, by which users from just before the log are seen too rarely."""
SPAN_DAYS, HOLE, CROWD = 28, 0.3, 2.0
"""Length of a span of signups; its ratio to both beside it that is a hole, and that of the first
to the usual one that is a crowd."""
MISSING, MISSING_FAILS = 0.01, 0.2
"""Share of rows without a needed value that is worth a word, and that makes figures partial."""
NEEDED = (
    "signup_date is missing",
    "event_type is missing",
    *(audit.CLEANING[f"null_{name}"] for name in ("user_id", "event_uuid", "event_timestamp")),
)
"""Rules about values that every figure needs."""
SLOW_SECONDS = 3600
"""Median delay of a whole source or device that is a clock or a nightly load, not a network."""
ONE_DAY_OF_MONTH, ONE_DAY_OF_WEEK = 0.25, 0.6
"""Share of signups on one day of the month, or of the week, that means dates were cut to it."""
FAR_APART = pd.Timedelta(days=730)
"""Time without a signup beyond which a few dates are no early accounts but stand for none."""
PILE, PILED, PILED_FAILS = 10.0, 0.02, 0.25
"""Times the 95th percentile of a day's signups that makes a pile, and its share of all users
from which it is worth a word, and from which tenure is no longer the users' own."""
RULED: dict[str, tuple[Sequence[str], float]] = {
    "events_before_signup": (["event is before the user's signup"], 0.01),
    "clock_order": (["received before it happened", "created before received"], 0.01),
    "orphans": (["user_id is not in the users table"], 0.01),
    "duplicates": (["repeated identifier (one row kept)"], 0.05),
}
"""Checks that are rules of the audit: their names, and the share of rows that fails."""


def run(
    told: pd.DataFrame,
    users: pd.DataFrame,
    events: Any,
    window: LogWindow,
    volume: pd.DataFrame,
    rules: pd.DataFrame,
    horizon_days: int,
    zone: str,
    roles: Mapping[str, str],
    gap_minutes: float,
    passive: Sequence[str] = (),
) -> list[Verdict]:
    """Return the verdict of every check of the data.

    `told` is `users` with the result of activity.user_spans; `volume` from
    logwindow.daily_volume; `rules` from audit.all_rules; `roles`, `gap_minutes` and `passive` are
    the parameters event_types, session_gap_minutes and passive_event_types.
    """
    mix = audit.daily_mix(events, users, window, zone)
    counts = audit.native_counts(users, events, window, roles, gap_minutes)
    kinds = audit.kinds_that_go_on(activity.by_users(events, passive), horizon_days)
    return [
        log_covers_cohort(told, window, horizon_days),
        window_is_mature(users, window, horizon_days),
        newcomers_seen(told, window, horizon_days),
        survivors(told, window, horizon_days),
        early_users_seen(told, window, horizon_days),
        signup_flow(users, window, zone),
        signup_dates(users, zone),
        missing_values(rules),
        rows_breaking("events_before_signup", rules),
        rows_breaking("clock_order", rules),
        lateness(rules, audit.delay_by_kind(events, users)),
        log.log_volume(volume, window),
        log.log_mix(mix),
        log.log_users(events, users, window, zone),
        log.log_edges(audit.returns_at_edges(events, users, window)),
        log.stray_times(volume, window),
        log.last_day(volume, window, zone),
        log.times_of_day(audit.fullest_second(events)),
        log.machines(told),
        log.capped_histories(told),
        log.automatic_events(kinds, horizon_days),
        native.native_agrees(told),
        native.native_counts(counts),
        native.native_label(told, horizon_days),
        impossible_values(rules),
        rows_breaking("orphans", rules),
        rows_breaking("duplicates", rules),
        double_logging(rules),
        identities(rules),
        values.copied_users(users),
        values.groups_seen(told, window, horizon_days),
        values.spellings(users, kinds),
        values.placeholders(users, kinds),
        values.extreme_values(users),
        values.sessions(audit.session_lengths(events)),
        values.log_amounts(audit.daily_amounts(events, window, zone)),
    ]


def log_covers_cohort(told: pd.DataFrame, window: LogWindow, horizon_days: int) -> Verdict:
    """Judge how many users joined before the log: their first days were never recorded.

    Evidence besides the share: among users whose first `horizon_days` are over, how many
    seem never to have come, before the start of the log and after it.
    """
    known = told[told["signup_date"].notna()]
    is_early = known["signup_date"] < window.start
    if known.empty:
        return not_applicable("log_covers_cohort", "no user has a signup date")
    share, low, high = share_of(int(is_early.sum()), len(known))
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
    share, low, high = share_of(int(late.sum()), len(inside))
    facts = {"late": int(late.sum()), "newcomers": len(inside), "days": horizon_days}
    expected = min(1.0, horizon_days / window.days)
    limit = max(MOST_IMMATURE, 1.5 * expected)
    status: Status = "warn" if low > expected and share > limit else "pass"
    return Verdict("window_is_mature", status, share, low, high, limit, len(inside), facts)


def newcomers_seen(told: pd.DataFrame, window: LogWindow, horizon_days: int) -> Verdict:
    """Judge the share of users who joined inside the log and have no event in their first
    `horizon_days`: their events are missing, or their signup date is not theirs.
    """
    joined = told["signup_date"]
    ends = joined + pd.Timedelta(days=horizon_days)
    known = told[(joined >= window.start) & (ends <= window.end)]
    if len(known) < ENOUGH:
        return not_applicable("newcomers_seen", "too few joined inside the log")
    unseen = int((~(known["first_event_at"] < ends[known.index])).sum())
    share, low, high = share_of(unseen, len(known))
    facts = {"unseen": unseen, "newcomers": len(known), "days": horizon_days}
    status = grade(share, UNSEEN, UNSEEN_FAILS)
    return Verdict("newcomers_seen", status, share, low, high, UNSEEN, len(known), facts)


def survivors(told: pd.DataFrame, window: LogWindow, horizon_days: int) -> Verdict:
    """Judge whether users who have left are missing: of those who joined three horizons before
    the log's end or earlier and were seen, the share last seen more than a horizon before it.
    """
    early = told["signup_date"] <= window.end - pd.Timedelta(days=3 * horizon_days)
    old = told[early & told["last_event_at"].notna()]
    if len(old) < ENOUGH:
        return not_applicable("survivors", "too few joined early enough")
    gone = int((old["last_event_at"] < window.end - pd.Timedelta(days=horizon_days)).sum())
    share, low, high = share_of(gone, len(old))
    facts = {"gone": gone, "users": len(old), "days": horizon_days}
    status: Status = "pass"
    if high < FEW_LEFT or (share < NONE_LEFT and high < PERHAPS_FEW):
        status = "fail" if share < NONE_LEFT and high < SURELY_FEW else "warn"
    return Verdict("survivors", status, share, low, high, FEW_LEFT, len(old), facts)


def early_users_seen(told: pd.DataFrame, window: LogWindow, horizon_days: int) -> Verdict:
    """Judge whether users who joined in the horizon before the log are in it as often as newcomers
    are after theirs: fewer of them seen means that the log lacks users, not that they left.
    """
    span = pd.Timedelta(days=horizon_days)
    joined, last = told["signup_date"], told["last_event_at"]
    is_early = (joined >= window.start - span) & (joined < window.start)
    is_new = (joined >= window.start) & (joined + 2 * span <= window.end)
    seen, stayed = last[is_early].notna(), last[is_new] >= joined[is_new] + span
    if min(len(seen), len(stayed)) < ENOUGH:
        return not_applicable("early_users_seen", "too few joined just before and inside the log")
    share, low, high = share_of(int(seen.sum()), len(seen))
    rate = float(stayed.mean())
    pooled = (seen.sum() + stayed.sum()) / (len(seen) + len(stayed))
    error = (pooled * (1 - pooled) * (1 / len(seen) + 1 / len(stayed))) ** 0.5
    z = (rate - share) / error if error else 0.0
    status: Status = "warn" if z > SURELY_FEWER and share < FEWER_SEEN * rate else "pass"
    facts = {"early": len(seen), "newcomers": len(stayed), "rate": rate, "days": horizon_days}
    limit = FEWER_SEEN * rate
    return Verdict("early_users_seen", status, share, low, high, limit, len(seen), facts)


def signup_flow(users: pd.DataFrame, window: LogWindow, zone: str) -> Verdict:
    """Judge whether signups run on through the log: a time without any between times with many
    lacks users, and a crowd at the log's start with nobody before it has the date of its first
    event there for its signup. Spans of 28 days are compared, each with the lesser of the
    fullest before it and the fullest after it.
    """
    known = users["signup_date"].dropna()
    inside = known[(known >= window.start) & (known < window.end)]
    periods = int(window.days // SPAN_DAYS)
    if periods < 4 or len(inside) < 10 * periods:
        return not_applicable("signup_flow", "too few signups inside the log")
    number = (inside - window.start) // pd.Timedelta(days=SPAN_DAYS)
    counts = number.value_counts().reindex(range(periods), fill_value=0).sort_index()
    later = counts[::-1].cummax()[::-1].shift(-1)
    beside = np.minimum(counts.cummax().shift(1), later)
    ratio: pd.Series[float] = (counts / beside).fillna(1.0)  # nothing on one side
    usual = float(counts.iloc[1:].median())
    start = float(counts.iloc[0] / max(usual, 1.0))
    lowest: Any = ratio.idxmin()
    lacking = beside[lowest] - counts[lowest]
    is_sure = lacking > SURELY_FEWER * (beside[lowest] + counts[lowest]) ** 0.5
    is_hole = bool(ratio[lowest] < HOLE and is_sure)
    is_crowd = not (known < window.start).any() and usual >= 10 and start > CROWD
    date = window.start + pd.Timedelta(days=SPAN_DAYS * int(lowest))
    facts = {"first": int(counts.iloc[0]), "usual": usual, "least": int(counts[lowest]),
             "date": clock.date_text(date, zone), "days": SPAN_DAYS,
             "before": int((known < window.start).sum())}  # fmt: skip
    status: Status = "warn" if is_hole or is_crowd else "pass"
    return Verdict(
        "signup_flow", status, float(ratio.min()), limit=HOLE, n=len(inside), facts=facts
    )


def missing_values(rules: pd.DataFrame) -> Verdict:
    """Judge the rows without a value that every figure needs: the day of signup, what an event
    was, and who, when and which it was, without which cleaning leaves the row out.
    """
    found = rules[rules["rule"].isin(NEEDED)]
    if found.empty:
        return not_applicable("missing_values", "the rules were not asked")
    largest: Any = (found["broken"] / found["checked"].clip(lower=1)).idxmax()
    worst = found.loc[largest]
    share, low, high = share_of(int(worst["broken"]), int(worst["checked"]))
    facts = {"broken": int(worst["broken"]), "rows": int(worst["checked"]), "rule": worst["rule"]}
    status = grade(share, MISSING, MISSING_FAILS)
    return Verdict(
        "missing_values", status, share, low, high, MISSING, int(worst["checked"]), facts
    )


def signup_dates(users: pd.DataFrame, zone: str) -> Verdict:
    """Judge the share of users who signed up on the fullest day: an import dates all its accounts
    alike, and their tenure and cohort are then not their own. The same of one day of the month,
    or of the week, to which dates may have been cut, and of the few that lie years from all others,
    as those do that stand for none (1970).
    """
    known = users["signup_date"].dropna().dt.tz_convert(zone)
    if known.empty:
        return not_applicable("signup_dates", "no user has a signup date")
    by_day = known.value_counts().sort_index()
    usual = float(by_day.quantile(0.95))
    share, low, high = share_of(int(by_day.max()), len(known))
    is_pile = by_day.max() > PILE * usual and share >= PILED
    status: Status = grade(share, PILED, PILED_FAILS) if is_pile else "pass"
    of_month, of_week = known.dt.day.value_counts(), known.dt.day_name().value_counts()
    days = (known.max() - known.min()) / clock.DAY
    cut = "none"
    if days >= 90 and of_month.max() > ONE_DAY_OF_MONTH * len(known):
        cut = f"day {of_month.idxmax()} of the month ({of_month.max() / len(known):.0%} of users)"
    elif days >= 60 and of_week.max() > ONE_DAY_OF_WEEK * len(known):
        cut = f"{of_week.idxmax()} ({of_week.max() / len(known):.0%} of users)"
    apart, example = _far_from_others(by_day)
    if (cut != "none" or apart) and status == "pass":
        status = "warn"
    facts = {"date": str(by_day.idxmax())[:10], "signups": int(by_day.max()), "usual": usual,
             "cut": cut, "apart": apart, "example": example}  # fmt: skip
    return Verdict("signup_dates", status, share, low, high, PILED, len(known), facts)


def _far_from_others(by_day: "pd.Series[int]") -> tuple[int, str]:
    """Return how many lie years without anybody from the many, and one of their days ("none" when
    there is none). `by_day` counts users, in the order of its days.
    """
    part = (by_day.index.to_series().diff() > FAR_APART).cumsum()
    sizes = by_day.groupby(part).sum()
    few = by_day[part.isin(sizes.index[sizes < FEW_APART * by_day.sum()])]
    return int(few.sum()), str(few.index[0])[:10] if len(few) else "none"


def rows_breaking(check: str, rules: pd.DataFrame) -> Verdict:
    """Judge the rows that break a rule of `check` (RULED): any is a warning, a share too many."""
    names, fail = RULED[check]
    found = rules[rules["rule"].isin(names)]
    if found.empty:
        return not_applicable(check, "the columns it needs are not given")
    largest: Any = (found["broken"] / found["checked"].clip(lower=1)).idxmax()
    worst = found.loc[largest]
    broken, checked = int(worst["broken"]), int(worst["checked"])
    share, low, high = share_of(broken, checked)
    status: Status = "fail" if share >= fail else ("warn" if broken else "pass")
    facts = {"broken": broken, "rows": checked, "rule": worst["rule"], "sample": worst["sample"]}
    return Verdict(check, status, share, low, high, fail, checked, facts)


def double_logging(rules: pd.DataFrame) -> Verdict:
    """Judge the events that repeat another in all but their identifier, and those that repeat
    the one before within two seconds or some half hours later, of which a few are a user's own.
    """
    found = rules[rules["rule"].isin(list(REPEATS))].set_index("rule")
    if found.empty:
        return not_applicable("double_logging", "times are cut: events of one minute look alike")
    share: pd.Series[float] = found["broken"] / found["checked"].clip(lower=1)
    name = str(share.idxmax())
    broken, checked = int(found["broken"].loc[name]), int(found["checked"].loc[name])
    value, low, high = share_of(broken, checked)
    is_odd = any(share[rule] > limit for rule, limit in REPEATS.items() if rule in share)
    status: Status = "warn" if is_odd else "pass"
    if value >= TWICE_FAILS:
        status = "fail"
    facts = {"broken": broken, "rows": checked, "rule": name, "sample": found["sample"].loc[name]}
    return Verdict("double_logging", status, value, low, high, TWICE_FAILS, checked, facts)


def identities(rules: pd.DataFrame) -> Verdict:
    """Judge whether one identifier stands for one person: the worse of two shares, of events
    whose country is not their user's, and of sessions that several users share.
    """
    found = rules[rules["rule"].isin([audit.OTHER_COUNTRY, audit.SHARED_SESSION])]
    if found.empty:
        return not_applicable("identities", "events carry neither country nor session_id")
    largest: Any = (found["broken"] / found["checked"].clip(lower=1)).idxmax()
    worst = found.loc[largest]
    share, low, high = share_of(int(worst["broken"]), int(worst["checked"]))
    facts = {"broken": int(worst["broken"]), "rows": int(worst["checked"]), "rule": worst["rule"],
             "sample": worst["sample"]}  # fmt: skip
    status = grade(share, MIXED, MIXED_FAILS)
    return Verdict("identities", status, share, low, high, MIXED, int(worst["checked"]), facts)


def lateness(rules: pd.DataFrame, delays: pd.DataFrame) -> Verdict:
    """Judge the share of events received more than a day after they happened, and the slowest
    source or device by its median delay: one whose clock is off delivers hours late, always.

    `delays` from audit.delay_by_kind.
    """
    found = rules[rules["rule"] == "received more than a day after it happened"]
    if found.empty:
        return not_applicable("lateness", "the events carry no received_at")
    broken, checked = int(found["broken"].iloc[0]), int(found["checked"].iloc[0])
    share, low, high = share_of(broken, checked)
    large = delays[delays["events"] >= 0.01 * delays["total"]]
    slow, kind = 0.0, "any"
    if len(large):
        at: Any = large["median_seconds"].idxmax()
        slow = float(large.loc[at, "median_seconds"])
        kind = f"{large.loc[at, 'column']} {large.loc[at, 'level']}"
    status = grade(share, 0.005, 0.05)
    if status == "pass" and slow >= SLOW_SECONDS:
        status = "warn"
    facts = {"broken": broken, "rows": checked, "slowest": kind, "median_hours": slow / 3600}
    return Verdict("lateness", status, share, low, high, 0.005, checked, facts)


def impossible_values(rules: pd.DataFrame) -> Verdict:
    """Judge the rule about single values that most users break."""
    known = [rule.name for rule in rules_of_log.USER_RULES if rule.is_impossible]
    wanted = rules["rule"].isin([*known, rules_of_log.NEGATIVE])
    found = rules[wanted]
    if found.empty:
        return not_applicable("impossible_values", "no column that could hold one is given")
    largest: Any = found["broken"].idxmax()
    worst = found.loc[largest]
    broken, checked = int(worst["broken"]), int(worst["checked"])
    share, low, high = share_of(broken, checked)
    status: Status = "fail" if share >= 0.01 else ("warn" if broken else "pass")
    counts = zip(found["rule"], found["broken"], strict=True)
    told = [f"{rule} ({count:,})" for rule, count in counts if count]
    facts = {
        "rules": "; ".join(told) or "none",
        "broken": int(found["broken"].sum()),
        "rows": checked,
    }
    return Verdict("impossible_values", status, share, low, high, 0.01, checked, facts)
