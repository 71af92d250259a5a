"""Read text files whose rows are cells between delimiters.

DuckDB gets the dialect and every column as text, and stops at what does not fit. A file that it
refuses is read by Python's csv module, which either reads it or says where it is broken.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import reduce
from itertools import islice
from operator import and_
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.base.dialects import LONGEST_LINE, Dialect, Given, exact_rows, recognise
from analysis.base.errors import ReportError
from analysis.base.groups import Group, check_page, count_both, first_line
from analysis.base.unpacking import SAMPLE, Part

STRICT = {
    "header": False, "strict_mode": True, "ignore_errors": False, "null_padding": False,
    "max_line_size": LONGEST_LINE, "buffer_size": 8 * LONGEST_LINE, "compression": "none",
    "hive_partitioning": False,
}  # fmt: skip
ROWS_AT_ONCE = 2000


def csv_groups(con: Any, parts: Sequence[Part], given: Given, scratch: Path) -> list[Group]:
    alike: dict[tuple[Any, ...], list[Part]] = defaultdict(list)
    for part in parts:
        key = _dialect(part, given), part.encoding, part.packing, part.line_end
        alike[key].append(part)
    return [_csv(con, group, key[0], scratch) for key, group in alike.items()]


def _dialect(part: Part, given: Given) -> Dialect:
    with part.path.open("rb") as file:
        start = file.read(SAMPLE + 1)
    sample = start.decode("utf-8-sig", errors="ignore")
    check_page(sample, part)
    return recognise(sample, len(start) <= SAMPLE, given, part.where)


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
                f"{parts[0].where} cannot be read: {first_line(error)} Export it again, with "
                "quotes inside quotes written twice."
            ) from error
    return group


def _exact_csv(con: Any, parts: Sequence[Part], dialect: Dialect, scratch: Path) -> Group:
    """Return files that Python's csv module reads, row by row, by way of copies in Parquet."""
    if not any(dialect.header):
        raise ReportError(
            f"{parts[0].where} cannot be read: its first line has no names of columns. Add a line "
            "with the names."
        )
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
    in files put one behind the other, in upper or lower case. Raises ReportError for such a line
    with its names in another order.
    """
    names = [name.lower() for name in group.columns]
    first, rest = group.columns[0], names[1:]
    table, suspects = group.table, _suspects(group.table)
    n_rows, n_suspects = count_both(table, suspects)
    if not rest or not n_suspects:
        return replace(group, rows=n_rows)
    rows = table.filter(suspects).distinct().limit(1000).to_pyarrow().to_pylist()
    for row in rows:
        others = [str(row[name]).strip().lower() for name in group.columns[1:]]
        if others != rest and set(others) <= set(names):
            raise ReportError(
                f"{group.parts[0].where}: a second header stands between the rows, in another "
                f"order: {', '.join(map(str, row.values()))!r}. Put each table into a file."
            )
    is_header = reduce(
        and_,
        (_low(table[name]) == name.lower() for name in group.columns[1:]),
        _low(table[first]).isin(_variants(names[0])),
    ).fill_null(False)
    kept = table.filter(~is_header)
    rows_kept = int(kept.count().execute())
    return replace(group, table=kept, rows=rows_kept, repeated=n_rows - rows_kept)


def _suspects(table: Any) -> Any:
    """Return whether the first cell of each row is a name of the header, as in a second header."""
    first = table.columns[0]
    names = [name.lower() for name in table.columns]
    return _low(table[first]).isin([*names, *_variants(names[0])])


def _low(cells: Any) -> Any:
    return cells.strip().lower()


def _variants(name: str) -> list[str]:
    """Return how the first name of a header is read in the middle of a file."""
    return [name, f"\ufeff{name}", f'\ufeff"{name}"']


def with_points(group: Group, numbers: Collection[str]) -> Group:
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
