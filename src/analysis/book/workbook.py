"""One workbook of all published tables: a sheet for each, after a list of them and the codebook.

It is made of the copies that `publish` let through, so nothing else can be in it. Numbers are
numbers, in the catalogue's formats; a text that starts like a formula stays a text. The same tables
give the same bytes.
"""

import hashlib
import io
import math
import re
import shutil
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from analysis.base.formats import NOT_NUMBERS
from analysis.base.language import say
from analysis.book import codebook
from analysis.book.show import unit_of
from analysis.contract.catalogue import Table

WORKBOOK = "tables.xlsx"
MONEY = "#,##0.00"
FORMATS = {
    "share": "0.0%", "points": "0.000", "count": "#,##0", "days": "#,##0.##", "score": "0.000",
    "ratio": "0.00", "money": MONEY, "p_value": "0.000",
}  # fmt: skip
"""Number formats by unit; others stay as a spreadsheet shows them."""
THEN = datetime(1980, 1, 1)
"""The time that the file's properties and parts carry, on every run."""
DATED = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")
LONGEST_NAME, WIDEST = 31, 60
"""Characters of a sheet's name, and of a column's width."""
HEAD, WRAPPED = Font(bold=True), Alignment(vertical="top", wrap_text=True)


def write_workbook(target: Path, tables: Sequence[Table], currency: str = "") -> None:
    """Write WORKBOOK into `target` from those of the tables that are there; amounts are in
    `currency`.
    """
    published = [table for table in tables if (target / table.path).is_file()]
    book = Workbook()
    listed: Worksheet = book.active
    listed.title = say("Tables")
    names = {table.path: table.name[:LONGEST_NAME] for table in published}
    heads = [say("Sheet"), say("Table"), say("File")]
    rows = [heads, *([names[t.path], t.title, t.path] for t in published)]
    _fill(listed, rows, [])
    for row, table in enumerate(published, start=2):
        listed.cell(row, 1).hyperlink = f"#'{names[table.path]}'!A1"
        listed.cell(row, 1).style = "Hyperlink"
    _fill(book.create_sheet(say("Codebook")),
          [codebook.heads_in_words(), *codebook.codebook_of(target, published, currency)],
          [])  # fmt: skip
    for table in published:
        rows = codebook.read_rows(target / table.path)
        sheet = book.create_sheet(names[table.path])
        _fill(sheet, rows, _units(table, rows[0]), currency)
    (target / WORKBOOK).write_bytes(_undated(book))


def keep_workbook(target: Path, tables: Sequence[Table], cache: Path, currency: str = "") -> None:
    """Write WORKBOOK as write_workbook does, or copy that of the last build from the folder `cache`
    where neither the tables nor the code have changed: it takes seconds.
    """
    kept = cache / f"{_digest(target, tables, currency)}-{WORKBOOK}"
    if not kept.is_file():
        for old in cache.glob(f"*-{WORKBOOK}"):
            old.unlink()
        write_workbook(target, tables, currency)
        shutil.copyfile(target / WORKBOOK, kept)
    shutil.copyfile(kept, target / WORKBOOK)


def _digest(target: Path, tables: Sequence[Table], currency: str) -> str:
    code = [Path(__file__), Path(codebook.__file__)]
    paths = [*code, *(target / table.path for table in tables)]
    digest = hashlib.sha256(repr((tables, currency)).encode())
    for path in paths:
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()[:16]


def _units(table: Table, heads: Sequence[str]) -> list[str]:
    units = {column.name: unit_of(column, table) for column in table.columns}
    return [units.get(name, "text") for name in codebook.names_of(heads, table)]


def _fill(
    sheet: Worksheet, rows: Sequence[Sequence[str]], units: Sequence[str], currency: str = ""
) -> None:
    for number, row in enumerate(rows, start=1):
        for column, text in enumerate(row, start=1):
            unit = units[column - 1] if units and number > 1 else "text"
            _write(sheet.cell(number, column), text, unit, currency)
    for column, texts in enumerate(zip(*rows, strict=True), start=1):
        sheet.cell(1, column).font = HEAD
        width = min(WIDEST, max(len(text) for text in texts) + 2)
        sheet.column_dimensions[get_column_letter(column)].width = width
    sheet.freeze_panes = "B2"
    sheet.auto_filter.ref = sheet.dimensions


def _write(cell: Cell, text: str, unit: str, currency: str) -> None:
    number = None if unit in NOT_NUMBERS else _number(text)
    if number is not None:
        cell.value = number
        if unit in FORMATS:
            cell.number_format = FORMATS[unit]
        if unit == "money" and currency:
            cell.number_format = f"[${currency}] {MONEY}"
    elif text:
        cell.value = text
        cell.data_type = "s"  # never a formula, whatever it starts with
        if text[0] in "=+-@\t\r":
            cell.quotePrefix = True
        if len(text) > WIDEST:
            cell.alignment = WRAPPED


def _number(text: str) -> float | int | None:
    try:
        value = float(text)
    except ValueError:
        return None
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and re.fullmatch(r"-?\d+", text) else value


def _undated(book: Any) -> bytes:
    """Return the workbook's file with THEN in place of the clock, its parts in one order."""
    book.properties.creator = "churnbook"
    written, undated = io.BytesIO(), io.BytesIO()
    book.save(written)
    stamp = THEN.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    with zipfile.ZipFile(written) as parts, zipfile.ZipFile(undated, "w") as target:
        for name in sorted(parts.namelist()):
            info = zipfile.ZipInfo(name, THEN.timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, DATED.sub(rb"\g<1>" + stamp, parts.read(name)))
    return undated.getvalue()
