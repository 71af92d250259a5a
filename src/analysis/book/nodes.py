"""Two document nodes: a figure in running text, and a block of ready markup with links."""

import re
from typing import Any
from urllib.parse import quote

from docutils import nodes
from markupsafe import Markup, escape

OPEN, CLOSE = "\ue000", "\ue001"  # private characters: no text of a reader holds them
LINK = re.compile(f"{OPEN}(doc|artifact):([^{CLOSE}]*){CLOSE}")


def strip_private(text: object) -> str:
    """Return `text` without the characters that mark a link."""
    return str(text).replace(OPEN, "").replace(CLOSE, "")


def doc_link(docname: str, anchor: str = "") -> Markup:
    """Return a placeholder that becomes the address of a page, seen from the page it is on."""
    page, place = (escape(strip_private(text)) for text in (docname, anchor))
    return Markup(f"{OPEN}doc:{page}#{place}{CLOSE}")


def artifact_link(path: str) -> Markup:
    """Return a placeholder that becomes the address of a downloadable artifact."""
    return Markup(f"{OPEN}artifact:{escape(strip_private(path))}{CLOSE}")


def resolve_links(markup: str, builder: Any, docname: str) -> str:
    """Return `markup` with every placeholder replaced by an address relative to `docname`."""

    def resolve(match: re.Match[str]) -> str:
        kind, target = match[1], match[2]
        if kind == "artifact":
            up = "../" * str(builder.get_target_uri(docname)).count("/")
            return f"{up}artifacts/{quote(target)}"
        page, _, anchor = target.partition("#")
        address = "" if page == docname and anchor else builder.get_relative_uri(docname, page)
        return f"{address}#{anchor}" if anchor else str(address)

    return LINK.sub(resolve, markup)


class kpi(nodes.inline):  # type: ignore[misc]  # noqa: N801 (docutils names visitors by class)
    """A figure: its text as content; `before` and `after` are the markup around it."""


class headline(nodes.rubric):  # type: ignore[misc]  # noqa: N801
    """The heading of a finding: no section of the page, so that a finding can be left out."""


class page_html(nodes.raw):  # type: ignore[misc]  # noqa: N801
    """Markup for HTML builders, searchable as text; other builders leave it out."""


def make_html(markup: str) -> page_html:
    """Return a node that prints `markup`, which must be escaped already."""
    return page_html("", markup, format="html")


def visit_page_html(translator: Any, node: page_html) -> None:
    """Write the markup with its links resolved."""
    page = translator.builder.current_docname
    translator.body.append(resolve_links(node.astext(), translator.builder, page))
    raise nodes.SkipNode


def visit_math(translator: Any, node: nodes.Element) -> None:
    """Write a formula as it was typed: no script has to be fetched for it."""
    translator.body.append(f'<code class="math">{escape(node.astext())}</code>')
    raise nodes.SkipNode


def visit_kpi(translator: Any, node: kpi) -> None:
    """Open the figure's markup."""
    page = translator.builder.current_docname
    translator.body.append(resolve_links(node["before"], translator.builder, page))


def depart_kpi(translator: Any, node: kpi) -> None:
    """Close the figure's markup."""
    page = translator.builder.current_docname
    translator.body.append(resolve_links(node["after"], translator.builder, page))


def visit_finding(translator: Any, node: nodes.Element) -> None:
    """Open the frame of a finding."""
    translator.body.append(translator.starttag(node, "div"))


def depart_finding(translator: Any, _node: nodes.Element) -> None:
    """Close the frame of a finding."""
    translator.body.append("</div>\n")


def visit_headline(translator: Any, node: nodes.Element) -> None:
    """Open a headline."""
    translator.body.append(translator.starttag(node, "h3", ""))


def depart_headline(translator: Any, _node: nodes.Element) -> None:
    """Close a headline."""
    translator.body.append("</h3>\n")
