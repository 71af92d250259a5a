"""Hostile tables (Hypothesis): what exports hold that no contract foresees, saved as files.

Cells are mostly good, so that whole tables come through, with odd ones among them: identifiers in
any script, blank or quoted; wild dates and numbers; repeats; columns that are missing, of odd
types or odd names; no rows, or one. `FUZZ=500` in the environment tries 500 tables that differ from
run to run; without it the same few are tried every time.
"""

import csv
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from analysis.contract.inputs import EVENTS, USERS, Column

Table = dict[str, pa.Array]
WANTED = os.environ.get("FUZZ")


def bounded(examples: int):
    """Return the settings of a property that tries `examples` tables, or FUZZ of them."""
    return settings(
        max_examples=int(WANTED or examples),
        derandomize=WANTED is None,
        deadline=None,
        phases=[Phase.generate],  # no shrinking: it takes minutes, and small tables are small
        suppress_health_check=list(HealthCheck),
    )


IDS = ["a", "b", "c", "d", "e", "f", "g", "h"]
ODD_TEXTS = [
    "", " ", "\t", " a ", "a", "A", "007", "7", "7.0", "-0", "1e5", "1e308", "nan", "NaN", "NULL",
    "None", "ñandú", "用户", "\u202eabc", "e\u0301", "🙂", "=1+1", "'; DROP TABLE users; --", "a,b",
    "a;b", 'a"b', '"', "a\nb", "a\r\nb", "#a", "\\N", "\\", "x" * 3000, "user_id", "../a", "a\x07b",
]  # fmt: skip
ODD_TIMES = [
    "", "-", "soon", "0000-00-00", "0001-01-01", "9999-12-31", "20255-01-05", "2025-02-30",
    "2025-13-01", "31/01/2025", "01/02/25", "1970-01-01", "1899-12-30", "infinity", "-infinity",
    "epoch", "now", "today", "2025-01-05T24:00", "2025-01-05T23:59:60Z", "2025-01-05T10:00+99:00",
    "20250105", "20250105103000", "1736071200", "1736071200000", "17360712000000000000", "-1", "0",
    "1e18", "1e300", "nan", "2025-W01-1", "2025-01-05 10:00 PM", "294247-01-10", "5874897-12-31",
    "290309-12-22 (BC) 00:00:00",
]  # fmt: skip
ODD_NUMBERS = [
    "", "-", "1e308", "-1e308", "1e400", "inf", "-Infinity", "nan", "NULL", "1,5", "1,234",
    "1.234,56", "12 345", "0x10", "1_000", "٣", "true", "no", "-0.0", "1e-320", "9" * 400, "€5",
    "5%", "9223372036854775808", "-1", "0.1",
]  # fmt: skip
ODD_NAMES = [
    "plan", "Plan", "a.b", 'say "hi"', "é", "用户", "select", "n", "second", "local", "value",
    "content", "event_at", "recorded_at", "churned", "last_event_at", "user_id_right", "group",
    "is_bad_event_timestamp", "rank_of_uuid", "batch_id", "signup_date_given", "x" * 300,
]  # fmt: skip


def _mostly(good: st.SearchStrategy[str], odd: list[str]) -> st.SearchStrategy[str]:
    """Return cells of which about one in six is odd."""
    wild = st.sampled_from(odd) | st.text(max_size=6)
    return st.integers(0, 5).flatmap(lambda n: wild if n == 0 else good)


CELLS = {
    "user_id": _mostly(st.sampled_from(IDS), ODD_TEXTS),
    "text": _mostly(st.sampled_from(["play", "stop", "Peru"]), ODD_TEXTS),
    "time": _mostly(
        st.integers(0, 40 * 24 * 60).map(lambda m: f"2025-0{1 + m // 44640}-{1 + m // 1440 % 28:02d}T"
                                         f"{m // 60 % 24:02d}:{m % 60:02d}:00Z"),
        ODD_TIMES,
    ),
    "number": _mostly(st.integers(0, 90).map(str), ODD_NUMBERS),
}  # fmt: skip
KIND = {"text": "text", "date": "time", "instant": "time", "integer": "number", "number": "number"}

