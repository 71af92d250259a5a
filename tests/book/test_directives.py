"""A whole small book: what the role and the directives print, and how a page fails."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.base.conditions import context_of
from analysis.summary import findings
from tests.book.small_book import METRICS, PAGE, build, plain, read_page, words, write_book

pytestmark = pytest.mark.book


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    root = tmp_path_factory.mktemp("book")
    write_book(root)
    result = build(root)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "WARNING" not in result.stderr
    return root


@pytest.fixture(scope="module")
def index(book):
    return read_page(book, "index").article


def test_figures_are_plain_struck_marked_or_not_available(index):
    assert words(index.h1).startswith("Ours 3")
    paragraph = next(p for p in index.find_all("p") if "Good" in p.get_text())
    assert words(paragraph).startswith("Good 3 (n = 3) , bad struck figure: 0.990 ✕ see check")
    assert paragraph.s.get_text() == "0.990"
    mark = paragraph.select_one(".kpi-fail a")
    assert mark["href"] == "#check-leakage"
    assert index.find(id="check-leakage")
    assert words(paragraph.select_one(".kpi-warn")).startswith("50.0 % !")
    assert words(paragraph.select_one(".cb-missing")) == "not available"


def test_only_the_alternative_that_holds_is_printed(index):
    assert "Many users" in words(index)
    assert "Few users" not in words(index)


def test_claims_stand_fall_or_carry_a_caution(index):
    claims = {
        name: index.find(id=f"claim-{name}") for name in ("good", "bad", "bad-but-said", "soft")
    }
    assert "Sentence that stands." in words(claims["good"])
    assert words(claims["good"].summary) == "✓ 1 check passes"
    assert "0 checks" not in words(index)
    assert "Checks: ✓ Finish passes" in words(claims["good"])
    assert "Sentence that falls" not in words(index)
    assert "Withdrawn : this report says nothing about “AUC”." in words(claims["bad"])
    assert "The check “Leakage” fails: The label was copied." in words(claims["bad"])
    assert "Sentence said all the same." in words(claims["bad-but-said"])
    assert "Sentence with a caution." in words(claims["soft"])
    assert words(claims["soft"].summary) == "! 1 of 1 check: caution"
    assert "“Late events” asks for caution: Mind it." in words(claims["soft"].details)
    assert claims["bad-but-said"].details is None


def test_the_first_case_that_holds_is_printed_or_what_is_not_known(index):
    assert words(index.find(id="claim-gone")) == (
        "– Not known : “Gone” cannot be computed from these data."
    )
    assert "The first case." in words(index.find(id="claim-cases"))
    assert "The second case." not in words(index)
    assert index.find(id="claim-no-case") is None
    assert "nothing about “AUC”" in words(index.find(id="claim-case-with-options"))


def test_the_summary_counts_the_findings_that_the_page_prints(index):
    statuses = {"fine": "pass", "leakage": "fail", "tardy": "warn"}
    names = set(findings.printed(PAGE, context_of(METRICS, statuses)))
    claims = index.select(".cb-claim:not(.cb-claim-unknown)")
    assert {claim["id"].removeprefix("claim-") for claim in claims} == names


def test_findings_stand_by_the_users_they_concern_and_what_is_withdrawn_last(index):
    names = [claim["id"].removeprefix("claim-") for claim in index.select(".cb-claim")]
    assert names == ["soft", "good", "bad-but-said", "cases", "bad", "gone", "case-with-options"]
    assert words(index.find(id="claim-soft").h3) == "A headline"


def test_every_page_says_where_the_data_come_from(book, index):
    assert words(index.select_one(".cb-about")) == "5,000 users 1 January 2025 to 20 October 2025"
    for name in ("index", "more", "06_model", "search"):
        page = read_page(book, name)
        assert words(page.article.select_one(".cb-ribbon")) == "Event log <rebuilt>"
        assert "Ours" in page.title.get_text()


def test_the_tiles_say_what_changed_and_whether_by_chance(index):
    assert [words(tile) for tile in index.select(".cb-tile")] == [
        "Churn in 30 days 72 % ▲ Up 19 points since 22 Aug, beyond chance",
        "Active users, 30 days 40 Down 20 % since 21 Sept, within chance",
        "At stake, US$60 a user assumed struck figure: US$1,728 ✕ do not use",
        "Checks of this report 1 of 3 fails 2 figures are struck; 1 check asks for caution",
    ]
    assert index.select(".cb-tile")[2].find("a", href="#check-leakage")


def test_one_line_says_what_to_do_and_one_what_not_to_believe(index):
    do, dont = index.select(".cb-lines p")
    assert words(do) == "Do Write (1,000 users)"
    assert words(dont) == "Do not believe the 2 struck figures: The label was copied."
    assert [line.a["href"] for line in (do, dont)] == ["#what-to-do", "#check-leakage"]


def test_the_first_chart_is_drawn_from_the_table_and_not_struck_by_another_basis(index):
    box = index.select_one(".cb-first-chart")
    label = plain(box.svg["aria-label"])
    assert "21 September 2025: 72.0 % of 50 users" in label
    assert "40 users, churn not known yet" in label
    assert not index.select(".cb-first-chart .cb-struck-chart")
    assert "Sept 2025" in plain(box.get_text())


def test_actions_show_each_status(index):
    assert [("Withdrawn" in words(card)) for card in index.select(".cb-action")] == [False, True]
    assert "Rests on 1 figure and 1 check" in words(index.select_one(".cb-action details"))
    rows = [[words(cell) for cell in row.select("td")] for row in index.select(".cb-action")]
    money = ["−US$20 to US$1,000", "US$500"]
    assert rows == [["1,000", "100", *money, "One round", "assumption"], ["–"] * 6]
    assert "a user who stays is worth US$60.00 (US$30.00 to US$120.00)" in words(index)


def test_the_root_page_shows_every_check_and_a_chapter_its_own(book, index):
    assert words(index.select_one(".cb-counts")) == "✕ 1 fails ! 1 asks for caution ✓ 1 passes"
    folded = [row["id"] for row in index.select("details .cb-check")]
    assert [row["id"] for row in index.select(".cb-check")] == [
        "check-leakage", "check-tardy", *folded]  # fmt: skip
    assert words(index.find(id="check-leakage").p) == "Leakage: ✕ fails"
    fold = index.select_one("details.cb-fold")
    assert words(fold.summary) == "1 check that passes"
    assert folded == ["check-fine"]
    chapter = read_page(book, "06_model").article
    shown = [row["id"] for row in chapter.select(".cb-check")]
    assert shown == ["check-leakage", "check-tardy"]
    assert not chapter.select("details.cb-fold")


def test_tables_and_reference(book):
    page = read_page(book, "more").article
    first = page.find("table")
    rows = [[plain(cell.get_text()) for cell in row.find_all("td")] for row in first.find_all("tr")]
    assert [row[0] for row in rows if len(row) > 1] == ["Leakage", "Late events"]
    link = first.find("a", string="Download CSV")["href"]
    assert link == "artifacts/summary/checks.csv"
    assert (book / "_build/html" / link).is_file()
    text = words(page)
    for part in ("abababababab", "The report cannot be made", "signup_date", "<b>any</b>"):
        assert part in text
    assert "3,000" in text


def test_a_changed_value_rebuilds_the_page_and_a_missing_key_stops(tmp_path):
    write_book(tmp_path, more="# More\n")
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


WRONG = """# Wrong

