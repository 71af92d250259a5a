import pytest

from analysis.base.addresses import (
    Address,
    filled_in,
    is_address,
    parse_address,
    without_place,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgres://ana@db.example:6543/app/shop.users?sslmode=require",
         Address("postgres", "users", "shop", "app", "db.example", "6543", "ana", None,
                 (("sslmode", "require"),))),
        ("postgresql://[::1]/app/users", Address("postgres", "users", None, "app", "::1")),
        ("Postgresql+psycopg://h/app/users", Address("postgres", "users", None, "app", "h")),
        ("postgres:///shop.users", Address("postgres", "users", "shop")),
        ("postgres://h/app#shop.users", Address("postgres", "users", "shop", "app", "h")),
        ("postgres://a%40b@h/my%20app/s.my%2Etable",
         Address("postgres", "my.table", "s", "my app", "h", None, "a@b")),
        ("postgres://${WHO}:${PW}@${HOST}:${PORT}/app/t",
         Address("postgres", "t", None, "app", "${HOST}", "${PORT}", "${WHO}", "${PW}")),
        ("duckdb://folder/file.db#users", Address("duckdb", "users", None, "folder/file.db")),
        ("sqlite:///tmp/a@b.db#main.users", Address("sqlite", "users", "main", "/tmp/a@b.db")),
        ("trino://h/catalog/app/users", Address("trino", "users", None, "catalog/app", "h")),
        ("mysql://h/app/users", Address("mysql", "users", None, "app", "h")),
    ],
)  # fmt: skip
def test_an_address_has_its_parts(text, expected):
    assert is_address(text)
    assert parse_address(text) == expected


@pytest.mark.parametrize("path", ["users.csv", "/data/users", r"C:\users.csv", "a:b", None, 3, ""])
def test_a_path_is_no_address(path):
    assert not is_address(path)


@pytest.mark.parametrize(
    "text",
    ["postgres://ana:geheim@h/app/users", "postgres://ana:geheim@/app/users",
     "postgres://ana:ge/heim@h/app/users", "postgres://ana:ge#heim@h/app/users",
     "postgres://ana:1?geheim@h/app/users", "postgres://ana:1/geheim@h/users",
     "postgres://ana:g@heim@h/app/users", "postgres://ana:${PW}geheim@h/app/users",
     "POSTGRES://ana:geheim@h/app/users", " postgres://ana:geheim@h/app/users",
     "postgres://h/app/users?password=geheim", "mysql://h/app/users?auth_token=geheim"],
)  # fmt: skip
def test_a_password_is_refused_and_not_repeated(text):
    with pytest.raises(ValueError, match="a password does not belong in an address") as error:
        parse_address(text)
    assert "heim" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("duckdb://file.db", r"as in duckdb://file.db#table"),
        ("sqlite:///#users", r"as in sqlite://file.db#table"),
        ("jdbc:postgresql://h/app?user=ana", "this is no address; write postgres://host"),
        ("postgres://h", "as in postgres://host/database/schema.table"),
        ("postgres://h/a/b/c", "as in postgres://host/database/schema.table"),
        ("postgres://h:port/a/b", "the port is no number"),
        ("postgres://[h/a/b", "this is no address; write postgres://host"),
    ],
)
def test_what_is_no_address_says_what_to_write(text, match):
    with pytest.raises(ValueError, match=match):
        parse_address(text)


def test_variables_come_from_the_environment():
    address = parse_address("postgres://${WHO}:${PW}@h/app/users?sslcert=${HOME}/cert")
    ready = filled_in(address, {"WHO": "ana", "PW": "ge/h@im", "HOME": "/home/ana"})
    assert (ready.user, ready.password) == ("ana", "ge/h@im")
    assert ready.options == (("sslcert", "/home/ana/cert"),)
    assert "ge/h@im" not in repr(ready)


def test_a_variable_that_is_not_set_is_named():
    with pytest.raises(ValueError, match="no variable 'PW'"):
        filled_in(parse_address("postgres://ana:${PW}@h/app/users"), {})


@pytest.mark.parametrize(
    ("given", "shown"),
    [("postgres://ana@secret.example/app/shop.users", "shop.users (PostgreSQL)"),
     ("duckdb:///home/ana/file.db#users", "users (DuckDB)"),
     ("mysql://secret.example/app/users", "users (mysql)"),
     ("postgres://secret.example", "an address that cannot be read"),
     ("data/users.csv", "data/users.csv"), (None, None), (7, 7)],
)  # fmt: skip
def test_a_page_says_the_table_and_not_the_machine(given, shown):
    assert without_place(given) == shown
