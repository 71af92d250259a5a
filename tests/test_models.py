import json
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC

from analysis.base.errors import ReportError
from analysis.model import models

NUMERIC = ["recency_days", "event_count", "noise", "empty"]
CATEGORICAL = ["country"]
SPLITS = ["train", "train", "train", "calibrate", "test", "score"]


def make_snapshots(users: int = 300, seed: int = 0, splits: list[str] = SPLITS) -> pd.DataFrame:
    """Users who leave by recency, events and country; `noise` and `empty` say nothing."""
    rng = np.random.default_rng(seed)
    parts = []
    for number, split in enumerate(splits):
        rows = pd.DataFrame({"user_id": [f"u{i:04d}" for i in range(users)], "split": split})
        rows["snapshot_at"] = pd.Timestamp("2025-03-01", tz="UTC") + pd.Timedelta(days=30 * number)
        rows["recency_days"] = rng.uniform(0, 30, users)
        rows["event_count"] = rng.poisson(20, users).astype(float)
        rows["noise"] = np.where(rng.random(users) < 0.1, np.nan, rng.normal(size=users))
        rows["empty"] = np.nan
        rows["country"] = pd.Series(rng.choice(["MX", "PE", "CO"], users), dtype="str")
        odds = 0.15 * (rows["recency_days"] - 15) - 0.05 * (rows["event_count"] - 20)
        odds += 1.0 * (rows["country"] == "PE")
        rows["churned"] = (rng.random(users) < 1 / (1 + np.exp(-odds))).astype(float)
        parts.append(rows)
    table = pd.concat(parts, ignore_index=True)
    table.loc[::11, "country"] = None
    table.loc[table["split"] == "score", "churned"] = np.nan
    return table


SNAPSHOTS = make_snapshots()
PIPELINES = models.candidates(NUMERIC, CATEGORICAL, seed=1)
PIPELINES["random_forest"].set_params(model__n_estimators=20)  # enough to test with
TEST = SNAPSHOTS[SNAPSHOTS["split"] == "test"]


@pytest.fixture(scope="module")
def fitted() -> dict:
    return models.fit_all(PIPELINES, SNAPSHOTS)


def test_candidates_are_three_models_and_two_baselines():
    assert list(PIPELINES) == [
        "logistic_regression",
        "random_forest",
        "gradient_boosting",
        "base_rate",
        "recency_only",
    ]
    assert models.source_columns(PIPELINES["random_forest"]) == (NUMERIC, CATEGORICAL)
    assert models.source_columns(PIPELINES["recency_only"]) == (["recency_days"], [])


def test_recency_must_be_a_feature():
    with pytest.raises(ReportError, match="needs the numeric feature 'recency_days'"):
        models.candidates(["event_count"], [], seed=1)


@pytest.mark.parametrize("name", list(PIPELINES))
def test_probabilities_are_probabilities_near_the_calibrated_rate(fitted, name):
    calibrate = SNAPSHOTS[SNAPSHOTS["split"] == "calibrate"]
    proba = models.predict(fitted[name], calibrate)
    assert ((proba > 0) & (proba < 1)).all()
    # Platt keeps the mean, but for his softened targets: at most 1 / (churners + 2) away
    assert proba.mean() == pytest.approx(calibrate["churned"].mean(), abs=1 / 50)


def test_base_rate_is_one_number_and_recency_rises(fitted):
    assert np.ptp(models.predict(fitted["base_rate"], TEST)) == 0
    by_recency = models.predict(fitted["recency_only"], TEST.sort_values("recency_days"))
    assert (np.diff(by_recency) >= 0).all()


def test_a_fit_changes_neither_pipeline_nor_frame(fitted):
    before = make_snapshots()
    pd.testing.assert_frame_equal(SNAPSHOTS, before)
    assert not hasattr(PIPELINES["logistic_regression"]["model"], "coef_")


def test_missing_values_of_any_kind_score_alike(fitted):
    row = TEST.iloc[[0]].astype({"country": object})
    kinds = [None, np.nan, pd.NA]
    frames = [row.assign(country=pd.Series([kind], row.index, dtype=object)) for kind in kinds]
    found = {models.predict(fitted["logistic_regression"], frame).item() for frame in frames}
    assert len(found) == 1


