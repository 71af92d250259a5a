"""Faults planted in simulated tables: each is found by the check of the audit made for it."""

from collections.abc import Mapping

import ibis
import pytest

import simulation
from analysis.audit import Audit
from analysis.contract import stages
from analysis.log.chapters import EventsChapter, UsersChapter
from tests.handmade import ROLES, make_params

PLANTED = [
    ("events_before_signup", 0.5, "events_before_signup"),
    ("clock_disorder", 0.5, "clock_order"),
    ("late_delivery", 0.5, "lateness"),
    ("log_break_users", 1.0, "log_users"),
    ("log_break_volume", 0.5, "log_volume"),
    ("log_break_volume", 1.0, "log_volume"),
    ("partial_last_day", 0.5, "last_day"),
    ("event_mix", 1.0, "log_mix"),
    ("coarse_times", 0.1, "times_of_day"),
    ("double_logging", 0.02, "double_logging"),
    ("machine", 0.1, "machines"),
    ("native_counts", 1.0, "native_counts"),
    ("signup_import", 1.0, "signup_dates"),
    ("coarse_signups", 0.5, "signup_dates"),
    ("near_copies", 0.02, "double_logging"),
    ("imported_again", 0.05, "double_logging"),
    ("sent_again", 0.02, "double_logging"),
    ("copied_to_another", 0.02, "double_logging"),
    ("stacked_exports", 0.01, "double_logging"),
    ("capped_histories", 0.05, "capped_histories"),
    ("lost_early_users", 0.7, "early_users_seen"),
    ("signups_deleted", 1.0, "signup_flow"),
    ("signup_first_event", 1.0, "signup_flow"),
    ("missing_signups", 0.05, "missing_values"),
    ("automatic_events", 0.3, "automatic_events"),
    ("stray_times", 0.002, "stray_times"),
    ("shard_ends", 0.5, "log_users"),
    ("lost_group", 0.7, "groups_seen"),
    ("constant_sessions", 0.2, "sessions"),
    ("amount_units", 1.0, "log_amounts"),
    ("spellings", 0.02, "spellings"),
    ("extreme_values", 0.001, "extreme_values"),
    ("placeholders", 0.02, "placeholders"),
    ("stray_signups", 0.002, "signup_dates"),
    ("copied_users", 0.02, "copied_users"),
    ("merged_ids", 0.3, "identities"),
    ("slow_clocks", 1.0, "lateness"),
    ("lost_newcomers", 0.3, "newcomers_seen"),
    ("leavers_deleted", 1.0, "survivors"),
    ("native_disagrees", 0.5, "native_agrees"),
    ("native_label_copied", 0.5, "native_label"),
    ("impossible_values", 0.5, "impossible_values"),
    ("immature", 0.5, "window_is_mature"),
    ("late_log", 0.83, "log_covers_cohort"),
]


def audit_of(faults: Mapping[str, float] | None) -> Audit:
    """Return the audit of 2,000 simulated users, without dirt, with these faults."""
    company = simulation.simulate(2_000, 40, 5, faults, dirt=False)
    users = UsersChapter(ibis.memtable(company.users), "UTC")
    raw = ibis.memtable(company.events)
    events = EventsChapter(raw, users.users, "UTC", None, None, [], ROLES, 30)
    params = make_params().model_dump()
    of_stage = {name: params[name] for name in stages.find(Audit.stage).params}
    return Audit(events.log, users.users_qa, events.events_qa, **of_stage)


def test_nothing_fires_on_consistent_data():
    statuses = {verdict.check: verdict.status for verdict in audit_of(None).verdicts()}
    assert set(statuses.values()) == {"pass"}


@pytest.mark.parametrize(("fault", "strength", "check"), PLANTED)
def test_a_planted_fault_is_found(fault, strength, check):
    (verdict,) = audit_of({fault: strength}).verdicts({check})
    assert verdict.status in ("warn", "fail")
