"""The actions: what each may bring, which test would prove it, and how it is told."""

import numpy as np
import pandas as pd
import pytest

from analysis.base.texts import read_texts
from analysis.contract.checks import BASES
from analysis.model.uncertainty import Uncertainty
from analysis.summary import actions, audiences
from analysis.summary.actions import Assumptions
from analysis.summary.worth import AT_CHANCE, worth_suggesting
from tests.handmade import ROOT
from tests.summary.test_audiences import (
    ECONOMICS,
    METRICS,
    NO_DIFFERENCE,
    NOBODY,
    PEOPLE,
    USERS,
    at,
    keys,
    make_differences,
    make_scored,
    make_snapshots,
)

BOOK = read_texts((ROOT / "book" / "actions.yml").read_text(encoding="utf-8"))
RANGES = Uncertainty.of(ECONOMICS, None, None)
ASSUMED = Assumptions(ECONOMICS, RANGES, horizon=30, currency="USD")


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


def describe(found):
    return actions.table(found, BOOK, ASSUMED)


def test_the_gain_of_a_list_stands_between_the_ends_of_what_is_assumed():
    row = describe([("contact_at_risk", keys()["contact_at_risk"])]).iloc[0]
    # each contact brings p (s (V - 3) - 0.5) - (1 - p) 3.5, for 0.9 and 0.7
    low, high = (1.6 * (s * (v - 3) - 0.5) - 0.4 * 3.5 for s, v in ((0.05, 30), (0.2, 120)))
    assert (row["gain_low"], row["gain_high"]) == (pytest.approx(low), pytest.approx(high))
    # two contacts, and the incentive for the 0.4 who would have stayed and the 0.16 who are saved
    assert row["cost"] == pytest.approx(2 * 0.5 + 3 * (0.4 + 0.16))
    assert "with 20 % and US$120, US$" in plain(row["expected_effect"])
    assert "pays from a risk of 40 %" in plain(row["expected_effect"])  # 3.5 / (5.2 + 3.5)
    assert (row["size"], row["held"]) == (3, 1)


def test_a_reminder_costs_a_contact_alone():
    facts = {**keys()["remind_silent"], "proba": np.array([0.5, 0.5])}
    row = describe([("remind_silent", facts)]).iloc[0]
    assert row["cost"] == pytest.approx(1.0)
    assert row["gain_low"] == pytest.approx(2 * (0.5 * 0.05 * 30 - 0.5))
    assert "pays from a risk of 8.3 %" in plain(row["expected_effect"])  # 0.5 / (0.1 x 60)


def test_users_on_another_list_are_counted_apart():
    row = describe([("remind_silent", keys()["remind_silent"])]).iloc[0]
    assert row["audience"].endswith("Another 1 user is on a list above.")
    assert plain(row["expected_effect"]).endswith("a churn rate of 10.1 %.")
    alone = describe([("remind_silent", keys(is_list_used=False)["remind_silent"])]).iloc[0]
    assert "Another" not in alone["audience"]
    assert "model" not in alone["expected_effect"]


def test_every_action_of_the_book_can_be_described():
    strong = make_snapshots(silent_churn=0.5, failed_churn=1.0)
    real = make_differences(
        ("country", "group_against_rest", "Peru", 40, 0.7, 0.2, 0.1, 0.3, 0.001, 0.002, True)
    )
    judged = pd.DataFrame(
        [("03_audit", "a", "fail", "Late events")], columns=["stage", "check", "status", "title"]
    )
    tables = [strong, make_snapshots(0.5), make_snapshots(0.1, 0.0), make_snapshots(0.5, 0.0)]
    lists = [make_scored([0.1], []), make_scored([0.9], ["hold_out"]), make_scored([0.9], [])]
    found = [item for table in (None, *tables) for item in keys(table).items()]
    found += [item for scored in lists for item in keys(scored=scored).items()]
    for differences in (real, NO_DIFFERENCE):
        found += audiences.by_group(differences, PEOPLE, pd.Series(["a"]), 0.5)
    new = audiences.newcomers(METRICS, USERS, at("2025-10-21"), 30, NOBODY)
    found += [("first_week", new), *audiences.on_data(judged)]
    listed = list(keys().items())[:1]
    found += [a for r in (None, AT_CHANCE) for a in worth_suggesting(listed, 200, r, ASSUMED)]
    assert {key for key, _ in found} == set(BOOK["actions"])
    table = describe(found)
    assert list(table.columns) == actions.COLUMNS
    assert (table["expected_effect"].str.len() > 0).all()
    as_text = table.astype(str).apply(lambda column: column.str.contains("{", regex=False))
    assert not as_text.any(axis=None)


def proof_of(size, held, rate=0.5, key="contact_at_risk"):
    facts = {**keys()["contact_at_risk"], "size": size, "held": held, "rate": rate}
    row = describe([(key, facts)]).iloc[0]
    return plain(row["proof"]), plain(row["test"])


def test_an_action_with_an_audience_names_the_test_that_would_prove_it():
    # 0.5 to 0.45 needs 8,654 users with a tenth left alone, and 3,130 half and half
    proof, test = proof_of(20_000, 2_000)
    assert proof.startswith("One round of 30 days shows a fall of 3.")
    assert test.startswith("2,000 of 20,000 users are held out, chosen at random (10 %).")
    assert proof_of(5_000, 500)[0] == "2 rounds of 30 days to see a saving of 10 %"
    proof, test = proof_of(300, 30)
    assert proof == "11 rounds of 30 days, with half of them held out"
    assert "holdout_share 0.5" in test
    proof, test = proof_of(20, 2)
    assert proof == "Too few users for a proof"
    assert "3,130 users, even with half of them held out." in test
    assert proof_of(4_000, 0)[0] == "None without a holdout"


def test_the_test_on_newcomers_compares_who_is_back_within_a_week():
    found = audiences.newcomers(METRICS, USERS, at("2025-10-21"), 30, NOBODY)
    many = {**found, "size": 10**7, "held": 5 * 10**6}
    test = describe([("first_week", many)])["test"].iloc[0]
    assert "Compare the share who are not back within 7 days. The test would detect a fall" in test
    few = [("first_week", {**found, "size": 30, "held": 15})]
    assert worth_suggesting(few, 200, None, ASSUMED) == []
    assert worth_suggesting([("first_week", many)], 200, None, ASSUMED) != []


def test_actions_that_contact_nobody_need_no_test():
    found = [*keys(scored=make_scored([0.1], [])).items(), *keys(make_snapshots(0.5)).items()]
    found += audiences.by_group(NO_DIFFERENCE, PEOPLE, pd.Series(["a"]), 0.5)
    table = describe(found).set_index("key")
    against = table[table["trigger"] == ""]
    assert len(against) >= 3
    assert (against["test"] == "").all()
    assert against["held"].isna().all()


def test_sizes_are_whole_or_missing():
    table = describe(
        [("not_by_group", {"compared": 3, "size": None, "detectable": 0.1}),
         *list(keys().items())[:1]]
    )  # fmt: skip
    assert table["size"].isna().tolist() == [True, False]
    assert str(table["size"].dtype) == str(table["held"].dtype) == "Int64"


def test_every_action_names_bases_and_metrics():
    for key, text in BOOK["actions"].items():
        assert set(text["rests_on"]) <= set(BASES), key
        assert isinstance(text["metrics"], list), key
