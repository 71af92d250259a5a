"""The catalogue: every table that a run writes, every column with label, unit and meaning.

One YAML file per chapter in `catalogue/`. Table heads, number formats, heads of downloads, the
data dictionary and the check that a table has the columns it promises come from here.
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.base import formats, language
from analysis.base.disclosure import Rule
from analysis.base.errors import ReportError
from analysis.base.language import say
from analysis.base.texts import read_texts
from analysis.contract import stages
from analysis.contract.checks import BASES

FOLDER = Path(__file__).with_name("catalogue")
PARTS = ("columns", "tables", "files")
UNITS = (*formats.UNITS, "same", "by row")
"""Units of columns; `same` is the unit of the nearest column to the left that has one, and `by row`
the one that the row's code has among the `units` of another column."""


ROW = "row"
"""What a column rests on whose rows say it themselves: see Column.bases and Column.names."""
NAMES = ("figures", "bases")
"""What the cells of a column can name that their row rests on."""
TYPES = {"text": "str", "month": "str", "date": "datetime64[us, UTC]"}
"""Types of the columns of an empty table by their unit; all others hold numbers."""


@dataclass(frozen=True)
class Column:
    """One column: `values` gives the words for its codes, `units` the units of the columns `by row`
    for its codes, `decimals` those of a number where the unit's own do not suit (of a text, those
    of the numbers among its words), `is_shown` whether pages show it. `rests_on` are the bases of
    its cells, None those of its table. Where that is ROW, other columns of the row say it: by
    `bases`, those of each code, or because their cells are themselves `names` of figures or bases.
    What `is_private` stays in data/: see book.downloads.
    """

    name: str
    label: str
    unit: str
    meaning: str
    values: dict[str, str] = field(default_factory=dict)
    is_shown: bool = True
    units: dict[str, str] = field(default_factory=dict)
    decimals: int | None = None
    rests_on: tuple[str, ...] | None = None
    bases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    names: str = ""
    is_private: bool = False


@dataclass(frozen=True)
class Table:
    """One table: where it is written, its title, the bases it rests on, its columns, and which of
    its cells count `people` or rest on them, as rules of base.disclosure. A table that
    `is_private` is published neither as it is nor in parts.
    """

    name: str
    path: str
    title: str
    rests_on: tuple[str, ...]
    columns: tuple[Column, ...]
    people: tuple[Rule, ...] = ()
    is_private: bool = False

    decides: str = ""
    """The column that a reader looks for: it stays in sight on a phone."""

    def bases_of(self, column: Column) -> tuple[str, ...]:
        """Return what the cells of a column rest on: bases, or ROW."""
        return self.rests_on if column.rests_on is None else column.rests_on


COMMON = "common"
"""The file whose columns every chapter may use."""
STUDIES = "studies"
"""The file of the tables that no stage writes."""


@cache
def _files() -> dict[str, dict[str, dict[str, Any]]]:
    """Return what each file describes: `columns`, `tables` and `files`."""
    loaded = {}
    for path in sorted(FOLDER.glob("*.yml")):
        entries = read_texts(path.read_text(encoding="utf-8")) or {}
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
    values = {str(code): say(str(word)) for code, word in known.get("values", {}).items()}
    is_shown = shown is None or name in shown
    units, decimals = known.get("units", {}), known.get("decimals")
    said = (say(known["label"]), known["unit"], say(known["meaning"]))
    bases = {str(code): _bases(found, name) for code, found in known.get("bases", {}).items()}
    rests_on = _bases(known["rests_on"], name) if "rests_on" in known else None
    names, is_private = known.get("names", ""), bool(known.get("is_private"))
    return Column(
        name, *said, values, is_shown, units, decimals, rests_on, bases, names, is_private
    )


def _bases(given: list[str], name: str) -> tuple[str, ...]:
    unknown = sorted({*given} - {*BASES, ROW})
    if unknown:
        raise ReportError(f"catalogue: {name!r} rests on {unknown[0]!r}, which is no basis.")
    return tuple(given)


def features() -> frozenset[str]:
    """Return the names of all features: those that have words under `features` in model.yml."""
    return frozenset(_column("feature", None, "model").values)


def table_of(name: str) -> Table:
    """Return the table called `name` in the language in use: the attribute of its chapter that
    holds it.

    Raises ReportError when it is not in the catalogue, or a column lacks its description.
    """
    return _table_of(name, language.current())


