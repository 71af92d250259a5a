"""The Spanish catalogues: whole where they are claimed to be, and filled by the same facts."""

import re
from pathlib import Path

import pandas as pd
import pytest
from babel.messages.pofile import read_po
from jinja2 import meta

from analysis.base import language, texts
from analysis.book.retell import retell
from analysis.book.show import show_chart
from analysis.book.told import in_region, keep_told
from analysis.cohorts.trend_charts import draw_churn
from analysis.run import messages
from analysis.run.site import write_numbers
from tests.handmade import ROOT

LOCALE = ROOT / "book" / "locale"
SPANISH = LOCALE / "es" / "LC_MESSAGES"
NOT_SPANISH = re.compile(r"\b(the|of|and|users?|with|which|whose|churned|were|not)\b")
FIELD = re.compile(r"(?<!\{)\{(\w+)\}")


@pytest.fixture(scope="module")
def translated() -> dict[str, str]:
    return messages.read(SPANISH / "churnbook.po")


def test_every_message_is_translated(translated: dict[str, str]) -> None:
    assert [text for text in messages.collect(ROOT) if text not in translated] == []


def test_the_catalogue_has_no_message_that_nothing_says(translated: dict[str, str]) -> None:
    assert set(translated) <= set(messages.collect(ROOT))


def test_translations_are_filled_by_the_same_facts(translated: dict[str, str]) -> None:
    environment = texts.environment("es")

    def facts(text: str) -> set[str]:
        if "{{" in text or "{%" in text:
            return meta.find_undeclared_variables(environment.parse(text))
        return set(FIELD.findall(text))

    assert [text for text, said in translated.items() if facts(text) != facts(said)] == []


def test_no_translation_holds_english_words(translated: dict[str, str]) -> None:
    shown = {text: re.sub(r"\{[{%].*?[%}]\}|\{\w+\}", "", said)
             for text, said in translated.items()}  # fmt: skip
    assert [said for said in shown.values() if NOT_SPANISH.search(said)] == []


def test_every_text_of_the_pages_is_translated_with_its_figures_and_links() -> None:
    with (SPANISH / "pages.po").open("rb") as file:
        of_pages = [message for message in read_po(file) if message.id]
    assert len(of_pages) > 500
    assert [m.id for m in of_pages if not m.string] == []
    places = {Path(place) for message in of_pages for place, _ in message.locations}
    assert [place for place in places if place.is_absolute() or ".." in place.parts] == []
    for pattern in (r"\]\(([^)]*)\)", r"\{kpi\}`(\w+)"):
        found = [
            (set(re.findall(pattern, str(part))) for part in (m.id, m.string)) for m in of_pages
        ]
        assert [m.id for m, (a, b) in zip(of_pages, found, strict=True) if a != b] == []


@pytest.mark.parametrize(
    ("locale", "number"),
    [
        ("es-MX", "1,255.5 a 10 %, 3.14"),
        ("es-CO", "1.255,5 a 10 %, 3,14"),
        ("es", "1.255,5 a 10 %, 3,14"),
    ],
)
def test_a_stored_number_is_written_as_in_the_region(locale: str, number: str) -> None:
    with language.speaking(locale, LOCALE):
        assert in_region("1.255,5 a 10 %, 3,14") == number


def test_numbers_within_messages_are_written_as_in_the_region(tmp_path: Path) -> None:
    path = tmp_path / "pages.po"
    path.write_text('msgid "0,5"\nmsgstr "0,5 de 1.000; holdout_share en 0.1"\n', encoding="utf-8")
    with language.speaking("es-MX", LOCALE):
        write_numbers(tmp_path)
    said = 'msgid "0,5"\nmsgstr "0.5 de 1,000; holdout_share en 0.1"\n'
    assert path.read_text(encoding="utf-8") == said


def test_what_a_notebook_shows_is_taken_in_the_language_of_the_page() -> None:
    spanish = '<style>a > b {c: 1.5}</style><th id="Day">Día</th><td>46,1</td><td>Keep</td>'
    html = "<td>46.1</td>" + keep_told({"es": spanish})
    assert retell(html, {}) == "<td>46.1</td>"
    with language.speaking("es-MX", LOCALE):
        assert retell(html, {"Keep": "Guardar"}) == (
            '<style>a > b {c: 1.5}</style><th id="Day">Día</th><td>46.1</td><td>Guardar</td>'
        )


def test_a_chart_is_told_in_every_language_of_the_catalogues(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame = pd.DataFrame({"snapshot_at": ["2025-09-01", "2025-10-01"], "active_users": [1255, 1300],
                          "churn_rate": [0.483, 0.5], "ci_low": [0.46, 0.47],
                          "ci_high": [0.51, 0.52], "is_complete": [True, True]})  # fmt: skip
    assert "<template" not in show_chart(draw_churn(frame))._repr_html_()
    monkeypatch.setenv(language.CATALOGUES, str(LOCALE))
    html = show_chart(draw_churn(frame))._repr_html_()
    assert "Churn at the last snapshot" in retell(html, {})
    with language.speaking("es", LOCALE):
        told = retell(html, {})
    assert "El abandono en la última fecha de corte" in told
    assert "1.255" in told
    assert not NOT_SPANISH.search(re.sub(r"<[^>]*>", " ", told))


@pytest.mark.parametrize(
    ("english", "spanish"),
    [
        ("fewer than 100 users are scored", "se puntúan menos de 100 usuarios"),
        ("Users still active after 45 days", "Usuarios aún activos tras 45 días"),
        ("age is negative or above 120", "la edad es negativa o superior a 120"),
        (
            "age is not a number, or one that cannot be (taken as missing)",
            "age no es un número, o es uno imposible (se toma por ausente)",
        ),
        (
            "All 12 users at risk when the model is tested stayed, so there is nothing to measure. "
            "Lower horizon_days in params.yml, or give a longer log.",
            "Los 12 usuarios en riesgo cuando se prueba el modelo se quedaron todos, así que no hay "
            "nada que medir. Bajar horizon_days en params.yml, o usar un registro más largo.",
        ),
        (
            "the log has 12 silences of 30 days, 30 are needed",
            "el registro tiene 12 periodos de inactividad de 30 días, hacen falta 30",
        ),
        ('" (doubled inside quotes)', '" (duplicadas dentro de comillas)'),
        ("a sentence that nobody wrote", "a sentence that nobody wrote"),
    ],
)
def test_a_sentence_that_a_module_filled_is_said(english: str, spanish: str) -> None:
    with language.speaking("es", LOCALE):
        assert language.say(english) == spanish


def test_rules_and_groups_in_a_sentence_are_said() -> None:
    template = "{{ rule }}; {{ names | listed }}; {{ band }}"
    facts = {"rule": "event_type is missing", "names": ["country"], "band": "os_version 2 to 6"}
    with language.speaking("es", LOCALE):
        said = texts.render(template, facts)
    assert said == "falta event_type; país; os_version 2 a 6"
    assert "2 to 6" in texts.render(template, facts)
