"""Amounts of events: their unit, and the largest."""

import numpy as np
import pandas as pd
import pytest

from analysis.audit import amounts
from analysis.contract.checks import Verdict
from tests.checking import Case
from tests.handmade import make_events, make_window


def test_amounts_are_summed_by_kind_and_day():
    events = make_events(
        [("a", "2025-01-05T10:00"), ("b", "2025-01-05T11:00"), ("a", "2025-01-07"),
         ("a", "2025-01-07"), ("a", "2025-01-07"), ("a", "2025-03-07")],
        event_type=["buy", "buy", "buy", "gift", "buy", "buy"],
        properties=['{"amount": 10}', '{"amount":"2.5"}', '{"amount":-4}', '{"amount":8}', "{}",
                    '{"amount":99}'],
    )  # fmt: skip
    table = amounts.daily_amounts(events, make_window("2025-01-05", "2025-02-01"), "UTC")
    assert set(table.columns) == {
        "event_type", "day_number", "events", "log_sum", "log_squares", "total", "largest"
    }  # fmt: skip
    by_kind = dict(iter(table.groupby("event_type")))
    assert by_kind["buy"][["events", "total", "largest"]].to_numpy().tolist() == [
        [2, 12.5, 10], [0, 0, 0], [0, 0, 0]
    ]  # fmt: skip
    assert by_kind["buy"]["log_sum"].iloc[0] == pytest.approx(np.log(25))
    squares = np.log(10) ** 2 + np.log(2.5) ** 2
    assert by_kind["buy"]["log_squares"].iloc[0] == pytest.approx(squares)
    assert by_kind["gift"]["total"].tolist() == [0, 0, 8]
    nothing = make_events([("a", "2025-01-05")])
    assert amounts.daily_amounts(nothing, make_window("2025-01-05", "2025-02-01"), "UTC").empty


def test_negative_amounts_break_a_rule_only_where_most_are_above_0():
    events = make_events(
        [(user, "2025-01-05") for user in "aaaabbccd"],
        event_type=["buy"] * 4 + ["refund"] * 3 + ["gift"] * 2,
        properties=['{"amount":5}', '{"amount":-5}', '{"amount": "-0.5"}', "{}", '{"amount":-1}',
                    '{"amount":-2}', '{"amount":0}', '{"amount":3}', '{"amount":4}'],
    )  # fmt: skip
    signs = amounts.amount_signs(events)
    counts = signs.set_index("event_type")[["amounts", "negative"]]
    assert counts.T.to_dict("list") == {"buy": [3, 2], "gift": [2, 0], "refund": [2, 2]}
    assert amounts.are_refunds(signs).tolist() == [False, False, True]
    (rule,) = amounts.sign_rules(signs).to_dict("records")
    assert (rule["rule"], rule["checked"], rule["broken"], rule["sample"]) == (
        amounts.NEGATIVE, 5, 2, "a"
    )  # fmt: skip


def test_amounts_are_negative_by_nature_from_nine_in_ten():
    signs = pd.DataFrame({"amounts": [10, 10], "negative": [9, 8]})
    assert amounts.are_refunds(signs).tolist() == [True, False]


def priced(after: int, largest: int = 0, days_each: int = 30) -> Verdict:
    """Judge ten purchases of 10 a day and then of `after`, and one of `largest` besides."""
    paid = np.repeat([10.0, after], days_each)
    table = pd.DataFrame({"day_number": range(20_000, 20_000 + 2 * days_each), "events": 10})
    table["log_sum"], table["log_squares"] = 10 * np.log(paid), 10 * np.log(paid) ** 2
    table["total"], table["largest"] = 10 * paid, paid
    table.loc[0, ["total", "largest"]] = [100 + largest, max(largest, 10)]
    return amounts.log_amounts(table.assign(event_type="buy"))


def seldom_priced(after: float, every: int = 2, days: int = 60) -> Verdict:
    """Judge one purchase every so many days at 5, 10 or 20, and in the later half `after` times
    that."""
    table = pd.DataFrame({"day_number": range(20_000, 20_000 + days)})
    bought = table.index % every == 0
    price = np.resize([5.0, 5.0, 20.0, 10.0], days // every)
    price[len(price) // 2 :] *= after
    table["events"] = bought.astype(int)
    table.loc[bought, "log_sum"] = np.log(price)
    table.loc[bought, "log_squares"] = np.log(price) ** 2
    table.loc[bought, "total"] = table.loc[bought, "largest"] = price
    return amounts.log_amounts(table.fillna(0.0).assign(event_type="buy"))


def test_a_factor_of_five_is_another_unit():
    assert not priced(49).facts["is_unit"]
    assert priced(51).facts["is_unit"]


def test_it_says_whether_amounts_fall():
    assert priced(6).facts["falls"]
    assert not priced(16).facts["falls"]


CASES = [
    Case("log_amounts", "pass", lambda: priced(14)),
    Case("log_amounts", "warn", lambda: priced(16)),
    Case("log_amounts", "warn", lambda: priced(6)),
    Case("log_amounts", "warn", lambda: priced(51)),
    Case("log_amounts", "warn", lambda: priced(10, largest=1_600)),
    Case("log_amounts", "pass", lambda: priced(10, largest=1_400)),
    Case("log_amounts", "not_applicable", lambda: priced(100, days_each=9)),
    Case("log_amounts", "pass", lambda: seldom_priced(1)),
    Case("log_amounts", "pass", lambda: seldom_priced(1, every=6, days=150)),
    Case("log_amounts", "warn", lambda: seldom_priced(100)),
]