@cache
def _table_of(name: str, _language: str) -> Table:
    home = _home_of(name, "tables")
    if home is None:
        raise ReportError(f"catalogue: no table {name!r}. Describe it in contract/catalogue/.")
    entry = _files()[home]["tables"][name]
    columns = tuple(_column(item, entry.get("shown"), home) for item in entry["columns"])
    if "rests_on" not in entry and home != STUDIES:
        raise ReportError(f"catalogue: {name!r} must say what it `rests_on`; [] for nothing.")
    rests_on = _bases(entry.get("rests_on", []), name)
    path = entry.get("path") or stages.path_of(name)
    people = _people(entry, name, {column.name for column in columns})
    is_private = bool(entry.get("is_private"))
    decides = _decides(entry, name, {column.name for column in columns})
    return Table(name, path, say(entry["title"]), rests_on, columns, people, is_private, decides)


LISTS = ("rests", "next", "within", "curve")
OTHERS = ("where", "unless", "drop", "allows_none")
SINGLE = ("whole", "part", "share", "known", "label")


def _people(entry: dict[str, Any], name: str, columns: set[str]) -> tuple[Rule, ...]:
    rules: list[Rule] = entry.get("people", [])
    for rule in rules:
        named = {rule[key] for key in SINGLE if key in rule} | {*rule.get("where", {})}
        named |= {*rule.get("unless", {})}
        named |= {column for key in LISTS for column in rule.get(key, ())}
        unknown = sorted(named - columns) + sorted({*rule} - {*SINGLE, *LISTS, *OTHERS})
        if unknown or not ("whole" in rule or rule.get("drop")):
            raise ReportError(
                f"catalogue: a rule under `people` of {name!r} names {', '.join(unknown) or 'no'} "
                "whole, which is no column. See base/disclosure.py."
            )
    return tuple(rules)


def is_money(name: str) -> bool:
    """Say whether the table `name` of the catalogue has a column of amounts."""
    return is_table(name) and any(column.unit == "money" for column in table_of(name).columns)


def is_table(name: str) -> bool:
    """Say whether the catalogue describes a table called `name`."""
    return _home_of(name, "tables") is not None


def _decides(entry: dict[str, Any], name: str, columns: set[str]) -> str:
    decides = str(entry.get("decides", ""))
    if decides and decides not in columns:
        raise ReportError(f"catalogue: {name!r} is decided by {decides!r}, which is no column.")
    return decides


def tables() -> list[Table]:
    """Return every table that a run writes, by path."""
    homes = [entries["tables"] for home, entries in _files().items() if home != STUDIES]
    return sorted((table_of(name) for names in homes for name in names), key=lambda t: t.path)


def studies() -> list[Table]:
    """Return the tables of the studies, whose paths are those of files in book/."""
    return [table_of(name) for name in _files()[STUDIES]["tables"]]


def heads_of(name: str) -> dict[str, str]:
    """Return the label of each column of the table `name`, by the column's name."""
    return {column.name: column.label for column in table_of(name).columns}


def words_of(column: str) -> dict[str, str]:
    """Return the words for the codes of `column`, which one of the files describes.

    Raises ReportError when none does.
    """
    home = _home_of(column, "columns")
    if home is None:
        raise ReportError(f"catalogue: no column {column!r}. Describe it in contract/catalogue/.")
    values = _files()[home]["columns"][column].get("values") or {}
    return {code: say(word) for code, word in values.items()}


def columns_of(name: str) -> list[str]:
    """Return the columns that the artifact `name` promises: none for one described as a file.

    Raises ReportError when the catalogue does not describe it.
    """
    is_file = _home_of(name, "files") is not None
    return [] if is_file else [column.name for column in table_of(name).columns]


def empty_table(name: str) -> pd.DataFrame:
    """Return the table `name` without rows: its columns, with types that its readers can use."""
    columns = {
        c.name: pd.Series(dtype=TYPES.get(c.unit, "float64")) for c in table_of(name).columns
    }
    return pd.DataFrame(columns)


def title_of(name: str) -> str:
    """Return what the artifact of the attribute `name` holds, in a few words.

    Raises ReportError when the catalogue describes it neither as a table nor as a file.
    """
    home = _home_of(name, "files")
    return table_of(name).title if home is None else say(str(_files()[home]["files"][name]))
