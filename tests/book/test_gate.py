"""A built book with canaries in it: the gate names page and cell, whatever kind of file it is."""

import json
import shutil

import ibis
import pandas as pd
import pytest
from PIL import Image, PngImagePlugin

from analysis.book import gate, identifiers
from tests.book import small_book

USER, SESSION = "7f3a9c1e-canary-user", "canary_session_0042"
SHORT, NUMBER, NAME = "q7", "4242", "anna"
TABLE = pd.DataFrame({"user_id": [USER, SHORT, NUMBER, NAME], "session_id": [SESSION] * 4})
SOURCES = [("events", ibis.memtable(TABLE), ["user_id", "session_id"])]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    root = tmp_path_factory.mktemp("book")
    metrics = {"users": {**small_book.METRICS["users"], "value": 300, "n": 300}}
    small_book.write_book(root)
    figures = {**small_book.METRICS, **metrics, "auc": {**small_book.METRICS["auc"], "n": 300}}
    (root / "data/summary/metrics.json").write_text(json.dumps(figures))
    index = small_book.PAGE.replace("users == 3", "users == 300")
    (root / "index.md").write_text(index)
    done = small_book.build(root)
    assert done.returncode == 0, done.stdout + done.stderr
    return root / "_build/html"


@pytest.fixture
def copy(site, tmp_path):
    """Return a copy of the book without the theme's own files, for a test to change."""
    return shutil.copytree(site, tmp_path / "html", ignore=shutil.ignore_patterns("_static"))


def problems(site, harmless=frozenset(), minimum=10):
    try:
        gate.check(site, SOURCES, set(harmless), minimum)
    except gate.DisclosureError as error:
        return str(error)
    return ""


def test_a_book_that_names_nobody_passes(site):
    assert problems(site) == ""


def in_png(path):
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", f"by {USER}", zip=True)
    Image.new("RGB", (2, 2)).save(path, pnginfo=info)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("index.html", f"<p>such as {USER}.</p>"),
        ("more.html", f"<img alt='{SESSION}'>"),
        ("searchindex.js", f'Search.setIndex({{terms:{{"{SESSION}":1}}}})'),
        ("_images/chart.svg", f"<svg><desc>{USER}</desc></svg>"),
        ("artifacts/summary/manifest.json", json.dumps({"a": [USER]})),
        ("artifacts/studies/x.csv", f"a,b\n1,{USER}\n"),
        ("links.html", f'<a href="?u={USER.replace("-", "%2D")}">'),
        ("escaped.js", USER.replace("-", "\\u002d")),
        ("quoted.html", f"<p>a value, “{SHORT}”</p>"),
        ("cell.html", f"<table><tr><td><b>{NAME}</b></td></tr></table>"),
        ("code.html", f"<code>{NUMBER}</code>"),
        ("artifacts/studies/y.csv", f"a,b\n1,{NUMBER}\n2,words\n"),
    ],
)
def test_a_canary_is_found_in_every_kind_of_file(copy, name, text):
    (copy / name).parent.mkdir(parents=True, exist_ok=True)
    with (copy / name).open("a", encoding="utf-8") as file:
        file.write(text)
    assert f"{name}, " in problems(copy)
    assert "a value of events." in problems(copy)


def test_the_metadata_of_pictures_are_read(copy):
    (copy / "_images").mkdir(exist_ok=True)
    in_png(copy / "_images/chart.png")
    assert USER.encode() not in (copy / "_images/chart.png").read_bytes(), "it is compressed"
    assert "_images/chart.png, " in problems(copy)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("figure.html", f"<p>{NUMBER} events of {NAME}, {SHORT}</p>"),
        ("figure.html", f"<table><tr><td>{NUMBER}</td></tr></table>"),
        ("artifacts/studies/x.csv", f"a,b\n1,{NUMBER}\n2,7\n"),
        ("longer.html", f"<p>x{USER}x</p>"),
    ],
)
def test_figures_and_words_of_the_text_are_no_identifiers(copy, name, text):
    (copy / name).parent.mkdir(parents=True, exist_ok=True)
    (copy / name).write_text(text, encoding="utf-8")
    assert problems(copy) == ""


