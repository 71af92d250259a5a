"""The templates of the book's blocks: plain values in, escaped HTML out."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from analysis.base import formats
from analysis.base.formats import BLANK, is_missing, plural
from analysis.base.language import say
from analysis.book import forms
from analysis.book.nodes import artifact_link, doc_link, strip_private

MARKS = {"fail": "✕", "warn": "!", "pass": "✓", "not_applicable": "–"}
WORDS = {
    "fail": "fails",
    "warn": "caution",
    "pass": "passes",
    "not_applicable": "not applicable",
}
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-ZÁÉÍÓÚÑ¿¡])")


class SaidWords(dict[str, str]):
    """Words by code, each in the language in use."""

    def __getitem__(self, code: str) -> str:
        return say(super().__getitem__(code))


SPLIT = "\ue002"  # stands for a figure's text in its template


def _finish(value: Any) -> Any:
    """Return a value of a template, without private characters unless a template made it."""
    return value if isinstance(value, Markup) else strip_private(value)


@cache
def templates() -> Environment:
    """Return the environment of `templates/`: every value is escaped, every name must exist."""
    environment = Environment(
        loader=PackageLoader("analysis.book"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finish,
    )
    environment.globals.update(
        MARKS=MARKS,
        WORDS=SaidWords(WORDS),
        _=say,
        artifact_link=artifact_link,
        doc_link=doc_link,
        first_sentence=first_sentence,
        format_change=forms.format_change,
        format_metric=forms.format_metric,
        format_day=forms.format_day,
        list_parts=forms.list_parts,
        plural=plural,
        plural_form=formats.plural_form,
    )
    environment.filters.update(as_list=formats.format_list, quoted="“{}”".format)
    environment.tests["missing"] = is_missing
    return environment


def first_sentence(text: str) -> str:
    """Return the first sentence of a text."""
    return SENTENCE.split(text, maxsplit=1)[0]


def render(template: str, **values: Any) -> str:
    """Return the template `templates/<template>.html` filled with `values`."""
    return templates().get_template(f"{template}.html").render(**values)


def wrap_figure(**values: Any) -> tuple[str, str]:
    """Return the markup before and after a figure in running text."""
    before, _, after = render("kpi", text=Markup(SPLIT), **values).strip().partition(SPLIT)
    return before, after


def plain(value: Any) -> str:
    """Return a value of the manifest or of a parameter as text; a dash when it is empty."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {plain(item)}" for name, item in value.items()) or BLANK
    if isinstance(value, (list, tuple)):
        return ", ".join(plain(item) for item in value) or BLANK
    if isinstance(value, int) and not isinstance(value, bool):
        return formats.format_value(value, "count")
    return formats.format_cell(value, "text")
