from functools import cache
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.cohorts import survival
from analysis.cohorts.retention import retention_by_day, user_retention
from analysis.cohorts.survival import (
    lifetimes,
    loglog_interval,
    milestones,
    only,
    survival_by_group,
    survival_table,
)
from analysis.log.activity import user_spans
from analysis.log.window import LogWindow
from analysis.summary.metrics import cohort_metrics
from benchmarks import truth
from simulation import simulate
from tests.handmade import at, make_company_log, make_users, make_window

WINDOW = make_window("2025-01-01", "2025-04-11")  # 100 days
SILENCE = 30


def follow(signup, first=None, last=None):
    """Return the life of one user as [entry, time, is_end], or None when left out."""
    users = make_users({"u": signup})
    rows = [] if first is None else [("u", at(first), at(last), 1)]
    spans = pd.DataFrame(
        rows, columns=["user_id", "first_event_at", "last_event_at", "event_count"]
    )
    spans = spans.astype(dict.fromkeys(("first_event_at", "last_event_at"), "datetime64[us, UTC]"))
    table = lifetimes(
        users.astype({"user_id": "str"}), spans.astype({"user_id": "str"}), WINDOW, SILENCE
    )
    return None if table.empty else table.loc[0, ["entry", "time", "is_end"]].tolist()


@pytest.mark.parametrize(
    ("life", "expected"),
    [
        # joined inside the log, silent for exactly 30 days at its end: an end
        (("2025-01-11", "2025-01-11", "2025-03-12"), [-1, 60, True]),
        # silent for a second less: censored at the log's end
        (("2025-01-11", "2025-01-11", "2025-03-12T00:00:01"), [-1, 90, False]),
        # joined at the log's first instant: at risk from signup
        (("2025-01-01", "2025-01-05", "2025-01-06"), [-1, 5, True]),
        # joined before the log: followed from the first event in it
        (("2024-12-31T00:00", "2025-01-05", "2025-01-09"), [5, 9, True]),
        (("2024-12-22", "2025-01-01", "2025-04-10"), [10, 110, False]),
        # joined before the log and seen once, long ago: no time at risk
        (("2024-12-22", "2025-01-05", "2025-01-05"), None),
        # seen once, lately: followed until the log's end
        (("2024-12-22", "2025-04-01", "2025-04-01"), [100, 110, False]),
        # never seen: unknown before the log, an end at day 0 inside it
        (("2024-12-22",), None),
        (("2025-02-01",), [-1, 0, True]),
        (("2025-04-01",), [-1, 10, False]),
        (("2025-04-11",), None),  # joined after the log
    ],
)
def test_a_life_runs_from_signup_to_the_last_event_or_the_end_of_the_log(life, expected):
    assert follow(*life) == expected


def make_lives(*rows):
    return pd.DataFrame(rows, columns=["entry", "time", "is_end"]).assign(
        user_id=[f"u{i}" for i in range(len(rows))]
    )


LIVES = make_lives(
    (-1, 2, True),
    (-1, 5, True),
    (-1, 5, False),  # censored where another ends: still at risk there
    (-1, 8, False),
    (2, 6, True),  # enters at 2: not at risk at 2
    (4, 9, True),
    (5, 9, False),  # enters where another ends: not at risk there
    (0, 12, False),
)


def kaplan_meier(stays, day):
    """Return survival and Greenwood's sum at `day`, straight from the definition."""
    survival, greenwood = 1.0, 0.0
    for end in sorted({row.time for row in stays.itertuples() if row.is_end and row.time <= day}):
        at_risk = sum(row.entry < end <= row.time for row in stays.itertuples())
        ended = sum(row.time == end and row.is_end for row in stays.itertuples())
        survival *= 1 - ended / at_risk
        if ended < at_risk:
            greenwood += ended / (at_risk * (at_risk - ended))
    return survival, greenwood


