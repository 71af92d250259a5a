from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.contract import checks
from analysis.contract.checks import Verdict, to_table
from analysis.log.window import LogWindow
from analysis.model.snapshots import snapshot_summary
from analysis.summary import entries, numbers
from analysis.summary import metrics as summary
from tests.handmade import instants, make_users, make_window

PROJECT = Path(__file__).resolve().parents[2]
WINDOW = make_window("2025-01-01", "2025-10-21")


def values(metrics):
    return {key: entry["value"] for key, entry in metrics.items()}


def test_a_metric_keeps_its_parts_and_blanks_what_is_missing():
    assert entries.metric(0.5, "share", "Half", 10.0, (0.2, float("nan")), ["churn"]) == {
        "value": 0.5, "unit": "share", "n": 10, "ci_low": 0.2, "ci_high": None, "label": "Half",
        "rests_on": ["churn"],
    }  # fmt: skip
    assert entries.metric(float("nan"), "share", "None")["value"] is None
    assert entries.metric("good", "text", "Word")["value"] == "good"


def test_the_run_is_described_with_the_last_whole_day_and_the_early_users():
    users = make_users({"a": "2024-12-31", "b": "2025-01-01", "c": None})
    found = summary.run_metrics(users, 10, WINDOW, horizon=30, lookback=28, zone="UTC")
    expected = {"users_total": 3, "events_total": 10, "log_start": "2025-01-01", "log_end": "2025-10-20",
                "log_days": 293, "horizon_days": 30, "lookback_days": 28, "users_unknown_early": 1}  # fmt: skip
    assert expected.items() <= values(found).items()


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "Europe/Berlin", "America/Los_Angeles"])
def test_dates_are_those_of_the_zone(zone):
    ends = (pd.Timestamp(day, tz=zone).tz_convert("UTC") for day in ("2025-01-01", "2025-10-21"))
    users = make_users({"a": "2024-12-31"})
    found = values(summary.run_metrics(users, 1, LogWindow(*ends), 30, 28, zone))
    assert (found["log_start"], found["log_end"]) == ("2025-01-01", "2025-10-20")


def test_the_audit_counts_the_events_set_aside():
    quality = pd.DataFrame({
        "kind": "rule",
        "name": ["user_id is not in the users table", "event is before the user's signup", "age"],
        "broken": [3, 4, 0],
    })  # fmt: skip
    found = values(summary.audit_metrics(quality, {"duplicates_removed": 5}))
    assert (found["rules_checked"], found["rules_kept"]) == (3, 1)
    assert found["rules_kept_share"] == 1 / 3
    assert (found["orphan_events"], found["events_before_signup"]) == (3, 4)
    assert found["data_issues_found"] == 12
    more = {"duplicates_removed": 5, "dropped_incomplete": 30}
    found = values(summary.audit_metrics(quality, more))
    assert (found["incomplete_events"], found["data_issues_found"]) == (30, 42)
    unknown = values(summary.audit_metrics(quality, {"duplicates_removed": None}))
    assert (unknown["duplicate_events"], unknown["data_issues_found"]) == (None, 7)


def test_retention_and_survival_take_their_rows_and_are_blank_where_there_is_none():
    by_day = pd.DataFrame({
        "definition": ["on_day", "within", "within"], "day": [1, 1, 7], "eligible_users": [50, 50, 40],
        "retention_rate": [0.25, 0.3, 0.5], "ci_low": [0.1, 0.1, 0.4], "ci_high": [0.4, 0.4, 0.6],
    })  # fmt: skip
    curves = pd.DataFrame({
        "group": ["all", "device: iOS"], "day": [30, 60], "at_risk": [9, 3], "survival": [0.8, 0.1],
        "ci_low": [0.7, 0.0], "ci_high": [0.9, 0.2], "from_day": 0,
    }).set_index(["group", "day"]).add_prefix("settled_").reset_index()  # fmt: skip
    found = summary.cohort_metrics(by_day, curves)
    assert values(found) == {
        "retention_d1": 0.25, "retention_d7": 0.5, "retention_d30": None, "survival_30": 0.8,
        "survival_60": None, "survival_90": None, "newcomers_lost_30d": None, "survival_from": 0,
    }  # fmt: skip
    later = by_day.assign(day=[1, 7, 30])
    lost = summary.cohort_metrics(later, curves)["newcomers_lost_30d"]
    assert [lost[name] for name in ("value", "ci_low", "ci_high", "n")] == [
        0.5, pytest.approx(0.4), pytest.approx(0.6), 40
    ]  # fmt: skip
    assert (found["retention_d7"]["n"], found["retention_d7"]["ci_low"]) == (40, 0.4)
    assert found["retention_d30"]["rests_on"] == ["retention"]
    conditional = summary.cohort_metrics(by_day, curves.assign(settled_from_day=5))
    assert (conditional["survival_30"]["value"], conditional["survival_from"]["value"]) == (None, 5)
    none = summary.cohort_metrics(by_day, curves.assign(settled_survival=float("nan")))
    assert (none["survival_30"]["value"], none["survival_from"]["value"]) == (None, None)


