"""Two small tables that fit badly: an unknown user `x`, a silent one `c`, a missing type."""

from tests.handmade import make_events, make_users

EVENTS = make_events(
    [("a", "2025-01-05T10:00"), ("a", "2025-01-05T10:01"), ("a", "2025-01-09"), ("x", "2025-01-05"),
     ("x", "2025-01-06"), ("b", "2025-01-05")],
    event_type=["play", None, "play", "play", "next", "play"],
    received_at=["2025-01-06T10:00:00", "2025-01-06T10:01:01", "2025-01-08T23:59:59", None,
                 "2025-01-06", "2025-01-05"],
    created_at=["2025-01-06T10:00:01", "2025-01-06T10:01:00", "2025-01-09", "2025-01-05",
                "2025-01-06", "2025-01-05"],
)  # fmt: skip
USERS = make_users({"a": "2025-01-05T10:01", "b": "2025-01-05", "c": "2025-01-02"})
