from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest
from tests.handmade import ROLES, at, instants, make_events, make_users, make_window
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.base.errors import ReportError
from analysis.contract import inputs as contract
from analysis.log.activity import absent_roles, activity
from analysis.log.churn import Windows, reactivation, snapshot_plan
from analysis.model.features import (
    NEEDS,
    absent_features,
    behaviour,
    describe,
    feature_columns,
    habits,
    snapshot_summary,
    snapshots,
    user_features,
)
from benchmarks import pipeline
from simulation import simulate

WINDOW = make_window("2025-01-01", "2025-01-17")
WINDOWS = Windows(lookback=4, gap=1, horizon=3)
USERS = make_users(
    dict.fromkeys(["first", "gone", "in_gap", "last", "late"], "2025-01-01"),
    device=["iOS", "iOS", "Android", None, "Android"],
    subscription_type=["basic"] * 5,
)
VISITED = [
    # the snapshot of the 9th looks back to the 5th and forward to [10th, 13th)
    ("first", "2025-01-05T00:00"),  # the first instant of the look back
    ("first", "2025-01-10T00:00"),  # the first instant of the outcome: stays
    ("gone", "2025-01-08T23:59:59"),  # the last second of the look back
    ("gone", "2025-01-13T00:00"),  # the first instant after the outcome: churned
    ("in_gap", "2025-01-06T12:00"),
    ("in_gap", "2025-01-09T23:59:59"),  # the gap is not looked at
    ("last", "2025-01-07T00:00"),
    ("last", "2025-01-12T23:59:59"),  # the last second of the outcome: stays
    ("last", "2025-01-14T00:00"),
    ("late", "2025-01-04T23:59:59"),  # a second too early for the look back
    ("late", "2025-01-09T00:00"),  # the snapshot itself is not before it
]


def shoot(visits=VISITED, users=USERS, static=("device", "country"), **columns):
    active = activity(make_events(visits, **columns), users, WINDOW)
    return snapshots(active, users, WINDOW, WINDOWS, ROLES, static, 30)


def test_who_was_at_risk_and_who_left_by_hand():
    table = shoot()
    told = table.assign(day=table["snapshot_at"].dt.day, churned=table["churned"].fillna(-1))
    assert told[["day", "split", "user_id", "churned"]].to_numpy().tolist() == [
        [5, "train", "late", 1.0],
        [9, "calibrate", "first", 0.0],
        [9, "calibrate", "gone", 1.0],
        [9, "calibrate", "in_gap", 1.0],
        [9, "calibrate", "last", 0.0],
        [13, "test", "first", 1.0],
        [13, "test", "in_gap", 1.0],
        [13, "test", "last", 0.0],
        [13, "test", "late", 1.0],
        [17, "score", "gone", -1.0],  # not yet observed
        [17, "score", "last", -1.0],
    ]


def test_a_snapshot_knows_tenure_and_the_given_attributes_only():
    table = shoot()
    assert table["tenure_days"].unique().tolist() == [4, 8, 12, 16]
    assert table.loc[table["split"] == "train", "device"].tolist() == ["Android"]
    assert not {"country", "subscription_type", "signup_date"} & set(table.columns)


def test_features_see_nothing_at_or_after_the_snapshot():
    table = shoot().set_index(["split", "user_id"])
    assert table.loc[("calibrate", "gone"), "event_count"] == 1
    assert table.loc[("calibrate", "gone"), "recency_days"] == pytest.approx(1 / 86_400)
    assert table.loc[("calibrate", "first"), "recency_days"] == 4
    assert table.loc[("test", "in_gap"), "event_count"] == 1


def test_an_event_that_arrived_late_makes_nobody_at_risk():
    recorded = [when for _, when in VISITED]
    recorded[2] = "2025-01-09T00:00"  # gone's event is known only from the snapshot on
    table = shoot(recorded_at=recorded).set_index(["split", "user_id"])
    assert ("calibrate", "gone") not in table.index
    recorded[2] = "2025-01-08T23:59:59.999"
    table = shoot(recorded_at=recorded).set_index(["split", "user_id"])
    assert table.loc[("calibrate", "gone"), "event_count"] == 1
    assert table.loc[("calibrate", "gone"), "churned"] == 1
    assert table.loc[("calibrate", "gone"), "tenure_days"] == 8


@pytest.mark.parametrize(
    ("name", "told"), [("devise", "Is it 'device'"), ("signup_date", "no attribute")]
)
def test_a_static_column_that_nobody_knows_is_named(name, told):
    with pytest.raises(ReportError, match=told):
        snapshots(
            activity(make_events(VISITED), USERS, WINDOW),
            USERS,
            WINDOW,
            WINDOWS,
            ROLES,
            [name],
            30.0,
        )