def make_snapshots():
    days = instants(["2025-08-22"] * 2 + ["2025-09-21"] * 4 + ["2025-10-21"] * 2)
    return pd.DataFrame({
        "user_id": list("abcdefgh"), "snapshot_at": days,
        "split": ["calibrate"] * 2 + ["test"] * 4 + ["score"] * 2,
        "churned": [1, 1, 1, 0, 0, 0, None, None],
    })  # fmt: skip


BACK = pd.DataFrame(
    {"silent": [20], "returned": [5], "rate": [0.25], "ci_low": [0.1], "ci_high": [0.5]}
)


def test_churn_is_that_of_the_last_snapshot_whose_outcome_is_known():
    found = summary.label_metrics(snapshot_summary(make_snapshots(), "UTC"), BACK, None)
    assert values(found) == {
        "churn_rate": 0.25, "churn_snapshot": "2025-09-21", "reactivation_rate": 0.25,
        "users_at_last_snapshot": 4,
    }  # fmt: skip
    assert (found["churn_rate"]["n"], found["reactivation_rate"]["n"]) == (4, 20)


def test_silences_are_counted_with_the_horizon_after_which_few_come_back():
    rates = pd.DataFrame({
        "horizon_days": [30, 60, 90], "silent": [200, 90, 40], "returned": [150, 40, 5],
        "seen": [0.75, 4 / 9, 0.125], "rate": [0.8, 0.5, 0.2], "ci_low": [0.7, 0.4, 0.1],
        "ci_high": [0.9, 0.6, 0.3], "followed_days": [210.4, 210.4, 210.4],
    })  # fmt: skip
    found = summary.silence_metrics(rates)
    assert values(found) == {
        "silences": 200, "silences_ended": 150, "silences_ended_share": 0.75, "return_rate": 0.8,
        "return_rate_days": 210, "settling_horizon": 90, "settling_horizon_returns": 0.2,
        "longest_horizon": 90, "longest_horizon_returns": 0.2,
    }  # fmt: skip
    unknown = values(summary.silence_metrics(rates.assign(rate=np.nan)))
    assert unknown["return_rate_days"] is None
    assert unknown["settling_horizon"] is None


METRICS = (
    "roc_auc",
    "roc_auc_minus_recency",
    "brier_skill",
    "calibration_slope",
    "calibration_intercept",
    "ece_debiased",
    "lift_top_decile",
    "base_rate",
)


def make_evaluation(gain=(0.01, 0.05), skill=(0.1, 0.2), level=(-0.1, 0.1)):
    bounds = {
        "roc_auc_minus_recency": gain,
        "brier_skill": skill,
        "calibration_intercept": level,
    }
    rows = [("forest", "test", m, 0.5, *bounds.get(m, (0.4, 0.6)), 99) for m in METRICS]
    rows += [(model, split, m, -1.0, -2.0, -0.5, 1) for m in METRICS
             for model, split in (("recency", "test"), ("forest", "train"))]  # fmt: skip
    return pd.DataFrame(
        rows, columns=["model", "split", "metric", "value", "ci_low", "ci_high", "n"]
    )


