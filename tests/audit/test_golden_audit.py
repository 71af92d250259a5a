"""The published case's figures on the two tables: their relation, and the delays of events."""

import pandas as pd
import pytest

from analysis.audit import latency, relations
from analysis.base import engine
from analysis.contract.inputs import EVENTS, USERS
from analysis.log.activity import place
from analysis.log.events import clean_events
from analysis.log.raw import read_raw
from analysis.log.users import clean_users
from tests.handmade import NO_SEED_DATA, SEED_DATA, find_window

pytestmark = [
    pytest.mark.golden,
    pytest.mark.skipif(not SEED_DATA.is_dir(), reason=NO_SEED_DATA),
]
CON = engine.connect()


def read(name, table, columns):
    return read_raw(CON, str(SEED_DATA / name), table, columns, {})


@pytest.fixture(scope="module")
def users():
    return clean_users(read("idilio_user_data.csv", "users", USERS)).table


@pytest.fixture(scope="module")
def events():
    return clean_events(read("idilio_analytics_events.parquet", "events", EVENTS)).table.cache()


def test_the_relation_of_the_tables_is_the_one_published(users, events):
    table = relations.relational_table(users, place(events, users, find_window(events)))
    values = dict(zip(table["measure"], table["value"], strict=True))
    assert values == {
        "orphan_events": 0, "orphan_users": 0, "users_without_events": 0, "active_users": 5000,
        "events_per_user_mean": 40.0, "events_per_user_std": pytest.approx(14.204504693607523, abs=1e-9),
        "events_per_user_min": 22, "events_per_user_25%": 31, "events_per_user_50%": 33,
        "events_per_user_75%": 40, "events_per_user_max": 82,
    }  # fmt: skip


SWAPPED = {
    "delay_event_created": "delay_event_received",
    "delay_created_received": "delay_received_created",
    "delay_event_received": "delay_event_created",
}
"""The case swapped created_at and received_at between cleaning and its temporal audit."""


def test_the_delays_are_the_ones_published(events):
    expected = pd.read_csv(SEED_DATA / "published" / "QA_temporal_resumen.csv", index_col=0)
    counted = latency.delay_histogram(events, latency.received_delays(events))
    table = latency.latency_table(counted).set_index("delay")
    for theirs, ours in SWAPPED.items():
        delays = table.loc[ours, expected.index].astype(float)
        assert delays.to_dict() == pytest.approx(expected[theirs].to_dict(), abs=1e-9)
