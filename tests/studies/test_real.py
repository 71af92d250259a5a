"""What a report says of a real log is set beside what a README says of it."""

from pathlib import Path

import pandas as pd
import pytest

from benchmarks import company, real
from benchmarks.company import HEADLINES
from benchmarks.real import FIGURES, WINDOW, Findings

README = """# Logs
| folder | window (UTC days, end excluded) |
| --- | --- |
| [shop](#shop) | 2020-01-01 to 2021-01-01 |
| [shop-stacked](#shop-stacked) | as its parent |

## At a glance
| log | figures to strike | events missing? | duplicates? | machines? |
| --- | --- | --- | --- | --- |
| shop | none (one stray event) | no; closed on Saturdays | none, though 3 rows repeat | 2 accounts, 4 % |
| shop-stacked | counts, amounts of May | no | **yes**, 891 rows | as its parent |

| year | 01 |
| --- | --- |
| 2020 | 12 |
"""
TOLD = real.read_referee(README)
TITLES = {"log_volume": "Volume", "machines": "Machines", "double_logging": "Repeats"}
WHOLE = "2020-01-01 to 2021-01-01"


def answers(log: str, found: Findings | None) -> dict[str, tuple[str, str]]:
    rows = real.compare(log, TOLD, found)
    return {row["question"]: (row["says"], row["agrees"]) for row in rows}


@pytest.mark.parametrize(
    ("log", "verdicts"),
    [
        ("shop", ["none", "no", "none", "2 accounts", WHOLE]),
        ("shop-stacked", ["counts, amounts of May", "no", "yes", "2 accounts", WHOLE]),
        ("other", ["not stated"] * 5),
    ],
)
def test_the_referee_is_read_without_his_reasons(log: str, verdicts: list[str]) -> None:
    assert [real.referee_of(TOLD, question, log) for question in real.QUESTIONS] == verdicts


def test_a_healthy_log_is_left_alone_by_a_report_that_agrees() -> None:
    found = Findings(
        {"machines": "warn", "log_volume": "warn"}, TITLES, {"scores": "Scores"}, WHOLE
    )
    assert answers("shop", found) == {
        FIGURES: ("1 other figure", "yes"),
        "Events missing": ("Volume: asks for caution", "yes"),
        "Duplicates": ("no", "yes"),
        "Machines": ("Machines: asks for caution", "yes"),
        WINDOW: (WHOLE, "yes"),
    }


def test_false_alarms_and_faults_not_found_disagree() -> None:
    struck = {"churn_rate": "Churn", "survival_30": "Survival"}
    found = Findings({"log_volume": "fail"}, TITLES, struck, "2020-01-02 to 2021-01-01")
    assert answers("shop", found) == {
        FIGURES: ("Churn and Survival", "no"),
        "Events missing": ("Volume: fails", "no"),
        "Duplicates": ("no", "yes"),
        "Machines": ("no", "no"),
        WINDOW: ("2020-01-02 to 2021-01-01", "no"),
    }
    everything = {**dict.fromkeys(HEADLINES, "any"), "scores": "Scores", "users": "Users"}
    stacked = answers("shop-stacked", Findings({}, TITLES, everything, WHOLE))
    assert stacked[FIGURES] == ("all headline figures and 2 other figures", "no")
    counts = answers("shop-stacked", Findings({}, TITLES, {"users": "Users"}, WHOLE))
    assert counts[FIGURES] == ("1 other figure", "yes")
    stacked = answers("shop-stacked", Findings({}, TITLES, {}, WHOLE))
    assert stacked[FIGURES] == ("none", "no")
    assert stacked["Duplicates"] == ("no", "no")


def test_a_build_that_stops_is_a_row_that_says_so() -> None:
    assert set(answers("shop", None).values()) == {("no report", "no")}
    assert set(answers("other", None).values()) == {("no report", "not stated")}


def test_logs_are_the_folders_with_both_tables(tmp_path: Path) -> None:
    for name in ("a/users.csv", "a/events.parquet", "b/users.csv", "README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert real.find_logs(tmp_path) == [tmp_path / "a"]


def test_the_result_in_the_appendix_answers_every_question_of_each_log() -> None:
    table = pd.read_csv(company.STUDIES / "real.csv")
    assert table.columns.tolist() == list(real.HEADS.values())
    assert (table.groupby("Log")["Question"].nunique() == len(real.QUESTIONS)).all()
