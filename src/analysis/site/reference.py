"""The directives that print tables, charts, definitions and what a run was made of."""

import base64
import importlib
import inspect
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import yaml
from docutils import nodes
from docutils.parsers.rst import directives

from analysis.base.errors import ReportError
from analysis.site import markup
from analysis.site.base import BookDirective
from analysis.site.conditions import holds
from analysis.site.figures import BLANK, UNITS, format_cell
from analysis.site.nodes import esc
from analysis.site.publish import is_public
from analysis.site.store import Row, prettify, read_text

PNG = b"\x89PNG\r\n\x1a\n"


def parse_pairs(text: str) -> dict[str, str]:
    """Return the pairs of `a: b; c: d`. Raises ReportError for one without a colon."""
    pairs = {}
    for part in filter(str.strip, text.split(";")):
        left, colon, right = part.partition(":")
        if not colon:
            raise ReportError(f"{part.strip()!r} must be written `column: value`")
        pairs[left.strip()] = right.strip()
    return pairs


def guess_format(column: str) -> str:
    """Return the unit that a column's name says: a rate is a share, users are a count."""
    if column.endswith("_rate"):
        return "share"
    is_count = column.endswith(("_count", "users", "_size")) or column == "at_risk"
    return "count" if is_count else "text"


def show_cell(column: str, value: str, unit: str) -> str:
    """Return a cell's text; True and False of an `is_` or `has_` column as yes and no."""
    if column.startswith(("is_", "has_")) and value in ("True", "False"):
        return "yes" if value == "True" else "no"
    return format_cell(value, unit)


def sort_rows(rows: Sequence[Row], order: str) -> list[Row]:
    """Return rows by a column, numbers by size, empty cells last; `-column` is descending."""
    column, is_descending = order.lstrip("-"), order.startswith("-")
    filled = [row for row in rows if row[column] != ""]
    empty = [row for row in rows if row[column] == ""]

    def key(row: Row) -> tuple[float, str]:
        try:
            return float(row[column]), ""
        except ValueError:
            return float("inf"), row[column]

    return sorted(filled, key=key, reverse=is_descending) + empty


class ArtifactTable(BookDirective):
    """A CSV artifact as a table, with a link to download it."""

    required_arguments = 1
    option_spec: ClassVar = {
        "columns": directives.unchanged,
        "rename": directives.unchanged,
        "formats": directives.unchanged,
        "max-rows": directives.positive_int,
        "sort": directives.unchanged,
        "caption": directives.unchanged,
        "where": directives.unchanged,
    }

    def make(self) -> list[nodes.Node]:
        """Return the table and the line under it."""
        path = self.arguments[0].strip()
        summary = self.summary(path)
        known, rows = summary.rows(path)
        columns = self._columns(path, known)
        chosen = self._choose(path, known, rows)
        limit = self.options.get("max-rows", len(chosen))
        shown, total = chosen[:limit], len(chosen)
        words = f"the first {limit:,} of {total:,} rows are shown" if limit < total else ""
        under = markup.download(path, words) if is_public(summary.data, summary.path(path)) else ""
        if words and not under:
            under = f'<p class="cb-under">{esc(words.capitalize())}.</p>'
        return self.html(self._table(columns, shown) + under)

    def _columns(self, path: str, known: Sequence[str]) -> list[str]:
        wanted = [name.strip() for name in self.option("columns").split(",") if name.strip()]
        for name in ("rename", "formats"):
            wanted_also = parse_pairs(self.option(name))
            self._require_known(path, known, list(wanted_also))
        self._require_known(path, known, wanted)
        return wanted or list(known)

    def _require_known(self, path: str, known: Sequence[str], names: Sequence[str]) -> None:
        missing = [name for name in names if name not in known]
        if missing:
            raise ReportError(f"{path} has no column {missing[0]!r}; it has {', '.join(known)}")

    def _choose(self, path: str, known: Sequence[str], rows: Sequence[Row]) -> list[Row]:
        def make_lookup(row: Row) -> Callable[[str], object]:
            def lookup(name: str) -> object:
                self._require_known(path, known, [name])
                return row[name]

            return lookup

        where, order = self.option("where"), self.option("sort").strip()
        chosen = [row for row in rows if not where or holds(where, make_lookup(row))]
        if not order:
            return chosen
        self._require_known(path, known, [order.lstrip("-")])
        return sort_rows(chosen, order)

    def _table(self, columns: Sequence[str], rows: Sequence[Row]) -> str:
        names, formats = parse_pairs(self.option("rename")), parse_pairs(self.option("formats"))
        units = [formats.get(column) or guess_format(column) for column in columns]
        wrong = [unit for unit in units if unit not in UNITS]
        if wrong:
            raise ReportError(
                f"unknown format {wrong[0]!r}; formats that exist: {', '.join(UNITS)}"
            )
        cells = [
            [
                esc(show_cell(name, row[name], unit))
                for name, unit in zip(columns, units, strict=True)
            ]
            for row in rows
        ]
        titles = [names.get(column) or prettify(column) for column in columns]
        numeric = [unit in markup.NUMERIC for unit in units]
        return markup.table(titles, cells, self.option("caption"), numeric)


class Chart(BookDirective):
    """A PNG artifact inside the page, with its alternative text."""

    required_arguments = 1
    option_spec: ClassVar = {"alt": directives.unchanged, "caption": directives.unchanged}

    def make(self) -> list[nodes.Node]:
        """Return the figure."""
        name = self.arguments[0].strip()
        if not self.option("alt").strip():
            raise ReportError(f"chart {name} needs :alt:, the text for those who do not see it")
        path = self.summary(name).path(name)
        if not path.is_file():
            raise ReportError(f"{name} is missing. Run `churnbook build`.")
        content = path.read_bytes()
        if not content.startswith(PNG):
            raise ReportError(f"{name} is not a PNG image")
        data, size = base64.b64encode(content).decode(), struct.unpack(">II", content[16:24])
        figure = markup.figure(data, size, self.option("alt"), self.option("caption"))
        return self.html(figure)


