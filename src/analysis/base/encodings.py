"""Text files in UTF-8, whatever they were: what is given, a mark, valid UTF-8, or Windows-1252."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from charset_normalizer import from_bytes

from analysis.base.errors import ReportError
from analysis.base.unpacking import CHUNK, SAMPLE, Part

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip


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
