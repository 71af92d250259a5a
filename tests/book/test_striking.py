"""Struck means struck: each check that can fail is planted, and every table, chart and download read.

Pages are struck as Sphinx does when it has read one; test_struck_book builds a whole book.
"""

import itertools
from types import SimpleNamespace

import pytest
from docutils import nodes

import analysis.summary.chapter  # noqa: F401 (registers every check)
from analysis.base.errors import ReportError
from analysis.book import figures
from analysis.book.artifacts import Artifacts
from analysis.book.downloads import STRUCK_BY, publish
from analysis.book.marks import mark_cells
from analysis.book.strikes import strikes_of
from analysis.book.striking import strike_page
from analysis.contract.checks import BASES, REGISTER
from analysis.summary import materiality
from analysis.summary.judged import strikes_of as strikes_of_check
from tests.book import pages_by_hand as by_hand

OF_FIGURES = [(name, "") for name, check in REGISTER.items() if check.strikes]
OF_THE_DATA = [name for name, check in REGISTER.items() if check.stage == "03_audit"]
BASES_OF_FIGURES = list(by_hand.FIGURE_OF)
IN_TURN = [
    (name, BASES_OF_FIGURES[place % len(BASES_OF_FIGURES)])
    for place, name in enumerate(OF_THE_DATA)
]
"""Each check of the data with one of the bases, which the first ones go through in order."""
CHARTS = by_hand.charts()


class Environment:
    """What a page being read asks of Sphinx."""

    docname = "page"

    def __init__(self, data):
        self.srcdir = str(data)
        self.app = SimpleNamespace(
            env=self,
            srcdir=str(data),
            config=SimpleNamespace(churnbook_data=".", root_doc="index"),
        )
        self.dependencies = []

    def note_dependency(self, name):
        self.dependencies.append(name)


def read_page(data) -> nodes.document:
    page = by_hand.make_page(CHARTS)
    environment = Environment(data)
    strike_page(environment.app, page)
    assert len(environment.dependencies) == 2
    return page


def charts_of(page: nodes.document) -> list[nodes.raw]:
    return [raw for raw in page.findall(nodes.raw) if figures.is_chart(raw.astext())]


def struck_bases(check: str, basis: str) -> set[str]:
    return {basis} if basis else set(REGISTER[check].strikes)


def test_every_basis_is_one_that_a_table_or_a_chart_rests_on():
    used = {basis for table in by_hand.TABLES for c in table.columns for basis in
            (*table.bases_of(c), *(b for found in c.bases.values() for b in found))}  # fmt: skip
    assert used - {"row"} == set(BASES)
    assert {basis for _, rests_on in CHARTS for basis in rests_on} <= set(BASES)


def test_a_check_of_the_data_strikes_the_bases_of_the_figures_that_it_moves():
    for check, basis in itertools.product(OF_THE_DATA, BASES_OF_FIGURES):
        beside = materiality.beside(by_hand.effects_of(check, basis), check, "fail")
        assert strikes_of_check(check, beside) == [basis]


@pytest.mark.parametrize(("check", "basis"), [*OF_FIGURES, *IN_TURN])
def test_what_rests_on_a_failing_check_is_struck_and_nothing_else(tmp_path, check, basis):
    by_hand.write_run(tmp_path, check, basis)
    page, struck = read_page(tmp_path), struck_bases(check, basis)
    read = page.findall(lambda n: isinstance(n, nodes.raw) and "<table" in n.astext())
    for table, raw in zip(by_hand.TABLES, read, strict=True):
        wanted = by_hand.expected(table.name, is_shown=True)
        found = by_hand.struck_cells(raw.astext())
        assert found == [bool(cell & struck) for row in wanted for cell in row], table.name
        note = raw.parent.children[0].astext() if any(found) else ""
        assert len(raw.parent.children) == 1 + any(found), table.name
        assert not any(found) or ("Do not use" in note and f"check-{check}" in note)
    for (name, rests_on), raw in zip(CHARTS, charts_of(page), strict=True):
        is_struck, html = bool({*rests_on} & struck), raw.astext()
        assert f'aria-label="{"Struck, do not use. " * is_struck}{name}"' in html
        assert (f"<s>Finding of {name}</s>" in html) == is_struck
        assert ("3 users" in html) == (not is_struck)
        assert ("cb-struck-chart" in raw.parent["classes"]) == is_struck
        if is_struck:
            note = raw.parent.parent.children[0].astext()
            assert "Do not use" in note
            assert f"{check} &lt;title&gt;" in note


