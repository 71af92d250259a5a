"""What every role and directive of the book shares: its data, its templates, and how it fails."""

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from analysis.base.errors import ReportError
from analysis.book.artifacts import Artifacts
from analysis.book.nodes import headline, make_html, page_html
from analysis.book.problems import add_problem
from analysis.book.render import render


def data_dir(app: Sphinx) -> Path:
    """Return the folder of the run's artifacts: the config value `churnbook_data`."""
    return (Path(app.srcdir) / str(app.config.churnbook_data)).resolve()


def open_artifacts(env: BuildEnvironment, *names: str) -> Artifacts:
    """Return the run's artifacts; the page is read again whenever one of `names` changes."""
    artifacts = Artifacts(data_dir(env.app), Path(env.srcdir) / "book")
    for name in names:
        env.note_dependency(str(artifacts.path(name)))
    return artifacts


def _placed(node: nodes.Element) -> dict[str, Any]:
    return {"ids": node["ids"], "names": node["names"], "classes": ["cb-headline"]}


def _words_of(rubric: nodes.Element) -> list[nodes.Node]:
    """Return what a heading says, without docutils' notes on other headings of the same words."""
    return [child for child in rubric.children if not isinstance(child, nodes.system_message)]


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

    def artifacts(self, *names: str) -> Artifacts:
        """Return the run's artifacts: see open_artifacts."""
        return open_artifacts(self.env, *names)

    def html(self, markup: str) -> page_html:
        """Return a node with markup, which knows the directive's place."""
        node = make_html(markup)
        self.set_source_info(node)
        return node

    def render(self, template: str, **values: Any) -> page_html:
        """Return a node with a template filled; links to checks lead to the root page."""
        panel = str(self.config.root_doc)
        return self.html(render(template, panel=panel, **values))

    def parse(self, has_sections: bool = True) -> list[nodes.Node]:
        """Return the directive's content. A heading begins a section of the page, or else is a
        headline of what it stands in.
        """
        box = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, box, match_titles=has_sections)
        for rubric in list(box.findall(nodes.rubric)):
            if not isinstance(rubric, headline):
                rubric.replace_self(headline("", "", *_words_of(rubric), **_placed(rubric)))
        return list(box.children)

    def option(self, name: str) -> str:
        """Return an option's text, empty when it is not given."""
        return str(self.options.get(name) or "").strip()

    @property
    def reads_all(self) -> bool:
        """Say whether every alternative is read: for the catalogue of texts to translate."""
        return self.env.app.builder.name == "gettext"