A sentence with {kind} in it, and `{code}` beside it.

:::{claim} no-metrics
Text.
:::

::::{claim} mixed
:metrics: users

Text outside.

:::{case} users > 2
Text inside.
:::
::::

:::{when} users >
:::

:::{checks-panel}
:::

Unfilled {{ share | percent }}.
"""


def test_each_problem_of_a_page_is_named_with_its_line(tmp_path):
    write_book(tmp_path, more=WRONG)
    table = tmp_path / "data/summary/checks.csv"
    table.write_text(table.read_text().replace("The label was copied.", "The {thing} was copied."))
    result = build(tmp_path)
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    for problem in (
        "more.md:3: nothing filled the placeholder {kind}",
        "more.md:5: claim 'no-metrics' needs :metrics:",
        "more.md:9: claim 'mixed' has text outside its cases",
        "more.md:19: condition 'users >' cannot be read",
        "more.md:22: checks-panel: 'more' is neither the root page nor a chapter",
        "more.md:25: nothing filled the placeholder {{ share | percent }}",
        "06_model.md:4: nothing filled the placeholder {thing}",
    ):
        assert problem in result.stderr
    assert "{code}" not in result.stderr


def test_the_stages_run_first_and_their_error_is_short(tmp_path):
    write_book(tmp_path)
    config = tmp_path / "_config.yml"
    both = "local_extensions: {analysis.book.extension: ., analysis.run.extension: .}"
    config.write_text(re.sub("local_extensions: .*", both, config.read_text()))
    stub = tmp_path / "stub"
    stub.mkdir()
    (stub / "sitecustomize.py").write_text(
        "from analysis.base.errors import ReportError\n"
        "from analysis.run import folders\n"
        "def default_run(root):\n"
        "    raise ReportError(f'stage failed in {root.name}')\n"
        "folders.default_run = default_run\n"
    )
    result = build(
        tmp_path, CHURNBOOK_STAGES="", PYTHONPATH=f"{stub}:{os.environ.get('PYTHONPATH', '')}"
    )
    assert result.returncode == 1
    assert f"stage failed in {tmp_path.name}" in result.stderr
    assert "Traceback" not in result.stderr


def test_every_case_is_read_for_the_catalogue_of_texts_to_translate(book, tmp_path):
    bin_ = Path(sys.executable).parent
    subprocess.run(
        [bin_ / "jupyter-book", "config", "sphinx", book], check=True, stdout=subprocess.DEVNULL
    )
    command = [bin_ / "sphinx-build", "-q", "-b", "gettext", book, tmp_path]
    subprocess.run(command, check=True, env={**os.environ, "CHURNBOOK_STAGES": "done"})
    texts = (tmp_path / "index.pot").read_text(encoding="utf-8")
    for text in ("The first case.", "The second case.", "A case that does not hold.", "Few users"):
        assert f'msgid "{text}"' in texts
