"""The simulated product has the case's schema, the stated truth, and the faults asked for."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, roc_auc_score, silhouette_score
from sklearn.preprocessing import StandardScaler

from analysis import simulate as sim
from analysis.base.errors import ReportError
from analysis.simulate import LOG_END, LOG_START, Simulation, simulate, true_churn_probability

DAY = pd.Timedelta(days=1)
SNAPSHOT = LOG_END - 30 * DAY


@lru_cache(maxsize=4)
def make(fault: str = "", strength: float = 1.0, users: int = 5000) -> Simulation:
    return simulate(users, seed=11, faults={fault: strength} if fault else None, dirt=False)


def read_events(simulation: Simulation) -> pd.DataFrame:
    columns = ["event_uuid", "user_id", "session_id", "event_type", "show_id", "properties"]
    table = simulation.events.select(columns).to_pandas()
    for name in ("event_timestamp", "received_at", "created_at"):
        text = pd.Series(simulation.events[name].to_pylist())
        table[name] = pd.to_datetime(text, utc=True, errors="coerce", format="ISO8601")
    return table


def list_days(events: pd.DataFrame) -> pd.Series:
    return events["event_timestamp"].dt.floor("D")


def find_last(events: pd.DataFrame, before: pd.Timestamp) -> pd.Series:
    return events[events["event_timestamp"] < before].groupby("user_id")["event_timestamp"].max()


def score(simulation: Simulation, at: pd.Timestamp, lookback_days: float = 30) -> pd.DataFrame:
    """Users active in the lookback: true probability and what happened in the 30 days after."""
    events = read_events(simulation)
    last = find_last(events, at)
    when = events["event_timestamp"]
    back = events.loc[(when >= at) & (when < at + 30 * DAY), "user_id"].unique()
    table = true_churn_probability(simulation.user_truth, at, 0, 30, last).to_frame()
    table["churned"] = (~table.index.isin(back)).astype(float)
    table["last"] = last.reindex(table.index)
    if np.isfinite(lookback_days):
        table = table[table["last"] >= at - pd.Timedelta(days=lookback_days)]
    return table.dropna(subset="churn_probability")


def auc(simulation: Simulation, at: pd.Timestamp = SNAPSHOT) -> float:
    table = score(simulation, at)
    return float(roc_auc_score(table["churned"], table["churn_probability"]))


# --- bytes, schema, size ---------------------------------------------------------------


def test_same_arguments_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    def bytes_of(seed: int, name: str) -> dict[str, bytes]:
        faults = {"leaky_column": 0.5, "drift": 0.3}
        sim.write(simulate(300, seed=seed, faults=faults), tmp_path / name)
        return {file.name: file.read_bytes() for file in (tmp_path / name).iterdir()}

    first, again, other = bytes_of(1, "first"), bytes_of(1, "again"), bytes_of(2, "other")
    assert sorted(first) == ["events.parquet", "truth.json", "user_truth.parquet", "users.csv"]
    assert first == again
    assert all(first[name] != other[name] for name in first)


def test_written_tables_are_the_simulated_ones(tmp_path: Path) -> None:
    small = simulate(200, seed=3)
    sim.write(small, tmp_path)
    assert pq.read_table(tmp_path / "events.parquet").equals(small.events)
    users = pd.read_csv(tmp_path / "users.csv", keep_default_na=False, na_values=[""])
    pd.testing.assert_frame_equal(users, small.users, check_dtype=False)


def test_columns_are_those_of_the_case() -> None:
    seed_data = Path(__file__).parents[2] / "shared" / "seed-data"
    if not seed_data.exists():
        pytest.skip("the published tables are not here")
    users = pd.read_csv(seed_data / "idilio_user_data.csv", nrows=100)
    schema = pq.read_schema(seed_data / "idilio_analytics_events.parquet")
    clean = make()
    assert list(clean.users) == list(users)
    numeric = {name for name in users if users[name].dtype == "int64"}
    assert {name for name in clean.users if clean.users[name].dtype == "int64"} == numeric
    assert clean.events.schema.equals(schema)


@pytest.mark.parametrize("events_per_user", [20.0, 40.0, 80.0])
def test_the_log_has_the_size_asked_for(events_per_user: float) -> None:
    log = simulate(5000, events_per_user, seed=5, dirt=False).events
    assert len(log) == pytest.approx(5000 * events_per_user, rel=0.1)


def test_volume_is_steady_and_no_day_is_missing() -> None:
    days = list_days(read_events(make())).value_counts().sort_index()
    assert days.index.equals(pd.date_range(LOG_START, LOG_END, inclusive="left", unit="us"))
    months = days.resample("30D").mean()
    assert months.max() < 1.6 * months.min()


@pytest.mark.parametrize("users", [20, 60])
def test_a_small_table_is_possible(users: int) -> None:
    small = simulate(users, seed=1)
    assert small.user_truth["user_id"].is_unique
    assert len(small.user_truth) == users
    assert min(small.truth["dirt"].values()) >= 1


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ReportError, match=r"no fault 'tpyo'.*late_log"):
        simulate(faults={"tpyo": 0.5})
    for strength in (0.0, 1.1, float("nan")):
        with pytest.raises(ReportError, match="'drift' needs a strength"):
            simulate(faults={"drift": strength})
    with pytest.raises(ReportError, match="at least 20 users"):
        simulate(users=19)
    with pytest.raises(ReportError, match="Ask for more"):
        simulate(events_per_user=1.0)


# --- a clean simulation is consistent ----------------------------------------------------


def list_objections(simulation: Simulation) -> dict[str, int]:
    """Count what an audit could object to: all zero on clean data."""
    users, events = simulation.users.set_index("user_id"), read_events(simulation)
    signup = pd.to_datetime(users["signup_date"], utc=True)
    active = pd.to_datetime(users["last_active_date"], utc=True)
    last = list_days(events).groupby(events["user_id"]).max().reindex(users.index)
    own_signup = signup.reindex(events["user_id"]).to_numpy()
    by_type = events.groupby(["user_id", "event_type"]).size().unstack(fill_value=0)
    by_type = by_type.reindex(users.index, fill_value=0)
    bought = events.loc[events["event_type"] == "credits_purchase"]
    amount = bought["properties"].str.extract(r'^{"amount":(\d+)}$')[0].astype(int)
    amount = amount.groupby(bought["user_id"]).sum().reindex(users.index, fill_value=0)
    recent = events[events["event_timestamp"] >= LOG_END - 7 * DAY]
    sessions = recent.groupby("user_id")["session_id"].nunique().reindex(users.index, fill_value=0)
    views = by_type["content_play"] + by_type["next_episode"]
    spent, gift = users["credits_spent"], simulation.truth["gift_credits"]
    in_order = events.sort_values(["user_id", "session_id", "event_timestamp"], kind="stable")
    objections = {
        "last_active_date": active != last.fillna(signup),
        "last_active_before_signup": active < signup,
        "churned_30d": users["churned_30d"] != ((active.max() - active) > 30 * DAY),
        "sessions_7d": users["sessions_7d"] != sessions,
        "views": users["views"] != views,
        "episodes_completed": users["episodes_completed"] > users["views"],
        "likes": users["likes"] > users["views"],
        "credits_purchased": users["credits_purchased"] != amount,
        "credits_spent": (spent != by_type["credits_spend"]) | (spent < 0),
        "overdrawn": spent > users["credits_purchased"] + gift,
        "minors": users["age"] < 18,
        "launched_late": pd.to_datetime(users["top_show_launch_date"], utc=True) > active,
        "os": users["os_version"].lt(15) != users["device"].eq("Android"),
        "unparsable": events["event_timestamp"].isna(),
        "repeated_uuid": events["event_uuid"].duplicated(),
        "orphan": ~events["user_id"].isin(users.index),
        "before_signup": events["event_timestamp"] < own_signup,
        "outside_log": ~events["event_timestamp"].between(LOG_START, LOG_END, inclusive="left"),
        "received_early": events["received_at"] < events["event_timestamp"],
        "created_early": events["created_at"] < events["received_at"],
        "session_starts": in_order.groupby("session_id")["event_type"].first() != "app_open",
        "session_shared": events.groupby("session_id")["user_id"].nunique() > 1,
    }
    return {name: int(rows.sum()) for name, rows in objections.items() if rows.any()}


def test_clean_data_leave_nothing_to_object_to() -> None:
    assert list_objections(make()) == {}


def test_a_show_is_clicked_only_after_its_launch() -> None:
    events = read_events(make())
    launched = pd.to_datetime(pd.Series(list(sim.SHOWS["launch_date"]), sim.SHOW_IDS), utc=True)
    clicks = events[events["event_type"] == "poster_click"]
    assert (clicks["event_timestamp"] >= clicks["show_id"].map(launched)).all()
    assert clicks["show_id"].nunique() == len(sim.SHOWS)


def test_a_balance_of_credits_is_never_below_zero() -> None:
    events = read_events(make()).sort_values(["user_id", "event_timestamp"], kind="stable")
    amount = events["properties"].str.extract(r'"amount":(\d+)')[0].astype(float).fillna(0.0)
    change = amount - (events["event_type"] == "credits_spend")
    balance = change.groupby(events["user_id"]).cumsum() + sim.GIFT_CREDITS
    assert balance.min() == 0


def test_some_intents_to_play_fail() -> None:
    counts = read_events(make())["event_type"].value_counts()
    assert 0.10 < 1 - counts["content_play"] / counts["poster_click"] < 0.25


def test_delays_are_seconds_with_a_small_late_tail() -> None:
    events = read_events(make())
    delay = (events["received_at"] - events["event_timestamp"]).dt.total_seconds()
    assert (delay > 2).mean() == pytest.approx(0.003, abs=0.001)
    assert delay.max() < 24 * 3600
    assert (events["created_at"] - events["received_at"]).dt.total_seconds().max() == 2


# --- the truth is stated -----------------------------------------------------------------


def observe_lifetimes(simulation: Simulation) -> pd.DataFrame:
    """Per user: whether inactive before the end of the log, and the number expected to be."""
    truth = simulation.user_truth
    end = truth["inactive_at"].clip(upper=LOG_END)
    exposure = (end - truth["signup_at"]).dt.total_seconds() / 86_400
    table = simulation.users.set_index("user_id")[list(sim.SHARES)].reset_index()
    return table.assign(
        ended=(truth["inactive_at"] < LOG_END).astype(float),
        expected=exposure * truth["hazard_per_day"],
        log_hazard=np.log(truth["hazard_per_day"]),
    )


def test_hazard_is_the_product_of_the_stated_contributions() -> None:
    clean = make()
    parts = clean.user_truth.filter(like="log_hazard_")
    expected = clean.truth["hazard"]["baseline_per_day"] * np.exp(parts.sum(axis=1))
    np.testing.assert_allclose(clean.user_truth["hazard_per_day"], expected)
    for attribute, ratios in clean.truth["hazard"]["log_hazard_ratios"].items():
        stated = clean.users[attribute].map(ratios).fillna(0.0)
        np.testing.assert_allclose(parts[f"log_hazard_{attribute}"], stated)
    assert parts["log_hazard_frailty"].std() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(2 * 5000))


@pytest.mark.parametrize("attribute", [*sim.SHARES])
def test_as_many_users_end_as_their_hazards_say(attribute: str) -> None:
    """Ends minus the sum of hazard x exposure is a martingale: its variance is that sum."""
    by_level = observe_lifetimes(make()).groupby(attribute)[["ended", "expected"]].sum()
    z = (by_level["ended"] - by_level["expected"]) / np.sqrt(by_level["expected"])
    assert (z.abs() < 4).all(), z


@pytest.mark.parametrize("attribute", ["gender", "country", "language"])
def test_null_attributes_have_no_effect(attribute: str) -> None:
    clean = make()
    assert attribute in clean.truth["hazard"]["null_attributes"]
    hazards = observe_lifetimes(clean).groupby(attribute)["log_hazard"]
    z = (hazards.mean() - np.log(clean.user_truth["hazard_per_day"]).mean()) / hazards.sem()
    assert (z.abs() < 4).all(), z


def test_attributes_that_matter_differ_by_what_is_stated() -> None:
    hazards = observe_lifetimes(make()).groupby("device")["log_hazard"].agg(["mean", "sem"])
    ratio = hazards["mean"]["iOS"] - hazards["mean"]["Android"]
    assert ratio == pytest.approx(-0.25, abs=4 * np.hypot(*hazards["sem"]))


def test_sessions_come_at_the_stated_rate_while_alive() -> None:
    clean = make()
    truth = clean.user_truth
    end = truth["inactive_at"].clip(upper=LOG_END)
    alive_days = ((end - truth["observed_from"]).dt.total_seconds() / 86_400).clip(lower=0)
    expected = (alive_days * truth["session_rate_per_day"]).sum()
    first_sessions = (truth["signup_at"] >= LOG_START).sum()
    repeats = clean.truth["counts"]["sessions"] - first_sessions
    assert abs(repeats - expected) < 4 * np.sqrt(expected)
    logs = np.log(truth[["hazard_per_day", "session_rate_per_day"]])
    assert logs.corr().iloc[0, 1] == pytest.approx(-0.3, abs=4 / np.sqrt(5000))


def test_nobody_opens_a_session_after_their_end() -> None:
    clean = make()
    events = read_events(clean)
    ends = clean.user_truth.set_index("user_id")["inactive_at"]
    opens = events[events["event_type"] == "app_open"]
    assert (opens["event_timestamp"] <= opens["user_id"].map(ends)).all()


# --- the best possible score -------------------------------------------------------------


def assert_calibrated(table: pd.DataFrame) -> None:
    p = table["churn_probability"]
    bins = pd.qcut(p, 10, labels=False, duplicates="drop")
    groups = table.assign(variance=p * (1 - p)).groupby(bins)
    z = groups["churned"].sum() - groups["churn_probability"].sum()
    z /= np.sqrt(groups["variance"].sum()).clip(lower=1)
    assert (z.abs() < 4).all(), z


@pytest.mark.parametrize("days_before_end", [30, 140])
def test_true_probability_is_calibrated(days_before_end: int) -> None:
    at = LOG_END - days_before_end * DAY
    simulation = make(users=20_000)
    assert_calibrated(score(simulation, at))
    everybody = score(simulation, at, lookback_days=np.inf)
    assert everybody["last"].isna().sum() > 1000
    assert_calibrated(everybody[everybody["last"].isna()])


@pytest.mark.parametrize("days_before_end", [30, 60, 90])
def test_the_honest_auc_is_neither_perfect_nor_chance(days_before_end: int) -> None:
    assert 0.7 < auc(make(), LOG_END - days_before_end * DAY) < 0.9


def test_the_true_score_beats_recency() -> None:
    table = score(make(users=20_000), SNAPSHOT)
    recency = (SNAPSHOT - table["last"]).dt.total_seconds()
    best = roc_auc_score(table["churned"], table["churn_probability"])
    assert best > roc_auc_score(table["churned"], recency) + 0.05


def one_user(hazard: float, rate: float, signup: str = "2025-02-01") -> pd.DataFrame:
    signup_at = pd.Timestamp(signup, tz="UTC")
    row = {"user_id": "a", "signup_at": signup_at, "observed_from": max(signup_at, LOG_START)}
    return pd.DataFrame([{**row, "hazard_per_day": hazard, "session_rate_per_day": rate}])


def churn(truth: pd.DataFrame, last: str | None, gap: float = 0, horizon: float = 30) -> float:
    at = pd.Timestamp("2025-05-01", tz="UTC")
    known = pd.Series(pd.to_datetime([last] if last else [], utc=True), ["a"] if last else [])
    return float(true_churn_probability(truth, at, gap, horizon, known).iloc[0])


def test_true_probability_by_hand() -> None:
    truth = one_user(hazard=0.01, rate=0.1)
    alive = 1 / (1 + 0.01 / 0.11 * (np.exp(0.11 * 10) - 1))
    returns = 0.1 / 0.11 * (1 - np.exp(-0.11 * 30))
    assert churn(truth, "2025-04-21") == pytest.approx(1 - alive * returns)
    assert churn(truth, "2025-04-21", gap=7) == pytest.approx(
        1 - alive * np.exp(-0.01 * 7) * returns
    )
    assert churn(truth, "2025-04-21", horizon=0) == 1.0


def test_an_unseen_user_may_have_ended_before_the_log() -> None:
    """Signed up 100 days before the log; 120 days of silence inside it."""
    truth = one_user(hazard=0.01, rate=0.02, signup="2024-09-23")
    began = np.exp(-0.01 * 100)
    silent_alive = began * np.exp(-0.03 * 120)
    silent_ended = 1 - began + began * 0.01 / 0.03 * (1 - np.exp(-0.03 * 120))
    alive = silent_alive / (silent_alive + silent_ended)
    returns = 0.02 / 0.03 * (1 - np.exp(-0.03 * 30))
    assert churn(truth, None) == pytest.approx(1 - alive * returns)


def test_no_probability_before_signup_and_no_look_into_the_future() -> None:
    assert np.isnan(churn(one_user(0.01, 0.1, signup="2025-05-01"), None))
    with pytest.raises(ReportError, match=r"1 users have an event at or after .* 'a'"):
        churn(one_user(0.01, 0.1), "2025-05-01")


# --- dirt ----------------------------------------------------------------------------------


def test_dirt_is_counted() -> None:
    dirty = simulate(seed=11)
    users, events, stated = dirty.users, dirty.events.to_pandas(), dirty.truth["dirt"]
    known = set(dirty.user_truth["user_id"])
    signup = users.drop_duplicates("user_id").set_index("user_id")["signup_date"]
    at = pd.to_datetime(events["event_timestamp"], utc=True, errors="coerce", format="ISO8601")
    own_signup = pd.to_datetime(events["user_id"].map(signup), utc=True)
    swapped = users["signup_date"] > users["last_active_date"]
    is_swapped = events["user_id"].isin(users.loc[swapped, "user_id"])
    found = {
        "duplicate_event_uuids": events["event_uuid"].dropna().duplicated().sum(),
        "orphan_events": (~events["user_id"].isin(known) & events["user_id"].notna()).sum(),
        "events_before_signup": ((at < own_signup) & ~is_swapped).sum(),
        "unparsable_timestamps": at.isna().sum(),
        "null_event_uuids": events["event_uuid"].isna().sum(),
        "null_event_user_ids": events["user_id"].isna().sum(),
        "negative_credits": (users["credits_spent"] < 0).sum(),
        "views_below_completed": (users["views"] < users["episodes_completed"]).sum(),
        "minors": (users["age"] < 18).sum(),
        "duplicate_user_rows": users["user_id"].dropna().duplicated().sum(),
        "null_user_ids": users["user_id"].isna().sum(),
        "signup_after_last_active": swapped.sum(),
    }
    assert found == stated == sim.DIRT
    assert at.min() >= LOG_START


def test_dirt_adds_to_the_clean_data() -> None:
    dirty, clean = simulate(seed=11), make()
    assert dirty.events.slice(0, len(clean.events)).equals(clean.events)
    assert dirty.user_truth.equals(clean.user_truth)


# --- faults ----------------------------------------------------------------------------------


def test_every_fault_is_described_and_kept_in_the_truth() -> None:
    assert all(text.endswith(".") for text in sim.FAULTS.values())
    simulation = simulate(100, seed=1, faults=dict.fromkeys(sim.FAULTS, 0.5))
    assert set(simulation.truth["faults"]) == set(sim.FAULTS)


@pytest.mark.parametrize("fault", sorted(sim.USERS_FAULTS))
def test_a_fault_of_the_users_table_leaves_the_log_alone(fault: str) -> None:
    assert make(fault, 0.5).events.equals(make().events)


def test_a_log_drawn_with_other_faults_is_refused() -> None:
    drawn = sim.draw(100, 40, 1, {"late_log": 0.8})
    with pytest.raises(ReportError, match="Draw it again"):
        sim.tabulate(drawn, {"immature": 0.3})


@pytest.mark.parametrize("fault", ["", "double_logging", "automatic_events", "machine"])
def test_a_log_drawn_with_fewer_columns_is_the_same(fault: str) -> None:
    faults = {fault: 0.2} if fault else {}
    columns = ["user_id", "event_type", "event_timestamp", "properties"]
    part = sim.draw(300, 40, 1, faults, columns).events
    assert part.equals(sim.draw(300, 40, 1, faults).events.select(columns))


@pytest.mark.parametrize("fault", ["clock_disorder", "late_delivery"])
def test_a_fault_of_delivery_leaves_the_rest_alone(fault: str) -> None:
    faulty, clean = make(fault, 0.1), make()
    assert faulty.users.equals(clean.users)
    delays = ["received_at", "created_at"]
    assert faulty.events.drop_columns(delays).equals(clean.events.drop_columns(delays))


@pytest.mark.parametrize(
    ("fault", "objections"),
    [
        ("late_log", set()),
        ("immature", set()),
        ("events_before_signup", {"before_signup"}),
        ("clock_disorder", {"received_early"}),
        ("late_delivery", set()),
        ("log_break_users", set()),
        ("log_break_volume", set()),
        ("partial_last_day", set()),
        ("event_mix", set()),
        ("signup_import", set()),
        ("coarse_signups", set()),
        ("leavers_deleted", set()),
        ("log_fades", set()),
        ("lost_newcomers", set()),
        ("shard_ends", set()),
        ("lost_group", set()),
        ("constant_sessions", {"sessions_7d"}),
        ("amount_units", {"credits_purchased"}),
        ("spellings", set()),
        ("extreme_values", set()),
        ("placeholders", set()),
        ("stray_signups", {"last_active_date"}),  # of those never seen, the day they signed up
        (
            "copied_users",
            {"last_active_date", "sessions_7d", "views", "credits_spent", "credits_purchased"},
        ),
        ("double_logging", {"views", "credits_spent", "credits_purchased"}),
        ("native_counts", {"views", "likes", "sessions_7d", "credits_spent", "credits_purchased"}),
        ("native_disagrees", {"last_active_date"}),
        ("native_label_copied", {"churned_30d"}),
        (
            "impossible_values",
            {"credits_spent", "episodes_completed", "minors", "launched_late"},
        ),
        ("group_difference", set()),
        ("clusters", set()),
        ("drift", set()),
        ("no_signal", set()),
    ],
)
def test_a_fault_breaks_its_own_rule_and_no_other(fault: str, objections: set[str]) -> None:
    assert set(list_objections(make(fault, 0.3, users=1500))) == objections


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


def test_events_before_signup() -> None:
    simulation = make("events_before_signup", 0.1)
    count = list_objections(simulation)["before_signup"]
    assert count / len(simulation.events) == pytest.approx(0.1, abs=0.015)


def test_clock_disorder() -> None:
    simulation = make("clock_disorder", 0.1)
    count = list_objections(simulation)["received_early"]
    assert count / len(simulation.events) == pytest.approx(0.1, abs=0.003)


def test_late_delivery() -> None:
    events = read_events(make("late_delivery", 0.1))
    delay = events["received_at"] - events["event_timestamp"]
    assert ((delay >= DAY) & (delay <= 5 * DAY)).mean() == pytest.approx(0.1, abs=0.003)


def test_log_break_users() -> None:
    def share_seen_on_both_sides(simulation: Simulation) -> float:
        events = read_events(simulation)
        opens = events[events["event_type"] == "app_open"]  # a session may straddle the break
        seen = opens.groupby("user_id")["event_timestamp"].agg(["min", "max"])
        return float(((seen["min"] < sim.LOG_BREAK) & (seen["max"] >= sim.LOG_BREAK)).sum())

    clean = share_seen_on_both_sides(make())
    broken = share_seen_on_both_sides(make("log_break_users", 0.5))
    assert broken / clean == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(clean))
    assert share_seen_on_both_sides(make("log_break_users", 1.0)) == 0


def test_log_break_volume() -> None:
    def count(simulation: Simulation) -> pd.Series:
        days = list_days(read_events(simulation))
        in_gap = (days >= sim.GAP_STARTS_AT) & (days < sim.GAP_STARTS_AT + sim.GAP_DAYS * DAY)
        return in_gap.value_counts()

    clean, broken = count(make()), count(make("log_break_volume", 0.8))
    assert broken[True] / clean[True] == pytest.approx(0.2, abs=0.03)
    assert broken[False] / clean[False] == pytest.approx(1.0, abs=0.01)


def test_partial_last_day() -> None:
    last = read_events(make("partial_last_day", 0.75))["event_timestamp"].max()
    assert LOG_END - 0.8 * DAY < last < LOG_END - 0.75 * DAY


def test_event_mix() -> None:
    events = read_events(make("event_mix", 0.9))
    is_late, is_exit = (
        events["event_timestamp"] >= sim.LOG_BREAK,
        events["event_type"] == "app_exit",
    )
    before, after = is_exit[~is_late].mean(), is_exit[is_late].mean()
    assert after / before == pytest.approx(0.1, abs=0.02)


def test_coarse_times() -> None:
    events = read_events(make("coarse_times", 0.3))
    at_midnight = events["event_timestamp"] == list_days(events)
    assert at_midnight.mean() == pytest.approx(0.3, abs=0.01)


def test_double_logging() -> None:
    clean, events = read_events(make()), read_events(make("double_logging", 0.1))
    content = [c for c in events.columns if c != "event_uuid"]
    assert events["event_uuid"].is_unique
    assert events.duplicated(content).sum() / len(clean) == pytest.approx(0.1, abs=0.005)


def test_near_copies() -> None:
    events = read_events(make("near_copies", 0.1)).sort_values("event_timestamp")
    content = ["user_id", "session_id", "event_type", "show_id", "properties"]
    wait = events.groupby(content, dropna=False)["event_timestamp"].diff().dt.total_seconds()
    assert wait.between(1, 2).mean() == pytest.approx(0.1 / 1.1, abs=0.005)
    assert events["event_uuid"].is_unique


def test_imported_again() -> None:
    clean, events = read_events(make()), read_events(make("imported_again", 0.1))
    content = ["user_id", "session_id", "event_type", "show_id", "properties"]
    wait = events.sort_values("event_timestamp").groupby(content, dropna=False)["event_timestamp"]
    is_copy = wait.diff() == pd.Timedelta(hours=6)
    assert is_copy.sum() / len(clean) == pytest.approx(0.1, abs=0.005)
    assert events["event_timestamp"].max() < LOG_END


def test_capped_histories() -> None:
    clean, cut = (read_events(make(*fault)) for fault in ((), ("capped_histories", 0.3)))
    counts, full = (table["user_id"].value_counts() for table in (cut, clean))
    assert (counts == counts.max()).mean() == pytest.approx(0.3 / len(counts) * 5000, abs=0.03)
    heavy = full.index[full > counts.max()]
    left = cut[cut["user_id"].isin(heavy)].groupby("user_id")["event_timestamp"]
    whole = clean[clean["user_id"].isin(heavy)].groupby("user_id")["event_timestamp"]
    assert (left.max() == whole.max()).all()
    assert (left.min() > whole.min()).mean() > 0.9


def test_histories_are_capped_at_the_length_of_those_that_are_left() -> None:
    faults = {"capped_histories": 0.3, "leavers_deleted": 1.0}
    simulation = simulate(500, 40, 18, faults, dirt=False)
    counts = read_events(simulation)["user_id"].value_counts()
    assert (counts == counts.max()).mean() == pytest.approx(0.3, abs=0.05)


def test_lost_early_users() -> None:
    simulation = make("lost_early_users", 0.5)
    early = simulation.user_truth["signup_at"] < LOG_START
    seen = simulation.user_truth["user_id"].isin(set(simulation.events["user_id"].to_pylist()))
    usual = make().user_truth["user_id"].isin(set(make().events["user_id"].to_pylist()))
    assert seen[~early].all()
    assert seen[early].mean() / usual[early].mean() == pytest.approx(0.5, abs=0.06)


def test_signups_deleted() -> None:
    kept = make("signups_deleted").users["signup_date"]
    assert not kept.between("2025-03-01", "2025-05-31").any()
    usual = make().users["signup_date"]
    assert len(kept) == (~usual.between("2025-03-01", "2025-05-31")).sum()


def test_signup_first_event() -> None:
    simulation = make("signup_first_event")
    first = read_events(simulation).groupby("user_id")["event_timestamp"].min()
    dates = simulation.users.set_index("user_id")["signup_date"]
    assert dates.min() == LOG_START.strftime("%Y-%m-%d")
    assert (first.dt.strftime("%Y-%m-%d") == dates.reindex(first.index)).all()


def test_missing_signups() -> None:
    missing = make("missing_signups", 0.3).users["signup_date"].isna()
    assert missing.mean() == pytest.approx(0.3, abs=4 * 0.46 / np.sqrt(5000))


def test_leavers_column() -> None:
    simulation = make("leavers_column", 0.6)
    last = find_last(read_events(simulation), LOG_END)
    gone = ~simulation.users["user_id"].isin(last.index[last >= LOG_END - 30 * DAY])
    given = simulation.users["cancel_reason"].notna()
    assert not given[~gone].any()
    assert given[gone].mean() == pytest.approx(0.6, abs=0.04)


def test_leavers_plan() -> None:
    clean, simulation = make(), make("leavers_plan", 0.6)
    last = find_last(read_events(simulation), LOG_END)
    gone = ~simulation.users["user_id"].isin(last.index[last >= LOG_END - 30 * DAY])
    told = simulation.users["subscription_type"] == "cancelled"
    assert not told[~gone].any()
    assert told[gone].mean() == pytest.approx(0.6, abs=0.04)
    pd.testing.assert_frame_equal(
        simulation.users.drop(columns="subscription_type"),
        clean.users.drop(columns="subscription_type"),
    )


def test_automatic_events() -> None:
    events = read_events(make("automatic_events", 0.5))
    pushes = events[events["event_type"] == "push_received"]
    assert pushes["user_id"].nunique() / 5000 == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(5000))
    waits = pushes.sort_values("event_timestamp").groupby("user_id")["event_timestamp"].diff()
    assert set(waits.dropna()) == {7 * DAY}
    assert (pushes.groupby("user_id")["event_timestamp"].max() >= LOG_END - 7 * DAY).all()


def test_merged_ids() -> None:
    clean, merged = read_events(make()), read_events(make("merged_ids", 0.4))
    gone = set(clean["user_id"]) - set(merged["user_id"])
    assert len(gone) / clean["user_id"].nunique() == pytest.approx(0.2, abs=0.03)
    pd.testing.assert_series_equal(clean["event_timestamp"], merged["event_timestamp"])


def test_slow_clocks() -> None:
    simulation = make("slow_clocks")
    events = read_events(simulation)
    device = events["user_id"].map(simulation.users.set_index("user_id")["device"])
    delay = events["received_at"] - events["event_timestamp"]
    medians = delay.groupby(device).median().dt.total_seconds() / 3600
    assert medians["iOS"] == pytest.approx(6, abs=0.01)
    assert medians["Android"] == pytest.approx(0, abs=0.01)


def test_log_fades() -> None:
    def by_third(simulation: Simulation) -> pd.Series:
        thirds = pd.date_range(LOG_START, LOG_END, periods=4)
        return pd.cut(list_days(read_events(simulation)), thirds, right=False).value_counts()

    left = (by_third(make("log_fades", 0.9)) / by_third(make())).sort_index()
    assert left.to_list() == pytest.approx([0.85, 0.55, 0.25], abs=0.03)


def test_lost_newcomers() -> None:
    simulation = make("lost_newcomers", 0.4)
    inside = simulation.user_truth["signup_at"] >= LOG_START
    ids = simulation.user_truth.loc[inside, "user_id"]
    seen = ids.isin(set(simulation.events["user_id"].to_pylist()))
    assert seen.mean() == pytest.approx(0.6, abs=4 * 0.5 / np.sqrt(len(ids)))


def test_leavers_deleted() -> None:
    clean, kept = make(), make("leavers_deleted")
    last = find_last(read_events(clean), LOG_END)
    stay = set(last.index[last >= LOG_END - 30 * DAY])
    assert set(kept.users["user_id"]) == stay == set(kept.user_truth["user_id"])
    assert set(kept.events["user_id"].to_pylist()) == stay


def test_machine() -> None:
    events = read_events(make("machine", 0.2))
    shares = events["user_id"].value_counts(normalize=True)
    assert shares.iloc[0] == pytest.approx(0.2, abs=0.01)
    assert shares.iloc[1] < 0.01


def test_native_counts() -> None:
    clean, mixed = make().users, make("native_counts", 0.5).users
    moved = (clean[sim.NATIVE_COUNTS] != mixed[sim.NATIVE_COUNTS]).any(axis=1)
    assert moved.mean() == pytest.approx(0.5, abs=0.05)
    for name in sim.NATIVE_COUNTS:
        assert sorted(clean[name]) == sorted(mixed[name])


def test_coarse_signups() -> None:
    signups = make("coarse_signups", 0.6).users["signup_date"]
    assert signups.str.endswith("-01").mean() == pytest.approx(0.6 + 0.4 / 30, abs=0.03)


def test_stray_times() -> None:
    events = read_events(make("stray_times", 0.01))
    is_stray = events["event_timestamp"] >= LOG_END
    assert is_stray.mean() == pytest.approx(0.01, abs=0.001)
    assert (events["event_timestamp"][is_stray] >= LOG_START + 6 * 365 * DAY).all()
    assert (events["received_at"] < LOG_END + DAY).all()


def test_shard_ends() -> None:
    def seen(simulation: Simulation, first: int, last: int) -> set[str]:
        days = list_days(read_events(simulation))
        is_in = (days >= LOG_END - first * DAY) & (days < LOG_END - last * DAY)
        return set(read_events(simulation)["user_id"][is_in])

    clean, cut = make(), make("shard_ends", 0.4)
    assert len(seen(cut, 12, 0)) / len(seen(clean, 12, 0)) == pytest.approx(0.6, abs=0.06)
    assert seen(cut, 300, 13) == seen(clean, 300, 13)


def test_lost_group() -> None:
    simulation = make("lost_group")
    seen = simulation.users["user_id"].isin(set(simulation.events["user_id"].to_pylist()))
    clean = make().users["user_id"].isin(set(make().events["user_id"].to_pylist()))
    is_group = simulation.users["country"] == "Spain"
    assert not seen[is_group].any()
    assert seen[~is_group].equals(clean[~is_group])


def test_constant_sessions() -> None:
    clean, kept = read_events(make()), read_events(make("constant_sessions", 0.4))
    one = kept.groupby("user_id")["session_id"].nunique() == 1
    before = clean.groupby("user_id")["session_id"].nunique() == 1
    assert one[~before].mean() == pytest.approx(0.4, abs=0.04)
    assert set(kept["session_id"]) <= set(clean["session_id"])


def test_amount_units() -> None:
    clean, moved = read_events(make()), read_events(make("amount_units"))
    is_bought = clean["event_type"] == "credits_purchase"
    amounts = [
        table.loc[is_bought, "properties"].str.extract(r'"amount":(\d+)}')[0].astype(int)
        for table in (clean, moved)
    ]
    is_late = clean.loc[is_bought, "event_timestamp"] >= sim.LOG_BREAK
    assert set(amounts[1] / amounts[0]) == {1.0, 100.0}
    assert ((amounts[1] / amounts[0] == 100) == is_late).all()


def test_spellings() -> None:
    clean, loud = make().users["country"], make("spellings", 0.3).users["country"]
    assert (loud == clean.str.upper()).mean() == pytest.approx(0.3, abs=4 * 0.46 / np.sqrt(5000))
    assert (loud.str.title() == clean).all()


def test_placeholders() -> None:
    clean, unnamed = make().users["country"], make("placeholders", 0.1).users["country"]
    is_null = unnamed == "NULL"
    assert is_null.mean() == pytest.approx(0.1, abs=4 * 0.3 / np.sqrt(5000))
    assert (unnamed[~is_null] == clean[~is_null]).all()


@pytest.mark.parametrize(("strength", "count"), [(0.02, 100), (0.0001, 1)])
def test_stray_signups(strength: float, count: int) -> None:
    clean, moved = make().users["signup_date"], make("stray_signups", strength).users["signup_date"]
    assert (moved == "1970-01-01").sum() == (moved != clean).sum() == count


@pytest.mark.parametrize(("strength", "count"), [(0.02, 100), (0.0001, 1)])
def test_extreme_values(strength: float, count: int) -> None:
    watched = make("extreme_values", strength).users["avg_watch_time_sec"]
    assert (watched == 99_999).sum() == count
    assert (watched.drop(watched.index[watched == 99_999]) < 5_000).all()


def test_copied_users() -> None:
    users, clean = make("copied_users", 0.1).users, make().users
    assert len(users) / len(clean) - 1 == pytest.approx(0.1, abs=0.02)
    assert users["user_id"].is_unique
    added = users.iloc[len(clean) :].drop(columns="user_id")
    assert len(added.merge(clean.drop(columns="user_id").drop_duplicates())) == len(added)


def test_signup_import() -> None:
    clean, moved = make().users["signup_date"], make("signup_import", 0.5).users["signup_date"]
    is_early = clean < "2024-11-15"
    assert (moved[is_early] == "2024-11-15").mean() == pytest.approx(0.5, abs=0.05)
    assert (moved[~is_early] == clean[~is_early]).all()


def test_native_disagrees() -> None:
    simulation = make("native_disagrees", 0.4)
    clean = make().users
    named = simulation.users[["signup_date", "last_active_date"]].apply(pd.to_datetime)
    days = (named["last_active_date"] - pd.to_datetime(clean["last_active_date"])).dt.days.abs()
    assert ((days > 1) == (days > 0)).all()
    assert (days > 1).mean() == pytest.approx(0.4, abs=0.04)
    late = (named["last_active_date"].max() - named["last_active_date"]).dt.days > 30
    assert (simulation.users["churned_30d"] == late).all()


@pytest.mark.parametrize("strength", [0.2, 1.0])
def test_native_label_copied(strength: float) -> None:
    wrong = list_objections(make("native_label_copied", strength)).get("churned_30d", 0)
    assert wrong / 5000 == pytest.approx((1 - strength) / 2, abs=4 * 0.5 / np.sqrt(5000))


def test_impossible_values() -> None:
    users = make("impossible_values", 0.3).users
    rules = [
        users["credits_spent"] < 0,
        users["views"] < users["episodes_completed"],
        users["age"] < 18,
        users["top_show_launch_date"] > users["last_active_date"],
    ]
    assert all(rule.mean() > 0.03 for rule in rules)
    assert sum(rules).eq(1).mean() == pytest.approx(0.3, abs=4 * 0.46 / np.sqrt(5000))


def test_leaky_column_sees_the_future() -> None:
    def auc_of(simulation: Simulation) -> float:
        table = score(simulation, SNAPSHOT)
        leak = simulation.users.set_index("user_id")["retention_score"].reindex(table.index)
        return float(roc_auc_score(table["churned"], -leak))

    full, half = auc_of(make("leaky_column", 1.0)), auc_of(make("leaky_column", 0.5))
    assert full == 1.0
    assert auc(make()) < half < 1.0


def test_leaky_date_follows_the_last_activity() -> None:
    users = make("leaky_date", 0.9).users
    days = users[["contract_end_date", "last_active_date"]].apply(pd.to_datetime)
    ahead = (days["contract_end_date"] - days["last_active_date"]).dt.days
    assert ahead.between(30, 36).all()


def test_identifier_column() -> None:
    assert make("identifier_column", 1.0).users["referral_code"].is_unique
    assert make("identifier_column", 0.3).users["referral_code"].nunique() == 1500


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
    start = LOG_END - sim.DRIFT_DAYS * DAY
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
