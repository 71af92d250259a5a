"""Charts in a browser: the drawing that fits, text that can be read, values by pointer and keys."""

from pathlib import Path
from typing import Any

import pytest

from analysis.base.charts import Chart
from analysis.book.show import show_chart
from tests.base.test_charts import ALL, draw

pytestmark = pytest.mark.browser
ASSETS = Path(__file__).resolve().parents[2] / "book" / "assets"
SIZES = """() => [...document.querySelectorAll("svg text")]
  .filter((text) => text.getClientRects().length)
  .map((text) => {
    const by = text.getScreenCTM();
    return parseFloat(getComputedStyle(text).fontSize) * Math.hypot(by.a, by.b);
  })"""
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


def write_page(charts: list[Chart], scheme: str = "light", script: bool = True) -> str:
    """Return a page with charts, as the book's style sheet and script make it."""
    css = (ASSETS / "churnbook.css").read_text(encoding="utf-8")
    js = (ASSETS / "charts.js").read_text(encoding="utf-8") if script else ""
    shown = "".join(show_chart(chart)._repr_html_() for chart in charts)
    return (
        f'<!doctype html><html lang="en" data-theme="{scheme}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>Charts</title>'
        f"<style>{css} body {{ margin: 0 16px; }}</style>"
        f'<main class="bd-article"><h1>Charts</h1>{shown}</main><script>{js}</script></html>'
    )


def open_page(browser: Any, width: int, **options: Any) -> Any:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.set_content(write_page([draw(name) for name in options.pop("names", ALL)], **options))
    return page


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_text_is_large_enough_and_nothing_is_wider_than_the_page(browser, width):
    page = open_page(browser, width)
    sizes = page.evaluate(SIZES)
    assert min(sizes) >= 11, min(sizes)
    assert not page.evaluate(WIDER)
    page.close()


@pytest.mark.parametrize(("width", "seen"), [(390, "narrow"), (1440, "wide")])
def test_one_drawing_is_shown_and_the_other_is_hidden_from_everyone(browser, width, seen):
    page = open_page(browser, width, names=["draw_lift"])
    shown = {kind: page.locator(f".cb-{kind} svg").is_visible() for kind in ("wide", "narrow")}
    assert shown == {kind: kind == seen for kind in ("wide", "narrow")}
    assert page.get_by_role("group", name=draw("draw_lift").label).count() == 1
    page.close()


def test_colours_follow_the_page(browser):
    look = "e => [getComputedStyle(e).fill, getComputedStyle(e.closest('svg')).backgroundColor]"
    seen = []
    for scheme in ("light", "dark"):
        page = open_page(browser, 1440, names=["draw_lift"], scheme=scheme)
        seen.append(page.locator(".cb-wide svg text").first.evaluate(look))
        page.close()
    assert seen[0][0] != seen[1][0]
    assert seen[0][1] == seen[1][1] == "rgba(0, 0, 0, 0)"


def test_values_are_said_on_hover_on_tap_and_by_keys(browser):
    page = open_page(browser, 1440, names=["draw_lift"])
    tip = page.locator(".cb-tip")
    assert not tip.is_visible()
    marks = page.locator(".cb-wide .cb-marks circle")
    box = marks.nth(0).bounding_box()
    page.mouse.move(box["x"] + 9, box["y"] + 9)
    assert "Tenth 1: 2.00 times" in tip.inner_text().replace("\xa0", " ")
    page.mouse.move(2, 2)
    assert not tip.is_visible()
    page.keyboard.press("Tab")
    assert "Tenth 1" in tip.inner_text()
    page.keyboard.press("ArrowRight")
    assert "Tenth 2" in tip.inner_text()
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Tenth 2")
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.close()


def test_without_the_script_each_mark_has_its_title(browser):
    page = open_page(browser, 1440, names=["draw_lift"], script=False)
    titles = page.locator(".cb-wide .cb-marks title").all_text_contents()
    assert [title.split(":")[0] for title in titles] == ["Tenth 1", "Tenth 2"]
    assert page.get_by_role("img").count() == 1
    page.close()
