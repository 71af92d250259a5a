"""Identities: does one identifier stand for one person, and one person for one identifier?"""

from typing import Any

import ibis
import numpy as np
import pandas as pd

from analysis.audit.quality import worst_rule
from analysis.base import engine
from analysis.base.statistics import share_of
from analysis.contract import suspects
from analysis.contract.checks import Verdict, check, grade, not_applicable
from analysis.log import activity
from analysis.log.rules import RULE_COLUMNS, count_broken, rule_rows

OTHER_COUNTRY = "country is not that of its user"
SHARED_SESSION = "session is shared by several users"
MIXED, MIXED_FAILS = 0.05, 0.5
"""Share of events of another country, or sessions of several users: more than travellers bring,
and identifiers that are not persons."""
COPIED, COPIED_FAILS, MUCH_MORE = 0.005, 0.1, 5
"""Share of accounts equal to another that is doubtful, and that distorts; how many times as many
as by chance."""
OF_THE_LOG = ("first_event_at", "last_event_at", "event_count")
"""Columns that are not the users table's."""
DISTINCTIVE, LEAST_ACCOUNTS = 3, 100
"""Numbers other than 0 that an account must have, so that an equal one is no coincidence; how
many such accounts are compared at least."""


def identity_rules(events: Any, users: pd.DataFrame, spans: Any = None) -> pd.DataFrame:
    """Return two rules: an event's country is its user's, where both are given, and all events of
    a session are of one user. See rule_rows; of the second, `checked` and `broken` are sessions.
    `spans` is the result of activity.user_sessions, where it is known.
    """
    both = _countries(events, users), _sessions(events, spans)
    parts = [part for part in both if part is not None]
    filled = [part for part in parts if part["checked"].sum()]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=RULE_COLUMNS)


def _countries(events: Any, users: pd.DataFrame) -> pd.DataFrame | None:
    """Return the rule on countries; None where both tables write countries differently."""
    both = _with_countries(events, users)
    if both is None:
        return None
    return count_broken(both, {("referential", OTHER_COUNTRY): _is_other(both)})


def _with_countries(events: Any, users: pd.DataFrame) -> Any | None:
    """Return the events with a country of their own and one of their user, if any country is in
    both tables.
    """
    if not {"country", "user_country"} <= set(events.columns):
        return None
    both = events.filter(events.country.notnull(), events.user_country.notnull())
    names = users["country"].dropna().str.strip().str.lower().unique().tolist()
    is_known = both.country.strip().lower().isin(names)
    return both if both.filter(is_known).count().execute() else None


def _is_other(both: Any) -> Any:
    return both.country.strip().lower() != both.user_country.strip().lower()


def _sessions(events: Any, spans: Any) -> pd.DataFrame | None:
    if "session_id" not in events.columns:
        return None
    spans = activity.user_sessions(events) if spans is None else spans
    sessions = _by_session(spans)
    sums = sessions.aggregate(n=sessions.count(), shared=(sessions.users > 1).sum())
    checked, broken = (int(n) for n in engine.to_pandas(sums).fillna(0).iloc[0])
    sample = _sharing(spans).user_id.min().execute() if broken else None
    return rule_rows([("referential", "events", SHARED_SESSION, checked, broken, sample)])


def _by_session(spans: Any) -> Any:
    """Return how many `users` each session has."""
    return spans.group_by("session_id").aggregate(users=spans.count())


def _sharing(spans: Any) -> Any:
    """Return the rows of `spans` whose session others have too."""
    sessions = _by_session(spans)
    return spans.semi_join(sessions.filter(sessions.users > 1), "session_id")


def mixed_users(events: Any, users: pd.DataFrame, spans: Any = None) -> pd.DataFrame:
    """Return who breaks the rules of identity_rules: `rule`, `user_id`. Users with an event of
    another country, and users of a session that others share.
    """
    parts = []
    if (both := _with_countries(events, users)) is not None:
        other = both.filter(_is_other(both)).select("user_id").distinct()
        parts.append(other.mutate(rule=ibis.literal(OTHER_COUNTRY)))
    if "session_id" in events.columns:
        sharing = _sharing(activity.user_sessions(events) if spans is None else spans)
        parts.append(sharing.select("user_id").distinct().mutate(rule=ibis.literal(SHARED_SESSION)))
    tables = [engine.to_pandas(part.order_by("user_id")) for part in parts]
    return (
        pd.concat(tables, ignore_index=True)
        if tables
        else pd.DataFrame(columns=["rule", "user_id"])
    )


