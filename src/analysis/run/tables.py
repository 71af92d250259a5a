"""The input tables of a run: their digests, and the copies of those that are in databases.

A copy is made once per build, and removed with its folder when the build has ended.
"""

import os
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from analysis.base.addresses import Copy, is_address, without_place
from analysis.run.digests import digest
from analysis.run.folders import Run

TABLES = ("users", "events")


@contextmanager
def copied(
    run: Run,
    tables: Collection[str] = TABLES,
    place: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Run]:
    """Give the run with copies of those of its `tables` that are in databases, until the block
    ends; they are kept in `place`, or among what the run has not finished.

    Raises ReportError when a table cannot be read.
    """
    given = {table: str(getattr(run.params, table)) for table in tables}
    given = {table: address for table, address in given.items() if is_address(address)}
    if not given:
        yield run
        return
    folder = place or run.temporary
    folder.mkdir(parents=True, exist_ok=True)
    say(f"Reading {' and '.join(str(without_place(address)) for address in given.values())}")
    with tempfile.TemporaryDirectory(prefix="tables-", dir=folder) as name:
        yield replace(run, copies=_copies(given, Path(name)))


def _copies(given: dict[str, str], folder: Path) -> dict[str, Copy]:
    return {address: _copy(address, table, folder) for table, address in given.items()}


def _copy(address: str, table: str, folder: Path) -> Copy:
    from analysis.base.databases import copy_table  # slow to import

    return copy_table(address, table, folder, os.environ)


def copy_or_path(given: str, table: str, folder: Path) -> str:
    """Return the path of a table that is given: of its copy in `folder` if it is in a database."""
    return _copy(given, table, folder).path if is_address(given) else given


def digests_of(
    run: Run, table: str, of_file: Callable[[Path], str] = digest
) -> list[tuple[str, str]]:
    """Return name and digest of each file of an input table; of a table in a database, its own."""
    copy = run.copy_of(table)
    if copy:
        return [(copy.name, copy.digest)]
    from analysis.base.engine import list_files  # slow to import

    return [(path.name, of_file(path)) for path in list_files(run.raw(table), table)]
