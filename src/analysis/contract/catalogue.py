"""The catalogue: every table that a run writes, every column with label, unit and meaning.

One YAML file per chapter in `catalogue/`. Table heads, number formats, heads of downloads, the
data dictionary and the check that a table has the columns it promises come from here.
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from analysis.base.errors import ReportError
from analysis.contract import stages

FOLDER = Path(__file__).with_name("catalogue")
PARTS = ("columns", "tables", "files")
UNITS = (
    "share", "points", "count", "days", "score", "money", "ratio", "date", "text", "same",
)  # fmt: skip
"""Units of columns; `same` is the unit of the nearest column to the left that has one."""


@dataclass(frozen=True)
class Column:
    """One column: `values` gives the words for its codes, `is_shown` whether pages show it."""

    name: str
    label: str
    unit: str
    meaning: str
    values: dict[str, str] = field(default_factory=dict)
    is_shown: bool = True


@dataclass(frozen=True)
class Table:
    """One table: where it is written, its title, the bases it rests on, and its columns."""

    name: str
    path: str
    title: str
    rests_on: tuple[str, ...]
    columns: tuple[Column, ...]


COMMON = "common"
"""The file whose columns every chapter may use."""


@cache
def _files() -> dict[str, dict[str, dict[str, Any]]]:
    """Return what each file describes: `columns`, `tables` and `files`."""
    loaded = {}
    for path in sorted(FOLDER.glob("*.yml")):
        entries = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        loaded[path.stem] = {part: entries.get(part) or {} for part in PARTS}
    return loaded


def _home_of(name: str, part: str) -> str | None:
    """Return the file whose `part` describes `name`, None without one; raises ReportError where
    two do.
    """
    homes = [home for home, entries in _files().items() if name in entries[part]]
    if len(homes) > 1:
        raise ReportError(f"catalogue: {name!r} is described in {' and '.join(homes)}.")
    return homes[0] if homes else None


def _column(entry: str | dict[str, Any], shown: list[str] | None, home: str) -> Column:
    given = {"name": entry} if isinstance(entry, str) else entry
    name = given["name"]
    described = _files()[home]["columns"].get(name) or _files()[COMMON]["columns"].get(name) or {}
    known = {**described, **given}
    if not {"label", "unit", "meaning"} <= set(known) or known["unit"] not in UNITS:
        raise ReportError(f"catalogue: {name!r} needs a label, a unit of {UNITS} and a meaning.")
    values = {str(code): str(word) for code, word in known.get("values", {}).items()}
    is_shown = shown is None or name in shown
    return Column(name, known["label"], known["unit"], known["meaning"], values, is_shown)


def features() -> frozenset[str]:
    """Return the names of all features: those that have words under `features` in model.yml."""
    return frozenset(_column("feature", None, "model").values)


@cache
def table_of(name: str) -> Table:
    """Return the table called `name`: the attribute of its chapter that holds it.

    Raises ReportError when it is not in the catalogue, or a column lacks its description.
    """
    home = _home_of(name, "tables")
    if home is None:
        raise ReportError(f"catalogue: no table {name!r}. Describe it in contract/catalogue/.")
    entry = _files()[home]["tables"][name]
    columns = tuple(_column(item, entry.get("shown"), home) for item in entry["columns"])
    rests_on = tuple(entry.get("rests_on") or ())
    return Table(name, stages.path_of(name), entry["title"], rests_on, columns)


def tables() -> list[Table]:
    """Return every table of the catalogue, by path."""
    names = [name for entries in _files().values() for name in entries["tables"]]
    return sorted((table_of(name) for name in names), key=lambda table: table.path)


def words_of(column: str) -> dict[str, str]:
    """Return the words for the codes of `column`, which one of the files describes.

    Raises ReportError when none does.
    """
    home = _home_of(column, "columns")
    if home is None:
        raise ReportError(f"catalogue: no column {column!r}. Describe it in contract/catalogue/.")
    return dict(_files()[home]["columns"][column].get("values") or {})


def columns_of(name: str) -> list[str]:
    """Return the columns that the artifact `name` promises: none for one described as a file.

    Raises ReportError when the catalogue does not describe it.
    """
    is_file = _home_of(name, "files") is not None
    return [] if is_file else [column.name for column in table_of(name).columns]


def title_of(name: str) -> str:
    """Return what the artifact of the attribute `name` holds, in a few words.

    Raises ReportError when the catalogue describes it neither as a table nor as a file.
    """
    home = _home_of(name, "files")
    return table_of(name).title if home is None else str(_files()[home]["files"][name])
