"""Read the input tables with the engine: never guessing, and never more or less than is written."""

import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pandas as pd
import pyarrow.parquet as pq
from pyarrow import ArrowException

from analysis.base.addresses import KIND
from analysis.base.csv_files import csv_groups, with_points
from analysis.base.dialects import Given, check_header
from analysis.base.encodings import as_utf8
from analysis.base.errors import ReportError
from analysis.base.groups import Group, count_rows, first_line
from analysis.base.json_files import json_groups
from analysis.base.unpacking import Part, unpack

SAID = (
    "file_kind", "files", "packing", "encoding", "delimiter", "quoting", "decimal_mark",
    "repeated_headers", "columns_absent",
)  # fmt: skip
"""What is said of the files that are written alike: see files_table."""


@dataclass(frozen=True)
class Source:
    """An input table: `table` (Ibis), its `rows`, and `files`, how its files were read."""

    table: Any
    rows: int
    files: list[dict[str, Any]]


def scan(
    con: Any,
    files: Sequence[Path],
    table: str,
    given: Given | None = None,
    required: Collection[str] = (),
    numbers: Collection[str] = (),
) -> Source:
    """Return the rows of `files` under the names in their headers, all columns of text files as
    text; a column that some files lack is null there.

    `numbers` are columns whose decimal comma, where the files have one, becomes a point. Each
    file must have the `required` columns, or none must. Raises ReportError when a file is not
    what its ending says, is damaged, or has a row that does not fit its header.
    """
    given = given or Given()
    with tempfile.TemporaryDirectory(prefix="churnbook-") as folder:
        scratch = Path(folder)
        parts = [part for path in files for part in unpack(path, table, scratch)]
        kinds = sorted({part.kind for part in parts})
        if len(kinds) > 1:
            held = " and ".join(kinds)
            raise ReportError(f"{table}: {str(files[0])!r} holds {held}; give files of one kind.")
        if kinds == ["Parquet"]:
            groups = [_parquet(con, parts)]
        else:
            parts = [as_utf8(part, given.encoding, scratch) for part in parts]
            is_json = kinds == ["JSON"]
            groups = json_groups(con, parts) if is_json else csv_groups(con, parts, given, scratch)
        _check_required(table, groups, required)
        groups = [with_points(group, numbers) for group in groups]
        return _union([_kept(con, group) for group in groups])


def _kept(con: Any, group: Group) -> Group:
    """Return a group whose rows are in the engine if its files are copies, which are removed."""
    if not any(part.is_copy for part in group.parts):
        return group
    name = ibis.util.gen_name("copied")
    return replace(group, table=con.create_table(name, group.table, temp=True))


def _union(groups: Sequence[Group]) -> Source:
    names = list(dict.fromkeys(name for group in groups for name in group.columns))
    tables = [
        group.table.select(
            **{n: group.table[n] if n in group.columns else ibis.null("string") for n in names}
        )
        for group in groups
    ]
    table = groups[0].table if len(groups) == 1 else ibis.union(*tables, distinct=False)
    said = [_said(group, len(names) - len(group.columns)) for group in groups]
    return Source(table, sum(group.rows for group in groups), said)


def _said(group: Group, absent: int) -> dict[str, Any]:
    part, dialect = group.parts[0], group.dialect
    marks = (dialect.delimiter_name, dialect.quoting, dialect.decimal) if dialect else (None,) * 3
    how = part.kind, len(group.parts), part.packing, part.encoding or None, *marks
    return dict(zip(SAID, (*how, group.repeated, absent), strict=True))


def files_table(files: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return one row for the files that are written alike: `file_kind`, `files` (count), how they
    are written (missing where it does not apply, or the files do not show it), `repeated_headers`
    (header lines left out from between the rows) and `columns_absent` (columns that other files
    have; counts).
    """
    return pd.DataFrame(list(files), columns=list(SAID))


def _check_required(table: str, groups: Sequence[Group], required: Collection[str]) -> None:
    having = [group for group in groups if set(required) <= set(group.columns)]
    lacking = [group for group in groups if group not in having]
    if having and lacking:
        group, files = lacking[0], sum(len(group.parts) for group in lacking)
        name = next(name for name in required if name not in group.columns)
        raise ReportError(
            f"{group.parts[0].where} has no column {name!r}, which other files have "
            f"({files} such {'file' if files == 1 else 'files'}). It has: "
            f"{', '.join(group.columns)}. Take it out, or give it the same header."
        )


def _parquet(con: Any, parts: Sequence[Part]) -> Group:
    kinds = []
    for part in parts:
        try:
            schema = pq.read_schema(part.path)
            check_header(schema.names, part.where)
            kinds.append((schema.metadata or {}).get(KIND, b"Parquet").decode())
        except (ArrowException, OSError) as error:
            raise ReportError(
                f"{part.where} is cut off or damaged: {first_line(error)} Write it again."
            ) from error
    try:
        table = con.read_parquet([str(part.path) for part in parts], union_by_name=True)
        parts = [replace(part, kind=kind) for part, kind in zip(parts, kinds, strict=True)]
        return Group(parts, tuple(table.columns), table, count_rows(table))
    except duckdb.Error as error:
        raise ReportError(
            f"{parts[0].where} cannot be read as Parquet: {first_line(error)} Write it again."
        ) from error
