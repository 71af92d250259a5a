"""Tables in files: the rows of their parts, by columns."""

import pandas as pd
import pyarrow.parquet as pq
import pytest

from analysis.base.table_file import TableFile, in_memory

LIKE = pd.DataFrame({"user_id": ["a"], "is_paying": pd.Series([True], dtype=object)})
PARTS = [
    pd.DataFrame({"user_id": ["a", "b"], "is_paying": [None, None], "days": [1.5, None]}),
    pd.DataFrame({"user_id": ["c"], "is_paying": [True], "days": [3]}),
]


@pytest.fixture
def table() -> TableFile:
    PARTS[0].attrs["why"] = "short"
    return TableFile(iter(PARTS), LIKE)


def test_a_table_holds_the_rows_of_its_parts_and_what_is_said_of_the_first(table):
    whole = in_memory(table)
    assert whole["user_id"].tolist() == ["a", "b", "c"]
    assert whole["days"].fillna(-1).tolist() == [1.5, -1, 3]
    assert whole["is_paying"].tolist() == [None, None, True]  # of no known type in the first part
    assert whole.attrs["why"] == "short"
    assert table.columns == ["user_id", "is_paying", "days"]


def test_columns_are_read_by_name_as_of_a_frame(table):
    pd.testing.assert_series_equal(table["days"], in_memory(table)["days"])
    pd.testing.assert_frame_equal(table[["user_id", "days"]], in_memory(table)[["user_id", "days"]])


def test_a_part_is_written_before_the_next_one_is_made(monkeypatch):
    told, write = [], pq.ParquetWriter.write_table
    monkeypatch.setattr(
        pq.ParquetWriter, "write_table", lambda *a, **k: (told.append("write"), write(*a, **k))
    )

    def made():
        for part in PARTS:
            told.append("make")
            yield part

    TableFile(made(), LIKE)
    assert told == ["make", "write", "make", "write"]


def test_the_file_goes_with_the_table():
    table = TableFile(iter(PARTS), LIKE)
    folder = table.path.parent
    assert folder.is_dir()
    del table
    assert not folder.exists()
