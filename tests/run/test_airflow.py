"""The DAG for Airflow: a task per stage, in the order of the declarations, the same run at its end."""

import ast
import json
import os
import runpy
import shlex
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import pytest
from typer.testing import CliRunner

from analysis.base.errors import ReportError
from analysis.contract import stages
from analysis.run import airflow, cli, lock, runner
from analysis.run.folders import UNFINISHED
from tests.run.tiny import COUNT, SHOW, files_under, make_run

AIRFLOW = os.environ.get("CHURNBOOK_AIRFLOW")
"""A Python that has Airflow 3: python3 -m venv PLACE; PLACE/bin/pip install 'apache-airflow>=3'."""


class Dag(SimpleNamespace):
    """What the written file needs of Airflow's DAG."""

    def __init__(self, dag_id, **given):
        super().__init__(dag_id=dag_id, tasks={}, **given)

    def __enter__(self):
        Task.dag = self
        return self

    def __exit__(self, *_):
        Task.dag = None


class Task(SimpleNamespace):
    """What it needs of an operator."""

    def __init__(self, task_id, bash_command):
        super().__init__(task_id=task_id, bash_command=bash_command, waits_for=[])
        self.dag.tasks[task_id] = self

    def set_upstream(self, others):
        self.waits_for += [other.task_id for other in others]


@pytest.fixture
def stub(monkeypatch):
    """Let the written file import a stub of Airflow."""
    where = {
        "airflow.sdk": {"DAG": Dag},
        "airflow.providers.standard.operators.bash": {"BashOperator": Task},
    }
    for name in (
        "airflow",
        "airflow.providers",
        "airflow.providers.standard",
        "airflow.providers.standard.operators",
        *where,
    ):
        module = ModuleType(name)
        vars(module).update(where.get(name, {}))
        monkeypatch.setitem(sys.modules, name, module)


def read(path):
    return runpy.run_path(str(path))["dag"]


def call(*arguments):
    return CliRunner().invoke(cli.app, list(arguments))


@pytest.fixture
def inside(project, monkeypatch):
    """Work in the tiny project, whose checks are none."""
    monkeypatch.chdir(project)
    monkeypatch.setattr(cli, "STAGES", stages.STAGES)
    monkeypatch.setattr(cli, "_say_checks", lambda run: False)
    return project


TABLES = ["--users", "users.csv", "--events", "events.csv"]


def test_a_task_for_each_stage_waits_for_those_it_reads_of(stub, tmp_path, monkeypatch):
    path = tmp_path / "dag.py"
    run = SimpleNamespace(project=tmp_path, is_default=True)
    path.write_text(airflow.render_dag(run, [], "@weekly"))
    dag = read(path)
    assert set(dag.tasks) == {*(stage.name for stage in stages.STAGES), "book"}
    for stage in stages.STAGES:
        assert set(dag.tasks[stage.name].waits_for) == stages.needs(stage)
    assert dag.tasks["book"].waits_for == ["10_summary"]
    assert (dag.dag_id, dag.schedule, dag.max_active_tasks) == ("churnbook", "@weekly", 1)
    assert dag.default_args["cwd"] == str(tmp_path)


def test_run_task_by_task_the_run_is_that_of_one_build(inside, stub, no_kernels):
    assert call("airflow", "runs/by task", *TABLES, "-p", "horizon_days=45").exit_code == 0
    dag = read(inside / "dags" / "churnbook.py")
    assert dag.dag_id == "churnbook_by_task"
    out = inside / "runs" / "by task"
    for name in ("01_count", "02_show"):
        task = shlex.split(dag.tasks[name].bash_command)
        assert task[:3] == [sys.executable, "-m", "analysis.run"]
        assert call(*task[3:]).exit_code == 0
        assert (out / "data" / UNFINISHED).is_file()
    *_, last = dag.tasks.values()
    result = call(*shlex.split(last.bash_command)[3:], "--stages-only")
    assert (result.exit_code, "0 of 2 stages ran" in result.output) == (0, True)
    plain = make_run(inside, inside / "plain", horizon_days=45)
    with lock.hold(plain, wait=False, say=print):
        runner.run_stages(plain, lambda *_: None)
    assert files_under(out) == files_under(plain.home)
    for name in files_under(plain.home):
        assert (out / name).read_bytes() == (plain.home / name).read_bytes(), name


