"""The churn label: when snapshots lie, and who comes back after a silence."""

import re

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.base.errors import Unavailable
from analysis.log.churn import (
    Windows,
    at_risk,
    last_outcomes,
    longest_horizon,
    outcome,
    reactivation,
    seen_around,
    snapshot_plan,
    why_no_model,
)
from tests.handmade import at, make_active, make_events, make_log, make_users, make_window

WINDOW = make_window("2025-01-01", "2025-01-17")
WINDOWS = Windows(lookback=4, gap=1, horizon=3)


def test_snapshots_are_counted_back_from_the_end_in_steps_of_gap_and_horizon():
    plan = snapshot_plan(make_window("2025-01-01", "2025-06-01"), Windows(30, 0, 30))
    assert plan["snapshot_at"].tolist() == [
        at("2025-02-01"), at("2025-03-03"), at("2025-04-02"), at("2025-05-02"), at("2025-06-01")
    ]  # fmt: skip
    assert plan["split"].tolist() == ["train", "train", "calibrate", "test", "score"]


def test_a_log_just_long_enough_has_one_snapshot_of_each_kind():
    assert snapshot_plan(WINDOW, WINDOWS)["split"].tolist() == [
        "train",
        "calibrate",
        "test",
        "score",
    ]
    assert why_no_model(WINDOW, WINDOWS) is None
    shorter = make_window("2025-01-01T00:00:01", "2025-01-17")
    assert snapshot_plan(shorter, WINDOWS)["split"].tolist() == ["calibrate", "test", "score"]
    reason = why_no_model(shorter, WINDOWS)
    assert reason is not None
    assert re.search(r"covers 16 days.*needs 16 .*horizon_days to at most 2,", reason)


def test_a_log_too_short_for_any_horizon_asks_for_a_longer_one():
    window = make_window("2025-01-01", "2025-01-06")
    assert snapshot_plan(window, WINDOWS)["split"].tolist() == ["score"]
    reason = why_no_model(window, WINDOWS)
    assert reason is not None
    assert re.search("The log covers 5 days.* Give a longer log, or lower look", reason)


def test_a_log_shorter_than_the_look_back_has_no_snapshot():
    with pytest.raises(Unavailable, match="covers 3 whole days, .* after 4 days .* longer log"):
        snapshot_plan(make_window("2025-01-01", "2025-01-04"), WINDOWS)


def test_a_single_day_is_said_in_words_that_fit():
    with pytest.raises(Unavailable, match="covers 1 whole day, and .* after 4 days .lookback_days"):
        snapshot_plan(make_window("2025-01-01", "2025-01-02"), WINDOWS)


def test_the_longest_horizon_leaves_three_after_the_look_back():
    assert longest_horizon(WINDOW, WINDOWS) == 3  # (16 - 4) / 3, less the gap of a day
    assert longest_horizon(make_window("2025-01-01", "2025-01-16"), WINDOWS) == 2
    reason = why_no_model(make_window("2025-01-01", "2025-01-11"), WINDOWS)
    assert reason is not None
    assert "horizon_days to at most 1, or lower lookback_days" in reason
    assert str(why_no_model(make_window("2025-01-01", "2025-01-02"), WINDOWS)).startswith(
        "The log covers 1 day, but"
    )


SNAPSHOT = at("2025-01-10")


def test_at_risk_is_who_was_known_to_be_active_in_the_look_back():
    visits = {
        "first": ("2025-01-06", "2025-01-06"),  # the look back begins
        "before": ("2025-01-05T23:59:59", "2025-01-05T23:59:59"),
        "last": ("2025-01-09T23:59:59", "2025-01-09T23:59:59"),
        "after": ("2025-01-10", "2025-01-10"),
        "uploaded": ("2025-01-09", "2025-01-10"),  # known at the snapshot, not before it
    }
    events = make_events(
        [(user, when) for user, (when, _) in visits.items()],
        recorded_at=[known for _, known in visits.values()],
    )
    users = make_users(dict.fromkeys(visits, "2025-01-01"))
    active = make_active(events, users, WINDOW)
    assert at_risk(active, SNAPSHOT, WINDOWS).tolist() == ["first", "last"]


