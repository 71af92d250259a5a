"""Events of a session make sense together."""

import pandas as pd

from simulation.company import GIFT_CREDITS, SHOW_IDS, SHOWS
from tests.simulation.companies import make, read_events


def test_a_show_is_clicked_only_after_its_launch() -> None:
    events = read_events(make())
    launched = pd.to_datetime(pd.Series(list(SHOWS["launch_date"]), SHOW_IDS), utc=True)
    clicks = events[events["event_type"] == "poster_click"]
    assert (clicks["event_timestamp"] >= clicks["show_id"].map(launched)).all()
    assert clicks["show_id"].nunique() == len(SHOWS)


def test_a_balance_of_credits_is_never_below_zero() -> None:
    events = read_events(make()).sort_values(["user_id", "event_timestamp"], kind="stable")
    amount = events["properties"].str.extract(r'"amount":(\d+)')[0].astype(float).fillna(0.0)
    change = amount - (events["event_type"] == "credits_spend")
    balance = change.groupby(events["user_id"]).cumsum() + GIFT_CREDITS
    assert balance.min() == 0


def test_some_intents_to_play_fail() -> None:
    counts = read_events(make())["event_type"].value_counts()
    assert 0.10 < 1 - counts["content_play"] / counts["poster_click"] < 0.25
