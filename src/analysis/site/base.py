"""What every role and directive of the book shares: its data, and how it fails.

A wrong key, a missing file or a misspelt option is a problem of the page. It is logged with
page and line, gathered, and stops the build when all pages have been read.
"""

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from analysis.base.errors import ReportError
from analysis.site.figures import Check, Metric, worst
from analysis.site.nodes import make_html
from analysis.site.store import Summary

logger = logging.getLogger(__name__)
CELL = 10_000  # myst-nb numbers line l of cell c as c * 10,000 + l + 1


def data_dir(app: Sphinx) -> Path:
    """Return the folder of the run's artifacts: the config value `churnbook_data`."""
    return (Path(app.srcdir) / str(app.config.churnbook_data)).resolve()


def panel_page(app: Sphinx) -> str:
    """Return the page that holds the checks panel: the root."""
    return str(app.config.root_doc)


def describe_place(path: str, line: int | None) -> str:
    """Return `page.md:12`, or `page.ipynb, cell 3, line 4` for a notebook."""
    if line is None:
        return path
    if line < CELL:
        return f"{path}:{line}"
    return f"{path}, cell {line // CELL}, line {line % CELL - 1}"


def problems_of(env: BuildEnvironment) -> dict[str, list[str]]:
    """Return the problems found so far, by page."""
    if not hasattr(env, "churnbook_problems"):
        env.churnbook_problems = {}  # type: ignore[attr-defined]
    found: dict[str, list[str]] = env.churnbook_problems  # type: ignore[attr-defined]
    return found


def add_problem(env: BuildEnvironment, line: int | None, message: str) -> None:
    """Log a problem of the page being read, and keep it for the end of reading."""
    path = env.doc2path(env.docname, base=False)
    text = f"{describe_place(path, line)}: {message}"
    logger.warning(message, location=(env.docname, line), type="churnbook")
    problems_of(env).setdefault(env.docname, []).append(text)


def open_summary(env: BuildEnvironment, *names: str) -> Summary:
    """Return the run's summary; the page is read again whenever one of `names` changes."""
    summary = Summary(data_dir(env.app))
    for name in names:
        env.note_dependency(str(summary.path(name)))
    return summary


METRICS, CHECKS = "summary/metrics.json", "summary/checks.csv"


def checks_of(summary: Summary, metric: Metric) -> tuple[list[Check], str]:
    """Return the checks that a metric rests on, and the gravest status among them."""
    checks = summary.checks(metric.checks)
    return checks, worst(checks)


class BookDirective(SphinxDirective):
    """A directive whose ReportError becomes a problem of its page."""

    has_content = False
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return the directive's nodes, or none where it has a problem."""
        try:
            return self.make()
        except ReportError as error:
            add_problem(self.env, self.get_source_info()[1], str(error))
            return []

    def make(self) -> list[nodes.Node]:
        """Return the directive's nodes. Raises ReportError."""
        raise NotImplementedError

    def summary(self, *names: str) -> Summary:
        """Return the run's summary: see open_summary."""
        return open_summary(self.env, *names)

    def html(self, markup: str) -> list[nodes.Node]:
        """Return markup as the directive's only node."""
        node = make_html(markup)
        self.set_source_info(node)
        return [node]

    def parse(self) -> nodes.Element:
        """Return the directive's content, headings allowed, in a container."""
        box = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, box, match_titles=True)
        return box

    def option(self, name: str, default: str = "") -> str:
        """Return an option's text."""
        value: Any = self.options.get(name, default)
        return str(value or default)
