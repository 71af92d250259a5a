"""Numbers, dates, intervals and plurals, written out as a reader sees them (spaces made plain)."""

import numpy as np
import pandas as pd
import pytest

from analysis.base import formats
from analysis.base.errors import ReportError

NBSP = "\N{NO-BREAK SPACE}"


def plain(text: str) -> str:
    return text.replace(NBSP, " ")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.4831, "share", "48.3 %"),
        (0.0, "share", "0.0 %"),
        (1, "share", "100.0 %"),
        (0.00004999, "share", "under 0.01 %"),
        (0.00005, "share", "0.01 %"),
        (0.00999, "share", "1.00 %"),
        (0.01, "share", "1.0 %"),
        (0.99, "share", "99.0 %"),
        (0.9995, "share", "99.95 %"),
        (0.9999, "share", "99.99 %"),
        (0.999951, "share", "over 99.99 %"),
        (-0.0312, "points", "−3.1 points"),
        (0.01, "points", "1.0 points"),
        (133206, "count", "133,206"),
        (2.25, "count", "2.2"),
        (1, "days", "1 day"),
        (30, "days", "30 days"),
        (2.5, "days", "2.5 days"),
        (0.96373, "score", "0.964"),
        (-0.0001, "score", "0.000"),
        (-1234.5, "money", "−1,234"),
        (99.999, "money", "100.00"),
        (2.4, "ratio", "2.40 times"),
        (12345, "number", "12,345"),
        (0.12345, "number", "0.123"),
        (2.0, "number", "2"),
        ("2025-09-21", "date", "21 September 2025"),
        (pd.Timestamp("2025-01-01T08:30Z"), "date", "1 January 2025, 08:30 UTC"),
        ("2025-01-01T08:30-05:00", "date", "1 January 2025, 13:30 UTC"),
        ("2025-01", "date", "2025-01"),
        ("some time", "date", "some time"),
        ("free text", "text", "free text"),
        (True, "text", "yes"),
        (np.bool_(False), "text", "no"),
        (12345, "text", "12,345"),
        (0.12345, "text", "0.123"),
        (pd.Timestamp("2025-01-01", tz="UTC"), "text", "1 Jan 2025"),
    ],
)
def test_a_value_reads_in_its_unit(value, unit, text):
    assert plain(formats.format_value(value, unit)) == text


@pytest.mark.parametrize("value", [None, float("nan"), pd.NaT, pd.NA, "", " nan "])
def test_a_missing_value_is_not_available_and_a_dash_in_a_table(value):
    assert formats.is_missing(value)
    assert formats.format_value(value, "count") == "not available"
    assert formats.format_cell(value, "count") == "–"


@pytest.mark.parametrize("value", [0, 0.0, False, "0", "none"])
def test_nothing_else_is_missing(value):
    assert not formats.is_missing(value)


@pytest.mark.parametrize(
    ("locale", "count", "share", "day"),
    [
        ("en", "1,255.5", "32.5 %", "21 September 2025"),
        ("es", "1.255,5", "32,5 %", "21 de septiembre de 2025"),
        ("es-MX", "1,255.5", "32.5 %", "21 de septiembre de 2025"),
        ("es_MX", "1,255.5", "32.5 %", "21 de septiembre de 2025"),
        ("es_CO", "1.255,5", "32,5 %", "21 de septiembre de 2025"),
    ],
)
def test_numbers_and_dates_follow_the_locale(locale, count, share, day):
    assert formats.format_value(1255.5, "count", locale) == count
    assert plain(formats.format_value(0.325, "share", locale)) == share
    assert plain(formats.format_value("2025-09-21", "date", locale)) == day


def test_the_words_of_a_number_follow_the_locale():
    assert plain(formats.format_value(1, "days", "es")) == "1 día"
    assert plain(formats.format_interval(0.461, 0.505, "share", "es")) == "46,1 a 50,5 %"
    assert formats.format_value(None, "share", "es") == "no disponible"
    assert set(formats.WORDS["es"]) == set(formats.WORDS["en"])


def test_a_language_without_words_keeps_its_numbers_and_the_english_words():
    assert plain(formats.format_value(1.5, "days", "fr")) == "1,5 days"


def test_a_number_does_not_part_from_its_unit():
    assert formats.format_value(0.32, "share") == f"32.0{NBSP}%"
    assert formats.format_value(3, "days") == f"3{NBSP}days"


def test_money_carries_its_currency():
    assert formats.format_value(1234.5, "money", currency="USD") == "US$1,234"
    assert formats.format_value(-3.5, "money", currency="MXN", locale="es-MX") == "−$3.50"
    assert plain(formats.format_value(1255.5, "money", "es", "EUR", decimals=1)) == "1.255,5 €"
    assert plain(formats.format_value(1234, "money", currency="COP")) == "COP 1,234"
    assert formats.format_value(1234.5, "money", decimals=2) == "1,234.50"


def test_decimals_signs_and_bare_numbers_are_options():
    assert plain(formats.format_value(0.325, "share", decimals=0)) == "32 %"
    assert plain(formats.format_value(0.05, "points", signed=True)) == "+5.0 points"
    assert plain(formats.format_value(-0.05, "points", signed=True)) == "−5.0 points"
    assert formats.format_value(0.0, "score", signed=True) == "0.000"
    assert formats.format_cell(30.5, "days", bare=True) == "30.5"


