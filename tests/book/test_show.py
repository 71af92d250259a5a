"""Tables read as a reader would, and the HTML is the same on every run."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from analysis.base import language
from analysis.base.errors import ReportError
from analysis.book.show import ReportTable, format_cells, show, show_given
from analysis.contract import catalogue
from analysis.contract.catalogue import Column, Table
from tests.book.small_book import plain

LOCALE = Path(__file__).resolve().parents[2] / "book" / "locale"
STATUSES = {"pass": "passes", "fail": "fails", "not_applicable": "not applicable"}
TABLE = Table(
    "groups",
    "scores/groups.csv",
    "Churn by group <b>",
    ("churn",),
    (
        Column("group", "Group", "text", "Name of the group."),
        Column("users", "Users", "count", "Users of the group."),
        Column("churn_rate", "Churn", "share", "Share that left."),
        Column("ci_low", "from", "same", "Lower end."),
        Column("ci_high", "to", "same", "Upper end."),
        Column("status", "Verdict", "text", "How it came out.", STATUSES),
        Column("seed", "Seed", "count", "Not for readers.", is_shown=False),
    ),
)
FRAME = pd.DataFrame(
    {
        "group": ["signup <b>", "late"],
        "users": [1234.0, np.nan],
        "churn_rate": [0.4831, np.nan],
        "ci_low": [0.4456, np.nan],
        "ci_high": [0.5, np.nan],
        "status": ["pass", "not_applicable"],
        "seed": [1, 2],
    }
)
FRAME.attrs["table"] = "groups"


@pytest.fixture(autouse=True)
def catalogue_of_one_table(monkeypatch):
    monkeypatch.setattr(catalogue, "table_of", {"groups": TABLE}.__getitem__)


def read_page(frame: pd.DataFrame = FRAME, **options: object) -> BeautifulSoup:
    return BeautifulSoup(show(frame, **options).as_raw_html(), "html.parser")


def read_rows(page: BeautifulSoup) -> list[list[str]]:
    return [[plain(cell.text) for cell in row("td")] for row in page.tbody("tr")]


def cells_of(columns: dict[str, str], values: dict[str, object]) -> dict[str, str]:
    """Return the cells of one row, in these units."""
    made = tuple(Column(name, name, unit, "Any.") for name, unit in columns.items())
    table = Table("any", "audit/any.csv", "Any", (), made)
    cells = format_cells(pd.DataFrame([values]), table)
    return {head: plain(text) for head, text in cells.iloc[0].items()}


def test_what_is_not_recorded_takes_no_room():
    assert show_given(FRAME.iloc[:0]) is None
    assert show_given(FRAME, len) == 2
    assert isinstance(show_given(FRAME), ReportTable)


def test_each_cell_of_a_figure_says_what_it_rests_on(monkeypatch):
    columns = (replace(TABLE.columns[0], rests_on=()), *TABLE.columns[1:])
    table = replace(TABLE, columns=columns)
    monkeypatch.setattr(catalogue, "table_of", lambda _name: table)
    for row in read_page().tbody("tr"):
        marks = [cell.get("data-rests-on") for cell in row("td")]
        assert marks == [None, "churn", "churn", "churn", "churn"]


def test_cells_have_units_words_intervals_and_dashes():
    cells = format_cells(FRAME, TABLE)
    assert {head: [plain(cell) for cell in cells[head]] for head in cells} == {
        "Group": ["signup <b>", "late"],
        "Users": ["1,234", "–"],
        "Churn": ["48.3 %", "–"],
        "95 % interval": ["44.6 to 50.0 %", "–"],
        "Verdict": ["passes", "not applicable"],
    }


def test_the_head_says_the_unit_that_the_cells_leave_out():
    units = {"gap": "days", "lift": "ratio", "gain": "points", "cost": "money", "auc": "score"}
    values = {"gap": 12.44, "lift": 2.314, "gain": -0.1674, "cost": 12.5, "auc": 0.7812}
    cells = cells_of(units, values)
    assert cells["gap"] == "12.4"
    assert cells["lift"] == "2.31"
    assert cells["cost"] == "12.50"
    assert cells["auc"] == "0.781"


def test_numbers_among_words_are_written_in_the_language_and_names_of_the_code_stay():
    columns = (
        Column("key", "Key", "text", "Name."),
        Column("low", "5 %", "text", "Low.", decimals=2),
        Column("version", "Version", "text", "Of the app."),
    )
    frame = pd.DataFrame([("threshold", "−1,204.50", "4.10"), ("x", "Other", "5.0")])
    frame.columns = [column.name for column in columns]
    with language.speaking("es", LOCALE):
        cells = format_cells(frame, Table("any", "audit/any.csv", "Any", (), columns))
    assert cells.to_numpy().tolist() == [["threshold", "−1.204,50", "4.10"], ["x", "Other", "5.0"]]


def test_the_head_of_amounts_says_their_currency(monkeypatch):
    columns = (*TABLE.columns[:2], Column("profit", "Profit", "money", "What is earned."))
    monkeypatch.setattr(catalogue, "table_of", lambda _name: replace(TABLE, columns=columns))
    frame = FRAME.assign(profit=[1234.5, 80.0])
    frame.attrs |= {"table": "groups", "currency": "MXN"}
    page = read_page(frame)
    assert [head.text for head in page.thead("th")] == ["Group", "Users", "Profit (MX$)"]
    assert "gt_right" in page.thead("th")[2]["class"]
    assert [row[2] for row in read_rows(page)] == ["1,234", "80"]


def test_each_interval_takes_the_unit_and_the_name_on_its_left():
    units = {"d7": "share", "d7_ci_low": "same", "d7_ci_high": "same", "note": "text"}
    units |= {"gap": "days", "ci_low": "same", "ci_high": "same"}
    values = {"d7": 0.5, "d7_ci_low": 0.4, "d7_ci_high": 0.6, "note": "x"}
    values |= {"gap": 9.0, "ci_low": 8.0, "ci_high": 10.5}
    assert cells_of(units, values) == {
        "d7": "50.0 %",
        "d7, 95 % interval": "40.0 to 60.0 %",
        "note": "x",
        "gap": "9",
        "95 % interval": "8.0 to 10.5",
    }


def test_a_difference_of_shares_says_points_in_its_head():
    units = {"difference": "points", "difference_ci_low": "points", "difference_ci_high": "points"}
    values = {"difference": -0.1674, "difference_ci_low": -0.2, "difference_ci_high": 0.01}
    assert cells_of(units, values) == {
        "difference (points)": "−16.7",
        "difference, 95 % interval (points)": "−20.0 to 1.0",
    }


def test_a_row_may_have_a_unit_of_its_own():
    figures = {"payers": "share", "sessions": "ratio", "gap": "points"}
    columns = (
        Column("figure", "Figure", "text", "Which.", units=figures),
        Column("value", "Value", "by row", "Any."),
        Column("ci_low", "from", "same", "Lower end."),
        Column("ci_high", "to", "same", "Upper end."),
    )
    rows = [("payers", 0.094, 0.08, 0.1), ("sessions", 3.2826, 3.1, 3.4), ("gap", 0.02, 0, 0.04)]
    frame = pd.DataFrame(rows, columns=[column.name for column in columns])
    cells = format_cells(frame, Table("any", "audit/any.csv", "Any", (), columns))
    assert [plain(text) for text in cells["Value"]] == ["9.4 %", "3.28", "2.0 points"]
    assert [plain(text) for text in cells["95 % interval"]] == [
        "8.0 to 10.0 %",
        "3.10 to 3.40",
        "0.0 to 4.0 points",
    ]


@pytest.mark.parametrize(
    ("amounts", "cells"),
    [
        ([60.0, 120.0, np.nan], ["60", "120", "–"]),
        ([60.5, 120.0], ["60.50", "120.00"]),
        ([19.23, 5602.8], ["19", "5,603"]),
    ],
)
def test_amounts_of_money_in_a_column_have_the_same_decimals(amounts, cells):
    table = Table("any", "audit/any.csv", "Any", (), (Column("cost", "Cost", "money", "Any."),))
    formatted = format_cells(pd.DataFrame({"cost": amounts}), table)
    assert [plain(text) for text in formatted["Cost"]] == cells


def test_a_column_may_have_decimals_of_its_own():
    table = Table("any", "a.csv", "Any", (), (Column("m", "M", "number", "Any.", decimals=2),))
    assert format_cells(pd.DataFrame({"m": [28.51, 3.0]}), table)["M"].tolist() == ["28.51", "3.00"]


def test_short_cells_stay_on_one_line():
    frame = FRAME.assign(group=["2025-09", "a name of many letters"])
    short, long = (row.td for row in read_page(frame).tbody("tr"))
    assert "nowrap" in short["style"]
    assert "nowrap" not in long.get("style", "")


def test_one_end_alone_stays_a_column():
    assert cells_of({"auc": "score", "ci_low": "same"}, {"auc": 0.7, "ci_low": 0.6}) == {
        "auc": "0.700",
        "ci_low": "0.600",
    }


def test_the_frame_is_left_alone():
    before = FRAME.copy()
    show(FRAME)
    pd.testing.assert_frame_equal(FRAME, before)


def test_the_page_shows_title_heads_and_cells_escaped():
    page = read_page()
    heads = [plain(head.text) for head in page("th")]
    assert heads == ["Group", "Users", "Churn", "95 % interval", "Verdict"]
    assert read_rows(page)[0] == ["signup <b>", "1,234", "48.3 %", "44.6 to 50.0 %", "✓ passes"]
    assert page.find(class_="gt_title").text == "Churn by group <b>"
    assert page.find("b") is None


def test_a_status_is_a_word_on_a_colour():
    pills = read_page()("span", style=lambda style: style and "border-radius" in style)
    assert [pill.text for pill in pills] == ["✓ passes", "– not applicable"]
    assert all("background:" in pill["style"] and "color:" in pill["style"] for pill in pills)


def test_numbers_are_to_the_right_and_text_to_the_left():
    row = read_page().tbody.tr("td")
    sides = ["gt_right" in cell["class"] for cell in row]
    assert sides == [False, True, True, True, False]


def test_the_table_leads_to_its_csv():
    link = read_page().find("a")
    assert (link.text, link["href"]) == ("Download CSV", "../../artifacts/scores/groups.csv")
    assert read_page(root="").find("a")["href"] == "artifacts/scores/groups.csv"


def test_a_table_with_a_row_per_user_has_no_download(monkeypatch):
    columns = (*TABLE.columns, Column("user_id", "User", "text", "Who."))
    per_user = Table("groups", TABLE.path, TABLE.title, (), columns)
    monkeypatch.setattr(catalogue, "table_of", {"groups": per_user}.__getitem__)
    assert read_page(FRAME.assign(user_id="u")).find("a") is None


@pytest.mark.parametrize(("max_rows", "notes"), [(1, ["The first 1 of 2 rows."]), (2, [])])
def test_rows_left_out_are_counted(max_rows, notes):
    page = read_page(max_rows=max_rows)
    assert len(read_rows(page)) == max_rows
    assert [plain(note.text) for note in page(class_="gt_sourcenote")][:-1] == notes


def test_an_empty_table_says_so():
    page = read_page(FRAME.head(0))
    assert page.find(class_="gt_sourcenote").text == "No rows."
    assert len(page("th")) == 5


def test_styles_stay_inside_the_table_and_inherit_the_page():
    html = show(FRAME).as_raw_html()
    style = BeautifulSoup(html, "html.parser").style.text
    rules = [rule.split("{")[0] for rule in style.split("}") if "{" in rule]
    selectors = [part.strip() for rule in rules for part in rule.split(",")]
    assert [part for part in selectors if not part.startswith("#groups")] == []
    assert "color: inherit !important; background-color: transparent !important" in style
    assert "overflow-x:auto" in html
    assert "http" not in html


def test_a_table_has_the_same_html_and_text_in_two_processes():
    program = (
        "import pandas as pd; from analysis.book.show import show;"
        "f = pd.DataFrame({'check': ['a', 'b'], 'status': ['pass', 'fail']});"
        "f['title'] = f['evidence'] = f['consequence'] = f['remedy'] = 'x';"
        "f['strikes'] = f['stage'] = f['facts'] = 'x';"
        "f['value'] = f['ci_low'] = f['ci_high'] = f['limit'] = f['n'] = 1.0;"
        "f.attrs['table'] = 'checks'; t = show(f, max_rows=1);"
        "print(repr(t), t._repr_html_())"
    )
    command = [sys.executable, "-c", program]
    first, second = (subprocess.run(command, capture_output=True, check=True) for _ in range(2))
    assert first.stdout == second.stdout
    assert first.stdout.startswith(b"ReportTable('checks') <div id=\"checks\"")
    assert not first.stderr


def test_later_great_tables_calls_keep_the_table():
    assert isinstance(show(FRAME).tab_source_note("more"), ReportTable)


def test_a_frame_that_is_no_table_of_a_chapter_is_refused():
    with pytest.raises(ReportError, match="not a table of a chapter"):
        show(pd.DataFrame({"group": ["a"]}))


def test_a_column_of_the_catalogue_that_is_absent_is_named():
    with pytest.raises(ReportError, match=r"groups: 1 column.*'churn_rate'"):
        show(FRAME.drop(columns="churn_rate"))
