"""What columns are worth to a model, and what raises a user's score."""

import numpy as np
import pandas as pd
import pytest

from analysis.model.candidates import fit_all, predict
from analysis.model.importance import drivers, feature_importance
from analysis.model.stored import reference_values
from tests.model.made_up import CATEGORICAL, NUMERIC, PIPELINES, SNAPSHOTS, TEST


@pytest.fixture(scope="module")
def fitted() -> dict:
    return fit_all(PIPELINES, SNAPSHOTS)


def test_importance_finds_what_was_built_in(fitted):
    table = feature_importance(fitted["logistic_regression"], TEST, seed=1)
    assert set(table["feature"]) == {*NUMERIC, *CATEGORICAL}
    assert table["feature"][0] == "recency_days"
    by_name = table.set_index("feature")
    assert by_name.loc["recency_days", "ci_low"] > 0
    assert by_name.loc["empty", ["auc_drop", "ci_low", "ci_high"]].tolist() == [0, 0, 0]
    assert by_name.loc["noise", "ci_low"] < 0.01
    moved = by_name["log_odds_low_to_high"]
    assert moved["recency_days"] > 0 > moved["event_count"]
    assert np.isnan(moved["country"])
    assert np.isnan(moved["empty"])


def test_importance_is_reproducible_and_its_order_of_columns_does_not_matter(fitted):
    model = fitted["recency_only"]
    first = feature_importance(model, TEST, seed=1)
    second = feature_importance(model, TEST[TEST.columns[::-1]], seed=1)
    pd.testing.assert_frame_equal(first, second)


def test_drivers_of_an_additive_model_are_its_terms(fitted):
    model = fitted["logistic_regression"]
    reference = reference_values(model, SNAPSHOTS)
    typical = pd.DataFrame([reference] * 3)
    typical["recency_days"] = [30.0, 30.0, 0.0]
    typical["event_count"] = [0.0, reference["event_count"], 60.0]
    typical.index = pd.Index([7, 8, 9])
    table = drivers(model, typical, reference)
    assert list(table.index) == [7, 8, 9]
    assert set(table.loc[7, ["driver_1", "driver_2"]]) == {"recency_days", "event_count"}
    assert table.loc[8, "driver_1"] == "recency_days"
    assert table.loc[8, ["driver_2", "driver_3"]].isna().all()
    assert table.loc[9].isna().all()  # every column lowers this score
    # what the terms add up to is the distance to the typical user
    ends = predict(model, pd.concat([typical.iloc[[0]], pd.DataFrame([reference])]))
    odds = np.log(ends / (1 - ends))
    contributions = table.loc[7, ["contribution_1", "contribution_2"]].astype(float)
    assert contributions.sum() == pytest.approx(odds[0] - odds[1])
    assert contributions.is_monotonic_decreasing
