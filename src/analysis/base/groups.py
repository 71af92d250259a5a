"""Files of an input table that are written alike, read as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analysis.base.dialects import Dialect
from analysis.base.errors import ReportError
from analysis.base.unpacking import Part


@dataclass(frozen=True)
class Group:
    """Files written alike: `table` (Ibis) has their `rows`, without `repeated` header lines."""

    parts: Sequence[Part]
    columns: tuple[str, ...]
    table: Any
    rows: int
    dialect: Dialect | None = None
    repeated: int = 0


def count_rows(table: Any) -> int:
    """Return the rows of `table`, of which one column is read to its end."""
    return count_both(table, table[table.columns[-1]].isnull())[0]


def count_both(table: Any, suspects: Any) -> tuple[int, int]:
    """Return the rows of `table`, and those that are `suspects`, in one pass."""
    last = table[table.columns[-1]].max()
    row = table.aggregate(n=table.count(), last=last, suspects=suspects.sum()).to_pyarrow()
    return int(row["n"][0].as_py()), int(row["suspects"][0].as_py() or 0)


def first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".") + "."


def check_page(sample: str, part: Part) -> None:
    start = sample.lstrip()[:200].lower()
    if not start:
        raise ReportError(f"{part.where} has no rows: the file is empty. Export it again.")
    if start.startswith("<"):
        raise ReportError(
            f"{part.where} is a web page (HTML or XML), not a table: {start[:60]!r}. The "
            "download may have ended on a page of the server. Download it again."
        )
    if part.kind == "CSV" and start.startswith(("{", "[{", "[]")):
        raise ReportError(
            f"{part.where} is JSON, not CSV: {start[:60]!r}. If each line is a row, give it the "
            "ending .jsonl; if it is the answer of a server, download the table again."
        )
