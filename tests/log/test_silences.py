"""Silences and how many end with a return."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.log import silences as module
from analysis.log.churn import Windows, longest_horizon
from analysis.log.silences import return_rates, share_ended, silences
from tests.handmade import make_active, make_events, make_slices, make_users, make_window

WINDOW = make_window("2025-01-01", "2025-01-21")
VISITS = [
    ("back", "2025-01-01"), ("back", "2025-01-05"), ("back", "2025-01-20"),
    ("gone", "2025-01-02"),
    ("steady", "2025-01-01"), ("steady", "2025-01-04"), ("steady", "2025-01-20"),
]  # fmt: skip
ACTIVE = make_active(
    make_events(VISITS), make_users(dict.fromkeys(["back", "gone", "steady"], "2025-01-01")), WINDOW
)


def make_silences(rows: list[tuple[str, float, bool]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["user_id", "days", "is_ended"])


def test_a_silence_runs_to_the_next_event_or_to_the_end_of_the_log():
    found = silences(ACTIVE, WINDOW, 4)
    assert found.values.tolist() == [
        ["back", 4.0, True], ["back", 15.0, True], ["gone", 19.0, False], ["steady", 16.0, True],
    ]  # fmt: skip


def test_slices_of_days_have_the_silences_of_the_events():
    users = make_users(dict.fromkeys(["back", "gone", "steady"], "2025-01-01"))
    overlapping = make_events(
        [*VISITS, ("back", "2025-01-09T23:00"), ("back", "2025-01-10T11:00"),
         ("back", "2025-01-10T01:00"), ("back", "2025-01-11T10:30")],
        session_id=[*"abcdefg", "x", "x", "y", "z"],
    )  # fmt: skip
    active = make_active(overlapping, users, WINDOW)
    rows = make_slices(active, WINDOW).rows
    for least in (1, 4):
        pd.testing.assert_frame_equal(
            silences(rows, WINDOW, least), silences(active, WINDOW, least)
        )


def test_share_that_ends_by_hand():
    # five silences: at 2 days one of five ends, at 4 days one of the three still followed
    rows = [("a", 2, True), ("b", 3, False), ("c", 4, True), ("d", 9, False), ("e", 9, True)]
    rate, low, high = share_ended(make_silences(rows), 5)
    assert rate == pytest.approx(1 - 4 / 5 * 2 / 3)
    assert 0 < low < rate < high < 1
    assert share_ended(make_silences(rows), 3)[0] == pytest.approx(1 / 5)
    assert share_ended(make_silences(rows), 9)[0] == pytest.approx(1 - 4 / 5 * 2 / 3 * 1 / 2)


def test_without_a_cut_the_share_is_the_plain_one_and_none_or_all_have_an_interval():
    rows = [(str(n), 1.0 + n, n < 3) for n in range(10)]
    rate, low, high = share_ended(make_silences(rows), 20)
    assert rate == pytest.approx(0.3)
    plain = 1.959964 * np.sqrt(0.3 * 0.7 / 9)  # with K - 1 users
    assert high - low == pytest.approx(2 * plain, rel=0.1)  # on the log-odds, so about as wide
    none = make_silences([(user, days, False) for user, days, _ in rows])
    assert share_ended(none, 20) == (0.0, 0.0, pytest.approx(0.2775, abs=1e-4))  # Wilson, 0 of 10
    every = make_silences([(user, days, True) for user, days, _ in rows])
    assert share_ended(every, 20)[0] == 1.0


def test_copies_of_a_users_silences_are_no_further_evidence():
    rows = make_silences([(str(n), 1.0 + n, n % 3 == 0) for n in range(30)])
    once, twice = share_ended(rows, 60), share_ended(pd.concat([rows, rows]), 60)
    assert twice == pytest.approx(once)


def test_the_interval_covers_the_truth_when_users_differ():
    """Each user has an own share of silences that end, the log cuts them at random: 400 logs, so
    the interval misses in 5 % of them, give or take 1.1 points; three of these are allowed.
    """
    rng, runs, missed = np.random.default_rng(12), 400, 0
    for _ in range(runs):
        own = rng.beta(1, 1, 80)
        user = rng.integers(80, size=400)
        ends = rng.random(400) < own[user]
        length = np.where(ends, rng.uniform(0, 50, 400), np.inf)
        cut = rng.uniform(0, 200, 400)
        known = make_silences([])
        known = pd.DataFrame({"user_id": user.astype(str), "days": np.minimum(length, cut),
                              "is_ended": length <= cut})  # fmt: skip
        _, low, high = share_ended(known, 60)
        missed += not low <= 0.5 <= high
    assert missed / runs == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / runs))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 40), st.booleans()), min_size=1))
def test_more_follow_up_never_finds_fewer_returns(rows):
    known = make_silences([(str(user), float(days), ended) for user, days, ended in rows])
    shares = [share_ended(known, until)[0] for until in (5, 10, 40)]
    assert shares == sorted(shares)
    assert min(shares) >= 0
    assert max(shares) <= 1


def test_horizons_are_the_one_in_use_and_longer_ones_that_the_log_can_model(monkeypatch):
    window, windows = make_window("2025-01-01", "2025-12-31"), Windows(30, 0, 45)
    assert longest_horizon(window, windows) == 111
    table = return_rates(ACTIVE, window, windows)
    assert table["horizon_days"].tolist() == [45, 60, 90]
    assert table["silent"].tolist() == [3, 3, 3]  # everyone, from January to December
    assert table["rate"].isna().all()  # 30 silences are needed
    monkeypatch.setattr(module, "LEAST", 3)
    told = return_rates(ACTIVE, window, windows)
    assert told["rate"].tolist() == [0.0] * 3
    assert told["followed_days"].iloc[0] == pytest.approx(345)  # the third longest: steady, back
    short = return_rates(ACTIVE, make_window("2025-01-01", "2025-03-01"), windows)
    assert short["horizon_days"].tolist() == [45]
    assert short["rate"].isna().all()  # no silence is followed for a second horizon
