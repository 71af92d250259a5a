"""Every check of the audit at its limits."""

import pytest

from analysis.contract import checks, suspects
from tests.audit import (
    test_amounts,
    test_automatic,
    test_coverage,
    test_endings,
    test_identities,
    test_latency,
    test_machines,
    test_mix,
    test_native,
    test_quality,
    test_relations,
    test_repeats,
    test_returns,
    test_sessions,
    test_signups,
    test_values,
    test_volume,
)

MODULES = (
    test_amounts, test_quality, test_automatic, test_coverage, test_endings, test_identities, test_latency,
    test_machines, test_mix, test_native, test_relations, test_repeats, test_returns, test_sessions,
    test_signups, test_values, test_volume,
)  # fmt: skip
CASES = [case for module in MODULES for case in module.CASES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}-{case.status}")
def test_a_check_gives_its_verdict(case):
    case.hold()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}-{case.status}")
def test_a_check_that_fails_names_its_suspects(case):
    verdict = case.judge()
    assert (verdict.status == "fail") == (verdict.suspects is not None)
    if verdict.suspects is not None:
        assert list(verdict.suspects.columns) == suspects.COLUMNS
        assert len(verdict.suspects)


def test_every_check_of_the_audit_has_cases():
    assert {case.check for case in CASES} == {check.name for check in checks.of_stage("03_audit")}