def test_churned_is_who_has_no_event_from_the_gap_to_the_horizon():
    visits = [
        ("in the gap", "2025-01-10T23:59:59"),
        ("first", "2025-01-11"),
        ("last", "2025-01-13T23:59:59"),
        ("after", "2025-01-14"),
    ]
    users = make_users({user: "2025-01-01" for user, _ in visits} | {"silent": "2025-01-01"})
    active = make_active(make_events(visits), users, WINDOW)
    known = outcome(active, users["user_id"], SNAPSHOT, WINDOWS, at("2025-01-14"))
    by_user = dict(zip(users["user_id"], known, strict=True))
    assert by_user == {"in the gap": 1, "first": 0, "last": 0, "after": 1, "silent": 1}
    early = at("2025-01-13T23:59:59")
    unknown = outcome(active, users["user_id"].tail(2), SNAPSHOT, WINDOWS, early)
    pd.testing.assert_series_equal(unknown, pd.Series([float("nan")] * 2, index=[3, 4]))


def test_without_an_outcome_nothing_is_tested():
    rows = pd.DataFrame({"split": ["score", "test"]})
    assert last_outcomes(rows).index.tolist() == [1]
    with pytest.raises(Unavailable) as caught:
        last_outcomes(rows.head(1))
    assert str(caught.value) == (
        "No churn was measured: the log has no snapshot that a whole horizon follows, or nobody "
        "was active before it. Give a longer log, or lower lookback_days or horizon_days in "
        "params.yml."
    )


@settings(max_examples=40, deadline=None)
@given(days=st.integers(1, 400), lookback=st.integers(1, 60), gap=st.integers(0, 20))
def test_the_horizon_that_the_error_proposes_is_the_longest_that_works(days, lookback, gap):
    window = make_window("2024-01-01", str((at("2024-01-01") + pd.Timedelta(days=days)).date()))
    message = why_no_model(window, Windows(lookback, gap, 1000))
    assert message is not None
    if "at most" not in message:
        assert why_no_model(window, Windows(lookback, gap, 1)) is not None
        return
    longest = int(message.split("at most ")[1].split(",")[0])
    assert len(snapshot_plan(window, Windows(lookback, gap, longest))) >= 4
    assert why_no_model(window, Windows(lookback, gap, longest + 1)) is not None
    assert len(snapshot_plan(window, Windows(lookback, gap, longest + 1))) < 4


def test_who_comes_back_after_silence_by_hand():
    users = make_users(dict.fromkeys(["again", "back", "lost", "steady"], "2025-01-01"))
    # instants on the 5th and 9th: active before, silent for 4 days, back in the next 4
    visits = [
        ("back", "2025-01-04"),
        ("back", "2025-01-09"),
        ("lost", "2025-01-01"),
        ("lost", "2025-01-13"),
    ]
    visits += [("again", "2025-01-06"), ("again", "2025-01-13")]
    visits += [("steady", f"2025-01-{day:02d}") for day in range(1, 17)]
    active = make_active(make_events(visits), users, WINDOW)
    row = reactivation(active, WINDOW, 4).iloc[0]
    # t = 5th: back and lost are silent, back returns on the 9th;
    # t = 9th, the last that the log covers: again is silent and returns on the 13th
    assert (row["silent"], row["returned"], row["rate"]) == (3, 2, 2 / 3)
    assert row["ci_low"] < 2 / 3 < row["ci_high"]


def test_who_has_not_come_back_by_the_end_of_the_third_horizon_has_not():
    window = make_window("2025-01-01", "2025-01-13")  # three horizons of four days
    users = make_users(dict.fromkeys(["late", "back"], "2025-01-01"))
    visits = [("late", "2025-01-01"), ("back", "2025-01-04"), ("back", "2025-01-12T23:59:59")]
    active = make_active(make_events([*visits, ("late", "2025-01-13")]), users, WINDOW)
    row = reactivation(active, window, 4).iloc[0]
    assert (row["silent"], row["returned"]) == (2, 1)
    short = reactivation(active, make_window("2025-01-01", "2025-01-12"), 4).iloc[0]
    assert (short["silent"], short["returned"]) == (0, 0)


