"""Tables with a row per user, side by side."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from analysis.base.users import beside

IDS = st.lists(st.sampled_from(["a", "b", "ü", "", "0", "00", "a "]), unique=True)


def table(ids: list[str], **columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame({"user_id": pd.Series(ids, dtype="str"), **columns})


def test_by_hand():
    users = table(["c", "a", "b"], joined=[3, 1, 2]).set_axis([7, 5, 9])
    found = table(["b", "x", "c"], n=[20, 0, 30], is_seen=[True, True, False])
    both = beside(users, found)
    assert both.index.tolist() == [7, 5, 9]
    assert both.astype(object).where(both.notna(), None).to_numpy().tolist() == [
        ["c", 3, 30, False], ["a", 1, None, None], ["b", 2, 20, True],
    ]  # fmt: skip


@given(IDS, IDS)
def test_it_is_a_left_join(left: list[str], right: list[str]):
    users, found = table(left, n=list(range(len(left)))), table(right, m=list(range(len(right))))
    merged = users.merge(found, on="user_id", how="left")
    pd.testing.assert_frame_equal(beside(users, found), merged, check_dtype=bool(left and right))