def test_unknown_and_rare_categories_score_without_a_warning(fitted):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        proba = models.predict(fitted["logistic_regression"], TEST.assign(country="Atlantis"))
    assert np.isfinite(proba).all()


def test_score_of_a_row_does_not_depend_on_the_others(fitted):
    for model in fitted.values():
        together = models.predict(model, TEST)
        assert models.predict(model, TEST.iloc[[5, 2]]) == pytest.approx(
            together[[5, 2]], abs=1e-12
        )


def test_columns_without_which_nothing_is_scored(fitted):
    with pytest.raises(ReportError, match="'noise', but 1 of its columns"):
        models.predict(fitted["random_forest"], TEST.drop(columns="noise"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s[s["split"] != "calibrate"], "'calibrate' has no rows"),
        (lambda s: s.assign(churned=1.0), "have churned = 1, so there is nothing"),
        (lambda s: s.assign(churned=s["churned"].mask(s.index == 3)), "1 rows without an outcome"),
    ],
)
def test_snapshots_that_cannot_make_a_model(change, message):
    with pytest.raises(ReportError, match=message):
        models.fit_calibrated(PIPELINES["recency_only"], change(SNAPSHOTS))


def test_calibration_is_learned_on_its_own_snapshot():
    # twice as many leave in the calibration snapshot: the mean risk follows it, not the training
    more = SNAPSHOTS.copy()
    stay = (more["split"] == "calibrate") & (more["churned"] == 0)
    more.loc[more.index[stay][::2], "churned"] = 1.0
    rate = more.loc[more["split"] == "calibrate", "churned"].mean()
    model = models.fit_calibrated(PIPELINES["logistic_regression"], more)
    assert models.predict(model, TEST).mean() == pytest.approx(rate, abs=0.03)


def test_choice_prefers_the_simplest_among_equals_and_ignores_later_outcomes():
    name, table = models.choose_model(PIPELINES, SNAPSHOTS)
    assert name == "logistic_regression"  # the truth is additive: no other can beat it
    assert set(table["model"]) == {"logistic_regression", "random_forest", "gradient_boosting"}
    assert table.loc[table["is_chosen"], "model"].tolist() == [name]
    assert (table["n"] == 300).all()
    earliest = SNAPSHOTS["snapshot_at"] == SNAPSHOTS["snapshot_at"].min()
    fewer = models.choose_model(PIPELINES, SNAPSHOTS[~earliest | (SNAPSHOTS.index % 2 == 0)])[1]
    assert (fewer["n"] == 300).all()  # judged on the last training snapshot
    is_later = ~SNAPSHOTS["split"].isin(["train"])
    flipped = SNAPSHOTS.assign(churned=SNAPSHOTS["churned"].mask(is_later, 0.0))
    pd.testing.assert_frame_equal(table, models.choose_model(PIPELINES, flipped)[1])


def test_choice_takes_a_model_that_is_clearly_better():
    rng = np.random.default_rng(3)
    table = make_snapshots(600)
    middle = (table["recency_days"] - 15).abs() < 7.5  # no line through recency finds these
    leaves = rng.random(len(table)) < np.where(middle, 0.9, 0.1)
    name, _ = models.choose_model(PIPELINES, table.assign(churned=leaves.astype(float)))
    assert name == "gradient_boosting"


def test_one_training_snapshot_leaves_the_simplest_unjudged():
    table = make_snapshots(60, splits=["train", "calibrate", "test"])
    name, comparison = models.choose_model(PIPELINES, table)
    assert name == "logistic_regression"
    assert comparison["log_loss"].isna().all()


def test_one_standard_error_is_of_the_paired_difference():
    losses = pd.DataFrame({"logistic_regression": [0.5, 0.7, 0.6], "other": [0.4, 0.6, 0.5]})
    name, table = models._pick(losses)
    assert name == "other"  # always 0.1 better: the difference has no error
    assert table["difference"].tolist() == pytest.approx([0.1, 0.0])
    losses["other"] = [0.2, 0.9, 0.5]  # better by 0.0667 on average, give or take 0.145
    assert models._pick(losses)[0] == "logistic_regression"


