"""The tables of the studies are printed in the book's words and units."""

import pandas as pd
import pytest

from analysis.base import language
from analysis.base.errors import ReportError
from analysis.base.texts import read_texts
from analysis.book.codebook import read_rows
from analysis.book.show import format_cells
from analysis.book.studies import publish_studies, read_study, say_fires, titles_of
from analysis.contract import catalogue
from simulation import FAULTS
from tests.book.small_book import plain
from tests.handmade import ROOT

BOOK = ROOT / "book"
TITLES = titles_of(read_texts((BOOK / "checks.yml").read_text(encoding="utf-8")))


def cells_of(name: str) -> pd.DataFrame:
    table = catalogue.table_of(name)
    return format_cells(read_study(BOOK / table.path, table, TITLES), table)


@pytest.mark.parametrize("table", catalogue.studies(), ids=lambda table: table.name)
def test_no_code_stands_in_a_cell(table):
    cells = cells_of(table.name)
    assert not cells.map(lambda text: "_" in text or text == "nan").to_numpy().any()
    assert "From" not in cells


def test_faults_checks_and_shares_are_in_words():
    first = cells_of("detection_500").iloc[0]
    assert [plain(text) for text in first] == [
        "No fault", "0", "32", "Any check fails", "0.0 %", "0.0 to 10.7 %",
    ]  # fmt: skip


def test_the_title_of_the_truth_says_companies_and_users():
    table = catalogue.table_of("truth")
    row = read_study(BOOK / table.path, table, TITLES).iloc[0]
    assert f"over {row['runs']} simulated companies of {row['users']:,} users" in table.title


def test_every_figure_has_a_unit():
    table = catalogue.table_of("truth")
    figures = read_study(BOOK / table.path, table, TITLES)["figure"]
    assert set(table.columns[0].units) == set(figures)


def test_figures_have_units_of_their_own():
    cells = cells_of("truth").set_index("Figure")
    assert plain(cells.loc["Retention on day 1", "Mean estimate"]) == "8.7 %"
    assert cells.loc["ROC AUC", "Mean estimate"] == "0.737"
    assert cells.loc["No difference, but called different", "Coverage"] == "–"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("leakage", "A"),
        ("leakage or drift", "A or B"),
        ("drift:warn", "B: caution"),
        ("leakage:found", "A: claimed"),
    ],
)
def test_checks_are_named_by_their_titles(text, words):
    assert say_fires(text, {"leakage": "A", "drift": "B"}) == words


def test_an_unknown_check_or_other_heads_are_refused(tmp_path):
    with pytest.raises(ReportError, match="no entry for the check 'gone'"):
        say_fires("gone:warn", TITLES)
    table = catalogue.table_of("best")
    with pytest.raises(ReportError, match=r"best.csv is missing"):
        read_study(tmp_path / "best.csv", table, TITLES)
    (tmp_path / "best.csv").write_text("Model\nany\n")
    with pytest.raises(ReportError, match=r"best.csv: its heads are not the labels"):
        read_study(tmp_path / "best.csv", table, TITLES)


def test_every_fault_has_checks_with_a_title():
    assert {check for fault in FAULTS.values() for check in fault.found_by} <= set(TITLES)


def test_the_files_are_offered_for_download(tmp_path):
    publish_studies(BOOK, tmp_path)
    assert {path.name for path in (tmp_path / "studies").iterdir()} == {
        f"{table.name}.csv" for table in catalogue.studies()
    }


def test_a_download_in_another_language_has_its_heads_and_words(tmp_path):
    with language.speaking("es", BOOK / "locale"):
        publish_studies(BOOK, tmp_path)
    read = {path.stem: read_rows(path) for path in (tmp_path / "studies").iterdir()}
    assert read["best"][0][:3] == ["Modelo", "AUC", "Índice de Brier"]
    assert read["detection_500"][0][1:3] == ["Fallo", "Fuerza"]
    assert "late_log" in {row[1] for row in read["detection_500"]}
    assert "Declive" in {row[1] for row in read["honest_500"]}
    assert any("Número de usuarios activos" in row[-1] for row in read["honest_500"])
