"""Verdicts on repeats in real logs, whose truth is known: see the README beside them."""

from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from analysis.audit import Audit
from analysis.audit.repeats import double_logging
from analysis.contract import stages
from analysis.contract.checks import Verdict
from analysis.contract.inputs import EVENTS, USERS
from analysis.log.chapters import EventsChapter, UsersChapter
from analysis.log.raw import read_raw
from tests.handmade import CON, NO_REAL_LOGS, REAL_LOGS, make_params

pytestmark = pytest.mark.skipif(not REAL_LOGS.exists(), reason=NO_REAL_LOGS)
STACKED = REAL_LOGS / "uk-retail-orders-stacked"


def file_of(folder: Path, name: str) -> str:
    return str(next(folder.glob(f"{name}.*")))


def audit_of(folder: Path, events: str | None = None) -> Audit:
    """Return the audit of a log; `events` is another file than its own."""
    params = make_params().model_dump()
    users = UsersChapter(read_raw(CON, file_of(folder, "users"), "users", USERS, {}), "UTC")
    raw = read_raw(CON, events or file_of(folder, "events"), "events", EVENTS, {})
    given = {n: params[n] for n in ("time_zone", "log_start", "log_end", "session_gap_minutes")}
    chapter = EventsChapter(raw, users.users, passive_event_types=[], event_types={}, **given)
    of_stage = {name: params[name] for name in stages.find(Audit.stage).params}
    return Audit(chapter.log, users.users_qa, chapter.events_qa, **of_stage)


def judged(audit: Audit) -> Verdict:
    parts = audit.repeat_rules, audit.exact_copies, audit.doubled_days, audit.repeat_surplus
    return double_logging(*parts)


@cache
def verdict_of(name: str) -> Verdict:
    return judged(audit_of(REAL_LOGS / name))


@pytest.mark.parametrize(
    ("name", "status", "copies"),
    [
        ("uk-retail-orders", "pass", 0),
        ("opendata-stackexchange", "pass", 1167),
        ("ruff-commits", "pass", 8),
        ("nycflights-planes", "pass", 0),
        ("nycflights-planes-lost-third", "pass", 0),
    ],
)
def test_healthy_logs_have_no_copies(name, status, copies):
    verdict = verdict_of(name)
    assert (verdict.status, verdict.facts["copies"]) == (status, copies)


def test_dates_without_identifiers_cannot_be_judged_and_their_copies_are_told():
    verdict = verdict_of("angularjs-commits")
    assert verdict.status == "not_applicable"
    assert verdict.facts["reason"].startswith("2,481 of 9,037 rows are the same")


def test_two_exports_stacked_are_found_on_their_days():
    verdict = verdict_of("uk-retail-orders-stacked")
    assert verdict.status == "fail"
    (block,) = verdict.facts["blocks"]
    assert (block["start"], block["end"]) == ("2010-12-01", "2010-12-09")
    assert (block["copies"], block["events"], block["users"]) == (891, 1782, 622)
    assert verdict.suspects is not None
    assert verdict.suspects["amount"].sum() == 891


def test_without_the_copies_the_parent_remains_and_the_check_passes(tmp_path):
    text = pa_csv.ConvertOptions(column_types=dict.fromkeys(
        ("event_uuid", "user_id", "event_type", "event_timestamp", "properties"), pa.string()
    ))  # fmt: skip
    rows = pa_csv.read_csv(file_of(STACKED, "events"), convert_options=text).to_pandas()
    kept = rows.drop_duplicates(["user_id", "event_type", "event_timestamp", "properties"])
    assert len(kept) == 44_751
    pq.write_table(pa.Table.from_pandas(kept, preserve_index=False), tmp_path / "events.parquet")
    verdict = judged(audit_of(STACKED, str(tmp_path / "events.parquet")))
    assert (verdict.status, verdict.facts["copies"]) == ("pass", 0)
