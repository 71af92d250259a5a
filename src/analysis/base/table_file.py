"""Tables that are too large for memory: in a Parquet file, from which columns are read."""

import tempfile
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any, overload

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


class TableFile:
    """A table in a Parquet file of its own, of which columns enter memory when asked for, as of a
    frame: `table["name"]`, `table[["one", "two"]]`. The file is removed with this object.
    """

    def __init__(self, parts: Iterable[pd.DataFrame], like: pd.DataFrame) -> None:
        """Write the table that `parts` (one or more, with the same columns) make one after the
        other; one at a time is in memory. Columns that `like` has too take its types: a part may
        hold nothing but missing values, of which no type is seen.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="churnbook-table-")
        self.path = Path(self._folder.name) / "table.parquet"
        known = pa.Schema.from_pandas(like, preserve_index=False)
        tables = (pa.Table.from_pandas(part, preserve_index=False) for part in parts)
        first = next(tables)
        self.schema = _typed(first.schema, known)
        with pq.ParquetWriter(self.path, self.schema, compression="zstd") as writer:
            for table in chain([first], tables):
                writer.write_table(table.cast(self.schema))

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self.schema.names)

    @property
    def dtypes(self) -> "pd.Series[Any]":
        """The types of the columns, by name, as in memory."""
        empty: pd.DataFrame = self.schema.empty_table().to_pandas()
        return empty.dtypes

    @overload
    def __getitem__(self, names: str) -> "pd.Series[Any]": ...

    @overload
    def __getitem__(self, names: list[str]) -> pd.DataFrame: ...

    def __getitem__(self, names: str | list[str]) -> "pd.Series[Any] | pd.DataFrame":
        """Return one column or several."""
        if isinstance(names, str):
            return pd.read_parquet(self.path, columns=[names])[names]
        return pd.read_parquet(self.path, columns=names)


def _typed(schema: Any, known: Any) -> Any:
    for place, name in enumerate(schema.names):
        if name in known.names:
            schema = schema.set(place, known.field(name))
    return schema


Rows = pd.DataFrame | TableFile
"""Rows of which a function takes columns by name."""


def in_memory(rows: Rows) -> pd.DataFrame:
    """Return a table whole."""
    return rows if isinstance(rows, pd.DataFrame) else pd.read_parquet(rows.path)
