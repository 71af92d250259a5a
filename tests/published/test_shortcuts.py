"""What the usual shortcuts would say."""

from types import SimpleNamespace

import pandas as pd
import pytest

from analysis.published.results import Absent, Figure
from analysis.published.shortcuts import OF_THE_CASE, native_rate, shortcuts_record

USERS = pd.DataFrame({"user_id": list("abcd"), "churned_30d": [1, 0, 1, 1]})
SCORES = pd.DataFrame({"proba_churn": [0.9, 0.9, 0.2, 0.8], "pred_churn": [1, 1, 0, 1]})
FIGURES = {name: {"value": 0.5, "reason": None} for name in OF_THE_CASE.values()}


def test_each_shortcut_has_its_figure():
    case = SimpleNamespace(users=USERS, scores=SCORES)
    record = shortcuts_record(case, FIGURES | {"logreg.auc": {"value": None, "reason": "none"}})
    assert {name: figure["value"] for name, figure in record.items()} == {
        "churn": 0.5, "retention_d7": 0.5, "retention_d30": 0.5, "auc": None, "clusters": 0.5,
        "native_label": 3 / 4, "threshold": 3 / 4, "scored": 4, "expected": 3,
    }  # fmt: skip
    assert record["auc"]["reason"] == "none"


def test_a_shortcut_without_its_scores_says_why():
    case = SimpleNamespace(users=USERS[["user_id"]], scores=Absent("every user has the same label"))
    record = shortcuts_record(case, FIGURES)
    for name in ("threshold", "scored", "expected"):
        assert record[name] == {"value": None, "reason": "every user has the same label"}
    assert record["native_label"]["reason"] == "the users table has no churned_30d"


@pytest.mark.parametrize(
    ("labels", "rate"),
    [([1, None, 0, 0], 1 / 3), ([True, False, True, False], 1 / 2), ([None] * 4, None),
     ([0, 1, 2, 0], None), (["left", "stayed", "left", "left"], None)],
)  # fmt: skip
def test_a_label_is_0_or_1_where_it_is_known(labels, rate):
    figure = native_rate(pd.DataFrame({"churned_30d": labels}))
    expected = Figure(None, "churned_30d is not 0 or 1") if rate is None else Figure(rate)
    assert figure == expected