def test_kaplan_meier_with_delayed_entry_by_hand():
    table = survival_table(LIVES, "all", 10).set_index("day")
    # at risk at the ends: day 2: 5 (two enter later, one then); 5: 6; 6: 5; 9: 3
    steps = {0: 1.0, 1: 1.0, 2: 4 / 5, 3: 4 / 5, 4: 4 / 5, 5: 4 / 5 * 5 / 6}
    steps |= {6: steps[5] * 4 / 5, 7: steps[5] * 4 / 5, 8: steps[5] * 4 / 5}
    steps |= {9: steps[8] * 2 / 3, 10: steps[8] * 2 / 3}
    assert table["survival"].to_dict() == pytest.approx(steps)
    assert table["at_risk"].to_dict() == {
        0: 4, 1: 5, 2: 5, 3: 5, 4: 5, 5: 6, 6: 5, 7: 4, 8: 4, 9: 3, 10: 1
    }  # fmt: skip


def test_the_interval_is_the_log_log_one_of_the_textbook():
    table = survival_table(LIVES, "all", 10).set_index("day")
    z = NormalDist().inv_cdf(0.975)
    for day in (2, 5, 6, 9):
        survival, greenwood = kaplan_meier(LIVES, day)
        theta = np.exp(z * greenwood**0.5 / np.log(survival))
        expected = sorted([survival ** (1 / theta), survival**theta])
        assert table.loc[day, ["ci_low", "ci_high"]].tolist() == pytest.approx(expected)
    assert table.loc[0, ["ci_low", "ci_high"]].tolist() == [1, 1]


