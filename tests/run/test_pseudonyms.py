"""Identifiers are hashed with a key that stays outside the run."""

import hashlib
import hmac

import pandas as pd
import pytest

from analysis.base.errors import ReportError
from analysis.run.folders import Run
from analysis.run.pseudonyms import pseudonymise, read_key
from tests.contract.test_params import make_params

KEY = b"k" * 32


def pseudonym(value: str, key: bytes = KEY) -> str:
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()


def run_on(folder):
    users = (
        "who,signup_date,email\nanna,2025-01-01,a@b.c\n o'neil é ,2025-01-02,\nNULL,2025-01-03,x\n"
    )
    events = (
        "user_id,event_type,event_timestamp,device_id\nanna,open,2025-01-01,d-1\n,open,2025,d-1\n"
    )
    (folder / "users.csv").write_text(users, encoding="utf-8")
    (folder / "events.csv").write_text(events, encoding="utf-8")
    given = {name: str(folder / f"{name}.csv") for name in ("users", "events")}
    params = make_params(**given, users_columns={"user_id": "who"})
    return Run(folder, folder / "out" / "data", folder / "out" / "chapters", params)


@pytest.mark.parametrize("key", [KEY, b"a long key" * 20])
def test_pseudonyms_are_the_hmac_of_the_identifiers_alone(tmp_path, key):
    run = pseudonymise(run_on(tmp_path), key)
    users = pd.read_parquet(run.params.users)
    assert users["who"].tolist() == [pseudonym("anna", key), pseudonym("o'neil é", key), "NULL"]
    assert users["email"].tolist()[0] == pseudonym("a@b.c", key)
    assert users["signup_date"].tolist() == ["2025-01-01", "2025-01-02", "2025-01-03"]
    events = pd.read_parquet(run.params.events)
    assert events["user_id"].tolist()[0] == pseudonym("anna", key)
    assert events["user_id"].isna()[1]
    assert events["device_id"].tolist() == [pseudonym("d-1", key)] * 2


def test_only_the_owner_reads_the_copies(tmp_path):
    run = pseudonymise(run_on(tmp_path), KEY)
    folder = run.data / "pseudonymised"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_key_is_made_once_outside_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    data = tmp_path / "run" / "data"
    key = read_key(None, data)
    assert len(key) == 64
    assert read_key(None, data) == key
    (made,) = (tmp_path / "home").rglob("*.key")
    assert made.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "content", "mode", "says"),
    [
        ("none.key", None, 0, "openssl rand"),
        ("short.key", "abc", 0o600, "3 bytes are too few"),
        ("open.key", "k" * 32, 0o644, "chmod 600"),
        ("run/mine.key", "k" * 32, 0o600, "outside run/"),
    ],
)
def test_a_key_that_is_none_is_refused(tmp_path, name, content, mode, says):
    (tmp_path / "run").mkdir()
    if content is not None:
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(mode)
    with pytest.raises(ReportError, match=says):
        read_key(tmp_path / name, tmp_path / "run" / "data")


def test_simulated_tables_have_nobody_to_hide(tmp_path):
    run = Run(tmp_path, tmp_path / "data", tmp_path, make_params())
    with pytest.raises(ReportError, match="about nobody"):
        pseudonymise(run, KEY)
