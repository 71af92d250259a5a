"""Samples of users: what a model learns from, and what intervals are drawn from, where there are
more users than change the figures.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.base.files import read_table

LEARNED = ("train", "calibrate")
"""Splits that a model learns from; the test snapshot is always whole."""
RESAMPLED = 10_000
"""Users among whom a bootstrap draws and columns are shuffled, at most. The width of an interval
that n users give is off by 1 / sqrt(2 n): 0.7 %, where 500 draws make 3.2 % of error anyway."""
RowCounts = dict[str, int]
"""User-snapshots by split."""


def in_digest_order(ids: Iterable[Any], key: str) -> npt.NDArray[np.int64]:
    """Return the positions of `ids` in the order of the digests of `key` and identifier: as good as
    random, the same for any order of the rows, and independent for each `key`.
    """
    starts = [hashlib.sha256(f"{key} {user}".encode()).digest()[:8] for user in ids]
    return np.argsort(np.frombuffer(b"".join(starts), dtype=">u8"), kind="stable")


def learned_users(keys: pd.DataFrame, most: int, seed: int) -> "pd.Index[Any] | None":
    """Return the users from whom a model learns; None where that is everyone.

    Above `most` user-snapshots in the LEARNED splits of `keys` (`user_id`, `split`) whole users
    are drawn by the digest of `seed` and identifier, as many as have `most` together. So each user
    has the same chance, all snapshots of a user are in or out, and the share is alike at each
    snapshot.
    """
    counts = keys.loc[keys["split"].isin(LEARNED), "user_id"].value_counts(sort=False)
    if counts.sum() <= most:
        return None
    drawn = counts.iloc[in_digest_order(counts.index, f"{seed} learned")]
    return drawn.index[drawn.cumsum() <= most]


def learned(snapshots: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """Return the `snapshots`, or where they are too many to learn from those of the test and of the
    learned_users.
    """
    users = learned_users(snapshots, most, seed)
    if users is None:
        return snapshots
    is_learned = snapshots["split"].isin(LEARNED) & snapshots["user_id"].isin(users)
    return snapshots[is_learned | (snapshots["split"] == "test")].reset_index(drop=True)


def count_rows(keys: pd.DataFrame) -> RowCounts:
    """Return the user-snapshots of each split."""
    return {str(s): int(n) for s, n in keys["split"].value_counts().sort_index().items()}


def read_learned(path: str, most_learned: int, seed: int) -> tuple[pd.DataFrame, RowCounts | None]:
    """Return what `learned` returns of the snapshots in `path` (Parquet), of which nothing else
    enters memory, and how many rows each split has in all where that is a sample.
    """
    keys = read_table(path, columns=["user_id", "split"])
    users = learned_users(keys, most_learned, seed)
    if users is None:
        return read_table(path), None
    of_users = [("split", "in", list(LEARNED)), ("user_id", "in", users.to_list())]
    rows = read_table(path, filters=[[("split", "==", "test")], of_users])
    return rows, count_rows(keys)


def resampled(rows: pd.DataFrame, seed: int, most: int = RESAMPLED) -> pd.DataFrame:
    """Return `rows`, or those of `most` users of theirs, drawn by digest, in the same order."""
    ids = pd.Index(rows["user_id"].unique())
    if len(ids) <= most:
        return rows
    kept = ids[in_digest_order(ids, f"{seed} resampled")[:most]]
    return rows[rows["user_id"].isin(kept)]


def shares_of(rows: pd.DataFrame, shares: Sequence[float], seed: int) -> list[pd.DataFrame]:
    """Return the rows of `shares` of the users, each holding those of the smaller ones."""
    ids = pd.Index(rows["user_id"].unique())
    order = ids[in_digest_order(ids, f"{seed} shares")]
    return [rows[rows["user_id"].isin(order[: round(share * len(ids))])] for share in shares]
