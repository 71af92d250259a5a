"""Whole books, built by the command as a user would: what they hold, and how they open."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote, urlsplit

import axe_playwright_python
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from coverage import Coverage

import simulation
from analysis.base.formats import format_value
from analysis.base.texts import read_texts
from analysis.book import paper
from analysis.book.artifacts import Artifacts, Metric
from analysis.book.forms import FORMS
from analysis.book.search import TEXTS
from analysis.contract.params import load_params
from analysis.contract.stages import ABOUT_RUN, MANIFEST, STAGES
from analysis.run import pdf
from analysis.run import site as run_site
from analysis.run.folders import run_under

PROJECT = Path(__file__).resolve().parents[2]
NOTE = "Made-up tables"
QUICK = ("-p", "bootstrap_draws=100", "-p", "null_draws=20", "-p", "max_clusters=4",
         "-p", f"data_note={NOTE}")  # fmt: skip
DECLARED = {path for stage in STAGES for path in stage.writes.values()}
COLUMNS = {
    "scores/predictions.csv": "user_id proba_churn pred_churn threshold_used model_file "
    "scored_at_utc churn_percentile risk_segment",
    "cohorts/retention_cohorts.csv": "cohort_month event_month active_users cohort_size "
    "retention_rate is_observed ci_low ci_high",
    "cohorts/retention_days.csv": "definition day eligible_users retained_users retention_rate "
    "ci_low ci_high",
    "cohorts/survival.csv": "group day at_risk survival ci_low ci_high",
    "model/evaluation.csv": "model split metric value ci_low ci_high",
    "model/calibration.csv": "bin users mean_predicted observed_rate ci_low ci_high",
    "model/lift.csv": "decile users mean_predicted observed_rate lift ci_low ci_high",
    "segments/cluster_selection.csv": "k inertia silhouette stability null_permuted_p95 "
    "null_gaussian_p95",
    "summary/checks.csv": "check status evidence consequence remedy",
    "summary/actions.csv": "key action audience size held trigger expected_effect gain_low gain_high cost grade",
}
OF_THE_CASE = ("Peru", "20 credits", "Idilio", "holds", "refuted", "confirmed", "published case")
"""What is said of the published case alone."""
SHOWN = (
    "churn_rate",
    "expected_churners",
    "retention_d30",
    "survival_90",
    "test_auc",
    "flagged_users",
    "horizon_days",
    "users_scored",
    "log_start",
    "log_end",
)


@dataclass(frozen=True)
class Book:
    """A finished `churnbook build --out`."""

    out: Path
    printed: str

    @property
    def data(self) -> Path:
        return self.out / "data"

    @property
    def pages(self) -> list[Path]:
        html = self.out / "html"
        return sorted(p for p in html.rglob("*.html") if "_static" not in p.parts)

    def metrics(self) -> dict[str, dict[str, Any]]:
        metrics: dict[str, dict[str, Any]] = json.loads(
            (self.data / "summary" / "metrics.json").read_text(encoding="utf-8")
        )
        return metrics


def build(folder: Path, out: Path, *options: str) -> Book:
    """Return the book of `folder`'s users.csv and events file, built in a process of its own."""
    (events,) = folder.glob("events.*")
    command = [str(Path(sys.executable).with_name("churnbook")), "build", *QUICK, *options]
    tables = ["--users", str(folder / "users.csv"), "--events", str(events), "--out", str(out)]
    done = subprocess.run(
        [*command, *tables], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return Book(out, done.stdout)


@pytest.fixture(scope="session")
def small_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small-tables")
    simulation.write(simulation.simulate(users=400, events_per_user=30, seed=7), folder)
    return folder


@pytest.fixture(scope="session")
def small_book(small_tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Book:
    return build(small_tables, tmp_path_factory.mktemp("small-book"))


@pytest.fixture(scope="session")
def bare_book(small_tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Book:
    """Return the book of tables with the required columns alone: other people's, other files."""
    folder = tmp_path_factory.mktemp("bare-tables")
    users = pd.read_csv(small_tables / "users.csv")[["user_id", "signup_date"]]
    users.to_csv(folder / "users.csv", index=False, sep=";", encoding="utf-8-sig")
    events = pd.read_parquet(small_tables / "events.parquet")
    events[["user_id", "event_type", "event_timestamp"]].to_csv(folder / "events.csv", index=False)
    return build(folder, tmp_path_factory.mktemp("bare-book"))


def plain(page: Path) -> str:
    """Return what a reader sees on `page`, every run of spaces as one."""
    main = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").find("main")
    assert main is not None, page
    return " ".join(main.get_text(" ").replace("\N{NO-BREAK SPACE}", " ").split())


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files_of(data: Path) -> set[str]:
    paths = (path.relative_to(data) for path in data.rglob("*") if path.is_file())
    return {path.as_posix() for path in paths if path.parts[0] != ".state"}


@pytest.mark.book
def test_every_page_is_there_and_says_where_to_start(small_book):
    html = small_book.out / "html"
    assert "Open " in small_book.printed
    assert (html / "index.html").is_file()
    for stage in STAGES:
        assert (html / "book" / "chapters" / f"{stage.name}.html").is_file()
    for page in ("how_to_read", "definitions", "data_contract", "provenance"):
        assert (html / "book" / f"{page}.html").is_file()


@pytest.mark.book
def test_the_summary_shows_the_metrics(small_book):
    text, metrics = plain(small_book.out / "html" / "index.html"), small_book.metrics()
    for key in SHOWN:
        shown = format_value(metrics[key]["value"], metrics[key]["unit"])
        assert shown.replace("\N{NO-BREAK SPACE}", " ") in text, key


@pytest.mark.book
@pytest.mark.parametrize(
    ("page", "keys"),
    [
        ("03_audit", ["rules_kept", "rules_checked"]),
        ("04_features", ["reactivation_rate"]),
        ("10_summary", ["users_total", "events_total", "test_auc", "threshold", "survival_30"]),
    ],
)
def test_chapters_show_the_metrics(small_book, page, keys):
    text = plain(small_book.out / "html" / "book" / "chapters" / f"{page}.html")
    for key in keys:
        entry = small_book.metrics()[key]
        shown = format_value(entry["value"], entry["unit"]).replace("\N{NO-BREAK SPACE}", " ")
        assert shown in text, key


@pytest.mark.book
def test_no_role_directive_or_missing_figure_is_left_in_a_page(small_book, bare_book):
    for page in [*small_book.pages, *bare_book.pages]:
        text = page.read_text(encoding="utf-8")
        assert "{kpi}" not in text, page
        assert not re.search(
            r"\{(when|claim|case|findings|tiles|checks-panel|artifact-table)\}", text
        ), page
        assert "Traceback (most recent call last)" not in text, page


def article(page: Path) -> str:
    """Return the words of a page that an author wrote or a result filled in."""
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    return " ".join(" ".join(node.get_text(" ").split()) for node in soup.find_all("article"))


@pytest.mark.book
def test_sphinx_alone_builds_the_same_pages(small_book, tmp_path):
    """The way out of Jupyter Book 1. `make coverage` counts what it runs."""
    site, html = tmp_path / "source", small_book.out / "html"
    params = load_params(PROJECT / "params.yml")
    run_site._copy_site(run_under(PROJECT, small_book.out, params), site, "en")
    options = ["-W", "--keep-going", "-q", "-c", str(site / "book" / "sphinx")]
    counted = ["-m", "coverage", "run", "-p"] if Coverage.current() else []
    done = subprocess.run(
        [sys.executable, *counted, "-m", "sphinx", *options, str(site), str(tmp_path / "html")],
        env=os.environ | {"CHURNBOOK_STAGES": "done", "PYTHONHASHSEED": "0"},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    for page in small_book.pages:
        assert article(tmp_path / "html" / page.relative_to(html)) == article(page), page


OUTSIDE = re.compile(r"^\s*(?:https?:)?//", re.IGNORECASE)
LOADED = {"link": "href", "script": "src", "img": "src", "source": "src", "iframe": "src"}
CSS_URL = re.compile(r"""(?:url\(|@import)\s*['"]?\s*(?:https?:)?//""", re.IGNORECASE)


def outside_addresses(page: Path) -> Iterator[str]:
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    for tag in soup.find_all(True):
        address = tag.get(LOADED.get(tag.name, "href" if tag.name == "a" else "style"), "")
        if OUTSIDE.match(str(address)) or CSS_URL.search(str(address)):
            yield f"{page.name}: {tag.name} {address}"
    for style in soup.find_all("style"):
        yield from (f"{page.name}: {found}" for found in CSS_URL.findall(style.get_text()))


@pytest.mark.book
def test_no_page_leads_or_asks_outside(small_book):
    assert not [found for page in small_book.pages for found in outside_addresses(page)]
    styles = list((small_book.out / "html").rglob("*.css"))
    assert styles
    for path in styles:
        assert not CSS_URL.search(path.read_text(encoding="utf-8")), path


@pytest.mark.book
def test_every_download_is_there_and_every_table_of_a_chapter_has_one(small_book):
    chapters = [page for page in small_book.pages if page.parent.name == "chapters"]
    for page in chapters:
        soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        for link in soup.find_all("a", download=True):
            assert (page.parent / link["href"]).resolve().is_file(), (page.name, link["href"])
        for table in soup.find_all("table", class_="gt_table"):
            names_users = "User" in [head.get_text() for head in table.find_all("th")]
            assert names_users or table.find("a", download=True), (page.name, table.get_text())


@pytest.mark.book
def test_the_artifacts_are_those_declared(small_book, bare_book):
    for book in (small_book, bare_book):
        assert files_of(book.data) == DECLARED | set(ABOUT_RUN)


@pytest.mark.book
@pytest.mark.parametrize("artifact", sorted(COLUMNS))
def test_tables_have_the_columns_others_read(small_book, artifact):
    columns = pd.read_csv(small_book.data / artifact, nrows=1).columns
    assert set(COLUMNS[artifact].split()) <= set(columns)


@pytest.mark.book
def test_the_manifest_says_what_the_run_was_made_of(small_book, small_tables):
    manifest = json.loads((small_book.data / MANIFEST).read_text(encoding="utf-8"))
    checksums = {name: entry["sha256"] for name, entry in manifest["artifacts"].items()}
    assert checksums == {name: digest(small_book.data / name) for name in DECLARED}
    inputs = {entry["file"]: entry["sha256"] for entry in manifest["inputs"]}
    assert inputs == {name: digest(small_tables / name) for name in ("users.csv", "events.parquet")}
    assert manifest["parameters"]["bootstrap_draws"]["value"] == 100
    assert str(small_tables.parent) not in json.dumps(manifest), "a path of this machine"


@pytest.mark.book
def test_the_same_tables_give_the_same_bytes(small_book, small_tables, tmp_path):
    again = build(small_tables, tmp_path / "again", "--stages-only")
    differ = [
        name
        for name in sorted(DECLARED | set(ABOUT_RUN))
        if digest(again.data / name) != digest(small_book.data / name)
    ]
    assert not differ


@pytest.mark.book
def test_nothing_changed_means_nothing_runs(small_book, small_tables):
    printed = build(small_tables, small_book.out, "--stages-only").printed
    assert f"0 of {len(STAGES)} stages ran" in printed


@pytest.mark.book
def test_pages_that_are_not_built_again_are_those_of_a_whole_build(small_book, small_tables):
    before = {page: digest(page) for page in small_book.pages}
    printed = build(small_tables, small_book.out).printed
    assert printed.startswith("Nothing has changed")
    (small_book.data / ".state" / "site.json").unlink()
    assert "Nothing has changed" not in build(small_tables, small_book.out).printed
    assert {page: digest(page) for page in small_book.pages} == before


@pytest.mark.book
def test_required_columns_are_enough_and_absence_is_said(bare_book):
    html = bare_book.out / "html" / "book" / "chapters"
    assert (bare_book.out / "html" / "index.html").is_file()
    checks = pd.read_csv(bare_book.data / "summary" / "checks.csv").set_index("check")
    for check in ("lateness", "clock_order", "native_agrees", "native_label", "impossible_values"):
        assert checks.loc[check, "status"] == "not_applicable"
        assert checks.loc[check, "evidence"]
    given = pd.read_csv(bare_book.data / "audit" / "events_columns.csv").set_index("column")
    assert given.loc["event_uuid", "is_present"] == "no"
    assert "no repeats can be removed" in plain(html / "02_clean_events.html")
    assert bare_book.metrics()["duplicate_events"]["value"] is None


@pytest.mark.book
def test_other_peoples_tables_are_not_held_against_the_published_case(bare_book):
    texts = read_texts((PROJECT / "book" / "checks.yml").read_text(encoding="utf-8"))
    sentences = [entry["sentence"] for entry in texts["published"].values()]
    html = bare_book.out / "html"
    for page in ("index.html", "book/chapters/09_published.html"):
        text = plain(html / page)
        said = [words for words in (*sentences, *OF_THE_CASE) if words in text]
        assert not said, page
    assert "differs here" in text
    shortcuts = pd.read_csv(bare_book.data / "summary" / "shortcuts.csv").set_index("shortcut")
    assert shortcuts.loc["native_label", "reason"].endswith("the users table has no churned_30d.")
    assert pd.read_csv(bare_book.data / "summary" / "claims.csv").empty


# --- in a browser -------------------------------------------------------------------------

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
AXE_ON = [(390, "light"), (1440, "dark")]
"""Screens on which axe reads every page: both widths and both schemes, at half the time of all."""
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN_AXE = """async (rules) => {
    document.querySelectorAll("details").forEach((fold) => (fold.open = true));
    await new Promise((drawn) => setTimeout(drawn, 100));
    const { violations } = await axe.run({
        preload: false, resultTypes: ["violations"], runOnly: rules,
        rules: { "label-content-name-mismatch": { enabled: true } },  // off in 4.12, on in 4.14
    });
    return violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.html.slice(0, 200)}`));
}"""
HEAVIEST = 600_000
"""Bytes that a page loads, without the texts of the search."""
LOCAL = ("file:", "data:", "blob:", "about:")
WIDER = "() => document.documentElement.scrollWidth - window.innerWidth"
TABLES_ON = """[...document.querySelectorAll(".cell_output .text_html")]
    .map(box => getComputedStyle(box).backgroundColor)
    .filter(colour => colour !== "rgba(0, 0, 0, 0)")"""
"""The colours behind tables of chapters: none, so that they are legible in the dark as well."""
UNNAMED = "() => [...document.images].filter(i => !i.alt.trim()).map(i => i.outerHTML.slice(0, 99))"


def size_of(url: str) -> int:
    """Return the bytes of a file that a page loads; the texts of the search do not count."""
    path = Path(urlsplit(url).path)
    return path.stat().st_size if url.startswith("file:") and path.name != TEXTS else 0


def visit(browser: Any, book: Book, width: int, scheme: str) -> list[str]:
    """Return all that is wrong with the pages of `book` on a screen of this width."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    wrong: list[str] = []
    requests: list[str] = []
    page.on("console", lambda m: wrong.append(f"console: {m.text}") if m.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("request", lambda request: requests.append(request.url))
    reports = []
    for path in book.pages:
        page.goto(path.as_uri(), wait_until="load")
        wrong += [f"asked {url}" for url in requests if not url.startswith(LOCAL)]
        if (beyond := page.evaluate(WIDER)) > 0:
            wrong.append(f"{beyond} px wider than the screen")
        wrong += [f"no alternative text: {image}" for image in page.evaluate(UNNAMED)]
        wrong += [f"a table on {colour}" for colour in page.evaluate(TABLES_ON)]
        if (width, scheme) in AXE_ON:
            page.evaluate(AXE.read_text(encoding="utf-8"))
            wrong += page.evaluate(RUN_AXE, AXE_RULES)
            loaded = sum(size_of(url) for url in {path.as_uri(), *requests})
            wrong += [f"loads {loaded} bytes"] if loaded > HEAVIEST else []
        reports += [f"{path.name} at {width} {scheme}: {text}" for text in wrong]
        wrong.clear()
        requests.clear()
    page.close()
    return reports


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_opens_whole_and_asks_no_one(browser, small_book, width, scheme):
    assert not visit(browser, small_book, width, scheme)


@pytest.mark.browser
def test_pages_of_bare_tables_open_as_well(browser, bare_book):
    assert not visit(browser, bare_book, 390, "dark")  # without axe, as in AXE_ON


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    opened = browser.new_page(viewport={"width": 390, "height": 844})
    opened.set_default_timeout(20_000)
    yield opened
    opened.close()


def test_every_page_says_where_the_data_come_from(small_book):
    for page in small_book.pages:
        parsed = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        ribbons = [ribbon.get_text() for ribbon in parsed.select(".cb-ribbon")]
        assert ribbons == ([] if page.name == "404.html" else [NOTE]), page


@pytest.mark.browser
def test_the_first_screen_fits_a_phone(page, small_book):
    page.goto((small_book.out / "html/index.html").as_uri())
    parts = [".cb-ribbon", "h1", ".cb-claim-lead", ".cb-first-chart svg", ".cb-tiles", ".cb-lines"]
    for part in parts:
        box = page.locator(part).locator("visible=true").first.bounding_box()
        assert box is not None, part
        assert box["y"] >= 0, part
        assert box["y"] + box["height"] <= 844, part
        assert box["x"] + box["width"] <= 390, part


@pytest.mark.browser
def test_the_first_screen_stands_in_two_columns_on_a_desktop(page, small_book):
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto((small_book.out / "html/index.html").as_uri())
    parts = [".cb-ribbon", "h1", ".cb-claim-lead", ".cb-first-chart svg", ".cb-tiles", ".cb-lines"]
    boxes = {p: page.locator(p).locator("visible=true").first.bounding_box() for p in parts}
    for part, box in boxes.items():
        assert box["y"] + box["height"] <= 900, part
    chart, tiles, lines = (boxes[part] for part in parts[3:])
    for box in (tiles, lines):
        assert box["x"] >= chart["x"] + chart["width"]
    assert chart["width"] >= 11 / 12.5 * 720, "text of at least 11 px"


@pytest.mark.book
def test_the_figures_of_openings_are_those_of_the_summary(small_book):
    artifacts = Artifacts(small_book.data, PROJECT / "book")
    metrics = artifacts.metrics(artifacts.entries())
    ways = [form for form in FORMS if form != "label"]
    figures = {FORMS[form](metric) for metric in metrics for form in ways if may_say(metric, form)}
    pages = [*(small_book.out / "html/book/chapters").glob("*.html")]
    assert len(pages) == len(STAGES)
    for path in pages:
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        (opening,) = soup.select(".cb-opening")
        assert 1 <= len(opening.find_all("p", recursive=False)) <= 3, path
        for figure in opening.select(".kpi"):
            said = figure.find(string=True).strip()
            assert said in figures or figure.s.get_text() in figures, (path.name, said)


def may_say(metric: Metric, form: str) -> bool:
    """Say whether a metric has this form: a share in tenths, a date's month."""
    if metric.value is None:
        return form == ""
    is_of = {"tenths": metric.unit == "share", "month": metric.unit == "date"}
    has_parts = form not in ("interval", "full") or metric.ci_low is not None
    is_text = metric.unit in ("text", "date")
    return is_of.get(form, form in ("", "n") or not is_text) and (has_parts or form == "full")


@pytest.mark.browser
def test_the_keyboard_is_in_the_content_within_three_stops(page, small_book):
    page.goto((small_book.out / "html/index.html").as_uri())
    for key in ("Tab", "Enter", "Tab"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.matches('article a[href], article [tabindex]')")


@pytest.mark.browser
@pytest.mark.parametrize("asked", ["{figure}", "{plain}"])
def test_figures_are_found_however_they_are_written(page, small_book, asked):
    figure = format_value(small_book.metrics()["users_total"]["value"], "count")
    rate = format_value(small_book.metrics()["churn_rate"]["value"], "share")
    share = rate if asked == "{figure}" else rate.replace("\N{NO-BREAK SPACE}", "")
    query = quote(f"{figure if asked == '{figure}' else figure.replace(',', '')}")
    for words, shown in ((query, figure), (quote(share), rate.split("\N{NO-BREAK SPACE}")[0])):
        page.goto((small_book.out / "html/search.html").as_uri() + f"?q={words}")
        found = page.locator("#cb-search-results li").first
        assert shown in found.locator("mark").all_inner_texts()
        page.goto(
            (small_book.out / "html").as_uri() + "/" + found.locator("a").get_attribute("href")
        )
        assert shown in page.locator("article").inner_text()


@pytest.mark.browser
def test_a_search_that_finds_nothing_says_so(page, small_book):
    page.goto((small_book.out / "html/search.html").as_uri() + "?q=zzzz")
    assert page.locator("#cb-search-status").inner_text() == "No section has all of these words."


OPEN_ALL = "document.querySelectorAll('details').forEach(fold => { fold.open = true; })"


@pytest.mark.browser
def test_the_first_and_the_deciding_column_stay_in_sight_on_a_phone(page, small_book):
    page.goto((small_book.out / "html/book/chapters/07_scoring.html").as_uri())
    page.evaluate(OPEN_ALL)
    frame = page.locator("#groups_against_rest-chart")
    frame.evaluate("frame => frame.scrollLeft = 150")
    for cell in ("td:first-child", "td.cb-decides"):
        box = frame.locator(f"tbody {cell}").first.bounding_box()
        assert box["x"] >= 0, cell
        assert box["x"] + box["width"] <= 391, cell
        ground = frame.locator(f"tbody {cell}").first.evaluate(
            "c => getComputedStyle(c).background"
        )
        assert "rgba(0, 0, 0, 0)" not in ground, f"what {cell} covers shines through"
    title = frame.locator(".gt_title .cb-held").bounding_box()
    assert title["x"] >= 0
    assert title["x"] + title["width"] <= 390


@pytest.mark.browser
def test_an_action_and_the_way_on_take_whole_lines_on_a_phone(page, small_book):
    page.goto((small_book.out / "html/index.html").as_uri())
    assert page.locator(".cb-action-title").first.bounding_box()["width"] > 300
    page.goto((small_book.out / "html/book/chapters/05_cohorts.html").as_uri())
    before, after = (
        page.locator(f".prev-next-area .{side}") for side in ("left-prev", "right-next")
    )
    assert before.bounding_box()["y"] < after.bounding_box()["y"]


@pytest.mark.browser
def test_a_long_table_is_sorted_and_filtered_in_the_page(page, small_book):
    page.goto((small_book.out / "html/book/chapters/07_scoring.html").as_uri())
    page.evaluate(OPEN_ALL)
    table = page.locator("#groups_against_rest-chart")
    users = table.locator("tbody tr td:nth-child(3)")
    table.locator("th:nth-child(3) button").click()
    texts = users.all_inner_texts()
    counts = [int(text.replace(",", "")) for text in texts if text != "withheld"]
    assert texts[len(counts) :] == ["withheld"] * (len(texts) - len(counts)), "no number comes last"
    assert counts == sorted(counts)
    assert table.locator("th:nth-child(3)").get_attribute("aria-sort") == "ascending"
    page.locator("label.cb-filter:has(+ #groups_against_rest-chart) input").fill("country")
    shown = table.locator("tbody tr:visible").all_inner_texts()
    assert shown
    assert all("country" in text.lower() for text in shown)


@pytest.mark.browser
def test_nothing_is_asked_or_wrong_over_http_either(page, small_book):
    served = partial(Quiet, directory=str(small_book.out / "html"))
    wrong: list[str] = []
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    with ThreadingHTTPServer(("127.0.0.1", 0), served) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        home = f"http://127.0.0.1:{server.server_port}/"
        page.on("request", lambda r: None if r.url.startswith(home) else wrong.append(r.url))
        for address in ("index.html", "book/chapters/07_scoring.html", "search.html?q=churn"):
            page.goto(home + address, wait_until="load")
        server.shutdown()
    assert not wrong


@pytest.mark.browser
def test_a_browser_prints_in_light_with_folds_open_from_dark_too(page, small_book):
    page.emulate_media(color_scheme="dark")
    page.goto((small_book.out / "html/index.html").as_uri())
    state = """() => [document.documentElement.dataset.theme,
        document.querySelectorAll("details:not([open], .cb-code)").length]"""
    before = page.evaluate(state)
    assert before[0] == "dark"
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(state) == ["light", 0]
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(state) == before


@pytest.mark.browser
def test_the_summary_is_printed_on_two_pages_at_most(chromium, small_book, tmp_path):
    html = small_book.out / "html"
    composed = paper.compose(html, paper.pages_of(html)[:1])
    printed = pdf.print_page(chromium, composed, tmp_path / "summary.pdf").read_bytes()
    composed.unlink()
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 2


@pytest.mark.browser
def test_an_action_is_printed_over_the_whole_width_with_its_figures_in_a_row(page, small_book):
    html = small_book.out / "html"
    for pages in (paper.pages_of(html)[:1], paper.pages_of(html)[:2]):
        composed = paper.compose(html, pages)
        page.set_viewport_size({"width": 680, "height": 960})  # the text of A4
        page.emulate_media(media="print")
        page.goto(composed.as_uri())
        composed.unlink()
        table, title = (page.locator(part).first for part in (".cb-actions", ".cb-action-title"))
        assert title.bounding_box()["width"] > 0.9 * table.bounding_box()["width"]
        assert table.bounding_box()["width"] > 600, "not in columns"
        cells = page.locator(".cb-actions tr.cb-action").first.locator("td:visible")
        assert len({round(cell.bounding_box()["y"]) for cell in cells.all()}) == 1


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_given: Any) -> None:
        """Say nothing."""
