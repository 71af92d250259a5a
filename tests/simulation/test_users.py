"""The users table of a clean company agrees with its log."""

from tests.simulation.companies import count_broken_rules, make


def test_a_clean_company_breaks_no_rule() -> None:
    assert count_broken_rules(make()) == {}
