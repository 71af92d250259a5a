"""The marks in a table's HTML that say of each cell what it rests on: see book.striking."""

import re
from collections.abc import Sequence
from html import escape

from analysis.base.errors import ReportError

RESTS_ON = "data-rests-on"
BODY = re.compile(r"(<tbody.*?</tbody>)", re.DOTALL)


def mark_cells(page: str, marks: Sequence[tuple[str, ...]]) -> str:
    """Return a table's HTML with the attribute RESTS_ON in each cell of its body that rests on
    something; `marks` holds one entry per cell, row by row.

    Raises ReportError when the body has another number of cells.
    """
    if not any(marks):
        return page
    before, body, after = BODY.split(page, maxsplit=1)
    head, *cells = body.split("<td ")
    if len(cells) != len(marks):
        raise ReportError(f"show: {len(cells)} cells, but {len(marks)} that rest on something.")
    pairs = zip(cells, marks, strict=True)
    marked = [f"<td {attribute(RESTS_ON, found)}{cell}" for cell, found in pairs]
    return before + head + "".join(marked) + after


def attribute(name: str, words: Sequence[str]) -> str:
    """Return an attribute of a tag, its words parted by spaces; nothing without words."""
    return f'{name}="{escape(" ".join(words))}" ' if words else ""
