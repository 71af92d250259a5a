import os
import sqlite3
import sys

import duckdb
import ibis
import pyarrow.parquet as pq
import pytest

from analysis.base.databases import copy_table
from analysis.base.errors import ReportError


def read(address, folder, environment=os.environ):
    """Return the rows of the copy of the table at `address`."""
    copy = copy_table(address, "users", folder, environment)
    return pq.read_table(copy.path).to_pylist()


def digest(address, folder):
    return copy_table(address, "users", folder, {}).digest


@pytest.fixture
def sqlite(tmp_path):
    """Give a SQLite file with one table whose columns hold values of any type."""
    path = tmp_path / "app.sqlite"
    with sqlite3.connect(path) as con:
        con.execute('CREATE TABLE users (user_id, "signup date" TEXT, age INTEGER, spent REAL)')
        rows = [
            (7, "2025-01-05", None, 0.1),
            ("ü", "", "n/a", 1735689600.123456),
            (2**60 + 1, "x", 3, b"\xff1"),
        ]
        con.executemany("INSERT INTO users VALUES (?, ?, ?, ?)", rows)
    con.close()
    return path


def run_duckdb(path, *statements):
    with duckdb.connect(str(path)) as con:
        for statement in statements:
            con.execute(statement)


@pytest.fixture
def file(tmp_path):
    """Give a DuckDB file with a table of columns of many types in a schema."""
    path = tmp_path / "app.duckdb"
    run_duckdb(
        path,
        "SET TimeZone = 'America/New_York'",
        "CREATE SCHEMA shop",
        "CREATE TABLE shop.users AS SELECT '1267650600228229401496703205376'::HUGEINT AS user_id,"
        " TIMESTAMPTZ '2025-01-05 10:00:00.000001+02' AS signup_date, 0.1::FLOAT AS spent,"
        " true AS is_paying, DATE '2025-01-31' AS day, 1.50::DECIMAL(9, 2) AS price,"
        " [1, 2] AS list, NULL::INTEGER AS age, ' a\"b\n' AS text",
    )
    return path


def test_a_table_of_sqlite_is_read_as_text_value_by_value(sqlite, tmp_path):
    assert read(f"sqlite://{sqlite}#users", tmp_path) == [
        {"user_id": "7", "signup date": "2025-01-05", "age": None, "spent": "0.1"},
        {"user_id": "ü", "signup date": "", "age": "n/a", "spent": "1735689600.123456"},
        {"user_id": "1152921504606846977", "signup date": "x", "age": "3", "spent": "\\xff1"},
    ]


def test_a_table_of_duckdb_is_read_as_text(file, tmp_path):
    assert read(f"duckdb://{file}#shop.users", tmp_path) == [{
        "user_id": str(2**100), "signup_date": "2025-01-05 08:00:00.000001+00", "spent": "0.1",
        "is_paying": "true", "day": "2025-01-31", "price": "1.50", "list": "[1, 2]", "age": None,
        "text": ' a"b\n',
    }]  # fmt: skip


@pytest.mark.parametrize("where", ["duckdb://app.duckdb", "duckdb:///app.duckdb"])
def test_a_file_is_sought_in_this_folder(file, tmp_path, monkeypatch, where):
    monkeypatch.chdir(tmp_path)
    assert len(read(f"{where}#shop.users", tmp_path)) == 1


def test_a_copy_is_private(sqlite, tmp_path):
    copy = copy_table(f"sqlite://{sqlite}#users", "users", tmp_path, {})
    assert os.stat(copy.path).st_mode & 0o077 == 0


def test_the_digest_is_of_the_rows_in_any_order(tmp_path):
    path = tmp_path / "app.duckdb"
    address = f"duckdb://{path}#users"
    run_duckdb(path, "CREATE TABLE users AS VALUES ('a', '1'), ('b', NULL), ('b', NULL)")
    before = digest(address, tmp_path)
    run_duckdb(path, "CREATE OR REPLACE TABLE users AS VALUES ('b', NULL), ('a', '1'), ('b', NULL)")
    assert digest(address, tmp_path) == before


@pytest.mark.parametrize(
    "rows",
    ["('a', '1'), ('b', NULL)", "('a', '1'), ('a', '1'), ('b', NULL)",
     "('a', '1'), ('b', ''), ('b', NULL)", "('a', '1'), ('b', NULL), ('b', 'NULL')",
     "('a1', ''), ('b', NULL), ('b', NULL)", "('b', '1'), ('a', NULL), ('b', NULL)"],
)  # fmt: skip
def test_other_rows_have_another_digest(tmp_path, rows):
    path = tmp_path / "app.duckdb"
    address = f"duckdb://{path}#users"
    run_duckdb(path, "CREATE TABLE users AS VALUES ('a', '1'), ('b', NULL), ('b', NULL)")
    before = digest(address, tmp_path)
    run_duckdb(path, f"CREATE OR REPLACE TABLE users AS VALUES {rows}")
    assert digest(address, tmp_path) != before


def test_another_name_of_a_column_is_another_digest(tmp_path):
    path = tmp_path / "app.duckdb"
    run_duckdb(path, "CREATE TABLE users AS SELECT 'a' AS x", "CREATE TABLE b AS SELECT 'a' AS y")
    assert digest(f"duckdb://{path}#users", tmp_path) != digest(f"duckdb://{path}#b", tmp_path)


@pytest.mark.parametrize(
    ("address", "match"),
    [
        ("duckdb://{}/none.db#users",
         r"users: no file '.*none.db'. Give the path of a DuckDB file, as in duckdb://file.db#users"),
        ("duckdb://{}/app.duckdb#shop.usrs",
         r"no table 'shop.usrs' in the DuckDB database, .* Is it 'shop.users'\? Correct the address"),
        ("duckdb://{}/app.duckdb#shp.users", r"no table 'shp.users' .* Is it 'shop.users'\?"),
        ("sqlite://{}/app.sqlite#user", r"no table 'user' in the SQLite database, .* Is it 'users'\?"),
        ("sqlite://{}/text#users", r"users \(SQLite\) cannot be read: file is not a database\. Give"),
        ("duckdb://{}/text#users", r"users \(DuckDB\) cannot be read: .* not a valid DuckDB"),
        ("oddbase://h/app/users", r"users \(oddbase\) cannot be read: Don't know how to connect"),
        ("mysql://ana:${{PW}}@h/app/users", r"python -m pip install 'ibis-framework\[mysql\]'"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("sqlite", "file")
def test_what_cannot_be_read_says_which_table_and_what_to_do(tmp_path, address, match, monkeypatch):
    (tmp_path / "text").write_text("no database, but a text of some length" * 100)
    monkeypatch.setitem(sys.modules, "MySQLdb", None)
    with pytest.raises(ReportError, match=match) as error:
        read(address.format(tmp_path), tmp_path, {"PW": "geheim"})
    assert str(error.value).startswith("users: ")
    assert "geheim" not in str(error.value)


def test_a_driver_that_is_missing_is_named(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("ibis.backends.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(ibis, "postgres", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ReportError, match=r"python -m pip install 'churnbook\[postgres\]'"):
        read("postgres:///shop.users", tmp_path)
