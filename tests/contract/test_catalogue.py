"""The catalogue describes every table that a run writes, and every column of it."""

import pytest

from analysis.base import formats
from analysis.base.errors import ReportError
from analysis.book.publish import may_be_published
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
    assert table.rests_on == (catalogue.ROW,) or set(table.rests_on) <= set(BASES)
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


ALL = [*catalogue.tables(), *catalogue.studies()]


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_a_unit_by_row_is_known_for_each_code(table):
    coded = [column for column in table.columns if column.units]
    is_by_row = any(column.unit == "by row" for column in table.columns)
    assert len(coded) == 1 or not is_by_row
    for column in coded:
        assert not column.values or set(column.units) == set(column.values)
        assert set(column.units.values()) <= set(formats.UNITS)


@pytest.mark.parametrize("table", catalogue.tables(), ids=lambda table: table.name)
def test_what_rests_on_its_row_finds_it_there(table):
    by_row = [column for column in table.columns if table.bases_of(column) == (catalogue.ROW,)]
    naming = [column for column in table.columns if column.bases or column.names]
    assert not by_row or len(naming) == 1
    for column in table.columns:
        assert catalogue.ROW not in table.bases_of(column) or column in by_row, column.name
        assert column.names in ("", *catalogue.NAMES)
        codes = set(column.units or column.values)
        assert not column.bases or set(column.bases) == codes, column.name


@pytest.mark.parametrize("table", catalogue.studies(), ids=lambda table: table.name)
def test_a_table_of_a_study_is_no_artifact_and_has_its_own_heads(table):
    assert table.name not in {other.name for other in catalogue.tables()}
    heads = list(catalogue.heads_of(table.name).values())
    assert len(heads) == len(set(heads))
    assert table.path.startswith("studies/")


def test_the_figures_of_the_case_that_a_page_compares_have_words():
    (figure,) = [c for c in catalogue.table_of("comparison").columns if c.name == "figure"]
    assert set(figure.values) == set(COMPARED)


def test_a_table_or_column_without_description_is_an_error(monkeypatch):
    with pytest.raises(ReportError, match="catalogue: no table 'nothing'. Describe it"):
        catalogue.table_of("nothing")
    entry = {"title": "Odd", "rests_on": [], "columns": ["x"]}
    odd = {"columns": {}, "tables": {"odd": entry}, "files": {}}
    monkeypatch.setattr(catalogue, "_files", lambda: {"common": odd})
    with pytest.raises(ReportError, match="'x' needs a label"):
        catalogue.table_of("odd")
    monkeypatch.setattr(catalogue, "_files", lambda: {"common": odd, "other": odd})
    with pytest.raises(ReportError, match="'odd' is described in common and other"):
        catalogue.title_of("odd")


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"title": "Odd", "columns": []}, "'odd' must say what it `rests_on`"),
        ({"title": "Odd", "rests_on": ["luck"], "columns": []}, "'odd' rests on 'luck', which is"),
    ],
)
def test_a_table_that_does_not_say_what_it_rests_on_is_an_error(monkeypatch, entry, says):
    odd = {"columns": {}, "tables": {"odd": entry}, "files": {}}
    monkeypatch.setattr(catalogue, "_files", lambda: {"common": odd})
    catalogue._table_of.cache_clear()
    with pytest.raises(ReportError, match=says):
        catalogue.table_of("odd")


NOT_PEOPLE = {
    "events_cleaning": {"rows"}, "quality": {"checked", "distinct"}, "rules_broken": {"checked"},
    "scorecard": {"checks", "broken_rules"}, "users_columns_found": {"distinct"},
    "volume": {"day_number"}, "calibration": {"bin"}, "lift": {"decile"},
    "model_choice": {"snapshots"}, "cluster_selection": {"k"}, "actions": {"held"},
    "latency": {"count", "mean", "std", "min", "1%", "5%", "50%", "95%", "99%", "max"},
    "competing_risks": {"day"}, "retention_by_day": {"day"},
    "survival": {"day", "from_day", "settled_from_day"}, "survival_milestones": {"day", "from_day"},
    "events_files": {"files", "repeated_headers", "columns_absent"},
    "users_files": {"files", "repeated_headers", "columns_absent"},
}  # fmt: skip
"""Published counts that count no people, by table."""


@pytest.mark.parametrize("table", catalogue.tables(), ids=lambda table: table.name)
def test_every_published_count_of_people_has_a_rule(table):
    counts = {c.name for c in table.columns if c.unit == "count" and not c.is_private}
    is_published = may_be_published(table.path, [c.name for c in table.columns])
    if table.is_private or not is_published:
        return
    ruled = {rule.get(key) for rule in table.people for key in ("whole", "part")}
    ruled |= {name for rule in table.people for name in rule.get("rests", ())}
    assert counts - ruled == NOT_PEOPLE.get(table.name, set())
