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
    assert (table[["n", "users", "snapshots"]] == (600, 300, 2)).all(axis=None)
    earliest = SNAPSHOTS["snapshot_at"] == SNAPSHOTS["snapshot_at"].min()
    fewer = choose_model(PIPELINES, SNAPSHOTS[~earliest | (SNAPSHOTS.index % 2 == 0)])[1]
    assert (fewer["n"] == 600).all()  # judged on the training snapshots but the first
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


def losses_of(simple: list[float], other: list[float], users: str, days: str) -> pd.DataFrame:
    keys = pd.DataFrame({"user_id": list(users), "snapshot_at": list(days)})
    return keys.assign(logistic_regression=simple, other=other)


def test_one_standard_error_is_of_the_paired_difference():
    losses = losses_of([0.5, 0.7, 0.6], [0.4, 0.6, 0.5], "abc", "111")
    name, table = selection._pick(losses)
    assert name == "other"  # always 0.1 better: the difference has no error
    assert table["difference"].tolist() == pytest.approx([0.1, 0.0])
    losses["other"] = [0.2, 0.9, 0.5]  # better by 0.0667 on average, give or take 0.145
    assert selection._pick(losses)[0] == "logistic_regression"


def test_of_the_models_near_the_best_the_simplest_is_used_and_not_the_best():
    losses = losses_of([0.9, 0.9, 0.9, 0.9], [0.5, 0.5, 0.5, 0.5], "abcd", "1111")
    losses["best"] = [0.4, 0.55, 0.4, 0.6]  # better than `other` by 0.0125, give or take 0.05
    name, table = selection._pick(losses)
    assert table.set_index("model")["log_loss"].idxmin() == "best"
    assert name == "other"


def test_error_by_hand_over_users_and_over_snapshots():
    gap = pd.Series([1.0, 1.0, -1.0, -1.0])
    users, days = pd.Series(list("aabb")), pd.Series(list("1212"))
    # users sum to 2 and -2: (4 + 4) x 2 / 16 = 1; snapshots to 0; rows: 4 x 4/3 / 16 = 1/3;
    # 1 + 0 - 1/3 is less than the 1 over users
    assert selection.two_way_error(gap, users, days) == pytest.approx(1.0)
    assert selection.two_way_error(gap, days, users) == pytest.approx(1.0)  # the other way around
    alone = selection.two_way_error(gap, pd.Series(range(4)), pd.Series(["1"] * 4))
    assert alone == pytest.approx(np.sqrt(1 / 3))  # one snapshot: over users alone
    apart = selection.two_way_error(gap, pd.Series(range(4)), pd.Series(list("1122")))
    assert apart == pytest.approx(1.0)  # two snapshots that disagree


def test_the_error_is_honest_where_users_and_snapshots_have_their_own_differences():
    """Over 300 draws of 60 users at 8 snapshots, the mean squared error equals the true variance of
    the mean, within three of its own standard errors and the shortfall of eight snapshots; the
    error over rows is a third of it.
    """
    rng = np.random.default_rng(4)
    users, days = np.repeat(np.arange(60), 8), np.tile(np.arange(8), 60)
    true = 1 / 60 + 0.25 / 8 + 1 / 480
    errors, plain = [], []
    for _ in range(300):
        gap = rng.normal(size=60)[users] + 0.5 * rng.normal(size=8)[days] + rng.normal(size=480)
        series = pd.Series(gap)
        errors.append(selection.two_way_error(series, pd.Series(users), pd.Series(days)) ** 2)
        plain.append(series.var() / 480)
    spread = 3 * np.std(errors) / np.sqrt(300)
    assert np.mean(errors) == pytest.approx(true, abs=spread + 0.05 * true)
    assert np.mean(plain) < true / 3
