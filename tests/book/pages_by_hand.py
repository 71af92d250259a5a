"""Every table and chart of the chapters, with a run made by hand in which chosen checks fail."""

import csv
import functools
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
from docutils import nodes
from docutils.utils import new_document
from matplotlib.figure import Figure

from analysis.base import files
from analysis.base.charts import Chart
from analysis.base.drawing import Drawing
from analysis.base.svg import Mark
from analysis.book.figures import ShownChart
from analysis.book.publish import may_be_published
from analysis.book.show import show
from analysis.contract import catalogue
from analysis.contract.catalogue import Column, Table
from analysis.contract.checks import BASES, REGISTER
from analysis.contract.stages import STAGES
from analysis.summary import materiality
from analysis.summary.judged import COLUMNS, strikes_of
from analysis.summary.recomputed import FIGURES

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
ON_ACTIVITY = "kpi_sessions_per_user"
FIGURE_OF = {basis: key for key, basis in FIGURES.items()} | {"activity": ON_ACTIVITY}
"""A figure that is computed again, by its basis."""
ENTRIES: dict[str, dict[str, Any]] = {
    key: {"value": 0.5, "unit": "share", "label": key, "rests_on": [basis], "ci_low": 0.4,
          "ci_high": 0.6, "n": 100}
    for basis, key in {basis: FIGURE_OF.get(basis, f"of_{basis}") for basis in BASES}.items()
}  # fmt: skip
NAMED = {"figures": tuple(ENTRIES), "bases": ("churn", "ranking, scores", "none")}


def effects_of(check: str, basis: str) -> pd.DataFrame:
    """Return the effects of a check of the data that moves one figure on `basis`, and no other."""
    suspects = pd.DataFrame({"check": [check]})
    entries = {key: entry for key, entry in ENTRIES.items() if key in FIGURE_OF.values()}
    moved = {key: 0.9 if key == FIGURE_OF[basis] else 0.5 for key in entries}
    return materiality.materiality(suspects, entries, lambda _part: moved)


def judge(check: str, basis: str, status: str) -> pd.DataFrame:
    """Return summary/checks.csv of a run in which one check has a status, and one passes."""
    effects = effects_of(check, basis) if REGISTER[check].stage == "03_audit" else NO_EFFECTS
    strikes = strikes_of(check, materiality.beside(effects, check, status))
    rows = [(check, status, ", ".join(strikes)), ("claims", "pass", ", ".join(BASES))]
    table = pd.DataFrame(rows, columns=["check", "status", "strikes"])
    return table.assign(title=table["check"] + " <title>", stage="03_audit").reindex(
        columns=COLUMNS, fill_value=""
    )


NO_EFFECTS = pd.DataFrame(columns=materiality.COLUMNS)


def write_run(data: Path, check: str, basis: str, status: str = "fail") -> None:
    """Write a run's summary in which one check has a status."""
    checks = judge(check, basis, status)
    effects = effects_of(check, basis) if REGISTER[check].stage == "03_audit" else NO_EFFECTS
    reached = materiality.reach(checks[:1], effects)
    entries = {
        key: {**entry, "checks": materiality.behind(key, entry["rests_on"], reached)}
        for key, entry in ENTRIES.items()
    }
    (data / "summary").mkdir(parents=True, exist_ok=True)
    (data / "summary/metrics.json").write_text(json.dumps(entries))
    files.write_table(checks, str(data / "summary/checks.csv"))


def values_of(column: Column, rows: int) -> list[Any]:
    """Return what a column by hand holds in so many rows."""
    codes = NAMED.get(column.names) or tuple(column.bases or column.units or column.values)
    if codes:
        return [codes[row % len(codes)] for row in range(rows)]
    given = {"text": "words", "date": pd.Timestamp("2025-03-01", tz="UTC")}
    return [given.get(column.unit, 0.5)] * rows


@functools.cache
def frame_of(name: str) -> pd.DataFrame:
    """Return the table by hand: a row for everything that its rows can name, else one."""
    table = catalogue.table_of(name)
    naming = [len(c.bases) or len(NAMED.get(c.names, ())) for c in table.columns]
    rows = max([1, *naming])
    frame = pd.DataFrame({column.name: values_of(column, rows) for column in table.columns})
    frame.attrs["table"] = table.name
    return frame


