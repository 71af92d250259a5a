"""benchmarks.model_scale: the features it makes, and that the chapters take them."""

from pathlib import Path

import pandas as pd
import pytest

from analysis.contract import stages
from benchmarks import model_scale


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("millions")
    model_scale.make_tables(3000, 0.5, place)
    return place


def test_users_are_at_risk_at_nine_snapshots(folder: Path):
    rows = pd.read_parquet(folder / stages.SNAPSHOTS)
    splits = rows.groupby("snapshot_at")["split"].first().tolist()
    assert splits == ["train"] * 6 + ["calibrate", "test", "score"]
    sizes = rows.groupby("snapshot_at").size()
    assert sizes.sub(1500).abs().max() < 4 * (3000 * 0.25) ** 0.5  # binomial
    assert not rows.duplicated(["user_id", "snapshot_at"]).any()
    assert rows["churned"].isna().equals(rows["split"] == "score")
    assert rows["user_id"].isin(pd.read_parquet(folder / stages.USERS)["user_id"]).all()


def test_a_chapter_is_measured_and_writes_its_tables(folder: Path):
    measured = model_scale._measure("08_segmentation", folder)
    assert measured["cpu_seconds"] > 0
    written = stages.find("08_segmentation").writes.values()
    assert all((folder / path).is_file() for path in written)
