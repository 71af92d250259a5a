"""The finding at the top of the book's first page, as its reader sees it."""

from pathlib import Path

SENTENCE = "#claim-direction"
INSTEAD = "article section > p:not([class])"
"""What stands there where churn cannot be measured: the first paragraph of the page's own text."""
MARKS = ".kpi-mark, .cb-hidden"
"""Links from a figure to its check: no words of the sentence."""
PREFIX = "cb-claim-"


def read_headline(page: Path) -> dict[str, str]:
    """Return the `text` of the sentence at the top of the built `page`, and its `status`: that of
    the gravest check it rests on, `fail` where it is withdrawn. Empty for a page without one.
    """
    from bs4 import BeautifulSoup  # slow to import, and not needed when nothing has changed

    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    found = soup.select_one(SENTENCE) or soup.select_one(INSTEAD)
    if found is None:
        return {}
    for mark in found.select(MARKS):
        mark.decompose()
    classes = [str(name) for name in found.get_attribute_list("class")]
    kinds = [name.removeprefix(PREFIX) for name in classes if name.startswith(PREFIX)]
    status = next((kind for kind in kinds if kind != "lead"), "")
    return {"text": " ".join(found.get_text().split()), "status": status}
