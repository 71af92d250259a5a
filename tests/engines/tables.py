"""Tables made so that engines may read them differently, and texts that they may."""

import pandas as pd

SPELLINGS = [
    "2025-01-31", "2025-1-3", "2025-01-31 12:00", "2025-01-31T12:00:00Z", "2025-01-31T12:00:00z",
    "2025-01-31 12:00:00.5", "2025-01-31 12:00:00.123456789", "2025-01-31T12:00:00+02:00",
    "2025-01-31T12:00:00+0200", "2025-01-31T12:00:00+02", "2025-01-31T12:00 -05:30",
    "2025-01-31 12:00:00 UTC", "2025-01-31 12:00:00 utc", "2025-01-31 12:00:00 America/Lima",
    "2025-07-31 12:00:00 Europe/Berlin", "2025-01-31 12:00:00 BST", "2025", "2025-01", "2025/01/31",
    "2025 01 31", "20250131", "20250131123456", "20250131T123456Z", "12:30", "now", "today",
    "2025-02-30", "2025-13-01", "2025-01-31 25:00:00", "0000-00-00", "9999-12-31 23:59:59", "25-01-31",
    "1738324800", "1738324800000", "1738324800.5", "1738324800000000", "1.7383248e9", "1e400", "-5",
    " 2025-01-31 ", "2025-01-31 12", "2025-01-31  12:00:00", "2025-01-31 12:00:00 PM", "01/31/2025",
    "Jan 5, 2025", "31-Jan-2025", "1-jan-2025", "5 January 2025 3:04 PM", "x", "2025-W05-5",
    "1_000", "0x10", "1,738,324", "17d", "3,50", "3,500", "true", "no", "nan", "NULL", "7.0", "007.00",
    "inf", "av", "of", "\tof\v", "é", "", " ", "1e15", "1e16", "-0",
]  # fmt: skip
"""Cells of text: times, numbers and identifiers, and what is none."""
DAYS = 120
START = pd.Timestamp("2025-01-01", tz="UTC")


def _users() -> pd.DataFrame:
    rows = [
        {
            "user_id": f"u{n}" if n % 17 else f"{n}.0",
            "signup_date": "not a date"
            if n == 5
            else str((START + pd.Timedelta(days=n % 90)).date()),
            "last_active_date": None,
            "country": None if n % 7 == 0 else ("PE", "MX", "AR")[n % 3],
            "device": ("ios", "android")[n % 2],
        }
        for n in range(1, 61)
    ]
    return pd.DataFrame([*rows, rows[3]])


def _events() -> pd.DataFrame:
    rows = []
    for number in range(2400):
        user, day = number % 60 + 1, (number * 7) % DAYS
        at = START + pd.Timedelta(days=day, hours=number % 24, minutes=number % 60)
        rows.append(
            {
                "event_uuid": f"e{number - 1 if number % 97 == 1 else number}",
                "user_id": "stranger" if number % 211 == 0 else (f"u{user}" if user % 17 else user),
                "event_type": None if number % 83 == 0 else ("play", "click", "buy")[number % 3],
                "event_timestamp": _written(at, number),
                "received_at": str(at + pd.Timedelta(seconds=number % 5 - 1)),
                "session_id": None if number % 13 == 0 else f"s{user}-{day}",
                "properties": f'{{"amount": {number % 9}.5}}' if number % 3 == 2 else None,
                "rating": None if number % 2 else str(number % 5),
            }
        )
    return pd.DataFrame(rows).astype("str").replace({"None": None, "nan": None})


def _written(at: pd.Timestamp, number: int) -> str:
    if number % 49 == 6:
        return "yesterday"
    lima = at.tz_convert("America/Lima")
    return (
        at.isoformat(),
        lima.isoformat(),
        str(int(at.timestamp())),
        at.strftime("%Y-%m-%d %H:%M:%S"),
        lima.strftime("%Y-%m-%d %H:%M:%S America/Lima"),
        at.strftime("%d-%b-%Y %H:%M"),
        at.strftime("%Y%m%dT%H%M%SZ"),
    )[number % 7]


USERS, EVENTS = _users(), _events()
