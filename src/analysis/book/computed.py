"""How a page was computed: all code of its notebook, in order, behind one link at its end."""

from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.application import Sphinx

from analysis.book.nodes import make_html
from analysis.book.render import render

NOTEBOOK = ".ipynb"
CELL, INPUT = "cell_code", "cell_code_source"
"""What MyST-NB calls a cell of code, and the code in it."""


def gather_code(app: Sphinx, doctree: nodes.document) -> None:
    """Take the code out of a chapter's cells and put all of it, hidden cells too, at its end."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix != NOTEBOOK:
        return
    for cell in list(doctree.findall(nodes.container)):
        if cell.get("nb_element") == CELL:
            _drop_input(cell)
    sources = code_of(path)
    end = next(iter(doctree.findall(nodes.section)), doctree)
    if sources:
        blocks = [nodes.literal_block(text, text, language="python") for text in sources]
        end += [make_html(render("code_start", cells=len(blocks))), *blocks]
        end += make_html(render("code_end"))


def code_of(path: Path) -> list[str]:
    """Return the source of each cell of code of a notebook, without empty ones."""
    cells = nbformat.read(path, as_version=4).cells
    sources = [str(cell.source).strip() for cell in cells if cell.cell_type == "code"]
    return [source for source in sources if source]


def _drop_input(cell: nodes.container) -> None:
    cell.attributes.pop("hide_mode", None)
    for part in list(cell.children):
        if isinstance(part, nodes.container) and part.get("nb_element") == INPUT:
            cell.remove(part)
    if not cell.children:
        cell.parent.remove(cell)
