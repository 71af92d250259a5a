"""Read the input tables with the engine: never guessing, and never more or less than is written.

DuckDB gets the dialect and every column as text, and stops at what does not fit. A text file that
it refuses is read by Python's csv module, which either reads it or says where it is broken.
"""

import json
import tempfile
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import islice
from operator import and_
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import ArrowException

from analysis.base.dialects import (
    LONGEST_LINE,
    Dialect,
    Given,
    check_header,
    exact_rows,
    recognise,
)
from analysis.base.errors import ReportError
from analysis.base.unpacking import SAMPLE, Part, as_utf8, unpack

STRICT = {
    "header": False, "strict_mode": True, "ignore_errors": False, "null_padding": False,
    "max_line_size": LONGEST_LINE, "buffer_size": 8 * LONGEST_LINE, "compression": "none",
}  # fmt: skip
ROWS_AT_ONCE = 2000
SAID = (
    "file_kind", "files", "packing", "encoding", "delimiter", "quoting", "decimal_mark",
    "repeated_headers", "columns_absent",
)  # fmt: skip
"""What is said of the files that are written alike: see files_table."""


@dataclass(frozen=True)
class Group:
    """Files written alike: `table` (Ibis) has their `rows`, without `repeated` header lines."""

    parts: Sequence[Part]
    columns: tuple[str, ...]
    table: Any
    rows: int
    dialect: Dialect | None = None
    repeated: int = 0


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
            read = _json_groups if kinds == ["JSON"] else _csv_groups
            groups = read(con, parts, given, scratch)
        _check_required(table, groups, required)
        groups = [_points(group, numbers) for group in groups]
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


def _count(table: Any) -> int:
    """Return the rows of `table`, of which one column is read to its end."""
    return _counts(table, ibis.literal(0))[0]


def _counts(table: Any, suspects: Any) -> tuple[int, int]:
    """Return the rows of `table` and the sum of `suspects`, in one pass."""
    last = table[table.columns[-1]].max()
    row = table.aggregate(n=table.count(), last=last, s=suspects.sum()).to_pyarrow()
    return int(row["n"][0].as_py()), int(row["s"][0].as_py() or 0)


def _suspects(table: Any) -> Any:
    """Return whether the first cell of each row is a name of the header, as in a second header."""
    first = table.columns[0]
    return table[first].isin([*table.columns, *_variants(first)])


def _variants(name: str) -> list[str]:
    """Return how the first name of a header is read in the middle of a file."""
    return [name, f"\ufeff{name}", f'\ufeff"{name}"']


def _parquet(con: Any, parts: Sequence[Part]) -> Group:
    for part in parts:
        try:
            check_header(pq.read_schema(part.path).names, part.where)
        except ArrowException as error:
            raise ReportError(
                f"{part.where} is cut off or damaged: {_first_line(error)} Write it again."
            ) from error
    try:
        table = con.read_parquet([str(part.path) for part in parts], union_by_name=True)
        return Group(parts, tuple(table.columns), table, _count(table))
    except duckdb.Error as error:
        raise ReportError(
            f"{parts[0].where} cannot be read as Parquet: {_first_line(error)} Write it again."
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".") + "."


def _csv_groups(con: Any, parts: Sequence[Part], given: Given, scratch: Path) -> list[Group]:
    alike: dict[tuple[Any, ...], list[Part]] = defaultdict(list)
    for part in parts:
        key = _dialect(part, given), part.encoding, part.packing, part.line_end
        alike[key].append(part)
    return [_csv(con, group, key[0], scratch) for key, group in alike.items()]


def _dialect(part: Part, given: Given) -> Dialect:
    with part.path.open("rb") as file:
        start = file.read(SAMPLE + 1)
    sample = start.decode("utf-8-sig", errors="ignore")
    _check_page(sample, part)
    return recognise(sample, len(start) <= SAMPLE, given, part.where)


def _check_page(sample: str, part: Part) -> None:
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


def _csv(con: Any, parts: Sequence[Part], dialect: Dialect, scratch: Path) -> Group:
    try:
        if parts[0].line_end is None:  # the engine looks at the first line end, even in a cell
            raise duckdb.InvalidInputException("lines end in more than one way.")
        table = _strict_csv(con, parts, dialect)
        group = _without_headers(Group(parts, dialect.header, table, 0, dialect))
    except duckdb.Error as error:
        group = _exact_csv(con, parts, dialect, scratch)
        if dialect.escape != dialect.quote:  # csv takes a backslash outside quotes for one, too
            raise ReportError(
                f"{parts[0].where} cannot be read: {_first_line(error)} Export it again, with "
                "quotes inside quotes written twice."
            ) from error
    return group


def _exact_csv(con: Any, parts: Sequence[Part], dialect: Dialect, scratch: Path) -> Group:
    """Return files that Python's csv module reads, row by row, by way of copies in Parquet."""
    copies = [_rewritten(part, dialect, scratch) for part in parts]
    table = con.read_parquet([str(copy.path) for copy in copies])
    return _without_headers(Group(copies, dialect.header, table, 0, dialect))