stays = st.lists(
    st.tuples(st.integers(-1, 15), st.integers(1, 20), st.booleans()).map(
        lambda life: (life[0], life[0] + life[1], life[2])
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=20, deadline=None)
@given(stays)
def test_any_lives_agree_with_the_definition_and_never_rise(rows):
    table = survival_table(make_lives(*rows), "all", 40)
    known = table.dropna(subset="survival")
    assert (known["at_risk"] > 0).all()
    assert known["survival"].is_monotonic_decreasing
    assert known["survival"].between(0, 1).all()
    expected = [kaplan_meier(make_lives(*rows), day)[0] for day in known["day"]]
    assert known["survival"].tolist() == pytest.approx(expected, abs=1e-12)
    inside = known.dropna(subset="ci_low")
    assert (inside["ci_low"] <= inside["survival"] + 1e-12).all()
    assert (inside["survival"] <= inside["ci_high"] + 1e-12).all()


def test_nobody_followed_gives_no_survival():
    table = survival_table(LIVES, "all", 14).set_index("day")
    assert table.loc[12, "at_risk"] == 1
    assert table.loc[13:, "survival"].isna().all()


def test_without_an_end_everyone_stays_and_no_interval_is_claimed():
    table = survival_table(make_lives((-1, 3, False), (-1, 5, False)), "all", 4)
    assert table["survival"].tolist() == [1.0] * 5
    assert table["ci_low"].isna().all()


def test_without_lives_nothing_is_known():
    assert survival_table(make_lives(), "all", 2)["survival"].isna().all()


def test_ends_of_the_interval_meet_where_survival_is_0_or_1():
    survived, errors = np.array([1.0, 0.5, 0.0, 1.0, 0.0]), np.array([0.0, 0.1, np.nan, 0.1, 0.1])
    low, high = loglog_interval(survived, errors)
    assert low[[0, 2, 3, 4]].tolist() == high[[0, 2, 3, 4]].tolist() == [1, 0, 1, 0]
    assert 0 < low[1] < 0.5 < high[1] < 1


@pytest.mark.parametrize(
    ("least", "begins", "ends", "steps"),
    [
        # 4 are at risk at signup, 5 a day later; on day 10 1 / (16 / 45) = 2.8 stand for themselves
        (4, 0, 9, {0: 1.0, 2: 4 / 5, 5: 2 / 3, 6: 8 / 15, 9: 16 / 45}),
        (5, 1, 9, {1: 1.0, 2: 4 / 5, 5: 2 / 3, 6: 8 / 15, 9: 16 / 45}),
        # 6 are at risk on day 5, 5 on day 6, 3 on day 9: 3 / (2 / 3) = 4.5
        (6, 5, 8, {5: 5 / 6, 6: 2 / 3, 8: 2 / 3}),
        (2, 0, 12, {0: 1.0, 10: 16 / 45}),
    ],
)
def test_a_curve_begins_and_ends_where_enough_users_are_followed(least, begins, ends, steps):
    table = survival_table(LIVES, "all", 14, least)
    curve = only(table, "all").set_index("day")
    assert (table["from_day"] == begins).all()
    assert (curve.index.min(), curve.index.max()) == (begins, ends)
    assert curve.loc[list(steps), "survival"].to_dict() == pytest.approx(steps)
    assert table["at_risk"].tolist()[:3] == [4, 5, 5]


def test_a_conditional_curve_counts_those_active_at_its_beginning():
    old = make_lives(*[(40, 50, True)] * 3, *[(40, 45, True)] * 2, *[(40, 60, False)] * 5)
    both = pd.concat([old, make_lives((-1, 0, True))])  # one newcomer says next to nothing
    curve = only(survival_table(both, "all", 60, 5), "all").set_index("day")
    assert survival.begins(curve.reset_index()) == 41
    assert curve["survival"][[41, 45, 50]].tolist() == pytest.approx([1.0, 0.8, 0.5])
    assert survival.begins(only(survival_table(both, "all", 60, 11), "all")) is None


def test_users_who_left_are_no_reason_to_end_a_curve():
    lives = make_lives(*[(-1, 1, True)] * 30, *[(-1, 9, False)] * 2)
    curve = only(survival_table(lives, "all", 12, 30), "all").set_index("day")
    assert curve["survival"][[0, 1, 9]].tolist() == pytest.approx([1, 1 / 16, 1 / 16])
    assert curve.index.max() == 9


GROUPS = pd.DataFrame(
    {"user_id": [f"u{i}" for i in range(8)], "device": ["iOS"] * 4 + ["Android"] * 3 + [None]}
)


def test_groups_have_curves_and_small_ones_are_left_out():
    table = survival_by_group(LIVES, GROUPS, ["device", "country"], WINDOW, min_group=4)
    assert table["group"].unique().tolist() == ["all", "device: iOS"]
    assert (table["from_day"] == 0).all()
    ios = only(table, "device: iOS")
    assert ios.loc[ios["day"] == 5, "survival"].tolist() == pytest.approx([3 / 4 * 2 / 3])


def test_groups_come_in_order_one_below_the_other():
    table = survival_by_group(LIVES, GROUPS, ["device"], WINDOW, min_group=3)
    assert table["group"].unique().tolist() == ["all", "device: Android", "device: iOS"]
    assert table.index.tolist() == list(range(3 * 13))
    assert [*table] == ["group", "day", *survival.CURVE]


def test_a_group_may_be_named_like_what_is_known_of_a_stay():
    table = survival_by_group(LIVES, GROUPS.rename(columns={"device": "time"}), ["time"], WINDOW, 3)
    assert table["group"].unique().tolist() == ["all", "time: Android", "time: iOS"]


def test_days_run_to_the_longest_life_or_the_length_of_the_log():
    assert survival_by_group(LIVES, GROUPS, [], WINDOW, 1)["day"].max() == 12
    short = make_window("2025-01-01", "2025-01-08")
    assert survival_by_group(LIVES, GROUPS, [], short, 1)["day"].max() == 7


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(8)))
def test_the_order_of_users_does_not_matter(order):
    shuffled = LIVES.iloc[list(order)].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        survival_table(shuffled, "all", 10), survival_table(LIVES, "all", 10)
    )


def test_milestones_are_the_rows_of_the_days_asked_for():
    curve = only(survival_table(LIVES, "all", 14), "all")
    assert curve["day"].max() == 12
    assert milestones(curve, [2, 9, 30])["day"].tolist() == [2, 9]


def settle(rows, silence_days=30):
    """Return settled stays of users given as signup, first and last event (days into the log)."""
    days = pd.DataFrame(rows, columns=["signup_date", "first_event_at", "last_event_at"])
    times = WINDOW.start + days.apply(pd.to_timedelta, unit="D")
    times.insert(0, "user_id", [f"u{i}" for i in range(len(rows))])
    spans = times.drop(columns="signup_date").dropna()
    return survival.settled_lifetimes(
        times[["user_id", "signup_date"]], spans, WINDOW, silence_days
    ).set_index("user_id")


