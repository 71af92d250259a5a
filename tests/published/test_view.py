"""Which tables are the published case's."""

import pandas as pd
import pytest

from analysis.published import view
from analysis.published.view import is_case, users_digest
from tests.handmade import NO_SEED_DATA, SEED_DATA, make_users

USERS = make_users({"ana": "2024-12-31", "bea": "2025-01-01", "caro": None})


def in_zone(users: pd.DataFrame, zone: str) -> pd.DataFrame:
    """Return `users` as cleaning makes them in `zone`: the same days, from its midnights."""
    days = users["signup_date"].dt.tz_localize(None).dt.tz_localize(zone)
    return users.assign(signup_date=days.dt.tz_convert("UTC"))


def test_the_digest_is_that_of_identifiers_and_signup_days():
    lines = b"ana 2024-12-31\nbea 2025-01-01\ncaro "
    assert users_digest(USERS) == view.hashlib.sha256(lines).hexdigest()


@pytest.mark.parametrize(
    "saved_again",
    [
        USERS.iloc[::-1],
        USERS.assign(age=30),
        in_zone(USERS, "Asia/Tokyo"),
        in_zone(USERS, "America/Los_Angeles"),
    ],
    ids=["order", "columns", "east", "west"],
)
def test_a_table_that_was_saved_again_is_the_same(saved_again):
    assert users_digest(saved_again) == users_digest(USERS)


@pytest.mark.parametrize(
    "other",
    [
        USERS.head(2),
        make_users({"ana": "2025-01-01", "bea": "2025-01-01", "caro": None}),
        make_users({"ana": "2024-12-31", "eva": "2025-01-01", "caro": None}),
    ],
    ids=["a user fewer", "another day", "another user"],
)
def test_another_table_is_another(other):
    assert users_digest(other) != users_digest(USERS)


def test_the_parameter_asks_for_the_claims_or_forbids_them(monkeypatch):
    assert [is_case(USERS, name) for name in ("auto", "claims", "shortcuts")] == [
        False,
        True,
        False,
    ]
    monkeypatch.setattr(view, "CASE_USERS", 3)
    monkeypatch.setattr(view, "CASE_DIGEST", users_digest(USERS))
    assert [is_case(USERS, name) for name in ("auto", "claims", "shortcuts")] == [True, True, False]


@pytest.mark.golden
def test_the_cases_own_users_are_recognised():
    if not SEED_DATA.exists():
        pytest.skip(NO_SEED_DATA)
    users = pd.read_csv(SEED_DATA / "idilio_user_data.csv", usecols=["user_id", "signup_date"])
    users["signup_date"] = pd.to_datetime(users["signup_date"], utc=True)
    assert is_case(users)
    assert not is_case(users.iloc[1:])
