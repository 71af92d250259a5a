import numpy as np
import pandas as pd
import pytest
from tests.handmade import ROLES, at, instants, make_events, make_users, make_window
from hypothesis import given
from hypothesis import strategies as st

from analysis.audit import measures as audit
from analysis.log import rules as rules_of_log

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


def broken_by(table):
    return dict(zip(table["rule"], table["broken"], strict=True))


def broken_users(**columns):
    """Return which of the user rules the rows of `columns` break, by the rule's name."""
    size = len(next(iter(columns.values())))
    signups = columns.pop("signup_date", ["2025-01-05"] * size)
    users = make_users({f"u{i}": when for i, when in enumerate(signups)}, **columns)
    return {name: n for name, n in broken_by(rules_of_log.user_rules(users)).items() if n}


def test_amounts_below_zero_are_impossible_and_zero_is_not():
    for column in rules_of_log.AMOUNTS:
        assert broken_users(**{column: [0, 1, None]}) == {}
        assert broken_users(**{column: [0, -1, -0.5]}) == {f"{column} is negative": 2}


def test_ages_are_from_18_to_100():
    assert broken_users(age=[17, 18, 100, 101, None]) == {"age is below 18 or above 100": 2}


def test_nobody_completes_more_episodes_than_were_viewed():
    found = broken_users(views=[5, 5, 5], episodes_completed=[4, 5, 6])
    assert found == {"views are fewer than episodes_completed": 1}


def test_a_top_show_is_launched_before_it_is_last_watched():
    days = instants(["2025-01-10", "2025-01-11", None])
    last = instants(["2025-01-10", "2025-01-10", "2025-01-10"])
    found = broken_users(top_show_launch_date=days, last_active_date=last)
    assert found == {"top show was launched after the user was last active": 1}


def test_a_signup_may_be_missing_but_not_after_the_last_activity():
    last = instants(["2025-01-04", "2025-01-05", "2025-01-05"])
    found = broken_users(signup_date=["2025-01-05", "2025-01-05", None], last_active_date=last)
    assert found == {"signup_date is missing": 1, "signup_date is after last_active_date": 1}


def test_a_last_activity_may_differ_from_the_log_by_one_day():
    last = instants(["2025-02-10", "2025-02-10", "2025-02-10", "2025-02-10"])
    events = instants(["2025-02-11T23:59", "2025-02-12T00:00", "2025-02-08T12:00", None])
    found = broken_users(last_active_date=last, last_event_at=events)
    assert found == {"last_active_date differs from the last event by more than a day": 2}


def test_a_rule_names_the_first_offending_user_and_skips_absent_columns():
    users = make_users({"b": "2025-01-05", "a": "2025-01-05"}, age=[5, 5])
    table = rules_of_log.user_rules(users)
    assert table["rule"].tolist() == ["age is below 18 or above 100", "signup_date is missing"]
    assert table["sample"].dropna().tolist() == ["a"]


def test_only_rules_of_coverage_and_missing_dates_can_be_true():
    possible = [rule.name for rule in rules_of_log.USER_RULES if not rule.is_impossible]
    assert possible == [
        "signup_date is missing",
        "last_active_date differs from the last event by more than a day",
    ]


def test_the_event_rules_by_hand():
    table = rules_of_log.event_rules(EVENTS, USERS)
    assert broken_by(table) == {
        "user_id is not in the users table": 2,
        "event is before the user's signup": 1,  # an event at signup itself is after it
        "event_type is missing": 1,
        "received before it happened": 1,
        "received more than a day after it happened": 1,  # exactly a day is not more
        "created before received": 1,
    }
    assert table["checked"].tolist() == [6] * 6
    samples = dict(zip(table["rule"], table["sample"], strict=True))
    assert samples["user_id is not in the users table"] == "x"


def test_a_negative_amount_of_an_event_is_impossible():
    events = make_events(
        [(user, "2025-01-05") for user in "aabc"],
        properties=['{"amount":5}', '{"amount":-5}', '{"amount": "-0.5"}', "{}"],
    )
    rules = rules_of_log.event_rules(events, USERS).set_index("rule")
    assert rules.loc[rules_of_log.NEGATIVE, ["checked", "broken", "sample"]].tolist() == [4, 2, "a"]


