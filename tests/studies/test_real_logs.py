"""Real logs, healthy and broken: which headline figures are struck, and by which check."""

from pathlib import Path
from typing import Any

import pytest

from analysis.base import engine
from analysis.contract.inputs import EVENTS, USERS
from analysis.log.chapters import EventsChapter, UsersChapter
from analysis.log.raw import read_raw
from benchmarks.company import OF_THE_DATA, PARAMS, Company, of_stage
from benchmarks.final import Final, final_verdicts
from tests.handmade import NO_REAL_LOGS, REAL_LOGS

pytestmark = [
    pytest.mark.golden,
    pytest.mark.skipif(not REAL_LOGS.is_dir(), reason=NO_REAL_LOGS),
]
HEALTHY = {
    "ruff-commits": {"machines"},
    "angularjs-commits": set(),
    "nycflights-planes": set(),
    "opendata-stackexchange": {"machines", "newcomers_seen", "native_agrees"},
    "uk-retail-orders": set(),
}
"""Logs of which no figure is to be struck, and checks that must at least warn."""


def judge(log: str, **changed: object) -> tuple[Final, Company]:
    """Return the final verdicts on a real log, by the figures of the data alone."""
    users, events = (next((REAL_LOGS / log).glob(f"{name}.*")) for name in ("users", "events"))
    con = engine.connect()
    cleaned = UsersChapter(_read(con, users, "users"), PARAMS.time_zone)
    chapter = EventsChapter(
        _read(con, events, "events"), cleaned.users, **of_stage(EventsChapter.stage, **changed)
    )
    company = Company(chapter.log, cleaned.users_qa, chapter.events_qa)
    return final_verdicts(company, OF_THE_DATA), company


def _read(con: object, path: Path, table: str) -> Any:
    return read_raw(con, str(path), table, USERS if table == "users" else EVENTS, {})


def status_of(final: Final) -> dict[str, str]:
    return {verdict.check: verdict.status for verdict in final.verdicts}


@pytest.mark.parametrize("log", HEALTHY)
def test_nothing_of_a_healthy_log_is_struck(log):
    statuses = status_of(judge(log)[0])
    assert [check for check, status in statuses.items() if status == "fail"] == []
    assert {statuses[check] for check in HEALTHY[log]} <= {"warn"}


def test_what_looks_past_the_loss_of_a_third_of_the_users_is_struck():
    final, _ = judge("nycflights-planes-lost-third")
    (verdict,) = [verdict for verdict in final.verdicts if verdict.status == "fail"]
    assert (verdict.check, verdict.facts["date"]) == ("log_users", "2013-08-20")
    assert {"churn_rate", "survival_30", "reactivation_rate"} <= set(final.struck)
    assert "retention_d1" not in final.struck  # hardly touched: most were first seen before


def test_a_log_that_ends_before_the_loss_is_whole():
    """The remedy of the check: set log_end to the day from which events are missing."""
    final, company = judge("nycflights-planes-lost-third", log_end="2013-08-20")
    assert "fail" not in status_of(final).values()
    retention = company.cohorts.retention_by_day.set_index(["definition", "day"])
    within = retention.loc[("within", 30), ["retained_users", "eligible_users"]]
    assert within.tolist() == [3323, 3856]  # as in the log before the loss


def test_orders_imported_twice_strike_counts_and_no_headline_figure():
    final, _ = judge("uk-retail-orders-stacked")
    statuses = status_of(final)
    assert [check for check, status in statuses.items() if status == "fail"] == ["double_logging"]
    assert final.struck == {}
    moved = final.effects[final.effects["check"] == "double_logging"].set_index("figure")
    assert moved.loc["events_total", "change"] == -891
