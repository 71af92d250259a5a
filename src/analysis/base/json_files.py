"""Read files of JSON objects, one per line or in one list, as columns of text."""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from analysis.base.dialects import check_header
from analysis.base.errors import ReportError
from analysis.base.groups import Group, check_page, count_rows, first_line
from analysis.base.unpacking import SAMPLE, Part


def json_groups(con: Any, parts: Sequence[Part]) -> list[Group]:
    alike: dict[tuple[tuple[str, ...], str, str, bool], list[Part]] = defaultdict(list)
    for part in parts:
        with part.path.open(encoding="utf-8") as file:
            start = file.read(SAMPLE)
        check_page(start, part)
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
        how = {"columns": columns, "format": _layout(is_list), "hive_partitioning": False}
        table = con.read_json([str(part.path) for part in parts], **how)
        return Group(parts, names, table, count_rows(table))
    except duckdb.Error as error:
        raise _broken_json(parts[0], is_list, error) from error


def _broken_json(part: Part, is_list: bool, error: Exception | None) -> ReportError:
    """Return the error that names the first line of a JSON file that is no object."""
    line = None if is_list else _line_without_object(part.path)
    what = "an item of the list" if line is None else f"line {line}"
    why = f": {first_line(error)}" if error and line is None else "."
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