def test_nobody_is_followed_into_the_silences_that_are_still_open():
    stays = settle([(0, 0, 40), (0, 0, 100), (0, 0, 71), (0, 0, 70), (10, 10, 75), (80, 80, 80)])
    assert stays["time"].to_dict() == {"u0": 40, "u1": 70, "u2": 70, "u3": 70, "u4": 60}
    assert stays["is_end"].to_dict() == {
        "u0": True, "u1": False, "u2": False, "u3": True, "u4": False
    }  # fmt: skip


def test_users_from_before_the_log_enter_at_its_start_if_they_were_seen_in_it():
    stays = settle([(-50, 20, 20), (-50, 5, 90), (-50, None, None), (3, None, None)])
    assert stays["entry"].to_dict() == {"u0": 50, "u1": 50, "u3": survival.BEFORE_START}
    assert stays["time"].to_dict() == {"u0": 70, "u1": 120, "u3": 0}
    assert stays["is_end"].to_dict() == {"u0": True, "u1": False, "u3": True}


def test_who_joins_with_the_log_is_at_risk_from_signup_and_who_joins_late_is_not_followed():
    stays = settle([(0, 5, 40), (0, None, None), (70, 75, 75), (69, 69, 69)])
    assert stays["entry"].to_dict() == dict.fromkeys(["u0", "u1", "u3"], survival.BEFORE_START)
    assert stays["time"].to_dict() == {"u0": 40, "u1": 0, "u3": 0}
    assert survival.silence_that_settles(30) == 60


def test_a_curve_says_on_which_day_it_begins():
    assert survival.begins(survival_table(LIVES, "all", 14)) == 0
    late = survival_table(make_lives((3, 9, True), (4, 9, True)), "all", 14, least=2)
    assert survival.begins(only(late, "all")) == 5
    assert survival.begins(only(late, "nobody")) is None


def test_the_settled_curve_stands_beside_the_plain_one():
    stays = settle([(0, 0, 40), (0, 0, 100), (0, 0, 50)]).reset_index()
    plain = survival.survival_by_group(
        make_lives((-1, 100, False)), pd.DataFrame({"user_id": ["u0"]}), [], WINDOW, 1
    )
    curve = survival.survival_by_group(stays, pd.DataFrame(), [], WINDOW, 1)
    both = survival.with_settled(plain, curve)
    assert both["day"].max() == 100
    settled = survival.settled_only(both, "all").set_index("day")
    assert settled.index.max() == 70  # nobody is followed beyond
    assert settled["survival"][[39, 40, 49, 50]].tolist() == pytest.approx([1, 2 / 3, 2 / 3, 1 / 3])
    assert settled["at_risk"][[40, 41, 51]].tolist() == [3, 2, 1]


def test_both_curves_are_of_the_same_users_and_groups():
    users = make_users({f"u{n}": "2025-01-01" for n in range(6)}).assign(device=list("aaabbb"))
    last = ["2025-01-11", "2025-02-20", "2025-03-12", "2025-01-21", "2025-04-10", "2025-04-10"]
    spans = pd.DataFrame({"user_id": users["user_id"], "first_event_at": at("2025-01-01"),
                          "last_event_at": [at(day) for day in last]})  # fmt: skip
    both = survival.both_curves(users, spans, WINDOW, SILENCE, ["device"], 2)
    on_70 = both[both["day"] == 70].set_index("group")
    # silent for 30 days before the end: u0 to u3; for 60: u0, u3
    assert on_70["survival"].to_dict() == pytest.approx(
        {"all": 2 / 6, "device: a": 0 / 3, "device: b": 2 / 3}
    )
    on_40 = both[both["day"] == 40].set_index("group")
    assert on_40["settled_survival"].to_dict() == pytest.approx(
        {"all": 4 / 6, "device: a": 2 / 3, "device: b": 2 / 3}
    )
    assert on_40["settled_at_risk"].to_dict() == {"all": 4, "device: a": 2, "device: b": 2}
    assert [*lifetimes(users, spans, WINDOW, SILENCE)] == ["user_id", "entry", "time", "is_end"]