def _rewritten(part: Part, dialect: Dialect, scratch: Path) -> Part:
    target = scratch / f"{len(list(scratch.iterdir()))}"
    schema = pa.schema([(name, pa.string()) for name in dialect.header])
    with (
        part.path.open(encoding="utf-8-sig", newline="") as lines,
        pq.ParquetWriter(target, schema) as copy,
    ):
        rows = exact_rows(lines, dialect, part.where)
        while some := list(islice(rows, ROWS_AT_ONCE)):
            columns = ([cell or None for cell in cells] for cells in zip(*some, strict=True))
            copy.write_batch(pa.record_batch([pa.array(c, pa.string()) for c in columns], schema))
    return replace(part, path=target, is_copy=True)


def _strict_csv(con: Any, parts: Sequence[Part], dialect: Dialect) -> Any:
    return con.read_csv(
        [str(part.path) for part in parts],
        columns=dict.fromkeys(dialect.header, "VARCHAR"),
        delim=dialect.delimiter,
        quote=dialect.quote,
        escape=dialect.escape if dialect.quote else "",
        skip=dialect.skip,
        **STRICT,
    )


def _without_headers(group: Group) -> Group:
    """Return a group with its rows counted, without the header lines that stand between them, as
    in files put one behind the other. Raises ReportError for such a line with its names in
    another order.
    """
    first, *rest = group.columns
    table, suspects = group.table, _suspects(group.table)
    n_rows, n_suspects = _counts(table, suspects)
    if not rest or not n_suspects:
        return replace(group, rows=n_rows)
    rows = table.filter(suspects).distinct().limit(1000).to_pyarrow().to_pylist()
    for row in rows:
        others = [str(row[name]).strip() for name in rest]
        if others != rest and set(others) <= set(group.columns):
            raise ReportError(
                f"{group.parts[0].where}: a second header stands between the rows, in another "
                f"order: {', '.join(map(str, row.values()))!r}. Put each table into a file."
            )
    is_header = reduce(
        and_, (table[name].strip() == name for name in rest), table[first].isin(_variants(first))
    ).fill_null(False)
    kept = table.filter(~is_header)
    rows_kept = int(kept.count().execute())
    return replace(group, table=kept, rows=rows_kept, repeated=n_rows - rows_kept)


def _points(group: Group, numbers: Collection[str]) -> Group:
    """Return a group whose numbers have a point for their decimal comma, none for thousands."""
    dialect = group.dialect
    if dialect is None or dialect.decimal != ",":
        return group
    names = [n for n in group.columns if n in numbers or n in dialect.with_commas]
    pattern = r"^\s*[-+]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+)(,[0-9]+)?\s*$"
    cells = {name: group.table[name] for name in names}
    pointed = {
        name: ibis.ifelse(cell.re_search(pattern), cell.replace(".", "").replace(",", "."), cell)
        for name, cell in cells.items()
    }
    return replace(group, table=group.table.mutate(**pointed)) if names else group


def _json_groups(con: Any, parts: Sequence[Part], given: Given, scratch: Path) -> list[Group]:
    alike: dict[tuple[tuple[str, ...], str, str, bool], list[Part]] = defaultdict(list)
    for part in parts:
        with part.path.open(encoding="utf-8") as file:
            start = file.read(SAMPLE)
        _check_page(start, part)
        is_list = start.lstrip().startswith("[")
        alike[_keys(con, part, is_list), part.encoding, part.packing, is_list].append(part)
    return [_json(con, group, key[0], key[3]) for key, group in alike.items()]


def _layout(is_list: bool) -> str:
    return "array" if is_list else "newline_delimited"


def _keys(con: Any, part: Part, is_list: bool) -> tuple[str, ...]:
    """Return the names in the objects of a JSON file, those of the fullest first."""
    query = (
        "SELECT DISTINCT json_type(json), json_keys(json) "
        "FROM read_json_objects($path, format = $layout)"
    )
    try:
        rows = con.con.execute(query, {"path": str(part.path), "layout": _layout(is_list)})
        found = rows.fetchall()
    except duckdb.Error as error:
        raise _broken_json(part, is_list, error) from error
    if not any(keys for _, keys in found) or any(kind != "OBJECT" for kind, _ in found):
        raise _broken_json(part, is_list, None)
    lists = sorted((list(dict.fromkeys(keys)) for _, keys in found), key=lambda k: (-len(k), k))
    return check_header(list(dict.fromkeys(name for keys in lists for name in keys)), part.where)


def _json(con: Any, parts: Sequence[Part], names: tuple[str, ...], is_list: bool) -> Group:
    columns = dict.fromkeys(names, "VARCHAR")
    try:
        table = con.read_json(
            [str(part.path) for part in parts], columns=columns, format=_layout(is_list)
        )
        return Group(parts, names, table, _count(table))
    except duckdb.Error as error:
        raise _broken_json(parts[0], is_list, error) from error


def _broken_json(part: Part, is_list: bool, error: Exception | None) -> ReportError:
    """Return the error that names the first line of a JSON file that is no object."""
    line = None if is_list else _line_without_object(part.path)
    what = "an item of the list" if line is None else f"line {line}"
    why = f": {_first_line(error)}" if error and line is None else "."
    return ReportError(
        f"{part.where}: {what} is not one JSON object{why} Write one object per line; if the file "
        "is CSV, give it the ending .csv."
    )


def _line_without_object(path: Path) -> int | None:
    with path.open(encoding="utf-8") as lines:
        for n, line in enumerate(lines, 1):
            try:
                is_object = not line.strip() or isinstance(json.loads(line), dict)
            except ValueError:
                is_object = False
            if not is_object:
                return n
    return None
