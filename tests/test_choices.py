"""The headline figures as another reasonable choice would have them, by hand."""

import pandas as pd
import pytest
from handmade import make_events, make_users, make_window

from analysis import choices
from analysis.features import Windows

WINDOW = make_window("2025-01-01", "2025-07-01")
USERS = make_users(dict.fromkeys("abcd", "2025-01-01"))
# Four users of the first day: a comes until the end, b stops in May, c in March, d the day before
# the snapshot of 1 June.
VISITS = [
    *(("a", f"2025-{month:02d}-{day:02d}T12:00") for month in range(1, 7) for day in (2, 15, 28)),
    *(("b", f"2025-{month:02d}-20T12:00") for month in range(1, 6)),
    *(("c", f"2025-{month:02d}-20T12:00") for month in range(1, 4)),
    ("d", "2025-01-01T09:00"), ("d", "2025-05-31T12:00"),
]  # fmt: skip


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    found = choices.choices(make_events(VISITS), USERS, WINDOW, Windows(30, 0, 30))
    return found.set_index(pd.Index(list(choices.CHOICES)))


def test_each_choice_stands_beside_the_headline(table: pd.DataFrame) -> None:
    assert set(table["figure"]) == set(choices.FIGURES.values())
    assert table["choice"].str.contains("{", regex=False).sum() == 0
    assert table.loc["churn_shorter", "choice"].startswith("A horizon of 15 days")
    known = table.dropna()
    assert (known["otherwise"] - known["as_chosen"]).tolist() == known["difference"].tolist()


def test_churn_follows_horizon_and_look_back(table: pd.DataFrame) -> None:
    # 1 June: a, b and d were active in the 30 days before; b and d are silent in the 30 after.
    assert table["as_chosen"].filter(like="churn").tolist() == pytest.approx([2 / 3] * 5)
    # 16 June: a, d and b (20 May) were active since 17 May; a (28 June) comes back.
    assert table.loc["churn_shorter", "otherwise"] == pytest.approx(2 / 3)
    # 2 May: a and b (20 April) were active; both come back within 60 days.
    assert table.loc["churn_longer", "otherwise"] == 0.0
    # 1 June: the last 15 days hold a (28 May), b (20 May) and d.
    assert table.loc["churn_recent", "otherwise"] == pytest.approx(2 / 3)
    assert table.loc["churn_wide", "otherwise"] == pytest.approx(2 / 3)


def test_retention_follows_its_definition(table: pd.DataFrame) -> None:
    # within 30 days: a, b and c; d came on the day of signup alone
    assert table.loc["retention_last_day", ["as_chosen", "otherwise"]].tolist() == [0.75, 0.75]
    assert table.loc["retention_closed", "otherwise"] == 1.0


def test_a_log_too_short_for_a_longer_horizon_says_so() -> None:
    window = make_window("2025-04-01", "2025-07-01")
    table = choices.choices(make_events(VISITS), USERS, window, Windows(30, 0, 30))
    missing = table.set_index(pd.Index(list(choices.CHOICES)))["otherwise"].isna()
    assert not missing["churn_longer"]  # 90 days hold 30 before and 60 after
    shorter = make_window("2025-04-20", "2025-07-01")
    found = choices.choices(make_events(VISITS), USERS, shorter, Windows(30, 0, 30))
    late = found.set_index(pd.Index(list(choices.CHOICES)))["otherwise"].isna()
    assert late["churn_longer"]
    assert not late["churn_shorter"]
