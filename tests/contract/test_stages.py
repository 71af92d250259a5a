import re
from graphlib import TopologicalSorter

import nbformat
import pytest

from analysis.base.errors import ReportError
from analysis.contract import stages
from analysis.contract.params import Params
from analysis.contract.stages import (
    PAGES,
    STAGES,
    Stage,
    checks_of_stages,
    find,
    needs,
    reads_of,
    writer_of,
)
from analysis.run.execute import check_parameters
from tests.handmade import ROOT

BY_NAME = {stage.name: stage for stage in STAGES}


def test_a_stage_has_a_number_a_name_of_its_own_and_a_known_part():
    assert len(BY_NAME) == len(STAGES)
    assert all(re.fullmatch(r"\d\d_[a-z_]+", name) for name in BY_NAME)
    assert {stage.part for stage in STAGES} == set(stages.PARTS)


def test_the_artifacts_that_others_read_are_written():
    promised = {
        "clean/users.parquet", "clean/users.qa.json", "clean/events.parquet", "clean/events.qa.json",
        "clean/user_days.parquet", "clean/window.json",
        "audit/quality.csv", "audit/latency.csv", "audit/relational.csv", "audit/scorecard.csv",
        "features/user_features.parquet", "features/snapshots.parquet",
        "cohorts/retention_cohorts.csv", "cohorts/retention_days.csv", "cohorts/survival.csv",
        "cohorts/user_retention.parquet", "model/churn_model.skops", "model/evaluation.csv",
        "model/roc_points.csv", "model/pr_points.csv", "model/threshold_sweep.csv",
        "model/calibration.csv", "model/lift.csv", "model/feature_importance.csv",
        "scores/predictions.csv", "scores/top_risk.csv", "scores/churn_by_country.csv",
        "scores/churn_by_device.csv", "scores/churn_by_subscription.csv", "scores/risk_segments.csv",
        "segments/user_clusters.parquet", "segments/cluster_selection.csv",
        "segments/cluster_summary.csv", "published/figures.json", "summary/metrics.json",
        "summary/checks.csv", "summary/actions.csv",
    }  # fmt: skip
    assert promised <= set(writer_of())


def test_every_artifact_read_is_written_and_no_stage_waits_for_itself():
    for stage in STAGES:
        assert set(reads_of(stage)) <= {*writer_of(), *PAGES}, stage.name
    TopologicalSorter({stage.name: needs(stage) for stage in STAGES}).prepare()


def test_every_parameter_of_a_stage_exists_and_is_declared_once():
    for stage in STAGES:
        assert set(stage.params) <= set(Params.model_fields), stage.name
        assert len(stage.params) == len(set(stage.params)), stage.name


def test_a_name_stands_for_one_artifact_but_for_the_checks_of_each_stage():
    names = [name for stage in STAGES for name in stage.writes if name != "verdict_table"]
    assert len(names) == len(set(names))
    assert stages.path_of("lift") == "model/lift.csv"
    assert stages.path_of("checks") == "summary/checks.csv"
    with pytest.raises(ReportError, match="No stage writes 'lifts'. Declare it"):
        stages.path_of("lifts")


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_each_notebook_holds_the_folders_and_the_declared_parameters(stage):
    check_parameters(nbformat.read(ROOT / "notebooks" / f"{stage.name}.ipynb", as_version=4), stage)


def test_the_order_of_stages_follows_from_what_they_read():
    log = {"01_clean_users", "02_clean_events"}
    assert needs(BY_NAME["01_clean_users"]) == set()
    assert needs(BY_NAME["02_clean_events"]) == {"01_clean_users"}
    assert needs(BY_NAME["05_cohorts"]) == log
    assert needs(BY_NAME["06_model"]) == {"04_features"}
    assert needs(BY_NAME["07_scoring"]) == {"01_clean_users", "04_features", "06_model"}
    assert needs(BY_NAME["08_segmentation"]) == {"04_features"}
    assert needs(BY_NAME["10_summary"]) >= {*checks_of_stages(), *log}


def test_the_summary_reads_the_verdicts_of_every_stage_that_makes_some():
    assert set(checks_of_stages().values()) <= set(reads_of(BY_NAME["10_summary"]))
    assert "03_audit" in checks_of_stages()
    assert "10_summary" not in checks_of_stages()


def test_a_stage_is_found_by_its_name():
    assert find("05_cohorts") is BY_NAME["05_cohorts"]


def test_an_unknown_stage_is_named_with_those_that_exist():
    with pytest.raises(
        ReportError, match="No stage is called '05_cohort'. Stages: 01_clean_users, 02"
    ):
        find("05_cohort")


def test_two_stages_may_not_write_one_artifact(monkeypatch):
    one = Stage("one", "A", reads=(), writes={"x": "a/x.csv"})
    two = Stage("two", "A", reads=(), writes={"y": "a/x.csv"})
    monkeypatch.setattr(stages, "STAGES", (one, two))
    with pytest.raises(ReportError, match="a/x.csv: written by one and two"):
        writer_of()
    monkeypatch.setattr(stages, "STAGES", (one,))
    assert needs(Stage("three", "A", reads=("a/x.csv",), writes={})) == {"one"}


def test_up_to_a_stage_are_those_it_needs_in_their_order():
    names = [stage.name for stage in stages.up_to("08_segmentation")]
    assert names == ["01_clean_users", "02_clean_events", "04_features", "08_segmentation"]
    assert stages.up_to(stages.SUMMARY) == STAGES
    with pytest.raises(ReportError, match="No stage is called"):
        stages.up_to("none")
