"""Conditions on metrics and checks, by hand."""

import pytest

from analysis.base.conditions import context_of, holds
from analysis.base.errors import ReportError

METRICS = {
    "churn": {"value": 0.32, "n": 1255, "ci_low": 0.29, "ci_high": 0.35},
    "verdict": {"value": "level", "n": None, "ci_low": None, "ci_high": None},
    "absent": {"value": None, "n": 0},
    "blank": {"value": float("nan"), "n": 3},
}
CONTEXT = context_of(METRICS, {"drift": "warn", "label": "pass"})


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("churn > 0.3", True),
        ("churn > 0.32", False),
        ("churn is not none", True),
        ("absent is none and blank is none", True),
        ('verdict in ["level", "off"]', True),
        ('churn is not none and verdict == "off"', False),
        ("metric.churn.n == 1255", True),
        ("metric.churn.ci_low > 0.3 or metric.churn.ci_high < 0.4", True),
        ("metric.absent.ci_low is none", True),
        ('check.drift in ["warn", "fail"]', True),
        ('not check.label == "pass"', False),
        ("absent > 0.5", False),
        ("absent <= 0.5", False),
        ("blank > churn", False),
    ],
)
def test_a_condition_holds_or_not(condition, expected):
    assert holds(condition, CONTEXT) is expected


@pytest.mark.parametrize(
    ("condition", "name"),
    [
        ("chrun > 0.5", "chrun"),
        ("churn > 5 and chrun is none", "chrun"),
        ('check.drfit == "pass"', "check.drfit"),
        ("churn > 5 and check.items is none", "check.items"),
        ("metric.churn.m > 1", "metric.churn.m"),
        ("metric.nothing.n > 1", "metric.nothing.n"),
    ],
)
def test_a_name_that_is_not_there_is_named_wherever_it_stands(condition, name):
    with pytest.raises(ReportError, match=f"'{name}' is neither a metric nor a check"):
        holds(condition, CONTEXT)


@pytest.mark.parametrize("condition", ["churn >", "churn == == 1", "", "churn 0.5"])
def test_a_condition_that_cannot_be_read_is_named(condition):
    with pytest.raises(ReportError, match="condition .* cannot be read"):
        holds(condition, CONTEXT)


def test_a_text_is_not_compared_with_a_number():
    with pytest.raises(ReportError, match="condition 'verdict > 1' cannot be evaluated"):
        holds("verdict > 1", CONTEXT)


def test_columns_of_a_table_are_a_context_too():
    assert holds('column == "device" and users >= 30', {"column": "device", "users": 30})
