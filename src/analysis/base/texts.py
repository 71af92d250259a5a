"""Sentences as Jinja2 templates, filled with computed facts.

A number that stands in braces by itself is formatted for the locale; filters give it a unit, a
noun or another number of decimals:

    {{ broken | plural("event", "events") }} of {{ rows }} ({{ value | share }})
    {{ names | listed }} {{ names | length | form("is", "are") }} missing

A missing value (None or NaN) reads "not known". Lines and runs of spaces become one space, so
that a template may stand on several lines.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined, Template, TemplateError, Undefined, UndefinedError

from analysis.base import formats, language
from analysis.base.errors import ReportError
from analysis.base.names import LONGEST_TEXT, cut, list_names

RANGE = re.compile(r"(?<![\w.,])([\d.,]*\d) to ([\d.,]*\d)(?!\w)")
"""A band of numbers in a fact, as the stages name it in English."""
BLANKS = re.compile(r"[ \t\n]+")
"""Spaces that carry nothing: all but the no-break space."""


PEOPLE = re.compile(
    r"\b(user|newcomer|account|person|people|signup|usuario|persona|cuenta|alta)s?\b"
)
"""Nouns of people, whose number is withheld where they are few."""


def render(
    template: str,
    facts: Mapping[str, Any],
    locale: str = "",
    min_disclosed: int = 1,
    currency: str = "",
) -> str:
    """Return `template` filled with `facts`, in the words and numbers of the language in use, or
    those of `locale`; amounts are in
    `currency` (ISO 4217). Of fewer people than `min_disclosed` it says only that: "fewer than 10
    users".

    Raises ReportError that names the template and the fact that it asks for in vain, or says why
    the template cannot be read.
    """
    known = {name: None if _is_unknown(value) else value for name, value in facts.items()}
    try:
        spoken = locale or language.current()
        said = template if locale else language.say(template)
        text = _compiled(said, spoken, min_disclosed, currency).render(known)
    except UndefinedError as error:
        raise ReportError(
            f"texts: {template!r}: {error.message}. It may use: {', '.join(sorted(facts))}."
        ) from error
    except TemplateError as error:
        raise ReportError(f"texts: {template!r} cannot be read: {error.message}.") from error
    return _opened(BLANKS.sub(" ", text).strip(" "), formats.fewer_than(min_disclosed, spoken))


def _opened(text: str, fewer: str) -> str:
    """Return `text` with a capital where a sentence opens with `fewer` ("fewer than 10")."""
    if not text.endswith("."):
        return text  # a part of a sentence
    return re.sub(rf"(^|[.!?] )({re.escape(fewer)})", lambda m: m[1] + _capital(m[2]), text)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


@lru_cache(maxsize=1024)
def _compiled(template: str, locale: str, min_disclosed: int, currency: str) -> Template:
    """Return a template ready to be filled: the same one is often filled for every row."""
    return environment(locale, min_disclosed, currency).from_string(template)


SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser in C takes a tenth of the time, which every kernel spends; not every build has it."""


def read_texts(text: str) -> dict[str, Any]:
    """Return the entries of a text file (YAML)."""
    entries: dict[str, Any] = SafeLoader(text).get_single_data()
    return entries


@lru_cache(maxsize=16)
def environment(locale: str, min_disclosed: int = 1, currency: str = "") -> Environment:
    """Return the Jinja environment whose filters format for `locale`: see render."""
    made = Environment(
        undefined=StrictUndefined,
        autoescape=False,
        finalize=lambda value: _as_text(value, locale),
    )
    made.filters.update(_filters(locale, currency))
    made.filters.update(_few_withheld(dict(made.filters), locale, min_disclosed))
    return made