TABLES = [table for table in catalogue.tables() if table.name != "verdict_table"]


@functools.cache
def html_of(name: str) -> str:
    """Return a table by hand as `show` prints it, without its style sheet."""
    html = str(show(frame_of(name)).as_raw_html())
    return html[html.index("<table") :]


def shown(table: Table) -> list[Column]:
    """Return the columns that a page shows, an interval as one."""
    return [c for c in table.columns if c.is_shown and not c.name.endswith("ci_high")]


@functools.cache
def expected(name: str, is_shown: bool) -> list[list[set[str]]]:
    """Return for each row the bases of its cells: of those that a page shows, or of all."""
    table, rows = catalogue.table_of(name), frame_of(name).to_dict("records")
    columns = shown(table) if is_shown else list(table.columns)
    return [
        [
            _named(table, row) if "row" in table.bases_of(c) else {*table.bases_of(c)}
            for c in columns
        ]
        for row in rows
    ]


def _named(table: Table, row: dict[Any, Any]) -> set[str]:
    return {basis for column in table.columns for basis in _bases(column, row[column.name])}


def _bases(column: Column, cell: Any) -> set[str]:
    if column.names == "figures":
        return set(ENTRIES[cell]["rests_on"])
    if column.names == "bases":
        return set(cell.split(", ")) - {"none"}
    return set(column.bases.get(str(cell), ()))


def charts() -> list[tuple[str, list[str]]]:
    """Return the name and the bases of every chart of the notebooks."""
    read = [nbformat.read(NOTEBOOKS / f"{stage.name}.ipynb", as_version=4) for stage in STAGES]
    cells = [cell for notebook in read for cell in notebook.cells if "charts.draw_" in cell.source]
    cells = [cell for cell in cells if cell.cell_type == "code"]
    return [
        (re.findall(r"charts\.draw_(\w+)", cell.source)[0], cell.metadata["churnbook"]["rests_on"])
        for cell in cells
    ]


def chart_html(name: str) -> str:
    """Return a chart called `name`, with one mark, as a notebook keeps it."""
    drawing = Drawing(Figure(figsize=(2, 1), dpi=72), (Mark(10, 10, "3 users"),))
    made = Chart(name, f"Finding of {name}", "n = 3", name, wide=drawing, narrow=drawing)
    return ShownChart(made, "")._repr_html_()


def make_page(pictures: Sequence[tuple[str, list[str]]]) -> nodes.document:
    """Return a page with every table and chart, nested as myst-nb nests them."""
    page = new_document("page")
    for table in TABLES:
        page += nodes.container("", nodes.raw("", html_of(table.name), format="html"))
    for name, rests_on in pictures:
        metadata = {"churnbook": {"rests_on": rests_on}}
        raw = nodes.raw("", chart_html(name), format="html")
        page += nodes.container("", raw, nb_element="cell_code", cell_metadata=metadata)
    return page


CELL = re.compile(r"<td ([^>]*)>(.*?)</td>", re.DOTALL)


def struck_cells(html: str) -> list[bool]:
    """Say of each cell of a table's body whether it is struck, to the eye and to the ear."""
    body = html[html.index("<tbody") : html.index("</tbody>")]
    return ["<s>" in content and "struck figure" in content for _, content in CELL.findall(body)]


def published_tables() -> list[Table]:
    """Return the tables that readers may download."""
    return [
        table for table in TABLES
        if not table.is_private
        and may_be_published(table.path, [column.name for column in table.columns])
    ]  # fmt: skip


def write_tables(data: Path) -> None:
    """Write every table by hand that readers may download, in a run that withholds nothing."""
    (data / "summary").mkdir(parents=True, exist_ok=True)
    manifest = {"parameters": {"min_disclosed": {"value": 1}}}
    (data / "summary/manifest.json").write_text(json.dumps(manifest))
    for table in published_tables():
        (data / table.path).parent.mkdir(parents=True, exist_ok=True)
        files.write_table(frame_of(table.name), str(data / table.path))


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
