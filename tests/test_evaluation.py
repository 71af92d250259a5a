import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score

from analysis.base import score_metrics
from analysis.base.errors import ReportError
from analysis.model import evaluation as ev
from analysis.model.decisions import Economics

# four users, best score first: churner, stayer, then a churner and a stayer who tie
CHURNED = np.array([1.0, 0.0, 1.0, 0.0])
PROBA = np.array([0.9, 0.8, 0.4, 0.4])


def make_scores(users: int, seed: int, spread: float = 1.0) -> pd.DataFrame:
    """Users whose true log-odds are known; `model` multiplies them by `spread`."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(-0.5, 1.2, users)
    churned = (rng.random(users) < 1 / (1 + np.exp(-odds))).astype(float)
    return pd.DataFrame(
        {
            "user_id": [f"u{i}" for i in range(users)],
            "churned": churned,
            "model": 1 / (1 + np.exp(-spread * odds)),
            "recency_only": 1 / (1 + np.exp(-(0.4 * odds + rng.normal(0, 0.7, users)))),
            "base_rate": 0.4,
        }
    )


def pick(table: pd.DataFrame, model: str, metric: str) -> pd.Series:
    return table[(table["model"] == model) & (table["metric"] == metric)].iloc[0]


def test_auc_counts_a_tie_as_half_a_win():
    # pairs won: 0.9 beats both stayers; 0.4 loses to 0.8 and ties with 0.4
    assert score_metrics.roc_auc(CHURNED, PROBA).item() == (1 + 1 + 0 + 0.5) / 4


def test_metrics_of_four_users_by_hand():
    assert ev.base_rate(CHURNED, PROBA).item() == 0.5
    brier = (0.1**2 + 0.8**2 + 0.6**2 + 0.4**2) / 4
    assert score_metrics.brier(CHURNED, PROBA).item() == pytest.approx(brier)
    assert score_metrics.brier_skill(CHURNED, PROBA).item() == pytest.approx(1 - brier / 0.25)
    loss = -np.log([0.9, 0.2, 0.4, 0.6]).mean()
    assert score_metrics.log_loss(CHURNED, PROBA).item() == pytest.approx(loss)
    # half of the churners at precision 1, the other half at 2 / 4
    assert score_metrics.average_precision(CHURNED, PROBA).item() == pytest.approx((1 + 0.5) / 2)


def test_metrics_at_a_threshold_include_the_threshold_itself():
    at = {"threshold": 0.8}
    assert score_metrics.flagged_share(CHURNED, PROBA, **at).item() == 0.5
    assert score_metrics.precision(CHURNED, PROBA, **at).item() == 0.5
    assert score_metrics.recall(CHURNED, PROBA, **at).item() == 0.5
    assert score_metrics.f1(CHURNED, PROBA, **at).item() == 0.5
    assert np.isnan(score_metrics.precision(CHURNED, PROBA, threshold=0.95).item())


def test_a_weight_counts_as_that_many_users():
    counts = np.array([[2.0, 1.0, 0.0, 3.0]])
    again = np.repeat(np.arange(4), counts[0].astype(int))
    for name, metric in ev.SCORE_METRICS.items():
        if not name.startswith(("calibration", "ece")):
            expected = metric(CHURNED[again], PROBA[again], None)
            assert metric(CHURNED, PROBA, counts) == pytest.approx(expected), name


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9)), min_size=2, max_size=40))
def test_auc_and_average_precision_agree_with_scikit_learn(users):
    churned = np.array([user[0] for user in users], dtype=float)
    proba = np.array([user[1] / 10 for user in users])
    if 0 < churned.sum() < len(churned):
        expected = roc_auc_score(churned, proba)
        assert score_metrics.roc_auc(churned, proba).item() == pytest.approx(expected)
        assert score_metrics.auc_parts(churned, proba)[churned == 1].mean() == pytest.approx(
            expected
        )
        assert score_metrics.auc_parts(churned, proba)[churned == 0].mean() == pytest.approx(
            expected
        )
        found = score_metrics.average_precision(churned, proba).item()
        assert found == pytest.approx(average_precision_score(churned, proba))


def test_calibration_agrees_with_an_unpenalised_logistic_regression():
    scores = make_scores(400, seed=1, spread=1.5)
    churned, proba = scores["churned"].to_numpy(), scores["model"].to_numpy()
    odds = np.log(proba / (1 - proba))[:, None]
    fit = LogisticRegression(C=np.inf, tol=1e-10).fit(odds, churned)
    assert score_metrics.calibration_slope(churned, proba).item() == pytest.approx(
        fit.coef_[0, 0], rel=1e-4
    )
    shift = score_metrics.calibration_intercept(churned, proba).item()
    assert (1 / (1 + np.exp(-(odds[:, 0] + shift)))).sum() == pytest.approx(churned.sum())


def test_calibration_slope_is_blank_for_one_probability():
    assert np.isnan(score_metrics.calibration_slope(CHURNED, np.full(4, 0.3)).item())


def test_top_decile_takes_the_mean_of_users_who_tie():
    # 20 users, so the decile is 2: the first, and one of the three who tie (one churner)
    proba = np.r_[0.9, 0.5, 0.5, 0.5, np.linspace(0.4, 0.1, 16)]
    churned = np.r_[1, 1, 0, 0, np.ones(2), np.zeros(14)].astype(float)
    rate, base = (1 + 1 / 3) / 2, 4 / 20
    assert score_metrics.lift_top_decile(churned, proba).item() == pytest.approx(rate / base)
    assert ev.lift_table(churned, proba, seed=0, n_boot=20)["lift"][0] == pytest.approx(rate / base)


def test_deciles_hold_all_users_and_all_churners():
    scores = make_scores(237, seed=2)
    churned, proba = scores["churned"].to_numpy(), scores["model"].round(1).to_numpy()
    table = ev.lift_table(churned, proba, seed=0, n_boot=50)
    assert table["users"].sum() == 237
    assert set(table["users"]) == {23, 24}
    assert (table["users"] * table["observed_rate"]).sum() == pytest.approx(churned.sum())
    assert table["cumulative_share"].iloc[-1] == pytest.approx(1)
    assert (table["ci_low"] <= table["lift"]).all()
    assert (table["lift"] <= table["ci_high"]).all()


def test_debiased_error_is_the_gap_less_what_chance_gives():
    # ten scores, ten bins of four users, in each two churners: r = 1/2, n = 4
    proba = np.repeat(np.linspace(0.05, 0.95, 10), 4)
    churned = np.tile([1.0, 0.0, 1.0, 0.0], 10)
    gaps = (np.linspace(0.05, 0.95, 10) - 0.5) ** 2
    found = score_metrics.squared_calibration_error(churned, proba).item()
    assert found == pytest.approx((gaps - 0.25 / 3).mean())
    assert score_metrics.ece_debiased(churned, np.full(40, 0.5)).item() == 0.0


def test_perfect_calibration_has_no_error_on_average():
    found = [
        score_metrics.squared_calibration_error(
            s["churned"].to_numpy(), s["model"].to_numpy()
        ).item()
        for s in (make_scores(300, seed) for seed in range(200))
    ]
    # without the correction the mean would be about 10 * 0.2 / 300
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(200)


def test_calibration_bins_keep_equal_probabilities_together():
    proba = np.array([0.2] * 5 + [0.4] * 3 + [0.8] * 2)
    churned = np.array([1, 0, 0, 0, 0, 1, 1, 0, 1, 1], dtype=float)
    table = ev.calibration_table(churned, proba, bins=5)
    assert table["bin"].tolist() == [1, 2, 3]
    assert table["users"].tolist() == [5, 3, 2]
    assert table["observed_rate"].tolist() == pytest.approx([1 / 5, 2 / 3, 1])
    # Wilson for 1 of 5: (p + z2/2n +- z sqrt(p(1-p)/n + z2/4n2)) / (1 + z2/n)
    assert table["ci_low"][0] == pytest.approx(0.0362, abs=1e-4)
    assert table["ci_high"][0] == pytest.approx(0.6245, abs=1e-4)


def test_curves_go_from_nobody_to_everybody():
    scores = pd.DataFrame({"user_id": list("abcd"), "churned": CHURNED, "m": PROBA})
    roc, pr = ev.roc_points(scores), ev.pr_points(scores)
    assert roc["true_positive_rate"].tolist() == [0, 0.5, 0.5, 1]
    assert roc["false_positive_rate"].tolist() == [0, 0, 0.5, 1]
    assert pr["threshold"].tolist()[1:] == [0.9, 0.8, 0.4]
    assert pr["precision"].tolist()[1:] == [1, 0.5, 0.5]


def test_sweep_counts_users_at_or_above_and_their_profit():
    scores = pd.DataFrame({"user_id": list("abcd"), "churned": CHURNED, "m": PROBA})
    economics = Economics(customer_value=21, contact_cost=1, incentive=1, saved_share=0.5)
    table = ev.threshold_sweep(scores, economics, steps=10).set_index("threshold")
    assert table.loc[0.4, "flagged"] == 4
    assert table.loc[0.8, ["flagged", "precision", "recall"]].tolist() == [2, 0.5, 0.5]
    assert table.loc[0.8, "profit"] == (0.5 * 20 - 1) - (1 + 1)
    assert table.loc[1.0, "flagged"] == 0


def test_differences_use_the_same_draws_as_the_models():
    scores = make_scores(300, seed=3)
    table = ev.evaluate(scores.assign(twin=scores["recency_only"]), 0.5, seed=1, n_boot=50)
    twin = pick(table, "twin", "roc_auc_minus_recency")
    assert twin[["value", "ci_low", "ci_high"]].tolist() == [0, 0, 0]
    better = pick(table, "model", "roc_auc_minus_recency")
    parts = [pick(table, name, "roc_auc")["value"] for name in ("model", "recency_only")]
    assert better["value"] == pytest.approx(parts[0] - parts[1])
    assert 0 < better["ci_low"] < better["value"] < better["ci_high"]
    assert "roc_auc_minus_recency" not in set(table.query("model == 'recency_only'")["metric"])


def test_evaluation_is_reproducible_and_takes_one_threshold_per_model():
    scores = make_scores(200, seed=4)
    limits = {"model": 0.3, "recency_only": 0.5, "base_rate": 0.4}
    first, second = (ev.evaluate(scores, limits, seed=1, n_boot=40) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    assert pick(first, "base_rate", "flagged_share")["value"] == 1.0
    share = (scores["model"] >= 0.3).mean()
    assert pick(first, "model", "flagged_share")["value"] == pytest.approx(share)


def test_parts_of_the_bootstrap_make_no_difference(monkeypatch):
    scores = make_scores(60, seed=4)
    whole = ev.evaluate(scores, 0.5, seed=1, n_boot=30)
    monkeypatch.setattr(ev, "CELLS_AT_ONCE", 60 * 7)
    pd.testing.assert_frame_equal(whole, ev.evaluate(scores, 0.5, seed=1, n_boot=30))


def test_all_rows_of_a_user_are_drawn_together():
    ids = pd.Series(["a", "b", "a", "c"])
    weights = ev.draw_weights(ids, 50, np.random.default_rng(0))
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()


def test_repeating_every_user_does_not_narrow_the_interval():
    scores = make_scores(150, seed=5)
    twice = pd.concat([scores, scores], ignore_index=True)
    one, two = (ev.evaluate(s, 0.5, seed=1, n_boot=60) for s in (scores, twice))
    columns = ["value", "ci_low", "ci_high"]
    auc = [pick(table, "model", "roc_auc")[columns].tolist() for table in (one, two)]
    assert auc[0] == pytest.approx(auc[1])


def test_intervals_cover_the_truth_as_often_as_they_say():
    names = ["roc_auc", "calibration_slope", "calibration_intercept", "ece_debiased"]
    truth = {"roc_auc": 0.7733, "calibration_slope": 1.0}  # AUC of 4 million users
    runs, hits = 100, dict.fromkeys(names, 0)
    for seed in range(runs):
        scores = make_scores(400, seed)[["user_id", "churned", "model"]]
        table = ev.evaluate(scores, 0.5, seed, n_boot=150).set_index("metric")
        for name in names:
            row = table.loc[name]
            hits[name] += row["ci_low"] <= truth.get(name, 0.0) <= row["ci_high"]
    # 95 of 100 expected; below 87 has a chance of 0.0004 (binomial); zero error is one-sided
    assert min(hits.values()) >= 87, hits


def test_an_interval_of_the_calibration_error_starts_above_zero_when_it_is_real():
    scores = make_scores(3000, seed=6, spread=2.5)[["user_id", "churned", "model"]]
    row = pick(ev.evaluate(scores, 0.5, seed=1, n_boot=100), "model", "ece_debiased")
    assert 0 < row["ci_low"] < row["value"] < row["ci_high"]


def test_draws_of_the_calibration_error_are_centred_on_the_estimate():
    scores = make_scores(3000, seed=8, spread=2.5)[["user_id", "churned", "model"]]
    churned, proba = scores["churned"].to_numpy(), scores["model"].to_numpy()
    row = pick(ev.evaluate(scores, 0.5, seed=1, n_boot=200), "model", "ece_debiased")
    drawn = ev.draw_weights(scores["user_id"], 200, np.random.default_rng(1))
    errors = score_metrics.squared_calibration_error(churned, proba, drawn)
    width = np.subtract(*np.percentile(errors, [97.5, 2.5], method="weibull"))
    assert row["ci_high"] ** 2 - row["ci_low"] ** 2 == pytest.approx(width)
    # left as they are the draws would centre on the uncorrected error, which is larger
    moved = np.percentile(errors, 97.5, method="weibull") - row["ci_high"] ** 2
    chance = 10 * 0.17 / 3000  # ten bins, r (1 - r) = 0.17 on average
    assert moved == pytest.approx(chance, rel=0.2)


def test_nothing_to_judge_is_an_error():
    scores = make_scores(50, seed=7)
    with pytest.raises(ReportError, match="fewer than two outcomes"):
        ev.evaluate(scores.assign(churned=1.0), 0.5, seed=1)
    scores.loc[3, "model"] = np.nan
    with pytest.raises(ReportError, match="'model' is missing in 1 rows"):
        ev.evaluate(scores, 0.5, seed=1)


def test_a_curve_holds_no_row_for_each_user():
    scores = make_scores(3000, seed=9)
    roc, pr = ev.roc_points(scores), ev.pr_points(scores)
    assert roc.groupby("model").size().max() == pr.groupby("model").size().max() == 200
    ends = roc[roc["model"] == "model"][["false_positive_rate", "true_positive_rate"]].iloc[[0, -1]]
    assert ends.to_numpy().tolist() == [[0, 0], [1, 1]]
