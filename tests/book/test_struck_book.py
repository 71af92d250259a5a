"""A whole small book with a chapter: what a failing check strikes in its tables and charts."""

import csv

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from analysis.base import files
from analysis.book.codebook import read_rows
from analysis.book.show import show
from tests.book import pages_by_hand as by_hand
from tests.book.small_book import build, read_page, words, write_book

pytestmark = pytest.mark.book
ENOUGH = 500
"""Users: so many that no cell is withheld."""
TABLES = ("lift", "snapshot_summary", "retention_by_day", "evaluation_chosen")
CHARTS = {"Ranking": ["ranking"], "Churn by day": ["churn"], "Return": ["retention"], "Days": []}


def cell_with_table(name: str) -> nbformat.NotebookNode:
    data = {"text/html": show(by_hand.frame_of(name)).as_raw_html(), "text/plain": "Table"}
    output = new_output("execute_result", data, execution_count=1)
    return new_code_cell("show", outputs=[output], execution_count=1)


def cell_with_chart(name: str, rests_on: list[str]) -> nbformat.NotebookNode:
    metadata = {"churnbook": {"rests_on": rests_on}}
    output = new_output(
        "execute_result", {"text/html": by_hand.chart_html(name)}, execution_count=1
    )
    return new_code_cell("draw", metadata=metadata, outputs=[output], execution_count=1)


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    root = tmp_path_factory.mktemp("struck")
    write_book(root)
    (root / "more.md").unlink()
    title = nbformat.v4.new_markdown_cell("# More")
    cells = [cell_with_table(name) for name in TABLES]
    cells += [cell_with_chart(*chart) for chart in CHARTS.items()]
    metadata = {"language_info": {"name": "python", "pygments_lexer": "ipython3"}}
    nbformat.write(new_notebook(cells=[title, *cells], metadata=metadata), root / "more.ipynb")
    for name in ("lift", "retention_by_day"):
        path = root / "data" / by_hand.catalogue.table_of(name).path
        path.parent.mkdir(parents=True, exist_ok=True)
        frame = by_hand.frame_of(name)
        people = frame.columns.intersection(["users", "retained_users"])
        files.write_table(frame.assign(**dict.fromkeys(people, ENOUGH)), str(path))
    result = build(root)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "WARNING" not in result.stderr
    return root


@pytest.fixture(scope="module")
def page(book):
    return read_page(book, "more").article


def noted(tag) -> str:
    """Return the words of what stands just before a table or a chart."""
    before = tag.find_previous_sibling(True) or tag.parent.find_previous_sibling(True)
    return words(before) if before else ""


def test_a_table_is_struck_carries_a_caution_or_stands_plain(page):
    tables = {name: page.find("div", id=name) for name in TABLES}
    assert noted(tables["lift"]) == (
        "✕ Do not use What is shown here rests on 1 check that fails: Leakage ."
    )
    assert noted(tables["snapshot_summary"]) == (
        "! caution 1 check asks for caution with what is shown here: Late events ."
    )
    assert "check" not in noted(tables["retention_by_day"])
    assert tables["lift"].find_previous("p").a["href"] == "index.html#check-leakage"
    assert len(tables["lift"].tbody("s")) == len(tables["lift"].tbody("td")) - 1
    assert words(tables["lift"].tbody("td")[1]).startswith("struck figure: ")
    assert not tables["snapshot_summary"]("s")
    assert not tables["retention_by_day"]("s")


def test_a_table_of_which_a_part_is_struck_says_so(page):
    table = page.find("div", id="evaluation_chosen")
    struck, cautioned = table.find_previous("p").find_previous("p"), table.find_previous("p")
    assert "Each figure struck here rests on 1 check that fails: Leakage" in words(struck)
    assert "1 check asks for caution" in words(cautioned)
    rows = {words(row.td): bool(row("s")) for row in table.tbody("tr")}
    assert rows.pop("Base rate") is False
    assert all(rows.values())


def test_a_chart_is_struck_carries_a_caution_or_stands_plain(page):
    labels = [figure.svg["aria-label"] for figure in page("figure", class_="cb-chart")]
    assert labels == ["Struck, do not use. Ranking", *list(CHARTS)[1:]]
    struck, cautioned, *plain = page("figure", class_="cb-chart")
    box = struck.find_parent(class_="cb-struck-chart")
    assert words(box).endswith("✕ Do not use")
    assert words(box).startswith("struck figure: Finding of Ranking")
    assert "rests on 1 check that fails: Leakage" in noted(box)
    assert "1 check asks for caution" in words(cautioned.find_parent(class_="cb-noted-chart"))
    assert not [figure for figure in plain if figure.find_parent(class_="cb-noted-chart")]


def test_a_download_names_the_check_and_another_is_as_the_run_wrote_it(book):
    site = book / "_build/html/artifacts"
    (lift, rates) = (by_hand.catalogue.table_of(name).path for name in TABLES[::2])
    assert {row["Struck by"] for row in by_hand.read_rows(site / lift)} == {"leakage"}
    copy, written = (read_rows(folder / rates) for folder in (site, book / "data"))
    assert copy[1:] == written[1:], "its heads alone are in words"
    with (book / "data" / lift).open(encoding="utf-8") as file:
        assert "struck_by" not in next(csv.reader(file))
