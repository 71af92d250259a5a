"""A matplotlib figure as inline SVG that follows the page: real text in the page's own font,
colours as CSS variables, no background, and the same bytes on every machine.
"""

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

import matplotlib as mpl
from matplotlib.figure import Figure

COLOURS = {
    "ink": "#17222d",
    "muted": "#52606d",
    "grid": "#d7dee5",
    "faint": "#93a1ae",
    "1": "#005b96",
    "2": "#b5450a",
    "3": "#00664b",
    "4": "#7a3e9d",
    "heat": "#0f6fb0",
    "warm": "#c8660f",
}
"""The palette: each colour becomes `var(--chart-NAME)`, which the book's style sheet sets for light
and dark; the value here is what a page without that style sheet shows.
"""
TAG = re.compile(r"<[^>]+>")
LONG = re.compile(r"-?\d+\.\d{2,}(?:e-?\d+)?")
USUAL = "font-size: 12.5px"
"""The size of text that an element does not repeat, as it inherits it."""
ALONE = re.compile(r"<g>(<(?:text|path|use)\b[^<]*(?:/>|</text>))</g>")
LEFT_OUT = re.compile(
    r"<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>|<!--.*?-->", re.DOTALL
)


@dataclass(frozen=True)
class Mark:
    """A place on a drawing with its value in words: what hovering, tapping and the keyboard say."""

    x: float
    y: float
    text: str


def to_svg(figure: Figure, salt: str, label: str, marks: Iterable[Mark] = ()) -> str:
    """Return the figure as an `svg` element called `label`, with its `marks` in the order given.

    `salt` makes the identifiers inside differ from those of other drawings on the page.
    """
    file = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}):
        figure.savefig(file, format="svg", metadata={"Date": None}, transparent=True)
    body = LEFT_OUT.sub("", file.getvalue().partition("<svg")[2].partition(">")[2])
    used = set(re.findall(r"(?:href=\"|url\()#([^\")]+)", body))
    body = TAG.sub(lambda tag: _restyle(tag[0], used), body.rpartition("</svg>")[0])
    body = re.sub(r">\s+<", "><", body).strip()
    for _ in range(3):
        body = ALONE.sub(r"\1", body)
    width, height = (round(72 * inches) for inches in figure.get_size_inches())
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}" '
        f'style="max-width:{width}px; {USUAL}"><g class="cb-drawn">{body}</g>{_write(marks)}</svg>'
    )


def _restyle(tag: str, used: set[str]) -> str:
    """Return a tag with short numbers, the page's font and colours, and only the ids in use."""
    tag = re.sub(r' id="([^"]+)"', lambda found: found[0] if found[1] in used else "", tag)
    tag = re.sub(r"font: ((?:\w+ )*)([\d.]+px)[^;\"]*", _keep_weight, tag)
    tag = re.sub(r"font-family: [^;\"]*;? ?", "", tag).replace("xlink:href", "href")
    tag = re.sub(r" transform=\"rotate\(-?0(?:\.0)? [^\"]*\)\"", "", tag)
    for name, value in COLOURS.items():
        tag = tag.replace(value, f"var(--chart-{name}, {value})")
    if tag.startswith("<text"):
        tag = re.sub(rf"{USUAL};? ?|; fill: var\(--chart-ink, [^)]*\)", "", tag)
    return LONG.sub(_shorten, tag).replace(' style=""', "")


def _shorten(number: "re.Match[str]") -> str:
    """Return a number with one decimal, two where it may be a share."""
    value = float(number[0])
    return f"{round(value, 2 if abs(value) < 2 else 1) + 0.0:g}"


def _keep_weight(font: "re.Match[str]") -> str:
    weight = "; font-weight: 700" if re.search(r"\b(?:bold|700)\b", font[1]) else ""
    return f"font-size: {font[2]}{weight}"


def _write(marks: Iterable[Mark]) -> str:
    circles = [
        f'<circle cx="{mark.x:.1f}" cy="{mark.y:.1f}" r="6"><title>{escape(mark.text)}</title>'
        "</circle>"
        for mark in marks
    ]
    return f'<g class="cb-marks">{"".join(circles)}</g>' if circles else ""
