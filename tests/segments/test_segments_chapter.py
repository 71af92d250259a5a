"""The chapter segments as a whole: its tables, its checks, what it writes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.contract import catalogue, stages
from analysis.segments import Segments

STAGE = stages.find(Segments.stage)


@pytest.fixture
def segments() -> Segments:
    rng, n = np.random.default_rng(0), 150
    users = pd.DataFrame({
        "user_id": [f"u{i:03d}" for i in range(n)], "event_count": 5,
        "active_days": rng.integers(1, 30, n).astype(float), "recency_days": rng.random(n) * 30,
        "sessions_per_week": rng.random(n), "exit_rate": rng.random(n),
    })  # fmt: skip
    snapshots = users.assign(split="test", churned=(users["recency_days"] > 15).astype(float))
    return Segments(users, snapshots, max_clusters=3, null_draws=20, min_group=5, seed=1)


def test_a_check_of_the_tiers_makes_no_clusters(segments: Segments) -> None:
    assert [verdict.status for verdict in segments.verdicts({"segments_separate"})] == ["pass"]
    assert "cluster_selection" not in vars(segments)


def test_the_stage_writes_what_it_declares_with_the_columns_of_the_catalogue(
    segments: Segments, tmp_path: Path
) -> None:
    segments.write(str(tmp_path))
    assert {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.*")} == set(
        STAGE.writes.values()
    )
    for name in set(STAGE.writes) - {"verdict_table"}:
        columns = [column.name for column in catalogue.table_of(name).columns]
        assert list(getattr(segments, name)) == columns


def test_measures_and_tiers_have_words(segments: Segments) -> None:
    for table, column in (
        ("cluster_summary", "feature"), ("tier_churn", "group"), ("tier_limits", "band"),
    ):  # fmt: skip
        words = next(c for c in catalogue.table_of(table).columns if c.name == column).values
        assert set(getattr(segments, table)[column]) <= set(words)
