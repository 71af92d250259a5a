"""Faults of signup dates."""

import numpy as np
import pytest

from simulation import LOG_START
from tests.simulation.companies import make, read_events


def test_signup_first_event() -> None:
    simulation = make("signup_first_event")
    first = read_events(simulation).groupby("user_id")["event_timestamp"].min()
    dates = simulation.users.set_index("user_id")["signup_date"]
    assert dates.min() == LOG_START.strftime("%Y-%m-%d")
    assert (first.dt.strftime("%Y-%m-%d") == dates.reindex(first.index)).all()


def test_missing_signups() -> None:
    missing = make("missing_signups", 0.3).users["signup_date"].isna()
    assert missing.mean() == pytest.approx(0.3, abs=4 * 0.46 / np.sqrt(5000))


def test_coarse_signups() -> None:
    signups = make("coarse_signups", 0.6).users["signup_date"]
    assert signups.str.endswith("-01").mean() == pytest.approx(0.6 + 0.4 / 30, abs=0.03)


@pytest.mark.parametrize(("strength", "count"), [(0.02, 100), (0.0001, 1)])
def test_stray_signups(strength: float, count: int) -> None:
    clean, moved = make().users["signup_date"], make("stray_signups", strength).users["signup_date"]
    assert (moved == "1970-01-01").sum() == (moved != clean).sum() == count


def test_signup_import() -> None:
    clean, moved = make().users["signup_date"], make("signup_import", 0.5).users["signup_date"]
    is_early = clean < "2024-11-15"
    assert (moved[is_early] == "2024-11-15").mean() == pytest.approx(0.5, abs=0.05)
    assert (moved[~is_early] == clean[~is_early]).all()
