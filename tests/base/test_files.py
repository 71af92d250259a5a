"""What is written is what is read: identifiers and names as they were."""

import pandas as pd

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