def test_event_rules_without_the_optional_columns():
    events = make_events([("a", "2025-01-09")])
    assert broken_by(rules_of_log.event_rules(events, USERS)) == {
        "user_id is not in the users table": 0,
        "event is before the user's signup": 0,
        "event_type is missing": 0,
    }


def test_cleaning_rules_tell_only_what_was_counted():
    users = {"rows_read": 9, "null_user_id": 2, "duplicates_removed": 0, "null_signup_date": None}
    events = {"rows_read": 5, "duplicates_removed": None, "unreadable_event_timestamp": 1}
    rows = audit.cleaning_rules(users, events)[["table", "rule", "checked", "broken"]]
    assert rows.to_numpy().tolist() == [
        ["users", "user_id is missing (left out)", 9, 2],
        ["users", "repeated identifier (one row kept)", 9, 0],
        ["events", "event time cannot be read", 5, 1],
    ]


def test_coverage_limits_are_half_open():
    window = make_window("2025-01-01", "2025-03-01")
    signups = ["2024-12-31T23:59", "2025-01-01", "2025-01-29T23:59", "2025-01-30", "2025-02-28T23:59",
               "2025-03-01", None]  # fmt: skip
    users = make_users(
        {f"u{i}": when for i, when in enumerate(signups)},
        last_event_at=instants(["2025-01-01", None, *["2025-01-01"] * 5]),
    )
    assert broken_by(audit.coverage_rules(users, window, lookback=30)) == {
        "joined before the log starts: first days unknown": 1,
        "joined too late for a full look back": 2,
        "joined after the log ends": 1,
        "has no event in the log": 1,
    }


def test_the_delays_are_counted_exactly_to_the_millisecond():
    events = make_events(
        [("a", "2025-01-05T10:00:00.900"), ("a", "2025-01-05T10:00"), ("a", "2025-01-05T10:00")],
        received_at=["2025-01-05T10:00:02.100", "2025-01-05T10:00:01.200", None],
    )
    table = audit.delay_histogram(events)
    assert table.to_dict("records") == [
        {"delay": "delay_event_received", "seconds": 1.2, "count": 2}
    ]


def test_all_three_delays_are_told_where_both_columns_are():
    table = audit.latency_table(audit.delay_histogram(EVENTS)).set_index("delay")
    assert table["count"].to_dict() == {
        "delay_event_received": 5, "delay_received_created": 5, "delay_event_created": 6
    }  # fmt: skip
    assert table.loc["delay_event_received", ["min", "50%", "max"]].tolist() == [-1, 0, 86_401]


def test_without_delays_the_latency_table_is_empty_but_has_its_columns():
    table = audit.latency_table(audit.delay_histogram(make_events([("a", "2025-01-05")])))
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
    found = audit.describe_counts(sizes.index.to_numpy(float), sizes.to_numpy())
    expected = pd.Series(values).describe(percentiles=list(audit.QUANTILES.values()))
    assert found == pytest.approx(expected.to_dict(), nan_ok=True)


def test_the_relation_of_the_tables_by_hand():
    table = audit.relational_table(USERS, EVENTS)
    assert dict(zip(table["measure"], table["value"], strict=True)) == {
        "orphan_events": 2,
        "orphan_users": 1,
        "users_without_events": 1,
        "active_users": 2,
        "events_per_user_mean": 2.0,  # a has 3, b has 1
        "events_per_user_std": pytest.approx(2**0.5),
        "events_per_user_min": 1,
        "events_per_user_25%": 1.5,
        "events_per_user_50%": 2,
        "events_per_user_75%": 2.5,
        "events_per_user_max": 3,
    }


def test_events_per_user_counts_the_silent_too():
    spans = pd.DataFrame({"user_id": ["a", "b"], "event_count": [3, 1]})
    table = audit.events_per_user(USERS, spans)
    assert table.to_numpy().tolist() == [[0, 1], [1, 1], [3, 1]]


