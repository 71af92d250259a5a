"""Cells read as a reader would, and the HTML is the same on every run."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from analysis.base.errors import ReportError
from analysis.tables import ReportTable, format_cells, format_table, format_value

FRAME = pd.DataFrame(
    {
        "check": ["signup <b>", "late"],
        "users": [1234.0, np.nan],
        "churn_rate": [0.4831, np.nan],
        "ci_low": [0.4456, np.nan],
        "ci_high": [0.5, np.nan],
        "status": ["pass", "not_applicable"],
    }
)
OPTIONS = {"counts": ["users"], "shares": ["churn_rate"], "intervals": True}


def read_page(**options: object) -> BeautifulSoup:
    table = format_table(FRAME, table_id="checks", **{**OPTIONS, **options})
    return BeautifulSoup(table.as_raw_html(), "html.parser")


def read_rows(page: BeautifulSoup) -> list[list[str]]:
    return [[cell.text for cell in row("td")] for row in page.tbody("tr")]


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.4831, "share", "48.3 %"),
        (0.0, "share", "0.0 %"),
        (0.0004999, "share", "<0.1 %"),
        (0.0005, "share", "0.1 %"),
        (0.9994, "share", "99.9 %"),
        (0.9995, "share", ">99.9 %"),
        (1, "share", "100.0 %"),
        (-0.0001, "share", "0.0 %"),
        (133206, "count", "133,206"),
        (30, "days", "30.0"),
        (0.96373, "score", "0.964"),
        (-1234.5, "money", "-1,234.50"),
        (2.4, "ratio", "2.40"),
        (float("inf"), "ratio", "∞"),
        ("2025-01-01", "date", "2025-01-01"),
        (pd.Timestamp("2025-01-01T08:30Z"), "date", "2025-01-01 08:30"),
        ("free text", "text", "free text"),
        (True, "text", "yes"),
        (np.bool_(False), "text", "no"),
        (12345, "text", "12,345"),
        (0.12345, "text", "0.123"),
        (2.0, "text", "2"),
        (pd.Timestamp("2025-01-01", tz="UTC"), "text", "2025-01-01"),
        (None, "share", "–"),
        (float("nan"), "count", "–"),
        (pd.NaT, "date", "–"),
        (pd.NA, "text", "–"),
    ],
)
def test_a_value_reads_in_its_unit(value, unit, said):
    assert format_value(value, unit) == said


def test_an_unknown_unit_is_named():
    with pytest.raises(ReportError, match="'parsec' is unknown"):
        format_value(1.0, "parsec")


def test_cells_have_units_intervals_and_dashes():
    cells = format_cells(FRAME, **OPTIONS)
    assert cells.to_dict("list") == {
        "check": ["signup <b>", "late"],
        "users": ["1,234", "–"],
        "churn_rate": ["48.3 %", "–"],
        "ci": ["44.6 to 50.0 %", "–"],
        "status": ["pass", "not_applicable"],
    }


def test_intervals_stay_apart_unless_asked():
    cells = format_cells(FRAME, shares=["churn_rate", "ci_low"])
    assert cells["ci_low"].tolist() == ["44.6 %", "–"]
    assert cells["ci_high"].tolist() == ["0.500", "–"]


def test_each_interval_takes_the_unit_on_its_left():
    frame = pd.DataFrame(
        {"d7": [0.5], "d7_ci_low": [0.4], "d7_ci_high": [0.6], "gap": 9, "ci_low": 8, "ci_high": 10}
    )
    cells = format_cells(frame, shares=["d7"], days=["gap"], intervals=True)
    assert cells.to_dict("records") == [
        {"d7": "50.0 %", "d7_ci": "40.0 to 60.0 %", "gap": "9.0", "ci": "8.0 to 10.0"}
    ]


def test_the_frame_is_left_alone():
    before = FRAME.copy()
    format_table(FRAME, table_id="checks", **OPTIONS)
    pd.testing.assert_frame_equal(FRAME, before)


def test_the_page_shows_labels_title_and_note_escaped():
    page = read_page(labels={"users": "Users (n)"}, title="What failed", source_note="a < b")
    headers = [header.text for header in page("th")]
    assert headers == ["Check", "Users (n)", "Churn rate", "95 % interval", "Status"]
    assert read_rows(page)[0] == ["signup <b>", "1,234", "48.3 %", "44.6 to 50.0 %", "✓ pass"]
    assert page.find(class_="gt_title").text == "What failed"
    assert page.find(class_="gt_sourcenote").text == "a < b"
    assert page.find("b") is None


def test_a_status_is_a_word_on_a_colour():
    pills = read_page()("span", style=True)
    assert [pill.text for pill in pills] == ["✓ pass", "– not applicable"]
    assert all("background:" in pill["style"] and "color:" in pill["style"] for pill in pills)


def test_numbers_are_to_the_right_and_text_to_the_left():
    row = read_page().tbody.tr("td")
    sides = ["gt_right" in cell["class"] for cell in row]
    assert sides == [False, True, True, True, False]


@pytest.mark.parametrize(("max_rows", "notes"), [(1, ["The first 1 of 2 rows."]), (2, [])])
def test_rows_left_out_are_counted(max_rows, notes):
    page = read_page(max_rows=max_rows)
    assert len(read_rows(page)) == max_rows
    assert [note.text for note in page(class_="gt_sourcenote")] == notes


def test_an_empty_table_says_so():
    page = BeautifulSoup(
        format_table(FRAME.head(0), table_id="none", **OPTIONS).as_raw_html(), "html.parser"
    )
    assert page.find(class_="gt_sourcenote").text == "No rows."
    assert len(page("th")) == 5


def test_styles_stay_inside_the_table_and_inherit_the_page():
    html = format_table(FRAME, table_id="checks", **OPTIONS).as_raw_html()
    style = BeautifulSoup(html, "html.parser").style.text
    rules = [rule.split("{")[0] for rule in style.split("}") if "{" in rule]
    selectors = [part.strip() for rule in rules for part in rule.split(",")]
    assert [part for part in selectors if not part.startswith("#checks")] == []
    assert "color: inherit !important; background-color: transparent !important" in style
    assert "overflow-x:auto" in html
    assert "http" not in html


def test_a_table_has_the_same_html_and_text_in_two_processes():
    program = (
        "import pandas as pd; from analysis.tables import format_table;"
        "f = pd.DataFrame({'a': [1, None], 'status': ['pass', 'fail'], 'ci_low': 0, 'ci_high': 1});"
        "t = format_table(f, table_id='t', shares=['a'], intervals=True, title='T', max_rows=1);"
        "print(repr(t), t._repr_html_())"
    )
    command = [sys.executable, "-c", program]
    first, second = (subprocess.run(command, capture_output=True, check=True) for _ in range(2))
    assert first.stdout == second.stdout
    assert first.stdout.startswith(b"ReportTable('t') <div id=\"t\"")
    assert not first.stderr


def test_later_great_tables_calls_keep_the_table():
    table = format_table(FRAME, table_id="checks").tab_source_note("more")
    assert isinstance(table, ReportTable)


@pytest.mark.parametrize("table_id", ["", "1st", "two words", 'a"b'])
def test_an_id_that_html_cannot_hold_is_refused(table_id):
    with pytest.raises(ReportError, match="is no HTML name"):
        format_table(FRAME, table_id=table_id)


def test_a_listed_column_that_is_absent_is_named():
    with pytest.raises(ReportError, match=r"1 listed column.*'churn'"):
        format_table(FRAME, table_id="checks", shares=["churn"])
