"""The audiences: who is in which campaign, who is held out, and what is known of them."""

import pandas as pd
import pytest

from analysis.base import language
from analysis.model.economics import Economics
from analysis.model.scoring import assign_holdout
from analysis.summary import audiences
from tests.handmade import ROOT, at, make_users

ECONOMICS = Economics(customer_value=60, contact_cost=0.5, incentive=3, saved_share=0.1)


def make_snapshots(silent_churn=0.9, failed_churn=0.5, size=200):
    """Return a test and a score snapshot: half silent for 20 days, half with a failed intent."""
    rows = []
    for split in ("test", "score"):
        for n in range(size):
            is_silent, is_failed, place = n % 2, (n // 2) % 2, n // 4
            share = silent_churn if is_silent else 0.5 if not is_failed else failed_churn
            churned = float(place < share * size / 4) if split == "test" else None
            rows.append((f"u{n}", split, 20.0 if is_silent else 3.0, float(is_failed), churned))
    columns = ["user_id", "split", "recency_days", "failed_intents", "churned"]
    return pd.DataFrame(rows, columns=columns)


def make_scored(proba, done, held=(), size=200):
    """Return the first users scored as given, and all others at 0.1 with nothing done; users in
    `held` are in the holdout besides those whose action says so.
    """
    table = pd.DataFrame(
        {"user_id": [f"u{n}" for n in range(size)], "proba_churn": 0.1, "threshold_used": 0.4}
    )
    table["recommended_action"] = "none"
    table.loc[: len(proba) - 1, "proba_churn"] = proba
    table.loc[: len(done) - 1, "recommended_action"] = done
    is_held = (table["recommended_action"] == "hold_out") | table["user_id"].isin(held)
    return table.assign(is_holdout=is_held)


def make_differences(*rows):
    columns = ["column", "comparison", "group", "users", "rate", "difference", "difference_ci_low",
               "difference_ci_high", "p_value", "q_value", "is_different"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).assign(is_repeated=False)


NO_DIFFERENCE = make_differences(
    ("country", "all_groups", "all", 100, 0.5, None, None, None, 0.4, 0.8, False),
    ("device", "group_against_rest", "iOS", 50, 0.5, 0.1, -0.1, 0.3, 0.3, 0.8, False),
)
SCORED = make_scored([0.9, 0.7, 0.8, 0.2], ["contact", "contact", "hold_out"])


def draw(snapshots=None, scored=SCORED, is_list_used=True, share=0.1):
    table = make_snapshots() if snapshots is None else snapshots
    return audiences.draw_campaigns(table, scored, 30, is_list_used, share, seed=1)


def keys(snapshots=None, scored=SCORED, is_list_used=True):
    table = make_snapshots() if snapshots is None else snapshots
    drawn = draw(table, scored, is_list_used)
    listed = [audiences.by_score(scored, drawn, ECONOMICS)] if len(scored) else []
    return dict(listed + audiences.by_behaviour(table, drawn, 30))


def test_an_audience_is_compared_with_the_others_after_the_test_snapshot():
    table = make_snapshots(silent_churn=0.9)
    found = audiences.compare_audience(table, table["recency_days"] >= 15)
    assert (found["rate"], found["rest"]) == (0.9, 0.5)
    assert 0 < found["gap_low"] < 0.4 < found["gap_high"] < 1


@pytest.mark.parametrize(("size", "is_compared"), [(120, True), (116, False)])
def test_fewer_than_30_users_on_a_side_are_not_compared(size, is_compared):
    table = make_snapshots(size=size)
    mask = (table["recency_days"] >= 15) & (table["failed_intents"] > 0)
    assert (audiences.compare_audience(table, mask) is not None) == is_compared


def test_the_size_of_a_campaign_is_that_of_the_list_with_those_held_out():
    facts = keys()["contact_at_risk"]
    assert (facts["size"], facts["held"]) == (3, 1)
    # 1.6 leavers are expected among the two who are contacted
    assert (facts["leavers"], facts["saved"]) == (pytest.approx(1.6), pytest.approx(0.16))
    assert facts["proba"].tolist() == [0.9, 0.7]


def test_why_nobody_is_contacted_is_said():
    held = keys(scored=make_scored([0.9, 0.8], ["hold_out", "hold_out"]))
    assert held["all_held_out"]["held"] == 2
    tied = make_scored([0.9, 0.9], []).assign(threshold_used=0.91)  # a capacity of one
    assert keys(scored=tied)["capacity_admits_nobody"]["reach"] == 2
    nobody = keys(scored=make_scored([0.3, 0.2], []))
    assert nobody["nobody_worth_contact"]["size"] == 0
    assert "contact_at_risk" not in nobody


def test_the_audience_counted_is_the_one_of_today_without_the_list():
    facts = keys()["remind_silent"]  # 100 with odd numbers; u1 is on the list
    assert (facts["size"], facts["elsewhere"], facts["since"], facts["rate"]) == (99, 1, 15, 0.9)
    assert (facts["held"], facts["risk"]) == (0, pytest.approx((0.2 + 98 * 0.1) / 99))


def test_a_list_that_is_withdrawn_holds_nobody_and_the_model_says_nothing():
    facts = keys(is_list_used=False)["remind_silent"]
    assert (facts["size"], facts["elsewhere"], facts["risk"]) == (100, 0, None)
    assert set(facts["proba"]) == {0.9}  # of the test snapshot


def test_nobody_is_in_two_campaigns_and_each_is_proved_on_its_own_part_of_one_holdout():
    table = make_snapshots(silent_churn=0.9, failed_churn=1.0)
    table["failed_intents"] = table["failed_intents"].where(table["recency_days"] < 15, 1.0)
    scored = make_scored([0.9, 0.7, 0.8], ["contact", "contact", "hold_out"], held=["u5", "u6"])
    drawn = draw(table, scored).set_index("user_id")
    assert drawn["campaign"].value_counts().to_dict() == {
        "remind_silent": 99, "failed_intent": 49, "contact_at_risk": 3,
    }  # fmt: skip
    assert drawn.index[drawn["is_holdout"]].tolist() == ["u2", "u5", "u6"]
    found = keys(table, scored)
    assert [found[key]["held"] for key in audiences.CAMPAIGNS[:3]] == [1, 1, 1]


def test_without_scores_the_holdout_is_drawn_in_the_same_way():
    table = make_snapshots()
    drawn = draw(table, SCORED.head(0))
    ids = table.loc[table["split"] == "score", "user_id"]
    expected = set(ids[assign_holdout(ids, 0.1, seed=1)])
    assert set(drawn.loc[drawn["is_holdout"], "user_id"]) == expected
    assert len(expected) == 20


def test_silence_of_half_the_look_back_begins_with_its_day():
    table = make_snapshots().assign(recency_days=15.0)
    table.loc[::2, "recency_days"] = 14.99
    assert keys(table)["remind_silent"]["size"] == 99


@pytest.mark.parametrize(
    ("churn", "name"),
    [(0.9, "remind_silent"), (0.5, "remind_silent_no_difference"), (0.1, "remind_silent_leave_less")],
)  # fmt: skip
def test_silent_users_are_reminded_only_when_they_leave_more_often(churn, name):
    assert [key for key in keys(make_snapshots(churn)) if key.startswith("remind")] == [name]


def test_failed_intents_are_acted_on_only_when_such_users_leave_more_often():
    assert "failed_intent_no_difference" in keys(make_snapshots(failed_churn=0.5))
    strong = make_snapshots(silent_churn=0.5, failed_churn=1.0)
    assert "failed_intent" in keys(strong)
    assert "failed_intent_leave_less" in keys(make_snapshots(silent_churn=0.5, failed_churn=0.0))
    assert not any(
        key.startswith("failed_intent") for key in keys(strong.drop(columns="failed_intents"))
    )


PEOPLE = make_users(dict.fromkeys("abcd", "2025-01-05")).assign(
    country=["Peru", "Peru", "Chile", "Chile"], device=["iOS", "Android", "iOS", "Android"]
)


def of_groups(differences):
    return dict(audiences.by_group(differences, PEOPLE, pd.Series(["a", "b", "c"]), 0.5))


def test_each_group_that_is_named_is_in_the_action_on_groups():
    real = make_differences(
        ("country", "all_groups", "all", 100, 0.5, None, None, None, 0.001, 0.002, True),
        ("device", "group_against_rest", "iOS", 50, 0.6, 0.1, 0.05, 0.2, 0.001, 0.002, True),
        ("country", "group_against_rest", "Peru", 40, 0.7, 0.2, 0.1, 0.3, 0.001, 0.002, True),
    )
    facts = of_groups(real)["by_group"]
    assert [name.split(" (")[0] for name in facts["names"]] == ["country Peru", "device iOS"]
    assert facts["size"] == 3  # a and b in Peru, c on iOS; d is not active
    with language.speaking("es", ROOT / "book" / "locale"):
        said = of_groups(real)["by_group"]["names"]
    assert [name.split(" (")[0] for name in said] == ["país Peru", "dispositivo iOS"]


def test_without_a_group_that_differs_by_itself_there_is_none_to_act_on():
    assert of_groups(NO_DIFFERENCE)["not_by_group"]["compared"] == 2
    together = NO_DIFFERENCE.assign(is_different=[True, False])
    assert of_groups(together) == {}
    assert of_groups(NO_DIFFERENCE.head(0)) == {}


METRICS = {"retention_d7": {"value": 0.4, "ci_low": 0.3, "ci_high": 0.5}}
UNKNOWN = {"retention_d7": {"value": None, "ci_low": None, "ci_high": None}}
USERS = make_users(
    {"a": "2025-09-20", "b": "2025-09-21", "f": "2025-09-21", "c": "2025-10-20",
     "d": "2025-10-21", "e": None}
)  # fmt: skip
NOBODY = pd.Series([], dtype="str")


def test_newcomers_are_those_of_the_last_horizon_who_are_in_no_other_campaign():
    facts = audiences.newcomers(METRICS, USERS, at("2025-10-21"), 30, NOBODY)
    assert (facts["size"], facts["held"], facts["rate"], facts["gap_low"]) == (3, 1, 0.4, 0.3)
    listed = pd.Series(["b", "d"])  # d joined at the log's end and is no newcomer of these days
    found = audiences.newcomers(METRICS, USERS, at("2025-10-21"), 30, listed)
    assert (found["size"], found["elsewhere"]) == (2, 1)
    assert audiences.newcomers(UNKNOWN, USERS, at("2025-10-21"), 30, NOBODY) is None


def test_the_data_are_to_be_fixed_only_where_their_checks_fail():
    judged = pd.DataFrame(
        [("03_audit", "a", "fail", "Late events"), ("03_audit", "b", "warn", "Signups over time"),
         ("06_model", "c", "fail", "Leakage")],
        columns=["stage", "check", "status", "title"],
    )  # fmt: skip
    assert dict(audiences.on_data(judged))["fix_data"]["titles"] == ["Late events"]
    assert audiences.on_data(judged[1:]) == []
