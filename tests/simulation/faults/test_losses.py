"""Faults by which sessions, events, histories or users are missing."""

import numpy as np
import pandas as pd
import pytest

from simulation import LOG_END, LOG_START, Simulation, simulate
from simulation.faults.losses import GAP_DAYS, GAP_STARTS_AT
from simulation.times import LOG_MIDDLE
from tests.simulation.companies import DAY, find_last, list_days, make, read_events


def test_log_break_users() -> None:
    def share_seen_on_both_sides(simulation: Simulation) -> float:
        events = read_events(simulation)
        opens = events[events["event_type"] == "app_open"]  # a session may straddle the break
        seen = opens.groupby("user_id")["event_timestamp"].agg(["min", "max"])
        return float(((seen["min"] < LOG_MIDDLE) & (seen["max"] >= LOG_MIDDLE)).sum())

    clean = share_seen_on_both_sides(make())
    broken = share_seen_on_both_sides(make("log_break_users", 0.5))
    assert broken / clean == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(clean))
    assert share_seen_on_both_sides(make("log_break_users", 1.0)) == 0


def test_log_break_volume() -> None:
    def count(simulation: Simulation) -> pd.Series:
        days = list_days(read_events(simulation))
        in_gap = (days >= GAP_STARTS_AT) & (days < GAP_STARTS_AT + GAP_DAYS * DAY)
        return in_gap.value_counts()

    clean, broken = count(make()), count(make("log_break_volume", 0.8))
    assert broken[True] / clean[True] == pytest.approx(0.2, abs=0.03)
    assert broken[False] / clean[False] == pytest.approx(1.0, abs=0.01)


def test_event_mix() -> None:
    events = read_events(make("event_mix", 0.9))
    is_late, is_exit = (
        events["event_timestamp"] >= LOG_MIDDLE,
        events["event_type"] == "app_exit",
    )
    before, after = is_exit[~is_late].mean(), is_exit[is_late].mean()
    assert after / before == pytest.approx(0.1, abs=0.02)


def test_capped_histories() -> None:
    clean, cut = (read_events(make(*fault)) for fault in ((), ("capped_histories", 0.3)))
    counts, full = (table["user_id"].value_counts() for table in (cut, clean))
    assert (counts == counts.max()).mean() == pytest.approx(0.3 / len(counts) * 5000, abs=0.03)
    heavy = full.index[full > counts.max()]
    left = cut[cut["user_id"].isin(heavy)].groupby("user_id")["event_timestamp"]
    whole = clean[clean["user_id"].isin(heavy)].groupby("user_id")["event_timestamp"]
    assert (left.max() == whole.max()).all()
    assert (left.min() > whole.min()).mean() > 0.9


def test_histories_are_capped_at_the_length_of_those_that_are_left() -> None:
    faults = {"capped_histories": 0.3, "leavers_deleted": 1.0}
    simulation = simulate(500, 40, 18, faults, dirt=False)
    counts = read_events(simulation)["user_id"].value_counts()
    assert (counts == counts.max()).mean() == pytest.approx(0.3, abs=0.05)


def test_lost_early_users() -> None:
    simulation = make("lost_early_users", 0.5)
    early = simulation.user_truth["signup_at"] < LOG_START
    seen = simulation.user_truth["user_id"].isin(set(simulation.events["user_id"].to_pylist()))
    usual = make().user_truth["user_id"].isin(set(make().events["user_id"].to_pylist()))
    assert seen[~early].all()
    assert seen[early].mean() / usual[early].mean() == pytest.approx(0.5, abs=0.06)


def test_signups_deleted() -> None:
    kept = make("signups_deleted").users["signup_date"]
    assert not kept.between("2025-03-01", "2025-05-31").any()
    usual = make().users["signup_date"]
    assert len(kept) == (~usual.between("2025-03-01", "2025-05-31")).sum()


def test_log_fades() -> None:
    def by_third(simulation: Simulation) -> pd.Series:
        thirds = pd.date_range(LOG_START, LOG_END, periods=4)
        return pd.cut(list_days(read_events(simulation)), thirds, right=False).value_counts()

    left = (by_third(make("log_fades", 0.9)) / by_third(make())).sort_index()
    assert left.to_list() == pytest.approx([0.85, 0.55, 0.25], abs=0.03)


def test_lost_newcomers() -> None:
    simulation = make("lost_newcomers", 0.4)
    inside = simulation.user_truth["signup_at"] >= LOG_START
    ids = simulation.user_truth.loc[inside, "user_id"]
    seen = ids.isin(set(simulation.events["user_id"].to_pylist()))
    assert seen.mean() == pytest.approx(0.6, abs=4 * 0.5 / np.sqrt(len(ids)))


def test_leavers_deleted() -> None:
    clean, kept = make(), make("leavers_deleted")
    last = find_last(read_events(clean), LOG_END)
    stay = set(last.index[last >= LOG_END - 30 * DAY])
    assert set(kept.users["user_id"]) == stay == set(kept.user_truth["user_id"])
    assert set(kept.events["user_id"].to_pylist()) == stay


def test_shard_ends() -> None:
    def seen(simulation: Simulation, first: int, last: int) -> set[str]:
        days = list_days(read_events(simulation))
        is_in = (days >= LOG_END - first * DAY) & (days < LOG_END - last * DAY)
        return set(read_events(simulation)["user_id"][is_in])

    clean, cut = make(), make("shard_ends", 0.4)
    assert len(seen(cut, 12, 0)) / len(seen(clean, 12, 0)) == pytest.approx(0.6, abs=0.06)
    assert seen(cut, 300, 13) == seen(clean, 300, 13)


def test_lost_group() -> None:
    simulation = make("lost_group")
    seen = simulation.users["user_id"].isin(set(simulation.events["user_id"].to_pylist()))
    clean = make().users["user_id"].isin(set(make().events["user_id"].to_pylist()))
    is_group = simulation.users["country"] == "Spain"
    assert not seen[is_group].any()
    assert seen[~is_group].equals(clean[~is_group])
