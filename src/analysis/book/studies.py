"""The directive that prints a study's result: a CSV file in book/studies, in the book's words."""

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd
from docutils import nodes

from analysis.base.errors import ReportError
from analysis.base.language import is_english, say
from analysis.base.texts import read_texts
from analysis.book.artifacts import read_text
from analysis.book.codebook import Rows, read_rows, write_rows
from analysis.book.directive import BookDirective
from analysis.book.show import show
from analysis.contract import catalogue
from analysis.contract.catalogue import Table

CHECKS = "checks.yml"
LISTED = re.compile(r"(.+?)(?: \((\d+)\)|: ([a-z ]+))?")
"""A check in a list of a study: its title, with a number of companies or how it came out."""
AS_GIVEN = ("log", "fires", "fault")
"""Columns whose texts are names, or said by themselves."""
OUTCOMES = {"warn": "caution", "fail": "fails", "found": "claimed"}
"""Words for how a check fires."""


class StudyTable(BookDirective):
    """A study's table by its name in the catalogue (studies.yml)."""

    required_arguments = 1

    def make(self) -> list[nodes.Node]:
        """Return the table as `show` prints one in a chapter."""
        table = catalogue.table_of(self.arguments[0].strip())
        book = Path(self.env.srcdir) / "book"
        for path in (book / table.path, book / CHECKS):
            self.env.note_dependency(str(path))
        texts = read_texts(read_text(book / CHECKS, CHECKS))
        frame = read_study(book / table.path, table, titles_of(texts))
        up = "../" * self.env.docname.count("/")
        return [self.html(show(frame, root=up).as_raw_html())]


def titles_of(texts: Mapping[str, Mapping[str, Mapping[str, str]]]) -> dict[str, str]:
    """Return the title of each check, from the entries of book/checks.yml."""
    return {
        name: say(entry["title"])
        for part in ("report", "published")
        for name, entry in texts[part].items()
    }


def read_study(path: Path, table: Table, titles: Mapping[str, str]) -> pd.DataFrame:
    """Return a study's table with the catalogue's names of columns, and faults and checks in words.

    Raises ReportError when the file is missing, has other heads, or names an unknown check.
    """
    if not path.is_file():
        raise ReportError(f"{path.name} is missing. Run the study: see benchmarks/.")
    frame = pd.read_csv(path, keep_default_na=False, na_values=[""])
    if [say(head) for head in frame.columns] != [column.label for column in table.columns]:
        raise ReportError(
            f"{path.name}: its heads are not the labels in the catalogue. Run it again."
        )
    frame.columns = pd.Index([column.name for column in table.columns])
    if "fires" in frame:
        others = next(column.values for column in table.columns if column.name == "fires")
        frame["fault"] = [say_fault(name) for name in frame["fault"]]
        frame["fires"] = [others.get(text) or say_fires(text, titles) for text in frame["fires"]]
    for name in frame.select_dtypes(include=["object", "string"]).columns.difference([*AS_GIVEN]):
        frame[name] = [text if pd.isna(text) else say_listed(str(text)) for text in frame[name]]
    frame.attrs["table"] = table.name
    return frame


def say_listed(text: str) -> str:
    """Return a text of a study, or a list of checks in it, in the language in use."""
    return "; ".join(_say_item(item) for item in text.split("; "))


def _say_item(item: str) -> str:
    whole = say(item)
    found = LISTED.fullmatch(item)
    if whole != item or found is None:
        return whole
    count, outcome = f" ({found[2]})" if found[2] else "", found[3]
    return f"{say(found[1])}{count}{f': {say(outcome)}' if outcome else ''}"


def words_of_studies(book: Path) -> list[str]:
    """Return every text of the studies in the folder `book` that say_listed says."""
    found: list[str] = []
    for table in catalogue.studies():
        path = book / table.path
        if path.is_file():
            frame = pd.read_csv(path, keep_default_na=False, dtype="str")
            names = dict(zip(frame.columns, (c.name for c in table.columns), strict=True))
            for head, name in names.items():
                found += [] if name == AS_GIVEN[0] else _words_in(frame[head], name)
    return found


def _words_in(column: "pd.Series[str]", name: str) -> list[str]:
    if name == "fault":
        return [say_fault(text) for text in column.unique()]
    if name == "fires" or pd.to_numeric(column, errors="coerce").notna().any():
        return []
    items = [item for text in column.unique() for item in text.split("; ") if text]
    parts = [LISTED.fullmatch(item) for item in items]
    return [text for found in parts if found for text in (found[1], found[3] or "")]


def say_fault(name: str) -> str:
    """Return the name of a fault in words: "late_log" as "Late log"."""
    return say("No fault" if name == "none" else name.replace("_", " ").capitalize())


def say_fires(text: str, titles: Mapping[str, str]) -> str:
    """Return the titles of the checks in a text such as `drift or leakage` or `drift:warn`."""
    said = []
    for part in text.split(" or "):
        check, _, outcome = part.partition(":")
        if check not in titles:
            raise ReportError(f"book/checks.yml: no entry for the check {check!r} of a study.")
        said.append(f"{titles[check]}: {say(OUTCOMES[outcome])}" if outcome else titles[check])
    return f" {say('or')} ".join(said)


def publish_studies(book: Path, target: Path) -> None:
    """Copy the files of the studies in the folder `book` to `target`, for readers to download, with
    heads and words in the language in use.
    """
    for table in catalogue.studies():
        if (book / table.path).is_file():
            (target / table.path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(book / table.path, target / table.path)
            if not is_english():
                rows = read_rows(target / table.path)
                write_rows(target / table.path, list(_say_rows(rows, table)))


def _say_rows(rows: Rows, table: Table) -> Iterator[list[str]]:
    """Yield the rows of a study, its heads first; names of faults, checks and logs stay."""
    yield [say(head) for head in rows[0]]
    names = [column.name for column in table.columns]
    for row in rows[1:]:
        cells = zip(names, row, strict=True)
        yield [text if name in AS_GIVEN else say_listed(text) for name, text in cells]
