"""Snapshots by hand: who was at risk, what was known, who left."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest

from analysis.base.errors import ReportError
from analysis.log.churn import Windows
from analysis.model import Features
from analysis.model.features import NEEDS, feature_columns
from analysis.model.snapshots import snapshot_summary, snapshots
from simulation import simulate
from tests.handmade import (
    make_active,
    make_company_log,
    make_events,
    make_params,
    make_slices,
)
from tests.model.visits import USERS, VISITED, WINDOW

WINDOWS = Windows(lookback=4, gap=1, horizon=3)


def shoot(visits=VISITED, users=USERS, static=("device", "country"), **columns):
    active = make_active(make_events(visits, **columns), users, WINDOW)
    parts = snapshots(make_slices(active, WINDOW), users, WINDOW, WINDOWS, static, 30)
    return pd.concat(parts, ignore_index=True)


def test_who_was_at_risk_and_who_left_by_hand():
    table = shoot()
    at_risk = table.assign(day=table["snapshot_at"].dt.day, churned=table["churned"].fillna(-1))
    assert at_risk[["day", "split", "user_id", "churned"]].to_numpy().tolist() == [
        [5, "train", "late", 1.0],
        [9, "calibrate", "first", 0.0],
        [9, "calibrate", "gone", 1.0],
        [9, "calibrate", "in_gap", 1.0],
        [9, "calibrate", "last", 0.0],
        [13, "test", "first", 1.0],
        [13, "test", "in_gap", 1.0],
        [13, "test", "last", 0.0],
        [13, "test", "late", 1.0],
        [17, "score", "gone", -1.0],  # not yet observed
        [17, "score", "last", -1.0],
    ]


def test_a_snapshot_knows_tenure_and_the_given_attributes_only():
    table = shoot()
    assert table["tenure_days"].unique().tolist() == [4, 8, 12, 16]
    assert table.loc[table["split"] == "train", "device"].tolist() == ["Android"]
    assert not {"country", "subscription_type", "signup_date"} & set(table.columns)


def test_features_see_nothing_at_or_after_the_snapshot():
    table = shoot().set_index(["split", "user_id"])
    assert table.loc[("calibrate", "gone"), "event_count"] == 1
    assert table.loc[("calibrate", "gone"), "recency_days"] == pytest.approx(1 / 86_400)
    assert table.loc[("calibrate", "first"), "recency_days"] == 4
    assert table.loc[("test", "in_gap"), "event_count"] == 1


def test_an_event_that_arrived_late_makes_nobody_at_risk():
    recorded = [when for _, when in VISITED]
    recorded[2] = "2025-01-09T00:00"  # gone's event is known only from the snapshot on
    table = shoot(recorded_at=recorded).set_index(["split", "user_id"])
    assert ("calibrate", "gone") not in table.index
    recorded[2] = "2025-01-08T23:59:59.999"
    table = shoot(recorded_at=recorded).set_index(["split", "user_id"])
    assert table.loc[("calibrate", "gone"), "event_count"] == 1
    assert table.loc[("calibrate", "gone"), "churned"] == 1
    assert table.loc[("calibrate", "gone"), "tenure_days"] == 8


@pytest.mark.parametrize(
    ("name", "message"), [("devise", "Is it 'device'"), ("signup_date", "not an attribute")]
)
def test_a_static_column_that_nobody_knows_is_named(name, message):
    with pytest.raises(ReportError, match=message):
        shoot(static=[name])


def test_a_load_time_for_received_at_is_named():
    with pytest.raises(
        ReportError, match="days before 2025-01-05 were received after it .* leave that col"
    ):
        shoot(recorded_at=["2025-02-01"] * len(VISITED))


def test_features_of_roles_without_events_are_left_out():
    numeric, categorical = feature_columns(shoot())
    assert categorical == ["device"]
    assert set(numeric) & set(NEEDS) == {"plays_per_session"}
    assert {"tenure_days", "recency_days", "session_seconds_p95", "silence_ratio"} <= set(numeric)


def test_the_order_of_users_and_events_does_not_matter():
    pd.testing.assert_frame_equal(shoot(VISITED[::-1], USERS[::-1]), shoot())


def test_the_summary_of_snapshots_leaves_the_unobserved_blank():
    table = snapshot_summary(shoot(), "UTC")
    assert table[["snapshot_at", "split", "users"]].to_numpy().tolist() == [
        ["2025-01-05", "train", 1], ["2025-01-09", "calibrate", 4], ["2025-01-13", "test", 4],
        ["2025-01-17", "score", 2],
    ]  # fmt: skip
    assert table["churn_rate"].tolist()[:3] == [1.0, 0.5, 0.75]
    assert table.loc[3, ["churners", "churn_rate", "ci_low", "ci_high"]].isna().all()


def test_times_with_fractions_of_a_second_are_read():
    """Instants to the millisecond are common in logs, and Ibis takes their seconds for whole."""
    company = simulate(150, 40, 3, dirt=False)
    times = pc.replace_substring(company.events["event_timestamp"], "-06:00", ".255-06:00")
    at = company.events.schema.get_field_index("event_timestamp")
    fractions = company.events.set_column(at, "event_timestamp", times)
    names = ("time_zone", "lookback_days", "gap_days", "horizon_days", "event_types",
             "session_gap_minutes", "static_columns")  # fmt: skip
    given = {name: getattr(make_params(), name) for name in names}
    exact, with_fractions = (
        Features(make_company_log(replace(company, events=events)), **given).snapshots
        for events in (company.events, fractions)
    )
    pd.testing.assert_frame_equal(
        with_fractions[["user_id", "snapshot_at", "churned"]],
        exact[["user_id", "snapshot_at", "churned"]],
    )
    assert np.allclose(with_fractions["recency_days"], exact["recency_days"], atol=1e-4)
