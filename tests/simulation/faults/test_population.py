"""Faults of the company itself: other users, other behaviour."""

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, roc_auc_score, silhouette_score
from sklearn.preprocessing import StandardScaler

from simulation import LOG_END, LOG_START, Simulation
from simulation.times import DRIFT_DAYS
from tests.simulation.companies import (
    DAY,
    SNAPSHOT,
    auc,
    list_days,
    make,
    observe_lifetimes,
    read_events,
    score,
)


def test_late_log() -> None:
    def share(simulation: Simulation) -> float:
        return float((simulation.user_truth["signup_at"] < LOG_START).mean())

    assert share(make()) == pytest.approx(0.414, abs=4 * 0.5 / np.sqrt(5000))
    assert share(make("late_log", 0.83)) == pytest.approx(0.83, abs=4 * 0.38 / np.sqrt(5000))
    days = list_days(read_events(make("late_log", 0.83))).value_counts().resample("30D").mean()
    assert days.max() < 2 * days.min()


def test_immature() -> None:
    recent = make("immature", 0.3).user_truth["signup_at"] >= LOG_END - 30 * DAY
    usual = make().user_truth["signup_at"] >= LOG_END - 30 * DAY
    assert recent.mean() == pytest.approx(0.3 + 0.7 * usual.mean(), abs=0.03)


def test_partial_last_day() -> None:
    last = read_events(make("partial_last_day", 0.75))["event_timestamp"].max()
    assert LOG_END - 0.8 * DAY < last < LOG_END - 0.75 * DAY


def test_group_difference() -> None:
    simulation = make("group_difference", 0.8)
    truth = simulation.truth["hazard"]
    assert truth["log_hazard_ratios"]["country"] == {"Colombia": 0.8}
    assert "country" not in truth["null_attributes"]
    table = observe_lifetimes(simulation)
    hazards = table.groupby(table["country"] == "Colombia")["log_hazard"].agg(["mean", "sem"])
    ratio = hazards["mean"][True] - hazards["mean"][False]
    assert ratio == pytest.approx(0.8, abs=4 * np.hypot(*hazards["sem"]))
    ends = table.groupby("country")[["ended", "expected"]].sum()
    assert ((ends["ended"] - ends["expected"]).abs() < 4 * np.sqrt(ends["expected"])).all()


def cluster_users(simulation: Simulation) -> tuple[float, float]:
    """Return how far three clusters of users beat shuffled columns, and agree with the groups.

    Users of five sessions or more; excess silhouette, and adjusted Rand index.
    """
    kinds = read_events(simulation).groupby(["user_id", "event_type"]).size().unstack(fill_value=0)
    active = kinds[kinds["app_open"] >= 5]
    features = {
        "next": active["next_episode"] / active["content_play"].clip(lower=1),
        "exit": active["app_exit"] / active["app_open"],
    }
    points = StandardScaler().fit_transform(pd.DataFrame(features))
    shuffled = np.random.default_rng(1).permuted(points, axis=0)
    model = KMeans(3, n_init=3, random_state=1)
    silhouettes = [silhouette_score(x, model.fit_predict(x)) for x in (shuffled, points)]
    group = simulation.user_truth.set_index("user_id")["group"].reindex(active.index)
    return float(np.diff(silhouettes)[0]), float(adjusted_rand_score(group, model.labels_))


def test_clusters() -> None:
    truth = make("clusters", 1.0).user_truth
    assert truth["group"].nunique() == 3
    assert make().user_truth["group"].nunique() == 1
    assert truth["hazard_per_day"].equals(make().user_truth["hazard_per_day"])
    excess, agreement = cluster_users(make("clusters", 1.0))
    assert excess > 0.1
    assert agreement > 0.8
    assert cluster_users(make())[0] < 0.05


def test_drift() -> None:
    start = LOG_END - DRIFT_DAYS * DAY
    events, clean = read_events(make("drift", 0.5)), read_events(make())
    before, after = (
        (events["event_timestamp"] < start).sum() / (clean["event_timestamp"] < start).sum(),
        (events["event_timestamp"] >= start).sum() / (clean["event_timestamp"] >= start).sum(),
    )
    assert before == pytest.approx(1.0, abs=0.02)
    assert after == pytest.approx(0.6, abs=0.12)  # first sessions at signup stay
    drifted, usual = make("drift", 0.5), make()
    is_new = drifted.user_truth["signup_at"] >= start
    share = drifted.users.loc[is_new, "acquisition_channel"].eq("tiktok").mean()
    usual_share = usual.users.loc[is_new, "acquisition_channel"].eq("tiktok").mean()
    assert share > usual_share + 0.1


def test_no_signal() -> None:
    simulation = make("no_signal", 1.0)
    assert simulation.user_truth["hazard_per_day"].nunique() == 1
    assert simulation.user_truth["session_rate_per_day"].nunique() == 1
    table = score(simulation, SNAPSHOT)
    recency = (SNAPSHOT - table["last"]).dt.total_seconds()
    positive = table["churned"].sum()
    negative = len(table) - positive
    error = np.sqrt((len(table) + 1) / (12 * positive * negative))  # of the AUC by chance
    assert roc_auc_score(table["churned"], recency) == pytest.approx(0.5, abs=4 * error)
    assert auc(make("no_signal", 0.5)) < auc(make()) - 0.04
