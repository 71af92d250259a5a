"""Tables in a database: what a run keeps of them, says of them and does again."""

import json
import sqlite3

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from analysis.base.errors import ReportError
from analysis.contract import stages
from analysis.contract.params import check_params
from analysis.run import cli, runner, verify
from analysis.run.current import are_stages_current
from analysis.run.execute import _as_report_error
from analysis.run.pseudonyms import pseudonymise
from analysis.run.tables import copied, digests_of
from tests.run import tiny
from tests.run.tiny import files_under, temporary, write_notebook

pytestmark = pytest.mark.usefixtures("no_kernels")

COUNT_ROWS = [
    tiny.FOLDERS + "users = None\nseed = 1",
    "import json, pyarrow.parquet as pq\nfrom pathlib import Path\n"
    "rows = pq.read_metadata(users).num_rows\n"
    "folder = Path(outputs) / 'clean'\nfolder.mkdir(parents=True)\n"
    "for name in ('users.qa.json', 'events.qa.json'):\n"
    '    (folder / name).write_text(json.dumps({"rows_read": rows}))',
]


@pytest.fixture
def database(project):
    """Give the database of the project, and a notebook that counts rows of a Parquet file."""
    write_notebook(project, "01_count", COUNT_ROWS)
    path = project / "secret-place.db"
    write(path, "CREATE TABLE users (user_id, signup_date)",
          "INSERT INTO users VALUES ('a', '2025-01-05'), ('b', '2025-01-06')",
          "CREATE TABLE events (user_id, event_type, event_timestamp)",
          "INSERT INTO events VALUES ('a', 'x', '2025-01-05')")  # fmt: skip
    return path


def write(path, *statements):
    con = sqlite3.connect(path)
    with con:
        for statement in statements:
            con.execute(statement)
    con.close()


def make_run(project, database, out=None):
    tables = {name: f"sqlite://{database}#{name}" for name in ("users", "events")}
    return tiny.make_run(project, out, **tables)


def go(run):
    """Bring the stages of the run up to date; return those that ran."""
    with copied(run) as ready:
        return runner.run_stages(ready, lambda *_: None)


def test_only_rows_that_changed_are_a_reason_to_run_again(project, database):
    run = make_run(project, database)
    assert go(run) == ["01_count", "02_show"]
    assert json.loads((run.data / "summary/figure.json").read_text()) == {"n": 2}
    write(database, "CREATE TABLE other AS SELECT * FROM users ORDER BY user_id DESC",
          "DROP TABLE users", "ALTER TABLE other RENAME TO users")  # fmt: skip
    with copied(run) as ready:
        assert are_stages_current(ready)
    assert go(run) == []
    write(database, "INSERT INTO users VALUES ('c', NULL)")
    assert go(run) == ["01_count", "02_show"]


def test_no_copy_is_left(project, database):
    run = make_run(project, database)
    go(run)
    assert files_under(run.data) == tiny.WRITTEN
    assert temporary(project) == []


def test_no_copy_is_left_when_the_run_fails(project, database):
    write_notebook(project, "01_count", [tiny.FOLDERS + "users = None\nseed = 1", "1 / 0"])
    with pytest.raises(ReportError):
        go(make_run(project, database))
    assert temporary(project) == []


def test_what_is_recorded_names_the_table_and_not_the_place(project, database):
    run = make_run(project, database)
    go(run)
    text = (run.data / stages.MANIFEST).read_text()
    manifest = json.loads(text)
    with copied(run) as ready:
        ((name, digest),) = digests_of(ready, "users")
    assert manifest["inputs"][0] == {
        "name": "users", "file": name, "sha256": digest, "rows": 2, "source": "SQLite",
    }  # fmt: skip
    assert manifest["parameters"]["users"]["value"] == "users (SQLite)"
    crate = (run.data / stages.CRATE).read_text()
    assert "A SQLite table of the given table users" in crate
    assert "secret-place" not in text + crate


def test_verify_reads_the_tables_again(project, database, tmp_path):
    run = make_run(project, database, tmp_path / "out")
    go(run)
    (run.home / ".churnbook").mkdir(exist_ok=True)
    before = [line for line in verify.find_differences(run).lines if "input" in line]
    write(database, "DELETE FROM users")
    after = [line for line in verify.find_differences(run).lines if "input" in line]
    database.unlink()
    gone = [line for line in verify.find_differences(run).lines if "input" in line]
    assert before == []
    assert after == ["Changed input: users (users). The stages that read it would run again."]
    assert len(gone) == 2
    assert gone[0].startswith("Missing input: users: no file")


def test_pseudonyms_are_made_of_the_copies(project, database):
    with copied(make_run(project, database)) as ready:
        hashed = pseudonymise(ready, b"k" * 32)
        users = pq.read_table(hashed.raw("users")).to_pylist()
    assert [len(row["user_id"]) for row in users] == [64, 64]


def test_an_error_of_a_stage_names_the_table(project, database):
    code = "from analysis.base.errors import ReportError\nraise ReportError(f'users: {users!r} is odd.')"
    write_notebook(project, "01_count", [tiny.FOLDERS + "users = None\nseed = 1", code])

    class Failed:
        ename, exec_count, source = "ReportError", 1, code

    with copied(make_run(project, database)) as ready:
        Failed.evalue = f"users: {ready.raw('users')!r} is odd."
        error = _as_report_error(ready, tiny.COUNT, Failed)
    assert str(error) == "notebooks/01_count.ipynb: users: 'users (SQLite)' is odd."


@pytest.mark.parametrize(
    "arguments",
    [("--users", "postgres://ana:geheim@h/app/users", "--events", "e.csv"),
     ("-p", "users=postgres://ana:geheim@h/app/users", "--events", "e.csv"),
     ("--users", "u.csv", "--events", "postgres://ana@h/app/events?password=geheim")],
)  # fmt: skip
def test_the_command_refuses_a_password_without_repeating_it(project, monkeypatch, arguments):
    monkeypatch.chdir(project)
    result = CliRunner().invoke(cli.app, ["build", *arguments])
    assert result.exit_code == 2
    assert "a password does not belong in an address" in result.output
    assert "geheim" not in result.output


def test_the_command_takes_an_address_as_it_is(project, database, monkeypatch):
    monkeypatch.chdir(project)
    monkeypatch.setattr(cli, "_say_checks", lambda run: False)
    addresses = [f"sqlite://secret-place.db#{name}" for name in ("users", "events")]
    command = ["build", "--stages-only", "--users", addresses[0], "--events", addresses[1]]
    first, second = (CliRunner().invoke(cli.app, command) for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "2 of 2 stages ran" in first.output.replace(f"of {len(cli.STAGES)}", "of 2")
    assert "Reading users (SQLite) and events (SQLite)" in first.output
    assert "Nothing has changed" in second.output
    assert "secret-place" not in first.output


def test_params_keep_an_address_as_it_is_written():
    address = "postgres://ana:${PW}@h/app/users"
    params = check_params({**tiny.make_params().model_dump(), "users": address, "events": address})
    assert params.users == address
