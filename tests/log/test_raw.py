import random

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.base import engine
from analysis.base.errors import ReportError
from analysis.contract.inputs import EVENTS, USERS
from analysis.log import cells
from analysis.log import raw as raw_tables
from tests.handmade import at, make_events

CON = engine.connect()
CSV = "user_id,signup_date,plan\n007,2025-01-05,basic\n1e5,2025-01-06,\n"
ROWS = {
    "user_id": ["007", "1e5"],
    "signup_date": ["2025-01-05", "2025-01-06"],
    "plan": ["basic", None],
}


def read(path, table="users", columns=USERS, mapping=None):
    return raw_tables.read_raw(CON, str(path), table, columns, mapping or {})


def rows_of(table):
    frame = table.to_pandas().sort_values("user_id").astype("object")
    return frame.where(frame.notna(), None).to_dict("list")


def save(folder, name, content, encoding="utf-8"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode(encoding))
    return path


def parse(values, parser=cells.instant):
    table = CON.create_table("parsed", pa.table({"value": values}), overwrite=True, temp=True)
    return engine.to_pandas(table.select(value=parser(table.value)))["value"]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (CSV, "utf-8"),
        (CSV, "utf-8-sig"),
        (CSV.replace(",", ";"), "utf-8"),
        (CSV.replace(",", ";"), "utf-8-sig"),
        (CSV.replace("\n", "\r\n"), "utf-8-sig"),
        (CSV.replace("basic", '"basic"'), "utf-8"),
    ],
)
def test_csv_is_read_with_or_without_bom_comma_or_semicolon(tmp_path, content, encoding):
    assert rows_of(read(save(tmp_path, "u.csv", content, encoding))) == ROWS


def test_quoted_cells_keep_delimiters_line_breaks_and_accents(tmp_path):
    content = 'user_id,signup_date,plan\n"a,b",2025-01-05,"Pasión\nde ""Gavilanes""; 2"\n'
    found = rows_of(read(save(tmp_path, "u.csv", content)))
    assert found["user_id"] == ["a,b"]
    assert found["plan"] == ['Pasión\nde "Gavilanes"; 2']


def test_every_csv_cell_stays_text(tmp_path):
    table = read(save(tmp_path, "u.csv", CSV))
    assert {str(kind) for kind in table.schema().values()} == {"string"}


def test_a_folder_of_csv_files_is_one_table_with_all_their_columns(tmp_path):
    save(tmp_path, "t/a.csv", "user_id,signup_date\na,2025-01-05\n")
    save(tmp_path, "t/2025/b.CSV", "signup_date,user_id,plan\n2025-01-06,b,basic\n")
    found = rows_of(read(tmp_path / "t"))
    assert found == {
        "user_id": ["a", "b"], "signup_date": ["2025-01-05", "2025-01-06"], "plan": [None, "basic"]
    }  # fmt: skip


def test_a_folder_of_parquet_files_is_one_table(tmp_path):
    for name, when in (("a", "2025-01-05"), ("b", "2025-01-06")):
        frame = pd.DataFrame({"user_id": [name], "signup_date": [when]})
        frame.to_parquet(tmp_path / f"{name}.parquet")
    assert rows_of(read(tmp_path)) == {
        "user_id": ["a", "b"],
        "signup_date": ["2025-01-05", "2025-01-06"],
    }


@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
def test_the_day_in_the_names_of_folders_is_no_column(tmp_path, ending):
    for day in ("2025-01-05", "2025-01-06"):
        rows = pd.DataFrame({"user_id": ["a"], "signup_date": [day], "note": ["x"]})
        folder = tmp_path / "users" / f"date={day}"
        folder.mkdir(parents=True)
        orient = {"orient": "records"} if ending == "json" else {"index": False}
        getattr(rows, f"to_{ending}")(folder / f"0.{ending}", **orient)
    users = read(tmp_path / "users")
    assert list(users.columns) == ["user_id", "signup_date", "note"]
    assert users.count().execute() == 2
    assert read(tmp_path / "users", mapping={"signup_date": "signup_date"}).columns == users.columns


