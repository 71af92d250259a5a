"""How late events arrive, and whether their times are times."""

from functools import partial

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.audit import latency
from analysis.contract.checks import Verdict
from analysis.log.activity import place
from tests.audit.judging import LOG, NO_RULES, by_share, rule_rows
from tests.checking import Case
from tests.handmade import make_events
from tests.two_tables import EVENTS, USERS


def histogram(events) -> pd.DataFrame:
    return latency.delay_histogram(events, latency.received_delays(events))


def test_the_delays_are_counted_exactly_to_the_millisecond():
    events = make_events(
        [("a", "2025-01-05T10:00:00.900"), ("a", "2025-01-05T10:00"), ("a", "2025-01-05T10:00")],
        received_at=["2025-01-05T10:00:02.100", "2025-01-05T10:00:01.200", None],
    )
    table = histogram(events)
    assert table.to_dict("records") == [
        {"delay": "delay_event_received", "seconds": 1.2, "count": 2}
    ]


def test_all_three_delays_are_described_where_both_columns_are():
    table = latency.latency_table(histogram(EVENTS)).set_index("delay")
    assert table["count"].to_dict() == {
        "delay_event_received": 5, "delay_received_created": 5, "delay_event_created": 6
    }  # fmt: skip
    assert table.loc["delay_event_received", ["min", "50%", "max"]].tolist() == [-1, 0, 86_401]


def test_without_delays_the_latency_table_is_empty_but_has_its_columns():
    table = latency.latency_table(histogram(make_events([("a", "2025-01-05")])))
    assert table.empty
    assert list(table.columns) == [
        "delay",
        "count",
        "mean",
        "std",
        "min",
        "1%",
        "5%",
        "50%",
        "95%",
        "99%",
        "max",
    ]


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=60))
def test_a_histogram_is_described_as_pandas_describes_its_values(values):
    sizes = pd.Series(values).value_counts().sort_index()
    described = latency.describe_counts(sizes.index.to_numpy(float), sizes.to_numpy())
    expected = pd.Series(values).describe(percentiles=list(latency.QUANTILES.values()))
    assert described == pytest.approx(expected.to_dict(), nan_ok=True)


def test_the_delay_of_each_device_is_its_median():
    events = make_events(
        [(user, "2025-01-05T10:00") for user in "aaab"],
        received_at=pd.to_datetime(
            [f"2025-01-05T{when}Z" for when in ("10:00:00", "11:00:00", "16:00:00", "10:00:03")]
        ),
    )
    users = USERS.assign(device=["iOS", "Android", "iOS"])
    table = latency.delay_by_kind(latency.received_delays(place(events, users, LOG)))
    assert table[["level", "events", "total", "median_seconds"]].to_numpy().tolist() == [
        ["Android", 1, 4, 3.0],
        ["iOS", 3, 4, 3600.0],
    ]
    assert latency.delay_by_kind(None).empty


def test_the_fullest_second_of_the_day():
    times = ["2025-01-05T10:00:01", "2025-01-06T10:00:01.9", "2025-01-07", "2025-01-08T23:00"]
    events = make_events([("a", when) for when in times])
    assert latency.fullest_second(latency.clock_times(events)).to_numpy().tolist() == [
        [36_001, 2, 4]
    ]


def test_fast_clocks_are_those_of_events_dated_a_day_after_their_receipt():
    events = make_events(
        [("a", "2025-01-06T10:00:01"), ("b", "2025-01-06T10:00"), ("c", "2025-01-09")],
        received_at=["2025-01-05T10:00", "2025-01-05T10:00", None],
    )
    assert latency.fast_clocks(events, histogram(events)).to_dict("records") == [
        {"user_id": "a", "events": 1}
    ]
    hardly = make_events(
        [("a", "2025-01-06T10:00:00.000500")], received_at=["2025-01-05T10:00:00.000000"]
    )
    assert len(latency.fast_clocks(hardly, histogram(hardly))) == 1
    timely = events.filter(events.user_id != "a")
    assert latency.fast_clocks(timely, histogram(timely)).empty
    without = make_events([("a", "2025-01-05")])
    assert latency.fast_clocks(without, histogram(without)).empty


def late(broken: int, median_seconds: float = 3.0, events: int = 10) -> Verdict:
    """Judge `broken` of 1,000 events late, and `events` of 1,000 from a device with this delay."""
    delays = pd.DataFrame(
        {"column": "device", "level": ["iOS", "Android"], "events": [events, 1_000 - events],
         "total": 1_000, "median_seconds": [median_seconds, 3.0]}
    )  # fmt: skip
    return latency.lateness(
        rule_rows("event was received more than a day after it happened", broken), delays
    )


def at_one_second(events: int, of: int = 100) -> Verdict:
    return latency.times_of_day(pd.DataFrame({"second": [0], "events": [events], "total": [of]}))


def disordered(
    broken: int, ahead: int = 0, rule: str = "event was created before it was received"
) -> Verdict:
    """Judge so many of 1,000 events out of order, and `ahead` dated a day after their receipt."""
    clocks = pd.DataFrame({"user_id": ["a"], "events": [ahead]}).query("events > 0")
    return latency.clock_order(rule_rows(rule, broken), clocks)


def test_clock_order_is_the_worse_of_two_orders():
    rows = [
        rule_rows("event was received before it happened", 1),
        rule_rows("event was created before it was received", 10),
    ]
    verdict = latency.clock_order(
        pd.concat(rows, ignore_index=True), pd.DataFrame({"user_id": [], "events": []})
    )
    assert (verdict.status, verdict.facts["rule"]) == (
        "warn",
        "event was created before it was received",
    )


def test_the_suspects_are_the_users_of_false_clocks():
    named = disordered(500, 10).suspects
    assert named is not None
    assert named["user_id"].tolist() == ["a"]
    assert disordered(500, 9).suspects is None


def test_dates_only_are_told():
    assert at_one_second(50).facts["dates_only"]
    assert not at_one_second(49).facts["dates_only"]


CASES = [
    *by_share("clock_order", disordered, {"warn": 1}),
    *by_share("clock_order", partial(disordered, 500), {"fail": 10}),
    Case("clock_order", "not_applicable", lambda: disordered(1, rule="another rule")),
    *by_share("lateness", late, {"warn": 5}),
    Case("lateness", "warn", lambda: late(1_000)),
    Case("lateness", "warn", lambda: late(0, median_seconds=3600)),
    Case("lateness", "pass", lambda: late(0, median_seconds=3599)),
    Case("lateness", "pass", lambda: late(0, median_seconds=9e9, events=9)),  # below 1 %
    Case("lateness", "not_applicable", lambda: latency.lateness(NO_RULES, pd.DataFrame())),
    *by_share("times_of_day", at_one_second, {"warn": 2}),
    Case("times_of_day", "warn", lambda: at_one_second(100)),  # dates only
]
