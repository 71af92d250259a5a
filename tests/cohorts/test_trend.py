"""Churn from snapshot to snapshot, and where it is going."""

import numpy as np
import pandas as pd
import pytest

from analysis.base import engine
from analysis.cohorts import trend
from analysis.cohorts.growth import monthly_growth
from analysis.cohorts.trend import churn_by_snapshot, direction
from analysis.contract.inputs import EVENTS, USERS
from analysis.log.chapters import EventsChapter, UsersChapter
from analysis.log.churn import Windows
from analysis.log.raw import read_raw
from tests.handmade import (
    NO_SEED_DATA,
    ROLES,
    SEED_DATA,
    make_events,
    make_log,
    make_users,
    make_window,
)

WINDOW = make_window("2025-01-01", "2025-01-31")
WINDOWS = Windows(10, 0, 10)
VISITS = {
    "a": ["01-02", "01-12", "01-22"],
    "b": ["01-03"],  # churned at the first snapshot
    "c": ["01-10", "01-11", "01-20"],  # active up to the second snapshot, then silent
    "d": ["01-15", "01-21"],
    "e": ["01-30"],
}


def shoot(least=1, windows=WINDOWS, zone="UTC", visits=VISITS):
    moments = [(user, f"2025-{day}") for user, days in visits.items() for day in days]
    users = make_users(dict.fromkeys(visits, "2025-01-01"))
    log = make_log(make_events(moments), users, WINDOW)
    return churn_by_snapshot(log.user_days, WINDOW, windows, zone, least)


def test_the_snapshots_by_hand():
    table = shoot()
    counts = ["snapshot_at", "active_users", "gained_users", "lost_users", "churners"]
    assert table[counts].astype(object).where(table[counts].notna(), None).to_numpy().tolist() == [
        ["2025-01-11", 3, None, None, 1],  # a, b, c
        ["2025-01-21", 3, 1, 1, 1],  # a, c, d: d came, b went
        ["2025-01-31", 3, 1, 1, None],  # a, d, e: the horizon is still to come
    ]
    assert table["churn_rate"].tolist() == pytest.approx([1 / 3, 1 / 3, np.nan], nan_ok=True)
    assert table["is_complete"].tolist() == [True, True, False]
    assert table["change"].tolist() == ["not_known", "within_chance", "not_known"]
    # Wilson, 1 of 3
    assert table.loc[0, ["ci_low", "ci_high"]].tolist() == pytest.approx([0.0615, 0.7923], abs=1e-4)
    assert list(table)[5:9] == ["churn_rate", "ci_low", "ci_high", "is_complete"]


def test_a_rate_of_few_users_is_blank_but_they_are_counted():
    table = shoot(least=4)
    assert table["churn_rate"].isna().all()
    assert table["active_users"].tolist() == [3, 3, 3]
    assert direction(table) == "unknown"


def test_the_day_of_a_snapshot_is_that_of_the_zone():
    assert shoot(zone="America/Bogota")["snapshot_at"].tolist()[-1] == "2025-01-30"


def test_active_users_are_those_before_with_the_gained_and_without_the_lost():
    table = shoot(windows=Windows(7, 1, 4))
    later = table.iloc[1:]
    before = table["active_users"].shift()[1:]
    assert len(later) >= 4
    balance = before + later["gained_users"] - later["lost_users"]
    assert later["active_users"].tolist() == balance.tolist()


def made(rates, users=2000):
    """Return a table of churn_by_snapshot with these rates, and one snapshot that is not over."""
    rates, size = np.array(rates, float), np.broadcast_to(users, len(rates))
    table = pd.DataFrame(
        {"active_users": [*size, 900], "churners": [*np.round(rates * size), None]}
    )
    table["is_complete"] = [*[True] * len(rates), False]
    return table.assign(churn_rate=table["churners"] / table["active_users"])


