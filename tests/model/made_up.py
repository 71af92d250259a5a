"""Snapshots of made-up users whose leaving follows what is known of them."""

import numpy as np
import pandas as pd

from analysis.model.candidates import pipelines

NUMERIC = ["recency_days", "event_count", "noise", "empty"]
CATEGORICAL = ["country"]
SPLITS = ["train", "train", "train", "calibrate", "test", "score"]


def make_snapshots(users: int = 300, seed: int = 0, splits: list[str] = SPLITS) -> pd.DataFrame:
    """Users who leave by recency, events and country; `noise` and `empty` say nothing."""
    rng = np.random.default_rng(seed)
    parts = []
    for number, split in enumerate(splits):
        rows = pd.DataFrame({"user_id": [f"u{i:04d}" for i in range(users)], "split": split})
        rows["snapshot_at"] = pd.Timestamp("2025-03-01", tz="UTC") + pd.Timedelta(days=30 * number)
        rows["recency_days"] = rng.uniform(0, 30, users)
        rows["event_count"] = rng.poisson(20, users).astype(float)
        rows["noise"] = np.where(rng.random(users) < 0.1, np.nan, rng.normal(size=users))
        rows["empty"] = np.nan
        rows["country"] = pd.Series(rng.choice(["MX", "PE", "CO"], users), dtype="str")
        odds = 0.15 * (rows["recency_days"] - 15) - 0.05 * (rows["event_count"] - 20)
        odds += 1.0 * (rows["country"] == "PE")
        rows["churned"] = (rng.random(users) < 1 / (1 + np.exp(-odds))).astype(float)
        parts.append(rows)
    table = pd.concat(parts, ignore_index=True)
    table.loc[::11, "country"] = None
    table.loc[table["split"] == "score", "churned"] = np.nan
    return table


SNAPSHOTS = make_snapshots()
PIPELINES = pipelines(NUMERIC, CATEGORICAL, seed=1)
PIPELINES["random_forest"].set_params(model__n_estimators=20)  # enough to test with
TEST = SNAPSHOTS[SNAPSHOTS["split"] == "test"]
