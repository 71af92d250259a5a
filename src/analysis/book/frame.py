"""The frame of the pages: what the theme puts around the content, without what no page needs.

The templates are in `theme/`. A page asks no other host, has one form of title and a description,
which is its own first sentence.
"""

import os
import re
import shutil
from pathlib import Path
from typing import Any

from babel import Locale
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.locale import _

from analysis.base.language import is_english, say
from analysis.book import styles
from analysis.book.nodes import kpi
from analysis.book.render import SENTENCE

THEME = Path(__file__).with_name("theme")
ADDITIONAL = {"search": "search.html", "404": "404.html"}
"""Pages without a text of their own, by their templates."""
NAMES = {"search": _("Search"), "404": _("Page not found")}
"""What those pages are called."""
UNUSED_SCRIPTS = (
    "thebe", "clipboard", "copybutton", "toggle", "design-tabs", "sphinx_highlight", "doctools",
    "translations",
)  # fmt: skip
"""Scripts and styles of Sphinx and its extensions that no page needs, by a part of their name or
text: the book has no live cells, copy buttons or tabs, and searches with a script of its own.
"""
UNUSED_FILES = (
    "scripts/fontawesome.*", "scripts/bootstrap.*", "vendor", "locales", "images", "**/*.map",
    "*thebe*", "*clipboard*", "*copy*", "*toggle*", "design-tabs.js", "sphinx_highlight.js",
    "doctools.js", "translations.js", "searchtools.js", "language_data.js", "*webpack-macros.html",
)  # fmt: skip
"""Files of the theme that no page loads: most of a site's bytes."""
OF_THE_THEME = ("Toggle primary sidebar", "Toggle secondary sidebar", "Main")
"""Labels that the theme does not look up in a catalogue."""
LANGUAGES = "CHURNBOOK_LANGUAGES"
"""Environment variable with the languages of the site."""
LONGEST = 200
"""Characters of a description that are shown beside a link."""


def add_theme(_app: Sphinx, config: Config) -> None:
    """Put the templates and scripts of `theme/` before the theme's own."""
    config.templates_path.insert(0, str(THEME))
    config.html_static_path.insert(0, str(THEME / "assets"))
    config.html_additional_pages = {**ADDITIONAL, **config.html_additional_pages}
    config.html_use_index = False


def leave_search(app: Sphinx) -> None:
    """Make no index of words: see analysis.book.search."""
    if app.builder.format == "html":
        builder: Any = app.builder  # Sphinx declares it for builders of HTML alone
        builder.search = False


def describe_page(
    app: Sphinx, page: str, _template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Give the templates the page's title and description, and leave out unused scripts."""
    if not is_english():
        context["_"] = lambda text: said if (said := say(text)) != text else str(_(text))
    book = str(context.get("docstitle") or app.config.html_title)
    title = re.sub(
        r"<[^>]+>", "", str(context.get("title") or say(str(NAMES.get(page, ""))))
    ).strip()
    is_named = page != app.config.root_doc and title and title != book
    context["page_title"] = f"{title} – {book}" if is_named else book
    context["twins"] = twins_of(page, str(app.config.language))
    context["page_description"] = first_sentence(doctree) if doctree is not None else ""
    for kind in ("script_files", "css_files"):
        context[kind] = [file for file in context.get(kind, []) if not _is_unused(file)]


def twins_of(page: str, language: str) -> list[tuple[str, str, str]]:
    """Return the same page in the other languages of the site: locale, its own name, address."""
    site = os.environ.get(LANGUAGES, "").split(",")
    here = language.replace("_", "-")
    if here not in site:
        return []
    root = "../" * (page.count("/") + (here != site[0]))
    folders = {locale: "" if locale == site[0] else f"{locale}/" for locale in site}
    return [
        (locale, _name_of(locale, site), f"{root}{folder}{page}.html")
        for locale, folder in folders.items()
        if locale != here
    ]


def _name_of(locale: str, site: list[str]) -> str:
    """Return a language in its own words; with its region where the site has several of them."""
    own = Locale.parse(locale, sep="-")
    is_alone = [other.split("-")[0] for other in site].count(own.language) == 1
    name = str(own.get_language_name() if is_alone else own.get_display_name())
    return name[:1].upper() + name[1:]


def _is_unused(file: Any) -> bool:
    body = getattr(file, "attributes", {}).get("body") or ""
    said = f"{getattr(file, 'filename', file) or ''} {body}"
    return any(name in said for name in UNUSED_SCRIPTS)


def first_sentence(doctree: nodes.document) -> str:
    """Return the first sentence of the page's own text without a struck figure, on one line, cut
    after LONGEST characters; empty where it has none.
    """
    standing = (p for p in doctree.findall(nodes.paragraph) if not _is_struck(p))
    texts = (_text_of(paragraph) for paragraph in standing)
    text = next((text for text in texts if text), "")
    sentence = SENTENCE.split(text, maxsplit=1)[0]
    if len(sentence) <= LONGEST:
        return sentence
    return sentence[:LONGEST].rpartition(" ")[0].rstrip(",;: ") + " …"


def _is_struck(paragraph: nodes.paragraph) -> bool:
    return any("<s>" in figure["before"] for figure in paragraph.findall(kpi))


def _text_of(paragraph: nodes.paragraph) -> str:
    texts = [text for text in paragraph.findall(nodes.Text) if not _is_markup(text)]
    return " ".join("".join(str(text) for text in texts).split())


def _is_markup(text: nodes.Text) -> bool:
    return isinstance(text.parent, nodes.raw)


def say_theme(app: Sphinx, error: Exception | None) -> None:
    """Say the labels that the theme writes in English alone, on every page of another language."""
    if error is not None or app.builder.format != "html" or is_english():
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for label in OF_THE_THEME:
            text = text.replace(f'="{label}"', f'="{say(label)}"')
        page.write_text(text, encoding="utf-8")


def drop_unused(app: Sphinx, error: Exception | None) -> None:
    """Remove the theme's files that no page loads, and the rules that no page needs."""
    if error is not None or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    for pattern in UNUSED_FILES:
        for path in list(static.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    styles.drop_unused_rules(static, Path(app.outdir))