@pytest.mark.parametrize(
    ("gain", "word"),
    [
        ((0.01, 0.05), "better"),
        ((-0.01, 0.05), "no_difference"),
        ((-0.05, -0.01), "worse"),
        ((0.0, 0.1), "no_difference"),
    ],
)
def test_the_word_for_the_model_follows_its_interval(gain, word):
    verdicts = to_table([Verdict("calibration", "warn")])
    card = {"model": "forest", "threshold": 0.3, "threshold_rule": "capacity"}
    found = summary.model_metrics(make_evaluation(gain), card, verdicts)
    assert found["model_vs_recency"]["value"] == word
    assert found["test_auc"]["value"] == 0.5
    assert (found["test_auc"]["n"], found["threshold_model"]["value"]) == (99, 0.3)
    assert found["threshold_rule"]["value"] == "capacity"


@pytest.mark.parametrize(
    ("low", "recency_low", "gain", "word"),
    [
        (0.5, 0.49, (-0.01, 0.05), "both_at_chance"),
        (0.51, 0.49, (-0.01, 0.05), "no_difference"),
        (0.5, 0.51, (-0.01, 0.05), "no_difference"),
        (0.5, 0.49, (-0.05, -0.01), "worse"),
    ],
)
def test_ranks_at_chance_are_not_as_good_as_the_last_visit(low, recency_low, gain, word):
    evaluation = make_evaluation(gain)
    is_auc = (evaluation["metric"] == "roc_auc") & (evaluation["split"] == "test")
    evaluation["model"] = evaluation["model"].replace("recency", "recency_only")
    evaluation.loc[is_auc & (evaluation["model"] == "forest"), "ci_low"] = low
    evaluation.loc[is_auc & (evaluation["model"] == "recency_only"), "ci_low"] = recency_low
    card = {"model": "forest", "threshold": 0.3, "threshold_rule": "capacity"}
    found = summary.model_metrics(evaluation, card, to_table([Verdict("calibration", "pass")]))
    assert found["model_vs_recency"]["value"] == word


def test_a_calibration_that_warns_is_off_and_one_that_fails_is_poor():
    card = {"model": "forest", "threshold": 0.3, "threshold_rule": "capacity"}
    words = [
        summary.model_metrics(make_evaluation(), card, to_table([Verdict("calibration", status)]))[
            "calibration_verdict"
        ]["value"]
        for status in ("warn", "fail")
    ]
    assert words == ["off", "poor"]


@pytest.mark.parametrize(
    ("level", "word"), [((-0.1, 0.1), "good"), ((0.01, 0.2), "level"), ((-0.2, -0.01), "level")]
)
def test_a_calibration_that_passes_is_good_unless_its_level_is_off(level, word):
    verdicts = to_table([Verdict("calibration", "pass")])
    card = {"model": "forest", "threshold": 0.3, "threshold_rule": "capacity"}
    found = summary.model_metrics(make_evaluation(level=level), card, verdicts)
    assert found["calibration_verdict"]["value"] == word


def test_expected_leavers_are_the_sum_of_probabilities_with_their_spread():
    scored = pd.DataFrame({"proba_churn": [0.5, 0.5, 0.9, 0.1], "pred_churn": [1, 0, 1, 0]})
    scored["threshold_used"] = 0.4
    differences = pd.DataFrame(
        {
            "p_value": [0.01, 0.5, None],
            "is_different": [True, False, False],
            "is_repeated": False,
            "difference": 0.1,
            "column": "x",
            "group": "a",
            "users": 9,
            "comparison": "all_groups",
        }
    )
    found = summary.score_metrics(
        scored, differences, {"rows": {"calibrate": 100, "test": 50}}, 4, 0.25
    )
    assert (values(found)["users_scored"], values(found)["expected_churners"]) == (4, 2)
    # variance 0.25 + 0.25 + 0.09 + 0.09, and 16 x 0.25 / 100: 1.96 deviations are 1.7
    assert (found["expected_churners"]["ci_low"], found["expected_churners"]["ci_high"]) == (0, 4)
    assert (values(found)["flagged_users"], values(found)["flagged_share"]) == (2, 0.5)
    assert (values(found)["mean_probability"], values(found)["threshold"]) == (0.5, 0.4)
    assert (values(found)["groups_compared"], values(found)["group_differences_found"]) == (2, 1)


