"""From the files that people have to plain files in UTF-8: packing, endings and encodings.

A plain file in UTF-8 is read where it is. Of any other a copy is made in a temporary folder.
"""

import codecs
import gzip
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from charset_normalizer import from_bytes

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
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
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


def as_utf8(part: Part, given: str | None, scratch: Path) -> Part:
    """Return a text file as UTF-8: as it is if it is, else a copy; `encoding` says what it was.

    What is `given` is believed; then a byte order mark; then, text that is valid UTF-8 is UTF-8;
    of other text charset-normalizer must find that it may be Windows-1252. Raises ReportError,
    with the line, for what is none of these, and for NUL bytes.
    """
    named = replace(part, encoding=given or _by_mark(part.path) or "utf-8")
    try:
        if named.encoding == "utf-8" or (named.encoding == "utf-8-sig" and part.kind == "CSV"):
            ends = _LineEnds()
            for text in _decoded(named):
                ends.see(text)
            return replace(named, line_end=ends.only)
    except UnicodeDecodeError as error:
        if given or named.encoding == "utf-8-sig":
            raise _undecodable(named) from error
        named = replace(part, encoding=_guess(part))
    return _copied(named, scratch)


def _by_mark(path: Path) -> str | None:
    with path.open("rb") as file:
        head = file.read(4)
    return next((name for mark, name in BOMS if head.startswith(mark)), None)


def _decoded(part: Part) -> Iterator[str]:
    """Yield the text of a file in pieces. Raises UnicodeDecodeError, and ReportError for NUL."""
    decoder = codecs.getincrementaldecoder(part.encoding)("strict")
    with part.path.open("rb") as file:
        while chunk := file.read(CHUNK):
            text = decoder.decode(chunk)
            if "\0" in text:
                raise ReportError(
                    f"{part.where}: line {_line_of_nul(part.path)} has a NUL byte, which no text "
                    "has. If the file is UTF-16, say so with encoding in users_format or "
                    "events_format (utf-16-le); else export it again."
                )
            yield text
    yield decoder.decode(b"", final=True)


def _copied(part: Part, scratch: Path) -> Part:
    target, ends = scratch / f"{len(list(scratch.iterdir()))}", _LineEnds()
    try:
        with target.open("w", encoding="utf-8", newline="") as copy:
            for n, text in enumerate(_decoded(part)):
                ends.see(text)
                copy.write(text.removeprefix("\ufeff") if n == 0 else text)
    except UnicodeDecodeError as error:
        raise _undecodable(part) from error
    return replace(part, path=target, is_copy=True, line_end=ends.only)


class _LineEnds:
    """What ends the lines of a text that is seen in pieces; cheap where there is no CR."""

    def __init__(self) -> None:
        self.returns = self.feeds = self.pairs = 0
        self.has_plain_feed = self.ends_in_return = False

    def see(self, text: str) -> None:
        """Count the line ends of the next piece."""
        if "\r" not in text and not self.ends_in_return:
            self.has_plain_feed = self.has_plain_feed or "\n" in text
            return
        self.returns += text.count("\r")
        self.feeds += text.count("\n")
        self.pairs += text.count("\r\n") + (self.ends_in_return and text.startswith("\n"))
        self.ends_in_return = text.endswith("\r") or (self.ends_in_return and not text)

    @property
    def only(self) -> str | None:
        """The one way in which lines end, if it is LF or CRLF."""
        if not self.returns:
            return "\n"
        is_one = self.returns == self.feeds == self.pairs and not self.has_plain_feed
        return "\r\n" if is_one else None


def _line_of_nul(path: Path) -> int:
    with path.open("rb") as file:
        return next(n for n, line in enumerate(file, 1) if b"\0" in line)


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while line := file.readline(CHUNK):
            yield line


def _undecodable(part: Part, why: str = "") -> ReportError:
    """Return the error that names the first line that is not in the file's encoding; in UTF-16
    and UTF-32 lines are not known before decoding.
    """
    line = next((n for n, line in enumerate(_lines(part.path), 1) if not _fits(line, part)), None)
    is_wide = part.encoding.startswith(("utf-16", "utf-32"))
    place = "" if is_wide or line is None else f" (line {line})"
    return ReportError(
        f"{part.where} is not {part.encoding}{place}{why}. Save it as UTF-8, or name its encoding "
        "in users_format or events_format, as in {encoding: cp1250}."
    )


def _fits(line: bytes, part: Part) -> bool:
    try:
        line.decode(part.encoding)
    except UnicodeDecodeError:
        return False
    return True


WESTERN = "cp1252"
IMPLAUSIBLE = re.compile(
    r"[ŠšŽžŸƒˆ˜†‡‰]|[a-zß-öø-ÿ][À-ÖØ-ÞŒ]|[^\W\d_][^\w\s’\x00-\x7f][^\W\d_]|[^\W\d_][²³¹¼½¾][^\W\d_]"
)
"""What Windows-1252 hardly ever holds and text in another encoding often becomes."""


def _guess(part: Part) -> str:
    """Return Windows-1252, of which Latin-1 is a part, if the lines that are not ASCII may be it.
    Raises ReportError, with what charset-normalizer takes it for, if they may not.
    """
    sample = b""
    for line in _lines(part.path):
        if not line.isascii():
            sample += line
        if len(sample) > SAMPLE:
            break
    western = from_bytes(sample, cp_isolation=[WESTERN]).best()
    if western is not None and not IMPLAUSIBLE.search(sample.decode(WESTERN, errors="replace")):
        return WESTERN
    likely = from_bytes(sample).best()
    why = f", and hardly Windows-1252; it may be {likely.encoding}" if likely else ""
    raise _undecodable(replace(part, encoding="utf-8"), why)
