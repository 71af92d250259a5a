"""The catalogues of messages: what there is to translate, and what is not translated yet.

`churnbook.po` holds the texts outside the pages: templates, catalogues, checks, actions, captions,
reasons of parameters. `pages.po` holds those of the pages and notebooks, as Sphinx's gettext
builder finds them.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from analysis.base.dialects import NAMED, QUOTINGS
from analysis.base.language import DOMAIN, GAP, key_of
from analysis.book import about, codebook, frame, reference, results, show, studies
from analysis.book.render import WORDS
from analysis.cohorts.trend import Direction
from analysis.contract import catalogue
from analysis.contract.captions import all_captions
from analysis.contract.checks import BASES
from analysis.contract.inputs import EVENTS, USERS
from analysis.model.scoring import RISK_SEGMENTS
from analysis.published.case_scores import SEGMENTS
from analysis.summary.metrics import RETENTION_DAYS, SURVIVAL_DAYS

PACKAGE = Path(__file__).parents[1]
OTHERS = (
    *reference.DOWNLOADS.values(), *codebook.HEADS,
    *(text for pair in codebook.ADDED.values() for text in pair),
    "withheld", "too few", *RISK_SEGMENTS, *SEGMENTS, "simulated", "given", "instant", "integer",
    *get_args(Direction), "clusters", "continuum", *NAMED, *QUOTINGS, *frame.OF_THE_THEME,
    "country", "device", "subscription type", "acquisition channel", "gender", "language",
    *catalogue.UNITS, *BASES, catalogue.ROW, "rows", "silence", "silences", "events",
    reference.ORIGIN,
    about.SIMULATED, show.INTERVAL, show.WHY_WITHHELD, *show.UNIT_IN_HEAD.values(),
    "Page not found", "Parameter", "Default", "Value", "Unit", "Reason", "Column", "Type",
    "Required", "Meaning", "required", "optional", "Label", "Rests on", "Parameters",
    "Parameters of this run", "Code", "Packages",
    "Package", "Version", "Artifacts", "Inputs", "Table", "File", "Rows", "Source", "Bytes", "Name",
    "SHA-256", *(f"New users back within {day} days" for day in RETENTION_DAYS if day > 1),
    "New users back on day 1", *(f"Users still active after {day} days" for day in SURVIVAL_DAYS),
    "New users not back within 30 days", "logistic regression", "random forest",
    "gradient boosting",
)  # fmt: skip
"""Messages that modules say by a name: heads, words in tables, labels with a number."""
STAGES = ("audit", "cohorts", "log", "model", "published", "segments", "summary")
"""Packages whose modules write sentences into tables, checks and figures."""
NO_READER = (
    "afterwards.py", "content.py", "parts.py", "raw.py", "proposals.py", "proposed_roles.py",
)  # fmt: skip
"""Modules whose texts are words to look for, errors, or lines of params.yml."""
UNSEEN = ("ReportError", "RunStopped", "annotate", "words", "partial_match")
"""What is called with texts that are on no page."""
WORDS_OF_A_SENTENCE = re.compile(r"^[^<>\n|]*[A-Za-z]{2,} [a-z(][^<>\n|]*$")
TITLE = re.compile(r"^:title: (.+)$", re.MULTILINE)
"""The title of a definition."""
NOT_SAID = ("grade", "rests_on", "metrics")
"""Entries of texts that are no sentences."""
Message = tuple[str, str]
"""A text to translate, and where it is."""


def collect(project: Path) -> dict[str, str]:
    """Return every message outside the pages, with the place where it is first."""
    found: dict[str, str] = {}
    for text, place in _all(project):
        if key := key_of(text):
            found.setdefault(key, place)
    return found


def _all(project: Path) -> Iterator[Message]:
    yield from _of_templates()
    yield from _of_modules()
    yield from _of_site(project)
    yield from ((text, "studies") for text in studies.words_of_studies(project / "book"))
    for name in ("checks", "actions"):
        path = project / "book" / f"{name}.yml"
        yield from _leaves(_read(path), f"{name}.yml")
    yield from _of_captions()
    yield from _of_catalogue()
    for name, entry in _read(project / "params.yml").items():
        yield from ((str(entry[part]), f"params.yml:{name}") for part in ("unit", "reason"))
    for column in (*USERS, *EVENTS):
        yield from ((str(text), "inputs.py") for text in (column.unit or "", column.meaning))


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _of_templates() -> Iterator[Message]:
    for folder in ("templates", "theme"):
        for path in sorted((PACKAGE / "book" / folder).rglob("*.html")):
            for _, text, _, _ in extract_from_file("jinja2.ext:babel_extract", path):
                if isinstance(text, str):
                    yield text, f"{folder}/{path.name}"


def _of_modules() -> Iterator[Message]:
    """Yield what modules pass to `say`, and the words and labels that they hold in tables."""
    for path in sorted(PACKAGE.rglob("*.py")):
        with path.open("rb") as file:
            tree = ast.parse(file.read())
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            is_said = name == "say" and isinstance(call.func, ast.Name)
            texts = call.args if is_said or name in ("metric", "_rate", "measured") else []
            for text in texts:
                value = text.value if isinstance(text, ast.Constant) else None
                if isinstance(value, str) and (is_said or " " in value or value.istitle()):
                    yield value, path.name
    for folder in STAGES:
        for path in sorted((PACKAGE / folder).glob("*.py")):
            if path.name not in NO_READER:
                yield from ((text, path.name) for text in _sentences(path.read_text("utf-8")))
    yield from ((text, "others") for text in OTHERS)
    yield from ((text, "studies.py") for text in studies.OUTCOMES.values())
    yield from ((word, "render.py") for word in WORDS.values())
    for _, *words in (*results.COUNTED, *results.FOLDED):
        yield from ((word, "results.py") for word in words)


def _sentences(source: str) -> Iterator[str]:
    """Yield the words of a module that a reader may see: texts of several words that are neither
    documentation nor an error, with a GAP for each value that is filled in.
    """
    waiting: list[ast.AST] = [ast.parse(source)]
    while waiting:
        node = waiting.pop()
        name = ""
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name in UNSEEN or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            continue
        text = _text_of(node)
        if text and WORDS_OF_A_SENTENCE.search(text):
            yield text
        if not isinstance(node, ast.JoinedStr):
            waiting += ast.iter_child_nodes(node)


def _text_of(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        parts = (getattr(part, "value", None) for part in node.values)
        return "".join(part if isinstance(part, str) else GAP for part in parts)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _of_site(project: Path) -> Iterator[Message]:
    config = _read(project / "_config.yml")
    yield config["title"], "_config.yml"
    definitions = (project / "book" / "definitions.md").read_text(encoding="utf-8")
    yield from ((title, "definitions.md") for title in TITLE.findall(definitions))
    yield config["sphinx"]["config"]["html_theme_options"]["search_bar_text"], "_config.yml"
    for part in _read(project / "_toc.yml")["parts"]:
        yield part["caption"], "_toc.yml"


def _leaves(entry: Any, place: str) -> Iterator[Message]:
    """Yield all texts under an entry, except lists and those that are NOT_SAID."""
    if isinstance(entry, str):
        yield entry, place
    elif isinstance(entry, Mapping):
        for name, part in entry.items():
            if name not in NOT_SAID or name == "grade":
                yield from _leaves(part, f"{place}:{name}" if place.count(":") < 2 else place)


def _of_captions() -> Iterator[Message]:
    for name, entry in all_captions().items():
        yield from _leaves(entry, f"captions:{name}")


def _of_catalogue() -> Iterator[Message]:
    for path in sorted((PACKAGE / "contract" / "catalogue").glob("*.yml")):
        entries = _read(path)
        for table in (entries.get("tables") or {}).values():
            yield table["title"], path.name
            yield from _of_columns([c for c in table["columns"] if isinstance(c, dict)], path.name)
        columns = (entries.get("columns") or {}).values()
        yield from _of_columns([column for column in columns if column], path.name)
        yield from ((str(text), path.name) for text in (entries.get("files") or {}).values())


def _of_columns(columns: list[dict[str, Any]], place: str) -> Iterator[Message]:
    for column in columns:
        yield from ((column[p], f"{place}:{p}") for p in ("label", "meaning") if p in column)
        yield from ((str(word), f"{place}:values") for word in column.get("values", {}).values())


def update(path: Path, messages: Mapping[str, str], language: str) -> list[str]:
    """Bring a catalogue up to date with the messages there are; return those not translated."""
    catalogue = Catalog(locale=language, domain=DOMAIN, fuzzy=False)
    old = read(path)
    for text, place in messages.items():
        catalogue.add(text, old.get(text, ""), locations=[(place, 0)])
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalogue, width=0, omit_header=False, include_lineno=False)
    return [text for text in messages if not old.get(text)]


def read(path: Path) -> dict[str, str]:
    """Return the translations of a catalogue; none where there is no file."""
    if not path.is_file():
        return {}
    with path.open("rb") as file:
        known = read_po(file, domain=DOMAIN)
    return {str(m.id): str(m.string) for m in known if m.id and m.string and not m.fuzzy}
