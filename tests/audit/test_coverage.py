"""Whose history the log holds, and whether anybody is missing."""

import pandas as pd
import pytest

from analysis.audit import coverage
from analysis.base.users import beside
from analysis.contract.checks import Verdict
from analysis.log.activity import user_spans
from analysis.log.window import LogWindow, daily_volume
from simulation import simulate
from tests.audit.judging import LOG, at, by_share, days
from tests.checking import Case
from tests.handmade import instants, make_company_log, make_events, make_users, make_window

VOLUME = pd.DataFrame({"day_number": range(20_089, 20_389), "day": days(range(300))})
"""A day with events for each of the log's 300 days."""


def broken_by(table):
    return dict(zip(table["rule"], table["broken"], strict=True))


def test_coverage_limits_are_half_open():
    window = make_window("2025-01-01", "2025-03-01")
    signups = ["2024-12-31T23:59", "2025-01-01", "2025-01-29T23:59", "2025-01-30", "2025-02-28T23:59",
               "2025-03-01", None]  # fmt: skip
    users = make_users(
        {f"u{i}": when for i, when in enumerate(signups)},
        last_event_at=instants(["2025-01-01", None, *["2025-01-01"] * 5]),
    )
    assert broken_by(coverage.coverage_rules(users, VOLUME, window, lookback_days=30)) == {
        "user joined before the log's first event, so the first days are unknown": 1,
        "user joined in days left out at the log's start": 0,
        "user joined too late for a full look-back period": 2,
        "joined after the log ends": 1,
        "user has no event in the log": 1,
    }


def test_users_of_days_that_were_left_out_are_not_from_before_the_log():
    window = make_window("2025-01-03", "2025-03-01")
    users = make_users(
        {"before": "2024-12-31", "left_out": "2025-01-01", "cut": "2025-01-02", "in": "2025-01-03"},
        first_event_at=instants(["2025-02-01", None, "2025-01-02", "2025-01-03"]),
        last_event_at=instants(["2025-02-01", None, "2025-01-02", "2025-01-03"]),
    )
    counts = broken_by(coverage.coverage_rules(users, VOLUME, window, lookback_days=30))
    assert counts["user joined before the log's first event, so the first days are unknown"] == 1
    assert counts["user joined in days left out at the log's start"] == 2
    facts = coverage.log_covers_cohort(users, VOLUME, window, 30).facts
    assert (facts["early"], facts["left_out"], facts["users"]) == (1, 2, 4)


def test_what_lies_outside_the_window_is_counted_in_events_and_users():
    events = make_events([
        ("a", "1970-01-01"), ("a", "2025-01-02T23:59:59"), ("a", "2025-01-03"),
        ("b", "2025-01-12T23:59"), ("b", "2025-01-13"), ("stranger", "2025-01-14"),
        ("c", "2025-01-05"),
    ], is_known=[True] * 5 + [False, True])  # fmt: skip
    users = make_users(dict.fromkeys("abc", "2025-01-01"))
    window = make_window("2025-01-03", "2025-01-13")
    rules = coverage.edge_rules(events, users, daily_volume(events), window)
    assert broken_by(rules) == {
        "event lies in days left out at the log's start": 1,
        "event lies in days left out at the log's end": 2,
        "event lies far outside the log": 1,
        "user has events outside the days that count": 2,
    }
    assert rules["checked"].tolist() == [7, 7, 7, 3]


def joined_early(early: int, of: int = 100) -> Verdict:
    users = pd.DataFrame({"signup_date": days([-100] * early + [10] * (of - early))})
    users["first_event_at"] = days([None] * early + [10] * (of - early))
    return coverage.log_covers_cohort(users, VOLUME, LOG, 30)


def newcomers_with(unseen: int, of: int = 100) -> Verdict:
    """Judge newcomers of day 10, some without an event before day 40."""
    users = pd.DataFrame({"user_id": [f"u{n}" for n in range(of)], "signup_date": days([10] * of)})
    users["first_event_at"] = days([40] * unseen + [39] * (of - unseen))
    users["last_event_at"] = users["first_event_at"]
    return coverage.newcomers_seen(users, LOG, 30, "UTC")


