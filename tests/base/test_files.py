"""What is written is what is read: identifiers and names as they were."""

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.base import files as artifacts
from analysis.base.files import read_table, write_table


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


FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\ttab", "\rreturn", "'=quoted",
            "''=twice", "\uff1d1"]  # fmt: skip
HARMLESS = ["'quote", "-5", "+3.5e2", "a=b", "plain", "-.5"]


def test_no_text_is_a_formula_and_all_come_back_as_they_were(tmp_path):
    path = str(tmp_path / "t.csv")
    table = pd.DataFrame({"group": [*FORMULAS, *HARMLESS], "value": -1.5})
    write_table(table, path)
    with open(path, encoding="utf-8", newline="") as file:
        cells = [row[0] for row in csv.reader(file)][1:]
    assert cells == [*(f"'{text}" for text in FORMULAS), *HARMLESS]
    assert read_table(path)["group"].tolist() == [*FORMULAS, *HARMLESS]
    assert read_table(path)["value"].eq(-1.5).all(), "numbers stay numbers"


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_table_with_a_row_per_user_is_its_owners(tmp_path, name):
    folder = tmp_path / "inner"
    folder.mkdir()
    write_table(pd.DataFrame({"user_id": ["a"]}), str(folder / name))
    assert (folder / name).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


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


def test_of_a_parquet_file_only_what_is_asked_for_is_read(tmp_path):
    path = str(tmp_path / "table.parquet")
    table = pd.DataFrame({"user_id": ["a", "b", "c"], "n": [1, 2, 3], "x": [0.5, 1.5, 2.5]})
    table.attrs["reason"] = "kept"
    artifacts.write_table(table, path)
    found = artifacts.read_table(path, ("x", "absent", "user_id"), [("user_id", "in", ["a", "c"])])
    assert found.to_dict("list") == {"user_id": ["a", "c"], "x": [0.5, 2.5]}
    assert found.attrs == {"reason": "kept"}