def test_a_stage_brings_those_it_needs_and_no_other(inside, no_kernels):
    result = call("build", *TABLES, "--stage", COUNT.name)
    assert "1 of 2 stages ran" in result.output
    assert SHOW.name not in result.output
    assert "skipped" in call("build", *TABLES, "--stage", SHOW.name).output
    assert not (inside / "data" / stages.MANIFEST).exists()
    call("build", *TABLES, "--stages-only")
    assert "Nothing has changed" in call("build", *TABLES, "--stage", COUNT.name).output
    assert not (inside / "data" / UNFINISHED).exists()
    wrong = call("build", *TABLES, "--stage", "03_none")
    assert (wrong.exit_code, "No stage is called '03_none'" in wrong.output) == (2, True)


def test_a_stage_that_fails_fails_its_task(inside, stub, monkeypatch):
    def fail(*_):
        raise ReportError("users: no row.")

    monkeypatch.setattr(runner, "execute", fail)
    call("airflow", *TABLES)
    command = read(inside / "dags" / "churnbook.py").tasks["01_count"].bash_command
    assert call(*shlex.split(command)[3:]).exit_code == 2


def test_what_is_written_is_what_was_given_and_quoted(inside, stub):
    odd = "product=a 'b' {{ c }} $HOME `d`"
    call(
        "airflow",
        "--users",
        "${PLACE}/u.csv",
        "--events",
        "e.csv",
        "-p",
        odd,
        "--schedule",
        "5 4 * * 1",
    )
    text = (inside / "dags" / "churnbook.py").read_text()
    ast.parse(text)
    command = read(inside / "dags" / "churnbook.py").tasks["book"].bash_command
    assert command.startswith("{% raw %}")
    words = shlex.split(command.removeprefix("{% raw %}").removesuffix("{% endraw %}"))
    given = ["--users", "${PLACE}/u.csv", "--events", "e.csv", "-p", odd]
    assert words[3:] == ["build", *given, "--jobs", "1"]
    assert "schedule='5 4 * * 1'" in text


def test_a_password_is_refused_and_a_file_of_others_stays(inside):
    secret = "postgres://me:geheim@host/db/users"
    refused = call("airflow", "--users", secret, "--events", "e.csv")
    assert refused.exit_code == 2
    assert "geheim" not in refused.output
    assert not (inside / "dags").exists()
    (inside / "dags").mkdir()
    (inside / "dags" / "churnbook.py").write_text("mine")
    kept = call("airflow")
    assert (kept.exit_code, "did not write it" in kept.output) == (2, True)
    assert (inside / "dags" / "churnbook.py").read_text() == "mine"
    assert call("airflow", "--out", "dags/two.py").exit_code == 0
    assert call("airflow", "--out", "dags/two.py").exit_code == 0  # its own file


TELL = """\
import json, runpy, sys
dag = runpy.run_path(sys.argv[1])["dag"]
dag.validate()
print(json.dumps({t.task_id: sorted(t.upstream_task_ids) for t in dag.tasks}))
"""


@pytest.mark.skipif(not AIRFLOW, reason="CHURNBOOK_AIRFLOW names no Python with Airflow 3")
def test_airflow_itself_reads_it(inside, tmp_path):
    call("airflow", *TABLES)
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path / "airflow")}
    environment.pop("PYTHONPATH", None)
    words = [str(AIRFLOW), "-c", TELL, str(inside / "dags" / "churnbook.py")]
    told = subprocess.run(words, env=environment, check=True, stdout=subprocess.PIPE).stdout
    assert json.loads(told.splitlines()[-1]) == airflow.needs_of_tasks()
