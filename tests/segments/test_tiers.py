import numpy as np
import pandas as pd

from analysis.segments import tiers

RFM = pd.DataFrame(
    {
        "recency_days": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, np.nan],
        "events": [60.0, 50.0, 40.0, 30.0, 20.0, 10.0, 10.0],
    },
    index=list("abcdefg"),
)


def test_tiers_are_the_rules():
    table = tiers.tiers_of(RFM, "recency_days", "events")
    # recency: thirds of six known values end at the 2nd and the 4th; events likewise from below
    assert table["recency_band"].tolist()[:6] == [
        "active",
        "active",
        "fading",
        "fading",
        "silent",
        "silent",
    ]
    assert table.loc["a", "tier"] == "active_frequent"
    assert table.loc["f", "tier"] == "silent_occasional"
    assert pd.isna(table.loc["g", "tier"])


def test_rules_state_the_limits_that_tiers_use():
    rules = tiers.band_limits(RFM, "recency_days", "events").set_index("band")
    assert rules.loc["active", "at_most"] == 2.0
    assert rules.loc["fading", ["above", "at_most"]].tolist() == [2.0, 4.0]
    assert np.isnan(rules.loc["silent", "at_most"])


def test_the_churn_of_tiers_is_that_after_the_test_snapshot():
    rows = 90
    test = pd.DataFrame({
        "user_id": [f"u{i}" for i in range(rows)], "split": "test", "churned": [0.0, 0.0, 1.0] * 30,
        "recency_days": [1.0, 5.0, 25.0] * 30, "active_days": [1.0, 2.0, 3.0] * 30,
    })  # fmt: skip
    others = test.assign(split="train", churned=1.0)
    table = tiers.later_churn(pd.concat([others, test]), min_group=10)
    rates = table[table["group"].isin(["active_occasional", "fading_regular", "silent_frequent"])]
    assert rates.set_index("group")["rate"].to_dict() == {
        "active_occasional": 0.0, "fading_regular": 0.0, "silent_frequent": 1.0
    }  # fmt: skip
