"""Numbers, dates, intervals, lists and plurals as people read them, by Babel and CLDR.

The one formatting layer of the project: every function takes `locale` ("en", "es", "es-MX",
"es_CO" ...), by default the one in use (base.language). "en" is British English, with the day
before the month. The few words that belong to a number ("to", "under", "not available") are in
WORDS, one entry per language.
"""

import math
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal, get_args

import pandas as pd
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton
from babel.lists import format_list as join_items
from babel.numbers import (
    format_currency,
    format_decimal,
    get_currency_symbol,
    get_decimal_symbol,
)
from babel.numbers import format_scientific as by_power_of_ten

from analysis.base import language
from analysis.base.errors import ReportError

Unit = Literal[
    "share",
    "points",
    "count",
    "days",
    "score",
    "ratio",
    "money",
    "date",
    "month",
    "text",
    "number",
    "p_value",
]
UNITS: tuple[str, ...] = get_args(Unit)
UNIT_WORDS = ("days", "points", "ratio")
"""Units that are a word, with its plural, behind the number."""
DateLength = Literal["medium", "long"]
MonthLength = Literal["short", "long"]
NOT_NUMBERS = ("text", "date", "month")
"""Units of what is no number."""
DECIMALS = {"share": 1, "points": 1, "score": 3, "ratio": 2, "p_value": 3}
"""Decimals of the units that always have the same number of them."""
SPACE = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
MANY = Decimal(2)
"""Decides the plural behind an interval: "0 to 1 days"."""
BLANK = "\N{EN DASH}"
"""An empty cell of a table."""
SMALLEST_SHARE = 0.00005
"""Half of the last decimal shown: a share nearer to 0 or 1 reads "under" or "over"."""
BETWEEN = re.compile(r"(?<=[A-Za-z])(?=\d)")
"""Where the letters of a currency meet its digits."""
SMALLEST_P = 0.001
MONTH = len("2025-09")
LARGE_AMOUNT = 1000
"""Money beside which cents say nothing."""
WORDS = {
    "en": {
        "not_available": "not available",
        "not_known": "not known",
        "interval": "{low} to {high}",
        "under": "under {bound}",
        "over": "over {bound}",
        "days": "day|days",
        "points": "point|points",
        "ratio": "time|times",
        "too_few": "fewer than {users} users",
        "fewer": "fewer than {number}",
        "yes": "yes",
        "no": "no",
        "more": "{number} more",
        "in_ten": "{number} in 10",
        "in_hundred": "{number} in 100",
        "few_in_hundred": "fewer than 1 in 100",
        "most_in_hundred": "more than 99 in 100",
    },
    "es": {
        "not_available": "no disponible",
        "not_known": "no se conoce",
        "interval": "{low} a {high}",
        "under": "menos de {bound}",
        "over": "más de {bound}",
        "days": "día|días",
        "points": "punto|puntos",
        "ratio": "vez|veces",
        "too_few": "menos de {users} usuarios",
        "fewer": "menos de {number}",
        "yes": "sí",
        "no": "no",
        "more": "{number} más",
        "in_ten": "{number} de cada 10",
        "in_hundred": "{number} de cada 100",
        "few_in_hundred": "menos de 1 de cada 100",
        "most_in_hundred": "más de 99 de cada 100",
    },
}


def read_locale(name: str = "") -> Locale:
    """Return the locale of a name such as "en", "es" or "es-MX"; without a name, that in use.

    Raises ReportError for a locale that CLDR does not have.
    """
    return _read_locale(name or language.current())


@lru_cache(maxsize=16)
def _read_locale(name: str) -> Locale:
    known = "en_GB" if name == "en" else name.replace("-", "_")  # day first: 21 September 2025
    try:
        return Locale.parse(known)
    except (ValueError, UnknownLocaleError) as error:
        raise ReportError(f"{name!r} is not a locale; use one such as en, es or es-MX") from error


def word(name: str, locale: str = "", **parts: str) -> str:
    """Return an entry of WORDS in the language of `locale`, else in English, with its parts."""
    return WORDS[_language(locale)][name].format(**parts)


def _language(locale: str) -> str:
    """Return the language of the words beside a number: the locale's own, else English."""
    name = read_locale(locale).language
    return name if name in WORDS else language.ENGLISH