def test_the_null_table_lists_given_and_absent_columns():
    users = make_users({"a": "2025-01-05", "b": None, "c": "2025-01-05"})
    table = audit.null_table(users, EVENTS).set_index(["table", "column"])
    assert table.loc[("users", "signup_date")].tolist() == [True, 3, 1, 1]
    assert table.loc[("events", "event_type")].tolist() == [True, 6, 1, 2]
    assert table.loc[("events", "received_at"), "nulls"] == 1
    assert ("events", "event_timestamp") in table.index
    assert ("events", "recorded_at") not in table.index
    absent = table.loc[("events", "event_uuid")]
    assert not absent["is_present"]
    assert absent[["rows", "nulls", "distinct"]].isna().all()


def make_rules(*rows):
    columns = ["dimension", "table", "rule", "checked", "broken", "sample"]
    return pd.DataFrame(rows, columns=columns)


RULES = make_rules(
    ("structural", "users", "age", 10, 1, "a"),
    ("structural", "users", "views", 10, 4, "b"),
    ("structural", "events", "type", 0, 0, None),
    ("temporal", "events", "order", 100, 0, None),
)


def test_the_scorecard_averages_the_share_of_rows_that_keep_each_rule():
    structural, temporal = audit.scorecard(RULES).to_dict("records")
    assert structural == {
        "dimension": "structural", "checks": 3, "broken_rules": 2, "broken": 5,
        "score": pytest.approx(1 - (0.1 + 0.4 + 0.0) / 3), "worst_rule": "views", "worst_share": 0.4,
    }  # fmt: skip
    assert (temporal["score"], temporal["broken_rules"]) == (1.0, 0)


def test_broken_rules_come_worst_first_with_their_share():
    table = audit.broken(RULES)
    assert table["rule"].tolist() == ["views", "age"]
    assert table["share"].tolist() == [0.4, 0.1]


def test_the_quality_table_holds_columns_and_rules():
    nulls = audit.null_table(USERS, EVENTS)
    quality = audit.quality_table(nulls, RULES)
    assert quality["kind"].value_counts().to_dict() == {"column": len(nulls), "rule": 4}
    rules = audit.rules_of(quality)
    assert rules["name"].tolist() == RULES["rule"].tolist()
    assert rules["broken"].tolist() == [1, 4, 0, 0]


def test_all_rules_stand_in_one_table_in_a_fixed_order():
    told = USERS.assign(last_event_at=instants(["2025-01-09", "2025-01-05", None]))
    window = make_window("2025-01-01", "2025-02-01")
    cleaning = audit.cleaning_rules({"rows_read": 3, "null_user_id": 0}, {})
    table = audit.all_rules(told, USERS, EVENTS, window, cleaning, lookback_days=30)
    assert list(table.columns) == rules_of_log.RULE_COLUMNS
    assert table["rule"].iloc[[0, -1]].tolist() == [
        "user_id is missing (left out)",
        "has no event in the log",
    ]
    assert "user_id is not in the users table" in set(table["rule"])
    assert table["broken"].notna().all()


def test_the_days_between_two_sources_carry_no_sign():
    users = pd.DataFrame({
        "last_active_date": instants(["2025-01-05", "2025-01-05", "2025-01-05"]),
        "last_event_at": instants(["2025-01-07T23:59", "2025-01-03T00:00", None]),
    })  # fmt: skip
    np.testing.assert_array_equal(rules_of_log.day_gap(users), [2, 2, np.nan])
    assert users["last_event_at"][0] == at("2025-01-07T23:59")  # the input is left as it was


def test_a_repeated_event_differs_in_nothing_but_its_identifier():
    others = [("c", f"2025-01-05T10:00:0{n}") for n in range(1, 6)]
    events = make_events(
        [("a", "2025-01-05")] * 4 + [("b", "2025-01-05")] + others,
        event_uuid=[str(n) for n in range(10)],
        session_id=["s", "s", "s", "t", "s", *"uvwxy"],
        event_type=["play", "play", "next", "play", "play", *["play"] * 5],
    )
    row = audit.repeated_events(events).set_index("rule").loc[audit.TWICE]
    assert row[["checked", "broken", "sample"]].tolist() == [10, 1, "a"]


def said_again(times: list[str], rule: str, **columns: list[str]) -> tuple[int, int]:
    """Return how many events of one user and session at these times on one day are looked at, and
    how many repeat by the rule; they are of one type unless `columns` say otherwise.
    """
    events = make_events(
        [("a", f"2025-01-05T{when}") for when in times],
        **{"event_type": ["play"] * len(times), "session_id": ["s"] * len(times)} | columns,
    )
    row = audit.repeated_events(events).set_index("rule").loc[rule]
    return int(row["checked"]), int(row["broken"])