def test_a_load_time_for_received_at_is_named():
    with pytest.raises(ReportError, match="received_at is later than 2025-01-05 .* leave that col"):
        shoot(recorded_at=["2025-02-01"] * len(VISITED))


def test_a_role_that_is_not_given_is_absent_and_what_needs_it_too():
    active = activity(make_events(VISITED), USERS, WINDOW)
    assert absent_roles(active, {}) == sorted(contract.ROLES)
    assert absent_features(active, {"click": "content_play"}) == list(NEEDS)  # no play beside it
    given = absent_features(active, {"play": "content_play", "click": "content_play"})
    assert not {"failed_intents", "usual_failed_rate", "plays_per_session"} & set(given)


def test_features_of_roles_without_events_are_left_out():
    assert absent_roles(activity(make_events(VISITED), USERS, WINDOW), ROLES) == [
        "click", "exit", "next", "purchase", "spend"
    ]  # fmt: skip
    numeric, categorical = feature_columns(shoot())
    assert categorical == ["device"]
    assert set(numeric) == {
        "tenure_days", "recency_days", "event_count", "active_days", "active_days_last_week",
        "unique_event_types", "recent_share", "sessions_per_week", "plays_per_session",
        "session_seconds_p95", "usual_sessions_per_week", "silence_ratio", "usual_session_seconds",
    }  # fmt: skip


def test_the_order_of_users_and_events_does_not_matter():
    pd.testing.assert_frame_equal(shoot(VISITED[::-1], USERS[::-1]), shoot())


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
    shorter = make_window("2025-01-01T00:00:01", "2025-01-17")
    with pytest.raises(ReportError, match=r"covers 16 days.*needs 16 .*horizon_days to at most 2,"):
        snapshot_plan(shorter, WINDOWS)


def test_a_log_too_short_for_any_horizon_asks_for_a_longer_one():
    with pytest.raises(
        ReportError, match="events: the log covers 5 days.* give a longer log, or lower look"
    ):
        snapshot_plan(make_window("2025-01-01", "2025-01-06"), WINDOWS)


@settings(max_examples=40, deadline=None)
@given(days=st.integers(1, 400), lookback=st.integers(1, 60), gap=st.integers(0, 20))
def test_the_horizon_that_the_error_proposes_is_the_longest_that_works(days, lookback, gap):
    window = make_window("2024-01-01", str((at("2024-01-01") + pd.Timedelta(days=days)).date()))
    try:
        snapshot_plan(window, Windows(lookback, gap, 1000))
    except ReportError as error:
        told = str(error)
    if "at most" not in told:
        with pytest.raises(ReportError):
            snapshot_plan(window, Windows(lookback, gap, 1))
        return
    longest = int(told.split("at most ")[1].split(",")[0])
    assert len(snapshot_plan(window, Windows(lookback, gap, longest))) >= 4
    with pytest.raises(ReportError):
        snapshot_plan(window, Windows(lookback, gap, longest + 1))


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
    active = activity(events, users, make_window("2024-12-01", "2025-03-01"))
    table = behaviour(active, DAY_END, lookback, ROLES, gap_minutes)
    return table.iloc[0].to_dict() if len(table) else {}


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
        "credits_spent": 7.5 + 1,  # where no amount is told, one
        "credits_bought": 50,
        "sessions_per_week": 3 / 4,
        "plays_per_session": 1 / 3,
        "next_episode_rate": 1 / 1,
        "session_seconds_p95": 1200,
        "exit_rate": 1 / 3,
        "failed_intents": 1,
    })  # fmt: skip


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
    active = activity(events, users, window)
    return habits(active, users, window, DAY_END, lookback, ROLES, 30.0).iloc[0].to_dict()


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
def test_habits_are_told_since_signup_or_over_three_look_backs(signup, lookback, sessions, days):
    found = usual(signup, lookback)
    assert found["usual_sessions_per_week"] == pytest.approx(7 * (sessions + 1) / (days + 14))


def test_a_habit_knows_nothing_that_was_recorded_later():
    late = [act[0] if act[2] != "s3" else "2025-02-01" for act in ACTS]
    assert usual("2024-11-01", recorded=late)["usual_session_seconds"] == pytest.approx(1200 / 2)


def test_without_sessions_and_amounts_silence_ends_sessions_and_each_act_counts_one():
    given_, found = behave(session_id=[a[2] for a in ACTS]), behave()
    assert found == given_
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


