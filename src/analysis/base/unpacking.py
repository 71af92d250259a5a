"""From the files that people have to plain files in UTF-8: packing and endings.

A plain file in UTF-8 is read where it is. Of any other a copy is made in a temporary folder.
"""

import gzip
import shutil
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from analysis.base.errors import ReportError

KINDS = {
    ".csv": "CSV", ".tsv": "CSV", ".txt": "CSV",
    ".jsonl": "JSON", ".ndjson": "JSON", ".json": "JSON",
    ".parquet": "Parquet",
}  # fmt: skip
SPREADSHEETS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
SAVE_AS_CSV = "Open it, save the sheet as CSV (UTF-8), and give that file."
ENDINGS = ", ".join([*KINDS, ".gz and .zip"])

MAGIC = {
    b"PAR1": "Parquet", b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"\xd0\xcf\x11\xe0": "Excel",
    b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ": "xz",
}  # fmt: skip
CHUNK = 1 << 20
SAMPLE = 1 << 18
"""Bytes on which a dialect is recognised."""


def kind_of(name: str) -> str | None:
    """Return the kind of table (or `zip`) that the ending of a file's name promises."""
    path = PurePosixPath(name.lower())
    if path.suffix == ".zip":
        return "zip"
    return KINDS.get(PurePosixPath(path.stem).suffix if path.suffix == ".gz" else path.suffix)


@dataclass(frozen=True)
class Part:
    """One plain file: `where` names it in messages, `path` is where it is, itself or as a copy."""

    where: str
    path: Path
    kind: str
    packing: str = "none"
    encoding: str = ""
    is_copy: bool = False
    line_end: str | None = "\n"
    """LF or CRLF; None where lines end in a lone CR or in more than one way, or where cells hold a
    line end of the other kind.
    """


def unpack(path: Path, table: str, scratch: Path) -> list[Part]:
    """Return the plain files of `path`: itself, or what was packed in it, copied to `scratch`.

    Raises ReportError when it is damaged, or something else than its ending says.
    """
    kind, where = kind_of(path.name), f"{table}: {str(path)!r}"
    found = content_of(path)
    if found == "Excel" or (found == "zip" and kind != "zip" and _is_spreadsheet(path)):
        raise ReportError(f"{where} is a spreadsheet. {SAVE_AS_CSV}")
    if kind == "zip":
        return _unzip(path, where, scratch)
    is_gzip = path.suffix.lower() == ".gz"
    if is_gzip and found == "gzip":
        return [_gunzip(path, str(kind), where, scratch)]
    _check_ending(where, path.name, "gzip" if is_gzip else str(kind), found)
    return [Part(where, path, str(kind))]


def content_of(path: Path) -> str | None:
    """Return what the first bytes of a file say that it is; None for text."""
    with path.open("rb") as file:
        head = file.read(8)
    return next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), None)


def _check_ending(where: str, name: str, promised: str, found: str | None) -> None:
    if found in ("zstd", "bzip2", "xz"):
        raise ReportError(f"{where} is packed with {found}. Unpack it, or pack it with gzip.")
    is_as_promised = promised == found if promised in ("gzip", "Parquet") else found is None
    if not is_as_promised:
        is_packed = found in ("gzip", "zip")
        ending = f"{name}.gz" if found == "gzip" else f"{PurePosixPath(name).stem}.zip"
        remedy = f"Rename it to {ending}." if is_packed else "Give it the ending of what it is."
        raise ReportError(f"{where} is {found or 'no ' + promised} by its first bytes. {remedy}")


def _is_spreadsheet(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as packed:
            names = packed.namelist()
    except zipfile.BadZipFile:
        return False
    return "[Content_Types].xml" in names or "content.xml" in names


def _gunzip(path: Path, kind: str, where: str, scratch: Path) -> Part:
    target = scratch / f"{len(list(scratch.iterdir()))}"
    try:
        with gzip.open(path, "rb") as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy, CHUNK)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ReportError(
            f"{where} is cut off or damaged ({error}). Copy or export it again."
        ) from error
    return Part(where, target, kind, "gzip", is_copy=True)


def _unzip(path: Path, where: str, scratch: Path) -> list[Part]:
    try:
        with zipfile.ZipFile(path) as packed:
            return [_member(packed, m, where, scratch) for m in _members(packed, where)]
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError) as error:
        raise ReportError(
            f"{where} is no zip file, cut off or damaged ({error}). Copy or export it again."
        ) from error


def _members(packed: zipfile.ZipFile, where: str) -> list[zipfile.ZipInfo]:
    """Return the tables in a zip file, by name, without what systems add."""
    members = [
        member
        for member in sorted(packed.infolist(), key=lambda m: m.filename)
        if not member.is_dir()
        and not any(p.startswith((".", "__MACOSX")) for p in PurePosixPath(member.filename).parts)
    ]
    if _is_sheet_in({member.filename for member in members}):
        raise ReportError(f"{where} is a spreadsheet. {SAVE_AS_CSV}")
    wrong = [m.filename for m in members if kind_of(m.filename) in (None, "zip")]
    locked = [m.filename for m in members if m.flag_bits & 0x1]
    if not members or wrong:
        held = f"{wrong[0]!r} ({len(wrong)} such files)" if wrong else "no file"
        raise ReportError(f"{where} holds {held}. It may hold files ending in {ENDINGS}.")
    if locked:
        raise ReportError(f"{where}: {locked[0]!r} has a password. Unpack it, and give the folder.")
    return members


def _is_sheet_in(names: set[str]) -> bool:
    return bool({"[Content_Types].xml", "content.xml"} & names)


def _member(packed: zipfile.ZipFile, member: zipfile.ZipInfo, where: str, scratch: Path) -> Part:
    inside, kind = f"{where}, {member.filename!r}", str(kind_of(member.filename))
    target = scratch / f"{len(list(scratch.iterdir()))}"
    with packed.open(member) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy, CHUNK)
    is_gzip = member.filename.lower().endswith(".gz")
    _check_ending(inside, member.filename, "gzip" if is_gzip else kind, content_of(target))
    if is_gzip:
        return replace(_gunzip(target, kind, inside, scratch), packing="zip")
    return Part(inside, target, kind, "zip", is_copy=True)
