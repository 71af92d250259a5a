"""Coverage: whose history is in the log, and is anybody missing from it?"""

from typing import Any

import pandas as pd

from analysis.audit.leavers import fewest_leavers
from analysis.audit.unseen import unseen_span
from analysis.audit.values import is_list_of_kinds
from analysis.base import clock, engine
from analysis.base.statistics import share_of
from analysis.contract import suspects
from analysis.contract.checks import Status, Verdict, check, not_applicable
from analysis.contract.inputs import OF_ACTIVITY
from analysis.log.rules import count_broken, rule_rows
from analysis.log.window import LogWindow, recorded

MOST_EARLY = 0.5
"""Above this share of users from before the log, figures on newcomers describe a minority."""
MOST_IMMATURE = 0.15
"""A log of a year with steady signups has 8 % in its last 30 days; twice that is a surge."""
UNSEEN = 0.1
"""Share of newcomers without an event in their first horizon that is told."""
FEW_LEFT, NONE_LEFT = 0.02, 0.005
"""Share of older users last seen more than a horizon ago, below which leavers are missing."""
SURELY_FEW, PERHAPS_FEW = 0.05, 0.1
"""Upper end of that share's interval up to which "none seen" means none, and may mean it."""
LEAVERS, SURE_LEAVERS = 15.0, 30.0
"""Users expected to have left in a part of the log from which it is judged, and for certain. None
is found of 15 by chance once in three million times."""
FEW_LEAVE, NONE_LEAVE = 0.1, 0.02
"""Share of them found up to which leavers may be missing, and are."""
ENOUGH = 30
"""Users from whom a share of them is judged."""
SURELY_FEWER, FEWER_SEEN = 4.0, 0.8
"""Standard errors, and ratio, by which users from just before the log are seen too rarely."""
HALF, HARDLY, SURE_OF_GROUP, LEAST_OF_GROUP = 0.5, 0.1, 4.0, 10
"""Ratio of the newcomers seen in a group to those seen in all others below which it is odd, and its
events are missing; standard deviations that it must lie below; newcomers a group must have."""


def coverage_rules(
    users_seen: pd.DataFrame, volume: pd.DataFrame, window: LogWindow, lookback_days: int
) -> pd.DataFrame:
    """Return the users whose history is not in the log, or lies in days that were left out of it:
    see rule_rows.
    """
    signup = users_seen["signup_date"]
    recent = window.end - pd.Timedelta(days=lookback_days)
    began = recorded(volume, window).start
    tests = {
        "user joined before the log's first event, so the first days are unknown": signup < began,
        "user joined in days left out at the log's start": (signup >= began)
        & (signup < window.start),
        "user joined too late for a full look-back period": (signup >= recent)
        & (signup < window.end),
        "joined after the log ends": signup >= window.end,
        "user has no event in the log": users_seen["last_event_at"].isna(),
    }
    return rule_rows(
        ("coverage", "users", rule, len(users_seen), int(breaks.sum()),
         users_seen.loc[breaks, "user_id"].min() if breaks.any() else None)
        for rule, breaks in tests.items()
    )  # fmt: skip


def edge_rules(
    events: Any, users: pd.DataFrame, volume: pd.DataFrame, window: LogWindow
) -> pd.DataFrame:
    """Return the events outside the window, by where they lie, and how many users have any: see
    rule_rows.
    """
    log, at = recorded(volume, window), events.event_at
    tests = {
        "event lies in days left out at the log's start": (at >= log.start) & (at < window.start),
        "event lies in days left out at the log's end": (at >= window.end) & (at < log.end),
        "event lies far outside the log": (at < log.start) | (at >= log.end),
    }
    outside = (at < window.start) | (at >= window.end)
    ids = events.filter(outside, events.is_known).user_id
    row = engine.to_pandas(ids.as_table().aggregate(n=ids.nunique(), first=ids.min())).iloc[0]
    rule = "user has events outside the days that count"
    return pd.concat(
        [
            count_broken(events, {("coverage", name): test for name, test in tests.items()}),
            rule_rows([("coverage", "users", rule, len(users), int(row["n"]), row["first"])]),
        ],
        ignore_index=True,
    )