def unseen_on(
    lost: int, of: int = 40, others_seen: int = 18, each: int = 20, on: int = 20
) -> Verdict:
    """Judge newcomers of `on` days, `each` a day, of whom `others_seen` act; and of days 30 and 31,
    with `of` newcomers together, of whom `lost` are never seen.
    """
    rows = [(day, n < others_seen) for day in range(on) for n in range(each)]
    rows += [(30 + n % 2, n >= lost) for n in range(of)]
    users = pd.DataFrame({"user_id": [f"u{n:03}" for n in range(len(rows))]})
    users["signup_date"] = days([day for day, _ in rows])
    users["first_event_at"] = days([day if is_seen else None for day, is_seen in rows])
    users["last_event_at"] = users["first_event_at"]
    return coverage.newcomers_seen(users, LOG, 30, "UTC")


def test_the_span_of_the_unseen_is_dated_and_they_are_the_suspects():
    verdict = unseen_on(38)
    assert verdict.suspects is not None
    assert verdict.suspects["user_id"].tolist() == [f"u{n}" for n in range(400, 438)]
    assert (verdict.facts["since"], verdict.facts["until"]) == ("2025-01-31", "2025-02-01")
    assert (verdict.facts["span_users"], verdict.facts["span_unseen"]) == (40, 38)
    assert verdict.facts["usual"] == 0.9


def test_retention_of_those_who_ever_act_is_told():
    users = pd.DataFrame({"user_id": list("abcd") * 10, "signup_date": at(10)})
    users["first_event_at"] = days([10, 10, None, None] * 10)
    users["last_event_at"] = days([39, 40, None, None] * 10)
    facts = coverage.newcomers_seen(users, LOG, 30, "UTC").facts
    assert (facts["seen"], facts["unseen"], facts["kept"]) == (20, 20, 10)


def gone(left: int, of: int = 1_000) -> Verdict:
    """Judge users of day 0, some last seen before day 270 of 300."""
    users = pd.DataFrame({"signup_date": days([0] * of)})
    users["last_event_at"] = days([269] * left + [270] * (of - left))
    return coverage.survivors(users, VOLUME.assign(users=0), LOG, 30)


def last_seen(early: int, late: int = 1) -> Verdict:
    """Judge 40 users active a day and `late` last seen on each of the days 100 to 299, one of 40;
    `early` are last seen before: of 4,000 user-days, 100 x `late` would be.
    """
    users = pd.DataFrame({"signup_date": days([0] * (early + 200 * late))})
    users["last_event_at"] = days([50] * early + [n for n in range(100, 300) for _ in range(late)])
    return coverage.survivors(users, VOLUME.assign(users=40), LOG, 30)


def early_users(seen: int, of: int = 100) -> Verdict:
    """Judge users of ten days before the log, and 600 of 1,000 newcomers seen after a month."""
    users = pd.DataFrame({"signup_date": days([-10] * of + [10] * 1_000)})
    users["last_event_at"] = days([50] * seen + [None] * (of - seen) + [40] * 600 + [39] * 400)
    return coverage.early_users_seen(users, LOG, 30)


def test_leavers_are_counted_up_to_a_week_and_expected_at_the_lowest_rate():
    verdict = last_seen(0)
    facts = verdict.facts
    assert (facts["before"], facts["found"]) == ("2025-04-09", 0)  # day 98, the last whole week
    assert facts["expected"] == pytest.approx(98 * 40 * 26 / (28 * 40))  # from day 98 on: 26 of 28
    assert verdict.suspects["kind"].tolist() == ["unseen"]
    assert last_seen(3).suspects is None


@pytest.mark.parametrize(("users", "seed"), [(300, 1), (1_500, 2)])
def test_tables_of_accounts_seen_of_late_lack_users(users, seed):
    log = make_company_log(simulate(users, 40, seed, dirt=False))
    seen = beside(log.users, user_spans(log.events))
    assert coverage.survivors(seen, log.volume, log.window, 30).status == "pass"
    kept = seen[seen["last_event_at"] >= log.window.end - pd.Timedelta(days=150)]
    events = log.events.filter(log.events.user_id.isin(kept["user_id"].tolist()))
    verdict = coverage.survivors(kept, daily_volume(events), log.window, 30)
    assert verdict.status in (("fail",) if users > 1_000 else ("warn", "fail"))


def joined_late(late: int, of: int = 100, window: LogWindow = LOG) -> Verdict:
    users = pd.DataFrame({"signup_date": days([271] * late + [270] * (of - late))})
    return coverage.window_is_mature(users, window, 30)


