"""What is written is what is read: identifiers and names as they were."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.base import files as artifacts


def test_identifiers_and_groups_stay_text(tmp_path):
    table = pd.DataFrame(
        {"user_id": ["0042", "7"], "group": ["NA", "None"], "sample": ["1", None], "n": [1.5, None]}
    )
    path = str(tmp_path / "table.csv")
    artifacts.write_table(table, path)
    found = artifacts.read_table(path)
    assert found["user_id"].tolist() == ["0042", "7"]
    assert found["group"].tolist() == ["NA", "None"]
    assert found["sample"].isna().tolist() == [False, True]
    assert found["n"].isna().tolist() == [False, True]
    assert found["n"].dtype == float


def test_a_table_without_rows_keeps_its_columns(tmp_path):
    path = str(tmp_path / "table.csv")
    artifacts.write_table(pd.DataFrame({"user_id": [], "n": []}), path)
    assert list(artifacts.read_table(path)) == ["user_id", "n"]


def refuse(word):
    raise ValueError(f"{word} is no JSON")


def test_json_has_null_where_a_number_is_not_finite(tmp_path):
    path = tmp_path / "a.json"
    value = {"a": [np.inf, -np.inf, np.float64("nan"), 1.5], "b": pd.NaT, "c": (np.int64(3), pd.NA)}
    artifacts.write_json(value, str(path))
    found = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert found == {"a": [None, None, None, 1.5], "b": None, "c": [3, None]}


def test_every_json_of_a_run_is_strict(default_run):
    files = list(Path(default_run.data).rglob("*.json"))
    assert len(files) > 5
    for path in files:
        json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    facts = [
        cell
        for path in Path(default_run.data).rglob("*.csv")
        for cell in pd.read_csv(path, usecols=lambda name: name == "facts").squeeze("columns")
    ]
    assert len(facts) > 10
    for cell in facts:
        json.loads(cell, parse_constant=refuse)


def test_a_number_that_is_not_json_is_found():
    with pytest.raises(ValueError, match="NaN is no JSON"):
        json.loads('{"a": NaN}', parse_constant=refuse)