@check(stage="03_audit")
def log_covers_cohort(
    users_seen: pd.DataFrame, volume: pd.DataFrame, window: LogWindow, horizon_days: int
) -> Verdict:
    """Judge how many users joined before the first day that counts: before the log's first event,
    so that their first days were never recorded, or in days that were left out at its start.

    Evidence besides the share: of users whose first `horizon_days` are over, the share without
    an event in them, of those who joined before that day and after it.
    """
    known = users_seen[users_seen["signup_date"].notna()]
    is_early = known["signup_date"] < window.start
    if known.empty:
        return not_applicable("log_covers_cohort", "no user has a signup date")
    share, low, high = share_of(int(is_early.sum()), len(known))
    ends = known["signup_date"] + pd.Timedelta(days=horizon_days)
    mature = ends <= window.end
    silent = ~(known["first_event_at"] < ends)
    left_out = is_early & (known["signup_date"] >= recorded(volume, window).start)
    facts: dict[str, Any] = {"early": int((is_early & ~left_out).sum()), "users": len(known),
                             "left_out": int(left_out.sum())}  # fmt: skip
    before, after = silent[mature & is_early], silent[mature & ~is_early]
    facts["silent_before"] = float(before.mean()) if len(before) else None
    facts["silent_after"] = float(after.mean()) if len(after) else None
    status: Status = "warn" if low > MOST_EARLY else "pass"
    return Verdict("log_covers_cohort", status, share, low, high, MOST_EARLY, len(known), facts)


@check(stage="03_audit")
def window_is_mature(users: pd.DataFrame, window: LogWindow, horizon_days: int) -> Verdict:
    """Judge how many of the log's newcomers joined so late that their horizon is not over."""
    inside = users[(users["signup_date"] >= window.start) & (users["signup_date"] < window.end)]
    if inside.empty:
        return not_applicable("window_is_mature", "nobody joined during the log")
    late = inside["signup_date"] + pd.Timedelta(days=horizon_days) > window.end
    share, low, high = share_of(int(late.sum()), len(inside))
    facts = {"late": int(late.sum()), "newcomers": len(inside), "days": horizon_days}
    expected = min(1.0, horizon_days / window.days)
    limit = max(MOST_IMMATURE, 1.5 * expected)
    status: Status = "warn" if low > expected and share > limit else "pass"
    return Verdict("window_is_mature", status, share, low, high, limit, len(inside), facts)


@check(stage="03_audit")
def newcomers_seen(
    users_seen: pd.DataFrame, window: LogWindow, horizon_days: int, time_zone: str
) -> Verdict:
    """Judge the share of users who joined during the log and have no event in their first
    `horizon_days`. A steady share is the product's: many sign up and never act. Events are missing
    where nearly nobody of a span of signup dates is ever seen, as others are (see unseen_span).
    """
    joined = users_seen["signup_date"]
    ends = joined + pd.Timedelta(days=horizon_days)
    known = users_seen[(joined >= window.start) & (ends <= window.end)]
    if len(known) < ENOUGH:
        return not_applicable("newcomers_seen", "too few users joined during the log")
    is_seen = known["first_event_at"] < ends[known.index]
    unseen = int((~is_seen).sum())
    share, low, high = share_of(unseen, len(known))
    kept = int((is_seen & (known["last_event_at"] >= ends[known.index])).sum())
    span = unseen_span(known, time_zone)
    facts = {"unseen": unseen, "newcomers": len(known), "days": horizon_days, "kept": kept,
             "seen": len(known) - unseen, **span.facts}  # fmt: skip
    status: Status = "fail" if len(span.users) else ("warn" if share >= UNSEEN else "pass")
    named = suspects.users(span.users) if len(span.users) else None
    return Verdict("newcomers_seen", status, share, low, high, UNSEEN, len(known), facts, named)


@check(stage="03_audit")
def survivors(
    users_seen: pd.DataFrame, volume: pd.DataFrame, window: LogWindow, horizon_days: int
) -> Verdict:
    """Judge whether users who left are missing: of those who joined three horizons before the
    log's end or earlier and were seen, the share last seen more than a horizon before it. Judge
    also whether hardly anybody was last seen in a first part of the log, although users left
    throughout the rest (see fewest_leavers), as when only accounts seen of late are exported.
    """
    early = users_seen["signup_date"] <= window.end - pd.Timedelta(days=3 * horizon_days)
    older = users_seen[early & users_seen["last_event_at"].notna()]
    if len(older) < ENOUGH:
        return not_applicable("survivors", "too few users joined early enough")
    gone = int((older["last_event_at"] < window.end - pd.Timedelta(days=horizon_days)).sum())
    share, low, high = share_of(gone, len(older))
    facts: dict[str, Any] = {"gone": gone, "users": len(older), "days": horizon_days,
                             "before": None}  # fmt: skip
    status: Status = "pass"
    if high < FEW_LEFT or (share < NONE_LEFT and high < PERHAPS_FEW):
        status = "fail" if share < NONE_LEFT and high < SURELY_FEW else "warn"
    fewest = fewest_leavers(users_seen, volume, window, horizon_days, LEAVERS)
    if status != "fail" and fewest and fewest.ratio <= FEW_LEAVE:
        is_sure = fewest.expected >= SURE_LEAVERS and fewest.ratio <= NONE_LEAVE
        status = "fail" if is_sure else "warn"
        facts |= {"before": clock.date_text(fewest.before, "UTC"), "found": fewest.found,
                  "expected": fewest.expected}  # fmt: skip
    missing = suspects.unseen() if status == "fail" else None
    return Verdict(
        "survivors", status, share, low, high, FEW_LEFT, len(older), facts, suspects=missing
    )


