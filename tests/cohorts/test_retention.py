import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.cohorts.retention import retention_by_day, retention_cohorts, user_retention
from tests.handmade import at, make_events, make_log, make_users, make_window

WINDOW = make_window("2025-01-01", "2025-02-10")  # 40 days
SIGNED_UP = {
    "early": "2024-12-31",  # joined before the log: unknown
    "daily": "2025-01-01",  # the log's first instant: known
    "weekly": "2025-01-05",
    "silent": "2025-01-10",
    "recent": "2025-02-02",  # day 7 ends with the log: still covered
    "latest": "2025-02-03",  # day 7 ends a day after it
    "future": "2025-02-10",
    "undated": None,
}
VISITED = [
    ("early", "2025-01-02"),
    ("daily", "2025-01-01T10:00"),  # day 0: no return
    ("daily", "2025-01-02T00:00"),  # day 1 begins
    ("daily", "2025-01-08T23:59:59"),  # day 7 ends
    ("weekly", "2025-01-11T23:59:59"),  # day 6 ends
    ("weekly", "2025-01-13T00:00"),  # day 8 begins
    ("silent", "2025-01-09T23:59"),  # before signup
    ("recent", "2025-02-03"),
    ("undated", "2025-01-15"),
]
USERS = make_users(SIGNED_UP)
USER_DAYS = make_log(make_events(VISITED), USERS, WINDOW).user_days
DAYS = [1, 6, 7, 8]


def count(days=DAYS, users=USERS, user_days=USER_DAYS, min_group=1):
    return retention_by_day(user_retention(user_days, users, WINDOW, days), days, min_group)


def test_the_first_days_of_each_user_by_hand():
    table = user_retention(USER_DAYS, USERS, WINDOW, [1, 7]).set_index("user_id")
    expected = pd.DataFrame(
        {
            "last_observed_day": [40, None, None, 7, 8, 31, 36],
            "first_return_day": [1, 2, None, None, 1, None, 6],
            "last_active_day": [7, 2, None, None, 1, None, 8],
            "is_active_on_1": [True, False, False, False, True, False, False],
            "is_active_on_7": [True, False, False, False, False, False, False],
            "is_eligible_1": [True, False, False, True, True, True, True],
            "is_eligible_7": [True, False, False, False, True, True, True],
        },
        index=pd.Index(
            ["daily", "early", "future", "latest", "recent", "silent", "weekly"], name="user_id"
        ),
    )
    expected.loc["future", "last_observed_day"] = 0
    pd.testing.assert_frame_equal(table[expected.columns], expected, check_dtype=False)


@pytest.mark.parametrize(
    ("signup", "is_eligible"),
    [("2024-12-31", False), ("2025-01-01", True), ("2025-02-02", True), ("2025-02-03", False)],
)
def test_a_user_counts_only_when_the_log_covers_the_day_to_its_end(signup, is_eligible):
    table = user_retention(USER_DAYS, make_users({"u": signup}), WINDOW, [7])
    assert table["is_eligible_7"].tolist() == [is_eligible]


def test_the_three_definitions_by_hand():
    table = count()
    eligible = {1: 5, 6: 5, 7: 4, 8: 3}  # latest leaves after day 6, recent after day 7
    expected = {
        "on_day": {1: 2, 6: 1, 7: 1, 8: 1},
        "on_or_after": {1: 3, 6: 2, 7: 2, 8: 1},
        "within": {1: 2, 6: 3, 7: 3, 8: 2},
    }
    for definition, retained in expected.items():
        rows = table[table["definition"] == definition].set_index("day")
        assert rows["eligible_users"].to_dict() == eligible
        assert rows["retained_users"].to_dict() == retained
        assert rows["retention_rate"].tolist() == [retained[d] / eligible[d] for d in DAYS]


def test_below_the_smallest_group_the_rate_is_blank_and_the_counts_stay():
    table = count(min_group=4).set_index(["definition", "day"])
    at_limit, below = table.loc[("within", 7)], table.loc[("within", 8)]
    assert (at_limit["retention_rate"], at_limit["is_too_few"]) == (0.75, False)
    assert (below["retained_users"], below["eligible_users"], below["is_too_few"]) == (2, 3, True)
    assert below[["retention_rate", "ci_low", "ci_high"]].isna().all()


def test_nobody_eligible_gives_no_rate():
    table = count(days=[60], min_group=2)
    assert table["eligible_users"].tolist() == [0, 0, 0]
    assert table[["retention_rate", "ci_low", "ci_high"]].isna().all(axis=None)


@settings(max_examples=6, deadline=None)
@given(day=st.integers(1, 35), more=st.integers(1, 35))
def test_a_longer_window_never_retains_fewer_of_the_same_users(day, more):
    table = user_retention(USER_DAYS, USERS, WINDOW, [day, day + more])
    both = table[table[f"is_eligible_{day + more}"]]
    rows = retention_by_day(both, [day, day + more], 1).set_index(["definition", "day"])
    retained = rows["retained_users"]
    assert retained.loc["within"].iloc[0] <= retained.loc["within"].iloc[-1]
    assert retained.loc["on_or_after"].iloc[0] >= retained.loc["on_or_after"].iloc[-1]


@settings(max_examples=6, deadline=None)
@given(days=st.lists(st.integers(1, 60), min_size=1, max_size=5, unique=True))
def test_eligible_users_never_grow_with_the_day_and_hold_the_retained(days):
    table = count(days=sorted(days), min_group=1)
    for _, rows in table.groupby("definition"):
        assert rows["eligible_users"].is_monotonic_decreasing
        assert (rows["retained_users"] <= rows["eligible_users"]).all()


