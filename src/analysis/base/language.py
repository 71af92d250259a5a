"""The language in which texts are rendered, and its catalogue of messages (gettext).

A message is the English text itself, as it stands in a template, a catalogue or a module, so that
English needs no catalogue, and a text without a translation stays English. Kernels and stages
speak English; the builder of the pages chooses the reader's language once, with `use`.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from babel.messages.pofile import read_po

ENGLISH = "en"
DOMAIN = "churnbook"
BLANKS = re.compile(r"[ \t\n]+")
CATALOGUES = "CHURNBOOK_LOCALE"
"""Environment variable of a run's kernels: the folder of the catalogues in whose languages they
tell what they show, besides English. Without it they speak English alone.
"""
Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class Language:
    """A locale ("en", "es", "es-MX") with the messages of its language."""

    locale: str = ENGLISH
    messages: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    filled: Sequence[tuple[re.Pattern[str], str]] = ()
    """Messages with gaps, as patterns."""


_chosen = [Language()]
"""The language that texts are rendered in; the last is in use."""


def current() -> str:
    """Return the locale in use."""
    return _chosen[-1].locale


def is_english() -> bool:
    """Say whether texts are rendered in English, the language that they are written in."""
    return language_of(current()) == ENGLISH


def language_of(locale: str) -> str:
    """Return the language of a locale: "es" of "es-MX"."""
    return re.split("[-_]", locale)[0]


def use(locale: str, folder: Path) -> None:
    """Render texts in `locale` from now on, by the catalogues in `folder` (book/locale)."""
    _chosen[-1] = read_language(locale, folder)


@contextmanager
def speaking(locale: str, folder: Path) -> Iterator[None]:
    """Render texts in `locale` for a while: see use."""
    _chosen.append(read_language(locale, folder))
    try:
        yield
    finally:
        _chosen.pop()


def tell(make: Callable[[], Made]) -> dict[str, Made]:
    """Return what `make` gives in each language that a kernel tells its results in besides English.

    Nothing is computed again but what `make` itself computes.
    """
    folder = Path(os.environ.get(CATALOGUES, ""))
    if not os.environ.get(CATALOGUES) or not is_english():
        return {}
    told = {}
    for path in sorted(folder.glob(f"*/LC_MESSAGES/{DOMAIN}.po")):
        name = path.parents[1].name
        with speaking(name, folder):
            told[name] = make()
    return told


def read_language(locale: str, folder: Path) -> Language:
    """Return a locale with the messages of its language in `folder`; none without a catalogue."""
    path = folder / language_of(locale) / "LC_MESSAGES" / f"{DOMAIN}.po"
    return _read(locale, path, path.stat().st_mtime_ns) if path.is_file() else Language(locale)


@lru_cache(maxsize=8)
def _read(locale: str, path: Path, modified: int) -> Language:
    return Language(locale, *_read_messages(path, modified))


@lru_cache(maxsize=8)
def _read_messages(
    path: Path, _modified: int
) -> tuple[Mapping[str, str], Sequence[tuple[re.Pattern[str], str]]]:
    with path.open("rb") as file:
        known = read_po(file, domain=DOMAIN)
    said = {str(m.id): str(m.string) for m in known if m.id and m.string and not m.fuzzy}
    filled = [
        (re.compile("(.+?)".join(map(re.escape, text.split(GAP)))), said[text])
        for text in sorted(said, key=len, reverse=True)
        if GAP in text
    ]
    return MappingProxyType(said), filled


def key_of(text: str) -> str:
    """Return the message of a text: its lines and runs of spaces do not matter."""
    return BLANKS.sub(" ", text).strip()


def say(text: str) -> str:
    """Return a text in the language in use; as it is where the language does not have it."""
    return _say_in(_chosen[-1], text) if _chosen[-1].messages else text


@lru_cache(maxsize=20_000)
def _say_in(chosen: Language, text: str) -> str:
    said = chosen.messages.get(key_of(text))
    return said if said is not None else _say_filled(chosen, text)


GAP = "{}"
"""Stands in a message for what a module puts into its sentence."""
LONGEST_FILLED = 800


def _say_filled(chosen: Language, text: str) -> str:
    """Return a sentence that a module filled, by the message with a GAP for each value."""
    if " " not in text or len(text) > LONGEST_FILLED:
        return text
    for pattern, said in chosen.filled:
        if found := pattern.fullmatch(key_of(text)):
            return said.format(*(_say_part(part) for part in found.groups()))
    return text


def _say_part(part: str) -> str:
    """Return what fills a GAP: a message, or a number before one ("30 days")."""
    number, space, noun = part.partition(" " if " " in part else "\N{NO-BREAK SPACE}")
    is_counted = noun and number[:1].isdigit()
    return f"{number}{space}{say(noun)}" if is_counted else say(part)
