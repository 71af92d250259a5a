"""Cards and folds by sphinx-design, around markup that is ready.

sphinx-design's directives take Markdown, so each is parsed empty, and its body filled then.
"""

from collections.abc import Sequence
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx_design.shared import is_component

COLUMNS = "2 2 3 3"
"""Cards beside each other, from the narrowest screen to the widest."""


def _parse(state: Any, lines: Sequence[str]) -> nodes.Element:
    box = nodes.Element()
    state.nested_parse(StringList(list(lines), source="design"), 0, box)
    return box


def fold(state: Any, title: str, *content: nodes.Node) -> list[nodes.Node]:
    """Return content that a reader opens by its title; `state` is that of the directive."""
    box = _parse(state, [f"```{{dropdown}} {title}", ":class-container: cb-fold", "```"])
    next(box.findall(lambda node: is_component(node, "dropdown"))).extend(content)
    return list(box.children)


def grid(state: Any, classes: Sequence[str], bodies: Sequence[nodes.Node]) -> list[nodes.Node]:
    """Return cards in a grid: for each its CSS class and what is in it."""
    cards = [_card_lines(name) for name in classes]
    lines = [line for card in cards for line in card]
    box = _parse(state, [f"````{{grid}} {COLUMNS}", ":gutter: 2", "", *lines, "````"])
    places = box.findall(lambda node: is_component(node, "card-body"))
    for place, body in zip(list(places), bodies, strict=True):
        place += body
    return list(box.children)


def _card_lines(css_class: str) -> list[str]:
    return ["```{grid-item-card}", f":class-card: cb-card {css_class}", "```"]
