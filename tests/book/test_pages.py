"""The parts of the pages, without Sphinx: artifacts, forms, links, placeholders, what is published."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from analysis.base.errors import ReportError
from analysis.book.artifacts import Artifacts, Check, Metric, make_check, make_metric, worst
from analysis.book.downloads import publish
from analysis.book.forms import format_interval, format_metric, format_noun, is_noun
from analysis.book.nodes import OPEN, doc_link, resolve_links, strip_private
from analysis.book.problems import describe_place, find_placeholders, prose_of
from analysis.book.publish import may_be_published
from analysis.book.reference import (
    as_written,
    choose_rows,
    find_docstring,
    parse_docstring,
    reference_table,
)
from analysis.book.render import plain, render, wrap_figure
from analysis.book.results import COUNTED
from analysis.contract.stages import checks_of_stages
from tests.book.small_book import CHECKS, METRICS, words
from tests.book.small_book import plain as with_spaces

PROJECT = Path(__file__).resolve().parents[2]
RETAINED = Metric("retention_d7", 0.483, "share", 687, 0.461, 0.505, "Back in a week")


# --- metrics and checks -----------------------------------------------------------------------


def test_the_forms_of_a_metric():
    forms = ("", "interval", "n", "full", "label")
    assert {form: with_spaces(format_metric(RETAINED, form)) for form in forms} == {
        "": "48.3 %",
        "interval": "46.1 to 50.5 %",
        "n": "687",
        "full": "48.3 % (46.1 to 50.5 %, n = 687)",
        "label": "Back in a week",
    }
    assert with_spaces(format_metric(Metric("confidence", 0.95, "share"), "whole")) == "95 %"
    with pytest.raises(ReportError, match="unknown form 'ci'"):
        format_metric(RETAINED, "ci")


@pytest.mark.parametrize(
    ("value", "word"), [(1, "user is"), (2, "users are"), (0, "users are"), (None, "users are")]
)
def test_the_word_beside_a_number_follows_it(value, word):
    assert is_noun("user is|users are")
    assert format_noun(Metric("x", value, "count"), "user is|users are") == word
    assert not is_noun("full")


def test_parts_that_are_missing_are_left_out_of_the_full_form():
    assert with_spaces(format_metric(Metric("x", 0.5, "share", 10), "full")) == "50.0 % (n = 10)"
    assert format_metric(Metric("x", None, "share", 10, 0.1, 0.2), "full") == "not available"
    assert format_interval(Metric("x", 3.0, "days")) == "not available"


def test_the_gravest_status_wins():
    checks = [Check(status, status, status) for status in ("pass", "warn", "not_applicable")]
    assert worst(checks) == "warn"
    assert worst([*checks, Check("x", "fail", "x")]) == "fail"
    assert worst([]) == "not_applicable"


def test_wrong_entries_are_named():
    with pytest.raises(ReportError, match="'x' must have a value, a unit and a label"):
        make_metric("x", {"value": 1})
    with pytest.raises(ReportError, match="'x' has the status 'bad'"):
        make_check({"check": "x", "status": "bad"})


@pytest.fixture
def artifacts(tmp_path):
    (tmp_path / "summary").mkdir()
    (tmp_path / "summary/metrics.json").write_text(json.dumps(METRICS))
    (tmp_path / "summary/checks.csv").write_text(CHECKS)
    return Artifacts(tmp_path)


def test_a_missing_summary_is_named_with_the_remedy(tmp_path):
    with pytest.raises(ReportError, match=r"metrics.json is missing. Run `churnbook build`"):
        Artifacts(tmp_path).metric("x")


def test_every_missing_metric_and_check_is_named(artifacts):
    with pytest.raises(ReportError, match="no metric 'a', 'b' in"):
        artifacts.metrics(["a", "users", "b"])
    with pytest.raises(ReportError, match="no check 'a' in"):
        artifacts.checks(["a", "fine"])


@pytest.mark.parametrize(
    ("rests_on", "names"),
    [
        ("", ["leakage"]),
        ("none", []),
        ("scores", ["leakage"]),
        ("retention, churn", ["fine", "tardy"]),
        ("segments", []),
    ],
)
def test_a_sentence_rests_on_its_metrics_or_on_the_bases_it_names(artifacts, rests_on, names):
    checks = artifacts.checks_of([artifacts.metric("auc")], rests_on)
    assert [check.name for check in checks] == names


def test_a_condition_asks_for_metrics_and_checks(artifacts):
    assert artifacts.holds('users == 3 and check.leakage in ["warn", "fail"]')
    assert not artifacts.holds("gone > 0")
    with pytest.raises(ReportError, match="'absent' is neither"):
        artifacts.holds("users == 2 and absent > 0")


# --- markup -----------------------------------------------------------------------------------


def test_a_figure_under_a_failing_check_is_struck_and_says_so():
    check = Check("leakage", "fail", "Leaks <b>", consequence='the "AUC" is a copy')
    before, after = wrap_figure(checks=[check], status="fail", is_missing=False, panel="index")
    assert "kpi-fail" in before
    assert before.endswith("<s>")
    assert "struck figure" in before
    assert "see check" in after
    assert "&lt;b&gt;" in before
    assert "&#34;AUC&#34;" in before


def test_links_are_relative_to_the_page():
    class Builder:
        def get_target_uri(self, page):
            return f"{page}.html"

        def get_relative_uri(self, _page, target):
            return f"../../{target}.html"

    markup = resolve_links(doc_link("index", "check-x"), Builder(), "book/chapters/a")
    assert markup == "../../index.html#check-x"
    assert resolve_links(doc_link("index", "check-x"), Builder(), "index") == "#check-x"
    assert OPEN not in strip_private(f"<b>{OPEN}doc:x")
    row = {"check": f"{OPEN}doc:x", "published": "<b>", "verdict": "fail"}
    cards = render("published_claims", rows=[{**row, "data_say": "", "use_instead": ""}], path="a")
    assert f"{OPEN}doc:x" not in cards
    assert "“&lt;b&gt;”" in cards


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"pass": 1}, "✓ 1 passes"),
        ({"pass": 58, "fail": 2}, "✕ 2 fail ✓ 58 pass"),
        ({"warn": 2, "not_applicable": 1}, "! 2 ask for caution – 1 does not apply"),
        ({}, "No check was made."),
    ],
)
def test_the_words_follow_the_counts(counts, said):
    groups = {status: [object()] * counts.get(status, 0) for status, _, _ in COUNTED}
    page = BeautifulSoup(render("counts", groups=groups, counted=COUNTED), "html.parser")
    assert words(page) == said


def test_a_reference_table_without_rows_says_so():
    assert "No rows." in render("table", **reference_table(["a", "b"], [], "Empty"))


def test_a_table_with_a_long_text_names_its_short_cells_for_a_phone():
    long = "A sentence of more than forty characters, which takes lines."
    page = render("table", **reference_table(["Column", "Unit", "Meaning"], [["a", "days", long]]))
    assert 'class="cb-table cb-stacked"' in page
    assert 'data-label="Unit">days' in page
    assert f'<td class="cb-long">{long}' in page
    assert "cb-stacked" not in render("table", **reference_table(["a"], [["short"]]))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": 1000, "b": None}, "a: 1,000, b: –"),
        ([1, "x"], "1, x"),
        (True, "yes"),
        (None, "–"),
        ("", "–"),
        ([], "–"),
    ],
)
def test_values_of_the_manifest_are_text(value, said):
    assert plain(value) == said


def test_a_parameter_is_written_as_in_its_file():
    assert [as_written(value) for value in (5000, 0.1, False, None)] == ["5000", "0.1", "no", "–"]


# --- definitions ------------------------------------------------------------------------------


def test_a_docstring_keeps_paragraphs_lists_and_code():
    paragraph, items = parse_docstring("First `line`\nof two.\n\n- one <b>\n- two", "a.b")
    assert paragraph.astext() == "First line\nof two."
    assert [node.tagname for node in paragraph.children] == ["#text", "literal", "#text"]
    assert [item.astext() for item in items.children] == ["one <b>", "two"]


def test_a_docstring_that_cannot_be_read_is_named():
    with pytest.raises(ReportError, match=r"the docstring of a\.b cannot be read"):
        parse_docstring("An ``open literal", "a.b")


def test_a_definition_must_exist_and_say_something():
    assert find_docstring("analysis.base.errors.ReportError")[0].startswith(
        "The report cannot be made"
    )
    for name in ("analysis.base.errors.Nothing", "analysis.nowhere.x", "x"):
        with pytest.raises(ReportError, match="does not exist or cannot"):
            find_docstring(name)


# --- problems ---------------------------------------------------------------------------------


def test_places_in_pages_and_in_notebooks():
    assert describe_place("a.md", 12) == "a.md:12"
    assert describe_place("a.md", None) == "a.md"
    assert describe_place("a.ipynb", 20004) == "a.ipynb, cell 2, line 3"


@pytest.mark.parametrize(
    ("text", "placeholders"),
    [
        ("in {kind} of", ["{kind}"]),
        ("{rows:,} rows", ["{rows:,}"]),
        ("{row.name} and {row[0]}", ["{row.name}", "{row[0]}"]),
        ("{{ value | share }}", ["{{ value | share }}"]),
        ("{% if x %}yes", ["{% if x %}"]),
        ("a set {1, 2}, {a, b} and [start, end)", []),
    ],
)
def test_a_placeholder_that_nothing_filled_is_found(text, placeholders):
    assert find_placeholders(text) == placeholders


def test_code_and_the_values_of_tables_are_no_prose():
    html = "<style>a {b}</style><th>{head}</th><td>{cell}</td><p>{text} <code>{code}</code></p>"
    assert find_placeholders(prose_of(html)) == ["{head}", "{text}"]


# --- what is published ------------------------------------------------------------------------


def test_no_row_per_user_is_published(tmp_path):
    files = {
        "audit/quality.csv": "a\n1\n",
        "features/snapshot_summary.csv": "a\n1\n",
        "scores/predictions.csv": '"user_id",p\nu,1\n',
        "scores/churn_by_country.csv": "country,p\nPE,1\n",
        "published/user_predictions.csv": "a\n1\n",
        "published/figures.json": "{}",
        "cohorts/user_retention.parquet": "",
        "clean/users.qa.json": "{}",
        "raw/users.csv": "a\n1\n",
        "audit/not_declared.csv": "a\n1\n",
    }
    data, target = tmp_path / "data", tmp_path / "site"
    for name, text in files.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(text)
    (target / "old").mkdir(parents=True)
    copies = [copy.relative_to(target).as_posix() for copy in publish(data, target)]
    assert copies == [
        "audit/quality.csv",
        "features/snapshot_summary.csv",
        "scores/churn_by_country.csv",
    ]
    assert not (target / "old").exists()


def test_a_table_with_a_user_in_each_row_is_not_offered():
    assert may_be_published("scores/top_risk.csv", ["churn_percentile"])
    assert not may_be_published("scores/top_risk.csv", ["user_id", "churn_percentile"])


def test_rows_are_chosen_by_a_condition_on_the_columns():
    frame = pd.DataFrame({"meaning": ["a", None, "b"], "value": [1.0, 2.0, float("nan")]})
    assert choose_rows(frame, "").shape == (3, 2)
    assert choose_rows(frame, "meaning is not none")["meaning"].tolist() == ["a", "b"]
    assert choose_rows(frame, "value > 0 and meaning is not none").index.tolist() == [0]


# --- the project's own pages ------------------------------------------------------------------


def notebook_text(name: str) -> str:
    cells = json.loads((PROJECT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))[
        "cells"
    ]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


@pytest.mark.parametrize("stage", checks_of_stages())
def test_every_stage_with_checks_shows_them_in_its_chapter(stage):
    panel = r"^[`:]{3,}\{(checks-panel|published-claims)\}\s*$"
    assert re.search(panel, notebook_text(stage), re.MULTILINE)


def test_the_first_page_shows_every_check():
    assert "{checks-panel}" in (PROJECT / "index.md").read_text(encoding="utf-8")
