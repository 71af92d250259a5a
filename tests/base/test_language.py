"""The language that texts are rendered in: messages, plural forms, numbers, and its fallbacks."""

from pathlib import Path

import pytest

from analysis.base import formats, language, texts

PO = """msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\\n"

msgid "{{ n | plural(\\"user\\", \\"users\\") }} left"
msgstr "{{ n | plural(\\"usuario\\", \\"usuarios\\") }} menos"

msgid "Evidence"
msgstr "Evidencia"

#, fuzzy
msgid "Remedy"
msgstr "Remedio"
"""


@pytest.fixture
def catalogues(tmp_path: Path) -> Path:
    path = tmp_path / "es" / "LC_MESSAGES" / "churnbook.po"
    path.parent.mkdir(parents=True)
    path.write_text(PO, encoding="utf-8")
    return tmp_path


def test_english_is_spoken_unless_another_language_is_chosen() -> None:
    assert (language.current(), language.say("Evidence")) == ("en", "Evidence")
    assert formats.format_value(1255.5, "days") == "1,255.5\xa0days"


def test_a_message_is_said_in_the_language_of_the_locale(catalogues: Path) -> None:
    with language.speaking("es-MX", catalogues):
        assert language.say("Evidence") == "Evidencia"
    assert language.say("Evidence") == "Evidence"


def test_what_has_no_translation_or_a_doubtful_one_stays_english(catalogues: Path) -> None:
    with language.speaking("es", catalogues):
        assert [language.say(text) for text in ("Unheard of", "Remedy")] == ["Unheard of", "Remedy"]


def test_a_locale_without_a_catalogue_speaks_english_with_its_own_numbers(tmp_path: Path) -> None:
    with language.speaking("es", tmp_path):
        assert language.say("Evidence") == "Evidence"
        assert formats.format_value(1255.5, "days") == "1.255,5\xa0días"


@pytest.mark.parametrize(("n", "said"), [(1, "1 usuario menos"), (2, "2 usuarios menos")])
def test_a_template_on_several_lines_takes_the_plural_of_its_language(
    catalogues: Path, n: int, said: str
) -> None:
    template = '{{ n | plural("user",\n "users") }} left'.replace(",\n", ",")
    with language.speaking("es", catalogues):
        assert texts.render(f"  {template}\n", {"n": n}) == said


def test_few_people_are_withheld_in_spanish_too(catalogues: Path) -> None:
    template = '{{ n | plural("user", "users") }} left'
    with language.speaking("es", catalogues):
        assert texts.render(template, {"n": 3}, min_disclosed=10) == "menos de 10 usuarios menos"


@pytest.mark.parametrize(
    ("locale", "written"), [("es-MX", "1,255.5"), ("es-CO", "1.255,5"), ("es_CO", "1.255,5")]
)
def test_numbers_are_written_as_in_the_region(catalogues: Path, locale: str, written: str) -> None:
    with language.speaking(locale, catalogues):
        assert formats.format_value(1255.5, "days") == f"{written}\xa0días"
        assert formats.format_interval(0.461, 0.505, "share") in (
            "46.1 a 50.5\xa0%", "46,1 a 50,5\xa0%",
        )  # fmt: skip