def test_the_settled_curve_holds_the_truth_of_simulated_users():
    # 20 companies at three days: were coverage 93 %, fewer than 51 of 60 correlated hits would
    # be a chance below 1 in 1,000 for independent ones; the plain curve reaches about 40
    found, errors = 0, []
    for seed in range(20):
        company = simulate(1000, 20, 7_000 + seed, dirt=False)
        log = make_company_log(company)
        stays = survival.settled_lifetimes(log.users, log.spans, log.window, 60)
        curve = survival_table(stays, "all", 60).set_index("day")
        for day in (7, 30, 60):
            row, true = curve.loc[day], truth.true_survival(company.user_truth, day)
            found += row["ci_low"] <= true <= row["ci_high"]
            errors.append((row["survival"] - true) / (row["ci_high"] - row["ci_low"]) * 3.92)
    assert found >= 51
    assert abs(np.mean(errors)) < 0.9  # 4 standard errors of the mean of 20 companies


COMPANIES = 2


@cache
def company_log(seed):
    return make_company_log(simulate(1_500, 40, 7_700 + seed, dirt=False))


def headline(log, start, users=None):
    """Return the survival metrics, by the book's own functions, of the log from `start` on."""
    users = log.users if users is None else users
    window = LogWindow(start, log.window.end)
    spans = user_spans(log.active.filter(log.active.event_at >= start))
    curves = survival.both_curves(users, spans, window, 30, [], 30)
    by_day = retention_by_day(user_retention(log.user_days, users, window, [30]), [30], 30)
    return cohort_metrics(by_day, curves)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, COMPANIES - 1), st.integers(1, 232))
def test_a_log_that_begins_later_agrees_with_the_whole_one_or_withholds(seed, days):
    # both estimates vary around one truth: they differ by 4 standard errors once in 16,000 times
    log = company_log(seed)
    start = log.window.start + pd.Timedelta(days=days)
    whole, cut = headline(log, log.window.start), headline(log, start)
    for key in ("survival_30", "survival_60", "survival_90"):
        a, b = whole[key], cut[key]
        if b["value"] is not None:
            errors = [(x["ci_high"] - x["ci_low"]) / (2 * 1.96) for x in (a, b)]
            assert abs(a["value"] - b["value"]) < 4 * np.hypot(*errors)


@pytest.mark.parametrize("newcomers", [0, 1, 29])
def test_a_log_with_few_newcomers_has_no_figure_for_new_users(newcomers):
    log = company_log(0)
    start = log.window.start + pd.Timedelta(days=60)
    is_new = log.users["signup_date"] >= start
    users = pd.concat([log.users[~is_new], log.users[is_new].head(newcomers)])
    found = headline(log, start, users)
    assert [found[f"survival_{day}"]["value"] for day in (30, 60, 90)] == [None] * 3
    assert found["survival_from"]["value"] > 0


def test_without_the_rule_most_users_would_seem_to_stay():
    log = company_log(0)
    start = log.window.start + pd.Timedelta(days=60)
    users = log.users[log.users["signup_date"] < start]
    spans = user_spans(log.active.filter(log.active.event_at >= start))
    stays = survival.settled_lifetimes(users, spans, LogWindow(start, log.window.end), 60)
    true = headline(log, log.window.start)["survival_30"]["value"]
    assert survival_table(stays, "all", 60)["survival"][30] > true + 0.1


def test_users_who_enter_at_the_logs_start_bring_no_bias():
    # of one company, users from before the log and newcomers have the same life: what the former
    # add to the curve from day 60 on differs from the newcomers' own by chance only
    log = company_log(1)
    start = log.window.start + pd.Timedelta(days=60)
    window = LogWindow(start, log.window.end)
    spans = user_spans(log.active.filter(log.active.event_at >= start))
    is_new = log.users["signup_date"] >= start
    rows = []
    for users in (log.users[is_new], log.users[~is_new]):
        stays = survival.settled_lifetimes(users, spans, window, 60)
        later = stays[stays["time"] > 60].assign(entry=lambda t: t["entry"].clip(lower=60))
        rows.append(survival_table(later, "all", 100).set_index("day").loc[100])
    new, old = rows
    errors = [(row["ci_high"] - row["ci_low"]) / (2 * 1.96) for row in rows]
    assert abs(new["survival"] - old["survival"]) < 4 * np.hypot(*errors)
