"""A chart on a page: with its table, CSV and method folded under it when the notebook runs, and its
checks, struck or not, when the page is built.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from analysis.base.charts import CHART, Chart
from analysis.base.language import say
from analysis.book.artifacts import Check
from analysis.book.publish import may_be_published
from analysis.book.render import render
from analysis.contract import catalogue

SLOT = "<!--checks-->"
"""Where a chart's checks go when the page is built."""
MARKS = re.compile(r'<g class="cb-marks">.*?</g>', re.DOTALL)
TITLE = re.compile(r'(<p class="cb-chart-title">)(.*?)(</p>)', re.DOTALL)


@dataclass(frozen=True, eq=False)
class ShownChart:
    """A chart with its `table` (HTML, empty without one) folded under it, and both `told` in other
    languages.
    """

    chart: Chart
    table: str
    told: str = ""

    def __repr__(self) -> str:
        return f"ShownChart({self.chart.name!r})"

    def _repr_html_(self) -> str:
        return f"{self.html()}{self.told}"

    def html(self) -> str:
        """Return the chart as HTML in the language that it was made in."""
        parts = {"table": Markup(self.table), "method": self.chart.method, "slot": Markup(SLOT)}
        return self.chart.html(render("chart_more", **parts).strip())


def has_table(frame: pd.DataFrame) -> bool:
    """Say whether the frame behind a chart is a whole table that readers may see."""
    name = frame.attrs.get("table")
    if name is None or frame.empty:
        return False
    table = catalogue.table_of(str(name))
    names = [column.name for column in table.columns]
    return {*names} <= {*map(str, frame.columns)} and may_be_published(table.path, names)


def is_chart(html: str) -> bool:
    """Say whether the output of a cell is a chart."""
    return f'<figure class="{CHART}"' in html


def add_checks(html: str, checks: Sequence[Check], panel: str) -> str:
    """Return a chart's HTML with the checks behind it, linked to the page `panel`."""
    return html.replace(SLOT, render("chart_checks", checks=checks, panel=panel).strip())


def strike(html: str) -> str:
    """Return a chart's HTML as one that a failing check strikes: title crossed out, the words "do
    not use" first in its alternative text, no values on hover.
    """
    struck = render("struck_cell", content=Markup(r"\2")).strip()
    html = TITLE.sub(lambda found: found[1] + struck.replace(r"\2", found[2]) + found[3], html)
    label = 'role="img" aria-label="'
    return MARKS.sub("", html).replace(label, f"{label}{say('Struck, do not use.')} ")