def test_a_near_copy_repeats_the_event_before_within_two_seconds():
    times = ["10:00:00", "10:00:02", "10:00:30", "10:00:45", "10:00:32", "10:00:33"]
    types = ["play"] * 4 + ["next"] * 2
    assert said_again(times, audit.NEAR, event_type=types) == (6, 2)


def test_repeats_in_a_stream_are_no_copies():
    stream = [f"10:00:{n:02d}" for n in range(40)]
    assert said_again(stream, audit.NEAR) == (40, 0)
    assert said_again([*stream, "11:00:00", "11:00:01"], audit.NEAR) == (42, 0)
    types = ["scroll"] * 40 + ["play"] * 2  # one that scrolls says nothing of other types
    assert said_again([*stream, "11:00:00", "11:00:01"], audit.NEAR, event_type=types) == (42, 1)


def test_repeats_as_frequent_a_little_later_are_chance():
    hours = range(1, 21)
    near = [time for h in hours for time in (f"{h:02d}:00:00", f"{h:02d}:00:01")]
    later = [time for h in hours for time in (f"{h:02d}:30:00", f"{h:02d}:30:03")]
    # 20 repeats within two seconds; with one at three seconds, 1 + 3 * 1 of them are chance's
    assert said_again(near, audit.NEAR) == (40, 20)
    assert said_again([*near, *later[:2]], audit.NEAR) == (42, 16)
    assert said_again([*near, *later], audit.NEAR) == (80, 0)


def test_a_copy_some_half_hours_later_is_told():
    times = ["10:00:00.123", "16:00:00.123", "16:10:00", "16:40:07"]
    assert said_again(times, audit.SHIFTED) == (4, 1)


def test_events_of_one_minute_look_alike_where_times_are_whole_minutes():
    events = make_events(
        [("a", f"2025-01-05T10:{n:02d}") for n in (1, 1, 2, 2, 5, 35)], session_id=["s"] * 6
    )
    rules = audit.repeated_events(events).set_index("rule")["broken"]
    assert rules.to_dict() == {audit.SHIFTED: 1}  # 10:35, half an hour after 10:05


def test_copies_are_counted_where_times_are_whole_seconds():
    others = [f"11:{n:02d}:{n:02d}" for n in range(10)]
    assert said_again(["10:00:00"] * 3 + others, audit.TWICE) == (13, 2)
    assert said_again(["10:00:00"] * 2 + ["10:00:01", *others], audit.TWICE) == (13, 0)


def test_repeats_are_not_asked_of_taps_nor_of_dates():
    taps = make_events([("a", "2025-01-05T10:00:00"), ("a", "2025-01-05T10:00:01")])
    assert audit.repeated_events(taps)["rule"].tolist() == [audit.TWICE]
    dates = make_events([("a", "2025-01-05"), ("a", "2025-01-06")], session_id=["s", "s"])
    assert audit.repeated_events(dates).empty
    older = ["00:00:00"] * 101  # a part of the log that knows dates alone
    fine = ["10:00:00", "10:00:00", *(f"{11 + n // 60}:{n % 60:02d}:07" for n in range(150))]
    assert said_again([*older, *fine], audit.TWICE) == (152, 1)


def test_countries_written_otherwise_in_both_tables_are_not_compared():
    events = make_events([("a", "2025-01-05")], country=["ES"])
    assert audit.identity_rules(events, USERS.assign(country="Spain")).empty


def test_identities_compare_countries_and_count_the_users_of_a_session():
    events = make_events(
        [("a", "2025-01-05"), ("a", "2025-01-06"), ("b", "2025-01-05"), ("x", "2025-01-05")],
        country=["Spain ", "Peru", None, "Peru"],
        session_id=["s", "s", "s", "t"],
    )
    users = USERS.assign(country=["spain", "Chile", "Chile"])
    table = audit.identity_rules(events, users).set_index("rule")
    assert table.loc[audit.OTHER_COUNTRY, ["checked", "broken", "sample"]].tolist() == [2, 1, "a"]
    assert table.loc[audit.SHARED_SESSION, ["checked", "broken"]].tolist() == [2, 1]


