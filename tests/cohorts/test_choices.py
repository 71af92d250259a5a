"""The headline figures as another reasonable choice would have them, by hand."""

import pandas as pd
import pytest

from analysis.cohorts import choices
from analysis.contract import catalogue
from analysis.log.churn import Windows
from tests.handmade import make_events, make_log, make_users, make_window

WINDOW = make_window("2025-01-01", "2025-07-01")
USERS = make_users({**dict.fromkeys("abcdef", "2025-01-01"), "g": "2025-03-01"})
DAYS = {
    "a": [f"{month:02d}-{day:02d}" for month in range(1, 7) for day in (2, 9, 16, 23, 28)],
    "b": ["01-10", "04-20", "05-10"],
    "c": ["01-01", "05-31"],
    "d": ["02-05", "02-10", "04-10"],
    "e": ["05-25", "06-05"],
    "f": ["06-05"],
    "g": ["03-01", "05-10"],
}
VISITS = [(user, f"2025-{day}T12:00") for user, days in DAYS.items() for day in days]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    log = make_log(make_events(VISITS), USERS, WINDOW)
    return choices.choices(log, Windows(30, 0, 30), min_group=5).set_index("choice")


EXPECTED = {
    # of seven newcomers a and b came back within 30 days; g has 70 days to its second visit
    "retention_first_event": (2 / 7, 3 / 6),  # a, d and e of all but f, who is too late
    "retention_closed": (2 / 7, 4 / 7),  # c and g came on the day they signed up
    "retention_last_day": (2 / 7, 2 / 7),
    # 1 June: a, b, c, e and g were active since 2 May; b, c and g are silent in June
    "churn_shorter": (3 / 5, 3 / 4),  # 16 June: c, e and f of a, c, e and f
    "churn_longer": (3 / 5, 1 / 3),  # 2 May: d of a, b and d
    "churn_recent": (3 / 5, 1 / 3),  # since 17 May: c of a, c and e
    "churn_wide": (3 / 5, 4 / 6),  # since 2 April: d too
    "churn_last_day": (3 / 5, 2 / 4),  # 31 May: c has not come yet
    # followed to 2 May nobody has ended by day 90; to 1 June g has, on day 70, of seven
    "survival_settled": (1.0, 6 / 7),
    "survival_censoring": (1.0, 6 / 7),
}


def test_each_figure_stands_as_chosen_and_otherwise(table: pd.DataFrame) -> None:
    assert list(table.index) == list(EXPECTED)
    for key, expected in EXPECTED.items():
        found = table.loc[key, ["as_chosen", "otherwise"]].tolist()
        assert found == pytest.approx(list(expected)), key
    assert table["difference"].tolist() == pytest.approx([b - a for a, b in EXPECTED.values()])


def test_every_choice_and_figure_has_words(table: pd.DataFrame) -> None:
    columns = {column.name: column.values for column in catalogue.table_of("choices").columns}
    assert list(columns["choice"]) == list(table.index)
    assert list(columns["figure"]) == table["figure"].unique().tolist()
    words = columns["figure"]
    assert f"within {choices.DAY} days" in words["retention"]
    assert f"after {choices.MILESTONE} days" in words["survival"]


def test_a_choice_of_days_gives_both_numbers(table: pd.DataFrame) -> None:
    days = table[["days_chosen", "days_otherwise"]].dropna()
    assert days.apply(list, axis=1).to_dict() == {
        "churn_shorter": [30, 15], "churn_longer": [30, 60], "churn_recent": [30, 15],
        "churn_wide": [30, 60], "survival_settled": [60, 30],
    }  # fmt: skip


def test_a_log_too_short_for_another_choice_leaves_it_blank() -> None:
    window = make_window("2025-04-20", "2025-07-01")
    log = make_log(make_events(VISITS), USERS, window)
    missing = (
        choices.choices(log, Windows(30, 0, 30), min_group=5)
        .set_index("choice")["otherwise"]
        .isna()
    )
    assert missing[["churn_longer", "churn_wide"]].all()
    assert not missing[["churn_shorter", "churn_recent"]].any()


def test_survival_is_missing_where_too_few_are_followed_from_signup() -> None:
    log = make_log(make_events(VISITS), USERS, WINDOW)
    few = choices.choices(log, Windows(30, 0, 30), min_group=8).set_index("choice")
    rows = few[few["figure"] == "survival"]
    assert rows[["as_chosen", "otherwise", "difference"]].isna().all().all()
    late = make_log(make_events(VISITS), USERS, make_window("2025-01-20", "2025-07-01"))
    conditional = choices.choices(late, Windows(30, 0, 30), min_group=5).set_index("choice")
    assert pd.isna(conditional.loc["survival_settled", "as_chosen"])