def test_a_group_that_is_called_like_a_user_is_no_user(copy):
    (copy / "cell.html").write_text(f"<table><tr><td>{NAME}</td></tr></table>")
    assert NAME in problems(copy)
    assert problems(copy, harmless={NAME}) == ""


@pytest.mark.parametrize(
    ("value", "anywhere"),
    [("7", False), ("42", False), ("12345678", False), ("123456789", True), ("user42", True),
     ("u42", False), ("0.1234567", False), ("anna", False), ("anna@b.c", True),
     ("009ed225-0000", True), ("2025-01-31", False)],
)  # fmt: skip
def test_what_looks_like_an_identifier(value, anywhere):
    assert identifiers.looks_like_an_id(value) is anywhere


def test_columns_that_identify_are_known_by_their_names():
    given = ["user_id", "sessionId", "device_uuid", "email", "show_id", "country", "who", "ip"]
    found = identifiers.identifying(given, ["who"])
    assert found == ["user_id", "sessionId", "device_uuid", "email", "who", "ip"]


def download(site, path, text):
    (site / "artifacts" / path).parent.mkdir(parents=True, exist_ok=True)
    (site / "artifacts" / path).write_text(text)


@pytest.mark.parametrize(
    ("path", "text", "says"),
    [
        ("cohorts/user_retention.csv", "user_id\nx\n", "may not be published"),
        ("scores/other.csv", "n,User_ID\n1,x\n", "may not be published"),
        ("audit/quality.csv", "kind,table,broken,sample\nrule,events,50,\n", "'sample': private"),
        ("scores/churn_by_country.csv", "group,users,mean_proba\nPeru,9,0.5\n", "'users', row 1"),
        ("cohorts/survival.csv", "group,day,at_risk,survival\nall,0,9,1.0\n", "'at_risk', row 1"),
        ("cohorts/retention_days.csv",
         "definition,day,eligible_users,retained_users,retention_rate\non_day,1,40,40,1.0\n",
         "'retained_users', row 1"),
        ("scores/churn_by_country.csv",
         "group,users,mean_proba\nPeru,,\nChile,50,0.5\nCuba,60,0.5\n", "row 2: '50'"),
        ("published/churn_by_country.csv", "country,avg_churn_prob\nPeru,0.5\n", "private table"),
    ],
)  # fmt: skip
def test_a_download_on_few_people_is_named_with_its_cell(copy, path, text, says):
    download(copy, path, text)
    assert f"artifacts/{path}" in problems(copy)
    assert says in problems(copy)
    assert problems(copy, minimum=1) == "" or "private" in says or "published" in says


def test_a_figure_on_few_people_is_named(copy):
    figure = {"value": 0.5, "unit": "share", "n": 9, "label": "x"}
    download(copy, "summary/metrics.json", json.dumps({"churn_rate": figure}))
    assert "artifacts/summary/metrics.json, churn_rate: " in problems(copy)


def test_a_page_that_shows_few_people_is_named_with_table_and_row(copy):
    page = """<div id="reasons"><table><tr><th class="gt_col_heading">Users</th></tr>
    <tr><td class="gt_row">1,200</td></tr><tr><td class="gt_row">9</td></tr></table></div>"""
    (copy / "page.html").write_text(page)
    assert "page.html, table reasons, column 'users', row 2" in problems(copy)


def test_totals_are_judged_where_a_page_shows_the_whole_table(copy):
    page = """<div id="risk_segments"><table><tr><th class="gt_col_heading">Users</th></tr>
    <tr><td class="gt_row">1,200</td></tr><tr><td class="gt_row"></td></tr></table></div>"""
    (copy / "page.html").write_text(page)
    assert "row 1: '1200' is on few people" in problems(copy)
    download(copy, "scores/risk_segments.csv", "users\n1200\n\n\n".replace("\n\n", '\n""\n""\n'))
    assert problems(copy) == ""
