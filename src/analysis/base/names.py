"""Names that the files hold (groups, types of events), as they can be shown: on one line, not too
long, and not too many.
"""

import unicodedata
from collections.abc import Iterable
from typing import Any

from analysis.base.formats import format_list, format_value, plural, word
from analysis.base.language import say

LONGEST_NAME = 80
"""Characters of a name that are shown."""
LONGEST_TEXT = 600
"""Characters of a text that are shown: of a sentence of this report, which may hold names."""
MOST_NAMES = 20
"""Names of a list that are shown."""
JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}\N{SOFT HYPHEN}"
UNPRINTABLE = ("Cc", "Cf", "Cs", "Co", "Cn")
"""Categories of Unicode: controls and marks of direction, halves of characters, private ones and
none. The JOINERS of Persian words and of emoji are kept."""


def cut(text: object, longest: int = LONGEST_NAME) -> str:
    """Return text that a file holds as one line that can be shown: beyond `longest` characters the
    rest is left out, and their number said; what does not print, or turns the direction of what
    follows, is a replacement character.
    """
    whole = str(text)
    if len(whole) <= longest and whole.isprintable():
        return whole
    line = "".join(map(_printable, whole[:longest]))
    if len(whole) <= longest:
        return line
    return f"{line}… ({plural(len(whole), say('character'), say('characters'))})"


def _printable(letter: str) -> str:
    if letter.isspace():
        return letter if unicodedata.category(letter) == "Zs" else " "
    is_kept = letter in JOINERS or unicodedata.category(letter) not in UNPRINTABLE
    return letter if is_kept else "\N{REPLACEMENT CHARACTER}"


def list_names(items: Iterable[Any], locale: str = "") -> str:
    """Return names as the locale joins a list, each cut; beyond MOST_NAMES, how many more."""
    names = [cut(item) for item in items]
    more = len(names) - MOST_NAMES
    rest = word("more", locale, number=format_value(more, "count", locale))
    shown = names if more <= 0 else [*names[:MOST_NAMES], rest]
    return format_list(shown, locale)


def distinct_cuts(names: Iterable[str]) -> dict[str, str]:
    """Return each of `names` as it is shown: two that begin alike get a number to stay two."""
    shown: dict[str, str] = {}
    taken: set[str] = set()
    for name in sorted(set(names)):
        short, n = cut(name), 2
        while short in taken:
            short, n = f"{cut(name)} ({n})", n + 1
        taken.add(short)
        shown[name] = short
    return shown
