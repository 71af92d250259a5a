"""Tables in a real PostgreSQL, which the tests start."""

import json
import os
import random
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest

from analysis.base.databases import copy_table
from analysis.base.errors import ReportError
from analysis.log.chapters import EventsChapter, UsersChapter
from tests import postgres

USERS = """\
user_id,signup_date,age,country,churned_30d,note
u1,2025-01-05,31,Spain,1,"a, ""b""
c"
u2,2025-01-06,n/a,México,0,
u2,2025-01-06,40,México,0,""
7,2024-12-31,28,,,\\N
,2025-01-09,50,Chile,1,NULL
u5,not a date,,Chile,1,  spaces
"""
EVENTS = "user_id,event_type,event_timestamp,event_uuid,received_at,properties\n" + "".join(
    f"u{n % 4},{'play' if n % 3 else 'app_exit'},2025-01-{n % 27 + 1:02}T{n % 24:02}:00:00.{n:06}+02:00,"
    f'e{n % 97},2025-01-{n % 27 + 1:02} 23:59:59,"{{""amount"": {n}.50}}"\n'
    for n in range(120)
)
TYPES = {
    "users": "user_id varchar, signup_date date, age smallint, country country, churned_30d boolean",
    "events": "user_id text, event_type char(12), event_timestamp timestamptz, event_uuid text, "
    "received_at timestamp, properties jsonb",
}


@pytest.fixture(scope="module")
def port():
    """Give the port of a server that reads dates and zones in its own way."""
    with postgres.server() as port:
        yield port


@pytest.fixture
def shop(port, monkeypatch):
    """Give a connection to the server, with an empty schema `shop` and its address in the
    environment.
    """
    for name, value in (postgres.VARIABLES | {"PGPORT": str(port)}).items():
        monkeypatch.setenv(name, value)
    with psycopg.connect(autocommit=True) as con:
        con.execute("ALTER DATABASE postgres SET datestyle = 'SQL, DMY'")
        con.execute("ALTER DATABASE postgres SET timezone = 'America/New_York'")
        con.execute("DROP SCHEMA IF EXISTS shop CASCADE")
        con.execute("CREATE SCHEMA shop")
        yield con


def load(con, table, text, columns=None):
    """Make the table of the schema shop from the text of a CSV file."""
    names = text.split("\n", 1)[0].split(",")
    con.execute("SET datestyle = ISO")
    con.execute(f"CREATE TABLE shop.{table} ({columns or ' text, '.join(names) + ' text'})")
    with con.cursor().copy(f"COPY shop.{table} FROM STDIN (FORMAT csv, HEADER)") as copy:
        copy.write(text)


def read(table, folder, where="postgres:///shop"):
    return copy_table(f"{where}.{table}", table, folder, os.environ)


def artifacts(folder, users, events):
    """Return the bytes of every artifact that cleaning makes of two files, without what says how
    the files were written.
    """
    time = {"time_zone": "UTC", "log_start": None, "log_end": None}
    UsersChapter.read(str(folder), users, {}, time_zone="UTC").write(str(folder))
    EventsChapter.read(
        str(folder), events, {}, passive_event_types=[], event_types={"play": "play"},
        session_gap_minutes=30, **time,
    ).write(str(folder))  # fmt: skip
    made = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.name: _without_files(path) for path in made if not path.stem.endswith("_files")}


def _without_files(path):
    if not path.name.endswith(".qa.json"):
        return path.read_bytes()
    return {name: value for name, value in json.loads(path.read_bytes()).items() if name != "files"}


def of_files(folder, users, events):
    for name, text in (("users.csv", users), ("events.csv", events)):
        (folder / name).write_text(text)
    (folder / "made").mkdir()
    return artifacts(folder / "made", str(folder / "users.csv"), str(folder / "events.csv"))


def of_tables(folder):
    copies = [read(table, folder).path for table in ("users", "events")]
    (folder / "copied").mkdir()
    return artifacts(folder / "copied", *copies)


def test_tables_as_text_give_the_bytes_of_the_files(shop, tmp_path):
    load(shop, "users", USERS)
    load(shop, "events", EVENTS)
    expected = of_files(tmp_path, USERS, EVENTS)
    assert len(expected) > 8
    assert of_tables(tmp_path) == expected


def test_tables_with_types_give_the_values_of_the_files(shop, tmp_path):
    shop.execute(
        "DROP TYPE IF EXISTS country; CREATE TYPE country AS ENUM ('Spain', 'México', 'Chile')"
    )
    users = USERS.replace("n/a", "").replace("not a date", "")
    load(shop, "users", users, f"{TYPES['users']}, note text")
    load(shop, "events", EVENTS, TYPES["events"])
    assert of_tables(tmp_path) == of_files(tmp_path, users, EVENTS)


