import re

import pandas as pd
import pytest

from analysis.base.errors import ReportError
from analysis.contract.params import (
    Params,
    check_params,
    load_notes,
    load_params,
    parse_instant,
    parse_override,
)
from tests.handmade import ROOT, make_params

PARAMS_FILE = ROOT / "params.yml"


def test_every_parameter_is_in_the_file_with_a_unit_and_a_reason():
    notes = load_notes(PARAMS_FILE)
    assert set(notes) == set(Params.model_fields)
    assert all(note.unit and note.reason.endswith(".") for note in notes.values())


def test_the_defaults_of_the_file_are_the_ones_of_the_design():
    params = load_params(PARAMS_FILE)
    assert (params.lookback_days, params.gap_days, params.horizon_days) == (30, 0, 30)
    assert (params.simulated_users, params.simulated_events_per_user) == (5000, 40)
    assert (params.time_zone, params.users, params.capacity) == ("UTC", None, None)


def test_an_override_replaces_one_value_and_leaves_the_rest():
    changed = load_params(PARAMS_FILE, {"horizon_days": 60})
    assert changed == load_params(PARAMS_FILE).model_copy(update={"horizon_days": 60})


def test_one_error_lists_every_unknown_name_and_every_wrong_value():
    wrong = {"horizont_days": 60, "horizon_days": "many", "saved_share": 1.0, "min_group": 1}
    with pytest.raises(ReportError) as caught:
        make_params(**wrong)
    message = str(caught.value)
    assert "horizont_days: no such parameter. Is it 'horizon_days'" in message
    assert "horizon_days: Input should be a valid integer" in message
    assert "but got 'many'" in message
    assert "saved_share: Input should be less than 1, but got 1.0" in message
    assert "min_group: Input should be greater than or equal to 2, but got 1" in message
    assert "bootstrap_draws" not in message  # the nearest names, not all


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"horizon_days": 0}, "horizon_days: .* greater than or equal to 1"),
        ({"gap_days": -1}, "gap_days: .* greater than or equal to 0"),
        ({"horizon_days": True}, "horizon_days: .* not true or false"),
        ({"horizon_days": 30.5}, "horizon_days: .* but got 30.5"),
        ({"customer_value": float("inf")}, "customer_value: .* finite"),
        ({"retention_days": []}, "retention_days: .* at least 1 item"),
        ({"retention_days": [7, 0]}, r"retention_days\.1: .* but got 0"),
        ({"event_types": {"play": False}}, r"event_types\.play: .* valid string"),
        ({"event_types": {"plays": "content_play"}}, "event_types: .* name 'plays'. Is it 'play'"),
        (
            {"users_columns": {"frobnicate": "age"}},
            "users_columns: .* no standard name 'frobnicate'",
        ),
        ({"users_columns": {"ages": "Age"}}, "no standard name 'ages'. Is it 'age'"),
        (
            {"events_columns": {"timestamp": "t"}},
            "events_columns: .*'timestamp'. Is it 'event_timestamp'",
        ),
        ({"events_columns": {"signup_date": "t"}}, "events_columns: .* name 'signup_date'"),
        ({"events_columns": {3: "t"}}, "events_columns: .* no standard name 3"),
        (
            {"users_columns": {"signup_date": "day", "cancel_date": "day"}},
            "'signup_date' and 'cancel_date' are both read from 'day'",
        ),
        ({"time_zone": "Mars/Olympus"}, "no time zone is called 'Mars/Olympus'"),
        ({"time_zone": "../etc"}, "no time zone is called '../etc'"),
        ({"log_start": "yesterday-ish"}, "log_start: .* but got 'yesterday-ish'"),
        ({"log_start": ""}, "log_start: .* not an instant"),
        ({"log_start": "03.04.1998"}, "log_start: .* ISO 8601.*2025-01-31"),
        ({"log_end": "now"}, "log_end: .* ISO 8601"),
        ({"log_end": "97-01-01"}, "log_end: .* ISO 8601"),
        ({"log_start": "1898-04-03"}, "log_start: .* 1990 to 2099"),
        ({"log_start": "2025-02-30"}, "log_start: .* ISO 8601"),
        ({"log_start": "2025-01-01T25:00"}, "log_start: .* ISO 8601"),
        ({"log_start": "٢٠٢٥-01-01"}, "log_start: .* ISO 8601"),
        ({"log_start": 20250101}, "log_start: .* valid string"),
        ({"closed_days": ["25.12.2025"]}, r"closed_days\.0: .* 2025-12-25, or a span"),
        ({"closed_days": ["20251225"]}, r"closed_days\.0: .* 2025-12-25, or a span"),
        ({"closed_days": ["2025-12-25/"]}, r"closed_days\.0: .* 2025-12-25, or a span"),
        ({"closed_days": ["2025-12-25/2025-12-24"]}, "first day of a span must not be after"),
        ({"medium_risk_from": 0.8}, "medium_risk_from must be below high_risk_from"),
        ({"users": "users.csv"}, "give both users and events, or neither"),
        ({"events": "events.csv"}, "give both users and events, or neither"),
        (
            {"log_start": "2025-02-01", "log_end": "2025-01-31T20:00-04:00"},
            "log_start must be before log_end",
        ),
    ],
)
def test_a_wrong_value_is_named_with_what_is_wrong(values, message):
    with pytest.raises(ReportError, match=message):
        make_params(**values)