def test_fewer_decimals_do_not_make_a_share_all_or_nothing():
    texts = [plain(formats.format_value(v, "share", decimals=0)) for v in (0.004, 0.9999999, 1)]
    assert texts == ["0.40 %", "over 99.99 %", "100 %"]


def test_an_interval_takes_decimals_and_signs():
    text = formats.format_interval(-0.0123, 0.4567, "score", decimals=2, signed=True)
    assert text == "−0.01 to +0.46"


def test_a_table_shows_short_dates_and_infinity():
    assert formats.format_value(float("inf"), "ratio") == "not available"
    assert plain(formats.format_cell("2025-02-01", "date")) == "1 Feb 2025"
    assert plain(formats.format_cell("2025-09", "month")) == "Sept 2025"
    assert plain(formats.format_cell("2025-09", "month", "es")) == "sept 2025"
    assert formats.format_cell("all months", "month") == "all months"
    assert formats.format_cell(float("inf"), "ratio") == "∞"
    assert formats.format_cell(float("-inf"), "ratio") == "−∞"


@pytest.mark.parametrize(
    ("low", "high", "unit", "text"),
    [
        (0.461, 0.505, "share", "46.1 to 50.5 %"),
        (0.004, 0.505, "share", "0.40 to 50.50 %"),
        (-0.01, 0.02, "points", "−1.0 to 2.0 points"),
        (0.5, 1, "days", "0.5 to 1.0 days"),
        (0.7, 0.75, "score", "0.700 to 0.750"),
        (1.2, 1.5, "ratio", "1.20 to 1.50 times"),
        ("2025-01-01", "2025-01-31", "date", "1 January 2025 to 31 January 2025"),
        ("2025-01", "2025-03", "month", "January 2025 to March 2025"),
        (None, 1, "share", "not available"),
    ],
)
def test_both_ends_of_an_interval_have_as_many_decimals(low, high, unit, text):
    assert plain(formats.format_interval(low, high, unit)) == text


def test_an_interval_of_money_names_the_currency_at_both_ends():
    assert formats.format_interval(50, 1500, "money", currency="USD") == "US$50.00 to US$1,500.00"
    assert formats.format_interval(50, 1500, "money") == "50.00 to 1,500.00"


def test_a_figure_stands_with_its_interval_and_its_n():
    full = formats.format_full
    assert plain(full(0.483, "share", 0.461, 0.505, 687)) == "48.3 % (46.1 to 50.5 %, n = 687)"
    assert plain(full(-0.044, "share", -0.0869, -0.0004)) == "−4.40 % (−8.69 to −0.04 %)"
    assert plain(full(0.483, "share", n=687)) == "48.3 % (n = 687)"
    assert plain(full(0.483, "share", None, 0.5)) == "48.3 %"
    assert full(None, "share", 0.461, 0.505, 687) == "not available"
    assert (
        plain(full(0.483, "share", 0.461, 0.505, 1255, "es")) == "48,3 % (46,1 a 50,5 %, n = 1.255)"
    )


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 users"), (1, "1 user"), (2, "2 users"), (1255, "1,255 users")]
)
def test_a_noun_follows_its_number(number, text):
    assert formats.plural(number, "user", "users") == text


def test_a_list_is_joined_as_the_language_does():
    assert formats.format_list(["a", "b", "c"]) == "a, b and c"
    assert formats.format_list(["a", "b"], "es") == "a y b"
    assert formats.format_list([]) == ""


def test_a_p_value_never_reads_zero():
    texts = [plain(formats.format_p_value(p)) for p in (0.0312, 0.001, 0.00099, 0.0, None)]
    assert texts == ["p = 0.031", "p = 0.001", "p < 0.001", "p < 0.001", "not available"]
    assert plain(formats.format_p_value(0.2, symbol="q")) == "q = 0.200"


def test_a_p_value_of_a_table_never_reads_zero():
    cells = [formats.format_cell(value, "p_value") for value in (0.0, 0.00099, 0.001, 0.5)]
    assert [cell.replace("\N{NO-BREAK SPACE}", " ") for cell in cells] == [
        "under 0.001", "under 0.001", "0.001", "0.500",
    ]  # fmt: skip


def test_rounding_errors_are_shown_by_their_power_of_ten():
    texts = [formats.format_scientific(gap) for gap in (2.2e-16, 0.0, None)]
    assert texts == ["2.2E-16", "0", "not available"]
    assert formats.format_scientific(2.2e-16, "es") == "2,2E-16"


def test_too_few_to_report_is_one_rule_with_one_wording():
    assert [formats.is_too_few(users, 30) for users in (29, 30)] == [True, False]
    assert formats.is_too_few(pd.Series([29, 30]), 30).tolist() == [True, False]
    assert formats.too_few(30) == "fewer than 30 users"


@pytest.mark.parametrize("unit", ["parsec", ""])
def test_an_unknown_unit_is_named(unit):
    with pytest.raises(ReportError, match=f"unknown unit '{unit}'"):
        formats.format_value(1.0, unit)
    with pytest.raises(ReportError, match=f"unknown unit '{unit}'"):
        formats.format_interval(1.0, 2.0, unit)


def test_a_text_is_no_share():
    with pytest.raises(ReportError, match="'many' is not a number, as the unit 'share' needs"):
        formats.format_value("many", "share")


def test_an_unknown_locale_is_named():
    with pytest.raises(ReportError, match="'klingon' is not a locale"):
        formats.format_value(1, "count", "klingon")