class MetricDefinition(BookDirective):
    """The docstring of the function that computes a metric: one home for each definition."""

    required_arguments = 1
    option_spec: ClassVar = {"title": directives.unchanged}

    def make(self) -> list[nodes.Node]:
        """Return the docstring as paragraphs."""
        name = self.arguments[0].strip()
        text, source = find_docstring(name)
        if source:
            self.env.note_dependency(source)
        return self.html(markup.docstring(text, name, self.option("title")))


def find_docstring(name: str) -> tuple[str, str]:
    """Return the docstring of `package.module.object`, and its source file.

    Raises ReportError when the object does not exist or says nothing.
    """
    module_name, _, attribute = name.rpartition(".")
    try:
        module = importlib.import_module(module_name)
        found = getattr(module, attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ReportError(f"{name} does not exist or cannot be imported: {error}") from error
    text = inspect.getdoc(found)
    if not text:
        raise ReportError(f"{name} has no docstring")
    return text, inspect.getsourcefile(module) or ""


class Contract(BookDirective):
    """The data contract: every column of the two tables."""

    def make(self) -> list[nodes.Node]:
        """Return one table for users and one for events."""
        module = importlib.import_module("analysis.contract")
        self.env.note_dependency(str(inspect.getsourcefile(module)))
        tables = [("Users", module.USERS), ("Events", module.EVENTS)]
        return self.html("".join(contract_table(title, columns) for title, columns in tables))


def contract_table(title: str, columns: Sequence[Any]) -> str:
    """Return the columns of one table: name, type, unit, whether it is required, meaning."""
    rows = [
        [
            f"<code>{esc(column.name)}</code>",
            esc(column.type),
            esc(markup.plain(column.unit)),
            "required" if column.required else "optional",
            esc(column.meaning),
        ]
        for column in columns
    ]
    return markup.table(["Column", "Type", "Unit", "Required", "Meaning"], rows, title)


class Parameters(BookDirective):
    """Every parameter of params.yml: value, unit, reason."""

    def make(self) -> list[nodes.Node]:
        """Return the table of parameters."""
        path = Path(self.env.srcdir) / "params.yml"
        self.env.note_dependency(str(path))
        entries = yaml.safe_load(read_text(path, "params.yml"))
        return self.html(parameters_table(entries, "Parameters"))


def parameters_table(entries: Mapping[str, Any], caption: str) -> str:
    """Return parameters, each `{value, unit, reason}`, as a table."""
    rows = []
    for name, entry in entries.items():
        fields = entry if isinstance(entry, Mapping) and "value" in entry else {"value": entry}
        texts = [
            str_value(fields["value"]),
            *(markup.plain(fields.get(x)) for x in ("unit", "reason")),
        ]
        rows.append([f"<code>{esc(name)}</code>", *map(esc, texts)])
    return markup.table(["Parameter", "Value", "Unit", "Reason"], rows, caption)


def str_value(value: Any) -> str:
    """Return a parameter's value as it is written in params.yml, without digit groups."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else markup.plain(value)


class Provenance(BookDirective):
    """What a run was made of: inputs, parameters, versions, artifacts."""

    def make(self) -> list[nodes.Node]:
        """Return the parts of summary/manifest.json that are there."""
        summary = self.summary("summary/manifest.json")
        manifest = summary.json("summary/manifest.json")
        parts = [
            _inputs_table(manifest.get("inputs") or []),
            fold("Parameters of this run", parameters_table(manifest.get("parameters") or {}, "")),
            fold("Code", _pairs_table(manifest.get("code") or {}, ("Name", "Value"))),
            fold("Packages", _pairs_table(manifest.get("packages") or {}, ("Package", "Version"))),
            fold("Artifacts", _artifacts_table(manifest.get("artifacts") or {})),
            markup.download("summary/manifest.json", "all of the above, with whole checksums"),
        ]
        return self.html("".join(parts))


def fold(title: str, content: str) -> str:
    """Return content that a reader opens."""
    return f'<details class="cb-fold"><summary>{esc(title)}</summary>{content}</details>'


def _checksum(value: Any) -> str:
    text = esc(value or "")
    return f'<code title="{text}">{text[:12]}</code>' if text else esc(BLANK)


def _inputs_table(inputs: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            *(esc(markup.plain(item.get(name))) for name in ("name", "file", "rows", "source")),
            _checksum(item.get("sha256")),
        ]
        for item in inputs
    ]
    names = ["Table", "File", "Rows", "Source", "SHA-256"]
    return markup.table(names, rows, "Inputs", [False, False, True, False, False])


def _pairs_table(pairs: Mapping[str, Any], names: Sequence[str]) -> str:
    rows = [[esc(name), esc(markup.plain(value))] for name, value in pairs.items()]
    return markup.table(names, rows)


def _artifacts_table(artifacts: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        [
            f"<code>{esc(path)}</code>",
            esc(markup.plain(entry.get("rows"))),
            esc(markup.plain(entry.get("bytes"))),
            _checksum(entry.get("sha256")),
        ]
        for path, entry in artifacts.items()
    ]
    return markup.table(["File", "Rows", "Bytes", "SHA-256"], rows, "", [False, True, True, False])
