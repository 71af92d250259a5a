"""How a page fails: its problems are logged with page and line, gathered, and end the build.

A wrong key, a missing file, a misspelt option or a placeholder that nothing filled is a problem.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from analysis.book.nodes import kpi, page_html

logger = logging.getLogger(__name__)
CELL = 10_000  # myst-nb numbers line l of cell c as c * 10,000 + l + 1
PLACEHOLDER = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{[A-Za-z_]\w*(?:[.:!\[][^{}]*)?\}", re.DOTALL)
CODE = (nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.comment)
NOT_PROSE = ("code", "pre", "style", "script", "td", "svg")
"""Tags whose text may hold braces: code, and cells with the values of the input tables."""


def describe_place(path: str, line: int | None) -> str:
    """Return `page.md:12`, or `page.ipynb, cell 3, line 4` for a notebook."""
    if line is None:
        return path
    if line < CELL:
        return f"{path}:{line}"
    return f"{path}, cell {line // CELL}, line {line % CELL - 1}"


def problems_of(env: BuildEnvironment) -> dict[str, list[str]]:
    """Return the problems gathered so far, by page."""
    if not hasattr(env, "churnbook_problems"):
        env.churnbook_problems = {}  # type: ignore[attr-defined]
    problems: dict[str, list[str]] = env.churnbook_problems  # type: ignore[attr-defined]
    return problems


def add_problem(env: BuildEnvironment, line: int | None, message: str) -> None:
    """Log a problem of the page being read, and keep it for the end of reading."""
    path = env.doc2path(env.docname, base=False)
    logger.warning(message, location=(env.docname, line), type="churnbook")
    problems_of(env).setdefault(env.docname, []).append(f"{describe_place(path, line)}: {message}")


def forget_page(_app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Forget the problems of a page that is read again."""
    problems_of(env).pop(docname, None)


def merge_pages(
    _app: Sphinx, env: BuildEnvironment, _docnames: list[str], other: BuildEnvironment
) -> None:
    """Take over the problems of the pages that a parallel process has read."""
    problems_of(env).update(problems_of(other))


def stop_on_problems(_app: Sphinx, env: BuildEnvironment) -> None:
    """End the build when a page has a problem, before anything is written.

    SystemExit ends it in a few lines, where an exception would add a traceback.
    """
    texts = [text for page in problems_of(env).values() for text in page]
    if texts:
        raise SystemExit("The book was not built:\n  " + "\n  ".join(texts))


class _Prose(HTMLParser):
    """Collects the text of HTML outside the tags of NOT_PROSE."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = 0
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        self.depth += tag in NOT_PROSE

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag in NOT_PROSE

    def handle_data(self, data: str) -> None:
        if self.depth == 0:
            self.texts.append(data)


def prose_of(html: str) -> str:
    """Return the text of HTML as a reader sees it, without code and table cells."""
    parser = _Prose()
    parser.feed(html)
    parser.close()
    return " ".join(parser.texts)


def find_placeholders(text: str) -> list[str]:
    """Return the placeholders that nothing filled: `{kind}`, `{{ share }}`, `{% if share %}`."""
    return PLACEHOLDER.findall(text)


def _texts(doctree: nodes.document) -> Iterator[tuple[nodes.Node, str]]:
    """Yield every text of a page outside code, with the node that knows its line.

    The values of metrics are left out: they may come from the input tables.
    """
    for text in doctree.findall(nodes.Text):
        parents = _parents(text)
        if not any(isinstance(parent, (*CODE, nodes.raw, kpi)) for parent in parents):
            yield text.parent, text.astext()
    for raw in doctree.findall(nodes.raw):
        if isinstance(raw, page_html) or "html" in raw.get("format", ""):
            yield raw, prose_of(raw.astext())


def _parents(node: nodes.Node) -> list[nodes.Node]:
    return [] if node.parent is None else [node.parent, *_parents(node.parent)]


def _line_of(node: nodes.Node) -> int | None:
    lines = (place.line for place in [node, *_parents(node)])
    return next((line for line in lines if line), None)


def report_placeholders(app: Sphinx, doctree: nodes.document) -> None:
    """Make a problem of every placeholder that reached a page unfilled."""
    for node, text in _texts(doctree):
        for placeholder in find_placeholders(text):
            add_problem(app.env, _line_of(node), f"nothing filled the placeholder {placeholder}")
