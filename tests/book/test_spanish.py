"""The Spanish catalogues: whole where they are claimed to be, and filled by the same facts."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from jinja2 import meta

from analysis.base import language, texts
from analysis.book.retell import retell, say_text
from analysis.contract.captions import all_captions
from analysis.run import messages
from tests.handmade import ROOT

LOCALE = ROOT / "book" / "locale"
SPANISH = LOCALE / "es" / "LC_MESSAGES"
WHOLE = (
    "templates/", "theme/", "others", "render.py", "results.py", "metrics.py", "trend.py",
    "cancelled.py", "show.py", "figures.py", "names.py", "reference.py", "_config.yml", "_toc.yml",
    "checks.yml:report", "checks.yml:effect", "cohorts.yml:label", "cohorts.yml:values",
    "segments.yml:label", "segments.yml:values", "summary.yml:label", "summary.yml:values",
)  # fmt: skip
"""Where every message is translated."""
PAGES = ("index.md", *(f"{n:02}_" for n in range(1, 11)))
"""Pages of which every text is translated, by the beginning of their files' names."""
NOT_SPANISH = re.compile(r"\b(the|of|and|users?|with|which|whose|churned|were|not)\b")
FIELD = re.compile(r"(?<!\{)\{(\w+)\}")


@pytest.fixture(scope="module")
def translated() -> dict[str, str]:
    return messages.read(SPANISH / "churnbook.po")


def test_every_message_of_what_is_claimed_is_translated(translated: dict[str, str]) -> None:
    wanted = messages.collect(ROOT)
    assert [
        t for t, place in wanted.items() if place.startswith(WHOLE) and t not in translated
    ] == []


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


def test_every_text_of_the_translated_pages_is_there_with_its_figures_and_links() -> None:
    with (SPANISH / "pages.po").open("rb") as file:
        pages = read_po(file)
    of_pages = [
        m for m in pages
        if m.id and any(Path(path).name.startswith(PAGES) for path, _ in m.locations)
    ]  # fmt: skip
    assert len(of_pages) > 200
    assert [m.id for m in of_pages if not m.string] == []
    for pattern in (r"\]\(([^)]*)\)", r"\{kpi\}`(\w+)"):
        found = [
            (set(re.findall(pattern, str(part))) for part in (m.id, m.string)) for m in of_pages
        ]
        assert [m.id for m, (a, b) in zip(of_pages, found, strict=True) if a != b] == []


@pytest.mark.parametrize(
    ("locale", "number"), [("es-MX", "1,255.5"), ("es-CO", "1.255,5"), ("en", "1,255.5")]
)
def test_a_number_of_a_stored_table_is_written_as_in_the_region(locale: str, number: str) -> None:
    with language.speaking(locale, LOCALE):
        assert say_text("1,255.5") == number


def test_a_stored_table_is_retold_with_its_style_and_addresses_as_they_are() -> None:
    html = '<style>a > b {c: 1.5}</style><th id="Day">Day</th><td>46.1 to 50.5\xa0%</td><td>✕ fails</td>'
    with language.speaking("es", LOCALE):
        assert retell(html) == (
            '<style>a > b {c: 1.5}</style><th id="Day">Día</th><td>46,1 a 50,5\xa0%</td>'
            "<td>✕ falla</td>"
        )


def test_a_stored_chart_has_its_topic_for_a_title() -> None:
    html = (
        '<figure class="cb-chart" data-chart="lift">\n'
        '<figcaption><p class="cb-chart-title">The top tenth churns twice as often</p>'
    )
    name = next(n for n, entry in all_captions().items() if entry["topic"].startswith("Churn by t"))
    with language.speaking("es", LOCALE):
        assert "Abandono por décimo de la lista</p>" in retell(html.replace("lift", name))