def group_with(
    seen: int, of: int = 100, others: float = 0.9, people: int = 1_000, column: str = "device"
) -> Verdict:
    """Judge a group of newcomers, and all others of whom a share is seen."""
    users = pd.DataFrame({column: ["iOS"] * of + ["Android"] * people, "signup_date": at(10)})
    users["user_id"] = [f"u{n:04}" for n in range(len(users))]
    known = round(others * people)
    users["first_event_at"] = days(
        [11] * seen + [None] * (of - seen) + [11] * known + [50] * (people - known)
    )
    return coverage.groups_seen(users.astype({column: "str"}), LOG, 30)


def test_the_suspects_are_the_users_of_the_lost_group():
    verdict = group_with(0, of=12)
    assert verdict.suspects is not None
    assert verdict.suspects["user_id"].tolist() == [f"u{n:04}" for n in range(12)]
    assert (verdict.facts["kind"], verdict.facts["lost"]) == ("device iOS", 1)


CASES = [
    Case("log_covers_cohort", "warn", lambda: joined_early(60)),  # Wilson: from 50.2 %
    Case("log_covers_cohort", "pass", lambda: joined_early(59)),  # from 49.2 %
    Case("log_covers_cohort", "pass", lambda: joined_early(0)),
    Case("log_covers_cohort", "warn", lambda: joined_early(100)),
    Case("log_covers_cohort", "not_applicable", lambda: joined_early(0, 0)),
    *by_share("newcomers_seen", newcomers_with, {"warn": 10}),
    Case("newcomers_seen", "warn", lambda: newcomers_with(100)),  # all come back later
    Case("newcomers_seen", "fail", lambda: unseen_on(37)),  # 7.5 % of 40 are seen, of others 90 %
    Case("newcomers_seen", "warn", lambda: unseen_on(36)),  # 10 %: more than a tenth of 90 %
    Case("newcomers_seen", "fail", lambda: unseen_on(120, of=120)),  # three times as many a day
    Case("newcomers_seen", "warn", lambda: unseen_on(122, of=122)),  # a rush of unused accounts
    Case("newcomers_seen", "warn", lambda: unseen_on(40, others_seen=2)),  # hardly anybody acts
    Case("newcomers_seen", "not_applicable", lambda: newcomers_with(0, 29)),
    Case("survivors", "pass", lambda: gone(12)),  # Wilson: to 2.09 %
    Case("survivors", "warn", lambda: gone(11)),  # to 1.96 %
    Case("survivors", "warn", lambda: gone(5)),
    Case("survivors", "fail", lambda: gone(4)),
    Case("survivors", "fail", lambda: gone(0, 73)),  # Wilson: to 4.999 %
    Case("survivors", "warn", lambda: gone(0, 72)),
    Case("survivors", "warn", lambda: gone(0, 35)),  # to 9.9 %
    Case("survivors", "pass", lambda: gone(0, 34)),
    Case("survivors", "not_applicable", lambda: gone(0, 29)),
    Case("survivors", "fail", lambda: last_seen(0)),
    Case("survivors", "warn", lambda: last_seen(3)),  # of 98 up to day 98
    Case("survivors", "warn", lambda: last_seen(9)),
    Case("survivors", "pass", lambda: last_seen(10)),
    Case("window_is_mature", "warn", lambda: joined_late(16)),
    Case("window_is_mature", "pass", lambda: joined_late(15)),  # as many as in half of 300 days
    Case("window_is_mature", "not_applicable", lambda: joined_late(0, 0)),
    Case("early_users_seen", "pass", lambda: early_users(60)),
    Case("early_users_seen", "warn", lambda: early_users(30)),  # z = 5.0
    Case("early_users_seen", "pass", lambda: early_users(42)),  # z = 3.5
    Case("early_users_seen", "not_applicable", lambda: early_users(0, of=29)),
    Case("groups_seen", "warn", lambda: group_with(44)),
    Case("groups_seen", "pass", lambda: group_with(45)),  # half of 90 %
    Case("groups_seen", "pass", lambda: group_with(4, of=10, others=0.6)),  # z = 1.3
    Case("groups_seen", "fail", lambda: group_with(0, of=10)),
    Case("groups_seen", "fail", lambda: group_with(8)),  # a tenth of 90 % is 9 %
    Case("groups_seen", "warn", lambda: group_with(10)),
    Case("groups_seen", "not_applicable", lambda: group_with(0, column="top_show_genre")),
    Case("groups_seen", "not_applicable", lambda: group_with(0, of=9, people=9)),
]