def test_without_a_model_the_last_rate_tells_how_many_leave():
    scored = pd.DataFrame({"proba_churn": [0.9] * 400, "pred_churn": 1, "threshold_used": 0.4})
    names = [
        "p_value",
        "is_different",
        "is_repeated",
        "comparison",
        "column",
        "group",
        "users",
        "difference",
    ]
    differences = pd.DataFrame(columns=names)
    found = summary.score_metrics(
        scored, differences, {"rows": {"calibrate": 100, "test": 100}}, 400, 0.5
    )
    # variance 400 x 0.25 of their own chance, and 400² x 0.25 / 100 of the rate's: 1.96 x 22.4
    row = found["expected_at_last_rate"]
    assert (row["value"], row["ci_low"], row["ci_high"]) == (200, 156, 244)
    # the model's: 400 x 0.09 and 400² x 0.09 / 100: 1.96 x 13.4
    row = found["expected_churners"]
    assert (row["value"], row["ci_low"], row["ci_high"]) == (360, 334, 386)


@pytest.mark.parametrize(("exists", "word"), [(True, "clusters"), (False, "continuum")])
def test_segments_are_called_clusters_only_where_they_exist(exists, word):
    facts = {"exists": exists, "k": 3}
    found = values(summary.segment_metrics(pd.DataFrame({"silhouette": [0.1, 0.3]}), facts))
    assert found == {
        "segments_verdict": word, "segments_k": 3, "best_silhouette": 0.3,
        "separate_groups": 3 if exists else 0,
    }  # fmt: skip


FIGURES = {
    "other": {"value": 1},
    "logreg.auc": {"value": 0.96},
    "retention.churn_rate": {"value": 0.848},
}


def test_the_cases_figures_stand_beside_those_to_use():
    shortcuts = {"churn": {"value": 0.848}, "auc": {"value": 0.96}}
    assert values(summary.published_metrics(shortcuts, is_case=True)) == {
        "published_churn_30d": 0.848, "published_auc": 0.96, "is_published_case": "yes",
    }  # fmt: skip
    assert values(summary.published_metrics({}, is_case=False)) == {
        "published_churn_30d": None, "published_auc": None, "is_published_case": "no",
    }  # fmt: skip
    own = {"test_auc": entries.metric(0.7, "score", "AUC", 9, (0.6, 0.8)),
           "newcomers_lost_30d": entries.metric(0.3, "share", "Churn")}  # fmt: skip
    table = numbers.comparison(FIGURES, {"logreg.auc": 0.96373}, own).set_index("figure")
    assert table.index.tolist() == ["logreg.auc", "retention.churn_rate", "other"]
    row = table.loc["logreg.auc", ["printed", "by_case", "by_design", "ci_low", "ci_high"]]
    assert row.tolist() == [0.96373, 0.96, 0.7, 0.6, 0.8]
    assert table.loc["other", ["printed", "by_design"]].isna().all()


def test_the_name_of_a_mean_of_few_tells_an_attribute_of_them():
    users = pd.DataFrame({"country": ["Peru"] * 10 + ["Malta"] * 9, "device": ["phone"] * 19})
    assert numbers.means_of_few(users, 10) == {"scores.mean_by_country.Malta"}


def test_a_figure_is_struck_by_a_check_that_fails():
    entries = [{"checks": ["a"]}, {"checks": ["a", "b"]}]
    assert [numbers.is_struck(entry, ["b"]) for entry in entries] == [False, True]


def test_a_struck_figure_is_marked_in_a_sentence_where_it_has_a_value():
    entry = {**entries.metric(7, "count", "Users"), "checks": ["a"]}
    assert numbers.as_marked(entry, []) == "7"
    assert numbers.as_marked(entry, ["a"]) == "7 [struck by a failing check]"
    assert numbers.as_marked({**entry, "value": None}, ["a"]) == "not available"


def test_every_number_is_listed_with_its_text():
    metrics = {
        "a": entries.metric(0.5, "share", "Half", 1200) | {"checks": []},
        "b": entries.metric("x", "text", "Word") | {"checks": ["drift"]},
    }
    table = numbers.numbers_table(metrics, ["drift"])
    assert table.to_numpy().tolist() == [
        ["a", "Half", "50.0\xa0% (n\xa0=\xa01,200)", "no"], ["b", "Word", "x", "yes"]
    ]  # fmt: skip


