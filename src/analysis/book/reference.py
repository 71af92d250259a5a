"""The directives that print tables of the summary, definitions, and what a run was made of."""

import importlib
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import yaml
from docutils import nodes
from docutils.core import publish_doctree
from docutils.parsers.rst import directives

from analysis.base import conditions, files
from analysis.base.addresses import without_place
from analysis.base.errors import ReportError
from analysis.base.language import say
from analysis.book.artifacts import MANIFEST, REMEDY, read_text
from analysis.book.design import fold
from analysis.book.directive import BookDirective, data_dir
from analysis.book.publish import min_disclosed_of
from analysis.book.render import plain
from analysis.book.show import show, unit_of
from analysis.contract import catalogue, inputs
from analysis.contract.chapter import mark_people
from analysis.contract.stages import BILL, CRATE

CHECKSUM_SHOWN = 12
DOCSTRINGS = {
    "report_level": 2,
    "warning_stream": False,
    "file_insertion_enabled": False,
    "raw_enabled": False,
}
"""docutils' settings for docstrings: its messages become a ReportError, and it reads no file."""
Cell = str | dict[str, str]


class ArtifactTable(BookDirective):
    """A table of the catalogue by its name, with those rows for which `:where:` holds."""

    required_arguments = 1
    option_spec: ClassVar = {"where": directives.unchanged_required}

    def make(self) -> list[nodes.Node]:
        """Return the table as `show` prints it in a chapter."""
        entry = catalogue.table_of(self.arguments[0].strip())
        path = self.artifacts(entry.path).path(entry.path)
        if not path.is_file():
            raise ReportError(f"{entry.path} is missing. {REMEDY}")
        frame = files.read_table(str(path))
        minimum = min_disclosed_of(data_dir(self.env.app))
        shown = choose_rows(mark_people(frame, entry.name, minimum), self.option("where"))
        shown.attrs["table"] = entry.name
        up = "../" * self.env.docname.count("/")
        return [self.html(show(shown, root=up).as_raw_html())]


