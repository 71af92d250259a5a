"""Downloads in words: heads, the codebook, and the workbook of all tables."""

import zipfile

import openpyxl
import pytest

from analysis.base import language
from analysis.book import codebook
from analysis.book.workbook import WORKBOOK, keep_workbook, write_workbook
from analysis.contract import catalogue
from tests.handmade import ROOT

RISK = """risk_segment,users,share,mean_proba,min_proba,max_proba,expected_churners,struck_by
High,1200,0.125,0.5,0.25,0.75,600.5,leakage
=1+1,,nan,0.5,,,,
"""


@pytest.fixture
def target(tmp_path):
    path = tmp_path / catalogue.table_of("risk_segments").path
    path.parent.mkdir(parents=True)
    path.write_text(RISK, encoding="utf-8")
    codebook.label_heads(tmp_path, codebook.all_tables())
    return tmp_path


def test_heads_are_labels_and_lead_back_to_the_names(target):
    table = catalogue.table_of("risk_segments")
    heads = codebook.read_rows(target / table.path)[0]
    assert heads[:3] == ["Risk", "Users", "Share"]
    assert heads[-1] == "Struck by"
    assert codebook.names_of(heads, table) == RISK.split("\n")[0].split(",")


@pytest.mark.parametrize("table", codebook.all_tables(), ids=lambda table: table.name)
def test_no_two_columns_of_a_table_have_the_same_head(table):
    heads = codebook.heads_of(table)
    assert len(set(heads.values())) == len(heads)


def test_the_codebook_says_what_each_column_of_each_file_means(target):
    codebook.write_codebook(target, codebook.all_tables())
    head, *rows = codebook.read_rows(target / codebook.CODEBOOK)
    assert head == list(codebook.HEADS)
    assert [row[3] for row in rows] == RISK.split("\n")[0].split(",")
    share = next(row for row in rows if row[3] == "share")
    assert share[:3] == ["scores/risk_segments.csv", "Users by risk", "Share"]
    assert share[4] == "share"
    assert all(row[5] for row in rows)


def test_sentences_in_cells_are_said_and_names_stay(tmp_path):
    path = tmp_path / catalogue.table_of("quality").path
    path.parent.mkdir(parents=True)
    path.write_text(
        "kind,table,name\ncolumn,users,country\nrule,events,user_id is missing (left out)\n"
    )
    with language.speaking("es", ROOT / "book" / "locale"):
        codebook.label_heads(tmp_path, [catalogue.table_of("quality")])
    head, *rows = codebook.read_rows(path)
    assert head == ["Clase", "Tabla", "Nombre"]
    assert [row[2] for row in rows] == ["country", "falta user_id (excluido)"]


def test_amounts_are_numbers_whose_currency_the_codebook_states(tmp_path):
    table = catalogue.table_of("maximum_profit")
    path = tmp_path / table.path
    path.parent.mkdir(parents=True)
    path.write_text("model,maximum_profit,contacted_share\nx,1234.5,0.5\n", encoding="utf-8")
    codebook.label_heads(tmp_path, [table])
    codebook.write_codebook(tmp_path, [table], "MXN")
    _, *rows = codebook.read_rows(tmp_path / codebook.CODEBOOK)
    assert [row[4] for row in rows] == ["text", "MXN", "share"]
    write_workbook(tmp_path, [table], "MXN")
    cell = openpyxl.load_workbook(tmp_path / WORKBOOK)["maximum_profit"]["B2"]
    assert (cell.value, cell.number_format) == (1234.5, "[$MXN] #,##0.00")


def test_the_workbook_has_numbers_in_their_formats_and_no_formula(target):
    write_workbook(target, codebook.all_tables())
    book = openpyxl.load_workbook(target / WORKBOOK)
    assert book.sheetnames == ["Tables", "Codebook", "risk_segments"]
    assert [cell.value for cell in book["Tables"][2]] == [
        "risk_segments",
        "Users by risk",
        "scores/risk_segments.csv",
    ]
    sheet = book["risk_segments"]
    assert [cell.value for cell in sheet[2]][:3] == ["High", 1200, 0.125]
    assert [cell.number_format for cell in sheet[2]][1:3] == ["#,##0", "0.0%"]
    formula = sheet["A3"]
    assert (formula.value, formula.data_type, formula.quotePrefix) == ("=1+1", "s", True)
    assert sheet["C3"].value == "nan", "no number of a spreadsheet"


def test_the_same_tables_give_the_same_bytes_without_the_clock(target):
    write_workbook(target, codebook.all_tables())
    first = (target / WORKBOOK).read_bytes()
    with zipfile.ZipFile(target / WORKBOOK) as parts:
        assert {part.date_time for part in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"1980-01-01T00:00:00Z" in parts.read("docProps/core.xml")
    write_workbook(target, codebook.all_tables())
    assert (target / WORKBOOK).read_bytes() == first


def test_a_workbook_is_made_again_only_when_a_table_has_changed(target, tmp_path_factory):
    cache, tables = tmp_path_factory.mktemp("cache"), codebook.all_tables()
    keep_workbook(target, tables, cache)
    (kept,) = cache.iterdir()
    kept.write_bytes(b"kept")
    keep_workbook(target, tables, cache)
    assert (target / WORKBOOK).read_bytes() == b"kept"
    path = target / catalogue.table_of("risk_segments").path
    path.write_text(path.read_text(encoding="utf-8").replace("1200", "1300"), encoding="utf-8")
    keep_workbook(target, tables, cache)
    assert openpyxl.load_workbook(target / WORKBOOK)["risk_segments"]["B2"].value == 1300
    assert len(list(cache.iterdir())) == 1
