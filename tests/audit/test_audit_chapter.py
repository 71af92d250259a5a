"""The chapter audit as a whole: its tables, its checks, what it writes."""

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.audit import Audit
from analysis.base import files
from analysis.contract import catalogue, stages
from analysis.contract.checks import of_stage
from analysis.log.activity import place
from analysis.log.chapters import EventsChapter
from analysis.log.rules import RULE_COLUMNS
from tests.handmade import ROLES, at, make_events, make_log, make_params, make_users, make_window
from tests.two_tables import EVENTS, USERS

STAGE = stages.find(Audit.stage)
MEASURES = {
    "cleaning_rules", "user_rules", "event_rules", "repeat_rules", "identity_rules",
    "coverage_rules", "users_seen", "kinds", "presence", "daily_changes", "sudden_changes", "closed",
    "daily_mix", "mix_breaks", "users_of_breaks",
    "daily_amounts", "session_lengths", "fullest_second", "delay_by_kind", "native_totals",
}  # fmt: skip


@pytest.fixture
def audit() -> Audit:
    """Return the audit of three users, of whom one has no event, in a month."""
    params = make_params().model_dump()
    log = make_log(EVENTS, USERS, make_window("2025-01-01", "2025-02-01"))
    users_qa = {"rows_read": 3, "null_user_id": 0}
    events_qa = {"null_event_uuid": None, "rows_kept": 3, "cells": []}
    return Audit(log, users_qa, events_qa, **{name: params[name] for name in STAGE.params})


def test_all_rules_stand_in_one_table_in_a_fixed_order(audit: Audit) -> None:
    table = audit.rules
    assert list(table.columns) == RULE_COLUMNS
    assert table["rule"].iloc[[0, -1]].tolist() == [
        "user_id is missing (left out)",
        "user has events outside the days that count",
    ]
    assert "user_id is not in the users table" in set(table["rule"])
    assert table["broken"].notna().all()


def test_a_single_check_computes_only_what_it_reads(audit: Audit) -> None:
    assert [verdict.check for verdict in audit.verdicts({"log_mix"})] == ["log_mix"]
    of_mix = {"daily_mix", "mix_breaks", "users_of_breaks"}
    assert set(vars(audit)) & MEASURES == of_mix
    audit.verdicts({"missing_values"})
    assert set(vars(audit)) & MEASURES == {
        *of_mix, "cleaning_rules", "user_rules", "users_seen", "event_rules"
    }  # fmt: skip


def test_every_check_of_the_stage_is_judged_once(audit: Audit) -> None:
    assert audit.verdict_table["check"].tolist() == [check.name for check in of_stage(Audit.stage)]
    assert audit.verdict_table["check"].is_unique
    read = {name for check in of_stage(Audit.stage) for name in check.reads}
    assert MEASURES - read == {"coverage_rules", "daily_mix"}


def test_the_span_of_a_user_is_that_of_all_events_but_passive_ones(audit: Audit) -> None:
    spans = audit.users_seen.set_index("user_id")
    assert spans["event_count"].dropna().to_dict() == {"a": 3, "b": 1}  # two come before signup
    assert spans.loc["a", "first_event_at"] == at("2025-01-05T10:00")
    placed = place(EVENTS, USERS, audit.log.window, ("play",))
    passive = replace(audit, log=replace(audit.log, events=placed)).users_seen
    assert passive["event_count"].dropna().tolist() == [1]  # of a type that is not given


def test_the_stage_writes_what_it_declares_with_the_columns_of_the_catalogue(
    audit: Audit, tmp_path: Path
) -> None:
    audit.write(str(tmp_path))
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")}
    assert written == set(STAGE.writes.values())
    for name in set(STAGE.writes):
        columns = [column.name for column in catalogue.table_of(name).columns]
        assert files.read_table(str(tmp_path / STAGE.writes[name])).columns.tolist() == columns, (
            name
        )


def test_a_given_start_is_read_in_the_zone_by_the_audit_as_by_all() -> None:
    days = [f"2025-01-{day:02d}T12:00" for day in range(1, 29)]
    raw = make_events([("a", when) for when in days]).drop("recorded_at")
    zone, given = "America/Lima", ("2025-01-05", "2025-01-20")
    raw = raw.rename(event_timestamp="event_at")
    chapter = EventsChapter(raw, make_users({"a": "2025-01-01"}), zone, *given, [], ROLES, 30)
    params = make_params(time_zone=zone).model_dump()
    audit = Audit(chapter.log, {}, {}, **{name: params[name] for name in STAGE.params})
    window = audit.log.window
    assert (window.start, window.end) == (at("2025-01-05T05:00"), at("2025-01-20T05:00"))
    (verdict,) = audit.verdicts({"last_day"})
    assert (verdict.n, verdict.facts["end"]) == (9, "2025-01-20")
