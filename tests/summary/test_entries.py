"""Figures on few people are not available, and say why."""

import pytest

from analysis.base.texts import render
from analysis.summary.entries import disclosed, metric


def is_withheld(key, *given):
    entry = metric(*given, interval=(0.1, 0.2))
    shown = disclosed({key: entry}, 10)[key]
    assert shown is entry or (shown["value"], shown["n"], shown["ci_low"]) == (None, None, None)
    assert shown is entry or "fewer than 10 users" in shown["reason"]
    return shown is not entry


@pytest.mark.parametrize(
    ("value", "n", "withheld"),
    [
        (0.5, 9, True), (0.5, 20, False), (0.5, 18, True), (9 / 100, 100, True),
        (10 / 100, 100, False), (90 / 100, 100, False), (91 / 100, 100, True),
        (0.0, 100, True), (1.0, 100, True), (0.123, 100, False),
    ],
)  # fmt: skip
def test_a_share_needs_ten_on_either_side(value, n, withheld):
    assert is_withheld("churn_rate", value, "share", "x", n) is withheld


def test_counts_of_people_are_withheld_and_other_counts_are_not():
    assert is_withheld("flagged_users", 9, "count", "x")
    assert not is_withheld("flagged_users", 0, "count", "x")
    assert not is_withheld("rules_kept", 9, "count", "x")
    assert not is_withheld("rules_kept_share", 1.0, "share", "x", 9)
    assert is_withheld("test_auc", 0.7, "score", "x", 9)


def test_what_would_give_a_withheld_figure_back_goes_with_it():
    metrics = {
        "growth_lost": metric(3, "count", "x"), "growth_retained": metric(97, "count", "x"),
        "growth_new": metric(None, "count", "x", reason="Too short."),
        "churn_rate_before": metric(0.05, "share", "x", 100), "churn_rate": metric(0.5, "share", "x", 100),
        "churn_change": metric(0.45, "points", "x"),
    }  # fmt: skip
    shown = disclosed(metrics, 10)
    assert [key for key, entry in shown.items() if entry["value"] is not None] == ["churn_rate"]
    assert shown["growth_new"]["reason"] == "Too short."
    assert disclosed(shown, 10) == shown


def test_a_minimum_of_one_withholds_nothing():
    entry = metric(1, "count", "Users", 1)
    assert disclosed({"users_total": entry}, 1)["users_total"] is entry


TEMPLATE = '{{ k | plural("user has", "users have") }}, {{ k | people }}{{ s | share | beside(k) }}'


@pytest.mark.parametrize(
    ("k", "says"),
    [
        (0, "0 users have, 0 (5.0 %)"),
        (1, "fewer than 10 users have, fewer than 10"),
        (9, "fewer than 10 users have, fewer than 10"),
        (10, "10 users have, 10 (5.0 %)"),
    ],
)
def test_sentences_give_no_number_of_few_people(k, says):
    text = render(TEMPLATE, {"k": k, "s": 0.05}, min_disclosed=10)
    assert text.replace("\N{NO-BREAK SPACE}", " ") == says


def test_sentences_count_things_as_they_are():
    assert render('{{ k | plural("event", "events") }}', {"k": 3}, min_disclosed=10) == "3 events"
