"""The first screen, without Sphinx: which sentence each result gives, and the words of a share."""

import json
from pathlib import Path

import pytest

from analysis.base.conditions import context_of, holds
from analysis.base.formats import format_day, format_month, format_tenths
from analysis.book.about import SIMULATED, About, about_run
from analysis.book.artifacts import Metric
from analysis.book.claims import users_concerned
from analysis.book.forms import format_change
from analysis.summary.findings import blocks
from tests.book.small_book import plain

PROJECT = Path(__file__).resolve().parents[2]


def sentence(direction: str, first: float, last: float, change: float = 0.0, beyond: str = "no",
             users: int = 900) -> str:  # fmt: skip
    """Return the words of index.md for a result: the case of the claim `direction` that holds."""
    known = {
        "churn_direction": direction, "churn_rate_first": first, "churn_rate": last,
        "churn_change": change, "churn_change_is_beyond_chance": beyond,
        "users_at_last_snapshot": users,
    }  # fmt: skip
    context = context_of({key: {"value": value} for key, value in known.items()}, {})
    page = (PROJECT / "index.md").read_text(encoding="utf-8").splitlines()
    claim = next(block for block in blocks(page, "claim") if block.argument == "direction")
    held = [case for case in blocks(claim.lines, "case") if holds(case.argument, context)]
    return " ".join(" ".join(held[0].lines).split())


@pytest.mark.parametrize(
    ("result", "figure", "direction"),
    [
        (("rising", 0.39, 0.72), "{kpi}`churn_rate:tenths`", "up from {kpi}`churn_rate_first:tenths`"),
        (("falling", 0.72, 0.39), "{kpi}`churn_rate:tenths`", "down from {kpi}`churn_rate_first:tenths`"),
        (("rising", 0.36, 0.44), "{kpi}`churn_rate`", "up from {kpi}`churn_rate_first`"),
        (("falling", 0.44, 0.36), "{kpi}`churn_rate`", "down from {kpi}`churn_rate_first`"),
        (("rising", 0.02, 0.04), "{kpi}`churn_rate`", "up from {kpi}`churn_rate_first`"),
        (("rising", 0.6, 0.5), "{kpi}`churn_rate:tenths`", "over the whole log churn is rising"),
        (("falling", 0.5, 0.6), "{kpi}`churn_rate:tenths`", "over the whole log churn is falling"),
        (("steady", 0.3, 0.32), "{kpi}`churn_rate:tenths`", "steady since"),
        (("unknown", 0.3, 0.6, 0.3, "yes"), "{kpi}`churn_rate:whole`", "up from {kpi}`churn_rate_before:whole`"),
        (("unknown", 0.6, 0.3, -0.3, "yes"), "{kpi}`churn_rate:whole`", "down from {kpi}`churn_rate_before:whole`"),
        (("unknown", 0.3, 0.32), "{kpi}`churn_rate:tenths`", "whether that is rising or falling is not known"),
        (("unknown", 1.0, 1.0, 0.0, "no", 1), "One user", "too few for a rate"),
    ],
)  # fmt: skip
def test_the_sentence_says_where_churn_is_going(result, figure, direction):
    said = sentence(*result)
    assert said.startswith(figure)
    assert direction in said


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.718, "7 in 10"), (0.394, "4 in 10"), (0.05, "5 in 100"), (0.06, "1 in 10"),
        (0.94, "9 in 10"), (0.96, "96 in 100"), (0.03, "3 in 100"), (0.001, "fewer than 1 in 100"),
        (0.999, "more than 99 in 100"), (0.0, "0 in 10"), (1.0, "10 in 10"),
        (None, "not available"),
    ],
)  # fmt: skip
def test_a_share_in_tenths_never_says_none_or_all_of_some(share, text):
    assert plain(format_tenths(share)) == text


def test_months_and_days_are_words_of_the_language():
    assert plain(format_month("2025-09-21")) == "September 2025"
    assert plain(format_month("2025-09-21", length="short")) == "Sept 2025"
    assert plain(format_month("2025-09-21", "es")) == "septiembre de 2025"
    assert plain(format_day("2025-09-21")) == "21 Sept"
    assert format_tenths(0.7, "es").replace("\N{NO-BREAK SPACE}", " ") == "7 de cada 10"


def test_the_size_of_a_change_has_no_sign_and_few_decimals():
    assert plain(format_change(Metric("x", -0.1911, "points"))) == "19 points"
    assert plain(format_change(Metric("x", 0.004, "points"))) == "0.4 points"
    money = Metric("x", -13522.4, "money", currency="USD")
    assert plain(format_change(money)) == "US$13,522"


def test_a_finding_concerns_a_count_or_a_share_of_its_users():
    assert users_concerned(Metric("x", 40, "count", 900)) == 40
    assert users_concerned(Metric("x", 0.5, "share", 900)) == 450
    assert users_concerned(Metric("x", "no", "text")) == 0
    assert users_concerned(Metric("x", None, "share", 900)) == 0


@pytest.mark.parametrize(
    ("source", "note", "shown"),
    [("simulated", "", SIMULATED), ("given", "", ""), ("given", "Rebuilt", "Rebuilt"),
     ("simulated", "Ours", "Ours")],
)  # fmt: skip
def test_the_manifest_says_where_the_data_come_from(tmp_path, source, note, shown):
    (tmp_path / "summary").mkdir()
    parameters = {"product": {"value": "Ours"}, "data_note": {"value": note}}
    manifest = {"inputs": [{"source": source}], "parameters": parameters}
    (tmp_path / "summary/manifest.json").write_text(json.dumps(manifest))
    assert about_run(tmp_path) == About("Ours", shown)
    assert about_run(tmp_path / "nowhere") == About()