def test_text_and_times_stay_exactly_as_they_are(shop, tmp_path):
    shop.execute(
        "CREATE TABLE shop.users AS SELECT E' a\\t\\r\\n\"ü😀' AS text, '' AS blank, NULL::text AS none,"
        " timestamptz '2025-01-05 10:00:00.000001+02' AS instant, date 'infinity' AS never,"
        " timestamp '2025-12-31 23:59:59.999999' AS local, 9007199254740993 AS big,"
        " 0.1::real AS small, 1.10::numeric AS price, true AS flag, '{1,2}'::int[] AS list,"
        " '{\"a\": 1}'::jsonb AS json, '2025-01-05 BC'::date AS old, 'NaN'::float8 AS nan"
    )
    (row,) = pq.read_table(read("users", tmp_path).path).to_pylist()
    assert row == {
        "text": ' a\t\r\n"ü😀', "blank": "", "none": None, "instant": "2025-01-05 08:00:00.000001+00",
        "never": "infinity", "local": "2025-12-31 23:59:59.999999", "big": "9007199254740993",
        "small": "0.1", "price": "1.10", "flag": "true", "list": "{1,2}", "json": '{"a": 1}',
        "old": "2025-01-05 BC", "nan": "NaN",
    }  # fmt: skip


def test_the_digest_does_not_change_with_the_order_of_rows(shop, tmp_path):
    head, *lines = EVENTS.splitlines()
    load(shop, "events", EVENTS)
    before = read("events", tmp_path).digest
    shop.execute("DROP TABLE shop.events")
    random.Random(1).shuffle(lines)
    load(shop, "events", "\n".join([head, *lines]))
    assert read("events", tmp_path).digest == before
    shop.execute("DELETE FROM shop.events WHERE event_uuid = 'e7'")
    assert read("events", tmp_path).digest != before


def test_a_large_table_is_read_in_batches(shop, tmp_path):
    shop.execute(
        "CREATE TABLE shop.events AS SELECT n, md5(n::text) FROM generate_series(1, 50000) n"
    )
    copy = pq.ParquetFile(read("events", tmp_path).path)
    assert copy.metadata.num_rows == 50_000
    assert copy.metadata.num_row_groups == 3


def test_nothing_can_be_written_there(shop, tmp_path):
    shop.execute("CREATE TABLE shop.log (n int)")
    shop.execute(
        "CREATE FUNCTION shop.f() RETURNS int LANGUAGE sql AS 'INSERT INTO shop.log VALUES (1) RETURNING n'"
    )
    shop.execute("CREATE VIEW shop.users AS SELECT shop.f() AS user_id")
    with pytest.raises(ReportError, match="read-only transaction"):
        read("users", tmp_path)


@pytest.fixture
def guest(shop, monkeypatch):
    """Make a user without rights, whose password is in a variable."""
    shop.execute("DROP OWNED BY guest" if _has_guest(shop) else "CREATE ROLE guest LOGIN")
    shop.execute("ALTER ROLE guest PASSWORD 'geh/eim@1'")
    load(shop, "users", USERS)
    monkeypatch.delenv("PGPASSWORD")
    monkeypatch.setenv("GUEST_PASSWORD", "geh/eim@1")
    return "postgres://guest:${GUEST_PASSWORD}@127.0.0.1/postgres/shop"


def _has_guest(con):
    return con.execute("SELECT 1 FROM pg_roles WHERE rolname = 'guest'").fetchone() is not None


def test_a_user_without_rights_is_told_which_to_ask_for(shop, guest, tmp_path):
    ask = (
        r"users: shop.users \(PostgreSQL\) may not be read: permission denied for schema shop. Its "
        'owner can allow it: GRANT USAGE ON SCHEMA shop TO "guest"; GRANT SELECT ON shop.users'
    )
    with pytest.raises(ReportError, match=ask):
        read("users", tmp_path, guest)
    shop.execute("GRANT USAGE ON SCHEMA shop TO guest; GRANT SELECT ON shop.users TO guest")
    assert pq.read_metadata(read("users", tmp_path, guest).path).num_rows == 6


@pytest.mark.parametrize(
    ("variable", "value", "match"),
    [("PGPORT", "1", "Connection refused"), ("PGPASSWORD", "wrong", "password authentication failed"),
     ("PGDATABASE", "nowhere", 'database "nowhere" does not exist'),
     ("PGHOST", "no.invalid", "failed to resolve host")],
)  # fmt: skip
@pytest.mark.usefixtures("shop")
def test_a_server_that_does_not_answer_is_told_with_the_remedy(tmp_path, monkeypatch, variable, value, match):  # fmt: skip
    monkeypatch.setenv(variable, value)
    with pytest.raises(
        ReportError, match=rf"users: shop.users \(PostgreSQL\) cannot .*{match}.*PGUSER"
    ):
        read("users", tmp_path)


@pytest.mark.parametrize("name", ["shop.usres", "shpo.users"])
def test_a_table_that_is_not_there_is_named_with_the_nearest(shop, tmp_path, name):
    load(shop, "users", USERS)
    with pytest.raises(
        ReportError, match=rf"users: there is no table '{name}' .* Is it 'shop.users'\?"
    ):
        copy_table(f"postgres:///{name}", "users", Path(tmp_path), os.environ)
