"""How chapters open and end: the sentences that a result chooses, and what a check does to them."""

import json
import re

import nbformat
import pandas as pd
import pytest

from analysis.base import files
from analysis.base.texts import read_texts
from analysis.book import counts
from analysis.book.artifacts import Artifacts
from analysis.book.openings import OPENINGS, all_texts, cases_of
from analysis.contract.stages import STAGES
from tests.book.small_book import METRICS, build, read_page, words, write_book
from tests.book.test_built_book import PROJECT

ENTRIES = read_texts((PROJECT / "book" / OPENINGS).read_text(encoding="utf-8"))
CHAPTERS = [stage.name for stage in STAGES if stage.name in ENTRIES]
ENTRY = """
06_model:
  answer:
    metrics: {metrics}
    cases:
      - if: users > 2
        say: Many users, {{kpi}}`users`, and it goes up.
      - if: users is not none
        neutral: true
        say: The AUC is {{kpi}}`auc`.
  beside:
    metrics: gone
    cases:
      - say: Nobody says this.
  basis: It is counted.
  limits:
    - say: "**We can say** one thing."
    - if: users > 99
      say: "**We can say** another."
    - metrics: auc
      cases:
        - say: "**We can say** what a check withdraws."
    - say: "**We cannot say** the rest."
"""
PAGE = """
# Model

:::{opening}
:::

## What we can and cannot say

:::{limits}
:::
"""


@pytest.mark.parametrize("stage", [stage.name for stage in STAGES])
def test_every_chapter_opens_with_its_answer_and_ends_with_its_limits(stage):
    cells = nbformat.read(PROJECT / f"notebooks/{stage}.ipynb", as_version=4).cells
    title, opening = cells[0].source.split("\n")[:2]
    assert title.startswith("# ")
    assert opening == "```{opening}"
    assert cells[-1].source.endswith("## What we can and cannot say\n```{limits}\n```")
    entry = ENTRIES[stage]
    said = [" ".join(all_texts(line)) for line in entry["limits"]]
    assert any("**We can say**" in text for text in said)
    assert any("**We cannot say**" in text for text in said)
    assert len(said) >= 2


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_where_a_check_fails_a_figure_is_all_that_is_said(chapter):
    """A sentence with a direction or a verdict is withdrawn; some neutral one stays, or none."""
    for case in cases_of(ENTRIES[chapter]["answer"]):
        is_verdict = re.search(r"\b(rising:|falling:|steady:|beats|worth a)", case["say"])
        assert not (case.get("neutral") and is_verdict), case["say"]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    made = {}
    for name in ("users", "auc", "gone"):
        root = tmp_path_factory.mktemp(name)
        write_book(root, **{"06_model": PAGE})
        (root / "book").mkdir(exist_ok=True)
        (root / "book" / OPENINGS).write_text(ENTRY.format(metrics=name), encoding="utf-8")
        done = build(root)
        assert done.returncode == 0, done.stderr[-3000:]
        made[name] = read_page(root, "06_model")
    return made


def lines(page):
    return [words(line) for line in page.select(".cb-opening > p")]


def test_the_first_case_that_holds_is_said_with_what_it_rests_on(pages):
    answer, beside, basis = lines(pages["users"])
    assert answer == "Many users, 3 , and it goes up."
    assert beside.startswith("– Not known : “Gone” cannot be computed")
    assert basis == "It rests on 1 check, which passes."
    assert pages["users"].select_one("h1").find_next("div")["class"][0] == "cb-opening"


def test_a_failing_check_leaves_the_struck_figure_alone(pages):
    answer, _, basis = lines(pages["auc"])
    assert answer.startswith("The AUC is struck figure: 0.990")
    assert pages["auc"].select_one(".cb-opening s").get_text() == "0.990"
    assert basis == "Do not use this answer. 1 check that it rests on fails: Leakage ."
    (description,) = pages["auc"].select('meta[name="description"]')
    assert "0.990" not in description["content"]


def test_an_answer_that_is_not_known_says_so_once(pages):
    assert len(lines(pages["gone"])) == 2
    assert all("cannot be computed" in line for line in lines(pages["gone"]))


def test_limits_are_those_of_the_result(pages):
    said = [words(item) for item in pages["users"].select("#what-we-can-and-cannot-say li")]
    assert said == ["We can say one thing.", "We cannot say the rest."]


def test_checks_are_counted_by_how_they_came_out_and_what_they_strike():
    rows = [
        {"check": "fine", "status": "pass", "stage": "03_audit"},
        {"check": "leakage", "status": "fail", "stage": "06_model"},
        {"check": "tardy", "status": "warn", "stage": "06_model"},
        {"check": "none", "status": "not_applicable", "stage": "03_audit"},
    ]
    counted = counts.count_checks(rows, METRICS)
    found = {key: entry["value"] for key, entry in counted.items()}
    assert found == {
        "checks_made": 3, "checks_failing": 1, "checks_warning": 1, "figures_struck": 2,
        "data_checks_made": 1, "data_checks_failing": 0, "data_checks_warning": 0,
        "data_figures_struck": 0,
    }  # fmt: skip
    assert json.dumps(counted)


def test_shortcuts_and_claims_are_counted_by_their_verdicts():
    shortcuts = [{"differs": "yes"}, {"differs": "no"}, {"differs": "unknown"}]
    counted = counts.count_verdicts(shortcuts, [{"verdict": "fail"}, {"verdict": "pass"}])
    assert [entry["value"] for entry in counted.values()] == [2, 1, 2, 1]


@pytest.mark.parametrize("page", ["detection", "truth"])
def test_studies_open_and_end_as_chapters_do(page):
    text = (PROJECT / f"book/{page}.md").read_text(encoding="utf-8")
    assert text.split("\n")[2] == ":::{opening}"
    assert text.endswith("## What we can and cannot say\n\n:::{limits}\n:::\n")


def test_studies_are_counted_from_their_tables():
    detection = [
        {"Fault": "none", "Share": "1.0"},
        {"Fault": "drift", "Share": "1.0"},
        {"Fault": "clusters", "Share": "0.5"},
    ]
    honest = [{"Companies": "5", "A headline is struck": "0.2"}]
    truth = [
        {"Figure": "AUC", "Coverage": "0.95", "From": "0.92", "To": "0.97", "Companies": "300"},
        {"Figure": "Day 7", "Coverage": "0.92", "From": "0.88", "To": "0.94", "Companies": "300"},
        {"Figure": "Day 7, to the log's end", "Coverage": "0.7", "From": "0.6", "To": "0.8",
         "Companies": "300"},
        {"Figure": "None", "Coverage": "", "From": "", "To": "", "Companies": "300"},
    ]  # fmt: skip
    counted = counts.count_studies(detection, honest, truth)
    found = {key: entry["value"] for key, entry in counted.items()}
    assert found == {
        "faults_planted": 2, "faults_found": 1, "honest_companies": 5, "honest_struck": 1,
        "intervals_tried": 2, "intervals_right": 1, "truth_companies": 300,
    }  # fmt: skip


def test_honest_companies_of_every_size_are_counted(tmp_path):
    (tmp_path / "summary").mkdir()
    files.write_json({}, str(tmp_path / "summary" / "metrics.json"))
    book = PROJECT / "book"
    sizes = [pd.read_csv(path) for path in (book / "studies").glob("honest_*.csv")]
    assert len(sizes) == 4
    counted = Artifacts(tmp_path, book).entries()["honest_companies"]["value"]
    assert counted == sum(size["Companies"].sum() for size in sizes)
