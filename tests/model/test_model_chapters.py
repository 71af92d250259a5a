"""The chapters of the model as a whole: their tables, their checks, what they write."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.base import files
from analysis.base.table_file import in_memory
from analysis.base.unavailable import reason_of
from analysis.contract import catalogue, stages
from analysis.contract.chapter import Chapter
from analysis.model import Features, Model, Scoring
from analysis.model import features as model_features
from analysis.model.chapter_scoring import StoredModel
from simulation import simulate
from tests.handmade import (
    make_company_log,
    make_events,
    make_log,
    make_params,
    make_users,
    make_window,
)

SIMPLEST = ("logistic_regression",)


def given(chapter: type[Chapter]) -> dict[str, object]:
    """Return the parameters of the chapter's stage."""
    params = make_params(bootstrap_draws=100).model_dump()
    return {name: params[name] for name in stages.find(chapter.stage).params}


@pytest.fixture(scope="module")
def features() -> Features:
    return Features(make_company_log(simulate(400, 40, 5, None, dirt=False)), **given(Features))


@pytest.fixture(scope="module")
def model(features: Features) -> Model:
    return Model(in_memory(features.snapshots), **given(Model), models=SIMPLEST, shuffles=1)


@pytest.fixture(scope="module")
def scoring(features: Features, model: Model) -> Scoring:
    return Scoring(features.log.users, in_memory(features.snapshots), model, **given(Scoring))


@pytest.mark.parametrize("name", ["features", "model", "scoring"])
def test_a_stage_writes_what_it_declares_with_the_columns_of_the_catalogue(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    chapter: Chapter = request.getfixturevalue(name)
    writes = stages.find(chapter.stage).writes
    chapter.write(str(tmp_path))
    written = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.*")}
    assert written == set(writes.values())
    open_ended = {
        "verdict_table",
        "user_features",
        "snapshots",
    }  # they hold columns of the users table
    for table in set(writes) - open_ended - {"stored_model", "model_card"}:
        frame = files.read_table(str(tmp_path / writes[table]))
        assert list(frame) == [column.name for column in catalogue.table_of(table).columns], table


def test_codes_of_the_tables_have_words(model: Model, scoring: Scoring) -> None:
    for chapter, table, column in (
        (model, "evaluation", "metric"), (model, "evaluation", "model"),
        (model, "evaluation", "split"), (model, "evaluation_origins", "split"),
        (model, "feature_importance", "feature"), (scoring, "reasons", "action_reason"),
        (scoring, "predictions", "recommended_action"), (scoring, "group_differences", "column"),
        (scoring, "group_differences", "comparison"),
    ):  # fmt: skip
        words = next(c for c in catalogue.table_of(table).columns if c.name == column).values
        assert set(getattr(chapter, table)[column]) <= set(words)


def test_a_single_check_computes_only_what_it_reads(features: Features) -> None:
    alone = Features(features.log, **given(Features))
    assert [verdict.check for verdict in alone.verdicts({"drift"})] == ["drift"]
    assert set(vars(alone)) & set(stages.find(Features.stage).writes) == {"snapshots"}


def test_users_in_parts_have_the_features_of_the_whole_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each user does what no other does, so that a part by itself lacks what the log has."""
    acts = ("content_play", "app_exit", "poster_click", "next_episode")
    people = ["a", "b", "c", "d"]
    events = make_events([(user, "2025-02-20T10:00") for user in people], event_type=acts)
    users = make_users(dict.fromkeys([*people, "silent"], "2025-01-01"))
    log = make_log(events, users, make_window("2025-01-01", "2025-03-01"))
    whole = in_memory(Features(log, **given(Features)).user_features)
    monkeypatch.setattr(model_features, "AT_ONCE", 1)
    in_parts = in_memory(Features(log, **given(Features)).user_features)
    pd.testing.assert_frame_equal(in_parts, whole)
    assert {"exit_rate", "next_episode_rate"} <= set(whole)


def test_what_is_no_matter_of_sessions_is_the_same_where_events_name_none(
    features: Features,
) -> None:
    log = replace(features.log, events=features.log.events.drop("session_id"), user_days=None)
    unnamed = in_memory(Features(log, **given(Features)).user_features)
    named = in_memory(features.user_features)
    same = ["user_id", "event_count", "active_days", "unique_event_types", "recency_days",
            "credits_spent", "credits_bought", "recent_event_count", "recent_share"]  # fmt: skip
    pd.testing.assert_frame_equal(unnamed[same], named[same])
    assert named["unique_event_types"].max() > 3
    assert named["credits_spent"].max() > 1


def test_groups_are_judged_without_a_model(features: Features) -> None:
    chapter = Scoring(features.log.users, in_memory(features.snapshots), None, **given(Scoring))
    names = {"groups_known", "group_differences"}
    assert {verdict.check for verdict in chapter.verdicts(names)} == names


def test_a_column_written_when_users_left_is_reported_and_not_compared(features: Features) -> None:
    plans = ["basic", "Cancelled", "premium"]
    users = features.log.users.assign(plan=[plans[n % 3] for n in range(len(features.log.users))])
    chapter = Scoring(users, in_memory(features.snapshots), None, **given(Scoring))
    asked = replace(chapter, group_columns=["country", "plan"])
    assert asked.asked_columns == ["country", "plan"]
    assert asked.compared_columns == ["country"]
    assert set(asked.group_differences["column"]) <= {"country"}
    (known,) = asked.verdicts({"groups_known"})
    assert known.facts["suspicions"] == [
        {"column": "plan", "reason": "by_value", "level": "Cancelled"}
    ]


def test_a_model_without_rivals_is_used_unjudged(model: Model) -> None:
    assert model.chosen == "logistic_regression"
    assert model.model_choice["log_loss"].isna().all()
    assert set(model.fitted) == {"logistic_regression", "base_rate", "recency_only"}


def test_scoring_reads_the_model_that_was_written(
    features: Features, model: Model, scoring: Scoring, tmp_path: Path
) -> None:
    features.write(str(tmp_path))
    model.write(str(tmp_path))
    files.write_table(features.log.users, str(_made(tmp_path / stages.USERS)))
    again = Scoring.read(str(tmp_path), **given(Scoring))
    assert isinstance(again.trained, StoredModel)
    pd.testing.assert_frame_equal(again.predictions, scoring.predictions)
    assert {v.check: v.status for v in again.verdicts()}["scoring_equals_training"] == "pass"


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_a_capacity_raises_the_threshold(features: Features) -> None:
    few = Model(in_memory(features.snapshots), **{**given(Model), "capacity": 5}, models=SIMPLEST)
    calibrated = few.calibration_scores[few.chosen]
    assert (calibrated >= few.threshold).sum() <= 5
    assert few.model_card["threshold_rule"] == "capacity"


def test_a_test_with_one_outcome_cannot_be_evaluated(features: Features) -> None:
    table = in_memory(features.snapshots)
    stayed = table.assign(churned=table["churned"].mask(table["split"] == "test", 0.0))
    chapter = Model(stayed, **given(Model), models=SIMPLEST)
    assert isinstance(chapter.measured, str)
    assert "nothing to" in str(reason_of(chapter.evaluation))
    assert chapter.evaluation.empty


def test_features_makes_its_checks(features: Features) -> None:
    assert set(features.verdict_table["check"]) == {
        "label_means", "label_calendar", "leakage_columns", "split_in_time", "drift",
        "base_rate_drift", "population_drift",
    }  # fmt: skip
    assert np.isfinite(features.verdict_table["value"].astype(float)).all()
