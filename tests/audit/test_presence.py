"""Who was active on which day, and what changes at each midnight."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.audit import presence as module
from analysis.audit.presence import daily_changes, presence
from analysis.log.window import LogWindow
from tests.audit.visits import make_presence
from tests.handmade import make_events, make_log, make_users, make_window

WINDOW = make_window("2025-01-01", "2025-01-31")
EVENTS = make_events(
    [("a", "2025-01-01T23:59"), ("a", "2025-01-30"), ("b", "2025-01-02"), ("b", "2025-01-02T12:00")]
)
USERS = make_users({"a": "2024-12-22", "b": "2025-01-02", "c": "2025-01-05"})


def test_each_user_is_present_on_the_days_with_activity():
    log = make_log(EVENTS, USERS, WINDOW)
    found = presence(log.user_days, USERS, WINDOW, "UTC")
    assert found.active.shape == (2, 30)  # "c" was never active
    assert [np.flatnonzero(row).tolist() for row in found.active] == [[0, 29], [1]]
    assert found.joined.tolist() == [-10, 1]
    assert found.date(29) == pd.Timestamp("2025-01-30", tz="UTC")


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
def test_days_are_those_of_the_zone_on_both_sides_of_a_clock_change(zone):
    days = ["2025-01-01", "2025-02-10", "2025-05-02", "2025-06-30"]
    first, *_, last = (pd.Timestamp(day, tz=zone) for day in days)
    window = LogWindow(first.tz_convert("UTC"), (last + pd.DateOffset(days=1)).tz_convert("UTC"))
    times = [pd.Timestamp(f"{day}T{hour}", tz=zone) for day in days for hour in ("00:10", "23:50")]
    events = make_events([("a", str(time.tz_convert("UTC"))) for time in times])
    users = make_users({"a": "2024-12-22"})
    log = make_log(events, users, window, zone)
    found = presence(log.user_days, users, window, zone)
    dates = [found.date(day).tz_convert(zone) for day in np.flatnonzero(found.active[0])]
    assert dates == [pd.Timestamp(day, tz=zone) for day in days]
    assert found.date(found.days) == window.end


def test_of_too_many_users_every_second_is_followed(monkeypatch):
    monkeypatch.setattr(module, "MOST_USERS", 2)
    log = make_log(EVENTS, USERS, WINDOW)
    assert (
        len(presence(log.user_days, USERS, WINDOW, "UTC").active) == 1
    )  # "a", and "c" who never came


def row(table, day, side, group):
    chosen = (table["span"] == 7) & (table["day"] == day)
    return table[chosen & (table["side"] == side) & (table["group"] == group)].iloc[0]


def test_the_changes_at_a_midnight_by_hand():
    """Midnight of day 7 of 14: "regular" comes early and late before it and once after, "late" only
    late before it, "stays" on all days, "new" joins on day 8.
    """
    active = np.zeros((4, 14), bool)
    active[0, [0, 6, 13]] = True
    active[1, [5]] = True
    active[2] = True
    active[3, [8, 9]] = True
    found = make_presence(active)
    found.joined[3] = 8
    table = daily_changes(found)
    ahead = row(table, 7, "ahead", "regular")
    assert ahead[["users", "gone"]].tolist() == [2, 0]
    assert ahead["rest"] == 3 / (3 + 1)  # in the three days after and before midnight
    assert ahead[["before", "after", "new_before", "new_after"]].tolist() == [10, 10, 0, 2]
    assert ahead["squares"] == (1 - 2) ** 2 + 1 + 0 + 2**2
    known = row(table, 7, "ahead", "known")
    assert known[["users", "gone"]].tolist() == [3, 1]
    back = row(table, 7, "back", "known")
    assert back[["users", "gone"]].tolist() == [2, 0]  # the new one had not joined before


@given(seed=st.integers(0, 99), rate=st.floats(0.05, 0.9))
def test_a_log_read_backwards_has_the_same_changes(seed, rate):
    active = np.random.default_rng(seed).random((20, 40)) < rate
    forward, backward = (
        daily_changes(make_presence(active)),
        daily_changes(make_presence(active[:, ::-1])),
    )
    keys, counts = ["span", "day", "group"], ["users", "gone"]
    ahead = forward[forward["side"] == "ahead"].assign(day=lambda t: 40 - t["day"])
    back = backward[backward["side"] == "back"]
    pd.testing.assert_frame_equal(
        ahead.sort_values(keys, ignore_index=True)[keys + counts],
        back.sort_values(keys, ignore_index=True)[keys + counts],
    )
