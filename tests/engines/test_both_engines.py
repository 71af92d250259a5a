"""Every artifact of the stages that read events is the same on DuckDB and on Spark."""

import math
import os
import re
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from analysis.audit import Audit
from analysis.base import clock, engine
from analysis.base.errors import ReportError
from analysis.base.reading import scan_on_spark
from analysis.book.gate import DisclosureError
from analysis.cohorts import Cohorts
from analysis.contract.params import load_params
from analysis.log import cells
from analysis.log.chapters import EventsChapter, UsersChapter
from analysis.model import Features
from analysis.published import case_tables
from analysis.run import disclose
from analysis.run.folders import run_under
from tests.engines.tables import EVENTS, SPELLINGS, USERS
from tests.handmade import NO_SEED_DATA, ROOT, SEED_DATA

PARAMS = load_params(ROOT / "params.yml")
ROLES = {"play": "play", "click": "click", "purchase": "buy"}


def write_tables(folder: Path, users: pd.DataFrame, events: pd.DataFrame) -> tuple[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    users.to_csv(folder / "users.csv", index=False)
    events.to_parquet(folder / "events.parquet", index=False)
    return str(folder / "users.csv"), str(folder / "events.parquet")


def parameters(chapter: type[Any], **more: Any) -> dict[str, Any]:
    known = PARAMS.model_dump() | {"event_types": ROLES} | more
    fields = chapter.__dataclass_fields__
    return {name: value for name, value in known.items() if name in fields}


def run_stages(data: Path, users: str, events: str, **more: Any) -> Path:
    """Write the artifacts of stages 01 to 05 to `data`."""
    made = UsersChapter.read(str(data), users, {}, **parameters(UsersChapter, **more))
    made.write(str(data))
    EventsChapter.read(str(data), events, {}, **parameters(EventsChapter, **more)).write(str(data))
    for chapter in (Audit, Features, Cohorts):
        chapter.read(str(data), **parameters(chapter, **more)).write(str(data))
    return data


def rows_of(path: Path) -> pd.DataFrame:
    """Return an artifact; for bits over the content and of sessions, which are the engine's own, a
    number made of the users, types and times of all rows that agree in them. Input tables are
    returned as they are.
    """
    frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    if path.name in UNORDERED and path.parent.name != "raw":
        at = "event_at" if "event_at" in frame else "first_event_at"
        micros = frame[at].astype("datetime64[us, UTC]").astype("int64")
        said = frame[["user_id", "event_type" if "event_type" in frame else "events"]]
        numbers = pd.util.hash_pandas_object(said.assign(at=micros), index=False)
        for name in [n for n in ("content", "session_id", "session_key") if n in frame]:
            frame[name] = numbers.groupby(frame[name]).transform("sum")
        names = [n for n in UNORDERED[path.name] if n in frame]
        frame = frame.sort_values(names, ignore_index=True)
    return frame


def check_equal(one: Path, other: Path) -> None:
    """Compare each artifact of two folders: integers and text exactly, fractions of tables to 1e-9."""
    names = sorted(p.relative_to(one) for p in one.glob("[!.]*/*.*"))
    assert names == sorted(p.relative_to(other) for p in other.glob("[!.]*/*.*"))
    assert len(names) > 30
    for name in names:
        if name.suffix not in (".csv", ".parquet"):
            assert (one / name).read_bytes() == (other / name).read_bytes(), name
            continue
        left, right = rows_of(one / name), rows_of(other / name)
        pd.testing.assert_frame_equal(
            left, right, check_dtype=False, rtol=1e-9, atol=1e-12, obj=str(name)
        )


def compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sail: str, *tables: str, **more: Any):
    here = run_stages(tmp_path / "duckdb", *tables, **more)
    monkeypatch.setenv(engine.SPARK_URL, sail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    check_equal(here, run_stages(tmp_path / "spark", *tables, **more))


def test_stages_agree_on_tables_made_to_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sail: str
):
    """Nulls, zones, offsets, ties, repeats, unreadable dates and a zone with summer time."""
    tables = write_tables(tmp_path / "raw", USERS, EVENTS)
    compare(tmp_path, monkeypatch, sail, *tables, time_zone="America/New_York")


