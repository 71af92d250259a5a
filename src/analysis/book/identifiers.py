"""Which identifiers of the run's own tables stand in the built site.

Searched for is every value that the raw and the clean tables have as the identifier of a user, a
session, a device or an event, and every address (mail, IP, telephone). An identifier that looks
like one (six characters or more, a digit and a letter, or a sign such as `@`; or nine digits) is
searched for wherever it stands, in every byte: text, markup, scripts, the metadata of pictures.
Shorter ones, numbers and plain words cannot be told from the figures and words of the text. They
are searched for where a value of the tables is stated: as a whole cell of text, in quotation marks,
and in code.

Identifiers are many and pages few: the words of the site are collected first, and the engine gives
only those identifiers whose first and last word are among them.
"""

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import ibis
import pandas as pd
from PIL import Image, UnidentifiedImageError

NAMES = re.compile(
    r"(^|_)(user|session|device|event|visitor|visit|client|account|customer|member|person|"
    r"subscriber|install|installation|advertising|cookie)s?_?(id|uuid|guid|key|hash)$"
    r"|^(id|uuid|guid|idfa|idfv|gaid|imei|email|e_mail|mail|phone|telephone|msisdn|ip|ip_address)$",
    re.IGNORECASE,
)
"""Names of columns that identify somebody or something somebody did."""
WORD = re.compile(r"[^\W_]+")
LONG, LONG_NUMBER = 6, 9
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".tif", ".tiff")
STATED = re.compile(
    r"<t[dh]\b[^>]*>\s*(?:<[^>]+>\s*)*([^<>]{1,200}?)\s*<"
    r"|<(?:code|kbd|samp|tt)\b[^>]*>(?:<[^>]+>)*([^<>]{1,200}?)<"
    r"|[“‘«]([^“”‘’«»<>]{1,200})[”’»]|&quot;([^&<>]{1,200})&quot;|&#39;([^&<>]{1,200})&#39;",
)
"""Where a page states a value: a cell, code, or quotation marks."""
NUMBER = re.compile(r"[\d\s.,  +%-]*")


@dataclass(frozen=True)
class Found:
    """An identifier in the site: the file, the place in it, the table and column that it is of."""

    file: str
    place: str
    column: str
    value: str


def looks_like_an_id(value: str) -> bool:
    """Say whether a value is told from figures and words wherever it stands."""
    has_digit = any(character.isdigit() for character in value)
    if value.isdigit():
        return len(value) >= LONG_NUMBER
    if NUMBER.fullmatch(value):
        return False
    is_mixed = has_digit and any(character.isalpha() for character in value)
    return len(value) >= LONG and (is_mixed or "@" in value or (has_digit and ":" in value))


def files_of(site: Path) -> list[Path]:
    """Return every file of the site, sorted."""
    return sorted(path for path in site.rglob("*") if path.is_file())


def texts_of(path: Path) -> str:
    """Return what a file says: its bytes as text, as they are and without escapes; of a picture
    also its metadata, of a workbook what is packed in it.
    """
    content = path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            content = b"\n".join(packed.read(name) for name in packed.namelist())
    text = content.decode("utf-8", errors="replace")
    parts = [text]
    if path.suffix in PICTURES:
        parts = [content.decode("latin-1"), *_metadata(content)]
    elif "&" in text or "%" in text or "\\u" in text:
        unescaped = unescape(unquote(text))
        parts.append(re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), unescaped))
    return "\n".join(parts)


def _metadata(content: bytes) -> list[str]:
    try:
        with Image.open(io.BytesIO(content)) as picture:
            return [f"{name}={value}" for name, value in picture.info.items()]
    except (UnidentifiedImageError, OSError):
        return []


def identifying(columns: Iterable[str], named: Iterable[str] = ()) -> list[str]:
    """Return the columns that identify: by their names, or because they are `named`."""
    return [column for column in columns if column in {*named} or NAMES.search(str(column))]


