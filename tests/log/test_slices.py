"""Slices of half a day, counted back from the end of the log."""

import pandas as pd
import pytest

from analysis.base import engine
from analysis.log.slices import Slices, different_types, numbered
from tests.handmade import make_active, make_events, make_slices, make_users, make_window

WINDOW = make_window("2025-01-01", "2025-01-17")
USERS = make_users({"new": "2025-01-01", "other": "2025-01-01"})
ACTS = [
    ("new", "2025-01-16T12:00:00", "credits_purchase", "s", '{"amount": 3}'),
    ("new", "2025-01-16T23:59:59.999", "credits_purchase", "s", "{}"),
    ("new", "2025-01-16T11:59:59.999", "credits_spend", "s", '{"amount": "1,5"}'),
    ("other", "2025-01-15T23:59:59.999", "content_play", None, '{"amount": 9}'),
]


def sliced(**columns: list[object]) -> Slices:
    """Return the slices of ACTS."""
    events = make_events(
        [(user, when) for user, when, *_ in ACTS],
        event_type=[act[2] for act in ACTS],
        properties=[act[4] for act in ACTS],
        **columns,
    )
    return make_slices(make_active(events, USERS, WINDOW), WINDOW)


def rows_of(slices: Slices, *names: str) -> list[list[object]]:
    table = engine.to_pandas(slices.rows.order_by("user_id", "half_days", "first_event_at"))
    return table[["user_id", "half_days", "days_to_end", *names]].to_numpy().tolist()


def test_a_slice_sums_a_session_over_half_a_day():
    slices = sliced(session_id=[act[3] for act in ACTS])
    assert rows_of(slices, "events", "plays") == [
        ["new", 0, 0, 2, 0], ["new", 1, 0, 1, 0], ["other", 2, 1, 1, 1],
    ]  # fmt: skip
    paid = engine.to_pandas(slices.rows.order_by("user_id", "half_days"))[["spent", "bought"]]
    # one where no amount is given; what plays name is no payment
    assert paid.to_numpy().tolist() == [[0, 4], [1.5, 0], [0, 0]]


def test_without_sessions_each_instant_is_a_row_and_sessions_are_made_anew():
    slices = sliced()
    assert "session_key" not in slices.rows.columns
    assert [row[1] for row in rows_of(slices)] == [0, 0, 1, 2]
    found = engine.to_pandas(slices.with_sessions(30).rows.order_by("user_id", "event_at"))
    assert found["session_key"].tolist() == [1, 1, 2, 1]  # a millisecond apart


@pytest.mark.parametrize(
    ("recorded", "expected"), [("2025-01-15T23:59:59.999", [["other", 0, 0]]), ("2025-01-16", [])]
)
def test_a_day_before_the_end_only_what_was_known_then_is_seen(recorded, expected):
    known = [act[1] for act in ACTS[:-1]] + [recorded]
    before = sliced(recorded_at=known).before(pd.Timestamp("2025-01-16", tz="UTC"), 1)
    assert rows_of(before) == expected


@pytest.mark.parametrize(("many", "told"), [(1, 1), (62, 62), (63, 63), (200, 200), (700, 620)])
def test_types_of_a_group_are_counted_once_and_the_rarest_of_very_many_as_one(many, told):
    visits = [("new", f"2025-01-{day:02}") for day in (3, 4) for _ in range(many)]
    kinds = [f"type_{n}" for n in range(many)]
    events = make_events([*visits, ("other", "2025-01-05")], event_type=[*kinds, *kinds, None])
    rows = make_slices(make_active(events, USERS, WINDOW), WINDOW).rows
    found = rows.group_by("user_id").aggregate(types=different_types(rows))
    assert engine.to_pandas(found.order_by("user_id"))["types"].tolist() == [told, 0]


def test_numbers_stand_for_users():
    events, numbers = numbered(make_active(make_events([("other", "2025-01-03")]), USERS, WINDOW),
                               USERS)  # fmt: skip
    assert numbers["user_id"].tolist() == [0, 1]
    assert engine.to_pandas(events)["user_id"].tolist() == [1]