def test_a_column_of_the_contract_may_stand_in_the_names_of_folders(tmp_path):
    for country, code in (("PE", "01"), ("MX", "2")):
        rows = pd.DataFrame({"user_id": [country], "signup_date": ["2025-01-05"], "note": [1]})
        folder = tmp_path / "users" / f"land={country}" / "date=9" / f"age={code}"
        folder.mkdir(parents=True)
        rows.to_parquet(folder / "0.parquet", index=False)
    users = read(tmp_path / "users", mapping={"country": "land"})
    assert list(users.columns) == ["user_id", "signup_date", "age", "country", "note"]
    found = users.order_by("country").to_pyarrow().to_pylist()
    assert [(row["country"], row["age"], row["note"]) for row in found] == [
        ("MX", "2", 1), ("PE", "01", 1)
    ]  # fmt: skip


def test_in_folders_of_text_such_a_column_is_named_with_the_remedy(tmp_path):
    save(tmp_path, "users/country=PE/0.csv", "user_id,signup_date\na,2025-01-05\n")
    with pytest.raises(ReportError, match=r"'country' stands in .* not for CSV. Write it into"):
        read(tmp_path / "users")


def test_a_folder_of_both_kinds_is_refused(tmp_path):
    save(tmp_path, "a.csv", CSV)
    pd.DataFrame(ROWS).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(
        ReportError, match=r"users: .* holds \['.csv', '.parquet'\]; expected files of one kind"
    ):
        read(tmp_path)


def test_an_empty_folder_and_another_kind_of_file_are_refused(tmp_path):
    with pytest.raises(ReportError, match="events: .* holds no file; expected files of one kind"):
        read(tmp_path, "events", EVENTS)
    with pytest.raises(ReportError, match=r"holds \['.docx'\]; expected .* ending in .csv"):
        read(save(tmp_path, "u.docx", "x"))


def test_a_missing_file_says_where_its_path_is_set(tmp_path):
    with pytest.raises(
        ReportError, match=r"no file or folder .*none.csv.* with --users or `users` in"
    ):
        read(tmp_path / "none.csv")


def test_columns_come_in_the_contracts_order_and_others_after_them(tmp_path):
    content = "plan,country,signup_date,user_id\nbasic,Peru,2025-01-05,a\n"
    table = read(save(tmp_path, "u.csv", content))
    assert list(table.columns) == ["user_id", "signup_date", "country", "plan"]


def test_mapped_columns_take_the_standard_name(tmp_path):
    path = save(tmp_path, "u.csv", "id,joined,user_id\na,2025-01-05,old\n")
    table = read(path, mapping={"user_id": "id", "signup_date": "joined"})
    assert rows_of(table) == {"user_id": ["a"], "signup_date": ["2025-01-05"]}


def test_a_mapping_to_itself_changes_nothing(tmp_path):
    assert rows_of(read(save(tmp_path, "u.csv", CSV), mapping={"user_id": "user_id"})) == ROWS


def test_a_mapping_to_a_column_that_is_not_there_lists_those_that_are(tmp_path):
    path = save(tmp_path, "u.csv", CSV)
    with pytest.raises(
        ReportError, match=r"users_columns maps 'user_id' to 'uid'.* has: user_id, signup"
    ):
        read(path, mapping={"user_id": "uid"})


def test_a_missing_required_column_is_named_with_a_near_one_and_the_remedy(tmp_path):
    path = save(tmp_path, "e.csv", "user_id,event_type,timestamp\na,play,2025-01-05\n")
    with pytest.raises(ReportError) as caught:
        read(path, "events", EVENTS)
    message = str(caught.value)
    assert "events: required column 'event_timestamp' is missing" in message
    assert "(1 missing: event_timestamp)" in message
    assert "Is it 'timestamp'?" in message
    assert "Map it under events_columns in params.yml" in message


def test_all_missing_required_columns_are_counted(tmp_path):
    with pytest.raises(
        ReportError, match="'user_id' is missing .* .2 missing: user_id, signup_date"
    ):
        read(save(tmp_path, "u.csv", "x,y\n1,2\n"))


def test_a_table_without_rows_is_refused(tmp_path):
    with pytest.raises(ReportError, match=r"users: '.*u.csv' has no rows"):
        read(save(tmp_path, "u.csv", "user_id,signup_date\n"))
    with pytest.raises(ReportError, match=r"users: '.*empty.csv' has no rows"):
        read(save(tmp_path, "empty.csv", ""))