@pytest.mark.parametrize(
    ("rates", "users", "word"),
    [
        ([0.394, 0.393, 0.422, 0.436, 0.461, 0.488, 0.527, 0.718], 2000, "rising"),
        ([0.60, 0.57, 0.55, 0.53, 0.50, 0.46], 2000, "falling"),
        ([0.40, 0.41, 0.39, 0.40, 0.405, 0.40, 0.395], 2000, "steady"),
        # beyond chance from one to the next, but no trend: the product goes up and down
        ([0.40, 0.45, 0.39, 0.46, 0.41, 0.45, 0.40, 0.44, 0.41, 0.46, 0.40, 0.44], 2000, "steady"),
        ([0.40, 0.41, 0.39, 0.40, 0.41], 40, "unknown"),  # a change of 10 points may be missed
        ([0.40, 0.41, 0.40, 0.41, 0.40, 0.41, 0.70], 2000, "unknown"),  # a jump at the end
        ([0.40, 0.60], 2000, "unknown"),  # two snapshots always lie on a line
        ([0.0, 0.0, 0.0, 0.0], 2000, "steady"),
        ([1.0, 1.0, 1.0, 1.0], 2000, "steady"),
    ],
)
def test_the_direction_of_churn(rates, users, word):
    assert direction(made(rates, users)) == word


def test_nothing_is_said_of_now_where_the_last_churn_is_not_known():
    table = made([0.3, 0.4, 0.5, 0.6, 0.7])
    assert direction(table) == "rising"
    table.loc[4, "churn_rate"] = np.nan
    assert direction(table) == "unknown"


def test_ordinary_ups_and_downs_are_rarely_called_a_trend():
    rng = np.random.default_rng(7)
    words = []
    for _ in range(200):
        usual = np.clip(0.45 + rng.normal(0, 0.04, 9), 0, 1)  # beyond chance, but no trend
        words.append(direction(made(rng.binomial(2000, usual) / 2000)))
    assert np.mean([word in ("rising", "falling") for word in words]) < 0.1


def test_the_change_of_users_of_different_risk_keeps_its_level():
    rng, missed = np.random.default_rng(3), 0
    for _ in range(200):
        often = rng.beta(1, 1, 1500)  # each user's chance to come in a horizon
        came = rng.random((3, 1500)) < often
        at_risk, churned = came[:2].sum(1), (came[:2] & ~came[1:]).sum(1)
        table = pd.DataFrame({"active_users": at_risk, "churners": churned, "churn_rate": 0.5})
        _, low, high = trend.change_between(table, 0, 1)
        missed += not low <= 0 <= high
    assert missed / 200 < 0.09


@pytest.mark.skipif(not SEED_DATA.exists(), reason=NO_SEED_DATA)
def test_churn_rises_on_the_cases_tables():
    names = (
        ("users", "idilio_user_data.csv", USERS),
        ("events", "idilio_analytics_events.parquet", EVENTS),
    )
    users, events = (
        read_raw(engine.connect(), str(SEED_DATA / name), table, columns, {})
        for table, name, columns in names
    )
    known = UsersChapter(users, "UTC").users
    log = EventsChapter(events, known, "UTC", None, None, [], ROLES, 30).log
    table = churn_by_snapshot(log.user_days, log.window, Windows(30, 0, 30), "UTC", 30)
    percent = (100 * table["churn_rate"]).round(1).tolist()
    assert percent[:-1] == [39.4, 39.3, 42.2, 43.6, 46.1, 48.8, 52.7, 71.8]
    counts = [2620, 2689, 2718, 2681, 2608, 2459, 2244, 1871, 1059]
    assert table["active_users"].tolist() == counts
    assert direction(table) == "rising"
    assert table["change"].tolist()[-2] == "up"
    months = monthly_growth(log.user_days, log.users, log.window, "UTC").set_index("month")
    counts = ["active_users", "new_users", "retained_users", "resurrected_users", "lost_users"]
    assert months.loc["2025-09", counts].tolist() == [1652, 95, 912, 645, 1256]
