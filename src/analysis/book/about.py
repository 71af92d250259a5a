"""What a report is about: the product's name, and a note on where the data come from."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxRole

from analysis.base.language import say
from analysis.book.artifacts import MANIFEST
from analysis.book.directive import data_dir

SIMULATED = "Simulated data"


@dataclass(frozen=True)
class About:
    """The name of the `product`, and a `note` on the data; each may be empty."""

    product: str = ""
    note: str = ""


def about_run(data: Path) -> About:
    """Return what the run in the folder `data` is about, by its manifest: the parameters `product`
    and `data_note`; simulated tables are called so if no note is given.
    """
    path = data / MANIFEST
    manifest: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    given = manifest.get("parameters") or {}
    product, note = (
        str((given.get(name) or {}).get("value") or "").strip() for name in ("product", "data_note")
    )
    inputs = manifest.get("inputs") or []
    is_simulated = any(entry.get("source") == "simulated" for entry in inputs)
    return About(product, note or (say(SIMULATED) if is_simulated else ""))


class ProductRole(SphinxRole):
    """`{product}`text`` prints the name of the product, or the text where none is given."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the name."""
        self.env.note_dependency(str(data_dir(self.env.app) / MANIFEST))
        return [nodes.Text(about_run(data_dir(self.env.app)).product or self.text)], []


def outdated_pages(
    app: Sphinx, env: BuildEnvironment, _added: set[str], _changed: set[str], _removed: set[str]
) -> list[str]:
    """Return all pages when what the report is about has changed: every page says it."""
    about = about_run(data_dir(app))
    known: Any = env  # Sphinx keeps what an extension sets on its environment
    before, known.churnbook_about = getattr(env, "churnbook_about", None), about
    return [] if before in (None, about) else sorted(env.found_docs)


def name_run(
    app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: Any
) -> None:
    """Give the templates the report's name and the note on the data."""
    about = about_run(data_dir(app))
    context["data_note"] = about.note
    if about.product:
        context["docstitle"] = about.product