def is_missing(value: Any) -> bool:
    """Say whether `value` is missing: None, NaN, NaT, an empty text, or an infinite number."""
    if isinstance(value, str):
        return value.strip().lower() in ("", "nan")
    if isinstance(value, float) and not math.isfinite(value):
        return True
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def format_value(
    value: object,
    unit: str,
    locale: str = "",
    currency: str = "",
    *,
    decimals: int | None = None,
    signed: bool = False,
    bare: bool = False,
) -> str:
    """Return `value` as text with its unit; "not available" when it is missing.

    A `share` (0 to 1) reads as a percentage with one decimal, two below 1 % and above 99 %, and
    never as 0 % or 100 % unless it is exactly that, and a `p_value` never as 0.000;
    `points` are a difference between shares.
    `decimals` replaces the unit's own; `signed` puts a plus before positive numbers; `bare`
    leaves out the words "days", "points", "times", for a column whose label says them.
    Raises ReportError for an unknown unit, or a text where the unit needs a number.
    """
    _require(unit)
    if is_missing(value):
        return word("not_available", locale)
    if unit == "text":
        return _format_text(value, locale)
    if unit == "date":
        return _format_date(value, locale, "long")
    if unit == "month":
        return format_month(value, locale)
    scaled = _scale(_as_number(value, unit), unit)
    if unit == "share" and (decimals is None or _rounds_to_an_end(scaled, decimals)):
        decimals, bound = None, _bound_of_share(scaled / 100, locale)
        if bound is not None:
            return bound
    if unit == "p_value" and scaled < SMALLEST_P:
        return word("under", locale, bound=_fixed(SMALLEST_P, 3, locale)).replace(" ", SPACE)
    shown = _own_decimals(scaled, unit) if decimals is None else decimals
    if unit == "money" and currency:
        return _amount(scaled, shown, locale, currency)
    text = f"{'+' * (signed and scaled > 0)}{_fixed(scaled, shown, locale)}"
    return _with_unit(text, _round(scaled, shown), unit, locale, bare)


def format_cell(
    value: object,
    unit: str,
    locale: str = "",
    currency: str = "",
    *,
    decimals: int | None = None,
    bare: bool = False,
) -> str:
    """Return `value` for a table: like format_value, with a dash where it is missing and short
    dates and months ("21 Sept 2025", "Sept 2025").
    """
    if isinstance(value, float) and math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    if is_missing(value):
        return BLANK
    if unit == "date":
        return _format_date(value, locale, "medium")
    if unit == "month":
        return format_month(value, locale, "short")
    return format_value(value, unit, locale, currency, decimals=decimals, bare=bare)


def shared_decimals(values: Iterable[object], unit: str) -> int | None:
    """Return the decimals of all cells of a column of `money`: two, or none where every amount is
    whole or the largest is LARGE_AMOUNT or more; None for another unit, whose numbers have their
    own.
    """
    if unit != "money":
        return None
    amounts = [_as_number(value, unit) for value in values if not is_missing(value)]
    is_large = any(abs(amount) >= LARGE_AMOUNT for amount in amounts)
    return 0 if is_large or all(amount == round(amount) for amount in amounts) else 2


def format_interval(
    low: object,
    high: object,
    unit: str,
    locale: str = "",
    currency: str = "",
    *,
    decimals: int | None = None,
    signed: bool = False,
    bare: bool = False,
) -> str:
    """Return "46.1 to 50.5 %": the unit once, both ends with as many decimals; "not available"
    when an end is missing. The options are those of format_value.
    """
    _require(unit)
    if is_missing(low) or is_missing(high):
        return word("not_available", locale)
    if unit in NOT_NUMBERS:
        ends = [format_value(end, unit, locale) for end in (low, high)]
        return word("interval", locale, low=ends[0], high=ends[1])
    numbers = [_scale(_as_number(end, unit), unit) for end in (low, high)]
    shown = (_most_decimals((low, high), unit) or 0) if decimals is None else decimals
    first, last = (f"{'+' * (signed and n > 0)}{_fixed(n, shown, locale)}" for n in numbers)
    if unit == "money" and currency:
        first, last = (_amount(number, shown, locale, currency) for number in numbers)
    text = word("interval", locale, low=first, high=last)
    return text if unit == "money" else _with_unit(text, MANY, unit, locale, bare)


def format_full(
    value: object,
    unit: str,
    low: object = None,
    high: object = None,
    n: object = None,
    locale: str = "",
    currency: str = "",
) -> str:
    """Return "48.3 % (46.1 to 50.5 %, n = 687)", without the parts that are missing. The value and
    the ends of its interval have as many decimals.
    """
    parts, decimals = [], None
    if not any(is_missing(number) for number in (value, low, high)):
        decimals = _most_decimals((value, low, high), unit)
        parts.append(format_interval(low, high, unit, locale, currency, decimals=decimals))
    text = format_value(value, unit, locale, currency, decimals=decimals)
    if not is_missing(n):
        parts.append(f"n{SPACE}={SPACE}{format_value(n, 'count', locale)}")
    return text if is_missing(value) or not parts else f"{text} ({', '.join(parts)})"