def choose_rows(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return the rows for which `where`, a condition on the columns, holds; all without one."""
    if not where:
        return frame
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    chosen = [conditions.holds(where, {str(k): v for k, v in row.items()}) for row in rows]
    return frame[chosen]


ORIGIN = "From {source}"


class MetricDefinition(BookDirective):
    """The docstring of the function that computes a metric: one home for each definition."""

    required_arguments = 1
    option_spec: ClassVar = {"title": directives.unchanged_required}

    def make(self) -> list[nodes.Node]:
        """Return the docstring in a frame, under its title and over its source."""
        name = self.arguments[0].strip()
        text, source = find_docstring(name)
        self.env.note_dependency(source)
        title = nodes.paragraph("", say(self.option("title")), classes=["cb-definition-title"])
        before = say(ORIGIN).partition("{")[0]
        origin = nodes.paragraph("", before, nodes.literal("", name), classes=["cb-small"])
        box = nodes.container("", title, *parse_docstring(text, name), origin)
        box["classes"].append("cb-definition")
        return [box]


def find_docstring(name: str) -> tuple[str, str]:
    """Return the docstring of `package.module.object`, and its source file.

    Raises ReportError when the object does not exist or has no docstring.
    """
    module_name, _, attribute = name.rpartition(".")
    try:
        module = importlib.import_module(module_name)
        documented = getattr(module, attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ReportError(f"{name} does not exist or cannot be imported: {error}") from error
    text = inspect.getdoc(documented)
    if not text:
        raise ReportError(f"{name} has no docstring")
    return text, inspect.getsourcefile(module) or ""


def parse_docstring(text: str, name: str) -> list[nodes.Node]:
    """Return the nodes of a docstring (reStructuredText; `names` in single backticks are code).

    Raises ReportError for what docutils cannot read.
    """
    doctree = publish_doctree(text, settings_overrides=DOCSTRINGS)
    for message in doctree.findall(nodes.system_message):
        raise ReportError(f"the docstring of {name} cannot be read: {message.astext()}")
    for quoted in list(doctree.findall(nodes.title_reference)):
        quoted.replace_self(nodes.literal("", quoted.astext()))
    return list(doctree.children)


class Contract(BookDirective):
    """The data contract: every column of the two tables."""

    def make(self) -> list[nodes.Node]:
        """Return one table for users and one for events."""
        self.env.note_dependency(str(inspect.getsourcefile(inputs)))
        tables = [(say("Users"), inputs.USERS), (say("Events"), inputs.EVENTS)]
        return [self.render("table", **contract_table(*table)) for table in tables]


def reference_table(
    heads: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    caption: str = "",
    numeric: Sequence[str] = (),
) -> dict[str, Any]:
    """Return what the template `table` needs; columns named in `numeric` are to the right."""
    return {"heads": [say(head) for head in heads], "rows": [list(row) for row in rows],
            "caption": say(caption), "numeric": [say(head) for head in numeric]}  # fmt: skip


def contract_table(title: str, columns: Sequence[inputs.Column]) -> dict[str, Any]:
    """Return the columns of one input table: name, type, unit, whether required, meaning."""
    rows: list[list[Cell]] = [
        [
            {"code": column.name},
            say(column.type),
            say(plain(column.unit)),
            say("required" if column.required else "optional"),
            say(column.meaning),
        ]
        for column in columns
    ]
    return reference_table(["Column", "Type", "Unit", "Required", "Meaning"], rows, title)


class DataDictionary(BookDirective):
    """Every table that a run writes, with label, unit and meaning of each column."""

    def make(self) -> list[nodes.Node]:
        """Return one fold for each table, under the path of its file."""
        for path in catalogue.FOLDER.glob("*.yml"):
            self.env.note_dependency(str(path))
        made: list[nodes.Node] = [self.render("all_tables")]
        for entry in catalogue.tables():
            listed = self.render("table", **dictionary_table(entry), name=entry.path)
            made += fold(self.state, f"{entry.path}: {entry.title}", listed)
        return made


def dictionary_table(entry: catalogue.Table) -> dict[str, Any]:
    """Return the columns of one artifact: name, label, unit, meaning with the words of codes, and
    the bases that they rest on.
    """
    rows: list[list[Cell]] = [
        [
            {"code": column.name},
            column.label,
            say(unit_of(column, entry)),
            _with_codes(column),
            plain([say(basis) for basis in entry.bases_of(column)]),
        ]
        for column in entry.columns
    ]
    return reference_table(["Column", "Label", "Unit", "Meaning", "Rests on"], rows)


def _with_codes(column: catalogue.Column) -> str:
    codes = [f"{code}: {word}" for code, word in column.values.items()]
    return f"{column.meaning} {'; '.join(codes)}{'.' * bool(codes)}".strip()


class Parameters(BookDirective):
    """Every parameter of params.yml: value, unit, reason."""

    def make(self) -> list[nodes.Node]:
        """Return the table of parameters."""
        path = Path(self.env.srcdir) / "params.yml"
        self.env.note_dependency(str(path))
        entries = yaml.safe_load(read_text(path, "params.yml"))
        return [self.render("table", **parameters_table(entries, "Parameters", "Default"))]


def parameters_table(
    entries: Mapping[str, Any], caption: str = "", values: str = "Value"
) -> dict[str, Any]:
    """Return parameters, each `{value, unit, reason}`, as a table with `values` under that head."""
    rows: list[list[Cell]] = []
    for name, entry in entries.items():
        fields = entry if isinstance(entry, Mapping) and "value" in entry else {"value": entry}
        notes = [say(plain(fields.get(field))) for field in ("unit", "reason")]
        rows.append([{"code": name}, as_written(fields["value"]), *notes])
    heads = ["Parameter", values, "Unit", "Reason"]
    return reference_table(heads, rows, caption)


def as_written(value: Any) -> str:
    """Return a parameter's value as it is written in params.yml, without digit groups."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return str(value) if is_number else plain(without_place(value))


DOWNLOADS = {
    MANIFEST: "all of the above, with whole checksums",
    CRATE: "the same as RO-Crate (Process Run Crate 0.5)",
    BILL: "every package with its licence, as CycloneDX",
}


class Provenance(BookDirective):
    """What a run was made of: inputs, parameters, versions, artifacts."""

    def make(self) -> list[nodes.Node]:
        """Return the parts of summary/manifest.json that are there."""
        manifest = self.artifacts(MANIFEST).json(MANIFEST)
        folded = {
            "Parameters of this run": parameters_table(manifest.get("parameters") or {}),
            "Code": pairs_table(manifest.get("code") or {}, ["Name", "Value"]),
            "Packages": pairs_table(manifest.get("packages") or {}, ["Package", "Version"]),
            "Artifacts": artifacts_table(manifest.get("artifacts") or {}),
        }
        made: list[nodes.Node] = [
            self.render("table", **inputs_table(manifest.get("inputs") or []))
        ]
        for title, part in folded.items():
            said = say(title)
            made += fold(self.state, said, self.render("table", **part, name=said))
        there = {p: what for p, what in DOWNLOADS.items() if self.artifacts(p).path(p).is_file()}
        return [*made, *(self.render("download", path=p, words=say(w)) for p, w in there.items())]


def _checksum(value: Any) -> Cell:
    text = str(value or "")
    return {"code": text[:CHECKSUM_SHOWN], "title": text} if text else plain(None)


def inputs_table(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the input tables: name, file, rows, source, checksum."""
    fields = ("name", "file", "rows", "source")
    rows = [
        [*(say(plain(item.get(field))) for field in fields), _checksum(item.get("sha256"))]
        for item in entries
    ]
    heads = ["Table", "File", "Rows", "Source", "SHA-256"]
    return reference_table(heads, rows, "Inputs", ["Rows"])


def pairs_table(pairs: Mapping[str, Any], heads: Sequence[str]) -> dict[str, Any]:
    """Return names and values under two heads."""
    return reference_table(heads, [[name, plain(value)] for name, value in pairs.items()])


def artifacts_table(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the artifacts: file, rows, bytes, checksum."""
    rows: list[list[Cell]] = [
        [
            {"code": path},
            plain(entry.get("rows")),
            plain(entry.get("bytes")),
            _checksum(entry.get("sha256")),
        ]
        for path, entry in entries.items()
    ]
    heads = ["File", "Rows", "Bytes", "SHA-256"]
    return reference_table(heads, rows, numeric=["Rows", "Bytes"])
