"""Read the input tables with the engine: never guessing, and never more or less than is written."""

import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
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
from analysis.base.engine import in_process
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
class Piece:
    """A Parquet file: its `path`, `where` it is in words, its rows as a `table` (Ibis), which is
    like that of all files, and the `keys` that are read from the names of its folders.
    """

    path: Path
    where: str
    table: Any
    keys: tuple[str, ...] = ()

    def check(self) -> None:
        """Read every cell; raises ReportError when the file is damaged."""
        try:
            self.table.aggregate(
                **{n: self.table[n].hash().max() for n in self.table.columns}
            ).to_pyarrow()
        except duckdb.Error as error:
            raise _damaged(self.where, error) from error


@dataclass(frozen=True)
class Source:
    """An input table: `table` (Ibis), its `rows`, and `files`, how its files were read, and the
    `pieces` that it is made of, where these are Parquet.
    """

    table: Any
    rows: int
    files: list[dict[str, Any]]
    pieces: Sequence[Piece] = ()


def scan(
    con: Any,
    files: Sequence[Path],
    table: str,
    given: Given | None = None,
    required: Collection[str] = (),
    numbers: Collection[str] = (),
    *,
    keys: Collection[str] = (),
    is_checked: bool = True,
) -> Source:
    """Return the rows of `files` under the names in their headers, all columns of text files as
    text; a column that some files lack is null there.

    `numbers` are columns whose decimal comma, where the files have one, becomes a point. Of a
    folder that is partitioned, `keys` are columns of text if the Parquet files lack them. Unless
    `is_checked`, who reads the pieces is to check them when one cannot be read. Each file
    must have the `required` columns, or none must. Raises ReportError when a file is not what its
    ending says, is damaged, or has a row that does not fit its header.
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
            return _in_pieces(con, parts, keys, is_checked)
        parts = [as_utf8(part, given.encoding, scratch) for part in parts]
        is_json = kinds == ["JSON"]
        groups = json_groups(con, parts) if is_json else csv_groups(con, parts, given, scratch)
        _check_keys(table, groups, keys, kinds[0])
        _check_required(table, groups, required)
        groups = [with_points(group, numbers) for group in groups]
        return _union([_kept(con, group) for group in groups])


def _in_pieces(con: Any, parts: Sequence[Part], keys: Collection[str], is_checked: bool) -> Source:
    """Return Parquet files, and each of them: see scan."""
    how: dict[str, Any] = {"union_by_name": True, "hive_types_autocast": False}

    def read(paths: Sequence[Part], has_keys: bool) -> Any:
        return con.read_parquet([str(p.path) for p in paths], hive_partitioning=has_keys, **how)

    group = _parquet(parts, keys, lambda has_keys: read(parts, has_keys), is_checked)
    whole = _union([_kept(con, group)])
    if any(part.is_copy for part in parts):
        return whole
    types = whole.table.schema()
    given = {name for part in parts for name in pq.read_schema(part.path).names}
    more = tuple(key for key in keys if key in types and key not in given)
    pieces = [Piece(p.path, p.where, _like(read([p], bool(more)), types), more) for p in parts]
    return replace(whole, pieces=pieces)


def _like(table: Any, types: Mapping[str, Any]) -> Any:
    """Return a table with the columns and types of another; of names the engine takes the letters
    of ASCII in any case.
    """
    given = {_folded(name): table[name] for name in table.columns}
    cells = {name: given.get(_folded(name), ibis.null(t)).cast(t) for name, t in types.items()}
    return table.select(**cells)


def _folded(name: str) -> bytes:
    return name.encode().lower()


def scan_on_spark(
    con: Any, source: str, files: Sequence[Path], table: str, *how: Any, keys: Collection[str] = ()
) -> Source:
    """Return the rows of the file or folder `source`: see scan. Spark itself reads Parquet; other
    files are copied by this machine into one that Spark reads.
    """
    if any(path.suffix.lower() != ".parquet" for path in files):
        read = scan(in_process(), files, table, *how, keys=keys)
        return replace(read, table=con.take(read.table))
    parts = [part for path in files for part in unpack(path, table, Path())]
    paths = [str(path) for path in files]
    return _union(
        [
            _parquet(
                parts, keys, lambda k: con.read_parquet(source if k else paths, mergeSchema=True)
            )
        ]
    )


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


def _check_keys(table: str, groups: Sequence[Group], keys: Collection[str], kind: str) -> None:
    for key in keys:
        if any(key not in group.columns for group in groups):
            raise ReportError(
                f"{table}: {key!r} stands in the names of folders and not in the files, which is "
                f"read for Parquet only, not for {kind}. Write it into the files as a column."
            )


def _parquet(
    parts: Sequence[Part],
    keys: Collection[str],
    read: Callable[[bool], Any],
    is_checked: bool = True,
) -> Group:
    """Return files of Parquet, which are read with the keys of their folders where files lack one
    of these `keys`. Columns are in the order of the files, whatever the engine's. Files that are
    not checked for damage are only counted by what they say of themselves.
    """
    kinds, names, told = [], dict[str, None](), 0
    for part in parts:
        try:
            footer = pq.read_metadata(part.path)
            schema, told = footer.schema.to_arrow_schema(), told + footer.num_rows
            check_header(schema.names, part.where)
            names |= dict.fromkeys(schema.names)
            kinds.append((schema.metadata or {}).get(KIND, b"Parquet").decode())
        except (ArrowException, OSError) as error:
            raise ReportError(
                f"{part.where} is cut off or damaged: {first_line(error)} Write it again."
            ) from error
    try:
        more = [key for key in keys if key not in names]
        table = _in_order(read(bool(more)), [*names, *more])
        parts = [replace(part, kind=kind) for part, kind in zip(parts, kinds, strict=True)]
        rows = count_rows(table) if is_checked else told
    except duckdb.Error as error:
        raise _damaged(parts[0].where, error) from error
    return Group(parts, tuple(table.columns), table, rows)


def _damaged(where: str, error: duckdb.Error) -> ReportError:
    return ReportError(f"{where} cannot be read as Parquet: {first_line(error)} Write it again.")


def _in_order(table: Any, names: Sequence[str]) -> Any:
    """Return a table with those of its columns that are among `names`, in their order."""
    places = {name.casefold(): n for n, name in reversed(list(enumerate(names)))}
    kept = [name for name in table.columns if name.casefold() in places]
    kept.sort(key=lambda name: places[name.casefold()])
    return table if kept == list(table.columns) else table.select(*kept)
