"""Identities: does one identifier stand for one person, and one person for one identifier?"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.audit.quality import worst_rule
from analysis.base.statistics import share_of
from analysis.contract.checks import Verdict, check, grade, not_applicable
from analysis.log.rules import RULE_COLUMNS, count_broken

OTHER_COUNTRY = "country is not that of its user"
SHARED_SESSION = "session is shared by several users"
MIXED, MIXED_FAILS = 0.05, 0.5
"""Share of events of another country, or sessions of several users: more than travellers bring,
and identifiers that are not persons."""
COPIED, COPIED_FAILS, MUCH_MORE = 0.005, 0.1, 5
"""Share of accounts equal to another that is doubtful, and that distorts; how many times as many
as with every column shuffled."""
DISTINCTIVE, LEAST_ACCOUNTS = 3, 100
"""Numbers other than 0 that an account must have, so that an equal one is no coincidence; how
many such accounts are compared at least."""


def identity_rules(events: Any, users: pd.DataFrame) -> pd.DataFrame:
    """Return two rules: an event's country is its user's, where both are given, and all events of
    a session are of one user. See rule_rows; of the second, `checked` and `broken` are sessions.
    """
    parts = [part for part in (_countries(events, users), _sessions(events)) if part is not None]
    filled = [part for part in parts if part["checked"].sum()]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=RULE_COLUMNS)


def _countries(events: Any, users: pd.DataFrame) -> pd.DataFrame | None:
    """Return the rule on countries; None where both tables write countries differently."""
    if not {"country", "user_country"} <= set(events.columns):
        return None
    both = events.filter(events.country.notnull(), events.user_country.notnull())
    of_event, of_user = both.country.strip().lower(), both.user_country.strip().lower()
    names = users["country"].dropna().str.strip().str.lower().unique().tolist()
    if not both.filter(of_event.isin(names)).count().execute():
        return None
    return count_broken(both, {("referential", OTHER_COUNTRY): of_event != of_user})


def _sessions(events: Any) -> pd.DataFrame | None:
    if "session_id" not in events.columns:
        return None
    given = events.filter(events.session_id.notnull())
    sessions = given.group_by("session_id").aggregate(
        user_id=given.user_id.min(), last=given.user_id.max()
    )
    return count_broken(
        sessions, {("referential", SHARED_SESSION): sessions.user_id != sessions["last"]}
    )


@check(stage="03_audit")
def identities(identity_rules: pd.DataFrame) -> Verdict:
    """Judge whether one identifier stands for one person: the worse of two shares, of events
    whose country is not their user's, and of sessions that several users share.
    """
    worst = worst_rule(identity_rules, (OTHER_COUNTRY, SHARED_SESSION))
    if worst is None:
        return not_applicable("identities", "events have neither country nor session_id")
    status = grade(worst.share, MIXED, MIXED_FAILS)
    return Verdict(
        "identities", status, *worst.interval, MIXED, worst.checked, worst.facts_with_sample
    )


@check(stage="03_audit")
def copied_users(users: pd.DataFrame) -> Verdict:
    """Judge the larger of two shares. First, of accounts that equal another in everything but
    their identifier: one person exported twice. Accounts with three numbers other than 0 are
    compared, and their copies with those that are left when every column is shuffled: chance.
    Second, of identifiers that are another's but for case or spaces, as two clients may write them.
    """
    numbers = [n for n in users if n != "user_id" and pd.api.types.is_numeric_dtype(users[n])]
    is_distinctive = (users[numbers].fillna(0) != 0).sum(axis=1) >= DISTINCTIVE
    accounts = users.loc[is_distinctive].drop(columns="user_id")
    written = users["user_id"].astype(str).str.strip().str.casefold()
    alike = int(written.duplicated().sum())
    if len(accounts) < LEAST_ACCOUNTS and not alike:
        return not_applicable("copied_users", "too few accounts have three numbers to compare")
    copies, chance = int(accounts.duplicated().sum()), _copies_by_chance(accounts)
    facts = {"copies": copies, "users": len(accounts), "chance": chance,
             "columns": accounts.shape[1], "alike": alike}  # fmt: skip
    is_more = len(accounts) >= LEAST_ACCOUNTS and copies > MUCH_MORE * max(chance, 1)
    counts = [(alike, len(users)), *([(copies, len(accounts))] if is_more else [])]
    part, whole = max(counts, key=lambda pair: pair[0] / pair[1])
    share, low, high = share_of(part, whole)
    status = grade(share, COPIED, COPIED_FAILS)
    return Verdict("copied_users", status, share, low, high, COPIED, whole, facts)


def _copies_by_chance(accounts: pd.DataFrame) -> int:
    """Return how many accounts equal another once every column is shuffled."""
    rng = np.random.default_rng(0)
    order = {name: rng.permutation(len(accounts)) for name in accounts}
    shuffled = pd.DataFrame({name: accounts[name].take(order[name]).array for name in accounts})
    return int(shuffled.duplicated().sum())
