"""Kernels: copies of a process that has loaded what notebooks need, each with its own settings."""

import json
import os
import subprocess
import sys
import time

import psutil
import pytest

from analysis.base.errors import ReportError
from analysis.run import execute, kernels
from analysis.run.kernels import ForkServer, fork_server
from tests.run.tiny import CELLS, go, write_notebook

FREED = """\
import psutil, pyarrow as pa
held = pa.nulls(20_000_000, pa.int64())
before, held = psutil.Process().memory_info().rss, None
told["given_back"] = before - psutil.Process().memory_info().rss
"""
TELL = """\
import json, os, sys, tempfile
told = {"parent": os.getppid(), "group": os.getpgrp(), "pid": os.getpid(), "at": os.getcwd(),
        "temporary": tempfile.gettempdir(), "given": os.environ["TMPDIR"],
        "order": list({"a", "b", "c", "d"}), "path": sys.path, "zone": os.environ["TZ"]}
"""
KEEP = "from pathlib import Path\nPath(outputs, 'summary').mkdir()\n"
KEEP += "Path(outputs, 'summary/figure.json').write_text(json.dumps(told))"


copies = pytest.mark.skipif(not kernels.CAN_FORK, reason="kernels are copied on Linux only")


@pytest.fixture
def telling(project):
    """Give the tiny project, whose second notebook says what its kernel is like."""
    write_notebook(project, "02_show", [CELLS["02_show"][0], TELL, KEEP])
    return project


def told_in(project):
    """Return what the kernel of the second notebook said of itself, paths of its own left out."""
    told = json.loads((project / "data/summary/figure.json").read_text())
    assert told["temporary"] == told["given"] != "/tmp"
    return {name: told[name] for name in ("at", "order", "path", "zone")}, told


@copies
def test_a_copied_kernel_is_like_one_that_was_started(telling, monkeypatch):
    go(telling)
    copied, told = told_in(telling)
    assert told["group"] == told["pid"]  # a signal to it is for what it starts, too
    monkeypatch.setattr(kernels, "CAN_FORK", False)
    go(telling, horizon_days=31)
    started, other = told_in(telling)
    assert copied == started
    assert other["parent"] == os.getpid() != told["parent"]
    assert not psutil.pid_exists(told["parent"])  # it ended with the run


@pytest.mark.parametrize("can_fork", [pytest.param(True, marks=copies), False])
def test_a_kernel_gives_back_at_once_what_arrow_no_longer_holds(telling, monkeypatch, can_fork):
    write_notebook(telling, "02_show", [CELLS["02_show"][0], TELL, FREED, KEEP])
    monkeypatch.setattr(kernels, "CAN_FORK", can_fork)
    go(telling)
    assert told_in(telling)[1]["given_back"] > 100_000_000  # of 160 MB


@copies
def test_each_copy_has_its_own_environment_and_what_was_loaded(tmp_path):
    server, asked = ForkServer(), []
    try:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            place = tmp_path / name / "kernel.json"
            environment = {**os.environ, "NAME": name}
            asked.append(server.fork(["-f", str(place)], environment, str(tmp_path / name)))
            wait_for(place.is_file)
        for process, name in zip(asked, ("one", "two"), strict=True):
            assert process.poll() is None
            assert os.readlink(f"/proc/{process.pid}/cwd") == str(tmp_path / name)
            process.kill()
            wait_for(lambda process=process: process.poll() == 0)
            process.terminate()  # what has ended is not ended again
    finally:
        server.close()


@copies
def test_without_the_process_to_copy_kernels_are_started(telling, monkeypatch):
    start = ForkServer.start

    def start_and_kill(server):
        start(server)
        server._process.kill()
        server._process.wait()

    monkeypatch.setattr(ForkServer, "start", start_and_kill)
    go(telling)
    assert told_in(telling)[1]["parent"] == os.getpid()


@copies
def test_code_that_changes_during_a_run_is_what_runs(telling, monkeypatch):
    digests = iter(["as loaded", "as loaded"])
    monkeypatch.setattr(kernels, "code_digest", lambda _package: next(digests, "changed"))
    go(telling)  # the second kernel is not a copy
    assert told_in(telling)[1]["parent"] == os.getpid()


@copies
def test_a_module_that_cannot_be_loaded_stops_only_what_needs_it(telling, monkeypatch, tmp_path):
    (tmp_path / "seaborn.py").write_text("print(7)\nraise ImportError('broken')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    go(telling)
    assert told_in(telling)[1]["parent"] != os.getpid()
    write_notebook(telling, "02_show", [CELLS["02_show"][0], "import seaborn"])
    with pytest.raises(ReportError, match=r"02_show.ipynb, cell .*ImportError: broken"):
        go(telling)


@copies
def test_nothing_is_imported_from_where_the_command_is_given(telling, monkeypatch, tmp_path):
    (tmp_path / "analysis").mkdir()
    (tmp_path / "analysis" / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    go(telling)
    assert told_in(telling)[1]["parent"] != os.getpid()


@copies
def test_two_runs_of_one_process_have_their_own(tmp_path):
    with fork_server() as first:
        with fork_server() as second:
            second.start()
        place = tmp_path / "kernel.json"
        kernel = first.fork(["-f", str(place)], dict(os.environ), str(tmp_path))
        wait_for(place.is_file)
        assert kernel.poll() is None
        kernel.kill()
    wait_for(lambda: kernel.poll() == 0)


def test_where_nothing_has_changed_nothing_is_loaded(project, monkeypatch):
    go(project)

    def fail(_server):
        raise AssertionError("nothing is to be run")

    monkeypatch.setattr(ForkServer, "start", fail)
    assert go(project) == []


@copies
def test_what_is_loaded_has_no_thread_that_a_copy_would_miss():
    """A copy has only the thread that asked for it. (Arrow's allocator begins its own anew.)"""
    code = "import sys\nfrom pathlib import Path\nfrom analysis.run import forking\n"
    code += "for name in forking.LOADED: forking.load(name)\n"
    code += "assert set(forking.LOADED) <= set(sys.modules)\n"  # what fails is left out
    code += "print(*(path.read_text() for path in Path('/proc/self/task').glob('*/comm')))"
    environment = {**os.environ, **execute.KERNEL_ENVIRONMENT}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=True, text=True
    )
    assert len([name for name in done.stdout.split() if name != "jemalloc_bg_thd"]) == 1


def wait_for(happened, seconds=30):
    """Wait until something has happened."""
    for _ in range(seconds * 20):
        if happened():
            return
        time.sleep(0.05)
    raise AssertionError(happened)
