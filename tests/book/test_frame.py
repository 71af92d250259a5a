"""The frame of the pages: titles, descriptions, the search, the code and what no page loads."""

import json
import re

import nbformat
import pytest
from docutils import nodes

from analysis.book.computed import code_of
from analysis.book.frame import LANGUAGES, LONGEST, first_sentence, twins_of
from analysis.book.nodes import kpi, make_html
from analysis.book.search import sections_of
from analysis.book.styles import keep_used, used_names
from analysis.book.tables import deciding_position, dress_table
from analysis.contract import catalogue
from tests.book.small_book import build, read_page, words, write_book


def document(*paragraphs: nodes.Node) -> nodes.document:
    made = nodes.document(None, None)
    made += paragraphs
    return made


def test_a_twin_is_named_with_its_region_where_there_are_several(monkeypatch):
    monkeypatch.setenv(LANGUAGES, "en-GB,es-MX")
    assert twins_of("index", "en_GB") == [("es-MX", "Español", "es-MX/index.html")]
    assert twins_of("index", "es_MX") == [("en-GB", "English", "../index.html")]
    monkeypatch.setenv(LANGUAGES, "es-MX,es-CO")
    assert twins_of("book/a", "es_CO") == [("es-MX", "Español (México)", "../../book/a.html")]


# --- the description --------------------------------------------------------------------------


def test_the_description_is_the_first_sentence_with_its_figures():
    figure = kpi("", "32.0\N{NO-BREAK SPACE}%", before="<b>", after="</b>")
    text = nodes.paragraph("", "", nodes.Text("Of users,\n"), figure, nodes.Text(" left. More."))
    assert first_sentence(document(text)) == "Of users, 32.0 % left."


def test_markup_and_empty_paragraphs_are_no_description():
    markup = nodes.paragraph("", "", make_html("<i>no</i>"))
    assert first_sentence(document(markup, nodes.paragraph("", "Yes."))) == "Yes."
    assert first_sentence(document()) == ""


def test_a_long_description_is_cut_between_words():
    said = first_sentence(document(nodes.paragraph("", "word, " * 60)))
    assert len(said) <= LONGEST + 2
    assert said.endswith("word …")


@pytest.mark.parametrize(
    ("styles", "kept"),
    [
        (".a{b:c}.gone{b:c}", ".a{b:c}"),
        (".a .gone,.a > p,.gone:hover{b:c}", ".a > p{b:c}"),
        ("@media print{.gone{b:c}}p{b:c}", "p{b:c}"),
        ("@media print{.gone{b:c}.a{d:e}}", "@media print{.a{d:e}}"),
        (":is(.gone,.a) p{b:c}", ":is(.gone,.a) p{b:c}"),
        (".a:not(.gone){b:c}", ".a:not(.gone){b:c}"),
        ("@font-face{b:c}@keyframes x{0%{b:c}}", "@font-face{b:c}@keyframes x{0%{b:c}}"),
        ("/* .a{ */.by-script{b:c}", ".by-script{b:c}"),
    ],
)
def test_rules_go_whose_classes_no_page_and_no_script_has(tmp_path, styles, kept):
    (tmp_path / "x.html").write_text('<p class="a other">gone</p>', encoding="utf-8")
    (tmp_path / "x.js").write_text('p.classList.add("by-script")', encoding="utf-8")
    assert keep_used(styles, used_names(tmp_path.glob("*.html"), tmp_path.glob("*.js"))) == kept


# --- the search -------------------------------------------------------------------------------

PAGE = """<article><section id="top"><h1>Model<a class="headerlink">#</a></h1><p>Of 1,255 users</p>
<section id="who"><h2>Who?</h2><p>Those <b>at risk</b></p><script>x</script></section></section>
</article>"""


def test_each_section_is_found_by_its_own_text():
    assert sections_of(PAGE, "m.html") == [
        {"page": "Model", "title": "Model", "address": "m.html", "text": "Of 1,255 users"},
        {"page": "Model", "title": "Who?", "address": "m.html#who", "text": "Those at risk"},
    ]
    assert sections_of("<p>no article</p>", "m.html") == []


# --- the code ---------------------------------------------------------------------------------


def test_all_code_is_gathered_in_order_without_empty_cells(tmp_path):
    cell = nbformat.v4.new_code_cell
    cells = [cell("a = 1\n"), nbformat.v4.new_markdown_cell("text"), cell(" "), cell("b = 2")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "x.ipynb")
    assert code_of(tmp_path / "x.ipynb") == ["a = 1", "b = 2"]


# --- tables -----------------------------------------------------------------------------------

TABLE = """<div id="groups_overall" style="overflow-x:auto">
<style>#groups_overall td {}</style><table class="gt_table"><tr><td colspan="6" class="gt_heading gt_title">Do they?</td>
</tr><tr><th class="gt_col_heading" id="groups_overall-c5">Differs</th></tr>
<tr><td style="white-space: nowrap;" headers="groups_overall-c5" class="gt_row">yes</td></tr></table>
<a href="../../artifacts/scores/x.csv" download>Download CSV</a></div>"""


