import numpy as np
import pandas as pd
import pytest

from analysis.segments import assignment, behaviour, tiers
from analysis.segments.clusters import ClusterVerdict

CLUSTERS = ClusterVerdict(True, 2, 0.8, 1.0, 0.4, 0.1)
NONE = ClusterVerdict(False, 2, 0.2, 0.9, -0.1, 0.1)


def make_behaviour(groups, size=60):
    """Return users around `groups` centres, far apart, with two features."""
    rng = np.random.default_rng(3)
    centres = np.repeat(np.arange(groups) * 12.0, size)
    noise = rng.normal(size=(len(centres), 2))
    return pd.DataFrame({
        "user_id": [f"u{i:03d}" for i in range(len(centres))],
        "event_count": 5,
        "active_days": rng.integers(1, 30, len(centres)).astype(float),
        "recency_days": 20 + centres + noise[:, 0],
        "sessions_per_week": 20 - centres / 2 + noise[:, 1],
    })  # fmt: skip


def test_behaviour_is_of_active_users_in_columns_that_vary():
    users = pd.DataFrame({
        "user_id": ["a", "b", "c"], "event_count": [3, 0, 1], "recency_days": [1, 9, 2],
        "exit_rate": [0.5, 0.1, 0.5], "plays_per_session": [1.0, 7.0, None], "age": [20, 30, 40],
    })  # fmt: skip
    table = behaviour.behaviour_columns(users)
    assert table.index.tolist() == ["a", "c"]
    assert list(table.columns) == ["recency_days"]  # exit_rate and plays do not vary among them


@pytest.mark.parametrize(
    ("rows", "expected"), [(400, [2, 3, 4]), (79, [2, 3]), (60, [2, 3]), (59, [2]), (5, [2])]
)
def test_small_tables_are_tried_with_fewer_clusters(rows, expected):
    assert behaviour.k_range(pd.DataFrame(index=range(rows)), 4) == expected


def test_groups_that_exist_are_named_and_found_whole():
    users = make_behaviour(groups=2)
    table = behaviour.behaviour_columns(users)
    assigned = assignment.assign(users, table, CLUSTERS, seed=1)
    assert assigned["is_cluster"].all()
    found = assigned["segment"].to_numpy().reshape(2, 60)
    assert [set(half) for half in found] in ([{"group 1"}, {"group 2"}], [{"group 2"}, {"group 1"}])


def test_without_groups_the_segments_are_tiers_by_rule():
    users = make_behaviour(groups=1, size=120)
    table = behaviour.behaviour_columns(users)
    assigned = assignment.assign(users, table, NONE, seed=1)
    assert not assigned["is_cluster"].any()
    earlier = users.assign(split="test", recency_days=users["recency_days"] / 10)
    rules = tiers.tier_limits(users, pd.concat([earlier, users.assign(split="score")]))
    lows = rules[rules["band"] == "active"].set_index("as_of")["at_most"]
    low = lows["end_of_log"]
    assert lows["test_snapshot"] == pytest.approx(low / 10)
    is_active = (users["recency_days"] <= low).to_numpy()
    assert assigned["segment"].str.startswith("active_").tolist() == is_active.tolist()


def test_each_user_has_one_segment_whatever_the_order_of_rows():
    users = make_behaviour(groups=2)
    table = behaviour.behaviour_columns(users)
    for verdict in (CLUSTERS, NONE):
        one = assignment.assign(users, table, verdict, seed=1)
        two = assignment.assign(users[::-1], table, verdict, seed=1)
        pd.testing.assert_frame_equal(one, two)
        assert one["user_id"].is_unique


def test_the_summary_speaks_of_the_same_segments():
    users = make_behaviour(groups=2)
    table = behaviour.behaviour_columns(users)
    assigned = assignment.assign(users, table, CLUSTERS, seed=1)
    summary = assignment.summarise(assigned, table)
    assert set(summary["feature"]) == {"recency_days", "sessions_per_week"}
    assert set(summary["cluster"]) == set(assigned["segment"])


def test_summary_of_two_clusters_by_hand():
    features = pd.DataFrame({"events": [1.0, 2.0, 3.0, 10.0], "days": [1.0, 1.0, 1.0, 5.0]})
    table = assignment.cluster_summary(features, pd.Series([1, 1, 1, 2]))
    first = table[(table["cluster"] == 1) & (table["feature"] == "events")].iloc[0]
    assert first[["users", "share", "mean", "median", "p25", "p75"]].tolist() == [
        3,
        0.75,
        2.0,
        2.0,
        1.5,
        2.5,
    ]
    assert first["distance"] < 0
    assert len(table) == 4
