"""Whether one identifier stands for one person."""

from functools import partial

import numpy as np
import pandas as pd

from analysis.audit import identities
from analysis.contract.checks import Verdict
from analysis.log.activity import place
from tests.audit.judging import LOG, NO_RULES, by_share, days, rule_rows
from tests.checking import Case
from tests.handmade import make_events, make_users

USERS = make_users({"a": "2025-01-05T10:01", "b": "2025-01-05", "c": "2025-01-02"})


def rules_of(events, users):
    """Return the rules on the events as the log holds them, beside `users`."""
    return identities.identity_rules(place(events, users, LOG), users)


def test_countries_written_otherwise_in_both_tables_are_not_compared():
    events = make_events([("a", "2025-01-05")], country=["ES"])
    assert rules_of(events, USERS.assign(country="Spain")).empty


def test_identities_compare_countries_and_count_the_users_of_a_session():
    events = make_events(
        [("a", "2025-01-05"), ("a", "2025-01-06"), ("b", "2025-01-05"), ("x", "2025-01-05")],
        country=["Spain ", "Peru", None, "Peru"],
        session_id=["s", "s", "s", "t"],
    )
    users = USERS.assign(country=["spain", "Chile", "Chile"])
    table = rules_of(events, users).set_index("rule")
    assert table.loc[identities.OTHER_COUNTRY, ["checked", "broken", "sample"]].tolist() == [
        2,
        1,
        "a",
    ]
    assert table.loc[identities.SHARED_SESSION, ["checked", "broken"]].tolist() == [2, 1]


def test_identities_need_a_country_or_a_session():
    events = make_events([("a", "2025-01-05")])
    assert rules_of(events, USERS).empty


MIXED = pd.DataFrame(
    {"rule": [identities.OTHER_COUNTRY, identities.SHARED_SESSION, identities.SHARED_SESSION],
     "user_id": ["a", "b", "c"]}
)  # fmt: skip


def test_users_of_two_countries_and_of_a_session_that_others_share():
    events = make_events(
        [("a", "2025-01-05"), ("a", "2025-01-06"), ("b", "2025-01-05"), ("c", "2025-01-05")],
        country=["Spain ", "Peru", None, "chile"],
        session_id=["s", "s", "s", "t"],
    )
    users = USERS.assign(country=["spain", "Chile", "Chile"])
    table = identities.mixed_users(place(events, users, LOG), users)
    assert table[["rule", "user_id"]].to_numpy().tolist() == [
        [identities.OTHER_COUNTRY, "a"],
        [identities.SHARED_SESSION, "a"],
        [identities.SHARED_SESSION, "b"],
    ]
    assert identities.mixed_users(
        place(make_events([("a", "2025-01-05")]), users, LOG), users
    ).empty


def test_the_suspects_are_the_users_behind_the_worse_share():
    of_countries, of_sessions = mixed_up(500).suspects, mixed_up(0, 500).suspects
    assert of_countries is not None
    assert of_sessions is not None
    assert of_countries["user_id"].tolist() == ["a"]
    assert of_sessions["user_id"].tolist() == ["b", "c"]


def mixed_up(events: int, sessions: int = 0) -> Verdict:
    """Judge so many of 1,000 events of another country, and of 1,000 sessions of several users."""
    rows = [
        rule_rows(identities.OTHER_COUNTRY, events),
        rule_rows(identities.SHARED_SESSION, sessions),
    ]
    return identities.identities(pd.concat(rows, ignore_index=True), MIXED)


def twice(copies: int, of: int = 2_000, last: str = "silent") -> Verdict:
    """Judge `of` accounts of which so many equal another; the copies are silent in the log, or last
    seen at the same instant as the other, or later.
    """
    rng = np.random.default_rng(0)
    accounts = pd.DataFrame(
        rng.integers(1, 1_000, (of - copies, 3)), columns=["views", "likes", "age"]
    )
    users = pd.concat([accounts, accounts.head(copies)], ignore_index=True)
    seen = list(range(of - copies))
    again = {"silent": [None] * copies, "same": seen[:copies], "later": [n + 1 for n in seen]}
    users["last_event_at"] = days([*seen, *again[last][:copies]])
    return identities.copied_users(users.assign(user_id=[f"u{n:04}" for n in range(of)]))


def test_the_suspects_are_the_second_accounts():
    verdict = twice(200)
    assert verdict.suspects is not None
    assert verdict.suspects["user_id"].tolist() == [f"u{n}" for n in range(1_800, 2_000)]
    written = written_twice(100).suspects
    assert written is not None
    assert {name.strip().lower() for name in written["user_id"]} == {f"user{n}" for n in range(100)}


def often_alike(silent: int) -> Verdict:
    """Judge 200 accounts of 20 makes, of whom so many are not in the log."""
    users = pd.DataFrame({"user_id": [f"u{n}" for n in range(200)]})
    for name in ("built", "seats", "engines"):
        users[name] = [n % 20 + 1 for n in range(200)]
    return identities.copied_users(
        users.assign(last_event_at=days([None] * silent + list(range(200 - silent))))
    )


def written_twice(alike: int, of: int = 1_000) -> Verdict:
    """Judge identifiers of which so many are another's in capitals, or with a space behind."""
    accounts = [f"user{n}" for n in range(of - alike)]
    again = [name.upper() if n % 2 else f"{name} " for n, name in enumerate(accounts[:alike])]
    table = pd.DataFrame({"user_id": [*accounts, *again], "last_event_at": pd.NaT})
    return identities.copied_users(table)


ALIKE = (
    pd.DataFrame({"user_id": range(200), "a": 1, "b": [1, 2] * 100, "c": 1})
    .astype({"user_id": "str"})
    .assign(last_event_at=pd.NaT)
)
"""Accounts that say so little that most are alike by coincidence."""


CASES = [
    *by_share("identities", mixed_up, {"fail": 500, "warn": 50}),
    *by_share("identities", partial(mixed_up, 0), {"fail": 500, "warn": 50}),
    Case("identities", "not_applicable", lambda: identities.identities(NO_RULES, MIXED)),
    *by_share("copied_users", twice, {"fail": 200, "warn": 10}),
    Case("copied_users", "fail", lambda: twice(200, last="same")),
    Case("copied_users", "pass", lambda: twice(200, last="later")),  # two persons
    Case("copied_users", "pass", lambda: often_alike(40)),  # as alike as those in the log
    Case("copied_users", "not_applicable", lambda: twice(0, of=99)),
    Case("copied_users", "pass", lambda: identities.copied_users(ALIKE)),
    *by_share("copied_users", written_twice, {"fail": 100, "warn": 5}),
]
