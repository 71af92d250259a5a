"""Read and write the small artifacts of a run, always in the same bytes."""

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd

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


def read_table(path: str) -> pd.DataFrame:
    """Return the CSV or Parquet artifact `path`: identifiers and names of groups as they were
    written (0042 is text, and so is the group `NA`), an empty cell as missing.
    """
    if not Path(path).is_file():
        raise ReportError(
            f"{path}: not found. Run the stage that writes it; `make book` runs every stage."
        )
    if path.endswith(".parquet"):
        return pd.read_parquet(path)
    return pd.read_csv(path, dtype=dict.fromkeys(NAMES, "str"), keep_default_na=False, na_values="")


def write_table(table: pd.DataFrame, path: str) -> None:
    """Write `table` without its index, as Parquet or CSV by the ending of `path`."""
    if path.endswith(".parquet"):
        table.to_parquet(path, index=False, compression="zstd")
    else:
        table.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


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
