"""Samples: whole users, the same whatever the order of the rows, stated, and in agreement with the
whole.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.base import files
from analysis.model import Model, candidates, curves, evaluation, importance, learning, sampling
from analysis.summary.metrics import model_metrics
from tests.handmade import make_params
from tests.made_up_scores import make_scores
from tests.model.made_up import PIPELINES, SNAPSHOTS, TEST, make_snapshots

MANY = make_snapshots(users=2000, seed=3)
MOST = 2000
IN_LEARNED = MANY["split"].isin(sampling.LEARNED)
LOGISTIC = candidates.fit_calibrated(PIPELINES["logistic_regression"], SNAPSHOTS)


def make_chapter(rows: pd.DataFrame, most: int, **fewer: object) -> Model:
    names = ("customer_value", "contact_cost", "incentive_cost", "saved_share", "min_group",
             "saved_share_range", "customer_value_range", "capacity", "seed")  # fmt: skip
    params = make_params().model_dump(include=set(names))
    given = {**params, "most_learned": most, "bootstrap_draws": 20, "shuffles": 1, **fewer}
    return Model(rows, models=("logistic_regression",), **given)


def test_a_sample_holds_whole_users_up_to_its_size():
    drawn = sampling.learned(MANY, MOST, seed=1)
    per_user = drawn[drawn["split"].isin(sampling.LEARNED)].groupby("user_id").size()
    assert per_user.tolist() == [4] * (MOST // 4)  # each user has four such snapshots
    assert set(drawn["split"]) == {"train", "calibrate", "test"}
    assert (drawn["split"] == "test").sum() == 2000


def test_a_sample_depends_on_the_seed_and_not_on_the_order_of_the_rows():
    first, again = (sampling.learned_users(rows, MOST, 1) for rows in (MANY, MANY[::-1]))
    assert sorted(first) == sorted(again)
    other = sampling.learned_users(MANY, MOST, 2)
    # of 500 among 2,000, 125 are expected in both; the hypergeometric deviation is 8.4
    assert abs(len(set(first) & set(other)) - 125) < 4 * 8.4


def test_up_to_the_limit_nothing_is_drawn():
    rows = int(IN_LEARNED.sum())
    assert sampling.learned(MANY, rows, seed=1) is MANY
    assert len(sampling.learned(MANY, rows - 1, seed=1)) == len(MANY) - 2000 - 4  # no scored rows
    assert sampling.resampled(TEST, seed=1, most=len(TEST)) is TEST


def test_what_is_read_is_what_would_be_drawn(tmp_path: Path):
    path = str(tmp_path / "snapshots.parquet")
    files.write_table(MANY.astype({"country": "str"}), path)
    whole = files.read_table(path)
    rows, in_all = sampling.read_learned(path, MOST, seed=1)
    pd.testing.assert_frame_equal(rows, sampling.learned(whole, MOST, seed=1))
    assert in_all == {"calibrate": 2000, "score": 2000, "test": 2000, "train": 6000}
    rows, in_all = sampling.read_learned(path, 100_000, seed=1)
    pd.testing.assert_frame_equal(rows, whole)
    assert in_all is None


def test_the_share_of_a_sample_is_alike_at_every_snapshot_and_outcome():
    drawn = sampling.learned(MANY, MOST, seed=1)
    churned = MANY.loc[IN_LEARNED, "churned"]
    rate = drawn.loc[drawn["split"] != "test", "churned"].mean()
    assert abs(rate - churned.mean()) < 4 * churned.std() / np.sqrt(MOST)


def test_an_interval_from_a_sample_is_as_wide_as_that_of_all(monkeypatch: pytest.MonkeyPatch):
    scores = make_scores(4000, seed=5)
    whole = evaluation.evaluate(scores, 0.3, seed=1, n_boot=400)
    lift = curves.lift_table(
        scores["churned"].to_numpy(), scores["model"].to_numpy(), seed=1, n_boot=400
    )
    for module in (evaluation, curves):
        monkeypatch.setattr(
            module, "resampled", lambda rows, seed: sampling.resampled(rows, seed, 1000)
        )
    few = evaluation.evaluate(scores, 0.3, seed=1, n_boot=400)
    pd.testing.assert_frame_equal(
        few[["model", "metric", "value", "n"]], whole[["model", "metric", "value", "n"]]
    )
    tenths = curves.lift_table(
        scores["churned"].to_numpy(), scores["model"].to_numpy(), seed=1, n_boot=400
    )
    kept = (whole["model"] != "base_rate") & (whole["metric"] != "ece_debiased")
    widths = [(t["ci_high"] - t["ci_low"]) for t in (whole[kept], few[kept])]
    # 400 draws give each width to 4.8 % (its two percentiles), 1,000 users to 2.2 %, or to 7 % for
    # what rests on a tenth of them: four times 1.41 x 4.8 + 7 is about 40 %; not scaled, twice
    ratio = (widths[1] / widths[0])[widths[0] > 0]
    assert ratio.between(1 / 1.4, 1.4).all()
    assert ratio.median() == pytest.approx(1, abs=0.1)
    assert tenths["lift"].equals(lift["lift"])
    wide = (tenths["ci_high"] - tenths["ci_low"]) / (lift["ci_high"] - lift["ci_low"])
    assert wide.between(1 / 1.4, 1.4).all()


def test_importance_on_a_sample_agrees_within_its_interval(monkeypatch: pytest.MonkeyPatch):
    test = MANY[MANY["split"] == "test"]
    whole = importance.feature_importance(LOGISTIC, test, seed=1).set_index("feature")
    draw = lambda rows, seed: sampling.resampled(rows, seed, 500)  # noqa: E731
    monkeypatch.setattr(importance, "resampled", draw)
    few = importance.feature_importance(LOGISTIC, test, seed=1).set_index("feature")
    error = (few["ci_high"] - few["ci_low"]) / (2 * 1.96)
    assert (few["auc_drop"] - whole["auc_drop"]).abs().le(4 * error + 1e-12).all()
    assert few["ci_high"]["recency_days"] - few["ci_low"]["recency_days"] > 1.5 * (
        whole["ci_high"]["recency_days"] - whole["ci_low"]["recency_days"]
    )


@pytest.mark.parametrize("name", ["logistic_regression", "random_forest", "gradient_boosting"])
def test_scores_in_parts_are_the_scores(name: str, monkeypatch: pytest.MonkeyPatch):
    model = candidates.fit(PIPELINES[name], SNAPSHOTS[SNAPSHOTS["split"] == "train"])
    whole = candidates.predict(model, TEST)
    monkeypatch.setattr(candidates, "AT_ONCE", 70)
    assert candidates.predict(model, TEST) == pytest.approx(whole, rel=1e-12)


def test_drivers_in_parts_are_the_drivers(monkeypatch: pytest.MonkeyPatch):
    typical = {"recency_days": 15.0, "event_count": 20.0, "noise": 0.0, "empty": np.nan,
               "country": "MX"}  # fmt: skip
    whole = importance.drivers(LOGISTIC, TEST, typical)
    monkeypatch.setattr(candidates, "AT_ONCE", 70)
    pd.testing.assert_frame_equal(importance.drivers(LOGISTIC, TEST, typical), whole)


def test_a_learning_curve_falls_and_ends_at_the_model_in_use():
    scores = candidates.score_split({"proba": LOGISTIC}, SNAPSHOTS, "test")
    table = learning.learning_curve(PIPELINES["logistic_regression"], SNAPSHOTS, scores, seed=1)
    assert table["share"].tolist() == [1 / 8, 1 / 4, 1 / 2, 1.0]
    assert table["users"].tolist() == [38, 75, 150, 300]
    assert table["rows"].tolist() == [4 * users for users in table["users"]]
    assert table["difference"].iloc[-1] == table["standard_error"].iloc[-1] == 0
    assert table["difference"].iloc[0] > 2 * table["standard_error"].iloc[0]
    assert table["log_loss"].diff()[1:].lt(0).all()


def test_smaller_shares_are_within_larger_ones():
    parts = sampling.shares_of(SNAPSHOTS, (0.25, 0.5), seed=1)
    small, large = (set(part["user_id"]) for part in parts)
    assert small < large
    assert (len(small), len(large)) == (75, 150)


def test_the_chapter_says_how_many_it_learned_from_and_tests_everyone():
    chapter = make_chapter(MANY, MOST)
    card = chapter.model_card
    assert card["rows"] == {"calibrate": 2000, "score": 2000, "test": 2000, "train": 6000}
    assert card["learned_rows"] == {"calibrate": 500, "train": 1500}
    assert len(chapter.chosen_scores) == 2000
    assert len(chapter.training_scores) == 1500
    said = model_metrics(chapter.evaluation, card, chapter.verdict_table)["learned_rows"]
    assert (said["value"], said["n"]) == (2000, 8000)
    whole = make_chapter(MANY, 8000)
    assert "learned_rows" not in whole.model_card
    assert (
        model_metrics(whole.evaluation, whole.model_card, whole.verdict_table)["learned_rows"][
            "value"
        ]
        is None
    )


def test_a_model_of_a_sample_does_as_well_on_the_test_as_one_of_all():
    fitted = (make_chapter(MANY, most) for most in (MOST, 8000))
    losses = [
        evaluation.of_metric(chapter.test_evaluation, "log_loss").set_index("model")["value"]
        for chapter in fitted
    ]
    # five free coefficients and two of the calibration cost k / (2 n) nats: 7 / 4,000 at most
    assert losses[0]["logistic_regression"] - losses[1]["logistic_regression"] < 4 * 7 / 4000
