"""Faults of the values and rows of the users table."""

import numpy as np
import pandas as pd
import pytest

from simulation.faults.values import NATIVE_COUNTS
from tests.simulation.companies import count_broken_rules, make


def test_native_counts() -> None:
    clean, mixed = make().users, make("native_counts", 0.5).users
    moved = (clean[NATIVE_COUNTS] != mixed[NATIVE_COUNTS]).any(axis=1)
    assert moved.mean() == pytest.approx(0.5, abs=0.05)
    for name in NATIVE_COUNTS:
        assert sorted(clean[name]) == sorted(mixed[name])


def test_spellings() -> None:
    clean, loud = make().users["country"], make("spellings", 0.3).users["country"]
    assert (loud == clean.str.upper()).mean() == pytest.approx(0.3, abs=4 * 0.46 / np.sqrt(5000))
    assert (loud.str.title() == clean).all()


def test_placeholders() -> None:
    clean, unnamed = make().users["country"], make("placeholders", 0.1).users["country"]
    is_null = unnamed == "NULL"
    assert is_null.mean() == pytest.approx(0.1, abs=4 * 0.3 / np.sqrt(5000))
    assert (unnamed[~is_null] == clean[~is_null]).all()


@pytest.mark.parametrize(("strength", "count"), [(0.02, 100), (0.0001, 1)])
def test_extreme_values(strength: float, count: int) -> None:
    watched = make("extreme_values", strength).users["avg_watch_time_sec"]
    assert (watched == 99_999).sum() == count
    assert (watched.drop(watched.index[watched == 99_999]) < 5_000).all()


def test_copied_users() -> None:
    users, clean = make("copied_users", 0.1).users, make().users
    assert len(users) / len(clean) - 1 == pytest.approx(0.1, abs=0.02)
    assert users["user_id"].is_unique
    added = users.iloc[len(clean) :].drop(columns="user_id")
    assert len(added.merge(clean.drop(columns="user_id").drop_duplicates())) == len(added)


def test_native_disagrees() -> None:
    simulation = make("native_disagrees", 0.4)
    clean = make().users
    named = simulation.users[["signup_date", "last_active_date"]].apply(pd.to_datetime)
    days = (named["last_active_date"] - pd.to_datetime(clean["last_active_date"])).dt.days.abs()
    assert ((days > 1) == (days > 0)).all()
    assert (days > 1).mean() == pytest.approx(0.4, abs=0.04)
    late = (named["last_active_date"].max() - named["last_active_date"]).dt.days > 30
    assert (simulation.users["churned_30d"] == late).all()


@pytest.mark.parametrize("strength", [0.2, 1.0])
def test_native_label_copied(strength: float) -> None:
    wrong = count_broken_rules(make("native_label_copied", strength)).get("churned_30d", 0)
    assert wrong / 5000 == pytest.approx((1 - strength) / 2, abs=4 * 0.5 / np.sqrt(5000))


def test_impossible_values() -> None:
    users = make("impossible_values", 0.3).users
    rules = [
        users["credits_spent"] < 0,
        users["views"] < users["episodes_completed"],
        users["age"] < 18,
        users["top_show_launch_date"] > users["last_active_date"],
    ]
    assert all(rule.mean() > 0.03 for rule in rules)
    assert sum(rules).eq(1).mean() == pytest.approx(0.3, abs=4 * 0.46 / np.sqrt(5000))