def format_tenths(share: object, locale: str = "") -> str:
    """Return a share as "7 in 10"; in hundredths where tenths would say none or all of a share that
    is neither: "3 in 100", "fewer than 1 in 100".
    """
    if is_missing(share):
        return word("not_available", locale)
    value = _as_number(share, "share")
    hundredths = round(100 * value)
    if value in (0, 1) or 0 < round(10 * value) < 10:
        text = word("in_ten", locale, number=_fixed(10 * value, 0, locale))
    elif 0 < hundredths < 100:
        text = word("in_hundred", locale, number=_fixed(100 * value, 0, locale))
    else:
        text = word("most_in_hundred" if hundredths else "few_in_hundred", locale)
    return text.replace(" ", SPACE)


def format_month(day: object, locale: str = "", length: MonthLength = "long") -> str:
    """Return the month of a day, or of a month such as "2025-09", in words: "September 2025", or
    "Sept 2025"; a text that is neither as it is.
    """
    return _by_skeleton(day, "yMMMM" if length == "long" else "yMMM", locale)


def with_decimal_mark(text: str, locale: str = "") -> str:
    """Return a number written with a point as the locale writes it: "0,5"."""
    return text.replace(".", get_decimal_symbol(read_locale(locale)))


def format_symbol(currency: str, locale: str = "") -> str:
    """Return what stands for a currency beside its amounts: "US$", "€", "COP"."""
    return get_currency_symbol(currency, locale=read_locale(locale))


def format_day(day: object, locale: str = "") -> str:
    """Return a day without its year: "21 Sept"."""
    return _by_skeleton(day, "MMMd", locale)


def _by_skeleton(day: object, skeleton: str, locale: str) -> str:
    if is_missing(day):
        return word("not_available", locale)
    text = str(day).replace("Z", "+00:00")
    try:
        moment = datetime.fromisoformat(f"{text}-01" if len(text) == MONTH else text)
    except ValueError:
        return text
    return format_skeleton(skeleton, moment, locale=read_locale(locale)).replace(" ", SPACE)


def format_p_value(value: object, locale: str = "", symbol: str = "p") -> str:
    """Return "p = 0.031", or "p < 0.001" where three decimals would show nothing."""
    if is_missing(value):
        return word("not_available", locale)
    number = _as_number(value, "number")
    sign, shown = ("<", SMALLEST_P) if number < SMALLEST_P else ("=", number)
    return f"{symbol} {sign} {_fixed(shown, 3, locale)}".replace(" ", SPACE)


def format_scientific(value: object, locale: str = "") -> str:
    """Return a number by its power of ten, "2.2E-16": for differences that only rounding makes."""
    if is_missing(value):
        return word("not_available", locale)
    number = _as_number(value, "number")
    return by_power_of_ten(number, format="0.0E0", locale=read_locale(locale)) if number else "0"


def format_list(items: Iterable[object], locale: str = "") -> str:
    """Return "a, b and c", as the locale joins a list."""
    return join_items([str(item) for item in items], locale=read_locale(locale))


def plural_form(number: float | Decimal, one: str, other: str, locale: str = "") -> str:
    """Return `one` or `other`, whichever the locale's plural rule asks for beside `number`."""
    size = number if number >= 0 else -number
    return one if read_locale(locale).plural_form(size) == "one" else other


def plural(number: float, one: str, other: str, locale: str = "") -> str:
    """Return the number with its noun: "1 user", "1,255 users"."""
    noun = plural_form(number, one, other, locale)
    return f"{format_value(number, 'count', locale)} {noun}"


def is_too_few(users: Any, min_group: int) -> Any:
    """Say whether a group is too small to report: fewer than `min_group` users.

    `users` is a count or a Series of counts; the answer has the same shape. Its words are in
    too_few.
    """
    return users < min_group


def too_few(min_group: int, locale: str = "") -> str:
    """Return "fewer than 30 users": what a blank cell of a rate means (is_too_few)."""
    return word("too_few", locale, users=format_value(min_group, "count", locale))


def fewer_than(number: int, locale: str = "") -> str:
    """Return "fewer than 10": what is said of a count of people that is withheld."""
    return word("fewer", locale, number=format_value(number, "count", locale))


