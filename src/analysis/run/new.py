"""A first `params.yml` for two tables: what they show, proposed with what it rests on."""

import tempfile
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from analysis.base.engine import folder_keys, list_files
from analysis.base.errors import ReportError
from analysis.base.formats import plural
from analysis.base.names import list_names
from analysis.base.reading import Source, scan
from analysis.base.unpacking import kind_of
from analysis.contract.inputs import EVENTS, USERS
from analysis.log import cells
from analysis.log.proposals import Proposal, missing, profile, propose_columns
from analysis.log.proposed_roles import propose_roles, propose_window, propose_zone, typed_events
from analysis.run.disclose import connect
from analysis.run.folders import OWN, PARAMS
from analysis.run.state import write_text
from analysis.run.tables import copy_or_path

WIDTH = 98
HEAD = """\
Parameters of this folder's run, over those of the project's params.yml, which says what each is.
Proposed by `churnbook new` from the tables. What is commented out is not sure: take the # away
where it is right.\
"""


def write_new(folder: Path, users: str, events: str) -> list[str]:
    """Write `params.yml` for the two tables into `folder`, which must be new or empty; return the
    required columns that were not found, each with its table.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ReportError(f"{folder} is there already, and not empty. Name a new folder.")
    text, lacking = propose(users, events)
    (folder / OWN).mkdir(parents=True)
    write_text(folder / PARAMS, text)
    return lacking


def propose(users: str, events: str) -> tuple[str, list[str]]:
    """Return the text of `params.yml` for two tables, and the required columns not found."""
    with tempfile.TemporaryDirectory(prefix="churnbook-") as name:
        return _propose(users, events, Path(name))


def _propose(users: str, events: str, scratch: Path) -> tuple[str, list[str]]:
    con = connect()
    of_users, of_events = (
        _scanned(con, copy_or_path(given, table, scratch), table)
        for given, table in ((users, "users"), (events, "events"))
    )
    raw_users, in_users = profile(of_users.table, "users")
    raw_events, in_events = profile(of_events.table, "events")
    proposals = propose_columns(raw_users, raw_events, in_users, in_events)
    lacking = [
        f"{table}: {name}"
        for table, found, columns in (("users", in_users, USERS), ("events", in_events, EVENTS))
        for name in missing(found, columns, [p for p in proposals if p.parameter[:5] == table[:5]])
    ]
    if not any(name.startswith("events") for name in lacking):
        proposals += _of_log(raw_events, proposals)
    tables = [
        Proposal("users", "", users, f"{plural(of_users.rows, 'row', 'rows')}.", True),
        Proposal("events", "", events, f"{plural(of_events.rows, 'row', 'rows')}.", True),
    ]
    return render([*tables, *proposals]), lacking


def _scanned(con: Any, source: str, table: str) -> Source:
    files = list_files(source, table)
    is_parquet = all(kind_of(path.name) == "Parquet" for path in files)
    return scan(con, files, table, keys=folder_keys(source, files) if is_parquet else ())


def _of_log(raw: Any, proposals: Iterable[Proposal]) -> list[Proposal]:
    given = {p.key: p.value for p in proposals if p.parameter == "events_columns" and p.is_sure}
    user, kind, time = (
        raw[given.get(name, name)] for name in ("user_id", "event_type", "event_timestamp")
    )
    table = raw.select(
        user_id=cells.identifier(user),
        event_type=cells.named(cells.text(kind)),
        event_at=cells.instant(time),
    )
    events = typed_events(table).cache()
    if not events.count().to_pyarrow().as_py():
        return []
    return [*propose_roles(events), *propose_zone(events), *propose_window(events)]


def render(proposals: Sequence[Proposal]) -> str:
    """Return proposals as YAML, each under its reason; those that are not sure commented out."""
    parts = [_comment(HEAD)]
    for parameter in dict.fromkeys(p.parameter for p in proposals):
        mine = [p for p in proposals if p.parameter == parameter]
        is_mapping, is_list = bool(mine[0].key), parameter.endswith("_types") and not mine[0].key
        if not is_mapping and not is_list:
            parts += [_entry(p, {p.parameter: p.value}) for p in mine]
            continue
        head = f"{parameter}:" if any(p.is_sure for p in mine) else f"# {parameter}:"
        entries = [_entry(p, {p.key: p.value} if is_mapping else [p.value], "  ") for p in mine]
        parts.append("\n".join([head, *entries]))
    return "\n\n".join(parts) + "\n"


def _entry(proposal: Proposal, value: object, indent: str = "") -> str:
    line = yaml.safe_dump(value, allow_unicode=True, width=10_000, default_flow_style=False).strip()
    unsure = "" if proposal.is_sure else "Not sure. "
    written = line if proposal.is_sure else textwrap.indent(line, "# ")
    return textwrap.indent(f"{_comment(unsure + proposal.why)}\n{written}", indent)


def _comment(text: str) -> str:
    lines = textwrap.wrap(" ".join(text.split()), WIDTH, break_long_words=False)
    return "\n".join(f"# {line}" for line in lines)


def say_lacking(lacking: Sequence[str], path: Path) -> ReportError:
    """Return the error for required columns that were not found."""
    return ReportError(
        f"{path}: {list_names(lacking)} could not be recognised. Complete the file, which "
        f"names what may be meant, then: churnbook build --out {path.parent}"
    )
