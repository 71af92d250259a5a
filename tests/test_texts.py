import pandas as pd
import pytest
from tests.handmade import ROOT

from analysis import texts
from analysis.base.errors import ReportError
from analysis.contract.checks import Verdict, not_applicable, to_table

TEXTS = {
    "drift": {
        "title": "Nothing drifts",
        "evidence": "{value:.1%} of {n:,} users moved ({name}).",
        "warn": "Look at it.",
        "fail": "Do not score.",
        "pass": "Score.",
        "remedy": "Train again.",
    },
    "claims": {
        "title": "Actions hold",
        "evidence": "{withdrawn_findings} findings, {withdrawn_actions} of {actions} withdrawn.",
        "warn": "Some are.",
        "pass": "None is.",
        "remedy": "Mend.",
    },
}


def judge(*verdicts):
    return to_table(verdicts).assign(stage="06_model")


def test_braces_are_filled_as_str_format_does():
    assert texts.fill(
        "{a:,.1f} of {b:.0%} in {c[x]}", {"a": 1234.56, "b": 0.5, "c": {"x": "y"}}
    ) == ("1,234.6 of 50% in y")


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_a_missing_value_is_not_known_whatever_its_format(missing):
    assert texts.fill("{a:,.1%}, {a}", {"a": missing}) == "not known, not known"


def test_a_fact_that_is_not_computed_is_named_with_the_sentence():
    with pytest.raises(
        ReportError, match=r"texts: 'So \{many\}' asks for 'many', which is not computed"
    ):
        texts.fill("So {many}", {"few": 1})


@pytest.mark.parametrize(
    ("status", "consequence", "remedy"),
    [
        ("pass", "Score.", ""),
        ("warn", "Look at it.", "Train again."),
        ("fail", "Do not score.", "Train again."),
    ],
)
def test_a_check_is_told_by_its_status(status, consequence, remedy):
    verdicts = judge(Verdict("drift", status, 0.125, 0.1, 0.2, 0.3, 1200, {"name": "recency"}))
    row = texts.tell_checks(verdicts, TEXTS).iloc[0]
    assert row[["check", "status", "title", "evidence", "consequence", "remedy", "stage"]].tolist() == [
        "drift", status, "Nothing drifts", "12.5% of 1,200 users moved (recency).", consequence, remedy,
        "06_model",
    ]  # fmt: skip
    assert row[["value", "ci_low", "ci_high", "limit", "n"]].tolist() == [
        0.125,
        0.1,
        0.2,
        0.3,
        1200,
    ]


def test_a_check_that_cannot_be_made_tells_only_why():
    verdicts = judge(not_applicable("drift", "the log is too short"))
    row = texts.tell_checks(verdicts, TEXTS).iloc[0]
    assert row[["evidence", "consequence", "remedy"]].tolist() == ["The log is too short.", "", ""]


def test_a_check_without_an_entry_stops_the_run():
    with pytest.raises(
        ReportError, match="book/checks.yml: no entry for the check 'dirft'. Add one"
    ):
        texts.tell_checks(judge(Verdict("dirft", "pass")), TEXTS)


def test_a_fact_wins_over_a_number_of_the_same_name():
    row = judge(Verdict("drift", "pass", 0.5, facts={"value": 7})).to_dict("records")[0]
    assert texts.facts_of(row) == {
        "value": 7,
        "ci_low": None,
        "ci_high": None,
        "limit": None,
        "n": None,
    }


PAGE = """
:::{claim} drifting
:metrics: rate
:checks: label
Text.
:::
:::{claim} steady
:when: rate > 0.5
:metrics: rate
:checks: label
:::
::::{claim} failing
:when: check.drift == fail and rate.n == 9
:metrics: rate
:checks: none
::::
"""
NUMBERS = {"rate": {"value": 0.5, "n": 9, "checks": ["drift"]}}
JUDGED = pd.DataFrame({"check": ["drift", "label"], "status": ["fail", "pass"]})


def test_a_finding_rests_on_its_own_checks_and_on_those_of_its_metrics():
    found = texts.findings(PAGE, NUMBERS, JUDGED)
    assert found == {"drifting": {"label", "drift"}, "failing": set()}


@pytest.mark.parametrize("key", ["rat", "check.drfit", "rat.n"])
def test_a_finding_on_what_is_not_there_is_named(key):
    page = PAGE.replace("rate > 0.5", f"{key} > 0.5")
    with pytest.raises(ReportError, match=f"'{key}' is neither a metric nor a check"):
        texts.findings(page, NUMBERS, JUDGED)


@pytest.mark.parametrize(
    ("rests_on", "found", "status", "withdrawn"),
    [
        (["drift, label", "label"], {}, "warn", (0, 1)),
        (["label", "drifted"], {"a": {"label"}}, "pass", (0, 0)),
        (["drift", "label,drift"], {"a": {"drift"}, "b": set()}, "warn", (1, 2)),
    ],
)
def test_what_rests_on_a_failing_check_is_counted(rests_on, found, status, withdrawn):
    verdicts = judge(Verdict("drift", "fail", 0.5, n=9, facts={"name": "x"}))
    judged = texts.tell_checks(verdicts, TEXTS)
    plan = pd.DataFrame({"checks": rests_on, "metrics": "told"})
    numbers = {"told": {"checks": ["label"]}}
    row = texts.with_claims_check(judged, plan, found, numbers, TEXTS).iloc[-1]
    expected = ["claims", status, sum(withdrawn), 2 + len(found)]
    assert row[["check", "status", "value", "n"]].tolist() == expected
    assert row["evidence"] == f"{withdrawn[0]} findings, {withdrawn[1]} of 2 withdrawn."


def test_an_action_rests_on_the_checks_of_its_metrics_too():
    judged = texts.tell_checks(
        judge(Verdict("drift", "fail", 0.5, n=9, facts={"name": "x"})), TEXTS
    )
    plan = pd.DataFrame({"checks": ["label", "none"], "metrics": ["flagged", "flagged"]})
    numbers = {"flagged": {"checks": ["drift"]}}
    row = texts.with_claims_check(judged, plan, {}, numbers, TEXTS).iloc[-1]
    assert row["evidence"] == "0 findings, 1 of 2 withdrawn."


def test_the_landing_page_states_findings_that_can_be_read():
    page = (ROOT / "index.md").read_text(encoding="utf-8")
    assert page.count("{claim}") == len(texts.CLAIM.findall(page)) > 10


def test_every_entry_of_the_book_has_what_a_check_needs():
    book = texts.read_texts((ROOT / "book" / "checks.yml").read_text(encoding="utf-8"))
    for name, entry in book["report"].items():
        assert {"title", "evidence", "remedy"} <= set(entry), name
        assert {"pass", "warn", "fail"} & set(entry), name
