"""The texts of all pages, for the search: one entry per section, as a script that works from disk.

Sphinx's own index has no figures ("1,255", "32.0 %") and fetches the pages for its excerpts, which
a browser does not do from disk.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from sphinx.application import Sphinx

TEXTS = "search_texts.js"
NOT_SEARCHED = "script, style, .headerlink, .cb-code, .cb-sidebar, svg"
Entry = dict[str, str]


def write_texts(app: Sphinx, error: Exception | None) -> None:
    """Write TEXTS beside the pages, unless it is newer than all of them; nothing for builders of
    other formats.
    """
    if error is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    pages = {page: out / f"{page}.html" for page in sorted(app.env.found_docs)}
    pages = {page: path for page, path in pages.items() if path.is_file()}
    if _is_newer(out / TEXTS, pages.values()):
        return
    entries: list[Entry] = []
    for page, path in pages.items():
        html = path.read_text(encoding="utf-8")
        entries += sections_of(html, app.builder.get_target_uri(page))
    texts = json.dumps(entries, ensure_ascii=False, indent=0)
    (out / TEXTS).write_text(f"window.SEARCH_TEXTS = {texts};\n", encoding="utf-8")


def _is_newer(made: Path, sources: Iterable[Path]) -> bool:
    """Say whether a file was made after all of its sources."""
    if not made.is_file():
        return False
    return all(path.stat().st_mtime_ns < made.stat().st_mtime_ns for path in sources)


def sections_of(html: str, address: str) -> list[Entry]:
    """Return for each section of a page its `page`, `title`, `address` and `text`."""
    article = BeautifulSoup(html, "html.parser").select_one("article")
    return [] if article is None else list(_sections(article, address))


def _sections(article: Tag, address: str) -> Iterator[Entry]:
    for unsearched in article.select(NOT_SEARCHED):
        unsearched.decompose()
    heading = article.find("h1")
    page = _text_of(heading) if heading is not None else address
    # The innermost first: what is left of a section is its own text.
    found: list[Entry] = []
    for section in reversed(article.find_all("section")):
        title = section.find(["h1", "h2", "h3", "h4"], recursive=False)
        named = _text_of(title.extract()) if title is not None else page
        anchor = "" if title is not None and title.name == "h1" else f"#{section.get('id')}"
        text = _text_of(section.extract())
        found.append({"page": page, "title": named, "address": f"{address}{anchor}", "text": text})
    yield from reversed(found)


def _text_of(tag: Tag) -> str:
    return " ".join(tag.get_text(" ").split())