def test_values_at_their_limits_are_taken():
    params = make_params(gap_days=0, horizon_days=1, min_group=2, max_clusters=30, null_draws=20)
    assert (params.gap_days, params.horizon_days, params.max_clusters) == (0, 1, 30)
    assert make_params(log_start="2025-01-01", log_end="2025-01-01T00:01").log_end


def test_days_of_retention_are_kept_once_each_in_order():
    assert make_params(retention_days=[30, 7, 7, 1]).retention_days == [1, 7, 30]


def test_a_missing_parameter_is_named():
    with pytest.raises(ReportError, match="seed: Field required"):
        check_params({k: v for k, v in make_params().model_dump().items() if k != "seed"})


def test_a_format_with_an_unknown_key_names_the_nearest():
    with pytest.raises(ReportError, match="users_format: .*'delimeter' is not known. Is it 'deli"):
        make_params(users_format={"delimeter": ";"})


def test_parameters_cannot_be_changed_later():
    with pytest.raises(ValueError, match="frozen"):
        make_params().horizon_days = 60


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("horizon_days=60", "horizon_days", 60),
        ("time_zone=America/Lima", "time_zone", "America/Lima"),
        ("retention_days=[1, 7]", "retention_days", [1, 7]),
        ("users_columns={user_id: id}", "users_columns", {"user_id": "id"}),
        ("users=a=b.csv", "users", "a=b.csv"),
        ("capacity=", "capacity", None),
    ],
)
def test_an_override_is_read_as_yaml(text, name, value):
    assert parse_override(text) == (name, value)


@pytest.mark.parametrize("text", ["log_start=2025-01-01", "log_start=2025-01-01T00:00:00Z"])
def test_a_date_on_the_command_line_is_an_instant(text):
    params = make_params(**dict([parse_override(text)]))
    assert parse_instant(params.log_start) == pd.Timestamp("2025-01-01", tz="UTC")


@pytest.mark.parametrize("text", ["horizon_days", "=60", ""])
def test_an_override_without_name_or_value_shows_how_to_write_it(text):
    with pytest.raises(ReportError, match=re.escape(f"-p {text}: write NAME=VALUE")):
        parse_override(text)


def test_an_override_that_is_no_yaml_is_named():
    with pytest.raises(ReportError, match="-p retention_days=.*not valid YAML"):
        parse_override("retention_days=[1, 7")


@pytest.mark.parametrize(
    "text",
    ["2025-01-31T12:00Z", "2025-01-31 12:00 Z", "2025-01-31T07:00:00.000-05:00",
     "2025-01-31T14:00+02", "2025-01-31 13:30:00 +0130", "2025-01-31T12:00:00"],
)  # fmt: skip
def test_an_instant_in_any_form_of_iso_8601(text):
    assert parse_instant(make_params(log_start=text).log_start) == pd.Timestamp("2025-01-31T12:00Z")


def test_instants_are_utc_unless_they_say_otherwise():
    assert parse_instant(None) is None
    assert parse_instant("2025-01-01") == pd.Timestamp("2025-01-01T00:00Z")
    assert parse_instant("2025-01-01", "Asia/Tokyo") == pd.Timestamp("2024-12-31T15:00Z")
    assert parse_instant("2025-01-01T00:00", "Asia/Tokyo") == pd.Timestamp("2025-01-01T00:00Z")
    assert parse_instant("2025-01-01T00:00-05:00") == pd.Timestamp("2025-01-01T05:00Z")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [1", "params.yml: not valid YAML"),
        ("- a", "params.yml: expected `name: {value, unit, reason}`"),
        ("a: 1", "params.yml: 'a' must have exactly value, unit and reason .1 such"),
        ("a: {value: 1, unit: days}", "params.yml: 'a' must have exactly"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_rule(tmp_path, content, message):
    path = tmp_path / "params.yml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ReportError, match=message):
        load_params(path)


def test_a_missing_file_says_where_to_run():
    with pytest.raises(ReportError, match=r"params.yml: not found. Run from the folder"):
        load_params(ROOT / "nowhere" / "params.yml")