def test_identities_need_a_country_or_a_session():
    events = make_events([("a", "2025-01-05")])
    assert audit.identity_rules(events, USERS).empty


def test_a_kind_goes_on_when_it_alone_lasts_beyond_the_horizon():
    events = make_events(
        [("a", "2025-01-01"), ("a", "2025-01-05"), ("a", "2025-01-12"),  # 7 days, and no more
         ("b", "2025-01-01"), ("b", "2025-01-09"),  # 8 days
         ("c", "2025-01-01"), ("c", "2025-02-01"),  # only pushes, for a month
         ("d", "2025-01-01")],
        event_type=["push", "play", "push", "play", "push", "push", "push", "play"],
    )  # fmt: skip
    kinds = audit.kinds_that_go_on(events, 7).set_index("kind")
    assert kinds.loc["push"].tolist() == [5, 4, 2]
    assert kinds.loc["play"].tolist() == [3, 4, 0]


def test_the_delay_of_each_device_is_its_median():
    events = make_events(
        [(user, "2025-01-05T10:00") for user in "aaab"],
        received_at=pd.to_datetime(
            [f"2025-01-05T{when}Z" for when in ("10:00:00", "11:00:00", "16:00:00", "10:00:03")]
        ),
    )
    users = USERS.assign(device=["iOS", "Android", "iOS"])
    table = audit.delay_by_kind(events, users)
    assert table[["level", "events", "total", "median_seconds"]].to_numpy().tolist() == [
        ["Android", 1, 4, 3.0],
        ["iOS", 3, 4, 3600.0],
    ]
    assert audit.delay_by_kind(make_events([("a", "2025-01-05")]), users).empty


def test_sessions_longer_than_a_day_and_of_one_event_are_counted():
    events = make_events(
        [("a", "2025-01-05T10:00"), ("a", "2025-01-06T10:00"),  # a day, and no more
         ("b", "2025-01-05T10:00"), ("b", "2025-01-05T11:00"), ("b", "2025-01-06T10:00:01"),
         ("c", "2025-01-05T10:00"), ("c", "2025-01-05T10:00"), ("c", "2025-01-09")],
        session_id=["s1", "s1", "s2", "s2", "s2", "s2", "s3", None],
    )  # fmt: skip
    row = audit.session_lengths(events).iloc[0]
    assert row.to_dict() == {
        "sessions": 4, "events": 7, "long_events": 3, "single": 2, "user_days": 5
    }  # fmt: skip
    assert audit.session_lengths(make_events([("a", "2025-01-05")])).empty


def test_amounts_are_summed_by_kind_and_day():
    events = make_events(
        [("a", "2025-01-05T10:00"), ("b", "2025-01-05T11:00"), ("a", "2025-01-07"),
         ("a", "2025-01-07"), ("a", "2025-01-07"), ("a", "2025-03-07")],
        event_type=["buy", "buy", "buy", "gift", "buy", "buy"],
        properties=['{"amount": 10}', '{"amount":"2.5"}', '{"amount":-4}', '{"amount":8}', "{}",
                    '{"amount":99}'],
    )  # fmt: skip
    table = audit.daily_amounts(events, make_window("2025-01-05", "2025-02-01"), "UTC")
    assert set(table.columns) == {
        "event_type", "day_number", "events", "log_sum", "log_squares", "total", "largest"
    }  # fmt: skip
    by_kind = dict(iter(table.groupby("event_type")))
    assert by_kind["buy"][["events", "total", "largest"]].to_numpy().tolist() == [
        [2, 12.5, 10], [0, 0, 0], [0, 0, 0]
    ]  # fmt: skip
    assert by_kind["buy"]["log_sum"].iloc[0] == pytest.approx(np.log(25))
    squares = np.log(10) ** 2 + np.log(2.5) ** 2
    assert by_kind["buy"]["log_squares"].iloc[0] == pytest.approx(squares)
    assert by_kind["gift"]["total"].tolist() == [0, 0, 8]
    nothing = make_events([("a", "2025-01-05")])
    assert audit.daily_amounts(nothing, make_window("2025-01-05", "2025-02-01"), "UTC").empty


