import numpy as np
import pandas as pd
import pytest

from analysis.base import engine
from analysis.cohorts import kpis
from analysis.cohorts.kpis import latest, monthly_kpis
from tests.handmade import make_events, make_log, make_users, make_window

WINDOW = make_window("2025-01-01", "2025-03-10")
# user, time, type, session; a has two visits in January, one of them a click without a play
ACTS = [
    ("a", "2025-01-05T10:00", "poster_click", "s1"),
    ("a", "2025-01-05T10:01", "content_play", "s1"),
    ("a", "2025-01-05T10:09", "next_episode", "s1"),
    ("a", "2025-01-06T10:00", "poster_click", "s2"),
    ("b", "2025-01-07T10:00", "content_play", "s3"),
    ("b", "2025-01-07T10:01", "credits_purchase", "s3"),
    ("b", "2025-01-07T10:02", "app_exit", "s3"),
    ("a", "2025-02-05T10:00", "content_play", "s4"),
    ("a", "2025-03-05T10:00", "content_play", "s5"),  # the log ends within March
]
AMOUNTS = ['{"amount": 10}' if kind == "credits_purchase" else None for _, _, kind, _ in ACTS]


def figures(acts=ACTS, least=1, **columns):
    users = make_users({"a": "2025-01-01", "b": "2025-01-01"})
    events = make_events(
        [(user, when) for user, when, _, _ in acts],
        event_type=[kind for _, _, kind, _ in acts],
        session_id=[session for *_, session in acts],
        **columns,
    )
    return monthly_kpis(make_log(events, users, WINDOW).user_days, WINDOW, "UTC", least)


def test_the_order_of_users_does_not_move_a_sum_of_fractions():
    rng = np.random.default_rng(4)
    users = pd.DataFrame({"month": "2025-01", "bought": rng.integers(0, 9_999, 20_000) / 100})
    users["payers"] = rng.integers(0, 2, len(users))
    for name in ("sessions", "plays", "nexts", "clicked", "failed", "users"):
        users[name] = 1
    asked = {"credits": ("bought", "payers")}
    orders = [users.sample(frac=1, random_state=seed) for seed in range(20)]
    found = [kpis._sums(engine.from_pandas(order), asked) for order in orders]
    assert all(sums == found[0] for sums in found)


def test_the_figures_of_january_by_hand():
    table = figures(properties=AMOUNTS)
    january = table[table["month"] == "2025-01"].set_index("kpi")
    assert january["value"].to_dict() == {
        "sessions_per_user": 3 / 2,
        "plays_per_session": 2 / 3,
        "next_episode_rate": 1 / 2,
        "failed_intent_rate": 1 / 2,
        "paying_share": 1 / 2,
        "credits_per_user": 10 / 2,
        "credits_per_payer": 10 / 1,
    }
    assert (january["n"] == 2).all()
    # Wilson, 1 of 2
    assert january.loc["paying_share", ["ci_low", "ci_high"]].tolist() == pytest.approx(
        [0.0945, 0.9055], abs=1e-4
    )
    assert january.loc["sessions_per_user", ["ci_low", "ci_high"]].isna().all()  # of two users


def test_the_interval_counts_users_and_is_blank_when_few_have_any():
    row = pd.Series({
        "n": 20, "users": 20, "users*users": 20, "sessions": 30, "sessions*sessions": 50,
        "sessions*users": 30, "sessions>0": 20, "payers": 0, "bought": 9, "bought*bought": 9,
        "bought*users": 9, "bought>0": 9,
    })  # fmt: skip
    # half of the users with 1, half with 2: residuals of 0.5, variance of the mean 5 / 19 / 20
    spread = 1.959964 * np.sqrt(5 / 19 / 20)
    found = kpis._ratio(row, "sessions", "users")
    assert found == pytest.approx((1.5, 1.5 - spread, 1.5 + spread))
    value, low, high = kpis._ratio(row, "payers", "users")
    assert (value, low) == (0.0, 0.0)
    assert high == pytest.approx(0.1611, abs=1e-4)  # Wilson, 0 of 20
    few = kpis._ratio(row, "bought", "users")
    assert few[0] == 9 / 20
    assert np.isnan(few[1:]).all()
    same = row.replace(50, 45)  # everyone alike: no spread to tell an interval from
    assert np.isnan(kpis._ratio(same, "sessions", "users")[1:]).all()


def test_a_purchase_without_an_amount_counts_one():
    january = figures()[lambda t: t["month"] == "2025-01"].set_index("kpi")
    assert january.loc["credits_per_user", "value"] == 1 / 2


def test_a_month_that_is_not_covered_is_blank():
    table = figures().set_index(["month", "kpi"])
    assert not table.loc[("2025-03", "sessions_per_user"), "is_observed"]
    assert np.isnan(table.loc[("2025-03", "sessions_per_user"), "value"])
    assert np.isnan(table.loc[("2025-02", "credits_per_payer"), "value"])  # nobody paid


def test_few_users_are_withheld():
    table = figures(least=2).set_index(["month", "kpi"])["value"]
    assert table.loc["2025-01"].notna().all()
    assert table.loc["2025-02"].isna().all()


def test_figures_without_events_of_their_role_are_left_out():
    table = figures([act for act in ACTS if act[2] != "credits_purchase"])
    assert set(table["kpi"]) == {
        "sessions_per_user", "plays_per_session", "next_episode_rate", "failed_intent_rate"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("low", "high", "change"),
    [(1.21, 1.4, "up"), (1.2, 1.4, "within_chance"), (0.7, 0.79, "down")],
)
def test_a_change_is_reported_where_intervals_do_not_overlap(low, high, change):
    rows = [
        ("2025-01", "sessions_per_user", 1.0, 0.8, 1.2, 50, True),
        ("2025-02", "sessions_per_user", (low + high) / 2, low, high, 50, True),
    ]
    columns = ["month", "kpi", "value", "ci_low", "ci_high", "n", "is_observed"]
    found = latest(pd.DataFrame(rows, columns=columns)).iloc[0]
    assert (found["kpi"], found["change"]) == ("sessions_per_user", change)
