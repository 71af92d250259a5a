"""Suspects: what the evidence of a failing check rests on, row by row.

A check of the data that fails names what is missing, false or double, and the summary computes
every figure again without it (see summary.materiality). The kinds of suspects:

- `user`: all events of `user_id` are left out, and the user (machines, copied accounts);
- `span`: nothing is known of the instants from `start` to `end`, for everybody (lost days);
- `event_type`: the events of that type are left out (events that the app logs by itself);
- `surplus`: `amount` events of `user_id` in [`start`, `end`) stand there twice, or more often;
- `lost`: a share `amount` of all events is missing, nobody knows which;
- `unseen`: users are missing from both tables, so no figure over users can be computed again.
"""

from collections.abc import Iterable
from typing import Any, Literal

import pandas as pd

Kind = Literal["user", "span", "event_type", "surplus", "lost", "unseen"]
COLUMNS = ["kind", "user_id", "event_type", "start", "end", "amount"]


def _rows(kind: Kind, **columns: Any) -> pd.DataFrame:
    table = pd.DataFrame(columns).assign(kind=kind).reindex(columns=COLUMNS)
    for name in ("start", "end"):
        table[name] = pd.to_datetime(table[name], utc=True).astype("datetime64[us, UTC]")
    texts = dict.fromkeys(("kind", "user_id", "event_type"), "str")
    return table.astype({**texts, "amount": "float64"}).reset_index(drop=True)


def users(ids: Iterable[Any]) -> pd.DataFrame:
    """Return the suspects: all that these users did."""
    return _rows("user", user_id=sorted(ids))


def span(start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Return the suspects: the instants in [start, end), of which events are missing."""
    return _rows("span", start=[start], end=[end])


def event_types(names: Iterable[str]) -> pd.DataFrame:
    """Return the suspects: all events of these types."""
    return _rows("event_type", event_type=sorted(names))


def surplus(extra: pd.DataFrame) -> pd.DataFrame:
    """Return the suspects: events that stand there too often; `extra` has a row per user and span,
    with `user_id`, `start`, `end` (instants) and `amount` (events too many).
    """
    ordered = extra.sort_values(["user_id", "start"], ignore_index=True)
    return _rows("surplus", **{name: ordered[name] for name in COLUMNS if name in ordered})


def lost(share: float) -> pd.DataFrame:
    """Return the suspects: this share of the events is missing, spread over the log."""
    return _rows("lost", amount=[share])


def unseen() -> pd.DataFrame:
    """Return the suspects: users who are in neither table."""
    return _rows("unseen", user_id=[None])


def join(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return all suspects of `parts` in one table."""
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else _rows("user", user_id=[])
