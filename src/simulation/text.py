"""Numbers as text in bulk: uuids, instants and dates."""

from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from simulation.times import DAY, Array, unix

OFFSET_SECONDS, OFFSET_TEXT = -6 * 3600, "-06:00"  # the zone in which the case writes times
_HEX = np.frombuffer(b"".join(b"%02x" % byte for byte in range(256)), np.uint8).reshape(256, 2)
_UUID_PLACES = np.array([k for k in range(36) if k not in (8, 13, 18, 23)])


def uuid_array(rng: np.random.Generator, n: int) -> Any:
    """Return n random uuids (version 4) as an Arrow array of text."""
    raw = np.frombuffer(rng.bytes(16 * n), np.uint8).reshape(n, 16).copy()
    raw[:, 6] = raw[:, 6] & 0x0F | 0x40
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    text = np.full((n, 36), ord("-"), np.uint8)
    text[:, _UUID_PLACES] = _HEX[raw].reshape(n, 32)
    return _text_array(text)


def instant_array(seconds: Array) -> Any:
    """Return unix seconds as text such as 2025-04-04 23:02:35-06:00, an Arrow array."""
    first_day, dates, times = _list_clock()
    local = seconds + OFFSET_SECONDS
    text = np.empty((len(seconds), 25), np.uint8)
    text[:, :11] = dates[local // DAY - first_day]
    text[:, 11:19] = times[local % DAY]
    text[:, 19:] = np.frombuffer(OFFSET_TEXT.encode(), np.uint8)
    return _text_array(text)


def date_text(seconds: Array) -> Array:
    """Return unix seconds as text such as 2025-04-04, the day in UTC."""
    dates: Array = np.datetime_as_string(seconds.astype("datetime64[s]"), unit="D")
    return dates.astype(object)


def _text_array(characters: Array) -> Any:
    """Return rows of ASCII codes as an Arrow array of text of one width."""
    n, width = characters.shape
    offsets = np.arange(n + 1, dtype=np.int32) * np.int32(width)
    buffers = pa.py_buffer(offsets), pa.py_buffer(characters.ravel())
    return pa.StringArray.from_buffers(n, *buffers)


@lru_cache(maxsize=1)
def _list_clock() -> tuple[int, Array, Array]:
    """Return the first day (since 1970), its days and the seconds of a day as ASCII rows."""
    days = pd.date_range("2023-12-01", "2032-12-31")
    dates = np.frombuffer("".join(days.strftime("%Y-%m-%d ")).encode(), np.uint8).reshape(-1, 11)
    times = "".join(f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(DAY))
    return unix(days[0]) // DAY, dates, np.frombuffer(times.encode(), np.uint8).reshape(-1, 8)
