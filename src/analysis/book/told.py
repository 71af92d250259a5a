"""What a run holds in other languages: what its notebooks show, and the sentences of its summary.

A cell's HTML holds its table or chart a second time in a `template` element for each language of
the catalogues; no browser shows a template. `summary/told.json` holds the cells of the summary's
tables. The builder of the pages takes the language it needs, and writes the numbers as the region
does: no notebook runs again.
"""

import re
from collections.abc import Mapping

from babel.numbers import get_decimal_symbol, get_group_symbol

from analysis.base import language
from analysis.base.formats import read_locale

TEMPLATE = re.compile(r'<template data-told="(\w+)">(.*?)</template>', re.DOTALL)


def keep_told(told: Mapping[str, str]) -> str:
    """Return HTML in several languages as one text that no browser shows."""
    return "".join(f'<template data-told="{name}">{html}</template>' for name, html in told.items())


def without_told(html: str) -> str:
    """Return the HTML of a cell in English alone."""
    return TEMPLATE.sub("", html)


def is_told(html: str) -> bool:
    """Say whether the HTML of a cell holds more than one language."""
    return TEMPLATE.search(html) is not None


def told_in_use(html: str) -> str:
    """Return the HTML of a cell in the language in use; in English where it was not told in it."""
    english = without_told(html)
    if language.is_english():
        return english
    told: dict[str, str] = dict(TEMPLATE.findall(html))
    return told.get(language.language_of(language.current()), english)


def in_region(text: str) -> str:
    """Return a text of the language in use with its numbers as the region writes them: "1.255,5" of
    Spanish as "1,255.5" in Mexico.
    """
    general, here = read_locale(language.language_of(language.current())), read_locale()
    signs = {
        get_group_symbol(general): get_group_symbol(here),
        get_decimal_symbol(general): get_decimal_symbol(here),
    }
    if all(old == new for old, new in signs.items()):
        return text
    group, decimal = (re.escape(sign) for sign in signs)
    whole = rf"(?:\d{{1,3}}(?:{group}\d{{3}})+|\d+)"
    number = rf"(?<![\w{group}{decimal}]){whole}(?:{decimal}\d+)?(?!\w)"
    return re.sub(number, lambda found: "".join(signs.get(c, c) for c in found[0]), text)