def test_returns_at_the_edges_by_hand():
    """A log of 120 days; "a" is seen on all, "b" on days 100 to 109, "new" joins on day 2."""
    at_day = [f"{pd.Timestamp('2025-01-01') + pd.Timedelta(days=n):%Y-%m-%d}" for n in range(120)]
    events = make_events(
        [("a", day) for day in at_day] + [("b", day) for day in at_day[100:110]]
        + [("new", day) for day in at_day[2:]]
    )  # fmt: skip
    users = make_users({"a": "2024-12-01", "b": "2024-12-01", "new": "2025-01-03"})
    window = make_window("2025-01-01", "2025-05-01")
    table = audit.returns_at_edges(events, users, window).set_index(["edge", "days", "shift"])
    assert table.loc[("end", 7, 0)].tolist() == [3, 2]  # b on days 106 to 109, and not again
    assert table.loc[("end", 11, 0)].tolist() == [3, 3]  # on day 109
    assert table.loc[("end", 9, 28)].tolist() == [2, 2]
    assert table.loc[("start", 7, 0)].tolist() == [1, 1]  # new is not from before the log
    assert not any(days + shift > 120 - 7 - 56 for _, days, shift in table.index)
    assert audit.returns_at_edges(events, users, make_window("2025-01-01", "2025-03-01")).empty


def test_the_fullest_second_of_the_day():
    times = ["2025-01-05T10:00:01", "2025-01-06T10:00:01.9", "2025-01-07", "2025-01-08T23:00"]
    events = make_events([("a", when) for when in times])
    assert audit.fullest_second(events).to_numpy().tolist() == [[36_001, 2, 4]]


def test_the_daily_mix_has_a_row_for_each_kind_and_day():
    events = make_events(
        [("a", "2025-01-05T10:00"), ("a", "2025-01-05T11:00"), ("b", "2025-01-07"),
         ("b", "2025-02-01")],
        event_type=["play", "exit", "play", "play"],
    )  # fmt: skip
    users = USERS.assign(device=["iOS", "Android", "iOS"])
    mix = audit.daily_mix(events, users, make_window("2025-01-05", "2025-01-08"), "UTC")
    told = {
        (column, level): part[["events", "total"]].to_numpy().tolist()
        for (column, level), part in mix.groupby(["column", "level"])
    }
    assert told == {
        ("event_type", "exit"): [[1, 2], [0, 0], [0, 1]],
        ("event_type", "play"): [[1, 2], [0, 0], [1, 1]],
        ("device", "iOS"): [[2, 2], [0, 0], [0, 1]],
        ("device", "Android"): [[0, 2], [0, 0], [1, 1]],
        ("hour", "0 to 6"): [[0, 2], [0, 0], [1, 1]],
        ("hour", "6 to 12"): [[2, 2], [0, 0], [0, 1]],
    }


def test_one_kind_alone_is_no_mix():
    events = make_events([("a", "2025-01-05"), ("b", "2025-01-06")])
    window = make_window("2025-01-01", "2025-02-01")
    assert audit.daily_mix(events, USERS, window, "UTC").empty  # all at midnight, too


def test_native_counts_are_held_against_the_log():
    ids = ["a", "b", "c", "d", "e", "old"]
    plays = dict(zip(ids, (1, 2, 3, 4, 5, 9), strict=True))
    events = make_events(
        [(user, "2025-01-30") for user, n in plays.items() for _ in range(n)],
        event_type=["content_play"] * 24,
    )
    signups = dict.fromkeys(ids[:5], "2025-01-02") | {"old": "2024-01-01"}
    users = make_users(signups, views=[10, 20, 30, 3, 50, 8], sessions_7d=[0] * 6)
    window = make_window("2025-01-01", "2025-02-01")
    users = users.assign(plays=1, sessions=2)  # the report's own names, of other things
    table = audit.native_counts(users, events, window, ROLES, 30.0).set_index("column")
    views = table.loc["views"]
    assert views[["users", "below", "checked"]].tolist() == [5, 2, 6]  # d and old
    ranks = pd.Series([2, 3, 4, 1, 5]).corr(pd.Series([1, 2, 3, 4, 5]))
    assert views["correlation"] == pytest.approx(ranks)
    assert views["ci_low"] < ranks < views["ci_high"]
    assert np.isnan(table.loc["sessions_7d", "correlation"])  # it does not vary
    assert "credits_spent" not in table.index