TYPED = [
    lambda n: pa.array([k % 5 for k in range(n)], pa.int8()),
    lambda n: pa.array([2**64 - 1 - k for k in range(n)], pa.uint64()),
    lambda n: pa.array([None if k % 3 == 2 else k / 2 for k in range(n)], pa.float64()),
    lambda n: pa.array([(float("nan"), float("inf"), -1e308)[k % 3] for k in range(n)]),
    lambda n: pa.array([k % 2 == 0 for k in range(n)]),
    lambda n: pa.array([None] * n, pa.string()),
    lambda n: pa.nulls(n),
    lambda n: pa.array([b"\x00\xff" * (k % 3) for k in range(n)], pa.binary()),
    lambda n: pa.array([["a", None]] * n, pa.list_(pa.string())),
    lambda n: pa.array([{"k": k, "v": "x"} for k in range(n)], pa.struct([("k", pa.int64()), ("v", pa.string())])),
    lambda n: pa.array([str(k % 3) for k in range(n)]).dictionary_encode(),
    lambda n: pa.array([k * 10**20 for k in range(n)], pa.decimal128(38, 4)),
    lambda n: pa.array([20_000 + k for k in range(n)], pa.int32()).cast(pa.date32()),
    lambda n: pa.array([1_736_071_200_000 + 10**7 * k for k in range(n)]),
    lambda n: pa.array([1.7360712e9 + k * 1e5 for k in range(n)]),
    lambda n: pa.array([1_736_071_200 + 10**5 * k for k in range(n)], pa.timestamp("s")),
    lambda n: pa.array([1_736_071_200_000 * 10**6 + k for k in range(n)], pa.timestamp("ns", "Asia/Tokyo")),
    lambda n: pa.array([(2**62, -(2**62), None)[k % 3] for k in range(n)], pa.timestamp("us")),
    lambda n: pa.array([k % 86_400 for k in range(n)], pa.int32()).cast(pa.time32("s")),
    lambda n: pa.array(list(range(n)), pa.duration("ms")),
]  # fmt: skip
"""Columns of the types that Parquet files have, by their number of rows."""


@st.composite
def _column(draw, name: str, kind: str, rows: int, is_text: bool) -> pa.Array:
    if not is_text and draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from(TYPED))(rows)
    cells = CELLS["user_id" if name == "user_id" else KIND[kind]]
    return pa.array(draw(st.lists(cells, min_size=rows, max_size=rows)), pa.string())


@st.composite
def _table(draw, contract: tuple[Column, ...], is_text: bool) -> Table:
    """Return a table of up to 14 rows, of which some may be repeated."""
    rows = draw(st.sampled_from([0, 1, 1, 2, 3, 5, 8, 12]))
    is_missing = draw(st.integers(0, 9)) == 0
    wanted = [c for c in contract if c.required and not is_missing]
    wanted += draw(st.lists(st.sampled_from([c for c in contract if not c.required or is_missing]),
                            max_size=4, unique_by=lambda c: c.name))  # fmt: skip
    table = {c.name: draw(_column(c.name, c.type, rows, is_text)) for c in wanted}
    for name in draw(st.lists(st.sampled_from(ODD_NAMES), max_size=2, unique_by=str.lower)):
        table[name] = draw(_column(name, "text", rows, is_text))
    again = draw(st.lists(st.integers(0, rows - 1), max_size=2)) if rows else []
    return {name: pa.concat_arrays([cells, cells.take(pa.array(again, pa.int64()))])
            if again else cells for name, cells in table.items()}  # fmt: skip


def users(is_text: bool) -> st.SearchStrategy[Table]:
    """Return tables of users, all of text as CSV has them, or of Parquet's types."""
    return _table(USERS, is_text)


def events(is_text: bool) -> st.SearchStrategy[Table]:
    """Return tables of events, as `users` does."""
    return _table(EVENTS, is_text)


def rows_of(table: Table) -> int:
    """Return how many rows a table has."""
    return len(next(iter(table.values()), []))


def save(table: Table, path: Path) -> str:
    """Write a table as the CSV or Parquet file `path`, and return the path."""
    if path.suffix == ".parquet":
        pq.write_table(pa.table(table), path)
        return str(path)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table)
        writer.writerows(zip(*(cells.to_pylist() for cells in table.values()), strict=True))
    return str(path)
