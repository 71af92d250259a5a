"""The site in several languages: nothing of the other one on any page, and no stage runs for it."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Comment

from tests.book.test_built_book import (  # noqa: F401 (fixtures)
    AXE,
    AXE_RULES,
    NOTE,
    RUN_AXE,
    Book,
    build,
    small_book,
    small_tables,
)

WORDS = re.compile(
    r"\b(the|of|and|users?|with|which|whose|churn(?:ed|ers)?|were|not|is|are|for|to|by|from|in|at|this|"
    r"that|days?|share|yes|all|rows?|checks?|figures?|show|search|page|less|more|than|under|"
    r"over|up|per|weeks?|values?|numbers?|before|after|only|most|each|other|no one|nobody|events?)\b",
    re.IGNORECASE,
)
"""Words of English that are none of Spanish."""
SPOKEN = ("aria-label", "title", "alt", "placeholder", "data-filter", "data-label", "content")
NAMES = re.compile(
    r"[\w./-]*[_/][\w./-]*|\b\w+: |\[at - [^)]*\)|0 <= share|[A-Z]{3,}|\w+\.(?:csv|parquet|py|md)|“[^”]*”|\b(?:make|churnbook) \w+|params\.yml|index\.md|e-mail"
)
"""Names of columns, codes, files and commands, which stay as they are."""
GIVEN = ("Other", NOTE)
"""Values of the tables."""


def texts_of(page: Path) -> Iterator[str]:
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    for part in soup(["code", "pre", "script", "style", "kbd"]):
        part.decompose()
    for text in soup.find_all(string=True):
        if not isinstance(text, Comment) and text.find_parent(lang="en") is None:
            yield " ".join(text.split())
    for element in soup.find_all(True):
        if not element.get("property") and element.get("lang") != "en":
            yield from (str(element[name]) for name in SPOKEN if element.get(name))


def english_in(page: Path) -> list[str]:
    return [
        text for text in texts_of(page)
        if text not in GIVEN and WORDS.search(NAMES.sub("", text))
    ]  # fmt: skip


@pytest.fixture(scope="module")
def site(small_book: Book, small_tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Book:  # noqa: F811
    out = tmp_path_factory.mktemp("site") / "out"
    shutil.copytree(small_book.out, out)
    return build(small_tables, out, "--all-languages")


def test_the_second_language_runs_no_stage(site: Book) -> None:
    assert re.search(r"\b0 of \d+ stages ran", site.printed), site.printed


def test_english_is_at_the_top_as_without_the_other(site: Book, small_book: Book) -> None:  # noqa: F811
    def without_switch(page: Path) -> str:
        text = page.read_text(encoding="utf-8")
        return re.sub(r'<nav class="cb-languages.*?</nav>\s*', "", text, flags=re.DOTALL)

    for page in small_book.pages:
        other = site.out / "html" / page.relative_to(small_book.out / "html")
        assert without_switch(other) == without_switch(page), page.name


def test_no_page_holds_words_of_the_other_language(site: Book) -> None:
    pages = sorted((site.out / "html" / "es").rglob("*.html"))
    assert len(pages) > 15
    assert {page.name: english_in(page)[:5] for page in pages if english_in(page)} == {}


def test_search_speaks_spanish(site: Book) -> None:
    script = (site.out / "html" / "es" / "search_texts.js").read_text(encoding="utf-8")
    assert "usuarios" in script
    assert not re.search(r"\b(churned users|the log|of users)\b", script)


def test_every_page_leads_to_its_twin_and_back(site: Book) -> None:
    html = site.out / "html"
    for page in sorted(set((html / "es").rglob("*.html")) - {html / "es" / "404.html"}):
        soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        assert soup.html is not None
        assert soup.html["lang"] == "es"
        (link,) = soup.select(".cb-languages a")
        twin = (page.parent / str(link["href"])).resolve()
        assert twin == html.resolve() / page.relative_to(html / "es")
        back = BeautifulSoup(twin.read_text(encoding="utf-8"), "html.parser")
        (link,) = back.select(".cb-languages a")
        assert (twin.parent / str(link["href"])).resolve() == page.resolve()


def test_the_data_of_a_run_are_the_same_in_every_language(site: Book, small_book: Book) -> None:  # noqa: F811
    manifest = "summary/manifest.json"
    assert (site.data / manifest).read_bytes() == (small_book.data / manifest).read_bytes()
    assert "es" in json.loads((site.data / "summary/told.json").read_text(encoding="utf-8"))


def test_downloads_speak_spanish(site: Book) -> None:
    tables = site.out / "html" / "es" / "artifacts" / "summary"
    for name in ("checks", "actions", "shortcuts"):
        text = (tables / f"{name}.csv").read_text(encoding="utf-8")
        assert not re.search(r"\b(the|of|which|churned)\b", text), name


# --- in a browser -------------------------------------------------------------------------

CHARTS = """() => [...document.querySelectorAll("figure.cb-chart svg")].flatMap((svg) => {
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].map((text) => [text.textContent.trim(),
        text.getBoundingClientRect()]).filter(([said, box]) => said && box.width);
    const out = ([, box]) => box.left < frame.left - 1 || box.right > frame.right + 1
        || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
    const both = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 6;
    const over = texts.filter(([, a], n) => texts.slice(n + 1).some(([, b]) => both(a, b)));
    const chart = svg.closest("figure").dataset.chart;
    return [...texts.filter(out), ...over].map(([said]) => `${chart}: ${said}`);
})"""
"""Texts of charts that are cut by the drawing's edge, or written over another one."""
TICKS = r"""() => [...document.querySelectorAll("figure.cb-chart svg text")]
    .map((text) => text.textContent).filter((text) => /^[-\u2212]?\d+\.\d{1,2}$/.test(text))"""
"""Numbers with a decimal point."""


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1440])
def test_texts_of_charts_are_whole_in_the_longer_language(
    browser: Any, site: Book, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    wrong: dict[str, list[str]] = {}
    for path in sorted((site.out / "html" / "es" / "book" / "chapters").glob("*.html")):
        page.goto(path.as_uri())
        wrong[path.name] = page.evaluate(CHARTS) + page.evaluate(TICKS)
    page.close()
    assert {name: found for name, found in wrong.items() if found} == {}


@pytest.mark.browser
@pytest.mark.parametrize("name", ["index.html", "book/chapters/05_cohorts.html"])
def test_axe_finds_nothing_in_the_other_language(browser: Any, site: Book, name: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto((site.out / "html" / "es" / name).as_uri())
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert page.evaluate(RUN_AXE, AXE_RULES) == []
    page.close()
