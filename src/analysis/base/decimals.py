"""Which mark stands before decimals, recognised on columns of numbers."""

import re

BY_COMMA = re.compile(r"[-+]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?")
BY_POINT = re.compile(r"[-+]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?")
SURE = re.compile(r"[-+]?(0|\d{4,}|\d{1,3}([.,]\d{3})+)[.,]\d+|[-+]?\d+[.,](\d{1,2}|\d{4,})")
"""A mark that cannot stand between thousands."""


def decimal_mark(
    header: tuple[str, ...], rows: list[list[str]], given: str | None
) -> tuple[str | None, tuple[str, ...]]:
    """Return the decimal mark of the file, None if no column or columns of both kinds show one,
    and the columns of numbers with commas.
    """
    columns = {
        name: [c for row in rows if n < len(row) and (c := row[n].strip()) and c != name]
        for n, name in enumerate(header)
    }
    filled = {name: cells for name, cells in columns.items() if cells}
    commas = [name for name, cells in filled.items() if _all(BY_COMMA, cells)]
    points = [name for name, cells in filled.items() if _all(BY_POINT, cells)]
    seen = {
        mark
        for mark, names in ((",", commas), (".", points))
        if any(mark in c and SURE.fullmatch(c) for name in names for c in filled[name]
               if c.rfind(mark) > c.rfind("." if mark == "," else ","))
    }  # fmt: skip
    mark = given or (seen.pop() if len(seen) == 1 else None)
    with_commas = [name for name in commas if any("," in c or "." in c for c in filled[name])]
    return mark, tuple(with_commas) if mark == "," else ()


def _all(pattern: re.Pattern[str], cells: list[str]) -> bool:
    return all(pattern.fullmatch(cell) for cell in cells)
