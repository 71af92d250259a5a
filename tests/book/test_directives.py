"""The pages' parts: formats, conditions, what is published, and a whole small book."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from analysis.base.errors import ReportError
from analysis.site.base import describe_place
from analysis.site.conditions import holds
from analysis.site.figures import (
    Check,
    Metric,
    format_cell,
    format_interval,
    format_metric,
    format_value,
    worst,
)
from analysis.site.markup import docstring, table, wrap_figure
from analysis.site.nodes import OPEN, doc_link, esc, resolve_links
from analysis.site.publish import publish
from analysis.site.reference import find_docstring, guess_format, parse_pairs, sort_rows
from analysis.site.store import Summary, make_check, make_metric, prettify, split_names


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.483, "share", "48.3 %"),
        (0.0, "share", "0.0 %"),
        (1, "share", "100.0 %"),
        (0.00424, "share", "0.42 %"),
        (0.00001, "share", "under 0.01 %"),
        (0.99999, "share", "over 99.99 %"),
        (-0.032, "share", "−3.2 %"),
        (5000, "count", "5,000"),
        (12.44, "days", "12.4 days"),
        (30, "days", "30 days"),
        (1.0, "days", "1 day"),
        (0.7812, "score", "0.781"),
        (-0.0001, "score", "0.000"),
        (2.314, "ratio", "2.31 times"),
        (-0.1674, "points", "\N{MINUS SIGN}16.7 points"),
        (12.5, "money", "12.50"),
        (1234.5, "money", "1,234"),
        ("better", "text", "better"),
        ("2025-01-01T00:00:00Z", "date", "1 January 2025"),
        ("2025-01-01T09:30:00+00:00", "date", "1 January 2025, 09:30 UTC"),
        (None, "share", "not available"),
        (float("nan"), "count", "not available"),
    ],
)
def test_a_value_is_printed_by_its_unit(value, unit, shown):
    assert plain(format_value(value, unit)) == shown


def test_an_unknown_unit_and_a_text_for_a_number_are_named():
    with pytest.raises(ReportError, match="'percent'"):
        format_value(1, "percent")
    with pytest.raises(ReportError, match="'many' is not a number"):
        format_value("many", "count")


RETAINED = Metric("retention_d7", 0.483, "share", 687, 0.461, 0.505, "Back in a week")


def test_the_forms_of_a_metric():
    forms = {form: plain(format_metric(RETAINED, form)) for form in ("", "interval", "n", "full")}
    assert forms == {
        "": "48.3 %",
        "interval": "46.1 to 50.5 %",
        "n": "687",
        "full": "48.3 % (46.1 to 50.5 %, n = 687)",
    }
    assert format_metric(RETAINED, "label") == "Back in a week"
    assert plain(format_metric(Metric("confidence", 0.95, "share"), "whole")) == "95 %"
    with pytest.raises(ReportError, match="unknown form 'ci'"):
        format_metric(RETAINED, "ci")


def test_both_ends_of_an_interval_have_as_many_decimals():
    assert plain(format_interval(Metric("x", 0.01, "share", 9, 0.004, 0.02))) == "0.40 to 2.00 %"
    assert plain(format_interval(Metric("x", 3.0, "days", 9, 2.0, 4.25))) == "2.0 to 4.2 days"
    assert format_interval(Metric("x", 3.0, "days")) == "not available"


def test_parts_that_are_null_are_left_out_of_the_full_form():
    assert plain(format_metric(Metric("x", 0.5, "share", 10), "full")) == "50.0 % (n = 10)"
    assert format_metric(Metric("x", None, "share", 10, 0.1, 0.2), "full") == "not available"
    assert format_cell("", "share") == format_cell(None, "text") == "–"


VALUES = {"auc": 0.6, "verdict": "better", "none_yet": None, "limit": 0.7, "is_on": True}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("auc > 0.6", False),
        ("auc >= 0.6", True),
        ("auc < 0.6", False),
        ("auc <= 0.6", True),
        ("auc < limit", True),
        ("auc == 0.60", True),
        ("auc != 0.6", False),
        ("verdict == better", True),
        ("verdict != better", False),
        ("verdict in worse, better", True),
        ("verdict not in worse, better", False),
        ("verdict == better and auc > 0.5", True),
        ("verdict == worse and auc > 0.5", False),
        ("none_yet == null", True),
        ("none_yet != null", False),
        ("auc == null", False),
        ("none_yet > 0", False),
        ("none_yet <= 0", False),
        ("none_yet == better", False),
        ("is_on == true", True),
    ],
)
def test_a_condition_holds_or_does_not(condition, expected):
    assert holds(condition, VALUES.__getitem__) is expected


@pytest.mark.parametrize("condition", ["auc", "auc >", "auc = 1", "", "auc > 1 and"])
def test_a_condition_that_cannot_be_read_is_named(condition):
    with pytest.raises(ReportError, match="is no condition"):
        holds(condition, VALUES.__getitem__)


def test_every_key_of_a_condition_is_looked_up():
    with pytest.raises(KeyError, match="absent"):
        holds("verdict == worse and absent > 1", VALUES.__getitem__)


def test_the_gravest_status_wins():
    checks = [Check(status, status, status) for status in ("pass", "warn", "not_applicable")]
    assert worst(checks) == "warn"
    assert worst([*checks, Check("x", "fail", "x")]) == "fail"
    assert worst([]) == "not_applicable"


def test_a_figure_under_a_failing_check_is_struck_and_says_so():
    check = Check("leakage", "fail", "No <leak>", consequence='the "AUC" is a copy')
    before, after = wrap_figure([check], "fail", "index")
    assert "kpi-fail" in before
    assert "<s>" in before
    assert "struck figure" in before
    assert "see check" in after
    assert "&lt;leak&gt;" in before
    assert "&quot;AUC&quot;" in before


def test_links_are_relative_to_the_page():
    class Builder:
        def get_target_uri(self, page):
            return f"{page}.html"

        def get_relative_uri(self, _page, target):
            return f"../../{target}.html"

    markup = resolve_links(doc_link("index", "check-x"), Builder(), "book/chapters/a")
    assert markup == "../../index.html#check-x"
    assert resolve_links(doc_link("index", "check-x"), Builder(), "index") == "#check-x"
    assert OPEN not in esc(f"<b>{OPEN}doc:x")


def test_names_lists_and_pairs():
    assert prettify("ci_low") == "CI low"
    assert split_names("a, b; none") == ["a", "b"]
    assert parse_pairs("a: b; c: d e") == {"a": "b", "c": "d e"}
    with pytest.raises(ReportError, match="column: value"):
        parse_pairs("a b")
    assert [guess_format(name) for name in ("churn_rate", "users", "cohort_size", "day")] == [
        "share",
        "count",
        "count",
        "text",
    ]


def test_rows_are_sorted_by_size_with_empty_cells_last():
    rows = [{"n": "10"}, {"n": ""}, {"n": "9"}]
    assert sort_rows(rows, "n") == [{"n": "9"}, {"n": "10"}, {"n": ""}]
    assert sort_rows(rows, "-n") == [{"n": "10"}, {"n": "9"}, {"n": ""}]


def test_a_table_without_rows_says_so():
    assert "No rows." in table(["a", "b"], [])


def test_a_docstring_keeps_paragraphs_lists_and_code():
    made = docstring("First `line`\nof two.\n\n- one <b>\n- two", "a.b", "Title")
    assert "<p>First <code>line</code> of two.</p>" in made
    assert "<ul><li>one &lt;b&gt;</li><li>two</li></ul>" in made


def test_a_definition_must_exist_and_say_something():
    assert find_docstring("analysis.base.errors.ReportError")[0].startswith("A report that cannot")
    for name in ("analysis.base.errors.Nothing", "analysis.nowhere.x", "x"):
        with pytest.raises(ReportError, match="does not exist or cannot"):
            find_docstring(name)


def test_places_in_pages_and_in_notebooks():
    assert describe_place("a.md", 12) == "a.md:12"
    assert describe_place("a.ipynb", 20004) == "a.ipynb, cell 2, line 3"


def test_wrong_entries_are_named():
    with pytest.raises(ReportError, match="'x' must have value and unit"):
        make_metric("x", {"value": 1})
    with pytest.raises(ReportError, match="'x' has the status 'bad'"):
        make_check({"check": "x", "status": "bad"})


def test_a_missing_summary_is_named_with_the_remedy(tmp_path):
    with pytest.raises(ReportError, match=r"metrics.json is missing. Run `churnbook build`"):
        Summary(tmp_path).metric("x")


def test_no_row_per_user_is_published(tmp_path):
    files = {
        "audit/quality.csv": "a\n1\n",
        "scores/predictions.csv": '"user_id",p\nu,1\n',
        "scores/churn_by_country.csv": "country,p\nPE,1\n",
        "published/user_features.csv": "a\n1\n",
        "published/figures.json": "{}",
        "cohorts/user_retention.parquet": "",
        "clean/users.qa.json": "{}",
        "raw/users.csv": "a\n1\n",
        "notes.csv": "a\n1\n",
    }
    data, target = tmp_path / "data", tmp_path / "site"
    for name, text in files.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(text)
    (target / "old").mkdir(parents=True)
    copies = [copy.relative_to(target).as_posix() for copy in publish(data, target)]
    expected = ["audit/quality.csv", "published/figures.json", "scores/churn_by_country.csv"]
    assert copies == expected
    assert not (target / "old").exists()


# --- a whole small book -----------------------------------------------------------------------

CONFIG = """
title: Small
author: ""
only_build_toc_files: true
execute: {execute_notebooks: "off"}
parse: {myst_enable_extensions: [colon_fence]}
sphinx:
  recursive_update: true
  local_extensions: {analysis.sphinx_ext: .}
  config:
    html_math_renderer: as_written
    nb_ipywidgets_js: {}
