"""The chapter cohorts as a whole: its tables, its checks, what it writes."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from analysis.cohorts import Cohorts
from analysis.contract import catalogue, checks, stages
from tests.handmade import instants, make_events, make_log, make_params, make_users, make_window

STAGE = stages.find(Cohorts.stage)
USERS = make_users({f"u{i}": f"2025-01-{i + 1:02d}" for i in range(6)}, country=list("aabbcc"))
EVENTS = make_events([
    (f"u{i}", f"2025-{month:02d}-{i + 2:02d}") for i in range(6) for month in range(1, 7 - i)
])  # fmt: skip


@pytest.fixture
def cohorts() -> Cohorts:
    params = make_params(min_group=2).model_dump()
    log = make_log(EVENTS, USERS, make_window("2025-01-01", "2025-07-01"))
    return Cohorts(log, **{name: params[name] for name in STAGE.params})


def test_a_single_check_computes_only_what_it_reads(cohorts: Cohorts) -> None:
    verdicts = cohorts.verdicts({"retention_cells"})
    assert [verdict.check for verdict in verdicts] == ["retention_cells"]
    made = set(vars(cohorts)) & set(STAGE.writes)
    assert made == {"retention_cohorts"}


def test_the_stage_writes_what_it_declares_with_the_columns_of_the_catalogue(
    cohorts: Cohorts, tmp_path: Path
) -> None:
    cohorts.write(str(tmp_path))
    assert {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.*")} == set(
        STAGE.writes.values()
    )
    for name in set(STAGE.writes) - {"verdict_table", "user_retention"}:
        table = pd.read_csv(tmp_path / STAGE.writes[name])
        assert list(table) == [column.name for column in catalogue.table_of(name).columns]


def test_checks_stand_in_the_order_of_the_chapter(cohorts: Cohorts) -> None:
    names = cohorts.verdict_table["check"].tolist()
    assert names == [check.name for check in checks.of_stage(Cohorts.stage)]
    assert names[1:4] == ["retention_eligible", "retention_cells", "enough_newcomers"]


def test_groups_that_were_written_when_users_left_have_no_curve(cohorts: Cohorts) -> None:
    users = USERS.assign(plan=["basic", "Cancelled"] * 3)
    log = make_log(EVENTS, users, make_window("2025-01-01", "2025-07-01"))
    given = replace(cohorts, log=log, group_columns=["country", "plan"])
    columns = {group.split(":")[0] for group in given.survival["group"]}
    assert columns == {"all", "country"}


def test_codes_of_the_tables_have_words(cohorts: Cohorts) -> None:
    users = USERS.assign(cancel_date=instants(["2025-03-01", None] * 3))
    log = make_log(EVENTS, users, make_window("2025-01-01", "2025-07-01"))
    cohorts = replace(cohorts, log=log)
    coded = {
        "retention_by_day": ["definition"], "kpis_latest": ["change"],
        "cancellations": ["among", "state"],
    }  # fmt: skip
    for table, column in [(table, column) for table, names in coded.items() for column in names]:
        assert len(getattr(cohorts, table))
        words = next(c for c in catalogue.table_of(table).columns if c.name == column).values
        assert set(getattr(cohorts, table)[column]) <= set(words)