def test_without_scores_only_the_last_rate_is_known():
    scored = pd.DataFrame(columns=["proba_churn", "pred_churn", "threshold_used"])
    names = ["p_value", "is_different", "is_repeated", "comparison", "column", "group", "users"]
    differences = pd.DataFrame(columns=[*names, "difference"])
    card = {"rows": {"test": 100}, "unavailable": "Too short. Give a longer log."}
    found = summary.score_metrics(scored, differences, card, 400, 0.5)
    assert found["expected_at_last_rate"]["value"] == 200
    assert {found[key]["value"] for key in ("users_scored", "flagged_users", "threshold")} == {None}
    assert found["users_scored"]["reason"] == "Too short. Give a longer log."
    nothing = summary.score_metrics(scored, differences, card, 0, None)
    assert nothing["expected_at_last_rate"]["value"] is None
    assert nothing["groups_compared"]["value"] is None


def test_groups_that_differ_are_named_the_largest_first():
    rows = [
        ("device", "iOS", 0.05, True),
        ("channel", "a", -0.2, True),
        ("channel", "b", 0.3, False),
    ]
    table = pd.DataFrame(rows, columns=["column", "group", "difference", "is_different"]).assign(
        comparison="group_against_rest", p_value=0.01, users=100, is_repeated=False
    )
    whole = table.head(1).assign(comparison="all_groups", column="plan", is_different=True)
    scored = pd.DataFrame({"proba_churn": [0.5], "pred_churn": [0], "threshold_used": 0.3})
    counts = {"rows": {"calibrate": 100, "test": 100}}
    found = summary.score_metrics(scored, pd.concat([whole, table]), counts, 1, 0.3)
    assert found["group_differences_found"]["value"] == 3
    named = found["group_differences_named"]["value"]
    assert named == "channel a (−20.0\xa0points) and device iOS (+5.0\xa0points)"
    assert found["group_differences_named"]["rests_on"] == ["groups"]
    alone = summary.score_metrics(scored, pd.concat([whole, table.iloc[2:]]), counts, 1, 0.3)
    assert alone["group_differences_named"]["value"] is None
    mirrored = pd.concat([whole, table[:2].assign(column="sex", is_repeated=True)])
    two = summary.score_metrics(scored, mirrored, counts, 1, 0.3)
    assert two["group_differences_named"]["value"] == "sex iOS (+5.0\xa0points)"
    assert two["group_differences_found"]["value"] == two["groups_compared"]["value"] == 1


def test_what_could_not_have_been_seen_is_reported():
    rows = {"p_value": 0.5, "is_different": False, "comparison": "group_against_rest"}
    rows |= {"is_repeated": False, "difference": 0.1, "group": "a"}
    sizes = {"column": ["a", "a", "b", "b"], "users": [300, 300, 10, 590]}
    found = summary.score_metrics(
        pd.DataFrame({"proba_churn": [0.5], "pred_churn": [0], "threshold_used": 0.3}),
        pd.DataFrame(sizes | rows),
        {"rows": {"calibrate": 100, "test": 600}},
        1,
        0.3,
    )
    # arcsine: 2.4977 (5 % over four tests) + 0.8416 standard errors of sqrt(1 / 300 + 1 / 300)
    angle = np.arcsin(np.sqrt(0.3)) - (2.497705 + 0.841621) * np.sqrt(2 / 300) / 2
    seen = 0.3 - np.sin(angle) ** 2
    assert found["group_detectable"]["value"] == pytest.approx(seen, abs=1e-6)


def test_each_figure_is_given_the_checks_behind_its_key_and_its_bases():
    metrics = {
        "a": entries.metric(1, "count", "A", rests_on=["churn"]),
        "b": entries.metric(1, "count", "B", rests_on=["threshold"]),
    }
    with_checks = entries.with_checks(metrics, lambda key, bases: [key, *bases])
    assert with_checks["a"]["checks"] == ["a", "churn"]
    assert with_checks["b"]["checks"] == ["b", "threshold"]


def test_every_figure_that_is_an_estimate_rests_on_a_basis():
    metrics = {
        **summary.label_metrics(snapshot_summary(make_snapshots(), "UTC"), BACK, None),
        **summary.segment_metrics(pd.DataFrame({"silhouette": [0.1]}), {"exists": False, "k": 2}),
    }
    estimates = [entry for entry in metrics.values() if entry["ci_low"] is not None]
    assert estimates
    assert all(set(entry["rests_on"]) <= set(checks.BASES) for entry in metrics.values())
    assert all(entry["rests_on"] for entry in estimates)
