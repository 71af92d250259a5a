"""The book as one page for print, and the program that prints it."""

import shutil

import pytest
from bs4 import BeautifulSoup
from typer.testing import CliRunner

from analysis.base.errors import ReportError
from analysis.book.paper import compose, pages_of
from analysis.run import pdf
from analysis.run.cli import app

INDEX = """<html lang="en"><head><title>Book</title><link rel="stylesheet" href="_static/a.css"/>
</head><body><nav class="bd-docs-nav"><a href="#">Home</a><a href="book/a.html">A</a></nav>
<article id="content"><section id="top"><h1>Summary<a class="headerlink" href="#top">#</a></h1>
<a href="book/a.html#who">who</a> <a href="book/a.html">A</a> <a href="#top">up</a>
<a href="other.html">other</a><details><summary>More</summary>x</details>
<details class="cb-code">code</details><script>x()</script></section></article></body></html>"""
CHAPTER = """<html lang="en"><head><title>A – Book</title></head><body><article id="content">
<section id="who"><h1>Chapter A</h1><img src="../_images/x.png" alt="x"/>
<a href="../index.html#top">back</a><div id="risk"><style>#risk {}</style></div>
<svg id="s"><path id="p"/></svg></section></article></body></html>"""


@pytest.fixture
def site(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "index.html").write_text(INDEX, encoding="utf-8")
    (tmp_path / "book/a.html").write_text(CHAPTER, encoding="utf-8")
    return tmp_path


def test_pages_are_in_the_readers_order(site):
    assert pages_of(site) == ["index.html", "book/a.html"]


def test_links_lead_within_the_paper_or_nowhere(site):
    page = BeautifulSoup(compose(site, pages_of(site)).read_text(encoding="utf-8"), "html.parser")
    links = {link.get_text(): link.get("href") for link in page.select("article a")}
    assert links == {
        "who": "#book-a--who",
        "A": "#page-book-a",
        "up": "#index--top",
        "other": None,
        "back": "#index--top",
    }
    ids = [tag["id"] for tag in page.select("[id]")]
    assert len(ids) == len(set(ids))
    assert {href[1:] for href in links.values() if href} <= set(ids)
    assert {"risk", "s", "p"} <= set(ids), "names by which a style or a chart knows its parts"


def test_folds_are_open_pictures_found_and_scripts_and_code_left_out(site):
    page = BeautifulSoup(compose(site, pages_of(site)).read_text(encoding="utf-8"), "html.parser")
    assert [fold.has_attr("open") for fold in page.select("details")] == [True]
    assert page.img["src"] == "_images/x.png"
    assert not page.select("script, .cb-code")
    assert page.html["data-theme"] == "light"
    assert [entry.get_text() for entry in page.select("nav li")] == ["Summary", "Chapter A"]


def test_one_page_has_no_contents(site):
    page = BeautifulSoup(compose(site, ["index.html"]).read_text(encoding="utf-8"), "html.parser")
    assert not page.select("nav")


def test_a_book_that_was_not_built_is_named(tmp_path):
    with pytest.raises(ReportError, match=r"index.html is not in .* Run `churnbook build`"):
        pages_of(tmp_path)


def test_the_command_says_that_nothing_was_built(tmp_path):
    done = CliRunner().invoke(app, ["pdf", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "Run `churnbook build`" in " ".join(done.output.split())


def test_without_a_chromium_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setenv(pdf.CHOSEN, "no-such-program")
    with pytest.raises(ReportError, match=r"looked for: no-such-program.*Install one"):
        pdf.find_chromium()


def test_a_program_that_prints_nothing_is_reported(site, tmp_path):
    with pytest.raises(ReportError, match="printed nothing"):
        pdf.print_page(str(shutil.which("true")), site / "index.html", tmp_path / "x.pdf")


@pytest.mark.browser
def test_the_pdfs_are_tagged_outlined_and_the_same_each_time(site, tmp_path):
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed")
    made = pdf.write_pdfs(site, tmp_path / "pdf")
    assert [path.name for path in made] == [pdf.SUMMARY, pdf.BOOK]
    book = made[1].read_bytes()
    assert b"/StructTreeRoot" in book
    assert b"/Outlines" in book
    assert b"D:19800101000000" in book
    assert not (site / "print.html").exists()
    again = pdf.print_page(pdf.find_chromium(), site / "index.html", tmp_path / "a.pdf")
    first = again.read_bytes()
    assert pdf.print_page(pdf.find_chromium(), site / "index.html", again).read_bytes() == first
