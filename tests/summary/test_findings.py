"""The findings of the page, as the summary reads them: what is printed, and what it rests on."""

import pytest

from analysis.base.conditions import context_of
from analysis.summary.findings import checks_behind, claims, printed

PAGE = """
# Report

:::{claim} plain
:metrics: churn_rate, users
{kpi}`churn_rate` of users left.
:::

::::{claim} model
:metrics: test_auc

:::{case} model_vs_recency == "better"
The model is better.
:::
:::{case} model_vs_recency == "worse"
:metrics: users
:rests_on: none

Use the last visit.
:::
::::

::::{claim} unknown
:metrics: missing

:::{case} churn_rate > 0
Never printed: its figure is not available.
:::
::::
"""
METRICS = {
    "churn_rate": {"value": 0.2, "checks": ["log_volume", "drift"]},
    "users": {"value": 10, "checks": []},
    "test_auc": {"value": 0.7, "checks": ["leakage"]},
    "missing": {"value": None, "checks": ["leakage"]},
    "model_vs_recency": {"value": "better", "checks": []},
}


def findings(word="better"):
    metrics = METRICS | {"model_vs_recency": {"value": word, "checks": []}}
    return printed(PAGE, context_of(metrics, {}))


def test_a_claim_is_printed_with_the_case_that_holds():
    assert findings() == {
        "plain": {"metrics": "churn_rate, users"},
        "model": {"metrics": "test_auc"},
    }
    assert findings("worse")["model"] == {"metrics": "users", "rests_on": "none"}


def test_a_claim_none_of_whose_cases_holds_is_not_printed():
    assert set(findings("no_difference")) == {"plain"}


def test_a_finding_rests_on_the_checks_of_its_metrics_unless_it_names_bases():
    strikes = {"drift": ["scores"], "log_volume": ["churn", "retention"]}
    both = {"log_volume", "drift"}
    assert checks_behind({"metrics": "churn_rate, users"}, METRICS, strikes) == both
    assert checks_behind({"metrics": "users", "rests_on": "scores"}, METRICS, strikes) == {"drift"}
    assert checks_behind({"metrics": "churn_rate", "rests_on": "none"}, METRICS, strikes) == set()


@pytest.mark.parametrize(
    ("failing", "status", "names", "actions"),
    [([], "pass", [], 0), (["drift"], "warn", ["one"], 1), (["x"], "warn", [], 2)],
)
def test_the_check_of_the_sentences_counts_what_is_withdrawn(failing, status, names, actions):
    verdict = claims({"one": {"drift"}, "two": set()}, [{"x"}, {"x", "drift"}], failing)
    facts = verdict.facts
    assert (verdict.status, verdict.n) == (status, 4)
    assert (facts["names"], facts["withdrawn_actions"]) == (names, actions)
    assert verdict.value == len(names) + actions
