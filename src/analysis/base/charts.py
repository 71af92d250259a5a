"""A chart as its reader gets it: the finding, what is drawn, two drawings of it, what to note.

A function decorated with contract.captions.chart returns a Sketch: the facts for the sentences and
a function that paints on a Canvas. The decorator makes the Chart.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.base.errors import ReportError
from analysis.base.formats import is_too_few
from analysis.base.names import distinct_cuts

if TYPE_CHECKING:  # Matplotlib is slow to import, and some chapters draw nothing
    from analysis.base.drawing import Canvas, Drawing

MIN_USERS = 30  # the design's limit for a rate
CHART = "cb-chart"
"""Class of the element that holds a chart."""


@dataclass(frozen=True)
class Sketch:
    """What a chart will say and show: the `facts` for its sentences, and a function that paints it,
    None where there is nothing worth drawing.
    """

    facts: dict[str, Any]
    paint: "Callable[[Canvas], None] | None"


@dataclass(frozen=True, eq=False)
class Chart:
    """One chart. `title` is the finding, `subtitle` what is drawn, `label` the alternative text
    with the values, `note` what else to know, `method` how it was computed; `reason` why there is
    no drawing. `frame` is the table behind it.
    """

    name: str
    title: str
    subtitle: str
    label: str
    note: str = ""
    method: str = ""
    reason: str = ""
    frame: pd.DataFrame = field(default_factory=pd.DataFrame)
    wide: "Drawing | None" = None
    narrow: "Drawing | None" = None
    again: "Callable[[], Chart] | None" = None
    """Makes the chart again, in the language then in use."""

    def __repr__(self) -> str:
        return f"Chart({self.name!r})"

    def _repr_html_(self) -> str:
        return self.html()

    def html(self, more: str = "") -> str:
        """Return the chart as HTML, with `more` (HTML) at its end. Of its two drawings the style
        sheet shows the one that fits, and hides the other from readers of every kind.
        """
        parts = [
            f'<figure class="{CHART}" data-chart="{self.name}">',
            f'<figcaption><p class="cb-chart-title">{escape(self.title)}</p>',
            f'<p class="cb-chart-sub">{escape(self.subtitle)}</p></figcaption>',
        ]
        if self.reason:
            parts.append(f'<p class="cb-chart-none">{escape(self.reason)}</p>')
        for kind, drawing in (("wide", self.wide), ("narrow", self.narrow)):
            if drawing is not None:
                svg = drawing.svg(f"{self.name}-{kind}", self.label)
                parts.append(f'<div class="cb-drawing cb-{kind}">{svg}</div>')
        if self.note:
            parts.append(f'<p class="cb-chart-note">{escape(self.note)}</p>')
        return "\n".join((*parts, *([more] if more else []), "</figure>"))


def with_short_names(value: Any) -> Any:
    """Return a frame with its names as they can be drawn (names.distinct_cuts), a dollar being no
    formula; anything else as it is.
    """
    if not isinstance(value, pd.DataFrame):
        return value
    frame = value
    for name in value.columns:
        texts = {item for item in value[name].dropna().unique() if isinstance(item, str)}
        shown = {old: new.replace("$", r"\$") for old, new in distinct_cuts(texts).items()}
        if changed := {old: new for old, new in shown.items() if old != new}:
            frame = frame.assign(**{name: [changed.get(v, v) for v in frame[name]]})
    return frame


def require_columns(frame: pd.DataFrame, required: Iterable[str], name: str) -> None:
    """Raise ReportError, naming what the frame has, when a column is absent."""
    absent = [column for column in required if column not in frame.columns]
    if absent:
        raise ReportError(
            f"{name}: the frame has no column {', '.join(map(repr, absent))}. "
            f"It has: {', '.join(map(str, frame.columns))}."
        )


def require_one(frame: pd.DataFrame, column: str, name: str) -> None:
    """Raise ReportError when the frame has rows of several values of `column`."""
    if column in frame.columns and frame[column].nunique() > 1:
        found = ", ".join(map(str, frame[column].unique()))
        raise ReportError(f"{name}: rows of several {column}s ({found}). Pass those of one.")


def keep_large(
    frame: pd.DataFrame, name: str, rate: str, min_users: int, size: str = "users"
) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows worth drawing, and the names of those of too few users."""
    is_small = is_too_few(pd.to_numeric(frame[size]).fillna(0), min_users)
    kept = frame.loc[~is_small & frame[rate].notna()]
    return kept, [str(value) for value in frame.loc[is_small, name].drop_duplicates()]