def test_input_tables_of_a_run_are_compared_as_they_are(tmp_path: Path):
    """A build keeps them beside its artifacts, and its events have the same name as the clean."""
    _, events = write_tables(tmp_path / "raw", USERS, EVENTS)
    pd.testing.assert_frame_equal(rows_of(Path(events)), pd.read_parquet(events))


@pytest.mark.skipif(not SEED_DATA.is_dir(), reason=NO_SEED_DATA)
def test_stages_agree_on_the_tables_of_the_published_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sail: str
):
    tables = SEED_DATA / "idilio_user_data.csv", SEED_DATA / "idilio_analytics_events.parquet"
    compare(tmp_path, monkeypatch, sail, *map(str, tables), event_types={})


UNORDERED = {
    "events.parquet": ["user_id", "event_at", "event_type", "received_at", "created_at",
                       "session_id", "country", "source", "amount", "content"],
    "user_days.parquet": ["user_id", "session_key", "tenure_day", "half_days",
                          "recorded_days_to_end", "local_day"],
}  # fmt: skip
"""Tables that Spark writes as folders: on Sail in no order."""
READINGS: dict[str, Callable[[Any], Any]] = {
    "moment": lambda cell: clock.microseconds(cells.moment(cells.text(cell))),
    "number": lambda cell: cells.number(cells.text(cell)),
    "identifier": cells.identifier,
    "name": lambda cell: cells.named(cells.text(cell)),
}


@pytest.mark.parametrize("reading", READINGS)
def test_a_text_is_read_alike(on_spark: str, reading: str):
    table = pa.table({"place": range(len(SPELLINGS)), "text": SPELLINGS})
    read = READINGS[reading]
    found = []
    for con in (engine.in_process(), engine.connect()):
        given = ibis.memtable(table)
        rows = given.select("place", value=read(given.text)).order_by("place")
        found.append(con.to_pyarrow(rows)["value"].to_pylist())
    different = {t: (a, b) for t, a, b in zip(SPELLINGS, *found, strict=True) if not same(a, b)}
    assert not different


def same(one: Any, other: Any) -> bool:
    is_nan = isinstance(one, float) and isinstance(other, float) and math.isnan(one + other)
    return bool(one == other or is_nan)


def test_a_zone_that_one_row_names_does_not_reach_the_next():
    texts = ["2025-01-31 12:00:00 America/Lima", "2025-01-31", "2025-01-31 12:00:00"]
    given = ibis.memtable(pa.table({"place": range(3), "text": texts}))
    rows = given.select("place", at=cells.moment(cells.text(given.text))).order_by("place")
    found = engine.to_pandas(rows)["at"]
    expected = ["2025-01-31T17:00Z", "2025-01-31T00:00Z", "2025-01-31T12:00Z"]
    assert found.tolist() == [pd.Timestamp(text) for text in expected]


def test_a_repeated_value_of_a_filtered_column_counts_once(on_spark: str):
    table = engine.from_pandas(pd.DataFrame({"a": ["x", "x", "y"], "b": [1, 2, 3]}))
    kept = table.filter(table.b < 3).group_by("a").aggregate().order_by("a")
    assert engine.connect().to_pyarrow(kept)["a"].to_pylist() == ["x"]


def test_delays_have_their_microseconds(on_spark: str, tmp_path: Path):
    at = pd.Timestamp("2025-03-30T00:59:59.999999Z")
    later = [at + pd.Timedelta(microseconds=n) for n in (-1, 0, 1, 3_600_000_001)]
    events = pd.DataFrame({"event_at": at, "received_at": later}).astype("datetime64[us, UTC]")
    engine.write(engine.from_pandas(events), str(tmp_path / "events.parquet"))
    found = [
        case_tables.case_latency(engine.read(con, str(tmp_path / "events.parquet")))
        for con in (engine.in_process(), engine.connect())
    ]
    pd.testing.assert_frame_equal(*found)
    assert found[1].loc["max", "delay_event_created"] == 3600.000001