def test_95_percent_of_sessions_are_no_longer_than_told():
    acts = []
    for n in range(20):
        start = at("2025-01-05") + pd.Timedelta(days=n)
        acts += [
            (str(start), "content_play"),
            (str(start + pd.Timedelta(minutes=n)), "content_play"),
        ]
    assert behave(acts)["session_seconds_p95"] == 18 * 60  # the 19th of 20


def test_next_episodes_without_a_play_give_no_rate():
    found = behave([("2025-01-05", "next_episode")])
    assert pd.isna(found["next_episode_rate"])
    assert found["plays_per_session"] == 0


def test_a_role_may_be_absent_from_the_parameters():
    active = activity(make_events([("first", "2025-01-05")]), USERS, WINDOW)
    table = behaviour(active, WINDOW.end, 16, {"play": "content_play"}, 30)
    assert table.loc[0, ["plays_per_session", "failed_intents", "credits_spent"]].tolist() == [
        1,
        0,
        0,
    ]


def test_user_features_hold_everyone_as_of_the_end_of_the_log():
    users = make_users(
        {"last": "2025-01-01", "never": None, "first": "2025-01-01"}, event_count=[9, 9, 9]
    )
    active = activity(make_events(VISITED), users, WINDOW)
    table = user_features(active, users, WINDOW, 4, ROLES, 30).set_index("user_id")
    assert table.index.tolist() == ["first", "last", "never"]
    assert table["event_count"].tolist() == [2, 3, 0]
    assert table["native_event_count"].tolist() == [9, 9, 9]
    assert table["recent_event_count"].fillna(-1).tolist() == [-1, 1, -1]
    assert table["recency_days"].fillna(-1).tolist() == [7, 3, -1]
    assert table["tenure_days"].fillna(-1).tolist() == [16, 16, -1]
    assert table.loc["first", "first_event_at"] == at("2025-01-05")
    assert table.loc["last", "last_event_at"] == at("2025-01-14")


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
    active = activity(make_events(visits), users, WINDOW)
    row = reactivation(active, WINDOW, 4).iloc[0]
    # t = 5th: back and lost are silent, back returns on the 9th;
    # t = 9th, the last that the log covers: again is silent and returns on the 13th
    assert (row["silent"], row["returned"], row["rate"]) == (3, 2, 2 / 3)
    assert row["ci_low"] < 2 / 3 < row["ci_high"]


def test_a_log_without_three_horizons_says_nothing_about_coming_back():
    active = activity(make_events(VISITED), USERS, WINDOW)
    row = reactivation(active, WINDOW, 6).iloc[0]
    assert (row["silent"], row["returned"]) == (0, 0)
    assert row[["rate", "ci_low", "ci_high"]].isna().all()


def test_the_summary_of_snapshots_leaves_the_unobserved_blank():
    table = snapshot_summary(shoot(), "UTC")
    assert table[["snapshot_at", "split", "users"]].to_numpy().tolist() == [
        ["2025-01-05", "train", 1], ["2025-01-09", "calibrate", 4], ["2025-01-13", "test", 4],
        ["2025-01-17", "score", 2],
    ]  # fmt: skip
    assert table["churn_rate"].tolist()[:3] == [1.0, 0.5, 0.75]
    assert table.loc[3, ["churners", "churn_rate", "ci_low", "ci_high"]].isna().all()


def test_features_are_described_by_their_kind():
    keys = {
        "user_id": ["a", "b", "c"],
        "snapshot_at": instants(["2025-01-05"] * 3),
        "split": "test",
        "churned": 0.0,
    }
    table = describe(pd.DataFrame({**keys, "n": [1.0, 3.0, None], "device": ["iOS", "iOS", None]}))
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


def test_times_with_fractions_of_a_second_are_read():
    """Instants to the millisecond are common in logs, and Ibis takes their seconds for whole."""
    company = simulate(150, 40, 3, dirt=False)
    times = pc.replace_substring(company.events["event_timestamp"], "-06:00", ".255-06:00")
    at = company.events.schema.get_field_index("event_timestamp")
    fractions = company.events.set_column(at, "event_timestamp", times)
    exact, told = (
        pipeline.prepare(replace(company, events=events)).snapshots
        for events in (company.events, fractions)
    )
    pd.testing.assert_frame_equal(
        told[["user_id", "snapshot_at", "churned"]], exact[["user_id", "snapshot_at", "churned"]]
    )
    assert np.allclose(told["recency_days"], exact["recency_days"], atol=1e-4)
