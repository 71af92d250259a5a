"""Churn by the columns that the model relies on most."""

import pandas as pd
import pytest

from analysis.model.dependence import dependence

IDS = [f"u{n}" for n in range(12)]
SCORES = pd.DataFrame({"user_id": IDS, "churned": [0.0] * 6 + [1.0] * 6, "proba": 0.5})
ROWS = pd.DataFrame({"user_id": IDS, "days": range(12), "kind": ["a"] * 4 + ["b"] * 8, "same": 1.0})


def rank(*features: str) -> pd.DataFrame:
    drops = [1 / (place + 1) for place in range(len(features))]
    return pd.DataFrame({"feature": features, "auc_drop": drops})


def test_a_number_is_divided_into_groups_of_equal_size():
    table = dependence(SCORES, ROWS, rank("days"), min_group=1)
    assert table["place"].tolist() == [0.5, 2.5, 4.5, 6.5, 8.5, 10.5]
    assert table["observed_rate"].tolist() == [0, 0, 0, 1, 1, 1]
    assert table["users"].tolist() == [2] * 6


def test_a_category_is_its_own_group():
    table = dependence(SCORES, ROWS, rank("kind"), min_group=1).set_index("place")
    assert table["observed_rate"].to_dict() == {"a": 0, "b": pytest.approx(6 / 8)}


@pytest.mark.parametrize(("min_group", "groups"), [(4, 2), (5, 0)])
def test_small_groups_and_then_the_column_are_left_out(min_group, groups):
    assert len(dependence(SCORES, ROWS, rank("kind"), min_group)) == groups


def test_a_column_with_one_value_gives_way_to_the_next():
    table = dependence(SCORES, ROWS, rank("same", "unknown", "kind"), min_group=1)
    assert table["feature"].unique().tolist() == ["kind"]