def candidates(tables: Sequence[tuple[str, Any, Sequence[str]]], words: set[str]) -> pd.DataFrame:
    """Return the identifiers whose first and last word are among `words`: `column` (with its table)
    and `value`. `tables` are names, Ibis tables and their columns that identify.
    """
    every = sorted(words)
    known = ibis.memtable(pd.DataFrame({"first": every, "last": every}, dtype="str"))
    parts = [
        _candidates(table, column, known).assign(column=f"{name}.{column}")
        for name, table, columns in tables
        for column in columns
    ]
    return pd.concat([pd.DataFrame({"column": [], "value": []}, dtype="str"), *parts])


def _candidates(table: Any, column: str, known: Any) -> pd.DataFrame:
    """Return the values of a column with known ends; hardly any value has a known first word, so
    little is looked at again or held.
    """
    value = table[column].cast("string").strip()
    texts = table.select(value=value).filter(lambda t: t.value.notnull() & (t.value != ""))
    begun = texts.mutate(first=lambda t: t.value.re_extract(r"([\p{L}\p{N}]+)", 1))
    some = begun.semi_join(known.select("first"), "first").mutate(
        last=lambda t: t.value.re_extract(r"([\p{L}\p{N}]+)[^\p{L}\p{N}]*$", 1)
    )
    both = some.semi_join(known.select("last"), "last").select("value").distinct()
    found: pd.DataFrame = both.to_pyarrow().to_pandas()
    return found


def find(
    site: Path, tables: Sequence[tuple[str, Any, Sequence[str]]], harmless: set[str]
) -> list[Found]:
    """Return every identifier of `tables` that stands in the site. `harmless` are values that the
    site may state in a cell or quotation: those of other columns, and the book's own words.
    """
    texts = {path: texts_of(path) for path in files_of(site)}
    words = {word for text in texts.values() for word in WORD.findall(text)}
    some = candidates(tables, words).drop_duplicates("value")
    column_of = dict(zip(some["value"], some["column"], strict=True))
    everywhere = {value for value in column_of if looks_like_an_id(value)}
    stated = {*column_of} - everywhere - harmless
    found = []
    for path, text in texts.items():
        name = path.relative_to(site).as_posix()
        hits = [*_anywhere(text, everywhere), *_where_stated(path, text, stated)]
        found += [Found(name, place, column_of[value], value) for value, place in hits]
    return found


def _anywhere(text: str, values: set[str]) -> Iterator[tuple[str, str]]:
    for value in sorted(values):
        before, after = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
        if value.isdigit():
            before, after = r"(?<![0-9A-Za-z.,-])", r"(?![0-9A-Za-z.,])"
        if value in text and (match := re.search(before + re.escape(value) + after, text)):
            yield value, place_in(text, match.start())


def place_in(text: str, position: int) -> str:
    """Return the line and what stands around a position of a text."""
    around = " ".join(text[max(0, position - 40) : position + 60].split())
    return f"line {text.count(chr(10), 0, position) + 1}: ...{around}..."


def _where_stated(path: Path, text: str, values: set[str]) -> Iterator[tuple[str, str]]:
    if not values:
        return
    if path.suffix == ".csv":
        yield from _cells_of(text, values)
    elif path.suffix == ".html":
        for match in STATED.finditer(text):
            value = unescape(next(group for group in match.groups() if group)).strip()
            if value in values and not (value.isdigit() and match[1]):
                yield value, place_in(text, match.start())


def _cells_of(text: str, values: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the cells of text that are an identifier; a column of numbers has figures."""
    frame = pd.read_csv(io.StringIO(text), dtype="str", keep_default_na=False)
    for name in frame.columns:
        column = frame[name]
        if column.map(lambda cell: bool(NUMBER.fullmatch(cell))).all():
            continue
        for row in frame.index[column.isin(values)]:
            yield str(column[row]), f"column {name!r}, row {row + 1}"
