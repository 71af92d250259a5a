"""Figures on the trend by key."""

import pandas as pd
import pytest

from analysis.contract import checks
from analysis.summary.entries import metric
from analysis.summary.trend import growth_metrics, trend_metrics, value_at_stake

TABLE = pd.DataFrame({
    "snapshot_at": ["2025-07-01", "2025-07-31", "2025-08-30", "2025-09-29"],
    "active_users": [900, 1000, 1000, 500],
    "gained_users": [None, 400, 300, 100],
    "lost_users": [None, 300, 300, 600],
    "churners": [360, 400, 500, None],
    "churn_rate": [0.4, 0.4, 0.5, None],
    "ci_low": [0.37, 0.37, 0.47, None],
    "ci_high": [0.43, 0.43, 0.53, None],
    "is_complete": [True, True, True, False],
})  # fmt: skip


def values(metrics):
    return {key: entry["value"] for key, entry in metrics.items()}


def test_each_figure_stands_beside_the_snapshot_before_and_the_first():
    found = trend_metrics(TABLE)
    assert values(found) == {
        "churn_rate_before": 0.4, "churn_snapshot_before": "2025-07-31",
        "churn_change": pytest.approx(0.1), "churn_change_is_beyond_chance": "yes",
        "churn_rate_first": 0.4, "churn_snapshot_first": "2025-07-01",
        "churn_change_since_first": pytest.approx(0.1), "churn_direction": "unknown",
        "churn_slope": pytest.approx(0.05, abs=0.005), "churn_snapshots": 3,
        "active_users_now": 500, "active_users_before": 1000,
        "active_users_change": pytest.approx(-0.5), "active_users_change_is_beyond_chance": "yes",
    }  # fmt: skip
    change = found["churn_change"]
    # Newcombe, 500 of 1,000 against 400 of 1,000
    assert (change["ci_low"], change["ci_high"]) == pytest.approx((0.0564, 0.1430), abs=1e-4)
    # 100 came and 600 went, of 1,000: about 500 fewer, give or take 1.96 x sqrt(700 x 4 x 6/7 x 1/7)
    users = found["active_users_change"]
    assert (users["ci_low"], users["ci_high"], users["n"]) == pytest.approx(
        (-0.537, -0.461, 1000), abs=0.002
    )
    assert all(set(entry["rests_on"]) <= set(checks.BASES) for entry in found.values())


def test_a_change_within_chance_is_called_so():
    table = TABLE.assign(churners=[360, 400, 410, None], churn_rate=[0.4, 0.4, 0.41, None])
    table.loc[3, ["gained_users", "lost_users"]] = [310, 300]
    found = values(trend_metrics(table))
    assert found["churn_change_is_beyond_chance"] == "no"
    few = TABLE.assign(gained_users=0, lost_users=4)  # all four of four went: 1 in 8 by chance
    assert values(trend_metrics(few))["active_users_change_is_beyond_chance"] == "no"
    none = trend_metrics(TABLE.assign(gained_users=0, lost_users=0))["active_users_change"]
    assert (none["value"], none["ci_low"], none["ci_high"]) == (0.0, 0.0, 0.0)
    assert found["active_users_change_is_beyond_chance"] == "no"


def test_with_one_snapshot_that_is_over_there_is_no_change():
    table = TABLE.tail(2).reset_index(drop=True)
    found = trend_metrics(table)
    changes = ("churn_change", "churn_change_since_first", "churn_rate_before", "churn_slope")
    assert {found[key]["value"] for key in changes} == {None}
    assert "longer log" in found["churn_change"]["reason"]
    assert found["churn_direction"]["value"] == "unknown"
    assert found["churn_rate_first"]["value"] == 0.5


@pytest.mark.parametrize("rows", [0, 1])
def test_without_an_outcome_only_active_users_are_known(rows):
    table = TABLE.iloc[[3]].head(rows).reset_index(drop=True)
    found = values(trend_metrics(table))
    assert found.pop("active_users_now") == (500 if rows else None)
    assert (found.pop("churn_direction"), found.pop("churn_snapshots")) == ("unknown", 0)
    assert set(found.values()) == {None}


def test_growth_is_that_of_the_last_month_of_which_all_is_known():
    table = pd.DataFrame({
        "month": ["2025-08", "2025-09", "2025-10"], "active_users": [90, 100, 20],
        "new_users": [5, 10, 2], "retained_users": [60, 70, None],
        "resurrected_users": [25, 20, None], "lost_users": [30, 20, None],
        "quick_ratio": [1.0, 1.5, None], "is_complete": [True, True, False],
    })  # fmt: skip
    assert values(growth_metrics(table)) == {
        "growth_month": "2025-09", "growth_active": 100, "growth_new": 10, "growth_retained": 70,
        "growth_resurrected": 20, "growth_lost": 20, "growth_quick_ratio": 1.5,
    }  # fmt: skip
    none = growth_metrics(table.tail(1))
    assert set(values(none).values()) == {None}
    assert "whole calendar months" in none["growth_lost"]["reason"]


def test_what_is_at_stake_is_the_expected_churners_times_their_value():
    expected = metric(200, "count", "Expected", 400, (156, 244), ["churn"])
    entry = value_at_stake(expected, trend_metrics(TABLE), 60.0)["value_at_stake"]
    assert (entry["value"], entry["ci_low"], entry["ci_high"]) == (12_000, 9_360, 14_640)
    assert (entry["unit"], entry["n"], entry["rests_on"]) == ("money", 400, ["churn"])
    unknown = value_at_stake(metric(None, "count", "Expected"), trend_metrics(TABLE), 60.0)[
        "value_at_stake"
    ]
    assert unknown["value"] is None


def test_the_value_at_stake_stands_beside_that_at_the_snapshot_before():
    expected = metric(250, "count", "Expected", 500, (235, 265), ["churn"])
    before = trend_metrics(TABLE)
    found = value_at_stake(expected, before, 10.0, "USD")
    # 1,000 users at 40 % (37 to 43 %), ten each; then 500 users at 50 % (47 to 53 %)
    assert found["value_at_stake_before"]["value"] == pytest.approx(4000)
    change = found["value_at_stake_change"]
    assert change["value"] == pytest.approx(-1500)
    low, high = before["churn_rate_before"]["ci_low"], before["churn_rate_before"]["ci_high"]
    assert change["ci_low"] == pytest.approx(-1500 - ((150**2 + (1e4 * (high - 0.4)) ** 2) ** 0.5))
    assert change["ci_high"] == pytest.approx(-1500 + ((150**2 + (1e4 * (0.4 - low)) ** 2) ** 0.5))
    assert found["value_at_stake_change_is_beyond_chance"]["value"] == "yes"
    assert {entry.get("currency") for key, entry in found.items() if "chance" not in key} == {"USD"}
