"""What each cell rests on, written out for a table by hand."""

from analysis.contract import catalogue
from analysis.contract.catalogue import ROW, Column, Table
from analysis.contract.resting import marks_of_cells

METRIC = Column("metric", "Metric", "text", "Any.", rests_on=(), bases={"auc": ("ranking",)})
VALUE = Column("value", "Value", "score", "Any.", rests_on=(ROW,))
USERS = Column("users", "Users", "count", "Any.")
FIGURES = Column("key", "Key", "text", "Any.", rests_on=(), names="figures")
BASES = Column("bases", "Bases", "text", "Any.", rests_on=(), names="bases")


def marks(row: dict[str, str], *columns: Column) -> list[tuple[str, ...]]:
    return marks_of_cells(Table("any", "any.csv", "Any", ("churn",), columns), columns, row)


def test_a_cell_rests_on_its_column_its_table_or_what_its_row_names():
    assert marks({"metric": "auc"}, METRIC, VALUE, USERS) == [(), ("ranking",), ("churn",)]
    assert marks({"metric": "new"}, METRIC, VALUE) == [(), ()]
    assert marks({"key": "users, auc"}, FIGURES, VALUE) == [(), ("figure:users", "figure:auc")]
    assert marks({"bases": "churn, scores"}, BASES, VALUE) == [(), ("churn", "scores")]
    assert marks({"bases": "none"}, BASES, VALUE, USERS) == [(), (), ("churn",)]


def test_labels_are_not_struck_and_figures_are():
    table = catalogue.table_of("retention_by_day")
    resting = {column.name: table.bases_of(column) for column in table.columns}
    assert resting["definition"] == resting["day"] == ()
    assert resting["eligible_users"] == resting["ci_low"] == ("retention",)
