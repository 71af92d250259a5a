"""The actions: who is in which audience, what is expected, and which test would prove it."""

import pandas as pd
import pytest

from analysis.base.texts import read_texts
from analysis.contract.checks import BASES
from analysis.model.economics import Economics
from analysis.summary import actions
from analysis.summary.worth import AT_CHANCE, worth_suggesting
from tests.handmade import ROOT, at, make_users

BOOK = read_texts((ROOT / "book" / "actions.yml").read_text(encoding="utf-8"))
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


def make_scored(proba, done, size=200):
    """Return the first users scored as given, and all others at 0.1 with nothing done."""
    table = pd.DataFrame(
        {"user_id": [f"u{n}" for n in range(size)], "proba_churn": 0.1, "threshold_used": 0.4}
    )
    table["recommended_action"] = "none"
    table.loc[: len(proba) - 1, "proba_churn"] = proba
    table.loc[: len(done) - 1, "recommended_action"] = done
    return table.assign(is_holdout=table["recommended_action"] == "hold_out")


def make_differences(*rows):
    columns = ["column", "comparison", "group", "users", "rate", "difference", "difference_ci_low",
               "difference_ci_high", "p_value", "q_value", "is_different"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).assign(is_repeated=False)


NO_DIFFERENCE = make_differences(
    ("country", "all_groups", "all", 100, 0.5, None, None, None, 0.4, 0.8, False),
    ("device", "against_rest", "iOS", 50, 0.5, 0.1, -0.1, 0.3, 0.3, 0.8, False),
    ("gender", "against_rest", "F", 50, 0.5, 0.3, 0.1, 0.5, 0.01, 0.02, True),
)
SCORED = make_scored([0.9, 0.7, 0.8, 0.2], ["contact", "contact", "hold_out"])


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


def keys(snapshots=None, scored=SCORED, differences=NO_DIFFERENCE, is_list_used=True):
    table = make_snapshots() if snapshots is None else snapshots
    return dict(
        actions.audiences(table, scored, differences, ECONOMICS, 30, 30, is_list_used=is_list_used)
    )


def test_an_audience_is_compared_with_the_others_after_the_test_snapshot():
    table = make_snapshots(silent_churn=0.9)
    found = actions.compare_audience(table, table["recency_days"] >= 15)
    assert (found["rate"], found["rest"]) == (0.9, 0.5)
    assert 0 < found["gap_low"] < 0.4 < found["gap_high"] < 1


@pytest.mark.parametrize(("size", "is_compared"), [(120, True), (116, False)])
def test_fewer_than_30_users_on_a_side_are_not_compared(size, is_compared):
    table = make_snapshots(size=size)
    mask = (table["recency_days"] >= 15) & (table["failed_intents"] > 0)
    assert (actions.compare_audience(table, mask) is not None) == is_compared


def test_listed_users_are_contacted_and_what_it_may_bring_is_computed():
    facts = keys()["contact_at_risk"]
    # 1.6 leavers expected; each contact brings p (0.1 x 57 - 0.5) - (1 - p) 3.5
    profit = sum(p * 5.2 - (1 - p) * 3.5 for p in (0.9, 0.7))
    assert (facts["size"], facts["leavers"], facts["rate"]) == (
        2,
        pytest.approx(1.6),
        pytest.approx(0.8),
    )
    assert (facts["saved"], facts["profit"]) == (pytest.approx(0.16), pytest.approx(profit))
    assert (facts["held"], facts["flagged"]) == (1, 3)
    # at a saved share s, 1.6 (57 s - 0.5) - 0.4 x 3.5: 0 at s = 2.2 / 91.2
    assert facts["profit_half"] == pytest.approx(1.6 * (57 * 0.05 - 0.5) - 1.4)
    assert facts["profit_twice"] == pytest.approx(1.6 * (57 * 0.2 - 0.5) - 1.4)
    assert facts["pays_from"] == pytest.approx(2.2 / 91.2)


def test_why_nobody_is_contacted_is_said():
    held = keys(scored=make_scored([0.9, 0.8], ["hold_out", "hold_out"]))
    assert held["all_held_out"]["held"] == 2
    tied = make_scored([0.9, 0.9], []).assign(threshold_used=0.91)  # a capacity of one
    assert keys(scored=tied)["capacity_admits_nobody"]["reach"] == 2


def test_with_nobody_listed_nobody_is_contacted():
    found = keys(scored=make_scored([0.3, 0.2], []))
    assert found["nobody_worth_contact"]["size"] == 0
    assert "contact_at_risk" not in found


def test_the_audience_counted_is_the_one_of_today_without_the_list_and_its_holdout():
    facts = keys()["remind_silent"]  # 100 with odd numbers; u1 is on the list
    assert (facts["size"], facts["elsewhere"], facts["since"], facts["rate"]) == (99, 1, 15, 0.9)
    assert facts["risk"] == pytest.approx((0.2 + 98 * 0.1) / 99)


