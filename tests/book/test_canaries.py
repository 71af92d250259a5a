"""Canaries in identifiers and attributes: none sings in any byte of the book built on them."""

import pandas as pd
import pytest

from analysis.book.identifiers import files_of, texts_of
from tests.book.test_built_book import build, small_tables  # noqa: F401 (a fixture)

CANARY = "kanarienvogel"
"""A word that no page has: in each identifier and attribute of one user."""


@pytest.fixture(scope="module")
def book(small_tables, tmp_path_factory):  # noqa: F811
    """Return the book of tables in which the first user by identifier, whom samples name, the last,
    and the most active one are canaries, with faults that checks and rules look for.
    """
    folder = tmp_path_factory.mktemp("canary-tables")
    users = pd.read_csv(small_tables / "users.csv", dtype="str")
    events = pd.read_parquet(small_tables / "events.parquet")
    most_active = events["user_id"].value_counts().index[0]
    rows = {"first": users.index[0], "most": users.index[users["user_id"] == most_active][0]}
    for place, row in rows.items():
        new = f"0-{CANARY}-{place}-1"
        events["user_id"] = events["user_id"].where(
            events["user_id"] != users.at[row, "user_id"], new
        )
        named = {
            "user_id": new,
            "country": f"{CANARY} land",
            "device": CANARY,
            "age": "-4",
            "language": CANARY,
            "acquisition_channel": f"={CANARY}",
            "credits_spent": "-99",
        }
        users.loc[row, list(named)] = list(named.values())
    mine = events["user_id"].str.contains(CANARY, na=False)
    for column in ("session_id", "device_id", "event_uuid"):
        canaries = CANARY + "-" + column + "-" + mine.cumsum().astype("str")
        events[column] = events[column].where(~mine, canaries)
    first = events.index[mine][0]
    events.loc[first, "event_type"] = f"{CANARY}_type"
    users.to_csv(folder / "users.csv", index=False)
    events.to_parquet(folder / "events.parquet", index=False)
    return build(folder, tmp_path_factory.mktemp("canary-book"))


def test_no_canary_sings_in_any_byte_of_the_site(book):
    site = book.out / "html"
    found = [path.relative_to(site) for path in files_of(site) if CANARY in texts_of(path)]
    assert found == []


def test_the_canaries_are_in_the_data_for_the_analyst(book):
    assert CANARY in (book.data / "audit" / "quality.csv").read_text(encoding="utf-8")


def test_tables_of_users_are_their_owners(book):
    for name in ("clean/users.parquet", "clean/events.parquet", "scores/predictions.csv"):
        assert (book.data / name).stat().st_mode & 0o777 == 0o600
        assert (book.data / name).parent.stat().st_mode & 0o777 == 0o700