def test_a_table_has_a_named_frame_a_deciding_column_and_a_codebook():
    html = dress_table(TABLE, set())
    assert 'role="region" tabindex="0" aria-label="Do they?"' in html
    assert html.count("cb-decides") == 2
    assert 'href="../../artifacts/codebook.csv"' in html
    assert '<span class="cb-held">Do they?</span>' in html
    folded = dress_table(TABLE.replace("groups_overall", "groups_overall-chart"), set())
    assert 'aria-label="Table of the chart: Do they?"' in folded
    assert folded.count("cb-decides") == 2
    assert dress_table("<table></table>", set()) == "<table></table>"


def test_a_cell_of_several_lines_is_wide_enough_to_read():
    text = "A user's last event is before the first day that counts, and more words."
    cell = f'<td headers="x" class="gt_row gt_left">{text}</td>'
    assert f'<td class="cb-wordy gt_row gt_left">{text}' in dress_table(TABLE + cell, set())


def test_a_page_has_the_style_of_its_tables_once():
    styles: set[str] = set()
    first, second = dress_table(TABLE, styles), dress_table(TABLE, styles)
    assert ":is(#content, .cb-chapter) .cb-report-table td {}" in first
    assert "<style>" not in second
    assert '<td class="cb-whole cb-decides gt_row">yes</td>' in second


def test_the_deciding_column_is_marked_where_a_phone_would_not_show_it():
    assert deciding_position("groups_overall") == 5
    assert deciding_position("users_cleaning") is None
    assert deciding_position("of_another_library") is None


def test_every_deciding_column_is_shown():
    for table in [*catalogue.tables(), *catalogue.studies()]:
        shown = {column.name for column in table.columns if column.is_shown}
        assert not table.decides or table.decides in shown, table.name


# --- a small book -----------------------------------------------------------------------------

CELLS = [
    nbformat.v4.new_markdown_cell("# Computed\n\nThe first sentence. The second."),
    nbformat.v4.new_code_cell("hidden = 1", metadata={"tags": ["remove-cell"]}, id="a"),
    nbformat.v4.new_code_cell(
        "hidden + 1",
        metadata={"tags": ["hide-input"]},
        id="b",
        outputs=[nbformat.v4.new_output("execute_result", {"text/plain": "2"})],
    ),
]


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    root = tmp_path_factory.mktemp("frame")
    write_book(root)
    notebook = nbformat.v4.new_notebook(cells=CELLS)
    (root / "06_model.md").unlink()
    nbformat.write(notebook, root / "06_model.ipynb")
    done = build(root)
    assert done.returncode == 0, done.stdout + done.stderr
    return root


@pytest.mark.book
def test_titles_have_one_form_and_pages_a_description(book):
    page = read_page(book, "06_model")
    assert page.title.get_text() == "Computed – Ours"
    assert page.find("meta", property="og:title")["content"] == "Computed – Ours"
    for said in ({"name": "description"}, {"property": "og:description"}):
        assert page.find("meta", said)["content"] == "The first sentence."
    assert read_page(book, "index").title.get_text() == "Ours"
    assert read_page(book, "search").title.get_text() == "Search – Ours"


@pytest.mark.book
def test_the_code_is_behind_one_link_at_the_end(book):
    page = read_page(book, "06_model")
    (fold,) = page.find_all("details")
    assert words(fold.summary) == "How this was computed"
    assert [words(code) for code in fold.find_all("pre")] == ["hidden = 1", "hidden + 1"]
    assert "2" in words(page.select_one(".cell_output"))
    assert not read_page(book, "index").select(".cb-code")


@pytest.mark.book
def test_nothing_is_loaded_that_no_page_needs(book):
    html = book / "_build/html"
    static = {path.name for path in (html / "_static").rglob("*")}
    assert not {name for name in static if re.search(r"fontawesome|bootstrap|\.map$|thebe", name)}
    assert not (html / "searchindex.js").exists()
    for page in html.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        for address in re.findall(r'(?:src|href)="([^"#?]+\.(?:js|css))["?]', text):
            assert (html / address).is_file(), (page.name, address)


@pytest.mark.book
def test_the_search_has_the_figures_and_needs_no_request(book):
    script = (book / "_build/html/search_texts.js").read_text(encoding="utf-8")
    entries = json.loads(script.removeprefix("window.SEARCH_TEXTS = ").rstrip(";\n"))
    (model,) = [entry for entry in entries if entry["address"] == "06_model.html"]
    assert model["title"] == "Computed"
    assert "hidden" not in model["text"]
    assert any("n = 3" in entry["text"] for entry in entries)


@pytest.mark.book
def test_a_wrong_address_has_a_page_complete_in_itself(book):
    page = read_page(book, "404")
    assert page.title.get_text() == "Page not found – Ours"
    assert not page.find_all(["link", "img"])
    assert [script.get("src") for script in page.find_all("script")] == [None]
