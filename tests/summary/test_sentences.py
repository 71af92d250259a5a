"""The sentences of the checks: one for every verdict that a check can give, and no other."""

import pandas as pd
import pytest

from analysis.base.errors import ReportError
from analysis.base.texts import read_texts
from analysis.contract.checks import STATUSES, Verdict, to_table
from analysis.published import Published
from analysis.summary import materiality
from analysis.summary.judged import describe_checks, describe_claims
from tests.audit import test_amounts, test_mix, test_volume
from tests.audit import test_audit_checks as audit_cases
from tests.cohorts import test_cohorts_checks as cohorts_cases
from tests.handmade import ROOT
from tests.model import test_model_checks as model_cases
from tests.segments import test_segments_checks as segments_cases

TEXTS = read_texts((ROOT / "book" / "checks.yml").read_text(encoding="utf-8"))
CASES = [
    *audit_cases.CASES,
    *cohorts_cases.CASES,
    *model_cases.CASES,
    *segments_cases.CASES,
]
NO_EFFECTS = pd.DataFrame(columns=materiality.COLUMNS)
OF_THE_SUMMARY = {"claims"}
"""Checks whose cases are in tests/summary."""


def describe(verdict: Verdict) -> "pd.Series":
    """Return a verdict as readers see it."""
    return describe_checks(to_table([verdict]).assign(stage="a stage"), TEXTS, NO_EFFECTS).iloc[0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.check}-{case.status}")
def test_a_check_gives_its_verdict_and_its_sentence(case):
    verdict = case.judge()
    assert (verdict.check, verdict.status) == (case.check, case.status)
    described = describe(verdict)
    assert described["title"]
    assert described["evidence"]
    assert "{" not in described["evidence"]
    needs_reader = case.status in ("warn", "fail")
    assert bool(described["consequence"]) == (case.status != "not_applicable")
    assert bool(described["remedy"]) == needs_reader


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (lambda: test_amounts.priced(6), "amounts of buy fall by a factor of 1.7"),
        (lambda: test_amounts.priced(16), "amounts of buy rise by a factor of 1.6"),
        (lambda: test_amounts.priced(12), "The clearest: those of buy rise by a factor of 1.2"),
        (lambda: test_amounts.priced(10), "Amounts do not change."),
        (lambda: test_mix.shifts(200, 0), "its share of the volume falls by a factor"),
        (lambda: test_mix.shifts(200, 301), "its share of the volume rises by a factor of 1.5"),
        (
            lambda: test_volume.volume_of(test_volume.thinned(100, 200, 0.5)),
            "the days of activity fall by a factor of 2",
        ),
    ],
)
def test_a_change_is_said_with_its_direction(verdict, said):
    assert said in describe(verdict())["evidence"]


def test_a_mix_that_does_not_change_has_no_direction():
    assert "by a factor" not in describe(test_mix.shifts(200, 200))["evidence"]


def test_every_verdict_that_is_reached_has_its_sentence_and_no_other_has():
    reached = {(case.check, case.status) for case in CASES if case.status != "not_applicable"}
    written = {
        (check, status)
        for check, text in TEXTS["report"].items()
        for status in ("pass", "warn", "fail")
        if status in text and check not in OF_THE_SUMMARY
    }
    assert written == reached


class AnyKey(dict):
    """A dictionary that has every key, as metrics have where only the sentence is tested."""

    def __missing__(self, key):
        return f"<{key}>"


@pytest.fixture(scope="module")
def published_verdicts(default_run):
    """Return the verdicts on the case's claims, asked for on tables that are not the case's."""
    chapter = Published.read(str(default_run.data), published_view="claims", seed=42)
    return chapter.verdict_table


def test_the_default_tables_are_not_the_cases(default_run):
    read = pd.read_csv
    assert read(default_run.data / "published" / "checks.csv").empty
    assert read(default_run.data / "summary" / "claims.csv").empty
    assert read(default_run.data / "summary" / "comparison.csv")["printed"].isna().all()
    assert read(default_run.data / "summary" / "shortcuts.csv")["differs"].eq("yes").any()


@pytest.mark.parametrize("status", STATUSES)
def test_every_published_claim_has_a_sentence_at_every_verdict(published_verdicts, status):
    verdicts = published_verdicts.assign(status=status)
    if status == "not_applicable":
        verdicts["facts"] = '{"reason": "a column is missing"}'
    claims = describe_claims(verdicts, TEXTS["published"], AnyKey())
    assert set(claims["verdict"]) == {status}
    assert not claims["data_say"].str.contains("{", regex=False).any()
    assert claims[["published", "data_say", "use_instead"]].map(bool).all(axis=None)


def test_an_unknown_check_is_named():
    with pytest.raises(ReportError, match="'no_such_check'"):
        describe(Verdict("no_such_check", "pass"))
