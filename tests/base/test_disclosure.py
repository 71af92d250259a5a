"""What rests on few people is withheld, and nothing gives it back."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.base.disclosure import hide_bars, violations, withhold, withhold_marked

GROUPS = {"whole": "users", "share": "rate", "rests": ["mean"], "within": ["column"]}


def table(users, rates=None, column="country"):
    rates = rates or [0.5] * len(users)
    return pd.DataFrame({
        "column": column, "group": list("abcdefgh")[: len(users)], "users": users,
        "rate": rates, "mean": 1.0,
    })  # fmt: skip


def shown(frame, rule, minimum=10):
    return withhold(frame, [rule], minimum)[0]


def blank(frame, rule, column, minimum=10):
    return frame["group"][shown(frame, rule, minimum)[column].isna()].tolist()


def test_a_count_of_one_to_nine_is_withheld_with_what_rests_on_it():
    frame = table([0, 1, 9, 10, 100])
    rule = {"whole": "users", "rests": ["mean"]}
    assert blank(frame, rule, "users") == ["b", "c"]
    assert blank(frame, rule, "mean") == ["b", "c"]
    assert blank(frame, rule, "users", minimum=1) == []


def test_a_single_small_group_takes_the_next_smallest_with_it():
    frame = table([100, 3, 40, 60])
    assert blank(frame, GROUPS, "users") == ["b", "c"]
    assert blank(table([100, 5, 40, 6]), GROUPS, "users") == ["b", "d"], "11 hide each other"
    assert blank(table([100, 2, 40, 6]), GROUPS, "users") == ["b", "c", "d"], "8 do not"


def test_the_name_of_a_small_group_is_withheld_and_that_of_its_neighbour_is_not():
    frame = table([100, 3, 40, 60])
    out = shown(frame, {**GROUPS, "label": "group"})
    assert out["group"].tolist()[2:] == ["c", "d"]
    assert out["group"].isna().tolist() == [False, True, False, False]
    assert violations(frame, [{**GROUPS, "label": "group"}], 10)


def test_each_total_is_looked_at_for_itself():
    frame = pd.concat([table([100, 3, 40]), table([80, 63], column="device")], ignore_index=True)
    out = shown(frame, GROUPS)
    assert out["users"].isna().tolist() == [False, True, True, False, False]


def test_few_nobody_and_everybody_are_withheld_of_a_rate_but_not_the_size_of_the_group():
    rates = [0.5, 0.1, 0.0, 1.0, 0.95]
    frame = table([40, 40, 40, 40, 100], rates)
    rule = {"whole": "users", "share": "rate", "rests": ["mean"]}
    assert blank(frame, rule, "rate") == ["b", "c", "d", "e"]
    assert blank(frame, rule, "mean") == ["b", "c", "d", "e"]
    assert blank(frame, rule, "users") == []
    assert blank(frame, {**rule, "allows_none": True}, "rate") == ["b", "e"]


def test_a_small_part_takes_another_with_it():
    frame = table([400, 400, 100], [0.5, 0.4, 0.03])
    assert blank(frame, GROUPS, "rate") == ["b", "c"] or blank(frame, GROUPS, "rate") == ["a", "c"]
    assert blank(frame, GROUPS, "users") == []


def test_an_outcome_that_was_not_observed_says_nothing_of_anybody():
    frame = table([40, 40], [0.0, 0.0]).assign(seen=[True, False])
    rule = {"whole": "users", "share": "rate", "known": "seen"}
    assert blank(frame, rule, "rate") == ["a"]


def test_only_the_rows_that_count_people_are_judged():
    frame = pd.DataFrame({"table": ["users", "events"], "broken": [3, 3], "x": "y"})
    out = shown(frame, {"whole": "broken", "where": {"table": ["users"]}})
    assert out["broken"].isna().tolist() == [True, False]
    assert len(shown(frame, {"drop": True, "where": {"table": ["users"]}})) == 1


def test_a_step_of_a_curve_moves_ten_people_or_is_left_out():
    day = list(range(8))
    at_risk = [100, 95, 85, 84, 60, 30, 12, 5]
    survival = np.cumprod([1.0, *(1 - (a - b) / a for a, b in itertools.pairwise(at_risk))])
    frame = pd.DataFrame({"group": "all", "day": day, "at_risk": at_risk, "survival": survival})
    rule = {"whole": "at_risk", "share": "survival", "curve": ["group"]}
    assert shown(frame, rule)["day"].tolist() == [0, 2, 4, 5, 6]


def test_flows_that_give_one_another_back_are_withheld_together():
    frame = pd.DataFrame(
        {"group": list("abc"), "all": 100, "new": [3, 40, 97], "lost": [30, 20, 20]}
    )
    rule = {"whole": "all", "part": "new", "rests": ["new", "lost"]}
    assert blank(frame, rule, "new") == blank(frame, rule, "lost") == ["a", "c"]
    assert blank(frame, rule, "all") == []


def test_a_row_compared_with_one_that_is_withheld_goes_with_it():
    frame = table([100, 100, 100], [0.5, 0.05, 0.4]).assign(change=[None, -0.45, 0.35])
    rule = {"whole": "users", "share": "rate", "rests": ["mean"], "next": ["change"]}
    assert blank(frame, rule, "rate") == ["b"]
    assert blank(frame.drop(index=0), {**rule, "rests": ["mean", "change"]}, "change") == ["b", "c"]


def test_text_from_a_file_is_withheld_as_numbers_are():
    frame = pd.DataFrame({"users": ["3", "20", ""], "rate": ["0.3333333333333333", "0.5", ""]})
    out = shown(frame, {"whole": "users", "share": "rate"})
    assert out["users"].isna().tolist() == [True, False, False]
    assert out["rate"].isna().tolist() == [True, False, False]


def test_a_marked_frame_is_withheld_where_its_columns_are_there():
    frame = table([3, 100])
    assert withhold_marked(frame) == (frame, None) or withhold_marked(frame)[1] is None
    frame.attrs["people"] = {"minimum": 10, "rules": [GROUPS, {"whole": "absent"}]}
    assert withhold_marked(frame)[0]["users"].isna().all()
    assert frame["users"].tolist() == [3, 100], "the input is not changed"


def test_the_gate_sees_small_cells_and_one_that_is_withheld_alone():
    rule = {"whole": "users", "rests": ["mean"], "within": []}
    few = table([3, 100, 100])
    assert (0, "users") in violations(few, [rule], 10)
    alone = table([np.nan, 100, 100]).assign(mean=np.nan)
    assert {row for row, _ in violations(alone, [rule], 10)} == {1, 2}
    assert violations(shown(few, rule), [rule], 10) == []


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=8), st.data())
def test_what_is_withheld_passes_the_gate_and_hides_enough_together(users, data):
    gone = [data.draw(st.integers(0, count)) for count in users]
    rates = [part / whole if whole else 0.0 for part, whole in zip(gone, users, strict=True)]
    frame = table(users, rates)
    out, hidden = withhold(frame, [GROUPS], 10)
    assert [cell for cell in violations(out, [GROUPS], 10) if len(frame) > 1] == []
    for column, counts in (("users", users), ("rate", gone)):
        small = hidden[column].to_numpy()
        total = np.array(counts)[small].sum()
        assert not small.any() or total >= 10 or not (frame["users"][~small] > 0).any()


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12))
def test_bars_that_are_hidden_are_ten_people_together(counts):
    bars = hide_bars(counts, 10)
    assert not [bar for bar in bars if 0 < bar < 10]
    lost = sum(counts) - sum(bars)
    assert lost == 0 or lost >= 10 or sum(bars) == 0


@pytest.mark.parametrize("minimum", [0, 1])
def test_without_a_minimum_nothing_is_withheld(minimum):
    frame = table([1, 2])
    assert shown(frame, GROUPS, minimum).equals(frame)
    assert violations(frame, [GROUPS], minimum) == []