def test_a_log_without_three_horizons_says_nothing_about_coming_back():
    users = make_users({"first": "2025-01-01"})
    active = make_active(make_events([("first", "2025-01-05")]), users, WINDOW)
    row = reactivation(active, WINDOW, 6).iloc[0]
    assert (row["silent"], row["returned"]) == (0, 0)
    assert row[["rate", "ci_low", "ci_high"]].isna().all()


@pytest.mark.parametrize(("lookback", "gap"), [(30, 0), (45, 0), (20, 7)])
def test_the_days_give_who_was_at_risk_and_who_returned_as_the_events_do(lookback, gap):
    window, windows = make_window("2025-01-01", "2025-07-01"), Windows(lookback, gap, 30)
    moments = [("a", "2025-05-02"), ("b", "2025-05-31T23:59:59"), ("b", "2025-06-01"),
               ("c", "2025-03-03T12:00"), ("c", "2025-06-30T23:59"), ("d", "2025-05-31"),
               ("a", "2025-04-02"), ("d", "2025-05-01T00:00"), ("e", "2025-05-20")]  # fmt: skip
    late = [when for _, when in moments[:-1]] + ["2025-06-20"]  # e's event came a month late
    users = make_users(dict.fromkeys("abcde", "2025-01-01"))
    log = make_log(make_events(moments, recorded_at=late), users, window)
    instants = snapshot_plan(window, windows)["snapshot_at"].tolist()
    backs = [(window.end - snapshot).days for snapshot in instants]
    seen = seen_around(log.user_days, windows, backs).set_index("user_id")
    for snapshot, back in zip(instants, backs, strict=True):
        known = seen[seen[f"at_risk_{back}"]]
        population = at_risk(log.active, snapshot, windows)
        assert known.index.tolist() == population.tolist()
        churned = outcome(log.active, population, snapshot, windows, window.end)
        if back:
            assert (~known[f"returned_{back}"]).astype(float).tolist() == churned.tolist()


def test_sums_of_days_tell_who_came_back_as_the_events_do():
    # a day of the sums counts from the end of the log, and reaches into two spans of the start's
    window = make_window("2025-01-01T00:00", "2025-01-20T09:00")
    moments = [("a", "2025-01-04T23:00"), ("a", "2025-01-05T02:00"), ("b", "2025-01-09T03:00"),
               ("b", "2025-01-08T23:59"), ("c", "2025-01-02"), ("c", "2025-01-12T10:00")]  # fmt: skip
    users = make_users(dict.fromkeys("abc", "2025-01-01"))
    log = make_log(make_events(moments, session_id=["s"] * len(moments)), users, window)
    by_day = reactivation(log.user_days, window, 4)
    pd.testing.assert_frame_equal(by_day, reactivation(log.active, window, 4))
    assert by_day["silent"].item() > 0


def test_after_a_gap_the_horizon_moves_on_by_it():
    window, windows = (
        make_window("2025-01-01", "2025-03-02"),
        Windows(lookback=10, gap=5, horizon=5),
    )
    # the snapshot lies 20 days before the end, on 10 February: returned is the 15th to the 19th
    moments = {"gap": "2025-02-14T23:59", "first": "2025-02-15", "last": "2025-02-19T23:59",
               "after": "2025-02-20", "long ago": "2025-01-02"}  # fmt: skip
    active = {user: "2025-02-09" for user in moments if user != "long ago"}
    events = make_events([*moments.items(), *active.items()])
    users = make_users(dict.fromkeys(moments, "2025-01-01"))
    seen = seen_around(make_log(events, users, window).user_days, windows, [20])
    assert seen.to_dict("list") == {
        "user_id": ["after", "first", "gap", "last"],
        "at_risk_20": [True] * 4,
        "returned_20": [False, True, False, True],
    }


def test_what_was_before_the_log_is_nobodys_silence():
    users = make_users({"back": "2025-01-01"})
    visits = [("back", "2025-01-04"), ("back", "2025-01-09"), ("back", "2025-01-13")]
    active = make_active(make_events(visits), users, WINDOW)
    later = reactivation(active, make_window("2025-01-05", "2025-01-17"), 4).iloc[0]
    assert (later["silent"], later["returned"]) == (0, 0)
    whole = reactivation(active, WINDOW, 4).iloc[0]
    assert (whole["silent"], whole["returned"], whole["rate"]) == (1, 1, 1.0)
