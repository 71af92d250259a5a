"""Folds by sphinx-design, around markup that is ready.

sphinx-design's directives take Markdown, so each is parsed empty, and its body filled then.
"""

from collections.abc import Sequence
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx_design.shared import is_component


def _parse(state: Any, lines: Sequence[str]) -> nodes.Element:
    box = nodes.Element()
    state.nested_parse(StringList(list(lines), source="design"), 0, box)
    return box


def fold(state: Any, title: str, *content: nodes.Node) -> list[nodes.Node]:
    """Return content that a reader opens by its title; `state` is that of the directive."""
    box = _parse(state, [f"```{{dropdown}} {title}", ":class-container: cb-fold", "```"])
    next(box.findall(lambda node: is_component(node, "dropdown"))).extend(content)
    return list(box.children)
