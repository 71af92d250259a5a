"""The chapter published as a whole: its tables, its claims, what it writes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.contract import catalogue, checks, stages
from analysis.published import Published
from analysis.published.view import View
from tests.handmade import instants, make_events, make_log, make_window

STAGE = stages.find(Published.stage)
CLAIMS = [check.name for check in checks.of_stage(Published.stage)]


@pytest.fixture(scope="module")
def published() -> Published:
    rng, n = np.random.default_rng(3), 60
    signup = pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 90, n), "D")
    users = pd.DataFrame({
        "user_id": [f"u{i:02d}" for i in range(n)],
        "signup_date": instants([str(at) for at in signup]),
        "country": rng.choice(["Peru", "Chile"], n), "age": rng.integers(18, 60, n),
        "credits_purchased": rng.integers(0, 40, n),
        "last_active_date": instants([str(at + pd.Timedelta(days=50)) for at in signup]),
    })  # fmt: skip
    days = np.where(np.arange(n) % 3, 10, 40)
    times = [str(at + pd.Timedelta(days=int(d))) for at, d in zip(signup, days, strict=True)]
    events = make_events(list(zip(users["user_id"], times, strict=True)))
    log = make_log(events, users, make_window("2025-01-20", "2025-05-10"))
    return Published(log, {"null_user_id": 0}, {}, seed=42)


def test_a_claim_makes_only_what_it_reads(published: Published) -> None:
    (verdict,) = published.verdicts({"published_truncated"})
    assert verdict.facts["users"] == 60
    assert "models" not in vars(published.case)


def test_every_claim_is_judged_by_its_own_name(published: Published) -> None:
    assert [verdict.check for verdict in published.verdicts()] == CLAIMS
    assert len(CLAIMS) == 14


@pytest.mark.parametrize(("view", "judged"), [("auto", []), ("shortcuts", []), ("claims", CLAIMS)])
def test_claims_are_judged_on_the_cases_tables_or_when_asked(
    published: Published, view: View, judged: list[str]
) -> None:
    asked = replace(published, published_view=view)
    assert asked.verdict_table["check"].tolist() == judged
    assert list(asked.verdict_table) == checks.COLUMNS
    assert asked.view == {"is_case": view == "claims"}


def test_a_claim_that_the_tables_cannot_speak_to_is_never_confirmed(published: Published) -> None:
    verdicts = published.verdicts()
    assert not [verdict.check for verdict in verdicts if verdict.status == "pass"]


def test_columns_of_the_log_do_not_enter_the_features(published: Published) -> None:
    assert list(published.case_features) == [
        "user_id", "signup_date", "age", "country", "last_active_date", "credits_purchased",
        "event_count", "recency_days", "unique_event_types",
    ]  # fmt: skip


def test_events_before_signup_are_counted(published: Published) -> None:
    log = published.log
    events = make_events([("u00", "2025-01-01"), ("u00", "2025-04-15"), ("nobody", "2025-04-01")])
    users = log.users.head(1).assign(signup_date=instants(["2025-04-01"]))
    changed = Published(make_log(events, users, log.window), {}, {}, seed=42)
    (verdict,) = changed.verdicts({"published_censored"})
    assert verdict.facts == {"late": 0, "users": 1, "before_signup": 1, "late_rate": None}
    assert verdict.status == "warn"


def test_the_stage_writes_what_it_declares_with_the_columns_of_the_catalogue(
    published: Published, tmp_path: Path
) -> None:
    published.write(str(tmp_path))
    assert {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.*")} == set(
        STAGE.writes.values()
    )
    for table, column in (("case_retention", "figure"), ("case_models", "model")):
        words = next(c for c in catalogue.table_of(table).columns if c.name == column).values
        assert set(getattr(published, table)[column]) == set(words)


def test_tables_are_empty_where_the_case_cannot_be_made(published: Published) -> None:
    log = published.log
    few = make_log(log.events.head(5), log.users.head(5), log.window)
    none = Published(few, {}, {}, seed=42)
    for name in ("case_models", "case_predictions", "case_by_country", "case_risk"):
        table = getattr(none, name)
        assert table.empty
        assert {c.name for c in catalogue.table_of(name).columns} <= set(table)
