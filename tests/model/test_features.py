"""What was known of a user, by hand."""

import numpy as np
import pandas as pd
import pytest

from analysis.base import engine
from analysis.model.features import (
    NEEDS,
    absent_features,
    behaviour,
    feature_summary,
    finite,
    habits,
    user_features,
)
from tests.handmade import (
    at,
    instants,
    make_active,
    make_events,
    make_slices,
    make_users,
    make_window,
)
from tests.model.visits import USERS, VISITED, WINDOW

DAY_END = at("2025-02-01")


ACTS = [
    ("2025-01-10T10:00:00", "poster_click", "s1", None),
    ("2025-01-10T10:00:30", "content_play", "s1", None),
    ("2025-01-10T10:10:00", "next_episode", "s1", None),
    ("2025-01-10T10:20:00", "app_exit", "s1", None),
    ("2025-01-30T12:00:00", "poster_click", "s2", None),
    ("2025-01-31T00:00:00", "credits_purchase", "s3", '{"amount": 50, "currency": "PEN"}'),
    ("2025-01-31T00:01:00", "credits_spend", "s3", '{"show": "x", "amount": "7.5"}'),
    ("2025-01-31T00:02:00", "credits_spend", "s3", "{}"),
]


def behave(acts=ACTS, lookback=28, gap_minutes=30.0, **columns):
    """Return the behaviour of one user as of 2025-02-01, as a dictionary."""
    users = make_users({"a": "2024-12-01"})
    events = make_events(
        [("a", act[0]) for act in acts], event_type=[act[1] for act in acts], **columns
    )
    active = make_active(events, users, make_window("2024-12-01", "2025-03-01"))
    slices = make_slices(active, make_window("2024-12-01", "2025-03-01"))
    table = engine.to_pandas(behaviour(slices, DAY_END, lookback, gap_minutes))
    return table.iloc[0].to_dict() if len(table) else {}


def usual(signup, lookback=30, recorded=None):
    """Return the habits of one user with the sessions of ACTS as of 2025-02-01."""
    users = make_users({"a": signup})
    window = make_window("2024-12-01", "2025-03-01")
    columns = {"recorded_at": recorded} if recorded else {}
    events = make_events(
        [("a", act[0]) for act in ACTS],
        event_type=[act[1] for act in ACTS],
        session_id=[act[2] for act in ACTS],
        **columns,
    )
    active = make_active(events, users, window)
    slices = make_slices(active, window)
    return habits(slices, users, window, DAY_END, lookback, 30.0).iloc[0].to_dict()


def test_a_role_that_is_not_given_is_absent_and_what_needs_it_too():
    active = make_active(make_events(VISITED), USERS, WINDOW)

    def absent(roles):
        return absent_features(make_slices(active, WINDOW, roles))

    assert absent({}) == list(NEEDS)
    assert absent({"click": "content_play"}) == list(NEEDS)  # no play beside it
    given = absent({"play": "content_play", "click": "content_play"})
    assert not {"failed_intents", "usual_failed_rate", "plays_per_session"} & set(given)


def test_an_event_without_a_type_counts_and_is_of_no_kind():
    events = make_events([("a", "2025-01-05"), ("b", "2025-01-06")], event_type=[None, "play"])
    users = make_users(dict.fromkeys("ab", "2025-01-01"))
    window = make_window("2025-01-01", "2025-02-01")
    slices = make_slices(make_active(events, users, window), window)
    found = engine.to_pandas(behaviour(slices, window.end, 31, 30.0).order_by("user_id"))
    assert found["event_count"].tolist() == [1, 1]
    assert found["unique_event_types"].tolist() == [0, 1]


