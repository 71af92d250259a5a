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
from analysis.run.kernels import ForkServer, KernelManager
from tests.run.tiny import CELLS, go, write_notebook

TELL = """\
import json, os, sys, tempfile
told = {"parent": os.getppid(), "group": os.getpgrp(), "pid": os.getpid(), "at": os.getcwd(),
        "temporary": tempfile.gettempdir(), "given": os.environ["TMPDIR"],
        "order": list({"a", "b", "c", "d"}), "path": sys.path, "zone": os.environ["TZ"]}
"""
KEEP = "from pathlib import Path\nPath(outputs, 'summary').mkdir()\n"
KEEP += "Path(outputs, 'summary/figure.json').write_text(json.dumps(told))"


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


@pytest.mark.skipif(not kernels.CAN_FORK, reason="kernels are copied on Linux only")
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


@pytest.mark.skipif(not kernels.CAN_FORK, reason="kernels are copied on Linux only")
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
            assert process.wait() == 0
            assert process.poll() == 0
            process.terminate()  # what has ended is not ended again
    finally:
        server.close()


@pytest.mark.skipif(not kernels.CAN_FORK, reason="kernels are copied on Linux only")
def test_without_the_process_to_copy_no_kernel_is_started(project, monkeypatch):
    start = ForkServer.start

    def start_and_kill(server):
        start(server)
        server._process.kill()
        server._process.wait()

    monkeypatch.setattr(ForkServer, "start", start_and_kill)
    with pytest.raises(ReportError, match="01_count"):
        go(project)
    assert KernelManager.server is None


def test_where_nothing_has_changed_nothing_is_loaded(project, monkeypatch):
    go(project)

    def fail(_server):
        raise AssertionError("nothing is to be run")

    monkeypatch.setattr(ForkServer, "start", fail)
    assert go(project) == []


@pytest.mark.skipif(not kernels.CAN_FORK, reason="kernels are copied on Linux only")
def test_what_is_loaded_has_no_thread_that_a_copy_would_miss():
    """A copy has only the thread that asked for it. (Arrow's allocator begins its own anew.)"""
    code = "import os\nfrom pathlib import Path\nfrom analysis.run import forking\n"
    code += "for name in forking.LOADED: forking.load(name)\n"
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
