"""Names that the files hold (groups, types of events), as they can be shown."""

import unicodedata

from analysis.base.formats import plural

LONGEST_NAME = 80
"""Characters of a name that are shown."""
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
    return f"{line}… ({plural(len(whole), 'character', 'characters')})"


def _printable(letter: str) -> str:
    if letter.isspace():
        return letter if unicodedata.category(letter) == "Zs" else " "
    is_kept = letter in JOINERS or unicodedata.category(letter) not in UNPRINTABLE
    return letter if is_kept else "\N{REPLACEMENT CHARACTER}"