def test_the_behaviour_of_one_user_by_hand():
    found = behave(session_id=[a[2] for a in ACTS], properties=[a[3] for a in ACTS])
    assert found == pytest.approx({
        "user_id": "a",
        "recency_days": 1 - 2 / 1440,
        "event_count": 8,
        "active_days": 3,
        "active_days_last_week": 2,
        "unique_event_types": 6,
        "recent_share": 4 / 8,
        "credits_spent": 7.5 + 1,  # one where no amount is given
        "credits_bought": 50,
        "sessions_per_week": 3 / 4,
        "plays_per_session": 1 / 3,
        "next_episode_rate": 1 / 1,
        "session_seconds_p95": 1200,
        "exit_rate": 1 / 3,
        "failed_intents": 1,
    })  # fmt: skip


def test_the_habits_of_one_user_by_hand():
    per_day = (3 + 1) / (62 + 14)  # 62 days since the log's start, later than 90 days back
    found = usual("2024-11-01")
    silence = found.pop("silence_ratio")
    assert found == pytest.approx({
        "user_id": "a",
        "usual_sessions_per_week": 7 * per_day,
        "usual_next_episode_rate": 1 / 1,
        "usual_failed_rate": 1 / 2,
        "usual_session_seconds": (1200 + 0 + 120) / 3,
    })  # fmt: skip
    assert silence == pytest.approx((1 - 2 / 1440) * per_day)


@pytest.mark.parametrize(
    ("signup", "lookback", "sessions", "days"),
    [
        ("2024-12-22", 30, 3, 41),  # a newcomer is observed since signup
        ("2024-11-01", 8, 3, 24),  # three look backs, from the 8th of January
        ("2024-11-01", 7, 2, 21),  # from the 11th: the first session lies before
    ],
)
def test_habits_are_measured_since_signup_or_over_three_look_backs(
    signup, lookback, sessions, days
):
    found = usual(signup, lookback)
    assert found["usual_sessions_per_week"] == pytest.approx(7 * (sessions + 1) / (days + 14))


def test_a_habit_knows_nothing_that_was_recorded_later():
    late = [act[0] if act[2] != "s3" else "2025-02-01" for act in ACTS]
    assert usual("2024-11-01", recorded=late)["usual_session_seconds"] == pytest.approx(1200 / 2)


def test_without_sessions_and_amounts_silence_ends_sessions_and_each_act_counts_one():
    with_ids, found = behave(session_id=[a[2] for a in ACTS]), behave()
    assert found == with_ids
    assert (found["credits_spent"], found["credits_bought"]) == (2, 1)


@pytest.mark.parametrize(
    ("when", "is_seen"),
    [
        ("2025-01-03T23:59:59", False),
        ("2025-01-04", True),
        ("2025-01-31T23:59:59", True),
        ("2025-02-01", False),
    ],
)
def test_the_look_back_is_half_open(when, is_seen):
    assert bool(behave([(when, "content_play")])) == is_seen


@pytest.mark.parametrize(
    ("recorded", "is_seen"), [("2025-01-31T23:59:59.999", True), ("2025-02-01", False)]
)
def test_only_what_was_recorded_before_the_snapshot_is_seen(recorded, is_seen):
    assert bool(behave([("2025-01-20", "content_play")], recorded_at=[recorded])) == is_seen


def test_the_last_week_and_the_later_half_begin_with_their_first_instant():
    days = [
        "2025-01-17T23:59:59",
        "2025-01-18",
        "2025-01-24T23:59:59",
        "2025-01-25",
        "2025-01-25T23:59:59",
    ]
    found = behave([(day, "content_play") for day in days])
    assert found["active_days"] == 4
    assert found["active_days_last_week"] == 1
    assert found["recent_share"] == 4 / 5


def test_a_day_at_a_time_every_day_counts():
    days = [(str(DAY_END - pd.Timedelta(days=n)), "content_play") for n in range(1, 29)]
    found = behave(days)
    assert (found["active_days"], found["active_days_last_week"], found["recency_days"]) == (
        28,
        7,
        1,
    )
    assert found["recent_share"] == 0.5


def test_95_percent_of_sessions_are_no_longer_than_reported():
    acts = []
    for n in range(20):
        start = at("2025-01-05") + pd.Timedelta(days=n)
        acts += [
            (str(start), "content_play"),
            (str(start + pd.Timedelta(minutes=n)), "content_play"),
        ]
    assert behave(acts)["session_seconds_p95"] == 18 * 60  # the 19th of 20