"""
PAGE = """
# Small {kpi}`users`

Good {kpi}`users:full`, bad {kpi}`auc`, soft {kpi}`late`, gone {kpi}`gone`.

:::{when} users > 2
## Many users
:::
:::{when} users <= 2
## Few users
:::

:::{headline}
users | more
auc
gone
:::

::::{claim} good
:metrics: users
:checks: fine
Sentence that stands.
::::
::::{claim} bad
:metrics: auc
:checks: fine
Sentence that falls.
::::
::::{claim} soft
:metrics: late
:checks: fine
Sentence with a caution.
::::
::::{claim} gone
:when: gone == null
:metrics: gone
:checks: none
::::

:::{actions}
:::

:::{checks-panel}
:::
"""
MORE = """
# More

:::{artifact-table} cohorts/days.csv
:caption: Days
:columns: day, retention_rate
:where: day > 1
:sort: -day
:max-rows: 2
:::

:::{chart} summary/x.png
:alt: A dot
:::

:::{provenance}
:::

:::{metric-definition} analysis.base.errors.ReportError
:title: Error
:::

:::{contract}
:::

:::{parameters}
:::
"""
METRICS = {
    "users": {"value": 3, "unit": "count", "n": 3, "label": "Users <i>", "checks": ["fine"]},
    "auc": {"value": 0.99, "unit": "score", "n": 3, "label": "AUC", "checks": ["leakage"]},
    "late": {"value": 0.5, "unit": "share", "label": "Late", "checks": ["tardy"]},
    "gone": {"value": None, "unit": "share", "label": "Gone", "checks": []},
}
CHECKS = """check,status,evidence,consequence,remedy,title
fine,pass,,,,Fine
leakage,fail,AUC 0.99,the label was copied.,drop it,Leakage
tardy,warn,late,mind it.,wait,Tardy
"""
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


def write_book(root: Path) -> None:
    files = {
        "_config.yml": CONFIG,
        "_toc.yml": "format: jb-book\nroot: index\nchapters: [{file: more}]\n",
        "index.md": PAGE,
        "more.md": MORE,
        "params.yml": "seed: {value: 42, unit: '', reason: <b>any</b>}\n",
        "data/summary/metrics.json": json.dumps(METRICS),
        "data/summary/checks.csv": CHECKS,
        "data/summary/actions.csv": "action,size,checks\nWrite,10,fine\nCall,5,leakage\n",
        "data/summary/manifest.json": json.dumps(
            {"inputs": [{"name": "users", "file": "u.csv", "sha256": "ab" * 32, "rows": 3}]}
        ),
        "data/cohorts/days.csv": "day,retention_rate\n1,0.5\n2,0.4\n3,\n10,0.2\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    (root / "data/summary/x.png").write_bytes(PNG)


def build(root: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(root)]
    variables = {**os.environ, "CHURNBOOK_STAGES": "done", **environment}
    return subprocess.run(command, capture_output=True, text=True, env=variables, check=False)


def read_page(root: Path, name: str) -> BeautifulSoup:
    text = (root / f"_build/html/{name}.html").read_text(encoding="utf-8")
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text
    return BeautifulSoup(text, "html.parser")


def words(node) -> str:
    return plain(" ".join(node.get_text(" ").split()))


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    root = tmp_path_factory.mktemp("book")
    write_book(root)
    result = build(root)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "WARNING" not in result.stderr
    return root


@pytest.mark.book
def test_figures_are_plain_struck_marked_or_not_available(book):
    page = read_page(book, "index").article
    assert words(page.h1).startswith("Small 3")
    paragraph = next(p for p in page.find_all("p") if "Good" in p.get_text())
    assert words(paragraph).startswith("Good 3 (n = 3) , bad struck figure: 0.990 ✕ see check")
    assert paragraph.s.get_text() == "0.990"
    mark = paragraph.select_one(".kpi-fail a")
    assert mark["href"] == "#check-leakage"
    assert page.find(id="check-leakage")
    assert words(paragraph.select_one(".kpi-warn")).startswith("50.0 % !")
    assert words(paragraph.select_one(".cb-missing")) == "not available"


@pytest.mark.book
def test_only_the_alternative_that_holds_is_printed(book):
    page = read_page(book, "index").article
    assert "Many users" in words(page)
    assert "Few users" not in words(page)


@pytest.mark.book
def test_claims_stand_fall_or_carry_a_caution(book):
    page = read_page(book, "index").article
    claims = {name: page.find(id=f"claim-{name}") for name in ("good", "bad", "soft", "gone")}
    assert "Sentence that stands." in words(claims["good"])
    assert "Checks: ✓ Fine passes" in words(claims["good"])
    assert "Sentence that falls" not in words(page)
    assert "Withdrawn : nothing is said about “AUC”" in words(claims["bad"])
    assert "“Leakage” fails: the label was copied." in words(claims["bad"])
    assert "asks for caution: mind it." in words(claims["soft"])
    assert "Not known : “Gone” cannot be computed" in words(claims["gone"])


@pytest.mark.book
def test_headline_actions_and_panel_show_each_status(book):
    page = read_page(book, "index").article
    cards = page.select(".cb-card")
    assert [card.select_one(".cb-card-value").get_text() for card in cards][::2] == [
        "3",
        "not available",
    ]
    assert cards[0].a["href"] == "more.html"
    assert words(cards[0].a) == "Users <i>"
    assert cards[1].s
    assert not cards[2].select(".cb-card-status")
    assert [("Withdrawn" in words(card)) for card in page.select(".cb-action")] == [False, True]
    assert "Rests on 0 figures, 1 check" in words(page.select(".cb-action details")[0])
    assert "✕ 1 fail ! 1 caution ✓ 1 pass – 0 not applicable" in words(
        page.select_one(".cb-counts")
    )
    shown = [row["id"] for row in page.select(".cb-checks > ul > li")]
    assert shown == ["check-leakage", "check-tardy"]
    assert page.select_one(".cb-checks details #check-fine")


@pytest.mark.book
def test_tables_charts_and_reference(book):
    page = read_page(book, "more").article
    first = page.find("table")
    rows = [[plain(cell.get_text()) for cell in row.find_all("td")] for row in first.find_all("tr")]
    assert rows[1:] == [["10", "20.0 %"], ["3", "–"]]
    assert [cell["scope"] for cell in first.find_all("th")] == ["col", "col"]
    assert "the first 2 of 3 rows are shown" in words(page)
    link = page.select_one(".cb-under a")["href"]
    assert link == "artifacts/cohorts/days.csv"
    assert (book / "_build/html" / link).is_file()
    image = page.select_one("figure img")
    assert (image["alt"], image["width"]) == ("A dot", "1")
    assert image["src"].startswith("data:image/png;base64,")
    text = words(page)
    for part in ("abababababab", "A report that cannot be made", "signup_date", "<b>any</b>"):
        assert part in text


@pytest.mark.book
def test_a_changed_value_rebuilds_the_page_and_a_missing_key_stops(tmp_path):
    write_book(tmp_path)
    (tmp_path / "more.md").write_text("# More\n")
    assert build(tmp_path).returncode == 0
    changed = {**METRICS, "users": {**METRICS["users"], "value": 1}}
    path = tmp_path / "data/summary/metrics.json"
    path.write_text(json.dumps(changed))
    assert build(tmp_path).returncode == 0
    assert "Few users" in words(read_page(tmp_path, "index").article)
    del changed["gone"]
    path.write_text(json.dumps(changed))
    result = build(tmp_path)
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    message = "index.md:{}: no metric 'gone' in summary/metrics.json"
    lines = [number for number, line in enumerate(PAGE.splitlines(), 1) if "`gone`" in line]
    assert message.format(lines[0]) in result.stderr
    assert build(tmp_path).returncode != 0  # and again: nothing of the failure is cached


@pytest.mark.book
def test_the_stages_run_first_and_their_error_is_short(tmp_path):
    write_book(tmp_path)
    stub = tmp_path / "stub"
    stub.mkdir()
    (stub / "sitecustomize.py").write_text(
        "import sys, types\n"
        "from analysis.base.errors import ReportError\n"
        "runner = types.ModuleType('analysis.run.runner')\n"
        "def run_default(root):\n"
        "    raise ReportError(f'stage failed in {root.name}')\n"
        "runner.run_default = run_default\n"
        "sys.modules['analysis.run.runner'] = runner\n"
    )
    result = build(tmp_path, CHURNBOOK_STAGES="", PYTHONPATH=str(stub))
    assert result.returncode == 1
    assert f"stage failed in {tmp_path.name}" in result.stderr
    assert "Traceback" not in result.stderr