def test_earlier_origin_moves_each_split_one_snapshot_back():
    earlier = models.earlier_origin(SNAPSHOTS)
    assert earlier is not None
    found = earlier.groupby("snapshot_at")["split"].first().tolist()
    assert found == ["train", "train", "calibrate", "test"]
    assert models.earlier_origin(make_snapshots(20, splits=SPLITS[2:])) is None


@pytest.mark.parametrize("name", list(PIPELINES))
def test_a_stored_model_scores_the_same_and_has_the_same_bytes(fitted, name, tmp_path):
    first, second, again = (tmp_path / f"{n}.skops" for n in "abc")
    models.save_model(fitted[name], first)
    models.save_model(models.fit_calibrated(PIPELINES[name], SNAPSHOTS), second)
    loaded = models.load_model(first)
    models.save_model(loaded, again)
    assert first.read_bytes() == second.read_bytes() == again.read_bytes()
    assert (models.predict(loaded, TEST) == models.predict(fitted[name], TEST)).all()


def test_a_model_of_another_kind_is_not_loaded(tmp_path):
    path = tmp_path / "model.skops"
    skops.io.dump(Pipeline([("model", SVC())]), path)
    with zipfile.ZipFile(path) as archive:
        schema = json.loads(archive.read("schema.json"))
    schema["__class__"], schema["__module__"] = "Popen", "subprocess"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
    with pytest.raises(ReportError, match=r"subprocess\.Popen.*not loaded"):
        models.load_model(path)


def test_a_file_that_is_no_model_is_named(tmp_path):
    path = tmp_path / "model.skops"
    with pytest.raises(ReportError, match=r"model\.skops: no stored model"):
        models.load_model(path)
    Path(path).write_text("not a zip")
    with pytest.raises(ReportError, match="no stored model"):
        models.load_model(path)


def test_importance_finds_what_was_built_in(fitted):
    table = models.feature_importance(fitted["logistic_regression"], TEST, seed=1)
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
    first = models.feature_importance(model, TEST, seed=1)
    second = models.feature_importance(model, TEST[TEST.columns[::-1]], seed=1)
    pd.testing.assert_frame_equal(first, second)


def test_reference_is_the_training_median_and_the_commonest_category(fitted):
    found = models.reference_values(fitted["logistic_regression"], SNAPSHOTS)
    train = SNAPSHOTS[SNAPSHOTS["split"] == "train"]
    assert found["recency_days"] == train["recency_days"].median()
    assert found["country"] == train["country"].value_counts().index[0]
    assert np.isnan(found["empty"])


def test_drivers_of_an_additive_model_are_its_terms(fitted):
    model = fitted["logistic_regression"]
    reference = models.reference_values(model, SNAPSHOTS)
    typical = pd.DataFrame([reference] * 3)
    typical["recency_days"] = [30.0, 30.0, 0.0]
    typical["event_count"] = [0.0, reference["event_count"], 60.0]
    typical.index = pd.Index([7, 8, 9])
    table = models.drivers(model, typical, reference)
    assert list(table.index) == [7, 8, 9]
    assert set(table.loc[7, ["driver_1", "driver_2"]]) == {"recency_days", "event_count"}
    assert table.loc[8, "driver_1"] == "recency_days"
    assert table.loc[8, ["driver_2", "driver_3"]].isna().all()
    assert table.loc[9].isna().all()  # every column lowers this score
    # what the terms add up to is the distance to the typical user
    ends = models.predict(model, pd.concat([typical.iloc[[0]], pd.DataFrame([reference])]))
    odds = np.log(ends / (1 - ends))
    contributions = table.loc[7, ["contribution_1", "contribution_2"]].astype(float)
    assert contributions.sum() == pytest.approx(odds[0] - odds[1])
    assert contributions.is_monotonic_decreasing