def test_the_later_half_of_an_odd_look_back_begins_at_noon():
    acts = [(when, "content_play") for when in ("2025-01-30T11:59:59", "2025-01-30T12:00:00")]
    assert behave(acts, lookback=3)["recent_share"] == 1 / 2


def test_next_episodes_without_a_play_give_no_rate():
    found = behave([("2025-01-05", "next_episode")])
    assert pd.isna(found["next_episode_rate"])
    assert found["plays_per_session"] == 0


def test_a_role_may_be_absent_from_the_parameters():
    active = make_active(make_events([("first", "2025-01-05")]), USERS, WINDOW)
    slices = make_slices(active, WINDOW, {"play": "content_play"})
    table = engine.to_pandas(behaviour(slices, WINDOW.end, 16, 30))
    assert table.loc[0, ["plays_per_session", "failed_intents", "credits_spent"]].tolist() == [
        1,
        0,
        0,
    ]


def test_user_features_hold_everyone_as_of_the_end_of_the_log():
    users = make_users(
        {"last": "2025-01-01", "never": None, "first": "2025-01-01"}, event_count=[9, 9, 9]
    )
    active = make_active(make_events(VISITED), users, WINDOW)
    slices = make_slices(active, WINDOW)
    (table,) = user_features(slices, users, WINDOW, 4, 30)
    table = table.set_index("user_id")
    assert table.index.tolist() == ["first", "last", "never"]
    assert table["event_count"].tolist() == [2, 3, 0]
    assert table["native_event_count"].tolist() == [9, 9, 9]
    assert table["recent_event_count"].fillna(-1).tolist() == [-1, 1, -1]
    assert table["recency_days"].fillna(-1).tolist() == [7, 3, -1]
    assert table["tenure_days"].fillna(-1).tolist() == [16, 16, -1]
    assert table.loc["first", "first_event_at"] == at("2025-01-05")
    assert table.loc["last", "last_event_at"] == at("2025-01-14")


def test_features_are_described_by_their_kind():
    keys = {
        "user_id": ["a", "b", "c"],
        "snapshot_at": instants(["2025-01-05"] * 3),
        "split": "test",
        "churned": 0.0,
    }
    table = feature_summary(
        pd.DataFrame({**keys, "n": [1.0, 3.0, None], "device": ["iOS", "iOS", None]})
    )
    number, category = table.to_dict("records")
    assert number["low"] == "1.10"
    assert (number["median"], number["high"], number["missing"]) == (
        "2.00",
        "2.90",
        pytest.approx(1 / 3),
    )
    assert (category["feature"], category["kind"], category["median"]) == (
        "device",
        "category",
        "iOS",
    )


def test_a_range_that_few_users_lie_beyond_is_not_told():
    keys = {"user_id": [f"u{n}" for n in range(40)], "snapshot_at": at("2025-01-05")}
    rare = pd.DataFrame({**keys, "split": "test", "churned": 0.0, "n": [float(n) for n in range(40)],
                         "home": ["Atlantis"] * 3 + [f"place {n}" for n in range(37)]})  # fmt: skip
    number, category = feature_summary(rare, min_disclosed=10).to_dict("records")
    assert number["median"] == "19.50"
    assert pd.isna([number["low"], number["high"], category["median"]]).all()
    assert feature_summary(rare, min_disclosed=3)["median"].tolist() == ["19.50", "Atlantis"]
    of_few = feature_summary(rare.head(19), min_disclosed=10)
    assert of_few["median"].isna().all()


def test_numbers_too_large_to_square_are_missing():
    table = pd.DataFrame({"a": [np.inf, 1e308, 1.0, -np.inf], "b": [1.0, 2.0, 3.0, np.nan]})
    found = finite(table)
    assert found["a"].isna().tolist() == [True, True, False, True]
    assert found["b"].equals(table["b"])
