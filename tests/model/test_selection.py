"""Which model is used."""

import numpy as np
import pandas as pd
import pytest

from analysis.model import selection
from analysis.model.selection import choose_model
from tests.model.made_up import PIPELINES, SNAPSHOTS, make_snapshots


def test_choice_prefers_the_simplest_among_equals_and_ignores_later_outcomes():
    name, table = choose_model(PIPELINES, SNAPSHOTS)
    assert name == "logistic_regression"  # the truth is additive: no other can beat it
    assert set(table["model"]) == {"logistic_regression", "random_forest", "gradient_boosting"}
    assert table.loc[table["is_chosen"], "model"].tolist() == [name]
    assert (table["n"] == 300).all()
    earliest = SNAPSHOTS["snapshot_at"] == SNAPSHOTS["snapshot_at"].min()
    fewer = choose_model(PIPELINES, SNAPSHOTS[~earliest | (SNAPSHOTS.index % 2 == 0)])[1]
    assert (fewer["n"] == 300).all()  # judged on the last training snapshot
    is_later = ~SNAPSHOTS["split"].isin(["train"])
    flipped = SNAPSHOTS.assign(churned=SNAPSHOTS["churned"].mask(is_later, 0.0))
    pd.testing.assert_frame_equal(table, choose_model(PIPELINES, flipped)[1])


def test_choice_takes_a_model_that_is_clearly_better():
    rng = np.random.default_rng(3)
    table = make_snapshots(600)
    middle = (table["recency_days"] - 15).abs() < 7.5  # no line through recency finds these
    leaves = rng.random(len(table)) < np.where(middle, 0.9, 0.1)
    name, _ = choose_model(PIPELINES, table.assign(churned=leaves.astype(float)))
    assert name == "gradient_boosting"


def test_one_training_snapshot_leaves_the_simplest_unjudged():
    table = make_snapshots(60, splits=["train", "calibrate", "test"])
    name, comparison = choose_model(PIPELINES, table)
    assert name == "logistic_regression"
    assert comparison["log_loss"].isna().all()


def test_one_standard_error_is_of_the_paired_difference():
    losses = pd.DataFrame({"logistic_regression": [0.5, 0.7, 0.6], "other": [0.4, 0.6, 0.5]})
    name, table = selection._pick(losses)
    assert name == "other"  # always 0.1 better: the difference has no error
    assert table["difference"].tolist() == pytest.approx([0.1, 0.0])
    losses["other"] = [0.2, 0.9, 0.5]  # better by 0.0667 on average, give or take 0.145
    assert selection._pick(losses)[0] == "logistic_regression"
