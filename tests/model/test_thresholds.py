"""Does a group need a threshold of its own?"""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit
from scipy.stats import norm

from analysis.model.thresholds import COLUMNS, segment_thresholds, thresholds_by_column


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


def fixed_groups(**churners: int) -> pd.DataFrame:
    """Return groups of 40 users, all scored one half, of whom so many churned."""
    rows = [(name, 1.0 if n < gone else 0.0) for name, gone in churners.items() for n in range(40)]
    table = pd.DataFrame(rows, columns=["group", "churned"]).assign(proba_churn=0.5)
    return table.assign(user_id=[f"u{n}" for n in range(len(table))])


def test_the_threshold_of_a_group_by_hand():
    table = segment_thresholds(fixed_groups(a=30, b=10), "group", 0.5, 40).set_index("group")
    # three in four of `a` churned: its odds are 3 : 1, and one half is reached at a score of 1 / 4
    assert table["log_odds_shift"].tolist() == pytest.approx([np.log(3), -np.log(3)])
    assert table["threshold"].tolist() == pytest.approx([0.25, 0.75])
    assert table["users"].tolist() == [40, 40]
    # 20 of 80 weights of 1 / 4 are left to each group beside the intercept: 10 - 100 / 20 = 5
    assert table["standard_error"].tolist() == pytest.approx([np.sqrt(5) / 10] * 2)
    wide = 1.959964 * np.sqrt(5) / 10
    assert table.loc["a", "ci_low"] == pytest.approx(expit(-np.log(3) - wide))
    assert table.loc["a", "ci_high"] == pytest.approx(expit(-np.log(3) + wide))
    # 30 churned where 20 were expected: z = 10 / sqrt(5)
    assert table["p_value"].tolist() == pytest.approx([2 * norm.sf(10 / np.sqrt(5))] * 2)
    assert table["threshold_used"].tolist() == pytest.approx([0.25, 0.75])
    assert not table["is_withheld"].any()


def test_a_group_of_one_outcome_or_too_few_users_is_withheld():
    table = segment_thresholds(fixed_groups(a=40, b=20, c=1), "group", 0.4, 40).set_index("group")
    assert table["is_withheld"].tolist() == [True, False, False]
    assert table.loc["a", ["threshold", "ci_low", "ci_high"]].isna().all()
    assert table.loc["a", "threshold_used"] == 0.4
    assert segment_thresholds(fixed_groups(a=20), "group", 0.4, 41)["is_withheld"].tolist() == [
        True
    ]


def test_one_group_of_everybody_needs_no_threshold_of_its_own():
    table = segment_thresholds(fixed_groups(a=20), "group", 0.4, 40)
    assert table["p_value"].tolist() == [1.0]
    assert table["threshold_used"].tolist() == [0.4]
    assert table["threshold"].tolist() == pytest.approx([0.4])
    assert table["ci_low"].tolist() == table["ci_high"].tolist() == pytest.approx([0.4])


def test_what_all_users_are_off_by_is_no_difference_of_a_group():
    table = segment_thresholds(fixed_groups(a=30, b=20), "group", 0.5, 40)
    # 50 churned where 40 were expected: of that 5 in each group; 5 are left, variance 5 as above
    assert table["p_value"].tolist() == pytest.approx([2 * norm.sf(np.sqrt(5))] * 2)
    assert table["log_odds_shift"].tolist() == pytest.approx([np.log(3), 0.0])


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_a_threshold_that_flags_all_or_none_is_that_of_every_group(threshold):
    table = segment_thresholds(fixed_groups(a=30, b=10), "group", threshold, 40)
    assert table["threshold"].tolist() == [threshold] * 2
    assert table[["ci_low", "ci_high"]].eq(threshold).all(axis=None)


def test_the_groups_of_every_column_are_those_of_the_calibration_snapshot():
    scores = fixed_groups(a=30, b=10)
    other = np.where(np.arange(80) % 2, "x", "y")
    now = scores[["user_id", "group"]].assign(other=other, split="calibrate")
    later = now.assign(split="score", group="z")
    later.loc[0, "group"] = None
    snapshots = pd.concat([now, later])
    table = thresholds_by_column(scores, snapshots, ["group", "other"], 0.5, 30)
    assert list(table.columns) == COLUMNS
    assert table[["column", "group"]].to_numpy().tolist() == [
        ["group", "a"], ["group", "b"], ["other", "x"], ["other", "y"]
    ]  # fmt: skip
    assert table["threshold_used"].tolist() == pytest.approx([0.25, 0.75, 0.5, 0.5])
    assert table["users"].tolist() == [40, 40, 40, 40]
    now.loc[0, "group"] = None
    table = thresholds_by_column(scores, now, ["group"], 0.5, 30)
    assert table["users"].tolist() == [39, 40]


def test_without_columns_there_are_no_thresholds_of_groups():
    table = thresholds_by_column(fixed_groups(a=1), pd.DataFrame({"split": []}), [], 0.5, 30)
    assert table.empty
    assert list(table.columns) == COLUMNS


def test_a_difference_within_chance_leaves_the_threshold_of_all():
    table = segment_thresholds(fixed_groups(a=22, b=18), "group", 0.5, 40)
    assert table["p_value"].tolist() == pytest.approx([2 * norm.sf(2 / np.sqrt(5))] * 2)  # 0.37
    assert table["is_different"].tolist() == [False, False]
    assert table["threshold_used"].tolist() == [0.5, 0.5]
    assert table["threshold"].tolist() == pytest.approx([0.45, 0.55])
    loose = segment_thresholds(fixed_groups(a=22, b=18), "group", 0.5, 40, alpha=0.5)
    assert loose["threshold_used"].tolist() == pytest.approx([0.45, 0.55])
