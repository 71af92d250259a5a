"""What a notebook shows, in the language of the page: heads, titles and words of its outputs.

A notebook holds its tables and charts as HTML in English, and the second language runs nothing
again. Whole texts of a table or a chart that the catalogue of messages has are replaced by their
translations, and plain numbers are written as the locale writes them. The title of a chart, which
says the finding in English, gives way to its topic. Any other sentence that was filled with figures
when the notebook ran has no message of its own, and stays English.
"""

import re
from html import escape, unescape

from babel.numbers import get_decimal_symbol, get_group_symbol
from docutils import nodes
from sphinx.application import Sphinx

from analysis.base.formats import SPACE, read_locale, word
from analysis.base.language import is_english, say
from analysis.contract.captions import all_captions

TEXT = re.compile(r">([^<>]+)<")
TITLED = re.compile(
    r'(<figure class="cb-chart" data-chart="([^"]+)">\s*<figcaption><p class="cb-chart-title">)'
    r"((?:(?!</p>).)*)</p>", re.DOTALL,
)  # fmt: skip
"""The beginning of a chart, up to the end of its title."""
STYLE = re.compile(r"(<style>.*?</style>)", re.DOTALL)
NUMBER = re.compile(r"[+\N{MINUS SIGN}]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
AMOUNT = re.compile(rf"({NUMBER.pattern})(?: to ({NUMBER.pattern}))?({SPACE}%)?")
"""A number of a cell or an axis, or an interval, in English."""
PILL = re.compile(r"([✓!✕–] )(.+)")
"""The word of a status behind its mark."""
OUTPUTS = ('class="gt_table"', '<figure class="cb-chart"')


def retell_page(_app: Sphinx, doctree: nodes.document) -> None:
    """Say the tables and charts of a page in the language in use."""
    if is_english():
        return
    for raw in list(doctree.findall(nodes.raw)):
        html = raw.astext()
        if any(output in html for output in OUTPUTS):
            raw[:] = [nodes.Text(retell(html))]


def retell(html: str) -> str:
    """Return the HTML of a table or a chart with its texts in the language in use."""
    parts = STYLE.split(TITLED.sub(_with_topic, html))
    said = [part if part.startswith("<style>") else TEXT.sub(_retell_text, part) for part in parts]
    return "".join(said)


def _with_topic(found: re.Match[str]) -> str:
    topic = all_captions().get(found[2], {}).get("topic", "")
    is_fixed = topic and "{" not in topic and say(topic) != topic
    return f"{found[1]}{escape(say(topic))}</p>" if is_fixed else found[0]


def _retell_text(found: re.Match[str]) -> str:
    text = unescape(found[1])
    stripped = text.strip()
    said = say_text(stripped) if stripped else stripped
    return found[0] if said == stripped else f">{escape(text.replace(stripped, said))}<"


def say_text(text: str) -> str:
    """Return one whole text in the language in use: a message, a status or a number."""
    if pill := PILL.fullmatch(text):
        return f"{pill[1]}{say(pill[2])}"
    if amount := AMOUNT.fullmatch(text):
        low, high = (_number(end or "") for end in (amount[1], amount[2]))
        shown = word("interval", low=low, high=high) if high else low
        return f"{shown}{amount[3] or ''}"
    return say(text)


def _number(text: str) -> str:
    """Return an English number with the signs of the locale in use."""
    locale = read_locale()
    signs = {",": get_group_symbol(locale), ".": get_decimal_symbol(locale)}
    return "".join(signs.get(sign, sign) for sign in text)
