"""`churnbook new`: tables with other names, small enough to write out what must be proposed of them."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from analysis.base.errors import ReportError
from analysis.contract.params import load_own
from analysis.run import cli, new, runner, site, verify
from analysis.run.folders import run_under
from analysis.run.state import write_json
from tests.handmade import NO_REAL_LOGS, REAL_LOGS, ROOT, make_params

USERS = {
    "Customer ID": [f"c{n}" for n in range(1, 11)],
    "Joined": ["13/01/2025"] * 5
    + ["14/01/2025"] * 5,  # only the 13 and the 14 say: the day is first
    "Sex": ["f", "m"] * 5,
    "Score": range(10),
}
DAYS = pd.date_range("2025-01-15", "2025-02-13", tz="UTC")  # 30 days


def make_events(closed_until=0, zone_hours=0):
    """Return events: c1 to c10 watch at 6, 10, 14, 18 and 23 o'clock on each day; c1 and c2 close
    their account at noon of the last day, or are seen once more; c3 gets a push each day.
    """
    rows = [(f"c{n}", "video_watched", day + pd.Timedelta(hours=h)) for n in range(1, 11)
            for day in DAYS for h in (6, 10, 14, 18, 23)]  # fmt: skip
    end = DAYS[-1] - pd.Timedelta(days=closed_until) + pd.Timedelta(hours=23.5)
    rows += [(who, "account_closed", end) for who in ("c1", "c2")]
    rows += [("c3", "push_sent", day + pd.Timedelta(hours=9)) for day in DAYS]
    events = pd.DataFrame(rows, columns=["customerId", "Action", "ts"])
    return events.assign(ts=events["ts"] - pd.Timedelta(hours=zone_hours))


def propose(folder: Path, users=USERS, events=None):
    pd.DataFrame(users).to_csv(folder / "users.csv", index=False)
    (make_events() if events is None else events).to_csv(folder / "events.csv", index=False)
    return new.propose(str(folder / "users.csv"), str(folder / "events.csv"))


def test_every_proposal_says_what_it_rests_on(tmp_path):
    text, lacking = propose(tmp_path)
    assert lacking == []
    assert yaml.safe_load(text) == {
        "users": str(tmp_path / "users.csv"),
        "events": str(tmp_path / "events.csv"),
        "users_columns": {"user_id": "Customer ID", "signup_date": "Joined", "gender": "Sex"},
        "events_columns": {
            "user_id": "customerId",
            "event_type": "Action",
            "event_timestamp": "ts",
        },
        "event_types": {"play": "video_watched"},
        "passive_event_types": ["push_sent"],
        "ending_event_types": ["account_closed"],
    }
    lines = [line.strip().removeprefix("# ") for line in text.splitlines() if "#" in line]
    said = " ".join(lines)
    for sentence in (
        "10 rows.",
        "1,532 rows.",
        "Of 10 different values of `customerId` in events, 10 are among the 10 of `Customer ID` in users.",
        "Of 10 values of `Joined`, 10 are times, from 2025-01-13 to 2025-01-14.",
        "`Sex` has 10 values, 2 of them different.",
        "Of 1,532 values of `ts`, 1,532 are times, from 2025-01-15 to 2025-02-13.",
        "`Action` has 1,532 values, 3 of them different.",
        "`video_watched`: 1,500 events of 10 users. Its name says so.",
        "`push_sent`: 30 events of 1 user. Its name says that the app logs it by itself; on 0 of its "
        "30 user-days the user did nothing else.",
        "`account_closed`: 2 events of 2 users. After the first, 2 of them did nothing more.",
        "Not sure. The quietest hours are 01:00 to 05:00 UTC, with 0.0 % of the events.",
        "time_zone: UTC",
        "Each build infers it by itself: 30 days, outside which 0 events lie.",
        "log_start: '2025-01-15'",
        "log_end: '2025-02-14'",
    ):
        assert sentence in said, sentence


def test_what_does_not_end_a_stay_is_commented_out_with_the_reason(tmp_path):
    text, _ = propose(tmp_path, events=make_events(closed_until=9))
    assert "ending_event_types" not in yaml.safe_load(text)
    assert "After the first, 0 of them did nothing more. So it does not" in " ".join(
        text.replace("# ", "").split()
    )
    assert "\n# ending_event_types:\n" in text
    assert "\n  # - account_closed\n" in text


@pytest.mark.parametrize(
    ("hours", "zone"), [(0, "UTC"), (6, "Etc/GMT-6"), (-5, "Etc/GMT+5"), (-1, "UTC")]
)
def test_the_zone_is_where_the_quietest_hours_are_night(tmp_path, hours, zone):
    text, _ = propose(tmp_path, events=make_events(zone_hours=hours))
    assert f"# time_zone: {zone}\n" in text
    assert "time_zone" not in yaml.safe_load(text)


def test_a_log_without_nights_or_clocks_shows_no_zone(tmp_path):
    even = make_events()
    even["ts"] += pd.to_timedelta(range(len(even)), unit="h")
    assert "That is no night, so the log does not show its zone." in " ".join(
        propose(tmp_path, events=even)[0].replace("# ", "").split()
    )
    days = make_events().assign(ts=lambda e: e["ts"].dt.date)
    assert "Most times are days without a clock" in propose(tmp_path, events=days)[0]


def test_columns_that_have_the_contracts_name_are_not_mapped(tmp_path):
    users = {"user_id": USERS["Customer ID"], "signup_date": ["2025-01-13"] * 10, "id": range(10)}
    events = make_events().rename(columns={"customerId": "user_id", "Action": "event_type"})
    text, lacking = propose(tmp_path, users, events)
    given = yaml.safe_load(text)
    assert lacking == []
    assert "users_columns" not in given
    assert given["events_columns"] == {"event_timestamp": "ts"}


def test_of_two_columns_of_ids_the_shared_one_names_the_user(tmp_path):
    events = make_events().assign(id=range(1532), amount=1)
    text, lacking = propose(tmp_path, {"id": range(5000, 5010), **USERS}, events)
    given = yaml.safe_load(text)
    assert given["users_columns"]["user_id"] == "Customer ID"
    assert given["events_columns"]["user_id"] == "customerId"
    assert lacking == []


def test_ids_that_do_not_match_are_not_sure_and_named_as_lacking(tmp_path):
    events = make_events()
    events["customerId"] = events["customerId"].where(
        events["customerId"].isin(["c1", "c2"]), "x-" + events["customerId"]
    )
    text, lacking = propose(tmp_path, events=events)
    assert lacking == ["users: user_id", "events: user_id"]
    assert "user_id" not in yaml.safe_load(text).get("events_columns", {})
    assert "# user_id: customerId" in text
    assert "2 are among the 10 of `Customer ID`" in " ".join(text.replace("# ", "").split())


def test_several_types_for_one_role_are_for_a_person_to_choose(tmp_path):
    events = make_events()
    events.loc[::3, "Action"] = "song_played"
    text, _ = propose(tmp_path, events=events)
    assert "event_types" not in yaml.safe_load(text)
    assert "So could song_played: choose one." in " ".join(text.replace("# ", "").split())
    assert "  # play: video_watched" in text


def test_odd_values_stay_in_their_comment(tmp_path):
    odd = 'push: "a" # b\nevil: 1'
    events = make_events()
    events.loc[:40, "Action"] = odd
    given = yaml.safe_load(propose(tmp_path, events=events)[0])
    assert given["passive_event_types"] == [odd, "push_sent"]
    assert "evil" not in given


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Give a project as the working folder, with two tables, and the runs that were asked for."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "params.yml").write_text((ROOT / "params.yml").read_text(encoding="utf-8"))
    propose(tmp_path)
    monkeypatch.chdir(tmp_path)
    runs = []

    def run_stages(run, report, jobs=None, until=None):
        runs.append(run)
        (run.data / "summary").mkdir(parents=True, exist_ok=True)
        pd.DataFrame({"check": ["a"], "status": ["pass"]}).to_csv(run.data / "summary/checks.csv")
        return []

    monkeypatch.setattr(runner, "run_stages", run_stages)
    monkeypatch.setattr(site, "build_site", lambda run, _given, _locales: run.html / "index.html")
    return runs


def call(*arguments):
    return CliRunner().invoke(cli.app, list(arguments))


NEW = ["new", "mine", "--users", "users.csv", "--events", "events.csv"]


def test_the_folder_is_built_with_its_own_parameters_now_and_later(project, tmp_path):
    result = call(*NEW)
    assert result.exit_code == 0, result.output
    assert "Wrote mine/params.yml" in result.output
    assert "Open mine/html/index.html" in result.output
    assert project[0].params.users_columns["signup_date"] == "Joined"
    assert project[0].params.users == str(tmp_path / "users.csv")
    assert call("build", "--out", "mine", "-p", "horizon_days=60").exit_code == 0
    assert project[1].params == project[0].params.model_copy(update={"horizon_days": 60})
    (tmp_path / "mine" / "params.yml").write_text("horizon_day: 3")
    assert "horizon_day: no such parameter" in call("build", "--out", "mine").output


def test_tables_may_be_in_a_database(project, tmp_path):
    with closing(sqlite3.connect("app.db")) as con:
        for table in ("users", "events"):
            pd.read_csv(f"{table}.csv").to_sql(table, con, index=False)
    addresses = [f"sqlite://app.db#{table}" for table in ("users", "events")]
    result = call("new", "mine", "--users", addresses[0], "--events", addresses[1])
    assert result.exit_code == 0, result.output
    assert (project[0].params.users, project[0].params.events) == tuple(addresses)
    assert project[0].params.users_columns["signup_date"] == "Joined"
    addresses[0] = "postgres://ana:geheim@h/app/users"
    result = call("new", "other", "--users", addresses[0], "--events", addresses[1])
    assert result.exit_code == 2
    assert "geheim" not in result.output


def test_nothing_is_overwritten(project, tmp_path):
    assert call(*NEW, "--no-build").exit_code == 0
    assert project == []
    before = (tmp_path / "mine" / "params.yml").read_text()
    result = call(*NEW)
    assert result.exit_code == 2
    assert "mine is there already, and not empty" in result.output
    assert (tmp_path / "mine" / "params.yml").read_text() == before
    assert call("new", "book", *NEW[2:]).exit_code == 2  # the project's own


def test_without_a_required_column_the_file_is_written_and_nothing_built(project, tmp_path):
    make_events().drop(columns="ts").to_csv("events.csv", index=False)
    result = call(*NEW)
    assert result.exit_code == 2
    assert "events: event_timestamp could not be recognised" in result.output
    assert "churnbook build --out" in result.output
    assert (tmp_path / "mine" / "params.yml").is_file()
    assert project == []


def test_the_runs_own_parameters_are_no_foreign_file(project, tmp_path):
    call(*NEW, "--no-build")
    run = run_under(tmp_path, tmp_path / "mine", make_params())
    write_json(run.record("run"), {"run": "a"})
    assert not [line for line in verify.find_differences(run).lines if "params.yml" in line]


def test_own_parameters_are_lines_of_name_and_value(tmp_path):
    path = tmp_path / "params.yml"
    assert load_own(path) == {}
    path.write_text("# nothing yet\n")
    assert load_own(path) == {}
    for wrong in ("- a", "a: [", "seed"):
        path.write_text(wrong)
        with pytest.raises(ReportError, match=r"params.yml: (not valid YAML|expected lines)"):
            load_own(path)


@pytest.mark.skipif(not REAL_LOGS.is_dir(), reason=NO_REAL_LOGS)
def test_an_order_that_is_cancelled_ends_no_stay():
    folder = REAL_LOGS / "uk-retail-orders"
    text, lacking = new.propose(str(folder / "users.csv"), str(folder / "events.csv"))
    assert lacking == []
    assert yaml.safe_load(text)["event_types"] == {"purchase": "purchase"}
    assert "  # - cancellation" in text
