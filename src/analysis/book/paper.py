"""The book as one page to be printed: chapters in the reader's order, all folds opened, in light.

It is composed of the built pages, without scripts, so that what is printed is what the site says,
whatever the screen of the one who prints.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from bs4 import BeautifulSoup, Tag

from analysis.base.errors import ReportError
from analysis.book.render import render

PAPER = "print.html"
NOT_PRINTED = "script, noscript, .headerlink, .cb-code, .cb-filter, a[download]"
ADDRESS = re.compile(r"^(?!\w+:)(?P<page>[^#]*?\.html)?(?:#(?P<anchor>.*))?$")


def pages_of(site: Path) -> list[str]:
    """Return the addresses of the pages from the site's first page on, in the reader's order."""
    first = _read(site / "index.html")
    links = [str(a["href"]).partition("#")[0] for a in first.select(".bd-docs-nav a[href]")]
    return list(dict.fromkeys(["index.html", *(link for link in links if link)]))


def compose(site: Path, pages: Sequence[str]) -> Path:
    """Write PAPER into `site`: the articles of `pages`, one after another; return its path. One
    page alone is printed in brief, without what is folded.

    Raises ReportError for a page that is not there.
    """
    articles = [_article(site, page, pages) for page in pages]
    if len(pages) == 1:
        for fold in articles[0].select("details"):
            fold.decompose()
    first = _read(site / pages[0])
    head = first.title.get_text() if first.title else ""
    styles = [str(link) for link in first.select('link[rel="stylesheet"]')]
    chapters = [
        (_anchor(page, ""), _title_of(art)) for page, art in zip(pages, articles, strict=True)
    ]
    language = str(first.html["lang"]) if first.html else "en"
    made = render(
        "paper", title=head, styles="\n".join(styles), language=language,
        chapters=chapters, articles=[str(article) for article in articles],
    )  # fmt: skip
    (site / PAPER).write_text(made, encoding="utf-8")
    return site / PAPER


def _read(path: Path) -> BeautifulSoup:
    if not path.is_file():
        raise ReportError(f"{path.name} is not in {path.parent}. Run `churnbook build`.")
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def _article(site: Path, page: str, pages: Sequence[str]) -> Tag:
    article = _read(site / page).select_one("article")
    if article is None:
        raise ReportError(f"{page} has no article. Run `churnbook build`.")
    for unprinted in article.select(NOT_PRINTED):
        unprinted.decompose()
    for fold in article.select("details"):
        fold["open"] = ""
    for picture in article.select("img[src]"):
        picture["src"] = _from_root(page, str(picture["src"]))
    for target in _targets(article):
        target["id"] = _anchor(page, str(target["id"]))
    for link in article.select("a[href]"):
        _lead_inside(link, page, pages)
    article["id"], article["class"] = _anchor(page, ""), "bd-article cb-chapter"
    return article


def _targets(article: Tag) -> Iterator[Tag]:
    """Yield what links lead to: a table keeps its name, by which its own style knows it, and a
    chart's parts theirs.
    """
    for tag in article.select("[id]"):
        is_named_by_style = tag.name == "svg" or tag.find("style", recursive=False) is not None
        if not is_named_by_style and tag.find_parent(["svg", "table"]) is None:
            yield tag


def _from_root(page: str, address: str) -> str:
    parts = [*page.split("/")[:-1], *address.split("/")]
    found: list[str] = []
    for part in parts:
        if part == "..":
            found.pop()
        else:
            found.append(part)
    return "/".join(found)


def _anchor(page: str, anchor: str) -> str:
    name = re.sub(r"\W+", "-", page.removesuffix(".html"))
    return f"{name}--{anchor}" if anchor else f"page-{name}"


def _lead_inside(link: Tag, page: str, pages: Sequence[str]) -> None:
    """Turn a link to a page into one within the paper; take it off where the page is not in it."""
    found = ADDRESS.match(str(link["href"]))
    target = _from_root(page, found["page"]) if found and found["page"] else page
    if found is None or target not in pages:
        del link["href"]
    else:
        link["href"] = f"#{_anchor(target, found['anchor'] or '')}"


def _title_of(article: Tag) -> str:
    heading = article.find("h1")
    return heading.get_text().strip() if heading is not None else ""
