"""Silence beside cancellation, worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.cohorts import charts
from analysis.cohorts.cancellations import (
    CANCELLED,
    SILENT,
    competing_risks,
    cross_table,
    first_ends,
    incidence_table,
)
from analysis.log import activity
from analysis.log.churn import Windows
from analysis.log.log import Log
from analysis.log.window import daily_volume
from simulation import simulate
from simulation.cancellations import true_incidence
from tests.charting import axes_of, words_in
from tests.handmade import (
    ROLES,
    instants,
    make_company_log,
    make_events,
    make_users,
    make_window,
)

WINDOW = make_window("2025-01-01", "2025-04-11")  # 100 days; two horizons of 10 settle on 22 March
WINDOWS = Windows(lookback=20, gap=0, horizon=10)  # the last snapshot is on 1 April


def make_log(users: pd.DataFrame, visits: dict[str, list[str]], ends: dict[str, str] | None = None):
    """Return the log of users who visit, and cancel by an event, on days of 2025."""
    rows = [(user, f"2025-{day}", "play") for user, days in visits.items() for day in days]
    rows += [(user, f"2025-{day}", "cancel") for user, day in (ends or {}).items()]
    events = make_events([row[:2] for row in rows], event_type=[row[2] for row in rows])
    placed = activity.place(events, users, WINDOW, (), ("cancel",) if ends else ())
    days = activity.sum_by_day(placed.filter(placed.is_active), WINDOW, "UTC", ROLES, 30, ())
    return Log(users, placed, days, WINDOW, daily_volume(events, "UTC"))


def users_of(rows: dict[str, tuple[str, str | None]]) -> pd.DataFrame:
    """Return users by signup and cancel_date, days of 2025 or whole dates."""
    days = {u: [d and (d if len(d) > 5 else f"2025-{d}") for d in row] for u, row in rows.items()}
    signed = {user: day[0] for user, day in days.items()}
    return make_users(signed, cancel_date=instants([day[1] for day in days.values()]))


def counts(table: pd.DataFrame) -> dict[str, list[int]]:
    return {among: part["users"].tolist() for among, part in table.groupby("among", sort=False)}


# --- both meanings side by side -----------------------------------------------------------------

PEOPLE = users_of({
    "silent_before": ("01-01", "03-20"), "silent_within": ("01-01", "04-05"),
    "silent_on_the_day": ("01-01", "04-01"), "silent_subscribed": ("01-01", None),
    "active_before": ("01-01", "03-20"), "active_later": ("01-01", "04-11"),  # after the log
    "active": ("01-01", None), "long_gone": ("01-01", "04-02"),
})  # fmt: skip
VISITS = {
    **{user: ["03-15"] for user in PEOPLE["user_id"][:4]},
    **{user: ["03-15", "04-03"] for user in PEOPLE["user_id"][4:7]},
    "long_gone": ["01-20"],  # not at risk on 1 April, and silent before cancelling
}


def test_who_of_the_silent_had_cancelled_at_the_last_snapshot():
    table = cross_table(make_log(PEOPLE, VISITS), WINDOWS)
    found = counts(table)
    assert found["fell_silent"] == [1, 2, 1]  # on the day of the snapshot is in the outcome days
    assert found["stayed_active"] == [1, 0, 2]
    silent = table[table["among"] == "fell_silent"]
    assert silent["state"].tolist() == ["cancelled_before", "cancelled_within", "subscribed"]
    assert silent["of_users"].tolist() == [4, 4, 4]
    assert silent["share"].tolist() == [1 / 4, 2 / 4, 1 / 4]
    assert (silent["ci_low"] < silent["share"]).all()
    assert (silent["ci_high"] > silent["share"]).all()


def test_who_of_the_cancelled_had_been_silent():
    found = counts(cross_table(make_log(PEOPLE, VISITS), WINDOWS))
    # in the ten days before: of 20 March and 1 April none but the two with a visit on 15 March
    assert found["cancelled"] == [3, 2]


def around(rows: dict[str, tuple[str, str | None]], visits, ends=None) -> dict[str, list[int]]:
    return counts(cross_table(make_log(users_of(rows), visits, ends), WINDOWS))


def test_a_visit_to_cancel_is_no_activity_before_it():
    rows = dict.fromkeys("abcd", ("01-01", "02-15")) | {"new": ("02-08", "02-15")}
    visits = {"a": ["02-15T10:00"], "b": ["02-14T23:59"], "c": ["02-05"], "d": ["02-04T23:59"]}
    assert around(rows, visits)["cancelled"] == [2, 3]  # a and d; the newcomer has no horizon
    rows = dict.fromkeys("abcd", ("01-01", None))
    ends = dict.fromkeys("abcd", "02-15T12:00")
    visits = {
        "a": ["02-14T12:00"],
        "b": ["02-14T11:59"],
        "c": ["02-04T12:00"],
        "d": ["02-04T11:59"],
    }
    assert around(rows, visits, ends)["cancelled"] == [2, 2]


def test_activity_after_a_cancellation_is_counted_from_a_day_later_on():
    rows = dict.fromkeys("abcde", ("01-01", "02-15"))
    visits = {"a": ["02-16T23:59"], "b": ["02-17"], "c": ["02-26T23:59"], "d": ["02-27"],
              "e": ["02-17", "03-20"]}  # fmt: skip
    assert around(rows, visits)["cancelled_followed"] == [3, 1, 1]  # went on, came back, not seen
    ends = dict.fromkeys("abcd", "02-15T12:00")
    visits = {
        "a": ["02-16T11:59"],
        "b": ["02-16T12:00"],
        "c": ["02-26T11:59"],
        "d": ["02-26T12:00"],
    }
    rows = dict.fromkeys("abcd", ("01-01", None))
    assert around(rows, visits, ends)["cancelled_followed"] == [2, 1, 1]


def test_only_who_can_be_followed_for_a_horizon_is():
    rows = {
        "late": ("01-01", "03-31"),
        "in_time": ("01-01", "03-30"),
        "early": ("2024-01-01", "2024-12-31"),
    }
    found = around(rows, {user: ["01-02"] for user in rows})
    assert sum(found["cancelled_followed"]) == 1
    assert sum(found["cancelled"]) == 2


def test_tables_without_cancellations_give_no_rows_and_a_short_log_none_on_silence():
    users = make_users({"a": "2025-01-01"})
    log = make_log(users, {"a": ["01-02"]})
    assert cross_table(log, WINDOWS).empty
    assert competing_risks(log, 20, 1).empty
    long = Windows(lookback=95, gap=0, horizon=10)
    assert set(counts(cross_table(make_log(PEOPLE, VISITS), long))) == {
        "cancelled",
        "cancelled_followed",
    }


# --- how a stay ends first ----------------------------------------------------------------------

ENDS = {
    # (signup, cancel_date), visits -> days followed, cause
    "cancels": (("01-01", "02-01"), ["01-05", "01-31"], 31, CANCELLED),
    "cancels_20_days_later": (("01-01", "01-25"), ["01-05"], 24, CANCELLED),
    "cancels_21_days_later": (("01-01", "01-26"), ["01-05"], 4, SILENT),
    "falls_silent": (("01-01", None), ["01-05", "03-22"], 80, SILENT),  # settled at the very end
    "is_still_there": (("01-01", None), ["01-05", "03-22T00:01"], 80, 0),
    "cancels_too_late": (("01-01", "03-23"), ["03-20"], 80, 0),  # nobody is followed so far
    "cancels_at_the_end": (("01-01", "03-22"), ["03-20"], 80, CANCELLED),
    "goes_on": (("01-01", "02-01"), ["03-05"], 31, CANCELLED),
    "never_comes": (("02-01", None), [], 0, SILENT),
    "cancels_unseen": (("02-01", "02-21"), [], 20, CANCELLED),
    "cancelled_earlier": (("01-01", "2024-06-01"), ["01-05"], 4, SILENT),
}


@pytest.mark.parametrize("name", ENDS)
def test_a_stay_ends_by_what_comes_first(name):
    row, visits, days, cause = ENDS[name]
    stays = first_ends(make_log(users_of({"u": row}), {"u": visits, "x": ["01-01"]}), 20)
    assert stays[["time", "cause", "is_end"]].to_numpy().tolist() == [[days, cause, cause > 0]]


@pytest.mark.parametrize("signup", ["2024-12-31", "03-22", None])
def test_newcomers_alone_are_followed_who_can_be(signup):
    log = make_log(users_of({"u": (signup, None)}), {"u": ["03-23"], "x": ["01-01"]})
    assert first_ends(log, 20).empty


def make_stays(*rows: tuple[float, int]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["time", "cause"])
    return table.assign(entry=-1.0, is_end=table["cause"] > 0)


STAYS = make_stays((1, 1), (2, 2), (2, 0), (3, 1), (3, 2), (5, 0), (6, 1), (8, 0))


def test_aalen_johansen_by_hand():
    table = incidence_table(STAYS, 8).set_index("day")
    # at risk 8, 7, 5, 2 on the days 1, 2, 3 and 6; remaining just before 1, 7/8, 6/8 and 9/20
    s1, s2, s3 = 7 / 8, 7 / 8 * 6 / 7, 7 / 8 * 6 / 7 * 3 / 5
    cancelled = [0, 1 / 8, 1 / 8, 1 / 8 + s2 / 5]
    silent = [0, 0, s1 / 7, s1 / 7 + s2 / 5]
    last = cancelled[3] + s3 / 2
    assert table["cancelled"].tolist() == pytest.approx(
        [*cancelled, cancelled[3], cancelled[3], last, last, last]
    )
    assert table["silent"].tolist() == pytest.approx([*silent, *[silent[3]] * 5])
    assert table["remaining"].tolist() == pytest.approx(
        [1, s1, s2, s3, s3, s3, s3 / 2, s3 / 2, s3 / 2]
    )
    assert table["at_risk"].tolist() == [8, 8, 7, 5, 3, 3, 2, 1, 1]


def variance(stays: pd.DataFrame, cause: int, day: float) -> float:
    """Return the delta-method variance of the incidence (Marubini and Valsecchi 1995, 10.2.2)."""
    steps, remaining, share = [], 1.0, 0.0
    for time in sorted(set(stays.loc[stays["is_end"] & (stays["time"] <= day), "time"])):
        n = int((stays["time"] >= time).sum())
        now = stays[stays["time"] == time]
        all_ends, own = int(now["is_end"].sum()), int((now["cause"] == cause).sum())
        before, remaining = remaining, remaining * (1 - all_ends / n)
        share += before * own / n
        steps.append((n, all_ends, own, before, share))
    total = 0.0
    for n, all_ends, own, before, then in steps:
        total += (share - then) ** 2 * all_ends / (n * (n - all_ends))
        total += before**2 * (n - own) / n**3 * own
        total -= 2 * (share - then) * before * own / n**2
    return total


def test_the_interval_is_the_log_log_one_of_the_delta_method():
    table = incidence_table(STAYS, 8).set_index("day")
    for day, name, cause in ((3, "cancelled", 1), (6, "cancelled", 1), (3, "silent", 2)):
        share = table.loc[day, name]
        theta = np.exp(1.959964 * variance(STAYS, cause, day) ** 0.5 / (share * np.log(share)))
        ends = sorted([share**theta, share ** (1 / theta)])
        assert table.loc[day, [f"{name}_ci_low", f"{name}_ci_high"]].tolist() == pytest.approx(ends)
    assert np.isnan(table.loc[0, "silent_ci_low"])  # nobody yet: no interval is claimed


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), min_size=1, max_size=30))
def test_both_causes_and_the_rest_are_always_everybody(rows):
    stays = make_stays(*rows)
    table = incidence_table(stays, int(stays["time"].max()))
    total = table["cancelled"] + table["silent"] + table["remaining"]
    assert total.tolist() == pytest.approx([1.0] * len(table))
    for cause in ("cancelled", "silent"):
        assert table[cause].is_monotonic_increasing
        low, high = table[f"{cause}_ci_low"], table[f"{cause}_ci_high"]
        known = low.notna()
        assert (low[known] <= table.loc[known, cause] + 1e-12).all()
        assert (table.loc[known, cause] <= high[known] + 1e-12).all()


def test_too_few_newcomers_give_no_curve():
    log = make_log(PEOPLE, VISITS)
    assert competing_risks(log, 20, 9).empty
    assert competing_risks(log, 20, 8)["day"].max() == 80


# --- the chart, and the truth -------------------------------------------------------------------


def test_both_curves_are_drawn_as_they_are():
    table = incidence_table(STAYS, 8)
    chart = charts.draw_competing_risks(table)
    (axes,) = axes_of(chart)
    assert [line.get_ydata().tolist() for line in axes.lines] == [
        table["cancelled"].tolist(),
        table["silent"].tolist(),
    ]
    assert {"Cancelled", "Fell silent"} <= set(words_in(chart))


def test_the_curves_hold_the_truth_of_simulated_users():
    # standard errors of k independent companies: their mean lies beyond 4 / sqrt(k) once in 16,000
    hazard, companies, errors = 0.004, 5, []
    for seed in range(companies):
        company = simulate(1000, 40, 8_000 + seed, dirt=False, cancel_hazard=hazard)
        stays = first_ends(make_company_log(company), 60)
        table = incidence_table(stays, 140).set_index("day")
        users = company.user_truth[company.user_truth["user_id"].isin(stays["user_id"])]
        for day in (10, 30, 90, 140):
            for cause, true in true_incidence(users, hazard, day, 60).items():
                low, high = table.loc[day, [f"{cause}_ci_low", f"{cause}_ci_high"]]
                error = (table.loc[day, cause] - true) / (high - low) * 2 * 1.959964
                errors.append((cause, day, error))
    mean = pd.DataFrame(errors, columns=["cause", "day", "error"]).groupby(["cause", "day"]).mean()
    assert (mean["error"].abs() < 4 / companies**0.5).all()
    assert mean["error"].abs().mean() < 2 / companies**0.5


@pytest.mark.parametrize(
    "users",
    [
        users_of({"a": ("01-01", None), "b": ("01-02", None)}),  # nobody cancelled
        users_of({"a": ("01-01", "2024-05-01"), "b": (None, "02-01")}),  # nobody can have
        users_of({"a": ("01-01", "9999-12-29"), "b": ("01-01", "2099-12-31")}),  # placeholders
        users_of({"a": ("2024-01-01", "02-01"), "b": ("2024-01-02", None)}),  # no newcomers
    ],
)
def test_tables_in_which_hardly_anybody_cancelled_have_their_rows(users: pd.DataFrame):
    log = make_log(users, {"a": ["01-05", "03-25"], "b": ["01-05"]})
    table = cross_table(log, WINDOWS)
    assert len(table) == 11
    assert table.loc[table["of_users"] == 0, "share"].isna().all()
    risks = competing_risks(log, 20, 1)
    assert (risks["cancelled"] == 0).all()


def test_events_that_end_nobodys_stay_leave_everybody_subscribed():
    users = make_users({"a": "2025-01-01"})
    log = make_log(users, {"a": ["01-05", "03-25"]}, {"stranger": "02-01"})
    assert not log.records_cancellations
    assert log.cancelled.empty