def test_a_file_without_a_header_is_told_so(tmp_path):
    path = save(tmp_path, "u.csv", "u1,2025-01-05,basic\nu2,2025-01-06,plus\n")
    with pytest.raises(ReportError, match="'user_id' is missing .* the file has no header"):
        read(path)


def test_the_format_that_is_given_is_used_and_a_wrong_one_names_the_nearest(tmp_path):
    path = save(tmp_path, "u.csv", "user_id;signup_date;age\nŁ,1;2025-01-05;30,5\n", "cp1250")
    given_ = {"encoding": "cp1250", "decimal": ","}
    source = raw_tables.read_source(CON, str(path), "users", USERS, {}, given_)
    assert rows_of(source.table) == {
        "user_id": ["Ł,1"], "signup_date": ["2025-01-05"], "age": ["30.5"]
    }  # fmt: skip
    with pytest.raises(ReportError, match="users_format: 'decimals' is not known. Is it 'decimal'"):
        raw_tables.read_source(CON, str(path), "users", USERS, {}, {"decimals": ","})


def test_the_decimal_comma_of_a_mapped_column_is_read(tmp_path):
    path = save(tmp_path, "u.csv", "user_id;signup_date;years;w\na;2025-01-05;1.030;1,5\n")
    table = read(path, mapping={"age": "years"})
    assert rows_of(table)["age"] == ["1030"]


def test_text_is_trimmed_and_blank_text_is_missing():
    found = parse([" a ", "", "  ", None, "b"], cells.text)
    assert found.dropna().to_dict() == {0: "a", 4: "b"}


@pytest.mark.parametrize("kind", [pa.int64(), pa.int32(), pa.string(), pa.float64()])
def test_an_identifier_reads_alike_whatever_its_type(kind):
    found = parse(pa.array([7, 12, None]).cast(kind), cells.text)
    assert found.dropna().tolist() == ["7", "12"]


def test_fractions_stay_fractions():
    assert parse([7.5, 1e300], cells.text).tolist() == ["7.5", "1e+300"]


EXPECTED = at("2025-01-31T12:34:56")


@pytest.mark.parametrize(
    "value",
    [
        "2025-01-31T12:34:56",
        "2025-01-31 12:34:56",
        "2025-01-31T12:34:56Z",
        "2025-01-31T12:34:56+00:00",
        "2025-01-31T07:34:56-05:00",
        "2025-01-31 12:34:56.000",
        " 2025-01-31T12:34:56Z ",
        "2025-01-31 12:34:56 +0000",
        "2025-01-31T12:34:56z",
        "2025-01-31 12:34:56 UTC",
        "2025-01-31T12:34:56 gmt",
        "2025-01-31 07:34:56 America/Lima",
        "1738326896",
        "1738326896000",
        "1738326896000000",
        "1738326896000000000",
        "1738326896.0",
        "1.738326896e9",
        "20250131123456",
        "20250131T123456",
        "20250131T123456Z",
        "31-Jan-2025 12:34:56",
        "31-JAN-2025 12:34:56 PM",
        "Jan 31, 2025 12:34:56",
    ],
)
def test_one_instant_in_every_way_of_writing_it(value):
    assert parse([value])[0] == EXPECTED


def test_a_date_is_its_midnight_in_utc():
    for text in ("2025-01-31", "2025/01/31", "20250131", "31-Jan-2025", "31 January 2025"):
        assert parse([text])[0] == at("2025-01-31")


@pytest.mark.parametrize(
    "value",
    ["2025-01-31T12:00", "2025-01-31T12:00Z", "2025-01-31T07:00-05:00", "2025-01-31 14:00 +02"],
)
def test_minutes_are_enough(value):
    assert parse([value])[0] == at("2025-01-31T12:00")


def test_epochs_keep_their_milliseconds():
    assert parse(["1738326896789"])[0] == at("2025-01-31T12:34:56.789")
    assert parse(["1738326896.25"])[0] == at("2025-01-31T12:34:56.250")