def _few_withheld(
    made: Mapping[str, Callable[..., Any]], locale: str, min_disclosed: int
) -> dict[str, Callable[..., str]]:
    """Return the filters `plural` and `people` (a number of people, without a noun), which give no
    number of fewer people than `min_disclosed`, `beside` (their share, in brackets), which then
    gives none, and `form`, of whose words a verb in the singular would tell that it is one.
    """
    fewer = formats.fewer_than(min_disclosed, locale)

    def is_few(number: Any) -> bool:
        is_number = isinstance(number, int | float) and not _is_unknown(number)
        return is_number and min_disclosed > 1 and 0 < number < min_disclosed

    def with_noun(number: Any, one: str, other: str, people: bool = False) -> str:
        is_hidden = is_few(number) and (people or PEOPLE.search(one))
        return f"{fewer} {other}" if is_hidden else str(made["plural"](number, one, other))

    def form(number: Any, one: str, other: str, people: bool = False) -> str:
        return other if people and is_few(number) else str(made["form"](number, one, other))

    def people(number: Any) -> Any:
        return fewer if is_few(number) else number

    def beside(share: str, number: Any) -> str:
        return "" if is_few(number) else f" ({share})"

    return {"plural": with_noun, "people": people, "beside": beside, "form": form}


def _is_unknown(value: object) -> bool:
    return not isinstance(value, str) and formats.is_missing(value)


def _as_text(value: object, locale: str) -> object:
    """Return a value in braces as text: numbers, dates and yes or no as the locale writes them."""
    if isinstance(value, Undefined):
        return value  # it raises when it is printed
    if _is_unknown(value):
        return formats.word("not_known", locale)
    if isinstance(value, list | dict):
        raise ReportError(
            f"texts: {value!r} is not a single value. Use the filter `listed` or a loop."
        )
    if isinstance(value, str):
        return cut(_said_fact(value, locale), LONGEST_TEXT)
    return formats.format_value(value, "text", locale)


def _filters(locale: str, currency: str) -> dict[str, Callable[..., str]]:
    """Return the filters of a template by name: numbers by their unit, and words by a number."""

    def by_unit(unit: str) -> Callable[..., str]:
        def apply(value: object, decimals: int | None = None, signed: bool = False) -> str:
            return formats.format_value(value, unit, locale, decimals=decimals, signed=signed)

        return apply

    def interval(
        low: object, high: object, unit: str, decimals: int | None = None, signed: bool = False
    ) -> str:
        return formats.format_interval(
            low, high, unit, locale, currency, decimals=decimals, signed=signed
        )

    def money(value: object, decimals: int | None = None) -> str:
        return formats.format_value(value, "money", locale, currency, decimals=decimals)

    def p_value(value: object, symbol: str = "p") -> str:
        return formats.format_p_value(value, locale, symbol)

    others: dict[str, Callable[..., str]] = {
        "interval": interval,
        "money": money,
        "p_value": p_value,
        "month": lambda value: formats.format_month(value, locale),
        "scientific": lambda value: formats.format_scientific(value, locale),
        "plural": lambda number, one, other: formats.plural(number, one, other, locale),
        "form": lambda number, one, other: formats.plural_form(number, one, other, locale),
        "listed": lambda items: list_names([_said(item) for item in items], locale),
    }
    units = {name: by_unit(name) for name in ("number", "share", "points", "days", "date")}
    return {name: _or_not_known(made, locale) for name, made in {**units, **others}.items()}


def _said_fact(text: str, locale: str) -> str:
    """Return a text among the facts in the language in use, such as a rule or a band of numbers."""
    said = language.say(text)
    if language.is_english():
        return said
    return RANGE.sub(
        lambda found: formats.word("interval", locale, low=found[1], high=found[2]), said
    )


def _said(item: object) -> object:
    return language.say(item) if isinstance(item, str) else item


def _or_not_known(function: Callable[..., str], locale: str) -> Callable[..., str]:
    """Return the filter, with the words "not known" for a missing value."""

    def apply(value: object, *arguments: Any, **options: Any) -> str:
        if isinstance(value, Undefined):
            return str(value)  # raises: the fact is not there
        if _is_unknown(value):
            return formats.word("not_known", locale)
        return function(value, *arguments, **options)

    return apply
