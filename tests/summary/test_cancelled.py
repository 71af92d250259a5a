"""Figures on cancellations by key."""

from pathlib import Path

import pandas as pd
import pytest

from analysis.base import files
from analysis.cohorts.cancellations import RISKS
from analysis.summary.cancelled import RISKS as OF_RISKS
from analysis.summary.cancelled import SHARES, cancellation_metrics

ROWS = [
    ("fell_silent", "cancelled_before", 10, 40), ("fell_silent", "cancelled_within", 6, 40),
    ("fell_silent", "subscribed", 24, 40), ("stayed_active", "cancelled_before", 0, 0),
    ("stayed_active", "cancelled_within", 0, 0), ("cancelled", "silent_before", 3, 12),
    ("cancelled_followed", "went_on", 1, 10),
]  # fmt: skip
TABLE = pd.DataFrame(ROWS, columns=["among", "state", "users", "of_users"])
CURVE = pd.DataFrame(
    [[89, 9] + [0.1] * 7, [90, 8, 0.2, 0.3, 0.25, 0.35, 0.5, 0.4, 0.6]], columns=RISKS
)


def test_shares_and_incidences_take_their_rows():
    found = cancellation_metrics(TABLE, CURVE)
    values = {key: entry["value"] for key, entry in found.items()}
    assert values == {
        "cancellations_recorded": "yes", "cancelled_share_of_silent": 16 / 40,
        "subscribed_share_of_silent": 24 / 40, "cancelled_share_of_active": None,
        "silent_share_of_cancelled": 3 / 12, "active_after_cancelling": 1 / 10,
        "newcomers_cancelled_90": 0.3, "newcomers_silent_90": 0.5,
    }  # fmt: skip
    silent = found["cancelled_share_of_silent"]
    assert (silent["n"], silent["rests_on"]) == (40, ["cancellations", "churn"])
    assert silent["ci_low"] == pytest.approx(0.264, abs=1e-3)  # Wilson's
    assert found["silent_share_of_cancelled"]["rests_on"] == ["cancellations"]
    ended = found["newcomers_cancelled_90"]
    assert [ended[name] for name in ("n", "ci_low", "ci_high")] == [8, 0.25, 0.35]


def test_without_cancellations_every_share_is_missing(tmp_path: Path):
    for name, table in (("a.csv", TABLE.iloc[:0]), ("b.csv", CURVE.iloc[:0])):
        files.write_table(table, str(tmp_path / name))
    found = cancellation_metrics(*(files.read_table(str(tmp_path / n)) for n in ("a.csv", "b.csv")))
    assert found.pop("cancellations_recorded")["value"] == "no"
    assert set(found) == {*SHARES, *OF_RISKS}
    assert all(entry["value"] is None for entry in found.values())