def test_a_list_that_is_withdrawn_holds_nobody_and_the_model_says_nothing():
    facts = keys(is_list_used=False)["remind_silent"]
    assert (facts["size"], facts["elsewhere"]) == (100, 0)
    assert facts["risk"] is None
    row = describe([("remind_silent", facts)]).iloc[0]
    assert "Another" not in row["audience"]
    assert "model" not in row["expected_effect"]


def test_users_on_another_list_are_counted_apart():
    row = describe([("remind_silent", keys()["remind_silent"])]).iloc[0]
    assert row["audience"].endswith("Another 1 user is on a list above or in the holdout.")
    assert "For the 99 users on no other list, the model predicts" in row["expected_effect"]
    assert plain(row["expected_effect"]).endswith("a churn rate of 10.1 %.")


def test_nobody_is_in_two_audiences_or_in_one_and_in_the_holdout():
    table = make_snapshots(silent_churn=0.9, failed_churn=1.0)
    table["failed_intents"] = table["failed_intents"].where(table["recency_days"] < 15, 1.0)
    facts = keys(table)["failed_intent"]  # 150 failed, 100 of them silent, u2 held out
    assert (facts["size"], facts["elsewhere"]) == (49, 101)
    alone = make_scored([0.9] * 200, ["contact", "hold_out"] * 100)
    assert not {"remind_silent", "failed_intent"} & set(keys(table, alone))


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


def test_groups_are_acted_on_only_when_one_of_country_or_device_differs():
    assert keys()["not_by_group"]["compared"] == 2  # a difference by gender is no campaign
    real = make_differences(
        ("country", "all_groups", "all", 100, 0.5, None, None, None, 0.001, 0.002, True),
        ("country", "against_rest", "Peru", 40, 0.7, 0.2, 0.1, 0.3, 0.001, 0.002, True),
        ("device", "against_rest", "iOS", 50, 0.6, 0.1, 0.05, 0.2, 0.001, 0.002, True),
    )
    found = keys(differences=real)
    assert (found["by_group"]["group"], found["by_group"]["size"]) == ("Peru", 40)
    assert "not_by_group" not in found
    assert not {"by_group", "not_by_group"} & set(keys(differences=NO_DIFFERENCE.iloc[2:]))


METRICS = {"retention_d7": {"value": 0.4, "ci_low": 0.3, "ci_high": 0.5}}
UNKNOWN = {"retention_d7": {"value": None, "ci_low": None, "ci_high": None}}
USERS = make_users(
    {
        "a": "2025-09-20",
        "b": "2025-09-21",
        "f": "2025-09-21",
        "c": "2025-10-20",
        "d": "2025-10-21",
        "e": None,
    }
)


NOBODY = pd.Series([], dtype="str")


def test_newcomers_are_those_of_the_last_horizon():
    facts = actions.newcomers(METRICS, USERS, at("2025-10-21"), 30, NOBODY)
    assert (facts["size"], facts["rate"], facts["gap_low"]) == (3, 0.4, 0.3)
    assert actions.newcomers(UNKNOWN, USERS, at("2025-10-21"), 30, NOBODY) is None


def make_judged(*rows):
    return pd.DataFrame(rows, columns=["stage", "check", "status", "title"])


def test_the_data_are_to_be_fixed_only_where_their_checks_fail():
    judged = make_judged(
        ("03_audit", "a", "fail", "Late events"), ("03_audit", "b", "warn", "Signups over time"),
        ("06_model", "c", "fail", "Leakage"),
    )  # fmt: skip
    found = dict(actions.others(METRICS, USERS, at("2025-10-21"), 30, judged, NOBODY))
    assert list(found) == ["first_week", "fix_data"]
    assert found["fix_data"]["titles"] == ["Late events"]
    row = describe([("fix_data", found["fix_data"])]).iloc[0]
    assert row["action"] == "Fix the data before the next decision: 1 data check fails"
    assert (row["trigger"], row["rests_on"]) == ("Failing checks: Late events", "none")
    assert actions.others(UNKNOWN, USERS, at("2025-10-21"), 30, judged[1:], NOBODY) == []


def test_newcomers_on_a_list_or_in_the_holdout_are_in_no_other_test():
    listed = pd.Series(["b", "d"])  # d joined at the log's end and is no newcomer of these days
    found = [
        actions.newcomers(METRICS, USERS, at("2025-10-21"), 30, of)["size"]
        for of in (NOBODY, listed)
    ]
    assert found == [3, 2]


