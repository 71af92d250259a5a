"""The words of every chart, one file per chapter in `captions/`, and how a chart is made of them.

Each chart has whole sentences, as templates of base.texts that its facts fill: `topic` (what the
chart is about, its title where there is nothing to draw), `title` (the finding), `subtitle` (what
is drawn, n, the interval), `label` (the alternative text: the values), and, where wanted, `note`,
`method`, `words` (fixed words on the drawing) and further templates that the drawing fills itself,
such as `mark`: what one point says.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib as mpl

from analysis.base import language, texts
from analysis.base.charts import Chart, Sketch, require_columns, with_short_names
from analysis.base.disclosure import MARK, withhold_marked
from analysis.base.drawing import NARROW, THEME, WIDE, Canvas, Drawing
from analysis.base.errors import ReportError
from analysis.base.unavailable import reason_of

FOLDER = Path(__file__).with_name("captions")
SENTENCES = ("topic", "title", "subtitle", "label")
P = ParamSpec("P")


@cache
def all_captions() -> dict[str, dict[str, Any]]:
    """Return the words of all charts by name."""
    files = [texts.read_texts(path.read_text(encoding="utf-8")) for path in _files()]
    return {name: entry for file in files for name, entry in file.items()}


def _files() -> list[Path]:
    return sorted(FOLDER.glob("*.yml"))


def caption(name: str) -> dict[str, Any]:
    """Return the words of a chart; raises ReportError where a sentence is missing."""
    entry = all_captions().get(name)
    absent = [part for part in SENTENCES if part not in (entry or {})]
    if entry is None or absent:
        raise ReportError(
            f"captions: the chart {name!r} has no {absent[0]!r}. Add it in contract/captions/."
        )
    return entry


def names() -> list[str]:
    """Return the names of all charts that have words."""
    return sorted(all_captions())


def chart(*required: str) -> Callable[[Callable[P, Sketch]], Callable[P, Chart]]:
    """Make a chart of a function `draw_NAME` that returns its Sketch: check the columns of its
    first table, fill the sentences of NAME, paint both widths; where the table could not be
    computed or has no rows, say why. What rests on too few people is not drawn: see
    base.disclosure.
    """

    def decorate(draw: Callable[P, Sketch]) -> Callable[P, Chart]:
        function = getattr(draw, "__name__", "chart")
        name, signature = function.removeprefix("draw_"), inspect.signature(draw)

        @functools.wraps(draw)
        def make(*args: P.args, **options: P.kwargs) -> Chart:
            return replace(make_once(*args, **options), again=lambda: make_once(*args, **options))

        def make_once(*args: P.args, **options: P.kwargs) -> Chart:
            bound = signature.bind(*args, **options)
            first, given = next(iter(bound.arguments.items()))
            if reason := reason_of(given):
                return _without_drawing(name, reason)
            require_columns(given, required, function)
            bound.arguments[first], _ = withhold_marked(given)
            if bound.arguments[first].empty:
                return _without_drawing(name, caption(name).get("nothing", "No data."))
            for argument, value in bound.arguments.items():
                bound.arguments[argument] = with_short_names(value)
            with mpl.rc_context(THEME):
                sketch = draw(*bound.args, **bound.kwargs)
                few = {"min_disclosed": minimum_of(given, bound.arguments)}
                money = str(bound.arguments.get("currency", ""))
                return _make_chart(name, given, sketch, {**few, "currency": money})

        return make

    return decorate


def minimum_of(frame: Any, arguments: Mapping[str, Any]) -> int:
    """Return the least number of people that the sentences may name."""
    marked = getattr(frame, "attrs", {}).get(MARK, {})
    return int(marked.get("minimum", arguments.get("min_disclosed", 1)))


def _without_drawing(name: str, reason: str, **facts: Any) -> Chart:
    topic = texts.render(caption(name)["topic"], facts)
    return Chart(name, topic, "", topic, reason=texts.render(reason, facts))


def _make_chart(name: str, frame: Any, sketch: Sketch, manner: dict[str, Any]) -> Chart:
    words = caption(name)
    drawn = {key: _said(word) for key, word in words.get("words", {}).items()}
    if sketch.paint is None:
        return _without_drawing(name, words.get("nothing", "No data."), **sketch.facts)

    def fill(part: str, **facts: Any) -> str:
        known = {**sketch.facts, **facts}
        return texts.render(words.get(part, ""), known, **manner)

    wide, narrow = (_paint(width, sketch, drawn, fill) for width in (WIDE, NARROW))
    return Chart(
        name, fill("title"), fill("subtitle"), fill("label"), fill("note"), fill("method"),
        frame=frame, wide=wide, narrow=narrow,
    )  # fmt: skip


def _said(word: Any) -> Any:
    """Return a fixed word of a drawing, or words by their places, in the language in use."""
    if isinstance(word, Mapping):
        return {place: language.say(str(text)) for place, text in word.items()}
    return language.say(word) if isinstance(word, str) else word


def _paint(width: int, sketch: Sketch, words: dict[str, Any], say: Any) -> Drawing:
    canvas = Canvas(width, words, say)
    if sketch.paint is not None:
        sketch.paint(canvas)
    return canvas.finish()
