"""Tables behind the charts of a score."""

import numpy as np
import pandas as pd
import pytest

from analysis.model.curves import (
    calibration_table,
    lift_table,
    pr_points,
    roc_points,
    threshold_sweep,
)
from analysis.model.economics import Economics
from tests.made_up_scores import CHURNED, PROBA, make_scores


def test_deciles_hold_all_users_and_all_churners():
    scores = make_scores(237, seed=2)
    churned, proba = scores["churned"].to_numpy(), scores["model"].round(1).to_numpy()
    table = lift_table(churned, proba, seed=0, n_boot=50)
    assert table["users"].sum() == 237
    assert set(table["users"]) == {23, 24}
    assert (table["users"] * table["observed_rate"]).sum() == pytest.approx(churned.sum())
    assert table["cumulative_share"].iloc[-1] == pytest.approx(1)
    assert (table["ci_low"] <= table["lift"]).all()
    assert (table["lift"] <= table["ci_high"]).all()


def test_calibration_bins_keep_equal_probabilities_together():
    proba = np.array([0.2] * 5 + [0.4] * 3 + [0.8] * 2)
    churned = np.array([1, 0, 0, 0, 0, 1, 1, 0, 1, 1], dtype=float)
    table = calibration_table(churned, proba, bins=5)
    assert table["bin"].tolist() == [1, 2, 3]
    assert table["users"].tolist() == [5, 3, 2]
    assert table["observed_rate"].tolist() == pytest.approx([1 / 5, 2 / 3, 1])
    # Wilson for 1 of 5: (p + z2/2n +- z sqrt(p(1-p)/n + z2/4n2)) / (1 + z2/n)
    assert table["ci_low"][0] == pytest.approx(0.0362, abs=1e-4)
    assert table["ci_high"][0] == pytest.approx(0.6245, abs=1e-4)


def test_curves_go_from_nobody_to_everybody():
    scores = pd.DataFrame({"user_id": list("abcd"), "churned": CHURNED, "m": PROBA})
    roc, pr = roc_points(scores), pr_points(scores)
    assert roc["true_positive_rate"].tolist() == [0, 0.5, 0.5, 1]
    assert roc["false_positive_rate"].tolist() == [0, 0, 0.5, 1]
    assert pr["threshold"].tolist()[1:] == [0.9, 0.8, 0.4]
    assert pr["precision"].tolist()[1:] == [1, 0.5, 0.5]


def test_sweep_counts_users_at_or_above_and_their_profit():
    scores = pd.DataFrame({"user_id": list("abcd"), "churned": CHURNED, "m": PROBA})
    economics = Economics(customer_value=21, contact_cost=1, incentive=1, saved_share=0.5)
    table = threshold_sweep(scores, economics, steps=10).set_index("threshold")
    assert table.loc[0.4, "flagged"] == 4
    assert table.loc[0.8, ["flagged", "precision", "recall"]].tolist() == [2, 0.5, 0.5]
    assert table.loc[0.8, "profit"] == (0.5 * 20 - 1) - (1 + 1)
    assert table.loc[1.0, "flagged"] == 0


def test_a_curve_holds_no_row_for_each_user():
    scores = make_scores(3000, seed=9)
    roc, pr = roc_points(scores), pr_points(scores)
    assert roc.groupby("model").size().max() == pr.groupby("model").size().max() == 200
    ends = roc[roc["model"] == "model"][["false_positive_rate", "true_positive_rate"]].iloc[[0, -1]]
    assert ends.to_numpy().tolist() == [[0, 0], [1, 1]]
