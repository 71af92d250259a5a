"""Every fault is described, and breaks no rule but its own."""

import pytest

from analysis.base.errors import ReportError
from simulation import FAULTS, draw, simulate, tabulate
from simulation.plan import Plan, fault
from tests.simulation.companies import count_broken_rules, make

COUNTED = {"views", "credits_spent", "credits_purchased"}
LAST_SEEN = {"last_active_date", "sessions_7d"}
RULES_BROKEN: dict[str, set[str]] = {
    "capped_histories": {"overdrawn", "session_starts"},  # purchases and openings are cut off
    "events_before_signup": {"before_signup"},
    "coarse_times": {"session_starts"},
    "amount_units": {"credits_purchased"},
    "constant_sessions": {"sessions_7d"},
    "slow_clocks": {"before_signup"} | LAST_SEEN,
    "stray_times": {"outside_log", "received_early", "session_starts"} | LAST_SEEN,
    "merged_ids": {"before_signup"} | COUNTED | LAST_SEEN,
    "clock_disorder": {"received_early"},
    "double_logging": COUNTED,
    "machine": {"session_starts"} | COUNTED | LAST_SEEN,
    "near_copies": {"received_early"} | COUNTED,
    "imported_again": {"received_early", "session_starts"} | COUNTED | LAST_SEEN,
    "sent_again": {"received_early", "last_active_date"} | COUNTED,
    "copied_to_another": {"before_signup", "session_shared"} | COUNTED | LAST_SEEN,
    "stacked_exports": COUNTED,
    "automatic_events": {"session_starts"} | LAST_SEEN,
    "stray_signups": {"last_active_date"},  # of users never seen: the day they signed up
    "missing_signups": {"last_active_date"},
    "native_disagrees": {"last_active_date"},
    "native_label_copied": {"churned_30d"},
    "native_counts": {"likes", "sessions_7d"} | COUNTED,
    "impossible_values": {"credits_spent", "episodes_completed", "minors", "launched_late"},
    "copied_users": COUNTED | LAST_SEEN,
}
"""What each fault breaks of the rules that count_broken_rules checks; the others break none."""


def test_every_fault_says_what_it_is_and_what_should_find_it() -> None:
    for each in FAULTS.values():
        assert each.meaning.endswith("."), each.name
        assert each.found_by, each.name
        assert list(each.strengths) == sorted(each.strengths), each.name
        assert all(0 < strength <= 1 for strength in each.strengths), each.name


def test_every_fault_is_kept_in_the_truth_with_its_meaning() -> None:
    stated = simulate(100, seed=1, faults=dict.fromkeys(FAULTS, 0.5)).truth["faults"]
    meanings = {name: each.meaning for name, each in FAULTS.items()}
    assert {name: each["meaning"] for name, each in stated.items()} == meanings
    assert {each["strength"] for each in stated.values()} == {0.5}


def test_the_order_in_which_faults_are_asked_for_does_not_matter() -> None:
    names = sorted(FAULTS)
    first, second = (
        simulate(100, seed=1, faults=dict.fromkeys(order, 0.5)) for order in (names, names[::-1])
    )
    assert first.users.equals(second.users)
    assert first.events.equals(second.events)
    assert first.truth == second.truth


def test_a_fault_must_say_what_it_changes() -> None:
    with pytest.raises(ValueError, match="no fault can change 'weather'"):
        fault("weather", strengths=(1.0,), found_by=("drift",))


def test_numbers_left_to_another_fault_are_skipped() -> None:
    plan = Plan(100, 40, seed=1)
    all_numbers = plan.stream("losses").random(10)
    assert plan.stream("losses", after=4).random(6).tolist() == all_numbers[4:].tolist()


@pytest.mark.parametrize("name", [n for n, each in FAULTS.items() if each.is_of_users_table])
def test_a_fault_of_the_users_table_leaves_the_log_alone(name: str) -> None:
    assert make(name, 0.5).events.equals(make().events)
    assert make(name, 0.5).user_truth.equals(make().user_truth)


def test_a_log_drawn_with_other_faults_is_refused() -> None:
    drawn = draw(100, 40, 1, {"late_log": 0.8})
    with pytest.raises(ReportError, match="Draw it again"):
        tabulate(drawn, {"immature": 0.3})


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_breaks_its_own_rules_and_no_others(name: str) -> None:
    assert set(count_broken_rules(make(name, 0.3, users=1500))) == RULES_BROKEN.get(name, set())
