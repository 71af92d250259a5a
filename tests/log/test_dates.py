"""Dates with the day or the month first, by hand."""

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.base import engine
from analysis.base.errors import ReportError
from analysis.log import cells
from analysis.log.dates import read_orders
from analysis.log.events import clean_events
from analysis.log.users import clean_users
from tests.handmade import CON, at


def make(values, name="signup_date", **more):
    columns = {"user_id": [f"u{i}" for i in range(len(values))], name: values, **more}
    return CON.create_table(ibis.util.gen_name("raw"), pa.table(columns), temp=True)


def days_of(values):
    raw, found = read_orders(make(values), "users", ["signup_date", "cancel_date"])
    table = engine.to_pandas(raw.select("user_id", day=cells.day(raw.signup_date)))
    return [str(day)[:16] for day in table.sort_values("user_id")["day"]], found


def test_a_column_that_shows_its_order_is_read_so():
    days, found = days_of(["25/12/2025", "3/4/2025", " 01/02/2025 13:45", None])
    assert days == ["2025-12-25 00:00", "2025-04-03 00:00", "2025-02-01 13:45", "NaT"]
    assert found == {"day_first_signup_date": 3}
    days, found = days_of(["12/25/2025 1:45 PM", "03.04.2025", "3-4-2025 01:02:03"])
    assert days == ["2025-12-25 13:45", "2025-03-04 00:00", "2025-03-04 01:02"]
    assert found == {"month_first_signup_date": 3}


def test_what_is_none_stays_as_it_was():
    days, found = days_of(["25/12/2025", "2025-01-05", "soon", "26/12/2025", "27/12/2025"])
    assert days == [
        "2025-12-25 00:00",
        "2025-01-05 00:00",
        "NaT",
        *["2025-12-26 00:00"],
        "2025-12-27 00:00",
    ]
    assert found == {"day_first_signup_date": 3}


def test_other_columns_are_left_alone():
    for values in (["2025-12-25", "2025-01-02"], ["25/12/2025", "2025-01-02"], ["x", None]):
        assert read_orders(make(values), "users", ["signup_date"])[1] == {}
    numbers = make([1736071200, 1736071201])
    assert read_orders(numbers, "users", ["signup_date"]) == (numbers, {})


def test_a_column_that_does_not_show_its_order_is_refused():
    with pytest.raises(ReportError, match="users: 2 values of 'signup_date' may have the day or "
                       "the month first, for example '03/04/2025': hardly any value shows .* "
                       "Write them as 2025-01-31"):  # fmt: skip
        days_of(["03/04/2025", "04/04/2025"])
    with pytest.raises(ReportError, match="hardly any value shows"):
        days_of(["25/12/2025"] * 1 + ["03/04/2025"] * 100)


def test_a_column_of_both_orders_is_refused_but_a_slip_is_counted():
    with pytest.raises(ReportError, match="1 value has the day first, and 2 the month"):
        days_of(["25/12/2025", "12/25/2025", "12/26/2025", "03/04/2025"])
    users = make(["25/12/2025"] * 100 + ["12/25/2025"])
    counts = clean_users(users).counts
    assert (counts["day_first_signup_date"], counts["unreadable_signup_date"]) == (101, 1)


def test_events_are_read_so_too():
    times = ["25/12/2025 10:00", "03/04/2025 11:30:15"]
    cleaned = clean_events(make(times, "event_timestamp", event_type=["x", "x"]))
    found = engine.to_pandas(cleaned.table.order_by("user_id"))["event_at"].tolist()
    assert found == [at("2025-12-25T10:00"), at("2025-04-03T11:30:15")]
    assert cleaned.counts["day_first_event_timestamp"] == 2


@settings(max_examples=15, deadline=None)
@given(
    days=st.lists(st.dates(min_value=at("1990-01-01").date(), max_value=at("2099-01-01").date()),
                  min_size=1, max_size=30),
    mark=st.sampled_from("/.-"),
    order=st.sampled_from(["%d{0}%m{0}%Y", "%m{0}%d{0}%Y"]),
)  # fmt: skip
def test_a_date_is_read_as_it_was_written_or_refused(days, mark, order):
    days = sorted(days)
    written = [day.strftime(order.format(mark)) for day in days]
    raw = make(written)
    try:
        raw, _ = read_orders(raw, "users", ["signup_date"])
    except ReportError:
        assert all(day.day <= 12 for day in days)
        return
    table = engine.to_pandas(raw.select("user_id", day=cells.day(raw.signup_date)))
    found = dict(zip(table["user_id"], table["day"], strict=True))
    assert [found[f"u{i}"].date() for i in range(len(days))] == days
