import numpy as np
import pandas as pd
import pytest

from analysis.base import comparisons as groups
from analysis.base.comparisons import adjust_together, compare_groups
from analysis.base.errors import ReportError
from analysis.contract import inputs as contract_inputs


def make_frame(counts: dict[str, tuple[int, int]], column: str = "country") -> pd.DataFrame:
    """One row per user: `counts` gives churners and users of each group."""
    rows = [
        (group, float(i < gone)) for group, (gone, users) in counts.items() for i in range(users)
    ]
    return pd.DataFrame(rows, columns=[column, "churned"])


def test_two_groups_by_hand():
    table = compare_groups(make_frame({"a": (60, 100), "b": (40, 100)}), "churned", ["country"])
    every, a, b = table.to_dict("records")
    # chi-square of 60/40 against 40/60: 4 * 10^2 / 50 = 8; V = sqrt(8 / 200)
    assert every["comparison"] == "all_groups"
    assert every["effect_size"] == pytest.approx(0.2)
    assert every["p_value"] == a["p_value"] == pytest.approx(0.004678, abs=1e-6)
    assert (a["rate"], a["difference"]) == pytest.approx((0.6, 0.2))
    assert b["difference"] == pytest.approx(-0.2)
    assert a["effect_size"] == pytest.approx(2 * (np.arcsin(0.6**0.5) - np.arcsin(0.4**0.5)))
    # Wilson for 60 of 100: 0.5020 to 0.6906; Newcombe: 0.2 - sqrt(.098^2 + .0906^2) by its limits
    assert (a["ci_low"], a["ci_high"]) == pytest.approx((0.5020, 0.6906), abs=1e-4)
    low = 0.2 - np.hypot(0.6 - 0.50200, 0.49799 - 0.4)
    assert a["difference_ci_low"] == pytest.approx(low, abs=1e-4)
    assert table["is_different"].all()


def test_small_groups_are_withheld_and_left_out():
    counts = {"a": (60, 100), "b": (40, 100), "tiny": (29, 29)}
    table = compare_groups(make_frame(counts), "churned", ["country"], min_group=30)
    tiny = table[table["group"] == "tiny"].iloc[0]
    assert tiny["is_withheld"]
    assert tiny["users"] == 29
    assert tiny[["rate", "difference", "p_value", "q_value"]].isna().all()
    assert table.iloc[0]["users"] == 200
    shown = compare_groups(make_frame(counts), "churned", ["country"], min_group=29)
    assert not shown["is_withheld"].any()
    assert shown.iloc[0]["users"] == 229


def test_one_group_alone_has_a_rate_and_no_comparison():
    table = compare_groups(make_frame({"a": (60, 100)}), "churned", ["country"])
    assert table["rate"].tolist() == [0.6]
    assert table["p_value"].isna().all()
    assert not table["is_different"].any()


def test_no_outcome_at_all_is_no_difference():
    table = compare_groups(make_frame({"a": (0, 50), "b": (0, 60)}), "churned", ["country"])
    assert table["p_value"].tolist() == [1, 1, 1]


def test_missing_outcomes_and_groups_are_left_out():
    frame = make_frame({"a": (60, 100), "b": (40, 100)})
    extra = pd.DataFrame({"country": ["a", None], "churned": [np.nan, 1.0]})
    pd.testing.assert_frame_equal(
        compare_groups(frame, "churned", ["country"]),
        compare_groups(pd.concat([frame, extra]), "churned", ["country"]),
    )


def test_rare_outcomes_use_exact_tests():
    table = compare_groups(make_frame({"a": (4, 40), "b": (0, 40)}), "churned", ["country"])
    # Fisher, two-sided: 2 * C(40,4) / C(80,4)
    assert table["p_value"].tolist() == pytest.approx([2 * 91390 / 1581580] * 3)
    three = make_frame({"a": (4, 40), "b": (0, 40), "c": (1, 40)})
    found = compare_groups(three, "churned", ["country"])["p_value"][0]
    assert 0.05 < found < 0.2


def test_correction_is_over_all_comparisons_given():
    tables = [pd.DataFrame({"p_value": p}) for p in ([0.01, np.nan], [0.02, 0.5, 0.04])]
    table = adjust_together([part.assign(is_repeated=False) for part in tables])
    # Benjamini-Hochberg: 0.01 * 4/1, 0.02 * 4/2, 0.04 * 4/3, 0.5
    expected = [0.04, np.nan, 0.04, 0.5, 0.16 / 3]
    assert table["q_value"].tolist() == pytest.approx(expected, nan_ok=True)
    assert table["is_different"].tolist() == [True, False, True, False, False]


def test_two_groups_are_one_test_in_the_correction():
    users = make_frame({"a": (60, 100), "b": (40, 100), "few": (3, 9)}, "device")
    users["country"] = [*("x", "y") * 100, *"z" * 9]
    table = compare_groups(users, "churned", ["device", "country"])
    assert table["is_repeated"].tolist() == [False, True, True, False, False, True, True, False]
    # two tests: 0.004678 is doubled, where six of them would leave 6/3 of it, and a p of 1 is 1
    assert len(groups.distinct(table)) == 2
    assert table["q_value"][:3].tolist() == pytest.approx([2 * 0.0046777] * 3, abs=1e-6)
    assert table["q_value"][4:7].nunique() == 1
    assert table.loc[[3, 7], "q_value"].isna().all()


def test_noise_is_seldom_called_a_difference():
    rng, found = np.random.default_rng(0), []
    for _ in range(100):
        frame = pd.DataFrame({f"c{i}": rng.choice(list("abcd"), 300) for i in range(4)})
        frame["churned"] = (rng.random(300) < 0.4).astype(float)
        found.append(compare_groups(frame, "churned", list(frame)[:4])["is_different"].any())
    assert np.mean(found) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100)


def test_a_repeated_user_is_refused():
    frame = make_frame({"a": (2, 4)}).assign(user_id=["u1", "u2", "u2", "u3"])
    with pytest.raises(ReportError, match=r"user_id is not unique \(1 repeated\)"):
        compare_groups(frame, "churned", ["country"])


def test_no_columns_give_an_empty_table():
    table = compare_groups(make_frame({"a": (2, 4)}), "churned", [])
    assert len(table) == 0
    assert {"q_value", "is_different"} <= set(table)


def test_a_group_column_that_nobody_knows_is_named():
    users = pd.DataFrame({"user_id": ["a"], "plan": ["x"]})
    assert contract_inputs.present(users, ["plan", "country"]) == [
        "plan"
    ]  # the contract has country
    with pytest.raises(ReportError, match="group_columns names 'plann'.* Is it 'plan'"):
        contract_inputs.present(users, ["plann"])
