"""Templates are filled for a locale; what is missing, unknown or unreadable is said."""

from pathlib import Path

import pytest

from analysis.base.errors import ReportError
from analysis.base.texts import read_texts, render


def plain(template: str, **facts: object) -> str:
    return render(template, facts).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ n }} of {{ whole }}", "1,255 of 2.500"),
        ('{{ n | plural("user", "users") }}', "1,255 users"),
        ('{{ one | plural("user", "users") }} {{ one | form("is", "are") }}', "1 user is"),
        ("{{ part | share }}, {{ part | share(0) }}", "32.5 %, 32 %"),
        ("{{ part | points }}, {{ part | points(0, signed=true) }}", "32.5 points, +32 points"),
        ("{{ whole | number(2) }}", "2.50"),
        ("{{ n | money }}, {{ one | money }}", "1,255, 1.00"),
        ("{{ one | days }}, {{ n | days }}", "1 day, 1,255 days"),
        ("{{ day | date }}", "21 September 2025"),
        ('{{ part | interval(whole, "score", 2) }}', "0.33 to 2.50"),
        ("{{ part | p_value }}", "p = 0.325"),
        ("{{ tiny | scientific }}", "2.0E-16"),
        ("{{ names | listed }}", "a, b and c"),
        ("{{ yes }}, {{ day }}", "yes, 2025-09-21"),
        ("{% if one == 1 %}One.{% else %}Many.{% endif %}", "One."),
        ("Two\n  lines, \t one text. \n", "Two lines, one text."),
        ("a < b & {{ html }}", "a < b & <b>"),
    ],
)
def test_a_template_is_filled_by_the_units_of_its_filters(template, text):
    facts = {
        "n": 1255, "one": 1, "whole": 2.5, "part": 0.325, "tiny": 2e-16, "day": "2025-09-21",
        "names": ["a", "b", "c"], "yes": True, "html": "<b>",
    }  # fmt: skip
    assert plain(template, **facts) == text


@pytest.mark.parametrize("missing", [None, float("nan")])
@pytest.mark.parametrize(
    "braces",
    ["a", "a | share", 'a | plural("user", "users")', 'a | interval(1, "score")', "a | listed"],
)
def test_a_missing_value_is_not_known_in_any_unit(missing, braces):
    assert plain(f"{{{{ {braces} }}}}.", a=missing) == "not known."
    assert render("{{ a | days }}", {"a": missing}, "es") == "no se conoce"


def test_a_missing_value_can_be_asked_for():
    template = "{% if a is none %}Nothing.{% else %}{{ a }}{% endif %}"
    assert plain(template, a=float("nan")) == "Nothing."
    assert plain(template, a="") == ""


@pytest.mark.parametrize(
    ("number", "least", "text"),
    [
        (1, 10, "fewer than 10 of 80 users have"),
        (9, 10, "fewer than 10 of 80 users have"),
        (10, 10, "10 of 80 users have"),
        (1, 1, "1 of 80 users has"),
    ],
)
def test_a_verb_does_not_tell_how_few_people_there_are(number, least, text):
    template = '{{ n | people }} of 80 users {{ n | form("has", "have", people=true) }}'
    assert (
        render(template, {"n": number}, min_disclosed=least).replace("\N{NO-BREAK SPACE}", " ")
        == text
    )


def test_numbers_follow_the_locale():
    text = render('{{ n | plural("usuario", "usuarios") }}', {"n": 1255.5}, "es")
    assert text == "1.255,5 usuarios"


@pytest.mark.parametrize(
    "template", ["So {{ many }}", "So {{ many | share }}", "{% if many == 1 %}{% endif %}"]
)
def test_a_fact_that_is_not_computed_is_named_with_the_sentence(template):
    with pytest.raises(ReportError, match="'many' is undefined. It may use: few, more") as raised:
        render(template, {"few": 1, "more": 2})
    assert repr(template) in str(raised.value)


@pytest.mark.parametrize("template", ["{{ a", "{% if a %}", "{{ a | shrae }}"])
def test_a_template_that_cannot_be_read_is_named(template):
    with pytest.raises(ReportError, match="texts: .* cannot be read"):
        render(template, {"a": 1})


@pytest.mark.parametrize("value", [[], ["a"], {"a": 1}])
def test_a_list_does_not_reach_the_page_as_it_is(value):
    with pytest.raises(ReportError, match="is not a single value. Use the filter `listed`"):
        render("Suspicious: {{ names }}.", {"names": value})


def test_texts_are_read_from_yaml():
    assert read_texts("a:\n  title: One") == {"a": {"title": "One"}}


def test_a_sentence_that_opens_with_few_people_has_a_capital():
    text = '{{ n | plural("account", "accounts") }} stood out. {{ n | people }} of 20 did.'
    assert render(text, {"n": 3}, "en", 10) == (
        "Fewer than 10 accounts stood out. Fewer than 10 of 20 did."
    )
    inside = 'of {{ n | plural("user", "users") }}'
    assert render(inside, {"n": 3}, "en", 10) == "of fewer than 10 users"
    part = '{{ n | plural("user", "users") }}'
    assert render(part, {"n": 3}, "en", 10) == "fewer than 10 users"


@pytest.mark.parametrize(
    ("check", "facts", "said"),
    [
        ("stray_times", {"first": "1995-01-09", "last": "1995-01-09"}, "on 9 January 1995."),
        (
            "stray_times",
            {"first": "1995-01-09", "last": "1995-02-01"},
            "from 9 January 1995 to 1 February 1995.",
        ),
    ],
)
def test_stray_days_are_named_once(check, facts, said):
    template = read_texts(Path("book/checks.yml").read_text(encoding="utf-8"))["report"][check]
    known = {"events": 3, "rows": 100, "value": 0.03, **facts}
    assert plain(template["evidence"], **known).endswith(said)
