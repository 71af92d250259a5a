"""Five users around the limits of a look back, a gap and an outcome."""

from tests.handmade import make_users, make_window

WINDOW = make_window("2025-01-01", "2025-01-17")
USERS = make_users(
    dict.fromkeys(["first", "gone", "in_gap", "last", "late"], "2025-01-01"),
    device=["iOS", "iOS", "Android", None, "Android"],
    subscription_type=["basic"] * 5,
)
VISITED = [
    # the snapshot of the 9th looks back to the 5th and forward to [10th, 13th)
    ("first", "2025-01-05T00:00"),  # the first instant of the look back
    ("first", "2025-01-10T00:00"),  # the first instant of the outcome: stays
    ("gone", "2025-01-08T23:59:59"),  # the last second of the look back
    ("gone", "2025-01-13T00:00"),  # the first instant after the outcome: churned
    ("in_gap", "2025-01-06T12:00"),
    ("in_gap", "2025-01-09T23:59:59"),  # the gap is not looked at
    ("last", "2025-01-07T00:00"),
    ("last", "2025-01-12T23:59:59"),  # the last second of the outcome: stays
    ("last", "2025-01-14T00:00"),
    ("late", "2025-01-04T23:59:59"),  # a second too early for the look back
    ("late", "2025-01-09T00:00"),  # the snapshot itself is not before it
]
