"""The catalogue describes every table that a run writes, and every column of it."""

import pytest

from analysis.base.errors import ReportError
from analysis.contract import catalogue
from analysis.contract.checks import BASES
from analysis.contract.stages import STAGES
from analysis.summary.numbers import COMPARED

NAMES = sorted({name for stage in STAGES for name in stage.writes})


@pytest.mark.parametrize("name", NAMES)
def test_every_artifact_has_a_title(name):
    assert len(catalogue.title_of(name).split()) >= 2


@pytest.mark.parametrize("table", catalogue.tables(), ids=lambda table: table.name)
def test_every_table_is_written_and_its_columns_are_described(table):
    assert table.name in NAMES
    assert set(table.rests_on) <= set(BASES)
    names = [column.name for column in table.columns]
    assert len(names) == len(set(names))
    for column in table.columns:
        assert column.label
        assert "_" not in column.label, "a label is for people"
        assert column.meaning.endswith("."), column.name
        assert column.name not in ("p_value", "q_value") or column.unit == "p_value"


@pytest.mark.parametrize("table", catalogue.tables(), ids=lambda table: table.name)
def test_an_interval_stands_to_the_right_of_the_value_it_belongs_to(table):
    units = [column.unit for column in table.columns]
    assert units[0] != "same"


def test_the_figures_of_the_case_that_a_page_compares_have_words():
    (figure,) = [c for c in catalogue.table_of("comparison").columns if c.name == "figure"]
    assert set(figure.values) == set(COMPARED)


def test_a_table_or_column_without_description_is_an_error(monkeypatch):
    with pytest.raises(ReportError, match="catalogue: no table 'nothing'. Describe it"):
        catalogue.table_of("nothing")
    odd = {"columns": {}, "tables": {"odd": {"title": "Odd", "columns": ["x"]}}, "files": {}}
    monkeypatch.setattr(catalogue, "_files", lambda: {"common": odd})
    with pytest.raises(ReportError, match="'x' needs a label"):
        catalogue.table_of("odd")
    monkeypatch.setattr(catalogue, "_files", lambda: {"common": odd, "other": odd})
    with pytest.raises(ReportError, match="'odd' is described in common and other"):
        catalogue.title_of("odd")
