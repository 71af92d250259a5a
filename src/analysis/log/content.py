"""What an event says: every column of the file but identifiers of the row and times of loading.

Two events repeat one another only when all that they say agrees. So columns outside the contract
(a rating, the item) count as well. Left out are:

- `event_uuid`, `received_at` and `created_at`, which say which row it is and when it came;
- further columns named like these: `id`, a row number, or something of the loading, such as
  `loaded_at`, `_etl_run_id`, `batch_id` (see is_of_loading);
- further columns by which no two rows could ever agree: nearly every value is another
  (DISTINCT), in a column filled in at least half of the rows, and most values are no fractions,
  which are measurements.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis

from analysis.base import engine
from analysis.contract.inputs import EVENTS, names

NAME = "content"
"""The column of clean events: 64 bits that are equal where all that two events say is equal, but
user, type and time, which have columns of their own. Absent where events say no more than these."""
OWN_COLUMNS = ("user_id", "event_type", "event_timestamp")
OF_THE_ROW = ("event_uuid", "received_at", "created_at")
DISTINCT, FEW_ROWS, LIKELY = 0.999, 100, 0.4
"""Share of different values from which a further column is an identifier, the rows from which that
can be seen, and the estimated share from which it is likely: DuckDB's estimate (64 registers) has a
standard error of 13 %, so that one identifier of 100,000 has a lower one."""
ROW = re.compile(
    r"_?(id|uuid|guid|rowid|index|seq|sequence|unnamed:? ?0|"
    r"(row|line|record|event|seq|sequence)_?(id|key|number|num|nr|no|index|uuid|hash))"
)
STEPS = (
    "load loaded loading ingest ingested ingestion import imported insert inserted etl elt sync "
)
STEPS += "synced export exported extract extracted dump batch pipeline airbyte fivetran sdc dbt dlt"
LOADING = re.compile(
    rf"_?(.*_)?({'|'.join(STEPS.split())})(_.*)?_"
    r"(at|on|time|timestamp|ts|date|day|id|key|number|num|no|run|job|uuid|synced)|"
    r"_?(batch|etl_run|dump)"
)
FRACTION = r"^-?[0-9]+[.,][0-9]+$"


@dataclass(frozen=True)
class Columns:
    """The columns of an event log that count as content, and those that do not."""

    counted: tuple[str, ...]
    left_out: tuple[str, ...]


def is_of_loading(name: str) -> bool:
    """Say whether a further column's name is that of a row's identifier or of its loading."""
    snake = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()
    return bool(ROW.fullmatch(snake) or LOADING.fullmatch(snake))


def is_said(name: str) -> bool:
    """Say whether a column of the contract counts as content, besides who, what and when."""
    return name not in (*OWN_COLUMNS, *OF_THE_ROW)


def set_apart(raw: Any) -> dict[str, str]:
    """Return the further columns of the raw events (Ibis, with the contract's names) that may be
    content, by names that nothing else can have.
    """
    further = [name for name in raw.columns if name not in names(EVENTS)]
    return {f"further_{n}": name for n, name in enumerate(further) if not is_of_loading(name)}


def in_short(read: Any, apart: Iterable[str]) -> dict[str, Any]:
    """Return of the further columns of `read` (Ibis, text: see cells.text), by their names, 64 bits
    and, under `fraction_<name>`, whether they are fractions.
    """
    short = {name: hash_of(read[name]) for name in apart}
    return short | {f"fraction_{name}": read[name].re_search(FRACTION) for name in apart}


def content_columns(given: Sequence[str], apart: Mapping[str, str], kept: Any) -> Columns:
    """Return which of the columns `given` are content; `kept` (Ibis) has those that are set apart
    as in_short returns them.
    """
    known = [name for name in given if name not in OWN_COLUMNS]
    identifiers = {apart[name] for name in _identifiers(kept, list(apart))}
    counted = [n for n in known if (n in names(EVENTS) and is_said(n)) or n in apart.values()]
    counted = [name for name in counted if name not in identifiers]
    return Columns(tuple(counted), tuple(name for name in known if name not in counted))


def _identifiers(kept: Any, further: list[str]) -> list[str]:
    """Return those of the columns in which nearly every value is another. Different values are
    first estimated, for counting them costs as much as reading the table.
    """
    likely = [name for name in further if _is_distinct(kept, name, "approx_nunique", LIKELY)]
    return [name for name in likely if _is_distinct(kept, name, "nunique", DISTINCT)]


def _is_distinct(kept: Any, name: str, how: str, least: float) -> bool:
    sums = kept.aggregate(
        rows=kept.count(),
        filled=kept[name].count(),
        distinct=getattr(kept[name], how)(),
        fractions=kept[f"fraction_{name}"].sum(),
    )
    row = engine.to_pandas(sums).fillna(0).iloc[0]
    filled = int(row["filled"])
    is_seen = filled >= FEW_ROWS and 2 * filled >= row["rows"] and 2 * row["fractions"] <= filled
    return bool(is_seen and row["distinct"] >= least * filled)


def with_content(kept: Any, apart: Mapping[str, str], said: Columns) -> Any:
    """Return events (Ibis) whose column NAME, 64 bits over what the contract's columns say, counts
    the further columns that are content too; without what in_short made of these.
    """
    more = [name for name, given in apart.items() if given in said.counted]
    parts = (NAME, *more) if NAME in kept.columns else tuple(more)
    content = hashed(kept, parts) if more else {}
    return kept.mutate(**content).drop(*apart, *(f"fraction_{name}" for name in apart))


def hash_of(value: Any) -> Any:
    """Return 63 bits of text (see cells.text), missing where that is."""
    return ibis.ifelse(value.isnull(), ibis.null("int64"), engine.bits_of(value))


def hashed(given: Any, counted: tuple[str, ...]) -> dict[str, Any]:
    """Return the column NAME, by its name: 64 bits over the columns `counted` of `given` (a table
    or columns by name), whose text is read (see cells.text); empty without any.
    """
    return {NAME: ibis.struct({name: given[name] for name in counted}).hash()} if counted else {}