@pytest.mark.parametrize(("check", "basis"), [*OF_FIGURES, *IN_TURN[: len(BASES_OF_FIGURES)]])
def test_a_download_with_struck_figures_names_the_check(tmp_path, check, basis):
    data, site = tmp_path / "data", tmp_path / "site"
    by_hand.write_tables(data)
    by_hand.write_run(data, check, basis)
    before = {path: path.read_bytes() for path in data.rglob("*.csv")}
    publish(data, site)
    struck = struck_bases(check, basis)
    for table in by_hand.published_tables():
        if table.name == "checks":
            continue
        rows = by_hand.read_rows(site / table.path)
        bases = by_hand.expected(table.name, is_shown=False)
        wanted = [check if any(cell & struck for cell in row) else "" for row in bases]
        assert [row.get(STRUCK_BY, "") for row in rows] == wanted, table.name
        assert (STRUCK_BY in rows[0]) == any(wanted), table.name
    assert {path: path.read_bytes() for path in data.rglob("*.csv")} == before
    metrics = Artifacts(site).json("summary/metrics.json")
    for key, entry in by_hand.ENTRIES.items():
        is_struck = bool({*entry["rests_on"]} & struck)
        assert metrics[key].get(STRUCK_BY, []) == [check] * is_struck, key


@pytest.mark.parametrize(("check", "basis"), [*OF_FIGURES, *IN_TURN[: len(BASES_OF_FIGURES)]])
def test_a_warning_strikes_nothing_and_puts_a_caution(tmp_path, check, basis):
    by_hand.write_run(tmp_path, check, basis, "warn")
    page = read_page(tmp_path)
    text = page.astext()
    assert "<s>" not in text
    assert "Do not use" not in text
    assert not [raw for raw in charts_of(page) if "Struck" in raw.astext()]
    rests_on = any({*rests} & struck_bases(check, basis) for _, rests in CHARTS)
    assert not rests_on or f"check-{check}" in text


def test_nothing_is_struck_before_the_summary_is_written(tmp_path):
    assert strikes_of(Artifacts(tmp_path)).by_mark == {}
    read_page(tmp_path)


def test_a_figure_that_is_not_available_is_not_struck(tmp_path, monkeypatch):
    monkeypatch.setitem(by_hand.ENTRIES["test_auc"], "value", None)
    by_hand.write_run(tmp_path, "leakage", "")
    strikes = strikes_of(Artifacts(tmp_path))
    assert [check.name for check in strikes.of(["ranking"])] == ["leakage"]
    assert strikes.of(["figure:test_auc"]) == []


def test_the_checks_behind_a_chart_are_linked_under_it(tmp_path):
    by_hand.write_run(tmp_path, "leakage", "")
    page = read_page(tmp_path)
    shown = {name: raw.astext() for (name, _), raw in zip(CHARTS, charts_of(page), strict=True)}
    assert "check-leakage" in shown["roc"]
    assert "check-leakage" not in shown["daily_volume"]
    assert not [html for html in shown.values() if figures.SLOT in html]


def test_cells_are_marked_one_by_one():
    page = "<td a>0</td><tbody><tr><td b>1</td><td c>2</td></tr></tbody><td d>3</td>"
    assert mark_cells(page, [(), ("churn", "scores")]) == page.replace(
        "<td c>", '<td data-rests-on="churn scores" c>'
    )
    assert mark_cells(page, [(), ()]) == page
    with pytest.raises(ReportError, match="2 cells, but 1 that rest"):
        mark_cells(page, [("churn",)])
