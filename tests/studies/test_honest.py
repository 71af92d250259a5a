"""False alarms are counted by family of honest companies, and headline figures that they strike."""

import pandas as pd
import pytest

from analysis.contract import suspects
from analysis.contract.checks import REGISTER, Verdict
from analysis.summary import metrics
from benchmarks import company, honest
from benchmarks.final import Final, final_verdicts
from benchmarks.honest import Job, Outcome
from simulation import FAMILIES, simulate

TITLES = {"log_volume": "Volume", "enough_data": "Enough users", "machines": "Machines"}
STRUCK = Outcome(("log_volume:fail", "machines:warn"), ("retention_d1=log_volume",))
TOO_FEW = Outcome(("enough_data:fail",), ("retention_d1=enough_newcomers",))
STOPPED = Outcome(("stopped:fail",), ("churn_rate=stopped",))


def test_shares_are_counted_by_family_with_their_intervals() -> None:
    outcomes = {
        Job(200, 0, "growth"): STRUCK,
        Job(200, 1, "growth"): TOO_FEW,
        Job(200, 2, "growth"): Outcome((), ()),
        Job(200, 3, "growth"): Outcome(("log_volume:fail",), ()),
        Job(200, 0, "decline"): STOPPED,
    }
    table = honest.summarise(outcomes, TITLES)
    assert table.columns.tolist() == list(honest.HEADS)
    assert table["family"].tolist() == ["Decline", "Growth"]
    growth = table.set_index("family").loc["Growth"]
    assert growth[["runs", "warns", "fails", "strikes", "too_few"]].tolist() == [
        4, 1 / 4, 2 / 4, 1 / 4, 1 / 4,
    ]  # fmt: skip
    assert growth["fails_ci_low"] == pytest.approx(0.15, abs=0.001)  # Wilson, 2 of 4
    assert growth["fails_ci_high"] == pytest.approx(0.85, abs=0.001)
    assert growth[["failing", "warning"]].tolist() == ["Volume (2)", "Machines (1)"]


def test_a_report_that_stops_fails_and_strikes_everything() -> None:
    table = honest.summarise({Job(200, 0, "decline"): STOPPED}, TITLES)
    assert table[["fails", "strikes", "failing", "warning"]].to_dict("records") == [
        {"fails": 1.0, "strikes": 1.0, "failing": "No report (1)", "warning": "none"}
    ]


def test_a_model_rightly_fails_where_the_product_ends_and_nowhere_else() -> None:
    moved = Outcome(("base_rate_drift:fail", "population_drift:warn"), ())
    outcomes = {Job(200, 0, "product_ends"): moved, Job(200, 0, "growth"): moved}
    table = honest.summarise(outcomes, {"base_rate_drift": "Rate", "population_drift": "Users"})
    by_family = table.set_index("family")[["failing", "warning"]]
    assert by_family.loc["Product ends"].tolist() == ["none", "Users (1)"]
    assert by_family.loc["Growth"].tolist() == ["Rate (1)", "Users (1)"]


def test_small_families_are_studied_at_the_least_size_alone() -> None:
    both = ("few_users", "growth")
    assert honest.list_jobs(200, 1, both) == [Job(200, 0, "few_users"), Job(200, 0, "growth")]
    assert honest.list_jobs(500, 2, both) == [Job(500, 0, "growth"), Job(500, 1, "growth")]


def test_outcomes_are_read_as_they_were_written(tmp_path: object) -> None:
    path = company.Path(str(tmp_path)) / "runs.csv"
    path.write_text(
        "200,0,growth,log_volume:fail;machines:warn,retention_d1=log_volume,c\n200,1,growth,,,c\n"
    )
    assert honest.read_runs(path) == {
        Job(200, 0, "growth"): STRUCK,
        Job(200, 1, "growth"): Outcome((), ()),
    }
    assert honest.read_runs(path.with_name("none.csv")) == {}


def test_the_headline_figures_are_those_of_the_summary() -> None:
    days = {f"retention_d{day}" for day in metrics.RETENTION_DAYS}
    ages = {f"survival_{day}" for day in metrics.SURVIVAL_DAYS}
    assert {*company.HEADLINES} == days | ages | {"churn_rate", "reactivation_rate"}


@pytest.fixture(scope="module")
def small() -> company.Company:
    """A company without dirt."""
    return company.company_of(simulate(150, seed=1, dirt=False))


def judge_as(monkeypatch: pytest.MonkeyPatch, small: company.Company, found: Verdict) -> Final:
    """Return the final verdicts where the checks say only what is `found`."""
    monkeypatch.setattr(company.Company, "verdicts", lambda self, only: [found])
    return final_verdicts(small, company.OF_THE_DATA)


def test_evidence_that_moves_no_figure_warns(
    monkeypatch: pytest.MonkeyPatch, small: company.Company
) -> None:
    one = suspects.users(small.log.users["user_id"].tail(1))
    final = judge_as(monkeypatch, small, Verdict("machines", "fail", suspects=one))
    assert [verdict.status for verdict in final.verdicts] == ["warn"]
    assert final.struck == {}
    assert {*company.HEADLINES} <= {*final.effects["figure"]}


def test_evidence_strikes_the_headlines_that_move(
    monkeypatch: pytest.MonkeyPatch, small: company.Company
) -> None:
    final = judge_as(monkeypatch, small, Verdict("survivors", "fail", suspects=suspects.unseen()))
    assert [verdict.status for verdict in final.verdicts] == ["fail"]
    assert final.struck == dict.fromkeys(company.HEADLINES, ("survivors",))


def test_a_check_of_figures_strikes_those_on_its_bases(
    monkeypatch: pytest.MonkeyPatch, small: company.Company
) -> None:
    final = judge_as(monkeypatch, small, Verdict("label_calendar", "fail"))
    expected = {k for k, b in company.HEADLINES.items() if b in REGISTER["label_calendar"].strikes}
    assert final.struck == dict.fromkeys(expected, ("label_calendar",))


def test_no_check_left_out_strikes_a_headline() -> None:
    elsewhere = ("09_published", "10_summary", *company.OF_THE_DATA)
    left_out = [check for check in REGISTER.values() if check.stage not in elsewhere]
    assert left_out
    assert not {basis for check in left_out for basis in check.strikes} & {
        *company.HEADLINES.values()
    }


def test_the_results_in_the_appendix_have_every_family() -> None:
    table = pd.read_csv(company.STUDIES / "honest_200.csv")
    assert table.columns.tolist() == list(honest.HEADS.values())
    assert len(table) == len(FAMILIES)
