"""Events are received seconds after they happened."""

import pytest

from tests.simulation.companies import make, read_events


def test_delays_are_seconds_with_a_small_late_tail() -> None:
    events = read_events(make())
    delay = (events["received_at"] - events["event_timestamp"]).dt.total_seconds()
    assert (delay > 2).mean() == pytest.approx(0.003, abs=0.001)
    assert delay.max() < 24 * 3600
    assert (events["created_at"] - events["received_at"]).dt.total_seconds().max() == 2
