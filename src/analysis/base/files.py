"""Read and write the small artifacts of a run, always in the same bytes."""

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pyarrow.parquet import read_schema

from analysis.base.errors import ReportError

MARKS = ("params.yml", "notebooks")
"""What the project's root holds."""


def project_root() -> Path:
    """Return the project's root: the working folder, or the nearest one above that holds MARKS."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if all((folder / name).exists() for name in MARKS):
            return folder
    return here


def place(folder: str | Path) -> Path:
    """Return `folder`, relative to the project's root if it is relative, as in a notebook that
    runs in its own folder.
    """
    return project_root() / Path(folder).expanduser()


NAMES = ("user_id", "group", "sample")
"""Columns of artifacts that hold values of the tables: text, whatever they look like."""


def read_json(path: str) -> Any:
    """Return what the JSON artifact `path` holds."""
    if not Path(path).is_file():
        raise ReportError(
            f"{path}: not found. Run the stage that writes it; `make book` runs every stage."
        )
    return json.loads(Path(path).read_text(encoding="utf-8"))


def read_text(path: str) -> str:
    """Return the text file `path`."""
    if not Path(path).is_file():
        raise ReportError(f"{path}: not found. Run from the project's root.")
    return Path(path).read_text(encoding="utf-8")


def write_json(value: Any, path: str) -> None:
    """Write `value` as JSON; numbers that are not finite become null."""
    text = json.dumps(_plain(value), indent=1, ensure_ascii=False, allow_nan=False)
    Path(path).write_text(text + "\n", encoding="utf-8")


def read_table(
    path: str, columns: Sequence[str] | None = None, filters: list[Any] | None = None
) -> pd.DataFrame:
    """Return the CSV or Parquet artifact `path`: identifiers and names of groups as they were
    written (0042 is text, and so is the group `NA`), an empty cell as missing. Of a Parquet file
    only `columns` (those that it has), and the rows that pass `filters` (see pandas), enter memory.
    """
    if not Path(path).is_file():
        raise ReportError(
            f"{path}: not found. Run the stage that writes it; `make book` runs every stage."
        )
    if path.endswith(".parquet"):
        kept = [name for name in read_schema(path).names if name in columns] if columns else None
        return pd.read_parquet(path, columns=kept, filters=filters)
    named = dict.fromkeys(NAMES, "str")
    table = pd.read_csv(path, dtype=named, keep_default_na=False, na_values="")
    return _in_texts(table, as_written)


def write_table(table: pd.DataFrame, path: str) -> None:
    """Write `table` without its index, as Parquet or CSV by the ending of `path`; one with a row
    per user for its owner's eyes only. In a CSV file no text is a formula: see as_text.
    """
    if path.endswith(".parquet"):
        table.to_parquet(path, index=False, compression="zstd")
    else:
        safe = _in_texts(table, as_text)
        has_returns = any("\r" in cell for cell in _texts(safe))
        quoting: Literal[0, 2] = 2 if has_returns else 0  # csv.QUOTE_NONNUMERIC, QUOTE_MINIMAL
        safe.to_csv(path, index=False, lineterminator="\n", encoding="utf-8", quoting=quoting)
    if "user_id" in table:
        keep_private(Path(path))


def keep_private(path: Path) -> None:
    """Let only the owner read the file, or those in a folder, and enter its folder."""
    for part in path.glob("*"):
        part.chmod(0o600)
    path.chmod(0o700 if path.is_dir() else 0o600)
    path.parent.chmod(0o700)


FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""How a text begins that a spreadsheet takes for a formula, or one that `as_text` has marked."""


def as_text(cell: Any) -> Any:
    """Return a text that a spreadsheet would take for a formula with an apostrophe before it, which
    makes it text there; anything else as it is, negative numbers among it.
    """
    if not isinstance(cell, str) or not FORMULA.match(cell):
        return cell
    return cell if NUMBER.fullmatch(cell) else f"'{cell}"


NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def as_written(cell: Any) -> Any:
    """Return a cell without the apostrophe that `as_text` put before it."""
    is_marked = isinstance(cell, str) and cell.startswith("'") and FORMULA.match(cell)
    return cell[1:] if is_marked else cell


def _is_text(column: "pd.Series[Any]") -> bool:
    return bool(pd.api.types.is_string_dtype(column.dtype) or column.dtype == object)


def _texts(table: pd.DataFrame) -> Iterator[str]:
    """Yield every different text of a table."""
    for name in table.columns:
        if _is_text(table[name]):
            yield from (cell for cell in table[name].unique() if isinstance(cell, str))


def _in_texts(table: pd.DataFrame, change: Callable[[Any], Any]) -> pd.DataFrame:
    """Return `table` with `change` made to every text that may need it."""
    changed = {}
    for name in table.columns:
        column = table[name]
        if _is_text(column):
            new = column.map(change, na_action="ignore")
            if not new.equals(column):
                changed[name] = new.astype(column.dtype)
    return table.assign(**changed) if changed else table


def finite(value: Any) -> Any:
    """Return `value` with None in place of numbers that are not finite: JSON has none."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    is_number = isinstance(value, float)
    return None if is_number and not math.isfinite(value) else value


def _plain(value: Any) -> Any:
    """Return `value` in JSON's own types."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return finite(value.item() if hasattr(value, "item") else value)
