"""The usual shortcuts beside the figures to use: where the two differ, and where none can say."""

import pandas as pd
import pytest

from analysis.base.texts import read_texts
from analysis.book.render import render
from analysis.contract import catalogue
from analysis.summary import shortcuts
from analysis.summary.entries import metric
from analysis.summary.shortcuts import SHORTCUTS, differs, groups_one_by_one, mean_of_rules
from tests.handmade import ROOT

TEXTS = read_texts((ROOT / "book" / "checks.yml").read_text(encoding="utf-8"))
UNITS = {"scored": "count", "expected": "count", "groups": "count", "clusters": "count"}
OF_THE_CASE = ("Peru", "credits", "Idilio", "0.96", "84.8", "holds", "case")
"""What is said of the published case alone."""


def use(value, low=None, high=None, unit="share"):
    """Return the figure to use."""
    return {**metric(value, unit, "The figure", 100, (low, high)), "checks": ["finish"]}


def figures(value=0.5, reason=None):
    """Return a figure for every shortcut."""
    return {one.name: {"value": value, "reason": reason, "compared": 9} for one in SHORTCUTS}


def make_table(given=None, failing=(), **options):
    """Return the shortcuts beside figures to use that are 0.3 (0.2 to 0.4), or 1 as counts."""
    metrics = {
        one.metric: use(1, unit="count") if one.name in UNITS else use(0.3, 0.2, 0.4, **options)
        for one in SHORTCUTS
    }
    table = shortcuts.shortcuts_table(given or figures(), TEXTS["shortcuts"], metrics, failing)
    return table.set_index("shortcut")


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.19999, "yes"), (0.2, "no"), (0.3, "no"), (0.4, "no"), (0.40001, "yes"), (None, "unknown")],
)
def test_a_shortcut_differs_outside_the_interval_of_the_figure_to_use(value, said):
    assert differs(value, use(0.3, 0.2, 0.4)) == said


@pytest.mark.parametrize(
    ("value", "to_use", "said"),
    [(12, use(12, unit="count"), "no"), (13, use(12, unit="count"), "yes"),
     (0.50001, use(0.5), "no"), (0.501, use(0.5), "yes"), (0.5, use(None), "unknown")],
)  # fmt: skip
def test_without_an_interval_what_is_printed_decides(value, to_use, said):
    assert differs(value, to_use) == said


@pytest.mark.parametrize("name", [one.name for one in SHORTCUTS])
def test_every_shortcut_can_differ_or_not(name):
    same = 1 if name in UNITS else 0.3
    for value, said in ((same, "no"), (same + 1, "yes")):
        row = make_table(figures() | {name: {"value": value, "compared": 9}}).loc[name]
        assert (row["differs"], row["reason"]) == (said, "")
        assert row["shortcut_says"]


def test_a_shortcut_that_cannot_be_computed_says_why_and_is_not_judged():
    table = make_table(figures(None, "every user has the same label"))
    assert set(table["differs"]) == {"unknown"}
    assert set(table["reason"]) == {
        "The shortcut cannot be computed from these tables: every user has the same label."
    }
    assert set(table["shortcut_says"]) == {""}


def test_a_figure_that_is_struck_or_not_available_is_not_compared():
    struck = make_table(failing=["finish"])
    assert set(struck["differs"]) == {"unknown"}
    assert set(struck["reason"]) == {shortcuts.STRUCK}
    assert set(struck["to_use"]) == {"The figure: struck"}
    metrics = {one.metric: use(None) for one in SHORTCUTS}
    absent = shortcuts.shortcuts_table(figures(), TEXTS["shortcuts"], metrics, [])
    assert set(absent["differs"]) == {"unknown"}
    assert set(absent["reason"]) == {shortcuts.NOT_AVAILABLE}


def test_the_table_is_that_of_the_catalogue_and_names_the_figure_to_use():
    table = make_table().reset_index()
    assert list(table) == catalogue.columns_of("shortcuts")
    row = table.iloc[0]
    assert row["metric"] == "newcomers_lost_30d"
    assert row["to_use"].replace("\N{NO-BREAK SPACE}", " ") == (
        "The figure: 30.0 % (20.0 to 40.0 %, n = 100)"
    )


def test_groups_are_counted_one_by_one_and_each_test_once():
    differences = pd.DataFrame(
        {"p_value": [0.01, 0.04, 0.05, None, 0.01], "is_repeated": [False] * 4 + [True]}
    )
    assert groups_one_by_one(differences) == {"value": 2, "reason": None, "compared": 3}
    assert groups_one_by_one(differences.iloc[:0])["value"] is None


def test_quality_is_the_mean_of_the_rules_that_were_checked():
    quality = pd.DataFrame({
        "kind": ["rule", "rule", "rule", "column"],
        "checked": [10, 1000, 0, 10], "broken": [5, 0, 0, 9],
    })  # fmt: skip
    assert mean_of_rules(quality) == {"value": (0.5 + 1.0) / 2, "reason": None}
    assert mean_of_rules(quality.iloc[2:])["value"] is None


def test_no_sentence_of_the_case_is_said_of_other_tables():
    for given in (figures(0.5), figures(None, "there is no such column")):
        rows = make_table(given).reset_index().to_dict("records")
        cards = [{"row": row, "figure": row["to_use"]} for row in rows]
        page = render("usual_shortcuts", cards=cards, path="summary/shortcuts.csv")
        assert not [words for words in OF_THE_CASE if words in page]
        assert page.count("cb-check-title") == len(SHORTCUTS)
