"""Pipelines: from raw columns to a calibrated probability."""

import warnings

import numpy as np
import pandas as pd
import pytest

from analysis.base.errors import ReportError
from analysis.model import candidates
from analysis.model.candidates import fit_all, fit_calibrated, pipelines, predict, source_columns
from tests.model.made_up import CATEGORICAL, NUMERIC, PIPELINES, SNAPSHOTS, TEST, make_snapshots


@pytest.fixture(scope="module")
def fitted() -> dict:
    return fit_all(PIPELINES, SNAPSHOTS)


def test_candidates_are_three_models_and_two_baselines():
    assert list(PIPELINES) == [
        "logistic_regression",
        "random_forest",
        "gradient_boosting",
        "base_rate",
        "recency_only",
    ]
    assert source_columns(PIPELINES["random_forest"]) == (NUMERIC, CATEGORICAL)
    assert source_columns(PIPELINES["recency_only"]) == (["recency_days"], [])


def test_recency_must_be_a_feature():
    with pytest.raises(ReportError, match="needs the numeric feature 'recency_days'"):
        pipelines(["event_count"], [], seed=1)


@pytest.mark.parametrize("name", list(PIPELINES))
def test_probabilities_are_probabilities_near_the_calibrated_rate(fitted, name):
    calibrate = SNAPSHOTS[SNAPSHOTS["split"] == "calibrate"]
    proba = predict(fitted[name], calibrate)
    assert ((proba > 0) & (proba < 1)).all()
    # Platt keeps the mean, but for his softened targets: at most 1 / (churners + 2) away
    assert proba.mean() == pytest.approx(calibrate["churned"].mean(), abs=1 / 50)


def test_base_rate_is_one_number_and_recency_rises(fitted):
    assert np.ptp(predict(fitted["base_rate"], TEST)) == 0
    by_recency = predict(fitted["recency_only"], TEST.sort_values("recency_days"))
    assert (np.diff(by_recency) >= 0).all()


def test_a_fit_changes_neither_pipeline_nor_frame(fitted):
    before = make_snapshots()
    pd.testing.assert_frame_equal(SNAPSHOTS, before)
    assert not hasattr(PIPELINES["logistic_regression"]["model"], "coef_")


def test_missing_values_of_any_kind_score_alike(fitted):
    row = TEST.iloc[[0]].astype({"country": object})
    kinds = [None, np.nan, pd.NA]
    frames = [row.assign(country=pd.Series([kind], row.index, dtype=object)) for kind in kinds]
    found = {predict(fitted["logistic_regression"], frame).item() for frame in frames}
    assert len(found) == 1


def test_unknown_and_rare_categories_score_without_a_warning(fitted):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        proba = predict(fitted["logistic_regression"], TEST.assign(country="Atlantis"))
    assert np.isfinite(proba).all()


def test_score_of_a_row_does_not_depend_on_the_others(fitted):
    for model in fitted.values():
        together = predict(model, TEST)
        assert predict(model, TEST.iloc[[5, 2]]) == pytest.approx(together[[5, 2]], abs=1e-12)


def test_columns_without_which_nothing_is_scored(fitted):
    with pytest.raises(ReportError, match="'noise', but 1 of its columns"):
        predict(fitted["random_forest"], TEST.drop(columns="noise"))


def test_changes_are_scored_in_turn_however_many_at_once(fitted, monkeypatch):
    model = fitted["gradient_boosting"]
    columns = candidates.model_input(model, TEST.head(40))
    changes = [{"recency_days": float(day)} for day in range(7)]
    one_by_one = [predict(model, columns.assign(**change)) for change in changes]
    for rows in (1, 100, 10_000):  # one, two, and all at once
        monkeypatch.setattr(candidates, "AT_ONCE", rows)
        found = candidates.predict_changed(model, columns, changes)
        assert np.array(found) == pytest.approx(np.array(one_by_one), abs=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s: s[s["split"] != "calibrate"],
            "Nobody was at risk when .*set log_end in params.yml",
        ),
        (
            lambda s: s.assign(churned=1.0),
            "users at risk when the model is trained churned, so there is",
        ),
        (lambda s: s.assign(churned=s["churned"].mask(s.index == 3)), "1 rows without an outcome"),
    ],
)
def test_snapshots_that_cannot_make_a_model(change, message):
    with pytest.raises(ReportError, match=message):
        fit_calibrated(PIPELINES["recency_only"], change(SNAPSHOTS))


def test_calibration_is_learned_on_its_own_snapshot():
    # twice as many leave in the calibration snapshot: the mean risk follows it, not the training
    more = SNAPSHOTS.copy()
    stay = (more["split"] == "calibrate") & (more["churned"] == 0)
    more.loc[more.index[stay][::2], "churned"] = 1.0
    rate = more.loc[more["split"] == "calibrate", "churned"].mean()
    model = fit_calibrated(PIPELINES["logistic_regression"], more)
    assert predict(model, TEST).mean() == pytest.approx(rate, abs=0.03)
