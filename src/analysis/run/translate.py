"""Bring the catalogues of messages up to date with what there is to say."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from babel.messages.pofile import read_po, write_po

from analysis.base.errors import RunStopped
from analysis.base.language import DOMAIN
from analysis.book import results
from analysis.run import messages
from analysis.run.folders import LOCALE, PAGES_IN_WORDS

FOLDS = "|".join(word for _, *words in results.FOLDED for word in words)
MADE = re.compile(rf"^[\d,]+ (?:{FOLDS})$|\(INFO/\d\)")
"""The title of a fold with the number of what is in it, and docutils' own notes."""


def update_catalogues(project: Path) -> dict[str, list[str]]:
    """Bring every catalogue up to date; return, by its path, the messages not translated yet. The
    chapters have to be there: see `churnbook build --stages-only`.
    """
    wanted, missing = messages.collect(project), {}
    with tempfile.TemporaryDirectory() as folder:
        template = _find_pages(project, Path(folder))
        for path in sorted((project / LOCALE).glob(f"*/LC_MESSAGES/{DOMAIN}.po")):
            language, pages = path.parents[1].name, path.with_name(f"{PAGES_IN_WORDS}.po")
            missing[_shown(path, project)] = messages.update(path, wanted, language)
            missing[_shown(pages, project)] = _update_pages(pages, template, language, project)
    return missing


def _shown(path: Path, project: Path) -> str:
    return path.relative_to(project).as_posix()


def _find_pages(project: Path, folder: Path) -> Path:
    """Return the messages of pages and notebooks, as Sphinx's gettext builder finds them."""
    builder = str(Path(sys.executable).with_name("sphinx-build"))
    options = [
        "-q",
        "-b",
        "gettext",
        "-D",
        f"gettext_compact={PAGES_IN_WORDS}",
        "-c",
        "book/sphinx",
    ]
    done = subprocess.run(
        [builder, *options, "-d", str(folder / "doctrees"), ".", str(folder)], cwd=project,
        env=os.environ | {"CHURNBOOK_STAGES": "done"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RunStopped(f"The messages of the pages were not found:\n{done.stderr}")
    return folder / f"{PAGES_IN_WORDS}.pot"


def _is_made(text: str) -> bool:
    """Say whether a message is made of the run's figures, and said when the pages are built."""
    return bool(MADE.search(text))


def _places(found: Iterable[str], template: Path, project: Path) -> list[tuple[str, int]]:
    """Return the files of the project among the places that Sphinx names from where it writes."""
    files = [(template.parent / place).resolve() for place in dict.fromkeys(found)]
    return [(_shown(file, project), 0) for file in files if file.is_file()]


def _update_pages(path: Path, template: Path, language: str, project: Path) -> list[str]:
    with template.open("rb") as file:
        found = read_po(file, domain=PAGES_IN_WORDS)
    with path.open("rb") as file:
        known = read_po(file, locale=language, domain=PAGES_IN_WORDS)
    for text in [str(message.id) for message in found if _is_made(str(message.id))]:
        found.delete(text)
    known.update(found, no_fuzzy_matching=True)
    for message in known:
        message.locations = _places((place for place, _ in message.locations), template, project)
    with path.open("wb") as file:
        write_po(file, known, width=0, include_lineno=False, ignore_obsolete=True)
    return [str(message.id) for message in known if message.id and not message.string]
