"""Conditions on results, as Jinja expressions.

    churn_rate_30d is not none and churn_rate_30d > 0.2
    metric.test_auc.ci_low > 0.5 and check.drift in ["warn", "fail"]

A metric's key is its value, none when it is not available; `metric.KEY.n` (`.ci_low`, `.ci_high`)
is what stands beside it, and `check.NAME` the status of a check.
"""

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from jinja2 import Environment, StrictUndefined, TemplateSyntaxError, meta, nodes

from analysis.base.errors import ReportError
from analysis.base.formats import is_missing

FIELDS = ("value", "n", "ci_low", "ci_high")
ENVIRONMENT = Environment(undefined=StrictUndefined, autoescape=False)


def context_of(
    metrics: Mapping[str, Mapping[str, Any]], statuses: Mapping[str, str]
) -> dict[str, Any]:
    """Return what a condition may ask of: `metrics` by key, with their FIELDS, and the `statuses`
    of checks by name.
    """
    fields = {
        key: {name: None if is_missing(entry.get(name)) else entry[name] for name in FIELDS}
        for key, entry in metrics.items()
    }
    values = {key: entry["value"] for key, entry in fields.items()}
    named = {key: SimpleNamespace(**entry) for key, entry in fields.items()}
    return {**values, "metric": SimpleNamespace(**named), "check": SimpleNamespace(**statuses)}


def holds(condition: str, context: Mapping[str, Any]) -> bool:
    """Say whether `condition` holds in `context`, as from context_of.

    An order comparison with a figure that is not available does not hold. Raises ReportError when
    the condition cannot be read or compared, and for a name that the context lacks, wherever in
    the condition it stands.
    """
    names = _look_up(condition, context)
    try:
        return bool(ENVIRONMENT.compile_expression(condition)(**context))
    except TypeError as error:
        if None in names.values():
            return False
        raise ReportError(f"condition {condition!r} cannot be evaluated: {error}.") from error


def _look_up(condition: str, context: Mapping[str, Any]) -> dict[str, Any]:
    """Return every name of the condition, dotted ones too, with its value."""
    try:
        tree = ENVIRONMENT.parse(f"{{{{ {condition} }}}}")
    except TemplateSyntaxError as error:
        raise ReportError(
            f"condition {condition!r} cannot be read: {error.message}. "
            'Write one such as `churn_rate_30d > 0.2 and check.drift != "fail"`.'
        ) from error
    dotted = [name for node in tree.find_all(nodes.Getattr) for name in _dotted(node)]
    plain = meta.find_undeclared_variables(tree) - {"check", "metric"}
    return {name: _value_of(name, condition, context) for name in [*sorted(plain), *dotted]}


def _dotted(node: nodes.Getattr) -> Iterator[str]:
    """Yield the name that a node such as `check.drift` spells, if it is made of names alone."""
    parts = [node.attr]
    inner: nodes.Node = node.node
    while isinstance(inner, nodes.Getattr):
        parts.append(inner.attr)
        inner = inner.node
    if isinstance(inner, nodes.Name):
        yield ".".join([inner.name, *reversed(parts)])


def _value_of(name: str, condition: str, context: Mapping[str, Any]) -> Any:
    first, *rest = name.split(".")
    try:
        value = context[first]
        for part in rest:
            value = getattr(value, part)
    except (KeyError, AttributeError) as error:
        raise ReportError(
            f"condition {condition!r}: {name!r} is neither a metric nor a check of this run."
        ) from error
    return value
