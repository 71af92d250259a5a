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
from dataclasses import dataclass
from typing import Any

import ibis

from analysis.base import engine
from analysis.contract.inputs import EVENTS, names
from analysis.log.cells import text

NAME = "content"
"""The column of clean events: 64 bits that are equal where all that two events say is equal, but
user, type and time, which have columns of their own. Absent where events say no more than these."""
OWN_COLUMNS = ("user_id", "event_type", "event_timestamp")
OF_THE_ROW = ("event_uuid", "received_at", "created_at")
DISTINCT, FEW_ROWS = 0.999, 100
"""Share of different values from which a further column is an identifier, and the rows from which
that can be seen."""
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


def content_columns(raw: Any) -> Columns:
    """Return which columns of the raw events (Ibis, with the contract's names) are content."""
    further = [name for name in raw.columns if name not in names(EVENTS)]
    named = [name for name in further if is_of_loading(name)]
    left_out = {*OF_THE_ROW, *named, *_identifiers(raw, [n for n in further if n not in named])}
    known = [name for name in raw.columns if name not in OWN_COLUMNS]
    return Columns(
        tuple(name for name in known if name not in left_out),
        tuple(name for name in known if name in left_out),
    )


def _identifiers(raw: Any, further: list[str]) -> list[str]:
    """Return those of the columns in which nearly every value is another. Different values are
    first estimated, for counting them costs as much as reading the table.
    """
    likely = [name for name in further if _is_distinct(raw, name, "approx_nunique", 0.9)]
    return [name for name in likely if _is_distinct(raw, name, "nunique", DISTINCT)]


def _is_distinct(raw: Any, name: str, how: str, least: float) -> bool:
    value = text(raw[name])
    sums = raw.aggregate(
        rows=raw.count(),
        filled=value.count(),
        distinct=getattr(value, how)(),
        fractions=value.re_search(FRACTION).sum(),
    )
    row = engine.to_pandas(sums).fillna(0).iloc[0]
    filled = int(row["filled"])
    is_seen = filled >= FEW_ROWS and 2 * filled >= row["rows"] and 2 * row["fractions"] <= filled
    return bool(is_seen and row["distinct"] >= least * filled)


def set_apart(raw: Any, said: Columns) -> tuple[Any, tuple[str, ...]]:
    """Return `raw` with its further columns that count under names which nothing else can have,
    without those that do not, and the names of all that count.
    """
    apart = {n: n if n in names(EVENTS) else f"further_{i}" for i, n in enumerate(said.counted)}
    known = [name for name in raw.columns if name in names(EVENTS) and name not in apart]
    kept = raw.select(*known, **{new: raw[name] for name, new in apart.items()})
    return kept, tuple(apart.values())


def hashed(table: Any, counted: tuple[str, ...]) -> dict[str, Any]:
    """Return the column NAME of `table` (Ibis), by its name: 64 bits over the text of its columns
    `counted`; empty without any.
    """
    if not counted:
        return {}
    return {NAME: ibis.struct({name: text(table[name]) for name in counted}).hash()}
