"""The theme's styles without the rules that no page of the site can need: most of them.

The theme brings all of Bootstrap and an icon font. A rule stays unless each of its selectors names
a class that neither a page nor a script has.
"""

import re
from collections.abc import Iterable
from pathlib import Path

THEMES = ("styles/*.css", "sphinx-design*.css", "mystnb*.css", "basic.css")
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
EMPTY = re.compile(r"@(?:media|supports)[^{};]*\{\s*\}")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
NESTED = re.compile(r"\([^()]*\)")
"""Selectors within another, such as `:not(.x)`: they are not looked at."""
CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)")
CLASSES = re.compile(r"""class=["']([^"']*)["']""")
WORD = re.compile(r"[A-Za-z_][\w-]*")


def drop_unused_rules(static: Path, site: Path) -> None:
    """Write the theme's styles in `static` again, without rules that no page of `site` needs."""
    used = used_names(site.rglob("*.html"), static.rglob("*.js"))
    for pattern in THEMES:
        for path in static.glob(pattern):
            styles = path.read_text(encoding="utf-8")
            path.write_text(keep_used(styles, used), encoding="utf-8")


def used_names(pages: Iterable[Path], scripts: Iterable[Path]) -> set[str]:
    """Return the classes of the pages, and all words of the scripts, which may add classes."""
    used: set[str] = set()
    for page in pages:
        for names in CLASSES.findall(page.read_text(encoding="utf-8")):
            used |= set(names.split())
    for script in scripts:
        used |= set(WORD.findall(script.read_text(encoding="utf-8")))
    return used


def keep_used(styles: str, used: set[str]) -> str:
    """Return a style sheet without the rules that name only classes that are not `used`."""
    kept = RULE.sub(lambda rule: _kept(rule, used), COMMENT.sub("", styles))
    return EMPTY.sub("", EMPTY.sub("", kept))


def _kept(rule: re.Match[str], used: set[str]) -> str:
    selectors, declarations = rule[1], rule[2]
    if selectors.lstrip().startswith("@"):
        return rule[0]
    needed = [s for s in _split(selectors) if set(CLASS.findall(_outer(s))) <= used]
    return f"{','.join(needed)}{{{declarations}}}" if needed else ""


def _outer(selector: str) -> str:
    while NESTED.search(selector):
        selector = NESTED.sub("", selector)
    return selector


def _split(selectors: str) -> list[str]:
    """Return the selectors of a list, parted at the commas outside of brackets."""
    return re.split(r",(?![^()]*\))", selectors)
