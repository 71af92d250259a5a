"""The register of checks: what is declared, what follows from it."""

import pytest

import analysis.audit
import analysis.cohorts
import analysis.model
import analysis.published
import analysis.segments
import analysis.summary  # noqa: F401 (each room registers its checks)
from analysis.base.texts import read_texts
from analysis.contract import checks, stages
from analysis.contract.checks import REGISTER, Verdict, check, grade, to_table
from analysis.summary.materiality import ACTIVITY
from analysis.summary.recomputed import FIGURES
from tests.handmade import ROOT

TEXTS = read_texts((ROOT / "book" / "checks.yml").read_text(encoding="utf-8"))
PUBLISHED = "09_published"


@pytest.fixture
def register(monkeypatch):
    """Return an empty register, in the place of the report's own."""
    empty: dict[str, checks.Check] = {}
    monkeypatch.setattr(checks, "REGISTER", empty)
    return empty


def test_a_check_is_registered_under_its_name_with_what_it_reads(register):
    @check(stage="06_model", strikes=["churn"])
    def log_is_long(window, volume):
        return Verdict("log_is_long", "pass")

    assert register["log_is_long"].reads == ("window", "volume")
    assert register["log_is_long"].strikes == ("churn",)
    assert log_is_long(1, 2).status == "pass"


def test_an_unknown_basis_or_a_taken_name_is_refused(register):
    with pytest.raises(ValueError, match="unknown basis .'money'."):

        @check(stage="03_audit", strikes=["money"])
        def one():
            return Verdict("one", "pass")


def test_every_check_belongs_to_a_stage_that_writes_its_verdicts():
    judging = {*stages.checks_of_stages(), stages.SUMMARY}
    assert {check.stage for check in REGISTER.values()} == judging


def test_every_check_has_its_sentences_and_every_sentence_its_check():
    of_the_case = {name for name, check in REGISTER.items() if check.stage == PUBLISHED}
    assert set(TEXTS["published"]) == of_the_case
    assert set(TEXTS["report"]) == set(REGISTER) - of_the_case


def test_a_check_of_the_data_names_no_bases(register):
    with pytest.raises(ValueError, match="names suspects, not bases"):

        @check(stage=checks.OF_THE_DATA, strikes=["churn"])
        def one():
            return Verdict("one", "pass")


def test_every_basis_is_struck_by_some_check_or_computed_again():
    struck = {basis for check in REGISTER.values() for basis in check.strikes}
    assert struck | {*FIGURES.values(), ACTIVITY} == set(checks.BASES)


@pytest.mark.parametrize(
    ("value", "status"), [(0.009, "pass"), (0.01, "warn"), (0.19, "warn"), (0.2, "fail")]
)
def test_grades_begin_at_their_limits(value, status):
    assert grade(value, 0.01, 0.2) == status


def test_a_table_of_verdicts_keeps_the_facts_as_text():
    row = to_table([Verdict("a", "warn", 0.5, n=3, facts={"b": 1, "a": "x"})]).iloc[0]
    assert (row["check"], row["status"], row["n"]) == ("a", "warn", 3)
    assert row["facts"] == '{"a": "x", "b": 1}'
