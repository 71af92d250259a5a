"""Does a group need a threshold of its own?"""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit

from analysis.model.thresholds import segment_thresholds


def make_segments(shift: float, users: int, seed: int, share: float = 0.5) -> pd.DataFrame:
    """Users of `a` and, a `share` of them, `b`, whose log-odds are higher by `shift`; their scores
    were calibrated on their outcomes, as are those of the calibration snapshot.
    """
    rng = np.random.default_rng(seed)
    group = np.where(rng.random(users) < share, "b", "a")
    odds = rng.normal(-0.5, 1, users)
    risk = 1 / (1 + np.exp(-(odds + shift * (group == "b"))))
    churned = (rng.random(users) < risk).astype(float)
    fitted = sm.GLM(churned, sm.add_constant(odds), family=sm.families.Binomial()).fit()
    return pd.DataFrame(
        {"group": group, "churned": churned, "proba_churn": fitted.predict(), "odds": odds}
    )


def test_a_group_whose_risk_is_understated_gets_a_lower_threshold():
    rows = make_segments(1.0, 4000, 1)
    table = segment_thresholds(rows, "group", 0.5, 30).set_index("group")
    assert table["is_different"].all()
    slope, intercept = np.polyfit(rows["odds"], logit(rows["proba_churn"]), 1)
    for group, odds in {"a": 0.0, "b": -1.0}.items():  # where its risk is one half
        exact = expit(intercept + slope * odds)
        assert table.loc[group, "ci_low"] < exact < table.loc[group, "ci_high"]
    assert table["threshold_used"].equals(table["threshold"])
    assert table.loc["b", "threshold"] < 0.5 < table.loc["a", "threshold"]
    assert table["q_value"].nunique() == 1  # two groups are one test


@pytest.mark.parametrize("share", [0.5, 0.87])
def test_equal_groups_rarely_get_their_own_threshold(share):
    found = np.array([
        segment_thresholds(make_segments(0.0, 400, seed, share), "group", 0.5, 30)["p_value"]
        for seed in range(400)
    ])  # fmt: skip
    error = 3 * np.sqrt(0.05 * 0.95 / 400)
    assert (found < 0.05).mean(axis=0) == pytest.approx([0.05, 0.05], abs=error)


def test_a_group_of_most_users_can_be_distinguished():
    found = [
        segment_thresholds(make_segments(0.4, 1200, seed, 0.87), "group", 0.5, 30)["p_value"][1]
        for seed in range(100)
    ]
    # information of the shift: 0.87 * 0.13 of 1,200 weights of some 0.2: 0.4 is two errors, 0.52
    assert np.mean(np.array(found) < 0.05) == pytest.approx(0.52, abs=3 * 0.05)


def test_small_groups_are_withheld():
    rows = make_segments(0.0, 200, 1)
    rows.loc[:4, "group"] = "tiny"
    table = segment_thresholds(rows, "group", 0.5, min_group=30).set_index("group")
    assert table.loc["tiny", "is_withheld"]
    assert table.loc["tiny", "users"] == 5
    assert np.isnan(table.loc["tiny", "threshold"])
    assert table.loc["tiny", "threshold_used"] == 0.5