@check(stage="03_audit")
def early_users_seen(users_seen: pd.DataFrame, window: LogWindow, horizon_days: int) -> Verdict:
    """Judge whether users who joined in the horizon before the log are in it as often as newcomers
    are after their first horizon: if fewer are, the log lacks users; they did not leave.
    """
    span = pd.Timedelta(days=horizon_days)
    joined, last = users_seen["signup_date"], users_seen["last_event_at"]
    is_early = (joined >= window.start - span) & (joined < window.start)
    is_new = (joined >= window.start) & (joined + 2 * span <= window.end)
    seen, stayed = last[is_early].notna(), last[is_new] >= joined[is_new] + span
    if min(len(seen), len(stayed)) < ENOUGH:
        return not_applicable(
            "early_users_seen", "too few users joined just before and during the log"
        )
    share, low, high = share_of(int(seen.sum()), len(seen))
    rate = float(stayed.mean())
    pooled = (seen.sum() + stayed.sum()) / (len(seen) + len(stayed))
    error = (pooled * (1 - pooled) * (1 / len(seen) + 1 / len(stayed))) ** 0.5
    z = (rate - share) / error if error else 0.0
    status: Status = "warn" if z > SURELY_FEWER and share < FEWER_SEEN * rate else "pass"
    facts = {"early": len(seen), "newcomers": len(stayed), "rate": rate, "days": horizon_days}
    limit = FEWER_SEEN * rate
    return Verdict("early_users_seen", status, share, low, high, limit, len(seen), facts)


@check(stage="03_audit")
def groups_seen(users_seen: pd.DataFrame, window: LogWindow, horizon_days: int) -> Verdict:
    """Judge whether the events of a whole group are missing (one country, one device): for each
    kind of each text column, the share of newcomers with an event in their first `horizon_days`,
    compared with that of all others. A group may well act less; one that is hardly ever seen where
    others are has its events elsewhere. Columns that say what users did are left out: those who did
    nothing share a value there.
    """
    ends = users_seen["signup_date"] + pd.Timedelta(days=horizon_days)
    new = users_seen[(users_seen["signup_date"] >= window.start) & (ends <= window.end)]
    seen = new["first_event_at"] < ends[new.index]
    names = [n for n in new if is_list_of_kinds(new[n]) and n not in OF_ACTIVITY]
    parts = [_seen_by_kind(seen, new[name]) for name in names]
    filled = [part for part in parts if len(part)]
    if not filled:
        return not_applicable("groups_seen", "every group has too few newcomers")
    groups = pd.concat(filled, ignore_index=True)
    missing = groups[(groups["ratio"] < HALF) & (groups["z"] > SURE_OF_GROUP)]
    lost = missing[missing["ratio"] < HARDLY]
    of_group = [users_seen.loc[users_seen[str(row["column"])] == row["level"], "user_id"]
                for _, row in lost.iterrows()]  # fmt: skip
    ids = pd.concat(of_group).unique() if of_group else []
    worst = (missing if len(missing) else groups).sort_values("ratio", kind="stable").iloc[0]
    facts = {"kind": f"{worst['column']} {worst['level']}", "newcomers": int(worst["size"]),
             "rate": float(worst["rate"]), "usual": float(worst["usual"]), "kinds": len(groups),
             "found": len(missing), "lost": len(lost), "days": horizon_days}  # fmt: skip
    status: Status = "fail" if len(lost) else ("warn" if len(missing) else "pass")
    named = suspects.users(ids) if len(lost) else None
    return Verdict("groups_seen", status, float(worst["ratio"]), limit=HALF, n=len(new),
                   facts=facts, suspects=named)  # fmt: skip


def _seen_by_kind(seen: "pd.Series[bool]", kinds: "pd.Series[Any]") -> pd.DataFrame:
    """Return the kinds with enough newcomers: `column`, `level`, `size`, the share seen `rate`,
    that of all others `usual`, their `ratio`, and `z`, how many standard deviations it lies below.
    """
    counts = seen.groupby(kinds).agg(count="sum", size="size")
    table: pd.DataFrame = counts[counts["size"] >= LEAST_OF_GROUP]
    others = (len(seen) - table["size"]).clip(lower=1)
    rate, usual = table["count"] / table["size"], (seen.sum() - table["count"]) / others
    pooled = float(seen.mean())
    error = (pooled * (1 - pooled) * (1 / table["size"] + 1 / others)) ** 0.5
    z = ((usual - rate) / error.where(error > 0)).fillna(0.0)
    ratio = (rate / usual.where(usual > 0)).fillna(1.0)
    compared: pd.DataFrame = table.assign(
        column=str(kinds.name), level=table.index, rate=rate, usual=usual, ratio=ratio, z=z
    )
    return compared