def test_on_a_day_implies_within_and_on_or_after():
    wide = count().pivot(index="day", columns="definition", values="retained_users")
    assert (wide["on_day"] <= wide["within"]).all()
    assert (wide["on_day"] <= wide["on_or_after"]).all()


@settings(max_examples=3, deadline=None)
@given(order=st.permutations(list(SIGNED_UP)), visits=st.permutations(VISITED))
def test_the_order_of_users_and_events_does_not_matter(order, visits):
    users = make_users({name: SIGNED_UP[name] for name in order})
    user_days = make_log(make_events(visits), users, WINDOW).user_days
    pd.testing.assert_frame_equal(count(users=users, user_days=user_days), count())
    pd.testing.assert_frame_equal(
        retention_cohorts(user_days, users, WINDOW, "UTC", 1),
        retention_cohorts(USER_DAYS, USERS, WINDOW, "UTC", 1),
    )


COHORT_USERS = make_users(
    {
        "a": "2024-11-20",
        "b": "2025-01-05",
        "c": "2025-01-31T23:59",
        "d": "2025-02-01",
        "e": "2025-03-20",
    }
)
COHORT_WINDOW = make_window("2024-12-15", "2025-03-10")
COHORT_EVENTS = make_events([
    ("a", "2024-12-20"), ("a", "2025-01-31T23:59:59"), ("a", "2025-02-01"), ("b", "2025-01-06"),
    ("b", "2025-01-07"), ("b", "2025-03-01"), ("d", "2025-02-01"),
])  # fmt: skip


def cohorts(zone="UTC", min_group=1, window=COHORT_WINDOW):
    user_days = make_log(COHORT_EVENTS, COHORT_USERS, window, zone).user_days
    return retention_cohorts(user_days, COHORT_USERS, window, zone, min_group)


def test_the_cohort_table_by_hand():
    table = cohorts().fillna({"retention_rate": -1})
    columns = ["cohort_month", "event_month", "active_users", "cohort_size", "retention_rate"]
    assert table[columns].to_numpy().tolist() == [
        ["2024-11", "2024-11", 0, 1, -1],  # before the log
        ["2024-11", "2024-12", 1, 1, -1],  # the log begins on the 15th
        ["2024-11", "2025-01", 1, 1, 1.0],
        ["2024-11", "2025-02", 1, 1, 1.0],
        ["2024-11", "2025-03", 0, 1, -1],  # the log ends on the 10th
        ["2025-01", "2025-01", 1, 2, 0.5],
        ["2025-01", "2025-02", 0, 2, 0.0],
        ["2025-01", "2025-03", 1, 2, -1],
        ["2025-02", "2025-02", 1, 1, 1.0],
        ["2025-02", "2025-03", 0, 1, -1],
    ]
    assert (table["is_observed"] == (table["retention_rate"] >= 0)).all()


def test_a_month_is_observed_when_the_log_covers_it_to_its_last_instant():
    observed = {
        end: cohorts(window=make_window("2025-01-01", end)).set_index("event_month")["is_observed"]
        for end in ("2025-02-28T23:59:59", "2025-03-01")
    }
    assert not observed["2025-02-28T23:59:59"]["2025-02"].any()
    assert observed["2025-03-01"]["2025-02"].all()
    assert observed["2025-03-01"]["2025-01"].all()
    late = cohorts(window=make_window("2025-01-01T00:00:01", "2025-03-01"))
    assert not late.set_index("event_month")["is_observed"]["2025-01"].any()


def test_cells_that_are_not_observed_have_no_interval():
    table = cohorts()
    blank = table[~table["is_observed"]]
    assert blank[["retention_rate", "ci_low", "ci_high"]].isna().all(axis=None)


def test_cohorts_and_months_are_those_of_the_zone():
    table = cohorts("America/Lima")
    assert set(table["cohort_month"]) == {"2024-11", "2025-01"}  # d joined on January 31st there
    row = table[(table["cohort_month"] == "2025-01") & (table["event_month"] == "2025-01")]
    assert row[["active_users", "cohort_size"]].to_numpy().tolist() == [[2, 3]]
    assert not row["is_too_few"].any()


def test_small_cohorts_are_marked_and_blank():
    table = cohorts(min_group=2).set_index("cohort_month")
    assert table.loc["2025-02", "is_too_few"].all()
    assert table.loc["2025-02", "retention_rate"].isna().all()
    assert not table.loc["2025-01", "is_too_few"].any()


def test_activity_outside_the_log_is_never_counted():
    assert cohorts()["active_users"].sum() == 6
    assert at("2025-03-20") >= COHORT_WINDOW.end  # e joined after the log and has no cohort


def test_who_joins_as_the_log_ends_has_no_cohort():
    users = make_users({"last": "2025-02-09", "after": "2025-02-10"})  # the log's end
    user_days = make_log(make_events([("last", "2025-02-09")]), users, WINDOW).user_days
    table = retention_cohorts(user_days, users, WINDOW, "UTC", 1)
    assert table["cohort_size"].tolist() == [1]
    assert str(table["active_users"].dtype) == "int64"


def test_a_signup_of_1970_adds_no_months_without_a_log():
    users = make_users({"old": "1970-01-01", "new": "2025-01-03"})
    events = make_events([("new", "2025-01-04")])
    user_days = make_log(events, users, WINDOW, "Europe/Rome").user_days
    table = retention_cohorts(user_days, users, WINDOW, "Europe/Rome", 1)
    months = table[table["cohort_month"] == "1970-01"]["event_month"].tolist()
    assert months[0] == "2024-01"  # a year before the log
    assert months[-1] == "2025-02"