@pytest.mark.parametrize(
    "value",
    [
        "yesterday",
        "2025-13-01",
        "31/01/2025",
        "12",
        "",
        "0",
        "-1738326896",
        "inf",
        "nan",
        "1e308",
        "97-01-05",
        "3/4/25",
        "epoch",
        "infinity",
        "20251301",
        "2602-01-01",
        "1989-12-01",
        "20250230",
        "99999999999999999999",
        "400000000",
        "2025-01-31 12:34:56 BST",
        "2025-01-31 12:34:56 CST",
        "31-Jan-2025 12:34 EST",
    ],
)
def test_what_is_no_time_is_missing(value):
    assert parse([value]).isna().all()


@pytest.mark.parametrize(
    "kind",
    [pa.timestamp("s"), pa.timestamp("ms"), pa.timestamp("us"), pa.timestamp("ns"),
     pa.timestamp("us", "UTC"), pa.timestamp("ns", "UTC"), pa.timestamp("us", "America/Lima")],
)  # fmt: skip
def test_native_timestamps_are_instants_in_utc_whatever_their_unit(tmp_path, kind):
    stamps = pa.array([1738326896000000000]).cast(pa.timestamp("ns", getattr(kind, "tz", None)))
    pq.write_table(pa.table({"value": stamps.cast(kind)}), tmp_path / "t.parquet")
    table = CON.read_parquet(tmp_path / "t.parquet")
    assert engine.to_pandas(table.select(value=cells.instant(table.value)))["value"][0] == EXPECTED


def test_native_dates_and_whole_numbers_are_instants():
    assert parse(pa.array([20119]).cast(pa.int32()).cast(pa.date32()))[0] == at("2025-01-31")
    assert parse(pa.array([1738326896]))[0] == EXPECTED
    assert parse(pa.array([1738326896000]))[0] == EXPECTED


@settings(max_examples=10, deadline=None)
@given(millis=st.integers(700_000_000_000, 4_000_000_000_000))
def test_an_epoch_in_any_unit_is_the_same_instant(millis):
    seconds = millis // 1000
    found = parse([str(seconds), str(seconds * 1000), str(seconds * 10**6), str(seconds * 10**9)])
    assert found.tolist() == [pd.Timestamp(seconds, unit="s", tz="UTC")] * 4


def test_the_session_lives_in_utc():
    assert CON.raw_sql("SELECT current_setting('TimeZone')").fetchone() == ("UTC",)


def test_reading_an_artifact_that_is_not_there_names_the_command(tmp_path):
    with pytest.raises(ReportError, match=r"none.parquet: not found. .*make book"):
        engine.read(CON, str(tmp_path / "none.parquet"))


def test_a_table_comes_back_from_parquet_as_it_was(tmp_path):
    path = str(tmp_path / "events.parquet")
    table = make_events([("b", "2025-01-02"), ("a", "2025-01-01T10:00:00.123456")]).order_by(
        "user_id"
    )
    engine.write(table, path)
    back = engine.to_pandas(engine.read(CON, path))
    assert back["user_id"].tolist() == ["a", "b"]
    assert back["event_at"].tolist() == [at("2025-01-01T10:00:00.123456"), at("2025-01-02")]
    assert str(back["event_at"].dtype) == "datetime64[us, UTC]"
    assert str(back["user_id"].dtype) == "str"


def test_a_written_table_has_the_same_bytes_whatever_the_order_of_its_rows(tmp_path):
    rows = [(f"user {n}", f"2025-01-{n % 28 + 1:02d}") for n in range(200)]
    shuffled = random.Random(1).sample(rows, len(rows))
    for name, given_ in (("one", rows), ("two", shuffled)):
        engine.write(make_events(given_).order_by("user_id", "event_at"), str(tmp_path / name))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_native_times_of_impossible_years_are_missing(tmp_path):
    days = pa.array([-(10**9), 20_000, None], type=pa.int32()).cast(pa.date32())
    ends = pa.array([-(2**62), 20_000 * 86_400 * 10**6, 2**62], type=pa.timestamp("us", tz="UTC"))
    pq.write_table(pa.table({"day": days, "at": ends}), tmp_path / "t.parquet")
    table = engine.connect().read_parquet(str(tmp_path / "t.parquet"))
    for name in ("day", "at"):
        found = engine.to_pandas(table.select(at=cells.moment(table[name])))["at"]
        assert found.tolist()[1] == at("2024-10-04")
        assert found.isna().tolist() == [True, False, True]
