"""The finding at the top of the book's first page, as its reader sees it."""

from pathlib import Path

SENTENCE = "[id=claim-direction], .cb-claim-lead"
WITHDRAWN = "cb-claim-fail"


def read_headline(page: Path) -> dict[str, str]:
    """Return the `text` of the sentence at the top of the built `page`, and its `status`: that of
    the gravest check it rests on, `fail` where it is withdrawn. Empty for a page without one.
    """
    from bs4 import BeautifulSoup  # slow to import, and not needed when nothing has changed

    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    found = soup.select_one(SENTENCE)
    if found is None:
        return {}
    prefix = "cb-claim-"
    kinds = [str(name).removeprefix(prefix) for name in found.get_attribute_list("class")]
    status = next((kind for kind in kinds if kind not in ("cb-claim", "lead")), "")
    return {"text": " ".join(found.get_text().split()), "status": status}
