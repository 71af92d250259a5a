"""What a notebook shows, in the language of the page.

A notebook holds its tables and charts in English and, told by the same run, in the languages of the
catalogues: see book.told. The tables of the summary hold sentences that were filled with figures;
those are in `summary/told.json`.
"""

import re
from collections.abc import Mapping
from html import escape, unescape

from docutils import nodes
from sphinx.application import Sphinx

from analysis.base.language import is_english
from analysis.book.directive import open_artifacts
from analysis.book.told import in_region, is_told, told_in_use

STYLE = re.compile(r"(<style>.*?</style>)", re.DOTALL)
TEXT = re.compile(r"(?<=>)[^<>]+(?=<)")
LABEL = re.compile(r'(?<=aria-label=")[^"]+(?=")')
"""The alternative text of a drawing."""


def retell_page(app: Sphinx, doctree: nodes.document) -> None:
    """Put the tables and charts of a page into the language in use."""
    raws = [raw for raw in doctree.findall(nodes.raw) if is_told(raw.astext())]
    sentences: Mapping[str, str] = {}
    if raws and not is_english():
        sentences = open_artifacts(app.env).told_sentences()
    for raw in raws:
        raw[:] = [nodes.Text(retell(raw.astext(), sentences))]


def retell(html: str, sentences: Mapping[str, str]) -> str:
    """Return the HTML of a cell in the language in use; `sentences` are whole texts that it says
    otherwise.
    """
    told = told_in_use(html)
    if is_english():
        return told

    def say_text(found: re.Match[str]) -> str:
        text = unescape(found[0])
        said = in_region(sentences.get(text.strip(), text))
        return found[0] if said == text else escape(said)

    parts = [part if part.startswith("<style>") else LABEL.sub(say_text, TEXT.sub(say_text, part))
             for part in STYLE.split(told)]  # fmt: skip
    return "".join(parts)