def test_nobody_of_the_holdout_is_in_a_campaign():
    free = make_scored([0.9], ["contact"])
    held = free.assign(is_holdout=free["user_id"].isin([f"u{n}" for n in range(1, 6)]))
    assert actions.taken(held, True).tolist() == [f"u{n}" for n in range(6)]
    assert actions.taken(held, False).empty
    table = make_snapshots(silent_churn=0.9)
    before, after = (keys(table, scored=s)["remind_silent"] for s in (free, held))
    assert after["size"] + after["elsewhere"] == before["size"] + before["elsewhere"]
    silent = table[(table["split"] == "score") & (table["recency_days"] >= 15)]["user_id"]
    assert after["size"] == (~silent.isin(actions.taken(held, True))).sum()


def test_the_test_on_newcomers_compares_who_is_back_within_a_week():
    found = actions.newcomers(METRICS, USERS, at("2025-10-21"), 30, NOBODY)
    test = describe([("first_week", {**found, "size": 10**7})])["test"].iloc[0]
    assert "Compare the share who are not back within 7 days. The test would detect a fall" in test


def describe(found):
    return actions.table(found, BOOK, saved_share=0.1, control_share=0.1, horizon=30)


def test_every_action_of_the_book_can_be_described():
    strong = make_snapshots(silent_churn=0.5, failed_churn=1.0)
    real = make_differences(
        ("country", "against_rest", "Peru", 40, 0.7, 0.2, 0.1, 0.3, 0.001, 0.002, True)
    )
    judged = make_judged(("03_audit", "a", "fail", "Late events"))
    found = [*keys().items(), *keys(strong, differences=real).items()]
    found += keys(scored=make_scored([0.1], [])).items()
    found += keys(make_snapshots(0.5)).items()
    found += keys(scored=make_scored([0.9], ["hold_out"])).items()
    found += keys(scored=make_scored([0.9], [])).items()
    found += keys(make_snapshots(0.1, failed_churn=0.0)).items()
    found += keys(make_snapshots(0.5, failed_churn=0.0)).items()
    found += actions.others(METRICS, USERS, at("2025-10-21"), 30, judged, NOBODY)
    found += worth_suggesting(list(keys().items())[:1], 200, None)
    found += worth_suggesting(list(keys().items())[:1], 200, AT_CHANCE)
    assert {key for key, _ in found} == set(BOOK["actions"])
    table = describe(found)
    assert list(table.columns) == actions.COLUMNS
    assert (table["expected_effect"].str.len() > 0).all()
    assert (
        not table.astype(str)
        .apply(lambda column: column.str.contains("{", regex=False))
        .any(axis=None)
    )


def plan_of(size, **more):
    facts = {**keys()["contact_at_risk"], "flagged": size, "held": size // 10, "rate": 0.5}
    return plain(describe([("contact_at_risk", {**facts, **more})]).loc[0, "test"])


def test_an_action_with_an_audience_names_the_test_that_would_prove_it():
    assert plan_of(20_000).startswith("Hold out 2,000 of 20,000 users, chosen at random (10 %).")
    assert "waves over" in plan_of(5_000)
    # 0.5 to 0.45 needs 3,130 users half and half, 8,654 with a tenth left alone
    assert plan_of(300).startswith("Hold out 150 of 300 users, chosen at random (50 %).")
    assert "holdout_share to 0.5" in plan_of(300)
    assert plan_of(20).startswith("This audience of 20 users is too small for a test.")
    assert "3,130 users, even with half of them held out." in plan_of(20)


def test_without_a_holdout_half_of_the_audience_is_left_alone():
    found = [("contact_at_risk", {**keys()["contact_at_risk"], "flagged": 4_000, "held": 0})]
    test = actions.table(found, BOOK, saved_share=0.1, control_share=0.0, horizon=30).loc[0, "test"]
    assert plain(test).startswith("Hold out 2,000 of 4,000 users, chosen at random (50 %).")


def test_with_nothing_saved_there_is_nothing_to_test():
    found = [("remind_silent", keys()["remind_silent"])]
    assert actions.table(found, BOOK, 0.0, 0.1, 30).loc[0, "test"] == ""


def test_actions_that_advise_against_something_need_no_test():
    found = [(key, facts) for key, facts in keys().items() if key in ("not_by_group",)]
    found += keys(scored=make_scored([0.1], [])).items()
    table = describe(found).set_index("action")
    against = table[table["trigger"] == ""]
    assert len(against) >= 2
    assert (against["test"] == "").all()


def test_sizes_are_whole_or_missing():
    table = describe(
        [
            ("not_by_group", {"compared": 3, "size": None, "detectable": 0.1}),
            *list(keys().items())[:1],
        ]
    )
    assert table["size"].isna().tolist() == [True, False]
    assert str(table["size"].dtype) == "Int64"


def test_every_action_names_bases_and_metrics():
    for key, text in BOOK["actions"].items():
        assert set(text["rests_on"]) <= set(BASES), key
        assert isinstance(text["metrics"], list), key
