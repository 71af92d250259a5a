"""The stored model: the same bytes, the same scores, and nothing else is loaded."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC

from analysis.base.errors import ReportError
from analysis.model.candidates import fit_all, fit_calibrated, predict
from analysis.model.stored import load_model, reference_values, save_model
from tests.model.made_up import PIPELINES, SNAPSHOTS, TEST


@pytest.fixture(scope="module")
def fitted() -> dict:
    return fit_all(PIPELINES, SNAPSHOTS)


@pytest.mark.parametrize("name", list(PIPELINES))
def test_a_stored_model_scores_the_same_and_has_the_same_bytes(fitted, name, tmp_path):
    first, second, again = (tmp_path / f"{n}.skops" for n in "abc")
    save_model(fitted[name], first)
    save_model(fit_calibrated(PIPELINES[name], SNAPSHOTS), second)
    loaded = load_model(first)
    save_model(loaded, again)
    assert first.read_bytes() == second.read_bytes() == again.read_bytes()
    assert (predict(loaded, TEST) == predict(fitted[name], TEST)).all()


def test_a_model_of_another_kind_is_not_loaded(tmp_path):
    path = tmp_path / "model.skops"
    skops.io.dump(Pipeline([("model", SVC())]), path)
    with zipfile.ZipFile(path) as archive:
        schema = json.loads(archive.read("schema.json"))
    schema["__class__"], schema["__module__"] = "Popen", "subprocess"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
    with pytest.raises(ReportError, match=r"subprocess\.Popen.*not loaded"):
        load_model(path)


def test_a_file_that_is_no_model_is_named(tmp_path):
    path = tmp_path / "model.skops"
    with pytest.raises(ReportError, match=r"model\.skops: no stored model"):
        load_model(path)
    Path(path).write_text("not a zip")
    with pytest.raises(ReportError, match="no stored model"):
        load_model(path)


def test_reference_is_the_training_median_and_the_commonest_category(fitted):
    found = reference_values(fitted["logistic_regression"], SNAPSHOTS)
    train = SNAPSHOTS[SNAPSHOTS["split"] == "train"]
    assert found["recency_days"] == train["recency_days"].median()
    assert found["country"] == train["country"].value_counts().index[0]
    assert np.isnan(found["empty"])
