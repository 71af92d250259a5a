"""Every metric with its interval, and the evaluation at an earlier date."""

import numpy as np
import pandas as pd
import pytest

from analysis.base import score_metrics
from analysis.base.errors import ReportError
from analysis.model import curves
from analysis.model import evaluation as ev
from tests.made_up_scores import CHURNED, PROBA, make_scores
from tests.model.made_up import SNAPSHOTS, SPLITS, make_snapshots


def pick(table: pd.DataFrame, model: str, metric: str) -> pd.Series:
    return table[(table["model"] == model) & (table["metric"] == metric)].iloc[0]


def test_a_weight_counts_as_that_many_users():
    counts = np.array([[2.0, 1.0, 0.0, 3.0]])
    again = np.repeat(np.arange(4), counts[0].astype(int))
    for name, metric in ev.SCORE_METRICS.items():
        if not name.startswith(("calibration", "ece")):
            expected = metric(CHURNED[again], PROBA[again], None)
            assert metric(CHURNED, PROBA, counts) == pytest.approx(expected), name


def test_top_decile_takes_the_mean_of_users_who_tie():
    # 20 users, so the decile is 2: the first, and one of the three who tie (one churner)
    proba = np.r_[0.9, 0.5, 0.5, 0.5, np.linspace(0.4, 0.1, 16)]
    churned = np.r_[1, 1, 0, 0, np.ones(2), np.zeros(14)].astype(float)
    rate, base = (1 + 1 / 3) / 2, 4 / 20
    assert score_metrics.lift_top_decile(churned, proba).item() == pytest.approx(rate / base)
    assert curves.lift_table(churned, proba, seed=0, n_boot=20)["lift"][0] == pytest.approx(
        rate / base
    )


def test_differences_use_the_same_draws_as_the_models():
    scores = make_scores(300, seed=3)
    table = ev.evaluate(scores.assign(twin=scores["recency_only"]), 0.5, seed=1, n_boot=50)
    twin = pick(table, "twin", "roc_auc_minus_recency")
    assert twin[["value", "ci_low", "ci_high"]].tolist() == [0, 0, 0]
    better = pick(table, "model", "roc_auc_minus_recency")
    parts = [pick(table, name, "roc_auc")["value"] for name in ("model", "recency_only")]
    assert better["value"] == pytest.approx(parts[0] - parts[1])
    assert 0 < better["ci_low"] < better["value"] < better["ci_high"]
    assert "roc_auc_minus_recency" not in set(table.query("model == 'recency_only'")["metric"])


def test_evaluation_is_reproducible_and_takes_one_threshold_per_model():
    scores = make_scores(200, seed=4)
    limits = {"model": 0.3, "recency_only": 0.5, "base_rate": 0.4}
    first, second = (ev.evaluate(scores, limits, seed=1, n_boot=40) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    assert pick(first, "base_rate", "flagged_share")["value"] == 1.0
    share = (scores["model"] >= 0.3).mean()
    assert pick(first, "model", "flagged_share")["value"] == pytest.approx(share)


def test_parts_of_the_bootstrap_make_no_difference(monkeypatch):
    scores = make_scores(60, seed=4)
    whole = ev.evaluate(scores, 0.5, seed=1, n_boot=30)
    monkeypatch.setattr(ev, "CELLS_AT_ONCE", 60 * 7)
    pd.testing.assert_frame_equal(whole, ev.evaluate(scores, 0.5, seed=1, n_boot=30))


def test_all_rows_of_a_user_are_drawn_together():
    ids = pd.Series(["a", "b", "a", "c"])
    weights = ev.draw_weights(ids, 50, np.random.default_rng(0))
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()


def test_repeating_every_user_does_not_narrow_the_interval():
    scores = make_scores(150, seed=5)
    twice = pd.concat([scores, scores], ignore_index=True)
    one, two = (ev.evaluate(s, 0.5, seed=1, n_boot=60) for s in (scores, twice))
    columns = ["value", "ci_low", "ci_high"]
    auc = [pick(table, "model", "roc_auc")[columns].tolist() for table in (one, two)]
    assert auc[0] == pytest.approx(auc[1])


def test_intervals_cover_the_truth_as_often_as_they_say():
    names = ["roc_auc", "calibration_slope", "calibration_intercept", "ece_debiased"]
    truth = {"roc_auc": 0.7733, "calibration_slope": 1.0}  # AUC of 4 million users
    runs, hits = 100, dict.fromkeys(names, 0)
    for seed in range(runs):
        scores = make_scores(400, seed)[["user_id", "churned", "model"]]
        table = ev.evaluate(scores, 0.5, seed, n_boot=150).set_index("metric")
        for name in names:
            row = table.loc[name]
            hits[name] += row["ci_low"] <= truth.get(name, 0.0) <= row["ci_high"]
    # 95 of 100 expected; below 87 has a chance of 0.0004 (binomial); zero error is one-sided
    assert min(hits.values()) >= 87, hits


def test_an_interval_of_the_calibration_error_starts_above_zero_when_it_is_real():
    scores = make_scores(3000, seed=6, spread=2.5)[["user_id", "churned", "model"]]
    row = pick(ev.evaluate(scores, 0.5, seed=1, n_boot=100), "model", "ece_debiased")
    assert 0 < row["ci_low"] < row["value"] < row["ci_high"]


def test_draws_of_the_calibration_error_are_centred_on_the_estimate():
    scores = make_scores(3000, seed=8, spread=2.5)[["user_id", "churned", "model"]]
    churned, proba = scores["churned"].to_numpy(), scores["model"].to_numpy()
    row = pick(ev.evaluate(scores, 0.5, seed=1, n_boot=200), "model", "ece_debiased")
    drawn = ev.draw_weights(scores["user_id"], 200, np.random.default_rng(1))
    errors = score_metrics.squared_calibration_error(churned, proba, drawn)
    width = np.subtract(*np.percentile(errors, [97.5, 2.5], method="weibull"))
    assert row["ci_high"] ** 2 - row["ci_low"] ** 2 == pytest.approx(width)
    # left as they are the draws would centre on the uncorrected error, which is larger
    moved = np.percentile(errors, 97.5, method="weibull") - row["ci_high"] ** 2
    chance = 10 * 0.17 / 3000  # ten bins, r (1 - r) = 0.17 on average
    assert moved == pytest.approx(chance, rel=0.2)


def test_nothing_to_judge_is_an_error():
    scores = make_scores(50, seed=7)
    with pytest.raises(ReportError, match="fewer than two outcomes"):
        ev.evaluate(scores.assign(churned=1.0), 0.5, seed=1)
    scores.loc[3, "model"] = np.nan
    with pytest.raises(ReportError, match="'model' is missing in 1 rows"):
        ev.evaluate(scores, 0.5, seed=1)


def test_earlier_origin_moves_each_split_one_snapshot_back():
    earlier = ev.earlier_origin(SNAPSHOTS)
    assert earlier is not None
    found = earlier.groupby("snapshot_at")["split"].first().tolist()
    assert found == ["train", "train", "calibrate", "test"]
    assert ev.earlier_origin(make_snapshots(20, splits=SPLITS[2:])) is None
