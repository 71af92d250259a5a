"""Who is at risk now: ranks, holdout, actions."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.base.errors import ReportError
from analysis.model import Scoring, importance, scoring
from analysis.model.economics import Economics, break_even

ECONOMICS = Economics(customer_value=60, contact_cost=0.5, incentive=3, saved_share=0.1)
ECONOMICS_LIMIT = break_even(ECONOMICS)  # 0.40
AT = pd.Timestamp("2025-10-21", tz="UTC")


class RiskModel:
    """A model whose probability is the column `risk`."""

    class Inner:
        transformers = (("numeric", None, ["risk"]), ("categorical", None, []))

    estimator = type("Frozen", (), {"estimator": {"prepare": Inner}})

    def predict_proba(self, frame):
        return np.column_stack([1 - frame["risk"], frame["risk"]])


def make_scores(proba: list[float]) -> pd.DataFrame:
    ids = [f"u{i}" for i in range(len(proba))]
    return pd.DataFrame({"user_id": ids, "recency_days": 1.0, "proba_churn": proba})


def test_score_keeps_who_and_when():
    frame = pd.DataFrame({"user_id": ["a", "b"], "recency_days": [3.0, 4.0], "risk": [0.2, 0.7]})
    table = scoring.score(RiskModel(), frame)
    assert table.to_dict("list") == {
        "user_id": ["a", "b"],
        "recency_days": [3.0, 4.0],
        "proba_churn": [0.2, 0.7],
    }
    with pytest.raises(ReportError, match="1 rows repeat one, such as 'a'"):
        scoring.score(RiskModel(), frame.assign(user_id="a"))


def test_segments_have_exact_shares_whatever_the_ties():
    table = scoring.rank_risk(make_scores([0.5] * 10))
    assert table["risk_segment"].tolist() == ["High"] * 2 + ["Medium"] * 4 + ["Low"] * 4
    assert table["churn_percentile"].tolist() == pytest.approx(np.arange(0.95, 0, -0.1).tolist())


def test_ties_are_broken_by_silence_and_then_by_name():
    scores = pd.DataFrame(
        {
            "user_id": ["d", "c", "b", "a", "e"],
            "recency_days": [5.0, 9.0, 5.0, np.nan, 1.0],
            "proba_churn": [0.4, 0.4, 0.4, 0.4, 0.9],
        }
    )
    assert scoring.rank_risk(scores)["user_id"].tolist() == ["e", "c", "b", "d", "a"]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.randoms())
def test_ranks_do_not_depend_on_the_order_of_the_rows(risks, random):
    scores = make_scores([risk / 5 for risk in risks])
    order = list(range(len(scores)))
    random.shuffle(order)
    first, second = scoring.rank_risk(scores), scoring.rank_risk(scores.iloc[order])
    pd.testing.assert_frame_equal(first, second)
    assert first["proba_churn"].is_monotonic_decreasing
    assert (first["risk_segment"] == "High").sum() == len(risks) - round(0.8 * len(risks))


def test_limits_of_segments_must_be_in_order():
    with pytest.raises(ReportError, match="0 < medium < high < 1"):
        scoring.rank_risk(make_scores([0.5]), high=0.4, medium=0.8)


def test_holdout_has_its_share_and_depends_on_users_only():
    ids = pd.Series([f"u{i}" for i in range(200)])
    held = scoring.assign_holdout(ids, 0.1, seed=1)
    assert held.sum() == 20
    turned = scoring.assign_holdout(ids.iloc[::-1], 0.1, seed=1)
    pd.testing.assert_series_equal(held, turned.sort_index())
    assert not held.equals(scoring.assign_holdout(ids, 0.1, seed=2))
    assert scoring.assign_holdout(ids, 0.0, seed=1).sum() == 0
    with pytest.raises(ReportError, match="below 1, not 1"):
        scoring.assign_holdout(ids, 1.0, seed=1)


def test_the_holdout_stays_held_out_at_the_next_snapshot():
    ids = pd.Series([f"u{i}" for i in range(1_000)])
    first = set(ids[:800][scoring.assign_holdout(ids[:800], 0.2, seed=1)])
    later = set(ids[200:][scoring.assign_holdout(ids[200:], 0.2, seed=1)])
    both = first & set(ids[200:])
    assert len(first) == len(later) == 160
    assert len(both & later) >= 0.9 * len(both)  # a fifth of them, had chance drawn anew


def test_every_user_has_the_same_chance_to_be_held_out():
    ids = pd.Series([f"u{i}" for i in range(50)])
    times = sum(scoring.assign_holdout(ids, 0.2, seed).astype(int) for seed in range(500))
    # 100 expected, standard deviation 9; 50 users within 4.5 of them
    assert times.between(100 - 41, 100 + 41).all()


def test_scored_table_says_what_to_do_and_why():
    scores = make_scores([0.9, 0.8, 0.7, 0.2, 0.1])
    names = pd.Series(["recency_days", "noise", None, "recency_days", None], dtype="str")
    drivers = pd.DataFrame({"driver_1": names, "contribution_1": [2.0, 1.0, np.nan, 0.1, np.nan]})
    held = pd.Series([False, True, False, False, True])
    table = scoring.predictions(scores, drivers, held, 0.7, "model/churn_model.skops", AT)
    assert table["user_id"].tolist() == ["u0", "u1", "u2", "u3", "u4"]
    assert table["pred_churn"].tolist() == [1, 1, 1, 0, 0]
    assert table["recommended_action"].tolist() == [
        "contact",
        "hold_out",
        "contact",
        "none",
        "none",
    ]
    reasons = ["recency_days", "noise", "score_only", "below_threshold", "below_threshold"]
    assert table["action_reason"].tolist() == reasons
    assert table["risk_segment"].tolist() == ["High", "Medium", "Medium", "Low", "Low"]
    assert table["scored_at_utc"].tolist() == [AT] * 5
    assert table.columns[:8].tolist() == [
        "user_id",
        "proba_churn",
        "pred_churn",
        "threshold_used",
        "model_file",
        "scored_at_utc",
        "churn_percentile",
        "risk_segment",
    ]
    assert {"is_holdout", "driver_1", "contribution_1"} <= set(table)


def test_a_threshold_beyond_reach_contacts_nobody():
    scores = make_scores([0.9, 0.8])
    drivers = pd.DataFrame({"driver_1": pd.Series(["x", "y"], dtype="str")})
    held = pd.Series([True, False])
    table = scoring.predictions(scores, drivers, held, float("inf"), "m", AT)
    assert set(table["recommended_action"]) == {"none"}


def test_mean_by_group_by_hand_and_small_groups_withheld():
    scored = make_scores([0.2, 0.4, 0.6, 0.8, 0.5])
    users = scored[["user_id"]].assign(country=["MX", "MX", "MX", "PE", None])
    table = scoring.mean_by_group(scored, users, "country", min_group=3)
    mexico, peru = table.to_dict("records")
    assert (mexico["group"], mexico["users"]) == ("MX", 3)
    assert mexico["mean_proba"] == pytest.approx(0.4)
    assert mexico["ci_high"] == pytest.approx(0.4 + 1.959964 * 0.2 / 3**0.5)
    assert peru["is_withheld"]
    assert peru["users"] == 1
    assert np.isnan([peru["mean_proba"], peru["ci_low"], peru["ci_high"]]).all()


def test_segments_sum_to_everyone():
    table = scoring.rank_risk(make_scores([0.9, 0.5, 0.4, 0.3, 0.1]))
    summary = scoring.risk_segments(table)
    assert summary["risk_segment"].tolist() == ["High", "Medium", "Low"]
    assert summary["users"].tolist() == [1, 2, 2]
    assert summary["share"].tolist() == pytest.approx([0.2, 0.4, 0.4])
    assert summary["expected_churners"].sum() == pytest.approx(2.2)
    one = scoring.risk_segments(table.head(1))
    assert one["users"].tolist() == [1, 0, 0]


@pytest.mark.parametrize(("capacity", "flagged"), [(None, 3), (2, 2), (9, 3)])
def test_capacity_is_counted_among_the_users_scored_now(monkeypatch, capacity, flagged):
    names = pd.DataFrame({"driver_1": pd.Series(["x"] * 4, dtype="str")})
    monkeypatch.setattr(importance, "drivers", lambda *_: names)
    ids = ["a", "b", "c", "d"]
    now = pd.DataFrame({"user_id": ids, "recency_days": 1.0, "risk": [0.9, 0.8, 0.7, 0.1]})
    card = {"threshold": ECONOMICS_LIMIT, "model_file": "m", "reference": {}}
    trained = SimpleNamespace(churn_model=RiskModel(), model_card=card)
    chapter = Scoring(
        users=now[["user_id"]], snapshots=now.assign(snapshot_at=AT, split="score"),
        trained=trained, customer_value=60, contact_cost=0.5, incentive_cost=3, saved_share=0.1,
        capacity=capacity, group_columns=[], min_group=30, high_risk_from=0.8,
        medium_risk_from=0.4, holdout_share=0.0, seed=1,
    )  # fmt: skip
    assert chapter.predictions["pred_churn"].sum() == flagged