@pytest.mark.parametrize("before", ["nothing", "file", "folder"])
def test_a_written_table_is_a_folder(on_spark: str, tmp_path: Path, before: str):
    target = tmp_path / "table.parquet"
    if before == "file":
        target.write_text("old")
    elif before == "folder":
        target.mkdir()
        (target / "part-00009.parquet").write_text("old")
    rows = engine.from_pandas(pd.DataFrame({"n": range(100_000, 0, -1)})).order_by("n")
    engine.connect().to_parquet(rows, target)
    parts = sorted(target.iterdir())
    assert [p.name for p in parts] == [f"part-{n:05d}.parquet" for n in range(len(parts))]
    written = [n for part in parts for n in pd.read_parquet(part)["n"]]
    if "SPARK_REMOTE" not in os.environ:  # Sail writes in no order
        written.sort()
    assert written == [*range(1, 100_001)]
    there = engine.read(engine.in_process(), str(target))
    assert int(there.count().execute()) == len(written)


def test_files_with_two_types_of_a_column_are_named(on_spark: str, tmp_path: Path):
    for name, value in (("0", 1), ("1", "x")):
        pd.DataFrame({"user_id": ["a"], "n": [value]}).to_parquet(tmp_path / f"{name}.parquet")
    files = sorted(tmp_path.glob("*.parquet"))
    with pytest.raises(ReportError, match=r"0.parquet.*2 files as one table.*one type in all"):
        scan_on_spark(engine.connect(), str(tmp_path), files, "events")


@pytest.mark.usefixtures("sail")
def test_a_server_that_is_not_there_is_named_at_once(tmp_path: Path):
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"sc://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(ReportError, match=r"spark_url: sc://.* does not answer .*Start it"):
            engine.connect(url, tmp_path)


def test_events_that_are_no_parquet_are_copied_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sail: str
):
    users, _ = write_tables(tmp_path / "raw", USERS, EVENTS)
    events = tmp_path / "raw" / "events"
    events.mkdir()
    for month, rows in EVENTS.groupby(EVENTS.index // 1000):
        rows.to_csv(events / f"{month}.csv.gz", index=False, sep=";")
    compare(tmp_path, monkeypatch, sail, users, str(events))


def test_a_folder_by_days_is_read_there_like_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sail: str
):
    """The day in a folder's name is no content; a country there is that of the events."""
    users, _ = write_tables(tmp_path / "raw", USERS, EVENTS)
    whole = EVENTS.assign(country=[("PE", "MX")[n % 2] for n in EVENTS.index])
    whole.to_parquet(tmp_path / "whole.parquet", index=False)
    for (day, country), rows in whole.groupby([whole.index // 400, "country"]):
        folder = tmp_path / "events" / f"date=2025-03-0{day + 1}" / f"country={country}"
        folder.mkdir(parents=True)
        new = {} if day == 0 else {"later": "x"}
        rows.drop(columns="country").assign(**new).to_parquet(folder / "0.parquet", index=False)
    expected = run_stages(tmp_path / "expected", users, str(tmp_path / "whole.parquet"))
    compare(tmp_path, monkeypatch, sail, users, str(tmp_path / "events"))
    for name in ("audit/events_cleaning.csv", "audit/rules_broken.csv", "cohorts/kpis.csv"):
        assert (tmp_path / "spark" / name).read_text() == (expected / name).read_text()


def test_the_gate_finds_on_spark_what_a_page_discloses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sail: str
):
    users, events = write_tables(tmp_path / "raw", USERS, EVENTS)
    given = {"users": users, "events": events, "engine": "spark", "spark_url": sail}
    run = run_under(tmp_path, tmp_path / "out", load_params(ROOT / "params.yml", given))
    monkeypatch.setenv(engine.SPARK_URL, sail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    UsersChapter.read(str(run.data), users, {}, **parameters(UsersChapter)).write(str(run.data))
    EventsChapter.read(str(run.data), events, {}, **parameters(EventsChapter)).write(str(run.data))
    monkeypatch.delenv(engine.SPARK_URL)
    assert disclose.connections(run)["events"].name == "pyspark"
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("<p>Nobody.</p>")
    disclose.require_disclosable(run, site)
    session = EVENTS["session_id"].dropna().iloc[-1]
    (site / "index.html").write_text(f"<table><tr><td>{session}</td></tr></table>")
    with pytest.raises(DisclosureError, match=r"index.html.*a value of events.session_id"):
        disclose.require_disclosable(run, site)


def test_no_expression_orders_what_is_distinct():
    """On Spark and Postgres Ibis adds a filter's columns to `distinct().order_by()`: group."""
    wrong = re.compile(r"\.distinct\(\)\s*\.order_by")
    found = [path for path in (ROOT / "src").rglob("*.py") if wrong.search(path.read_text())]
    assert not found