def _require(unit: str) -> None:
    if unit not in UNITS:
        raise ReportError(f"unknown unit {unit!r}; units that exist: {', '.join(UNITS)}")


def _as_number(value: object, unit: str) -> float:
    try:
        return float(str(value))
    except ValueError as error:
        raise ReportError(f"{value!r} is not a number, as the unit {unit!r} needs") from error


def _scale(number: float, unit: str) -> float:
    """Return a share or a difference of shares in hundredths, another number as it is."""
    return 100 * number if unit in ("share", "points") else number


def _round(number: float, decimals: int) -> Decimal:
    """Return the number as Python rounds it, zeros kept: "1.0 days", but "1 day"."""
    return Decimal(f"{number:.{decimals}f}")


def _fixed(number: float, decimals: int, locale: str) -> str:
    """Return the number with these decimals and a real minus sign, never "-0"."""
    rounded = _round(abs(number), decimals)
    pattern = f"#,##0.{'0' * decimals}" if decimals else "#,##0"
    text = format_decimal(rounded, format=pattern, locale=read_locale(locale))
    return f"{MINUS}{text}" if number < 0 and rounded else text


def _own_decimals(number: float, unit: str) -> int:
    """Return how many decimals the unit shows of a number (a share in hundredths)."""
    if unit == "share":
        return 2 if 0 < abs(number) < 1 or 99 < abs(number) < 100 else 1
    if unit == "money":
        return 0 if abs(number) >= 100 else 2
    if unit in ("count", "days"):
        return 0 if number == round(number) else 1
    if unit == "number":
        return 0 if abs(number) >= 1000 or number == round(number) else 3
    return DECIMALS[unit]


def _most_decimals(values: Iterable[object], unit: str) -> int | None:
    """Return the decimals of the value that shows most of them; None where they are no numbers."""
    if unit in NOT_NUMBERS:
        return None
    return max(_own_decimals(_scale(_as_number(value, unit), unit), unit) for value in values)


def _amount(number: float, decimals: int, locale: str, currency: str) -> str:
    """Return an amount of money as the locale writes it: "US$1,255", "1.255 US$"."""
    form = read_locale(locale).currency_formats["standard"].pattern.split(";")[0]
    pattern = form.replace("0.00", f"0.{'0' * decimals}" if decimals else "0")
    rounded = _round(abs(number), decimals)
    text = format_currency(
        rounded, currency, pattern, locale=read_locale(locale), currency_digits=False
    )
    text = BETWEEN.sub(SPACE, text)  # CLDR's spacing, which Babel leaves out: "COP 1,255"
    return f"{MINUS}{text}" if number < 0 and rounded else text


def _with_unit(text: str, number: Decimal, unit: str, locale: str, bare: bool) -> str:
    """Return a formatted number, or two joined, with the unit; `number` decides its plural."""
    if unit == "share":
        return f"{text}{SPACE}%"
    if bare or unit not in UNIT_WORDS:
        return text
    one, other = word(unit, locale).split("|")
    return f"{text}{SPACE}{plural_form(number, one, other, _language(locale))}"


def _rounds_to_an_end(percent: float, decimals: int) -> bool:
    """Say whether a percentage that is neither 0 nor 100 would read so."""
    return percent not in (0, 100) and round(percent, decimals) in (0, 100)


def _bound_of_share(share: float, locale: str) -> str | None:
    """Return "under 0.01 %" or "over 99.99 %" for a share that would round to nothing or all."""
    if 0 < share < SMALLEST_SHARE:
        name, bound = "under", 0.01
    elif 1 - SMALLEST_SHARE < share < 1:
        name, bound = "over", 99.99
    else:
        return None
    return word(name, locale, bound=f"{_fixed(bound, 2, locale)} %").replace(" ", SPACE)


def _format_text(value: object, locale: str) -> str:
    """Return a value whose unit is not known by its type."""
    if pd.api.types.is_bool(value):
        return word("yes" if value else "no", locale)
    if isinstance(value, date):
        return _format_date(value, locale, "medium")
    if pd.api.types.is_number(value):
        return format_value(value, "number", locale)
    return str(value)


def _format_date(value: object, locale: str, length: DateLength) -> str:
    """Return a date, with its time in UTC unless it is midnight; a text that is none as it is."""
    try:
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return str(value)
    is_day = moment.time() == time(0)
    if moment.tzinfo is not None and not is_day:
        moment = moment.astimezone(UTC)
    day = format_date(moment.date(), length, locale=read_locale(locale)).replace(" ", SPACE)
    return day if is_day else f"{day}, {moment:%H:%M}{SPACE}UTC"
