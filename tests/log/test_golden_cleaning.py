"""The published case's cleaning counts, and the impossible values nobody looked for."""

import json

import pytest

from analysis.base import engine
from analysis.contract.inputs import EVENTS, USERS
from analysis.log import activity
from analysis.log import events as clean_log
from analysis.log import raw as raw_tables
from analysis.log import rules as rules_of_log
from analysis.log import users as clean
from tests.handmade import NO_SEED_DATA, SEED_DATA, at, find_window, make_active

pytestmark = [
    pytest.mark.golden,
    pytest.mark.skipif(not SEED_DATA.is_dir(), reason=NO_SEED_DATA),
]
CON = engine.connect()


def read(name, table, columns):
    return raw_tables.read_raw(CON, str(SEED_DATA / name), table, columns, {})


def published(table):
    return json.loads(
        (SEED_DATA / "published" / f"{table}_clean.qa.json").read_text(encoding="utf-8")
    )


@pytest.fixture(scope="module")
def users():
    return clean.clean_users(read("idilio_user_data.csv", "users", USERS))


@pytest.fixture(scope="module")
def events():
    cleaned = clean_log.clean_events(read("idilio_analytics_events.parquet", "events", EVENTS))
    return clean_log.CleanEvents(
        cleaned.table.cache(), cleaned.counts, cleaned.absent, cleaned.said, cleaned.cells
    )


def test_the_six_counts_of_users_are_those_published(users):
    expected = published("users")
    assert {name: users.counts[name] for name in expected} == expected
    assert (users.counts["rows_read"], users.counts["rows_kept"]) == (5000, 5000)


def test_the_six_counts_of_events_are_those_published(events):
    expected = published("events")
    assert {name: events.counts[name] for name in expected} == expected
    assert expected["created_before_received"] == 133_206
    assert events.counts["rows_kept"] == 200_000


def test_the_impossible_values_are_found(users):
    table = rules_of_log.user_rules(users.table)
    broken = dict(zip(table["rule"], table["broken"], strict=True))
    assert broken["credits_spent is negative"] == 366
    assert broken["views are fewer than episodes_completed"] == 692
    assert broken["top show was launched after the user was last active"] == 236
    assert broken["age is below 18"] + broken["age is negative or above 120"] == 397


def test_last_active_date_contradicts_the_log_for_most_users(users, events):
    window = find_window(events.table)
    assert (window.start, window.end) == (at("2025-01-01"), at("2025-10-21"))
    spans = activity.user_spans(make_active(events.table, users.table, window))
    seen = users.table.merge(spans, on="user_id", how="left")
    assert (rules_of_log.day_gap(seen) > 1).sum() == 4540