@check(stage="03_audit")
def identities(identity_rules: pd.DataFrame, mixed_users: pd.DataFrame) -> Verdict:
    """Judge whether one identifier stands for one person: the worse of two shares, of events
    whose country is not their user's, and of sessions that several users share.
    """
    worst = worst_rule(identity_rules, (OTHER_COUNTRY, SHARED_SESSION))
    if worst is None:
        return not_applicable("identities", "events have neither country nor session_id")
    status = grade(worst.share, MIXED, MIXED_FAILS)
    ids = mixed_users.loc[mixed_users["rule"] == worst.rule, "user_id"]
    named = suspects.users(ids) if status == "fail" else None
    facts = {**worst.facts_with_sample, "users": len(ids)}
    return Verdict("identities", status, *worst.interval, MIXED, worst.checked, facts, named)


@check(stage="03_audit")
def copied_users(users_seen: pd.DataFrame) -> Verdict:
    """Judge the larger of two shares. First, of accounts that equal another in everything but
    their identifier, and do not differ from it in the log either: one person exported twice. Two
    accounts that are both active, at different times, are two. Accounts with three numbers other
    than 0 are compared, and their copies with chance: those that are left when every column is
    shuffled, or as many as the equal accounts that are both active let expect. Second, of
    identifiers that are another's but for case or spaces, as two clients may write them.
    """
    users = users_seen.drop(columns=list(OF_THE_LOG), errors="ignore")
    numbers = [n for n in users if n != "user_id" and pd.api.types.is_numeric_dtype(users[n])]
    is_distinctive = (users[numbers].fillna(0) != 0).sum(axis=1) >= DISTINCTIVE
    accounts = users.loc[is_distinctive].drop(columns="user_id")
    written = users["user_id"].astype(str).str.strip().str.casefold()
    is_alike = written.duplicated()
    alike = int(is_alike.sum())
    if len(accounts) < LEAST_ACCOUNTS and not alike:
        return not_applicable("copied_users", "too few accounts have three numbers to compare")
    last = users_seen["last_event_at"][accounts.index]
    copied = _copies(accounts, last)
    copies = int(copied.sum())
    chance = max(int(_copies(_shuffled(accounts), last).sum()), _expected(accounts, last))
    facts = {"copies": copies, "users": len(accounts), "chance": chance,
             "columns": accounts.shape[1], "alike": alike}  # fmt: skip
    is_more = len(accounts) >= LEAST_ACCOUNTS and copies > MUCH_MORE * max(chance, 1)
    counts = [(alike, len(users)), *([(copies, len(accounts))] if is_more else [])]
    part, whole = max(counts, key=lambda pair: pair[0] / pair[1])
    share, low, high = share_of(part, whole)
    status = grade(share, COPIED, COPIED_FAILS)
    second = is_alike.copy()
    if is_more:
        second |= copied.reindex(second.index, fill_value=False)
    named = suspects.users(users.loc[second, "user_id"]) if status == "fail" else None
    return Verdict("copied_users", status, share, low, high, COPIED, whole, facts, named)


def _copies(accounts: pd.DataFrame, last: "pd.Series[Any]") -> "pd.Series[bool]":
    """Say of each account whether it is another's copy: it equals an earlier one, or one that is
    in the log, and is not in the log itself or was last seen at the very same instant.
    """
    table = accounts.assign(last=last.array).sort_values("last", kind="stable", na_position="last")
    same = list(accounts.columns)
    is_silent = table["last"].isna()
    is_copy = table.duplicated(same) & (is_silent | table.duplicated([*same, "last"]))
    return is_copy.reindex(accounts.index)


def _expected(accounts: pd.DataFrame, last: "pd.Series[Any]") -> int:
    """Return how many accounts without events would equal another if they did so as often as those
    with events, which are then two persons.
    """
    seen = last.notna().to_numpy()
    twins = int(accounts[seen].duplicated().sum())
    return round(twins * float((~seen).sum() / max(seen.sum(), 1)))


def _shuffled(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with every column shuffled."""
    rng = np.random.default_rng(0)
    order = {name: rng.permutation(len(table)) for name in table}
    columns = {name: table[name].take(order[name]).array for name in table}
    return pd.DataFrame(columns, index=table.index)
